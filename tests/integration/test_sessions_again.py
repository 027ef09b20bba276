"""What is left of resets: which is still to be done, and which no longer."""

from harness.process import wait_until
from harness.product import SERVICE_ACCOUNT, run_sql
from harness.scripted_ssh import ScriptedRouters
from integration.sessions import also, known_hosts, nas, reasons, resets

ACCOUNT = f"'{SERVICE_ACCOUNT}'@'localhost'"


def configure(chain, routers, **more):
    """All of them stand in radnas; there is one subscriber."""
    resets(chain, port=routers.port, **more)
    for number, router in enumerate(routers, 1):
        nas(chain, number, router.address)
    chain.subscriber()
    return chain


# ---- rights


def take_rights(chain):
    """The service does not see radnas any more."""
    columns = chain.db.sql(
        "SELECT GROUP_CONCAT(column_name) FROM"
        " information_schema.column_privileges WHERE table_name = 'radnas'"
        f" AND grantee = \"{ACCOUNT}\"")[0][0]
    chain.db.sql(f"REVOKE SELECT ({columns}) ON radnas FROM {ACCOUNT}",
                 "mikbill")


def give_rights(chain):
    """As an operator is told to do."""
    run_sql(chain.db, "grants.sql", "mikbill")


def test_without_a_right_to_radnas_nothing_is_done_and_then_it_is(chain):
    """It was started without."""
    with ScriptedRouters() as routers:
        routers[0].online("sub1001")
        routers[0].fault = "closed"
        configure(chain, routers).start().change_tariff()
        chain.wait_states("retry")
        assert chain.service.stop() == 0
        routers[0].fault = None
        take_rights(chain)
        try:
            chain.start()
            chain.service.wait_log("error billing: session resets wait")
            wait_until(lambda: chain.service.log_text().count(
                "session resets wait") > 2, 10, "looks")
            assert chain.states() == ["retry"]
        finally:
            give_rights(chain)
        chain.wait_states("done")
        assert routers[0].removed == [b"sub1001"]


def test_a_right_to_radnas_that_is_lost_for_a_while_is_waited_for(chain):
    """It runs meanwhile."""
    with ScriptedRouters() as routers:
        routers[0].online("sub1001")
        routers[0].fault = "closed"
        configure(chain, routers).start().change_tariff()
        chain.wait_states("retry")
        take_rights(chain)
        try:
            chain.service.wait_log("warning resets: radnas cannot be read")
            routers[0].fault = None
            assert chain.states() == ["retry"]
        finally:
            give_rights(chain)
        chain.wait_states("done")
        assert routers[0].removed == [b"sub1001"]


# ---- an end of the service


def test_told_to_stop_what_was_not_begun_is_as_good_as_new(chain):
    """It waits behind a router that is silent at the login; such a reset is
    not doubtful afterwards."""
    with ScriptedRouters() as routers:
        routers[0].fault = "silent"
        configure(chain, routers, timeout="20 s")
        also(chain, session_reset={"repeat_within": "0 s"},
             service={"lease": "60 s", "stop_timeout": "3 s"})
        chain.start().change_tariff()
        chain.wait_states("calling")
        wait_until(lambda: routers[0].connections, 10, "connection")
        assert chain.service.stop() == 0
        assert chain.deliveries("state, reason") == [
            ("retry", "1 of 1 router failed: 127.0.1.1: not begun, the"
                      " service stops")]
        routers[0].fault = None
        routers[0].online("sub1001")
        chain.start().wait_states("done")
        assert routers[0].removed == [b"sub1001"]


# ---- a later one


def test_an_older_reset_that_fails_behind_a_later_one_is_over(chain):
    """It would end the session that came with the later one."""
    with ScriptedRouters(2) as routers:
        first, second = routers
        second.fault = "silent"
        configure(chain, routers, timeout="2 s", retry_first="2 s",
                  retry_longest="2 s")
        chain.start().change_tariff()
        chain.wait_states("calling")
        wait_until(lambda: first.commands, 10, "look")
        first.online("sub1001")
        chain.change_tariff(gid=7)
        chain.wait_states("retry", "done")
        second.fault = None
        second.online("sub1001")
        chain.wait_states("skipped", "done")
        (later,) = chain.db.sql("SELECT MAX(id) FROM event",
                                "mikbill_events")[0]
        assert reasons(chain)[0] == (
            f"one reset for all, with that of event {later}")
        assert (first.removed, second.removed) == ([b"sub1001"], [])


# ---- where the billing sees a session


def sees(chain, address):
    """A row of radacct that nobody has closed."""
    chain.db.sql(
        "INSERT INTO radacct SET uid=1001, acctsessionid='1',"
        f" nasipaddress='{address}', acctterminatecause='Online'", "mikbill")


def test_where_the_billing_is_behind_all_the_others_are_asked(chain):
    with ScriptedRouters(3) as routers:
        configure(chain, routers)
        also(chain, session_reset={"target": "online"})
        sees(chain, routers[0].address)
        routers[2].online("sub1001")
        chain.start().change_tariff()
        chain.wait_states("done")
        chain.service.wait_log("no session on 1 router, where the billing sees"
                               " it; the others are next")
        assert reasons(chain) == [f"1 session ended on {routers[2].address}"]
        assert routers[2].removed == [b"sub1001"]
        assert len(routers[0].commands) == 1


def test_where_the_billing_sees_a_session_that_is_there_nobody_else_is_asked(
        chain):
    with ScriptedRouters(2) as routers:
        configure(chain, routers)
        also(chain, session_reset={"target": "online"})
        sees(chain, routers[0].address)
        routers[0].online("sub1001")
        chain.start().change_tariff()
        chain.wait_states("done")
        assert routers[1].commands == []


# ---- a key


def test_a_key_of_another_router_that_is_noted_cures_nobody(chain):
    """That one was down when the key of the other changed."""
    with ScriptedRouters(2) as routers:
        changed, new = routers
        configure(chain, routers)
        changed.online("sub1001")
        new.stop()
        chain.start().change_tariff()
        chain.wait_states("done")
        chain.service.stop()
        changed.change_host_key()
        chain.start().change_tariff(gid=7)
        chain.service.wait_log(f"{changed.address} .* its key has changed")
        chain.wait_states("done", "retry")
        seen = changed.connections
        new.start()
        wait_until(lambda: new.address in known_hosts(chain).read_text(), 15,
                   "note")
        attempts = chain.deliveries("attempts")[1][0]
        wait_until(lambda: chain.deliveries("attempts")[1][0] > attempts + 2,
                   15, "attempts")
        assert changed.connections == seen
        assert (changed.logins, new.logins) == (1, 1)
