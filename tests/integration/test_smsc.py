"""SMSC: a message whose reply was lost is asked about, and sent once."""

import json
import re

import pytest

from harness import standin
from harness.process import wait_until
from harness.server import free_port
from harness.standin import Reply, Smsc, make_certificate
from integration.test_mbevctl import ctl, event_id, fields, settings_of

NOT_SENT = "Не отправлено"
TEXT = "sub1001: 100.00 руб"
SENT = ("79001234567", TEXT)
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(name="chain")
def fixture_chain(chain, smsc):
    """The chain whose notices of payments go by SMSC."""
    settings_of(chain, smsc={"url": smsc.url, "ask_after": "300 ms"},
                payment={"channels": "smsc"})
    return chain


def one_payment(chain):
    chain.start().subscriber()
    chain.pay()


def answer(**members):
    """A reply as SMSC writes it, always with HTTP 200."""
    return lambda _request: Reply(body=json.dumps(members))


def refuse(code, words="Words of smsc", **more):
    return answer(error=words, error_code=code, **more)


def then(first, later):
    """The first message of each number is answered in another way."""
    seen = set()

    def choose(request):
        phone = request.params.get("phones") or request.params["phone"]
        again = phone in seen
        seen.add(phone)
        return (later if again else first)(request)
    return choose


def shown(chain):
    """What mbevctl tells about the newest event."""
    return fields(ctl(chain, "show", str(event_id(chain))).stdout)


def ids(requests):
    """Our numbers of the messages."""
    return [request.params["id"] for request in requests]


def assert_sent_once(chain, smsc):
    """One message was taken; the tables know it, and say nothing else."""
    assert smsc.taken == [SENT]
    assert chain.sms_logs() == [(*SENT, "")]
    assert chain.deliveries("state, provider, ask") == [
        ("done", "smsc", 0)]
    assert len(set(ids(smsc.requests))) == 1


def test_a_payment_is_announced_as_the_protocol_asks(chain, smsc):
    one_payment(chain)
    chain.wait_states("done")
    (request,) = smsc.requests
    number = request.params["id"]
    assert (request.method, request.target) == ("POST", "/sys/send.php")
    assert request.headers["content-type"] == FORM
    assert dict(request.pairs) == {
        "phones": "79001234567", "mes": TEXT, "sender": "SNDR",
        "login": "LOGIN", "psw": "SECRET", "id": number,
        "charset": "utf-8", "fmt": "3"}
    assert len(request.pairs) == 8
    assert re.fullmatch("MBEV-[0-9a-f]{16}", number)
    assert chain.sms_logs() == [(*SENT, "")]
    assert chain.deliveries("provider, provider_id, attempts") == [
        ("smsc", number, 1)]
    got = shown(chain)
    assert got["state"] == "done: the provider has accepted it"
    assert (got["provider"], got["its number"]) == ("smsc", number)
    assert chain.sent() == []


def test_a_question_asks_as_the_protocol_does(chain, smsc):
    smsc.send_reply = smsc.accept_and_close
    one_payment(chain)
    chain.wait_states("done")
    (sent,), (asked,) = smsc.sends, smsc.queries
    assert (asked.method, asked.target) == ("POST", "/sys/status.php")
    assert asked.headers["content-type"] == FORM
    assert dict(asked.pairs) == {
        "phone": "79001234567", "id": sent.params["id"], "login": "LOGIN",
        "psw": "SECRET", "charset": "utf-8", "fmt": "3"}
    assert len(asked.pairs) == 6


def test_a_key_goes_in_place_of_login_and_password(chain, smsc):
    settings_of(chain, smsc={"api_key": "KEY", "sender": ""})
    smsc.send_reply = smsc.accept_and_close
    one_payment(chain)
    chain.wait_states("done")
    for request in smsc.requests:
        assert request.params["apikey"] == "KEY"
        assert not {"login", "psw", "sender"} & set(request.params)


