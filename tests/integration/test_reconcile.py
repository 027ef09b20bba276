"""What a trigger did not capture is captured late, once, and told of."""

import json

import pytest

from harness.billing import create_billing
from harness.process import is_frozen, wait_until
from harness.product import (SERVICE_ACCOUNT, install, repo, run_sql,
                             with_settings)
from harness.server import MariaDB, numbers
from integration.conftest import make_chain

ACCOUNT = f"'{SERVICE_ACCOUNT}'@'localhost'"
OURS = "mikbill_events"
PAYMENTS, SERVICES = "bugh_plategi_stat", "bugh_uslugi_stat"


def pay(chain, uid=1001, summa=100, ago="2 MINUTE", kind=5):
    """A payment of some time ago; its plategid."""
    with chain.db.connect("mikbill") as link, link.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {PAYMENTS} SET uid={uid}, bughtypeid={kind},"
            f" date=NOW() - INTERVAL {ago}, who=1, before_billing=0,"
            f" summa={summa}")
        return cursor.lastrowid


def unseen(chain, **kw):
    """The same, while there is no trigger."""
    drop_trigger(chain)
    plategid = pay(chain, **kw)
    run_sql(chain.db, "triggers.sql", "mikbill")
    return plategid


def drop_trigger(chain, name="mbev_ai_bugh_plategi_stat"):
    """A trigger of ours goes."""
    chain.db.sql(f"DROP TRIGGER IF EXISTS {name}", "mikbill")


def gaps(chain, columns="source, row_id, uid, kind"):
    """Rows of table gap that are about rows of the billing."""
    return chain.db.sql(f"SELECT {columns} FROM gap WHERE row_id IS NOT NULL"
                        " ORDER BY id", OURS)


def open_gaps(chain):
    """Tables whose changes may go by."""
    return [name for (name,) in chain.db.sql(
        "SELECT source FROM gap WHERE row_id IS NULL AND until_utc IS NULL"
        " ORDER BY source", OURS)]


def events(chain, columns="kind, uid"):
    """Rows of table event by id."""
    return chain.db.sql(f"SELECT {columns} FROM event ORDER BY id", OURS)


def bodies(chain):
    """(kind, body) of all events."""
    return [(kind, json.loads(body))
            for kind, body in events(chain, "kind, body")]


@pytest.fixture
def often(chain):
    """The chain whose service reconciles all the time."""
    chain.reconfigure(with_settings(chain.settings,
                                    service={"reconcile": "100 ms"}))
    run_sql(chain.db, "triggers.sql", "mikbill")
    chain.subscriber()
    return chain


# ---- rows that were missed


def test_a_payment_without_trigger_is_acted_on_once(often):
    plategid = unseen(often)
    often.start().wait_states("done")
    often.service.wait_log(
        f"warning reconcile: 1 rows of {PAYMENTS}, plategid {plategid} to"
        f" {plategid}, had not been captured")
    assert gaps(often) == [(PAYMENTS, plategid, 1001, "payment")]
    assert [text for _, text in often.sent()] == ["sub1001: 100.00 руб"]
    assert [body["late"] for _, body in bodies(often)] == ["reconcile"]
    rounds(often, 3)
    assert len(events(often)) == len(gaps(often)) == 1


def rounds(chain, count):
    """So many more rounds end."""
    def ended():
        return chain.db.sql("SELECT MAX(at_utc) FROM milestone"
                            " WHERE source = 'trigger:users'", OURS)
    for _ in range(count):
        before = ended()
        wait_until(lambda: ended() != before, 15, "the next round")


