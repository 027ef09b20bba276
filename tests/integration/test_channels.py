"""Several channels: what one refuses goes by the other, what may have gone
does not.
"""

import json

import pytest

from harness import standin
from harness.process import wait_until
from harness.standin import Reply
from integration.test_mbevctl import ctl, event_id, fields, settings_of

NOT_SENT = "Не отправлено"
SENT = ("79001234567", "sub1001: 100.00 руб")


def by(chain, smsc, **payment):
    """Payments are announced in this way; SMSC is there."""
    settings_of(chain, smsc={"url": smsc.url, "ask_after": "300 ms"},
                payment=payment)
    return chain


@pytest.fixture(params=["sms", "social"], name="routed")
def fixture_routed(chain, smsc, request):
    """The chain that tries SMSC first and SMSPilot after it."""
    if request.param == "sms":
        return by(chain, smsc, channels="smsc,smspilot")
    return by(chain, smsc, sms="no", social="yes",
              social_channels="social,smspilot")


@pytest.fixture(name="turned")
def fixture_turned(chain, smsc):
    """The chain that tries SMSPilot first and SMSC after it."""
    return by(chain, smsc, channels="smspilot,smsc")


def smsc_refuses(code, words="Words of smsc", **more):
    return lambda _request: Reply(body=json.dumps(
        {"error": words, "error_code": code, **more}))


def smspilot_refuses(code, words="Words of smspilot"):
    return lambda _request: Reply(body=json.dumps(
        {"error": {"code": code, "description": words}}))


def one_payment(chain):
    chain.start().subscriber()
    chain.pay()


def shown(chain):
    """What mbevctl tells about the newest event."""
    return fields(ctl(chain, "show", str(event_id(chain))).stdout)


def logged_meanwhile(chain, standin_, answer=None):
    """What sms_logs says whenever a request comes to the stand-in."""
    seen = []
    answer = answer or standin_.ordinary_reply

    def look(request):
        seen.append([error for _, _, error in chain.sms_logs()])
        return answer(request)
    standin_.reply = look
    return seen


def test_the_second_hears_nothing_while_the_first_works(routed, smsc):
    one_payment(routed)
    routed.wait_states("done")
    assert smsc.taken == [SENT] and routed.sent() == []
    assert routed.deliveries("provider, attempts") == [("smsc", 1)]


def test_refused_for_good_by_the_first_it_goes_by_the_other(routed, smsc):
    smsc.send_reply = smsc_refuses(8, id=1234)
    meanwhile = logged_meanwhile(routed, routed.pilot)
    one_payment(routed)
    routed.wait_states("done")
    assert routed.sent() == [SENT] and len(smsc.requests) == 1
    assert meanwhile == [["Words of smsc"]]
    assert routed.sms_logs() == [(*SENT, "")]
    assert routed.deliveries("provider, route, attempts, error_class") == [
        ("smspilot", "smspilot", 2, None)]
    got = shown(routed)
    assert got["state"] == "done: the provider has accepted it"
    assert got["provider"] == "smspilot"


def test_the_first_cannot_be_reached_then_the_other_sends_at_once(
        routed, smsc):
    settings_of(routed, notice={"retry_first": "1 h", "retry_longest": "1 h"})
    smsc.stop()
    meanwhile = logged_meanwhile(routed, routed.pilot)
    one_payment(routed)
    routed.wait_states("done")
    assert routed.sent() == [SENT]
    assert meanwhile == [[NOT_SENT]]
    assert routed.sms_logs() == [(*SENT, "")]


def test_neither_can_be_reached_then_it_is_tried_again_later(routed, smsc):
    smsc.stop()
    routed.pilot.stop()
    one_payment(routed)
    wait_until(lambda: routed.deliveries("id", "attempts >= 3"), 10,
               "third attempt")
    assert routed.sms_logs() == [(*SENT, NOT_SENT)]
    smsc.start()
    routed.wait_states("done")
    assert smsc.taken == [SENT] and routed.sent() == []
    assert routed.sms_logs() == [(*SENT, "")]


def test_both_refuse_then_it_is_dead_with_the_last_reason(routed, smsc):
    smsc.send_reply = smsc_refuses(8)
    routed.pilot.reply = smspilot_refuses("111")
    one_payment(routed)
    routed.wait_states("dead")
    assert len(smsc.requests) == len(routed.pilot.requests) == 1
    assert routed.sms_logs() == [(*SENT, "Words of smspilot")]
    assert routed.deliveries("provider, error_class, error_code") == [
        ("smspilot", "permanent", "111")]
    got = shown(routed)
    assert got["state"] == "dead: refused for good"
    assert got["reason"] == "smspilot refused it: 111 Words of smspilot"


