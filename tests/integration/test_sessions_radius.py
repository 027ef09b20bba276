"""Sessions are ended by Disconnect-Requests to a router, RFC 5176: what it is
told, whom we believe, and routers of several kinds side by side."""

import contextlib

import pytest

from harness import radius, ros_api
from harness.process import wait_until
from harness.radius import RadiusNas
from harness.ros_api import RouterApi
from integration.sessions import (also, held, nas, ports, reasons, resets,
                                  table)

pytestmark = pytest.mark.plain

SECRET = "R4dius-s3cret"
ENDED = "1 session ended on 127.0.0.1"
NOTHING = "no session on 1 router"
NO_ANSWER = ("it does not answer; it is silent as well when the secret is"
             " another, when it does not expect us at this address, or without"
             " /radius incoming set accept=yes")
QUICK = {"transport": "radius", "radius_wait": "100 ms",
         "hold_first": "100 ms", "hold_longest": "100 ms",
         "hold_refused": "100 ms", "retry_first": "100 ms",
         "retry_longest": "100 ms"}


@pytest.fixture(name="router")
def fixture_router():
    """A router."""
    with RadiusNas(secret=SECRET.encode()) as router:
        yield router


@pytest.fixture(name="other")
def fixture_other():
    """Another router."""
    with RadiusNas("127.0.0.2", secret=b"another") as router:
        yield router


def by_radius(chain, router, **keys):
    """The chain for this router, and one subscriber."""
    resets(chain, **{**QUICK, "port": router.port, **keys})
    nas(chain, secret=SECRET)
    chain.subscriber()
    return chain


def seen(chain, session="81a0003c", ip="10.0.0.2", address="127.0.0.1",
         uid=1001):
    """The billing sees a session there."""
    chain.db.sql(f"INSERT INTO radacct SET uid={uid}, username='sub{uid}',"
                 f" acctsessionid='{session}', framedipaddress='{ip}',"
                 f" nasipaddress='{address}', acctterminatecause='Online'",
                 "mikbill")


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


def named(router):
    """What each request named: login, session, address."""
    return [(one.name.decode(), one.session_id and one.session_id.decode(),
             one.ip) for one in router.requests]


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


ALONE = ("sub1001", None, None)
WHOLE = ("sub1001", "81a0003c", "10.0.0.2")


# ---- which session


def test_of_an_unknown_session_the_login_alone_is_named(chain, router):
    router.online(b"sub1001", "10.0.0.2", b"81a0003c")
    router.online(b"sub10011")
    assert reset(by_radius(chain, router)) == ENDED
    assert router.removed == [b"sub1001"]
    assert named(router) == [ALONE]
    assert router.requests[0].attributes == [(radius.USER_NAME, b"sub1001")]
    assert router.violations == []


def test_a_known_session_is_named_as_exactly_as_can_be(chain, router):
    router.name_alone = False
    router.online(b"sub1001", "10.0.0.2", b"81a0003c")
    by_radius(chain, router)
    seen(chain)
    assert reset(chain) == ENDED
    assert named(router) == [WHOLE]
    assert router.violations == []


def test_when_the_known_session_is_gone_the_login_is_named_once(
        chain, router):
    router.online(b"sub1001", "10.0.0.9", b"81a00099")
    by_radius(chain, router)
    seen(chain)
    assert reset(chain) == ENDED
    assert named(router) == [WHOLE, ALONE]
    assert router.violations == []


def test_a_known_session_and_all_others_may_be_gone(chain, router):
    by_radius(chain, router)
    seen(chain)
    assert reset(chain) == NOTHING
    assert named(router) == [WHOLE, ALONE]


def test_two_known_sessions_are_ended_both(chain, router):
    router.online(b"sub1001", "10.0.0.2", b"81a0003c")
    router.online(b"sub1001", "10.0.0.3", b"81a0003d")
    by_radius(chain, router)
    seen(chain)
    seen(chain, "81a0003d", "10.0.0.3")
    assert reset(chain) == "2 sessions ended on 127.0.0.1"
    assert sorted(named(router)) == [WHOLE,
                                     ("sub1001", "81a0003d", "10.0.0.3")]
    assert router.violations == []


def test_of_two_known_sessions_one_is_gone(chain, router):
    router.online(b"sub1001", "10.0.0.3", b"81a0003d")
    by_radius(chain, router)
    seen(chain)
    seen(chain, "81a0003d", "10.0.0.3")
    assert reset(chain) == ENDED
    assert router.removed == [b"sub1001"] and len(router.requests) == 3
    assert named(router)[-1] == ALONE