def test_an_old_account_gets_numbers(chain, smsc):
    settings_of(chain, smsc={"id_style": "number"})
    smsc.send_reply = smsc.accept_and_close
    one_payment(chain)
    chain.wait_states("done")
    number, same = ids(smsc.requests)
    assert number == same and 1 <= int(number) <= 2147483647


def test_a_message_to_the_social_networks(chain, smsc):
    settings_of(chain, payment={"sms": "no", "social": "yes",
                                "social_text": "{login} получил {amount}"})
    one_payment(chain)
    chain.wait_states("done")
    (request,) = smsc.requests
    assert request.params["mes"] == "sub1001 получил 100.00"
    assert (request.params["soc"], request.params["valid"]) == ("1", "00:01")
    assert chain.deliveries("action, provider") == [("social", "smsc")]
    assert chain.sms_logs() == [
        ("79001234567", "sub1001 получил 100.00", "")]


def test_another_network_is_a_matter_of_settings(chain, smsc):
    settings_of(chain, smsc={"social_extra": "viber=1&name=a b",
                             "social_valid": ""},
                payment={"sms": "no", "social": "yes"})
    one_payment(chain)
    chain.wait_states("done")
    params = smsc.requests[0].params
    assert (params["viber"], params["name"], params["mes"]) == (
        "1", "a b", TEXT)
    assert not {"soc", "valid"} & set(params)


def test_every_message_has_a_number_of_its_own(chain, smsc):
    settings_of(chain, payment={"social": "yes"})
    chain.start().subscriber(phone="79001234567, 79001234568")
    chain.pay()
    chain.pay()
    chain.wait_states(*["done"] * 8)
    assert len(set(ids(smsc.sends))) == len(smsc.sends) == 8


def test_every_attempt_at_a_message_has_the_same_number(chain, smsc):
    """Refused account, lost reply, question, crash: one number."""
    answers = [refuse(2), standin.close_without_reply, standin.stall,
               smsc.accept]
    smsc.send_reply = lambda request: answers[len(smsc.sends) - 1](request)
    one_payment(chain)
    wait_until(lambda: len(smsc.sends) == 3, 10, "third attempt")
    chain.service.kill()
    chain.start()
    chain.wait_states("done")
    assert len(smsc.sends) == 4 and len(smsc.queries) == 2
    assert_sent_once(chain, smsc)


def test_a_subscriber_cannot_turn_a_text_into_a_command(chain, smsc):
    settings_of(chain, payment={"text": "{login} {amount}"})
    chain.start()
    chain.db.sql("INSERT INTO users SET uid=7, user='__CALL__', gid=5,"
                 " sms_tel='79001234567'", "mikbill")
    chain.pay(7)
    chain.wait_states("done")
    assert smsc.taken == [("79001234567", "_ _CALL__ 100.00")]
    assert chain.sms_logs()[0][1] == "__CALL__ 100.00"


def test_tls_is_checked(chain, tmp_path):
    certificate = make_certificate(tmp_path)
    with Smsc(tls=certificate) as smsc:
        settings_of(chain, smsc={"url": smsc.url})
        one_payment(chain)
        chain.wait_states("retry")
        assert smsc.requests == []
        assert "certificate" in shown(chain)["reason"]
        chain.service.stop()
        settings_of(chain, smsc={"ca_file": certificate[0]})
        chain.start()
        chain.wait_states("done")
        assert_sent_once(chain, smsc)


def test_the_password_is_in_no_log_and_no_table(chain, smsc):
    settings_of(chain, smsc={"password": "VerySecret"},
                notice={"hold": "1 h"})
    smsc.send_reply = refuse(2)
    one_payment(chain)
    chain.wait_states("ready")
    assert smsc.requests[0].params["psw"] == "VerySecret"
    told = (chain.service.log_text() + str(chain.deliveries("*"))
            + str(chain.sms_logs()) + str(shown(chain)))
    assert "VerySecret" not in told