def test_payments_and_credits_go_on_while_triggers_are_missing(often):
    often.start()
    drop_trigger(often)
    drop_trigger(often, "mbev_ai_bugh_uslugi_stat")
    ids = [pay(often, summa=n) for n in (11, 12)]
    often.db.sql(f"INSERT INTO {SERVICES} SET uid=1001, gid=5, usluga=2,"
                 " date_start=NOW() - INTERVAL 2 MINUTE;"
                 f"INSERT INTO {SERVICES} SET uid=1001, gid=5, usluga=3,"
                 " date_start=NOW() - INTERVAL 2 MINUTE", "mikbill")
    pay(often, kind=1)
    often.wait_states("done", "done")
    run_sql(often.db, "triggers.sql", "mikbill")
    wait_until(lambda: len(events(often)) == 4, 15, "credit and turbo")
    pay(often, summa=13)
    often.wait_states("done", "done", "done")
    rounds(often, 2)
    late = gaps(often, "row_id, kind")
    assert sorted(row for row in late if row[1] == "payment") == [
        (n, "payment") for n in ids]
    assert [kind for _, kind in late if kind != "payment"] == ["credit",
                                                               "turbo"]
    assert len(events(often)) == 5


def test_what_a_handler_swallowed_is_found(often):
    """The outbox was away for a moment."""
    often.db.sql("RENAME TABLE outbox TO away", OURS)
    plategid = pay(often)
    often.db.sql("RENAME TABLE away TO outbox", OURS)
    assert often.service.once() == 0
    assert often.states() == ["done"]
    assert [row[1] for row in gaps(often)] == [plategid]


def test_without_the_library_rows_are_captured_all_the_same(often):
    often.db.sql("DROP FUNCTION mbev_json")
    try:
        pay(often)
        often.start().wait_states("done")
        often.service.wait_log("error watch: users is not captured, functions")
        assert open_gaps(often) == sorted([PAYMENTS, SERVICES, "users",
                                           "usersfreeze", "usersblok",
                                           "usersdel"])
    finally:
        run_sql(often.db, "schema.sql")
    # The triggers in the table cache do not know the function yet.
    rounds_without_well(often)
    assert "users" in open_gaps(often)
    run_sql(often.db, "triggers.sql", "mikbill")
    often.service.wait_log("info watch: users is captured again")
    # A round may fall between two of the triggers being made.
    wait_until(lambda: open_gaps(often) == [], 15, "all captured again")


def rounds_without_well(chain):
    """Two rounds that see the functions again, and the old triggers."""
    with chain.db.connect(OURS) as link, link.cursor() as cursor:
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Com_select'")
        before = int(cursor.fetchone()[1])

        def later():
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Com_select'")
            return int(cursor.fetchone()[1]) > before + 40
        wait_until(later, 15, "some rounds")


@pytest.fixture
def old_tables(pilot):
    """The chain on a billing with MyISAM tables."""
    with MariaDB() as db:
        create_billing(db, "mikbill", "legacy", engine="MyISAM")
        install(db)
        yield from make_chain(db, pilot)


def test_what_myisam_kept_of_a_rolled_back_payment_is_found(old_tables):
    old_tables.subscriber()
    with old_tables.db.connect("mikbill", autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {PAYMENTS} SET uid=1001, bughtypeid=5, summa=5,"
            " date=NOW() - INTERVAL 2 MINUTE, before_billing=0")
        link.rollback()
    assert old_tables.service.once() == 0
    assert [kind for _, _, _, kind in gaps(old_tables)] == ["payment"]
    assert len(events(old_tables)) == 1


# ---- what is no gap


def test_a_transaction_that_commits_late_is_no_gap(often):
    early = often.db.connect("mikbill", autocommit=False)
    with early, early.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {PAYMENTS} SET uid=1001, bughtypeid=5, summa=11,"
            " date=NOW() - INTERVAL 5 MINUTE, before_billing=0")
        pay(often, summa=22)
        often.start().wait_states("done")
        rounds(often, 2)
        early.commit()
    often.wait_states("done", "done")
    rounds(often, 2)
    assert gaps(often) == []
    assert len(events(often)) == 2


