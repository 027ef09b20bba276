"""One torture, from the first payment to the verdict.

    run.py [--minutes N] [--seed S] [--flush 0|1|both] [--cluster 2|3]
"""

import argparse
import itertools
import os
import random
import re
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.process import wait_until  # noqa: E402
from harness.product import build_dir  # noqa: E402
from torture.chaos import Chaos, install_triggers, make_plan  # noqa: E402
from torture.checker import Checker  # noqa: E402
from torture.cluster_chaos import (ClusterChaos, cluster_plan,  # noqa: E402
                                   takeovers, told)
from torture.cluster_stage import (ClusterProducers,  # noqa: E402
                                   ClusterStage)
from torture.producers import Producers  # noqa: E402
from torture.stage import Stage  # noqa: E402

QUIET_S = 160  # in all, to come to an end after the chaos
GAP_S = 100  # and so much more, when rows are captured late
MOST_KIB = 16 * 1024
MOST_FILES = 45  # connections to providers and routers


class Gauge(threading.Thread):
    """Memory and descriptors of the services, all the time.

    samples  (seconds since the beginning, KiB, descriptors)
    """

    def __init__(self, workers):
        super().__init__(daemon=True)
        self.workers, self.samples = workers, []
        self._over, self._begun = threading.Event(), time.monotonic()

    def run(self):
        """Look twice a second."""
        while not self._over.wait(0.5):
            for worker in self.workers:
                self._look(worker.pid)

    def stop(self):
        """Enough."""
        self._over.set()
        self.join()
        return self

    def _look(self, pid):
        try:
            status = Path(f"/proc/{pid}/status").read_text("ascii")
            files = len(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            return
        memory = re.search(r"VmRSS:\s*(\d+)", status)
        if memory:
            self.samples.append((time.monotonic() - self._begun,
                                 int(memory[1]), files))

    def growth(self):
        """(KiB, descriptors) of the last fifth above the first one."""
        end = self.samples[-1][0]
        first, last = ([sample[1:] for sample in self.samples
                        if low * end <= sample[0] <= high * end]
                       for low, high in ((0, 0.2), (0.8, 1)))
        return tuple(max(b) - max(a) for a, b in zip(zip(*first),
                                                      zip(*last)))


class Torture:
    """A run on a stage.

    seconds  for how long things go wrong
    wrong    what was not as it should be
    """

    def __init__(self, stage, seed, seconds, rate=30, gaps=False,
                 quiet_s=QUIET_S):
        self.stage, self.seconds = stage, seconds
        self.patience_s = quiet_s + gaps * GAP_S
        self._arm(seed, rate, gaps)
        self.gauge = Gauge(stage.workers)
        self.wrong, self.checker = [], None
        self.quiet_s = 0

    def _arm(self, seed, rate, gaps):
        """The plan, who carries it out, and who writes."""
        self.plan = make_plan(seed, self.seconds, gaps)
        self.chaos = Chaos(self.stage, self.plan)
        self.producers = Producers(self.stage.db, 8, seed, rate)

    def run(self):
        """All of it; what was wrong."""
        self.stage.start()
        self.gauge.start()
        self.producers.start()
        self.chaos.start()
        time.sleep(self.seconds)
        self.producers.stop()
        self.chaos.wait()
        self.stage.heal()
        install_triggers(self.stage.home)
        self.producers.finale()
        self._settle()
        self.gauge.stop()
        self._growth()
        self.wrong += self.checker.complaints() + self.chaos.errors
        for number, worker in enumerate(self.stage.workers):
            code = worker.stop()
            if code:
                self.wrong.append(f"service {number} ended with {code}")
        self.wrong += self.stage.differences()
        return self.wrong

    def _settle(self):
        """Wait until nothing is left to do."""
        begun = time.monotonic()
        self.checker = Checker(self.stage, self.producers)
        try:
            wait_until(self.checker.is_settled, self.patience_s, "end",
                       pause=0.2)
        except TimeoutError:
            self.wrong.append(
                "not quiet: " + repr(self.stage.db.sql(
                    "SELECT (SELECT COUNT(*) FROM outbox), action, state,"
                    " lane, COUNT(*), MAX(reason) FROM delivery WHERE state"
                    " IN ('ready', 'leased', 'calling', 'retry')"
                    " GROUP BY 2, 3, 4", "mikbill_events")))
        self.quiet_s = time.monotonic() - begun
        self.checker = Checker(self.stage, self.producers)

    def _growth(self):
        memory, files = self.gauge.growth()
        if not is_sanitized() and memory > MOST_KIB:
            self.wrong.append(f"{memory} KiB more in the last fifth")
        if files > MOST_FILES:
            self.wrong.append(f"{files} descriptors more in the last fifth")

    def report(self):
        """What happened, for people."""
        troubles = defaultdict(list)
        for (actor, what), count in sorted(self.chaos.happened.items()):
            troubles[actor].append(f"{what} {count}")
        logs = [worker.log_text() for worker in self.stage.workers]
        lines = [f"{actor}: " + "; ".join(what)
                 for actor, what in troubles.items()]
        lines += [
            "written: " + ", ".join(f"{count} {name}" for name, count
                                    in self.checker.counts().items()),
            f"services killed: {[one.kills for one in self.stage.workers]},"
            f" took over: {[log.count('engine: acting') for log in logs]}",
            f"memory and descriptors of the last fifth above the first:"
            f" {self.gauge.growth()}",
            f"slowest statement of the billing: {self.producers.slowest:.1f}"
            f" s; quiet after {self.quiet_s:.1f} s"]
        lines += [f"doubtful: {action} to {address}: {payload} ({reason})"
                  for _, action, address, payload, reason
                  in self.checker.doubtful[:100]]
        return "\n".join(lines)


class ClusterTorture(Torture):
    """A run on a ClusterStage."""

    def _arm(self, seed, rate, gaps):
        stage = self.stage
        self.plan = cluster_plan(seed, self.seconds, stage.count,
                                 bool(stage.lan))
        self.chaos = ClusterChaos(stage, self.plan)
        self.producers = ClusterProducers(stage.db, 8, seed, rate)

    def report(self):
        """The same, and what is of a cluster alone."""
        again = ", ".join(f"error {number} {count} times" for number, count
                          in self.producers.again.most_common())
        logs = [worker.log_text() for worker in self.stage.workers]
        network = ["network: namespaces" if self.stage.lan else
                   "network: none of their own, gmcast.isolate"]
        return "\n".join([
            super().report(), *network[:bool(self.stage.wires)],
            f"transactions of the billing done again: {again or 'none'}",
            *told(takeovers(self.chaos.blows, logs))])


def is_sanitized():
    """Its memory says nothing then."""
    return b"__asan_init" in (build_dir() / "mbevd").read_bytes()


def torture(seed, seconds, flush, rate=30, gaps=False, keep=None,
            quiet_s=QUIET_S, nodes=1, share=False):
    """One run, with its plan and its report printed; what was wrong."""
    print(f"== seed {seed}, innodb_flush_log_at_trx_commit {flush},"
          f" {seconds:.0f} s" + f", {nodes} nodes" * (nodes > 1)
          + ", all services act" * share, flush=True)
    made = (ClusterStage(nodes, flush) if nodes > 1 else Stage(flush, gaps))
    made.shares = share
    with made as stage:
        kind = ClusterTorture if nodes > 1 else Torture
        run = kind(stage, seed, seconds, rate, gaps, quiet_s)
        print("\n".join(map(str, run.plan)), flush=True)
        try:
            wrong = run.run()
            print(run.report())
        except BaseException:
            _save(stage, keep)
            raise
        if wrong:
            _save(stage, keep)
    print("\n".join(wrong[:60]) or "nothing lost, nothing doubled",
          flush=True)
    return wrong


def _save(stage, keep):
    """The logs, for whoever asks why."""
    for name, log in stage.logs().items():
        if not log.exists():
            continue
        text = log.read_text(errors="replace")
        if keep:
            Path(keep).mkdir(parents=True, exist_ok=True)
            (Path(keep) / f"{name}.log").write_text(text)
        else:
            print(f"-- end of the log of {name}:\n{text[-4000:]}")


def main():
    """Run, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--flush", choices=["0", "1", "both"],
                        default="both")
    parser.add_argument("--rate", type=float, default=30,
                        help="transactions of the billing in a second")
    parser.add_argument("--gaps", action="store_true",
                        help="triggers are missing at times; takes longer")
    parser.add_argument("--cluster", type=int, choices=[2, 3], default=1,
                        metavar="2|3", help="on a Galera cluster")
    parser.add_argument("--share", action="store_true",
                        help="the services share the work")
    parser.add_argument("--keep", help="folder for the logs when it fails")
    args = parser.parse_args()
    if args.gaps and args.cluster > 1:
        parser.error("--gaps is for one server")
    if args.share and args.flush == "0":
        parser.error("--share: nothing is shared with --flush 0")
    seed = random.randrange(10000) if args.seed is None else args.seed
    modes = [1, 0] if args.flush == "both" else [int(args.flush)]
    modes = [1] if args.share else modes
    wrong = []
    for flush in modes:
        wrong += torture(seed, args.minutes * 60 / len(modes), flush,
                         args.rate, args.gaps, args.keep,
                         QUIET_S / len(modes), args.cluster, args.share)
    print(f"verdict: {'FAILED' if wrong else 'passed'}, seed {seed}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