def test_no_more_than_so_many_connections_at_once(chain, smsc):
    settings_of(chain, smsc={"connections": "2"})
    smsc.send_reply = lambda request: Reply(
        body=smsc.accept(request).body, delay=0.05)
    chain.subscriber()
    for _ in range(10):
        chain.pay()
    chain.start()
    chain.wait_states(*["done"] * 10)
    assert {request.connection for request in smsc.requests} == {1, 2}


@pytest.mark.parametrize("code, why", [
    (1, "wrong parameters"), (5, "date"), (6, "forbidden"),
    (7, "phone number"), (8, "cannot be delivered"), (99, "not in its list")])
def test_what_it_refuses_for_good_is_dead(chain, smsc, code, why):
    number = {"id": 1234} if code in (6, 7, 8) else {}
    smsc.send_reply = refuse(code, **number)
    one_payment(chain)
    chain.wait_states("dead")
    assert chain.sms_logs() == [(*SENT, "Words of smsc")]
    assert chain.deliveries("error_class, error_code, attempts") == [
        ("permanent", str(code), 1)]
    got = shown(chain)
    assert got["state"] == "dead: refused for good"
    assert got["error"] == f"permanent, code {code}"
    assert re.search(f"code {code}: .*{why}", got["reason"])
    chain.pay(summa=50)
    chain.wait_states("dead", "dead")
    assert len(smsc.sends) == len(smsc.requests) == 2


@pytest.mark.parametrize("code, why", [
    (2, "login, password or key"), (3, "not enough money"),
    (4, "blocked for a while")])
def test_a_refused_account_holds_the_lane(chain, smsc, code, why):
    settings_of(chain, notice={"hold": "1 h"})
    smsc.send_reply = refuse(code, **({"id": 1234} if code == 3 else {}))
    one_payment(chain)
    chain.service.wait_log(f"error lane: smsc is held .*code {code}: .*{why}")
    chain.wait_states("ready")
    for _ in range(3):
        chain.pay()
    chain.wait_states(*["ready"] * 4)
    assert len(smsc.requests) == 1
    assert chain.sms_logs() == [(*SENT, "Words of smsc")]
    assert chain.deliveries("error_class, error_code, attempts")[0] == (
        "configuration", str(code), 0)
    first = chain.deliveries("event_id")[0][0]
    got = fields(ctl(chain, "show", str(first)).stdout)
    assert got["state"].startswith("ready: waits until it is due")
    assert got["error"] == f"configuration, code {code}"
    assert why in got["reason"]


@pytest.mark.parametrize("code", [2, 3])
def test_a_refused_account_holds_up_no_other_lane(chain, smsc, code):
    settings_of(chain, notice={"hold": "1 h"}, refund={
        "sms": "yes", "channels": "smspilot", "text": "назад {amount}"})
    smsc.send_reply = refuse(code)
    one_payment(chain)
    chain.service.wait_log("lane: smsc is held")
    for _ in range(3):
        chain.pay()
        chain.pay(summa=-50, kind=7)
    chain.wait_states("ready", *["ready", "done"] * 3)
    assert chain.sent() == [("79001234567", "назад 50.00")] * 3
    assert len(smsc.requests) == 1


@pytest.mark.parametrize("code", [2, 3, 4])
def test_when_the_account_works_again_everything_goes_out(chain, smsc, code):
    smsc.send_reply = refuse(code)
    chain.start().subscriber()
    for _ in range(5):
        chain.pay()
    chain.service.wait_log("lane: smsc is held")
    smsc.send_reply = smsc.accept
    chain.wait_states(*["done"] * 5)
    assert smsc.taken == [SENT] * 5
    assert chain.sms_logs() == [(*SENT, "")] * 5
    assert set(chain.deliveries("attempts")) == {(1,)}
    chain.service.wait_log("lane: smsc works again")


