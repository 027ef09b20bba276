"""A payment that makes a message, a receipt and a bonus, while memory runs out
in the service: nothing is lost, nothing doubled.

A few places of the service, and all of them by scripts/oom.sh.
"""

import os

import pytest

from harness.billing import create_billing
from harness.komtet import Komtet
from harness.oom import SANITIZER, Memory, fault_of, some
from harness.process import wait_until
from harness.product import (Service, default_settings, install,
                             with_settings)
from harness.server import MariaDB
from harness.standin import SmsPilot
from integration.chain import Chain

FEW = 6
DONE = {"bonus_topup": "done", "receipt": "done", "sms": "done"}

pytestmark = pytest.mark.skipif(
    not SANITIZER, reason="only a build with sanitizers tells")


def settings_of(db, pilot, till):
    """All that one payment can do, without long pauses."""
    return with_settings(
        default_settings(db, pilot.url),
        payment={"sms": "yes", "text": "{login}: {amount}", "ending": "-"},
        notice={"retry_first": "100 ms", "retry_longest": "300 ms",
                "hold": "100 ms"},
        komtet={"url": till.url.rstrip("/"), "retry_first": "100 ms",
                "retry_longest": "300 ms", "hold": "100 ms"},
        receipt={"payments": "yes", "look_first": "100 ms",
                 "look_longest": "300 ms"},
        bonus_topup={"on": "yes"})


class Job:
    """One payment, again and again, each time from the beginning."""

    def __init__(self, db, pilot, till):
        self.pilot, self.till = pilot, till
        self.chain = Chain(db, pilot, settings_of(db, pilot, till))
        self.db = db

    def begin(self):
        """Forget all; one payment is committed."""
        self.chain.empty()
        self.db.sql("DROP TABLE IF EXISTS mikbill.receipts_log")
        self.pilot.reset()
        self.till.reset()
        self.chain.service.close()
        self.chain.service = Service(self.chain.settings)
        self.chain.subscriber()
        self.chain.tariff()
        self.chain.pay(summa=2200)

    def run(self, env=None):
        """One service until all it can do is done; its exit code and log."""
        service = self.chain.service
        service.env = {**os.environ, **(env or {})}
        code = service.once()
        return code, service.log_text()

    def finish(self):
        """Services with memory, until nothing is in work any more."""
        def quiet():
            assert self.run()[0] == 0
            return not self.db.sql(
                "SELECT 1 FROM outbox UNION ALL SELECT 1 FROM delivery"
                " WHERE state IN ('ready', 'leased', 'calling', 'retry')",
                "mikbill_events")
        wait_until(quiet, 60, "end of the work", pause=0.1)

    def check(self):
        """All is there, once; a message may be doubtful instead."""
        states = dict(self.chain.deliveries("action, state"))
        sent = len(self.pilot.requests)
        assert states in (DONE, DONE | {"sms": "doubtful"}), states
        assert sent == 1 or (sent == 0 and states["sms"] == "doubtful")
        assert len(self.chain.deliveries()) == len(DONE)
        assert [one.kopecks for one in self.till.book.entries.values()] \
            == [220000]
        assert self.till.book.changed == []
        assert self.chain.rows("amount", "addons_pay_api") == [(110,)]


@pytest.fixture(scope="module")
def job():
    """A server and two stand-ins."""
    with MariaDB() as db, SmsPilot() as pilot, Komtet() as till:
        create_billing(db, "mikbill", "legacy")
        install(db)
        one = Job(db, pilot, till)
        yield one
        one.chain.close()


def try_it(job, memory, n):
    """Run out at n, then finish; what went wrong, or None."""
    job.begin()
    fault = fault_of(*job.run(memory.out_at(n)))
    if fault:
        return fault
    try:
        job.finish()
        job.check()
    except (AssertionError, TimeoutError) as error:
        return f"{error}\n{job.chain.service.log_text()[-1500:]}"
    return None


def test_a_job_is_neither_lost_nor_doubled_when_memory_runs_out(
        job, tmp_path):
    memory = Memory("mbevd", tmp_path)
    job.begin()
    places = memory.places(job.run)
    job.finish()
    job.check()
    faults = {}
    for n in some(places, FEW):
        fault = try_it(job, memory, n)
        if fault:
            faults[n] = fault
            print(f"allocation {n}: {fault}", flush=True)
    print(f"mbevd: {len(some(places, FEW))} of {len(places)} places")
    assert places
    assert not faults, "\n\n".join(f"allocation {n}: {fault}" for n, fault
                                   in faults.items())
