"""Fiscal receipts while everything breaks at once: services are killed, the
server forgets, the till loses replies or is away for days. Each payment and
refund has exactly one receipt all the same."""

import random
import time

import pymysql
import pytest
from pymysql.constants.ER import LOCK_DEADLOCK as DEADLOCK
from pymysql.constants.ER import LOCK_WAIT_TIMEOUT as LOCK_WAIT

from harness.komtet import http
from harness.process import wait_until
from integration.chain import Chain
from integration.fire import (Buyers, Fire, Gauge, enroll,
                              fixture_chain, fixture_db, make_server,
                              plan, settings_of, tell)  # noqa: F401

pytestmark = pytest.mark.plain


def test_the_service_is_killed_again_and_again(chain, till):
    dice = random.Random()
    bookings = plan(1, kept=1000, undone=111, subscribers=150)
    till.post_reply = till.flaky(
        1, late_by=1.2, lost_after=0.2, http500_accepted=0.04,
        html_accepted=0.02, lost_before=0.05, late=0.02, taken_late=0.02)
    till.look_reply = till.flaky(2, close=0.05, http502=0.05)
    enroll(chain, 150)
    fire = Fire(chain, till)
    chain.start()
    begun = time.monotonic()
    buyers = Buyers(chain.db, bookings, connections=50, seconds=20).start()
    while not fire.is_settled_within(dice.uniform(1, 2), buyers):
        fire.kill()
        assert time.monotonic() < begun + 180, fire.report()
    buyers.wait(0)
    assert len(buyers.acknowledged) == 1000 == len(fire.booked())
    tell("1000 of 1111 booked", fire, "kills", "lost replies", "repeats",
         "ids unknown", seconds=round(time.monotonic() - begun))
    fire.check()


@pytest.fixture(name="forgetful")
def fixture_forgetful(till):
    """The chain on a server that forgets its last commits in a crash."""
    for db in make_server("--innodb-flush-log-at-trx-commit=0"):
        one = Chain(db, None, settings_of(db, till))
        yield one
        one.close()


def forgotten(fire, buyers):
    """How many bookings the server acknowledged and does not know."""
    kept = {kopecks for _, _, kopecks in fire.booked()}
    return sum(abs(one.kopecks) not in kept for one in buyers.acknowledged)


def test_the_server_forgets_again_and_again(forgetful, till):
    """What the billing still has at the end has a receipt, nothing else."""
    dice, chain = random.Random(), forgetful
    till.post_reply = till.flaky(
        1, late_by=1.2, lost_after=0.15, http500_accepted=0.05,
        lost_before=0.05, late=0.02, taken_late=0.02)
    enroll(chain, 60)
    fire = Fire(chain, till)
    chain.start()
    begun = time.monotonic()
    buyers = Buyers(chain.db, plan(2, kept=620, undone=60, subscribers=60),
                    connections=20, seconds=18, mortal=True).start()
    crashes = 0
    while buyers.busy or crashes < 5:
        time.sleep(dice.uniform(1, 3))
        if crashes % 2:
            chain.service.kill()
            fire.kills += 1
        chain.db.kill()
        crashes += 1
        if dice.random() < 0.5:
            time.sleep(dice.uniform(0, 1))
        if not chain.service.pid:
            chain.service.start()
        chain.db.start()
        assert time.monotonic() < begun + 120, fire.report()
    buyers.wait()
    fire.wait_settled(60)
    lost = forgotten(fire, buyers)
    tell(f"{len(fire.booked())} booked", fire, "kills", "lost replies",
         "repeats", "ids unknown", "crashes", "forgotten", crashes=crashes,
         forgotten=lost, seconds=round(time.monotonic() - begun))
    fire.check()


MOVED_TABLES = ("outbox", "event", "delivery", "receipt", "till")


def half_a_day_later(db):
    """Every time in our tables is twelve hours further back; not the lease."""
    columns = db.sql(
        "SELECT table_name, GROUP_CONCAT(column_name, ' = ', column_name,"
        " ' - INTERVAL 12 HOUR') FROM information_schema.columns"
        f" WHERE table_schema = 'mikbill_events' AND data_type = 'datetime'"
        f" AND table_name IN {MOVED_TABLES} GROUP BY table_name")
    assert len(columns) == len(MOVED_TABLES)
    for table, changes in columns:
        def is_moved(statement=f"UPDATE {table} SET {changes}"):
            try:
                db.sql(statement, "mikbill_events")
                return True
            except pymysql.err.OperationalError as error:
                if error.args[0] not in (LOCK_WAIT, DEADLOCK):
                    raise
                return False
        wait_until(is_moved, 60, f"lock on {table}")


@pytest.mark.parametrize("down", ["stopped", "out of order"])
def test_the_till_is_away_for_three_days(chain, till, down):
    """Whoever waits, waits in order; and afterwards there is no storm."""
    connections, rate = 3, 40
    chain.reconfigure(settings_of(
        chain.db, till, connections=connections, rate=rate, timeout="10 s"))
    bookings = plan(3, kept=210, undone=0, subscribers=40)
    enroll(chain, 40)
    fire = Fire(chain, till)
    if down == "stopped":
        till.stop()
    till.reply = http(502)
    chain.start()
    for half_day in range(1, 7):
        Buyers(chain.db, bookings[35 * half_day - 35:35 * half_day],
               connections=5, seconds=0.5).start().wait()
        wait_until(lambda due=35 * half_day: len(fire.rows()) == due, 20,
                   "numbers of all receipts")
        time.sleep(0.5)
        if half_day % 2:
            fire.kill()
        half_a_day_later(chain.db)
        time.sleep(0.5)
        assert {row.stage for row in fire.rows()} == {"new"}, fire.report()
        assert set(chain.states()) <= {"ready", "retry", "calling"}
    fire.kill()
    # All but those of the last half day, which are twelve hours old.
    chain.service.wait_log(r"ALARM: 175 receipts are not fiscal after 24 h")
    begun = time.monotonic()
    gauge = till.reply = Gauge(till.ordinary_reply)
    if down == "stopped":
        till.start()
    fire.wait_settled(60)
    busiest = gauge.busiest(1)
    tell(f"three days {down}", fire, "held", "requests",
         held=chain.service.log_text().count("komtet is held"),
         requests=len(gauge.times), at_once=gauge.most,
         in_a_second=busiest, seconds=round(time.monotonic() - begun))
    fire.check()
    assert fire.unknown_ids() == 0
    assert gauge.most <= connections
    assert busiest <= rate + 3 * connections
