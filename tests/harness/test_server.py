"""The private server behaves as the tests rely on."""

import os
import subprocess

import pytest

from harness.server import MariaDB, SanitizerReport


def test_it_is_set_like_the_vendors_servers(server):
    assert server.sql(
        "SELECT @@sql_mode, @@wait_timeout, @@innodb_lock_wait_timeout, "
        "@@log_bin, @@skip_name_resolve") == [("", 120, 300, 0, 1)]


def test_sql_runs_several_statements_and_gives_the_last_rows(server):
    assert server.sql("SELECT 1; SELECT 'два', 3") == [("два", 3)]


def test_client_reports_exit_code_output_and_errors(server):
    code, out, errors = server.client("SELECT 1 AS one; SELECT nothing")
    assert (code, out) == (1, "one\n1\n")
    assert "Unknown column 'nothing'" in errors


def test_data_outlives_restart_and_crash():
    with MariaDB() as db:
        db.sql("CREATE DATABASE kept; CREATE TABLE kept.t (a INT) "
               "ENGINE=InnoDB; INSERT INTO kept.t VALUES (1)")
        first = db.pid
        db.restart()
        assert db.pid != first
        db.sql("INSERT INTO kept.t VALUES (2)")
        db.kill()
        db.start()
        assert db.sql("SELECT a FROM kept.t ORDER BY a") == [(1,), (2,)]


def test_options_environment_and_port_reach_the_server():
    with MariaDB(options=["--wait-timeout=7"], env={"MARK": "x1"},
                 tcp=True) as db:
        with db.connect(unix_socket=None, host="127.0.0.1", port=db.port):
            assert db.sql("SELECT @@wait_timeout") == [(7,)]
        with open(f"/proc/{db.pid}/environ", encoding="utf-8") as file:
            environment = file.read().split("\0")
        assert "MARK=x1" in environment
        assert f"MBEV_DOORBELL={db.doorbell}" in environment


def test_stop_leaves_nothing_behind():
    db = MariaDB().start()
    pid = db.pid
    db.stop()
    assert not db.folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_stop_tells_of_a_sanitizer_report():
    db = MariaDB().start()
    (db.folder / "sanitizer.1").write_text("heap-use-after-free")
    with pytest.raises(SanitizerReport, match="heap-use-after-free"):
        db.stop()


def test_the_server_runs_with_the_address_sanitizer_preloaded():
    found = subprocess.run(["gcc", "-print-file-name=libasan.so"], text=True,
                           capture_output=True, check=True).stdout.strip()
    with MariaDB(preload=os.path.realpath(found)) as db:
        with open(f"/proc/{db.pid}/maps", encoding="utf-8") as maps:
            assert "libasan" in maps.read()
