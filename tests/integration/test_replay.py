"""mbevctl replay, mbevctl gaps, and what status says of gaps."""

import pytest

from harness.product import run_sql, with_settings
from harness.server import numbers
from integration.chain import payment_sql
from integration.test_mbevctl import ctl
from integration.test_reconcile import (OURS, PAYMENTS, SERVICES,
                                        drop_trigger, events, gaps, pay,
                                        unseen)

DAY = ("--from", "2026-01-05", "--to", "2026-01-05")


@pytest.fixture
def calm(chain):
    """The chain whose service does not reconcile; all triggers are there."""
    chain.reconfigure(with_settings(chain.settings,
                                    service={"reconcile": "0 s"}))
    run_sql(chain.db, "triggers.sql", "mikbill")
    chain.subscriber()
    return chain


def at(chain, date, summa=100, kind=5):
    """A payment of that date; its plategid."""
    with chain.db.connect("mikbill") as link, link.cursor() as cursor:
        cursor.execute(payment_sql(1001, summa, kind).replace(
            "NOW()", f"'{date}'"))
        return cursor.lastrowid


def lines(answer):
    """Rows of the table as lists of words: key first."""
    return [line.split(None, 6)[1:] for line in answer.stdout.splitlines()
            if line.startswith("bugh_")]


def test_a_dry_run_shows_what_would_be_captured_and_changes_nothing(calm):
    known = at(calm, "2026-01-05 10:00:00", 11)
    assert calm.service.once() == 0
    drop_trigger(calm)
    missed = at(calm, "2026-01-05 23:59:59", 12.5)
    at(calm, "2026-01-06 00:00:00")
    at(calm, "2026-01-04 23:59:59")
    at(calm, "2026-01-05 12:00:00", kind=1)
    done = ctl(calm, "replay", *DAY, "--dry-run")
    assert done.returncode == 0 and done.stderr == ""
    assert lines(done) == [
        [str(known), "1001", "payment", "11.00", "2026-01-05",
         "10:00:00  captured already"],
        [str(missed), "1001", "payment", "12.50", "2026-01-05",
         "23:59:59  would be captured"]]
    assert "1 would be captured; 1 captured already" in done.stdout
    assert len(events(calm)) == 1 and gaps(calm) == []
    assert calm.db.sql("SELECT COUNT(*) FROM outbox", OURS) == [(0,)]


def test_what_was_missed_is_captured_and_done_once(calm):
    missed = unseen(calm)
    drop_trigger(calm, "mbev_ai_bugh_uslugi_stat")
    calm.db.sql(f"INSERT INTO {SERVICES} SET uid=1001, gid=5, usluga=1,"
                " date_start=NOW()", "mikbill")
    calm.start()
    words = ("replay", "--from", "2026-01-01", "--to", "2036-01-01", "--yes")
    done = ctl(calm, *words)
    assert done.returncode == 0
    assert "2 captured, the service does the rest" in done.stdout
    calm.wait_states("done")
    assert sorted(events(calm, "kind")) == [("credit",), ("payment",)]
    assert gaps(calm, "row_id, kind, reason")[0] == (
        missed, "payment", "captured late by mbevctl replay")
    assert '"late":"replay"' in events(calm, "body")[0][0]
    done = ctl(calm, *words)
    assert "0 to be captured; 2 captured already" in done.stdout
    assert len(events(calm)) == 2


def test_it_asks_first(calm):
    at(calm, "2026-01-05 10:00:00")
    calm.db.sql("DELETE FROM outbox", OURS)
    done = ctl(calm, "replay", *DAY)
    assert done.returncode == 64 and "say --yes" in done.stderr
    assert calm.db.sql("SELECT COUNT(*) FROM outbox", OURS) == [(0,)]


def test_what_waits_in_the_outbox_is_captured_already(calm):
    for _ in range(3):
        at(calm, "2026-01-05 10:00:00")
    done = ctl(calm, "replay", *DAY, "--yes")
    assert "0 to be captured; 3 captured already" in done.stdout
    assert calm.db.sql("SELECT COUNT(*) FROM outbox", OURS) == [(3,)]


@pytest.mark.parametrize("words, count", [
    (("2026-01-05", "10:00", "--to", "2026-01-05", "10:59"), 2),
    (("2026-01-05 10:00:01", "--to", "2026-01-05 11:00:00"), 2),
    (("2026-01-05", "11:00", "--to", "2026-01-06"), 1)])
def test_times_of_day(calm, words, count):
    drop_trigger(calm)
    for time in ("10:00:00", "10:59:59", "11:00:00"):
        at(calm, f"2026-01-05 {time}")
    done = ctl(calm, "replay", "--from", *words, "--dry-run")
    assert len(lines(done)) == count, done.stdout


def test_only_some_kinds(calm):
    drop_trigger(calm)
    for kind in (5, 7, 18, 62):
        at(calm, "2026-01-05 10:00:00", kind=kind)
    done = ctl(calm, "replay", *DAY, "--kind", "refund,api_payment", "--yes")
    assert [row[2] for row in lines(done)] == ["refund", "api_payment"]
    assert calm.db.sql("SELECT kind FROM outbox ORDER BY id", OURS) == [
        ("refund",), ("api_payment",)]


