"""What the operator sees: as JSON, in colour, live, completed by the shell."""

import contextlib
import json
import os
import pty
import signal
import subprocess

import pytest

from harness import standin
from harness.process import wait_until
from harness.product import build_dir
from integration.test_channels import smspilot_refuses
from integration.test_mbevctl import ctl, event_id, settings_of


def as_json(chain, *words):
    """The answer of a verb, for programs."""
    done = ctl(chain, *words, "--json")
    assert done.stderr == "" and done.returncode == 0, done
    return json.loads(done.stdout)


@pytest.fixture(name="busy")
def fixture_busy(chain):
    """One message sent, one refused, one of which nobody knows."""
    chain.subscriber()
    for reply in None, smspilot_refuses("233"), standin.garbage:
        chain.pilot.reset()
        if reply:
            chain.pilot.reply = reply
        chain.pay()
        assert chain.service.once() == 0
    chain.pilot.reset()
    assert chain.states() == ["done", "dead", "doubtful"]
    return chain


VERBS = [["queue"], ["queue", "dead"], ["show", "uid:1001"],
         ["show", "sub1001"], ["lag"], ["gaps"], ["audit"], ["routers"],
         ["receipts"], ["receipts", "2026-11-25"], ["test"], ["config"],
         ["replay", "--from", "2020-01-01", "--to", "2020-01-02"]]


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_answer_is_one_object_for_programs(busy, words):
    assert isinstance(as_json(busy, *words), dict)
    text = ctl(busy, *words)
    assert text.returncode == 0 and "{" not in text.stdout[:1]


def test_status_for_programs(busy):
    busy.start()
    wait_until(lambda: ctl(busy, "status").returncode == 0, 15, "service")
    got = as_json(busy, "status")
    assert got["acting"] is True and got["outbox_rows"] == 0
    assert got["service"].startswith("acting: ")
    assert "1 were refused for good" in got["dead"]
    assert "1 may have been sent or not" in got["doubtful"]
    lanes = {lane["lane"]: lane for lane in got["lanes"]}
    assert list(lanes) == ["decide", "smspilot", "smsc", "komtet", "routers",
                           "exec", "webhook", "kafka"]
    assert lanes["smspilot"]["dead"] == lanes["smspilot"]["doubtful"] == 1
    assert lanes["smspilot"]["waiting"] == 0
    assert lanes["smspilot"]["state"] is None


def test_status_for_programs_when_nothing_acts(busy):
    done = ctl(busy, "--json", "status")
    assert done.returncode == 69
    assert json.loads(done.stdout)["acting"] is False


def test_the_story_for_programs(busy):
    got = as_json(busy, "show", str(event_id(busy)))
    assert got["kind"] == "payment" and got["subscriber"] == "1001"
    assert got["body"]["uid"] == "1001" and got["body"]["summa"] == "100.000000"
    (delivery,) = got["deliveries"]
    assert delivery["state"].startswith("doubtful: ")
    assert delivery["to"] == "79001234567"
    (row,) = [e for e in as_json(busy, "show", "uid:1001")["events"]
              if e["state"] == "doubtful"]
    assert row["event"] == event_id(busy)


def test_bytes_that_are_no_text_are_safe_for_programs(chain):
    chain.subscriber(phone="a\x1b[31m\"<b>")
    chain.pay()
    assert chain.service.once() == 0
    (row,) = as_json(chain, "queue", "skipped")["deliveries"]
    assert row["reason"] and row["delivery"] > 0


# --- by login ----------------------------------------------------------------

@pytest.mark.parametrize("login", ["сидоров", "x' OR '1'='1", "a\\b",
                                   "uid:7", "17"])
@pytest.mark.parametrize("table", ["users", "usersfreeze", "usersblok"])
def test_a_subscriber_is_found_by_login(chain, login, table):
    chain.subscriber(uid=77, table=table)
    with chain.db.connect(database="mikbill") as db, db.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET user = %s WHERE uid = 77",
                       [login])
        db.commit()
    chain.pay(uid=77)
    assert chain.service.once() == 0
    done = ctl(chain, "show", "login:" + login)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("subscriber 77\n")
    assert ctl(chain, "show", "login:nobody").returncode == 66


# --- colour ------------------------------------------------------------------

