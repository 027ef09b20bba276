"""The stage of a torture on a Galera cluster: a service beside each node, and a
billing whose transactions are spread over all of them.

Two nodes have an arbiter; of three each has a network of its own, where this
machine allows it, so that they can lose each other as hosts do.
"""

import contextlib
import itertools
import time
from collections import Counter

import pymysql
from pymysql.constants import CLIENT

from harness import lan as lans
from harness.galera import Cluster
from harness.process import wait_until
from harness.server import run_all
from torture.producers import UNDONE, UNKNOWN, Producer, Producers, is_mortal
from torture.stage import Stage

NOT_IN_CLUSTER, DEADLOCK, DURING_COMMIT = 1047, 1213, 1180
ALL_SEE = "SET SESSION wsrep_sync_wait = 1"
SCHEMAS = "'mikbill', 'mikbill_events', 'ledger'"
ALONE_S, HEAL_S = 40, 90


def may_pass(error):
    """Does a cluster say so when nothing is wrong with the statement: its
    node is gone or alone, or somebody else's transaction came first?"""
    return is_mortal(error) or error.args[0] in (NOT_IN_CLUSTER, DEADLOCK,
                                                 DURING_COMMIT)


class Balancer:
    """Leads to one node after the other; one that is away, or is not in its
    cluster, is left out."""

    def __init__(self, nodes):
        self.nodes = nodes
        self._turn = itertools.cycle(nodes)

    def connect(self, db=None, **how):
        """A connection to the next node; as MariaDB.connect()."""
        for _ in self.nodes:
            with contextlib.suppress(pymysql.MySQLError, OSError):
                link = next(self._turn).connect(
                    db, connect_timeout=2, read_timeout=30, **how)
                if run_all(link, "SHOW STATUS LIKE 'wsrep_ready'")[0][1] \
                        == "ON":
                    return link
                link.close()
        raise pymysql.OperationalError(2003, "no node takes statements")

    def sql(self, text, db=None):
        """As MariaDB.sql(); it sees all that any node has committed."""
        with self.connect(db, client_flag=CLIENT.MULTI_STATEMENTS,
                          init_command=ALL_SEE) as link:
            return run_all(link, text)


class Isolation:
    """What a node has of a network without any: Galera itself ignores the
    others. All that there is of a Lan without namespaces."""

    def __init__(self, node):
        self.node = node

    def unplug(self):
        """The others are not heard any more."""
        self.node.isolate()

    plug = mend = lambda self: self.node.isolate(False)


class ClusterStage(Stage):
    """The same on a cluster of two or three nodes; see Stage.

    wires  the network of each node: a lan.Host, or an Isolation; none of two
    """

    def __init__(self, count, flush=1):
        self.count = count
        self.lan = self.cluster = None
        self.wires = []
        super().__init__(flush)
        self.forgets = False  # another node has it

    def _make_servers(self, options):
        if self.count == 3 and lans.is_possible():
            self.lan = lans.Lan(self.count)
        self._options = options

    def _open_servers(self, opened):
        if self.lan:
            opened.enter_context(self.lan)
        self.cluster = opened.enter_context(
            Cluster(self.count, self._options, self.lan))
        self.servers = self.cluster.nodes
        self.home, self.db = self.servers[0], Balancer(self.servers)
        if self.lan:
            self.wires = self.lan.hosts
        elif self.count == 3:
            self.wires = [Isolation(node) for node in self.servers]

    def logs(self):
        """Those of the nodes, too."""
        return super().logs() | {f"node{node.number}": node.errlog
                                 for node in self.servers}

    def _heal_servers(self):
        for wire in self.wires:
            wire.mend()
        self.make_whole()

    def make_whole(self):
        """Wait until all nodes are together; how many did not come back by
        themselves, and were started again, as an operator would."""
        stuck = []
        with contextlib.suppress(TimeoutError):
            self.cluster.wait_whole(ALONE_S)
        for node in self.servers:
            if not node.pid or not node.is_ready():
                stuck.append(node)
                node.kill()
                node.rejoin()
        self.cluster.wait_whole(HEAL_S)
        return len(stuck)

    def differences(self):
        """Each table is the same at all nodes, once they are quiet."""
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: not self._differing(), 20, "sameness", 0.5)
        return [f"nodes differ in {table}" for table in self._differing()]

    def _differing(self):
        tables = ", ".join(f"`{schema}`.`{table}`" for schema, table
                           in self.home.sql(
            "SELECT table_schema, table_name FROM information_schema.tables"
            f" WHERE table_schema IN ({SCHEMAS})"
            " AND table_type = 'BASE TABLE'"))
        first, *others = [dict(node.sql(f"CHECKSUM TABLE {tables}"))
                          for node in self.servers]
        return [table for table in first
                if any(other[table] != first[table] for other in others)]


class ClusterProducer(Producer):
    """Takes the next node for each transaction, and does again what a node
    refused because of the others, or did not answer and did not do.

    again  why it had to: number of the error -> how often
    """

    def __init__(self, *args):
        super().__init__(*args)
        self.again = Counter()

    def _transaction(self):
        chosen, dice = self._choose(), self.dice.getstate()
        while self._must_go_on(chosen):
            self.dice.setstate(dice)
        self._hang_up()

    def _must_go_on(self, chosen):
        """Try it once; must it be tried again?"""
        try:
            if not self._link:
                self._open()
            self._carry_out(*chosen)
            return False
        except (pymysql.MySQLError, OSError) as error:
            self._hang_up()
            if not may_pass(error):
                raise
            self._learn(error)
        is_done = any(deed.fate == UNKNOWN and self._is_there(deed)
                      for deed in self._deeds[:1])
        self._note_deeds()
        return not is_done and not self.all.over.is_set()

    def _learn(self, error):
        """What is refused is not done; of what is not answered nobody
        knows."""
        number = error.args[0] if error.args else 0
        self.again[number] += 1
        if number == DEADLOCK:
            for deed in self._deeds:
                deed.fate = UNDONE

    def _is_there(self, deed):
        """Is what got no answer in the billing all the same?"""
        while True:
            try:
                return bool(self.all.db.sql(
                    f"SELECT 1 FROM done WHERE who = {deed.who}"
                    f" AND number = {deed.number}", "ledger"))
            except (pymysql.MySQLError, OSError):
                if self.all.over.wait(0.1):
                    return False

    def _hang_up(self):
        if self._link:
            with contextlib.suppress(pymysql.MySQLError, OSError):
                self._link.close()
        self._link = None

    def finale(self):
        """The same, until nobody's transaction is in the way."""
        while True:
            try:
                return super().finale()
            except pymysql.MySQLError as error:
                if not may_pass(error):
                    raise
                self._deeds = []
                time.sleep(0.1)


class ClusterProducers(Producers):
    """Producers of a cluster."""

    kind = ClusterProducer

    @property
    def again(self):
        """Why transactions were tried again, and how often."""
        return sum((one.again for one in self._all), Counter())
