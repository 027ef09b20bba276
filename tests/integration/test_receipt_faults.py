"""Fiscal receipts over the whole chain: what can go wrong, and that it makes
neither two receipts nor none."""

import json
import signal
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import replace

import pytest

from harness import komtet
from harness.billing import create_billing
from harness.komtet import each_in_turn, external_id_of, http, in_turn, refuse
from harness.process import is_frozen, wait_until
from harness.product import SERVICE_ACCOUNT, install, run_sql, with_settings
from harness.server import MariaDB, numbers
from harness.standin import (Gate, Reply, close_without_reply, garbage,
                             reset_without_reply)
from harness.wire import Wire
from integration.receipts import make_kassa

PHONE = "+79001234567"
ACCOUNT = f"'{SERVICE_ACCOUNT}'@'localhost'"


@pytest.fixture
def kassa(installed, pilot, till):
    """A legacy billing, receipts, a till."""
    yield from make_kassa(installed, pilot, till)


def subscribers(kassa, n):
    """Subscribers 1 to n with a phone each."""
    for uid in range(1, n + 1):
        kassa.subscriber(uid, phone=f"790000000{uid:02}")
    return range(1, n + 1)


def phone_of(uid):
    """The contact of such a one."""
    return f"+790000000{uid:02}"


def after_another(kassa):
    """When another receipt went all its way, nothing more is to come."""
    kassa.subscriber(9, phone="79000000009")
    kassa.pay(9, summa=9)
    wait_until(lambda: kassa.receipts("stage", "uid = 9") == [("done",)], 15,
               "another receipt")


# ---- replies that are lost or make no sense


LOST = {
    "close": close_without_reply, "reset": reset_without_reply,
    "garbage": garbage, "empty": komtet.empty, "html": komtet.html,
    "no id": lambda request: Reply(body='{"state":"new"}'),
    "404 words": lambda request: Reply(status=422, body="<html>"),
    "500": http(500), "502": http(502), "300": http(300)}


@pytest.mark.parametrize("how", [*LOST, "cut"])
def test_a_reply_that_is_lost_after_it_was_accepted(kassa, till, how):
    """The same bytes again; then its task is not known, and not asked for."""
    till.post_reply = each_in_turn(
        till.accept_and_cut if how == "cut" else till.accept_but(LOST[how]),
        till.honest)
    kassa.subscriber()
    kassa.start().pay()
    kassa.wait_stages("accepted")
    (entry,) = till.receipts
    assert entry.came == 2
    till.post_reply = till.honest
    after_another(kassa)
    assert kassa.receipts("stage, task_id, look_utc, looks",
                          "uid = 1001") == [("accepted", None, None, 0)]
    assert len(kassa.posts_of(entry.external_id)) == entry.came == 2
    assert str(entry.task_id) not in " ".join(
        look.target for look in till.looks)
    assert kassa.states() == ["done", "done"]


@pytest.mark.parametrize("how", LOST)
def test_a_reply_that_is_lost_before_it_was_accepted(kassa, till, how):
    till.post_reply = each_in_turn(LOST[how], till.honest)
    kassa.subscriber()
    kassa.start().pay()
    kassa.wait_stages("done")
    (entry,) = till.receipts
    assert entry.came == 1
    assert len(kassa.posts_of(entry.external_id)) == 2
    assert kassa.deliveries("state, attempts, ask") == [("done", 2, 1)]


def test_201_is_as_good(kassa, till):
    till.post_reply = lambda request: replace(till.honest(request), status=201)
    kassa.subscriber()
    kassa.start().pay()
    kassa.wait_stages("done")
    assert len(till.posts) == 1


def test_a_proxy_before_komtet(kassa, till):
    """The signature covers the address that komtet knows."""
    till.sign_base = "https://kassa.example.com"
    kassa.configure(komtet={"sign_url": till.sign_base}).subscriber()
    kassa.start().pay()
    kassa.wait_stages("done")


def test_a_till_that_tells_the_task_of_a_number_that_it_has(kassa, till):
    till.tells_task = True
    till.post_reply = each_in_turn(till.accept_but(close_without_reply),
                                   till.honest)
    kassa.subscriber()
    kassa.start().pay()
    kassa.wait_stages("done")
    (entry,) = till.receipts
    assert kassa.receipts("task_id, error") == [(str(entry.task_id), None)]


@pytest.mark.parametrize("way", ["answer_late", "take_late"])
def test_a_till_that_is_later_than_the_time_limit(kassa, till, way):
    """Accepted at once and told too late, or accepted only then."""
    kassa.configure(komtet={"timeout": "300 ms"})
    till.post_reply = each_in_turn(getattr(till, way)(1), till.honest)
    kassa.subscriber()
    kassa.start().pay()
    wait_until(lambda: kassa.states() == ["done"], 15, "receipt")
    (entry,) = till.receipts
    wait_until(lambda: entry.came == 2, 15, "both requests")
    assert kassa.accepted() == [(PHONE, 10000)]