def on_a_terminal(chain, *words, **env):
    """What a terminal gets."""
    control, terminal = pty.openpty()
    with subprocess.Popen(
            [build_dir() / "mbevctl", "-c", chain.service.config, *words],
            stdout=terminal, stderr=subprocess.DEVNULL,
            env={"TERM": "xterm", **env}) as done:
        os.close(terminal)
        text = b""
        try:
            while more := os.read(control, 65536):
                text += more
        except OSError:  # the other side is closed
            pass
        os.close(control)
        done.wait(30)
    return text.decode()


def test_colour_is_for_terminals_only(busy):
    assert "\x1b[31mdead\x1b[0m" in on_a_terminal(busy, "queue")
    assert "\x1b" not in on_a_terminal(busy, "queue", NO_COLOR="1")
    assert "\x1b" not in on_a_terminal(busy, "queue", TERM="dumb")
    assert "\x1b" not in on_a_terminal(busy, "queue", "--json")
    assert "\x1b" not in ctl(busy, "queue").stdout


def test_status_tells_which_provider_is_held(chain):
    """Only the running service knows."""
    settings_of(chain, notice={"hold": "1 h"},
                service={"control": f"{chain.db.folder}/control"})
    chain.pilot.reply = smspilot_refuses("100", "no key given")
    chain.start().subscriber()
    chain.pay()
    chain.service.wait_log("smspilot is held")
    held = {lane["lane"]: lane["state"]
            for lane in as_json(chain, "status")["lanes"]}
    assert held["smspilot"].startswith("held for 3")
    assert held["smsc"] is None
    chain.service.stop()
    assert " held for " not in ctl(chain, "status").stdout


# --- live --------------------------------------------------------------------

