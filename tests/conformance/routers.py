"""The routers that the stand-ins play, and what they saw of resets.

Each kit has its transport: the older one comes over SSH, the newer one by
the binary API. A stage asks both in the same words: port, prepare(), and
then resets, refused and faults.
"""

import re
from dataclasses import dataclass, replace

from conformance.vectors import CannotRun
from harness.ros_api import RouterApi
from harness.routeros import RouterOS, why_not

HERE = "127.0.0.1"
ACCOUNTS = {"nasadmin": "naspw", "nas2": "pw2"}  # of every case
SOMEBODY = "somebody-else"  # is online, too

FIND = re.compile(rb'\bfind (?:where )?name="((?:[^"\\]|\\.)*)"', re.DOTALL)
ESCAPE = re.compile(rb"\\(?:([0-9A-F]{2})|(.))", re.DOTALL)
LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b",
           b"f": b"\f", b"v": b"\v", b"_": b" "}
RECORDED = re.compile(r'/ppp active remove \[find name="(.*)"\]', re.DOTALL)

ACCEPTED = re.compile(r"^Accepted \S+ for (\S+) from (\S+) port (\d+)", re.M)
FAILED = re.compile(r"^Failed (?!none)\S+ for (?:invalid user )?(\S+) from",
                    re.M)


@dataclass(frozen=True)
class Reset:
    """One subscriber's sessions on one router."""

    host: str
    user: str
    password: str
    login: str
    removes: bool = True  # False: the subscriber was only looked for


# ---- what is recorded ----

def recorded_resets(record):
    """Resets of a vector's record."""
    return (_recorded_ssh(record.get("ssh", []))
            + _recorded_api(record.get("routeros_api", [])))


def recorded_refusals(record):
    """Users whose login was refused."""
    return [one["user"] for one in record.get("ssh_auth_failed", [])]


def accounts_of(vector):
    """Of the router that the vector was recorded with: user -> password."""
    return ACCOUNTS | {
        one.user: one.password
        for one in recorded_resets(vector.get("expect", {}))}


def _recorded_ssh(commands):
    """The kit puts the login in as it is."""
    found = []
    for one in commands:
        match = RECORDED.fullmatch(one["command"])
        if not match:
            raise CannotRun(f"unknown router command {one['command']!r}")
        found.append(Reset(one["host"], one["user"], one["password"],
                           match[1]))
    return found


def _recorded_api(sentences):
    hosts = {one["host"] for one in sentences}
    if len(hosts) > 1:
        raise CannotRun("sentences to several hosts")
    return resets_of([one["sentence"] for one in sentences], *hosts)


def resets_of(sentences, host=HERE):
    """What a client of the API says, as resets: each login, and whom it then
    looks for and removes."""
    found, account = [], ("", "")
    for command, *words in sentences:
        named = dict(word[1:].split("=", 1) for word in words
                     if word.startswith(("=", "?")) and "=" in word[1:])
        if command == "/login":
            account = named.get("name", ""), named.get("password", "")
        elif command == "/ppp/active/print":
            found.append(Reset(host, *account, named.get("name", ""), False))
        elif command == "/ppp/active/remove" and found:
            found[-1] = replace(found[-1], removes=True)
        elif command != "/quit":
            raise CannotRun(f"unknown sentence {command!r}")
    return found


# ---- what the stand-ins saw ----

