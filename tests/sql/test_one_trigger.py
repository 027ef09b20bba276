"""A server that bears one trigger for each table, time and event: MySQL 5.6.
Somebody else may have taken the place."""

import re

import pytest

from harness import billing, kinds, product
from harness.server import MariaDB

pytestmark = pytest.mark.plain

SQL = product.repo() / "sql"
LEAVE_OUT = re.compile(r"^-- Trigger: mbev_au_users$.*?^UNLOCK TABLES //$",
                       re.M | re.S)
THEIRS = ("CREATE TABLE theirs (uid INT, gid INT);"
          "CREATE TRIGGER theirs AFTER UPDATE ON users FOR EACH ROW"
          " INSERT INTO theirs VALUES (NEW.uid, NEW.gid)")
BODIES = ("SELECT trigger_name, action_statement FROM"
          " information_schema.triggers WHERE trigger_schema = 'mikbill'"
          " ORDER BY 1")
MOVE = "UPDATE users SET gid = gid + 1 WHERE uid = 1"


@pytest.fixture(scope="module")
def machine():
    """The server."""
    kind = kinds.named("mysql56")
    if reason := kind.why_unavailable():
        pytest.skip(reason)
    with MariaDB(kind="mysql56") as server:
        yield server


@pytest.fixture
def taken(machine):
    """A billing whose staff has put a trigger on users; our tables and
    accounts, no trigger of ours yet."""
    billing.create_billing(machine, "mikbill", "legacy")
    machine.sql(THEIRS + "; INSERT INTO users (user, uid, gid) VALUES"
                " ('u', 1, 5)", "mikbill")
    product.run_sql(machine, "schema.sql")
    product.run_sql(machine, "grants.sql", "mikbill")
    yield machine
    machine.sql("DROP DATABASE mikbill")
    product.uninstall(machine, "mysql", discard=True)


def words(server, text):
    """What the client says to a file, given as text."""
    code, _, errors = server.client(text, "mikbill")
    return (re.findall(r"^ERROR.*?line \d+: (.*)", errors, re.M)[-1]
            if code else "")


def our_block():
    """The body of our trigger on users, as the manual says to take it."""
    return re.search(r"^TRIGGER mbev_au_users .*?\n(mikbill_events: BEGIN.*?"
                     r"^END) -- '$", (SQL / "triggers.sql").read_text(),
                     re.M | re.S)[1]


def merge(server):
    """Our block behind what theirs does, in theirs."""
    assert words(server, "LOCK TABLES users WRITE; DROP TRIGGER theirs;\n"
                 "DELIMITER //\nCREATE TRIGGER theirs AFTER UPDATE ON users"
                 " FOR EACH ROW\nBEGIN\n  INSERT INTO theirs VALUES (NEW.uid,"
                 f" NEW.gid);\n  {our_block()};\nEND //") == ""


def without_users():
    """triggers.sql without that table, as the manual says to run it."""
    text, times = LEAVE_OUT.subn("", (SQL / "triggers.sql").read_text())
    assert times == 1
    return text


def captured(server):
    """Kinds that wait in the outbox."""
    return [kind for kind, in server.sql(
        "SELECT kind FROM mikbill_events.outbox")]


def seen(server, table="users"):
    """Does the service take it for captured?"""
    return server.sql(f"SELECT mikbill_events.has_trigger('mikbill', '{table}',"
                      " '2000-01-01')") == [(1,)]


def test_theirs_is_not_overwritten_and_it_is_told_where_the_cure_is(taken):
    assert words(taken, (SQL / "triggers.sql").read_text()) == (
        "trigger theirs has the one place on users: see \"One trigger\" in"
        " docs/dba.md")
    taken.sql(MOVE, "mikbill")
    assert taken.sql("SELECT uid, gid FROM mikbill.theirs") == [(1, 6)]
    assert not seen(taken)
    assert taken.sql("SELECT COUNT(*) FROM information_schema.triggers"
                     " WHERE trigger_schema = 'mikbill'") == [(1,)]


def test_both_work_in_one_trigger(taken):
    merge(taken)
    assert words(taken, without_users()) == ""
    taken.sql(MOVE, "mikbill")
    taken.sql("UPDATE users SET deposit = 5 WHERE uid = 1", "mikbill")
    assert taken.sql("SELECT uid, gid FROM mikbill.theirs") == [(1, 6), (1, 6)]
    assert captured(taken) == ["tariff_change"]
    assert seen(taken) and seen(taken, "bugh_plategi_stat")


def test_their_work_goes_on_when_ours_is_gone(taken):
    merge(taken)
    taken.sql("DROP DATABASE mikbill_events")
    taken.sql(MOVE, "mikbill")
    assert taken.sql("SELECT uid, gid FROM mikbill.theirs") == [(1, 6)]


def test_our_digest_is_that_of_our_block(taken):
    def digest(table):
        (report,), = taken.sql("SELECT mikbill_events.trigger_report("
                               f"'mikbill', '{table}')")
        return report.split("\t")[5]
    merge(taken)
    assert words(taken, without_users()) == ""
    merged = digest("users")
    taken.sql("DROP TRIGGER theirs", "mikbill")
    assert words(taken, (SQL / "triggers.sql").read_text()) == ""
    assert digest("users") == merged


def test_uninstalling_tells_of_the_block_that_is_left(taken):
    merge(taken)
    assert words(taken, without_users()) == ""
    told = words(taken, (SQL / "uninstall.sql").read_text())
    assert "trigger mikbill.theirs still has our block in it: take it out" in (
        told)
    assert taken.sql("SHOW TABLES FROM mikbill_events LIKE 'outbox'")


def test_a_dump_of_the_triggers_can_be_read_again(taken):
    """As mysqldump writes them: each in a comment for servers of that age."""
    taken.sql("DROP TRIGGER theirs", "mikbill")
    assert words(taken, (SQL / "triggers.sql").read_text()) == ""
    before = taken.sql(BODIES)
    dump = "".join(
        f"/*!50003 {taken.sql(f'SHOW CREATE TRIGGER {name}', 'mikbill')[0][2]}"
        " */;;\n" for name, _ in before)
    assert len(before) == 12
    for name, _ in before:
        taken.sql(f"DROP TRIGGER {name}", "mikbill")
    assert words(taken, "DELIMITER ;;\n" + dump) == ""
    assert taken.sql(BODIES) == before
