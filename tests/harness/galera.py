"""A Galera cluster of private servers on the loopback interface.

    with Cluster(2) as cluster:
        cluster[0].sql("CREATE DATABASE x")
        cluster[1].kill()

A node that comes is never sent a whole state: all begin with copies of one
data folder, and get what they miss from the others' caches.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pymysql

from harness import process
from harness.server import MariaDB, free_port

PROVIDER = "/usr/lib/galera/libgalera_smm.so"
ARBITER = "/usr/bin/garbd"

# What a cluster needs, and times short enough for a test.
OPTIONS = ["--wsrep-on=ON", f"--wsrep-provider={PROVIDER}",
           "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2",
           "--default-storage-engine=InnoDB", "--wsrep-sst-method=bypass",
           "--innodb-flush-log-at-trx-commit=0", "--wsrep-slave-threads=4"]
PROVIDER_OPTIONS = (
    "evs.keepalive_period=PT0.3S;evs.inactive_check_period=PT0.3S;"
    "evs.suspect_timeout=PT2S;evs.inactive_timeout=PT4S;"
    "evs.install_timeout=PT4S;socket.ssl=NO")


def is_installed():
    """Is there a Galera to test with?"""
    return Path(PROVIDER).exists() and Path(ARBITER).exists()


class Node(MariaDB):
    """One server of a cluster.

    host    its address, 127.0.0.1 or another one that is its own
    inside  a command and its options that run it where that address is
    """

    def __init__(self, number, host="127.0.0.1", options=(), inside=(),
                 **how):
        env = {"PATH": f"{Path(__file__).parent}:{os.environ['PATH']}"}
        super().__init__(tcp=True, env=env, **how)
        self.number, self.host = number, host
        self.inside = list(inside)
        self.group_port = free_port()
        self.ist_port, self.state_port = free_port(), free_port()
        self.more = list(options)
        self.peers = []

    @property
    def group(self):
        """Where it speaks to the others."""
        return f"{self.host}:{self.group_port}"

    def join(self, first=False, position=None):
        """Start it, as the first of a new cluster or with the others.

        position    where its data stand, when it does not know itself
        """
        others = ",".join(peer.group for peer in self.peers)
        self.options = [
            *OPTIONS, *self.more,
            f"--wsrep-cluster-address=gcomm://{'' if first else others}",
            "--wsrep-cluster-name=mbev",
            f"--wsrep-node-name=node{self.number}",
            f"--wsrep-node-address={self.group}",
            f"--wsrep-sst-receive-address={self.host}:{self.state_port}",
            "--wsrep-provider-options=" + PROVIDER_OPTIONS
            + f";gmcast.listen_addr=tcp://{self.group};gcache.size=32M"
            + f";ist.recv_addr={self.host}:{self.ist_port}"]
        if position:
            self.options.append(f"--wsrep-start-position={position}")
        self.start()
        process.wait_until(self.is_ready, 90, f"node {self.number}", 0.1)
        return self

    def _argv(self):
        return [*self.inside, *super()._argv()]

    def rejoin(self):
        """Start it again after it was killed."""
        return self.join(position=self._position())

    def _position(self):
        """Where its data stand after a crash."""
        self.options = [*OPTIONS, *self.more, "--wsrep-recover",
                        "--wsrep-cluster-address=gcomm://"]
        said = subprocess.run(self._argv(), env=self._env(), timeout=120,
                              capture_output=True, text=True, check=False)
        found = re.search(r"Recovered position: (\S+)", said.stderr)
        if not found:
            raise RuntimeError(f"no position: {said.stderr[-2000:]}")
        return found[1]

    def status(self, name):
        """A variable of SHOW STATUS."""
        rows = self.sql(f"SHOW STATUS LIKE 'wsrep_{name}'")
        return rows[0][1] if rows else None

    def is_ready(self):
        """Does it take statements? One that joins hangs up on us."""
        with contextlib.suppress(pymysql.MySQLError):
            return (self.status("ready") == "ON"
                    and self.status("local_state_comment") == "Synced")
        return False

    def isolate(self, yes=True):
        """Cut it off from the others, or let it back."""
        self.sql("SET GLOBAL wsrep_provider_options ="
                 f" 'gmcast.isolate={int(yes)}'")

    def halt(self):
        """End it in good order; its data stay."""
        self._end()


class Arbiter:
    """One that has a vote and no data: of two nodes the one that is left when
    the other dies is a majority with it."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="mbev-garbd-"))
        self.group = f"127.0.0.1:{free_port()}"
        self._process = None

    def start(self, nodes):
        """Join these."""
        with open(self.folder / "log", "wb") as log:
            self._process = process.spawn(
                [ARBITER, "--group=mbev", "--name=arbiter",
                 "--address=gcomm://" + ",".join(n.group for n in nodes),
                 "--options=" + PROVIDER_OPTIONS
                 + f";gmcast.listen_addr=tcp://{self.group}"],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)

    def stop(self):
        """End it."""
        if self._process:
            process.end(self._process, timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)


def _place(host):
    return {"host": host.address, "inside": host.inside}


class Cluster:
    """Some nodes, of two with an arbiter. A context manager; cluster[0] is the
    one to begin with.

    lan     a lan.Lan of three: each node is on a host of its own there
    """

    def __init__(self, count, options=(), lan=None, **how):
        self.arbiter = Arbiter() if count == 2 else None
        self.nodes = [Node(number, options=options, **how,
                           **(_place(lan[number]) if lan else {}))
                      for number in range(count)]
        for node in self.nodes:
            node.peers = self.nodes

    def __enter__(self):
        try:
            first, *others = self.nodes
            first.join(first=True).halt()
            for node in others:
                subprocess.run(["cp", "-a", first.datadir, node.datadir],
                               check=True)
                (node.datadir / "auto.cnf").unlink(missing_ok=True)
                (node.datadir / "galera.cache").unlink(missing_ok=True)
            first.join(first=True)
            for node in others:
                node.join()
            if self.arbiter:
                self.arbiter.start(self.nodes)
            self.wait_whole()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_):
        self._close()

    def __getitem__(self, number):
        return self.nodes[number]

    def wait_whole(self, timeout=30):
        """Wait until all nodes see each other."""
        size = str(len(self.nodes) + bool(self.arbiter))
        process.wait_until(
            lambda: all(node.is_ready() and node.status("cluster_size") == size
                        for node in self.nodes),
            timeout, "a whole cluster", 0.1)

    def _close(self):
        if self.arbiter:
            self.arbiter.stop()
        for node in reversed(self.nodes):
            node.kill()
            node.stop()