def test_a_backlog_in_the_outbox_is_no_gap(often):
    """Reconciliation waits until it is gone, and finds the one that is
    missing."""
    often.reconfigure(with_settings(often.settings, service={"batch": "1"}))
    missed = unseen(often, summa=7)
    for n in range(30):
        pay(often, summa=10 + n)
    assert often.service.once() == 0
    assert [row[1] for row in gaps(often)] == [missed]
    assert len(events(often)) == 31


def test_a_row_younger_than_a_minute_is_left_to_its_trigger(often):
    drop_trigger(often)
    pay(often, ago="5 SECOND")
    assert often.service.once() == 0
    assert gaps(often) == [] and events(often) == []


@pytest.mark.parametrize("change", [
    "summa = 250", "date = date - INTERVAL 1 DAY", "uid = 1002",
    "bughtypeid = 7"])
def test_a_row_that_the_billing_changed_is_not_captured_again(often, change):
    plategid = pay(often)
    assert often.service.once() == 0
    often.db.sql(f"UPDATE {PAYMENTS} SET {change}"
                 f" WHERE plategid = {plategid}", "mikbill")
    assert often.service.once() == 0
    assert gaps(often) == [] and len(events(often)) == 1


def test_another_row_under_a_number_given_out_again_is_captured(often):
    plategid = pay(often)
    assert often.service.once() == 0
    drop_trigger(often)
    often.db.sql(f"UPDATE {PAYMENTS} SET uid=1002, summa=7, date=NOW() -"
                 f" INTERVAL 3 MINUTE WHERE plategid={plategid}", "mikbill")
    assert often.service.once() == 0
    assert gaps(often) == [(PAYMENTS, plategid, 1002, "payment")]


def test_a_type_that_gets_a_meaning_has_it_from_then_on(often):
    """A payment that was left out rightly is not taken for missed."""
    pay(often, kind=1)
    missed = unseen(often)
    assert often.service.once() == 0
    assert [row[1] for row in gaps(often)] == [missed]
    often.db.sql("UPDATE payment_kind SET kind = 'payment'"
                 " WHERE bughtypeid = 1", OURS)
    try:
        often.start()
        often.service.wait_log("reconcile: payment types have another meaning")
        later = unseen(often, kind=1)
        wait_until(lambda: len(gaps(often)) == 2, 15, "the next one")
        assert [row[1] for row in gaps(often)] == [missed, later]
    finally:
        often.db.sql("UPDATE payment_kind SET kind = 'ignore'"
                     " WHERE bughtypeid = 1", OURS)


def test_nothing_from_before_the_installation_is_captured(often):
    drop_trigger(often)
    first = pay(often)
    pay(often)
    often.db.sql(f"UPDATE installation SET first_plategid = {first}", OURS)
    try:
        assert often.service.once() == 0
    finally:
        often.db.sql("UPDATE installation SET first_plategid = 0", OURS)
    assert [row[1] for row in gaps(often)] == [first + 1]


def test_nothing_below_the_horizon_of_memory_is_captured(often):
    drop_trigger(often)
    first = pay(often)
    pay(often)
    often.db.sql(f"INSERT INTO forgotten VALUES ('{PAYMENTS}', {first})",
                 OURS)
    assert often.service.once() == 0
    assert [row[1] for row in gaps(often)] == [first + 1]


# ---- how a late row is acted on


def test_a_late_row_counts_from_its_own_date(often):
    """Its message has expired, its receipt is made."""
    often.reconfigure(with_settings(
        often.settings, receipt={"payments": "yes"},
        service={"reconcile_window": "72 h"}))
    unseen(often, ago="25 HOUR")
    assert often.service.once() == 0
    (sms, receipt) = often.deliveries("action, state")
    assert sms == ("sms", "expired")
    assert receipt in [("receipt", "ready"), ("receipt", "retry")]
    assert often.db.sql(
        "SELECT TIMESTAMPDIFF(HOUR, captured_utc, UTC_TIMESTAMP()) FROM event",
        OURS) == [(25,)]
    assert [body["age_s"] for _, body in bodies(often)] == [0]