@pytest.mark.parametrize("taken", [True, False])
def test_the_same_request_twice_may_mean_that_it_was_taken(
        chain, smsc, taken):
    """Code 9 by itself says nothing."""
    smsc.send_reply = then(
        smsc.accept_but(refuse(9)) if taken else refuse(9), smsc.accept)
    one_payment(chain)
    chain.wait_states("done")
    assert len(smsc.sends) == (1 if taken else 2)
    assert_sent_once(chain, smsc)


def test_what_code_9_left_open_is_told(chain, smsc):
    settings_of(chain, smsc={"ask_after": "1 h"})
    smsc.send_reply = refuse(9)
    one_payment(chain)
    chain.wait_states("retry")
    assert chain.sms_logs() == [(*SENT, "Words of smsc")]
    got = shown(chain)
    assert got["error"] == "unknown, code 9" and got["ask"].startswith("yes")
    assert "the same request twice" in got["reason"]


LOST = {
    "closed": (standin.close_without_reply, "no usable reply"),
    "reset": (standin.reset_without_reply, "no usable reply"),
    "garbage": (standin.garbage, "no usable reply"),
    "silent": (standin.stall, "time limit"),
    "dripping": (lambda _r: Reply(body='{"id":7,"cnt":1}', drip=0.1),
                 "time limit"),
    "half": (lambda _r: Reply(body='{"id":7,"cnt":1}', cut=80),
             "no usable reply"),
    "100 MB": (standin.huge, "larger than 64 KiB"),
    "500": (lambda _r: Reply(status=500, body='{"id":7,"cnt":1}'),
            "HTTP status 500"),
    "redirect": (standin.redirect("http://127.0.0.1:9/"), "HTTP status 302"),
    "html": (lambda _r: Reply(body="<html>maintenance</html>"), "not JSON"),
    "empty": (lambda _r: Reply(body=""), "is empty"),
    "refusal in windows-1251": (
        lambda _r: Reply(body='{"error":"неверный номер","error_code":7}'
                         .encode("cp1251")), "not JSON"),
    "success in windows-1251": (
        lambda _r: Reply(body='{"id":7,"cnt":1,"note":"принято"}'
                         .encode("cp1251")), "not JSON"),
    "as text": (lambda _r: Reply(body="OK - 1 SMS, ID - 1234"), "not JSON"),
    "two replies": (lambda _r: Reply(body='{"id":7}{"id":8}'), "not JSON"),
    "a list": (lambda _r: Reply(body='[{"id":7,"cnt":1}]'), "not JSON"),
    "no number": (answer(cnt=1), "has no number"),
    "null for a number": (answer(id=None, cnt=1), "has no number"),
    "zero for a number": (answer(id=0, cnt=1), "has no number"),
    "success with code 0": (answer(id=7, cnt=1, error_code=0),
                            "error of no known form"),
    "success with an error": (answer(id=7, cnt=1, error="no"),
                              "error of no known form"),
}


@pytest.mark.parametrize("reply, why", LOST.values(), ids=LOST)
def test_a_lost_reply_is_asked_about_and_sent_again_only_when_absent(
        chain, smsc, reply, why):
    """Number 1 was taken, number 2 was not; neither reply tells."""
    chain.subscriber(1, phone="79000000001")
    chain.subscriber(2, phone="79000000002")
    meanwhile = []

    def look_up(request):
        rows = chain.deliveries("state, ask, attempts, reason",
                                f"address='{request.params['phone']}'")
        logged = [error for phone, _, error in chain.sms_logs()
                  if phone == request.params["phone"]]
        meanwhile.append((*rows[0], *logged))
        return smsc.look_up(request)

    smsc.send_reply = then(
        lambda request: (smsc.accept_but(reply)(request)
                         if request.params["phones"].endswith("1")
                         else reply(request)), smsc.accept)
    smsc.query_reply = look_up
    settings_of(chain, smsc={"timeout": "500 ms"})
    chain.pay(1)
    chain.pay(2)
    chain.start()
    chain.wait_states("done", "done")
    assert sorted(phone for phone, _ in smsc.taken) == [
        "79000000001", "79000000002"]
    assert sorted(request.params["phones"] for request in smsc.sends) == [
        "79000000001", "79000000002", "79000000002"]
    assert len(set(ids(smsc.requests))) == 2
    assert [error for _, _, error in chain.sms_logs()] == ["", ""]
    assert meanwhile
    for state, ask, attempts, reason, logged in meanwhile:
        assert (state, ask, attempts, logged) == ("calling", 1, 2, NOT_SENT)
        assert why in reason
    for query in smsc.queries:
        sent = next(request for request in smsc.sends
                    if request.params["id"] == query.params["id"])
        assert query.at - sent.at >= 0.29


