"""mbevctl doctor as a test reads it."""

import re
import subprocess

from harness.process import wait_until
from harness.product import build_dir, with_settings

OURS = "mikbill_events"
WORDS = ("ok", "note", "warning", "FAILED")


class Answer:
    """What doctor said.

    code      exit code
    findings  (check, result, what was found, what to do) in its order
    """

    def __init__(self, done):
        self.code, self.text, self.errors = (done.returncode, done.stdout,
                                             done.stderr)
        self.findings = list(_findings(done.stdout))

    def of(self, check):
        """The findings of a check, or of one thing that it looks at."""
        return [f for f in self.findings if f[0] == check]

    def one(self, check):
        """(result, what was found, what to do) of a check that has one."""
        (finding,) = self.of(check)
        return finding[1:]

    def worse_than(self, word):
        """Names of the checks that are worse than that."""
        return {f[0] for f in self.findings
                if WORDS.index(f[1]) > WORDS.index(word)}


def _findings(text):
    last = None
    for line in text.splitlines()[1:]:
        row = re.fullmatch(r"(\S.*?)  +(ok|note|warning|FAILED) +(.*)", line)
        if row:
            if last:
                yield (*last, None)
            last = row.groups()
        elif line.startswith("  do: "):
            yield (*last, line.removeprefix("  do: "))
            last = None
    if last:
        yield (*last, None)


def doctor(chain, *words, env=None):
    """Run mbevctl doctor -v to its end."""
    return Answer(subprocess.run(
        [build_dir() / "mbevctl", "-c", chain.service.config, "doctor",
         *(words or ["-v"])],
        text=True, capture_output=True, timeout=60, check=False, env=env))


def make_well(chain, **sections):
    """Settings and files of a system with which nothing is wrong."""
    settings = with_settings(with_settings(
        chain.settings, notice={"time_zone": "+00:00"},
        service={"reconcile": "100 ms"}), **sections)
    for unused in ("smsc", "komtet"):
        if unused not in sections:
            settings.pop(unused, None)
    chain.reconfigure(settings)
    chain.service.config.chmod(0o600)
    return chain


def start(chain):
    """The service acts, and has looked round once."""
    chain.start()
    wait_until(lambda: chain.db.sql(
        "SELECT 1 FROM milestone WHERE source = 'trigger:users'", OURS), 15,
        "a round of reconciliation")
    return chain