@pytest.mark.parametrize("date", ["0000-00-00", "1970-01-01", "2037-01-01"])
def test_a_row_with_an_absurd_date_is_captured_now(often, date):
    """It is found when a mark has passed it."""
    drop_trigger(often)
    often.db.sql(f"SET sql_mode=''; INSERT INTO {PAYMENTS} SET uid=1001,"
                 f" bughtypeid=5, summa=900, date='{date}', before_billing=0",
                 "mikbill")
    often.db.sql(
        f"INSERT INTO milestone VALUES ('{PAYMENTS}', UTC_TIMESTAMP() -"
        f" INTERVAL 2 HOUR, 0), ('{PAYMENTS}', UTC_TIMESTAMP() - INTERVAL 2"
        " MINUTE, 4000000000)", OURS)
    assert often.service.once() == 0
    [(state,)] = often.deliveries("state")
    assert state == ("skipped" if date == "1970-01-01" else "done")
    assert often.db.sql(
        "SELECT captured_utc > UTC_TIMESTAMP() - INTERVAL 1 MINUTE FROM event",
        OURS) == [(1,)]


SUMS = ["100", "-100.5", "0", "0.005", "10.005", "2.675", "-0.005",
        "-0.0000001", "1234.565", "123456789.12", "99999999999999.99",
        "1e18", "-1e25", "0.1"]


@pytest.fixture(params=["legacy", "modern"])
def generation(request, pilot):
    """The chain on a billing of each generation."""
    with MariaDB() as db:
        create_billing(db, "mikbill", request.param)
        install(db)
        yield from make_chain(db, pilot)


def odd_rows(chain):
    """Payments and credits with everything that can be odd about them."""
    with chain.db.connect("mikbill") as link, link.cursor() as cursor:
        cursor.execute("SET sql_mode=''")
        for number, summa in enumerate(SUMS):
            cursor.execute(
                f"INSERT INTO {PAYMENTS} SET uid=%s, bughtypeid=%s, summa=%s,"
                " before_billing=-%s, who=%s, comment=%s, date=%s",
                (1001 + number, [5, 7, 18, 62, 60001][number % 5], summa,
                 summa, None if number % 2 else 255,
                 [None, "", "Ёлка\n\t\"№\\/", "'x'"][number % 4],
                 "0000-00-00" if number == 3 else
                 f"2026-0{number % 9 + 1}-02 03:04:05"))
            cursor.execute(
                f"INSERT INTO {SERVICES} SET uid=%s, gid=65535, usluga=%s,"
                " summa=%s, credit=%s, date_start=%s",
                (1001 + number, number % 2 + 1, summa,
                 None if number % 3 else summa, "2026-01-02 03:04:05"))


def keys_and_bodies(chain):
    """Of events that are understood, in an order of their own: a sum that is
    none has no identity, whoever captures it."""
    rows = sorted(events(chain, "source_key, kind, body"), key=str)
    rows = [row for row in rows if row[0]]
    bodies_of = [json.loads(body, parse_float=str) for _, _, body in rows]
    for body in bodies_of:
        body.pop("late", None)
        body.pop("age_s")
    return [row[:2] for row in rows], bodies_of


def test_identity_and_body_are_those_of_the_trigger(generation):
    """Captured by triggers, forgotten, captured late: the same."""
    chain = generation
    odd_rows(chain)
    assert chain.service.once() == 0
    assert gaps(chain) == []
    ours, early = keys_and_bodies(chain)
    assert len(ours) >= 2 * len(SUMS) - 6
    chain.db.sql("DELETE FROM event; DELETE FROM delivery;"
                 "DELETE FROM milestone; INSERT INTO milestone VALUES "
                 + ",".join(f"('{table}', UTC_TIMESTAMP() - INTERVAL {ago}"
                            f" MINUTE, {key})"
                            for table in (PAYMENTS, SERVICES)
                            for ago, key in ((60 * 48, 0), (2, 1000))), OURS)
    assert chain.service.once() == 0
    keys, late = keys_and_bodies(chain)
    assert keys == ours
    assert len(gaps(chain)) == len(ours)
    assert late == early


