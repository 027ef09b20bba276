"""Sessions are ended through the binary API of a router, plain or in TLS:
what it is told, and what becomes of routers that do not answer as they
should."""

import contextlib
import itertools
import signal
import socket

import pytest

from harness import ros_api
from harness.billing import create_billing
from harness.certificates import Authority
from harness.process import wait_until
from harness.product import install
from harness.ros_api import ANONYMOUS, RouterApi, only, say, trap
from harness.routeros import RouterOS
from harness.server import MariaDB
from integration.conftest import make_chain
from integration.sessions import (also, held, nas, ports, reasons, resets,
                                  table)

ENDED = "1 session ended on 127.0.0.1"
NOTHING = "no session on 1 router"
LOGIN, FIND, REMOVE = "/login", "/ppp/active/print", "/ppp/active/remove"
AT_ONCE = {"hold_first": "100 ms", "hold_longest": "100 ms",
           "hold_refused": "100 ms", "retry_first": "100 ms",
           "retry_longest": "100 ms"}


@pytest.fixture(name="router")
def fixture_router():
    """A router."""
    with RouterApi() as router:
        yield router


def by_api(chain, router, transport="api", **keys):
    """The chain for this router, and one subscriber."""
    resets(chain, transport=transport, port=router.port, **keys)
    nas(chain)
    chain.subscriber()
    return chain


def reset(chain):
    """One reset, that is done; its reason."""
    chain.start().change_tariff()
    chain.wait_states("done")
    return reasons(chain)[0]


def reset_again(chain, gid=7):
    """The next one, after all before it; its reason."""
    done = len(chain.states())
    chain.change_tariff(gid=gid)
    chain.wait_states(*["done"] * (done + 1))
    return reasons(chain)[-1]


def many(chain, count):
    """More subscribers, and their uids."""
    uids = range(2001, 2001 + count)
    for uid in uids:
        chain.subscriber(uid)
    return uids


def reset_many(chain, uids):
    """A reset for each of them."""
    chain.db.sql(f"UPDATE users SET gid = 9 WHERE uid BETWEEN {uids[0]} AND"
                 f" {uids[-1]}", "mikbill")


def in_turn(*answers):
    """Each answer once, then the right one."""
    left = iter(answers)
    return lambda sentence, honest: (
        next(left, lambda _sentence, honest: honest())(sentence, honest))


def wait_held(chain, words):
    """The one line of the log that tells of a router that is held."""
    chain.service.wait_log("is held: ")
    told = held(chain)
    assert len(told) == 1 and words in told[0], told
    return told[0]


def everything_written(chain):
    """The log, and all that stands in the tables of ours."""
    tables = [name for (name,) in chain.db.sql("SHOW TABLES",
                                               "mikbill_events")]
    return chain.service.log_text() + "".join(
        str(chain.db.sql(f"SELECT * FROM `{one}`", "mikbill_events"))
        for one in tables)


# ---- what is ended


def test_a_session_is_ended_by_its_id(chain, router):
    router.online(b"other", b"sub1001", b"sub10011")
    assert reset(by_api(chain, router)) == ENDED
    assert router.removed == [b"sub1001"]
    assert router.sentences == [
        [b"/login", b"=name=nasadmin", b"=password=naspw"],
        [b"/ppp/active/print", b"?name=sub1001", b"=.proplist=.id,name"],
        [b"/ppp/active/remove", b"=.id=*80000002"]]
    assert router.violations == []


def test_all_sessions_of_a_login_are_ended(chain, router):
    router.online(b"sub1001", b"other", b"sub1001", b"sub1001")
    assert reset(by_api(chain, router)) == "3 sessions ended on 127.0.0.1"
    assert router.sessions == [b"other"]
    assert router.violations == []


@pytest.mark.parametrize("count", [32, 33, 70])
def test_as_many_sessions_as_there_are(chain, router, count):
    router.online(*[b"sub1001"] * count, b"other")
    assert reset(by_api(chain, router)) == (
        f"{count} sessions ended on 127.0.0.1")
    assert router.sessions == [b"other"]
    assert router.violations == []


@pytest.mark.parametrize("new", [False, True])
def test_a_subscriber_who_is_offline_has_nothing_to_end(chain, new):
    with RouterApi(new=new) as router:
        router.online(b"sub100", b"sub10011", b"SUB1001")
        assert reset(by_api(chain, router)) == NOTHING
        assert router.removed == router.violations == []


