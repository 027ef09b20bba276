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


@pytest.fixture(name="forgetful")
def fixture_forgetful(till):
    """The chain on a server that forgets its last commits in a crash."""
    for db in make_server("--innodb-flush-log-at-trx-commit=0"):
        one = Chain(db, None, settings_of(db, till))
        yield one
        one.close()


def forgotten(fire, buyers):
    """How many bookings the server acknowledged and does not know."""
    kept = {kopecks for _, _, kopecks in fire.booked()}
    return sum(abs(one.kopecks) not in kept for one in buyers.acknowledged)


def test_the_server_forgets_again_and_again(forgetful, till):
    """What the billing still has at the end has a receipt, nothing else."""
    dice, chain = random.Random(), forgetful
    till.post_reply = till.flaky(
        1, late_by=1.2, lost_after=0.15, http500_accepted=0.05,
        lost_before=0.05, late=0.02, taken_late=0.02)
    enroll(chain, 60)
    fire = Fire(chain, till)
    chain.start()
    begun = time.monotonic()
    buyers = Buyers(chain.db, plan(2, kept=620, undone=60, subscribers=60),
                    connections=20, seconds=18, mortal=True).start()
    crashes = 0
    while buyers.busy or crashes < 5:
        time.sleep(dice.uniform(1, 3))
        if crashes % 2:
            chain.service.kill()
            fire.kills += 1
        chain.db.kill()
        crashes += 1
        if dice.random() < 0.5:
            time.sleep(dice.uniform(0, 1))
        if not chain.service.pid:
            chain.service.start()
        chain.db.start()
        assert time.monotonic() < begun + 120, fire.report()
    buyers.wait()
    fire.wait_settled(60)
    lost = forgotten(fire, buyers)
    tell(f"{len(fire.booked())} booked", fire, "kills", "lost replies",
         "repeats", "ids unknown", "crashes", "forgotten", crashes=crashes,
         forgotten=lost, seconds=round(time.monotonic() - begun))
    fire.check()