def test_what_lies_below_the_horizon_is_refused_with_the_reason(calm):
    drop_trigger(calm)
    below = at(calm, "2026-01-05 10:00:00")
    above = at(calm, "2026-01-05 10:00:00")
    calm.db.sql(f"INSERT INTO forgotten VALUES ('{PAYMENTS}', {below})", OURS)
    done = ctl(calm, "replay", *DAY, "--yes")
    assert done.returncode == 65
    assert "refused: older than the installation" in done.stdout
    assert gaps(calm, "row_id") == [(above,)]


def test_a_row_that_was_changed_is_shown_and_left_alone(calm):
    plategid = at(calm, "2026-01-05 10:00:00")
    assert calm.service.once() == 0
    calm.db.sql(f"UPDATE {PAYMENTS} SET summa = 5"
                f" WHERE plategid = {plategid}", "mikbill")
    done = ctl(calm, "replay", *DAY, "--yes")
    assert "changed in the billing since" in done.stdout
    assert len(events(calm)) == 1


def test_a_type_that_was_ignored_is_captured_when_the_operator_says_so(calm):
    """What reconciliation leaves alone."""
    at(calm, "2026-01-05 10:00:00", kind=1)
    calm.db.sql("UPDATE payment_kind SET kind = 'payment'"
                " WHERE bughtypeid = 1", OURS)
    try:
        assert "1 captured, " in ctl(calm, "replay", *DAY, "--yes").stdout
    finally:
        calm.db.sql("UPDATE payment_kind SET kind = 'ignore'"
                    " WHERE bughtypeid = 1", OURS)


@pytest.mark.parametrize("words", [
    (), ("--from", "2026-01-05"), ("--from", "x", "--to", "2026-01-05"),
    ("--from", "2026-02-30", "--to", "2026-03-01"),
    ("--from", "2026-01-05", "--to", "2026-01-04"),
    (*DAY, "--kind", "tariff_change"), (*DAY, "--kind", "bonus"),
    (*DAY, "--kind", ""), (*DAY, "--dry"), (*DAY, "2026-01-05")])
def test_words_that_make_no_sense(calm, words):
    assert ctl(calm, "replay", *words).returncode == 64


def test_more_than_a_page(calm):
    drop_trigger(calm)
    calm.db.sql(
        f"INSERT INTO {PAYMENTS} (uid, date, bughtypeid, before_billing,"
        " summa) SELECT 1001, '2026-01-05 10:00:00', IF(seq % 3, 1, 5), 0,"
        f" 100 FROM {numbers(3100)}", "mikbill")
    done = ctl(calm, "replay", *DAY, "--yes")
    assert "1033 captured, " in done.stdout
    assert calm.db.sql("SELECT COUNT(*), COUNT(DISTINCT body) FROM outbox",
                       OURS) == [(1033, 1033)]


def test_two_at_the_same_time_make_one_event_each(calm):
    drop_trigger(calm)
    for n in range(20):
        at(calm, "2026-01-05 10:00:00", 100 + n)
    for _ in range(2):
        ctl(calm, "replay", *DAY, "--yes")
        calm.db.sql("DROP TABLE IF EXISTS spare;"
                    "CREATE TABLE spare AS SELECT * FROM outbox;"
                    "DELETE FROM outbox", OURS)
    try:
        for _ in range(2):
            calm.db.sql("INSERT INTO outbox (captured_utc, kind, body)"
                        " SELECT captured_utc, kind, body FROM spare", OURS)
        assert calm.service.once() == 0
    finally:
        calm.db.sql("DROP TABLE spare", OURS)
    assert len(events(calm)) == 20


# ---- gaps


def test_gaps_lists_what_was_captured_late(calm):
    assert ctl(calm, "gaps").stdout == "none\n"
    missed = unseen(calm)
    ctl(calm, "replay", "--from", "2026-01-01", "--to", "2036-01-01", "--yes")
    answer = ctl(calm, "gaps").stdout
    assert PAYMENTS in answer and str(missed) in answer
    assert "captured late by mbevctl replay" in answer


def test_status_tells_of_gaps(calm):
    assert "late" not in ctl(calm, "status").stdout
    calm.reconfigure(with_settings(calm.settings,
                                   service={"reconcile": "1 min"}))
    drop_trigger(calm, "mbev_au_users")
    unseen_payment = pay(calm)
    calm.db.sql("DELETE FROM outbox", OURS)
    assert calm.service.once() == 0
    answer = ctl(calm, "status").stdout
    assert "NOT SEEN     changes of users may have been missed from" in answer
    assert "to now UTC: its trigger is missing" in answer
    assert "late         1 rows of bugh_plategi_stat were captured late in" \
        " the last 24 h" in answer
    assert str(unseen_payment) in ctl(calm, "gaps").stdout
    run_sql(calm.db, "triggers.sql", "mikbill")
    assert calm.service.once() == 0
    answer = ctl(calm, "status").stdout
    assert "NOT SEEN" not in answer
    assert "gap          changes of users may have been missed from" in answer
