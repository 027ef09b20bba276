"""A dry run: everything is decided and written down, and nothing is done."""

import json

import pytest

from harness.process import wait_until
from harness.routeros import RouterOS
from integration.conftest import make_chain
from integration.sessions import nas, ports, resets
from integration.shop import Shop
from integration.test_mbevctl import ctl
from integration.test_reload import reload

TEXT = "sub1001: 2000.00 руб"


@pytest.fixture
def dry(installed, pilot, till):
    """A chain in which a payment owes a message, a receipt and a bonus, and
    all of it is a dry run."""
    for chain in make_chain(installed, pilot, Shop):
        yield chain.open(till).configure(
            service={"dry_run": "all"},
            discounts={"remove": "yes", "after": "0 s"},
            payment={"ending": ["-"]})


def told(chain, *words):
    """(verdicts by action, exit code) of mbevctl compare."""
    done = ctl(chain, "compare", "--all", "--json", *words)
    assert done.returncode in (0, 1), done.stderr
    return [(row["action"], row["verdict"])
            for row in json.loads(done.stdout)["differences"]], done.returncode


def pay(chain):
    """One payment of 2000 by a subscriber."""
    if not chain.rows("uid", "users"):
        chain.subscriber()
    chain.pay(summa=2000)
    return chain


def test_nothing_is_done_and_everything_is_written_down(dry):
    pay(dry).field("ext_discount_global", "10", uid=1002)
    dry.subscriber(uid=1002)
    dry.change_tariff(uid=1002)
    assert dry.service.once() == 0
    assert not dry.pilot.requests and not dry.till.requests
    for table in ("sms_logs", "addons_pay_api", "logs"):
        assert not dry.rows("*", table)
    assert dry.rows("uid", "users_custom_fields") == [(1002,)]
    assert not dry.db.sql("SHOW TABLES LIKE '%receipts_log'", "mikbill")
    assert dry.deliveries("action, state, address, reason, dry") == [
        ("sms", "dry", "79001234567", None, 1),
        ("receipt", "dry", "+79001234567", None, 1),
        ("bonus_topup", "dry", None, None, 1),
        ("discount_remove", "dry", None, "1 removed", 1)]
    ((text,), (request,), (amount,), _) = dry.deliveries("payload")
    assert (text, amount) == (TEXT, "100.00")
    assert json.loads(request)["payments"][0]["sum"] == 2000
    assert "dry run ([service] dry_run): all" in dry.service.log_text()
    assert "a dry run: would be sent, was not" in ctl(
        dry, "show", str(dry.deliveries("event_id")[0][0])).stdout
    assert "4 are recorded as in a dry run" in ctl(dry, "status").stdout
    assert "all: decided and recorded, not done" in ctl(dry, "doctor").stdout


def test_sessions_are_not_ended(dry):
    with RouterOS() as router:
        resets(dry, ports(router))
        nas(dry)
        dry.subscriber()
        router.online("sub1001")
        dry.change_tariff()
        assert dry.service.once() == 0
        assert not router.commands and not router.removed
    assert ("session_reset", "dry") in dry.deliveries("action, state")
    assert ("session_reset", "no trace") in told(dry)[0]


def test_one_action_alone_may_be_dry(dry):
    pay(dry.configure(service={"dry_run": "receipt, bonus_topup"}))
    assert dry.service.once() == 0
    assert dry.sent() == [("79001234567", TEXT)]
    assert dry.deliveries("action, state, dry") == [
        ("sms", "done", 0), ("receipt", "dry", 1), ("bonus_topup", "dry", 1)]
    assert not dry.till.requests and not dry.rows("*", "addons_pay_api")
    # Our own message is no trace of anybody else.
    assert told(dry) == ([("receipt", "only we"), ("bonus_topup", "only we")],
                         1)


def test_what_was_captured_in_it_stays_undone_when_it_ends(dry):
    dry.configure(payment={"after": "3 s"}).start()
    pay(dry)
    wait_until(lambda: dry.deliveries("action, lane", "action = 'sms'")
               == [("sms", "decide")], 10, "an undecided message")
    reload(dry, service={"dry_run": ""})
    dry.wait_states("dry", "dry", "dry")
    dry.next_uid += 2
    dry.buy(1).wait_done()
    assert len(dry.sent()) == 1
    assert dry.deliveries("action, state", "NOT dry") == [
        ("sms", "done"), ("receipt", "done"), ("bonus_topup", "done")]


def test_what_was_captured_before_waits_for_its_end(dry):
    dry.configure(service={"dry_run": ""}).start()
    dry.pilot.stop()
    pay(dry)
    dry.wait_states("retry", "done", "done")
    reload(dry, service={"dry_run": "sms"})
    dry.pilot.start()
    dry.next_uid += 2
    dry.buy(1)
    wait_until(lambda: ("sms", "dry") in dry.deliveries("action, state"),
               10, "a dry message")
    dry.watch(1)
    assert not dry.sent()
    reload(dry, service={"dry_run": ""})
    wait_until(dry.sent, 20, "the message of before")
    assert dry.sent() == [("79001234567", TEXT)]


def test_the_operator_has_it_done_after_all(dry):
    pay(dry)
    assert dry.service.once() == 0
    event = str(dry.deliveries("event_id")[0][0])
    dry.configure(service={"dry_run": ""})
    done = ctl(dry, "retry", event, "--yes", "--reason", "the kit was off")
    assert (done.returncode, "3 are tried again" in done.stdout) == (0, True)
    assert dry.deliveries("state, lane, dry, payload, address") == [
        ("ready", "decide", 0, None, None)] * 3
    assert dry.service.once() == 0
    assert dry.sent() == [("79001234567", TEXT)]
    assert dry.states() == ["done"] * 3
    assert dry.accepted() and dry.rows("amount", "addons_pay_api") == [(100,)]
    assert dry.service.once() == 0
    assert len(dry.sent()) == 1


