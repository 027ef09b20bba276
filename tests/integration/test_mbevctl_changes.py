"""What the operator changes by hand: deliveries, and whole lanes."""

import json
import os
import pty
import subprocess

import pytest

from harness import standin
from harness.process import wait_until
from harness.product import build_dir
from harness.standin import Reply
from integration.test_channels import smspilot_refuses
from integration.test_mbevctl import ctl, event_id, fields, settings_of
from integration.test_mbevctl_receipts import receipts, shop

__all__ = ["shop"]

TEXT = "sub1001: 100.00 руб"
TRANSIENT = smspilot_refuses("110")


def acts(chain, columns="verb, was, words"):
    """What table audit says, in order."""
    return chain.db.sql(f"SELECT {columns} FROM audit ORDER BY id",
                        "mikbill_events")


def one(chain, reply=None):
    """A payment, and what came of its message while the provider answers
    so."""
    if reply:
        chain.pilot.reply = reply
    if not chain.rows("uid", "users"):
        chain.subscriber()
    chain.pay()
    assert chain.service.once() == 0
    number = event_id(chain)
    chain.pilot.reset()
    return str(number)


@pytest.fixture(name="dead")
def fixture_dead(chain):
    """A message that the provider refused for good."""
    number = one(chain, smspilot_refuses("233"))
    assert chain.states() == ["dead"]
    return number


@pytest.fixture(name="doubtful")
def fixture_doubtful(chain):
    """A message of which nobody knows whether it was sent."""
    number = one(chain, standin.garbage)
    assert chain.states() == ["doubtful"]
    return number


@pytest.fixture(name="waiting")
def fixture_waiting(chain):
    """A message that is to be tried again."""
    settings_of(chain, notice={"retry_first": "1 h", "retry_longest": "2 h",
                               "hold": "1 h"})
    number = one(chain, TRANSIENT)
    assert chain.states() == ["retry"]
    return number


def test_the_dead_are_tried_again(chain, dead):
    done = ctl(chain, "retry", dead, "--yes", "--reason", "number corrected")
    assert done.returncode == 0 and done.stderr == ""
    assert "1 are tried again" in done.stdout
    assert "tried again by the operator; before: " in ctl(
        chain, "show", dead).stdout
    assert chain.service.once() == 0
    assert chain.states() == ["done"]
    assert chain.sent() == [("79001234567", TEXT)]
    assert acts(chain) == [("retry", "dead", "number corrected")]
    told = ctl(chain, "show", dead).stdout
    assert "by hand, UTC" in told and "number corrected" in told


def test_without_a_terminal_or_yes_nothing_is_changed(chain, dead):
    done = ctl(chain, "retry", dead)
    assert done.returncode == 64 and "say --yes" in done.stderr
    done = ctl(chain, "retry", dead, "--dry-run")
    assert done.returncode == 0 and "dead" in done.stdout
    assert chain.states() == ["dead"] and acts(chain) == []


@pytest.mark.parametrize("answer, code, state", [
    ("n", 77, "dead"), ("y", 0, "ready"), ("", 77, "dead")])
def test_at_a_terminal_it_asks(chain, dead, answer, code, state):
    control, terminal = pty.openpty()
    with subprocess.Popen(
            [build_dir() / "mbevctl", "-c", chain.service.config, "retry",
             dead], stdin=terminal, stdout=subprocess.PIPE, text=True) as asked:
        os.write(control, (answer + "\n").encode())
        words = asked.stdout.read()
        assert asked.wait(30) == code
    os.close(control)
    os.close(terminal)
    assert "retry 1? [y/N]" in words
    assert chain.states() == [state]


def test_the_expired_get_one_hour(chain):
    number = one(chain, TRANSIENT)
    chain.db.sql("UPDATE delivery SET expires_utc = '2020-01-01',"
                 " due_utc = '2020-01-01'", "mikbill_events")
    assert chain.service.once() == 0
    assert chain.states() == ["expired"]
    assert ctl(chain, "retry", number, "--yes").returncode == 0
    assert chain.db.sql("SELECT expires_utc > UTC_TIMESTAMP() + INTERVAL 50"
                        " MINUTE FROM delivery", "mikbill_events") == [(1,)]
    assert chain.service.once() == 0
    assert chain.states() == ["done"]