def test_a_session_is_named_to_its_own_router_only(chain, router, other):
    resets(chain, ports(router, other), **QUICK)
    nas(chain, 1, secret=SECRET)
    nas(chain, 2, other.address, secret="another")
    chain.subscriber()
    seen(chain, address=other.address)
    other.online(b"sub1001", "10.0.0.2", b"81a0003c")
    assert reset(chain) == "1 session ended on 127.0.0.2"
    assert named(router) == [ALONE] and named(other) == [WHOLE]
    assert router.violations == other.violations == []


@pytest.mark.parametrize("session, ip, expected", [
    ("", "10.0.0.2", ("sub1001", None, "10.0.0.2")),
    ("81a0003c", "", ("sub1001", "81a0003c", None)),
    ("81a0003c", "10.0.0.256", ("sub1001", "81a0003c", None)),
    ("81a0003c", "unknown", ("sub1001", "81a0003c", None)),
    ("", "", ALONE), ("x" * 64, "10.0.0.2",
                      ("sub1001", "x" * 64, "10.0.0.2"))])
def test_what_the_billing_does_not_know_is_not_named(
        chain, router, session, ip, expected):
    by_radius(chain, router)
    seen(chain, session, ip)
    router.online(b"sub1001", expected[2],
                  expected[1] and expected[1].encode())
    assert reset(chain) == ENDED
    assert named(router)[0] == expected
    assert router.violations == []


def test_a_login_is_named_as_it_is(chain, router):
    logins = ["a b", "абонент", "=\"'\\$", "x" * 32]
    by_radius(chain, router)
    with chain.db.connect("mikbill") as link, link.cursor() as cursor:
        for uid, login in enumerate(logins, 2001):
            chain.subscriber(uid)
            cursor.execute("UPDATE users SET user = %s WHERE uid = %s",
                           (login, uid))
            router.online(login.encode())
    router.online(b"other")
    chain.start()
    chain.db.sql("UPDATE users SET gid = 9 WHERE uid > 2000", "mikbill")
    chain.wait_settled(4)
    assert sorted(router.removed) == sorted(one.encode() for one in logins)
    assert router.violations == []


# ---- its answer


def test_every_acknowledgement_is_a_session(chain, router):
    by_radius(chain, router)
    router.answer = router.reply_with(radius.ACK)
    assert reset(chain) == ENDED
    router.answer = router.nak(503)
    assert reset_again(chain) == NOTHING
    wait_until(lambda: table(chain, "transport, state, ended") == [
        ("radius", "ok", 1)], 10, "row")


@pytest.mark.parametrize("cause, words", [
    (501, "Error-Cause 501, forbidden on the router"),
    (504, "Error-Cause 504, the session cannot be removed"),
    (403, "Error-Cause 403, it is not the router that was named"),
    (999, "Error-Cause 999, a cause that is not in its list"),
    (None, "Error-Cause 0, without a cause")])
def test_a_refusal_says_why(chain, router, cause, words):
    by_radius(chain, router, retry_first="10 min", retry_longest="10 min")
    router.answer = router.nak(cause)
    chain.start().change_tariff()
    chain.wait_states("retry")
    assert reasons(chain) == [
        f"1 of 1 router failed: 127.0.0.1: it answers: {words}"]
    assert router.count_new() == 2


def test_refusals_without_end_are_told_once(chain, router):
    by_radius(chain, router)
    router.answer = router.nak(501)
    chain.start().change_tariff()
    wait_held(chain, "it does not carry out what it is told; it answers:"
              " Error-Cause 501, forbidden on the router; see its log, and"
              " /radius incoming there")
    before = len(router.requests)
    wait_until(lambda: len(router.requests) > before + 8, 10, "more")
    router.online(b"sub1001")
    router.answer = lambda _request, honest: honest()
    chain.wait_states("done")
    chain.service.wait_log("works again")
    assert len(held(chain)) == 1
    assert chain.service.log_text().count("works again") == 1


# ---- silence


def test_silence_is_asked_again_with_the_same_bytes(chain, router):
    by_radius(chain, router, hold_first="10 min", hold_longest="10 min")
    router.answer = radius.silence
    chain.start().change_tariff()
    told = wait_held(chain, NO_ANSWER)
    assert "check that it is up and lets this host in" in told
    assert len(router.requests) == 3 and router.count_new() == 1
    wait_until(lambda: table(chain) == [(1, "held", NO_ANSWER[:255])], 10,
               "row")
    assert NO_ANSWER in reasons(chain)[0]
    assert len(router.requests) == 3


