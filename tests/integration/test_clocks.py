"""Clocks that jump, zones that change, and a database that is put back to an
older state."""

import shutil
import time

import pytest

from harness.billing import create_billing
from harness.clock import Clock
from harness.process import wait_until
from harness.product import install, with_settings
from harness.server import MariaDB
from harness.standin import Reply
from integration.conftest import make_chain
from integration.shop import Shop, make_shop

pytestmark = pytest.mark.plain

BUSY = '{"error":{"code":"110","description":"busy"}}'


@pytest.fixture(name="clock", scope="module")
def fixture_clock(tmp_path_factory):
    """The wall clock of the server."""
    return Clock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(name="clocked", scope="module")
def fixture_clocked(clock):
    """A server of the module that goes by that clock, in a zone with summer
    time."""
    with MariaDB(env={**clock.env, "TZ": "Europe/Berlin"}) as db:
        create_billing(db, "mikbill", "legacy")
        install(db)
        yield db


@pytest.fixture(name="shop")
def fixture_shop(clock, clocked, pilot, till):
    """A shop there; its service is not started yet."""
    clock.shift()
    for shop in make_shop(clocked, pilot, till):
        yield shop
        shop.close()
        clock.shift()


def busy_at_first(shop):
    """Every message is tried twice."""
    shop.pilot.reply = lambda request: (
        Reply(body=BUSY) if [one.params["to"] for one in shop.pilot.requests]
        .count(request.params["to"]) == 1
        else shop.pilot.ordinary_reply(request))


JUMPS = [{"hours": 1}, {"hours": -1}, {"days": 1}, {"days": -1}]


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_the_clock_of_the_server_jumps_while_all_is_done_at_once(
        shop, clock, jump):
    """What is captured after the jump, and what has been done before."""
    shop.start().buy(3).wait_done()
    clock.shift(**jump)
    shop.buy(3).wait_done().audit()
    assert [line for line in shop.lines() if " jump: " not in line] == []


@pytest.mark.parametrize("jump", [{"hours": 1}, {"hours": 23}], ids=str)
def test_forward_what_waits_is_due_at_once(shop, clock, jump):
    shop.configure(notice={"retry_first": "10 min", "retry_longest": "10 min"})
    busy_at_first(shop)
    shop.start().buy(3)
    wait_until(lambda: shop.states().count("retry") == 3, 15, "retry")
    clock.shift(**jump)
    shop.wait_done()
    assert len(shop.sent()) == 6
    assert shop.deliveries("DISTINCT state") == [("done",)]


def test_forward_by_more_than_a_message_lives_it_expires(shop, clock):
    """Whoever trusts the clock must believe it. Receipts and bonuses never
    expire."""
    shop.configure(notice={"retry_first": "10 min", "retry_longest": "10 min"})
    busy_at_first(shop)
    shop.start().buy(2)
    wait_until(lambda: shop.states().count("retry") == 2, 15, "retry")
    clock.shift(hours=25)
    shop.wait_done()
    assert sorted(shop.deliveries("action, state")) == sorted(2 * [
        ("bonus_topup", "done"), ("receipt", "done"), ("sms", "expired")])
    assert len(shop.sent()) == 2
    shop.service.wait_log("warning jump: .* forward by (89999|90000|90001) s")


@pytest.mark.parametrize("what", ["retry", "undecided"])
def test_backward_what_waits_does_not_wait_for_the_hour_to_come_again(
        shop, clock, what):
    """It begins its pause anew."""
    busy_at_first(shop)
    shop.configure(notice={"retry_first": "2 s", "retry_longest": "2 s"})
    if what == "undecided":
        shop.configure(payment={"after": "2 s"})
    shop.start().buy(2)
    wait_until(lambda: {"retry": shop.states().count("retry") == 2,
                        "undecided": "ready" in shop.states()}[what], 15,
               what)
    clock.shift(hours=-1)
    shop.wait_done(40)
    assert len(shop.sent()) == 4
    assert shop.deliveries("DISTINCT state") == [("done",)]
    shop.service.wait_log("warning jump: .* back by (3599|3600|3601) s")
    shop.wait_stages("done", "done")


def test_the_clock_of_the_service_jumps(shop, clock, tmp_path_factory):
    """Only quiet hours go by it. Nothing expires, nothing is sent twice, and
    what waits does not wait longer."""
    own = Clock(tmp_path_factory.mktemp("own"))
    busy_at_first(shop)
    shop.configure(notice={"retry_first": "2 s", "retry_longest": "2 s"})
    shop.service.env.update(own.env)
    shop.start()
    for jump in JUMPS:
        shop.buy(2)
        wait_until(lambda: "retry" in shop.states(), 15, "retry")
        own.shift(**jump)
        shop.wait_done(20)
    own.shift()
    assert len(shop.sent()) == 4 * 2 * 2
    assert shop.deliveries("DISTINCT state") == [("done",)]


