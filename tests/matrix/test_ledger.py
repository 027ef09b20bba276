"""The ledger sees every lie: after a whole job one thing is changed, in a
table or in a book, and it complains of just that."""

import contextlib

import pytest

from matrix.scenario import WHOLE
from matrix.stage import Stage

SMS = ("79001234567", "sub1001: 2200.00 руб")

# What is said: the change, and how it is taken back.
ROWS = {
    "no event for ('payment'": (
        "UPDATE mikbill_events.event SET source_key ="
        " CONCAT('payment:other:1', SUBSTR(source_key, 8))"
        " WHERE source_key IS NOT NULL",
        "UPDATE mikbill_events.event SET source_key ="
        " CONCAT('payment', SUBSTR(source_key, 16))"
        " WHERE source_key IS NOT NULL"),
    "no event for ('tariff_change'": (
        "UPDATE mikbill_events.event SET uid = 7 WHERE uid = 1002",
        "UPDATE mikbill_events.event SET uid = 1002 WHERE uid = 7"),
    "has no delivery of social": (
        "UPDATE mikbill_events.delivery SET receiver = 9, event_id = event_id"
        " + 100 WHERE action = 'social'",
        "UPDATE mikbill_events.delivery SET receiver = 0, event_id = event_id"
        " - 100 WHERE action = 'social'"),
    "receipt of event": (
        "UPDATE mikbill_events.delivery SET state = 'dead'"
        " WHERE action = 'receipt'",
        "UPDATE mikbill_events.delivery SET state = 'done'"
        " WHERE action = 'receipt'"),
    "though smsc can be asked": (
        "UPDATE mikbill_events.delivery SET state = 'doubtful'"
        " WHERE action = 'social'",
        "UPDATE mikbill_events.delivery SET state = 'done'"
        " WHERE action = 'social'"),
    "and says nothing": (
        "UPDATE mikbill_events.delivery SET state = 'doubtful'"
        " WHERE provider = 'smspilot'",
        "UPDATE mikbill_events.delivery SET state = 'done'"
        " WHERE provider = 'smspilot'"),
    "sms_logs: too many rows with an error": (
        "UPDATE mikbill.sms_logs SET sms_error_text = 'x' LIMIT 1",
        "UPDATE mikbill.sms_logs SET sms_error_text = ''"),
    "bonus_topup of event": (
        "UPDATE mikbill.addons_pay_api SET amount = amount + 0.01"
        " WHERE misc_id LIKE 'mbev-topup%'",
        "UPDATE mikbill.addons_pay_api SET amount = amount - 0.01"
        " WHERE misc_id LIKE 'mbev-topup%'"),
    "bonus_loyalty of event": (
        "UPDATE mikbill.addons_pay_api SET user_ref = 7"
        " WHERE misc_id LIKE 'mbev-loyalty%'",
        "UPDATE mikbill.addons_pay_api SET user_ref = 1001"
        " WHERE misc_id LIKE 'mbev-loyalty%'"),
    "a bonus of nothing": (
        "INSERT INTO mikbill.addons_pay_api SET user_ref = 1, amount = 1,"
        " comment = '', misc_id = 'mbev-topup-0-0'",
        "DELETE FROM mikbill.addons_pay_api WHERE user_ref = 1"),
    "has earned one topup bonus, and has 0": (
        "UPDATE mikbill_events.delivery SET state = 'skipped'"
        " WHERE action = 'bonus_topup'",
        "UPDATE mikbill_events.delivery SET state = 'done'"
        " WHERE action = 'bonus_topup'"),
    "is not in logs": (
        "UPDATE mikbill.logs SET oldvalue = '11'",
        "UPDATE mikbill.logs SET oldvalue = '10'"),
    "has a discount still": (
        "INSERT INTO mikbill.users_custom_fields SET uid = 1002,"
        " `key` = 'ext_discount_subs', value = '10'",
        "DELETE FROM mikbill.users_custom_fields WHERE uid = 1002"),
    "but receipts_log": (
        "UPDATE mikbill.receipts_log SET state = 'new'",
        "UPDATE mikbill.receipts_log SET state = 'done'"),
    "a receipt too many": (
        "UPDATE mikbill.bugh_plategi_stat SET summa = summa - 0.01",
        "UPDATE mikbill.bugh_plategi_stat SET summa = summa + 0.01"),
}


@pytest.fixture(name="stage", scope="module")
def fixture_stage():
    """A whole job, done."""
    with Stage() as stage:
        stage.prepare(WHOLE)
        stage.book()
        stage.start()
        stage.wait_settled()
        stage.service.stop()
        yield stage
        assert stage.complaints() == []


def says(stage, words):
    """Does the ledger complain of that?"""
    return any(words in line for line in stage.complaints())


def test_it_has_nothing_to_say_of_what_is_right(stage):
    assert stage.complaints() == []
    assert set(stage.words().values()) == {"ok"}
    assert set(stage.ledger().counts().values()) == {0}


@pytest.mark.parametrize("words", ROWS)
def test_a_row_that_lies_is_seen(stage, words):
    lie, truth = ROWS[words]
    stage.db.sql(lie)
    try:
        assert says(stage, words), stage.complaints()
    finally:
        stage.db.sql(truth)


@contextlib.contextmanager
def more(book, one):
    """A book with one line more."""
    book.append(one)
    yield
    book.remove(one)


def test_a_message_that_was_taken_twice_is_seen(stage):
    with more(stage.pilot.taken, SMS):
        assert says(stage, "was taken 1 times too often")


def test_a_message_that_nobody_took_is_seen(stage):
    stage.pilot.taken.remove(SMS)
    try:
        assert says(stage, "no provider has message")
    finally:
        stage.pilot.taken.append(SMS)


def test_a_session_of_somebody_else_is_seen(stage):
    with more(stage.router.removed, b"other"):
        assert says(stage, "the session of other was not to be ended")


def test_a_session_that_goes_on_is_seen(stage):
    stage.router.removed.remove(b"sub1002")
    try:
        assert says(stage, "the session of sub1002 was not ended")
    finally:
        stage.router.removed.append(b"sub1002")


def test_another_sum_at_the_till_is_seen(stage):
    entry, = stage.till.receipts
    entry.kopecks += 1
    try:
        assert says(stage, "no receipt for")
    finally:
        entry.kopecks -= 1
