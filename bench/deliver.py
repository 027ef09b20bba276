"""Benches of delivering messages: to a provider that answers at once, to a
slow one, behind a long history, and beside an idle snapshot."""

import operator
import statistics

from common import OURS, Provider, bare, billing, forget, once, settings
from harness.server import snapshot_held

ROWS, ROUNDS, BATCH = 30_000, 3, 250
SLOW_MS, SLOW_ROWS, WIDTH = 100, 6000, 64
HISTORY, PIECE, SHORT_ROWS = 5_000_000, 500_000, 10_000


def fill(db, rows):
    """Messages that are due."""
    db.sql("INSERT INTO event (kind, uid, captured_utc, ingested_utc, body)"
           f" SELECT 'payment', seq, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), '{{}}'"
           f" FROM seq_1_to_{rows};"
           "SET @first = LAST_INSERT_ID() - 1;"
           "INSERT INTO delivery (event_id, action, state, lane, route,"
           " notice, due_utc, expires_utc, address, payload, changed_utc)"
           " SELECT @first + seq, 'sms', 'ready', 'smspilot', 'smspilot',"
           " 'payment', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL 1 DAY,"
           " '79000000001', 'bench: 100.00', UTC_TIMESTAMP(3)"
           f" FROM seq_1_to_{rows}", OURS)


def all_done(db, rows):
    """Each of them stands in the billing's log, and it is emptied."""
    done = db.sql("SELECT COUNT(*) FROM sms_logs", "mikbill")
    if done != [(rows,)]:
        raise RuntimeError(f"{done} rows of sms_logs for {rows} messages")
    db.sql("DELETE FROM sms_logs", "mikbill")


def ours(db, rows, delay=0):
    """Messages in a second that the service sends and records."""
    fill(db, rows)
    with Provider(delay) as provider:
        spent = once(settings(db, provider.url))
    all_done(db, rows)
    return rows / spent


def ceiling(db, rows):
    """The same row work, and nothing else."""
    fill(db, rows)
    spent = bare(db, "bare_deliver", BATCH)
    all_done(db, rows)
    return rows / spent


def deliver(bench):
    """To a provider that answers at once, and to a slow one."""
    for flush in (1, 0):
        with billing(flush) as db:
            best, most = [], []
            for _ in range(ROUNDS):
                most.append(ceiling(db, ROWS))
                best.append(ours(db, ROWS))
                forget(db)
            bench.add(f"deliver: bare SQL, flush {flush}", max(most),
                      "messages/s")
            bench.at_least(f"deliver: mbevd, flush {flush}", max(best),
                           "messages/s", 3000)
            bench.at_least(f"deliver: ratio, flush {flush}",
                           statistics.median(map(operator.truediv, best, most)),
                           "of bare SQL", 0.5)
            slow = max(ours(db, SLOW_ROWS, SLOW_MS) for _ in range(ROUNDS))
            bench.at_least(f"deliver: answers after 100 ms, flush {flush}",
                           slow / (WIDTH * 1000 / SLOW_MS),
                           "of connections / 0.1 s", 0.9)


# ---- history


def remember(db):
    """Millions of finished deliveries."""
    for first in range(0, HISTORY, PIECE):
        db.sql("INSERT INTO event (id, kind, uid, source_key, captured_utc,"
               " ingested_utc, body) SELECT seq, 'payment', seq MOD 100000,"
               " CONCAT('payment:bugh_plategi_stat:', seq, ':1:x:100.000000'),"
               " UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), REPEAT('x', 250)"
               f" FROM seq_{first + 1}_to_{first + PIECE};"
               "INSERT INTO delivery (event_id, action, state, lane, route,"
               " notice, due_utc, address, payload, provider, changed_utc)"
               " SELECT seq, 'sms', 'done', 'smspilot', 'smspilot', 'payment',"
               " UTC_TIMESTAMP(3), '79000000001', 'bench: 100.00',"
               " 'smspilot', UTC_TIMESTAMP(3)"
               f" FROM seq_{first + 1}_to_{first + PIECE}", OURS)


def history(bench):
    """Against an empty database, in turns with it: before and after."""
    with billing() as empty, billing() as full:
        remember(full)
        full.wait_idle(seconds=3, timeout=300)
        figures = []
        for _ in range(ROUNDS):
            forget(empty)
            before = ours(empty, SHORT_ROWS)
            behind = ours(full, SHORT_ROWS)
            forget(empty)
            with snapshot_held(empty):
                beside = ours(empty, SHORT_ROWS)
            figures.append((behind / before, beside / before))
    bench.at_least("history: 5 million finished",
                   statistics.median(one for one, _ in figures),
                   "of an empty one", 0.9)
    bench.at_least("history: an idle snapshot",
                   statistics.median(one for _, one in figures),
                   "of none", 0.9)
