"""A private MariaDB in a temporary folder, set like the vendor's servers; or
the kind of server that MBEV_SERVER names, see kinds.py.

    with MariaDB() as db:
        db.sql("SELECT VERSION()")

Works as root and as an ordinary user. root of the server logs in over the
unix socket without a password.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pymysql
from pymysql.constants import CLIENT

from harness import kinds, process
from harness.kinds import STORAGE_OPTIONS, VENDOR_OPTIONS, as_root

REPO = Path(__file__).resolve().parents[2]


class SanitizerReport(Exception):
    """The server's sanitizer wrote a report; the text is its first one."""


class MariaDB:
    """One server. start() and stop(), or use it as a context manager.

    options     extra command line options; they win over the defaults
    env         extra environment of the server
    plugin_dir  where the server looks for mbev.so; default MBEV_BUILD or
                <repo>/build
    preload     LD_PRELOAD of the server, for a library built with
                sanitizers; default MBEV_SERVER_PRELOAD
    tcp         also listen on a free port of 127.0.0.1
    under       a program and its options that runs the server
    kind        of kinds.py; default what MBEV_SERVER names
    unsynced    nothing waits for the disk
    """

    def __init__(self, options=(), env=None, plugin_dir=None, preload=None,
                 tcp=False, under=(), kind=None, unsynced=False):
        self.kind = kinds.named(kind) if kind else kinds.chosen()
        self.options = [*(self.kind.unsynced if unsynced else []), *options]
        self.under = list(under)
        self.extra_env = dict(env or {})
        self.plugin_dir = Path(plugin_dir or build_dir())
        self.preload = (os.environ.get("MBEV_SERVER_PRELOAD", "")
                        if preload is None else preload)
        self.folder = Path(tempfile.mkdtemp(prefix="mbev-"))
        self.socket = str(self.folder / "mysql.sock")
        self.doorbell = str(self.folder / "doorbell")
        self.errlog = self.folder / "error.log"
        self.port = free_port() if tcp else None
        self._process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def pid(self):
        """Process id, or None when the server does not run."""
        return self._process.pid if self._process else None

    @property
    def datadir(self):
        """The server's data folder."""
        return self.folder / "data"

    def start(self):
        """Start the server and wait until it answers."""
        if not self.datadir.exists():
            subprocess.run(["cp", "-a", _template(self.kind), self.datadir], check=True)
        with open(self.errlog, "ab") as log:
            self._process = process.spawn(
                self._argv(), env=self._env(), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        try:
            process.wait_until(self._answers, 600 if self.under else 90,
                               "answer of the server")
        except Exception as error:
            self.kill()
            raise RuntimeError(f"{error}\n{self._log_tail()}") from error
        return self

    def stop(self):
        """Stop the server and remove its folder.

        Raise on a sanitizer report, and when the server had crashed.
        """
        exit_code = self._end()
        report, log = self._sanitizer_report(), self._log_tail()
        shutil.rmtree(self.folder, ignore_errors=True)
        if report:
            raise SanitizerReport(report)
        if exit_code:
            raise RuntimeError(f"the server ended with {exit_code}: {log}")

    def wait_idle(self, seconds=3, timeout=60):
        """Wait until the server has written nothing for so long.

        What was created goes on in the background for a while, and brings
        commits of others to disk that were to stay in memory.
        """
        deadline = time.monotonic() + timeout
        since, before = time.monotonic(), None
        while time.monotonic() < since + seconds:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the server writes for {timeout} s")
            now = self.sql("SHOW GLOBAL STATUS LIKE 'Innodb_lsn_current'")
            if now != before:
                since, before = time.monotonic(), now
            time.sleep(0.2)

    def kill(self):
        """SIGKILL, as a crash of the server. start() brings it back."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self):
        """SIGSTOP: it is there, and answers nothing. thaw() ends it."""
        self._process.send_signal(signal.SIGSTOP)
        process.wait_until(lambda: process.is_frozen(self.pid), 10, "freeze")

    def thaw(self):
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def restart(self):
        """Stop cleanly and start again with the same data."""
        self._end()
        return self.start()

    def connect(self, db=None, **kw):
        """A pymysql connection as root: utf8mb4, autocommit."""
        settings = {"unix_socket": self.socket, "user": "root",
                    "database": db, "charset": "utf8mb4", "autocommit": True}
        return pymysql.connect(**{**settings, **kw})

    def sql(self, text, db=None):
        """Run one or more statements; rows of the last one, as tuples."""
        with self.connect(
                db, client_flag=CLIENT.MULTI_STATEMENTS) as link:
            return run_all(link, text)

    def client(self, file_or_text, db=None, args=()):
        """Feed a file (Path) or text (str) to the plain `mysql` client.

        Returns (exit code, stdout, stderr). args may name another --user.
        """
        if isinstance(file_or_text, Path):
            text = file_or_text.read_bytes()
        else:
            text = file_or_text.encode()
        argv = ["mysql", "--no-defaults", f"--socket={self.socket}",
                "--user=root", *args, *([db] if db else [])]
        done = subprocess.run(argv, input=text, capture_output=True,
                              check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def _argv(self):
        network = ([f"--port={self.port}", "--bind-address=127.0.0.1"]
                   if self.port else ["--skip-networking"])
        return [*self.under, *self.kind.command(), f"--datadir={self.datadir}",
                f"--socket={self.socket}", f"--tmpdir={self.folder}",
                f"--pid-file={self.folder / 'mysqld.pid'}",
                f"--plugin-dir={self.plugin_dir}", *network, *as_root(),
                *STORAGE_OPTIONS, *VENDOR_OPTIONS, *self.kind.options,
                *self.options]

    def _env(self):
        env = {**os.environ, "MBEV_DOORBELL": self.doorbell}
        if self.preload:
            log = f"log_path={self.folder / 'sanitizer'}"
            env |= {"LD_PRELOAD": self.preload,
                    "ASAN_OPTIONS": f"detect_leaks=0:{log}",
                    "UBSAN_OPTIONS": f"print_stacktrace=1:{log}"}
        return env | self.extra_env

    def _answers(self):
        if self._process.poll() is not None:
            raise RuntimeError("the server ended at its start")
        try:
            self.connect().close()
            return True
        except pymysql.err.OperationalError:
            return False

    def _end(self):
        """Stop the server if it runs; its exit code, 0 if it did not."""
        if not self._process:
            return 0
        exit_code = process.end(self._process,
                                timeout=600 if self.under else 60)
        self._process = None
        return exit_code

    def _log_tail(self):
        if not self.errlog.exists():
            return ""
        return self.errlog.read_text(errors="replace")[-3000:]

    def _sanitizer_report(self):
        for report in sorted(self.folder.glob("sanitizer.*")):
            return report.read_text(errors="replace")
        return ""


def run_all(link, text):
    """Run one or more statements on a connection that may send several at
    once; rows of the last one, as tuples."""
    with link.cursor() as cursor:
        cursor.execute(text)
        rows = cursor.fetchall()
        while cursor.nextset():
            rows = cursor.fetchall()
        return list(rows)


@contextlib.contextmanager
def snapshot_held(db):
    """The transaction of a backup, left open."""
    with db.connect("mikbill_events", autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute("SET SESSION wait_timeout = 28800")
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        yield
        link.rollback()


def numbers(most):
    """A derived table of the numbers from 1 on, in column seq."""
    digits = " UNION ALL SELECT ".join("0123456789").replace("0", "0 AS d", 1)
    places = range(len(str(most)))
    value = " + ".join(f"{10 ** place} * p{place}.d" for place in places)
    tables = ", ".join(f"(SELECT {digits}) AS p{place}" for place in places)
    return (f"(SELECT {value} AS seq FROM {tables} HAVING seq BETWEEN 1 AND"
            f" {most}) AS numbers")


def free_port():
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def build_dir():
    """Folder of the build: MBEV_BUILD, else <repo>/build."""
    return Path(os.environ.get("MBEV_BUILD") or REPO / "build").resolve()


def _template(kind):
    """An initialised data folder, made once per boot and user."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
    base = Path(tempfile.gettempdir())
    name = f"mbev-template-{kind.name}-{os.geteuid()}-{boot}"
    with open(base / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (base / name).exists():
            shutil.rmtree(base / f"{name}.new", ignore_errors=True)
            kind.install(base / f"{name}.new")
            (base / f"{name}.new").rename(base / name)
    return base / name
