"""Whoever locks what we work on: the billing is never harmed, nobody else
waits, and the work is done once when the lock is gone."""

import os
import signal
import threading
import time
from contextlib import contextmanager

import pytest

from harness.billing import create_billing
from harness.process import is_frozen, wait_until
from harness.product import (SERVICE_ACCOUNT, install, run_sql,
                             with_settings)
from harness.server import MariaDB, numbers
from harness.standin import Gate, Reply, close_without_reply
from integration.conftest import make_chain
from integration.test_mbevctl import ctl

ACCOUNT = f"'{SERVICE_ACCOUNT}'@'localhost'"
BUSY = '{"error":{"code":"110","description":"busy"}}'
SENT = [("79001234567", "sub1001: 100.00 руб")]


def configure(chain, **sections):
    """Other settings for the next start."""
    chain.reconfigure(with_settings(chain.settings, **sections))
    return chain


@contextmanager
def held(chain, *statements, schema="mikbill"):
    """The cursor of an open transaction that has done some statements."""
    with chain.db.connect(schema, autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute("SET SESSION innodb_lock_wait_timeout = 10,"
                       " lock_wait_timeout = 10")
        for statement in statements:
            cursor.execute(statement)
        yield cursor
        link.rollback()


def discounts(chain, uids=(1001,), keys=("ext_discount_global",
                                         "ext_discount_subs")):
    """Subscribers with discounts that go with their tariff."""
    configure(chain, payment={"sms": "no"}, discounts={"remove": "yes"})
    for uid in uids:
        chain.subscriber(uid)
        for key in keys:
            chain.field(key, "5", uid=uid)


def put(key, value, uid=1001):
    """The staff changes a custom field."""
    return (f"UPDATE users_custom_fields SET value = '{value}'"
            f" WHERE uid = {uid} AND `key` = '{key}'")


def waits_for_a_lock(chain):
    """Is a statement of the service waiting for a row?"""
    return chain.db.sql(
        "SELECT 1 FROM information_schema.innodb_trx JOIN"
        " information_schema.processlist ON id = trx_mysql_thread_id"
        f" WHERE trx_state = 'LOCK WAIT' AND user = '{SERVICE_ACCOUNT}'")


# ---- rows of the billing


def test_of_a_deadlock_the_billing_is_never_the_victim(chain):
    """It locks the second discount first, as we never would."""
    discounts(chain)
    with held(chain, put("ext_discount_subs", "6")) as cursor:
        chain.start().change_tariff()
        wait_until(lambda: waits_for_a_lock(chain)
                   or chain.states() == ["retry"], 10, "try", pause=0.25)
        cursor.execute(put("ext_discount_global", "6"))
        cursor.execute("COMMIT")
    chain.wait_states("done")
    assert chain.rows("valuename, oldvalue", "logs") == [
        ("ext_discount_global", "6"), ("ext_discount_subs", "6")]
    assert chain.rows("*", "users_custom_fields") == []


def test_the_billing_may_lock_in_any_order_while_discounts_go(chain):
    """For some seconds, both at full speed: no statement of its fails."""
    uids = range(1, 31)
    discounts(chain, uids)
    chain.start()
    done = threading.Event()
    change = threading.Thread(
        target=lambda: [(chain.change_tariff(uid), time.sleep(0.02))
                        for uid in uids] + [done.set()])
    change.start()
    with held(chain) as cursor:
        for turn in range(1000):
            if done.is_set():
                break
            uid = turn % len(uids) + 1
            cursor.execute(put("ext_discount_subs", turn, uid))
            cursor.execute(put("ext_discount_global", turn, uid))
            cursor.execute("COMMIT")
    change.join()
    chain.wait_settled(len(uids))
    assert set(chain.states()) == {"done"}
    assert len(chain.rows("*", "logs")) == 2 * len(uids)


@pytest.mark.parametrize("work", ["discount", "bonus"])
def test_a_service_frozen_while_it_waits_for_a_row_lets_go_of_the_others(
        chain, work):
    if work == "discount":
        discounts(chain)
        holds, wants = "logs", "users_custom_fields"
        ours = put("ext_discount_global", "9")
    else:
        configure(chain, payment={"sms": "no"}, bonus_topup={"on": "yes"})
        chain.subscriber()
        chain.tariff()
        holds, wants = "addons_pay_api", "addons_pay_api_category"
        ours = ("INSERT INTO addons_pay_api_category SET category = -1,"
                " categoryname = 'theirs'")
    chain.start()
    with held(chain, f"SELECT * FROM {holds} FOR UPDATE"):
        if work == "discount":
            chain.change_tariff()
        else:
            chain.pay(summa=2000)
        wait_until(lambda: waits_for_a_lock(chain), 10, "wait", pause=0.25)
        chain.service.signal(signal.SIGSTOP)
        wait_until(lambda: is_frozen(chain.service.pid), 5, "freeze")
        begun = time.monotonic()
        with held(chain, ours) as cursor:
            assert time.monotonic() - begun < 7
            cursor.execute("COMMIT")
    chain.db.sql("SET SESSION lock_wait_timeout = 2;"
                 "ALTER TABLE mikbill.logs COMMENT 'changed';"
                 f"ALTER TABLE mikbill.{wants} COMMENT 'changed'")
    chain.service.signal(signal.SIGCONT)
    chain.wait_states("done", timeout=30)
    if work == "discount":
        assert chain.rows("valuename, oldvalue", "logs") == [
            ("ext_discount_global", "9"), ("ext_discount_subs", "5")]
    else:
        assert chain.rows("amount", "addons_pay_api") == [(100,)]


# ---- tables of the billing


def test_messages_go_while_a_table_that_bonuses_need_is_locked(chain):
    configure(chain, bonus_topup={"on": "yes"})
    chain.tariff()
    paid = {}
    for uid in range(1, 31):
        chain.subscriber(uid, phone=f"790000000{uid:02}")
    chain.start()
    with chain.db.connect("mikbill") as link, link.cursor() as cursor:
        cursor.execute("LOCK TABLES users_custom_fields WRITE")
        end = time.monotonic() + 10
        for uid in range(1, 31):
            paid[f"790000000{uid:02}"] = time.monotonic()
            chain.pay(uid, summa=2000)
            time.sleep(0.25)
        chain.pilot.wait(30, timeout=10)
        assert chain.rows("amount", "addons_pay_api") == []
        time.sleep(max(0, end - time.monotonic()))
        cursor.execute("UNLOCK TABLES")
    late = [r.at - paid[r.params["to"]] for r in chain.pilot.requests]
    assert len(late) == 30
    assert max(late) < 5
    chain.wait_settled(60)
    assert set(chain.states()) == {"done"}
    assert chain.rows("amount", "addons_pay_api") == [(100,)] * 30


@pytest.mark.parametrize("rights", [
    "SELECT, DELETE ON mikbill.users_custom_fields",
    "SELECT ON mikbill.users_custom_fields",
    "SELECT, INSERT ON mikbill.addons_pay_api",
    "SELECT ON mikbill.packets"])
def test_bonuses_wait_until_their_tables_are_seen(chain, rights):
    """Of two subscribers one has a discount: no bonus for that one."""
    may_lack(chain, rights)
    chain.wait_states("ready", "ready")
    assert all("grants.sql" in reason
               for (reason,) in chain.deliveries("reason"))
    chain.service.wait_log(" error billing: bonuses wait: ")
    given_later(chain)


def test_a_bonus_waits_until_it_may_be_looked_for(chain):
    """The account may give bonuses, but not see which it has given."""
    may_lack(chain, "SELECT ON mikbill.addons_pay_api")
    chain.wait_states("retry", "skipped")
    ((reason,),) = chain.deliveries("reason", "state = 'retry'")
    assert "the billing refuses" in reason and "1142" in reason
    given_later(chain)


def may_lack(chain, rights):
    """Two payments are decided by an account that lacks some rights."""
    configure(chain, payment={"sms": "no"}, bonus_topup={"on": "yes"})
    chain.tariff()
    chain.subscriber(1)
    chain.subscriber(2)
    chain.field("ext_discount_global", "50", uid=2)
    chain.db.sql(f"REVOKE {rights} FROM {ACCOUNT}")
    try:
        chain.pay(1, summa=2000)
        chain.pay(2, summa=2000)
        assert chain.service.once() == 0
        assert chain.rows("*", "addons_pay_api") == []
    finally:
        run_sql(chain.db, "grants.sql", "mikbill")


def given_later(chain):
    """With its rights back, a new service does what was to be done."""
    chain.db.sql("UPDATE delivery SET due_utc = UTC_TIMESTAMP(3)",
                 "mikbill_events")
    assert chain.service.once() == 0
    assert chain.states() == ["done", "skipped"]
    assert chain.rows("user_ref, amount", "addons_pay_api") == [(1, 100)]


# ---- rows of our own


def test_an_undecided_row_that_an_operator_holds_stops_nobody_else(chain):
    configure(chain, notice={"retry_first": "2 s", "retry_longest": "2 s"},
              credit={"sms": "yes", "after": "1 s", "text": "{login}"})
    for uid in (1, 2, 3):
        chain.subscriber(uid, phone=f"7900000000{uid}")
    chain.db.sql("UPDATE users SET credit = 5", "mikbill")
    chain.pilot.reply = lambda request: (
        Reply(body=BUSY) if request.number == 1
        else chain.pilot.ordinary_reply(request))
    chain.start().credit(1)
    wait_until(lambda: chain.states() == ["ready"], 5, "credit")
    with held(chain, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
              "SELECT * FROM delivery FOR UPDATE", schema="mikbill_events"):
        chain.credit(2)
        chain.pay(3)
        chain.wait_states("ready", "done", "done", timeout=20)
        chain.service.wait_log("warning decide: delivery .* holds on its row")
        assert sorted(phone for phone, _ in chain.sent()) == [
            "79000000002", "79000000003", "79000000003"]
        chain.service.stop()
    assert chain.service.once() == 0
    assert chain.states() == ["done", "done", "done"]
    assert len(chain.sent()) == 4


@pytest.mark.parametrize("told", [True, False])
def test_a_message_that_an_operator_held_goes_once_it_is_let_go(chain, told):
    """After half a minute; at once when mbevctl says so. Nothing else is to
    be decided, which would look at the same list."""
    chain.pilot.reply = lambda request: (
        Reply(body=BUSY) if request.number == 1
        else chain.pilot.ordinary_reply(request))
    configure(chain, notice={"retry_first": "1 s", "retry_longest": "1 s"})
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("retry")
    with held(chain, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
              "SELECT * FROM delivery FOR UPDATE", schema="mikbill_events"):
        chain.service.wait_log("warning claim: delivery .* holds on its row")
    if told:
        ctl(chain, "flush")
    chain.wait_states("done", timeout=25 if told else 60)
    assert chain.sent() == SENT * 2


def test_actions_of_another_version_keep_nobody_from_being_decided(chain):
    configure(chain, payment={"sms": "no"}, bonus_topup={"on": "yes"})
    chain.subscriber()
    chain.tariff()
    chain.pay(summa=1)
    assert chain.service.once() == 0
    assert chain.states() == ["skipped"]
    chain.db.sql(
        "INSERT INTO delivery (event_id, action, receiver, state, lane,"
        " due_utc, changed_utc) SELECT (SELECT id FROM event), 'elsewhere',"
        " seq, IF(seq % 2, 'ready', 'retry'), 'decide', '2020-01-01',"
        f" '2020-01-01' FROM {numbers(200)}", "mikbill_events")
    chain.start().pay(summa=2000)
    wait_until(lambda: chain.deliveries("state", "action = 'bonus_topup'") == [
        ("skipped",), ("done",)], 10, "bonus")
    assert chain.deliveries("state, attempts, COUNT(*)",
                            "action = 'elsewhere' GROUP BY 1, 2") == [
        ("ready", 0, 100), ("retry", 0, 100)]


# ---- two services, one of them frozen


@pytest.fixture(name="two")
def fixture_two(chain, smsc, service_of):
    """The chain, of one payment by SMSC, and a second service for it."""
    configure(chain, payment={"channels": "smsc"},
              smsc={"url": smsc.url, "ask_after": "1 s", "timeout": "1 s",
                    "connect_timeout": "500 ms"},
              smspilot={"timeout": "1 s"}, service={"lease": "5 s"})
    chain.subscriber()
    other = service_of(with_settings(chain.settings, service={
        "doorbell": chain.settings["service"]["doorbell"] + "2"}))
    return chain, other


def takes_over(chain, other, smsc):
    """The other one sends; the frozen one awakes and finds out."""
    other.start()
    chain.wait_states("done", timeout=40)
    assert smsc.taken == SENT
    chain.service.signal(signal.SIGCONT)
    chain.service.wait_log("another service took the work over")
    time.sleep(1)
    assert smsc.taken == SENT
    assert chain.deliveries("state, provider") == [("done", "smsc")]


def test_frozen_while_it_asks_it_sends_nothing_any_more(two, smsc):
    chain, other = two

    def freeze_then_look_up(request):
        if len(smsc.queries) == 1:
            os.kill(chain.service.pid, signal.SIGSTOP)
        return smsc.look_up(request)
    smsc.query_reply = freeze_then_look_up
    smsc.send_reply = lambda request: (
        close_without_reply(request) if len(smsc.sends) == 1
        else smsc.accept(request))
    chain.start().pay()
    wait_until(lambda: is_frozen(chain.service.pid), 10, "freeze")
    takes_over(chain, other, smsc)


def test_frozen_before_it_sends_it_sends_nothing_any_more(two, smsc):
    chain, other = two
    chain.start(MBEV_FAULT="claim.started:stop").pay()
    wait_until(lambda: is_frozen(chain.service.pid), 10, "freeze")
    takes_over(chain, other, smsc)


# ---- servers of their own


@pytest.fixture(name="forgetful")
def fixture_forgetful(pilot):
    """The chain on a server that keeps commits in memory for long."""
    with MariaDB(options=["--innodb-flush-log-at-timeout=2700"]) as db:
        create_billing(db, "mikbill", "legacy")
        install(db)
        db.wait_idle()
        yield from make_chain(db, pilot)


@pytest.mark.parametrize("route, first", [
    ("smsc,smspilot", '{"error":"money","error_code":3,"id":1}'),
    ("social,smsc", '{"error":"denied","error_code":8,"id":1}')])
def test_an_attempt_that_was_forgotten_is_doubtful_whatever_the_channel(
        forgetful, smsc, route, first):
    """The first channel refuses, the second accepts, the server forgets."""
    chain = configure(forgetful, payment={"channels": route},
                      smsc={"url": smsc.url, "ask_after": "300 ms"})
    smsc.send_reply = lambda request: (
        Reply(body=first) if len(smsc.sends) == 1 else smsc.accept(request))
    chain.subscriber()
    chain.pay()
    chain.db.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
    chain.start()
    chain.wait_states("done")
    assert len(chain.sent()) + len(smsc.taken) == 1
    chain.db.options.append("--innodb-flush-log-at-trx-commit=0")
    chain.db.kill()
    chain.db.start()
    assert chain.db.sql("SELECT COUNT(*) FROM event", "mikbill_events") == [
        (0,)]
    chain.wait_states("doubtful", timeout=30)
    ((reason,),) = chain.deliveries("reason")
    assert "server forgot" in reason
    assert len(chain.sent()) + len(smsc.taken) == 1


def test_many_discounts_fit_a_server_that_takes_small_packets_only(pilot):
    keys = [f"ext_discount_{n:02}" for n in range(24)]
    with MariaDB(options=["--max-allowed-packet=1M"]) as db:
        create_billing(db, "mikbill", "legacy")
        install(db)
        for chain in make_chain(db, pilot):
            discounts(chain, range(1, 101), keys[:2])
            configure(chain, discounts={"key": keys})
            db.sql("UPDATE users SET gid = 9", "mikbill")
            chain.start()
            chain.wait_settled(100)
            assert set(chain.states()) == {"done"}
            assert len(chain.rows("*", "logs")) == 200


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_of_a_deadlock_over_sms_logs_the_billing_is_never_the_victim(
        chain, order):
    """Two messages that failed before succeed together, in either order."""
    for uid in (1001, 1002):
        chain.subscriber(uid)
        chain.pay(uid, summa=uid)
    chain.pilot.reply = lambda _request: Reply(body=BUSY)
    chain.start().wait_states("retry", "retry")
    gate = chain.pilot.reply = Gate(chain.pilot.ordinary_reply)
    seen = len(chain.pilot.requests)
    chain.pilot.wait(seen + 2)
    chain.service.signal(signal.SIGSTOP)
    gate.open.set()
    time.sleep(0.4)  # the replies are on their way
    first, second = [row[0] for row in
                     chain.rows("sms_id", "sms_logs")][order]
    touch = "UPDATE sms_logs SET sms_code = 1 WHERE sms_id = %d"
    with held(chain, touch % second) as cursor:
        chain.service.signal(signal.SIGCONT)
        wait_until(lambda: waits_for_a_lock(chain) or "done" in
                   chain.states(), 10, "try", pause=0.25)
        cursor.execute(touch % first)
        cursor.execute("COMMIT")
    chain.wait_states("done", "done")
    assert [error for _, _, error in chain.sms_logs()] == ["", ""]