def test_the_lease_does_not_go_by_the_clock_of_the_service(
        shop, clock, service_of, tmp_path, tmp_path_factory):
    """Neither the one that acts nor the one that stands by is fooled."""
    own = Clock(tmp_path_factory.mktemp("own"))
    other = service_of(with_settings(shop.settings, service={
        "doorbell": tmp_path / "doorbell"}))
    shop.service.env.update(own.env)
    other.env.update(own.env)
    shop.start()
    other.start().wait_log("standing by")
    for jump in JUMPS:
        own.shift(**jump)
        shop.buy(1)
        time.sleep(1.5)
    shop.wait_done().audit()
    assert "engine: acting" not in other.log_text()


@pytest.mark.parametrize("jump", [{"hours": 1}, {"hours": -1}], ids=str)
def test_a_jump_of_the_server_may_move_the_work_and_doubles_nothing(
        shop, clock, service_of, tmp_path, jump):
    """Forward, the lease of who acts is over for the one that stands by:
    it takes over in the middle of calls."""
    shop.doubtful = True
    shop.pilot.reply = lambda request: Reply(
        body=shop.pilot.ordinary_reply(request).body, delay=0.5)
    other = service_of(with_settings(shop.settings, service={
        "doorbell": tmp_path / "doorbell"}))
    shop.start()
    other.start().wait_log("standing by")
    shop.buy(3)
    clock.shift(**jump)
    shop.buy(3)
    time.sleep(2)
    shop.wait_done().audit()


# ---- zones


def test_the_zone_of_the_server_changes(shop):
    """The moment of a capture is UTC whatever the zone is."""
    shop.start()
    for zone in ("+11:00", "-08:00", "SYSTEM"):
        shop.db.sql(f"SET GLOBAL time_zone = '{zone}'")
        shop.buy(1).wait_done()
    ages = shop.db.sql("SELECT TIMESTAMPDIFF(SECOND, captured_utc,"
                       " UTC_TIMESTAMP()) FROM event", "mikbill_events")
    assert len(ages) == 3
    assert all(0 <= age < 60 for (age,) in ages)
    shop.audit()
    assert shop.lines() == []


@pytest.mark.parametrize("night", [(2026, 10, 25, 0, 59, 58),
                                   (2026, 3, 29, 0, 59, 58)],
                         ids=["autumn", "spring"])
def test_summer_time_begins_and_ends(shop, clock, night):
    """Payments around the hour that comes twice, or never."""
    clock.set(*night)
    shop.start()
    hours = set()
    for _ in range(5):
        shop.buy(1)
        ((hour,),) = shop.db.sql("SELECT HOUR(NOW())")
        hours.add(hour)
        time.sleep(0.8)
    assert len(hours) == 2 or night[1] == 10
    shop.wait_done().audit()
    assert shop.lines() == []


# ---- an old backup


def put_back(shop, backup):
    """The server dies, and comes back with what a backup had."""
    shop.db.kill()
    shutil.rmtree(shop.db.datadir)
    shutil.copytree(backup, shop.db.datadir)
    shop.db.start()


@pytest.fixture(name="old")
def fixture_old(pilot, till, tmp_path):
    """A shop on a server of its own, after two payments, of which there is a
    backup."""
    with MariaDB() as db:
        create_billing(db, "mikbill", "legacy")
        install(db)
        for shop in make_chain(db, pilot, Shop):
            shop.open(till).start().buy(2).wait_done()
            shop.wait_stages("done", "done")
            shop.service.stop()
            db.kill()
            shutil.copytree(db.datadir, tmp_path / "backup")
            db.start()
            yield shop


def test_a_database_that_is_put_back_to_an_older_state(old, tmp_path):
    """The epoch does not go back; results of calls that it knows nothing of
    are dropped; a number that the till has already is given up for the next
    one."""
    old.start().buy(1).wait_done()
    old.pilot.reply = lambda request: Reply(
        body=old.pilot.ordinary_reply(request).body, delay=3)
    old.buy(1)
    old.pilot.wait(4)
    wait_until(lambda: len(old.till.receipts) == 4, 15, "receipt")
    before = epoch(old)
    put_back(old, tmp_path / "backup")
    wait_until(lambda: epoch(old) > before, 15, "epoch")
    old.pilot.reply = old.pilot.ordinary_reply
    old.enroll(1)
    old.buy(2)
    old.wait_done()
    old.wait_stages(*["done"] * 2, *["burnt"] * 2, *["done"] * 2)
    assert set(old.states()) == {"done"}
    assert len(old.paid()) == 4
    assert len(old.sent()) == 6
    assert len(old.till.receipts) == 6
    assert old.lines("is given up", "error")
    assert old.lines("is away", "warning")


def epoch(shop):
    """What the row of table owner says."""
    ((value,),) = shop.db.sql("SELECT epoch FROM owner", "mikbill_events")
    return value
