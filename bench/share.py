"""Bench of several services that share the work of one server."""

import contextlib
import tempfile
from pathlib import Path

from common import OURS, Provider, billing, forget, settings
from harness import process
from harness.product import Service, with_settings
from harness.relay import UnixRelay

ROWS, ROUNDS, SERVICES = 15_000, 2, (1, 2, 4)
PARTS, LEAD_S = 32, 6
FAR_S = 0.005
NONE_LEFT = "SELECT COUNT(*) FROM delivery WHERE state <> 'done'"


@contextlib.contextmanager
def acting(db, url, count, socket):
    """So many services, among which the subscribers are divided."""
    ours = settings(db, url, database={"socket": str(socket)},
                    service={"share_work": "yes", "lease": "5 s"})
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            stack.enter_context(Service(with_settings(ours, service={
                "doorbell": str(folder / "doorbell"),
                "state_dir": str(folder)})))
        process.wait_until(
            lambda: db.sql("SELECT COUNT(*) FROM owner WHERE BIT_COUNT(parts)"
                           f" = {PARTS // count}", OURS) == [(count,)],
            60, "division")
        yield


def fill(db):
    """Messages, all due at the same moment, which they know before."""
    db.sql("SET @due = UTC_TIMESTAMP(3) + INTERVAL"
           f" {LEAD_S} SECOND;"
           "INSERT INTO event (kind, uid, captured_utc, ingested_utc, body)"
           " SELECT 'payment', seq, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), '{}'"
           f" FROM seq_1_to_{ROWS};"
           "SET @first = LAST_INSERT_ID() - 1;"
           "INSERT INTO delivery (event_id, action, state, lane, route,"
           " notice, due_utc, expires_utc, address, payload, changed_utc,"
           " part) SELECT @first + seq, 'sms', 'ready', 'smspilot',"
           " 'smspilot', 'payment', @due, @due + INTERVAL 1 DAY,"
           " '79000000001', 'bench: 100.00', UTC_TIMESTAMP(3),"
           f" seq % {PARTS} FROM seq_1_to_{ROWS}", OURS)


def rate(db, count, socket):
    """Messages in a second, from when they are due to when they are done."""
    with Provider() as provider, acting(db, provider.url, count, socket):
        fill(db)
        process.wait_until(lambda: db.sql(NONE_LEFT, OURS) == [(0,)], 300,
                           "end", pause=0.5)
    ((spent,),) = db.sql("SELECT TIMESTAMPDIFF(MICROSECOND, MIN(due_utc),"
                         " MAX(changed_utc)) / 1e6 FROM delivery", OURS)
    db.sql("DELETE FROM sms_logs", "mikbill")
    db.sql("DELETE FROM owner WHERE name <> 'main'; UPDATE owner SET holder ="
           " '', lease_until_utc = '2000-01-01', parts = 4294967295", OURS)
    forget(db)
    return ROWS / float(spent)


def compare(bench, db, socket, words):
    """One, two and four services, in turns."""
    found = {count: [] for count in SERVICES}
    for _ in range(ROUNDS):
        for count in SERVICES:
            found[count].append(rate(db, count, socket))
    for count in SERVICES:
        bench.add(f"share: {count} acting{words}", max(found[count]),
                  "messages/s")
        bench.add(f"share: {count} acting{words}, of one alone",
                  max(found[count]) / max(found[1]), "times")


def share(bench):
    """Beside the database, and where each question to it takes a while."""
    with billing() as db, tempfile.TemporaryDirectory() as folder, \
            UnixRelay(Path(folder) / "far", db.socket) as far:
        far.delay = FAR_S
        compare(bench, db, db.socket, "")
        compare(bench, db, far.address, ", database 5 ms away")
