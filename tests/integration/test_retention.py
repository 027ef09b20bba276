"""What is finished and old goes, in small pieces; nothing else does."""

import time

import pytest

from harness.komtet import refuse
from harness.process import wait_until
from harness.product import with_settings
from harness.server import numbers as counted
from integration.chain import payment_sql
from integration.test_mbevctl import ctl
from integration.test_mbevctl_receipts import (numbers, receipts, shop,
                                               today, wait_stages)

__all__ = ["shop"]

SEAMS = ["retain.begun", "retain.deleted", "owner.commit", "retain.committed"]
STAYING = ["ready", "leased", "calling", "retry", "doubtful", "dead"]
GOING = ["done", "expired", "skipped", "cancelled"]


def ours(chain, text):
    """Rows of our own database."""
    return chain.db.sql(text, "mikbill_events")


def count(chain, table, where="1"):
    """How many rows there are."""
    return ours(chain, f"SELECT COUNT(*) FROM {table} WHERE {where}")[0][0]


def age(chain, days=181):
    """What happened so far was so long ago."""
    ours(chain, "UPDATE event SET captured_utc = captured_utc - INTERVAL"
                f" {days} DAY, ingested_utc = ingested_utc - INTERVAL {days}"
                " DAY; UPDATE delivery SET changed_utc = changed_utc"
                f" - INTERVAL {days} DAY")


def remember(chain, rows, state="done", days=181):
    """Old events of as many payments, with a delivery each."""
    first = int(ours(chain, "SELECT COALESCE(MAX(id), 0) + 1 FROM event")[0][0])
    then = f"UTC_TIMESTAMP(3) - INTERVAL {days} DAY"
    ours(chain, "INSERT INTO event (id, kind, uid, source_key, captured_utc,"
                f" ingested_utc, body) SELECT {first - 1} + seq, 'payment', 9,"
                f" CONCAT('payment:bugh_plategi_stat:', {first - 1} + seq,"
                f" ':9:2001-01-01 00:00:00:1.00'), {then}, {then}, '{{}}'"
                f" FROM {counted(rows)};"
                "INSERT INTO delivery (event_id, action, state, due_utc,"
                f" changed_utc) SELECT id, 'sms', '{state}', {then}, {then}"
                f" FROM event WHERE id >= {first}")
    return range(first, first + rows)


def newest(chain):
    """An event of today, so that those before are not the newest."""
    remember(chain, 1, days=0)


def wait_removed(chain, n=None):
    """A round has ended that removed so many."""
    chain.service.wait_log(f"retain: {n or '[0-9]+'} events", 60)


def test_what_is_finished_and_old_goes_with_all_that_belongs_to_it(chain):
    chain.subscriber()
    chain.start()
    for _ in range(3):
        chain.pay()
    chain.wait_states(*["done"] * 3)
    chain.service.stop()
    age(chain)
    rows = [int(key.split(":")[2]) for (key,) in ours(
        chain, "SELECT source_key FROM event")]
    ours(chain, "INSERT INTO api_credit SELECT id, id FROM event; INSERT INTO"
                " gap (source, from_utc, until_utc, reason) VALUES ('users',"
                " '2001-01-01', '2001-01-02', 'old'), ('users', '2001-01-01',"
                " NULL, 'open'), ('users', '2001-01-01', UTC_TIMESTAMP(3),"
                " 'new')")
    newest(chain)
    chain.start()
    wait_removed(chain, 3)
    assert count(chain, "event") == 1
    assert count(chain, "delivery") == 1 and count(chain, "api_credit") == 0
    assert ours(chain, "SELECT reason FROM gap ORDER BY id") == [
        ("open",), ("new",)]
    assert ours(chain, "SELECT * FROM forgotten") == [
        ("bugh_plategi_stat", max(rows))]


@pytest.mark.parametrize("state", STAYING + GOING)
def test_a_delivery_goes_by_its_state(chain, state):
    """Of what is due in a year nobody is told meanwhile."""
    kept = remember(chain, 1, state)
    ours(chain, "UPDATE delivery SET due_utc = UTC_TIMESTAMP(3) + INTERVAL 1"
                " YEAR")
    gone = remember(chain, 1)
    newest(chain)
    chain.start()
    wait_removed(chain, 1 if state in STAYING else 2)
    left = count(chain, "delivery", f"event_id = {kept[0]}")
    assert left == (1 if state in STAYING else 0)
    assert ours(chain, "SELECT row_id FROM forgotten") == [(gone[0],)]


