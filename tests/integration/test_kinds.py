"""What a payment type means: RULES A2."""

import json

import pytest

from harness.billing import facts, fill_dictionary
from harness.product import run_sql, with_settings

OURS = "mikbill_events"

# RULES 0.3, list N: what is no payment of a subscriber...
NO_PAYMENTS = {
    1, 2, 6, 7, 9, 10, 15, 16, 17, 18, 20, 21, 22, 23, 24, 25, 26, 27, 29, 30,
    32, 33, 34, 35, 36, 39, 42, 43, 46, 48, 49, 50, 51, 62, 64, 65, 72, 73,
    74, 75, 78, 79, 93, 99, 100, 103, 104, 105}
# ... and those of them that have a meaning of their own.
OTHER_KINDS = {7: "refund", 18: "credit_limit", 62: "api_payment"}
FEE, PAYMENT, REFUND, API, BONUS, UNKNOWN = 1, 5, 7, 62, 93, 60001


@pytest.fixture
def till_now(chain):
    """The chain whose service only ingests; types are as installed."""
    chain.reconfigure(with_settings(chain.settings,
                                    service={"reconcile": "0 s"}))
    chain.subscriber()
    tables = [f"{OURS}.payment_kind", "mikbill.bugh_plategi_type"]
    chain.db.sql("CREATE DATABASE kept")
    for number, table in enumerate(tables):
        chain.db.sql(f"CREATE TABLE kept.t{number} AS SELECT * FROM {table}")
    yield chain
    for number, table in enumerate(tables):
        chain.db.sql(f"DELETE FROM {table};"
                     f"INSERT INTO {table} SELECT * FROM kept.t{number}")
    chain.db.sql("DROP DATABASE kept")


def kinds(chain):
    """The kinds of what the service made events of, by type."""
    assert chain.service.once() == 0
    assert chain.db.sql("SELECT COUNT(*) FROM outbox", OURS) == [(0,)]
    return {json.loads(body)["type"]: kind for body, kind in chain.db.sql(
        "SELECT body, kind FROM event", OURS)}


def expected_kind(number, types):
    """From the rules' lists and the billing's own types."""
    if number in NO_PAYMENTS:
        return OTHER_KINDS.get(number)
    if number in types and types[number] != "+":
        return None
    return "payment"


@pytest.mark.parametrize("generation", ["legacy", "modern"])
def test_every_type_means_what_the_rules_say(till_now, generation):
    fill_dictionary(till_now.db, "mikbill", generation, "plategi-types")
    till_now.db.sql("DELETE FROM payment_kind", OURS)
    run_sql(till_now.db, "triggers.sql", "mikbill")
    types = {int(row["id"]): row["deposit_action"]
             for row in facts(f"plategi-types-{generation}")}
    numbers = range(1, 201)
    for number in numbers:
        till_now.pay(kind=number)
    expected = {number: expected_kind(number, types) for number in numbers}
    assert kinds(till_now) == {n: kind for n, kind in expected.items() if kind}


@pytest.mark.parametrize("summa, kind", [
    (50, "api_payment"), (0, "api_payment"), (-50, "api_refund")])
def test_api_payment_by_its_sign(till_now, summa, kind):
    till_now.pay(kind=API, summa=summa)
    assert kinds(till_now) == {API: kind}


def test_types_that_the_billing_got_later(till_now):
    actions = {60001: "+", 60002: "-", 60003: "?", 60004: "0", 60005: ""}
    for number, action in actions.items():
        till_now.db.sql("INSERT INTO bugh_plategi_type (bughtypeid, typename,"
                        f" deposit_action) VALUES ({number}, 'new',"
                        f" '{action}')", "mikbill")
        till_now.pay(kind=number)
    assert kinds(till_now) == {60001: "payment"}


@pytest.mark.parametrize("meaning, kind", [
    ("ignore", None), ("refund", "refund"), ("api", "api_payment"),
    ("credit_limit", "credit_limit"), ("payment", "payment")])
def test_the_dba_decides_what_a_type_means(till_now, meaning, kind):
    for number in (PAYMENT, BONUS, UNKNOWN):
        till_now.db.sql("REPLACE INTO payment_kind (bughtypeid, kind)"
                        f" VALUES ({number}, '{meaning}')", OURS)
        till_now.pay(kind=number)
    assert kinds(till_now) == ({number: kind for number in
                                (PAYMENT, BONUS, UNKNOWN)} if kind else {})


def test_types_without_a_row_of_ours_follow_the_billing(till_now):
    till_now.db.sql("DELETE FROM payment_kind", OURS)
    for number in (FEE, PAYMENT, REFUND, BONUS, UNKNOWN):
        till_now.pay(kind=number)
    assert kinds(till_now) == {number: "payment" for number in
                               (PAYMENT, BONUS, UNKNOWN)}


def test_a_type_of_which_we_know_no_meaning_is_told(till_now):
    """An empty ENUM: what a server that is not strict makes of a typo."""
    till_now.db.sql("SET sql_mode = ''; UPDATE payment_kind SET kind = 'paid'"
                    f" WHERE bughtypeid = {PAYMENT}", OURS)
    till_now.pay()
    assert till_now.service.once() == 0
    assert till_now.db.sql("SELECT uid, problem FROM event", OURS) == [
        (1001, "this version knows no such kind of event")]
