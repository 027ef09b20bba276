"""The database server refuses what the service asks of it, or does not let it
in: see test_database_faults.py."""

import re
from contextlib import contextmanager

import pymysql
import pytest

from harness.process import wait_until
from harness.product import SERVICE_ACCOUNT, SERVICE_PASSWORD
from integration.outage import (ACCOUNT, WORKS, connections_of, drop,
                                ends_well, slowly, wrong)
from integration.shop import Payments, make_shop

pytestmark = pytest.mark.plain


@pytest.fixture(name="shop")
def fixture_shop(installed, pilot, till):
    """A shop on the module's server; its service is not started yet."""
    yield from make_shop(installed, pilot, till)


# ---- the server says no while the service runs


def revoked(rights):
    """A right that is taken away, and given back."""
    return f"REVOKE {rights} FROM {ACCOUNT}", f"GRANT {rights} TO {ACCOUNT}"


def renamed(table):
    """A table of ours that is not there for a while."""
    return tuple(f"RENAME TABLE mikbill_events.{one} TO mikbill_events.{other}"
                 for one, other in ((table, "elsewhere"),
                                    ("elsewhere", table)))


# 1142 speaks of a table, 1143 of the first column that is refused: which
# one the server says depends on what it had open when the right went.
REFUSALS = {
    "users": (*revoked("SELECT ON mikbill.users"),
              ["114[23] .*users.*grants.sql", "sees no table users",
               "see above"]),
    "event": (*revoked("INSERT ON mikbill_events.event"),
              ["114[23] .*event.*grants.sql"]),
    "delivery": (*revoked("UPDATE ON mikbill_events.delivery"),
                 ["114[23] .*delivery.*grants.sql"]),
    "outbox": (*revoked("DELETE ON mikbill_events.outbox"),
               ["114[23] .*outbox.*grants.sql"]),
    "bonus": (*revoked("INSERT ON mikbill.addons_pay_api"),
              ["bonus_topup .* waits: .*1142"]),
    "no owner": (*renamed("owner"), ["1146 .*owner.*schema.sql"]),
    "no event": (*renamed("event"), ["1146 .*event.*schema.sql"]),
    "no delivery": (*renamed("delivery"), ["1146 .*delivery.*schema.sql"]),
    "no column": (
        "ALTER TABLE mikbill_events.delivery CHANGE error_code code"
        " VARCHAR(32)",
        "ALTER TABLE mikbill_events.delivery CHANGE code error_code"
        " VARCHAR(32)", ["1054 .*error_code.*schema.sql"]),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_the_server_refuses_something_for_a_while(shop, refusal):
    fault, undo, told = REFUSALS[refusal]
    shop.start().buy().wait_done()
    with wrong(shop, fault, undo):
        shop.buy(3)
        shop.service.wait_log(" error ")
        shop.watch(4)
    shop.wait_done().audit()
    lines = "\n".join(shop.lines())
    for words in told:
        assert re.search(f" error .*{words}", lines), lines
    # The server may have more than one way to say it.
    assert len(shop.lines()) <= len(told) + 2, lines


def test_the_server_is_read_only_for_a_while(shop):
    """The billing cannot be paid then, and what was paid before waits."""
    slowly(shop, 1)
    shop.start().buy(3)
    shop.pilot.wait(3)
    with wrong(shop, "SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0"):
        shop.service.wait_log("error engine: .* 1290")
        with Payments(shop) as payments:
            shop.watch(6, lines=0)
    assert {error.args[0] for error in payments.failed} == {1290}
    shop.buy(2)
    ends_well(shop, "error engine: the database refuses: 1290 .* replica")
    assert len(shop.sent()) == 5


def test_the_billing_pays_on_though_the_trigger_may_not_write(shop):
    """An account that may write to a read-only server: the trigger's may
    not."""
    shop.enroll(1)
    with wrong(shop, "SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0"):
        shop.db.sql("INSERT INTO bugh_plategi_stat SET uid=1000, date=NOW(),"
                    " who=1, bughtypeid=5, before_billing=0, summa=1",
                    "mikbill")
    assert shop.paid() == [1000]
    shop.db.sql("DELETE FROM bugh_plategi_stat", "mikbill")


# ---- the server lets nobody in


@contextmanager
def no_connection_left(shop):
    """Others hold all connections that the server has."""
    held = []

    def hold_all():
        """Take all that are free."""
        try:
            while True:
                held.append(shop.connect())
        except pymysql.err.OperationalError as error:
            assert error.args[0] == 1040

    def taken_away():
        """The service's connection was ended, and its place is taken; it may
        have been faster."""
        for one in connections_of(root):
            root.execute(f"KILL {one}")
        hold_all()
        return len(held) >= most and not connections_of(root)
    with shop.db.connect() as link, link.cursor() as root:
        root.execute("SET GLOBAL max_connections = 10")
        try:
            most = len(connections_of(root))
            hold_all()
            most += len(held)
            wait_until(taken_away, 10, "end of our connection")
            yield
        finally:
            root.execute("SET GLOBAL max_connections = 151")
            for one in held:
                one.close()


@contextmanager
def dropped(shop, fault, undo):
    """Something is wrong with the account, and its connection is ended."""
    with wrong(shop, fault, undo):
        drop(shop)
        yield


@contextmanager
def used_up(shop):
    """The account has one connection, and somebody else has it."""
    drop(shop)
    limit = f"GRANT USAGE ON *.* TO {ACCOUNT} WITH MAX_USER_CONNECTIONS"
    with wrong(shop, f"{limit} 1", f"{limit} 0"):
        def taken():
            drop(shop)
            try:
                return shop.db.connect(user=SERVICE_ACCOUNT,
                                       password=SERVICE_PASSWORD)
            except pymysql.err.OperationalError:
                return None
        with wait_until(taken, 10, "connection"):
            yield


CLOSED_DOORS = {
    "max_connections": (no_connection_left, "1040 .*max_connections"),
    "account limit": (used_up, "1226 .*ALTER USER"),
    "locked": (lambda shop: dropped(
        shop, f"ALTER USER {ACCOUNT} ACCOUNT LOCK",
        f"ALTER USER {ACCOUNT} ACCOUNT UNLOCK"), "4151 .*UNLOCK"),
    "password": (lambda shop: dropped(
        shop, f"SET PASSWORD FOR {ACCOUNT} = PASSWORD('another')",
        f"SET PASSWORD FOR {ACCOUNT} = PASSWORD('{SERVICE_PASSWORD}')"),
        r"1045 .*\[database\]"),
    "small packets": (lambda shop: dropped(
        shop, "SET GLOBAL max_allowed_packet = 65536",
        "SET GLOBAL max_allowed_packet = 16777216"),
        "65536 bytes.*raise max_allowed_packet"),
    "no schema": (lambda shop: dropped(shop, *renamed("schema_version")),
                  "cannot be read: 1146 .*schema.sql"),
}


@pytest.mark.parametrize("when", ["at the start", "after a drop"])
@pytest.mark.parametrize("door", [
    pytest.param(door, marks=pytest.mark.mariadb("MySQL 5.6 locks none"))
    if door == "locked" else door for door in CLOSED_DOORS])
def test_the_server_lets_nobody_in_for_a_while(shop, door, when):
    close, told = CLOSED_DOORS[door]
    if when == "after a drop":
        shop.start().buy().wait_done()
    uids = shop.enroll(2)
    with shop.connect() as billing, billing.cursor() as cursor, close(shop):
        if when == "at the start":
            shop.service.start()
        for uid in uids:
            cursor.execute("INSERT INTO bugh_plategi_stat SET uid=%s, who=1,"
                           " date=NOW(), bughtypeid=5, before_billing=0,"
                           " summa=2000", uid)
        shop.service.wait_log(f" error .*{told}")
        shop.watch(4)
    shop.wait_done().audit()
    shop.service.wait_log(WORKS)
    assert len(shop.lines(level="error")) <= 2
    assert SERVICE_PASSWORD not in shop.service.log_text()
