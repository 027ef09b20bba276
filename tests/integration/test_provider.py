"""SMSPilot refuses, is away, is slow, talks garbage, lies."""

import json
import signal
import time

import pytest

from harness import standin
from harness.standin import Reply, make_certificate, SmsPilot
from integration.test_mbevctl import ctl, event_id, fields

NOT_SENT = "Не отправлено"
SENT = ("79001234567", "sub1001: 100.00 руб")


def error(code, words="Words of the provider"):
    """A refusal as the provider writes it: HTTP 200."""
    return Reply(body=json.dumps({"error": {"code": code,
                                            "description": words}}))


def refuse(code):
    return lambda _request: error(code)


def one_payment(chain):
    chain.start().subscriber()
    chain.pay()


def shown(chain):
    """What mbevctl tells about the newest event."""
    return fields(ctl(chain, "show", str(event_id(chain))).stdout)


def answer(**members):
    """A reply as SMSPilot writes it, always with HTTP 200."""
    return lambda _request: Reply(body=json.dumps(members))


def test_a_refused_phone_is_dead_and_not_tried_again(chain):
    chain.pilot.reply = refuse("111")
    one_payment(chain)
    chain.wait_states("dead")
    assert len(chain.sent()) == 1
    assert chain.sms_logs()[0][2] == "Words of the provider"
    assert chain.deliveries("error_class, error_code") == [
        ("permanent", "111")]
    got = shown(chain)
    assert got["state"] == "dead: refused for good"
    assert got["error"] == "permanent, code 111"
    assert got["reason"] == "smspilot refused it: 111 Words of the provider"


@pytest.mark.parametrize("reply, code, logged", [
    (answer(error={"code": 212, "description": "stop list"}), "212",
     "stop list"),
    (answer(error={"code": "215", "description_ru": "не та длина"}), "215",
     "не та длина"),
    (answer(error={"code": "9999"}), "9999", NOT_SENT),
    (answer(error={"code": "223", "description": "spam"}, balance="1.00",
            send=[{"server_id": "7", "status": "0"}]), "223", "spam"),
    (answer(send=[{"server_id": "7", "status": "0", "error": "213"}]), "213",
     NOT_SENT),
    (answer(send=[{"server_id": "7", "status": 0, "error": 213}]), "213",
     NOT_SENT),
    (answer(send=[{"server_id": "0", "status": "-2"}]), "-2", NOT_SENT),
])
def test_a_success_with_an_error_inside_is_a_refusal(
        chain, reply, code, logged):
    chain.pilot.reply = reply
    one_payment(chain)
    chain.wait_states("dead")
    assert len(chain.sent()) == 1
    assert chain.sms_logs() == [(*SENT, logged)]
    got = shown(chain)
    assert got["error"] == f"permanent, code {code}"
    assert got["reason"].startswith(f"smspilot refused it: {code}")


def test_words_of_any_kind_are_logged_as_far_as_they_fit(chain):
    chain.pilot.reply = lambda _request: error("111", "🙂" + "Ы" * 2000)
    one_payment(chain)
    chain.wait_states("dead")
    ((_, _, logged),) = chain.sms_logs()
    assert logged == "?" + "Ы" * (len(logged) - 1) and len(logged) > 100
    assert shown(chain)["reason"].startswith("smspilot refused it: 111 🙂ЫЫ")


def test_a_system_error_is_tried_again_and_its_row_cleared(chain):
    chain.pilot.reply = lambda request: (
        error("110") if request.number < 3
        else chain.pilot.ordinary_reply(request))
    one_payment(chain)
    chain.wait_states("done")
    assert len(chain.sent()) == 3
    assert chain.sms_logs() == [("79001234567", "sub1001: 100.00 руб", "")]
    assert chain.deliveries("attempts") == [(3,)]


