"""What goes wrong on a Galera cluster, and how long nobody acts then.

Nodes and their network have one trouble at a time, and the next one when all
are together again: of three that have lost one, two that lose each other stop
for good, and so they should.
"""

import contextlib
import random
import re
import statistics
import time
from dataclasses import dataclass
from datetime import datetime

from torture.chaos import ACTORS, LINES, OPERATOR, Chaos, make_plan
from torture.cluster_stage import may_pass
from torture.stage import LEASE_S

# Long enough for another service to take over: it waits for the lease, and for
# the nodes to agree who is left.
AWAY = (LEASE_S + 8, LEASE_S + 12)

NODES = {
    "of the acting service is killed": AWAY,
    "of the acting service is killed for a moment": (0, 2),
    "of another service is killed": (0, 6),
    "of the acting service is killed with it": AWAY,
    "of the acting service is frozen": (1, 9),
    "of another service is frozen": (1, 9),
    "of the acting service is restarted": (0, 0),
}
CUTS = {
    "of the acting service is cut off": AWAY,
    "of another service is cut off": (2, 10),
    "of everybody is cut off": (3, 9),
    "of the acting service comes and goes": (4, 10),
}
IN_PART = {
    "of the acting service is not heard": AWAY,
    "of the acting service hears nobody": AWAY,
    "of the acting service and another one lose each other": (4, 10),
    "of another service does not reach the acting one's": (4, 10),
    "of everybody has a thin line": (4, 10),
    "of the acting service has a thin line": (4, 10),
}
THIN_KBIT = 200, 1500
ACTING = re.compile(r"^(\S+) info engine: acting", re.M)


def cluster_plan(seed, seconds, count, real):
    """The Steps of a run with so many nodes. real: their network is one."""
    troubles = dict(NODES)
    if count == 3:
        few = ("of the acting service is killed",
               "of another service is killed")
        troubles = {name: NODES[name] for name in few} | CUTS
        troubles |= IN_PART if real else {}
    actors = {name: what for name, what in ACTORS.items()
              if name != "server"}
    actors["connections"] = (
        without(LINES, "are too many"), ACTORS["connections"][1])
    actors["operator"] = (
        without(OPERATOR, "locks the tables of messages"),
        ACTORS["operator"][1])
    actors["node"] = (troubles, (2, 6))
    return make_plan(seed, seconds, actors=actors)


def without(troubles, name):
    """All but that one."""
    return {key: value for key, value in troubles.items() if key != name}


@dataclass
class Blow:
    """The acting service lost its node: which one, how, when, until when, in
    seconds of the wall clock."""

    number: int
    what: str
    at: float
    until: float = 0