def test_a_session_that_went_meanwhile_is_no_error(chain, router):
    router.online(b"sub1001")
    router.vanish(b"sub1001")
    router.online(b"sub1001")
    assert reset(by_api(chain, router)) == ENDED
    assert router.removed == [b"sub1001"]


def test_only_a_session_that_went_is_nothing_to_end(chain, router):
    router.online(b"sub1001")
    router.vanish(b"sub1001")
    assert reset(by_api(chain, router)) == NOTHING
    assert held(chain) == []


def test_sessions_of_others_that_a_router_shows_are_left_alone(chain, router):
    mine, other = router.online(b"sub1001", b"sub10011")
    router.answer = only(FIND, lambda _sentence, _honest: say(
        [b"!re", b"=.id=" + other, b"=name=sub10011"],
        [b"!re", b"=.id=" + mine, b"=name=sub1001"], [b"!done"]))
    assert reset(by_api(chain, router)) == ENDED
    assert router.sessions == [b"sub10011"]


@pytest.mark.parametrize("count", [1, 40])
def test_sessions_that_are_back_at_once_are_not_ended_again(
        chain, router, count):
    router.redials = True
    router.online(*[b"sub1001"] * count)
    reset(by_api(chain, router))
    assert router.removed == [b"sub1001"] * count


# ---- logins of subscribers


@pytest.fixture(scope="module", name="modern_server")
def fixture_modern_server():
    """A server with a modern billing that keeps all of Unicode."""
    with MariaDB() as db:
        create_billing(db, "mikbill", "modern", charset="utf8mb4")
        install(db)
        yield db


@pytest.fixture(name="modern")
def fixture_modern(modern_server, pilot):
    """The chain on a modern billing."""
    for chain in make_chain(modern_server, pilot):
        chain.db.sql("ALTER TABLE users ALTER state SET DEFAULT 1", "mikbill")
        yield chain


HOSTILE = ["=.id=*1", "?name=other", "/system/reboot", "!done", ".tag=1", "=",
           "?#!", "a\"b'c\\d`e", "$user [/system reboot]; #", "a b", " a",
           "абонент№1", "😀🔥", "ÿþ", "x" * 32, "*80000001", "ж" * 32]


def rename(chain, uid, login):
    """Another login."""
    with chain.db.connect("mikbill") as link, link.cursor() as cursor:
        cursor.execute("SET NAMES utf8mb4")
        cursor.execute("UPDATE users SET user = %s WHERE uid = %s",
                       (login, uid))


def test_no_login_becomes_another_word(modern, router):
    by_api(modern, router)
    uids = many(modern, len(HOSTILE))
    for uid, login in zip(uids, HOSTILE):
        rename(modern, uid, login)
        router.online(login.encode())
    router.online(b"other", b"")
    modern.start()
    reset_many(modern, uids)
    modern.wait_states(*["done"] * len(HOSTILE))
    assert reasons(modern) == [ENDED] * len(HOSTILE)
    assert sorted(router.removed) == sorted(one.encode() for one in HOSTILE)
    assert router.sessions == [b"other", b""]
    assert router.violations == []


@pytest.mark.parametrize("login, why", [
    ("a\n/system/reboot", "has a control character in it"),
    ("a\rb", "has a control character in it"),
    ("😀" * 17, "is longer than 64 bytes"), ("", "is empty")])
def test_a_login_that_is_none_is_not_looked_for(modern, router, login, why):
    by_api(modern, router)
    router.online(b"other", b"", login.encode())
    rename(modern, 1001, login)
    modern.start().change_tariff()
    modern.wait_states("skipped")
    assert reasons(modern) == ["the login cannot have a session: the login "
                               + why]
    assert router.sentences == []


# ---- which transport


def test_the_billing_says_which_router_has_an_api(modern):
    with RouterApi("127.0.0.1") as api, RouterOS("127.0.0.2") as ssh:
        resets(modern, ports(api, ssh))
        nas(modern, 1, "127.0.0.1", use_api=1)
        nas(modern, 2, "127.0.0.2", use_api=0)
        modern.subscriber()
        api.online(b"sub1001")
        ssh.online("sub1001")
        assert reset(modern) == (
            "2 sessions ended on 127.0.0.1, 127.0.0.2")
        assert api.removed == ssh.removed == [b"sub1001"]
        assert api.violations == ssh.violations == []
        wait_until(lambda: table(modern, "nas_id, transport") == [
            (1, "api"), (2, "ssh")], 10, "rows")