def test_what_is_younger_than_keep_or_was_settled_just_now_stays(chain):
    young = remember(chain, 1, days=4)
    settled = remember(chain, 1, days=9)
    ours(chain, "UPDATE delivery SET changed_utc = UTC_TIMESTAMP(3) WHERE"
                f" event_id = {settled[0]}")
    remember(chain, 1, days=6)
    newest(chain)
    chain.reconfigure(with_settings(chain.settings,
                                    service={"keep": "5 days"}))
    chain.start()
    wait_removed(chain, 1)
    assert ours(chain, "SELECT event_id FROM delivery ORDER BY 1 LIMIT 2") == [
        (young[0],), (settled[0],)]
    assert count(chain, "delivery") == 3


def test_what_was_captured_late_is_kept_from_its_capture_on(chain):
    """A row dated last year, inserted just now: were its event removed, all
    younger ones could not be captured late any more."""
    late = remember(chain, 1, days=2)[0]
    ours(chain, "UPDATE event SET captured_utc = '2001-01-01'"
                f" WHERE id = {late}")
    gone = remember(chain, 1)
    newest(chain)
    chain.start()
    wait_removed(chain, 1)
    assert count(chain, "event", f"id = {late}") == 1
    assert ours(chain, "SELECT row_id FROM forgotten") == [(gone[0],)]


def test_one_open_delivery_keeps_its_event_and_all_its_deliveries(chain):
    event = remember(chain, 1)[0]
    ours(chain, "INSERT INTO delivery (event_id, action, state, due_utc,"
                f" changed_utc) VALUES ({event}, 'social', 'dead',"
                " '2001-01-01', '2001-01-01')")
    remember(chain, 1)
    newest(chain)
    chain.start()
    wait_removed(chain, 1)
    assert count(chain, "delivery", f"event_id = {event}") == 2


def test_the_newest_numbers_stay_so_that_none_is_given_twice(chain):
    """Neither of events nor of deliveries; receipts name events by number."""
    events = remember(chain, 5)
    ours(chain, f"DELETE FROM delivery WHERE event_id = {events[4]}; UPDATE"
                " delivery SET id = 1000000 ORDER BY id LIMIT 1")
    chain.start()
    wait_removed(chain, 3)
    assert ours(chain, "SELECT id FROM event ORDER BY id") == [
        (events[0],), (events[4],)]
    assert ours(chain, "SELECT id FROM delivery") == [(1000000,)]


def test_what_is_dead_goes_when_it_was_settled(chain):
    event = remember(chain, 1, "dead")[0]
    newest(chain)
    chain.start()
    chain.service.wait_log("engine: acting")
    chain.service.stop()
    assert count(chain, "event", f"id = {event}") == 1
    ours(chain, "UPDATE delivery SET state = 'cancelled'")
    chain.start()
    wait_removed(chain, 1)


def test_nothing_goes_when_everything_is_kept(chain):
    remember(chain, 2)
    newest(chain)
    chain.reconfigure(with_settings(chain.settings,
                                    service={"keep": "0 days"}))
    chain.subscriber()
    chain.start()
    chain.pay()
    chain.wait_settled(4)
    assert count(chain, "event") == 4


def test_credits_stay_when_events_go_before_bonuses_stop_looking_back(chain):
    remember(chain, 1, days=9)
    ours(chain, "INSERT INTO api_credit SELECT id, id FROM event")
    newest(chain)
    chain.reconfigure(with_settings(chain.settings,
                                    service={"keep": "5 days"}))
    chain.start()
    wait_removed(chain, 1)
    assert count(chain, "api_credit") == 1


def tables(chain):
    """What mbevctl says of all receipts, and of those of today."""
    return [ctl(chain, "receipts", *words).stdout
            for words in ([], [today()])]


def test_receipts_stay_and_are_shown(shop, till):
    shop.start()
    shop.pay(summa=150)
    wait_stages(shop, "done")
    shop.service.stop()
    event, number = receipts(shop, "event_id, number")[0]
    age(shop)
    newest(shop)
    before = tables(shop)
    shop.start()
    wait_removed(shop, 1)
    assert tables(shop) == before
    assert number in before[1]
    shown = ctl(shop, "show", str(event))
    assert shown.returncode == 0
    assert number in shown.stdout and "fiscal" in shown.stdout
    assert "removed" in shown.stdout
    assert ctl(shop, "show", str(event + 1000)).returncode != 0
    assert till.requests


@pytest.mark.parametrize("stage,goes", [
    ("new", False), ("accepted", False), ("failed", False),
    ("refused", False), ("doubtful", False), ("burnt", False),
    ("replaced", False), ("done", True), ("closed", True)])
