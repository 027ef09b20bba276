"""A server that forgets its last commits in a crash
(innodb_flush_log_at_trx_commit=0, as the vendor sets it) does not make us
send twice."""

import time

import pytest

from harness.billing import create_billing
from harness.product import install, with_settings
from harness.server import MariaDB
from harness.standin import Reply

SERVER_WRITES_ITS_LOG_S = 2.5


@pytest.fixture(scope="module")
def installed():
    """A server set as the vendor's own."""
    with MariaDB(options=["--innodb-flush-log-at-trx-commit=0"]) as db:
        create_billing(db, "mikbill", "legacy")
        install(db)
        yield db


def crash_in_the_first_call(chain, provider=None):
    """A payment is safe on disk; the attempt is committed but not, when the
    server dies."""
    chain.subscriber()
    chain.pay()
    time.sleep(SERVER_WRITES_ITS_LOG_S)
    chain.pilot.reply = lambda request: Reply(
        body=chain.pilot.ordinary_reply(request).body, delay=0.3)
    chain.start()
    (provider or chain.pilot).wait(1)
    chain.db.kill()


def forgotten(chain):
    """True when the server lost what the service had committed."""
    chain.db.start()
    return chain.db.sql("SELECT COUNT(*) FROM event",
                        "mikbill_events") == [(0,)]


def test_the_service_lives_on(chain):
    crash_in_the_first_call(chain)
    forgotten(chain)
    chain.wait_settled(1)
    chain.pay(summa=50)
    chain.wait_settled(2)
    assert len(chain.sent()) == 2
    assert chain.states()[1] == "done"


def test_the_service_dies_too(chain):
    crash_in_the_first_call(chain)
    chain.service.kill()
    lost = forgotten(chain)
    chain.pilot.reply = chain.pilot.ordinary_reply
    chain.start()
    chain.wait_states("doubtful")
    (reason,), = chain.deliveries("reason")
    assert ("server forgot" in reason) == lost
    assert len(chain.sent()) == 1


def test_a_server_that_is_cured_after_it_forgot_makes_nothing_double(chain):
    """The setting is corrected after the crash, before the service is back:
    what was forgotten stands in the journal all the same."""
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("done")
    chain.service.kill()
    chain.db.sql("UPDATE delivery SET state = 'ready', attempts = 0,"
                 " claims = 0, due_utc = UTC_TIMESTAMP(3)", "mikbill_events")
    chain.db.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    try:
        chain.start()
        chain.wait_states("doubtful")
    finally:
        chain.db.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
    assert len(chain.sent()) == 1


def test_what_was_refused_is_tried_again_after_all(chain):
    chain.pilot.reply = lambda request: (
        Reply(body='{"error":{"code":"110","description":"busy"}}')
        if request.number == 1 else chain.pilot.ordinary_reply(request))
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("done")
    assert len(chain.sent()) == 2


def test_without_its_folder_nothing_is_sent(chain):
    chain.settings["service"]["state_dir"] = "/nonexistent/folder"
    chain.reconfigure(chain.settings)
    chain.subscriber()
    chain.pay()
    chain.service.start()
    chain.service.wait_log(r"error journal: /nonexistent/folder.*state_dir")
    assert chain.sent() == []
    assert chain.db.sql("SELECT COUNT(*) FROM outbox",
                        "mikbill_events") == [(1,)]


def test_a_refused_account_and_a_restart_make_nothing_doubtful(chain):
    chain.pilot.reply = lambda _request: Reply(
        body='{"error":{"code":"100","description":"no key"}}')
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("ready")
    chain.service.stop()
    chain.pilot.reply = chain.pilot.ordinary_reply
    chain.start()
    chain.wait_states("done")


def test_nobody_listening_and_a_restart_make_nothing_doubtful(chain):
    chain.pilot.stop()
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("retry")
    chain.service.stop()
    chain.pilot.start()
    chain.start()
    chain.wait_states("done")


def test_an_operator_may_have_a_doubtful_message_sent_again(chain):
    chain.pilot.reply = lambda _request: Reply(body="<html>")
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("doubtful")
    chain.pilot.reply = chain.pilot.ordinary_reply
    chain.db.sql("UPDATE delivery SET state = 'ready',"
                 " due_utc = UTC_TIMESTAMP(3) WHERE state = 'doubtful'",
                 "mikbill_events")
    chain.wait_states("done", timeout=20)
    assert len(chain.sent()) == 2
    assert [error for _, _, error in chain.sms_logs()] == [""]


@pytest.mark.parametrize("channel", ["smspilot", "smsc"])
def test_another_host_takes_over_what_the_server_forgot(
        chain, smsc, service_of, tmp_path, channel):
    """It has no journal of that: at SMSPilot the message is doubtful, SMSC is
    asked. What comes later is sent as ever."""
    chain.reconfigure(with_settings(
        chain.settings, service={"lease": "5 s"},
        payment={"channels": channel},
        smspilot={"timeout": "1 s"},
        smsc={"url": smsc.url, "ask_after": "1 s", "timeout": "1 s"}))
    smsc.send_reply = lambda request: Reply(
        body=smsc.accept(request).body, delay=0.3)
    taken = chain.pilot.taken if channel == "smspilot" else smsc.taken
    # That it had the work before is on disk.
    chain.start().service.stop()
    crash_in_the_first_call(chain, smsc if channel == "smsc" else None)
    chain.service.kill()
    lost = forgotten(chain)
    other = service_of(with_settings(chain.settings, service={
        "doorbell": tmp_path / "doorbell", "state_dir": tmp_path}))
    other.start().wait_log("engine: acting", timeout=30)
    first = "doubtful" if channel == "smspilot" else "done"
    chain.wait_states(first, timeout=30)
    (reason,), = chain.deliveries("COALESCE(reason, '')")
    assert channel == "smsc" or ("server forgot" in reason) == lost
    assert len(smsc.queries) == (channel == "smsc")
    time.sleep(2)  # the server tells its start to a second or two
    chain.pay(summa=50)
    chain.wait_states(first, "done", timeout=30)
    assert [text for _, text in taken] == [
        "sub1001: 100.00 руб", "sub1001: 50.00 руб"]
    other.stop()
