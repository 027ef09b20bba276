"""Measures the product on a private server; every figure belongs to one run.

    bench.py [--json FILE] [ingest|latency|memory|snapshot|routers]...

Speeds are ratios to a bare-SQL program that does the same row work on the
same server in the same run, or times within it; never compare absolutes of
two machines.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from harness import process  # noqa: E402
from harness.billing import create_billing  # noqa: E402
from harness.product import (SERVICE_ACCOUNT, SERVICE_PASSWORD,  # noqa: E402
                             Service, build_dir, default_settings, install,
                             with_settings)
from harness.server import MariaDB  # noqa: E402
from harness.standin import Reply, SmsPilot  # noqa: E402
from routers import routers  # noqa: E402
from snapshot import snapshot  # noqa: E402

SUBSCRIBERS = 1000
INGEST_ROWS = 100_000
MEMORY_EVENTS = 100_000
LATENCY_S, LATENCY_RATE = 20, 50


class Bench:
    """A server with an installed billing, and what was measured on it."""

    def __init__(self):
        self.results = []

    def add(self, name, value, unit, goal, met):
        """One line of the table."""
        self.results.append({"name": name, "value": round(value, 3),
                             "unit": unit, "goal": goal, "met": met})
        print(f"  {name}: {value:.3f} {unit}", file=sys.stderr)

    def settings(self, db, pilot, **notice):
        """A service that announces payments."""
        return with_settings(
            default_settings(db, pilot.url), service={"log_level": "error"},
            smspilot={"connections": 16}, notice=notice,
            payment={"sms": "yes", "text": "bench: {amount}",
                     "ending": "-"})


def installed(server):
    """Install the product beside a billing with some subscribers."""
    create_billing(server, "mikbill", "legacy")
    server.sql("INSERT INTO users (uid, user, gid, sms_tel) SELECT seq,"
               " CONCAT('sub', seq), 5, 79000000000 + seq"
               f" FROM seq_1_to_{SUBSCRIBERS}", "mikbill")
    install(server)


def fill_outbox(db, rows):
    """Rows as the trigger writes them, all matched by the rules."""
    db.sql("DELETE FROM delivery; DELETE FROM event; DELETE FROM outbox;"
           "INSERT INTO outbox (captured_utc, kind, body)"
           " SELECT UTC_TIMESTAMP(3), 'payment', mbev_json('v', 1, 'table',"
           " 'bugh_plategi_stat', 'id', seq, 'uid',"
           f" seq MOD {SUBSCRIBERS} + 1, 'date', CAST(NOW() AS CHAR),"
           " 'age_s', 0, 'type', 5, 'summa', CAST(100 AS DECIMAL(26,6)),"
           " 'kopecks', 10000, 'before', CAST(0 AS DECIMAL(26,6)), 'who', 1,"
           f" 'comment', NULL) FROM seq_1_to_{rows}", "mikbill_events")


def timed(argv):
    """Run a program to its end; the seconds it took."""
    begun = time.monotonic()
    code = process.spawn(argv).wait()
    if code:
        raise RuntimeError(f"{argv[0]} ended with {code}")
    return time.monotonic() - begun


def bare_ingest(db, folder):
    """Seconds the bare-SQL program takes for the same rows."""
    password = folder / "password"
    password.write_text(SERVICE_PASSWORD)
    return timed([build_dir() / "bench" / "bare_ingest", db.socket,
                  SERVICE_ACCOUNT, password, 500])


def our_ingest(bench, db):
    """Seconds mbevd --once takes; the channel holds itself, so that nothing
    but ingest happens."""
    with SmsPilot() as pilot:
        pilot.reply = lambda _request: Reply(
            body='{"error":{"code":"112","description":"no money"}}')
        service = Service(bench.settings(db, pilot, hold="1 h"))
        try:
            begun = time.monotonic()
            if service.once(timeout=600):
                raise RuntimeError(service.log_text())
            return time.monotonic() - begun
        finally:
            service.close()


def ingest(bench):
    """Ingest against the bare-SQL ceiling."""
    ours, bare = [], []
    with MariaDB() as db, tempfile.TemporaryDirectory() as folder:
        installed(db)
        for _ in range(3):
            fill_outbox(db, INGEST_ROWS)
            bare.append(bare_ingest(db, Path(folder)))
            fill_outbox(db, INGEST_ROWS)
            ours.append(our_ingest(bench, db))
            left = db.sql("SELECT (SELECT COUNT(*) FROM outbox),"
                          " (SELECT COUNT(*) FROM delivery)",
                          "mikbill_events")
            if left != [(0, INGEST_ROWS)]:
                raise RuntimeError(f"ingest left {left}")
    bare, ours = min(bare), min(ours)
    bench.add("ingest, bare SQL", INGEST_ROWS / bare, "events/s", "", None)
    bench.add("ingest, mbevd", INGEST_ROWS / ours, "events/s", "", None)
    bench.add("ingest, ratio", bare / ours, "of bare SQL", "at least 0.4",
              bare / ours >= 0.4)


def latency(bench):
    """From the client's OK for COMMIT to the request at the provider."""
    paid = {}
    with MariaDB() as db, SmsPilot() as pilot:
        installed(db)
        service = Service(bench.settings(db, pilot))
        service.configure(with_settings(bench.settings(db, pilot),
                                        service={"log_level": "info"}))
        service.start().wait_log("engine: acting")
        try:
            pay_steadily(db, paid)
            pilot.wait(len(paid), timeout=30)
        finally:
            service.close()
        delays = sorted(
            (r.at - paid[r.params["send"].split()[1]]) * 1000
            for r in pilot.requests)
    p50 = statistics.median(delays)
    p99 = delays[int(len(delays) * 0.99) - 1]
    bench.add("commit to request, p50", p50, "ms", "at most 5 ms", p50 <= 5)
    bench.add("commit to request, p99", p99, "ms", "", None)


def pay_steadily(db, paid):
    """Payments at a steady rate; paid[amount] = when its COMMIT returned."""
    with db.connect("mikbill") as link, link.cursor() as cursor:
        begun = time.monotonic()
        for n in range(LATENCY_S * LATENCY_RATE):
            time.sleep(max(0, begun + n / LATENCY_RATE - time.monotonic()))
            summa = f"{100 + n}.00"
            cursor.execute(
                "INSERT INTO bugh_plategi_stat SET uid=%s, date=NOW(),"
                " who=1, bughtypeid=5, before_billing=0, summa=%s",
                (n % SUBSCRIBERS + 1, summa))
            paid[summa] = time.monotonic()


def memory(bench):
    """Resident memory after many delivered events."""
    with MariaDB() as db, SmsPilot() as pilot:
        installed(db)
        service = Service(with_settings(bench.settings(db, pilot),
                                        service={"log_level": "info"}))
        service.start().wait_log("engine: acting")
        begun = time.monotonic()
        try:
            fill_outbox(db, MEMORY_EVENTS)
            pilot.wait(MEMORY_EVENTS, timeout=900)
            spent = time.monotonic() - begun
            peak = peak_memory(service.pid)
        finally:
            service.close()
    bench.add("memory, peak over 100,000 events", peak, "MiB",
              "at most 32 MiB", peak <= 32)
    bench.add("delivery, with this stand-in", MEMORY_EVENTS / spent,
              "messages/s", "", None)


def peak_memory(pid):
    """Highest resident memory of a process so far, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM")


BENCHES = {"ingest": ingest, "latency": latency, "memory": memory,
           "snapshot": lambda bench: snapshot(bench, installed, fill_outbox),
           "routers": routers}


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