class ApiRouter:
    """A router with the binary API."""

    transport = "api"

    def __init__(self):
        self._router = RouterApi(HERE)

    def __enter__(self):
        self._router.start()
        return self

    def __exit__(self, *_):
        self._router.stop()

    @property
    def port(self):
        """Where it listens."""
        return self._router.port

    def prepare(self, vector, logins):
        """Be the router of a vector, with these subscribers online.

        They are back at once when they are removed: several rows of the
        billing are this one router.
        """
        self._router.reset()
        self._router.redials = True
        self._router.users = {
            user.encode(): password.encode()
            for user, password in accounts_of(vector).items()}
        found = recorded_resets(vector.get("expect", {}))
        if found and not any(one.removes for one in found):
            logins = []
        self._router.online(SOMEBODY.encode(), *map(str.encode, logins))

    @property
    def resets(self):
        """What it was asked for."""
        return [one for connection in self._connections
                for one in resets_of([
                    [_text(word) for word in words]
                    for words in self._router.said_on(connection)])]

    @property
    def refused(self):
        """Users who were not let in."""
        return list(map(_text, self._router.refused))

    @property
    def faults(self):
        """What was wrong, in words."""
        asked = {one.login for one in self.resets if one.removes}
        removed = set(map(_text, self._router.removed))
        found = list(self._router.violations)
        if asked != removed:
            found.append(f"the sessions of {sorted(removed)} were removed, "
                         f"not those of {sorted(asked)}")
        if self._router.connections > len(self._connections):
            found.append("a connection over which nothing was said")
        return found

    @property
    def _connections(self):
        return sorted({one.connection for one in self._router.requests})


class SshRouter:
    """A router behind a real sshd; made by harness.routeros.RouterOS."""

    transport = "ssh"

    def __init__(self, router=None):
        self._router = router or _new_ssh_router()
        self._seen = 0  # of the log

    def __enter__(self):
        self._router.start()
        return self

    def __exit__(self, *exception):
        self._router.__exit__(*exception)

    @property
    def port(self):
        """Where it listens."""
        return self._router.port

    def prepare(self, vector, logins):
        """Be the router of a vector, with these subscribers online."""
        self._router.reset()
        for user, password in accounts_of(vector).items():
            if self._router.accounts.get(user) != password:
                self._router.change_password(user, password)
        self._router.online(SOMEBODY, *logins)
        self._seen = len(self._whole_log())

    @property
    def resets(self):
        """What it was asked for: each subscriber that a command names."""
        return [
            Reset(HERE, user, self._router.accounts.get(user), login,
                  b"remove" in call.command)
            for call in self._router.calls
            for user in [self._users.get(_client(call), "")]
            for login in logins_in(call.command) or [""]]

    @property
    def refused(self):
        """Users who were not let in."""
        return FAILED.findall(self._log)

    @property
    def faults(self):
        """What was wrong, in words."""
        asked = {one.login for one in self.resets if one.removes}
        removed = set(map(_text, self._router.removed))
        found = [f"the router did not understand {command!r}"
                 for command in self._router.foreign]
        found += self._router.violations
        if asked != removed:
            found.append(f"the sessions of {sorted(removed)} were removed, "
                         f"not those of {sorted(asked)}")
        talked = {_client(call) for call in self._router.calls}
        return found + [f"{user} logged in and said nothing"
                        for client, user in self._users.items()
                        if client not in talked]

    @property
    def _users(self):
        """Who logged in: (address, port) -> user."""
        return {(address, port): user
                for user, address, port in ACCEPTED.findall(self._log)}

    @property
    def _log(self):
        return self._whole_log()[self._seen:]

    def _whole_log(self):
        return self._router.log.read_text(errors="replace")


ROUTERS = {"seed": SshRouter, "new": ApiRouter}


def logins_in(command):
    """Logins that a command of ours looks for, each once, in order."""
    found = [_text(ESCAPE.sub(_byte, quoted))
             for quoted in FIND.findall(command)]
    return list(dict.fromkeys(found))


def _byte(match):
    if match[1]:
        return bytes([int(match[1], 16)])
    return LETTERS.get(match[2], match[2])


def _text(data):
    return data.decode(errors="surrogateescape")


def _client(call):
    return tuple(call.client.split()[:2])


def _new_ssh_router():
    """It needs programs that need not be there."""
    if why_not():
        raise CannotRun(why_not())
    return RouterOS(HERE, accounts=ACCOUNTS)
