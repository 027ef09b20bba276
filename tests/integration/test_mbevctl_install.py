"""mbevctl install and uninstall: what they leave is what the SQL files leave,
whatever was in the way, and the billing never fails meanwhile."""

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from harness import process
from harness.billing import create_billing
from harness.product import SERVICE_PASSWORD, Service, install, uninstall
from harness.server import MariaDB, build_dir
from integration.host import (FUNCTIONS, Host, announce, clean, lay, make_host,
                              make_machine, reader_of, state, traces, waits)


@pytest.fixture(scope="module", name="machine")
def _machine(tmp_path_factory):
    """The server of the module."""
    yield from make_machine(tmp_path_factory.mktemp("plugins"))


@pytest.fixture(name="host")
def _host(machine, tmp_path):
    """A host with a legacy billing and nothing of ours."""
    return make_host(machine, tmp_path)


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
    host.db.connect(user="mbev_service", password=SERVICE_PASSWORD).close()


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
    assert "missing" in done.stdout and "triggers.sql: " in done.stdout
    assert traces(host) == []
    host.well("install")
    host.pay()
    done = host.run("uninstall", "--dry-run")
    assert "not done yet:   1" in done.stdout
    assert len(traces(host)) >= 12
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
        died, at = died + 1, at + 11
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

@pytest.mark.parametrize("table, trigger", [
    ("users", "mbev_au_users"), ("usersblok", "mbev_ai_usersblok")])
def test_a_table_that_is_held_is_tried_for_a_while(host, table, trigger):
    host.well("install")
    host.db.sql(f"DROP TRIGGER mikbill.{trigger}")
    with reader_of(host.db, table):
        told = host.refused(75, "install", "--wait", "0")
        assert "triggers.sql:" in told and "Run it again" in told
        running = process.spawn(
            host.argv("install", "--yes"), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.wait_until(lambda: waits(host.db, table), 20, "wait")
    out, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    assert f"{trigger} is as triggers.sql makes it" in out


@pytest.mark.mariadb("no other limits a statement in time")
def test_under_a_lock_nothing_is_waited_for(host):
    """The table is free again at once, however patient it may be."""
    host.own_sql("grants.sql", "LOCK TABLES users WRITE; SET STATEMENT"
                 " max_statement_time = 0.1 FOR"
                 " SELECT SLEEP(5);\n")
    assert "grants.sql:" in host.refused(75, "install", "--wait", "600")
    host.db.sql("SET STATEMENT lock_wait_timeout = 1 FOR"
                " DELETE FROM users", "mikbill")


# --- what it refuses ----------------------------------------------------------

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
    assert SERVICE_PASSWORD not in log.read_text(errors="replace") + told
    host.db.connect(user="mbev_service", password=SERVICE_PASSWORD).close()


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
    """A host whose service announces payments."""
    return announce(host, pilot)


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