def test_use_api_that_is_set_later_counts_from_the_next_reset_on(
        modern, router):
    resets(modern, port=router.port, timeout="1 s", **AT_ONCE)
    nas(modern, use_api=0)
    modern.subscriber()
    router.online(b"sub1001")
    modern.start().change_tariff()
    modern.service.wait_log("is held: ")
    modern.db.sql("UPDATE radnas SET use_api = 1", "mikbill")
    modern.wait_states("done")
    assert reasons(modern) == [ENDED]
    wait_until(lambda: table(modern, "transport, state") == [("api", "ok")],
               10, "row")


# ---- our login there


def test_a_refused_password_is_told_once_and_not_tried_again(chain, router):
    by_api(chain, router, hold_refused="10 min")
    chain.db.sql("UPDATE radnas SET naspass = 'wrong'", "mikbill")
    chain.start()
    reset_many(chain, many(chain, 20))
    wait_until(lambda: chain.deliveries("COUNT(*)", "attempts > 1") == [(20,)],
               10, "second attempts")
    wait_held(chain, "127.0.0.1 (radnas 1, api) is held: it refuses the login:"
              " invalid user name or password (6); check naslogin and naspass"
              " in radnas, and that the router lets this user in from this"
              " host; it is tried again in 600 s at the earliest")
    assert router.refused == [b"nasadmin"]
    assert set(reasons(chain)) == {
        "1 of 1 router failed: 127.0.0.1: it refuses the login: invalid user"
        " name or password (6)"}
    wait_until(lambda: table(chain) == [
        (1, "held", "it refuses the login: invalid user name or password "
                    "(6)")], 10, "row")


def test_a_corrected_password_works_at_once(chain, router):
    by_api(chain, router, hold_refused="10 min")
    chain.db.sql("UPDATE radnas SET naspass = 'wrong'", "mikbill")
    router.online(b"sub1001")
    chain.start().change_tariff()
    chain.service.wait_log("is held: ")
    chain.db.sql("UPDATE radnas SET naspass = 'naspw'", "mikbill")
    chain.wait_states("done")
    assert router.refused == router.logins == [b"nasadmin"]
    chain.service.wait_log("127.0.0.1 .* works again")
    wait_until(lambda: table(chain) == [(1, "ok", None)], 10, "row")


def test_a_password_that_is_corrected_on_the_router_works_after_the_pause(
        chain, router):
    by_api(chain, router, hold_refused="300 ms")
    router.users[b"nasadmin"] = b"another"
    router.online(b"sub1001")
    chain.start().change_tariff()
    wait_until(lambda: len(router.refused) > 2, 10, "refusals")
    router.users[b"nasadmin"] = b"naspw"
    chain.wait_states("done")
    assert len(held(chain)) == 1


@pytest.mark.parametrize("api_login", ["plain", "challenge"])
def test_an_old_router_has_its_challenge_answered(chain, api_login):
    with RouterApi(old=True) as router:
        router.online(b"sub1001")
        assert reset(by_api(chain, router, api_login=api_login)) == ENDED
        assert router.violations == []
        sent = [word.startswith(b"=password=") for words in router.sentences
                for word in words]
        assert any(sent) == (api_login == "plain")
        assert b"naspw" not in b"".join(sum(router.sentences[1:], []))


def test_a_wrong_password_is_no_answer_to_a_challenge(chain):
    with RouterApi(old=True, password="other") as router:
        by_api(chain, router, api_login="challenge").start().change_tariff()
        wait_held(chain, "it refuses the login: invalid user name or password"
                         " (6); check naslogin")


@pytest.mark.parametrize("answer", [
    say([b"!done"]), say([b"!trap", b"=message=" + b"invalid user name"],
                         [b"!done"])])
def test_a_router_without_a_challenge_is_told_so(chain, router, answer):
    by_api(chain, router, api_login="challenge")
    router.answer = only(LOGIN, lambda _sentence, _honest: answer)
    chain.start().change_tariff()
    assert "api_login must be plain" in wait_held(
        chain, "it offers no challenge, as RouterOS from 6.43 on")
    assert b"naspw" not in b"".join(sum(router.sentences, []))


