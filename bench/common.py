"""What the benches share: results, a server with a billing, a provider that
keeps up."""

import contextlib
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

from harness import process
from harness.billing import create_billing
from harness.product import (SERVICE_ACCOUNT, SERVICE_PASSWORD, Service,
                             build_dir, default_settings, install,
                             with_settings)
from harness.server import MariaDB

SUBSCRIBERS = 1000
OURS = "mikbill_events"
# A server as an operator runs it: what is measured fits into its memory.
ROOMY = ["--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M"]


class Bench:
    """What was measured."""

    def __init__(self):
        self.results = []

    def add(self, name, value, unit, goal="", met=None):
        """One line of the table. A goal of None is none."""
        self.results.append({"name": name, "value": round(value, 3),
                             "unit": unit, "goal": goal, "met": met})
        print(f"  {name}: {value:.3f} {unit}", file=sys.stderr)

    def at_most(self, name, value, unit, most):
        """A line that is met when it is small enough."""
        self.add(name, value, unit, f"at most {most:g}", value <= most)

    def at_least(self, name, value, unit, least):
        """A line that is met when it is large enough."""
        self.add(name, value, unit, f"at least {least:,g}", value >= least)


@contextlib.contextmanager
def billing(flush=1, options=()):
    """A server with an installed billing that has some subscribers."""
    with MariaDB(options=[f"--innodb-flush-log-at-trx-commit={flush}",
                          *ROOMY, *options]) as db:
        installed(db)
        yield db


def installed(db):
    """Install the product beside a billing with some subscribers."""
    create_billing(db, "mikbill", "legacy")
    db.sql("INSERT INTO users (uid, user, gid, sms_tel) SELECT seq,"
           " CONCAT('sub', seq), 5, 79000000000 + seq"
           f" FROM seq_1_to_{SUBSCRIBERS}", "mikbill")
    install(db)


def settings(db, url, **sections):
    """A service that announces payments by a provider at that address."""
    ours = with_settings(
        default_settings(db, url), service={"log_level": "error"},
        smspilot={"connections": 64},
        payment={"sms": "yes", "text": "bench: {amount}", "ending": "-"})
    return with_settings(ours, **sections)


@contextlib.contextmanager
def running(ours):
    """A service, which acts."""
    with Service(with_settings(ours,
                               service={"log_level": "info"})) as service:
        service.wait_log("engine: acting")
        service.configure(ours)
        yield service


def forget(db):
    """Nothing has happened."""
    db.sql("DELETE FROM delivery; DELETE FROM event; DELETE FROM outbox", OURS)


def fill_outbox(db, rows):
    """Rows as the trigger writes them, all matched by the rules."""
    db.sql("INSERT INTO outbox (captured_utc, kind, body)"
           " SELECT UTC_TIMESTAMP(3), 5, mbev_json('v', 1, 'table',"
           " 'bugh_plategi_stat', 'id', seq, 'uid',"
           f" seq MOD {SUBSCRIBERS} + 1, 'date', CAST(NOW() AS CHAR),"
           " 'age_s', 0, 'type', 5, 'summa', CAST(100 AS DECIMAL(26,6)),"
           " 'kopecks', 10000, 'before', CAST(0 AS DECIMAL(26,6)), 'who', 1,"
           f" 'comment', NULL) FROM seq_1_to_{rows}", OURS)


def timed(argv):
    """Run a program to its end; the seconds it took."""
    begun = time.monotonic()
    code = process.spawn(argv).wait()
    if code:
        raise RuntimeError(f"{argv[0]} ended with {code}")
    return time.monotonic() - begun


def bare(db, program, batch):
    """The seconds that a bare-SQL program takes for what is there."""
    with tempfile.TemporaryDirectory() as folder:
        password = Path(folder) / "password"
        password.write_text(SERVICE_PASSWORD)
        return timed([build_dir() / "bench" / program, db.socket,
                      SERVICE_ACCOUNT, password, batch])


def once(ours, timeout=600):
    """The seconds that the service takes for what is there."""
    service = Service(ours)
    try:
        begun = time.monotonic()
        if service.once(timeout=timeout):
            raise RuntimeError(service.log_text())
        return time.monotonic() - begun
    finally:
        service.close()


class Provider:
    """The stand-in for smspilot that keeps up; a context manager.

    url    where it is
    delay  after how many ms it answers
    """

    def __init__(self, delay=0):
        self.delay = delay
        self._folder = tempfile.TemporaryDirectory()
        self._book = Path(self._folder.name) / "requests"

    def __enter__(self):
        port = Path(self._folder.name) / "port"
        with open(port, "w", encoding="ascii") as out:
            self._process = process.spawn(
                [build_dir() / "bench" / "provider", self.delay, self._book],
                stdout=out)
        process.wait_until(port.read_text, 10, "port of the provider")
        self.url = f"http://127.0.0.1:{int(port.read_text())}/api.php"
        return self

    def __exit__(self, *_):
        self.stop()
        self._folder.cleanup()

    def stop(self):
        """It ends, and its book may be read."""
        if self._process.poll() is None:
            process.end(self._process, timeout=10)

    def requests(self):
        """(monotonic seconds, text of the message) of each request."""
        self.stop()
        found = []
        for line in self._book.read_text(encoding="utf-8").splitlines():
            at_ns, body = line.split(" ", 1)
            fields = dict(urllib.parse.parse_qsl(body))
            found.append((int(at_ns) / 1e9, fields["send"]))
        return found