def test_a_refused_account_holds_the_channel_and_burns_no_attempt(chain):
    chain.pilot.reply = refuse(112)
    chain.start()
    for uid in range(1, 6):
        chain.subscriber(uid, phone=f"7900000000{uid}")
        chain.pay(uid)
    chain.service.wait_log(r"error lane: smspilot is held .*112")
    chain.pilot.reply = chain.pilot.ordinary_reply
    chain.wait_settled(5)
    assert set(chain.states()) == {"done"}
    assert set(chain.deliveries("attempts")) == {(1,)}
    assert {text for _, _, text in chain.sms_logs()} == {""}
    assert len(chain.sms_logs()) == 5


def test_while_held_nothing_but_one_probe_goes_out(chain):
    chain.settings["notice"]["hold"] = "1 h"
    chain.reconfigure(chain.settings)
    chain.pilot.reply = refuse("100")
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("ready")
    before = len(chain.sent())
    for _ in range(5):
        chain.pay()
    chain.wait_states(*["ready"] * 6)
    assert len(chain.sent()) == before == 1


def test_nobody_listens_then_it_goes_out_once(chain):
    chain.pilot.stop()
    one_payment(chain)
    chain.wait_states("retry")
    assert chain.sms_logs()[0][2] == NOT_SENT
    got = shown(chain)
    assert got["error"] == "transient, code transport"
    assert got["reason"].startswith("could not be sent: ")
    chain.pilot.start()
    chain.wait_states("done")
    assert chain.sent() == [("79001234567", "sub1001: 100.00 руб")]
    assert chain.sms_logs() == [("79001234567", "sub1001: 100.00 руб", "")]


LOST = {
    "closed": (standin.close_without_reply, "no usable reply"),
    "reset": (standin.reset_without_reply, "no usable reply"),
    "garbage": (standin.garbage, "no usable reply"),
    "silent": (standin.stall, "time limit"),
    "dripping": (lambda _r: Reply(body='{"send":[{"status":0}]}', drip=0.1),
                 "time limit"),
    "half": (lambda _r: Reply(body='{"send":[{"status":0}]}', cut=80),
             "no usable reply"),
    "100 MB": (standin.huge, "larger than 64 KiB"),
    "500": (lambda _r: Reply(status=500, body='{"send":[{"status":0}]}'),
            "HTTP status 500"),
    "201": (lambda _r: Reply(status=201, body='{"send":[{"status":0}]}'),
            "HTTP status 201"),
    "redirect": (standin.redirect("http://127.0.0.1:9/"), "HTTP status 302"),
    "html": (lambda _r: Reply(body="<html>maintenance</html>"), "not JSON"),
    "empty": (lambda _r: Reply(body=""), "is empty"),
    "refusal in windows-1251": (
        lambda _r: Reply(body='{"error":{"code":"111","description":"номер"}}'
                         .encode("cp1251")), "not JSON"),
    "success in windows-1251": (
        lambda _r: Reply(body='{"send":[{"status":0}],"note":"принято"}'
                         .encode("cp1251")), "not JSON"),
    "as text": (lambda _r: Reply(body="SUCCESS=SMS SENT 1.68/11908.50"),
                "not JSON"),
    "two replies": (
        lambda _r: Reply(body='{"send":[{"status":0}]}{"send":[]}'),
        "not JSON"),
    "a list": (lambda _r: Reply(body='[{"status":0}]'), "not JSON"),
    "nothing of use": (answer(balance="1.00"), "of no known form"),
    "no element": (answer(send=[]), "of no known form"),
    "two elements": (answer(send=[{"status": 0}, {"status": 0}]),
                     "of no known form"),
    "no status": (answer(send=[{"server_id": "7"}]), "has no status"),
    "words for a status": (answer(send=[{"status": "sent"}]),
                           "has no status"),
    "words for an error": (answer(error="no", send=[{"status": 0}]),
                           "error of no known form"),
}


