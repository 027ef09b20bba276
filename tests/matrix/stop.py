"""The stop matrix: the owner is stopped at every seam for longer than its
lease, another service does the work, and then the first one wakes."""

import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from matrix.kill import LAZY, MISSED, OLD, PLAIN, Variant
from matrix.scenario import SCENARIOS, WHOLE, Scenario
from matrix.seams import all_seams
from matrix.stage import Stage

LEASE, CALL = "6 s", "1 s"
AFTERWARDS_S = 1  # in which it would do what it had begun

# Where the last look at the clock is over and a request is not out yet; in
# follow.ask it is a question, which changes nothing.
LAST_SEAMS = ("post.send", "follow.ask")
CALLS = ("post.send", "post.sent", "routers.send", "routers.sent")


# Duties that have their work elsewhere than in the whole job.
SPECIAL = {
    "callback": (SCENARIOS["receipt/told"], PLAIN),
    "capture": (SCENARIOS["receipt"], MISSED),
    "journal": (WHOLE, LAZY),
    "reconcile": (SCENARIOS["receipt"], MISSED),
    "retain": (WHOLE, OLD),
}


@dataclass(frozen=True)
class Stop:
    """Where it is stopped, at the first pass."""

    seam: str
    scenario: Scenario = WHOLE
    variant: Variant = PLAIN


@dataclass
class Result:
    """What it did when it woke.

    changed  tables whose rows are others since
    calls    how many requests each stand-in has got since
    doubled  what the ledger complains of
    """

    stop: Stop
    changed: list
    calls: Counter
    doubled: list

    @property
    def is_right(self):
        """It commits nothing, starts no call, and doubles nothing; but who is
        stopped at a last seam may send one request. SMSC takes it twice."""
        may_call = self.stop.seam in LAST_SEAMS
        may_double = (self.stop.seam == "post.send"
                      and self.stop.scenario.by_smsc)
        return not (self.changed or self.calls and not may_call
                    or self.doubled and not may_double)


def stops():
    """Every seam at least once; where a call begins, for each provider."""
    for seam in all_seams():
        duty = seam.split(".", 1)[0]
        if seam in CALLS:
            yield from (Stop(seam, one) for one in SCENARIOS.values()
                        if one.calls(seam))
        else:
            yield Stop(seam, *SPECIAL.get(duty, (WHOLE, PLAIN)))


def run(stage, stop):
    """One run."""
    variant = stop.variant
    stage.prepare(stop.scenario, variant.refused, variant.flush, variant.old)
    stage.book(variant.missed)
    stage.start(MBEV_FAULT=f"{stop.seam}:stop")
    stage.wait_frozen()
    stage.start(stage.second)
    stage.second.wait_log("engine: acting", timeout=60)
    tables, calls = stage.wait_quiet(), stage.calls()
    told = len(stage.service.log_text())
    stage.service.signal(signal.SIGCONT)
    stage.wait_standing_by(told)
    time.sleep(AFTERWARDS_S)
    result = Result(stop, _changed(tables, stage.dump()),
                    stage.calls() - calls, stage.complaints())
    stage.stop_all()
    return result


def run_all(wanted, at_once):
    """The results of some stops, each server for itself."""
    stages, local = [], threading.local()

    def one(stop):
        if not hasattr(local, "stage"):
            local.stage = Stage(CALL, lease=LEASE).__enter__()
            stages.append(local.stage)
        return run(local.stage, stop)
    try:
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(one, wanted))
    finally:
        for stage in stages:
            stage.__exit__()


def _changed(before, after):
    return sorted(name for name in before if before[name] != after[name])