def test_what_is_done_is_not_touched(chain):
    number = one(chain)
    assert chain.states() == ["done"]
    for verb in "retry", "drop", "hold", "release":
        done = ctl(chain, verb, number, "--yes")
        assert done.returncode == 65 and "is done" in done.stderr, verb
    done = ctl(chain, "resolve", "unsent", number, "--yes")
    assert done.returncode == 65
    assert chain.states() == ["done"] and acts(chain) == []


def test_what_is_being_sent_is_not_touched(chain):
    chain.pilot.reply = standin.stall
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("calling")
    done = ctl(chain, "drop", str(event_id(chain)), "--yes")
    assert done.returncode == 65 and "is calling" in done.stderr
    assert chain.states() == ["calling"]


def test_the_doubtful_is_settled_by_the_operator(chain, doubtful):
    done = ctl(chain, "retry", doubtful, "--yes")
    assert done.returncode == 65 and "see mbevctl help resolve" in done.stderr
    assert ctl(chain, "resolve", doubtful, "--yes").returncode == 64
    assert ctl(chain, "resolve", "sent", doubtful, "--yes").returncode == 0
    assert chain.service.once() == 0
    assert chain.states() == ["done"] and chain.pilot.requests == []
    assert acts(chain) == [("resolve", "doubtful", "sent")]


def test_what_was_not_sent_is_sent_again(chain, doubtful):
    assert ctl(chain, "resolve", "unsent", doubtful, "--yes").returncode == 0
    assert chain.service.once() == 0
    assert chain.states() == ["done"]
    assert chain.sent() == [("79001234567", TEXT)]


def test_what_is_dropped_is_never_sent(chain, waiting):
    assert ctl(chain, "drop", waiting, "--yes").returncode == 0
    assert ctl(chain, "flush").returncode == 0
    assert chain.service.once() == 0
    assert chain.states() == ["cancelled"] and chain.pilot.requests == []
    assert ctl(chain, "retry", waiting, "--yes").returncode == 0
    assert chain.service.once() == 0
    assert chain.states() == ["done"]


def test_what_is_held_waits_for_its_release(chain, waiting):
    assert ctl(chain, "hold", waiting, "--yes").returncode == 0
    assert ctl(chain, "flush").returncode == 0
    chain.start()
    assert "1 are held back by hand" in ctl(chain, "status").stdout
    assert "held back by the operator" in ctl(chain, "show", waiting).stdout
    assert chain.states() == ["held"] and chain.pilot.requests == []
    assert ctl(chain, "release", waiting, "--yes").returncode == 0
    chain.wait_states("done")
    assert len(chain.pilot.requests) == 1


def test_a_receipt_is_left_to_its_own_verb(chain, dead):
    chain.db.sql("UPDATE delivery SET action = 'receipt', lane = 'komtet'",
                 "mikbill_events")
    for verb in "retry", "drop":
        done = ctl(chain, verb, dead, "--yes")
        assert done.returncode == 65
        assert "see mbevctl help receipts" in done.stderr


def test_all_means_what_the_verb_is_for(chain, dead):
    number = one(chain)  # done
    done = ctl(chain, "retry", "all", "--yes")
    assert done.returncode == 0 and "1 are tried again" in done.stdout
    assert dead != number
    assert ctl(chain, "retry", "all", "state=done", "--yes").returncode == 65
    assert ctl(chain, "release", "all", "--yes").returncode == 66


@pytest.mark.parametrize("words, n", [
    (["state=dead"], 1), (["state=expired"], 0), (["lane=smspilot"], 1),
    (["lane=smsc"], 0), (["action=sms"], 1), (["action=social"], 0),
    (["error=233"], 1), (["error=1"], 0), (["error=permanent"], 1),
    (["older=1h"], 0), (["action=x' OR '1'='1"], 0)])
