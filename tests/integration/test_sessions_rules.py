"""After which events sessions are ended, and why not after the others."""

import pytest

from harness.billing import create_billing
from harness.product import default_settings, install
from harness.routeros import RouterOS
from harness.server import MariaDB
from integration.chain import Chain, payment_sql
from integration.conftest import make_chain
from integration.sessions import also, nas, reasons, resets

pytestmark = pytest.mark.plain

TODAY = "DAY(NOW())"
ANOTHER_DAY = "DAY(NOW()) % 28 + 1"
FIRES = ("done", "there is no router in radnas")
NO_LOGIN = "the login cannot have a session: "
BLOCKED = ("skipped", "the subscriber is blocked")
NO_CREDIT = ("skipped", "there is no credit")

PAYMENT, REFUND, LIMIT, API, CHARGE, GIFT = 5, 7, 18, 62, 1, 16


def pays(summa=100, kind=PAYMENT, date="NOW()"):
    """Statement that books a payment."""
    return lambda uid: payment_sql(uid, summa, kind).replace("NOW()", date)


def takes_credit(uid):
    """Statement that books the service Credit."""
    return (f"INSERT INTO bugh_uslugi_stat SET uid={uid}, gid=5, usluga=1,"
            " date_start=NOW(), active=1")


def changes_tariff(uid):
    """Statement that changes the tariff."""
    return f"UPDATE users SET gid=9 WHERE uid={uid}"


def who(table="users", **columns):
    """A subscriber, as columns of its row."""
    return {"table": table, "date_abonka": TODAY, **columns}


# name -> a subscriber, what happens, what becomes of it
CASES = {
    "payment on the day of the fee": (who(), pays(), FIRES),
    "a payment below zero": (who(), pays(-5), FIRES),
    "a payment on another day": (
        who(date_abonka=ANOTHER_DAY), pays(),
        ("skipped", "it is not the day of the monthly fee (%d,"
                    " users.date_abonka)")),
    "a blocked one pays": (who(blocked=1), pays(), BLOCKED),
    "a frozen one pays": (
        who("usersfreeze"), pays(),
        ("skipped", "the subscriber is in table usersfreeze")),
    "one in usersblok pays": (
        who("usersblok"), pays(),
        ("skipped", "the subscriber is in table usersblok")),
    "nobody pays": (
        None, pays(), ("skipped", "there is no such subscriber")),
    "a charge": (who(), pays(50, CHARGE), None),
    "a gift": (who(), pays(50, GIFT), None),
    "payment by the interface": (who(), pays(10, API), FIRES),
    "payment by the interface on another day": (
        who(date_abonka=ANOTHER_DAY), pays(10, API),
        ("skipped", "it is not the day of the monthly fee (%d,"
                    " users.date_abonka)")),
    "refund by the interface on another day": (
        who(date_abonka=ANOTHER_DAY), pays(-10, API), FIRES),
    "refund on another day": (
        who(date_abonka=ANOTHER_DAY), pays(-10, REFUND), FIRES),
    "refund to a blocked one": (who(blocked=1), pays(-10, REFUND), BLOCKED),
    "credit": (who(credit=300), takes_credit, FIRES),
    "credit of 0": (who(), takes_credit, NO_CREDIT),
    "credit of a blocked one": (
        who(credit=300, blocked=1), takes_credit, BLOCKED),
    "limit": (who(credit=300), pays(0, LIMIT), FIRES),
    "limit of 0": (who(), pays(0, LIMIT), NO_CREDIT),
    "limit of a blocked one": (
        who(credit=300, blocked=1), pays(0, LIMIT), BLOCKED),
    "change of tariff": (who(), changes_tariff, FIRES),
    "change of tariff of a blocked one": (
        who(blocked=1), changes_tariff, FIRES),
    "a payment dated half an hour back": (
        who(), pays(date="NOW() - INTERVAL 30 MINUTE"), FIRES),
    "a payment dated two hours back": (
        who(), pays(date="NOW() - INTERVAL 2 HOUR"),
        ("skipped", "the row is back-dated by 7200 s, more than the 3600 s"
                    " allowed")),
    "empty login": (
        who(user="''"), pays(),
        ("skipped", NO_LOGIN + "the login is empty")),
    "login with a line feed": (
        who(user="'a\\nb'"), pays(),
        ("skipped", NO_LOGIN + "the login has a control character in it")),
    "login with a DEL": (
        who(user=f"'a{chr(0x7F)}b'"), pays(),
        ("skipped", NO_LOGIN + "the login has a control character in it")),
    "login of 64 bytes": (who(user=f"'{32 * 'ж'}'"), pays(), FIRES),
    "login of 96 bytes": (
        who(user=f"'{32 * '─'}'"), pays(),
        ("skipped", NO_LOGIN + "the login is longer than 64 bytes")),
}
UIDS = dict(zip(CASES, range(2001, 3000)))


def enrol(db, uid, table, **columns):
    """A subscriber."""
    columns = {"uid": uid, "user": f"'sub{uid}'", "gid": 5, **columns}
    text = ", ".join(f"{name}={value}" for name, value in columns.items())
    db.sql(f"INSERT INTO {table} SET {text}", "mikbill")