# ---- downtime, restarts, several


def test_days_of_downtime_are_covered(often):
    """The last mark before the service went is older than the window."""
    old = pay(often, ago="6 DAY")
    assert often.service.once() == 0
    often.db.sql("UPDATE milestone SET at_utc = UTC_TIMESTAMP() - INTERVAL 5"
                 f" DAY, row_id = {old} WHERE source = '{PAYMENTS}'", OURS)
    missed = [unseen(often, ago=f"{days} DAY") for days in (4, 3, 2, 1)]
    assert often.service.once() == 0
    assert [row[1] for row in gaps(often)] == missed
    assert often.db.sql("SELECT COUNT(*) FROM milestone"
                        f" WHERE source = '{PAYMENTS}'", OURS) == [(2,)]


def test_marks_before_the_window_go(often):
    pay(often)
    often.db.sql("INSERT INTO milestone VALUES " + ",".join(
        f"('{PAYMENTS}', UTC_TIMESTAMP() - INTERVAL {60 * hours + 30} MINUTE,"
        " 0)" for hours in range(100)), OURS)
    assert often.service.once() == 0
    assert often.db.sql(
        "SELECT MAX(TIMESTAMPDIFF(HOUR, at_utc, UTC_TIMESTAMP())) FROM"
        f" milestone WHERE source = '{PAYMENTS}'", OURS) == [(24,)]


def test_the_first_walk_ever_goes_back_no_further_than_the_window(often):
    drop_trigger(often)
    pay(often, ago="30 HOUR")
    recent = pay(often, ago="20 HOUR")
    assert often.service.once() == 0
    assert [row[1] for row in gaps(often)] == [recent]


@pytest.mark.parametrize("point", ["reconcile.begun", "reconcile.read",
                                   "reconcile.found", "reconcile.written",
                                   "watch.seen", "watch.recorded"])
def test_killed_anywhere_it_captures_once(often, point):
    plategid = unseen(often)
    often.service.env["MBEV_FAULT"] = f"{point}:kill"
    often.service.once()
    often.service.env["MBEV_FAULT"] = ""
    assert often.service.once() == 0
    assert often.states() == ["done"]
    assert [row[1] for row in gaps(often)] == [plategid]


@pytest.mark.parametrize("point", ["reconcile.found", "reconcile.read"])
def test_of_two_services_one_captures(often, service_of, point):
    """The first is frozen past its lease, then goes on."""
    plategid = unseen(often)
    often.start(MBEV_FAULT=f"{point}:stop")
    wait_until(lambda: is_frozen(often.service.pid), 15, "freeze")
    often.db.sql("UPDATE owner SET lease_until_utc = '2000-01-01'", OURS)
    other = service_of(with_settings(often.settings, service={
        "doorbell": often.db.doorbell + ".other"}))
    assert other.once() == 0
    often.service.signal(18)
    often.service.wait_log("another service took the work over")
    assert often.states() == ["done"]
    assert [row[1] for row in gaps(often)] == [plategid]


def test_reconcile_replay_and_trigger_compete_for_one_payment(often):
    """Three rows of the outbox, one event, one message."""
    plategid = unseen(often)
    often.service.env["MBEV_FAULT"] = "reconcile.written:kill"
    often.service.once()
    often.service.env["MBEV_FAULT"] = ""
    often.db.sql("INSERT INTO outbox (captured_utc, kind, body)"
                 " SELECT captured_utc, kind, body FROM outbox;"
                 "INSERT INTO outbox (captured_utc, kind, body)"
                 " SELECT UTC_TIMESTAMP(3), kind, REPLACE(body, ',\"late\":"
                 "\"reconcile\"', '') FROM outbox LIMIT 1", OURS)
    often.start().wait_states("done")
    rounds(often, 2)
    assert len(events(often)) == 1 and len(often.sent()) == 1
    assert [row[1] for row in gaps(often)] == [plategid]


