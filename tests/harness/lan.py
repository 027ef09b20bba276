"""A private network: hosts on one switch, each in a network namespace of its
own, so that no packet of theirs leaves them.

    with Lan(3) as lan:
        process.spawn([*lan[0].inside, "mariadbd", ...])
        lan[0].unplug()
        lan[1].loses(lan[2])
        lan.mend()

Needs root. A namespace ends with the last process in it: nothing stays behind.
"""

import os
import subprocess

from harness import process

NETWORK = "10.213.0"
OWN = "/proc/self/ns/net"


def is_possible():
    """May this user have networks of his own?"""
    try:
        with Lan(1):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


class Space:
    """A network namespace, held by a process.

    inside  what to put before a command so that it runs there
    """

    def __init__(self):
        self._holder = process.spawn(["unshare", "--net", "sleep", "inf"],
                                     stderr=subprocess.DEVNULL)
        self.path = f"/proc/{self._holder.pid}/ns/net"
        self.inside = ["nsenter", f"--net={self.path}"]
        process.wait_until(self._is_there, 10, "network namespace")

    def _is_there(self):
        if self._holder.poll() is not None:
            raise PermissionError("no network namespace is to be had")
        return os.readlink(self.path) != os.readlink(OWN)

    @property
    def pid(self):
        """The process that holds it."""
        return self._holder.pid

    def ip(self, words):
        """The command ip(8), in there."""
        self.run("ip " + words)

    def run(self, words):
        """A command, in there."""
        subprocess.run([*self.inside, *words.split()], check=True,
                       capture_output=True)

    def close(self):
        """End it, when nothing else runs there."""
        process.end(self._holder, 10)


class Host(Space):
    """One host, with one cable to the switch.

    address  where the others reach it
    """

    def __init__(self, number, switch):
        super().__init__()
        self.address = f"{NETWORK}.{number + 1}"
        self._switch, self._port = switch, f"port{number}"
        self._lost, self._is_thin = set(), False
        switch.ip(f"link add {self._port} type veth peer name eth0 netns"
                  f" {self.pid}")
        switch.ip(f"link set {self._port} master lan up")
        for words in ("link set lo up", f"address add {self.address}/24 dev"
                      " eth0", "link set eth0 up"):
            self.ip(words)

    def unplug(self):
        """Nothing comes, nothing goes."""
        self._switch.ip(f"link set {self._port} down")

    def plug(self):
        """The cable is in again."""
        self._switch.ip(f"link set {self._port} up")

    def loses(self, other):
        """What it sends to that one does not arrive; the other way all is
        well."""
        self.ip(f"route replace blackhole {other.address}")
        self._lost.add(other.address)

    def thin(self, kbit):
        """What it sends goes out slowly, so many kbit in a second, and is
        dropped when more than half a second of it waits."""
        self.run(f"tc qdisc replace dev eth0 root tbf rate {kbit}kbit"
                 " burst 10kb latency 500ms")
        self._is_thin = True

    def mend(self):
        """All is well."""
        if self._is_thin:
            self.run("tc qdisc delete dev eth0 root")
        self._is_thin = False
        for address in self._lost:
            self.ip(f"route delete blackhole {address}")
        self._lost = set()
        self.plug()


class Lan:
    """So many hosts; lan[0] is the first. A context manager."""

    def __init__(self, count):
        self.count = count
        self.hosts, self._spaces = [], []

    def __enter__(self):
        try:
            switch = self._keep(Space())
            switch.ip("link add lan type bridge")
            switch.ip("link set lan up")
            self.hosts = [self._keep(Host(number, switch))
                          for number in range(self.count)]
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_):
        self._close()

    def __getitem__(self, number):
        return self.hosts[number]

    def mend(self):
        """All is well with all of them."""
        for host in self.hosts:
            host.mend()

    def _keep(self, space):
        self._spaces.append(space)
        return space

    def _close(self):
        for space in reversed(self._spaces):
            space.close()
