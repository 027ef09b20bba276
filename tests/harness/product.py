"""The product as an operator has it: its SQL installed, its service run."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from harness import process
from harness.server import REPO, build_dir

SERVICE_ACCOUNT = "mbev_service"
SERVICE_PASSWORD = "service-secret"


def repo():
    """Top of the checkout."""
    return REPO


def install(db, billing="mikbill"):
    """Install our SQL as the manual says, with the plain mysql client."""
    run_sql(db, "schema.sql")
    run_sql(db, "grants.sql", billing)
    run_sql(db, "triggers.sql", billing)
    db.sql(f"SET PASSWORD FOR '{SERVICE_ACCOUNT}'@'localhost' = "
           f"PASSWORD('{SERVICE_PASSWORD}')")


def uninstall(db, billing="mikbill", discard=False):
    """Take everything out again; discard also what is not done yet."""
    args = ["--init-command=SET @mbev_discard_events = 1"] if discard else []
    run_sql(db, "uninstall.sql", billing, args)


def run_sql(db, file, billing=None, args=()):
    """Feed sql/<file> to the plain client; raise with its words on error."""
    code, _, errors = db.client(REPO / "sql" / file, billing, args)
    if code:
        raise RuntimeError(f"sql/{file} failed: {errors}")


def default_settings(db, url="http://127.0.0.1:9/api.php", billing="mikbill"):
    """Sections of mbevd.ini for a service of this server; no action is on.

    The one place that knows what the keys are called.
    """
    return {
        "database": {
            "socket": db.socket, "user": SERVICE_ACCOUNT,
            "password": SERVICE_PASSWORD, "billing": billing,
            "events": "mikbill_events"},
        "service": {"doorbell": db.doorbell, "log_level": "debug",
                    "state_dir": db.folder, "control": ""},
        "company": {"currency": "руб"},
        "smspilot": {"url": url, "api_key": "TESTKEY", "sender": "INFORM"},
        "smsc": {"url": "http://127.0.0.1:9/sys", "login": "LOGIN",
                 "password": "SECRET", "sender": "SNDR"},
        "komtet": {"url": "http://127.0.0.1:9", "shop": "SHOP",
                   "secret": "SECRET", "queue": "777"},
        "payment": {"sms": "no"},
    }


def with_settings(settings, **sections):
    """A copy of settings with some keys of some sections replaced."""
    merged = {name: dict(keys) for name, keys in settings.items()}
    for name, keys in sections.items():
        merged.setdefault(name, {}).update(keys)
    return merged


def ini_text(settings):
    """The settings as an INI file; a list is a key given several times."""
    lines = []
    for section, keys in settings.items():
        lines.append(f"[{section}]")
        for key, value in keys.items():
            values = value if isinstance(value, list) else [value]
            lines += [f"{key} = {_ini_value(one)}" for one in values]
    return "\n".join(lines) + "\n"


def write_ini(path, text):
    """Put a configuration file in its place, at once and for its owner only,
    as an operator's tools do."""
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _ini_value(value):
    """In quotes where blanks or quotes at its ends would be lost."""
    text = str(value)
    if "\n" in text:
        raise ValueError(f"an INI value is one line: {text!r}")
    return f'"{text}"' if text != text.strip(' \t"') else text


class Service:
    """One mbevd with its own configuration file and log.

    start()/stop() run it in the foreground, once() drains what is due.
    As a context manager it is started and stopped.
    """

    def __init__(self, settings, env=None):
        self.folder = Path(tempfile.mkdtemp(prefix="mbevd-"))
        self.config = self.folder / "mbevd.ini"
        self.log = self.folder / "mbevd.log"
        self.env = {**os.environ, **(env or {})}
        self.program = "mbevd"  # another one of the build
        self._process = None
        self.configure(settings)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    @property
    def pid(self):
        """Process id, or None when it does not run."""
        return self._process.pid if self._process else None

    @property
    def running(self):
        """True while the process lives."""
        return self._process is not None and self._process.poll() is None

    def configure(self, settings):
        """Write the configuration file; a running service needs a SIGHUP."""
        write_ini(self.config, ini_text(settings))

    def start(self, *args):
        """Start mbevd in the foreground; does not wait for anything."""
        self._process = self._spawn(args)
        return self

    def once(self, timeout=60):
        """Run `mbevd --once` to its end; its exit code."""
        running = self._spawn(["--once"])
        code = process.wait_end(running, timeout)
        if code is None:
            running.kill()
            running.wait()
            raise TimeoutError(f"mbevd --once did not end within {timeout} s:"
                               f" {self.log_text()[-1000:]}")
        return code

    def stop(self, timeout=30):
        """SIGTERM; the exit code, or -9 when it had to be killed."""
        code = process.end(self._process, timeout)
        self._process = None
        return code

    def kill(self):
        """SIGKILL, as a crash."""
        self._process.kill()
        self._process.wait()
        self._process = None

    def signal(self, number):
        """Send a signal, e.g. signal.SIGHUP."""
        self._process.send_signal(number)

    def close(self):
        """Stop it if it runs, and remove its folder."""
        if self.running:
            self.signal(signal.SIGCONT)
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_text(self):
        """Everything it wrote to stderr."""
        return self.log.read_text(errors="replace")

    def wait_log(self, pattern, timeout=15):
        """Wait until the log has a match of the expression; return it."""
        try:
            return process.wait_until(
                lambda: re.search(pattern, self.log_text(), re.M), timeout,
                f"log line {pattern!r}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log_text()[-3000:]}") from None

    def _spawn(self, args):
        argv = [build_dir() / self.program, "-c", self.config, *args]
        with open(self.log, "ab") as log:
            return process.spawn(argv, env=self.env, stderr=log,
                                 stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL)
