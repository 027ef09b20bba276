"""Several services act at once, each for a part of the subscribers."""

import re
import signal

import pytest

from harness.process import wait_until
from harness.product import with_settings
from integration.outage import slowly
from integration.shop import Payments, make_shop
from integration.test_mbevctl import ctl

pytestmark = pytest.mark.plain

OURS = "mikbill_events"
LEASE = "5 s"
PARTS = 32


@pytest.fixture(name="shop")
def fixture_shop(installed, pilot, till):
    """A shop whose service shares; it has not been started yet."""
    for shop in make_shop(installed, pilot, till):
        installed.sql(
            "DELETE FROM owner WHERE name <> 'main'; UPDATE owner SET"
            " parts = 4294967295, holder = '', lease_until_utc = '2000-01-01'",
            OURS)
        shop.configure(service={"share_work": "yes", "lease": LEASE},
                       komtet={"timeout": "5 s"})
        yield shop


@pytest.fixture(name="others")
def fixture_others(shop, service_of, tmp_path_factory):
    """Makes services that act beside the first."""
    def make():
        folder = tmp_path_factory.mktemp("beside")
        made = service_of({})
        made.settings_with = lambda **service: with_settings(
            shop.settings, service={"doorbell": str(folder / "doorbell"),
                                    "state_dir": str(folder), **service})
        made.configure(made.settings_with())
        return made
    return make


def parts(shop):
    """How many parts each row has, most first."""
    return sorted([bin(one).count("1") for (one,) in shop.db.sql(
        "SELECT parts FROM owner", OURS)], reverse=True)


def wait_parts(shop, *counts):
    """Wait until they are divided so; each part stands in one row."""
    wait_until(lambda: parts(shop) == list(counts), 40, f"{counts}")
    assert shop.db.sql("SELECT BIT_OR(parts), SUM(parts) FROM owner",
                       OURS) == [(2**PARTS - 1, 2**PARTS - 1)]


def epochs(shop):
    """Under which epochs messages were sent, for each part."""
    return shop.db.sql("SELECT DISTINCT part, epoch FROM delivery"
                       " WHERE action = 'sms' AND state = 'done'", OURS)


def test_two_divide_the_subscribers(shop, others):
    shop.start()
    second = others().start()
    second.wait_log("engine: acting .*, beside ")
    wait_parts(shop, 16, 16)
    shop.buy(3 * PARTS).wait_done().audit()
    of_part = dict(epochs(shop))
    assert len(of_part) == len(epochs(shop)) == PARTS
    assert sorted(list(of_part.values()).count(one)
                  for one in set(of_part.values())) == [16, 16]
    assert not shop.lines() and "error" not in second.log_text()
    assert re.search(r"^shared +16 of 32 parts: \S+; 16 of 32 parts: \S+$",
                     ctl(shop, "status").stdout, re.M)
    assert "and 1 beside it" in ctl(shop, "doctor", "-v").stdout


def test_a_third_gets_its_share_and_leaves_it_again(shop, others):
    shop.start()
    others().start()
    wait_parts(shop, 16, 16)
    third = others().start()
    with Payments(shop):
        wait_parts(shop, 12, 10, 10)
        assert third.stop() == 0
        wait_parts(shop, 16, 16, 0)
    shop.wait_done().audit()


def test_what_one_leaves_that_is_killed_main_does(shop, others):
    shop.doubtful = True
    shop.start()
    second = others().start()
    wait_parts(shop, 16, 16)
    with Payments(shop):
        wait_until(lambda: len(shop.sent()) > 10, 20, "messages")
        second.kill()
        wait_parts(shop, 32, 0)
    shop.wait_done().audit()


def test_when_main_is_killed_another_becomes_main(shop, others):
    shop.doubtful = True
    shop.start()
    second = others().start()
    wait_parts(shop, 16, 16)
    with Payments(shop):
        wait_until(lambda: len(shop.sent()) > 10, 20, "messages")
        shop.service.kill()
        wait_parts(shop, 32, 0)
        before = len(shop.sent())
        wait_until(lambda: len(shop.sent()) > before + 10, 20, "messages")
        shop.start()
        second.wait_log("share: gave 16")
        wait_parts(shop, 16, 16)
    shop.wait_done().audit()


def test_one_that_wakes_up_too_late_does_nothing(shop, others):
    shop.doubtful = True
    shop.start()
    second = others().start()
    wait_parts(shop, 16, 16)
    with Payments(shop):
        wait_until(lambda: len(shop.sent()) > 10, 20, "messages")
        second.signal(signal.SIGSTOP)
        wait_parts(shop, 32, 0)
        second.signal(signal.SIGCONT)
        wait_parts(shop, 16, 16)
    shop.wait_done().audit()


def test_parts_do_not_move_while_something_is_under_way_in_them(shop, others):
    """Each call lasts; who joins gets the parts when they have ended."""
    slowly(shop, 4)
    shop.start()
    shop.next_uid = 31 * PARTS + 16  # of the first of those that are to move
    shop.buy(4)
    wait_until(lambda: len(shop.deliveries("id", "state = 'calling'")) >= 4,
               10, "calls")
    second = others().start()
    second.wait_log("works for 0 of 32")
    divided, looks = parts(shop), 0
    while shop.deliveries("id", "state = 'calling' AND part >= 16"):
        assert divided == [32, 0]
        divided, looks = parts(shop), looks + 1
    assert looks > 10
    wait_parts(shop, 16, 16)
    second.wait_log("works for 16")
    shop.wait_done().audit()
    assert not shop.lines()


def test_one_that_is_told_to_stand_by_gives_all_back(shop, others):
    shop.start()
    second = others().start()
    wait_parts(shop, 16, 16)
    second.configure(second.settings_with(share_work="no"))
    with Payments(shop):
        second.signal(signal.SIGHUP)
        wait_parts(shop, 32, 0)
        second.wait_log("standing by")
    shop.wait_done().audit()


def test_without_it_the_other_stands_by(shop, others):
    shop.configure(service={"share_work": "no", "lease": LEASE})
    shop.start()
    second = others().start()
    second.wait_log("standing by")
    shop.buy(3).wait_done().audit()
    assert shop.db.sql("SELECT COUNT(*) FROM owner", OURS) == [(1,)]


def test_a_server_that_may_forget_commits_is_served_by_one(shop, others):
    shop.db.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    try:
        shop.start()
        second = others().start()
        second.wait_log("share: nothing is shared")
        second.wait_log("standing by")
        shop.buy(3).wait_done().audit()
    finally:
        shop.db.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")


def test_parts_that_somebody_deleted_come_back(shop, others):
    shop.start()
    others().start()
    wait_parts(shop, 16, 16)
    shop.db.sql("UPDATE owner SET parts = 0 WHERE name <> 'main'", OURS)
    wait_parts(shop, 16, 16)
    shop.buy(PARTS).wait_done().audit()
