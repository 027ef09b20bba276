"""What becomes of a subscriber, on both generations of the billing: frozen,
blocked, deleted and back, by users.state or by a row that is moved."""

import contextlib
import itertools
import json
import re

import pytest

from harness.billing import create_billing
from harness.process import wait_until
from harness.product import default_settings, install, with_settings
from harness.server import MariaDB, numbers
from integration.chain import Chain, payment_sql
from integration.test_mbevctl_looks import as_json, ctl

OURS = "mikbill_events"
COLUMNS = "user, uid, gid, sms_tel, real_ip"
USERS, FROZEN, BLOCKED, DELETED = PLACES = ("users", "usersfreeze",
                                            "usersblok", "usersdel")
NOTICES = ("payment", "credit", "tariff_change", "freeze", "unfreeze", "block",
           "unblock", "delete", "real_ip")
RESETS = ("tariff_change", "freeze", "unfreeze", "block", "unblock", "delete",
          "real_ip", "turbo")


@pytest.fixture(scope="module", params=["legacy", "modern"])
def generation(request):
    """Both, one after the other."""
    return request.param


@contextlib.contextmanager
def server_with(generation):
    """A server with a billing of this generation and our SQL in it."""
    with MariaDB() as db:
        create_billing(db, "mikbill", generation)
        install(db)
        yield db


@pytest.fixture(scope="module")
def installed(generation):
    """Such a server of the module."""
    with server_with(generation) as db:
        yield db


@contextlib.contextmanager
def chain_of(installed, pilot, generation):
    """A service that tells of everything and resets all sessions."""
    settings = with_settings(
        default_settings(installed, pilot.url),
        billing={"state_settle": "300 ms"},
        session_reset={**dict.fromkeys(RESETS, "yes"), "after": "0 s"},
        **{name: {"sms": "yes", "after": "0 s", "quiet": "no",
                  "text": f"{{login}}: {name}"} for name in NOTICES})
    one = Chain(installed, pilot, settings)
    one.empty()
    one.modern = generation == "modern"
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def life(installed, pilot, generation):
    """The same, on the module's server."""
    with chain_of(installed, pilot, generation) as chain:
        yield chain


def kinds(chain, uid):
    """What the operator is told has happened, in order."""
    return [kind for kind, in chain.db.sql(
        f"SELECT kind FROM event WHERE uid = {uid} ORDER BY id", OURS)]


def by_capture(chain, uid):
    """The same in the order in which it happened: what an empty place means
    is found out later."""
    return [kind for kind, in chain.db.sql(
        f"SELECT kind FROM event WHERE uid = {uid}"
        " ORDER BY captured_utc, id", OURS)]


def wait_kinds(chain, want):
    """Wait until each subscriber's story, by uid, is just that."""
    def told():
        return {uid: kinds(chain, uid) for uid in want}
    try:
        wait_until(lambda: told() == want, 15, "")
    except TimeoutError:
        raise TimeoutError(f"{told()}, not {want}\n"
                           f"{chain.service.log_text()[-2000:]}") from None


def settled(chain):
    """Wait until what has been captured until now has been looked at."""
    chain.db.sql(payment_sql(9999, 10), "mikbill")
    wait_until(lambda: chain.db.sql("SELECT COUNT(*) FROM outbox", OURS)
               == [(0,)], 15, "empty outbox")


def move(uid, begin, end, insert_first, gid="gid"):
    """The statements that move a row, in this order."""
    columns = COLUMNS.replace("gid", gid, 1)
    insert = (f"INSERT INTO {end} ({COLUMNS}) SELECT {columns} FROM {begin}"
              f" WHERE uid = {uid}")
    if not insert_first:
        # What the billing has read before.
        insert = (f"INSERT INTO {end} ({COLUMNS}) VALUES"
                  f" ('sub{uid}', {uid}, {5 if gid == 'gid' else gid},"
                  " '79001234567', 0)")
    delete = f"DELETE FROM {begin} WHERE uid = {uid}"
    return [insert, delete] if insert_first else [delete, insert]