@pytest.mark.parametrize("status", [500, 429, 503])
def test_the_first_failure_is_followed_by_a_pause(kassa, till, status):
    """Also when it may have been accepted: a till in trouble is spared."""
    kassa.configure(komtet={"retry_first": "1 h", "retry_longest": "1 h"})
    till.post_reply = http(status)
    kassa.subscriber()
    kassa.start().pay()
    kassa.wait_states("retry")
    assert kassa.deliveries(
        "due_utc > UTC_TIMESTAMP(3) + INTERVAL 30 MINUTE") == [(1,)]
    till.post_reply = till.honest
    after_another(kassa)
    assert len(till.posts) == 2


# ---- refusals


def test_a_refusal_for_good_is_dead_and_the_next_ones_go(kassa, till):
    till.post_reply = in_turn(refuse(5, "Неверный ИНН 😀"), till.honest)
    kassa.subscriber()
    kassa.start().pay(summa=1)
    kassa.pay(summa=2)
    kassa.wait_stages("refused", "done")
    assert kassa.states() == ["dead", "done"]
    assert kassa.accepted() == [(PHONE, 200)]
    ((reason, attempts),) = kassa.deliveries("reason, attempts",
                                             "state = 'dead'")
    assert "komtet refused it: " in reason and "VLD5" in reason
    assert "Неверный ИНН 😀" in reason and attempts == 1
    assert kassa.rows("id, state, error", "receipts_log")[0] == (
        1, None, "Ошибка валидации: VLD5: Неверный ИНН ?")
    kassa.service.wait_log("error settle: receipt .* is dead: .*VLD5")


def test_a_refusal_for_good_after_a_lost_reply_is_doubtful(kassa, till):
    till.post_reply = in_turn(till.accept_but(close_without_reply), refuse(),
                              till.honest)
    kassa.subscriber()
    kassa.start().pay(summa=1)
    kassa.pay(summa=2)
    kassa.wait_stages("doubtful", "done")
    assert kassa.states() == ["doubtful", "done"]
    assert len(kassa.posts_of(till.receipts[0].external_id)) == 2
    kassa.service.wait_log("error settle: receipt .* is doubtful")


def foreign(till):
    """Every number is somebody else's already."""
    def answer(request):
        till.occupy(external_id_of(request))
        return till.honest(request)
    return answer


def test_a_number_that_is_somebody_elses_is_burnt(kassa, till):
    till.post_reply = in_turn(foreign(till), till.honest)
    kassa.subscriber()
    kassa.start().pay()
    kassa.wait_stages("burnt", "done")
    ((burnt,), (number,)) = kassa.receipts("number")
    assert burnt != number
    assert till.book.foreign == {burnt: 1}
    assert [one.external_id for one in till.receipts] == [number]
    assert kassa.states() == ["done"]
    assert kassa.rows("int_id, ext_id IS NULL, error IS NULL",
                      "receipts_log") == [(burnt, 1, 0), (number, 0, 1)]


def test_foreign_numbers_in_a_row_hold_the_lane_until_they_end(kassa, till):
    kassa.configure(komtet={"connections": "1"})
    till.post_reply = in_turn(*[foreign(till)] * 7, till.honest)
    for uid in subscribers(kassa, 3):
        kassa.pay(uid, summa=uid)
    kassa.start()
    wait_until(lambda: sorted(kassa.stages()) == (
        ["burnt"] * 7 + ["done"] * 3), 20, "end")
    told = kassa.service.log_text()
    assert told.count("lane: komtet is held") == 3
    assert told.count("lane: komtet works again") == 1
    assert sorted(kassa.accepted()) == [
        (phone_of(uid), uid * 100) for uid in (1, 2, 3)]
    assert len(till.posts) == 10


# ---- the account


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_account_holds_the_lane_and_costs_no_attempt(kassa, till,
                                                               status):
    kassa.configure(komtet={"connections": "1"})
    till.post_reply = http(status)
    for uid in subscribers(kassa, 3):
        kassa.pay(uid)
    kassa.start()
    wait_until(lambda: len(till.posts) >= 3, 10, "three probes")
    till.post_reply = till.honest
    refused = len(till.posts)
    kassa.wait_stages("done", "done", "done")
    assert kassa.deliveries("attempts") == [(1,)] * 3
    told = kassa.service.log_text()
    assert refused <= told.count("lane: komtet is held") <= refused + 1
    assert told.count("lane: komtet works again") == 1


def test_messages_go_while_the_account_is_refused(kassa, till):
    kassa.configure(payment={"sms": "yes"}, komtet={"hold": "1 h"})
    till.post_reply = http(403)
    kassa.subscriber()
    kassa.start().pay(summa=11)
    kassa.service.wait_log("lane: komtet is held")
    kassa.pay(summa=12)
    kassa.wait_states("done", "ready", "done", "ready")
    kassa.wait_stages("new", "new")