@pytest.fixture(name="verdicts", scope="module")
def fixture_verdicts(installed):
    """uid -> (state, reason) after all that happens in CASES."""
    chain = resets(Chain(installed, None, default_settings(installed)))
    for name, (one, event, _) in CASES.items():
        if one:
            enrol(chain.db, UIDS[name], **one)
        chain.db.sql(event(UIDS[name]), "mikbill")
    chain.start()
    chain.wait_settled(sum(case[2] is not None for case in CASES.values()))
    found = {uid: rest for uid, *rest in chain.db.sql(
        "SELECT e.uid, d.state, d.reason FROM event AS e"
        " JOIN delivery AS d ON d.event_id = e.id", "mikbill_events")}
    chain.close()
    return {uid: tuple(rest) for uid, rest in found.items()}


@pytest.mark.parametrize("name", CASES)
def test_after(verdicts, name):
    uid, expected = UIDS[name], CASES[name][2]
    found = verdicts.get(uid)
    if expected and "%d" in expected[1]:
        assert found[0] == expected[0]
        before, behind = expected[1].split("%d")
        assert found[1].startswith(before) and found[1].endswith(behind)
    else:
        assert found == expected


# ---- the modern schema


@pytest.fixture(name="modern")
def fixture_modern():
    """The chain on a modern billing."""
    with MariaDB() as db:
        create_billing(db, "mikbill", "modern")
        install(db)
        yield from make_chain(db, type("", (), {"url": "http://127.0.0.1:9"}))


def test_on_a_modern_billing_the_state_decides(modern):
    """But not after a change of tariff."""
    resets(modern)
    for state in (1, 2, 3, 4):
        enrol(modern.db, state, **who(state=state))
        modern.db.sql(pays()(state), "mikbill")
    modern.db.sql(changes_tariff(4), "mikbill")
    modern.start()
    modern.wait_states("done", "skipped", "skipped", "skipped", "done")
    assert reasons(modern)[1:4] == [
        f"the subscriber is not active (state {state})"
        for state in (2, 3, 4)]


# ---- several of one subscriber


@pytest.fixture(name="router")
def fixture_router():
    """A router, where the subscriber is online."""
    with RouterOS() as router:
        router.online("sub1001")
        yield router


@pytest.fixture(name="busy")
def fixture_busy(chain, router):
    """The chain with time to settle; the subscriber has no credit yet."""
    resets(chain, port=router.port)
    also(chain, session_reset={"after": "800 ms"})
    nas(chain)
    enrol(chain.db, 1001, **who())
    return chain


def test_several_events_at_the_same_time_are_one_reset(busy, router):
    busy.db.sql("UPDATE users SET credit=1", "mikbill")
    busy.start()
    busy.pay()
    busy.credit()
    busy.change_tariff()
    busy.wait_states("skipped", "skipped", "done")
    ((last,),) = busy.deliveries("event_id", "state = 'done'")
    assert reasons(busy) == [
        *[f"one reset for all, with that of event {last}"] * 2,
        "1 session ended on 127.0.0.1"]
    assert len(router.commands) == 1


def test_a_later_event_that_asks_for_none_takes_no_earlier_one_along(
        busy, router):
    busy.start()
    busy.change_tariff()
    busy.credit()
    busy.wait_states("done", "skipped")
    assert reasons(busy) == ["1 session ended on 127.0.0.1",
                             "there is no credit"]
    assert len(router.commands) == 1


def test_events_of_different_subscribers_are_not_one_reset(busy, router):
    enrol(busy.db, 1002, **who())
    router.online("sub1002")
    busy.start()
    busy.change_tariff(1001)
    busy.change_tariff(1002)
    busy.wait_states("done", "done")
    assert sorted(router.removed) == [b"sub1001", b"sub1002"]


def test_an_event_after_the_reset_makes_another_one(busy, router):
    busy.start()
    busy.change_tariff()
    busy.wait_states("done")
    router.online("sub1001")
    busy.change_tariff(gid=7)
    busy.wait_states("done", "done")
    assert router.removed == [b"sub1001"] * 2


def test_what_the_billing_does_within_the_settle_time_counts(busy, router):
    busy.db.sql("UPDATE users SET blocked=1", "mikbill")
    busy.start().pay()
    busy.service.wait_log("ingest")
    busy.db.sql("UPDATE users SET blocked=0", "mikbill")
    busy.wait_states("done")
    assert router.removed == [b"sub1001"]


def test_a_new_reset_takes_the_place_of_one_that_waits_for_a_router(
        busy, router):
    router.stop()
    busy.start().change_tariff()
    busy.wait_states("retry")
    busy.change_tariff(gid=7)
    busy.wait_states("skipped", "retry")
    ((last,),) = busy.deliveries("event_id", "state = 'retry'")
    assert reasons(busy)[0] == f"one reset for all, with that of event {last}"
    router.start()
    busy.wait_states("skipped", "done")
    assert router.removed == [b"sub1001"]
