"""Bench of ingest against the bare-SQL ceiling."""

import operator
import statistics

from common import (OURS, bare, billing, fill_outbox, forget, once, settings)
from harness.standin import Reply, SmsPilot

ROWS, ROUNDS, BATCH = 100_000, 3, 500


def our_ingest(db):
    """Seconds mbevd --once takes; the channel holds itself, so that nothing
    but ingest happens."""
    with SmsPilot() as pilot:
        pilot.reply = lambda _request: Reply(
            body='{"error":{"code":"112","description":"no money"}}')
        return once(settings(db, pilot.url, notice={"hold": "1 h"}))


def ingest(bench):
    """With each setting of the log."""
    for flush in (1, 0):
        with billing(flush) as db:
            one_server(bench, db, flush)


def one_server(bench, db, flush):
    """In turns; the best of each, and the median ratio of a turn."""
    ours, ceiling = [], []
    for _ in range(ROUNDS):
        forget(db)
        fill_outbox(db, ROWS)
        ceiling.append(ROWS / bare(db, "bare_ingest", BATCH))
        forget(db)
        fill_outbox(db, ROWS)
        ours.append(ROWS / our_ingest(db))
        left = db.sql("SELECT (SELECT COUNT(*) FROM outbox),"
                      " (SELECT COUNT(*) FROM delivery)", OURS)
        if left != [(0, ROWS)]:
            raise RuntimeError(f"ingest left {left}")
    bench.add(f"ingest: bare SQL, flush {flush}", max(ceiling), "events/s")
    if max(ceiling) >= 80_000:
        bench.at_least(f"ingest: mbevd, flush {flush}", max(ours), "events/s",
                       30_000)
    else:
        bench.add(f"ingest: mbevd, flush {flush}", max(ours), "events/s")
    bench.at_least(f"ingest: ratio, flush {flush}", statistics.median(
        map(operator.truediv, ours, ceiling)), "of bare SQL", 0.6)
