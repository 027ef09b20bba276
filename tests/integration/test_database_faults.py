"""Whatever is wrong with the database server: payments get what they are owed,
once; the service comes back by itself; and its log tells of it once, with the
cure, while it lasts."""

import re
import time
from contextlib import contextmanager

import pymysql
import pytest

from harness.billing import create_billing
from harness.process import wait_until
from harness.product import SERVICE_ACCOUNT, SERVICE_PASSWORD, install
from harness.server import MariaDB
from harness.standin import Reply
from integration.shop import Payments, make_shop

ACCOUNT = f"'{SERVICE_ACCOUNT}'@'localhost'"
WORKS = "engine: the database works again"


@pytest.fixture(name="shop")
def fixture_shop(installed, pilot, till):
    """A shop on the module's server; its service is not started yet."""
    yield from make_shop(installed, pilot, till)


@contextmanager
def wrong(shop, fault, undo):
    """Something is wrong with the server until the block ends."""
    shop.db.sql(fault)
    try:
        yield
    finally:
        shop.db.sql(undo)


def connections_of(cursor):
    """The service's connections, as the server knows them."""
    cursor.execute("SELECT id FROM information_schema.processlist"
                   f" WHERE user = '{SERVICE_ACCOUNT}'")
    return [one for (one,) in cursor.fetchall()]


def connections(shop):
    """The same, asked by the way."""
    with shop.db.connect() as link, link.cursor() as cursor:
        return connections_of(cursor)


def drop(shop, how="KILL"):
    """End the service's connections, or their statements."""
    for one in connections(shop):
        try:
            shop.db.sql(f"{how} {one}")
        except pymysql.err.Error:
            pass  # it has ended meanwhile


def slowly(shop, delay):
    """Calls last for a while."""
    shop.pilot.reply = lambda request: Reply(
        body=shop.pilot.ordinary_reply(request).body, delay=delay)
    shop.till.post_reply = shop.till.answer_late(delay)


def ends_well(shop, *told):
    """All is done, once; and just these lines alarm, each once."""
    shop.wait_done()
    shop.audit()
    shop.service.wait_log(WORKS)
    lines = shop.lines()
    assert len(lines) == len(told), "\n".join(lines)
    for words, line in zip(told, lines):
        assert re.search(words, line), line


# ---- the server is away, or hangs


def test_a_server_that_is_killed_in_the_middle_of_work(shop):
    shop.doubtful = True
    shop.start()
    with Payments(shop):
        for _ in range(3):
            time.sleep(1)
            shop.db.kill()
            shop.watch(0.7)
            shop.db.start()
    shop.wait_done().audit()
    shop.service.wait_log(WORKS)
    assert 1 <= len(shop.lines(" is away: ")) <= 4


def test_a_server_that_is_down_for_a_while(shop):
    slowly(shop, 1)
    shop.start().buy(3)
    shop.pilot.wait(3)
    shop.db.kill()
    shop.watch(12)
    shop.db.start()
    ends_well(shop, "warning .* is away: 2013", "is away: 2002 .*started?")
    assert len(shop.sent()) == 3


def test_a_server_that_hangs_is_waited_for(shop):
    """It is not dead: nothing is wrong but the time. A call that was to be
    sent just then is not sent late, but tried again."""
    slowly(shop, 0.5)
    shop.start()
    with Payments(shop, pause=0.1):
        time.sleep(1)
        shop.db.freeze()
        shop.watch(12, lines=0)
        shop.db.thaw()
        time.sleep(0.5)
    shop.wait_done().audit()
    assert shop.lines("engine:") == shop.lines(level="error") == []


def test_a_server_that_hangs_longer_than_the_service_waits(shop):
    """What it was told before that it does when it goes on."""
    shop.doubtful = True
    slowly(shop, 0.5)
    shop.start()
    with Payments(shop, pause=0.1):
        time.sleep(1)
        shop.db.freeze()
        shop.watch(45)
        shop.db.thaw()
        time.sleep(0.5)
    shop.wait_done().audit()
    shop.service.wait_log(WORKS)
    assert 1 <= len(shop.lines(" is away: ")) <= 3
    assert len(shop.lines("engine:")) == len(shop.lines(" is away: "))
    assert shop.lines(level="error") == []


@pytest.mark.parametrize("how", ["KILL", "KILL QUERY"])
def test_somebody_ends_connections_or_statements_again_and_again(shop, how):
    shop.doubtful = how == "KILL"
    shop.start()
    with Payments(shop):
        for _ in range(40):
            drop(shop, how)
            time.sleep(0.1)
    shop.wait_done().audit()
    shop.service.wait_log(WORKS)
    assert len(shop.lines()) <= 6
    assert not shop.lines(level="error")


def test_a_short_wait_timeout_of_the_server_costs_no_connection(shop):
    with wrong(shop, "SET GLOBAL wait_timeout = 1",
               "SET GLOBAL wait_timeout = 120"):
        shop.start()
        ours = connections(shop)
        time.sleep(3)
        shop.buy(2).wait_done().audit()
        assert connections(shop) == ours
    assert shop.lines() == []


@pytest.mark.parametrize("number", [21, 24, 27, 30])
def test_an_answer_that_never_comes_is_one_line_and_no_more(shop, number):
    """Whatever was asked, a COMMIT or a question."""
    shop.doubtful = True
    shop.start(MBEV_FAULT=f"db.sent:fail:{number}").buy(5)
    ends_well(shop, "warning engine: the database is away: not connected")


