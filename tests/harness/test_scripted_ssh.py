"""Many stand-in routers share a process, and have faults of their own."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import ros_console, ssh_client
from harness.process import wait_until
from harness.ros_console import Hold
from harness.scripted_ssh import FAULTS, ScriptedRouters
from harness.ssh_client import Client, talk

REMOVE = b'/ppp active remove [find name="u1"]; :put "done"'


@pytest.fixture(scope="module")
def shared():
    with ScriptedRouters(3) as running:
        yield running
        assert running.log == ""


@pytest.fixture
def routers(shared):
    yield shared
    for router in shared:
        if router.fault:
            router.fault = None
        router.methods = ["password"]
        router.prompts = [("Password: ", False)]
        router.reset()


def raw_connection(router, timeout=2):
    return socket.create_connection((router.address, router.port), timeout)


def read_all(link):
    said = b""
    while piece := link.recv(65536):
        said += piece
    return said


def test_each_router_has_a_model_of_its_own(routers):
    for router in routers:
        router.online("u1")
    assert talk(routers[1], REMOVE) == [b"done\r\n"]
    assert [router.removed for router in routers] == [[], [b"u1"], []]
    assert routers[1].commands == [REMOVE]
    assert len({router.address for router in routers}) == 3
    assert {router.port for router in routers} == {routers.port}


def test_connections_and_logins_are_counted(routers):
    router = routers[0]
    with Client(router) as client:
        client.run(b":put 1")
        talk(router, b":put 1", b":put 2")
        assert (router.connections, router.logins) == (2, 2)
        assert (router.most_open, len(router.calls)) == (2, 3)
    wait_until(lambda: router.open == 0, 5, "end of the connections")
    assert routers[1].connections == 0


def test_the_banner_is_that_of_a_router(routers):
    with raw_connection(routers[0]) as link:
        assert link.recv(100) == b"SSH-2.0-ROSSSH\r\n"


@pytest.mark.parametrize("wrong", [
    {"password": "naspw2"}, {"username": "nobody"}])
def test_a_wrong_name_or_password_is_refused_and_counted(routers, wrong):
    with pytest.raises(ssh_client.PermissionDenied):
        talk(routers[0], **wrong)
    wait_until(lambda: routers[0].refused == 1, 5, "refusal")
    assert routers[0].logins == 0


def test_what_follows_a_plus_in_a_login_does_not_count(routers):
    assert talk(routers[0], b":put 1", username="nasadmin+cte") == [b"1\r\n"]


def test_keyboard_interactive_may_be_the_only_way(routers):
    router = routers[0]
    router.methods = ["keyboard-interactive"]
    router.prompts = [("Password: ", False)]
    with pytest.raises(ssh_client.PermissionDenied):
        talk(router, preferred_auth="password")
    assert talk(router, b":put 1", preferred_auth="keyboard-interactive")
    with pytest.raises(ssh_client.PermissionDenied):
        talk(router, password="x", preferred_auth="keyboard-interactive")
    wait_until(lambda: router.refused == 1, 5, "refusal")
    assert router.logins == 1


def test_every_hidden_prompt_wants_the_password(routers):
    router = routers[0]
    router.methods = ["keyboard-interactive"]
    router.prompts = [("Again: ", False), ("Name: ", True), ("Pw: ", False)]

    class Asked(ssh_client.Owner):
        def __init__(self, *answers):
            self.answers = list(answers)
            self.ways = [""]

        def kbdint_auth_requested(self):
            return self.ways.pop() if self.ways else None

        def kbdint_challenge_received(self, *_challenge):
            return self.answers
    assert talk(router, b":put 1",
                client_factory=lambda: Asked("naspw", "x", "naspw"))
    with pytest.raises(ssh_client.PermissionDenied):
        talk(router, client_factory=lambda: Asked("naspw", "naspw", "x"))


# ---- faults ----


def test_a_black_hole_answers_no_connect(routers):
    router = routers[0]
    router.fault = "black hole"
    for _ in range(3):
        with pytest.raises(TimeoutError):
            raw_connection(router, timeout=0.5)
    assert router.connections == 0


def test_a_silent_router_accepts_and_says_nothing(routers):
    routers[0].fault = "silent"
    with raw_connection(routers[0], timeout=0.5) as link:
        link.sendall(b"SSH-2.0-test\r\n")
        with pytest.raises(TimeoutError):
            link.recv(1)
        assert (routers[0].connections, routers[0].open) == (1, 1)
    wait_until(lambda: routers[0].open == 0, 5, "end of the connection")


def test_a_router_may_stop_after_its_banner(routers):
    routers[0].fault = "banner only"
    with raw_connection(routers[0], timeout=0.5) as link:
        assert link.recv(100) == b"SSH-2.0-ROSSSH\r\n"
        link.sendall(b"SSH-2.0-test\r\n")
        with pytest.raises(TimeoutError):
            link.recv(1)


def test_garbage_may_come_instead_of_a_banner(routers):
    routers[0].fault = "garbage"
    with raw_connection(routers[0]) as link:
        assert read_all(link) == bytes(range(256)) * 16
    with pytest.raises(ssh_client.Broken):
        talk(routers[0])


def test_lines_without_a_banner_may_not_end(routers):
    routers[0].fault = "endless garbage"
    with raw_connection(routers[0]) as link:
        got = 0
        while got < 1 << 20:
            piece = link.recv(65536)
            assert piece and b"SSH-" not in piece
            got += len(piece)
    wait_until(lambda: routers[0].open == 0, 5, "end of the connection")


def test_a_connection_may_be_closed_at_once(routers):
    routers[0].fault = "closed"
    with raw_connection(routers[0]) as link:
        assert read_all(link) == b""


def test_every_password_may_be_refused(routers):
    routers[0].fault = "refuse"
    with pytest.raises(ssh_client.PermissionDenied):
        talk(routers[0])
    wait_until(lambda: routers[0].refused == 1, 5, "refusal")


def test_a_router_may_never_decide_on_a_password(routers):
    routers[0].fault = "undecided"
    with pytest.raises(TimeoutError):
        Client(routers[0], timeout=0.5)
    assert (routers[0].logins, routers[0].refused) == (0, 0)


def test_a_router_may_hang_up_after_the_login(routers):
    routers[0].fault = "hang up"
    with pytest.raises(ssh_client.Broken):
        talk(routers[0], b":put 1")
    wait_until(lambda: routers[0].logins == 1, 5, "login")
    assert routers[0].commands == []


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault])
def test_a_fault_concerns_one_router_and_passes(routers, fault):
    routers[0].fault = fault
    assert talk(routers[1], b":put 1") == [b"1\r\n"]
    routers[0].fault = None
    assert talk(routers[0], b":put 2") == [b"2\r\n"]


def test_there_is_no_fault_of_any_other_name(routers):
    with pytest.raises(ValueError):
        routers[0].fault = "none such"


def test_the_host_key_may_change(routers):
    router = routers[0]
    old = router.host_key().encode()
    assert talk(router, b":put 1", known_hosts=old)
    before = router.fingerprint()
    router.change_host_key()
    assert router.fingerprint() != before
    with pytest.raises(ssh_client.HostKeyNotVerifiable):
        talk(router, known_hosts=old)
    assert talk(router, b":put 1", known_hosts=router.host_key().encode())


def test_a_stopped_router_refuses_and_comes_back(routers):
    routers[0].stop()
    with pytest.raises(ConnectionRefusedError):
        talk(routers[0])
    routers[0].start()
    assert talk(routers[0], b":put 1") == [b"1\r\n"]


# ---- answers ----


def test_an_answer_may_hang_in_its_middle(routers):
    router = routers[0]
    router.online("u1")
    router.answer = ros_console.hang_after(2)
    with Client(router) as client:
        assert client.start(REMOVE, 2) == b"do"
        assert router.removed == [b"u1"]
        assert router.calls[0].ended is None
    wait_until(lambda: router.calls[0].ended, 5, "end with the connection")


def test_an_answer_may_wait_until_it_is_let_through(routers):
    router, hold = routers[0], Hold()
    router.answer = lambda command, honest: [hold, honest]
    threading.Timer(0.3, hold.open.set).start()
    begin = time.monotonic()
    assert talk(router, b":put 1") == [b"1\r\n"]
    assert time.monotonic() - begin >= 0.3


def test_a_flood_without_end_ends_with_the_connection(routers):
    router = routers[0]
    router.answer = ros_console.flood()
    with Client(router) as client:
        assert len(client.start(b":put 1", 1 << 20)) == 1 << 20
    wait_until(lambda: router.calls[0].ended, 5, "end of the flood")


def test_a_flood_has_its_size(routers):
    routers[0].answer = ros_console.flood(3_000_001)
    assert len(talk(routers[0], b":put 1")[0]) == 3_000_001


def test_an_answer_may_be_cut_or_left_out(routers):
    router = routers[0]
    router.online("u1")
    router.answer = ros_console.cut(3)
    with Client(router) as client, pytest.raises(
            ConnectionResetError, match="b'don'"):
        client.run(REMOVE)
    assert router.removed == [b"u1"]
    router.answer = ros_console.close_unanswered
    with Client(router) as client, pytest.raises(ssh_client.Broken):
        client.run(REMOVE)


def test_two_hundred_routers_serve_at_once():
    with ScriptedRouters(200) as routers:
        assert routers[199].address == "127.0.1.200"
        for router in routers:
            with raw_connection(router) as link:
                assert link.recv(100) == b"SSH-2.0-ROSSSH\r\n"
            router.online("u1")
        some = list(routers)[::5]
        with ThreadPoolExecutor(len(some)) as pool:
            said = pool.map(lambda router: talk(router, REMOVE), some)
            assert list(said) == [[b"done\r\n"]] * 40
        assert [router.removed for router in some] == [[b"u1"]] * 40
        assert sum(router.logins for router in routers) == 40
        assert routers.log == ""


def test_addresses_that_end_with_0_or_255_are_left_out():
    routers = ScriptedRouters(300)
    assert len(set(routers.addresses)) == 300
    assert routers.addresses[253:256] == [
        "127.0.1.254", "127.0.2.1", "127.0.2.2"]
