"""On which servers, and in which tables of a billing, the product passes its
tests; the table of docs/servers.md is made of what it finds.

    scripts/servers.sh [--server KIND] [--all] [--write]
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import kinds  # noqa: E402
from harness.billing import GENERATIONS  # noqa: E402
from harness.server import REPO, MariaDB  # noqa: E402

ENGINES = ("InnoDB", "MyISAM")
CHARSETS = ("koi8r", "utf8mb4")
CASES_S, ALL_S, TESTS_S = 900, 2700, 1500  # at most, for one run of each
DOCUMENT = REPO / "docs" / "servers.md"
MARKS = ("<!-- made by scripts/servers.sh -->\n", "<!-- end -->\n")

# Installing, capture, never failing; and the whole chain.
TESTS = ["tests/sql"] + [f"tests/integration/test_{name}.py" for name in (
    "payment_sms", "channels", "notices", "kinds", "bonus", "receipts",
    "reconcile", "replay", "locks", "never_blocks", "doctor", "doctor_breaks",
    "mbevctl", "mbevctl_changes", "mbevctl_looks", "mbevctl_receipts",
    "sessions_rules", "smsc", "status")]


def run(argv, seconds, env=None):
    """Run it, and print the last lines of what it said; all it said."""
    print("   ", *argv[:2], "...", flush=True)
    try:
        done = subprocess.run(argv, cwd=REPO, env={**os.environ, **(env or {})},
                              timeout=seconds, check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except subprocess.TimeoutExpired:
        print(f"    did not end within {seconds} s")
        return ""
    print("   ", done.stdout.strip().rsplit("\n", 1)[-1], flush=True)
    for line in re.findall(r"^FAILED.*", done.stdout, re.M)[:20]:
        print("   ", line)
    return done.stdout


def version_of(kind):
    """What the server says of itself."""
    with MariaDB(kind=kind.name) as db:
        return db.sql("SELECT VERSION()")[0][0]


def tests_of(kind):
    """What pytest counted at the end."""
    said = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                "-n", "2", "--dist", "loadfile", *TESTS], TESTS_S,
               {"MBEV_SERVER": kind.name})
    counted = re.findall(r"\d+ (?:passed|failed|skipped|error\w*)",
                         said.strip().rsplit("\n", 1)[-1])
    return ", ".join(counted) or "did not end"


def conformance_of(kind, engine, charset, everything):
    """generation -> what the recorded cases came to."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tally"
        run(["bash", "scripts/conformance.sh", "tests/data/vectors",
             "--server", kind.name, "--engine", engine, "--charset", charset,
             "--tally", str(file), *([] if everything else ["--no-matrices"])],
            ALL_S if everything else CASES_S)
        counts = json.loads(file.read_text()) if file.exists() else {}
    return {generation: words(counts.get(generation, {}))
            for generation in GENERATIONS}


def words(count):
    """As the table has it."""
    passed, failed = count.get("passed", 0), count.get("failed", 0)
    if not passed + failed:
        return "did not end"
    return f"{passed} passed" + (f", **{failed} failed**" if failed else "")


def table(names, everything):
    """Lines of the table; runs it all."""
    lines = ["| server | engine | text | legacy | modern |",
             "|---|---|---|---|---|"]
    suites = []
    for kind in map(kinds.named, names):
        if reason := kind.why_unavailable():
            lines.append(f"| {kind.title} | | | not run: {reason} | |")
            continue
        title = f"{kind.title} ({version_of(kind)})"
        print(title)
        for engine, charset in product(ENGINES, CHARSETS):
            print(" ", engine, charset)
            found = conformance_of(kind, engine, charset, everything)
            lines.append(f"| {title} | {engine} | {charset} |"
                         f" {found['legacy']} | {found['modern']} |")
        suites.append(f"| {title} | {tests_of(kind)} |")
    return lines + ["", "| server | tests of SQL and of the whole chain |",
                    "|---|---|", *suites]


def write(lines):
    """Put the table into the document."""
    text = DOCUMENT.read_text("utf-8")
    before, rest = text.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    DOCUMENT.write_text(before + MARKS[0] + "\n".join(lines) + "\n" + MARKS[1]
                        + after, "utf-8")


def main():
    """Parse the arguments, run, print, and write when that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", choices=list(kinds.KINDS), action="append",
                        help="only this kind")
    parser.add_argument("--all", action="store_true",
                        help="every recorded case, also those of the matrices")
    parser.add_argument("--write", action="store_true",
                        help="into docs/servers.md")
    arguments = parser.parse_args()
    lines = table(arguments.server or list(kinds.KINDS), arguments.all)
    print("\n".join(["", *lines]))
    if arguments.write:
        write(lines)
    return 1 if "failed" in "\n".join(lines) else 0


if __name__ == "__main__":
    sys.exit(main())