def test_while_it_waits_to_be_asked_about_that_is_shown(chain, smsc):
    settings_of(chain, smsc={"ask_after": "1 h"})
    smsc.send_reply = smsc.accept_but(answer(cnt=1))
    one_payment(chain)
    chain.wait_states("retry")
    assert chain.sms_logs() == [(*SENT, NOT_SENT)]
    got = shown(chain)
    assert got["reason"] == "the reply of smsc has no number"
    assert got["error"] == "unknown" and got["ask"].startswith("yes")
    assert len(smsc.requests) == 1
    ((minutes,),) = chain.deliveries(
        "TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(3), due_utc)")
    assert minutes == 59


@pytest.mark.parametrize("code", [3, 6, 7, 8])
def test_a_success_with_a_code_of_refusal_is_none(chain, smsc, code):
    smsc.send_reply = answer(id=1234, cnt=1, error_code=code)
    settings_of(chain, notice={"hold": "1 h"})
    one_payment(chain)
    chain.wait_states("ready" if code == 3 else "dead")
    assert chain.sms_logs() == [(*SENT, NOT_SENT)]
    assert f"code {code}" in shown(chain)["reason"]
    assert len(smsc.requests) == 1


@pytest.mark.parametrize("status, state, sends", [
    (-2, "done", 1), (-1, "done", 1), (0, "done", 1), (2, "done", 1),
    (20, "done", 1), (22, "dead", 1), (23, "dead", 1), (24, "done", 2),
    (25, "dead", 1)])
def test_what_is_found_when_asked_ends_it(chain, smsc, status, state, sends):
    smsc.send_reply = then(standin.close_without_reply, smsc.accept)
    smsc.query_reply = answer(status=status)
    one_payment(chain)
    chain.wait_states(state)
    assert len(smsc.sends) == sends
    assert chain.sms_logs()[0][2] == (NOT_SENT if state == "dead" else "")
    if state == "dead":
        assert f"status {status}" in shown(chain)["reason"]


def test_absent_may_also_be_said_with_code_3(chain, smsc):
    smsc.send_reply = then(standin.close_without_reply, smsc.accept)
    smsc.query_reply = refuse(3)
    one_payment(chain)
    chain.wait_states("done")
    assert len(smsc.sends) == 2
    assert_sent_once(chain, smsc)


def test_sent_again_and_lost_again_it_is_asked_again(chain, smsc):
    answers = [standin.close_without_reply, standin.close_without_reply,
               smsc.accept_and_close]
    smsc.send_reply = lambda request: answers[len(smsc.sends) - 1](request)
    one_payment(chain)
    chain.wait_states("done")
    assert (len(smsc.sends), len(smsc.queries)) == (3, 3)
    assert_sent_once(chain, smsc)


def kill_at(chain, point):
    """Let the service die at a point of its work."""
    chain.service.env["MBEV_FAULT"] = f"{point}:kill"
    assert chain.service.once() == -9
    del chain.service.env["MBEV_FAULT"]


@pytest.mark.parametrize("point", [
    "ingest.committed", "claim.durable", "claim.started", "settle.begun",
    "settle.results", "settle.committed"])
def test_killed_around_the_call_it_sends_once(chain, smsc, point):
    chain.subscriber()
    chain.pay()
    kill_at(chain, point)
    assert chain.states() == [
        "done" if point == "settle.committed" else "calling"]
    chain.start()
    chain.wait_states("done")
    assert len(smsc.sends) == 1
    assert_sent_once(chain, smsc)