def test_a_challenge_that_is_none_is_not_answered(chain, router):
    by_api(chain, router)
    router.answer = only(LOGIN, lambda _sentence, _honest: say(
        [b"!done", b"=ret=0123"]))
    chain.start().change_tariff()
    wait_held(chain, "its challenge cannot be answered")
    assert len(router.sentences) == 1


def test_the_password_is_written_nowhere(chain, router):
    secret = "S3cr3t-pass-w0rd"
    by_api(chain, router, **AT_ONCE)
    chain.db.sql(f"UPDATE radnas SET naspass = '{secret}'", "mikbill")
    router.users[b"nasadmin"] = secret.encode()
    router.online(b"sub1001")
    router.answer = in_turn(trap("invalid"), ros_api.close, ros_api.garbage)
    assert reset(chain) == ENDED
    wait_until(lambda: table(chain, "state") == [("ok",)], 10, "row")
    assert router.logins == [b"nasadmin"]
    assert secret not in everything_written(chain)


# ---- answers


def test_an_answer_may_come_byte_by_byte(chain, router):
    router.drip = 0.001
    router.online(*[b"sub1001"] * 3)
    assert reset(by_api(chain, router)) == "3 sessions ended on 127.0.0.1"
    assert router.violations == []


def test_what_a_router_does_not_allow_is_told_once(chain, router):
    by_api(chain, router, **AT_ONCE)
    router.online(b"sub1001")
    router.answer = only(FIND, trap("not enough permissions (9)"))
    chain.start().change_tariff()
    assert "check that the user's group there has the rights" in wait_held(
        chain, "it does not carry out what it is told; it answers: not enough"
        " permissions (9)")
    before = len(router.sentences)
    wait_until(lambda: len(router.sentences) > before + 12, 10, "more")
    assert "works again" not in chain.service.log_text()
    router.answer = lambda _sentence, honest: honest()
    chain.wait_states("done")
    chain.service.wait_log("works again")
    assert len(held(chain)) == 1
    assert chain.service.log_text().count("works again") == 1


def test_an_order_that_fails_is_tried_twice_and_says_why(chain, router):
    by_api(chain, router, retry_first="10 min", retry_longest="10 min")
    router.online(b"sub1001")
    router.answer = only(REMOVE, trap("failure: busy", 4))
    chain.start().change_tariff()
    chain.wait_states("retry")
    assert reasons(chain) == [
        "1 of 1 router failed: 127.0.0.1: it answers: failure: busy"]
    assert [words[0] for words in router.sentences] == [
        b"/login", *[b"/ppp/active/print", b"/ppp/active/remove"] * 2]
    assert held(chain) == []


def test_one_order_that_fails_takes_no_other_along(chain, router):
    by_api(chain, router, retry_first="10 min", retry_longest="10 min")
    uids = many(chain, 10)
    router.online(*[b"sub%d" % uid for uid in uids])
    router.answer = lambda sentence, honest: (
        trap("failure: no")(sentence, honest)
        if b"?name=sub2005" in sentence.words else honest())
    chain.start()
    reset_many(chain, uids)
    wait_until(lambda: sorted(chain.states()) == ["done"] * 9 + ["retry"], 10,
               "end of all")
    assert router.sessions == [b"sub2005"]


@pytest.mark.parametrize("fault, words", [
    (ros_api.close, "the connection ended: it was closed"),
    (ros_api.reset, "the connection ended: Connection reset by peer"),
    (ros_api.fatal("out of memory"), "it ends the connection: out of memory"),
    (ros_api.garbage, "the connection ended: it was closed"),
    (ros_api.huge_word, "it is no RouterOS API that answers"),
    (ros_api.announce, "it is no RouterOS API that answers"),
    (ros_api.reserved, "it is no RouterOS API that answers"),
    (ros_api.endless_sentence, "it is no RouterOS API that answers"),
    (ros_api.cut(3), "the connection ended: it was closed"),
], ids=["close", "reset", "fatal", "garbage", "huge", "announced", "reserved",
        "endless", "cut"])