@pytest.mark.parametrize("reply, why", LOST.values(), ids=LOST)
def test_a_reply_that_proves_nothing_is_doubtful_and_never_repeated(
        chain, reply, why):
    chain.settings["smspilot"]["timeout"] = "500 ms"
    chain.reconfigure(chain.settings)
    chain.pilot.reply = reply
    one_payment(chain)
    chain.wait_states("doubtful")
    chain.pilot.reply = chain.pilot.ordinary_reply
    got = shown(chain)
    assert got["state"].startswith("doubtful: nobody knows")
    assert got["error"].startswith("unknown") and why in got["reason"]
    chain.pay(summa=50)
    chain.wait_states("doubtful", "done")
    assert [text for _, text in chain.sent()] == [
        "sub1001: 100.00 руб", "sub1001: 50.00 руб"]
    assert [text for _, _, text in chain.sms_logs()] == [NOT_SENT, ""]


def test_a_slow_reply_is_waited_for(chain):
    chain.pilot.reply = lambda request: Reply(
        body=chain.pilot.ordinary_reply(request).body, delay=0.3, drip=0.001)
    one_payment(chain)
    chain.wait_states("done")
    assert chain.sent() == [SENT] and chain.sms_logs() == [(*SENT, "")]


def test_a_kept_connection_that_dies_mid_request_is_not_repeated(chain):
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("done")
    chain.pilot.reply = standin.close_without_reply
    chain.pay(summa=50)
    chain.wait_states("done", "doubtful")
    requests = chain.pilot.requests
    assert len(requests) == 2
    assert requests[0].connection == requests[1].connection


def test_a_kept_connection_closed_while_idle_costs_nothing(chain):
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("done")
    chain.pilot.close_idle()
    chain.pay(summa=50)
    chain.wait_states("done", "done")
    assert len(chain.sent()) == 2


def test_connections_are_kept(chain):
    chain.start().subscriber()
    for n in range(10):
        chain.pay()
        chain.wait_settled(n + 1)
    assert len({r.connection for r in chain.pilot.requests}) == 1


def test_tls_is_checked(chain, tmp_path):
    with SmsPilot(tls=make_certificate(tmp_path)) as pilot:
        chain.settings["smspilot"]["url"] = pilot.url
        chain.reconfigure(chain.settings)
        one_payment(chain)
        chain.wait_states("retry")
        assert pilot.requests == []
        (why,), = chain.deliveries("reason")
        assert "certificate" in why


def test_tls_works_with_a_trusted_certificate(chain, tmp_path):
    certificate = make_certificate(tmp_path)
    with SmsPilot(tls=certificate) as pilot:
        chain.settings["smspilot"] |= {"url": pilot.url,
                                       "ca_file": certificate[0]}
        chain.reconfigure(chain.settings)
        one_payment(chain)
        chain.wait_states("done")
        assert len(pilot.requests) == 1


def test_the_key_is_in_no_log_and_no_table(chain):
    chain.settings["smspilot"]["api_key"] = "VerySecretKey"
    chain.reconfigure(chain.settings)
    chain.pilot.reply = refuse("102")
    one_payment(chain)
    chain.wait_states("ready")
    assert chain.pilot.requests[0].params["apikey"] == "VerySecretKey"
    rows = chain.deliveries("*") + chain.sms_logs()
    assert "VerySecretKey" not in chain.service.log_text() + str(rows)
    assert "service-secret" not in chain.service.log_text()


def test_a_reply_that_waited_while_we_slept_still_counts(chain):
    chain.settings["smspilot"]["timeout"] = "300 ms"
    chain.reconfigure(chain.settings)
    chain.pilot.reply = lambda request: Reply(
        body=chain.pilot.ordinary_reply(request).body, delay=0.1)
    one_payment(chain)
    chain.pilot.wait(1)
    chain.service.signal(signal.SIGSTOP)
    time.sleep(1)
    chain.service.signal(signal.SIGCONT)
    chain.wait_states("done")
