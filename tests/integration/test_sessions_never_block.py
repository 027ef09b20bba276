"""Whatever is wrong with routers, or with what is known of them, notices go
out meanwhile, and the service neither grows nor begins anew."""

import os
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.process import wait_until
from harness.product import SERVICE_ACCOUNT
from harness.raw_ssh import RawSSH
from harness.scripted_ssh import ScriptedRouters
from integration.sessions import also, held, nas, reasons, resets
from integration.test_locks import waits_for_a_lock

ACCOUNT = f"'{SERVICE_ACCOUNT}'@'localhost'"
SILENT_NAMES = Path(__file__).resolve().parents[1] / "harness/silent_names.c"
MOST_GROWTH_KIB = 40 * 1024


@pytest.fixture(name="router")
def fixture_router():
    """A router where the subscriber is online."""
    with ScriptedRouters() as routers:
        routers[0].online("sub1001")
        yield routers[0]


def with_notices(chain, **routers):
    """Tariffs end sessions of 1001; payments of 1002 are told."""
    resets(chain, **routers)
    also(chain, payment={"sms": "yes", "after": "0 s"},
         session_reset={"payment": "no", "credit": "no"})
    chain.subscriber()
    chain.subscriber(1002, phone="79001234502")
    return chain


def notice_goes(chain, times=1):
    """Payments are told, one after the other."""
    for _ in range(times):
        seen = len(chain.pilot.requests)
        chain.pay(1002)
        wait_until(lambda: len(chain.pilot.requests) > seen, 15, "notice")


def of_resets(chain, columns="state"):
    """Rows of the deliveries that end sessions."""
    return chain.deliveries(columns, "action = 'session_reset'")


def wait_resets(chain, *states, timeout=20):
    """Wait until just these resets are there."""
    try:
        wait_until(lambda: [state for (state,) in of_resets(chain)]
                   == list(states), timeout, str(states))
    except TimeoutError as error:
        log = chain.service.log_text()[-2000:]
        raise TimeoutError(f"{error}: {of_resets(chain)}\n{log}") from None


def began_once(chain):
    """Has it kept its connection and its epoch?"""
    return len(re.findall("engine: acting", chain.service.log_text())) == 1


@contextmanager
def somebody_holds(chain, statement, schema="mikbill"):
    """Locks of somebody else."""
    with chain.db.connect(schema, autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute(statement)
        yield
        cursor.execute("UNLOCK TABLES")
        link.rollback()


# ---- a router that floods


def resident_kib(chain):
    """How much memory the service has."""
    status = Path(f"/proc/{chain.service.pid}/status").read_text(
        encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


@pytest.mark.parametrize("offers_first", [False, True])
@pytest.mark.parametrize("kind", [99, 192])
def test_packets_that_nobody_asked_for_fill_no_memory(
        chain, kind, offers_first):
    """Before its list of algorithms, and behind it."""
    with RawSSH(flood=kind, offers_first=offers_first) as server:
        with_notices(chain, port=server.port, hold_refused="200 ms")
        nas(chain)
        chain.start()
        notice_goes(chain)
        before = resident_kib(chain)
        chain.change_tariff()
        wait_until(lambda: server.sent, 10, "flood")
        notice_goes(chain, 3)
        wait_until(lambda: server.ended >= 3, 15, "end of the flood")
        assert resident_kib(chain) - before < MOST_GROWTH_KIB
        assert "it sends more than can be meant" in held(chain)[0]
        assert of_resets(chain) in ([("retry",)], [("calling",)])


# ---- a name server that is silent


def silent_names(folder):
    """The library that makes it silent; its environment."""
    library = folder / "silent_names.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", library,
                    SILENT_NAMES, "-ldl"], check=True)
    options = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": str(library),
            "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0"}


def test_a_name_that_is_never_found_keeps_nobody_waiting(
        chain, router, tmp_path):
    """Neither other work nor the end."""
    with_notices(chain, port=router.port, connect_timeout="500 ms")
    nas(chain, 1, "router.invalid")
    nas(chain, 2, router.address)
    chain.start(**silent_names(tmp_path)).change_tariff()
    wait_resets(chain, "done")
    notice_goes(chain, 3)
    assert router.removed == [b"sub1001"]
    assert ["router.invalid (radnas 1, ssh) is held: it cannot be reached:"
            in one for one in held(chain)] == [True]
    assert chain.service.stop(timeout=20) == 0


