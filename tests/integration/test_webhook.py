"""Events are handed on by a webhook: all of them, signed, in order."""

import collections
import json
import signal
import time

import pytest

from harness.certificates import Authority
from harness.process import wait_until
from harness.product import with_settings
from harness.server import numbers
from harness.standin import Reply, reset_without_reply, stall
from harness.webhook import SECRET, Receiver, signature
from integration.chain import payment_sql
from integration.test_mbevctl import ctl

QUICK = {"retry_first": "100 ms", "retry_longest": "400 ms",
         "hold": "300 ms", "rate": 10000}
ONCE = {"retry_first": "1 min", "retry_longest": "1 min"}


@pytest.fixture(name="receiver")
def fixture_receiver():
    """Where the events go."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(name="handed")
def fixture_handed(chain, receiver):
    """A chain that hands events on and does nothing else."""
    chain.reconfigure(hands_on(chain, receiver))
    chain.subscriber()
    return chain


def hands_on(chain, receiver, sms="no", **keys):
    """Its settings."""
    return with_settings(
        chain.settings, payment={"sms": sms},
        webhook={"url": receiver.url, "secret": SECRET, **QUICK, **keys})


def events(chain, where="1"):
    """Numbers of all events."""
    return [n for (n,) in chain.db.sql(
        f"SELECT id FROM event WHERE {where} ORDER BY id", "mikbill_events")]


def hold_back(receiver, uid, status=503):
    """Answer so to what is about that subscriber, and take the others."""
    receiver.reply = lambda request: (
        Reply(status=status) if json.loads(request.body)["uid"] == uid
        else receiver.ordinary_reply(request))


def test_every_kind_of_event_is_handed_on(handed, receiver):
    handed.db.sql("INSERT INTO usersfreeze SET uid=1002, user='cold', gid=5",
                  "mikbill")
    handed.pay(summa=150.5)
    handed.pay(summa=-10, kind=7)
    handed.pay(summa=0.1, kind=62)
    handed.pay(summa=-0.005, kind=62)
    handed.pay(summa=300, kind=18)
    handed.credit()
    handed.change_tariff()
    handed.db.sql("UPDATE usersfreeze SET gid=9 WHERE uid=1002", "mikbill")
    assert handed.service.once() == 0
    assert sorted(e["kind"] for e in receiver.events) == sorted([
        "payment", "refund", "api_payment", "api_refund", "credit_limit",
        "credit", "freeze", "tariff_change", "tariff_change"])
    assert set(handed.deliveries("state, action, lane, provider")) == {
        ("done", "webhook", "webhook", "webhook")}
    rows = {e["kind"]: e["row"] for e in receiver.events}
    assert (rows["payment"]["kopecks"], rows["payment"]["summa"]) == (
        15050, "150.500000")
    assert rows["api_refund"]["summa"] == "-0.005000"
    assert rows["credit"]["usluga"] == 1
    assert rows["tariff_change"]["gid_new"] in (6, 9)


def test_an_event_says_what_the_database_says(handed, receiver):
    handed.db.sql(payment_sql(1001, 99.99)
                  + ", comment='Оплата \"по счёту\"\\n1'", "mikbill")
    assert handed.service.once() == 0
    (event,), ((number, key, captured),) = receiver.events, handed.db.sql(
        "SELECT id, source_key, DATE_FORMAT(captured_utc,"
        " '%Y-%m-%dT%H:%i:%s.%f') FROM event", "mikbill_events")
    assert (event["id"], event["uid"]) == (number, 1001)
    assert event["key"] == key.replace(" ", "_").replace(".", "_")
    assert event["captured_utc"] == captured[:-3] + "Z"
    assert event["row"]["comment"] == 'Оплата "по счёту"\n1'
    assert event["row"]["before"] == "0.000000"


def test_it_goes_by_https_to_who_has_the_right_certificate(
        chain, tmp_path):
    chain.subscriber()
    authority = Authority(tmp_path)
    with Receiver(tls=authority.issue()) as receiver:
        chain.reconfigure(hands_on(chain, receiver, **ONCE))
        chain.pay()
        assert chain.service.once() == 0
        assert chain.deliveries("state, attempts") == [("retry", 1)]
        assert "certificate" in chain.deliveries("reason")[0][0]
        assert receiver.requests == []
        chain.db.sql("UPDATE delivery SET due_utc = '2020-01-01'",
                     "mikbill_events")
        chain.reconfigure(hands_on(chain, receiver,
                                   ca_file=authority.certificate))
        chain.start()
        chain.wait_states("done")


def test_it_is_signed_with_the_old_key_and_the_new(handed, receiver):
    """Until the receiver knows the new one."""
    new = "a new secret of more than 24 characters"
    handed.reconfigure(with_settings(handed.settings, webhook={
        "secret": new, "secret_before": SECRET}))
    handed.pay()
    assert handed.service.once() == 0
    (request,) = receiver.requests
    head = request.headers
    assert head["webhook-signature"].split(" ") == [
        signature(secret, head["webhook-id"], head["webhook-timestamp"],
                  request.body) for secret in (new, SECRET)]
    assert abs(int(head["webhook-timestamp"]) - request.wall) < 60
    assert head["content-type"] == "application/json"
    log = handed.service.log_text()
    assert new not in log and SECRET not in log


@pytest.mark.parametrize("status, state", [
    (200, "done"), (202, "done"), (400, "dead"), (404, "dead"),
    (410, "dead"), (422, "dead"), (408, "retry"), (409, "retry"),
    (425, "retry"), (429, "retry"), (500, "retry"), (503, "retry"),
    (401, "ready"), (302, "ready")])
def test_the_status_decides(handed, receiver, status, state):
    receiver.reply = lambda request: Reply(status=status, body="Слова")
    handed.reconfigure(with_settings(handed.settings, webhook=ONCE))
    handed.pay()
    assert handed.service.once() == 0
    ((got, code, reason),) = handed.deliveries("state, error_code, reason")
    assert got == state
    if state != "done":
        assert code == f"HTTP {status}"
        assert f"HTTP status {status}" in reason and "Слова" in reason


def test_only_the_kinds_that_are_wanted_are_handed_on(handed, receiver):
    handed.reconfigure(with_settings(
        handed.settings, webhook={"kinds": "refund, tariff_change"}))
    handed.pay()
    handed.pay(kind=7, summa=-5)
    handed.change_tariff()
    assert handed.service.once() == 0
    assert [e["kind"] for e in receiver.events] == ["refund", "tariff_change"]
    assert len(handed.deliveries()) == 2


@pytest.mark.parametrize("keys, said", [
    ({"kinds": "payment, payments"}, "kinds: expected all, or some of payment"
                                     ", refund, "),
    ({"kinds": ""}, "kinds: expected all, or"),
    ({"url": "http://192.0.2.1/"}, "url: must begin with https://, or with"
                                   " http:// and be on this host"),
    ({"url": "http://127.0.0.1.example/"}, "url: must begin with https://"),
    ({"secret": ""}, "secret: is empty but url is not"),
    ({"secret": "short"}, "secret: must be whsec_ and base64"),
    ({"secret": "whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!"}, "secret: must be whsec_"),
])
def test_wrong_settings_are_refused(handed, keys, said):
    handed.reconfigure(with_settings(handed.settings, webhook=keys))
    assert handed.service.once() == 78
    assert f"[webhook] {said}" in handed.service.log_text()


def test_kafka_is_refused_where_it_was_not_built_in(handed):
    handed.reconfigure(with_settings(
        handed.settings, kafka={"brokers": "127.0.0.1:9"}))
    code = handed.service.once()
    if "built without Kafka" in handed.service.log_text():
        assert code == 78
    else:
        assert code == 0


# --- order ---------------------------------------------------------------


def test_of_one_subscriber_a_later_event_waits_for_an_earlier_one(
        handed, receiver):
    handed.subscriber(1002)
    hold_back(receiver, 1001)
    handed.start()
    for uid in (1001, 1001, 1002, 1001, 1002):
        handed.pay(uid)
    receiver.wait(3)
    wait_until(lambda: len(receiver.events) == 2, 10, "the other's events")
    tried = {json.loads(r.body)["id"] for r in receiver.requests
             if json.loads(r.body)["uid"] == 1001}
    assert tried == {events(handed, "uid = 1001")[0]}
    receiver.reply = receiver.ordinary_reply
    handed.wait_settled(5)
    assert receiver.taken(1001) == events(handed, "uid = 1001")


def test_order_holds_while_every_third_answer_is_lost(handed, receiver):
    uids = range(1002, 1010)
    for uid in uids:
        handed.subscriber(uid)
    receiver.reply = lambda request: (
        receiver.ordinary_reply(request), reset_without_reply(request))[
            request.number % 3 == 0]
    handed.start()
    for _ in range(5):
        for uid in uids:
            handed.pay(uid)
    handed.wait_settled(40)
    assert set(handed.states()) == {"done"}
    for uid in uids:
        assert list(dict.fromkeys(receiver.taken(uid))) == events(
            handed, f"uid = {uid}")


def test_one_that_is_refused_for_good_keeps_nobody_waiting(handed, receiver):
    handed.pay()
    handed.pay()
    receiver.reply = lambda request: (
        Reply(status=410) if request.number == 1
        else receiver.ordinary_reply(request))
    handed.start()
    handed.wait_states("dead", "done")
    assert len(receiver.events) == 1
    number = events(handed)[0]
    said = ctl(handed, "show", str(number)).stdout
    assert "dead: refused for good" in said and "HTTP 410" in said
    receiver.reply = receiver.ordinary_reply
    ctl(handed, "retry", str(number), "--yes")
    handed.wait_states("done", "done")


def test_one_that_fails_too_often_while_others_pass_is_given_up(
        handed, receiver):
    handed.subscriber(1002)
    handed.reconfigure(with_settings(handed.settings,
                                     webhook={"attempts": 3}))
    hold_back(receiver, 1001, 500)
    handed.start()
    handed.pay(1001)
    for _ in range(20):
        handed.pay(1002)
        if handed.deliveries("state", "state = 'dead'"):
            break
        time.sleep(0.1)
    wait_until(lambda: handed.deliveries("state", "state = 'dead'"), 10,
               "an event that is given up")
    ((reason,),) = handed.deliveries("reason", "state = 'dead'")
    assert reason.startswith("given up after 3 attempts: the receiver")


def test_what_an_operator_holds_back_keeps_back_what_comes_after(
        handed, receiver):
    with Receiver() as nobody:
        url = nobody.url
    handed.reconfigure(with_settings(handed.settings, webhook={"url": url}))
    handed.pay()
    handed.pay()
    assert handed.service.once() == 0
    first = events(handed)[0]
    ctl(handed, "hold", str(first), "--yes")
    handed.reconfigure(with_settings(handed.settings,
                                     webhook={"url": receiver.url}))
    handed.start()
    handed.subscriber(1002)
    handed.pay(1002)
    wait_until(lambda: receiver.taken(1002), 10, "the other's event")
    assert receiver.taken(1001) == []
    ctl(handed, "release", str(first), "--yes")
    handed.wait_settled(3)
    assert receiver.taken(1001) == events(handed, "uid = 1001")


def test_thousands_that_wait_for_one_keep_no_other_waiting(handed, receiver):
    """All of one subscriber, at the head of the queue."""
    handed.subscriber(1002)
    handed.db.sql(f"""
        INSERT INTO event (kind, uid, captured_utc, ingested_utc, body)
          SELECT 'tariff_change', 1001, '2026-01-01' + INTERVAL seq SECOND,
                 UTC_TIMESTAMP(3), '{{"v":1,"table":"users","uid":1001}}'
          FROM {numbers(3000)} ORDER BY seq;
        INSERT INTO delivery (event_id, action, state, lane, due_utc,
                              changed_utc)
          SELECT id, 'webhook', 'ready', 'webhook', captured_utc,
                 captured_utc FROM event;
        UPDATE delivery SET state = 'held' ORDER BY id LIMIT 1""",
                  "mikbill_events")
    handed.start()
    for _ in range(3):
        handed.pay(1002)
    wait_until(lambda: len(receiver.events) == 3, 15, "the other's events")
    assert receiver.taken(1002) == events(handed, "uid = 1002")
    ctl(handed, "release", str(events(handed)[0]), "--yes")
    wait_until(lambda: len(receiver.events) > 20, 15, "those that waited")
    assert receiver.taken(1001)[:10] == events(handed, "uid = 1001")[:10]


# --- outages -------------------------------------------------------------


def test_a_receiver_that_is_away_keeps_no_message_waiting(chain, receiver,
                                                          pilot):
    """Payments' messages go on; the backlog goes in order afterwards."""
    uids = range(1001, 1041)
    for uid in uids:
        chain.subscriber(uid)
    receiver.stop()
    chain.reconfigure(hands_on(chain, receiver, sms="yes"))
    chain.start()
    for _ in range(5):
        chain.db.sql(";".join(payment_sql(uid, 100) for uid in uids),
                     "mikbill")
    pilot.wait(200, timeout=30)
    chain.service.wait_log(r"lane: webhook is held")
    assert chain.deliveries("COUNT(*)", "action = 'webhook'"
                            " AND state IN ('ready', 'retry', 'calling')") \
        == [(200,)]
    receiver.start()
    wait_until(lambda: len(receiver.events) >= 200, 30, "the backlog")
    chain.wait_settled(400)
    for uid in uids:
        assert receiver.taken(uid) == events(chain, f"uid = {uid}")
    assert chain.deliveries("DISTINCT state") == [("done",)]
    assert len(pilot.requests) == 200