# ---- locks


def test_of_a_deadlock_with_an_operator_one_is_tried_again(shop):
    """The operator takes a delivery, then the owner's row; we do the
    reverse. Whoever is the victim: the work is done once."""
    slowly(shop, 0.2)
    shop.start()
    deadlocks = 0
    for _ in range(8):
        shop.buy()
        wait_until(lambda: "calling" in shop.states(), 10, "call")
        with shop.db.connect("mikbill_events", autocommit=False) as link, \
                link.cursor() as cursor:
            try:
                cursor.execute("UPDATE delivery SET reason = 'theirs'"
                               " ORDER BY id DESC LIMIT 3")
                time.sleep(0.4)
                cursor.execute("UPDATE owner SET inherited_id = inherited_id")
                link.commit()
            except pymysql.err.OperationalError as error:
                assert error.args[0] == 1213
                deadlocks += 1
    shop.wait_done().audit()
    (ours,), = shop.db.sql("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'"
                           )[0][1:],
    assert int(ours) >= max(deadlocks, 1)
    assert not shop.lines(level="error")


@pytest.mark.parametrize("table", [
    "owner", "event", "delivery", "receipt", "till", "router",
    "schema_version", "api_credit"])
def test_somebody_locks_a_table_of_ours(shop, table):
    shop.start().buy()
    with shop.db.connect("mikbill_events") as link, link.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {table} WRITE")
        shop.buy(3)
        shop.watch(5, lines=4)
    shop.wait_done().audit()
    assert not shop.lines(level="error")


# ---- the server says no while the service runs


def revoked(rights):
    """A right that is taken away, and given back."""
    return f"REVOKE {rights} FROM {ACCOUNT}", f"GRANT {rights} TO {ACCOUNT}"


def renamed(table):
    """A table of ours that is not there for a while."""
    return tuple(f"RENAME TABLE mikbill_events.{one} TO mikbill_events.{other}"
                 for one, other in ((table, "elsewhere"),
                                    ("elsewhere", table)))


REFUSALS = {
    "users": (*revoked("SELECT ON mikbill.users"),
              ["1142 .*users.*grants.sql", "sees no table users",
               "see above"]),
    "event": (*revoked("INSERT ON mikbill_events.event"),
              ["1142 .*event.*grants.sql"]),
    "delivery": (*revoked("UPDATE ON mikbill_events.delivery"),
                 ["1142 .*delivery.*grants.sql"]),
    "outbox": (*revoked("DELETE ON mikbill_events.outbox"),
               ["1142 .*outbox.*grants.sql"]),
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
    assert len(shop.lines()) <= len(told) + 1, lines


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

    def all_held():
        """Those that have just been ended hold theirs a moment longer."""
        try:
            while True:
                held.append(shop.connect())
        except pymysql.err.OperationalError as error:
            assert error.args[0] == 1040
        return not connections_of(root)
    with shop.db.connect() as link, link.cursor() as root:
        root.execute("SET GLOBAL max_connections = 10")
        try:
            all_held()
            for one in connections_of(root):
                root.execute(f"KILL {one}")
            wait_until(all_held, 10, "end of our connection")
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
    with wrong(shop, f"ALTER USER {ACCOUNT} WITH MAX_USER_CONNECTIONS 1",
               f"ALTER USER {ACCOUNT} WITH MAX_USER_CONNECTIONS 0"):
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
@pytest.mark.parametrize("door", CLOSED_DOORS)
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


# ---- no room


@pytest.fixture(name="full")
def fixture_full(pilot, till):
    """A shop where our tables have a space of their own, which can be full:
    the error is that of a full disk."""
    with MariaDB(options=[
            "--innodb-data-file-path=ibdata1:12M:autoextend:max:32M",
            "--innodb-autoextend-increment=1"]) as db:
        create_billing(db, "mikbill", "legacy")
        db.sql("SET GLOBAL innodb_file_per_table = 0")
        install(db)
        yield from make_shop(db, pilot, till)


@contextmanager
def no_room(shop):
    """Somebody fills the disk, to the last row; and makes room again."""
    with shop.db.connect("mikbill_events") as link, link.cursor() as cursor:
        cursor.execute("CREATE TABLE filler (id INT AUTO_INCREMENT PRIMARY"
                       " KEY, words VARCHAR(8000)) CHARACTER SET latin1")
        try:
            for size in (8000, 500, 20):
                with pytest.raises(pymysql.err.OperationalError, match="1114"):
                    for _ in range(20000):
                        cursor.execute("INSERT INTO filler (words) VALUES"
                                       f" (REPEAT('x', {size}))")
            yield
        finally:
            cursor.execute("DROP TABLE filler")


def test_our_tables_are_full(full):
    """The billing is paid all the same. What the trigger could not keep is
    not known to us; what it kept is done when there is room."""
    slowly(full, 1)
    full.start().buy(3)
    full.pilot.wait(3)
    with no_room(full):
        for uid in full.enroll(200):
            full.pay(uid)
        full.service.wait_log("error engine: .*1114 .*make room")
        full.watch(5)
        assert len(full.paid()) == 203
    full.wait_done()
    (captured,), = full.db.sql("SELECT COUNT(*) FROM event", "mikbill_events")
    assert captured < 203
    full.db.sql("DELETE FROM bugh_plategi_stat WHERE uid NOT IN"
                " (SELECT uid FROM mikbill_events.event)", "mikbill")
    full.audit()
    full.service.wait_log(WORKS)
    assert len(full.lines()) <= 4