@pytest.mark.parametrize("taken", [True, False])
def test_killed_in_the_middle_of_the_call_it_asks(chain, smsc, taken):
    smsc.send_reply = then(
        smsc.accept_but(standin.stall) if taken else standin.stall,
        smsc.accept)
    one_payment(chain)
    smsc.wait(1)
    chain.service.kill()
    chain.start()
    chain.wait_states("retry")
    assert shown(chain)["ask"].startswith("yes")
    assert "stopped before the reply" in shown(chain)["reason"]
    chain.wait_states("done")
    assert len(smsc.sends) == (1 if taken else 2)
    assert smsc.queries[0].at - smsc.sends[0].at >= 0.29
    assert_sent_once(chain, smsc)


def ask_now(chain):
    """What waits to be asked about is due at once."""
    chain.db.sql("UPDATE delivery SET due_utc = UTC_TIMESTAMP(3)",
                 "mikbill_events")


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("point", [
    "claim.begun", "claim.marked", "claim.committed", "claim.started",
    "settle.begun", "settle.results", "settle.committed"])
def test_killed_around_the_question_it_sends_once(chain, smsc, point, taken):
    lost = standin.close_without_reply
    smsc.send_reply = then(smsc.accept_but(lost) if taken else lost,
                           smsc.accept)
    chain.subscriber()
    chain.pay()
    assert chain.service.once() == 0
    assert chain.deliveries("state, ask") == [("retry", 1)]
    ask_now(chain)
    kill_at(chain, point)
    chain.start()
    chain.wait_states("done")
    assert len(smsc.sends) == (1 if taken else 2)
    assert_sent_once(chain, smsc)


@pytest.mark.parametrize("taken", [True, False])
def test_killed_in_the_middle_of_the_question_it_asks_again(
        chain, smsc, taken):
    lost = standin.close_without_reply
    smsc.send_reply = then(smsc.accept_but(lost) if taken else lost,
                           smsc.accept)
    smsc.query_reply = then(standin.stall, smsc.look_up)
    one_payment(chain)
    wait_until(lambda: smsc.queries, 10, "question")
    chain.service.kill()
    chain.start()
    chain.wait_states("done")
    assert (len(smsc.sends), len(smsc.queries)) == (1 if taken else 2, 2)
    assert_sent_once(chain, smsc)


def test_a_question_that_is_not_answered_is_asked_again(chain, smsc):
    settings_of(chain, notice={"retry_longest": "200 ms"},
                smsc={"ask_after": "100 ms", "timeout": "500 ms"})
    answers = [standin.close_without_reply, standin.stall,
               lambda _r: Reply(status=500), refuse(9), refuse(2),
               answer(status="soon"), answer(status=1, error_code=4)]
    smsc.send_reply = smsc.accept_and_close
    smsc.query_reply = lambda request: (
        [*answers, smsc.look_up][len(smsc.queries) - 1](request))
    one_payment(chain)
    chain.wait_states("done", timeout=30)
    assert (len(smsc.sends), len(smsc.queries)) == (1, len(answers) + 1)
    assert_sent_once(chain, smsc)
    times = [request.at for request in smsc.requests]
    assert min(later - sooner for sooner, later
               in zip(times, times[1:])) >= 0.09


def test_asked_while_nobody_listens_it_is_asked_later(chain, smsc):
    settings_of(chain, notice={"retry_longest": "200 ms"})
    smsc.send_reply = smsc.accept_and_close
    one_payment(chain)
    chain.wait_states("retry")
    smsc.stop()
    chain.service.wait_log("is retry: could not be sent")
    smsc.start()
    chain.wait_states("done")
    assert len(smsc.sends) == 1
    assert_sent_once(chain, smsc)


