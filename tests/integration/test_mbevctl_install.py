"""mbevctl install, upgrade and uninstall: what they leave is what the SQL files
leave, whatever was in the way, and the billing never fails meanwhile."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pymysql
import pytest

from harness import process
from harness.billing import create_billing
from harness.product import (Service, default_settings, ini_text, install,
                             uninstall, with_settings, write_ini)
from harness.server import REPO, MariaDB, build_dir
from integration.chain import payment_sql

PASSWORD = "service-secret"
FUNCTIONS = ("mbev_json", "mbev_ring", "mbev_version")
ACCOUNTS = ("mbev_trigger", "mbev_service", "mbev_reader")
DELAY_LIMIT_S = 3


class Host:
    """A billing's server with a plugin folder of its own, and mbevctl there."""

    def __init__(self, db, folder):
        self.db = db
        self.folder = folder
        self.config = folder / "mbevd.ini"
        self.library = build_dir() / "mbev.so"
        self.sql = REPO / "sql"
        self.installed_library = Path(db.plugin_dir) / "mbev.so"
        self.settings = default_settings(db)
        self.configure()

    def configure(self, **sections):
        """Write the configuration of the service."""
        write_ini(self.config,
                  ini_text(with_settings(self.settings, **sections)))

    def argv(self, *words):
        """The command line of a verb."""
        return [build_dir() / "mbevctl", "-c", self.config, *words,
                "--sql", self.sql, "--library", self.library]

    def own_sql(self, file, more):
        """Have SQL files of its own, one of them with more at its end."""
        self.sql = self.folder / "sql"
        shutil.copytree(REPO / "sql", self.sql)
        with open(self.sql / file, "a", encoding="utf-8") as text:
            text.write(more)
        return len((self.sql / file).read_text("utf-8").splitlines())

    def run(self, *words, **env):
        """Run a verb to its end."""
        return subprocess.run(
            self.argv(*words), text=True, capture_output=True, timeout=60,
            check=False, stdin=subprocess.DEVNULL, env={**os.environ, **env})

    def well(self, *words, **env):
        """Run it without questions; it must succeed. What it prints."""
        done = self.run(*words, "--yes", **env)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def refused(self, code, *words, **env):
        """Run it; it must end with that code. What it complains of."""
        done = self.run(*words, "--yes", **env)
        assert done.returncode == code, done.stderr + done.stdout
        return done.stderr

    def pay(self, **link):
        """A payment that must succeed."""
        with self.db.connect("mikbill", **link) as billing, \
                billing.cursor() as cursor:
            cursor.execute(payment_sql(1001, 100))

    def captured(self):
        """How many changes wait in the outbox."""
        return self.db.sql("SELECT COUNT(*) FROM mikbill_events.outbox")[0][0]


@pytest.fixture(scope="module", name="machine")
def _machine(tmp_path_factory):
    """A server of the module; its plugin folder is empty."""
    with MariaDB(plugin_dir=tmp_path_factory.mktemp("plugins"),
                 tcp=True) as db:
        yield db


def clean(db):
    """Take away whatever the test before left."""
    db.sql("DROP DATABASE IF EXISTS mikbill; DROP DATABASE IF EXISTS second;"
           "DROP DATABASE IF EXISTS mikbill_events")
    for function in FUNCTIONS:
        db.sql(f"DROP FUNCTION IF EXISTS {function}")
    for account in (*ACCOUNTS, "dba"):
        db.sql(f"DROP USER IF EXISTS {account}@localhost")
    for file in Path(db.plugin_dir).iterdir():
        file.unlink()


@pytest.fixture(name="host")
def _host(machine, tmp_path):
    """A host with a legacy billing and nothing of ours."""
    clean(machine)
    create_billing(machine, "mikbill", "legacy")
    return Host(machine, tmp_path)


