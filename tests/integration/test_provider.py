"""SMSPilot refuses, is away, is slow, talks garbage, lies."""

import json
import signal
import time

import pytest

from harness import standin
from harness.standin import Reply, make_certificate, SmsPilot

NOT_SENT = "Не отправлено"


def error(code, words="Words of the provider"):
    """A refusal as the provider writes it: HTTP 200."""
    return Reply(body=json.dumps({"error": {"code": code,
                                            "description": words}}))


def refuse(code):
    return lambda _request: error(code)


def one_payment(chain):
    chain.start().subscriber()
    chain.pay()


def test_a_refused_phone_is_dead_and_not_tried_again(chain):
    chain.pilot.reply = refuse("111")
    one_payment(chain)
    chain.wait_states("dead")
    assert len(chain.sent()) == 1
    assert chain.sms_logs()[0][2] == "Words of the provider"
    assert chain.deliveries("error_class, error_code") == [
        ("permanent", "111")]


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
    chain.pilot.start()
    chain.wait_states("done")
    assert chain.sent() == [("79001234567", "sub1001: 100.00 руб")]
    assert chain.sms_logs() == [("79001234567", "sub1001: 100.00 руб", "")]


@pytest.mark.parametrize("name, reply", [
    ("close without reply", standin.close_without_reply),
    ("reset", standin.reset_without_reply),
    ("garbage", standin.garbage),
    ("html", lambda _r: Reply(body="<html>maintenance</html>")),
    ("empty", lambda _r: Reply(body="")),
    ("500", lambda _r: Reply(status=500, body="{}")),
    ("100 MB", standin.huge),
    ("redirect", standin.redirect("http://127.0.0.1:9/")),
    ("half a reply", lambda _r: Reply(body='{"send": []}', cut=60)),
    ("no element", lambda _r: Reply(body='{"send": []}')),
])
def test_a_reply_that_proves_nothing_is_doubtful_and_never_repeated(
        chain, name, reply):
    chain.pilot.reply = reply
    one_payment(chain)
    chain.wait_states("doubtful")
    chain.pay(summa=50)
    chain.wait_states("doubtful", "doubtful")
    assert len(chain.sent()) == 2, name
    assert [text for _, _, text in chain.sms_logs()] == [NOT_SENT] * 2


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


def test_a_silent_provider_is_given_up_and_doubtful(chain):
    chain.settings["smspilot"]["timeout"] = "300 ms"
    chain.reconfigure(chain.settings)
    chain.pilot.reply = standin.stall
    one_payment(chain)
    chain.wait_states("doubtful")
    assert len(chain.sent()) == 1


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
