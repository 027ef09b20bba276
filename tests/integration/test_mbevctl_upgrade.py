"""mbevctl upgrade: the server loads another library while the billing goes on,
and the service comes before the triggers."""

import subprocess
import threading
import time

import pymysql
import pytest

from harness import kinds, process
from harness.product import Service, install, with_settings
from harness.server import build_dir
from integration.chain import payment_sql
from integration.host import (FUNCTIONS, announce, lay, make_host,
                              make_machine, other_library, reader_of)

DELAY_LIMIT_S = 3


@pytest.fixture(scope="module", name="machine")
def _machine(tmp_path_factory):
    """The server of the module."""
    yield from make_machine(tmp_path_factory.mktemp("plugins"))


@pytest.fixture(name="host")
def _host(machine, tmp_path):
    """A host with a legacy billing and nothing of ours."""
    return make_host(machine, tmp_path)


# --- another library ----------------------------------------------------------

class Changes(threading.Thread):
    """The billing: changes of tariff and payments, until they are ended."""

    def __init__(self, db):
        super().__init__(daemon=True)
        self.db, self.over = db, threading.Event()
        self.tariffs = self.payments = 0
        self.longest, self.errors = 0, []

    def run(self):
        with self.db.connect("mikbill") as link, link.cursor() as cursor:
            while not self.over.is_set():
                begun = time.monotonic()
                try:
                    cursor.execute("UPDATE users SET gid = gid + 1"
                                   " WHERE uid = 1001")
                    self.tariffs += 1
                    cursor.execute(payment_sql(1001, 100))
                    self.payments += 1
                except pymysql.MySQLError as error:
                    self.errors.append(error)
                    return
                self.longest = max(self.longest, time.monotonic() - begun)

    def end(self):
        """No more of them."""
        self.over.set()
        self.join()
        assert self.errors == []
        return self


@pytest.mark.mariadb("MySQL loads another library when it is started again")
def test_a_new_library_is_loaded_and_no_change_is_missed(host, tmp_path):
    """While the billing goes on: every change of tariff is captured by its
    trigger; of a payment made at that moment comparison finds the rest."""
    host.well("install")
    host.db.sql("INSERT INTO users SET uid = 1001, user = 'a', gid = 1",
                "mikbill")
    old = other_library(tmp_path, "0.0.1")
    lay(host, old)
    for name in FUNCTIONS:
        host.db.sql(f"DROP FUNCTION {name}")
    install(host.db)
    assert host.db.sql("SELECT mbev_version()") == [(b"0.0.1",)]
    host.db.sql("DELETE FROM mikbill_events.outbox")
    changes = Changes(host.db)
    changes.start()
    process.wait_until(lambda: changes.payments > 100, 20, "changes")
    told = host.well("upgrade")
    changes.end()
    assert "loading: done" in told and "is that of this version" in told
    assert host.db.sql("SELECT mbev_version()") == [(b"0.1.0",)]
    assert host.db.sql("SELECT COUNT(*) FROM mikbill_events.outbox"
                       " WHERE kind = 'tariff_change'") == [
                           (changes.tariffs,)]
    assert host.db.sql("SELECT COUNT(*) FROM mikbill_events.outbox"
                       " WHERE kind = '5'")[0][0] > 100
    assert changes.longest < DELAY_LIMIT_S


@pytest.mark.mariadb("MySQL loads another library when it is started again")
@pytest.mark.parametrize("fault", ["install.swap:kill", "install.load:fail"])
def test_cut_off_while_it_loads_it_goes_on(host, tmp_path, fault):
    lay(host, other_library(tmp_path, "0.0.1"))
    install(host.db)
    done = host.run("upgrade", "--yes", MBEV_FAULT=fault)
    assert done.returncode != 0
    host.pay()
    host.well("upgrade")
    assert host.db.sql("SELECT mbev_version()") == [(b"0.1.0",)]
    before = host.captured()
    host.pay()
    assert host.captured() == before + 1


