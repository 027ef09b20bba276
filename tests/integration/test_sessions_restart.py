"""Resets of sessions when the service dies, is frozen, or has other work."""

import os
import signal
import time

import pytest

from harness import ros_console
from harness.process import is_frozen, wait_until
from harness.product import with_settings
from harness.ros_console import Hold
from harness.routeros import RouterOS
from integration.sessions import also, nas, reasons, resets

pytestmark = pytest.mark.plain

TOO_OLD = ["too old to be of use; the service stopped before the reply was"
           " recorded; it may have been sent"]


@pytest.fixture(name="router")
def fixture_router():
    """A router where the subscriber is online."""
    with RouterOS() as router:
        router.online("sub1001")
        yield router


@pytest.fixture(name="ready")
def fixture_ready(chain, router):
    """The chain for one subscriber on that router."""
    resets(chain, port=router.port, timeout="1 s", connect_timeout="500 ms")
    also(chain, smspilot={"timeout": "1 s"}, service={"lease": "5 s"})
    nas(chain)
    chain.subscriber()
    return chain


def repeat_within(chain, pause):
    """Setting: for how long a reset is repeated after a crash."""
    also(chain, session_reset={"repeat_within": pause})


def dies_with_a_reset_under_way(chain, router):
    """The router has the command, and has not done it."""
    hold = Hold()
    router.answer = lambda _command, honest: [hold, honest]
    chain.start().change_tariff()
    assert hold.reached.wait(10)
    chain.service.kill()
    wait_until(lambda: router.calls[0].ended, 10, "end of the connection")
    router.answer = None


def dies_at(chain, point):
    """The service kills itself there."""
    chain.service.env["MBEV_FAULT"] = f"{point}:kill"
    chain.service.start()
    chain.change_tariff()
    wait_until(lambda: not chain.service.running, 15, "end")
    del chain.service.env["MBEV_FAULT"]


# ---- it dies


def test_a_reset_that_was_under_way_is_made_again(ready, router):
    dies_with_a_reset_under_way(ready, router)
    ready.start()
    ready.wait_states("done")
    assert reasons(ready) == ["1 session ended on 127.0.0.1"]
    assert (len(router.commands), router.removed) == (2, [b"sub1001"])


def test_a_reset_that_was_under_way_long_ago_is_not_made_again(ready, router):
    """It would end a session that is new."""
    repeat_within(ready, "0 s")
    dies_with_a_reset_under_way(ready, router)
    ready.start()
    ready.wait_states("expired")
    assert reasons(ready) == TOO_OLD
    assert (len(router.commands), router.removed) == (1, [])


@pytest.mark.parametrize("point, commands", [
    ("decide.written", 1), ("decide.committed", 1), ("settle.begun", 2),
    ("settle.committed", 1)])
def test_killed_at(ready, router, point, commands):
    """Whatever was not recorded is done again, while it is young."""
    dies_at(ready, point)
    ready.start()
    ready.wait_states("done")
    assert router.removed == [b"sub1001"]
    assert len(router.commands) == commands


@pytest.mark.parametrize("point, state, commands", [
    ("decide.written", "done", 1), ("decide.committed", "done", 1),
    ("claim.marked", "done", 1), ("claim.committed", "expired", 0),
    ("settle.begun", "expired", 1), ("settle.committed", "done", 1)])
def test_killed_long_ago_at(ready, router, point, state, commands):
    """Only of what was begun nobody knows whether it was done."""
    repeat_within(ready, "0 s")
    dies_at(ready, point)
    ready.start()
    ready.wait_states(state)
    assert len(router.commands) == commands


def test_a_reset_that_waits_for_a_router_survives(ready, router):
    """It is none of those of which nobody knows."""
    repeat_within(ready, "0 s")
    router.stop()
    ready.start().change_tariff()
    ready.wait_states("retry")
    ready.service.kill()
    router.start()
    ready.start()
    ready.wait_states("done")
    assert router.removed == [b"sub1001"]


def test_only_routers_that_are_left_are_asked_after_a_restart(ready, router):
    with RouterOS("127.0.0.2") as other:
        also(ready, routers={"router": f"127.0.0.2 port={other.port}"})
        nas(ready, 2, "127.0.0.2")
        router.offline("sub1001")
        other.online("sub1001")
        other.stop()
        ready.start().change_tariff()
        ready.wait_states("retry")
        ready.service.kill()
        other.start()
        ready.start()
        ready.wait_states("done")
        assert reasons(ready) == ["1 session ended on 127.0.0.2"]
        assert len(router.commands) == 1


