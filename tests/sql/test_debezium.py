"""What docs/events.md promises to who reads events out of the database."""

import re
from pathlib import Path

import pytest

from harness.billing import create_billing
from harness.product import install
from harness.server import REPO, MariaDB

EVENTS = (REPO / "docs/events.md").read_text(encoding="utf-8")


@pytest.fixture(name="server", scope="module")
def fixture_server():
    """A server with a billing and two captured events, one not understood."""
    with MariaDB() as server:
        create_billing(server, "mikbill", "legacy")
        install(server)
        server.sql(
            "INSERT INTO event (kind, uid, source_key, captured_utc,"
            " ingested_utc, problem, body) VALUES"
            " ('payment', 1001, 'payment:t:1', '2026-11-23 20:24:00.123',"
            " '2026-11-23 20:24:01', NULL, '{\"v\":1}'),"
            " ('payment', 1001, NULL, '2026-11-23 20:24:00.124',"
            " '2026-11-23 20:24:01', 'no JSON', '{')", "mikbill_events")
        yield server


def columns(server, table):
    """name -> type, of a table of ours."""
    return dict(server.sql(
        "SELECT column_name, data_type FROM information_schema.columns"
        f" WHERE table_schema = 'mikbill_events' AND table_name = '{table}'"))


def test_the_view_has_the_columns_of_an_outbox(server):
    assert list(columns(server, "debezium_outbox")) == [
        "id", "aggregatetype", "aggregateid", "type", "payload", "timestamp"]
    ((number, *rest, at),) = server.sql(
        "SELECT * FROM debezium_outbox", "mikbill_events")
    assert number > 0
    assert rest == ["subscriber", "1001", "payment", '{"v":1}']
    assert at.microsecond == 123000


def test_a_reader_of_ours_may_read_it(server):
    server.sql("CREATE USER watcher@localhost; GRANT SELECT ON"
               " `mikbill\\_events`.* TO watcher@localhost")
    with server.connect("mikbill_events", user="watcher") as link, \
            link.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM debezium_outbox")
        assert cursor.fetchall() == ((1,),)


def test_the_columns_that_the_router_is_told_of_exist(server):
    """With types that it can use: its time is a whole number then."""
    named = dict(re.findall(
        r'"transforms\.outbox\.([\w.]+)": *"([^"]+)"', EVENTS))
    types = columns(server, "event")
    assert types[named["table.field.event.id"]] == "bigint"
    assert types[named["table.field.event.key"]] == "bigint"
    assert types[named["table.field.event.payload"]] == "mediumtext"
    assert types[named["table.field.event.timestamp"]] == "datetime"
    assert types[named["route.by.field"]] == "varchar"
    for field in named["table.fields.additional.placement"].split(","):
        assert field.split(":")[0] in types
    assert '"table.include.list": "mikbill_events.event"' in EVENTS


def test_events_are_inserted_and_deleted_and_never_changed():
    """What the router takes for an error is an update."""
    for folder in ("poller", "ctl"):
        for file in Path(REPO / folder).rglob("*.c"):
            assert not re.search(r"UPDATE\s+event\b", file.read_text())