@contextlib.contextmanager
def live(chain, *words):
    """A verb that goes on until it is interrupted."""
    with subprocess.Popen(
            [build_dir() / "mbevctl", "-c", chain.service.config, *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as one:
        try:
            yield one
        finally:
            one.kill()


def end_of(one):
    """What it said, once Ctrl-C was pressed; it ends well."""
    one.send_signal(signal.SIGINT)
    told, _ = one.communicate(timeout=30)
    assert one.returncode == 0
    return told


def test_trace_tells_what_happens(chain):
    chain.start().subscriber()
    chain.subscriber(uid=1002)
    with live(chain, "trace", "uid:1001", "--json") as trace:
        assert "from event 1 on" in trace.stderr.readline()
        chain.pay(uid=1002)
        chain.pay(summa=500)
        chain.wait_states("done", "done")
        told = [json.loads(line) for line in end_of(trace).splitlines()]
    assert [t["uid"] for t in told if "uid" in t] == [1001]
    assert (told[-1]["state"], told[-1]["to"]) == ("done", "79001234567")


def test_trace_follows_what_changes(chain):
    chain.subscriber()
    ctl(chain, "pause", "smspilot")
    chain.start()
    with live(chain, "trace") as trace:
        assert "Ctrl-C ends it" in trace.stderr.readline()
        chain.pay()
        while " sms ready " not in trace.stdout.readline():
            pass
        ctl(chain, "resume", "all")
        chain.wait_states("done")
        assert " sms done by smspilot to 79001234567" in end_of(trace)


def test_top_refreshes_until_it_is_interrupted(chain):
    chain.start()
    with live(chain, "top", "1") as top:
        for _ in range(2):
            while "smspilot" not in top.stdout.readline():
                assert top.poll() is None
        end_of(top)
    assert ctl(chain, "top", "0").returncode == 64


def test_lag_counts_what_was_done(busy):
    lags = {lag["what"]: lag for lag in as_json(busy, "lag")["lags"]}
    assert lags["captured to taken over"]["of"] == 3
    sent = lags["captured to SMS accepted"]
    assert sent["of"] == 1
    assert sent["median_ms"] <= sent["longest_ms"] < 60000


# --- settings ----------------------------------------------------------------

def test_config_shows_what_holds_and_no_secret(chain):
    settings_of(chain, smspilot={"api_key": "TOPSECRET"},
                database={"password": "ALSOSECRET"},
                payment={"ending": "one"})
    told = ctl(chain, "config").stdout
    assert "SECRET" not in told
    assert "api_key = (set, not shown)" in told
    assert "retry_first = 200 ms" in told and "batch = " in told
    got = as_json(chain, "config", "payment")["payment"]
    assert got["sms"] == "yes" and got["ending"] == ["one"]
    assert ctl(chain, "config", "nosuch").returncode == 64


def test_what_config_shows_is_a_configuration(chain, tmp_path):
    """But for the secrets, it means what was read."""
    told = ctl(chain, "config").stdout
    again = tmp_path / "again.ini"
    again.write_text(told.replace("(set, not shown)", "another"),
                     encoding="utf-8")
    again.chmod(0o600)
    done = subprocess.run([build_dir() / "mbevctl", "-c", again, "config"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == told


# --- trying a provider -------------------------------------------------------

def test_a_message_is_tried_on_request(chain, smsc):
    settings_of(chain, smsc={"url": smsc.url, "login": "we",
                             "password": "TOPSECRET"})
    for way, to in ("sms", chain.pilot), ("smsc", smsc):
        dry = ctl(chain, "test", way, "8 900 123-45-67", "Тест", "--dry-run")
        assert dry.returncode == 0 and to.requests == []
        assert "79001234567" in dry.stdout and "Тест" in dry.stdout
        assert "(set, not shown)" in dry.stdout
        assert "TOPSECRET" not in dry.stdout
        assert chain.settings["smspilot"]["api_key"] not in dry.stdout
        assert ctl(chain, "test", way, "79001234567").returncode == 64
        assert to.requests == []
        done = ctl(chain, "test", way, "79001234567", "Тест", "--yes")
        assert done.returncode == 0, done
        assert "accepted" in done.stdout and len(to.requests) == 1
    assert chain.sent() == [("79001234567", "Тест")]
    chain.pilot.reply = smspilot_refuses("106", "Не тот ключ")
    done = ctl(chain, "test", "sms", "79001234567", "--yes")
    assert done.returncode == 1 and "Не тот ключ" in done.stdout
    for words in (["sms", "12"], ["sms", "79001234567,79001234568"],
                  ["x", "79001234567"]):
        assert ctl(chain, "test", *words).returncode == 64, words


def test_komtet_is_asked_without_a_receipt(chain, till):
    settings_of(chain, komtet={"url": till.url, "shop": till.shop,
                               "secret": till.secret, "queue": till.queue})
    done = ctl(chain, "test", "receipt")
    assert done.returncode == 0, done
    assert "open: the tills take receipts" in done.stdout
    assert till.receipts == [] and till.secret not in done.stdout
    settings_of(chain, komtet={"secret": "wrong"})
    done = ctl(chain, "test", "receipt")
    assert done.returncode == 1 and "configuration" in done.stdout


# --- the shell ---------------------------------------------------------------

def completed(*words):
    """What bash offers for the last word."""
    script = (f"source <({build_dir()}/mbevctl completion);"
              'COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); COMPREPLY=();'
              "compopt() { :; }; _mbevctl; printf '%s\\n' \"${COMPREPLY[@]}\"")
    return subprocess.run(["bash", "-euc", script, "bash", *words],
                          capture_output=True, text=True,
                          check=True).stdout.split()


def test_the_shell_completes_verbs_and_their_words():
    assert {"status", "retry", "receipts"} <= set(completed("mbevctl", ""))
    assert completed("mbevctl", "sta") == ["status"]
    assert completed("mbevctl", "-c", "x", "rel") == ["release"]
    assert completed("mbevctl", "queue", "dou") == ["doubtful"]
    assert completed("mbevctl", "pause", "sms") == ["smspilot", "smsc"]
    assert completed("mbevctl", "retry", "sta") == ["state="]
    assert "--yes" in completed("mbevctl", "drop", "all", "--")
    assert completed("mbevctl", "help", "lag") == ["lag"]


def test_every_verb_has_its_help(chain):
    for verb in completed("mbevctl", ""):
        if verb.startswith("-"):
            continue
        told = ctl(chain, "help", verb)
        assert told.returncode == 0
        assert told.stdout.startswith(f"usage: mbevctl {verb}")
        assert ctl(chain, verb, "--help").stdout == told.stdout
        assert max(map(len, told.stdout.splitlines())) <= 80, verb
    assert max(map(len, ctl(chain, "help").stdout.splitlines())) <= 80