def test_retry_after_is_heeded(handed, receiver):
    receiver.reply = lambda request: (
        Reply(status=429, headers={"Retry-After": "2"})
        if request.number == 1 else receiver.ordinary_reply(request))
    handed.start()
    handed.pay()
    handed.wait_states("done")
    first, second = (r.at for r in receiver.requests)
    assert second - first >= 1.9
    assert "webhook is held for 2 s" in handed.service.log_text()


@pytest.mark.parametrize("point", ["post.sent", "post.read", "settle.begun",
                                   "settle.results"])
def test_after_a_kill_it_comes_again_with_the_same_key(handed, receiver,
                                                       point):
    handed.start(MBEV_FAULT=f"{point}:kill")
    handed.pay()
    handed.pay()
    wait_until(lambda: not handed.service.running, 10, "kill")
    handed.start(MBEV_FAULT="")
    handed.wait_states("done", "done", timeout=60)
    numbers = receiver.taken()
    assert list(dict.fromkeys(numbers)) == events(handed)
    assert len(numbers) <= 3
    bodies = collections.defaultdict(set)
    for request in receiver.requests:
        bodies[request.headers["webhook-id"]].add(request.body)
    assert [len(same) for same in bodies.values()] == [1, 1]


def test_what_is_not_handed_on_yet_outlives_its_time(handed, receiver):
    handed.pay()
    assert handed.service.once() == 0
    receiver.stop()
    handed.pay()
    handed.pay()
    assert handed.service.once() == 0
    first, *others = events(handed)
    handed.pay()
    handed.db.sql("UPDATE event SET ingested_utc = '2020-01-01';"
                  " UPDATE delivery SET changed_utc = '2020-01-01'",
                  "mikbill_events")
    handed.reconfigure(with_settings(handed.settings,
                                     service={"keep": "3 days"},
                                     webhook={"hold": "1 h"}))
    handed.start()
    handed.service.wait_log(r"retain: 1 events with 1 deliveries", 30)
    left = events(handed)
    assert first not in left and left[:2] == others


