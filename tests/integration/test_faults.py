"""What breaks around the service, and what it makes of it."""

import json
import signal
import time

import pytest

from harness import standin
from harness.billing import create_billing
from harness.process import cpu_seconds, is_frozen, wait_until
from harness.product import install
from harness.server import MariaDB
from harness.standin import Reply
from integration.conftest import make_chain


def slowly(chain, delay):
    """Let the provider accept everything after a while."""
    chain.pilot.reply = lambda request: Reply(
        body=chain.pilot.ordinary_reply(request).body, delay=delay)


def error(code):
    return lambda _request: Reply(body=json.dumps(
        {"error": {"code": code, "description": "words"}}))


def test_a_connection_lost_in_the_ingest_touches_no_call_under_way(chain):
    chain.subscriber(1, phone="79000000001,79000000002")
    chain.subscriber(2, phone="79000000003")
    slowly(chain, 2)
    chain.start(MBEV_FAULT="ingest.deleted:stop:2")
    chain.pay(1)
    chain.pilot.wait(2)
    chain.pay(2)
    wait_until(lambda: is_frozen(chain.service.pid), 10, "freeze")
    chain.drop_connections()
    chain.service.signal(signal.SIGCONT)
    chain.wait_settled(3)
    assert sorted(phone for phone, _ in chain.sent()) == [
        "79000000001", "79000000002", "79000000003"]
    assert set(chain.states()) == {"done"}


def test_once_records_the_call_under_way_when_its_connection_is_lost(chain):
    chain.subscriber()
    chain.pay()
    slowly(chain, 1.5)
    chain.service.start("--once")
    chain.pilot.wait(1)
    chain.drop_connections()
    wait_until(lambda: not chain.service.running, 30, "end")
    assert chain.states() == ["done"]