# ---- trouble of its own


@pytest.mark.mariadb("on MySQL 5.6 LOCK TABLES takes the outbox along")
def test_a_locked_table_keeps_nobody_else_waiting(often):
    often.start()
    rounds(often, 1)
    with often.db.connect("mikbill") as link, link.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {SERVICES} WRITE")
        often.service.wait_log("warning reconcile: waits for 5 s.*Lock wait")
        often.pay()
        often.wait_states("done")
    assert "engine: tried again" not in often.service.log_text()


def test_a_missing_right_is_told_once_and_nothing_else_stops(often):
    often.db.sql(f"REVOKE SELECT ON mikbill.{SERVICES} FROM {ACCOUNT}")
    try:
        often.start()
        often.service.wait_log("warning reconcile: waits.*denied")
        often.pay()
        often.wait_states("done")
    finally:
        run_sql(often.db, "grants.sql", "mikbill")
    assert often.service.log_text().count("reconcile: waits") == 1


def test_switched_off_it_does_nothing(often):
    often.reconfigure(with_settings(often.settings,
                                    service={"reconcile": "0 s"}))
    drop_trigger(often)
    pay(often)
    assert often.service.once() == 0
    assert events(often) == [] and gaps(often) == []
    assert often.db.sql("SELECT * FROM milestone WHERE source <> 'triggers'",
                        OURS) == []


# ---- changes of users


@pytest.mark.parametrize("table, when", [
    ("users", "au"), ("usersfreeze", "ad"), ("usersblok", "ai")])
def test_a_missing_trigger_of_users_is_a_gap_until_it_is_back(often, table,
                                                              when):
    often.start()
    rounds(often, 1)
    ((well,),) = often.db.sql("SELECT at_utc FROM milestone WHERE source ="
                              f" 'trigger:{table}'", OURS)
    drop_trigger(often, f"mbev_{when}_{table}")
    often.service.wait_log(f"error watch: {table} is not captured.*may go by;"
                           " run sql/triggers.sql")
    assert open_gaps(often) == [table]
    often.db.sql("SELECT SLEEP(0.5)")
    run_sql(often.db, "triggers.sql", "mikbill")
    often.service.wait_log(f"info watch: {table} is captured again")
    assert often.service.log_text().count("error watch") == 1
    [(since, until)] = often.db.sql(
        "SELECT from_utc, until_utc FROM gap WHERE row_id IS NULL", OURS)
    assert well <= since < until


def test_a_billing_that_becomes_modern_is_noticed_and_followed(often):
    often.start()
    rounds(often, 1)
    try:
        often.db.sql("ALTER TABLE users ADD COLUMN state TINYINT(1) NOT NULL"
                     " DEFAULT 1", "mikbill")
        often.service.wait_log("warning engine: the billing is of the modern"
                               " generation now.*run .*sql/triggers.sql")
        often.service.wait_log("error watch: users is not captured.*does not"
                               " fit its columns")
        assert open_gaps(often) == ["users"]
        run_sql(often.db, "triggers.sql", "mikbill")
        often.service.wait_log("info watch: users is captured again")
        often.subscriber(7)
        often.db.sql("UPDATE users SET state = 2 WHERE uid = 7", "mikbill")
        wait_until(lambda: events(often), 15, "the event")
        assert often.db.sql("SELECT kind, uid FROM event", OURS) == [
            ("freeze", 7)]
    finally:
        # First of all a trigger that names no column that goes.
        often.db.sql("DROP TRIGGER IF EXISTS mbev_au_users;"
                     "ALTER TABLE users DROP COLUMN state", "mikbill")
        run_sql(often.db, "triggers.sql", "mikbill")
    often.service.wait_log("warning engine: the billing is of the legacy")


