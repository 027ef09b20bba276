"""The stand-in router is a real SSH server with a console of ours."""

import subprocess
import time

import pytest

from harness import ros_console, ssh_client
from harness.process import wait_until
from harness.ros_console import CLOSE, Flood, Hold
from harness.routeros import OLD_V6, RouterOS, why_not
from harness.ssh_client import Client, talk

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

RESET = (b':do {:local mbevL [/ppp active find name="%s"];'
         b' :local mbevN [:len $mbevL];'
         b' :if ($mbevN > 0) do={/ppp active remove $mbevL};'
         b' :put ("MBEV-OK 0 " . $mbevN)} on-error={:put "MBEV-ERR 0"}')


@pytest.fixture(scope="module")
def shared():
    with RouterOS() as running:
        yield running


@pytest.fixture
def router(shared):
    shared.reset()
    return shared


@pytest.fixture
def user_key(tmp_path):
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key],
                   check=True)
    return key


def known_hosts(*lines):
    return "".join(line + "\n" for line in lines).encode()


# ---- logins ----


def test_a_password_opens_the_console(router):
    router.online("u1", b"u1", "u2")
    answers = talk(router, RESET % b"u1", RESET % b"u1")
    assert answers == [b"MBEV-OK 0 2\r\n", b"MBEV-OK 0 0\r\n"]
    assert router.removed == [b"u1", b"u1"]
    assert router.names == [b"u2"]
    assert router.commands == [RESET % b"u1"] * 2
    assert router.foreign == router.violations == router.raw == []


def test_connections_and_logins_are_counted(router):
    talk(router, b":put 1", b":put 2", b":put 3")
    assert (router.connections, router.logins, router.refused) == (1, 1, 0)
    talk(router, b":put 4")
    assert (router.connections, router.logins, router.refused) == (2, 2, 0)
    clients = [call.client for call in router.calls]
    assert clients[0] == clients[1] == clients[2] != clients[3]
    assert clients[0].startswith("127.0.0.1 ")
    router.reset()
    assert (router.connections, router.logins, router.commands) == (0, 0, [])


@pytest.mark.parametrize("wrong", [
    {"password": "naspw2"}, {"password": ""}, {"username": "nobody"},
    {"username": "root"}])
def test_a_wrong_name_or_password_is_refused_and_counted(router, wrong):
    with pytest.raises(ssh_client.PermissionDenied):
        talk(router, b":put 1", **wrong)
    wait_until(lambda: router.refused == 1, 5, "refusal")
    assert (router.logins, router.commands) == (0, [])


def test_there_may_be_more_accounts_and_new_passwords():
    with RouterOS(user="a", password="p1", accounts={"b+ct": "p2"}) as router:
        assert talk(router, b":put 1", username="a", password="p1")
        assert talk(router, b":put 1", username="b+ct", password="p2")
        router.change_password("a", "п 3:$'\"")
        with pytest.raises(ssh_client.PermissionDenied):
            talk(router, username="a", password="p1")
        assert talk(router, b":put 1", username="a", password="п 3:$'\"")


def test_a_router_may_take_keys_only(user_key):
    public = user_key.with_suffix(".pub").read_text().strip()
    with RouterOS(authorized_key=public, password_allowed=False) as router:
        with pytest.raises(ssh_client.PermissionDenied):
            talk(router)
        assert talk(router, b":put 1", password=None,
                    client_keys=[str(user_key)]) == [b"1\r\n"]
        assert router.logins == 1


def test_an_unknown_key_is_refused(router, user_key):
    with pytest.raises(ssh_client.PermissionDenied):
        talk(router, password=None, client_keys=[str(user_key)])