def test_while_the_account_is_refused_nobody_else_is_tried(kassa, till):
    kassa.configure(komtet={"connections": "1", "hold": "1 h"})
    till.post_reply = http(401)
    for uid in subscribers(kassa, 5):
        kassa.pay(uid)
    kassa.start()
    kassa.service.wait_log("lane: komtet is held for 3600 s: .*401")
    wait_until(lambda: kassa.deliveries("state, attempts") == (
        [("ready", 0)] * 5), 10, "ready")
    kassa.service.stop()
    assert len(till.posts) == 1
    assert kassa.service.log_text().count("is held") == 1
    till.post_reply = till.honest
    kassa.db.sql("UPDATE delivery SET due_utc = UTC_TIMESTAMP(3)",
                 "mikbill_events")
    kassa.start().wait_stages(*["done"] * 5)


def test_a_wrong_secret_is_told_without_it(kassa, till):
    kassa.refusals = True
    till.secret = "ANOTHER"
    kassa.subscriber()
    kassa.start().pay()
    kassa.service.wait_log("komtet is held .*401")
    till.secret = "SECRET"
    kassa.wait_stages("done")
    assert "SECRET" not in kassa.service.log_text()


@pytest.mark.parametrize("lacking", ["shop", "secret", "queue"])
def test_without_an_account_receipts_are_kept(kassa, till, lacking):
    account = dict(kassa.settings["komtet"])
    kassa.configure(komtet={lacking: ""})
    for uid in subscribers(kassa, 3):
        kassa.pay(uid)
    kassa.start()
    kassa.wait_stages("new", "new", "new")
    assert kassa.deliveries("state, reason") == [
        ("ready", f"waits: [komtet] {lacking} is empty")] * 3
    kassa.service.stop()
    told = kassa.service.log_text()
    assert told.count(f"not sent: [komtet] {lacking} is empty") == 1
    assert till.requests == []
    kassa.configure(komtet=account).start().wait_stages(*["done"] * 3)
    assert sorted(kassa.accepted()) == [
        (phone_of(uid), 10000) for uid in (1, 2, 3)]


# ---- order, and a till that is down


def pay_in_turn(kassa, n, times):
    """Each of n subscribers pays 1, 2, 3... in turn."""
    for summa in range(1, times + 1):
        for uid in range(1, n + 1):
            kassa.pay(uid, summa=summa)


def orders(kassa):
    """Contact -> kopecks in the order of acceptance."""
    found = defaultdict(list)
    for contact, kopecks in kassa.accepted():
        found[contact].append(kopecks)
    return found


def test_receipts_of_one_go_in_order_though_the_first_fails(kassa, till):
    """And nobody else waits for them."""
    subscribers(kassa, 2)
    gate = threading.Event()

    def first_fails(request):
        first = phone_of(1).encode() in request.body and (
            b'"sum":1.00' in request.body)
        return http(500)(request) if first and not gate.is_set() else (
            till.honest(request))
    till.post_reply = first_fails
    pay_in_turn(kassa, 2, 4)
    kassa.start()
    till.wait_receipts(4)
    wait_until(lambda: kassa.deliveries(
        "MAX(attempts)") >= [(3,)], 15, "some tries")
    assert set(orders(kassa)) == {phone_of(2)}
    gate.set()
    kassa.wait_stages(*["done"] * 8)
    assert orders(kassa) == {phone_of(uid): [100, 200, 300, 400]
                             for uid in (1, 2)}


def test_while_the_till_is_down_few_tries_are_made(kassa, till):
    kassa.configure(komtet={"connections": "1", "hold": "1 h"})
    till.stop()
    subscribers(kassa, 4)
    pay_in_turn(kassa, 4, 3)
    kassa.start()
    kassa.service.wait_log("lane: komtet is held")
    wait_until(lambda: set(kassa.states()) == {"ready", "retry"}, 10, "end")
    # The one that made it hold does not count: it was not its fault.
    assert kassa.deliveries("SUM(attempts)") == [(4,)]
    kassa.service.stop()
    assert kassa.service.log_text().count("is held") == 1
    till.start()
    kassa.db.sql("UPDATE delivery SET due_utc = UTC_TIMESTAMP(3)",
                 "mikbill_events")
    kassa.configure(komtet={"hold": "300 ms"}).start()
    kassa.wait_stages(*["done"] * 12)
    assert orders(kassa) == {phone_of(uid): [100, 200, 300]
                             for uid in (1, 2, 3, 4)}


def too_many(requests, rate, connections):
    """Where more requests came in a time than the rate allows: the first.
    A tenth of a second is forgiven."""
    times = [request.at for request in requests]
    for i, begun in enumerate(times):
        for j in range(i, len(times)):
            allowed = (times[j] - begun + 0.1) * rate + connections + 1
            if j - i + 1 > allowed:
                return i, j
    return None


def test_when_the_till_returns_there_is_no_storm(kassa, till):
    """The rate holds for receipts and questions together."""
    kassa.configure(komtet={"rate": "40"})
    till.stop()
    subscribers(kassa, 4)
    pay_in_turn(kassa, 4, 5)
    kassa.start()
    kassa.service.wait_log("lane: komtet is held")
    till.start()
    kassa.wait_stages(*["done"] * 20, timeout=30)
    kassa.service.wait_log("lane: komtet works again")
    assert too_many(till.requests, 40, 4) is None
    assert orders(kassa) == {phone_of(uid): [100, 200, 300, 400, 500]
                             for uid in (1, 2, 3, 4)}


