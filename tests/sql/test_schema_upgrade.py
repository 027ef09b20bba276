"""sql/schema.sql brings the tables of every earlier version to this one: in the
end they are those of a fresh installation, and no row has changed."""

import re

import pytest

from harness.product import run_sql
from harness.server import REPO, MariaDB

pytestmark = pytest.mark.plain

VERSIONS = sorted((REPO / "tests" / "data" / "schema").glob("version-*.sql"),
                  key=lambda path: int(path.stem.split("-")[1]))
OURS = "mikbill_events"
# Written by schema.sql itself.
NOT_FILLED = ("schema_version", "owner")
# Their comments stay as they were: a comment is not worth a lock, which for
# outbox would be one that payments wait for.
OLD_COMMENTS = {("outbox", "kind"), ("event", "kind"),
                ("debezium_outbox", "type")}
RENAMED = {("delivery", "sms_log_id"): "log_id"}


@pytest.fixture(scope="module", name="db")
def _db():
    """A server of this file alone."""
    with MariaDB() as server:
        yield server


def layout(db):
    """Tables, columns, indexes and routines, but for when they were made."""
    return {
        "columns": db.sql(
            "SELECT table_name, ordinal_position, column_name, column_type,"
            " is_nullable, column_default, extra, character_set_name,"
            " collation_name, IF((table_name, column_name) IN"
            f" ({', '.join(map(str, OLD_COMMENTS))}), '', column_comment)"
            " FROM information_schema.columns"
            f" WHERE table_schema = '{OURS}' ORDER BY 1, 2"),
        "indexes": db.sql(
            "SELECT table_name, index_name, seq_in_index, column_name,"
            " non_unique, sub_part, index_type"
            " FROM information_schema.statistics"
            f" WHERE table_schema = '{OURS}' ORDER BY 1, 2, 3"),
        "tables": db.sql(
            "SELECT table_name, engine, table_collation, table_comment"
            " FROM information_schema.tables"
            f" WHERE table_schema = '{OURS}' ORDER BY 1"),
        "routines": db.sql(
            "SELECT routine_name, routine_type, dtd_identifier,"
            " routine_definition, sql_data_access, security_type, sql_mode,"
            " routine_comment, definer FROM information_schema.routines"
            f" WHERE routine_schema = '{OURS}' ORDER BY 1"),
    }


@pytest.fixture(scope="module", name="fresh")
def _fresh(db):
    """What a fresh installation has."""
    run_sql(db, "schema.sql")
    found = layout(db)
    db.sql(f"DROP DATABASE {OURS}")
    return found


def differences(found, wanted):
    """What is only in the one or the other."""
    return [(what, side, row) for what, rows_wanted in wanted.items()
            for side, these, those in (("has", found[what], rows_wanted),
                                       ("lacks", rows_wanted, found[what]))
            for row in these if row not in those]


def words_of(column_type):
    """The words of an ENUM; of another type none."""
    return (re.findall(r"'([^']+)'", column_type)
            if column_type.startswith("enum") else [])


def value(column, column_type, length, number):
    """One that fits, and is another in each row."""
    words = words_of(column_type)
    if words:
        return words[number % len(words)]
    if column_type.startswith(("date", "timestamp")):
        return f"2026-01-{number + 1:02} 03:04:05.678"
    if "int" in column_type:
        return number % 2 if column_type == "tinyint(1)" else number + 1
    return f"{number}{column}"[:length]


def fill(db):
    """Rows in every table: as many as an ENUM has words, at least two."""
    tables = {}
    for table, *column in db.sql(
            "SELECT table_name, column_name, column_type,"
            " character_maximum_length FROM information_schema.columns"
            f" WHERE table_schema = '{OURS}' AND table_name IN"
            " (SELECT t.table_name FROM information_schema.tables AS t"
            f" WHERE t.table_schema = '{OURS}' AND t.table_type = 'BASE TABLE')"
            " ORDER BY 1, ordinal_position"):
        if table not in NOT_FILLED:
            tables.setdefault(table, []).append(column)
    with db.connect(OURS) as link, link.cursor() as cursor:
        for table, columns in tables.items():
            rows = max([2, *(len(words_of(kind)) for _, kind, _ in columns)])
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(
                f"INSERT INTO {table} VALUES ({places})",
                [[value(*column, number) for column in columns]
                 for number in range(rows)])
    return {table: [name for name, *_ in columns]
            for table, columns in tables.items()}


def rows(db, columns):
    """What those columns of each table hold."""
    return {table: db.sql(f"SELECT {', '.join(names)} FROM {table} ORDER BY 1",
                          OURS)
            for table, names in columns.items()}


def test_there_is_one_of_each_version():
    numbers = [int(path.stem.split("-")[1]) for path in VERSIONS]
    text = (REPO / "sql" / "schema.sql").read_text()
    now = int(re.search(r"^SELECT (\d+), UTC_TIMESTAMP", text, re.M)[1])
    assert numbers[:now - 1] == list(range(1, now))


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_an_earlier_version_becomes_this_one(db, fresh, path):
    db.sql(f"DROP DATABASE IF EXISTS {OURS}")
    db.sql(path.read_text())
    columns = fill(db)
    assert "state" in columns["delivery"]
    before = rows(db, columns)
    assert {state for state, in db.sql("SELECT state FROM delivery", OURS)
            } >= {"ready", "leased", "calling", "retry", "doubtful", "done"}
    run_sql(db, "schema.sql")
    different = differences(layout(db), fresh)
    assert not different, "\n".join(map(str, different))
    renamed = {table: [RENAMED.get((table, name), name) for name in names]
               for table, names in columns.items()}
    assert rows(db, renamed) == before
    run_sql(db, "schema.sql")
    assert rows(db, renamed) == before
    installed = [version for version, in db.sql(
        "SELECT version FROM schema_version ORDER BY 1", OURS)]
    assert installed[0] == int(path.stem.split("-")[1])
