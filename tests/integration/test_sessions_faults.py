"""Resets of sessions on many routers, and on such as no sshd can be: that say
nothing, or something else, or ask for the password in other words."""

import socket
import struct

import pytest

from harness.process import wait_until
from harness.scripted_ssh import ScriptedRouters
from integration.sessions import (also, held, nas, reasons, resets,
                                  table)

FAILED = "1 of 1 router failed: 127.0.1.1: "


@pytest.fixture(name="router")
def fixture_router():
    """A router where the subscriber is online."""
    with ScriptedRouters() as routers:
        routers[0].online("sub1001")
        yield routers[0]


def begin(chain, router, **routers):
    """The chain runs, and one reset is to be made."""
    resets(chain, port=router.port, **{
        "timeout": "1 s", "connect_timeout": "500 ms",
        "hold_refused": "300 ms", **routers})
    nas(chain, 1, router.address)
    chain.subscriber()
    chain.start().change_tariff()
    return chain


# name of the fault -> what is told
FAULTS = {
    "black hole": "it cannot be reached: ",
    "closed": "no SSH server answers there: ",
    "silent": "it did not let us in within 1 s",
    "garbage": "no SSH server answers there: ",
    "endless garbage": "it sends more than can be meant",
    "banner only": "it did not let us in within 1 s",
    "undecided": "it did not let us in within 1 s",
    "refuse": 'it refuses the login of user "nasadmin" (it offers: password);'
              ' password: Authentication failed (username/password)',
    "hang up": "",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_router_that_is(chain, router, fault):
    """And the reset is made when it is as it should be."""
    router.fault = fault
    begin(chain, router).wait_states("retry")
    assert reasons(chain)[0].startswith(FAILED + FAULTS[fault])
    assert len(held(chain)) == 1
    router.fault = None
    chain.wait_states("done")
    assert router.removed == [b"sub1001"]


# ---- words of the other side


def no_common_algorithms():
    """A packet that offers nothing that anybody has."""
    names = struct.pack(">I", 4) + b"none"
    body = b"\x14" + 16 * b"c" + 10 * names + 5 * b"\0"
    padding = 8 - (5 + len(body)) % 8 + 8
    return struct.pack(">IB", 1 + len(body) + padding, padding) + (
        body + padding * b"\0")


def test_what_a_router_calls_itself_does_no_harm(chain):
    """Its banner is put into the log and the database."""
    with socket.create_server(("127.0.1.1", 0)) as server:
        resets(chain, port=server.getsockname()[1])
        nas(chain, 1, "127.0.1.1")
        chain.subscriber()
        chain.start().change_tariff()
        with server.accept()[0] as link:
            link.sendall(b"SSH-2.0-\xff\x1b[2J'\"\\%s\xd0\r\n"
                         + no_common_algorithms())
            chain.wait_states("retry")
        assert "agree on no algorithms" in reasons(chain)[0]
        assert "agree on no algorithms" in held(chain)[0]
        wait_until(lambda: table(chain), 5, "row of the router")
        assert "agree on no algorithms" in table(chain, "reason")[0][0]
        assert b"\x1b" not in chain.service.log.read_bytes()


# ---- keyboard-interactive


@pytest.mark.parametrize("prompts", [
    [["Password: ", False]], [["Name: ", True], ["Password: ", False]], []])
def test_hidden_questions_are_answered_with_the_password(
        chain, router, prompts):
    router.methods = ["keyboard-interactive"]
    router.prompts = prompts
    begin(chain, router).wait_states("done")
    assert (router.logins, router.refused) == (1, 0)


def test_a_router_that_asks_on_and_on_is_not_answered_for_ever(chain, router):
    router.methods = ["keyboard-interactive"]
    router.prompts = [["Password: ", False]] * 12
    begin(chain, router, hold_refused="10 min").wait_states("retry")
    assert reasons(chain)[0].startswith(
        FAILED + 'it refuses the login of user "nasadmin" (it offers:'
        " keyboard-interactive")
    assert (router.logins, router.refused) == (0, 1)


# ---- many


def enrol(chain, routers):
    """All of them stand in radnas; on each there is one subscriber."""
    for number, router in enumerate(routers, 1):
        nas(chain, number, router.address)
        chain.subscriber(number)
        router.online(f"sub{number}")


def test_a_hundred_routers_are_asked_about_everybody(chain):
    with ScriptedRouters(100) as routers:
        resets(chain, port=routers.port)
        enrol(chain, routers)
        chain.start()
        chain.db.sql("UPDATE users SET gid=6", "mikbill")
        chain.wait_settled(100)
        assert set(chain.states()) == {"done"}
        for number, router in enumerate(routers, 1):
            assert router.removed == [f"sub{number}".encode()]
            assert router.connections == router.logins <= 2
            assert len(router.commands) < 60
            assert router.foreign == router.violations == []
        assert sum(router.logins for router in routers) < 110


def test_dead_routers_keep_no_other_waiting(chain):
    """Of thirty each third one is silent. Those whose sessions are elsewhere
    are done, while the first answer of the silent ones is waited for."""
    with ScriptedRouters(30) as routers:
        resets(chain, port=routers.port, timeout="20 s", connections=30)
        also(chain, service={"lease": "60 s"},
             session_reset={"target": "online"})
        enrol(chain, routers)
        for router in list(routers)[::3]:
            router.fault = "silent"
        for number, router in enumerate(routers, 1):
            chain.db.sql(
                f"INSERT INTO radacct SET uid={number}, acctsessionid='1',"
                f" nasipaddress='{router.address}',"
                " acctterminatecause='Online'", "mikbill")
        chain.start()
        chain.db.sql("UPDATE users SET gid=6", "mikbill")
        chain.wait_states(*["calling", "done", "done"] * 10)
        assert held(chain) == []
        chain.service.kill()
