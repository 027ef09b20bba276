"""Measures the product on a private server; every figure belongs to one run.

    bench.py [--json FILE] [BENCH]...

Speeds are ratios to a bare-SQL program that does the same row work on the
same server in the same run, or times within it; never compare absolutes of
two machines.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from capture import capture  # noqa: E402
from common import Bench  # noqa: E402
from cpu import cpu  # noqa: E402
from deliver import deliver, history  # noqa: E402
from footprint import memory, size  # noqa: E402
from ingest import ingest  # noqa: E402
from latency import latency  # noqa: E402
from routers import routers  # noqa: E402
from share import share  # noqa: E402
from snapshot import snapshot  # noqa: E402

BENCHES = {"capture": capture, "latency": latency, "ingest": ingest,
           "deliver": deliver, "history": history, "snapshot": snapshot,
           "memory": memory, "cpu": cpu, "size": size, "routers": routers,
           "share": share}


def table(results):
    """The results as a table for people."""
    words = {True: "yes", False: "NO", None: ""}
    rows = [("what", "measured", "goal", "met")]
    rows += [(r["name"], f"{r['value']:,.3f} {r['unit']}", r["goal"],
              words[r["met"]]) for r in results]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width
                               in zip(row, widths)).rstrip() for row in rows)


def main():
    """Run the benches asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("bench", nargs="*", choices=[*BENCHES, []])
    args = parser.parse_args()
    bench = Bench()
    for name in args.bench or BENCHES:
        print(f"{name} ...", file=sys.stderr)
        BENCHES[name](bench)
    print(table(bench.results))
    if args.json:
        args.json.write_text(json.dumps(bench.results, indent=1) + "\n")
    return int(any(r["met"] is False for r in bench.results))


if __name__ == "__main__":
    sys.exit(main())