def test_an_old_router_speaks_only_old_algorithms():
    with RouterOS(**OLD_V6) as router:
        with Client(router, **ssh_client.OLD) as client:
            assert client.run(b":put 1") == b"1\r\n"
            assert client.link.get_extra_info("send_cipher") == "aes128-cbc"
        for name in ssh_client.OLD:
            less = {key: value for key, value in ssh_client.OLD.items()
                    if key != name}
            modern = {"server_host_key_algs": ["rsa-sha2-256"],
                      "kex_algs": ["curve25519-sha256"],
                      "encryption_algs": ["aes256-ctr"],
                      "mac_algs": ["hmac-sha2-256"]}[name]
            with pytest.raises(ssh_client.Broken):
                talk(router, **less, **{name: modern})
        assert router.logins == 1


def test_an_rsa_host_key_of_sha1_has_to_be_asked_for():
    sha1 = {"server_host_key_algs": ["ssh-rsa"]}
    with RouterOS(host_key_types=("rsa",)) as router:
        with pytest.raises(ssh_client.Broken):
            talk(router, **sha1)
    with RouterOS(host_key_types=("rsa",),
                  host_key_algorithms="+ssh-rsa") as router:
        assert talk(router, b":put 1", **sha1) == [b"1\r\n"]


# ---- host keys ----


def test_the_host_key_is_that_of_known_hosts(router):
    assert talk(router, b":put 1", known_hosts=known_hosts(
        router.host_key("ed25519"))) == [b"1\r\n"]


def test_the_fingerprint_is_that_of_openssh(router):
    said = subprocess.run(
        ["ssh-keygen", "-l", "-f", router.folder / "host_ed25519.pub"],
        check=True, capture_output=True).stdout.decode().split()[1]
    assert router.fingerprint("ed25519") == said


def test_the_host_key_may_change_under_a_connection():
    with RouterOS() as router, Client(router) as open_before:
        old = router.host_key("ed25519")
        router.change_host_key()
        assert router.host_key("ed25519") != old
        assert open_before.run(b":put 1") == b"1\r\n"
        with pytest.raises(ssh_client.HostKeyNotVerifiable):
            talk(router, known_hosts=known_hosts(old))
        talk(router, known_hosts=known_hosts(router.host_key("ed25519")))


# ---- life ----


def test_a_stopped_router_refuses_and_comes_back_at_the_same_port():
    with RouterOS(address="127.0.3.1") as router:
        place = router.address, router.port
        router.online("u1")
        with Client(router) as client:
            router.stop()
            with pytest.raises(ssh_client.Broken):
                client.run(b":put 1")
        with pytest.raises(ConnectionRefusedError):
            talk(router)
        router.start()
        assert (router.address, router.port) == place
        assert talk(router, RESET % b"u1") == [b"MBEV-OK 0 1\r\n"]
        assert router.logins == 2


def test_two_routers_may_share_a_port_number():
    with RouterOS(address="127.0.3.1") as first, \
            RouterOS(address="127.0.3.2", port=first.port) as second:
        second.online("u1")
        assert talk(first, RESET % b"u1") == [b"MBEV-OK 0 0\r\n"]
        assert talk(second, RESET % b"u1") == [b"MBEV-OK 0 1\r\n"]


def test_connections_can_be_closed_under_the_client(router):
    with Client(router) as client:
        client.run(b":put 1")
        router.close_connections()
        with pytest.raises(ssh_client.Broken):
            client.run(b":put 2")
    assert talk(router, b":put 3") == [b"3\r\n"]


# ---- answers ----


def test_commands_come_as_they_were_sent(router):
    odd = ':put "я \'`$\\$\\"*|>/dev/null'.encode()
    talk(router, odd)
    assert router.commands == [odd]


def test_what_is_foreign_or_interprets_data_is_noted(router):
    router.online("u1")
    said = talk(router, b"/system reboot", RESET % b"$x",
                b"/ppp active remove [find name=\"u1\"]")
    assert said[0] == b"bad command name system (line 1 column 2)\r\n"
    assert router.foreign == [b"/system reboot"]
    assert len(router.violations) == 1
    assert said[2] == b"" and router.removed == [b"u1"]


