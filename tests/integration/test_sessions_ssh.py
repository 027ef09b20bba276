"""Sessions are ended through the console of a router, by SSH: which routers,
whose sessions, by what login."""

import contextlib
import itertools
import subprocess
from collections import Counter

import pytest

from harness.process import wait_until
from harness.routeros import OLD_V6, RouterOS
from integration.sessions import (also, held, known_hosts, nas, ports,
                                  reasons, resets, table)

ENDED = "1 session ended on 127.0.0.1"


@pytest.fixture(name="router")
def fixture_router():
    """A router."""
    with RouterOS() as router:
        yield router


@pytest.fixture(name="three")
def fixture_three():
    """Three routers; the subscriber is online on the second."""
    with contextlib.ExitStack() as stack:
        three = [stack.enter_context(RouterOS(address))
                 for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3")]
        three[1].online("sub1001")
        yield three


@pytest.fixture(name="online")
def fixture_online(chain, three):
    """The chain for these three, that asks where a subscriber is online."""
    resets(chain, ports(*three))
    also(chain, session_reset={"target": "online"})
    for number, router in enumerate(three, 1):
        nas(chain, number, router.address)
    chain.subscriber()
    return chain


def reset(chain):
    """One reset, that is done; its reason."""
    chain.subscriber()
    chain.start().change_tariff()
    chain.wait_states("done")
    return reasons(chain)[0]


def reset_until(chain, true):
    """More resets, one after the other, until something is true."""
    gids = itertools.count(100)

    def again():
        chain.change_tariff(gid=next(gids))
        wait_until(lambda: set(chain.states()) <= {"done", "skipped"}, 10,
                   "reset")
        return true()
    wait_until(again, 10, "change", pause=0.2)


def seen_on(chain, address, cause="Online"):
    """The billing sees a session of the subscriber on that router."""
    chain.db.sql("INSERT INTO radacct SET uid=1001, username='sub1001',"
                 f" nasipaddress='{address}', acctsessionid='1',"
                 f" acctterminatecause='{cause}'", "mikbill")


def count(*routers):
    """How many commands each of them got."""
    return [len(router.commands) for router in routers]


def test_a_change_of_tariff_ends_the_session(chain, router):
    resets(chain, port=router.port)
    nas(chain)
    router.online("sub1001", "sub1001", "other")
    assert reset(chain) == "2 sessions ended on 127.0.0.1"
    assert router.removed == [b"sub1001", b"sub1001"]
    assert router.foreign == router.violations == []


def test_a_subscriber_who_is_offline_has_nothing_to_end(chain, router):
    resets(chain, port=router.port)
    nas(chain)
    router.online("sub100", "sub10011", "SUB1001")
    assert reset(chain) == "no session on 1 router"
    assert router.removed == []


# ---- which routers


def test_only_routers_of_that_kind_with_an_account_are_meant(chain, router):
    resets(chain, port=router.port)
    nas(chain, 1, nastype="MikroTik")
    nas(chain, 2, nastype="cisco")
    nas(chain, 3, "")
    nas(chain, 4, naslogin="")
    router.online("sub1001")
    assert reset(chain) == ENDED
    assert count(router) == [1]


def test_other_kinds_may_be_meant(chain, router):
    resets(chain, port=router.port, nastype=["chr", "CCR"])
    nas(chain, 1, nastype="mikrotik")
    nas(chain, 2, nastype="ccr")
    router.online("sub1001")
    assert reset(chain) == ENDED
    assert count(router) == [1]


def test_a_router_that_is_off_is_left_alone(chain, three):
    resets(chain, [*ports(*three[1:]), "127.0.0.1 transport=off"])
    for number, router in enumerate(three, 1):
        nas(chain, number, router.address)
    assert reset(chain) == "1 session ended on 127.0.0.2"
    assert count(*three) == [0, 1, 1]


def test_two_rows_of_one_address_are_asked_both(chain, router):
    resets(chain, port=router.port)
    nas(chain, 1)
    nas(chain, 2, naslogin="nasadmin", naspass="naspw")
    router.online("sub1001")
    assert reset(chain) == ENDED
    assert count(router) == [2]
    assert router.removed == [b"sub1001"]


def test_without_a_router_there_is_nothing_to_do(chain):
    resets(chain)
    assert reset(chain) == "there is no router in radnas"


def test_radnas_is_read_again_without_a_restart(chain, three):
    resets(chain, ports(*three))
    nas(chain, 1, three[0].address)
    assert reset(chain) == "no session on 1 router"
    nas(chain, 2, three[1].address)
    chain.db.sql("DELETE FROM radnas WHERE id=1", "mikbill")
    reset_until(chain, lambda: three[1].removed)
    assert "1 session ended on 127.0.0.2" in reasons(chain)


def test_an_address_may_be_a_name(chain, router):
    resets(chain, port=router.port)
    nas(chain, 1, "localhost")
    router.online("sub1001")
    assert reset(chain) == "1 session ended on localhost"


# ---- where the subscriber is online


def test_only_the_router_where_the_subscriber_is_online(online, three):
    seen_on(online, "127.0.0.1", "User-Request")
    seen_on(online, "127.0.0.2")
    online.start().change_tariff()
    online.wait_states("done")
    assert reasons(online) == ["1 session ended on 127.0.0.2"]
    assert count(*three) == [0, 1, 0]


@pytest.mark.parametrize("row", [None, "10.9.9.9"])
def test_all_routers_when_it_is_online_on_none_that_is_known(
        online, three, row):
    if row:
        seen_on(online, row)
    online.start().change_tariff()
    online.wait_states("done")
    assert reasons(online) == ["1 session ended on 127.0.0.2"]
    assert count(*three) == [1, 1, 1]


def test_every_router_where_it_is_online(online, three):
    three[2].online("sub1001")
    seen_on(online, "127.0.0.2")
    seen_on(online, "127.0.0.3")
    online.start().change_tariff()
    online.wait_states("done")
    assert reasons(online) == ["2 sessions ended on 127.0.0.2, 127.0.0.3"] \
        or reasons(online) == ["2 sessions ended on 127.0.0.3, 127.0.0.2"]
    assert count(*three) == [0, 1, 1]


# ---- whose sessions

LOGINS = [
    '"; /system reset', '"]; /system reboot; [', "$(/system reset)",
    "$[/system reset]", "$mbevL", "$name", "]", 'a"b] c$d', "?", "a?b", "\\",
    "\\22", "a\\", "#", "{}", "%s%n%x", "'", "`id`", "a b", " ", "sub",
    "x" * 32, "абонент", "Ж" * 32, "ё─│", "-1", "*1", "name=a or name",
    "\xa0"]


def test_no_login_becomes_anything_but_a_name(chain, router):
    """Each is online once; so is the one whose name begins like it."""
    resets(chain, port=router.port)
    nas(chain)
    with chain.db.connect("mikbill") as link, link.cursor() as cursor:
        for uid, login in enumerate(LOGINS, 3001):
            cursor.execute("INSERT INTO users SET uid=%s, user=%s, gid=5",
                           (uid, login))
            router.online(login, login + "+")
    chain.start()
    chain.db.sql("UPDATE users SET gid=6", "mikbill")
    chain.wait_settled(len(LOGINS))
    assert set(chain.states()) == {"done"}
    assert Counter(router.removed) == Counter(
        login.encode() for login in LOGINS)
    assert sorted(router.names) == sorted(
        (login + "+").encode() for login in LOGINS)
    assert router.foreign == router.violations == router.raw == []


def test_what_the_billing_cannot_store_is_another_name(chain, router):
    """A character without place in koi8r is stored as a question mark."""
    resets(chain, port=router.port)
    nas(chain)
    chain.db.sql("INSERT INTO users SET uid=1001, user='a😀b', gid=5",
                 "mikbill")
    router.online("a😀b", "a?b")
    chain.start().change_tariff()
    chain.wait_states("done")
    assert router.removed == [b"a?b"]
    assert router.foreign == router.violations == []


# ---- by what login


@pytest.fixture(name="key")
def fixture_key(tmp_path):
    """File of a private key; the public one is beside it."""
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file],
                   check=True)
    return file