class Way:
    """One way in which the billing does it."""

    def __init__(self, chain, uid, insert_first, whole):
        self.chain, self.uid = chain, uid
        self.insert_first, self.whole = insert_first, whole
        self.place = USERS

    def go(self, place, end="COMMIT"):
        """To another state; end: of the transaction, where there is one."""
        if self.chain.modern:
            statements = [f"UPDATE users SET state = {PLACES.index(place) + 1}"
                          f" WHERE uid = {self.uid}"]
        else:
            statements = move(self.uid, self.place, place, self.insert_first)
        if self.whole:
            statements = ["BEGIN", *statements, end]
        self.chain.db.sql("; ".join(statements), "mikbill")
        if end == "COMMIT":
            self.place = place

    def run(self, sql):
        """A statement about the subscriber."""
        self.chain.db.sql(sql.format(uid=self.uid), "mikbill")


def ways_of(chain):
    """Each with a subscriber of its own."""
    ways = [Way(chain, 1001 + number, number % 2 == 0, number < 2)
            for number in range(4)]
    for way in ways:
        chain.subscriber(way.uid)
    return ways


STORY = [
    ("payment", lambda way: way.run(payment_sql("{uid}", 100))),
    ("credit", lambda way: way.run(
        "UPDATE users SET credit = 300 WHERE uid = {uid}; INSERT INTO"
        " bugh_uslugi_stat SET uid={uid}, gid=5, usluga=1, date_start=NOW(),"
        " active=1")),
    ("turbo", lambda way: way.run(
        "INSERT INTO bugh_uslugi_stat SET uid={uid}, gid=5, usluga=3,"
        " date_start=NOW(), active=1")),
    ("turbo", lambda way: way.run(
        "UPDATE bugh_uslugi_stat SET active = 0, date_stop = NOW()"
        " WHERE uid={uid} AND usluga = 3")),
    ("real_ip", lambda way: way.run(
        "UPDATE users SET real_ip = 1 WHERE uid = {uid}")),
    ("real_ip", lambda way: way.run(
        "UPDATE users SET real_ip = 0 WHERE uid = {uid}")),
    ("freeze", lambda way: way.go(FROZEN)),
    ("unfreeze", lambda way: way.go(USERS)),
    ("tariff_change", lambda way: way.run(
        "UPDATE users SET gid = 6 WHERE uid = {uid};"
        "UPDATE users SET gid = 5 WHERE uid = {uid}")),
    ("block", lambda way: way.go(BLOCKED)),
    ("unblock", lambda way: way.go(USERS)),
    ("delete", lambda way: way.go(DELETED)),
]

# What came of each, whatever the generation: action and state.
TOLD = {
    "payment": [("sms", "done")], "credit": [("sms", "done")],
    "turbo": [("session_reset", "done")],
    **dict.fromkeys(("tariff_change", "freeze", "unfreeze", "block", "unblock",
                     "delete"), [("sms", "done"), ("session_reset", "done")]),
}


@pytest.mark.parametrize("engine", ["InnoDB", "MyISAM"])
def test_the_same_life_is_told_of_both_generations(life, engine):
    if engine == "MyISAM" and life.modern:
        pytest.skip("nothing is moved there")
    for table in PLACES:
        life.db.sql(f"ALTER TABLE {table} ENGINE={engine}", "mikbill")
    ways = ways_of(life)
    life.start()
    story = []
    for kind, happens in STORY:
        for way in ways:
            happens(way)
        story += [kind] * (2 if kind == "tariff_change" else 1)
        wait_kinds(life, {way.uid: story for way in ways})
        wait_until(lambda: not {"ready", "calling", "retry"}
                   & set(life.states()), 15, "end of the work")
    for way in ways:
        check_told(life, way.uid, story)
    for table in PLACES:
        life.db.sql(f"ALTER TABLE {table} ENGINE=InnoDB", "mikbill")


def check_told(life, uid, story):
    """The story as mbevctl tells it, and what the subscriber got to read."""
    rows = as_json(life, "show", f"uid:{uid}")["events"]
    told = {}
    for row in rows:
        told.setdefault((row["event"], row["kind"]), []).append(
            (row["action"], row["state"]))
    assert [kind for _, kind in sorted(told)] == story
    for (_, kind), work in told.items():
        if kind != "real_ip":
            # Of several resets at the same time one is carried out.
            assert [(action, "done" if action == "session_reset" else state)
                    for action, state in sorted(work, reverse=True)] \
                == TOLD[kind]
    texts = [text.split(": ")[1] for _, text in life.sent()
             if text.startswith(f"sub{uid}:")]
    assert [kind for kind in story if kind != "turbo"] == (
        texts[:3] + ["real_ip"] + texts[3:])