def test_a_choice_is_narrowed(chain, dead, words, n):
    assert dead
    done = ctl(chain, "retry", "all", *words, "--dry-run", "--json")
    assert done.returncode == (0 if n else 66), done.stderr
    assert len(json.loads(done.stdout)["deliveries"]) == n


@pytest.mark.parametrize("words", [
    [], ["x"], ["all", "x"], ["all", "state="], ["all", "state=lost"],
    ["all", "lane=x"], ["all", "older=1"], ["all", "older=h"], ["-1"],
    ["1", "--force"], ["1", "--reason"]])
def test_a_wrong_choice_gets_the_usage(chain, words):
    done = ctl(chain, "drop", *words)
    assert done.returncode == 64 and done.stdout == "", words
    assert "mbevctl" in done.stderr


def test_hundreds_are_changed_beside_a_running_service(chain):
    """Each is sent once, however often it was held and let go meanwhile."""
    chain.start().subscriber()
    ctl(chain, "pause", "smspilot")
    chain.service.wait_log("orders: smspilot is paused")
    for i in range(250):
        chain.pay(summa=100 + i)
    wait_until(lambda: len(chain.states()) == 250, 30, "deliveries")
    assert "250 are held" in ctl(chain, "hold", "all", "--yes").stdout
    assert ctl(chain, "resume", "smspilot").returncode == 0
    assert "250 are released" in ctl(chain, "release", "all", "--yes").stdout
    ctl(chain, "hold", "all", "--yes")
    ctl(chain, "release", "all", "--yes")
    chain.wait_settled(250)
    assert chain.states() == ["done"] * 250
    assert len({r.params["send"] for r in chain.pilot.requests}) == 250
    assert len(chain.pilot.requests) == 250


# --- lanes -------------------------------------------------------------------

def test_a_paused_lane_begins_nothing(chain):
    chain.start().subscriber()
    done = ctl(chain, "pause", "smspilot", "--reason", "money is out")
    assert done.returncode == 0
    chain.service.wait_log("orders: smspilot is paused")
    chain.pay()
    chain.wait_states("ready")
    told = ctl(chain, "status").stdout
    assert "PAUSED" in told and "smspilot: nothing is begun there" in told
    assert "money is out" in told
    chain.service.stop()
    chain.start()
    assert chain.states() == ["ready"] and chain.pilot.requests == []
    assert ctl(chain, "resume", "all").returncode == 0
    chain.wait_states("done")
    assert [act[0] for act in acts(chain)] == ["pause", "resume"]
    assert len(chain.pilot.requests) == 1


def test_a_pause_keeps_who_began_it(chain):
    ctl(chain, "pause", "all", "--reason", "first")
    ctl(chain, "pause", "smsc", "--reason", "second")
    assert chain.db.sql("SELECT COUNT(*), COUNT(DISTINCT reason) FROM pause",
                        "mikbill_events") == [(8, 1)]
    assert ctl(chain, "pause", "smspilot2").returncode == 64


def test_nothing_is_decided_while_that_is_paused(chain):
    settings_of(chain, api_payment={"sms": "yes"},
                billing={"api_settle": "100 ms", "api_wait": "100 ms"})
    assert ctl(chain, "pause", "decide").returncode == 0
    chain.start().subscriber()
    chain.pay(kind=62)
    chain.wait_states("ready")
    chain.db.sql("UPDATE delivery SET due_utc = '2020-01-01'",
                 "mikbill_events")
    chain.pay()
    chain.wait_states("ready", "done")
    assert ctl(chain, "resume", "decide").returncode == 0
    wait_until(lambda: chain.states()[0] != "ready", 15, "decision")


def test_a_flush_tries_at_once_what_waits(chain, waiting):
    """Also the provider that is held."""
    assert waiting
    chain.start()
    chain.pilot.reply = TRANSIENT
    for _ in range(6):
        chain.pay()
    chain.service.wait_log("smspilot is held")
    wait_until(lambda: len(chain.states()) == 7 and
               set(chain.states()) <= {"retry", "ready"}, 15, "end of calls")
    chain.pilot.reset()
    assert ctl(chain, "flush").returncode == 0
    chain.wait_states(*["done"] * 7)
    assert acts(chain) == [("flush", None, "all")]


