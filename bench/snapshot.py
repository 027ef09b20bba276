"""Bench of a backup that holds a snapshot: what was deleted meanwhile stays
in the tables' pages, and a read that begins at the start wades through it.

The same payments are drained with and without such a snapshot, in turns.
"""

import contextlib
import re
import statistics

from harness import process
from harness.product import Service, with_settings
from harness.server import MariaDB
from harness.standin import SmsPilot

ROUNDS = 2

# A share of each statement's time, by what it reads.
STATEMENTS = {
    "outbox read": r"^SELECT `id` , `captured_utc`",
    "due read": r"^SELECT `d` \. `id` .* FROM \( \( SELECT",
    "next due": r"^SELECT TIMESTAMPDIFF",
    "all": r".",
}


@contextlib.contextmanager
def snapshot_held(db, held):
    """A backup's transaction that is left open."""
    link = db.connect("mikbill_events", autocommit=False)
    with link, link.cursor() as cursor:
        if held:
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        yield
        link.rollback()


def drain(bench, db, pilot, payments, held):
    """Seconds to drain so many payments; and those of statements, by what
    they read."""
    pilot.reset()
    with snapshot_held(db, held):
        bench.fill_outbox(db, payments)
        db.sql("TRUNCATE performance_schema.events_statements_summary_by_digest")
        with Service(with_settings(
                bench.settings(db, pilot),
                service={"log_level": "info"})) as service:
            service.wait_log("engine: acting")
            begun = process.time.monotonic()
            process.wait_until(lambda: left(db) == (0, payments), 600, "end", 1)
            spent = process.time.monotonic() - begun
        return spent, statement_times(db)


def left(db):
    """Payments that are left, and messages that are done."""
    return db.sql("SELECT (SELECT COUNT(*) FROM outbox), (SELECT COUNT(*) FROM"
                  " delivery WHERE state = 'done')", "mikbill_events")[0]


def statement_times(db):
    rows = db.sql("SELECT digest_text, sum_timer_wait / 1e12, count_star FROM"
                  " performance_schema.events_statements_summary_by_digest"
                  " WHERE schema_name = 'mikbill_events' ORDER BY 2 DESC")
    for text, s, n in rows[:9]:
        print(f"    {float(s):8.3f} s {n:6} {re.sub(' +', ' ', text)[:150]}")