def test_a_broken_answer_is_told_and_the_reset_done_later(
        chain, router, fault, words):
    by_api(chain, router, **AT_ONCE)
    router.online(b"sub1001", b"other")
    broken = {LOGIN, FIND, REMOVE}
    if "ends the connection" in words:  # at the login it is a refusal
        broken.remove(LOGIN)
    connections = len(broken) + 1

    def answer(sentence, honest):
        if sentence.command in broken:
            broken.remove(sentence.command)
            return fault(sentence, honest)
        return honest()
    router.answer = answer
    assert reset(chain).startswith(
        "no session" if fault.__name__ == "answer" else ENDED)
    assert not broken and router.connections == connections
    assert router.sessions == [b"other"]
    wait_held(chain, words)
    chain.service.wait_log("works again")


def test_a_connection_that_is_ended_at_the_login_is_a_refusal(chain, router):
    by_api(chain, router)
    router.answer = only(LOGIN, ros_api.fatal("too many attempts"))
    chain.start().change_tariff()
    assert "check naslogin and naspass" in wait_held(
        chain, "it ends the connection: too many attempts")


def test_a_session_that_was_ended_unheard_is_not_ended_again(chain, router):
    by_api(chain, router, **AT_ONCE)
    router.online(b"sub1001")
    router.answer = only(REMOVE, ros_api.first(
        1, ros_api.done_but(ros_api.reset)))
    assert reset(chain) == NOTHING
    assert router.removed == [b"sub1001"]


@pytest.mark.parametrize("command, words", [
    (LOGIN, "it did not let us in within 1 s"),
    (FIND, "it did not answer within 1 s"),
    (REMOVE, "it did not answer within 1 s")])
def test_a_router_that_hangs_is_left(chain, router, command, words):
    by_api(chain, router, timeout="1 s", **AT_ONCE)
    router.online(b"sub1001")
    router.answer = only(command, ros_api.first(1, ros_api.hang))
    assert reset(chain) == ENDED
    wait_held(chain, words)
    assert router.connections == 2


def test_a_router_that_closes_behind_its_answer_has_answered(chain, router):
    def answer(sentence, honest):
        right = honest()
        if sentence.command == REMOVE:
            chain.service.signal(signal.SIGSTOP)
            right.end = "close"
        return right
    by_api(chain, router)
    for number in (1, 2):
        router.answer = answer
        router.online(b"sub1001")
        if number == 1:
            chain.start()
        chain.change_tariff(gid=number + 6)
        router.wait_removed(number)
        # pylint: disable-next=protected-access
        wait_until(lambda: not router._connections, 10, "end")
        chain.service.signal(signal.SIGCONT)
        chain.wait_states(*["done"] * number)
    assert reasons(chain) == [ENDED, ENDED]
    assert router.connections == 2
    assert held(chain) == []


def test_a_flood_keeps_nobody_waiting(chain, router, pilot):
    by_api(chain, router, **AT_ONCE)
    also(chain, payment={"sms": "yes"})
    router.answer = only(FIND, ros_api.flood)
    chain.start().change_tariff()
    chain.service.wait_log("is held: ")
    wait_held(chain, "it ")
    for count in range(1, 4):
        chain.pay()
        pilot.wait(count)
    router.online(b"sub1001")
    router.answer = lambda _sentence, honest: honest()
    router.wait_removed(1)
    assert router.connections > 1


# ---- the connection is kept


def test_one_connection_serves_many_resets(chain, router):
    by_api(chain, router)
    uids = many(chain, 40)
    router.online(*[b"sub%d" % uid for uid in uids])
    chain.start()
    reset_many(chain, uids)
    chain.wait_settled(40)
    chain.change_tariff()
    chain.wait_settled(41)
    assert sorted(router.removed) == [b"sub%d" % uid for uid in uids]
    assert router.connections == 1 and router.logins == [b"nasadmin"]
    assert router.violations == []


def test_each_order_has_its_own_time(chain, router):
    by_api(chain, router, timeout="1 s")
    uids = many(chain, 10)
    chain.start()
    chain.change_tariff()
    chain.wait_states("done")

    def slow(_sentence, honest):
        right = honest()
        right.delay = 0.2
        return right
    router.answer = slow
    reset_many(chain, uids)
    chain.wait_settled(11)
    assert held(chain) == []
    assert chain.deliveries("attempts") == [(1,)] * 11