def test_what_was_never_found_out_ends_doubtful(chain, smsc):
    settings_of(chain, notice={"expire": "2 s", "retry_longest": "200 ms"})
    smsc.send_reply = then(standin.close_without_reply, smsc.accept)
    smsc.query_reply = lambda _request: Reply(status=500)
    one_payment(chain)
    chain.wait_states("doubtful")
    chain.service.wait_log("is doubtful: the provider could not be asked")
    assert chain.sms_logs() == [(*SENT, NOT_SENT)]
    got = shown(chain)
    assert got["state"].startswith("doubtful: nobody knows")
    assert "HTTP status 500" in got["reason"]
    smsc.query_reply = smsc.look_up
    asked = len(smsc.queries)
    chain.pay(summa=50)
    chain.wait_states("doubtful", "done")
    assert (len(smsc.sends), len(smsc.queries)) == (2, asked)
    assert smsc.taken == [("79001234567", "sub1001: 50.00 руб")]


def nobody():
    """The address of a host where nobody listens."""
    return f"http://127.0.0.1:{free_port()}/sys"


def test_a_reserve_host_takes_over_at_once(chain, smsc):
    settings_of(chain, smsc={"url": [nobody(), nobody(), smsc.url]},
                notice={"retry_first": "1 h", "retry_longest": "1 h"})
    chain.start().subscriber()
    for _ in range(3):
        chain.pay()
    chain.wait_states("done", "done", "done")
    assert len(smsc.requests) == 3 and smsc.taken == [SENT] * 3
    assert set(chain.deliveries("attempts")) == {(1,)}
    assert chain.sms_logs() == [(*SENT, "")] * 3


def test_a_reserve_host_is_asked_too(chain, smsc):
    settings_of(chain, smsc={"url": [nobody(), smsc.url]})
    smsc.send_reply = then(standin.close_without_reply, smsc.accept)
    one_payment(chain)
    chain.wait_states("done")
    assert (len(smsc.sends), len(smsc.queries)) == (2, 1)
    assert_sent_once(chain, smsc)


def test_no_host_at_all_is_tried_again_later(chain, smsc):
    smsc.stop()
    settings_of(chain, smsc={"url": [nobody(), smsc.url]})
    one_payment(chain)
    chain.wait_states("retry")
    assert chain.sms_logs() == [(*SENT, NOT_SENT)]
    assert shown(chain)["reason"].startswith("could not be sent: ")
    smsc.start()
    chain.wait_states("done")
    assert_sent_once(chain, smsc)


@pytest.fixture(name="reserve")
def fixture_reserve(chain, smsc):
    """The reserve host of the same account."""
    with Smsc() as host:
        host.accepted = smsc.accepted
        host.taken = smsc.taken
        settings_of(chain, smsc={"url": [smsc.url, host.url]},
                    notice={"retry_longest": "200 ms"})
        yield host


def test_a_lost_reply_is_no_reason_to_send_by_the_reserve(
        chain, smsc, reserve):
    smsc.send_reply = smsc.accept_and_close
    one_payment(chain)
    chain.wait_states("done")
    assert reserve.sends == []
    assert_sent_once(chain, smsc)


@pytest.mark.parametrize("taken", [True, False])
def test_a_host_that_is_out_of_order_is_got_round(
        chain, smsc, reserve, taken):
    """The first one takes connections and loses every reply."""
    lost = standin.close_without_reply
    smsc.send_reply = smsc.accept_but(lost) if taken else lost
    smsc.query_reply = lost
    one_payment(chain)
    chain.wait_states("done")
    assert len(smsc.sends) + len(reserve.sends) == (1 if taken else 2)
    assert smsc.taken == [SENT]
    assert chain.sms_logs() == [(*SENT, "")]
    assert set(ids(smsc.requests)) == set(ids(reserve.requests))


def test_a_refusal_is_no_reason_to_try_the_reserve(chain, smsc, reserve):
    smsc.send_reply = refuse(8)
    one_payment(chain)
    chain.wait_states("dead")
    assert reserve.requests == []
