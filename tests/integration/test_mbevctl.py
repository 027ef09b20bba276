"""mbevctl as the operator sees it."""

import subprocess

from harness.product import build_dir
from harness.standin import Reply


def ctl(chain, *words):
    """Run mbevctl to its end."""
    return subprocess.run(
        [build_dir() / "mbevctl", "-c", chain.service.config, *words],
        text=True, capture_output=True, timeout=60, check=False)


def test_status_of_a_working_service(chain):
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("done")
    done = ctl(chain, "status")
    assert done.returncode == 0 and done.stderr == ""
    assert "mikbill (legacy)" in done.stdout
    assert "acting: " in done.stdout
    assert "0 waiting" in done.stdout
    assert "done" in done.stdout


def test_status_when_nothing_runs(chain):
    chain.db.sql("UPDATE owner SET lease_until_utc='2000-01-01'",
                 "mikbill_events")
    chain.pay()
    done = ctl(chain, "status")
    assert done.returncode == 69
    assert "NOT RUNNING" in done.stdout and "1 waiting" in done.stdout


def test_status_names_a_missing_library(chain):
    chain.start()
    chain.db.sql("DROP FUNCTION mbev_version")
    try:
        assert "MISSING" in ctl(chain, "status").stdout
    finally:
        chain.db.sql("CREATE FUNCTION mbev_version RETURNS STRING SONAME"
                     " 'mbev.so'")


def test_status_tells_what_a_provider_refuses(chain):
    chain.pilot.reply = lambda _request: Reply(
        body='{"error":{"code":"100","description":"no key given"}}')
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("ready")
    assert "1 wait, the last because smspilot refused it: 100 no key given" \
        in ctl(chain, "status").stdout


def test_queue_shows_what_failed_and_why(chain):
    chain.pilot.reply = lambda _request: Reply(body="<html>")
    chain.subscriber()
    chain.pay()
    assert chain.service.once() == 0
    done = ctl(chain, "queue")
    assert "doubtful" in done.stdout and "not JSON" in done.stdout
    assert ctl(chain, "queue", "dead").stdout == "nothing\n"


def test_queue_is_safe_for_a_terminal(chain):
    chain.subscriber(phone="a\x1b[31m")
    chain.pay()
    assert chain.service.once() == 0
    done = ctl(chain, "queue", "skipped")
    assert "\x1b" not in done.stdout and "\\x1b" in done.stdout


def test_a_wrong_word_gets_the_usage(chain):
    assert ctl(chain, "quue").returncode == 64
    assert ctl(chain, "queue", "lost").returncode == 64
    assert "status" in ctl(chain, "quue").stderr


def test_a_database_that_is_away_is_named(chain):
    chain.settings["database"]["socket"] = "/nonexistent/socket"
    chain.reconfigure(chain.settings)
    done = ctl(chain, "status")
    assert done.returncode == 69 and "/nonexistent/socket" in done.stderr