def test_what_changes_in_radnas_counts_from_the_next_reset_on(chain, router):
    gids = itertools.count(100)
    reset(by_api(chain, router))
    router.users[b"second"] = b"another"
    chain.db.sql("UPDATE radnas SET naslogin = 'second', naspass = 'another'",
                 "mikbill")
    wait_until(lambda: reset_again(chain, next(gids)) and
               len(router.logins) > 1, 10, "login")
    assert router.logins == [b"nasadmin", b"second"]
    assert held(chain) == []


def close_idle(router):
    """The router closes what it kept."""
    router.close_idle()


def restart(router):
    """The router restarts."""
    router.stop()
    router.start()


def close_at_the_next_word(router):
    """The router forgot us, and finds out when we speak."""
    router.answer = in_turn(ros_api.close)


def reset_at_the_next_word(router):
    """The same, less polite."""
    router.answer = in_turn(ros_api.reset)


@pytest.mark.parametrize("end", [close_idle, restart, close_at_the_next_word,
                                 reset_at_the_next_word])
def test_a_kept_connection_that_ended_is_made_anew_in_silence(
        chain, router, end):
    router.online(b"sub1001")
    reset(by_api(chain, router))
    end(router)
    router.online(b"sub1001")
    assert reset_again(chain) == ENDED
    assert router.connections == 2
    assert held(chain) == []
    assert chain.deliveries("attempts") == [(1,), (1,)]


def test_a_connection_without_work_is_closed(chain, router):
    router.online(b"sub1001")
    reset(by_api(chain, router, keep="100 ms"))
    # pylint: disable-next=protected-access
    wait_until(lambda: not router._connections, 10, "end of the connection")
    assert reset_again(chain) == NOTHING
    assert router.connections == 2 and router.violations == []


def test_few_connections_are_enough_for_many_routers(chain):
    routers = [RouterApi(f"127.0.0.{n}").start() for n in range(1, 6)]
    resets(chain, ports(*routers), transport="api", connections=1)
    for number, router in enumerate(routers, 1):
        nas(chain, number, router.address)
        router.online(b"sub1001")
    chain.subscriber()
    assert reset(chain).startswith("5 sessions ended on 127.0.0.")
    for router in routers:
        assert router.removed == [b"sub1001"]
        router.stop()


def test_a_dead_router_that_has_the_only_connection_gives_it_back(chain):
    with RouterApi("127.0.0.1") as dead, RouterApi("127.0.0.2") as alive:
        resets(chain, ports(dead, alive), transport="api", connections=1,
               timeout="1 s")
        nas(chain, 1, alive.address)
        nas(chain, 2, dead.address)
        also(chain, session_reset={"target": "online"})
        chain.subscriber(1001)
        chain.subscriber(1002)
        dead.answer = ros_api.hang
        alive.online(b"sub1002")
        for uid, one in ((1001, dead), (1002, alive)):
            chain.db.sql(
                f"INSERT INTO radacct SET uid={uid}, nasipaddress="
                f"'{one.address}', acctterminatecause='Online'", "mikbill")
        chain.start().change_tariff(1001)
        dead.wait(1)
        chain.change_tariff(1002)
        alive.wait_removed(1)
        wait_until(lambda: "done" in chain.states(), 10, "reset")
        assert chain.deliveries("attempts", "state = 'done'") == [(1,)]


# ---- TLS