def test_once_gives_up_when_rows_stay_locked(chain):
    chain.subscriber()
    chain.pay()
    with chain.db.connect("mikbill_events", autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute("SELECT * FROM outbox FOR UPDATE")
        assert chain.service.once(timeout=60) == 75
        link.rollback()
    assert chain.service.once() == 0
    assert chain.states() == ["done"]


def test_a_hangup_signal_does_not_end_it(chain):
    chain.start().subscriber()
    chain.service.signal(signal.SIGHUP)
    chain.service.wait_log("reload: .*: 0 keys have changed")
    chain.pay()
    chain.wait_states("done")


def test_waiting_for_the_last_call_costs_no_cpu(chain):
    chain.settings["service"]["stop_timeout"] = "4 s"
    chain.reconfigure(chain.settings)
    chain.pilot.reply = standin.stall
    chain.start().subscriber()
    chain.pay()
    chain.pilot.wait(1)
    pid = chain.service.pid
    chain.service.signal(signal.SIGTERM)
    time.sleep(0.5)
    before = cpu_seconds(pid)
    time.sleep(2)
    assert cpu_seconds(pid) - before < 0.5


def test_once_waits_for_a_call_without_cpu(chain):
    chain.settings["service"]["stop_timeout"] = "200 ms"
    chain.reconfigure(chain.settings)
    chain.pilot.reply = standin.stall
    chain.subscriber()
    chain.pay()
    chain.service.start("--once")
    chain.pilot.wait(1)
    before = cpu_seconds(chain.service.pid)
    time.sleep(2)
    assert cpu_seconds(chain.service.pid) - before < 0.25


def test_a_row_that_an_operator_holds_stops_nobody_else(chain):
    slowly(chain, 0.5)
    chain.start().subscriber()
    chain.pay()
    chain.pilot.wait(1)
    with chain.db.connect("mikbill_events", autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL"
                       " READ COMMITTED")
        cursor.execute("SELECT id FROM delivery")
        (one,) = cursor.fetchone()
        link.commit()
        cursor.execute(f"SELECT * FROM delivery WHERE id={one} FOR UPDATE")
        time.sleep(1)
        chain.pay(summa=50)
        chain.pilot.wait(2)
        link.rollback()
    chain.wait_states("done", "done", timeout=30)


def test_a_refused_statement_is_told_with_its_reason(chain):
    chain.start().subscriber()
    chain.db.sql("RENAME TABLE mikbill_events.delivery TO"
                 " mikbill_events.elsewhere")
    try:
        chain.pay()
        chain.service.wait_log(r"error engine: the database refuses: 1146 .*"
                               "delivery")
    finally:
        chain.db.sql("RENAME TABLE mikbill_events.elsewhere TO"
                     " mikbill_events.delivery")
    chain.wait_states("done")


def test_a_message_log_that_is_gone_does_not_cost_the_result(chain):
    chain.start().subscriber()
    chain.db.sql("RENAME TABLE mikbill.sms_logs TO mikbill.elsewhere")
    try:
        chain.pay()
        chain.wait_states("done")
        chain.service.wait_log("error settle: sms_logs .* 1146")
    finally:
        chain.db.sql("RENAME TABLE mikbill.elsewhere TO mikbill.sms_logs")
    assert len(chain.sent()) == 1


def test_a_call_begun_before_the_hold_does_not_end_it(chain):
    chain.settings["notice"]["hold"] = "1 h"
    chain.reconfigure(chain.settings)
    for uid in (1, 2):
        chain.subscriber(uid, phone=f"7900000000{uid}")
        chain.pay(uid)
    chain.pilot.reply = lambda request: (
        error(112)(request) if request.params["to"].endswith("1")
        else Reply(body=chain.pilot.ordinary_reply(request).body, delay=0.5))
    chain.start()
    chain.wait_states("ready", "done")
    for _ in range(3):
        chain.pay(2)
    chain.wait_states("ready", "done", "ready", "ready", "ready")
    assert len(chain.sent()) == 2
    assert chain.service.log_text().count("is held") == 1


def test_one_reply_that_makes_no_sense_after_the_other_holds_the_channel(
        chain):
    chain.settings["notice"]["hold"] = "1 h"
    chain.settings["smspilot"]["connections"] = "1"
    chain.reconfigure(chain.settings)
    chain.pilot.reply = lambda _request: Reply(status=404, body="not here")
    chain.subscriber()
    for _ in range(9):
        chain.pay()
    chain.start()
    chain.service.wait_log("is held .*404")
    chain.wait_states(*["doubtful"] * 5, *["ready"] * 4)
    assert len(chain.sent()) == 5


@pytest.fixture(name="odd_chain")
def fixture_odd_chain(pilot, request):
    """A chain on a billing that was changed before it was installed."""
    options, changes = request.param
    with MariaDB(options=options) as db:
        create_billing(db, "mikbill", "legacy")
        for change in changes:
            db.sql(change, "mikbill")
        install(db)
        yield from make_chain(db, pilot)


@pytest.mark.parametrize("odd_chain", [
    ([], ["DROP TABLE usersdel", "DROP TABLE usersblok"]),
    ([], ["ALTER TABLE users CONVERT TO CHARACTER SET utf8mb3 COLLATE"
          " utf8mb3_general_ci",
          "ALTER TABLE usersfreeze CONVERT TO CHARACTER SET utf8mb3 COLLATE"
          " utf8mb3_unicode_ci"]),
    ([], ["ALTER TABLE sms_logs ENGINE=MyISAM",
          "ALTER TABLE bugh_plategi_stat ENGINE=MyISAM",
          "ALTER TABLE users ENGINE=MyISAM"]),
], indirect=True, ids=["no usersdel", "mixed collations", "MyISAM"])
def test_a_billing_that_grew_in_its_own_way(odd_chain):
    odd_chain.start().subscriber()
    odd_chain.pay()
    odd_chain.wait_states("done")
    assert len(odd_chain.sms_logs()) == 1


@pytest.mark.parametrize("odd_chain", [(["--max-allowed-packet=1M"], [])],
                         indirect=True, ids=["1 MB"])
def test_a_server_that_takes_small_packets_only(odd_chain):
    chain = odd_chain
    chain.settings["payment"]["text"] = "{login} " + "т" * 1900
    chain.reconfigure(chain.settings)
    chain.subscriber(phone="79000000001,79000000002")
    chain.db.sql("".join(
        "INSERT INTO bugh_plategi_stat SET uid=1001, date=NOW(), who=1,"
        " bughtypeid=5, before_billing=0, summa=100;" for _ in range(400)),
        "mikbill")
    chain.start()
    chain.wait_settled(800, timeout=120)
    assert set(chain.states()) == {"done"}


def test_once_waits_for_a_lock_on_a_result(chain):
    chain.subscriber()
    chain.pay()
    slowly(chain, 1)
    chain.service.start("--once")
    chain.pilot.wait(1)
    with chain.db.connect("mikbill_events", autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL"
                       " READ COMMITTED")
        cursor.execute("SELECT * FROM delivery WHERE state='calling'"
                       " FOR UPDATE")
        chain.service.wait_log("results wait for a lock")
        link.rollback()
    wait_until(lambda: not chain.service.running, 60, "end")
    assert chain.states() == ["done"]


def locked(chain, statement):
    """A connection that holds the rows of a statement FOR UPDATE."""
    link = chain.db.connect("mikbill_events", autocommit=False)
    with link.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL"
                       " READ COMMITTED")
        cursor.execute(f"{statement} FOR UPDATE")
    return link


def test_what_a_crash_left_is_settled_once_though_its_rows_are_held(chain):
    """Of two calls one's delivery is held at the takeover, and the other
    one's row of sms_logs."""
    chain.subscriber(1, phone="79000000001")
    chain.subscriber(2, phone="79000000002")
    chain.pay(1)
    chain.pilot.reply = error(110)
    assert chain.service.once() == 0
    chain.pay(2)
    chain.db.sql("UPDATE delivery SET due_utc=UTC_TIMESTAMP(3)",
                 "mikbill_events")
    chain.pilot.reply = standin.stall
    chain.start()
    chain.pilot.wait(3)
    chain.wait_states("calling", "calling")
    chain.service.kill()
    with locked(chain, "SELECT * FROM mikbill.sms_logs") as log, \
            locked(chain, "SELECT * FROM delivery WHERE id ="
                   " (SELECT MAX(id) FROM delivery)") as row:
        chain.service.start()
        chain.service.wait_log("results wait for a lock")
        assert chain.states() == ["calling", "calling"]
        before = cpu_seconds(chain.service.pid)
        time.sleep(2)
        assert cpu_seconds(chain.service.pid) - before < 0.5
        assert chain.service.log_text().count("wait for a lock") == 1
        log.rollback()
        row.rollback()
    chain.wait_states("doubtful", "doubtful", timeout=30)
    chain.service.wait_log("is doubtful(.*\n)+.*is doubtful")
    assert [phone for phone, _, _ in sorted(chain.sms_logs())] == [
        "79000000001", "79000000002"]
    assert len(chain.sent()) == 3
    assert chain.service.stop() == 0
    assert chain.states() == ["doubtful", "doubtful"]
    assert len(chain.sms_logs()) == 2