def test_an_event_goes_by_the_stage_of_its_receipt(chain, stage, goes):
    """Whatever its delivery says."""
    event = remember(chain, 1)[0]
    remember(chain, 1)
    ours(chain, "INSERT INTO receipt (event_id, uid, number, log_table,"
                " log_id, back, kopecks, contact, stage, day, created_utc)"
                f" VALUES ({event}, 9, '1', 'receipts_log', 1, 0, 100, 'x',"
                f" '{stage}', CURDATE(), UTC_TIMESTAMP(3))")
    newest(chain)
    chain.start()
    wait_removed(chain, 2 if goes else 1)
    assert count(chain, "event", f"id = {event}") == (0 if goes else 1)
    assert count(chain, "receipt") == 1


def test_a_receipt_that_was_refused_waits_for_the_operator(shop, till):
    till.post_reply = refuse()
    shop.start()
    shop.pay(summa=150)
    wait_stages(shop, "refused")
    shop.service.stop()
    age(shop)
    remember(shop, 1)
    newest(shop)
    shop.start()
    wait_removed(shop, 1)
    till.post_reply = till.honest
    number = numbers(shop)[0]
    assert ctl(shop, "receipts", "retry", number,
               "--yes").returncode == 0
    wait_stages(shop, "replaced", "done")


@pytest.mark.parametrize("seam", SEAMS)
def test_killed_in_between_nothing_is_half_gone(chain, seam):
    gone = remember(chain, 300)
    newest(chain)
    chain.service.env["MBEV_FAULT"] = f"{seam}:kill"
    chain.service.start()
    wait_until(lambda: not chain.service.running, 30, "end")
    events = count(chain, "event")
    assert count(chain, "delivery") == events
    assert events in ((301, 101) if seam == "retain.committed" else (301,))
    assert ours(chain, "SELECT row_id FROM forgotten") == (
        [] if events == 301 else [(gone[199],)])
    chain.start(MBEV_FAULT="")
    wait_until(lambda: count(chain, "event") == 1, 30, "end of the old")
    assert count(chain, "delivery") == 1
    assert ours(chain, "SELECT row_id FROM forgotten") == [(gone[-1],)]


def waits(chain):
    """How often anybody has waited for a row."""
    return ours(chain, "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_waits'")


@pytest.mark.parametrize("table", ["event", "delivery"])
def test_a_row_that_somebody_holds_keeps_nothing_waiting(chain, table):
    remember(chain, 1)
    newest(chain)
    chain.subscriber()
    held = chain.db.connect("mikbill_events", autocommit=False)
    with held, held.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} ORDER BY id LIMIT 1"
                       " FOR UPDATE")
        before = waits(chain)
        chain.start()
        chain.service.wait_log("retain: somebody holds")
        for n in range(3):
            chain.pay()
            chain.wait_settled(3 + n)
        assert count(chain, "event") == 5
        if chain.db.kind.is_mariadb:  # MySQL 5.6 knows no NOWAIT
            assert waits(chain) == before
        held.rollback()
    chain.service.stop()
    chain.start()
    wait_until(lambda: count(chain, "event") == 4, 30, "end of the old")


def test_a_missing_right_does_not_stop_the_service(chain):
    remember(chain, 1)
    newest(chain)
    chain.subscriber()
    chain.db.sql("REVOKE DELETE ON mikbill_events.event FROM"
                 " mbev_service@localhost")
    try:
        chain.start()
        chain.service.wait_log("retain: .* cannot be removed: 1142")
        chain.pay()
        chain.wait_settled(3)
    finally:
        chain.db.sql("GRANT DELETE ON mikbill_events.event TO"
                     " mbev_service@localhost")
    assert count(chain, "event") == 3


def test_very_many_go_while_payments_are_served(chain):
    remember(chain, 25_000)
    ours(chain, "UPDATE delivery SET state = 'dead' WHERE id MOD 1000 = 0")
    dead = count(chain, "delivery", "state = 'dead'")
    newest(chain)
    chain.subscriber()
    chain.start()
    paid = 0
    with chain.db.connect("mikbill") as link, link.cursor() as cursor:
        while count(chain, "event") > dead + paid + 1:
            cursor.execute(payment_sql(1001, 100 + paid))
            paid += 1
            time.sleep(0.05)
            assert paid < 4000
    chain.wait_settled(dead + paid + 1)
    wait_removed(chain, 25_000 - dead)
    chain.service.wait_log(r"retain: at event \d+ of \d+: \d+ removed so far")
    assert paid > 10 and count(chain, "outbox") == 0
    assert count(chain, "event") == dead + paid + 1
    assert sorted(chain.sent()) == sorted(
        ("79001234567", f"sub1001: {100 + n}.00 руб") for n in range(paid))