@pytest.fixture(scope="module", name="authority")
def fixture_authority(tmp_path_factory):
    """Somebody to trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module", name="stranger")
def fixture_stranger(tmp_path_factory):
    """Somebody not to trust."""
    return Authority(tmp_path_factory.mktemp("stranger"), "Stranger")


def by_tls(chain, router, **keys):
    """The chain for this router, in TLS."""
    return by_api(chain, router, "api-tls", **keys)


def test_a_trusted_certificate_is_good(chain, authority):
    with RouterApi(tls=authority.issue("127.0.0.1")) as router:
        by_tls(chain, router, ca_file=authority.certificate)
        router.online(*[b"sub1001"] * 40)
        assert reset(chain) == "40 sessions ended on 127.0.0.1"
        assert router.violations == []
        close_idle(router)
        assert reset_again(chain) == NOTHING
        assert held(chain) == []


def told_nothing(chain, router, words, **keys):
    """The router is not told anything; what the log tells of it."""
    by_tls(chain, router, **keys)
    chain.db.sql("UPDATE radnas SET naspass = 'S3cr3t'", "mikbill")
    router.online(b"sub1001")
    chain.start().change_tariff()
    told = wait_held(chain, words)
    assert router.sentences == []
    assert "S3cr3t" not in everything_written(chain)
    return told


def distrusted(chain, router, words, **keys):
    """The same, because of its certificate."""
    assert "; see ca_file and api_tls in [routers]; " in told_nothing(
        chain, router, words, **keys)


def test_a_certificate_of_a_stranger_is_not_good(chain, authority, stranger):
    with RouterApi(tls=stranger.issue("127.0.0.1")) as router:
        distrusted(chain, router, "TLS was not agreed on: unable to get local"
                   " issuer certificate", ca_file=authority.certificate)


def test_without_a_ca_file_the_systems_are_trusted(chain, authority):
    with RouterApi(tls=authority.issue("127.0.0.1")) as router:
        distrusted(chain, router, "unable to get local issuer certificate")


def test_a_certificate_out_of_date_is_not_good(chain, authority):
    with RouterApi(tls=authority.issue("127.0.0.1", days=-1)) as router:
        distrusted(chain, router, "certificate has expired",
                   ca_file=authority.certificate)
        wait_until(lambda: table(chain, "transport, state") == [
            ("api-tls", "held")], 10, "row")


def test_a_certificate_of_another_is_not_good(chain, authority):
    with RouterApi(tls=authority.issue("127.0.0.2")) as router:
        distrusted(chain, router, "IP address mismatch",
                   ca_file=authority.certificate)


def test_an_unchecked_certificate_may_be_any(chain, stranger):
    with RouterApi(tls=stranger.issue("10.9.9.9", days=-1)) as router:
        by_tls(chain, router, api_tls="off")
        router.online(b"sub1001")
        assert reset(chain) == ENDED


def test_a_router_may_have_no_certificate(chain):
    with RouterApi(tls=ANONYMOUS) as router:
        by_tls(chain, router, api_tls="anonymous")
        router.online(b"sub1001")
        assert reset(chain) == ENDED
        assert router.violations == []


@pytest.mark.parametrize("api_tls", ["verify", "off"])
def test_a_router_without_certificate_wants_the_setting(chain, api_tls):
    with RouterApi(tls=ANONYMOUS) as router:
        told_nothing(chain, router, "TLS was not agreed on", api_tls=api_tls)


def test_a_router_with_certificate_does_not_take_anonymous(chain, authority):
    with RouterApi(tls=authority.issue("127.0.0.1")) as router:
        told_nothing(chain, router, "TLS was not agreed on",
                     api_tls="anonymous")


def test_a_certificate_names_a_host(chain, authority):
    with RouterApi(tls=authority.issue("localhost")) as router:
        resets(chain, transport="api-tls", port=router.port,
               ca_file=authority.certificate)
        nas(chain, 1, "localhost")
        chain.subscriber()
        router.online(b"sub1001")
        assert reset(chain) == "1 session ended on localhost"


def test_tls_and_plain_do_not_mix(chain, authority):
    with RouterApi("127.0.0.1") as plain, \
         RouterApi("127.0.0.2", tls=authority.issue("127.0.0.2")) as tls:
        resets(chain, [f"127.0.0.1 port={plain.port} transport=api-tls",
                       f"127.0.0.2 port={tls.port} transport=api"],
               ca_file=authority.certificate, timeout="1 s",
               hold_first="10 min", hold_longest="10 min")
        nas(chain, 1, "127.0.0.1", naspass="S3cr3t")
        nas(chain, 2, "127.0.0.2", naspass="S3cr3t")
        chain.subscriber()
        chain.start().change_tariff()
        wait_until(lambda: len(held(chain)) == 2, 10, "words")
        assert plain.logins == tls.sentences == []
        assert "S3cr3t" not in everything_written(chain)


def test_tls_answers_may_be_broken_too(chain, authority):
    with RouterApi(tls=authority.issue("127.0.0.1")) as router:
        by_tls(chain, router, ca_file=authority.certificate, **AT_ONCE)
        router.online(b"sub1001")
        router.answer = in_turn(
            ros_api.reset, ros_api.close, ros_api.garbage, ros_api.flood,
            ros_api.huge_word, ros_api.cut(1))
        assert reset(chain) == ENDED
        assert router.connections == 7


# ---- several routers


class Watched(RouterApi):
    """It sees where its clients come from."""

    async def _serve(self, reader, writer):
        self.clients.add(writer.get_extra_info("peername")[0])
        await super()._serve(reader, writer)

    def reset(self):
        """Nobody came."""
        super().reset()
        self.clients = set()


@pytest.mark.parametrize("source", ["127.0.0.7", ""])
def test_the_source_address_is_what_the_router_sees(chain, source):
    with Watched() as router:
        reset(by_api(chain, router, source_address=source))
        assert router.clients == {source or "127.0.0.1"}


def test_a_source_address_that_is_not_ours_is_told(chain, router):
    by_api(chain, router, source_address="192.0.2.1")
    chain.start().change_tariff()
    wait_held(chain, "it cannot be reached: bind failed")
    assert router.connections == 0


@contextlib.contextmanager
def deaf():
    """A port whose connections are never made."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, \
         contextlib.ExitStack() as stack:
        port = server.getsockname()[1]
        with contextlib.suppress(TimeoutError):
            while True:
                stack.enter_context(
                    socket.create_connection(("127.0.0.1", port), 0.2))
        yield port


