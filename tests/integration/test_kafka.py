"""Events are handed on to Kafka: all of them, in order of each subscriber."""

import signal

import pytest

from harness.kafka import Kafka, there_are_brokers
from harness.process import wait_until
from harness.product import with_settings
from harness.webhook import SECRET, Receiver
from integration.chain import payment_sql
from integration.test_mbevctl import ctl

pytestmark = pytest.mark.skipif(
    not there_are_brokers(), reason="librdkafka-dev is not installed")

QUICK = {"timeout": "2 s", "retry_first": "100 ms", "retry_longest": "400 ms",
         "hold": "300 ms"}
OVERSIZED = 10  # MSG_SIZE_TOO_LARGE, as the protocol numbers errors
NOT_ENOUGH_REPLICAS = 19
NOT_ALLOWED = 29  # TOPIC_AUTHORIZATION_FAILED


@pytest.fixture(name="kafka")
def fixture_kafka():
    """The brokers."""
    with Kafka() as kafka:
        yield kafka


@pytest.fixture(name="handed")
def fixture_handed(chain, kafka):
    """A chain that hands events on and does nothing else."""
    chain.service.program = "mbevd_kafka"
    chain.reconfigure(with_settings(
        chain.settings, payment={"sms": "no"},
        kafka={"brokers": kafka.brokers, **QUICK}))
    chain.subscriber()
    return chain


def events(chain, where="1"):
    """Numbers of all events."""
    return [n for (n,) in chain.db.sql(
        f"SELECT id FROM event WHERE {where} ORDER BY id", "mikbill_events")]


def pay_all(chain, uids, times):
    """So many payments of each, by turns."""
    for _ in range(times):
        chain.db.sql(";".join(payment_sql(uid, 100) for uid in uids),
                     "mikbill")


def test_an_event_is_stored_under_its_subscriber(handed, kafka):
    handed.pay(summa=150.5)
    handed.change_tariff()
    assert handed.service.once() == 0
    kafka.wait(2)
    assert [m.key for m in kafka.messages] == ["1001", "1001"]
    assert len({m.partition for m in kafka.messages}) == 1
    for message in kafka.messages:
        event = message.event
        assert message.headers == {"id": event["key"], "kind": event["kind"],
                                   "version": "1"}
    assert kafka.messages[0].event["row"]["summa"] == "150.500000"
    places = {f"{m.partition}:{m.offset}" for m in kafka.messages}
    assert set(handed.deliveries("state, action, provider_id")) == {
        ("done", "kafka", place) for place in places}


def test_order_and_number_hold_while_brokers_fail(handed, kafka):
    """Requests are refused for a while, and answers are lost."""
    uids = range(1002, 1022)
    for uid in uids:
        handed.subscriber(uid)
    handed.start()
    kafka.tell(f"fail 3 {NOT_ENOUGH_REPLICAS}")
    pay_all(handed, uids, 5)
    kafka.tell("lose")
    pay_all(handed, uids, 5)
    handed.wait_settled(200)
    kafka.wait(200)
    assert handed.deliveries("DISTINCT state") == [("done",)]
    for uid in uids:
        assert list(dict.fromkeys(kafka.taken(uid))) == events(
            handed, f"uid = {uid}")


def test_brokers_that_are_away_keep_nothing_else_waiting(chain, kafka, pilot):
    """Nor does a receiver of the webhook; both backlogs go in order."""
    uids = range(1001, 1041)
    for uid in uids:
        chain.subscriber(uid)
    with Receiver() as receiver:
        chain.service.program = "mbevd_kafka"
        chain.reconfigure(with_settings(
            chain.settings, payment={"sms": "yes"},
            kafka={"brokers": kafka.brokers, **QUICK, "timeout": "1 s"},
            webhook={"url": receiver.url, "secret": SECRET, "rate": 10000,
                     "retry_first": "100 ms", "retry_longest": "400 ms",
                     "hold": "300 ms"}))
        receiver.stop()
        kafka.tell("down")
        chain.start()
        pay_all(chain, uids, 5)
        pilot.wait(200, timeout=30)
        chain.service.wait_log(r"lane: webhook is held")
        chain.service.wait_log(r"lane: kafka is held", 20)
        pay_all(chain, uids, 1)
        pilot.wait(240, timeout=30)
        assert kafka.messages == [] and receiver.requests == []
        receiver.start()
        kafka.tell("up")
        kafka.wait(240, timeout=40)
        chain.wait_settled(720)
        for uid in uids:
            want = events(chain, f"uid = {uid}")
            assert receiver.taken(uid) == want
            assert list(dict.fromkeys(kafka.taken(uid))) == want
    assert chain.deliveries("DISTINCT state") == [("done",)]
    assert len(pilot.requests) == 240


def test_a_message_that_no_broker_takes_is_dead(handed, kafka):
    kafka.tell(f"fail 1 {OVERSIZED}")
    handed.start()
    handed.pay()
    handed.wait_states("dead")
    assert handed.deliveries("error_code") == [("MSG_SIZE_TOO_LARGE",)]
    handed.pay()
    handed.wait_states("dead", "done")
    ctl(handed, "retry", str(events(handed)[0]), "--yes")
    handed.wait_states("done", "done")


def test_a_topic_that_is_not_ours_holds_the_lane(handed, kafka):
    kafka.tell(f"fail 1 {NOT_ALLOWED}")
    handed.start()
    handed.pay()
    handed.service.wait_log(r"lane: kafka is held .* topic mikbill.events:"
                            r" .*authorization failed")
    handed.wait_states("done")
    assert handed.deliveries("attempts") == [(1,)]


@pytest.mark.parametrize("point", ["kafka.sent", "kafka.reported",
                                   "settle.begun"])
def test_after_a_kill_it_is_stored_again_with_the_same_key(handed, kafka,
                                                           point):
    handed.start(MBEV_FAULT=f"{point}:kill")
    handed.pay()
    handed.pay()
    wait_until(lambda: not handed.service.running, 10, "kill")
    handed.start(MBEV_FAULT="")
    handed.wait_states("done", "done", timeout=30)
    wait_until(lambda: len(set(kafka.taken())) == 2, 10, "messages")
    assert list(dict.fromkeys(kafka.taken())) == events(handed)
    assert len(kafka.messages) <= 3


def test_a_stop_leaves_what_no_broker_took_for_the_next_start(handed, kafka):
    kafka.tell("down")
    handed.settings = with_settings(
        handed.settings, service={"stop_timeout": "500 ms"},
        kafka={"timeout": "1 min"})
    handed.reconfigure(handed.settings)
    handed.start()
    handed.pay()
    handed.wait_states("calling")
    assert handed.service.stop() == 0
    kafka.tell("up")
    handed.start()
    handed.wait_states("done", timeout=30)
    kafka.wait(1)


def test_other_settings_make_another_producer(handed, kafka):
    """With nothing under way at once, else when that has ended."""
    kafka.tell("down")
    handed.start()
    handed.pay()
    handed.wait_states("calling")
    handed.service.signal(signal.SIGHUP)
    with Kafka() as other:
        handed.reconfigure(with_settings(
            handed.settings, kafka={"brokers": other.brokers}))
        handed.service.signal(signal.SIGHUP)
        handed.wait_states("done", timeout=30)
        assert other.wait(1)[0].event["uid"] == 1001
    assert kafka.messages == []
