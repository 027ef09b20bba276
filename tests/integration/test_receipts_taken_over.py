"""Fiscal receipts while two services take them over from each other, in the
middle of calls. Each payment has exactly one receipt all the same."""

import itertools
import os
import signal
import time

import pytest

from harness.process import is_frozen, wait_until
from harness.product import with_settings
from integration.fire import (Buyers, Fire, enroll, fixture_chain,
                              fixture_db, plan, tell)  # noqa: F401

pytestmark = pytest.mark.plain

SHORT_LEASE = {"lease": "5 s"}


@pytest.fixture(name="two")
def fixture_two(chain, till, service_of, tmp_path):
    """The chain, and a second service that stands by."""
    chain.reconfigure(with_settings(
        chain.settings, smspilot={"timeout": "1 s"}, service=SHORT_LEASE))
    enroll(chain, 30)
    second = service_of(with_settings(chain.settings, service={
        "doorbell": tmp_path / "doorbell", "state_dir": tmp_path}))
    till.post_reply = till.flaky(
        4, late_by=0.4, late=0.4, taken_late=0.2, lost_after=0.1)
    return Fire(chain, till, second), second


def acts(service, times=1):
    """Wait until a service has taken the work over so many times."""
    service.wait_log(r"(?s)(engine: acting.*){%d}" % times, timeout=40)


def strike_in_a_call(till, strike):
    """Strike when the till has its hands full, before it takes the next."""
    answer, numbers = till.post_reply, itertools.count(1)

    def reply(request):
        if next(numbers) == 10:
            strike()
        return answer(request)
    till.post_reply = reply


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_the_other_service_takes_over_in_the_middle(two, till, how):
    """It goes on when the first one's lease is over; that one comes back
    while the other's calls are under way, and takes over in its turn. The
    first is frozen between what it begins and what it sends."""
    fire, second = two
    first, db = fire.chain.service, fire.db
    down = signal.SIGKILL if how == "killed" else signal.SIGSTOP
    bookings = plan(4, kept=160, undone=16, subscribers=30)
    begun = time.monotonic()

    def lets_go(service):
        def strike():
            os.kill(service.pid, down)
            fire.kills += how == "killed"
        strike_in_a_call(till, strike)

    def comes_back(service):
        told = len(service.log_text())
        if how == "killed":
            service.start()
        else:
            service.signal(signal.SIGCONT)
        wait_until(lambda: "standing by" in service.log_text()[told:], 20,
                   "service that stands by")

    if how == "killed":
        lets_go(first)
        fire.chain.start()
    else:
        fire.chain.start(MBEV_FAULT="claim.started:stop:12")
    second.start().wait_log("standing by")
    Buyers(db, bookings[:88], connections=20, seconds=2).start().wait()
    acts(second)
    if how == "frozen":
        assert is_frozen(first.pid)
    wait_until(lambda: len(till.posts) > 30, 20, "calls of the second one")
    comes_back(first)
    lets_go(second)
    Buyers(db, bookings[88:], connections=20, seconds=2).start().wait()
    acts(first, 2)
    wait_until(fire.is_settled, 30, "end of the first one's work")
    comes_back(second)
    Buyers(db, plan(5, kept=20, undone=2, subscribers=30,
                    first_kopecks=100001),
           connections=10, seconds=1).start().wait()
    fire.wait_settled(30)
    tell(f"one of two {how}", fire, "repeats", "ids unknown",
         seconds=round(time.monotonic() - begun))
    fire.check()
