"""mbevctl as the operator sees it."""

import subprocess
from datetime import datetime, timedelta, timezone

from harness.product import build_dir, with_settings
from harness.standin import Reply


def ctl(chain, *words):
    """Run mbevctl to its end."""
    return subprocess.run(
        [build_dir() / "mbevctl", "-c", chain.service.config, *words],
        text=True, capture_output=True, timeout=60, check=False)


def fields(text):
    """The "name: value" lines of an answer; of a repeated name the last."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def settings_of(chain, **sections):
    """Other keys in some sections, for what is started from now on."""
    chain.reconfigure(with_settings(chain.settings, **sections))


def capture(chain, kind, body):
    """A row of the outbox that no trigger wrote, taken over."""
    body = body.replace("\\", "\\\\")
    chain.db.sql("INSERT INTO outbox SET captured_utc=UTC_TIMESTAMP(3),"
                 f" kind='{kind}', body='{body}'", "mikbill_events")
    assert chain.service.once() == 0


def event_id(chain):
    """Number of the newest event."""
    return chain.db.sql("SELECT MAX(id) FROM event", "mikbill_events")[0][0]


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
    assert "mbevctl help lists them" in ctl(chain, "quue").stderr


def test_a_database_that_is_away_is_named(chain):
    chain.settings["database"]["socket"] = "/nonexistent/socket"
    chain.reconfigure(chain.settings)
    done = ctl(chain, "status")
    assert done.returncode == 69 and "/nonexistent/socket" in done.stderr


def test_status_counts_what_is_not_decided_yet(chain):
    settings_of(chain, api_payment={"sms": "yes"})
    chain.subscriber()
    chain.pay(kind=62)
    assert chain.service.once() == 0
    assert "1 wait to be decided, 0 of them due" in ctl(chain, "status").stdout
    assert " decide " in ctl(chain, "queue").stdout
    answer = ctl(chain, "show", str(event_id(chain)))
    assert fields(answer.stdout)["state"].startswith("ready: not decided yet")


def test_status_counts_what_waits_for_the_end_of_quiet_hours(chain):
    now = datetime.now(timezone.utc)
    quiet = "-".join(f"{now + timedelta(hours=h):%H:%M}" for h in (-1, 2))
    settings_of(chain, notice={"time_zone": "+00:00"},
                payment={"quiet": quiet})
    chain.subscriber()
    chain.pay()
    assert chain.service.once() == 0
    assert "1 wait for the end of quiet hours" in ctl(chain, "status").stdout


def test_who_only_reads_needs_no_key_of_a_provider(chain):
    chain.db.sql("SET PASSWORD FOR 'mbev_reader'@'localhost'"
                 " = PASSWORD('reader-secret')")
    settings_of(chain, smspilot={"api_key": ""}, database={
        "user": "mbev_reader", "password": "reader-secret"})
    chain.db.sql("UPDATE owner SET lease_until_utc='2000-01-01'",
                 "mikbill_events")
    done = ctl(chain, "status")
    assert done.returncode == 69 and "NOT RUNNING" in done.stdout
    assert ctl(chain, "queue").stdout == "nothing\n"
    assert ctl(chain, "show", "uid:1").returncode == 66
    done = ctl(chain, "test")
    assert done.returncode == 78 and "[smspilot] api_key" in done.stderr


def test_show_tells_all_about_an_event(chain):
    chain.subscriber()
    chain.pay(summa=150)
    assert chain.service.once() == 0
    done = ctl(chain, "show", str(event_id(chain)))
    assert done.returncode == 0 and done.stderr == ""
    got = fields(done.stdout)
    assert got["kind"] == "payment" and got["subscriber"] == "1001"
    assert got["captured"].endswith(" UTC")
    assert got["ingested"].endswith(" UTC")
    assert "problem" not in got and "ask" not in got and "planned" not in got
    assert got["table"] == "bugh_plategi_stat" and got["kopecks"] == "15000"
    assert got["summa"] == "150.000000"
    assert got["state"] == "done: the provider has accepted it"
    assert got["action"] == "sms" and got["to"] == "79001234567"
    assert got["text"] == "sub1001: 150.00 руб"
    assert got["attempts"] == "1" and got["provider"] == "smspilot"
    assert got["its number"] and got["changed"].endswith(" UTC")


def test_show_finds_the_event_of_a_delivery(chain):
    chain.subscriber(phone="79001234567, 79001234568")
    chain.pay()
    assert chain.service.once() == 0
    (first,), (second,) = chain.deliveries("id")
    done = ctl(chain, "show", f"delivery:{first}")
    assert done.stdout.startswith("event:") and done.returncode == 0
    assert f"delivery:       {first}\n" in done.stdout
    assert f"delivery:       {second}\n" in done.stdout
    assert "79001234567" in done.stdout and "79001234568" in done.stdout


def test_show_tells_why_it_failed_and_what_comes_next(chain):
    chain.pilot.reply = lambda _request: Reply(body="<html>")
    chain.subscriber()
    chain.pay()
    assert chain.service.once() == 0
    chain.db.sql("UPDATE delivery SET ask=1, plan_utc='2030-01-02 03:04:05'",
                 "mikbill_events")
    got = fields(ctl(chain, "show", str(event_id(chain))).stdout)
    assert got["state"].startswith("doubtful: nobody knows")
    assert "not JSON" in got["reason"]
    assert got["error"].startswith("unknown")
    assert got["planned"].startswith("2030-01-02 03:04:05.000 UTC")
    assert got["ask"].startswith("yes")


def test_show_tells_what_was_not_understood(chain):
    capture(chain, "payment", r'{"uid":1001,"\u001b[1m":"\u001b[31m\n"}')
    got = fields(ctl(chain, "show", str(event_id(chain))).stdout)
    assert got["problem"] == "the body has no id"
    assert got[r"\x1b[1m"] == r"\x1b[31m\x0a"
    assert got["no delivery"].startswith("nothing was switched on")


def test_show_prints_a_body_that_is_no_json_as_it_is(chain):
    capture(chain, "payment", "\x1b[31m{")
    got = fields(ctl(chain, "show", str(event_id(chain))).stdout)
    assert got["body"] == r"\x1b[31m{" and got["subscriber"] == "none is named"


def test_show_lists_the_latest_events_of_a_subscriber(chain):
    chain.subscriber()
    for summa in range(1, 23):
        chain.pay(summa=summa)
    assert chain.service.once() == 0
    done = ctl(chain, "show", "uid:1001")
    heads, *rows, foot = done.stdout.splitlines()
    assert done.returncode == 0 and heads.startswith("event")
    assert len(rows) == 20 and rows[0].split()[0] == str(event_id(chain))
    assert "done" in rows[0] and "below the minimum" in rows[-1]
    assert "20 newest" in foot


def test_show_of_nothing_ends_with_66(chain):
    for word in "999999999", "delivery:999999999", "uid:999999999":
        done = ctl(chain, "show", word)
        assert done.returncode == 66 and done.stdout == ""
        assert "999999999" in done.stderr


def test_show_of_nonsense_ends_with_64(chain):
    for words in ([], ["1", "2"], ["-1"], ["--yes", "1"]):
        assert ctl(chain, "show", *words).returncode == 64, words
    for words in (["x"], ["1x"], ["uid:"], ["uid: 1"], ["login:"],
                  ["99999999999999999999"], ["delivery:1;"], ["x" * 300]):
        assert ctl(chain, "show", *words).returncode == 66, words


def test_test_shows_every_notice_without_a_database(chain):
    settings_of(chain, database={"socket": "/nonexistent/socket"})
    done = ctl(chain, "test")
    assert done.returncode == 0 and done.stderr == ""
    assert f"{chain.service.config}: good" in done.stdout
    for section in "payment", "api_refund", "tariff_by_staff":
        assert f"\n[{section}]\n" in done.stdout


def test_test_of_one_section(chain):
    settings_of(chain, smsc={"api_key": "K"}, notice={"time_zone": "+05:00"},
                payment={"channels": "smspilot,smsc", "social": "yes",
                         "social_text": "vk {amount}", "quiet": "23:00-10:00"})
    done = ctl(chain, "test", "payment")
    got = fields(done.stdout)
    assert "[refund]" not in done.stdout
    assert got["sms"] == "on, by smspilot,smsc"
    assert got["social"] == "on, by social"
    assert got["quiet hours"] == "23:00-10:00 +05:00, kept until then"
    assert got["text"] == "abonent1: 1500.00 руб"
    assert "21 characters, UCS-2, 1 SMS" in done.stdout
    assert got["social text"] == "vk 1500.00"
    assert got["size"] == "10 characters"


def test_test_shows_what_the_endings_cost(chain):
    settings_of(chain, payment={
        "text": "{amount} {ending}",
        "ending": ["y" * 140, "Ж" * 200, "x" * 200]})
    done = ctl(chain, "test", "payment")
    got = fields(done.stdout)
    assert got["shortest"] == "1500.00 " + "y" * 140
    assert got["longest"] == "1500.00 " + "Ж" * 200
    assert "148 characters, GSM-7, 1 SMS" in done.stdout
    assert "208 characters, UCS-2, 4 SMS" in done.stdout
    assert got["HINT"].startswith("each message is paid as 4 SMS")


def test_test_of_an_unknown_section_names_those_that_are(chain):
    done = ctl(chain, "test", "smspilot")
    assert done.returncode == 64 and "tariff_by_staff" in done.stderr


def test_test_of_a_wrong_configuration(chain):
    settings_of(chain, payment={"text": "{amuont}"})
    done = ctl(chain, "test")
    assert done.returncode == 78 and "{amuont}" in done.stderr
    assert done.stdout == ""