@pytest.mark.parametrize("lost", [1, 2])
@pytest.mark.parametrize("fault", [radius.lose, radius.lose_answers])
def test_what_is_lost_is_sent_again(chain, router, fault, lost):
    by_radius(chain, router)
    router.online(b"sub1001")
    router.answer = fault(lost)
    assert reset(chain) == ENDED
    assert router.removed == [b"sub1001"]
    assert len(router.requests) == lost + 1 and router.count_new() == 1
    assert held(chain) == [] and router.violations == []


def test_as_often_as_the_settings_say(chain, router):
    by_radius(chain, router, radius_tries=5, hold_first="10 min",
              hold_longest="10 min")
    router.answer = radius.silence
    chain.start().change_tariff()
    wait_held(chain, "it does not answer")
    assert len(router.requests) == 5 and router.count_new() == 1


def test_a_router_that_falls_silent_is_asked_no_more_than_others(
        chain, router):
    by_radius(chain, router, hold_first="10 min", hold_longest="10 min")
    reset(chain)
    router.answer = radius.silence
    chain.change_tariff(gid=7)
    wait_held(chain, "it does not answer")
    assert len(router.requests) == 4 and router.count_new() == 2


def test_a_router_that_speaks_again_works_again(chain, router):
    by_radius(chain, router)
    router.online(b"sub1001")
    router.answer = radius.silence
    chain.start().change_tariff()
    wait_held(chain, "it does not answer")
    router.answer = lambda _request, honest: honest()
    chain.wait_states("done")
    assert reasons(chain) == [ENDED]
    chain.service.wait_log("works again")


def test_nobody_listens(chain, router):
    by_radius(chain, router)
    router.online(b"sub1001")
    router.stop()
    chain.start().change_tariff()
    wait_held(chain, "it does not answer")
    router.start()
    chain.wait_states("done")
    assert reasons(chain) == [ENDED]


def test_another_secret_is_silence(chain, router):
    by_radius(chain, router, hold_first="10 min", hold_longest="10 min")
    router.secret = b"not that"
    router.online(b"sub1001")
    chain.start().change_tariff()
    wait_held(chain, "it is silent as well when the secret is another")
    chain.db.sql("UPDATE radnas SET secret = 'not that'", "mikbill")
    chain.wait_states("done")
    assert reasons(chain) == [ENDED]


# ---- whom we believe


FORGERIES = [radius.wrong_authenticator, radius.wrong_identifier,
             radius.other_port, radius.other_address, radius.truncated(19),
             radius.truncated(0), radius.truncated(-1), radius.garbage,
             radius.empty]


@pytest.mark.parametrize("fault", FORGERIES, ids=lambda f: f.__name__)
def test_a_forged_answer_is_none(chain, router, fault):
    by_radius(chain, router, hold_first="10 min", hold_longest="10 min")
    router.answer = lambda request, _honest: fault(
        request, lambda: router.nak(503)(request, None))
    chain.start().change_tariff()
    wait_held(chain, "it does not answer")
    assert len(router.requests) == 3
    assert chain.states() != ["done"]


def test_behind_forged_answers_the_right_one_is_heard(chain, router):
    by_radius(chain, router)
    seen(chain)
    router.online(b"sub1001", "10.0.0.2", b"81a0003c")

    def answer(request, honest):
        right = honest()
        return [one for fault in FORGERIES
                for one in fault(request, lambda: right)] + right
    router.answer = answer
    assert reset(chain) == ENDED
    assert len(router.requests) == 1


def test_an_answer_counts_once(chain, router):
    by_radius(chain, router)
    seen(chain)
    seen(chain, "81a0003d", "10.0.0.3")
    for ip, session in (("10.0.0.2", b"81a0003c"), ("10.0.0.3", b"81a0003d")):
        router.online(b"sub1001", ip, session)
    router.answer = radius.duplicated(3)
    assert reset(chain) == "2 sessions ended on 127.0.0.1"
    assert len(router.requests) == 2
    router.online(b"sub1001", "10.0.0.2", b"81a0003c")
    assert reset_again(chain) == ENDED
    assert router.violations == []


def test_a_late_answer_is_that_to_its_own_request(chain, router):
    by_radius(chain, router, radius_tries=5)
    seen(chain)
    router.online(b"sub1001", "10.0.0.9", b"81a00099")
    router.answer = radius.late(0.25)
    assert reset(chain) == ENDED
    assert router.count_new() == 2
    assert {one.name for one in router.requests} == {b"sub1001"}
    assert router.removed == [b"sub1001"]


