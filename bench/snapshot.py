"""Bench of a backup that holds a snapshot: what was deleted since then stays
in the tables' pages, and a read that begins at their start wades through it.

The same payments are drained without such a snapshot, with one, and with one
behind which very many events have come and gone; in turns on one server. What
counts are the ratios.
"""

import statistics
import sys

from common import fill_outbox, forget, installed, running, settings
from harness import process
from harness.server import MariaDB, snapshot_held
from harness.standin import SmsPilot

PAYMENTS, ROUNDS, GONE = 2000, 3, 100_000

# Of which statements the time is told, by what their texts hold.
QUEUE = "look at a queue"
READS = {"look at the outbox": ("FROM `outbox` ", "LIMIT"),
         QUEUE: ("AS `due`", "LIMIT"),
         "look-up of a head": ("SELECT UTC_TIMESTAMP", "MIN ( `due_utc` )")}


def come_and_go(db):
    """Very many events that were taken over, sent and done, but for their
    rows, which nobody looks at again."""
    db.sql("INSERT INTO outbox (captured_utc, kind, body) SELECT"
           " UTC_TIMESTAMP(3), 'none', REPEAT('x', 300) FROM"
           f" seq_1_to_{GONE}; DELETE FROM outbox WHERE id > 0;"
           "INSERT INTO delivery (event_id, action, state, lane, due_utc,"
           " changed_utc) SELECT 100000000 + seq, 'sms', 'ready', 'smspilot',"
           f" UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) FROM seq_1_to_{GONE};"
           "UPDATE delivery SET state = 'calling' WHERE event_id > 100000000;"
           "DELETE FROM delivery WHERE event_id > 100000000",
           "mikbill_events")


def reads(db, spent):
    """Milliseconds that each of those statements took, on the average; and
    the share of the time that all of them took."""
    rows = db.sql("SELECT digest_text, sum_timer_wait / 1e9, count_star FROM"
                  " performance_schema.events_statements_summary_by_digest"
                  " WHERE schema_name = 'mikbill_events'")
    found, share = {}, 0
    for name, words in READS.items():
        mine = [(float(ms), n) for text, ms, n in rows
                if text.startswith("SELECT") and all(w in text for w in words)]
        found[name] = sum(ms for ms, _ in mine) / sum(n for _, n in mine)
        share += sum(ms for ms, _ in mine) / 1000 / spent
    return found, share


def drain(db, pilot):
    """Payments in a second, what the reads took, and their share."""
    pilot.reset()
    db.sql("TRUNCATE"
           " performance_schema.events_statements_summary_by_digest")
    forget(db)
    fill_outbox(db, PAYMENTS)
    pilot.wait(PAYMENTS, timeout=600)
    spent = pilot.requests[-1].at - pilot.requests[0].at
    figures = PAYMENTS / spent, *reads(db, spent)
    process.wait_until(
        lambda: db.sql("SELECT COUNT(*) FROM delivery WHERE state = 'calling'",
                       "mikbill_events") == [(0,)], 60, "end", pause=0.5)
    return figures


def one_round(db, pilot):
    """Without a snapshot, with a young one, with an old one."""
    figures = [drain(db, pilot)]
    with snapshot_held(db):
        figures.append(drain(db, pilot))
        come_and_go(db)
        db.wait_idle(seconds=2)
        figures.append(drain(db, pilot))
    return figures


def report(bench, kinds):
    """Medians of each kind. How fast it drains is for the most part the
    stand-in's doing: the goal is about the reads."""
    names = ["no snapshot", "a snapshot", f"one of {GONE:,} events ago"]
    queue = []
    for name, figures in zip(names, kinds):
        rates, times, shares = zip(*figures)
        bench.add(f"drained, {name}", statistics.median(rates),
                  "payments/s", "", None)
        for read in READS:
            bench.add(f"  {read}", statistics.median(t[read] for t in times),
                      "ms", "", None)
        bench.add("  share of the time", statistics.median(shares), "", "",
                  None)
        queue.append(statistics.median(t[QUEUE] for t in times))
    bench.add("look at a queue, old snapshot, ratio", queue[2] / queue[0],
              "of none", "at most 2", queue[2] / queue[0] <= 2)


def snapshot(bench):
    """All of it."""
    rounds = []
    with MariaDB(options=["--performance-schema=ON"]) as db, \
            SmsPilot() as pilot:
        installed(db)
        with running(settings(db, pilot.url, smspilot={"connections": 16})):
            for n in range(ROUNDS):
                print(f"  round {n + 1}", file=sys.stderr)
                rounds.append(one_round(db, pilot))
                db.wait_idle(seconds=1)
    report(bench, list(zip(*rounds)))