def test_the_rate_is_kept(kassa, till):
    kassa.configure(komtet={"rate": "20"})
    for uid in subscribers(kassa, 25):
        kassa.pay(uid)
    kassa.start()
    till.wait_receipts(25)
    assert too_many(till.requests, 20, 4) is None


def rows_read(kassa):
    """How many rows the server has read."""
    return sum(int(n) for _, n in kassa.db.sql(
        "SHOW GLOBAL STATUS LIKE 'Handler_read%'"))


def test_a_backlog_is_not_read_for_each_receipt_of_it(kassa, till):
    """MariaDB likes to put a subquery's whole answer together first."""
    most = 3000
    kassa.configure(komtet={"shop": ""})
    kassa.db.sql("INSERT INTO users (uid, user, gid, sms_tel) SELECT seq,"
                 f" seq, 5, 79000000000 + seq FROM {numbers(most)}",
                 "mikbill")
    kassa.db.sql("INSERT INTO bugh_plategi_stat (uid, date, who, bughtypeid,"
                 " before_billing, summa) SELECT seq, NOW(), 1, 5, 0, 100 FROM"
                 f" {numbers(most)}", "mikbill")
    kassa.run()
    assert len(kassa.receipts()) == most
    kassa.configure(komtet={"shop": till.shop, "rate": "20",
                            "connections": "1"},
                    receipt={"look_first": "1 h", "look_longest": "1 h"})
    kassa.start()
    till.wait_receipts(5)
    before, sent = rows_read(kassa), len(till.receipts)
    till.wait_receipts(sent + 20)
    kassa.service.stop()
    assert rows_read(kassa) - before < 20 * most


# ---- crashes


SEAMS = ["ingest.begun", "ingest.deleted", "ingest.committed",
         "decide.begun", "decide.written", "decide.committed",
         "claim.begun", "claim.marked", "claim.committed", "claim.durable",
         "claim.started", "settle.begun", "settle.results",
         "settle.committed", "news.begun", "news.written"]


def crash(kassa, fault):
    """Let it die there, then go on without the fault."""
    kassa.service.env["MBEV_FAULT"] = fault
    kassa.service.start()
    wait_until(lambda: not kassa.service.running, 20, f"crash at {fault}")
    del kassa.service.env["MBEV_FAULT"]
    kassa.start()


@pytest.mark.parametrize("point", SEAMS)
def test_a_crash_makes_neither_two_nor_none(kassa, till, point):
    for uid in subscribers(kassa, 2):
        kassa.pay(uid, summa=uid)
        kassa.pay(uid, summa=-uid, kind=7)
    crash(kassa, f"{point}:kill")
    wait_until(lambda: kassa.states() == ["done"] * 4, 20, "receipts")
    assert sorted(kassa.accepted()) == [
        (phone_of(1), 100)] * 2 + [(phone_of(2), 200)] * 2
    assert len(kassa.receipts()) == 4


@pytest.mark.parametrize("point", ["claim.committed:kill:2",
                                   "settle.results:kill:2",
                                   "settle.committed:kill:2",
                                   "news.begun:kill:2"])
def test_a_crash_later_on(kassa, till, point):
    subscribers(kassa, 2)
    pay_in_turn(kassa, 2, 3)
    crash(kassa, point)
    wait_until(lambda: kassa.states() == ["done"] * 6, 20, "receipts")
    assert orders(kassa) == {phone_of(uid): [100, 200, 300]
                             for uid in (1, 2)}


def test_a_crash_while_the_till_has_accepted(kassa, till):
    """Whether it had is not known to us; it is sent again as it was."""
    till.post_reply = each_in_turn(till.answer_late(60), till.honest)
    kassa.subscriber()
    kassa.start().pay()
    till.wait_receipts(1)
    kassa.service.kill()
    kassa.start().wait_stages("accepted")
    (entry,) = till.receipts
    assert entry.came == 2
    assert kassa.receipts("task_id") == [(None,)]


@pytest.mark.parametrize("word", [
    "INSERT INTO event", "receipts_log (user_id", "d.state = 'calling', d.att",
    "stage = 'accepted', accepted_utc", "looks = looks + 1"],
    ids=["ingest", "decide", "claim", "settle", "news"])
def test_the_answer_to_a_commit_is_lost(kassa, till, word):
    for uid in subscribers(kassa, 2):
        kassa.pay(uid, summa=uid)
        kassa.pay(uid, summa=uid)
    with Wire(kassa.db) as wire:
        kassa.configure(database={"socket": wire.socket})
        wire.lose_commit_after(word)
        kassa.start()
        wait_until(lambda: wire.lost, 15, "loss")
        wait_until(lambda: kassa.states() == ["done"] * 4, 20, "receipts")
        wait_until(lambda: set(kassa.stages()) == {"done"} or word.startswith(
            "d.state"), 20, "fiscal receipts")
        kassa.service.stop()
    assert len(kassa.receipts()) == 4
    assert sorted(kassa.accepted()) == [
        (phone_of(1), 100)] * 2 + [(phone_of(2), 200)] * 2