def test_an_answer_after_all_tries_is_forgotten(chain, router):
    by_radius(chain, router, radius_tries=1)
    router.online(b"sub1001")
    router.answer = radius.first(1, radius.late(0.3))
    assert reset(chain) == NOTHING
    assert router.removed == [b"sub1001"]
    assert router.violations == []


def test_a_flood_of_forged_answers_keeps_nobody_waiting(chain, router, pilot):
    by_radius(chain, router)
    also(chain, payment={"sms": "yes"})
    router.answer = lambda request, _honest: [
        radius.Datagram(bytes(range(200)), delay=n / 2000)
        for n in range(1000)]
    chain.start().change_tariff()
    chain.pay()
    pilot.wait(1)
    wait_held(chain, "it does not answer")


def test_a_request_may_be_signed(chain, router):
    router.wants_signature = router.signs = True
    router.online(b"sub1001", "10.0.0.2", b"81a0003c")
    by_radius(chain, router, radius_sign="yes")
    seen(chain)
    assert reset(chain) == ENDED
    assert router.requests[0].get(radius.MESSAGE_AUTHENTICATOR)
    assert router.violations == []


# ---- what stands in radnas


def test_without_a_secret_nothing_is_asked(chain, router):
    by_radius(chain, router, hold_refused="10 min")
    chain.db.sql("UPDATE radnas SET secret = ''", "mikbill")
    router.online(b"sub1001")
    chain.start().change_tariff()
    wait_held(chain, "radnas.secret is empty; check section [routers], and its"
              " row in radnas")
    assert router.requests == []
    chain.db.sql(f"UPDATE radnas SET secret = '{SECRET}'", "mikbill")
    chain.wait_states("done")
    assert reasons(chain) == [ENDED]


def test_the_port_stands_in_radnas(chain, router):
    by_radius(chain, router, port=0)
    chain.db.sql(f"UPDATE radnas SET impruport = '{router.port}'", "mikbill")
    router.online(b"sub1001")
    assert reset(chain) == ENDED


def test_a_port_that_is_none_is_the_usual(chain):
    with contextlib.ExitStack() as stack:
        resets(chain, **QUICK)
        for number, port in enumerate(
                ("'abc'", "''", "NULL", "'0'", "'-1'", "'99999'"), 1):
            nas(chain, number, f"127.0.0.{number}", secret=SECRET)
            chain.db.sql(f"UPDATE radnas SET impruport = {port}"
                         f" WHERE id = {number}", "mikbill")
            stack.enter_context(RadiusNas(
                f"127.0.0.{number}", SECRET.encode(), 3799)
                                ).online(b"sub1001")
        chain.subscriber()
        assert reset(chain).startswith("6 sessions ended on 127.0.0.")


@pytest.mark.parametrize("address", ["localhost", "a router", "127.0.0.1:80"])
def test_a_name_is_no_address(chain, router, address):
    by_radius(chain, router)
    with chain.db.connect("mikbill") as link, link.cursor() as cursor:
        cursor.execute("UPDATE radnas SET nasname = %s", (address,))
    chain.start().change_tariff()
    wait_held(chain, "radnas.nasname must be a numeric address for RADIUS")
    assert router.requests == []


@pytest.mark.parametrize("source", ["127.0.0.7", ""])
def test_the_source_address_is_what_the_router_knows(chain, router, source):
    router.sources = [source or "127.0.0.1"]
    router.online(b"sub1001")
    assert reset(by_radius(chain, router, source_address=source)) == ENDED
    assert {one.source[0] for one in router.requests} == set(router.sources)


def test_a_source_address_that_is_not_ours_is_told(chain, router):
    by_radius(chain, router, source_address="192.0.2.1")
    chain.start().change_tariff()
    wait_held(chain, "source_address cannot be used: Cannot assign requested"
              " address")
    assert router.requests == []


def test_a_router_to_which_there_is_no_way_may_have_one_soon(chain, router):
    by_radius(chain, router)
    chain.db.sql("UPDATE radnas SET nasname = '255.255.255.255'", "mikbill")
    chain.start().change_tariff()
    told = wait_held(chain, "it cannot be reached: Permission denied")
    assert "check that it is up" in told


def test_the_secret_is_written_nowhere(chain, router):
    by_radius(chain, router, radius_sign="yes")
    router.online(b"sub1001")
    router.answer = radius.first(4, router.nak(501))
    assert reset(chain) == ENDED
    router.answer = radius.silence
    chain.change_tariff(gid=7)
    chain.service.wait_log("is held: it does not answer")
    wait_until(lambda: table(chain, "state") == [("held",)], 10, "row")
    written = everything_written(chain)
    assert SECRET not in written and "naspw" not in written
    assert all(SECRET.encode() not in one.data for one in router.requests)


