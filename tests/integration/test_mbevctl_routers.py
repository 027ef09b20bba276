"""mbevctl routers, and what status, queue and show say of resets of sessions, as
an administrator sees it."""

import re

import pytest

from harness.process import wait_until
from harness.routeros import RouterOS
from integration.sessions import nas, resets
from integration.test_mbevctl import ctl, event_id, fields

NOBODY = "127.0.0.9"  # where nothing listens
PASSWORD = "naspw"


@pytest.fixture(name="router")
def fixture_router():
    """A router."""
    with RouterOS() as router:
        yield router


def lines(text):
    """The rows of an answer, each as its cells; notes as they are."""
    return [line if line.startswith(" ") else re.split(" {2,}", line.strip())
            for line in text.splitlines()]


def recorded(chain):
    """The states in table router."""
    return [state for (state,) in chain.db.sql(
        "SELECT state FROM router ORDER BY nas_id", "mikbill_events")]


def one_held_one_ok(chain, router):
    """A service that has found one router well and one away."""
    resets(chain, port=router.port, hold_first="10 min", hold_longest="10 min")
    nas(chain)
    nas(chain, 2, NOBODY)
    chain.subscriber()
    router.online("sub1001")
    chain.start().change_tariff()
    chain.wait_states("done")
    wait_until(lambda: recorded(chain) == ["ok", "held"], 10, "rows")


# ---- mbevctl routers


def test_routers_tells_how_each_one_is(chain, router):
    one_held_one_ok(chain, router)
    nas(chain, 3, "127.0.0.7")
    nas(chain, 4, "127.0.0.6", nastype="cisco")
    done = ctl(chain, "routers")
    head, first, second, reason, cure, third = lines(done.stdout)
    assert done.returncode == 0 and done.stderr == ""
    assert head[:3] == ["address", "radnas", "transport"]
    assert first[:4] == ["127.0.0.1", "1", "ssh", "ok"]
    assert first[5] == "1"
    assert second[:3] == [NOBODY, "2", "ssh"]
    assert re.fullmatch(r"held until \d\d:\d\d:\d\d", second[3])
    assert second[5] == "0"
    assert reason.startswith("  reason: it cannot be reached")
    assert cure.startswith("  cure: check that it is up")
    assert third == ["127.0.0.7", "3", "ssh", "not tried yet", "0"]
    assert PASSWORD not in done.stdout


def test_routers_that_the_settings_leave_out_are_off(chain):
    resets(chain, router=["127.0.0.1 transport=off", "127.0.0.2 transport=api"])
    nas(chain)
    nas(chain, 2, "127.0.0.2")
    _, first, second = lines(ctl(chain, "routers").stdout)
    assert first == ["127.0.0.1", "1", "off", "0"]
    assert second == ["127.0.0.2", "2", "api", "not tried yet", "0"]


def test_routers_when_there_are_none(chain):
    resets(chain)
    assert ctl(chain, "routers").stdout == "no routers\n"


def test_routers_of_an_account_that_does_not_see_radnas(chain, router):
    one_held_one_ok(chain, router)
    chain.db.sql("SET PASSWORD FOR 'mbev_reader'@'localhost'"
                 " = PASSWORD('reader-secret')")
    chain.settings["database"].update(user="mbev_reader",
                                      password="reader-secret")
    chain.service.configure(chain.settings)
    done = ctl(chain, "routers")
    assert done.returncode == 0
    assert lines(done.stdout)[1][:4] == ["127.0.0.1", "1", "ssh", "ok"]
    assert "held until" in done.stdout and "sql/grants.sql" in done.stdout


def test_routers_that_are_gone_are_told_until_the_service_notices(
        chain, router):
    one_held_one_ok(chain, router)
    chain.service.stop()
    chain.db.sql("DELETE FROM radnas WHERE id = 2", "mikbill")
    assert "not in radnas any more" in ctl(chain, "routers").stdout
    chain.start().change_tariff(gid=7)
    wait_until(lambda: recorded(chain) == ["ok"], 10, "row")


def test_routers_is_safe_for_a_terminal(chain):
    resets(chain)
    nas(chain, address="\x1b[31m")
    chain.db.sql("INSERT INTO router SET nas_id=1, address='x', transport='ssh'"
                 ", state='held', since_utc=NOW(), reason='\x1b[32m',"
                 " cure='\x1b[33m', changed_utc=NOW()", "mikbill_events")
    done = ctl(chain, "routers")
    assert "\x1b" not in done.stdout
    assert r"\x1b[31m" in done.stdout and r"reason: \x1b[32m" in done.stdout
    assert "failed, the next reset tries it" in done.stdout


# ---- status, queue, show


def test_status_counts_routers_and_resets(chain, router):
    one_held_one_ok(chain, router)
    router.stop()
    chain.change_tariff(gid=7)
    chain.wait_states("done", "retry")
    wait_until(lambda: recorded(chain) == ["held", "held"], 10, "rows")
    rows = lines(ctl(chain, "status").stdout)
    assert ["routers", "0 ok, 2 held: 127.0.0.1, 127.0.0.9; see mbevctl"
            " routers"] in rows
    assert ["resets", "1 wait, 0 expired in the last hour"] in rows


def test_queue_and_show_tell_of_a_reset_in_words(chain):
    resets(chain)
    chain.settings["session_reset"]["target"] = "online"
    chain.reconfigure(chain.settings)
    nas(chain, 7, NOBODY)
    chain.subscriber()
    chain.db.sql("INSERT INTO radacct SET uid=1001, username='sub1001',"
                 f" nasipaddress='{NOBODY}', framedipaddress='10.1.2.3',"
                 " acctsessionid='81a0003c', acctuniqueid='1',"
                 " acctstarttime=NOW(), acctterminatecause='Online'", "mikbill")
    chain.start().change_tariff()
    chain.wait_states("retry")
    row = lines(ctl(chain, "queue").stdout)[1]
    assert "session_reset" in row and "routers" in row and "sub1001" in row
    got = fields(ctl(chain, "show", str(event_id(chain))).stdout)
    assert got["state"].startswith("retry: not all routers have done it")
    assert got["to"] == "sub1001"
    assert got["routers"] == "number 7 of radnas"
    assert got["seen online"] == f"on {NOBODY} as 10.1.2.3, session 81a0003c"
    assert "text" not in got and "sms_logs" not in got
