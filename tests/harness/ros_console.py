"""The console of a stand-in router: who is online, what came, what it says.

An SSH server, whichever it is, hands every command to a ConsoleServer, in the
process of the test. What a console answers is decided by `answer`, a function
of the command and of `honest`, which does as told and returns the output. It
returns bytes, or a list of steps:

    bytes or str   sent as they are
    a function     without arguments; called when its turn comes (honest)
    a Hold         waits until it is opened
    a number       waits so many seconds
    a Flood        that many bytes, or bytes without end
    CLOSE          closes the connection, not only the channel
"""

import contextlib
import select
import socket
import threading
import time
from dataclasses import dataclass

from harness import ros_script
from harness.process import wait_until

CLOSE = object()
FLOOD = b"0123456789abcdef" * 4096


class Hold:
    """A pause of an answer until open is set; reached tells of the pause."""

    def __init__(self):
        self.open = threading.Event()
        self.reached = threading.Event()


@dataclass
class Flood:
    """So many bytes without a line end; None: without end."""

    size: int | None = None


# ---- answers: functions of the command and of honest ----


def hang(_command, _honest):
    """Do nothing, never answer."""
    return [Hold()]


def hang_after(size):
    """Do as told, never send more than the first bytes of the answer."""
    return lambda _command, honest: [honest()[:size], Hold()]


def close_unanswered(_command, _honest):
    """Do nothing, close the connection."""
    return [CLOSE]


def cut(size):
    """Do as told, close the connection after the first bytes of the answer.
    """
    return lambda _command, honest: [honest()[:size], CLOSE]


def say(text):
    """Do nothing, say something else."""
    return lambda _command, _honest: text


def flood(size=None):
    """Do nothing, send that many bytes, or bytes without end."""
    return lambda _command, _honest: [Flood(size)]


@dataclass
class Call:
    """One command as it came."""

    command: bytes
    client: str  # address and port of the connection it came over
    at: float  # time.monotonic()
    ended: float | None = None  # when the answer was over


class Console:
    """What one router knows, and what was asked of it.

    sessions    a ros_script.Sessions
    calls       the commands as Calls, in order
    shells      how often a shell was asked for instead of a command
    foreign     commands that the router did not understand
    violations  attempts to have data interpreted, in words
    raw         strings with bytes above 0x7F as they are
    answer      function of the command and of honest; None: be honest
    denied      the account may not remove sessions
    """

    def __init__(self):
        self._lock = threading.Lock()
        self.reset()

    def reset(self):
        """Nobody is online, nothing came, behave well."""
        self.sessions = ros_script.Sessions()
        self.calls = []
        self.shells = 0
        self.foreign = []
        self.violations = []
        self.raw = []
        self.answer = None
        self.denied = False

    @property
    def commands(self):
        """The command lines that came, in order."""
        return [call.command for call in list(self.calls)]

    @property
    def removed(self):
        """Names of the sessions that were removed, in order."""
        return self.sessions.removed

    @property
    def names(self):
        """Names of the sessions that are online."""
        with self._lock:
            return self.sessions.names

    def online(self, *names):
        """One more session for each name."""
        with self._lock:
            self.sessions.online(*names)

    def offline(self, *names):
        """End all sessions of these names; they do not count as removed."""
        with self._lock:
            self.sessions.offline(*names)

    def vanish(self, name, times=1):
        """The next removals of that name find no such item; see Sessions."""
        with self._lock:
            self.sessions.vanish(name, times)

    def wait(self, n, timeout=10):
        """Wait until n commands have come; return them all."""
        try:
            wait_until(lambda: len(self.calls) >= n, timeout, "commands",
                       pause=0.002)
        except TimeoutError:
            raise TimeoutError(f"{len(self.calls)} of {n} commands came "
                               f"within {timeout} s") from None
        return self.commands

    def honest(self, command):
        """Do what a command says; what a router prints then."""
        with self._lock:
            if self.denied:
                return b"not enough permissions (9)\r\n"
            outcome = ros_script.run(command, self.sessions)
            if outcome.refused:
                self.foreign.append(command)
            self.violations += outcome.violations
            self.raw += outcome.raw
            return outcome.output

    def steps(self, command):
        """The answer to a command."""
        def honest():
            return self.honest(command)
        steps = self.answer(command, honest) if self.answer else honest()
        return steps if isinstance(steps, list) else [steps]


class ConsoleServer:
    """Takes commands on a unix socket, each on a connection of its own.

    The first line tells of the connection: words, which `choose` turns into a
    console and a function that closes the SSH connection. Its second word is
    exec or shell, and the rest of the line is the client. Then comes the
    command up to the end; then the answer goes back.
    """

    def __init__(self, path, choose):
        self._choose = choose
        self._stopped = threading.Event()
        self._links = set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1024)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Take nothing more, end all answers."""
        self._stopped.set()
        for link in [self._listener, *self._links]:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        with self._listener, contextlib.suppress(OSError):
            while not self._stopped.is_set():
                link, _ = self._listener.accept()
                self._links.add(link)
                threading.Thread(target=self._serve, args=[link],
                                 daemon=True).start()

    def _serve(self, link):
        """One command, from accept to close."""
        with link, contextlib.suppress(OSError), link.makefile("rb") as file:
            words = file.readline().decode().split()
            if words:
                self._take(link, words, file.read())
        self._links.discard(link)

    def _take(self, link, words, command):
        """Have a command answered; the words tell where it came from."""
        console, close = self._choose(words)
        if words[1] == "shell":
            console.shells += 1
            return
        call = Call(command, " ".join(words[2:]), time.monotonic())
        console.calls.append(call)
        try:
            for step in console.steps(command):
                if step is CLOSE:
                    close()
                else:
                    self._step(link, step)
        finally:
            call.ended = time.monotonic()

    def _step(self, link, step):
        if callable(step):
            step = step()
        if isinstance(step, (bytes, str)):
            link.sendall(step.encode() if isinstance(step, str) else step)
        elif isinstance(step, Flood):
            _flood(link, step.size)
        elif isinstance(step, Hold):
            step.reached.set()
            self._wait(link, step.open.wait)
        else:
            end = time.monotonic() + step
            self._wait(link, lambda pause: self._stopped.wait(
                min(pause, max(0, end - time.monotonic())))
                or time.monotonic() >= end)

    def _wait(self, link, over):
        """Wait until over(pause), but not when nobody waits for the answer.
        """
        while not over(0.1):
            if self._stopped.is_set() or _left(link):
                raise ConnectionAbortedError


def _left(link):
    """Has the other side gone? Half of the link it had closed before."""
    poll = select.poll()
    poll.register(link, 0)
    return bool(poll.poll(0))


def _flood(link, size):
    sent = 0
    while size is None or sent < size:
        piece = FLOOD if size is None else FLOOD[:size - sent]
        link.sendall(piece)
        sent += len(piece)