def test_a_router_that_is_not_reached_in_time_is_told(chain):
    with deaf() as port:
        resets(chain, transport="api", port=port, connect_timeout="1 s")
        nas(chain)
        chain.subscriber()
        chain.start().change_tariff()
        wait_held(chain, "it cannot be reached")


@pytest.mark.parametrize("others", [False, True])
def test_a_router_may_leave_radnas_while_it_is_called(chain, router, others):
    with deaf() as port:
        resets(chain, [f"127.0.0.1 port={port}",
                       f"localhost port={router.port}"], transport="api",
               connect_timeout="1 s")
        nas(chain)
        if others:
            nas(chain, 2, "localhost")
        chain.subscriber()
        chain.subscriber(1002)
        chain.start().change_tariff()
        wait_until(lambda: chain.states() == ["calling"], 10, "call")
        chain.db.sql("DELETE FROM radnas WHERE id = 1", "mikbill")
        wait_until(lambda: chain.states() != ["calling"], 10, "end of it")
        chain.change_tariff(1002)
        chain.wait_states("done", "done")
        assert reasons(chain) == [
            "the routers that failed are not in radnas any more",
            NOTHING if others else "there is no router in radnas"]


def test_a_dead_router_keeps_no_other_waiting(chain):
    with RouterApi("127.0.0.1") as dead, RouterApi("127.0.0.2") as alive:
        resets(chain, ports(dead, alive), transport="api")
        nas(chain, 1, dead.address)
        nas(chain, 2, alive.address)
        dead.answer = ros_api.hang
        names = many(chain, 3)
        alive.online(*[b"sub%d" % uid for uid in names])
        chain.start()
        reset_many(chain, names)
        assert sorted(alive.wait_removed(3)) == [b"sub%d" % uid
                                                 for uid in names]
        assert dead.connections == 1


def test_a_host_name_is_looked_up(chain, router):
    resets(chain, transport="api", port=router.port)
    nas(chain, 1, "localhost")
    chain.subscriber()
    router.online(b"sub1001")
    assert reset(chain) == "1 session ended on localhost"


@pytest.mark.parametrize("address, words", [
    ("no such host", "radnas.nasname is no address or name of a host"),
    ("127.0.0.1/", "radnas.nasname is no address or name of a host"),
    ("a.invalid", "it cannot be reached")])
def test_a_nasname_that_is_no_host_is_told(chain, router, address, words):
    resets(chain, transport="api", port=router.port)
    nas(chain, 1, address)
    chain.subscriber()
    chain.start().change_tariff()
    wait_held(chain, words)


def test_nobody_listens(chain, router):
    by_api(chain, router)
    router.online(b"sub1001")
    router.stop()
    chain.start().change_tariff()
    wait_held(chain, "it cannot be reached")
    router.start()
    chain.wait_states("done")
    assert reasons(chain) == [ENDED]


def test_the_doors_of_a_router_may_close_at_once(chain, router):
    by_api(chain, router)
    router.online(b"sub1001")
    router.on_connect = "close"
    chain.start().change_tariff()
    wait_held(chain, "the connection ended")
    router.on_connect = None
    chain.wait_states("done")