@pytest.mark.parametrize("point", [
    "decide.written", "decide.committed", "claim.marked", "claim.committed",
    "claim.started", "settle.begun", "settle.results", "news.begun"])
def test_another_service_takes_over_and_the_first_awakes(
        kassa, till, service_of, tmp_path, point):
    """As after a pause that was longer than the lease."""
    kassa.configure(komtet={"timeout": "1 s"}, service={"lease": "5 s"})
    for uid in subscribers(kassa, 2):
        kassa.pay(uid, summa=uid)
        kassa.pay(uid, summa=uid)
    kassa.start(MBEV_FAULT=f"{point}:stop")
    wait_until(lambda: is_frozen(kassa.service.pid), 15, "freeze")
    # The server lets nobody keep an open transaction who does not answer.
    wait_until(lambda: kassa.db.sql(
        "SELECT COUNT(*) FROM information_schema.innodb_trx") == [(0,)], 10,
        "end of its transaction", pause=0.25)
    kassa.db.sql("UPDATE owner SET lease_until_utc = '2000-01-01'",
                 "mikbill_events")
    second = service_of(with_settings(kassa.settings, service={
        "doorbell": tmp_path / "doorbell"})).start()
    second.wait_log("engine: acting")
    wait_until(lambda: kassa.states() == ["done"] * 4, 40, "receipts")
    kassa.service.signal(signal.SIGCONT)
    kassa.service.wait_log("another service took the work over|is away")
    for uid in (1, 2):
        kassa.pay(uid, summa=uid)
    wait_until(lambda: kassa.states() == ["done"] * 6, 20, "receipts")
    second.stop()
    kassa.service.stop()
    assert sorted(kassa.accepted()) == [
        (phone_of(1), 100)] * 3 + [(phone_of(2), 200)] * 3
    assert len(kassa.receipts()) == 6


# ---- the billing's list


def test_a_list_that_is_gone_does_not_cost_the_result(kassa, till):
    gate = till.post_reply = Gate(till.honest)
    kassa.subscriber()
    kassa.start().pay(summa=1)
    wait_until(lambda: till.posts, 10, "receipt")
    kassa.db.sql("RENAME TABLE mikbill.receipts_log TO mikbill.elsewhere")
    gate.open.set()
    kassa.wait_stages("done")
    kassa.service.wait_log("error settle: .*list of receipts.* 1146")
    kassa.service.wait_log("error receipt: the list of receipts .* 1146")
    kassa.pay(summa=2)
    kassa.service.wait_log("error decide: receipt .* waits: .* 1146")
    assert kassa.stages() == ["done"]
    kassa.db.sql("RENAME TABLE mikbill.elsewhere TO mikbill.receipts_log")
    kassa.wait_stages("done", "done")
    kassa.not_logged = {till.receipts[0].external_id}
    assert kassa.accepted() == [(PHONE, 100), (PHONE, 200)]
    assert kassa.rows("state", "receipts_log") == [(None,), ("done",)]


def test_without_the_right_to_make_the_table_receipts_wait(kassa, till):
    kassa.subscriber()
    kassa.pay()
    kassa.db.sql(f"REVOKE ALL ON mikbill.receipts_log FROM {ACCOUNT}")
    try:
        kassa.run()
        ((state, reason),) = kassa.deliveries("state, reason")
        assert state == "ready" and "grants.sql" in reason
        kassa.service.wait_log("error billing: table receipts_log .* cannot "
                               "be made: .*grants.sql")
        assert till.posts == []
    finally:
        run_sql(kassa.db, "grants.sql", "mikbill")
    kassa.db.sql("UPDATE delivery SET due_utc = UTC_TIMESTAMP(3)",
                 "mikbill_events")
    kassa.start().wait_stages("done")


def test_rights_that_are_granted_while_it_runs_are_found(kassa, till):
    kassa.subscriber()
    kassa.db.sql(f"REVOKE ALL ON mikbill.receipts_log FROM {ACCOUNT}")
    try:
        kassa.start().pay()
        kassa.wait_states("ready")
    finally:
        run_sql(kassa.db, "grants.sql", "mikbill")
    kassa.wait_stages("done", timeout=30)


def test_another_list_is_set_while_receipts_are_under_way(kassa, till):
    """Where another system has a receipt of the same row."""
    kassa.configure(komtet={"shop": ""}).subscriber()
    kassa.pay()
    kassa.run()
    kassa.db.sql("CREATE TABLE __komtet_receipts_log LIKE receipts_log;"
                 "INSERT INTO __komtet_receipts_log SET id = 1, int_id = '9',"
                 " user_id = '5', contact = '+79999999999'", "mikbill")
    kassa.orphans = {1}
    kassa.configure(komtet={"shop": "SHOP"},
                    receipt={"table": "__komtet_receipts_log"})
    kassa.start().wait_stages("done")
    assert kassa.rows("int_id, ext_id, state, error",
                      "__komtet_receipts_log") == [("9", None, None, None)]
    assert kassa.rows("id, ext_id, state", "receipts_log") == [
        (1, till.receipts[0].task_id, "done")]