def test_refused_by_the_first_it_waits_until_the_other_is_back(routed, smsc):
    smsc.send_reply = smsc_refuses(8)
    routed.pilot.stop()
    one_payment(routed)
    routed.service.wait_log("is retry: could not be sent")
    smsc.send_reply = smsc.accept
    routed.pilot.start()
    routed.wait_states("done")
    assert routed.sent() == [SENT] and len(smsc.requests) == 1
    assert routed.sms_logs() == [(*SENT, "")]


def test_refused_by_the_other_it_waits_until_the_first_is_back(routed, smsc):
    smsc.stop()
    routed.pilot.reply = smspilot_refuses("111")
    one_payment(routed)
    routed.service.wait_log("is ready: smspilot refused it")
    routed.pilot.reply = routed.pilot.ordinary_reply
    smsc.start()
    routed.wait_states("done")
    assert smsc.taken == [SENT] and len(routed.pilot.requests) == 1
    assert routed.sms_logs() == [(*SENT, "")]


def test_refused_by_the_other_and_then_by_the_first_it_is_dead(routed, smsc):
    smsc.stop()
    smsc.send_reply = smsc_refuses(7)
    routed.pilot.reply = smspilot_refuses("111")
    one_payment(routed)
    routed.service.wait_log("is ready: smspilot refused it")
    smsc.start()
    routed.wait_states("dead")
    assert routed.sms_logs() == [(*SENT, "Words of smsc")]
    assert "code 7" in shown(routed)["reason"]


def queue_behind_one_call(chain, smsc):
    """Six payments, one connection: five wait for the first one's refusal.
    """
    settings_of(chain, smsc={"connections": "1"})
    smsc.send_reply = lambda _request: Reply(
        body='{"error":"no money","error_code":3,"id":1}', delay=0.5)
    chain.subscriber()
    for _ in range(6):
        chain.pay()
    chain.start()
    smsc.wait(1)
    wait_until(lambda: sorted(chain.deliveries("state, lane")) == sorted(
        [("calling", "smsc")] + [("ready", "smsc")] * 5), 10, "queue")


def test_a_held_account_sends_what_waits_and_what_comes_the_other_way(
        routed, smsc):
    settings_of(routed, notice={"hold": "1 h"})
    queue_behind_one_call(routed, smsc)
    routed.service.wait_log("lane: smsc is held .*not enough money")
    routed.pay()
    routed.wait_states(*["done"] * 7)
    assert routed.sent() == [SENT] * 7 and len(smsc.requests) == 1
    assert routed.sms_logs() == [(*SENT, "")] * 7
    assert set(routed.deliveries("provider, attempts")) == {("smspilot", 1)}


def payments(chain):
    """How many there are."""
    return len(chain.rows("plategid", "bugh_plategi_stat"))


def test_after_the_hold_they_come_back_to_the_first(routed, smsc):
    settings_of(routed, notice={"hold": "1 s"})
    queue_behind_one_call(routed, smsc)
    routed.wait_states(*["done"] * 6)
    assert len(smsc.requests) == 1
    smsc.send_reply = smsc.accept

    def comes_back():
        routed.pay()
        return smsc.taken
    wait_until(comes_back, 10, "return to the first", pause=0.1)
    routed.service.wait_log("lane: smsc works again")
    routed.wait_settled(payments(routed))
    before = len(routed.sent())
    for _ in range(5):
        routed.pay()
    routed.wait_settled(payments(routed))
    assert len(routed.sent()) == before
    assert len(smsc.taken) + before == payments(routed)
    assert routed.sms_logs() == [(*SENT, "")] * payments(routed)


def test_both_accounts_refuse_then_it_waits_for_either(routed, smsc):
    settings_of(routed, notice={"hold": "1 s"})
    smsc.send_reply = smsc_refuses(2)
    routed.pilot.reply = smspilot_refuses("112")
    one_payment(routed)
    routed.service.wait_log("lane: smsc is held")
    routed.service.wait_log("lane: smspilot is held")
    routed.pilot.reply = routed.pilot.ordinary_reply
    smsc.send_reply = smsc.accept
    routed.wait_states("done")
    assert len(smsc.taken) + len(routed.pilot.requests) == 2
    assert routed.sms_logs() == [(*SENT, "")]
    assert routed.deliveries("attempts") == [(1,)]


LOST = {
    "closed": standin.close_without_reply,
    "reset": standin.reset_without_reply,
    "silent": standin.stall,
    "garbage": standin.garbage,
    "500": lambda _request: Reply(status=500),
    "html": lambda _request: Reply(body="<html>"),
}


