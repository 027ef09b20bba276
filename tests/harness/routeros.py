"""A MikroTik router over SSH: a real sshd in front of a console of ours.

    with RouterOS(user="nasadmin", password="naspw") as router:
        router.online("u1", "u1", "u2")
        ... the product logs in at router.address, router.port ...
        assert router.removed == [b"u1", b"u1"]
        assert router.foreign == router.violations == []

sshd runs with a configuration, host keys and a folder of its own. Its
accounts are made up: libnss-wrapper shows them to sshd alone, each with the
uid of whoever runs the test. Their login shell is a small program that hands
the command to the console in the test (ros_console).

Offered are password and publickey. This sshd does keyboard-interactive with
PAM only; scripted_ssh.py plays the routers that ask that way.

As root two things are left behind: /run/sshd, which sshd demands, and a line
in /var/log/btmp, if there is one, for each refused password.
"""

import base64
import contextlib
import hashlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from harness import process
from harness.ros_console import Console, ConsoleServer

SSHD = "/usr/sbin/sshd"
WRAPPER = "libnss_wrapper.so"
SHELL_SOURCE = Path(__file__).with_name("routeros_shell.c")

# A router of the years before SHA-2: options of RouterOS().
OLD_V6 = {
    "host_key_types": ("rsa",),
    "host_key_algorithms": "ssh-rsa",
    "kex": "diffie-hellman-group14-sha1",
    "ciphers": "aes128-cbc",
    "macs": "hmac-sha1",
    "pubkey_algorithms": "ssh-rsa",
}

ACCEPTED = re.compile(r"^Accepted \w+ for ", re.MULTILINE)
FAILED = re.compile(r"^Failed (?!none)\w+ for ", re.MULTILINE)
CONNECTION = re.compile(r"^Connection from ", re.MULTILINE)
LISTENING = re.compile(r"^Server listening ", re.MULTILINE)


