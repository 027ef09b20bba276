"""The billing's statements succeed, and do not wait, whatever is wrong with us.

The servers run innodb_lock_wait_timeout=300 and lock_wait_timeout=86400: a
statement that waits at all is not back within the 5 seconds it has here.
"""

import shutil
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import billing, product
from harness.server import MariaDB, build_dir

LIMIT_S = 5
PAYMENT = ("INSERT INTO bugh_plategi_stat (uid, date, bughtypeid,"
           " before_billing, summa) VALUES (1001, NOW(), 5, 0, 100)")
BONUS = PAYMENT.replace("5, 0, 100", "93, 0, 100")
UNLISTED = PAYMENT.replace("5, 0, 100", "60001, 0, 100")
CREDIT = ("INSERT INTO bugh_uslugi_stat (uid, gid, usluga, date_start)"
          " VALUES (1001, 10, 1, NOW())")
TARIFF = "UPDATE users SET gid = gid + 1 WHERE uid = 1001"
DEPOSIT = "UPDATE users SET deposit = deposit + 1 WHERE uid = 1001"
STATEMENTS = {"payment": PAYMENT, "credit": CREDIT, "tariff": TARIFF,
              "deposit": DEPOSIT}

BINLOGS = {
    "no-binlog": [],
    "mixed": ["--log-bin=binlog", "--binlog-format=MIXED"],
    "row": ["--log-bin=binlog", "--binlog-format=ROW"],
}


def in_time(link, statements):
    """Run the statements on the connection; fail when they do not come back.
    """
    failure = []

    def run():
        try:
            with link.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        except Exception as error:  # pylint: disable=broad-except
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    assert not thread.is_alive(), f"waits: {statements}"
    if failure:
        raise failure[0]


def prepare(server):
    """A billing with our product, one subscriber, a row in each table."""
    billing.create_billing(server, "mikbill", "legacy")
    product.install(server)
    server.sql("""
        INSERT INTO mikbill.users (user, uid, gid) VALUES ('u', 1001, 10);
        USE mikbill_events;
        INSERT INTO outbox VALUES (1, '2020-01-01', 'payment', '{}'),
                                  (2, '2020-01-01', 'payment', '{}');
        INSERT INTO event VALUES (1, 'payment', 1, NULL, '2020-01-01',
                                  '2020-01-01', NULL, '{}');
        INSERT INTO delivery (id, event_id, action, state, due_utc,
                              changed_utc)
        VALUES (1, 1, 'sms', 'ready', '2020-01-01', '2020-01-01')""")


# ---- something of ours is missing


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    """A plugin folder of our own, whose library may go."""
    folder = tmp_path_factory.mktemp("plugins")
    shutil.copy(build_dir() / "mbev.so", folder)
    return folder


@pytest.fixture
def broken(plugins):
    """A server with the product, to be broken by one test."""
    with MariaDB(plugin_dir=plugins) as server:
        prepare(server)
        yield server


def still_bills(server):
    """Every statement of the billing does its work, in time, unwarned."""
    with server.connect("mikbill") as link:
        for statement in STATEMENTS.values():
            in_time(link, [statement])
            with link.cursor() as cursor:
                cursor.execute("SHOW WARNINGS")
                assert cursor.fetchall() == ()
        before = counts(server)
        link.begin()
        in_time(link, [*STATEMENTS.values(), "COMMIT"])
    after = counts(server)
    assert after == {"payments": before["payments"] + 1,
                     "credits": before["credits"] + 1,
                     "gid": before["gid"] + 1,
                     "deposit": before["deposit"] + 1}


def counts(server):
    """What the statements of the billing change."""
    [row] = server.sql("""
        SELECT (SELECT COUNT(*) FROM bugh_plategi_stat),
               (SELECT COUNT(*) FROM bugh_uslugi_stat), gid, deposit
        FROM users""", "mikbill")
    return dict(zip(("payments", "credits", "gid", "deposit"), row))


def test_library_missing_after_a_restart(broken, plugins):
    library = plugins / "mbev.so"
    broken.kill()
    library.rename(plugins / "away")
    try:
        broken.start()
        still_bills(broken)
    finally:
        (plugins / "away").rename(library)


@pytest.mark.parametrize("function", ["mbev_json", "mbev_ring",
                                      "mbev_version"])
@pytest.mark.parametrize("tables", ["cached", "reopened"])
def test_function_dropped(broken, function, tables):
    still_bills(broken)
    broken.sql(f"DROP FUNCTION {function}")
    if tables == "reopened":
        broken.sql("FLUSH TABLES")
    still_bills(broken)


@pytest.mark.parametrize("table", ["outbox", "payment_kind", "event",
                                   "installation"])
def test_table_missing(broken, table):
    still_bills(broken)
    broken.sql(f"DROP TABLE mikbill_events.{table}")
    still_bills(broken)


def test_column_missing(broken):
    broken.sql("ALTER TABLE mikbill_events.outbox DROP COLUMN kind;"
               "ALTER TABLE mikbill_events.payment_kind DROP COLUMN kind")
    still_bills(broken)


def test_events_database_missing(broken):
    still_bills(broken)
    broken.sql("DROP DATABASE mikbill_events")
    still_bills(broken)


