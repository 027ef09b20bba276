"""A provider that is out of order: few are tried, nobody's attempts are
burned, and when it is back it is not run over."""

import json

import pytest

from harness.process import wait_until
from harness.product import with_settings
from harness.standin import Reply
from integration.chain import Chain

MANY = 40
TROUBLES = 5  # in a row hold a lane


@pytest.fixture(params=["smspilot", "smsc"])
def out_of_order(request, chain, pilot, smsc):
    """A chain whose one provider cannot be reached, and that provider."""
    provider = {"smspilot": pilot, "smsc": smsc}[request.param]
    chain.reconfigure(with_settings(
        chain.settings, payment={"channels": request.param},
        notice={"hold": "1 s", "retry_first": "100 ms"},
        smsc={"url": smsc.url, "connections": "8"},
        smspilot={"connections": "8"}))
    provider.stop()
    for uid in range(MANY):
        chain.subscriber(uid + 1, phone=f"79{uid:09}")
        chain.pay(uid + 1)
    return chain, provider


def wait_probes(chain, name, n):
    """Wait until the hold was prolonged that often."""
    wait_until(lambda: chain.service.log_text().count(
        f"debug lane: {name} is held") >= n, 30, "probes")


def attempts(chain: Chain):
    """All attempts that count."""
    return int(chain.deliveries("SUM(attempts)")[0][0])


def test_while_it_is_away_no_attempts_are_burned(out_of_order):
    chain, provider = out_of_order
    name = chain.settings["payment"]["channels"]
    chain.start()
    chain.service.wait_log(f"error lane: {name} is held for 1 s: .*not be sent")
    wait_probes(chain, name, 3)
    assert attempts(chain) < MANY
    burned = attempts(chain)
    wait_probes(chain, name, 5)
    assert attempts(chain) <= burned + 1  # a probe may be under way
    assert chain.service.log_text().count(f"error lane: {name} is held") == 1
    provider.start()
    chain.wait_settled(MANY)
    assert set(chain.states()) == {"done"}
    assert len(provider.requests) == MANY
    chain.service.wait_log(f"info lane: {name} works again")


def test_when_it_is_back_it_is_not_run_over(out_of_order):
    """One, then two at a time, then four..."""
    chain, provider = out_of_order
    at_once, most = [], [0]

    def slowly(request):
        at_once.append(request)
        most[0] = max(most[0], len(at_once))
        seen.append(len(at_once))
        return Reply(delay=0.2, then=lambda: leave(request))

    def leave(request):
        at_once.remove(request)
        return provider.ordinary_reply(request)
    seen = []
    chain.start()
    chain.service.wait_log("is held")
    provider.reply = slowly
    provider.start()
    chain.wait_settled(MANY)
    assert set(chain.states()) == {"done"}
    assert seen[0] == 1
    assert max(seen[:3]) <= 2
    assert max(seen[:4]) <= 3
    assert most[0] == 8


def test_a_pause_that_it_asks_for_is_kept(chain, pilot):
    for uid in (1, 2, 3):
        chain.subscriber(uid, phone=f"7900000000{uid}")
    pilot.reply = lambda request: (
        Reply(status=429, headers={"Retry-After": "2"})
        if request.number == 1 else pilot.ordinary_reply(request))
    chain.pay(1)
    chain.start()
    chain.service.wait_log("lane: smspilot is held for 2 s: .*status 429")
    chain.pay(2)
    chain.pay(3)
    chain.wait_states("done", "done", "done")
    first, *others = [request.at for request in pilot.requests]
    assert len(others) == 3
    assert min(others) >= first + 2
    assert set(chain.deliveries("attempts")) == {(1,)}


def test_what_one_number_meets_again_and_again_stops_nobody(chain, pilot):
    """A message that always fails in passing is tried more and more rarely;
    others go by it."""
    error = json.dumps({"error": {"code": "110", "description": "busy"}})
    pilot.reply = lambda request: (
        Reply(body=error) if request.params["to"].endswith("1")
        else pilot.ordinary_reply(request))
    chain.subscriber(1, phone="79000000001")
    chain.subscriber(2, phone="79000000002")
    chain.pay(1)
    chain.start()
    for i in range(4):
        wait_until(lambda i=i: len(pilot.requests) > 2 * i, 15, "next try")
        chain.pay(2)
    wait_until(lambda: chain.states()[1:] == ["done"] * 4, 15, "the others")
    assert chain.states()[0] in ("retry", "calling")
