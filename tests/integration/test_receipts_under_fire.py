"""Fiscal receipts while everything breaks at once: services are killed or
frozen, the server forgets, the till loses replies or is away for days. Each
payment and refund has exactly one receipt all the same."""

import random
import time

import pytest

from integration.chain import Chain
from integration.fire import (Buyers, Fire, enroll, make_server, plan,
                              settings_of)


@pytest.fixture(name="db")
def fixture_db():
    """A server that forgets nothing."""
    yield from make_server()


@pytest.fixture(name="chain")
def fixture_chain(db, till):
    """The chain; its service is not started yet."""
    one = Chain(db, None, settings_of(db, till))
    yield one
    one.close()


def tell(what, fire, *needed, **more):
    """Print what really happened; each of the needed did."""
    tally = {**fire.tally(), **more}
    print(f"\n{what}: " + ", ".join(f"{n} {name}"
                                    for name, n in tally.items()))
    for name in needed:
        assert tally[name] > 0, f"no {name}: {tally}"


def test_the_service_is_killed_again_and_again(chain, till):
    dice = random.Random()
    bookings = plan(1, kept=1000, undone=111, subscribers=150)
    till.post_reply = till.flaky(
        1, late_by=1.2, lost_after=0.2, http500_accepted=0.04,
        html_accepted=0.02, lost_before=0.05, late=0.02, taken_late=0.02)
    till.look_reply = till.flaky(2, close=0.05, http502=0.05)
    enroll(chain, 150)
    fire = Fire(chain, till)
    chain.start()
    begun = time.monotonic()
    buyers = Buyers(chain.db, bookings, connections=50, seconds=20).start()
    while not fire.is_settled_within(dice.uniform(1, 2), buyers):
        fire.kill()
        assert time.monotonic() < begun + 180, fire.report()
    buyers.wait(0)
    assert len(buyers.acknowledged) == 1000 == len(fire.booked())
    tell("1000 of 1111 booked", fire, "kills", "lost replies", "repeats",
         "ids unknown", seconds=round(time.monotonic() - begun))
    fire.check()
