"""What a backup keeps from being purged does not make reads longer.

Counted are the pages that the server looks at, not seconds."""

import time

import pytest

from harness.process import wait_until
from harness.product import with_settings
from harness.server import numbers, snapshot_held

pytestmark = pytest.mark.plain

GONE = 60_000
PAYMENTS = 20


def pages(db):
    """How many pages the server has looked at."""
    return int(db.sql("SHOW GLOBAL STATUS LIKE"
                      " 'Innodb_buffer_pool_read_requests'")[0][1])


def pages_of(db, work):
    """How many the server looks at while something is done."""
    before = pages(db)
    work()
    return pages(db) - before


def capture_and_drain(chain, rows):
    """Very many captured changes that ask for nothing."""
    chain.db.sql("INSERT INTO outbox (captured_utc, kind, body) SELECT"
                 " UTC_TIMESTAMP(3) - INTERVAL 1 MINUTE, 'none', REPEAT('x',"
                 f" 300) FROM {numbers(rows)}", "mikbill_events")
    wait_until(lambda: chain.db.sql("SELECT COUNT(*) FROM outbox",
                                    "mikbill_events") == [(0,)], 60, "drain")


def pay_one_by_one(chain):
    """Each is taken before the next comes."""
    before = len(chain.states())
    for n in range(PAYMENTS):
        chain.pay()
        chain.wait_settled(before + n + 1)


def test_the_outbox_is_not_waded_through_at_each_look(chain):
    chain.subscriber()
    chain.reconfigure(with_settings(chain.settings,
                                    service={"log_level": "error"}))
    chain.service.start()
    chain.db.wait_idle(seconds=1)  # has purged what other tests have left
    with snapshot_held(chain.db):
        few = pages_of(chain.db, lambda: pay_one_by_one(chain))
        capture_and_drain(chain, GONE)
        many = pages_of(chain.db, lambda: pay_one_by_one(chain))
    assert many < 3 * few


def queue_and_unqueue(chain, rows):
    """Very many deliveries that waited and are gone."""
    chain.db.sql("INSERT INTO delivery (event_id, action, state, lane, due_utc,"
                 " changed_utc) SELECT 1000000 + seq, 'sms', 'ready',"
                 " 'smspilot', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)"
                 f" FROM {numbers(rows)};"
                 "UPDATE delivery SET state = 'done' WHERE event_id > 1000000;"
                 "DELETE FROM delivery WHERE event_id > 1000000",
                 "mikbill_events")


def pay_at_once(chain, payments):
    """One call at a time: the others wait, and are claimed one by one."""
    before = len(chain.pilot.requests)
    values = ", ".join(["(1001, NOW(), 1, 5, 0, 100)"] * payments)
    chain.db.sql("INSERT INTO bugh_plategi_stat (uid, date, who, bughtypeid,"
                 f" before_billing, summa) VALUES {values}", "mikbill")
    chain.pilot.wait(before + payments, timeout=60)


def look_from_the_start(chain):
    """As is done once a second at most."""
    chain.db.sql("SELECT MIN(due_utc) FROM delivery WHERE state = 'ready'"
                 " AND lane = 'smspilot'", "mikbill_events")


def test_a_backlog_is_not_waded_through_at_each_claim(chain):
    chain.subscriber()
    chain.reconfigure(with_settings(chain.settings,
                                    smspilot={"connections": "1"}))
    chain.start()
    chain.db.wait_idle(seconds=1)  # has purged what other tests have left
    with snapshot_held(chain.db):
        few = pages_of(chain.db, lambda: pay_at_once(chain, 100))
        chain.wait_settled(100)
        queue_and_unqueue(chain, GONE)
        sweep = pages_of(chain.db, lambda: look_from_the_start(chain))
        begun = time.monotonic()
        many = pages_of(chain.db, lambda: pay_at_once(chain, 100))
        sweeps = 2 + time.monotonic() - begun
    assert many < 2.5 * few + sweeps * sweep