@pytest.mark.mariadb("MySQL loads another library when it is started again")
def test_a_table_that_is_held_keeps_the_old_library(host, tmp_path):
    lay(host, other_library(tmp_path, "0.0.1"))
    install(host.db)
    with reader_of(host.db, "usersfreeze"):
        told = host.refused(75, "upgrade", "--wait", "0")
        assert "the old library goes on working" in told
        assert host.db.sql("SELECT mbev_version()") == [(b"0.0.1",)]
        host.pay()
        assert host.captured() == 1
    host.well("upgrade")


@pytest.mark.skipif(kinds.chosen().is_mariadb, reason="it is loaded at once")
def test_where_it_cannot_be_loaded_it_is_at_the_next_start(host, tmp_path):
    lay(host, other_library(tmp_path, "0.0.1"))
    install(host.db)
    assert "restart the database server" in host.well("upgrade")
    assert host.db.sql("SELECT mbev_version()") == [(b"0.0.1",)]
    host.pay()
    host.db.restart()
    assert host.db.sql("SELECT mbev_version()") == [(b"0.1.0",)]
    host.pay()
    assert host.captured() == 2


# --- what it refuses ----------------------------------------------------------

def test_an_upgrade_needs_something_to_upgrade(host):
    assert "mbevctl install" in host.refused(65, "upgrade")


def test_tables_that_are_newer(host):
    host.well("install")
    host.db.sql("INSERT INTO mikbill_events.schema_version"
                " VALUES (99, UTC_TIMESTAMP())")
    assert "version 99" in host.refused(65, "upgrade")


# --- beside a service ---------------------------------------------------------

@pytest.fixture(name="announced")
def _announced(host, pilot):
    """A host whose service announces payments."""
    return announce(host, pilot)


def test_a_service_of_this_version_is_no_obstacle(announced):
    announced.well("install")
    with Service(announced.settings) as service:
        service.wait_log("engine: acting")
        assert "mbevd 0.1.0 runs here: acting" in announced.well("upgrade")
        announced.pay()
        process.wait_until(lambda: announced.db.sql(
            "SELECT state FROM mikbill_events.delivery") == [("done",)], 10,
            "message")


def test_an_older_service_goes_first(announced):
    """One that says another version of itself."""
    announced.well("install")
    program = announced.folder / "mbevd"
    program.write_bytes((build_dir() / "mbevd").read_bytes().replace(
        b"\x000.1.0\x00", b"\x000.0.9\x00"))
    program.chmod(0o755)
    service = process.spawn([program, "-c", announced.config],
                            stderr=subprocess.DEVNULL)
    try:
        process.wait_until(lambda: announced.db.sql(
            "SELECT lease_until_utc > UTC_TIMESTAMP(3) FROM"
            " mikbill_events.owner") == [(1,)], 10, "lease")
        told = announced.refused(65, "upgrade")
        assert "mbevd 0.0.9 runs here" in told
        assert "systemctl restart mbevd" in told
    finally:
        process.end(service, 10)
    announced.well("upgrade")


def test_a_service_that_cannot_be_asked_is_vouched_for(announced):
    announced.well("install")
    with Service(with_settings(announced.settings,
                               service={"control": ""})) as service:
        service.wait_log("engine: acting")
        announced.configure(service={"control": ""})
        assert "--service-ok" in announced.refused(65, "upgrade")
        announced.well("upgrade", "--service-ok")
        announced.db.sql("UPDATE mikbill_events.schema_version SET version ="
                         " version - 1")
        assert "of an earlier version" in announced.refused(
            65, "upgrade", "--service-ok")


def test_a_service_that_waits_for_its_tables_goes_on_by_itself(announced):
    """The order of an upgrade: the new service waits, the tables come."""
    announced.well("install")
    announced.db.sql("UPDATE mikbill_events.schema_version SET version ="
                     " version - 1")
    with Service(announced.settings) as service:
        service.wait_log("our tables have version")
        announced.pay()
        assert "mbevd 0.1.0 runs here: away" in announced.well("upgrade")
        service.wait_log("engine: acting", timeout=20)
        process.wait_until(lambda: announced.db.sql(
            "SELECT state FROM mikbill_events.delivery") == [("done",)], 10,
            "message")