def test_types_of_the_billing_missing(broken):
    broken.sql("DROP TABLE mikbill.bugh_plategi_type")
    still_bills(broken)


def test_definer_lost_its_rights_on_our_tables(broken):
    broken.sql("REVOKE ALL, GRANT OPTION FROM mbev_trigger@localhost;"
               "GRANT TRIGGER, SELECT ON mikbill.* TO mbev_trigger@localhost;"
               "GRANT INSERT, SELECT ON mikbill_events.*"
               " TO mbev_trigger@localhost")
    still_bills(broken)
    broken.sql("REVOKE INSERT, SELECT ON mikbill_events.*"
               " FROM mbev_trigger@localhost")
    still_bills(broken)


# ---- the doorbell


@pytest.fixture(scope="module", params=[
    pytest.param(name, marks=pytest.mark.mariadb(
        "elsewhere the installation refuses binlog_format=MIXED"))
    if name == "mixed" else name for name in BINLOGS])
def logging(request):
    """A server with the product, for each way of logging."""
    with MariaDB(options=BINLOGS[request.param]) as server:
        [(log_bin, binlog_format)] = server.sql(
            "SELECT @@log_bin, LOWER(@@binlog_format)")
        assert (binlog_format if log_bin else "no-binlog") == request.param
        prepare(server)
        yield server


@contextmanager
def doorbell(server, state):
    """The doorbell socket in a state that the service may leave it in."""
    Path(server.doorbell).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        if state != "absent":
            ours.bind(server.doorbell)
        if state == "stale":
            ours.close()
        if state == "full":
            fill(server.doorbell)
        if state == "forbidden":
            Path(server.doorbell).chmod(0)
        yield
    Path(server.doorbell).unlink(missing_ok=True)


def fill(path):
    """Ring until no more datagram fits."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as caller:
        caller.setblocking(False)
        caller.connect(path)
        with pytest.raises(BlockingIOError):
            while True:
                caller.send(b"!")


@pytest.mark.parametrize("state", ["absent", "stale", "full", "forbidden",
                                   "heard"])
def test_doorbell(logging, state):
    with doorbell(logging, state):
        still_bills(logging)


# ---- an operator's open transaction


def acts():
    """What the operator did and did not commit, by its name."""
    keys = {"outbox": "id = 2", "event": "id = 1", "delivery": "id = 1",
            "owner": "name = 'main'", "installation": "billing = 'mikbill'",
            "schema_version": "version = 1",
            "payment_kind": "bughtypeid = 5"}
    changes = {"outbox": "kind = 'x'", "event": "kind = 'x'",
               "delivery": "state = 'done'", "owner": "epoch = epoch + 1",
               "installation": "installed_utc = '2020-01-01'",
               "schema_version": "installed_utc = '2020-01-01'",
               "payment_kind": "kind = 'refund'"}
    for table, key in keys.items():
        yield f"read {table}", [f"SELECT * FROM {table}"]
        yield f"change {table}", [
            f"UPDATE {table} SET {changes[table]} WHERE {key}"]
        yield f"delete from {table}", [f"DELETE FROM {table} WHERE {key}"]
    yield "change every payment_kind", [
        "UPDATE payment_kind SET comment = 'x'"]
    yield "list a new type", [
        "INSERT INTO payment_kind VALUES (60001, 'ignore', 'operator', '')"]
    yield "read and change it all", [
        "SELECT * FROM outbox", "SELECT * FROM payment_kind",
        *(f"UPDATE {table} SET {changes[table]} WHERE {key}"
          for table, key in keys.items())]


ACTS = dict(acts())
LEVELS = ["REPEATABLE READ", "READ COMMITTED", "SERIALIZABLE"]


@contextmanager
def operator(server, statements):
    """An open transaction that did this; rolled back at the end."""
    with server.connect("mikbill_events") as link:
        link.begin()
        with link.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        try:
            yield
        finally:
            link.rollback()


@pytest.mark.parametrize("transaction", ["autocommit", "transaction"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("act", ACTS)
def test_open_transaction_of_an_operator(logging, act, level, transaction):
    with operator(logging, ACTS[act]), logging.connect("mikbill") as link:
        in_time(link, [f"SET SESSION TRANSACTION ISOLATION LEVEL {level}"])
        if transaction == "transaction":
            link.begin()
        in_time(link, [PAYMENT, BONUS, UNLISTED, *STATEMENTS.values(),
                       "COMMIT"])


def test_open_transaction_of_the_billing_on_its_types(logging):
    change = ("UPDATE mikbill.bugh_plategi_type SET deposit_action = '-'"
              " WHERE bughtypeid = 120")
    logging.sql("DELETE FROM mikbill_events.payment_kind"
                " WHERE bughtypeid = 120")
    with operator(logging, [change]), logging.connect("mikbill") as link:
        in_time(link, [PAYMENT.replace("5, 0, 100", "120, 0, 100")])


def test_twenty_connections_with_open_payments_do_not_wait(logging):
    links = [logging.connect("mikbill") for _ in range(20)]
    try:
        for link in links:
            link.begin()
            in_time(link, [PAYMENT, BONUS, UNLISTED, CREDIT])
        for link in links:
            in_time(link, ["COMMIT"])
    finally:
        for link in links:
            link.close()