def test_a_key_is_enough(chain, key):
    public = key.with_suffix(".pub").read_text()
    with RouterOS(password_allowed=False, authorized_key=public) as router:
        resets(chain, port=router.port, key_file=key)
        nas(chain, naspass="")
        router.online("sub1001")
        assert reset(chain) == ENDED
        assert (router.logins, router.refused) == (1, 0)


def test_where_the_key_is_not_taken_the_password_is(chain, router, key):
    resets(chain, port=router.port, key_file=key)
    nas(chain)
    router.online("sub1001")
    assert reset(chain) == ENDED
    assert router.logins == 1


def test_a_suffix_of_the_login_is_the_routers_own(chain):
    with RouterOS(user="nasadmin+ct511w") as router:
        resets(chain, port=router.port, login_suffix="+ct511w")
        nas(chain)
        router.online("sub1001")
        assert reset(chain) == ENDED


def test_the_password_stands_nowhere(chain, router):
    resets(chain, port=router.port)
    nas(chain, naspass="Geheim-1")
    router.change_password("nasadmin", "Geheim-1")
    assert reset(chain) == "no session on 1 router"
    wait_until(lambda: table(chain), 5, "row of the router")
    chain.service.stop()
    assert "Geheim" not in chain.service.log_text()
    for name in ("event", "delivery", "router"):
        rows = chain.db.sql(f"SELECT * FROM {name}", "mikbill_events")
        assert rows and "Geheim" not in str(rows)
    assert "Geheim" not in known_hosts(chain).read_text()