# ---- tables that are locked, or not as they should be


def test_without_resets_nobody_looks_at_routers_that_are_locked(chain):
    with somebody_holds(chain, "LOCK TABLES radnas WRITE"):
        chain.subscriber(1002)
        chain.start()
        notice_goes(chain, 5)
        chain.service.stop()
        assert "radnas" not in chain.service.log_text()
        assert began_once(chain)


def test_without_resets_radnas_may_look_as_it_likes(chain):
    chain.db.sql("ALTER TABLE radnas CHANGE impruport other CHAR(5)",
                 "mikbill")
    try:
        chain.subscriber(1002)
        chain.start()
        notice_goes(chain, 5)
        chain.service.stop()
        assert "radnas" not in chain.service.log_text()
        assert began_once(chain)
    finally:
        chain.db.sql("ALTER TABLE radnas CHANGE other impruport CHAR(5)",
                     "mikbill")


def test_resets_wait_for_radnas_and_nothing_else_does(chain, router):
    with_notices(chain, port=router.port)
    nas(chain, 1, router.address)
    with somebody_holds(chain, "LOCK TABLES radnas WRITE"):
        chain.start().change_tariff()
        chain.service.wait_log("warning resets: radnas cannot be read")
        notice_goes(chain, 3)
        assert of_resets(chain) == [("ready",)]
    wait_resets(chain, "done")
    assert router.removed == [b"sub1001"]
    assert began_once(chain)


def test_while_radacct_is_locked_all_routers_are_asked(chain, router):
    with_notices(chain, port=router.port)
    also(chain, session_reset={"target": "online"}, credit={"sms": "yes"})
    nas(chain, 1, router.address)
    chain.db.sql("UPDATE users SET credit = 100", "mikbill")
    with somebody_holds(chain, "LOCK TABLES radacct WRITE"):
        chain.start().change_tariff()
        chain.service.wait_log("warning decide: radacct cannot be read")
        for count in (1, 2, 3):
            chain.credit(1002)
            wait_until(lambda n=count: len(chain.pilot.requests) == n, 15,
                       "notice")
        wait_resets(chain, "done")
        assert router.removed == [b"sub1001"]
    assert began_once(chain)


@pytest.fixture(name="other")
def fixture_other():
    """A router that closes every connection."""
    with ScriptedRouters(first="127.0.2.1") as routers:
        routers[0].fault = "closed"
        yield routers[0]


def test_an_older_reset_that_an_operator_holds_keeps_no_other_waiting(
        chain, other):
    """Neither notices, nor those of others, nor the later one of the same."""
    with_notices(chain, port=other.port)
    nas(chain, 1, other.address)
    chain.subscriber(1003)
    chain.start().change_tariff()
    wait_resets(chain, "retry")
    ((older,),) = of_resets(chain, "id")
    with somebody_holds(
            chain, f"SELECT * FROM delivery WHERE id = {older} FOR UPDATE",
            "mikbill_events"):
        other.fault = None
        other.online("sub1001", "sub1003")
        wait_until(lambda: waits_for_a_lock(chain), 10, "try", pause=0.25)
        chain.change_tariff(gid=7)
        chain.change_tariff(1003)
        notice_goes(chain, 3)
        wait_resets(chain, "retry", "done", "done")
        assert sorted(other.removed) == [b"sub1001", b"sub1003"]
    assert began_once(chain)
    chain.service.stop()
    chain.start()
    wait_resets(chain, "skipped", "done", "done")


def test_a_table_of_routers_that_cannot_be_written_is_told_once(
        chain, router):
    """Within the minute."""
    with_notices(chain, port=router.port)
    nas(chain, 1, router.address)
    chain.db.sql(f"REVOKE INSERT ON router FROM {ACCOUNT}", "mikbill_events")
    try:
        chain.start()
        for gid in (6, 7, 8):
            chain.change_tariff(gid=gid)
            wait_resets(chain, *["done"] * (gid - 5))
            notice_goes(chain)
            router.online("sub1001")
        chain.service.wait_log("error fleet: table router cannot be written")
        assert chain.service.log_text().count("table router cannot") == 1
        assert router.removed == [b"sub1001"] * 3
        assert reasons(chain)[0] == "1 session ended on 127.0.1.1"
        assert began_once(chain)
    finally:
        chain.db.sql(f"GRANT INSERT ON router TO {ACCOUNT}", "mikbill_events")