def test_a_list_that_is_made_anew_goes_on_counting(kassa, till):
    """Somebody put the old one away: its numbers are taken for good."""
    kassa.subscriber()
    for _ in range(7):
        kassa.pay(summa=1)
    kassa.run()
    kassa.not_logged = {one.external_id for one in till.receipts}
    kassa.db.sql("DROP TABLE mikbill.receipts_log")
    kassa.pay(summa=2)
    kassa.run()
    assert kassa.receipts("stage, log_id", "kopecks = 200") == [
        ("accepted", 8)]


@pytest.fixture(name="grown")
def fixture_grown(kassa):
    """The list of receipts is there, without transactions."""
    kassa.run()
    kassa.db.sql("ALTER TABLE mikbill.receipts_log ENGINE=MyISAM")
    return kassa


def test_a_list_without_transactions(grown, till):
    for uid in subscribers(grown, 3):
        grown.pay(uid, summa=uid)
        grown.pay(uid, summa=-uid, kind=7)
    grown.start().wait_stages(*["done"] * 6)
    assert len(till.receipts) == 6


@pytest.mark.parametrize("point", ["decide.written", "decide.committed",
                                   "claim.started", "settle.results",
                                   "news.written"])
def test_a_crash_with_a_list_without_transactions(grown, till, point):
    grown.subscriber()
    grown.pay(summa=1)
    grown.pay(summa=2)
    crash(grown, f"{point}:kill")
    wait_until(lambda: grown.states() == ["done"] * 2, 20, "receipts")
    assert grown.accepted() == [(PHONE, 100), (PHONE, 200)]


# ---- rows of it that the billing holds


@contextmanager
def held(kassa, *statements):
    """The cursor of an open transaction of the billing."""
    with kassa.db.connect("mikbill", autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute("SET SESSION innodb_lock_wait_timeout = 10")
        for statement in statements:
            cursor.execute(statement)
        yield cursor
        link.rollback()


def touch(number):
    """The billing changes a row of the list."""
    return f"UPDATE receipts_log SET update_time = NOW() WHERE id = {number}"


def waits_for_a_lock(kassa):
    """Is a statement of the service waiting for a row?"""
    return kassa.db.sql(
        "SELECT 1 FROM information_schema.innodb_trx JOIN"
        " information_schema.processlist ON id = trx_mysql_thread_id"
        f" WHERE trx_state = 'LOCK WAIT' AND user = '{SERVICE_ACCOUNT}'")


def two_results_at_once(kassa, till):
    """Two receipts are accepted, and the service sleeps before it hears."""
    till.fiscal_after = None
    gate = till.post_reply = Gate(till.honest)
    for uid in subscribers(kassa, 2):
        kassa.pay(uid, summa=uid)
    kassa.start()
    wait_until(lambda: len(till.posts) == 2, 10, "receipts")
    kassa.service.signal(signal.SIGSTOP)
    gate.open.set()
    till.wait_receipts(2)
    time.sleep(0.2)


def two_answers_at_once(kassa, till):
    """Two receipts are accepted, and asked about, and then fiscal."""
    two_results_at_once(kassa, till)
    gate = till.look_reply = Gate(till.honest)
    kassa.service.signal(signal.SIGCONT)
    wait_until(lambda: len(till.looks) == 2, 10, "questions")
    kassa.service.signal(signal.SIGSTOP)
    till.fiscal_after = 0
    gate.open.set()
    wait_until(lambda: all(one.fiscal for one in till.receipts), 10, "answers")
    time.sleep(0.2)


def test_a_row_that_is_held_keeps_no_other_result_waiting(kassa, till):
    two_results_at_once(kassa, till)
    with held(kassa, touch(1)):
        kassa.service.signal(signal.SIGCONT)
        kassa.wait_stages("new", "accepted")
    kassa.wait_stages("accepted", "accepted")


def test_a_row_that_is_held_keeps_no_other_answer_waiting(kassa, till):
    two_answers_at_once(kassa, till)
    with held(kassa, touch(1)):
        kassa.service.signal(signal.SIGCONT)
        kassa.wait_stages("accepted", "done")
    kassa.wait_stages("done", "done")


def test_of_a_deadlock_over_results_the_billing_is_never_the_victim(
        kassa, till):
    two_results_at_once(kassa, till)
    with held(kassa, touch(2)) as cursor:
        kassa.service.signal(signal.SIGCONT)
        wait_until(lambda: waits_for_a_lock(kassa) or "accepted" in
                   kassa.stages(), 10, "try", pause=0.25)
        cursor.execute(touch(1))
        cursor.execute("COMMIT")
    kassa.wait_stages("accepted", "accepted")


def test_of_a_deadlock_over_answers_the_billing_is_never_the_victim(
        kassa, till):
    two_answers_at_once(kassa, till)
    with held(kassa, touch(2)) as cursor:
        kassa.service.signal(signal.SIGCONT)
        wait_until(lambda: waits_for_a_lock(kassa) or "done" in
                   kassa.stages(), 10, "try", pause=0.25)
        cursor.execute(touch(1))
        cursor.execute("COMMIT")
    kassa.wait_stages("done", "done")


def test_the_billing_may_lock_in_any_order_while_receipts_go(kassa, till):
    """Both at full speed: no statement of its fails."""
    till.fiscal_after = 0.3
    for uid in subscribers(kassa, 20):
        for summa in (1, 2):
            kassa.pay(uid, summa=summa)
    kassa.start()
    till.wait_receipts(4)
    with held(kassa) as cursor:
        for turn in range(3000):
            if kassa.stages() == ["done"] * 40:
                break
            for number in (40 - turn % 40, turn % 7 + 1, turn % 39 + 2):
                cursor.execute(touch(number))
            cursor.execute("COMMIT")
    kassa.wait_stages(*["done"] * 40, timeout=40)


def test_a_table_that_is_locked_keeps_no_message_waiting(kassa, till):
    kassa.configure(payment={"sms": "yes"})
    subscribers(kassa, 4)
    kassa.start()
    with kassa.db.connect("mikbill") as link, link.cursor() as cursor:
        cursor.execute("LOCK TABLES receipts_log WRITE")
        for uid in (1, 2, 3, 4):
            kassa.pay(uid)
        kassa.pilot.wait(4)
        wait_until(lambda: kassa.deliveries(
            "state, COUNT(*)", "action = 'sms' GROUP BY 1") == [("done", 4)],
            15, "messages")
        assert till.posts == kassa.receipts() == []
        cursor.execute("UNLOCK TABLES")
    kassa.wait_stages(*["done"] * 4, timeout=30)


# ---- the server


def test_a_server_that_restarts_while_the_till_answers(kassa, till):
    gate = till.post_reply = Gate(till.honest)
    kassa.subscriber()
    kassa.start().pay()
    wait_until(lambda: till.posts, 10, "receipt")
    kassa.db.restart()
    gate.open.set()
    kassa.wait_stages("done")
    assert len(till.posts) == 1


@pytest.fixture(name="forgetful")
def fixture_forgetful(pilot, till):
    """The chain on a server that keeps commits in memory for long."""
    with MariaDB(options=["--innodb-flush-log-at-timeout=2700"]) as db:
        create_billing(db, "mikbill", "legacy")
        install(db)
        db.wait_idle()
        db.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
        yield from make_kassa(db, pilot, till)


@pytest.mark.mariadb("MySQL 5.6 does not tell how far its log is: a time counts")
def test_none_is_sent_before_its_number_is_on_disk(forgetful, till):
    forgetful.configure(payment={"sms": "yes"}).subscriber()
    forgetful.start().pay()
    forgetful.wait_states("done", "ready")
    forgetful.pay()
    forgetful.wait_states("done", "ready", "done", "ready")
    forgetful.wait_stages("new", "new")
    assert till.posts == []
    forgetful.db.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1;"
                     "UPDATE mikbill.users SET deposit = 1")
    forgetful.wait_stages("done", "done")