# ---- old routers


def test_an_old_router_is_talked_to_in_its_own_way(chain, router):
    """Its exceptions are not those of the other."""
    with RouterOS("127.0.0.2", **OLD_V6) as old:
        resets(chain, [f"127.0.0.2 port={old.port}"
                       " kex=diffie-hellman-group14-sha1 hostkeys=ssh-rsa"
                       " ciphers=aes128-cbc macs=hmac-sha1"],
               port=router.port)
        nas(chain, 1)
        nas(chain, 2, "127.0.0.2")
        router.online("sub1001")
        old.online("sub1001")
        assert reset(chain).startswith("2 sessions ended on ")
        assert old.removed == router.removed == [b"sub1001"]


# ---- one login for many


def test_hundreds_of_resets_need_one_login_and_few_commands(chain, router):
    resets(chain, port=router.port)
    nas(chain)
    for uid in range(1, 201):
        chain.subscriber(uid)
        router.online(f"sub{uid}")
    chain.start()
    chain.db.sql("UPDATE users SET gid=6", "mikbill")
    chain.wait_settled(200)
    assert Counter(router.removed) == Counter(
        f"sub{uid}".encode() for uid in range(1, 201))
    assert set(reasons(chain)) == {ENDED}
    assert router.logins == 1
    assert len(router.commands) <= 100
    assert router.foreign == router.violations == []


def test_a_connection_is_kept_for_the_next_reset(chain, router):
    resets(chain, port=router.port)
    nas(chain)
    reset(chain)
    chain.change_tariff(gid=7)
    chain.wait_states("done", "done")
    assert (router.connections, count(router)) == (1, [2])


def test_a_connection_without_work_is_closed_in_the_end(chain, router):
    resets(chain, port=router.port, keep="100 ms")
    nas(chain)
    reset(chain)
    wait_until(lambda: "Disconnected from user nasadmin"
               in router.log.read_text(), 5, "good-bye")
    chain.change_tariff(gid=7)
    chain.wait_states("done", "done")
    assert router.logins == 2
    assert held(chain) == []


def test_with_one_connection_at_a_time_all_routers_get_their_turn(
        chain, three):
    resets(chain, ports(*three), connections=1)
    for number, router in enumerate(three, 1):
        nas(chain, number, router.address)
    assert reset(chain) == "1 session ended on 127.0.0.2"
    chain.change_tariff(gid=7)
    chain.wait_states("done", "done")
    assert count(*three) == [2, 2, 2]


def test_the_table_counts_what_was_ended(chain, three):
    resets(chain, ports(*three))
    for number, router in enumerate(three[:2], 1):
        nas(chain, number, router.address)
    three[1].online("sub1001")
    reset(chain)
    wait_until(lambda: table(chain), 5, "row of the router")
    three[1].online("sub1001")
    chain.change_tariff(gid=7)
    wait_until(lambda: table(chain, "nas_id, address, transport, state, ended")
               == [(1, "127.0.0.1", "ssh", "ok", 0),
                   (2, "127.0.0.2", "ssh", "ok", 3)], 5, "rows")
    assert table(chain, "until_utc, reason") == [(None, None)] * 2