# --- who and how -------------------------------------------------------------

def test_who_did_it_is_kept_and_safe(chain, dead):
    reason = "it's \"so\"; DROP TABLE delivery\x1b[31m"
    done = subprocess.run(
        [build_dir() / "mbevctl", "-c", chain.service.config, "drop", dead,
         "--yes", "--reason", reason], env={"SUDO_USER": "o'neil"},
        capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    ((who, words),) = acts(chain, "who, words")
    assert words == reason
    assert who.startswith("o'neil (as root)@") or os.getuid() != 0
    told = ctl(chain, "audit").stdout
    assert "\x1b" not in told and "\\x1b[31m" in told and "drop" in told


def test_a_reader_may_look_and_not_touch(chain, dead):
    chain.db.sql("SET PASSWORD FOR mbev_reader@localhost = PASSWORD('r')")
    settings_of(chain, database={"user": "mbev_reader", "password": "r"})
    done = ctl(chain, "retry", dead, "--yes")
    assert done.returncode == 69 and "denied" in done.stderr
    assert chain.states() == ["dead"]
    assert ctl(chain, "pause", "smsc").returncode == 69
    assert ctl(chain, "audit").returncode == 0
    assert fields(ctl(chain, "show", dead).stdout)["state"].startswith("dead")


# --- what may have been sent -------------------------------------------------

def asked(chain, smsc):
    """A message of which SMSC is to be asked, a minute after its reply was
    lost."""
    settings_of(chain, smsc={"url": smsc.url, "ask_after": "1 h"},
                payment={"channels": "smsc"})
    smsc.reply = standin.garbage
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("retry")
    smsc.reset()
    return chain.deliveries("ask, due_utc")


@pytest.mark.parametrize("verbs", [["retry"], ["hold", "release"], ["flush"]])
def test_smsc_is_not_asked_before_its_time(chain, smsc, verbs):
    before = asked(chain, smsc)
    assert before[0][0] == 1
    for verb in verbs:
        words = [] if verb == "flush" else ["all", "state=retry,held", "--yes"]
        assert ctl(chain, verb, *words).returncode == 0
    chain.credit(1002)  # something to look for
    wait_until(lambda: chain.db.sql("SELECT COUNT(*) FROM outbox",
                                    "mikbill_events") == [(0,)], 10, "look")
    assert chain.deliveries("ask, due_utc", "action = 'sms'")[0] == before[0]
    assert smsc.requests == []


def test_what_was_dropped_in_doubt_is_not_sent_again(chain, doubtful):
    assert ctl(chain, "drop", "all", "--yes").returncode == 66
    assert ctl(chain, "drop", "all", "state=doubtful", "--yes").returncode == 0
    for words in (["uid:1001"], ["uid:1001", "state=cancelled"], [doubtful]):
        done = ctl(chain, "retry", *words, "--yes")
        assert done.returncode in (65, 66), words
    assert "nobody knows whether it was sent" in done.stderr
    assert chain.states() == ["cancelled"]
    assert ctl(chain, "resolve", "unsent", doubtful, "--yes").returncode == 0
    assert chain.service.once() == 0
    assert chain.states() == ["done"] and len(chain.pilot.requests) == 1


def test_of_a_subscriber_only_what_failed_is_tried_again(chain, waiting):
    ctl(chain, "drop", waiting, "--yes")
    done = ctl(chain, "retry", "uid:1001", "--yes")
    assert done.returncode == 66 and chain.states() == ["cancelled"]
    assert ctl(chain, "retry", waiting, "--yes").returncode == 0


def test_a_holder_of_before_does_not_undo_what_was_resolved(chain, doubtful):
    """An attempt that ended is none that its server may have forgotten."""
    chain.db.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    try:
        chain.db.sql("UPDATE delivery SET epoch = 0; UPDATE owner SET"
                     " inherited_utc = UTC_TIMESTAMP() + INTERVAL 1 MINUTE,"
                     " inherited_epoch = epoch", "mikbill_events")
        done = ctl(chain, "resolve", "unsent", doubtful, "--yes")
        assert done.returncode == 0
        assert chain.service.once() == 0
    finally:
        chain.db.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
        chain.db.sql("UPDATE owner SET inherited_utc = '2000-01-01',"
                     " inherited_epoch = 0", "mikbill_events")
    assert chain.states() == ["done"]


def test_what_was_decided_meanwhile_is_left_alone(shop, till):
    """A receipt that got its number while the operator thought about it."""
    for lane in "komtet", "decide":
        ctl(shop, "pause", lane)
    shop.start()
    shop.service.wait_log("orders: komtet is paused")
    shop.pay()
    shop.wait_states("ready")
    control, terminal = pty.openpty()
    with subprocess.Popen(
            [build_dir() / "mbevctl", "-c", shop.service.config, "drop",
             "all"], stdin=terminal, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True) as drop:
        while "receipt" not in drop.stdout.readline():
            pass
        ctl(shop, "resume", "decide")
        wait_until(lambda: receipts(shop) == [("new",)], 15, "number")
        os.write(control, b"y\n")
        _, told = drop.communicate(timeout=30)
    os.close(control)
    os.close(terminal)
    assert drop.returncode == 65 and "was changed meanwhile" in told
    ctl(shop, "resume", "all")
    shop.wait_states("done")
    assert len(till.receipts) == 1


# --- other channels ----------------------------------------------------------

def test_nothing_goes_into_a_lane_that_is_paused(chain, smsc):
    settings_of(chain, smsc={"url": smsc.url}, notice={"hold": "1 s"},
                payment={"channels": "smspilot,smsc"})
    ctl(chain, "pause", "smsc")
    chain.pilot.reply = smspilot_refuses("101")
    chain.start().subscriber()
    chain.service.wait_log("orders: smsc is paused")
    for _ in range(3):
        chain.pay()
    chain.service.wait_log("smspilot is held")
    chain.wait_states("ready", "ready", "ready")
    chain.pilot.reset()
    chain.wait_states("done", "done", "done")
    assert smsc.requests == [] and len(chain.pilot.requests) == 3


def test_what_may_go_another_way_does_while_its_lane_is_paused(chain, smsc):
    settings_of(chain, smsc={"url": smsc.url},
                payment={"channels": "smspilot,smsc"})
    ctl(chain, "pause", "smspilot")
    chain.start().subscriber()
    chain.service.wait_log("orders: smspilot is paused")
    chain.pay()
    chain.wait_states("done")
    assert chain.pilot.requests == [] and len(smsc.requests) == 1


# --- who may speak -----------------------------------------------------------

@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another one")
def test_a_stranger_only_rings(chain):
    """Any account may ring the doorbell; the operator's words are root's."""
    settings_of(chain, notice={"hold": "1 h"})
    chain.pilot.reply = smspilot_refuses("101")
    chain.start().subscriber()
    chain.pay()
    chain.service.wait_log("smspilot is held")
    bell = chain.settings["service"]["doorbell"]
    os.chmod(os.path.dirname(bell), 0o755)
    before = len(chain.pilot.requests)
    subprocess.run(["python3", "-c", f"""
import os, socket
os.setgroups([]); os.setgid(65534); os.setuid(65534)
bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for word in (b'f', b'fsmspilot', b'o'):
    bell.sendto(word, {str(bell)!r})
"""], check=True)
    chain.subscriber(uid=1002, phone="79001234568")
    chain.pay(uid=1002)
    chain.wait_states("ready", "ready")
    assert len(chain.pilot.requests) == before
    chain.pilot.reset()
    assert ctl(chain, "flush", "smsc").returncode == 0
    assert ctl(chain, "flush", "smspilot").returncode == 0
    chain.wait_states("done", "done")
