"""Many stand-in routers in one process, with faults that no sshd has.

    with ScriptedRouters(200) as routers:
        routers[7].online("u1")
        routers[8].fault = "silent"
        ... the product logs in at each routers[i].address, routers.port ...
        assert routers[7].removed == [b"u1"]

They listen at 127.0.1.1, 127.0.1.2 and so on, on one port number. One process
of its own serves them all (scripted_sshd.py), so that their cryptography does
not run in the test; commands come back to the consoles in the test.

asyncssh plays the server rather than paramiko: it has one event loop for all
connections where paramiko has a thread for each, and it can be asked for
keyboard-interactive alone and for any banner. It refuses commands that are
not UTF-8; for those there is routeros.py.
"""

import base64
import contextlib
import hashlib
import json
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from harness import process
from harness.ros_console import Console, ConsoleServer

FAULTS = {
    None: "none",
    "black hole": "connecting gets no answer",
    "closed": "closes every connection at once",
    "silent": "accepts and says nothing",
    "garbage": "4 KB that are no banner, and the end",
    "endless garbage": "lines without end and without a banner",
    "banner only": "its banner, and then nothing",
    "undecided": "never says whether a password is right",
    "refuse": "refuses every password",
    "hang up": "closes the connection right after the login",
}


class ScriptedRouter(Console):
    """One of them. What came is counted:

    connections  how many came
    logins       how many were accepted
    refused      how many passwords were refused
    open         connections that are open now
    most_open    how many were at the same time, at most
    """

    def __init__(self, servers, number, address, port, key):
        self._servers = servers
        self._number = number
        self._key = key
        self._fault = None
        self._methods = ["password"]
        self._prompts = [["Password: ", False]]
        self.address = address
        self.port = port
        self.open = 0
        super().__init__()

    def reset(self):
        """Nobody is online, nothing came; faults remain."""
        super().reset()
        self.connections = self.logins = self.refused = 0
        self.most_open = self.open

    @property
    def fault(self):
        """One of FAULTS, for connections from now on."""
        return self._fault

    @fault.setter
    def fault(self, fault):
        if fault not in FAULTS:
            raise ValueError(fault)
        self._fault = fault
        self._order("behave", fault=fault)
        self.stop()
        self.start()

    @property
    def methods(self):
        """Of "password" and "keyboard-interactive", those it offers."""
        return self._methods

    @methods.setter
    def methods(self, methods):
        self._methods = list(methods)
        self._order("behave", methods=self._methods)

    @property
    def prompts(self):
        """What keyboard-interactive asks: (text, is the answer shown)."""
        return self._prompts

    @prompts.setter
    def prompts(self, prompts):
        self._prompts = list(map(list, prompts))
        self._order("behave", prompts=self._prompts)

    def stop(self):
        """Refuse connections; those that are open stay."""
        self._order("shut")

    def start(self):
        """Listen again."""
        self._order("listen")

    def change_host_key(self):
        """Another key, for connections from now on."""
        self._key = self._order("change_key")
        self.stop()
        self.start()

    def host_key(self, kind="ed25519"):
        """The line for known_hosts: host, type and key."""
        assert kind == "ed25519"
        return " ".join([f"[{self.address}]:{self.port}", *self._key])

    def fingerprint(self, kind="ed25519"):
        """SHA256:... of the host key, as OpenSSH writes it."""
        assert kind == "ed25519"
        digest = hashlib.sha256(base64.b64decode(self._key[1])).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def note(self, event):
        """Count what the process told."""
        if event == "connection":
            self.connections += 1
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        elif event == "gone":
            self.open -= 1
        elif event == "login":
            self.logins += 1
        else:
            self.refused += 1

    def _order(self, name, **arguments):
        return self._servers.order(name, number=self._number, **arguments)


class ScriptedRouters:
    """The routers, as a list; a context manager, or start() and stop() once.

    count           how many
    user, password  the account of each; accounts: more of them. What follows
                    a + in the name of a login does not count.
    first, port     address of the first, port of all; None: one that is free
    """

    def __init__(self, count=1, user="nasadmin", password="naspw", *,
                 accounts=None, first="127.0.1.1", port=None):
        self.accounts = {user: password, **(accounts or {})}
        self.addresses = _addresses(first, count)
        self.port = port or _free_port(self.addresses)
        self.folder = None
        self.routers = []
        self._server = None
        self._process = None
        self._replies = queue.SimpleQueue()
        self._ordering = threading.Lock()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def __getitem__(self, number):
        return self.routers[number]

    def __len__(self):
        return len(self.routers)

    def start(self):
        """Let all of them listen."""
        self.folder = Path(tempfile.mkdtemp(prefix="mbev-ros-"))
        self._server = ConsoleServer(self.folder / "console", self._choose)
        with open(self.folder / "log", "wb") as log:
            self._process = process.spawn(
                [sys.executable, Path(__file__).with_name("scripted_sshd.py"),
                 self.folder / "console"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log)
        threading.Thread(target=self._listen, daemon=True).start()
        for number, address in enumerate(self.addresses):
            key = self.order("add", address=address, port=self.port,
                             accounts=self.accounts)
            self.routers.append(ScriptedRouter(self, number, address,
                                               self.port, key))
            self.routers[-1].start()
        return self

    def stop(self):
        """End the process and every connection."""
        self._process.stdin.close()
        process.end(self._process, timeout=10)
        self._server.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def log(self):
        """What the process complained about."""
        return (self.folder / "log").read_text(errors="replace")

    def order(self, name, **arguments):
        """Have something done by the process; what it returns."""
        with self._ordering:
            self._process.stdin.write(
                json.dumps({"do": name, **arguments}).encode() + b"\n")
            self._process.stdin.flush()
            reply = self._replies.get(timeout=30)
        if "done" not in reply:
            raise RuntimeError(f"{name}: {reply}")
        return reply["done"]

    def _listen(self):
        """Take what the process tells; runs in a thread of its own."""
        with contextlib.suppress(ValueError):
            for line in self._process.stdout:
                told = json.loads(line)
                if "event" in told:
                    self.routers[told["router"]].note(told["event"])
                else:
                    self._replies.put(told)
        self._replies.put({"failed": "the process has ended"})

    def _choose(self, words):
        router, connection = map(int, words[0].split("/"))
        return (self.routers[router],
                lambda: self.order("end", connection=connection))


def _addresses(first, count):
    """Addresses in a row; none ends with 0 or 255."""
    begin = int.from_bytes(socket.inet_aton(first), "big")
    every = (socket.inet_ntoa((begin + i).to_bytes(4, "big"))
             for i in range(2 * count + 2))
    usable = [address for address in every
              if address.rsplit(".", 1)[1] not in ("0", "255")]
    return usable[:count]


def _free_port(addresses):
    """A port that is free at all of the addresses."""
    while True:
        with contextlib.ExitStack() as probes, \
                contextlib.suppress(OSError):
            port = 0
            for address in addresses:
                probe = probes.enter_context(socket.socket())
                probe.bind((address, port))
                port = probe.getsockname()[1]
            return port