# Created, and all that happens to a subscriber then.
WHOLE_LIFE = ["payment", "credit", "freeze", "unfreeze", "tariff_change",
              "block", "unblock", "delete"]
# Times and the provider's numbers; and where the billing keeps a state: that is
# what generations differ in.
OF_THE_MOMENT = re.compile(
    r" *(captured|ingested|now|changed|date|age_s|its number): .*")
OF_THE_PLACE = {"legacy": re.compile(r" +(table|gid): .*"),
                "modern": re.compile(r" +(table|state_old|state_new): .*")}
STATES = re.compile(r"kind: +(freeze|unfreeze|block|unblock|delete)$", re.M)


def shown(chain, event, generation):
    """What mbevctl show says of an event, without what must differ."""
    text = ctl(chain, "show", str(event)).stdout
    lines = [line for line in text.splitlines()
             if not OF_THE_MOMENT.fullmatch(line)]
    if STATES.search(text):
        place = OF_THE_PLACE[generation]
        assert any(place.fullmatch(line) for line in lines), text
        lines = [line for line in lines if not place.fullmatch(line)]
    return lines


def told_of(pilot, generation):
    """A whole life, as mbevctl show tells it, line by line."""
    with server_with(generation) as db, \
            chain_of(db, pilot, generation) as chain:
        chain.start()
        chain.subscriber()
        way = Way(chain, 1001, insert_first=True, whole=True)
        happens = {"tariff_change": lambda way: way.run(
            "UPDATE users SET gid = 6 WHERE uid = {uid}")}
        for number, kind in enumerate(WHOLE_LIFE, 1):
            happens.get(kind, dict(STORY)[kind])(way)
            wait_kinds(chain, {1001: WHOLE_LIFE[:number]})
            wait_until(lambda: not {"ready", "calling", "retry"}
                       & set(chain.states()), 15, "end of the work")
        listed = as_json(chain, "show", "uid:1001")["events"]
        events = sorted({row["event"] for row in listed})
        return [line for event in events
                for line in shown(chain, event, generation)]


def test_mbevctl_shows_one_story_of_both_generations(pilot):
    legacy, modern = (told_of(pilot, generation)
                      for generation in ("legacy", "modern"))
    assert legacy == modern
    assert [line.split()[1] for line in legacy
            if line.startswith("kind:")] == WHOLE_LIFE


def test_what_is_rolled_back_has_not_happened(life):
    ways = [way for way in ways_of(life) if way.whole]
    life.start()
    for way in ways:
        for place in FROZEN, BLOCKED, DELETED:
            way.go(place, "ROLLBACK")
        way.go(FROZEN)
        way.go(USERS, "ROLLBACK")
        way.go(BLOCKED, "ROLLBACK")
    settled(life)
    wait_kinds(life, {way.uid: ["freeze"] for way in ways})


def test_who_goes_on_from_one_state_to_the_next_does_not_come_back(life):
    ways = ways_of(life)
    life.start()
    for place in FROZEN, BLOCKED, DELETED:
        for way in ways:
            way.go(place)
    settled(life)
    wait_kinds(life, {way.uid: ["freeze", "block", "delete"] for way in ways})


@pytest.mark.parametrize("running", [False, True])
def test_who_comes_back_for_a_moment_has_been_back(life, running):
    """Away again before anybody looked."""
    life.reconfigure(with_settings(life.settings,
                                   billing={"state_settle": "2 s"}))
    ways = ways_of(life)
    for way in ways:
        way.go(FROZEN)
    life.db.sql("DELETE FROM outbox", OURS)
    if running:
        life.start()
    for way in ways:
        for place in USERS, FROZEN, USERS, BLOCKED, DELETED, USERS, FROZEN:
            way.go(place)
            way.run("DO SLEEP(0.002)")  # captured in another millisecond
    if not running:
        life.start()
    settled(life)
    want = ["unfreeze", "freeze", "unfreeze", "block", "delete", "unblock",
            "freeze"]
    for way in ways:
        assert by_capture(life, way.uid) == want
    wait_until(lambda: not {"ready", "calling", "retry"} & set(life.states()),
               15, "end of the work")
    # Nobody reads that he may use the service, who may not.
    assert sorted(life.sent()) == sorted(
        ("79001234567", f"sub{way.uid}: freeze") for way in ways for _ in
        range(want.count("freeze")))