class RouterOS(Console):
    """One router. start() and stop(), or use it as a context manager.

    address, port        where it listens; port None: one that is free
    user, password       its account
    accounts             more of them: name -> password
    password_allowed     False: the router takes keys only
    authorized_key       public key, one line, which opens every account
    host_key_types       of "rsa" and "ed25519"
    host_key_algorithms, kex, ciphers, macs, pubkey_algorithms
                         lists as in sshd_config(5), which may begin with + or
                         -; None: what sshd does by itself. Without "+ssh-rsa"
                         an RSA host key does not sign with SHA-1.
    """

    def __init__(self, address="127.0.0.1", user="nasadmin",
                 password="naspw", *, port=None, accounts=None,
                 password_allowed=True, authorized_key=None,
                 host_key_types=("ed25519",), host_key_algorithms=None,
                 kex=None, ciphers=None, macs=None, pubkey_algorithms=None):
        self.folder = Path(tempfile.mkdtemp(prefix="mbev-ros-"))
        self.log = self.folder / "sshd.log"
        super().__init__()
        self.address = address
        self.port = port or _free_port(address)
        self.accounts = {user: password, **(accounts or {})}
        self.password_allowed = password_allowed
        self.authorized_key = authorized_key
        self.host_key_types = host_key_types
        self.algorithms = {
            "HostKeyAlgorithms": host_key_algorithms, "KexAlgorithms": kex,
            "Ciphers": ciphers, "MACs": macs,
            "PubkeyAcceptedAlgorithms": pubkey_algorithms}
        self._sshd = None
        self._server = None
        self.change_host_key()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- life ----

    def start(self):
        """Listen, on the same port every time."""
        self._write_files()
        begun = len(self._log_text())
        (self.folder / "console").unlink(missing_ok=True)
        self._server = ConsoleServer(self.folder / "console", self._choose)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._sshd = process.spawn(
            [SSHD, "-D", "-f", self.folder / "sshd_config", "-E", self.log],
            env=self._env(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        process.wait_until(lambda: self._listens(begun), 20, "sshd")
        return self

    def stop(self):
        """Go away with all connections, if it runs."""
        if not self._sshd:
            return
        children = _children(self._sshd.pid)
        process.end(self._sshd, timeout=10)
        _kill(children)
        self._server.close()
        self._sshd = None

    def close_connections(self):
        """Close all connections, and go on listening."""
        _kill(_children(self._sshd.pid))

    # ---- what it knows ----

    def reset(self):
        """Nobody is online, nothing came, behave well; nothing is counted."""
        super().reset()
        self._log_begin = len(self._log_text())

    @property
    def connections(self):
        """How many connections came."""
        return self._count(CONNECTION)

    @property
    def logins(self):
        """How many logins were accepted."""
        return self._count(ACCEPTED)

    @property
    def refused(self):
        """How many passwords and keys were refused."""
        return self._count(FAILED)

    def change_password(self, user, password):
        """From now on the account has that password; made if it is new."""
        self.accounts[user] = password
        self._write_accounts()

    # ---- host keys ----

    def change_host_key(self):
        """New host keys, for connections from now on."""
        for kind in self.host_key_types:
            new, key = self.folder / "new", self._key(kind)
            _make_key(kind, new)
            new.with_suffix(".pub").rename(key.with_suffix(".pub"))
            new.rename(key)

    def host_key(self, kind):
        """The line for known_hosts: host, type and key."""
        host = (self.address if self.port == 22
                else f"[{self.address}]:{self.port}")
        return " ".join([host, *self._public_key(kind)])

    def fingerprint(self, kind):
        """SHA256:... of a host key, as OpenSSH writes it."""
        digest = hashlib.sha256(
            base64.b64decode(self._public_key(kind)[1])).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def _public_key(self, kind):
        """Type and key in base64."""
        return self._key(kind).with_suffix(".pub").read_text().split()[:2]

    def _key(self, kind):
        return self.folder / f"host_{kind}"

    # ---- files of sshd ----

    def _write_files(self):
        self._write_accounts()
        (self.folder / "authorized_keys").write_text(
            f"{self.authorized_key or ''}\n", encoding="ascii")
        (self.folder / "sshd_config").write_text(
            "\n".join(self._config()) + "\n", encoding="ascii")

    def _write_accounts(self):
        """The account files that sshd sees; with its own account."""
        ids = f"{os.geteuid()}:{os.getegid()}"
        shell = _shell()
        passwd = [f"{user}:x:{ids}::{self.folder}:{shell}"
                  for user in self.accounts]
        shadow = [f"{user}:{_crypt(password)}:19000:0:99999:7:::"
                  for user, password in self.accounts.items()]
        own = pwd.getpwnam("sshd")
        passwd.append(f"sshd:x:{own.pw_uid}:{own.pw_gid}::/run/sshd:"
                      "/usr/sbin/nologin")
        group = [f"router:x:{os.getegid()}:"]
        for name, lines in [("passwd", passwd), ("shadow", shadow),
                            ("group", group)]:
            new = self.folder / f"{name}.new"
            new.write_text("\n".join(lines) + "\n", encoding="utf-8")
            new.rename(self.folder / name)

    def _config(self):
        """Lines of sshd_config."""
        yield f"ListenAddress {self.address}:{self.port}"
        yield from (f"HostKey {self._key(kind)}"
                    for kind in self.host_key_types)
        yield from (f"{name} {value}" for name, value
                    in self.algorithms.items() if value)
        yield f"AuthorizedKeysFile {self.folder}/authorized_keys"
        word = "yes" if self.password_allowed else "no"
        yield f"PasswordAuthentication {word}"
        yield from ["KbdInteractiveAuthentication no", "UsePAM no",
                    "PermitRootLogin yes", "PermitEmptyPasswords yes",
                    "StrictModes no", "UseDNS no", "PidFile none",
                    "LogLevel VERBOSE", "MaxStartups 1000",
                    "MaxSessions 100", "MaxAuthTries 100",
                    "LoginGraceTime 600", "PermitTTY no", "PermitUserRC no",
                    "DisableForwarding yes", "PrintLastLog no"]

    def _env(self):
        """sshd takes its accounts from our files."""
        files = {f"NSS_WRAPPER_{name.upper()}": str(self.folder / name)
                 for name in ["passwd", "group", "shadow"]}
        return {**os.environ, "LD_PRELOAD": WRAPPER, **files}

    def _listens(self, begun):
        if self._sshd.poll() is not None:
            raise RuntimeError(f"sshd ended at its start: {self._log_text()}")
        return LISTENING.search(self._log_text()[begun:])

    def _count(self, pattern):
        """How many lines of sshd's log begin so."""
        return len(pattern.findall(self._log_text()[self._log_begin:]))

    def _log_text(self):
        if not self.log.exists():
            return ""
        return self.log.read_text(encoding="latin-1")

    def _choose(self, words):
        def close():
            time.sleep(0.1)  # what was said before shall be on its way
            _kill([int(words[0])])
        return self, close


def why_not():
    """Why a router cannot be had here, or None."""
    if not os.access(SSHD, os.X_OK):
        return "no sshd (package openssh-server)"
    tried = subprocess.run(["true"], env={"LD_PRELOAD": WRAPPER},
                           capture_output=True, check=False)
    if tried.stderr:
        return "no nss_wrapper (package libnss-wrapper)"
    return None


def _free_port(address):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def _make_key(kind, file):
    size = ["-b", "2048"] if kind == "rsa" else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", "",
                    "-f", file], check=True, stdin=subprocess.DEVNULL)


def _crypt(password):
    """A password as it is kept in /etc/shadow."""
    return subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=password.encode(),
        check=True, capture_output=True).stdout.decode().strip()


def _shell():
    """The login shell, compiled once for each version of its source."""
    digest = hashlib.sha256(SHELL_SOURCE.read_bytes()).hexdigest()[:12]
    shell = (Path(tempfile.gettempdir())
             / f"mbev-routeros-shell-{os.geteuid()}-{digest}")
    if not shell.exists():
        new = shell.with_suffix(f".{os.getpid()}")
        subprocess.run(["cc", "-O1", "-Wall", "-o", new, SHELL_SOURCE],
                       check=True)
        new.rename(shell)
    return shell


def _children(pid):
    """Pids of the children of a process, and of theirs."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = stat.read_text(errors="replace")
            parents[int(stat.parent.name)] = int(
                text.rsplit(")", 1)[1].split()[1])
    found = [pid]
    for parent in found:
        found += [child for child, its in parents.items() if its == parent]
    return found[1:]


def _kill(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