def test_a_server_that_forgets_numbers_makes_neither_two_nor_none(forgetful,
                                                                  till):
    """What it had on disk is the payment alone."""
    forgetful.subscriber()
    forgetful.pay()
    forgetful.db.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1;"
                     "UPDATE mikbill.users SET deposit = 1;"
                     "SET GLOBAL innodb_flush_log_at_trx_commit = 0")
    forgetful.start().wait_stages("new")
    forgetful.db.kill()
    forgetful.db.start()
    forgetful.wait_stages("done")
    assert len(till.receipts) == 1


# ---- what becomes of it


def test_all_that_the_till_says_is_kept(kassa, till):
    kassa.subscriber()
    kassa.start().pay(summa=12.34)
    kassa.wait_stages("done")
    (entry,) = till.receipts
    (row,) = kassa.receipts(
        "task_id, task_state, error, fiscal_kopecks, link, fiscal_fn,"
        " accepted_utc <= ended_utc, look_utc")
    assert row == (str(entry.task_id), "done", None, 1234,
                   till.info(entry)["receipt_url"], entry.fiscal["fn"], 1,
                   None)
    kassa.service.wait_log("info receipt .* is fiscal: document 1")


def test_a_receipt_that_the_till_fails_to_print(kassa, till):
    till.fail(lambda entry: entry.kopecks == 100, "Смена истекла")
    kassa.subscriber()
    kassa.start().pay(summa=1)
    kassa.pay(summa=2)
    kassa.wait_stages("failed", "done")
    assert kassa.deliveries("state, reason")[0] == (
        "dead", "the till refused it: Смена истекла")
    assert kassa.rows("id, state, error", "receipts_log")[0] == (
        1, "error", "the till refused it: Смена истекла")
    kassa.service.wait_log("error receipt .*Смена истекла")
    assert len(till.posts) == 2


def test_a_state_that_nobody_knows_is_not_the_end(kassa, till):
    till.open_state, till.fiscal_after = "dreaming", None
    kassa.subscriber()
    kassa.start().pay()
    wait_until(lambda: kassa.receipts("stage, task_state, looks > 2") == [
        ("accepted", "dreaming", 1)], 15, "questions")
    till.finish(till.receipts[0])
    kassa.wait_stages("done")