def test_told_to_stop_it_waits_for_an_answer(ready, router):
    hold = Hold()
    router.answer = lambda _command, honest: [hold, honest]
    ready.start().change_tariff()
    assert hold.reached.wait(10)
    ready.service.signal(signal.SIGTERM)
    hold.open.set()
    assert ready.service.stop() == 0
    assert ready.deliveries("state, reason") == [
        ("done", "1 session ended on 127.0.0.1")]


def test_told_to_stop_it_does_not_wait_for_ever(ready, router):
    also(ready, service={"stop_timeout": "1 s"}, routers={"timeout": "5 s"})
    also(ready, service={"lease": "30 s"})
    router.answer = ros_console.hang
    ready.start().change_tariff()
    router.wait(1)
    assert ready.service.stop() == 0
    assert ready.states() == ["calling"]


# ---- it runs once


def test_run_once_it_waits_for_the_router(ready, router):
    ready.change_tariff()
    assert ready.service.once() == 0
    assert ready.states() == ["done"]
    assert router.removed == [b"sub1001"]


def test_run_once_it_leaves_a_router_that_is_down_for_later(ready, router):
    router.stop()
    also(ready, routers={"retry_first": "60 s", "retry_longest": "60 s"})
    ready.change_tariff()
    assert ready.service.once() == 0
    assert ready.states() == ["retry"]


# ---- it is frozen


def freezes_on(router, chain):
    """The service is frozen when the router has its next command."""
    def answer(_command, honest):
        os.kill(chain.service.pid, signal.SIGSTOP)
        return honest()
    router.answer = answer


@pytest.fixture(name="other")
def fixture_other(ready, service_of):
    """A second service for the same work."""
    doorbell = ready.settings["service"]["doorbell"] + "2"
    return service_of(with_settings(ready.settings,
                                    service={"doorbell": doorbell}))


def takes_over(ready, router, other, waits=False):
    """The other does the work; the first awakes and sends nothing.

    waits: the lease ends by itself; else the time is over that a reset may
    take, and the lease is taken away.
    """
    wait_until(lambda: is_frozen(ready.service.pid), 15, "freeze")
    router.answer = None
    if not waits:
        time.sleep(2)
        ready.db.sql("UPDATE owner SET lease_until_utc='2000-01-01'",
                     "mikbill_events")
    other.start()
    wait_until(lambda: set(ready.states()) == {"done"}, 40, "resets")
    sent = len(router.commands)
    ready.service.signal(signal.SIGCONT)
    ready.service.wait_log("another service took the work over")
    time.sleep(1)
    assert len(router.commands) == sent
    assert router.foreign == []


def test_frozen_before_it_connects_it_sends_nothing_any_more(
        ready, router, other):
    ready.start(MBEV_FAULT="claim.started:stop").change_tariff()
    takes_over(ready, router, other)
    assert len(router.commands) == 1


def test_frozen_before_it_sends_it_sends_nothing_any_more(
        ready, router, other):
    """On a connection that was kept."""
    ready.start(MBEV_FAULT="claim.durable:stop:4").change_tariff()
    ready.wait_states("done")
    ready.change_tariff(gid=7)
    takes_over(ready, router, other, waits=True)
    assert len(router.commands) == 2


def test_frozen_in_an_answer_it_sends_nothing_any_more(ready, router, other):
    """Although more is waiting for the same router."""
    ready.start().change_tariff()
    ready.wait_states("done")
    freezes_on(router, ready)
    for uid in range(1, 60):
        ready.subscriber(uid)
    ready.db.sql("UPDATE users SET gid=8 WHERE uid < 1000", "mikbill")
    takes_over(ready, router, other)


# ---- it has other work


def test_notices_do_not_wait_for_a_router(ready, router):
    """All of them have gone while its first answer is waited for."""
    hold = Hold()
    router.answer = lambda _command, honest: [hold, honest]
    also(ready, payment={"sms": "yes", "after": "0 s"},
         routers={"timeout": "20 s"}, service={"lease": "60 s"})
    ready.db.sql("UPDATE users SET date_abonka=DAY(NOW())", "mikbill")
    for uid in range(1, 51):
        ready.subscriber(uid, phone=f"790012345{uid:02}")
    ready.start().change_tariff()
    assert hold.reached.wait(10)
    for uid in range(1, 51):
        ready.pay(uid)
    ready.pilot.wait(50)
    assert ready.states()[0] == "calling"
    hold.open.set()
    ready.wait_settled(101)
    assert router.removed == [b"sub1001"]
