"""Session resets are read, played and compared as they should be."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from types import SimpleNamespace

import pytest

from conformance import resets, routers
from conformance.compare import differences
from conformance.expect import Case, Expectation, expect_same
from conformance.facts import Facts, Router, Subscriber
from conformance.routers import ApiRouter, Reset, SshRouter
from conformance.stage import Observation
from conformance.vectors import CannotRun
from harness.process import wait_until
from harness.test_ros_api import Client

SSH = {"host": "127.0.0.1", "user": "nasadmin", "password": "naspw",
       "command": '/ppp active remove [find name="abonent1"]'}
RESET = Reset("127.0.0.1", "nasadmin", "naspw", "abonent1")
SECOND = replace(RESET, user="nas2", password="pw2")
LOOKED = replace(RESET, removes=False)


def sentences(*words):
    return [{"host": "127.0.0.1", "sentence": one.split()} for one in words]


LOGIN = "/login =name=nasadmin =password=naspw"
PRINT = "/ppp/active/print ?name=abonent1"
REMOVE = "/ppp/active/remove =.id=*80000A1"
API = sentences(LOGIN, PRINT, REMOVE)


# ---- what is recorded ----

@pytest.mark.parametrize("record, found", [
    ({}, []), ({"ssh": []}, []), ({"ssh": [SSH]}, [RESET]),
    ({"ssh": [SSH | {"password": ""}]}, [replace(RESET, password="")]),
    ({"ssh": [SSH, SSH | {"user": "nas2", "password": "pw2"}]},
     [RESET, SECOND]),
    ({"ssh": [SSH | {
        "command": '/ppp active remove [find name="a"b] c$d"]'}]},
     [replace(RESET, login='a"b] c$d')]),
    ({"routeros_api": API}, [RESET]),
    ({"routeros_api": API[:2]}, [LOOKED]),
    ({"routeros_api": [*API, *sentences(
        "/login =name=nas2 =password=pw2", PRINT, REMOVE)]},
     [RESET, SECOND]),
    ({"routeros_api": sentences("/login =name=nasadmin =password=", PRINT)},
     [replace(LOOKED, password="")]),
])
def test_records_are_read(record, found):
    assert routers.recorded_resets(record) == found


@pytest.mark.parametrize("record", [
    {"ssh": [SSH | {"command": "/system reboot"}]},
    {"routeros_api": sentences(LOGIN, "/system/reboot")},
    {"routeros_api": sentences(LOGIN, REMOVE)},
    {"routeros_api": [API[0], API[1] | {"host": "127.0.0.2"}]}])
def test_other_records_are_not_guessed_at(record):
    with pytest.raises(CannotRun):
        routers.recorded_resets(record)


@pytest.mark.parametrize("expect, changed", [
    (None, {}), ({"ssh": []}, {}), ({"ssh": [SSH]}, {}),
    ({"ssh": [SSH | {"password": ""}]}, {"nasadmin": ""}),
    ({"ssh": [SSH | {"user": "nas3", "password": "x"}]}, {"nas3": "x"}),
    ({"ssh": [], "ssh_auth_failed": [
        {"host": "127.0.0.1", "user": "nasadmin", "password": "WRONG"}]}, {}),
])
def test_the_router_has_the_accounts_that_were_let_in(expect, changed):
    vector = {"expect": expect} if expect else {}
    assert routers.accounts_of(vector) == {
        "nasadmin": "naspw", "nas2": "pw2"} | changed


@pytest.mark.parametrize("record, fires", [
    ({"ssh": [SSH]}, True), ({"routeros_api": API}, True),
    ({"ssh": [], "routeros_api": []}, False), ({}, False)])
def test_fires_must_agree_with_the_record(record, fires):
    def case(stated):
        return Case({"fires": stated,
                     "expect": {"http": [], "db": {}} | record},
                    {}, SimpleNamespace(recorded=resets.recorded), None, None)
    expected = expect_same(case(fires))
    assert bool(expected.resets) == fires
    with pytest.raises(CannotRun, match="contradicts"):
        expect_same(case(not fires))


# ---- what ours must do ----

def case_of(*rows, login="abonent1", **expect):
    """A case with these rows of radnas and this subscriber."""
    facts = SimpleNamespace(routers=[Router(*row) for row in rows],
                            subscriber=Subscriber(login, None, 5))
    return Case({"expect": expect}, {}, None, None, facts)


FIRST_ROW = ("127.0.0.1", "nasadmin", "naspw")
SECOND_ROW = ("127.0.0.1", "nas2", "pw2")
WRONG_ROW = ("127.0.0.1", "nasadmin", "WRONG")
FAR_ROW = ("127.0.0.2", "nasadmin", "naspw")


@pytest.mark.parametrize("rows, expected", [
    ([FIRST_ROW], Expectation(resets=[RESET])),
    ([FIRST_ROW, SECOND_ROW], Expectation(resets=[RESET, SECOND])),
    ([WRONG_ROW, SECOND_ROW], Expectation(
        resets=[SECOND], refused=["nasadmin"])),
    ([FAR_ROW, SECOND_ROW], Expectation(resets=[SECOND])),
])
def test_each_router_is_independent(rows, expected):
    assert resets.acting(case_of(*rows)) == expected


def test_a_reset_needs_a_router():
    with pytest.raises(CannotRun, match="no router"):
        resets.acting(case_of())


@pytest.mark.parametrize("case, password", [
    (case_of(WRONG_ROW, SECOND_ROW), "pw2"),
    (case_of(FAR_ROW, SECOND_ROW), "pw2"),
    (case_of(FIRST_ROW, login='a"b] c$d'), "naspw"),
    (case_of(("127.0.0.1", "nasadmin", ""), ssh=[SSH | {"password": ""}]),
     ""),
])
def test_ours_is_better_where_a_difference_is_known(case, password):
    one, = resets.corrected(case, {}).resets
    assert one.password == password


@pytest.mark.parametrize("rows", [[FIRST_ROW], [FIRST_ROW, SECOND_ROW]])
def test_ours_is_not_better_without_one(rows):
    with pytest.raises(CannotRun, match="difference that makes ours better"):
        resets.corrected(case_of(*rows), {})


def test_the_routers_are_read_by_our_rules(server, legacy_billing):
    for columns in ("'10.0.0.1', 'a', 'x', 'MikroTik'",
                    "'10.0.0.2', 'b', '', 'mikrotik'",
                    "'10.0.0.3', 'c', 'x', 'cisco'",
                    "'', 'd', 'x', 'mikrotik'",
                    "'10.0.0.4', '', 'x', 'mikrotik'"):
        server.sql("INSERT INTO radnas (nasname, naslogin, naspass, nastype) "
                   f"VALUES ({columns})", legacy_billing)
    facts = Facts(lambda sql: server.sql(sql, legacy_billing), "payment",
                  set())
    assert facts.routers == [Router("10.0.0.1", "a", "x"),
                             Router("10.0.0.2", "b", "")]


# ---- comparing ----

def told(expected, **seen):
    observed = Observation([], {}, {}, [], 0, [], 0, 0, "", datetime.now())
    return "\n".join(differences(
        expected, replace(observed, **{"deliveries": ["done"]} | seen), None,
        set()))


@pytest.mark.parametrize("seen, word", [
    ([RESET], None),
    ([], "session reset is missing"),
    ([RESET, RESET], "session reset is too much"),
    ([RESET, SECOND], "session reset is too much"),
    ([replace(RESET, host="127.0.0.2")], "host is '127.0.0.2', expected"),
    ([replace(RESET, user="nas2")], "user is 'nas2', expected 'nasadmin'"),
    ([replace(RESET, password="")], "password is ''"),
    ([replace(RESET, login="abonent")], "login is 'abonent'"),
    ([LOOKED], "removes is False, expected True"),
])
def test_wrong_resets_are_told(seen, word):
    found = told(Expectation(resets=[RESET]), resets=seen)
    assert word in found if word else not found


def test_the_order_of_routers_is_free():
    assert not told(Expectation(resets=[RESET, SECOND]),
                    resets=[SECOND, RESET])


def test_looking_alone_may_be_right():
    assert not told(Expectation(resets=[LOOKED]), resets=[LOOKED])
    assert told(Expectation(resets=[LOOKED]), resets=[RESET])


def test_a_reset_where_nothing_was_to_happen_is_told():
    assert "too much" in told(Expectation(), resets=[RESET])
    assert "refused logins" in told(Expectation(), refused=["nasadmin"])
    assert "said nothing" in told(Expectation(), faults=["said nothing"])


FAILED = Expectation(resets=[SECOND], refused=["nasadmin"])


@pytest.mark.parametrize("members, word", [
    ({}, None),
    ({"deliveries": ["done", "retry"]}, "left in state retry"),
    ({"refused": []}, "refused logins is [], expected ['nasadmin']"),
    ({"refused": ["nasadmin", "nasadmin"]}, None),
    ({"resets": []}, "missing"),
])
def test_what_a_failing_router_leaves_is_told(members, word):
    found = told(FAILED, **{"resets": [SECOND], "refused": ["nasadmin"],
                            "deliveries": ["done"]} | members)
    assert word in found if word else not found


def test_a_waiting_delivery_is_told_where_no_router_failed():
    assert "left in state retry" in told(
        Expectation(resets=[RESET]), resets=[RESET], deliveries=["retry"])


# ---- the router with the binary API ----

@pytest.fixture
def api():
    with ApiRouter() as running:
        yield running


def client_of(api, login=LOGIN):
    client = Client(SimpleNamespace(address="127.0.0.1", port=api.port),
                    login=False)
    client.say(*login.encode().split())
    return client


def reset(api, login=LOGIN, name=b"abonent1"):
    """What ours does on one router."""
    client = client_of(api, login)
    for known_as, _ in client.names(b"=.proplist=.id,name",
                                    b"?name=" + name):
        client.say(b"/ppp/active/remove", known_as)
    return client


def test_a_reset_by_the_api_is_seen(api):
    api.prepare({"expect": {"routeros_api": API}}, ["abonent1"])
    reset(api)
    assert (api.resets, api.refused, api.faults) == ([RESET], [], [])


def test_two_rows_of_one_router_both_reset(api):
    api.prepare({}, ["abonent1"])
    reset(api)
    reset(api, "/login =name=nas2 =password=pw2")
    assert (api.resets, api.faults) == ([RESET, SECOND], [])


def test_nobody_is_online_where_the_record_removes_nobody(api):
    api.prepare({"expect": {"routeros_api": API[:2]}}, ["abonent1"])
    reset(api)
    assert (api.resets, api.faults) == ([LOOKED], [])


def test_what_was_seen_is_forgotten_for_the_next_vector(api):
    api.prepare({}, ["abonent1"])
    reset(api)
    api.prepare({}, ["abonent1"])
    assert (api.resets, api.faults) == ([], [])


def test_a_refused_login_is_seen(api):
    api.prepare({}, ["abonent1"])
    client_of(api, "/login =name=nasadmin =password=WRONG")
    assert (api.resets, api.refused) == ([], ["nasadmin"])


def test_faults_of_the_api_are_told(api):
    api.prepare({}, ["abonent1"])
    client = client_of(api)
    client.say(b"/ppp/active/print", b"?name=abonent1", b"=x=y")
    client.say(b"/ppp/active/remove", b"=.id=*80000001")
    silent = Client(SimpleNamespace(address="127.0.0.1", port=api.port),
                    login=False)
    assert api.resets == [RESET]
    wait_until(lambda: "a connection over which nothing was said"
               in api.faults, 5, "silent connection")
    silent.link.close()
    faults = "\n".join(api.faults)
    assert "attributes that do not fit" in faults
    assert "of ['somebody-else'] were removed, not those of ['abonent1']" in (
        faults)


# ---- the router over SSH ----

@dataclass
class Call:
    """A command, as the stand-in keeps it."""

    command: bytes
    client: str


class FakeRouterOS:
    """What SshRouter needs of a RouterOS."""

    def __init__(self, folder):
        self.accounts = {"nasadmin": "naspw", "nas2": "pw2"}
        self.port = 2222
        self.log = folder / "sshd.log"
        self.log.write_text("Server listening on 127.0.0.1 port 2222.\n")
        self.changed = Counter()
        self.reset()

    def reset(self):
        self.calls, self.foreign, self.violations = [], [], []
        self.removed, self.names = [], []

    def online(self, *names):
        self.names += names

    def change_password(self, user, password):
        self.accounts[user] = password
        self.changed[user] += 1

    def say(self, *lines):
        with self.log.open("a") as log:
            log.writelines(line + "\n" for line in lines)

    def accept(self, user, port, *commands, removed=(b"abonent1",)):
        self.say(f"Connection from 127.0.0.1 port {port} on 127.0.0.1 port "
                 "2222 rdomain \"\"", f"Accepted password for {user} from "
                 f"127.0.0.1 port {port} ssh2")
        self.calls += [Call(command, f"127.0.0.1 {port} 2222")
                       for command in commands]
        self.removed += removed if commands else ()


@pytest.fixture
def fake(tmp_path):
    return FakeRouterOS(tmp_path)


@pytest.fixture
def ssh(fake):
    router = SshRouter(fake)
    fake.accept("nasadmin", 1, b"/ppp active remove [find]")
    router.prepare({}, ["abonent1"])
    return router


OURS = (b':do {:local mbevL [/ppp active find name="%s"];'
        b' :local mbevN [:len $mbevL];'
        b' :if ($mbevN > 0) do={/ppp active remove $mbevL};'
        b' :put ("MBEV-OK 0 " . $mbevN)} on-error={:put "MBEV-ERR 0"}')


def test_a_reset_over_ssh_is_seen(ssh, fake):
    fake.accept("nasadmin", 40001, OURS % b"abonent1")
    assert (ssh.resets, ssh.refused, ssh.faults) == ([RESET], [], [])
    assert fake.names == ["somebody-else", "abonent1"]


def test_two_accounts_are_told_apart(ssh, fake):
    fake.accept("nas2", 40002, OURS % b"abonent1")
    fake.accept("nasadmin", 40001, OURS % b"abonent1", removed=())
    assert (ssh.resets, ssh.faults) == ([SECOND, RESET], [])


@pytest.mark.parametrize("quoted, login", [
    (rb"abonent1", "abonent1"), (rb"\61bonent1", "abonent1"),
    (rb"a\22b\5D\20c\24d", 'a"b] c$d'), (rb'a\"b] c\$d', 'a"b] c$d'),
    (rb"a\_b", "a b"), (rb"a\\b", r"a\b"), (rb"a\nb", "a\nb"),
    (rb"a\AAb", "a\udcaab"), (rb"a\ab", "a\x07b"), (rb"", ""),
    (rb"\D0\9F", "П"),
])
def test_the_login_of_a_command_is_read(quoted, login):
    assert routers.logins_in(OURS % quoted) == [login]


def test_every_login_of_a_command_is_read_once():
    command = OURS % b"u1" + b"; " + OURS % b"u2" + b"; " + OURS % b"u1"
    assert routers.logins_in(command) == ["u1", "u2"]
    assert routers.logins_in(b'/ppp active remove [find where name="u1"]') == [
        "u1"]
    assert routers.logins_in(b":put 1") == []


def test_a_command_without_a_login_or_without_a_removal_is_seen(ssh, fake):
    fake.accept("nasadmin", 40001, b":put 1", removed=())
    fake.accept("nasadmin", 40002, b'/ppp active find name="abonent1"',
                removed=())
    assert ssh.resets == [replace(LOOKED, login=""), LOOKED]


def test_refusals_are_seen_and_asking_for_methods_is_none(ssh, fake):
    fake.say("Failed none for nas2 from 127.0.0.1 port 40001 ssh2",
             "Failed password for nasadmin from 127.0.0.1 port 40001 ssh2",
             "Failed password for invalid user x from 127.0.0.1 port 4 ssh2")
    assert (ssh.refused, ssh.resets) == (["nasadmin", "x"], [])


def test_an_empty_password_is_let_in(ssh, fake):
    vector = {"expect": {"ssh": [SSH | {"password": ""}]}}
    ssh.prepare(vector, ["abonent1"])
    fake.say("Accepted none for nasadmin from 127.0.0.1 port 40001 ssh2")
    fake.calls.append(Call(OURS % b"abonent1", "127.0.0.1 40001 2222"))
    assert ssh.resets == [replace(RESET, password="")]
    assert fake.changed == {"nasadmin": 1}
    ssh.prepare({}, [])
    assert fake.accounts["nasadmin"] == "naspw"


def test_faults_over_ssh_are_told(ssh, fake):
    fake.accept("nasadmin", 40001, OURS % b"abonent1",
                removed=[b"somebody-else"])
    fake.accept("nas2", 40002)
    fake.foreign.append(b"what")
    fake.violations.append("data that are expanded")
    assert ssh.faults == [
        "the router did not understand b'what'", "data that are expanded",
        "the sessions of ['somebody-else'] were removed, not those of "
        "['abonent1']", "nas2 logged in and said nothing"]
