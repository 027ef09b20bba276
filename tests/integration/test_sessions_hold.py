"""Sessions cannot be ended: routers that are gone, refuse, or misbehave are
left alone for a while, which is told once, with the cure."""

import contextlib
import re
import subprocess

import pytest

from harness import ros_console
from harness.process import wait_until
from harness.routeros import OLD_V6, RouterOS
from integration.sessions import (also, held, known_hosts, nas, ports,
                                  reasons, resets, table)

pytestmark = pytest.mark.plain

ENDED = "1 session ended on 127.0.0.1"
GONE = "it cannot be reached: "
FAILED = "1 of 1 router failed: 127.0.0.1: "


@pytest.fixture(name="router")
def fixture_router():
    """A router where the subscriber is online."""
    with RouterOS() as router:
        router.online("sub1001")
        yield router


@pytest.fixture(name="three")
def fixture_three():
    """Three routers."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(RouterOS(address))
               for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3")]


def begin(chain, router, **routers):
    """The chain runs, and one reset is to be made."""
    resets(chain, port=router.port, **routers)
    nas(chain)
    chain.subscriber()
    chain.start().change_tariff()
    return chain


def wait_attempts(chain, count):
    """Wait until every delivery was tried so often, and waits again."""
    wait_until(lambda: all(
        state == "retry" and attempts >= count
        for state, attempts in chain.deliveries("state, attempts")), 15,
        f"{count} attempts")


def only_held(chain):
    """What the log tells of the one router that is left alone."""
    (words,) = held(chain)
    return words


# ---- the password


def test_a_wrong_password_is_tried_once_and_reported_once(chain, router):
    """However many subscribers wait, and however often they are tried."""
    resets(chain, port=router.port)
    nas(chain, naspass="Falsch-1")
    for uid in range(1, 21):
        chain.subscriber(uid)
    chain.start()
    chain.db.sql("UPDATE users SET gid=6", "mikbill")
    wait_until(lambda: len(chain.states()) == 20, 10, "resets")
    wait_attempts(chain, 3)
    assert (router.connections, router.refused, router.logins) == (1, 1, 0)
    assert ('refuses the login of user "nasadmin" (it offers:'
            " publickey,password); password: Authentication failed"
            " (username/password); check") in only_held(chain)
    assert "check naslogin and naspass in radnas" in only_held(chain)
    assert "Falsch" not in chain.service.log_text()
    assert set(chain.deliveries("reason LIKE '1 of 1 router failed: 127.0.0.1:"
                                " it refuses the login%'")) == {(1,)}


def test_a_password_that_is_put_right_works_without_restart(chain, router):
    """Long before the ten minutes are over."""
    resets(chain, port=router.port)
    nas(chain, naspass="wrong")
    chain.subscriber()
    chain.start().change_tariff()
    chain.wait_states("retry")
    chain.db.sql("UPDATE radnas SET naspass='naspw'", "mikbill")
    chain.wait_states("done")
    assert reasons(chain) == [ENDED]
    assert (router.refused, router.logins) == (1, 1)
    chain.service.wait_log(r"info router: 127.0.0.1 .* works again")


def test_a_password_that_is_changed_on_both_sides_is_taken(chain, router):
    """The connection that stands is one of the old account."""
    begin(chain, router).wait_states("done")
    router.change_password("other", "otherpw")
    chain.db.sql("UPDATE radnas SET naslogin='other', naspass='otherpw'",
                 "mikbill")
    wait_until(lambda: _resets_again(chain) and router.logins == 2, 15,
               "login", pause=0.3)
    assert "Accepted password for other" in router.log.read_text()
    assert held(chain) == []


def _resets_again(chain):
    chain.db.sql("UPDATE users SET gid=gid+1", "mikbill")
    return True


def test_a_router_without_passwords_is_told_by_what_it_offers(chain):
    with RouterOS(password_allowed=False, authorized_key="none") as router:
        begin(chain, router).wait_states("retry")
        assert "it offers: publickey" in only_held(chain)
        assert router.refused == 0


# ---- the router's own key


def new_key(router):
    """The router is another one from now on."""
    router.stop()
    router.change_host_key()
    router.start()


def cure(chain, pattern):
    """Do as the log says."""
    (command,) = re.findall(pattern, only_held(chain))
    subprocess.run(command, shell=True, check=True, capture_output=True)


def test_a_key_that_is_seen_first_is_noted(chain, router):
    begin(chain, router).wait_states("done")
    assert known_hosts(chain).read_text() == router.host_key("ed25519") + "\n"
    assert known_hosts(chain).stat().st_mode & 0o777 == 0o600


def test_a_router_with_another_key_is_told_nothing(chain, router):
    """What to do about it stands in the log, and helps at once."""
    begin(chain, router).wait_states("done")
    new_key(router)
    router.reset()
    router.online("sub1001")
    chain.change_tariff(gid=7)
    chain.wait_states("done", "retry")
    assert "its key has changed: it shows " + router.fingerprint(
        "ed25519") in only_held(chain)
    assert (router.logins, router.refused, router.commands) == (0, 0, [])
    assert "preauth" in router.log.read_text()
    cure(chain, r"(ssh-keygen -f \S+ -R \S+);")
    chain.wait_states("done", "done")
    assert router.removed == [b"sub1001"]


def test_a_known_router_may_not_come_with_a_key_of_another_kind(
        chain, router):
    begin(chain, router).wait_states("done")
    router.host_key_types = ("rsa",)
    router.algorithms["HostKeyAlgorithms"] = "ssh-rsa"
    new_key(router)
    router.reset()
    chain.change_tariff(gid=7)
    chain.wait_states("done", "retry")
    assert "its key has changed" in only_held(chain)
    assert (router.logins, router.refused) == (0, 0)


def test_a_key_of_another_kind_beside_the_known_one_does_no_harm(chain):
    """The known one is asked for."""
    with RouterOS(host_key_types=("rsa",), host_key_algorithms="ssh-rsa"
                  ) as router:
        router.online("sub1001")
        begin(chain, router).wait_states("done")
        router.host_key_types = ("ed25519", "rsa")
        router.algorithms["HostKeyAlgorithms"] = "ssh-ed25519,ssh-rsa"
        rsa = router.host_key("rsa")
        router.stop()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                        router.folder / "host_ed25519"], check=True)
        router.start()
        chain.change_tariff(gid=7)
        chain.wait_states("done", "done")
        assert known_hosts(chain).read_text() == rsa + "\n"


def test_strict_wants_a_key_that_is_known(chain, router):
    """How to make it known stands in the log, and helps at once."""
    begin(chain, router, host_key="strict").wait_states("retry")
    assert router.fingerprint("ed25519") in only_held(chain)
    assert (router.logins, router.refused) == (0, 0)
    assert not known_hosts(chain).exists()
    cure(chain, r"(ssh-keyscan .*>>\S+);")
    chain.wait_states("done")
    assert router.removed == [b"sub1001"]


def test_off_looks_at_no_key(chain, router):
    begin(chain, router, host_key="off").wait_states("done")
    new_key(router)
    chain.change_tariff(gid=7)
    chain.wait_states("done", "done")
    assert not known_hosts(chain).exists()


def test_a_key_that_cannot_be_noted_is_not_believed(chain, router):
    folder = known_hosts(chain).with_name("missing")
    begin(chain, router, known_hosts=folder / "known",
          hold_refused="300 ms").wait_states("retry")
    assert f"its key cannot be noted: {folder}/known: No such" in only_held(
        chain)
    assert (router.logins, router.refused) == (0, 0)
    folder.mkdir()
    chain.wait_states("done")
    assert (folder / "known").exists()


# ---- algorithms


def test_without_a_common_algorithm_both_sides_are_named(chain):
    with RouterOS(kex="sntrup761x25519-sha512@openssh.com") as router:
        begin(chain, router).wait_states("retry")
        assert re.search(r"it \(SSH-2.0-OpenSSH_.*\) and libssh2 1\.[0-9.]+"
                         r" agree on no algorithms", only_held(chain))
        assert "see kex, hostkeys, ciphers and macs" in only_held(chain)


@pytest.mark.parametrize("kind", ["kex", "hostkeys", "ciphers", "macs"])
def test_only_the_algorithms_of_the_settings_are_offered(chain, kind):
    modern = {"kex": "curve25519-sha256", "hostkeys": "ssh-ed25519",
              "ciphers": "aes256-ctr", "macs": "hmac-sha2-256"}
    with RouterOS(**OLD_V6) as router:
        begin(chain, router, **{kind: modern[kind]}).wait_states("retry")
        assert "agree on no algorithms" in only_held(chain)


def test_algorithms_that_the_library_does_not_have_are_our_fault(
        chain, router):
    begin(chain, router, kex="kex-of-the-year-3000").wait_states("retry")
    assert "has none of the algorithms in \"kex-of-the-year-3000\"" in (
        only_held(chain))
    assert "check section [routers]" in only_held(chain)


# ---- routers that are gone


def test_a_router_that_is_down_gets_its_reset_when_it_is_up(chain, router):
    router.stop()
    begin(chain, router).wait_states("retry")
    wait_attempts(chain, 2)
    assert reasons(chain)[0].startswith(FAILED + GONE)
    assert "check that it is up" in only_held(chain)
    router.start()
    chain.wait_states("done")
    assert router.removed == [b"sub1001"]
    chain.service.wait_log(r"info router: 127.0.0.1 .* works again")


def test_a_router_that_restarted_is_no_alarm(chain, router):
    begin(chain, router).wait_states("done")
    router.stop()
    router.start()
    router.online("sub1001")
    chain.change_tariff(gid=7)
    chain.wait_states("done", "done")
    assert router.removed == [b"sub1001"] * 2
    assert held(chain) == []


def test_a_kept_connection_that_breaks_is_made_anew_at_once(chain, router):
    begin(chain, router).wait_states("done")
    router.online("sub1001")
    answers = iter([ros_console.close_unanswered])
    router.answer = lambda command, honest: next(
        answers, lambda _, honest: honest())(command, honest)
    chain.change_tariff(gid=7)
    chain.wait_states("done", "done")
    assert (router.logins, len(router.commands)) == (2, 3)
    assert router.removed == [b"sub1001"] * 2
    assert held(chain) == []


def test_one_dead_router_of_three_does_not_matter_elsewhere(chain, three):
    three[0].stop()
    three[2].online("sub1001")
    resets(chain, ports(*three))
    for number, router in enumerate(three, 1):
        nas(chain, number, router.address)
    chain.subscriber()
    chain.start().change_tariff()
    chain.wait_states("done")
    assert reasons(chain)[0].startswith(
        "1 session ended on 127.0.0.3; 1 of 3 routers failed: 127.0.0.1: "
        + GONE)


def test_only_the_dead_router_is_tried_again(chain, three):
    """Where the session is was not found out."""
    three[0].stop()
    three[0].online("sub1001")
    resets(chain, ports(*three))
    for number, router in enumerate(three, 1):
        nas(chain, number, router.address)
    chain.subscriber()
    chain.start().change_tariff()
    wait_attempts_of_one(chain)
    assert reasons(chain)[0].startswith(FAILED + GONE)
    three[0].start()
    chain.wait_states("done")
    assert reasons(chain) == [ENDED]
    assert [len(router.commands) for router in three] == [1, 1, 1]


def test_a_router_that_leaves_radnas_is_not_waited_for(chain, three):
    three[0].stop()
    resets(chain, ports(*three))
    for number, router in enumerate(three[:2], 1):
        nas(chain, number, router.address)
    chain.subscriber()
    chain.start().change_tariff()
    wait_attempts_of_one(chain)
    chain.db.sql("DELETE FROM radnas WHERE id=1", "mikbill")
    chain.wait_states("done")
    assert reasons(chain) == [
        "the routers that failed are not in radnas any more"]
    assert len(three[1].commands) == 1


def wait_attempts_of_one(chain):
    """Wait until the one delivery was tried more than once."""
    wait_until(chain.states, 10, "reset")
    wait_attempts(chain, 2)


def test_a_reset_that_is_too_old_is_not_made(chain, router):
    router.stop()
    resets(chain, port=router.port)
    also(chain, session_reset={"expire": "1 s"})
    nas(chain)
    chain.subscriber()
    chain.start().change_tariff()
    chain.wait_states("expired")
    (reason,) = reasons(chain)
    assert reason.startswith("too old to be of use; 1 of 1 router failed: ")
    router.start()
    chain.subscriber(1002)
    chain.change_tariff(1002)
    chain.wait_states("expired", "done")
    assert router.removed == []


# ---- routers that misbehave

MISDEEDS = {
    "hangs": (ros_console.hang, "it did not answer within 1 s"),
    "hangs in its answer": (
        ros_console.hang_after(5), "it did not answer within 1 s"),
    "closes without an answer": (
        ros_console.close_unanswered, "the connection broke"),
    "closes in its answer": (ros_console.cut(5), "the connection broke"),
    "says something else": (
        ros_console.say("what?\r\n"), "it answers: what?"),
    "says nothing": (
        ros_console.say(""), "it answers: nothing that could be read"),
    "answers for another": (
        ros_console.say("MBEV-OK 1 1\r\n"), "it answers: MBEV-OK 1 1"),
    "says something that is not text": (
        ros_console.say(b"\xff\x1b[31m\r\n"), "it answers: ??[31m"),
    "never ends": (
        ros_console.flood(), "its answer is longer than 64 KiB"),
}


@pytest.mark.parametrize("name", MISDEEDS)
def test_a_router_that(chain, router, name):
    """And the reset is made when it behaves again."""
    router.answer, words = MISDEEDS[name]
    begin(chain, router, timeout="1 s", hold_refused="300 ms")
    chain.wait_states("retry")
    assert reasons(chain)[0].startswith(FAILED + words)
    router.answer = None
    chain.wait_states("done")
    assert router.names == []
    assert router.removed == [b"sub1001"]


def test_a_session_that_goes_meanwhile_is_no_error(chain, router):
    router.online("sub1001")
    router.vanish("sub1001")
    begin(chain, router).wait_states("done")
    assert chain.deliveries("attempts") == [(1,)]
    assert len(router.commands) == 2
    assert held(chain) == []


def test_an_error_that_stays_is_told_and_tried_later(chain, router):
    router.vanish("sub1001", times=3)
    begin(chain, router).wait_states("retry")
    assert reasons(chain) == [
        FAILED + "it answers: an error, and does not say which"]
    chain.wait_states("done")
    assert held(chain) == []


def test_a_user_without_the_right_to_end_sessions_is_told(chain, router):
    router.denied = True
    begin(chain, router).wait_states("retry")
    assert reasons(chain) == [
        FAILED + "it answers: not enough permissions (9)"]
    chain.service.wait_log("is held: ")
    assert "does not carry out what it is told; it answers: not enough" \
        " permissions (9)" in only_held(chain)
    assert "rights (ssh or api, read, write)" in only_held(chain)
    assert len(router.commands) == 3


def test_one_login_that_a_router_cannot_bear_takes_no_other_along(
        chain, router):
    def answer(command, honest):
        return "bad command name\r\n" if b'"sub13"' in command else honest()
    router.answer = answer
    resets(chain, port=router.port)
    nas(chain)
    for uid in range(11, 16):
        chain.subscriber(uid)
        router.online(f"sub{uid}")
    chain.start()
    chain.db.sql("UPDATE users SET gid=6", "mikbill")
    wait_until(lambda: sorted(chain.states()) == ["done"] * 4 + ["retry"], 15,
               "resets")
    assert sorted(router.removed) == [
        b"sub11", b"sub12", b"sub14", b"sub15"]


# ---- table router


def test_the_table_tells_how_a_router_is(chain, router):
    router.stop()
    begin(chain, router).wait_states("retry")
    wait_until(lambda: table(chain, "nas_id, state, reason LIKE"
                             f" '{GONE}%'") == [(1, "held", 1)], 5, "row")
    ((begun,),) = table(chain, "since_utc")
    wait_until(lambda: table(chain, "until_utc > since_utc + INTERVAL 1 SECOND"
                             " AND since_utc = '%s'" % begun) == [(1,)], 10,
               "longer hold")
    router.start()
    wait_until(lambda: table(chain, "state, reason, until_utc, ended") == [
        ("ok", None, None, 1)], 10, "row")
    assert table(chain, "since_utc > '%s'" % begun) == [(1,)]


def test_a_router_that_works_stands_in_the_table(chain, router):
    router.offline("sub1001")
    begin(chain, router).wait_states("done")
    wait_until(lambda: table(chain, "nas_id, state, ended") == [(1, "ok", 0)],
               5, "row")


def test_a_router_that_is_gone_is_not_in_the_table(chain, three):
    resets(chain, ports(*three))
    for number, router in enumerate(three[:2], 1):
        nas(chain, number, router.address)
    chain.subscriber()
    chain.start().change_tariff()
    wait_until(lambda: len(table(chain)) == 2, 5, "rows")
    chain.db.sql("DELETE FROM radnas WHERE id=1", "mikbill")
    wait_until(lambda: _resets_again(chain) and len(table(chain)) == 1, 10,
               "row that is gone", pause=0.3)
    assert table(chain, "nas_id") == [(2,)]


def test_a_password_that_is_changed_and_wrong_again_is_told_again(
        chain, router):
    resets(chain, port=router.port)
    nas(chain, naspass="wrong")
    chain.subscriber()
    chain.start().change_tariff()
    chain.wait_states("retry")
    assert len(held(chain)) == 1
    chain.db.sql("UPDATE radnas SET naspass='wrong, too'", "mikbill")
    wait_until(lambda: router.refused == 2, 10, "second refusal")
    wait_until(lambda: len(held(chain)) == 2, 5, "second report")
