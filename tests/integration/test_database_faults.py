"""Whatever is wrong with the database server: payments get what they are owed,
once; the service comes back by itself; and its log tells of it once, with the
cure, while it lasts."""

import time
from contextlib import contextmanager

import pymysql
import pytest

from harness.billing import create_billing
from harness.process import wait_until
from harness.product import install
from harness.server import MariaDB
from integration.outage import WORKS, connections, drop, ends_well, slowly, wrong
from integration.shop import Payments, make_shop

pytestmark = pytest.mark.plain


@pytest.fixture(name="shop")
def fixture_shop(installed, pilot, till):
    """A shop on the module's server; its service is not started yet."""
    yield from make_shop(installed, pilot, till)


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
    ends_well(shop, "warning .* is away: 20(06|13)", "is away: 2002 .*started?")
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
        ours = shop.connections()
        time.sleep(3)
        shop.buy(2).wait_done().audit()
        assert shop.connections() == ours
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
    if shop.db.kind.is_mariadb:  # MySQL 5.6 does not count them
        [(_, all_of_them)] = shop.db.sql(
            "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'")
        assert int(all_of_them) >= max(deadlocks, 1)
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