def test_who_comes_back_from_the_deleted_is_unblocked(life):
    ways = ways_of(life)
    life.start()
    for way in ways:
        way.go(DELETED)
    settled(life)
    for way in ways:
        way.go(USERS)
    wait_kinds(life, {way.uid: ["delete", "unblock"] for way in ways})


def test_who_is_away_for_good_does_not_come_back(life):
    way = Way(life, 1001, True, True)
    life.subscriber()
    life.start()
    way.go(DELETED)
    way.run("DELETE FROM usersdel WHERE uid = {uid};"
            "DELETE FROM users WHERE uid = {uid}")
    settled(life)
    wait_kinds(life, {1001: ["delete"]})


def test_a_new_subscriber_is_nothing(life):
    life.start()
    life.subscriber()
    settled(life)
    wait_kinds(life, {1001: []})


@pytest.fixture
def legacy(life):
    """Where rows are moved."""
    if life.modern:
        pytest.skip("rows are not moved there")
    return life


def changes(chain, uid):
    """The changes of tariff, old and new."""
    bodies = [json.loads(body) for body, in chain.db.sql(
        "SELECT body FROM event WHERE kind = 'tariff_change' AND uid = "
        f"{uid} ORDER BY id", OURS)]
    return [(body["gid_old"], body["gid_new"]) for body in bodies]


def transaction(uid, begin, end, insert_first, tariff):
    """Statements that move a row, whose tariff changes so."""
    change = "UPDATE {} SET gid = 8 WHERE uid = %d" % uid
    moved = move(uid, begin, end, insert_first)
    otherwise = move(uid, begin, end, insert_first, "8")
    return ["BEGIN", *{
        "not": moved,
        "in the row that is inserted": otherwise,
        "after": [*moved, change.format(end)],
        "before": [change.format(begin), *otherwise],
        "between": [moved[0], change.format(end), moved[-1]]}[tariff],
        "COMMIT"]


def test_a_tariff_that_changes_with_the_move_changes_once(legacy):
    cases = list(enumerate(itertools.product(
        [(USERS, FROZEN), (FROZEN, USERS), (FROZEN, BLOCKED),
         (BLOCKED, USERS)], [True, False],
        ["not", "in the row that is inserted", "after", "before", "between"]),
        1))
    # Where it was deleted first there is nothing to change between; and of a
    # change while somebody is blocked nothing follows.
    cases = [(uid, case) for uid, case in cases
             if (case[1] or case[2] != "between")
             and (case[0][0] != BLOCKED or case[2] != "before")]
    for uid, ((begin, _), _, _) in cases:
        legacy.subscriber(uid, table=begin)
    legacy.db.sql("DELETE FROM outbox", OURS)
    legacy.start()
    for uid, ((begin, end), insert_first, tariff) in cases:
        legacy.db.sql("; ".join(transaction(uid, begin, end, insert_first,
                                            tariff)), "mikbill")
    settled(legacy)
    for uid, (*case, tariff) in cases:
        assert changes(legacy, uid) == (
            [] if tariff == "not" else [(5, 8)]), (case, tariff)


def test_many_come_back_in_one_statement(legacy):
    legacy.db.sql("INSERT INTO usersfreeze (user, uid, gid) SELECT"
                  " CONCAT('sub', seq), seq, 5 FROM " + numbers(1200),
                  "mikbill")
    legacy.db.sql("DELETE FROM outbox", OURS)
    legacy.reconfigure(with_settings(
        legacy.settings, unfreeze={"sms": "no"},
        session_reset=dict.fromkeys(RESETS, "no")))
    legacy.start()
    legacy.db.sql(f"INSERT INTO users ({COLUMNS}) SELECT {COLUMNS} FROM"
                  " usersfreeze; DELETE FROM usersfreeze", "mikbill")
    settled(legacy)
    assert legacy.db.sql("SELECT kind, COUNT(*), COUNT(DISTINCT uid) FROM event"
                         " WHERE uid <> 9999 GROUP BY kind", OURS) == [
        ("unfreeze", 1200, 1200)]