# ---- several routers


def test_many_resets_go_to_one_router(chain, router):
    by_radius(chain, router)
    for uid in range(2001, 2041):
        chain.subscriber(uid)
        router.online(b"sub%d" % uid)
    chain.start()
    chain.db.sql("UPDATE users SET gid = 9 WHERE uid > 2000", "mikbill")
    chain.wait_settled(40)
    assert len(router.removed) == len(router.requests) == 40
    assert set(reasons(chain)) == {ENDED}
    assert router.violations == []


def test_a_dead_router_keeps_no_other_waiting(chain, router, other):
    resets(chain, ports(router, other), **{
        **QUICK, "radius_wait": "500 ms", "hold_first": "10 min",
        "hold_longest": "10 min"})
    nas(chain, 1, secret=SECRET)
    nas(chain, 2, other.address, secret="another")
    router.answer = radius.silence
    for uid in range(2001, 2011):
        chain.subscriber(uid)
        other.online(b"sub%d" % uid)
    chain.start()
    chain.db.sql("UPDATE users SET gid = 9 WHERE uid > 2000", "mikbill")
    other.wait_removed(10)
    assert router.count_new() == 1


@contextlib.contextmanager
def three_kinds(chain, **keys):
    """A router by API, one by RADIUS, and a dead one by API."""
    with RouterApi("127.0.0.1") as api, \
         RadiusNas("127.0.0.2", SECRET.encode()) as nas_, \
         RouterApi("127.0.0.3") as dead:
        resets(chain, [f"127.0.0.1 port={api.port} transport=api",
                       f"127.0.0.2 port={nas_.port} transport=radius",
                       f"127.0.0.3 port={dead.port} transport=api"], **keys)
        for number in (1, 2, 3):
            nas(chain, number, f"127.0.0.{number}", secret=SECRET)
        chain.subscriber()
        yield api, nas_, dead


def test_a_session_is_found_on_whichever_router_it_is(chain):
    with three_kinds(chain) as (api, nas_, dead):
        dead.stop()
        nas_.online(b"sub1001")
        assert reset(chain) == (
            "1 session ended on 127.0.0.2; 1 of 3 routers failed: 127.0.0.3:"
            + reasons(chain)[0].partition("127.0.0.3:")[2])
        assert "it cannot be reached" in reasons(chain)[0]
        assert chain.deliveries("attempts") == [(1,)]
        assert api.removed == [] and nas_.removed == [b"sub1001"]
        wait_until(lambda: table(chain, "nas_id, transport, state, ended")
                   == [(1, "api", "ok", 0), (2, "radius", "ok", 1),
                       (3, "api", "held", 0)], 10,
                   "rows")


def test_only_routers_that_failed_are_asked_again(chain):
    with three_kinds(chain, timeout="20 s") as (api, nas_, dead):
        dead.stop()
        chain.start().change_tariff()
        wait_until(lambda: chain.deliveries("attempts > 2") == [(1,)], 10,
                   "attempts")
        assert reasons(chain)[0].startswith("1 of 1 router failed: 127.0.0.3")
        dead.start()
        dead.online(b"sub1001")
        chain.wait_states("done")
        assert reasons(chain) == ["1 session ended on 127.0.0.3"]
        assert len(api.sentences) == 2 and len(nas_.requests) == 1


def test_a_router_that_hangs_is_waited_for_by_its_own_reset_only(chain):
    with three_kinds(chain) as (_, nas_, hanging):
        hanging.answer = ros_api.hang
        also(chain, session_reset={"target": "online"})
        chain.subscriber(1002)
        seen(chain, address="127.0.0.3")
        seen(chain, address="127.0.0.2", uid=1002)
        nas_.online(b"sub1002", "10.0.0.2", b"81a0003c")
        chain.start().change_tariff()
        hanging.wait(1)
        chain.change_tariff(1002)
        wait_until(lambda: sorted(chain.states()) == ["done", "leased"]
                   or sorted(chain.states()) == ["calling", "done"], 10,
                   "end of the other")
        assert reasons(chain)[-1] == "1 session ended on 127.0.0.2"


@pytest.mark.parametrize("keys", [{}, {"transport": "ssh"}])
def test_no_login_is_needed(chain, router, keys):
    """Neither where all go by RADIUS, nor for the one that does."""
    by_radius(chain, router, **keys)
    if keys:
        also(chain, routers={"router": [f"{router.address} transport=radius"]})
    chain.db.sql("UPDATE radnas SET naslogin = ''", "mikbill")
    router.online(b"sub1001")
    assert reset(chain) == ENDED