def test_a_shell_is_counted_and_says_nothing(router):
    assert talk(router, None) == [b""]
    assert (router.shells, router.commands) == (1, [])


def test_an_account_may_lack_the_right(router):
    router.online("u1")
    router.denied = True
    assert talk(router, RESET % b"u1") == [b"not enough permissions (9)\r\n"]
    assert router.names == [b"u1"] and router.foreign == []


def test_a_session_may_vanish_in_between(router):
    router.online("u1")
    router.vanish("u1")
    assert talk(router, RESET % b"u1", RESET % b"u1") == [
        b"MBEV-ERR 0\r\n", b"MBEV-OK 0 0\r\n"]


def test_something_else_may_be_said(router):
    router.online("u1")
    router.answer = ros_console.say("failure: out of memory\r\n")
    assert talk(router, RESET % b"u1") == [b"failure: out of memory\r\n"]
    assert router.names == [b"u1"]


def test_an_answer_may_depend_on_the_command(router):
    router.answer = lambda command, honest: (
        b"" if b"2" in command else honest())
    assert talk(router, b":put 1", b":put 2") == [b"1\r\n", b""]


def test_an_answer_may_wait_before_the_command_is_done(router):
    router.online("u1")
    hold = Hold()
    router.answer = lambda command, honest: [b"so ", hold, honest]
    with Client(router, timeout=10) as client:
        assert client.start(RESET % b"u1", 3) == b"so "
        assert hold.reached.wait(5)
        assert router.names == [b"u1"]
        hold.open.set()
        wait_until(lambda: router.calls[0].ended, 5, "end of the answer")
    assert router.removed == [b"u1"]


def test_a_command_may_be_done_and_its_answer_hang(router):
    router.online("u1")
    router.answer = ros_console.hang_after(4)
    with Client(router, timeout=0.5) as client:
        with pytest.raises(TimeoutError):
            client.run(RESET % b"u1")
        assert router.removed == [b"u1"]
        assert router.calls[0].ended is None
    wait_until(lambda: router.calls[0].ended, 5, "end with the connection")


def test_an_answer_may_come_late(router):
    router.answer = lambda command, honest: [0.3, honest]
    begin = time.monotonic()
    assert talk(router, b":put 1") == [b"1\r\n"]
    assert time.monotonic() - begin >= 0.3


def test_a_flood_has_its_size(router):
    router.answer = lambda command, honest: [Flood(3_000_001), "end"]
    said, = talk(router, b":put 1")
    assert len(said) == 3_000_004 and said.endswith(b"end")


def test_a_flood_without_end_ends_with_the_connection(router):
    router.answer = ros_console.flood()
    with Client(router) as client:
        assert len(client.start(b":put 1", 1 << 20)) == 1 << 20
        assert router.calls[0].ended is None
    wait_until(lambda: router.calls[0].ended, 5, "end of the flood")


def test_the_connection_may_be_closed_instead_of_an_answer(router):
    router.online("u1")
    router.answer = ros_console.close_unanswered
    with Client(router) as client, pytest.raises(ssh_client.Broken) as broken:
        client.run(RESET % b"u1")
    assert b"MBEV" not in str(broken.value).encode()
    assert router.names == [b"u1"]


def test_an_answer_may_be_cut(router):
    router.online("u1")
    router.answer = ros_console.cut(6)
    with Client(router) as client, pytest.raises(
            ConnectionResetError, match="b'MBEV-O'"):
        client.run(RESET % b"u1")
    assert router.removed == [b"u1"]


def test_other_connections_live_when_one_is_closed(router):
    with Client(router) as other:
        other.run(b":put 1")
        router.answer = lambda command, honest: (
            [CLOSE] if b"2" in command else honest())
        with Client(router) as client, pytest.raises(ssh_client.Broken):
            client.run(b":put 2")
        assert other.run(b":put 3") == b"3\r\n"