class ClusterChaos(Chaos):
    """Chaos on a ClusterStage.

    blows   to acting services
    """

    def __init__(self, stage, plan):
        super().__init__(stage, plan)
        self.blows = []
        self._over_s = max([step.at + step.lasts for step in plan] or [0])

    def actors(self):
        """With nodes in place of the server."""
        return {name: does for name, does in super().actors().items()
                if name not in ("server", "triggers")} | {
                    "node": self._on_nodes}

    def is_expected(self, error):
        """A node of a cluster says more."""
        return may_pass(error)

    # ---- nodes ----

    def _on_nodes(self, step):
        """One trouble of one node, or of all, from the whole cluster back to
        the whole cluster."""
        if (time.monotonic() - self._begun + step.lasts > self._over_s
                or not self.stage.acting()):
            return False
        number = self.stage.workers.index(self.stage.acting())
        others = [n for n in range(self.stage.count) if n != number]
        other = random.Random(step.seed).choice(others)
        struck = other if "of another" in step.what else number
        blow = Blow(number, step.what, time.time())
        if struck == number and step.lasts >= AWAY[0]:
            self.blows.append(blow)
        self._strike(step, struck, number, other)
        blow.until = time.time()
        self._come_together(step)
        return True

    def _strike(self, step, struck, number, other):
        node = self.stage.servers[struck]
        if "killed" in step.what:
            self._kill(step, node)
        elif "frozen" in step.what:
            node.freeze()
            time.sleep(step.lasts)
            node.thaw()
        elif "restarted" in step.what:
            node.halt()
            node.join()
        else:
            self._part(step, struck, number, other)

    def _kill(self, step, node):
        worker = self.stage.workers[node.number]
        with contextlib.ExitStack() as held:
            if "with it" in step.what:
                held.enter_context(worker.hand)
                worker.strike()
            node.kill()
            time.sleep(step.lasts)
            node.rejoin()
            if "with it" in step.what:
                worker.rise()

    def _part(self, step, struck, number, other):
        """The network fails, as a whole or in part, and is mended."""
        wires = self.stage.wires
        try:
            if "comes and goes" in step.what:
                self._flap(step, wires[struck])
            else:
                self._spoil(step, wires if "everybody" in step.what
                            else [wires[struck]], number, other)
                time.sleep(step.lasts)
        finally:
            for wire in wires:
                wire.mend()

    def _spoil(self, step, those, number, other):
        wires = self.stage.wires
        if "cut off" in step.what:
            for wire in those:
                wire.unplug()
        elif "thin line" in step.what:
            for wire in those:
                wire.thin(random.Random(step.seed).randint(*THIN_KBIT))
        else:
            for deaf, mute in lost_ways(step.what, number, other, len(wires)):
                wires[mute].loses(wires[deaf])

    def _flap(self, step, wire):
        dice, until = random.Random(step.seed), time.monotonic() + step.lasts
        while time.monotonic() < until:
            wire.unplug()
            time.sleep(dice.uniform(0.1, 2.5))
            wire.plug()
            time.sleep(dice.uniform(0.1, 1.5))

    def _come_together(self, step):
        try:
            stuck = self.stage.make_whole()
        except TimeoutError as error:
            raise RuntimeError(f"{step}: {error}") from None
        if stuck:
            self.happened[
                "node", f"{step.what}: did not come back by itself"] += stuck


def lost_ways(what, number, other, count):
    """(who does not hear, whom) of a network that fails in part."""
    others = [n for n in range(count) if n != number]
    if "is not heard" in what:
        return [(n, number) for n in others]
    if "hears nobody" in what:
        return [(number, n) for n in others]
    if "lose each other" in what:
        return [(number, other), (other, number)]
    return [(number, other)]


# ---- how long nobody acts ----

def takeovers(blows, logs):
    """What -> seconds until another service acted, of each Blow; None where
    nobody had taken over when the node was back. A service that did not act
    any more, when its node was struck, does not count."""
    begins = sorted((datetime.fromisoformat(at).timestamp(), number)
                    for number, log in enumerate(logs)
                    for at in ACTING.findall(log))
    found = {}
    for blow in blows:
        before = [number for at, number in begins if at <= blow.at]
        if before and before[-1] == blow.number:
            after = [at - blow.at for at, number in begins
                     if blow.at < at <= blow.until
                     and number != blow.number]
            found.setdefault(blow.what, []).append(
                after[0] if after else None)
    return found


def told(found):
    """The same for people."""
    lines = [f"another took over when the node {what}: {in_short(times)}"
             for what, times in sorted(found.items())]
    every = [one for times in found.values() for one in times]
    return [*lines, f"another took over, in all: {in_short(every)}"]


def in_short(times):
    """Shortest, median and longest."""
    known = [one for one in times if one is not None]
    late = len(times) - len(known)
    words = [f"{len(known)} times"]
    if known:
        words.append(f"after {min(known):.1f} s at least,"
                     f" {statistics.median(known):.1f} s in the middle,"
                     f" {max(known):.1f} s at most")
    if late:
        words.append(f"{late} times nobody before it was back")
    return ", ".join(words)

