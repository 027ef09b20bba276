"""On which servers, and in which tables of a billing, the product passes its
tests; the tables of docs/servers.md are made of what it finds.

    scripts/servers.sh [--server KIND] [--part PART] [--all] [--write]
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
CASES_S, ALL_S, TESTS_S = 1500, 10800, 3600  # at most, for one run of each
DOCUMENT = REPO / "docs" / "servers.md"
PARTS = ("cases", "tests")
END = "<!-- end -->\n"

# Installing, capture, never failing; and the whole chain.
TESTS = ["tests/sql", "tests/integration"]


def mark(part):
    """Behind which the table of that part begins in the document."""
    return f"<!-- made by scripts/servers.sh: {part} -->\n"


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
    """The numbers of what the server says of itself."""
    with MariaDB(kind=kind.name) as db:
        return re.match(r"[\d.]+", db.sql("SELECT VERSION()")[0][0])[0]


def tests_of(kind):
    """What pytest counted at the end."""
    said = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                "-n", "3", "--dist", "loadfile", *TESTS], TESTS_S,
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


def title_of(kind):
    """As the tables have it, with the version; or why it cannot be run."""
    reason = kind.why_unavailable()
    return (None, f"not run: {reason}") if reason else (
        f"{kind.title} ({version_of(kind)})", None)


def table_of_cases(names, everything):
    """Lines of the table of recorded cases; runs them."""
    lines = ["| server | engine | text | legacy | modern |",
             "|---|---|---|---|---|"]
    for kind in map(kinds.named, names):
        title, reason = title_of(kind)
        if reason:
            lines.append(f"| {kind.title} | | | {reason} | |")
            continue
        for engine, charset in product(ENGINES, CHARSETS):
            print(title, engine, charset, flush=True)
            found = conformance_of(kind, engine, charset, everything)
            lines.append(f"| {title} | {engine} | {charset} |"
                         f" {found['legacy']} | {found['modern']} |")
    return lines


def table_of_tests(names):
    """Lines of the table of our own tests; runs them. Those that are skipped
    are of what only another server has, and say so."""
    lines = [f"| server | {' and '.join(f'`{name}`' for name in TESTS)} |",
             "|---|---|"]
    for kind in map(kinds.named, names):
        title, reason = title_of(kind)
        print(title or kind.title, *TESTS, flush=True)
        lines.append(f"| {title or kind.title} | {reason or tests_of(kind)} |")
    return lines


def write(part, lines):
    """Put the table into the document."""
    text = DOCUMENT.read_text("utf-8")
    before, rest = text.split(mark(part))
    after = rest.split(END, 1)[1]
    DOCUMENT.write_text(before + mark(part) + "\n".join(lines) + "\n" + END
                        + after, "utf-8")


def main():
    """Parse the arguments, run, print, and write when that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", choices=list(kinds.KINDS), action="append",
                        help="only this kind")
    parser.add_argument("--part", choices=PARTS, action="append",
                        help="only this: recorded cases, or our own tests")
    parser.add_argument("--all", action="store_true",
                        help="every recorded case, also those of the matrices")
    parser.add_argument("--write", action="store_true",
                        help="into docs/servers.md")
    arguments = parser.parse_args()
    names = arguments.server or list(kinds.KINDS)
    good = True
    for part in arguments.part or PARTS:
        lines = (table_of_cases(names, arguments.all) if part == "cases"
                 else table_of_tests(names))
        print("\n".join(["", *lines, ""]), flush=True)
        if arguments.write:
            write(part, lines)
        good = good and not re.search("failed|error|did not end",
                                      "\n".join(lines))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
