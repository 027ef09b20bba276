"""Something is wrong with the database server for a while."""

import re
from contextlib import contextmanager

import pymysql

from harness.product import SERVICE_ACCOUNT
from harness.standin import Reply

ACCOUNT = f"'{SERVICE_ACCOUNT}'@'localhost'"
WORKS = "engine: the database works again"


@contextmanager
def wrong(shop, fault, undo):
    """Something is wrong with the server until the block ends."""
    shop.db.sql(fault)
    try:
        yield
    finally:
        shop.db.sql(undo)


def connections_of(cursor):
    """The service's connections, as the server knows them."""
    cursor.execute("SELECT id FROM information_schema.processlist"
                   f" WHERE user = '{SERVICE_ACCOUNT}'")
    return [one for (one,) in cursor.fetchall()]


def connections(shop):
    """The same, asked by the way."""
    with shop.db.connect() as link, link.cursor() as cursor:
        return connections_of(cursor)


def drop(shop, how="KILL"):
    """End the service's connections, or their statements."""
    for one in connections(shop):
        try:
            shop.db.sql(f"{how} {one}")
        except pymysql.err.Error:
            pass  # it has ended meanwhile


def slowly(shop, delay):
    """Calls last for a while."""
    shop.pilot.reply = lambda request: Reply(
        body=shop.pilot.ordinary_reply(request).body, delay=delay)
    shop.till.post_reply = shop.till.answer_late(delay)


def ends_well(shop, *told):
    """All is done, once; and just these lines alarm, each once."""
    shop.wait_done()
    shop.audit()
    shop.service.wait_log(WORKS)
    lines = shop.lines()
    assert len(lines) == len(told), "\n".join(lines)
    for words, line in zip(told, lines):
        assert re.search(words, line), line