def test_all_receivers_are_done_with_the_first(dry):
    dry.subscriber(phone="79001234567, 79007654321")
    dry.pay(summa=100)
    dry.configure(receipts={}, service={"dry_run": "sms"})
    assert dry.service.once() == 0
    second = dry.deliveries("id", "receiver = 1")[0][0]
    refused = ctl(dry, "retry", f"delivery:{second}", "--yes")
    assert refused.returncode == 65
    assert "retry the event, which has several receivers" in refused.stderr
    dry.configure(service={"dry_run": ""})
    event = str(dry.deliveries("event_id")[0][0])
    assert ctl(dry, "retry", event, "state=dry", "--yes").returncode == 0
    assert dry.service.once() == 0
    assert sorted(phone for phone, _ in dry.sent()) == [
        "79001234567", "79007654321"]
    assert dry.deliveries("receiver, state, dry", "action = 'sms'") == [
        (0, "done", 0), (1, "done", 0)]


def test_a_value_that_is_no_action_is_refused(dry):
    dry.configure(service={"dry_run": "sms, recept"})
    assert dry.service.once() == 78
    assert "[service] dry_run: expected all, or some of sms" \
        in dry.service.log_text()


# ---- mbevctl compare -------------------------------------------------------

def kit_sends(chain, text, phone="79001234567", uid=1001, error=""):
    """The row that another program writes for its message."""
    chain.db.sql(
        "INSERT INTO sms_logs (sms_type_id, uid, sms_phone, sms_text,"
        f" sms_error_text) VALUES (0, {uid}, '{phone}', '{text}', '{error}')",
        "mikbill")


def only_messages(chain):
    """Nothing but the message of a payment."""
    return chain.configure(service={"dry_run": "sms"})


@pytest.mark.parametrize("text, phone, verdicts, code", [
    (TEXT, "79001234567", ["same"], 0),
    (TEXT, "89001234567", ["differs"], 1),
    ("sub1001: 2000 руб", "79001234567", ["differs"], 1),
    ("Баланс низкий", "79000000000", ["only we", "only they"], 1),
])
def test_a_message_beside_that_of_another_program(dry, text, phone, verdicts,
                                                   code):
    pay(only_messages(dry))
    kit_sends(dry, text, phone)
    assert dry.service.once() == 0
    found, ended = told(dry)
    assert ([verdict for _, verdict in found], ended) == (verdicts, code)


def test_endings_taken_at_random_are_no_difference(dry):
    only_messages(dry).configure(payment={
        "text": "{login}: {amount}. {ending} ({name})",
        "ending": ["Спасибо!", "До встречи, {name}", "Звоните: {phone}"]},
        company={"name": "Сеть", "phone": "+7 {123}"})
    pay(dry)
    for ending in ("Спасибо!", "До встречи, Сеть", "Звоните: +7 {123}"):
        dry.db.sql("DELETE FROM sms_logs", "mikbill")
        kit_sends(dry, f"sub1001: 2000.00. {ending} (Сеть)")
        assert dry.service.once() == 0
        assert told(dry) == ([("sms", "same")], 0), ending
    dry.db.sql("UPDATE sms_logs SET sms_text = 'sub1001: 2000.00. И? (Сеть)'",
               "mikbill")
    assert told(dry) == ([("sms", "differs")], 1)


def test_what_only_they_did_has_our_reason(dry):
    only_messages(dry).configure(payment={"minimum": "5000.00"})
    pay(dry)
    kit_sends(dry, TEXT, error="Не отправлено")
    assert dry.service.once() == 0
    done = ctl(dry, "compare")
    assert done.returncode == 1
    assert "only they" in done.stdout
    assert "below the minimum 5000.00" in done.stdout
    assert f"theirs: 79001234567: {TEXT} (not sent: Не отправлено)" \
        in done.stdout


def test_two_payments_of_one_sum_are_two(dry):
    pay(pay(only_messages(dry)))
    kit_sends(dry, TEXT)
    assert dry.service.once() == 0
    assert sorted(told(dry)[0]) == [("sms", "only we"), ("sms", "same")]


def test_a_day_that_is_asked_for(dry):
    pay(only_messages(dry))
    assert dry.service.once() == 0
    day = dry.db.sql("SELECT CURDATE() - INTERVAL 2 DAY", "mikbill")[0][0]
    assert told(dry, "--from", str(day), "--to", str(day)) == ([], 0)
    for words in (["--from"], ["--to", "yesterday"], ["all"],
                  ["--from", "2026-11-26", "--to", "2026-11-25"]):
        assert ctl(dry, "compare", *words).returncode == 64


def test_what_is_over_is_forgotten(dry):
    """All but the newest event, which marks how far we have come."""
    pay(pay(dry.configure(service={"keep": "72 h"})))
    assert dry.service.once() == 0
    dry.db.sql("UPDATE event SET captured_utc = captured_utc - INTERVAL 40 DAY,"
               " ingested_utc = ingested_utc - INTERVAL 40 DAY;"
               "UPDATE delivery SET changed_utc = changed_utc"
               " - INTERVAL 40 DAY", "mikbill_events")
    dry.start()
    wait_until(lambda: len(dry.deliveries("id")) == 3, 15,
               "the newest alone")