def state(db):
    """All that installing leaves, but for times."""
    return {
        "columns": db.sql(
            "SELECT * FROM information_schema.columns"
            " WHERE table_schema = 'mikbill_events' ORDER BY 2, 3, 4"),
        "indexes": db.sql(
            "SELECT table_name, index_name, seq_in_index, column_name,"
            " non_unique FROM information_schema.statistics"
            " WHERE table_schema = 'mikbill_events' ORDER BY 1, 2, 3"),
        "routines": db.sql(
            "SELECT routine_name, routine_definition, definer, sql_mode"
            " FROM information_schema.routines"
            " WHERE routine_schema = 'mikbill_events' ORDER BY 1"),
        "triggers": db.sql(
            "SELECT trigger_schema, trigger_name, event_object_table,"
            " event_manipulation, action_timing, action_order,"
            " action_statement, definer, sql_mode, character_set_client,"
            " collation_connection FROM information_schema.triggers"
            " WHERE definer LIKE 'mbev%' ORDER BY 1, 2"),
        "functions": db.sql("SELECT * FROM mysql.func ORDER BY 1"),
        "accounts": db.sql("SELECT user, host, authentication_string"
                           " FROM mysql.user WHERE user LIKE 'mbev%'"
                           " ORDER BY 1, 2"),
        "databases": db.sql("SELECT * FROM mysql.db ORDER BY 1, 2, 3"),
        "grants": db.sql(
            "SELECT host, db, user, table_name, grantor, table_priv,"
            " column_priv FROM mysql.tables_priv WHERE user LIKE 'mbev%'"
            " ORDER BY 1, 2, 3, 4"),
        "kinds": db.sql("SELECT * FROM mikbill_events.payment_kind"
                        " ORDER BY 1"),
        "installation": db.sql("SELECT billing, generation"
                               " FROM mikbill_events.installation"),
    }


@pytest.fixture(scope="module", name="by_hand")
def _by_hand(machine):
    """The state after the SQL files were run by hand."""
    clean(machine)
    create_billing(machine, "mikbill", "legacy")
    shutil.copy(build_dir() / "mbev.so", machine.plugin_dir)
    install(machine)
    done = state(machine)
    uninstall(machine, discard=True)
    return done


def traces(host):
    """What of ours is left in the server and its plugin folder."""
    return (host.db.sql(
        "SELECT trigger_name FROM information_schema.triggers"
        " WHERE definer LIKE 'mbev%' UNION ALL"
        " SELECT name FROM mysql.func UNION ALL"
        " SELECT schema_name FROM information_schema.schemata"
        " WHERE schema_name = 'mikbill_events' UNION ALL"
        " SELECT user FROM mysql.user WHERE user LIKE 'mbev%'")
        + list(Path(host.db.plugin_dir).iterdir()))


def other_library(folder, version):
    """A library that says another version; the rest is the same."""
    made = folder / f"mbev-{version}.so"
    subprocess.run(
        ["cc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC",
         "-fvisibility=hidden", "-pthread", f'-DMBEV_VERSION="{version}"',
         '-DMBEV_DOORBELL="/run/mikbill-events/doorbell"',
         f"-Wl,--version-script={REPO / 'udf' / 'mbev.map'}", "-o", made,
         *sorted((REPO / "udf").glob("*.c"))], check=True)
    return made


def lay(host, library):
    """Put a library into the plugin folder as the manual says."""
    fresh = host.installed_library.with_suffix(".so.new")
    shutil.copy(library, fresh)
    fresh.rename(host.installed_library)


# --- what it leaves -----------------------------------------------------------

def test_it_leaves_what_the_files_leave(host, by_hand):
    told = host.well("install")
    assert state(host.db) == by_hand
    assert "a payment was captured, and taken back" in told
    assert host.installed_library.read_bytes() == host.library.read_bytes()
    assert host.installed_library.stat().st_mode & 0o777 == 0o644
    host.pay()
    assert host.captured() == 1
    assert host.db.sql("SELECT MIN(plategid) FROM mikbill.bugh_plategi_stat"
                       ) == [(1,)]
    host.db.connect(user="mbev_service", password=PASSWORD).close()


def test_it_may_be_run_again(host, by_hand):
    host.well("install")
    host.pay()
    host.well("install")
    host.well("upgrade")
    assert state(host.db) == by_hand
    assert host.captured() == 1
    assert [words for _, words in host.db.sql(
        "SELECT verb, words FROM mikbill_events.audit")] == [
            "version 0.1.0"] * 3