def test_a_gap_begins_when_all_was_well_last(often):
    """Also when the service was down when the trigger went."""
    assert often.service.once() == 0
    often.db.sql("UPDATE milestone SET at_utc = '2026-01-02'"
                 " WHERE source = 'trigger:users'", OURS)
    drop_trigger(often, "mbev_au_users")
    assert often.service.once() == 0
    assert often.service.once() == 0
    assert [str(since) for (since,) in often.db.sql(
        "SELECT from_utc FROM gap WHERE row_id IS NULL", OURS)] == [
        "2026-01-02 00:00:00"]


def test_without_the_function_it_goes_on(often):
    """grants.sql of an older version."""
    often.db.sql("DROP FUNCTION has_trigger", OURS)
    try:
        often.start()
        often.service.wait_log("warning watch: whether the triggers are there"
                               " cannot be asked.*run sql/grants.sql")
        plategid = unseen(often)
        often.wait_states("done")
        assert [row[1] for row in gaps(often)] == [plategid]
        assert often.service.log_text().count("cannot be asked") == 1
    finally:
        run_sql(often.db, "grants.sql", "mikbill")


# ---- what it costs


def explain(chain, sql):
    """(table, type, key) of each step of a plan."""
    with chain.db.connect(OURS) as link, link.cursor() as cursor:
        cursor.execute("EXPLAIN " + sql)
        return [(row[2], row[3], row[5]) for row in cursor.fetchall()]


def statements(chain):
    """What the service sends, by the general log of the server."""
    return [text if isinstance(text, str) else text.decode()
            for (text,) in chain.db.sql(
                "SELECT argument FROM mysql.general_log"
                f" WHERE command_type = 'Query' AND user_host LIKE"
                f" '{SERVICE_ACCOUNT}%'")]


def test_it_walks_by_the_primary_key_and_asks_by_the_identity(often):
    """A round over 1500 rows of which 300 are captured, by its statements."""
    often.db.sql(
        f"INSERT INTO {PAYMENTS} (uid, date, bughtypeid, before_billing,"
        " summa) SELECT 1001, NOW() - INTERVAL 5 MINUTE, IF(seq % 5, 1, 5),"
        f" 0, seq FROM {numbers(1500)}; ANALYZE TABLE bugh_plategi_stat",
        "mikbill")
    often.reconfigure(with_settings(often.settings, payment={"sms": "no"}))
    assert often.service.once() == 0
    often.db.sql("SET GLOBAL log_output='TABLE';"
                 "TRUNCATE mysql.general_log; SET GLOBAL general_log=1")
    try:
        assert often.service.once() == 0
    finally:
        often.db.sql("SET GLOBAL general_log=0")
    said = statements(often)
    pages = [text for text in said if f".{PAYMENTS} AS s" in text]
    asked = [text for text in said if text.startswith(
        "SELECT source_key FROM event")]
    assert len(pages) == 4 and len(asked) == 3
    for text in pages:
        assert ("s", "range", "PRIMARY") in explain(often, text)
    for text in asked:
        assert explain(often, text) == [("event", "range", "source")]


def test_an_idle_round_costs_a_handful_of_statements(often):
    assert often.service.once() == 0
    often.db.sql("SET GLOBAL log_output='TABLE';"
                 "TRUNCATE mysql.general_log; SET GLOBAL general_log=1")
    try:
        assert often.service.once() == 0
    finally:
        often.db.sql("SET GLOBAL general_log=0")
    about = [text for text in statements(often)
             if any(word in text for word in (
                 PAYMENTS, SERVICES, "milestone", "has_trigger", "gap",
                 "mbev_version"))]
    assert len(about) <= 30, "\n".join(about)


def test_seams_are_there():
    """The kill test above names them all."""
    found = set()
    for name in ("reconcile", "watch"):
        text = (repo() / f"poller/{name}.c").read_text()
        found |= {line.split('"')[1] for line in text.splitlines()
                  if "fault_point(" in line}
    assert found == {"reconcile.begun", "reconcile.read", "reconcile.found",
                     "reconcile.written", "watch.seen", "watch.recorded"}