@pytest.mark.parametrize("reply, words", [
    (http(404), "komtet has no such task"),
    (http(500), "HTTP status 500"),
    (garbage, "cannot be asked"), (komtet.html, "no known form"),
    (komtet.empty, "no known form")],
    ids=["404", "500", "garbage", "html", "empty"])
def test_a_question_without_an_answer_is_asked_again(kassa, till, reply,
                                                     words):
    till.look_reply = reply
    kassa.subscriber()
    kassa.start().pay()
    wait_until(lambda: kassa.receipts("looks > 1") == [(1,)], 15, "questions")
    ((stage, error),) = kassa.receipts("stage, error")
    assert stage == "accepted" and words in error
    level = "error" if "no such task" in words else "warning"
    kassa.service.wait_log(f"{level} receipt .*{words}")
    assert kassa.states() == ["done"]
    till.look_reply = till.honest
    kassa.wait_stages("done")
    assert kassa.receipts("error") == [(None,)]
    assert len(till.posts) == 1


@pytest.mark.parametrize("member", ["id", "external_id"])
def test_another_receipt_under_its_id_is_not_believed(kassa, till, member):
    def another(request):
        told = json.loads(till.honest(request).body)
        return Reply(body=json.dumps({**told, member: 4711}))
    till.look_reply = another
    kassa.subscriber()
    kassa.start().pay()
    wait_until(lambda: kassa.receipts("looks > 1") == [(1,)], 15, "questions")
    assert kassa.receipts("stage, error, fiscal_i") == [
        ("accepted", "komtet tells of another receipt under this id", None)]
    till.look_reply = till.honest
    kassa.wait_stages("done")


def test_a_sum_that_differs_is_told(kassa, till):
    def cheaper(request):
        told = json.loads(till.honest(request).body)
        told["fiscal_data"]["s"] = 99
        return Reply(body=json.dumps(told))
    till.look_reply = cheaper
    kassa.subscriber()
    kassa.start().pay()
    kassa.wait_stages("done")
    words = "the till has 99.00 in place of 100.00"
    assert kassa.receipts("fiscal_kopecks, error") == [(9900, words)]
    assert kassa.rows("state, error", "receipts_log") == [("done", words)]
    kassa.service.wait_log(f"error receipt .*{words}")


def test_a_queue_that_is_switched_off_and_on_again(kassa, till):
    till.queue_state = "passive"
    kassa.subscriber()
    kassa.start().pay()
    wait_until(lambda: kassa.db.sql("SELECT queue, active FROM till",
                                    "mikbill_events") == [("777", 0)], 15,
               "queue")
    kassa.service.wait_log("error receipt: the queue of tills is switched off")
    assert kassa.stages() == ["accepted"]
    till.queue_state = "active"
    kassa.wait_stages("done")
    wait_until(lambda: kassa.db.sql("SELECT active FROM till",
                                    "mikbill_events") == [(1,)], 15,
               "queue")
    kassa.service.wait_log("info receipt: the queue of tills is switched on")


def test_a_queue_that_was_switched_on_while_we_were_away(kassa, till):
    till.queue_state = "passive"
    kassa.subscriber()
    kassa.start().pay()
    kassa.service.wait_log("error receipt: the queue of tills is switched off")
    kassa.service.stop()
    till.queue_state = "active"
    kassa.start().wait_stages("done")
    wait_until(lambda: kassa.db.sql("SELECT active FROM till",
                                    "mikbill_events") == [(1,)], 15,
               "queue")


def test_a_receipt_that_is_late_is_an_alarm_once(kassa, till):
    till.fiscal_after = None
    subscribers(kassa, 2)
    kassa.start().pay(1)
    kassa.pay(2)
    kassa.wait_stages("accepted", "accepted")
    kassa.service.stop()
    assert "ALARM" not in kassa.service.log_text()
    kassa.db.sql("UPDATE receipt SET created_utc = created_utc -"
                 " INTERVAL 25 HOUR WHERE uid = 1", "mikbill_events")
    kassa.start()
    kassa.service.wait_log("error receipt: ALARM: 1 receipt is not fiscal "
                           "after 24 h, the oldest since ")
    after = len(till.looks)
    wait_until(lambda: len(till.looks) > after + 2, 15, "questions")
    assert kassa.service.log_text().count("ALARM") == 1


def test_a_receipt_that_is_not_decided_is_an_alarm_too(kassa, till):
    kassa.subscriber()
    kassa.pay()
    kassa.db.sql("UPDATE outbox SET captured_utc = captured_utc -"
                 " INTERVAL 25 HOUR", "mikbill_events")
    kassa.db.sql(f"REVOKE ALL ON mikbill.receipts_log FROM {ACCOUNT}")
    try:
        kassa.run()
        kassa.start()
        kassa.service.wait_log("error receipt: ALARM: 1 receipt is")
    finally:
        run_sql(kassa.db, "grants.sql", "mikbill")