def test_a_look_changes_nothing(host):
    done = host.run("install", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "missing" in done.stdout and "triggers.sql: 4" in done.stdout
    assert traces(host) == []
    host.well("install")
    host.pay()
    done = host.run("uninstall", "--dry-run")
    assert "not done yet:   1" in done.stdout
    assert len(traces(host)) == 12
    host.pay()
    assert host.captured() == 2


def test_without_a_terminal_it_asks_for_yes(host):
    done = host.run("install")
    assert done.returncode == 64 and "--yes" in done.stderr
    assert traces(host) == []


def test_what_it_takes_out_leaves_no_trace(host):
    host.well("install")
    told = host.well("uninstall")
    assert "nothing of ours is left" in told
    assert traces(host) == []
    assert "nothing of ours is here" in host.well("uninstall")
    host.pay()


# --- interruptions ------------------------------------------------------------

def test_killed_at_any_statement_it_goes_on(host, by_hand):
    """Each run dies a little later; a payment succeeds after each."""
    died, at = 0, 1
    while True:
        done = host.run("install", "--yes",
                        MBEV_FAULT=f"install.before:kill:{at}")
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        died, at = died + 1, at + 7
        host.pay()
    assert died > 10
    assert state(host.db) == by_hand


@pytest.mark.parametrize("fault", [
    "install.copy:fail", "install.copied:kill", "install.done:kill",
    "install.step:fail:3", "install.statement:fail:90"])
def test_what_has_failed_is_done_by_the_next_run(host, by_hand, fault):
    done = host.run("install", "--yes", MBEV_FAULT=fault)
    assert done.returncode != 0
    host.pay()
    host.well("install")
    assert state(host.db) == by_hand
    assert [path.name for path in Path(host.db.plugin_dir).iterdir()] == [
        "mbev.so"]
    host.pay()
    assert host.captured() >= 1


@pytest.mark.parametrize("fault", [
    "install.before:kill:12", "install.before:kill:25",
    "uninstall.done:kill",
    "uninstall.library:fail"])
def test_taking_out_goes_on_after_an_interruption(host, fault):
    host.well("install")
    done = host.run("uninstall", "--yes", MBEV_FAULT=fault)
    assert done.returncode != 0
    host.pay()
    host.well("uninstall", "--discard")
    assert traces(host) == []
    host.pay()


def test_ctrl_c_ends_it_between_two_statements(host, by_hand):
    """Here while it waits for a table."""
    with reader_of(host.db, "users"):
        running = process.spawn(
            host.argv("install", "--yes"), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.wait_until(lambda: waits(host.db, "users"), 20, "wait")
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=20)
    assert running.returncode == 75
    assert "interrupted before" in errors and "triggers.sql:" in errors
    host.well("install")
    assert state(host.db) == by_hand


# --- a busy billing -----------------------------------------------------------

@contextmanager
def reader_of(db, table):
    """A transaction that has read a table, and stays open."""
    with db.connect("mikbill", autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {table}")
        yield
        link.rollback()


def waits(db, table):
    """Does a statement of ours wait for that table?"""
    return db.sql("SELECT COUNT(*) FROM information_schema.processlist"
                  " WHERE state LIKE '%metadata lock%' AND info LIKE"
                  f" '%{table}%'")[0][0]


def test_a_table_that_is_held_is_tried_for_a_while(host):
    host.well("install")
    host.db.sql("DROP TRIGGER mikbill.mbev_au_users")
    with reader_of(host.db, "users"):
        told = host.refused(75, "install", "--wait", "0")
        assert "triggers.sql:" in told and "Run it again" in told
        running = process.spawn(
            host.argv("install", "--yes"), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.wait_until(lambda: waits(host.db, "users"), 20, "wait")
    out, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    assert "mbev_au_users is as triggers.sql makes it" in out


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


# --- what it refuses ----------------------------------------------------------

def test_an_upgrade_needs_something_to_upgrade(host):
    assert "mbevctl install" in host.refused(65, "upgrade")


def test_of_several_billings_one_is_to_be_named(host):
    create_billing(host.db, "second", "modern")
    told = host.refused(65, "install")
    assert "--billing" in told and "mikbill second" in told
    assert traces(host) == []
    host.well("install", "--billing", "second")
    # From now on it is known.
    assert "billing:        second, modern" in host.well("install")
    told = host.refused(65, "install", "--billing", "mikbill")
    assert "serves second" in told
    host.well("uninstall")


def test_the_billing_is_that_of_config_xml(host):
    create_billing(host.db, "second", "legacy")
    file = host.folder / "config.xml"
    file.write_text("<config><parameters><mysql><dbname>second</dbname>"
                    "</mysql></parameters></config>")
    told = host.well("install", "--config-xml", str(file))
    assert "billing:        second" in told
    assert "[database] billing = second" in told
    host.well("uninstall")


def test_a_server_without_a_billing(host):
    host.db.sql("DROP DATABASE mikbill")
    assert "no MikBill billing" in host.refused(66, "install")
    assert "mysql is no MikBill billing" in host.refused(
        66, "install", "--billing", "mysql")


def test_a_trigger_that_only_has_our_name(host):
    host.db.sql("CREATE TRIGGER mbev_au_users AFTER UPDATE ON users"
                " FOR EACH ROW SET @a = 1", "mikbill")
    told = host.refused(65, "install")
    assert "mbev_au_users is not ours" in told
    assert [row for row in traces(host) if row != ("mbev_au_users",)] == []


def test_settings_of_the_server_are_looked_at_before(host, tmp_path):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    with MariaDB(["--log-bin=bin", "--binlog-format=STATEMENT"],
                 plugin_dir=plugins) as db:
        create_billing(db)
        other = Host(db, tmp_path)
        done = other.run("install", "--yes")
        assert done.returncode == 65
        assert "binlog_format = STATEMENT" in done.stdout
        assert traces(other) == []


def test_files_that_are_not_there(host):
    done = subprocess.run(
        [build_dir() / "mbevctl", "-c", host.config, "install", "--yes",
         "--sql", "/nowhere"], text=True, capture_output=True, check=False)
    assert done.returncode == 66
    assert "mikbill-events-server" in done.stderr
    host.library = host.folder / "none.so"
    assert "mikbill-events-server" in host.refused(65, "install")
    assert traces(host) == []


def test_tables_that_are_newer(host):
    host.well("install")
    host.db.sql("INSERT INTO mikbill_events.schema_version"
                " VALUES (99, UTC_TIMESTAMP())")
    assert "version 99" in host.refused(65, "upgrade")


def test_an_error_names_file_and_line(host):
    line = host.own_sql("grants.sql", "\n\nSELECT nonsense;\n")
    told = host.refused(69, "install")
    assert f"grants.sql:{line}: 1054 " in told
    assert "SELECT nonsense" in told


def read_all(terminal):
    """What was written to its other end, which is closed."""
    pieces = []
    with suppress(OSError), open(terminal, "rb", buffering=0) as end:
        while piece := end.read(4096):
            pieces.append(piece)
    return b"".join(pieces).decode()


def test_on_a_terminal_it_shows_how_far_it_is(host):
    """And of what takes long, for how long."""
    line = host.own_sql("grants.sql", "DO SLEEP(2.1);\n")
    terminal, end = os.openpty()
    done = subprocess.run(host.argv("install", "--yes"), stderr=end,
                          stdout=subprocess.PIPE, timeout=60, check=False)
    os.close(end)
    shown = read_all(terminal)
    assert done.returncode == 0
    assert re.search(rf"grants.sql: (\d+) of \1, line {line}, 1 s",
                     shown), shown
    assert "triggers.sql: 1 of " in shown


# --- accounts and passwords ---------------------------------------------------

def test_an_administrator_with_a_password(host):
    host.db.sql("GRANT ALL ON *.* TO dba@localhost IDENTIFIED BY 'sesam'"
                " WITH GRANT OPTION")
    wrong = host.folder / "wrong"
    wrong.write_text("falsch\n")
    told = host.refused(69, "install", "--user", "dba", "--password-file",
                        str(wrong))
    assert "--defaults-file" in told and "falsch" not in told
    file = host.folder / "password"
    file.write_text("sesam\n")
    host.well("install", "--user", "dba", "--password-file", str(file))
    options = host.folder / "my.cnf"
    options.write_text(f"[client]\nuser = dba\npassword = sesam\n"
                       f"socket = {host.db.socket}\n")
    assert "as dba@localhost" in host.well(
        "upgrade", "--defaults-file", str(options))
    done = host.run("install", "--yes", "--user", "dba")
    assert done.returncode == 64 and "--password-file" in done.stderr
    host.well("uninstall")


def test_by_tcp_it_only_looks_after_a_library(host):
    """It cannot know that the folder is one of this host."""
    host.db.sql("CREATE USER dba@'127.0.0.1' IDENTIFIED BY 'sesam';"
                "GRANT ALL ON *.* TO dba@'127.0.0.1' WITH GRANT OPTION")
    file = host.folder / "password"
    file.write_text("sesam")
    words = ["--host", "127.0.0.1", "--port", str(host.db.port), "--user",
             "dba", "--password-file", str(file)]
    try:
        told = host.refused(65, "install", *words)
        assert "no folder of this host" in told
        assert traces(host) == []
        lay(host, host.library)
        for name, kind in zip(FUNCTIONS, ("STRING", "INTEGER", "STRING")):
            host.db.sql(f"CREATE FUNCTION {name} RETURNS {kind}"
                        " SONAME 'mbev.so'")
        told = host.well("install", *words)
        assert "is laid there by hand" in told
        host.well("uninstall", *words)
        assert host.installed_library.exists()
    finally:
        host.db.sql("DROP USER dba@'127.0.0.1'")


def test_the_service_gets_its_password_and_nobody_sees_it(host):
    log = host.db.folder / "general.log"
    host.db.sql(f"SET GLOBAL general_log_file = '{log}';"
                "SET GLOBAL general_log = 1")
    try:
        told = host.well("install")
    finally:
        host.db.sql("SET GLOBAL general_log = 0")
    assert "password: done" in told
    assert PASSWORD not in log.read_text(errors="replace") + told
    host.db.connect(user="mbev_service", password=PASSWORD).close()


def test_a_password_that_was_set_stays(host):
    host.configure(database={"password": ""})
    assert "[database] password" in host.well("install")
    host.db.sql("SET PASSWORD FOR mbev_service@localhost = PASSWORD('own')")
    host.configure()
    assert "has another password" in host.well("install")
    host.db.connect(user="mbev_service", password="own").close()


# --- beside a service ---------------------------------------------------------

@pytest.fixture(name="announced")
def _announced(host, pilot):
    """The settings of a service that announces payments."""
    host.settings = with_settings(
        host.settings, smspilot={"url": pilot.url},
        service={"control": str(host.folder / "control"), "lease": "10 s"},
        payment={"sms": "yes", "text": "{login}", "ending": "-"})
    host.configure()
    host.db.sql("INSERT INTO users SET uid = 1001, user = 'a', gid = 1,"
                " sms_tel = '79001234567'", "mikbill")
    return host


def test_a_service_that_acts_finishes_before_all_is_taken_out(
        announced, pilot):
    """Two payments are announced although the triggers go at once."""
    announced.well("install")
    with Service(announced.settings) as service:
        service.wait_log("engine: acting")
        pilot.delay = 0.5
        announced.pay()
        announced.pay()
        told = announced.well("uninstall")
    assert "nothing of ours is left" in told
    assert len(pilot.requests) == 2
    assert traces(announced) == []


def test_what_is_held_back_keeps_our_database(announced):
    announced.well("install")
    with Service(announced.settings) as service:
        service.wait_log("engine: acting")
        subprocess.run([build_dir() / "mbevctl", "-c", announced.config,
                        "pause", "smspilot"], check=True, capture_output=True)
        announced.pay()
        told = announced.refused(65, "uninstall", "--wait", "1")
        assert "1 undone" in told and "--discard" in told
        announced.pay()
        announced.well("uninstall", "--discard")
    assert traces(announced) == []


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