def test_a_stop_does_not_wait_for_a_receiver_that_hangs(handed, receiver):
    receiver.reply = stall
    handed.settings = with_settings(handed.settings,
                                    service={"stop_timeout": "500 ms"})
    handed.reconfigure(handed.settings)
    handed.start()
    handed.pay()
    receiver.wait(1)
    assert handed.service.stop() == 0
    receiver.reply = receiver.ordinary_reply
    handed.start()
    handed.wait_states("done", timeout=40)


def test_a_reload_takes_it_up_with_another_address(handed, receiver):
    receiver.reply = lambda request: Reply(status=401)
    handed.reconfigure(with_settings(handed.settings,
                                     webhook={"hold": "1 h"}))
    handed.start()
    handed.pay()
    handed.service.wait_log("webhook is held")
    with Receiver() as other:
        handed.reconfigure(with_settings(
            handed.settings, webhook={"url": other.url}))
        handed.service.signal(signal.SIGHUP)
        handed.wait_states("done")
        assert other.taken() == events(handed)


def test_a_dry_run_hands_nothing_on(handed, receiver):
    handed.reconfigure(with_settings(handed.settings,
                                     service={"dry_run": "webhook"}))
    handed.pay()
    assert handed.service.once() == 0
    assert handed.states() == ["dry"]
    assert receiver.requests == []


def test_a_row_that_is_no_json_is_told(handed, receiver):
    receiver.stop()
    handed.pay()
    assert handed.service.once() == 0
    handed.db.sql("UPDATE event SET body = '{\"uid\":1001,'",
                  "mikbill_events")
    receiver.start()
    handed.start()
    handed.wait_states("dead")
    assert "no JSON object" in handed.deliveries("reason")[0][0]
    assert receiver.requests == []
