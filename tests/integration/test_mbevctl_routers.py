"""mbevctl routers and mbevctl test router, and what status, queue and show say
of resets of sessions, as an administrator sees it."""

import os
import pwd
import re
import tempfile
from pathlib import Path

import pytest

from harness.process import wait_until
from harness.radius import RadiusNas
from harness.ros_api import RouterApi
from harness.routeros import RouterOS
from integration.sessions import known_hosts, nas, resets
from integration.test_mbevctl import ctl, event_id, fields

NOBODY = "127.0.0.9"  # where nothing listens
PASSWORD = "naspw"


@pytest.fixture(name="router")
def fixture_router():
    """A router."""
    with RouterOS() as router:
        yield router


@pytest.fixture(name="api")
def fixture_api():
    """The API of a router."""
    with RouterApi() as api:
        yield api


def lines(text):
    """The rows of an answer, each as its cells; notes as they are."""
    return [line if line.startswith(" ") else re.split(" {2,}", line.strip())
            for line in text.splitlines()]


def told(chain, *words, code=0):
    """The fields of what `mbevctl test router` tells."""
    done = ctl(chain, "test", "router", *words)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr == "" and PASSWORD not in done.stdout
    return fields(done.stdout)


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
    done = ctl(chain, "test", "router", "127.0.0.1")
    assert done.returncode == 69 and "sql/grants.sql" in done.stderr


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


# ---- mbevctl test router


def test_a_router_that_works_is_told_step_by_step(chain, router):
    resets(chain, port=router.port)
    chain.settings["session_reset"] = {}
    chain.reconfigure(chain.settings)
    nas(chain)
    router.online("sub1001")
    got = told(chain, "127.0.0.1")
    assert got["router"] == "127.0.0.1, radnas 1"
    assert got["sessions of"].startswith("mbev-test-")
    assert got["transport"] == f"ssh, port {router.port}, user nasadmin"
    assert got["connection"] == got["login"] == "ok"
    assert got["host key"] == f"new, noted in {known_hosts(chain)}"
    assert got["command"] == "ok: 0 sessions"
    assert told(chain, "127.0.0.1")["host key"] == "the known one"
    assert router.removed == [] and router.names == [b"sub1001"]
    assert router.foreign == router.violations == []


def test_the_sessions_of_a_login_that_is_named_are_ended(chain, router):
    resets(chain, port=router.port)
    nas(chain)
    router.online("sub1001", "sub1001", "other")
    got = told(chain, "127.0.0.1", "sub1001")
    assert got["command"] == "ok: 2 sessions"
    assert router.removed == [b"sub1001", b"sub1001"]


def test_another_host_key_is_told_with_the_cure(chain, router):
    resets(chain, port=router.port)
    nas(chain)
    told(chain, "127.0.0.1")
    router.change_host_key()
    got = told(chain, "127.0.0.1", code=1)
    assert got["host key"].startswith("FAILED: its key has changed")
    assert "ssh-keygen -f" in got["cure"]
    assert "login" not in got and router.refused == 0


def test_a_wrong_password_is_told_with_the_cure(chain, router):
    resets(chain, port=router.port)
    nas(chain, naspass="no-such-password")
    done = ctl(chain, "test", "router", "127.0.0.1")
    got = fields(done.stdout)
    assert done.returncode == 1 and "no-such-password" not in done.stdout
    assert got["host key"].startswith("new, noted in")
    assert got["login"].startswith("FAILED: it refuses the login")
    assert "naslogin and naspass" in got["cure"] and "command" not in got


def test_a_router_that_is_away_fails_and_the_other_is_tried(chain, router):
    resets(chain, router=[f"127.0.0.1 port={router.port}"])
    nas(chain, 1, "127.0.0.1", naslogin="nobody")
    nas(chain, 2, "127.0.0.1")
    done = ctl(chain, "test", "router", "127.0.0.1")
    first, second = done.stdout.split("router:")[1:]
    assert done.returncode == 1
    assert "FAILED" in fields(first)["login"]
    assert fields(second)["command"] == "ok: 0 sessions"
    nas(chain, 3, NOBODY)
    got = told(chain, NOBODY, code=1)
    assert got["connection"].startswith("FAILED: it cannot be reached")
    assert got["cure"].startswith("check that it is up")


def test_a_user_without_rights_is_told(chain, router):
    resets(chain, port=router.port)
    nas(chain)
    router.denied = True
    got = told(chain, "127.0.0.1", code=1)
    assert got["login"] == "ok"
    assert "not enough permissions" in got["command"]
    assert "rights" in got["cure"]


def test_the_api_is_tested_by_its_exception(chain, api):
    resets(chain, router=[f"127.0.0.1 transport=api port={api.port}"])
    nas(chain)
    got = told(chain, "127.0.0.1")
    assert got["transport"] == f"api, port {api.port}, user nasadmin"
    assert got["login"] == "ok" and got["command"] == "ok: 0 sessions"
    assert "host key" not in got and api.violations == []


def test_radius_is_tested_without_a_login(chain):
    with RadiusNas() as router:
        resets(chain, transport="radius", radius_tries="2",
               radius_wait="100 ms")
        nas(chain, impruport=router.port, secret="secret")
        router.online(b"sub1001")
        got = told(chain, "127.0.0.1", "sub1001")
        assert got["command"] == "ok: 1 session" and "login" not in got
        assert router.violations == []
        chain.db.sql("UPDATE radnas SET secret='other'", "mikbill")
        got = told(chain, "127.0.0.1", code=1)
        assert "the secret is another" in got["command"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another")
def test_what_root_notes_of_a_router_belongs_to_the_service(chain, router):
    with tempfile.TemporaryDirectory(prefix="mbev-") as folder:
        owner = pwd.getpwnam("nobody")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        resets(chain, port=router.port)
        del chain.settings["routers"]["known_hosts"]
        chain.settings["service"]["state_dir"] = folder
        chain.reconfigure(chain.settings)
        nas(chain)
        file = Path(folder, "known_hosts")
        assert told(chain, "127.0.0.1")["host key"] == f"new, noted in {file}"
        assert file.owner() == "nobody"


def test_what_cannot_be_tested_is_said(chain):
    resets(chain, router=["127.0.0.1 transport=off"])
    nas(chain)
    assert "off, by section" in told(chain, "127.0.0.1", code=1)["transport"]
    done = ctl(chain, "test", "router", "10.9.8.7")
    assert done.returncode == 66 and "nasname 10.9.8.7" in done.stderr
    assert ctl(chain, "test", "router", "127.0.0.1", "a\nb").returncode == 65
    assert ctl(chain, "test", "router").returncode == 64
    assert ctl(chain, "test", "payment", "x").returncode == 64
