"""Ten thousand messages in all states of being under way, while the tables of
an earlier version become those of this one: each is sent once, and none twice.
"""

from collections import Counter

import pytest

from harness.process import wait_until
from harness.product import with_settings
from harness.server import REPO, numbers
from integration.test_mbevctl import ctl

OURS = "mikbill_events"
EARLIER = REPO / "tests" / "data" / "schema" / "version-5.sql"
READY, RETRY, CALLING, UNDECIDED, CAPTURED = 5000, 2000, 300, 1700, 1000
DECIDED = READY + RETRY + CALLING
ALL = DECIDED + UNDECIDED + CAPTURED


def set_back(db):
    """Give our tables the layout of the earlier version, with their rows."""
    aside = "mikbill_events_aside"
    db.sql(f"DROP VIEW {OURS}.debezium_outbox")  # younger than that
    tables = [table for table, in db.sql(f"SHOW TABLES FROM {OURS}")]
    db.sql(f"CREATE DATABASE {aside}; RENAME TABLE " + ", ".join(
        f"{OURS}.{table} TO {aside}.{table}" for table in tables))
    db.sql(EARLIER.read_text())
    db.sql(f"DELETE FROM {OURS}.owner; DELETE FROM {OURS}.schema_version")
    for table, columns in db.sql(
            "SELECT table_name, GROUP_CONCAT(column_name)"
            " FROM information_schema.columns"
            f" WHERE table_schema = '{OURS}' GROUP BY table_name"):
        db.sql(f"INSERT INTO {OURS}.{table} ({columns})"
               f" SELECT {columns} FROM {aside}.{table}")
    db.sql(f"UPDATE {OURS}.schema_version SET version = 5;"
           f"DROP DATABASE {aside}")


def pay(db, first, count):
    """Payments of so many subscribers, one each, captured by the trigger."""
    db.sql("INSERT INTO bugh_plategi_stat (uid, date, who, bughtypeid,"
           f" before_billing, summa) SELECT {first - 1} + seq, NOW(), 1, 5, 0,"
           f" 100 FROM {numbers(count)} ORDER BY seq", "mikbill")


def take_over(chain, count, **payment):
    """Have the service take over so many events; their messages wait."""
    chain.service.configure(with_settings(chain.settings, payment=payment))
    chain.start()
    wait_until(lambda: chain.db.sql(f"SELECT COUNT(*) FROM {OURS}.delivery")
               == [(count,)], 30, "deliveries", pause=0.1)
    chain.service.stop()
    chain.service.log.unlink()


@pytest.fixture(name="under_way")
def _under_way(chain):
    """The chain, stopped, with tables of the earlier version in which
    messages are ready, to be repeated, being called and undecided; and
    changes that were only captured."""
    db = chain.db
    db.sql("INSERT INTO users (uid, user, gid, sms_tel) SELECT seq,"
           " CONCAT('sub', seq), 5, CONCAT('7900', LPAD(seq, 7, '0'))"
           f" FROM {numbers(ALL)}", "mikbill")
    assert ctl(chain, "pause", "smspilot").returncode == 0
    pay(db, 1, DECIDED)
    take_over(chain, DECIDED)
    pay(db, DECIDED + 1, UNDECIDED)
    take_over(chain, DECIDED + UNDECIDED, after="1 h")
    db.sql("UPDATE delivery SET state = 'retry', attempts = 1"
           f" WHERE lane = 'smspilot' ORDER BY id LIMIT {RETRY};"
           "UPDATE delivery SET state = 'calling', attempts = 1, claims = 1,"
           " provider = 'smspilot' WHERE lane = 'smspilot'"
           f" AND state = 'ready' ORDER BY id DESC LIMIT {CALLING};"
           "UPDATE delivery SET due_utc = UTC_TIMESTAMP(3);"
           "DELETE FROM pause", OURS)
    pay(db, DECIDED + UNDECIDED + 1, CAPTURED)
    set_back(db)
    return chain


def states(db):
    """How many messages are in which state."""
    return dict(db.sql(f"SELECT state, COUNT(*) FROM {OURS}.delivery"
                       " GROUP BY state"))


def test_none_is_lost_and_none_is_sent_twice(under_way):
    """The new service waits for its tables, and goes on by itself."""
    chain, db = under_way, under_way.db
    assert states(db) == {"ready": READY + UNDECIDED, "retry": RETRY,
                          "calling": CALLING}
    assert db.sql(f"SELECT COUNT(*) FROM {OURS}.outbox") == [(CAPTURED,)]
    chain.service.configure(with_settings(
        chain.settings, smspilot={"connections": 16}))
    chain.service.start()
    chain.service.wait_log("our tables have version 5")
    assert chain.sent() == []
    done = ctl(chain, "upgrade", "--yes", "--service-ok", "--sql",
               str(REPO / "sql"), "--library",
               str(db.plugin_dir / "mbev.so"))
    assert done.returncode == 0, done.stderr + done.stdout
    wanted = {"done": ALL - CALLING, "doubtful": CALLING}
    wait_until(lambda: states(db) == wanted, 60, f"end of {wanted}",
               pause=0.2)
    # Of what was being called nobody knows; all else went out once.
    doubtful = {uid for uid, in db.sql(
        "SELECT uid FROM event JOIN delivery ON event.id = event_id"
        " WHERE state = 'doubtful'", OURS)}
    assert Counter(phone for phone, _ in chain.sent()) == Counter(
        f"7900{uid:07}" for uid in range(1, ALL + 1) if uid not in doubtful)
    assert len(doubtful) == CALLING