@pytest.mark.parametrize("reply", LOST.values(), ids=LOST)
def test_what_the_first_may_have_taken_never_goes_by_the_other(
        routed, smsc, reply):
    """Not even when it is never found out."""
    settings_of(routed, smsc={"timeout": "300 ms"},
                notice={"expire": "1500 ms", "retry_longest": "200 ms"})
    smsc.send_reply = smsc.query_reply = reply
    one_payment(routed)
    routed.wait_states("doubtful")
    assert routed.sent() == [] and len(smsc.sends) == 1
    assert routed.sms_logs() == [(*SENT, NOT_SENT)]


@pytest.mark.parametrize("code", [2, 3])
def test_what_the_first_may_have_taken_waits_out_its_hold(
        routed, smsc, code):
    settings_of(routed, notice={"hold": "1 s"}, smsc={"ask_after": "500 ms"})
    smsc.send_reply = lambda request: (
        smsc.accept_and_close(request)
        if request.params["phones"].endswith("1")
        else smsc_refuses(code)(request))
    routed.subscriber(1, phone="79000000001")
    routed.subscriber(2, phone="79000000002")
    routed.start()
    routed.pay(1)
    routed.wait_states("retry")
    routed.pay(2)
    routed.wait_states("retry", "done")
    assert [phone for phone, _ in routed.sent()] == ["79000000002"]
    assert smsc.queries == []
    routed.wait_states("done", "done")
    assert smsc.taken == [("79000000001", "sub1: 100.00 руб")]
    assert len(routed.sent()) == 1 and smsc.queries != []
    assert {error for _, _, error in routed.sms_logs()} == {""}


@pytest.mark.parametrize("taken", [True, False])
def test_killed_in_the_call_it_does_not_go_by_the_other(routed, smsc, taken):
    smsc.send_reply = (smsc.accept_but(standin.stall) if taken
                       else standin.stall)
    one_payment(routed)
    smsc.wait(1)
    routed.service.kill()
    smsc.send_reply = smsc.accept
    routed.start()
    routed.wait_states("done")
    assert smsc.taken == [SENT] and routed.sent() == []


def test_absent_and_then_refused_it_goes_by_the_other(routed, smsc):
    smsc.send_reply = lambda request: (
        standin.close_without_reply(request) if len(smsc.sends) == 1
        else smsc_refuses(8)(request))
    one_payment(routed)
    routed.wait_states("done")
    assert (len(smsc.sends), len(smsc.queries)) == (2, 1)
    assert routed.sent() == [SENT] and smsc.taken == []
    assert routed.sms_logs() == [(*SENT, "")]


def test_found_as_forbidden_it_goes_by_the_other(routed, smsc):
    smsc.send_reply = standin.close_without_reply
    smsc.query_reply = lambda _request: Reply(body='{"status":23}')
    one_payment(routed)
    routed.wait_states("done")
    assert routed.sent() == [SENT] and len(smsc.sends) == 1


def test_a_reply_that_smspilot_lost_is_not_made_good_by_smsc(turned, smsc):
    turned.pilot.reply = standin.close_without_reply
    one_payment(turned)
    turned.wait_states("doubtful")
    turned.pilot.reply = smspilot_refuses("111")
    turned.pay(summa=50)
    turned.wait_states("doubtful", "done")
    assert smsc.taken == [("79001234567", "sub1001: 50.00 руб")]


def test_killed_in_smspilots_call_it_does_not_go_by_smsc(turned, smsc):
    turned.pilot.reply = standin.stall
    one_payment(turned)
    turned.pilot.wait(1)
    turned.service.kill()
    turned.start()
    turned.wait_states("doubtful")
    assert smsc.requests == []


def test_social_and_sms_of_one_provider_are_two_messages(chain, smsc):
    """SMSC also registers the number of a message that it refuses."""
    by(chain, smsc, sms="no", social="yes", social_channels="social,smsc")
    known = {}

    def send(request):
        params = request.params
        if "soc" in params:
            known[params["id"]] = 25
            return smsc_refuses(8, id=params["id"])(request)
        if len(smsc.sends) == 2:
            return standin.close_without_reply(request)
        return smsc.accept(request)

    smsc.send_reply = send
    smsc.query_reply = lambda request: Reply(body=json.dumps(
        {"status": known.get(request.params["id"], -3)}))
    one_payment(chain)
    chain.wait_states("done")
    assert smsc.taken == [SENT] and len(smsc.queries) == 1
    first, *others = [request.params["id"] for request in smsc.sends]
    assert len(set(others)) == 1 and first not in others


def test_smsc_in_the_second_place_is_asked_too(turned, smsc):
    turned.pilot.reply = smspilot_refuses("111")
    smsc.send_reply = smsc.accept_and_close
    one_payment(turned)
    turned.wait_states("done")
    assert (len(smsc.sends), len(smsc.queries)) == (1, 1)
    assert len(turned.sent()) == 1
    assert turned.sms_logs() == [(*SENT, "")]
