"""A system is broken, for real and in one place; mbevctl doctor names what is
wrong and what to do, and ends with the right code. And so do status and show,
where they are concerned."""

import json
import os
import pwd
import re
import shutil
import socket
import time
from contextlib import contextmanager

import pymysql
import pytest

from harness.billing import create_billing
from harness.certificates import Authority
from harness.clock import Clock
from harness.process import wait_until
from harness.product import install, repo, run_sql, with_settings
from harness.routeros import RouterOS
from harness.server import MariaDB, build_dir, free_port
from harness.standin import Reply, SmsPilot
from integration.conftest import make_chain
from integration.doctor import OURS, doctor, make_well, start
from integration.sessions import nas, resets
from integration.test_mbevctl import ctl, event_id, fields

PAYMENTS = "mbev_ai_bugh_plategi_stat"
SERVICE = "'mbev_service'@'localhost'"


@pytest.fixture(name="well")
def fixture_well(chain):
    """A system with which nothing is wrong, and that works; what is broken of
    our objects is mended after the test."""
    yield start(make_well(chain))
    chain.service.close()
    for trigger, in chain.db.sql(
            "SELECT trigger_name FROM information_schema.triggers"
            " WHERE trigger_schema = 'mikbill'"):
        chain.db.sql(f"DROP TRIGGER {trigger}", "mikbill")
    for file in ("schema.sql", "grants.sql", "triggers.sql"):
        run_sql(chain.db, file, None if file == "schema.sql" else "mikbill")
    chain.db.sql("DELETE FROM pause; DELETE FROM gap", OURS)


@pytest.fixture(name="down")
def fixture_down(well):
    """The same, and the service was stopped."""
    assert well.service.stop() == 0
    return well


@contextmanager
def server_of_its_own(pilot, **kw):
    """A chain on a server that nobody else uses; it is well."""
    with MariaDB(**kw) as db:
        create_billing(db, "mikbill", "legacy")
        install(db)
        for chain in make_chain(db, pilot):
            yield make_well(chain)


@pytest.fixture(name="own")
def fixture_own(pilot):
    """One without special settings."""
    with server_of_its_own(pilot) as chain:
        yield chain


def failed(found, check, *words):
    """It says that the check failed, with these words in what it found or in
    what to do; the exit code is 1."""
    assert found.code == 1, found.text
    return named(found, check, "FAILED", *words)


def named(found, check, result, *words):
    """Some finding of the check has this result and all these words."""
    texts = [f"{what}\ndo: {cure}" for _, got, what, cure in found.of(check)
             if got == result]
    assert any(all(word in text for word in words) for text in texts), \
        found.text
    return found


# ---- the library


def test_a_function_that_was_dropped(well):
    well.db.sql("DROP FUNCTION mbev_json")
    failed(doctor(well), "library", "functions of mbev.so are missing",
           "mbev_json", "plugin_dir",
           "sql/schema.sql", "sql/triggers.sql")
    well.db.sql("DROP FUNCTION mbev_version")
    assert "MISSING: nothing is captured" in ctl(well, "status").stdout


def test_a_library_that_is_gone(pilot, tmp_path):
    shutil.copy(build_dir() / "mbev.so", tmp_path)
    with server_of_its_own(pilot, plugin_dir=tmp_path) as chain:
        (tmp_path / "mbev.so").unlink()
        chain.db.restart()
        found = failed(doctor(chain), "library", "missing", "plugin_dir")
        assert found.one("definer")[0] == "ok"
        assert "MISSING" in ctl(chain, "status").stdout


# ---- the triggers


def noticed(chain):
    """Wait until the service has noticed that something is not captured."""
    wait_until(lambda: chain.db.sql(
        "SELECT 1 FROM gap WHERE until_utc IS NULL", OURS), 15, "an open gap")


def test_a_trigger_that_was_dropped(well):
    well.db.sql("DROP TRIGGER mbev_au_users", "mikbill")
    failed(doctor(well), "trigger users", "mbev_au_users: it is missing",
           "changes of tariff, state and real IP address go by",
           "mysql mikbill < sql/triggers.sql")
    noticed(well)
    failed(doctor(well), "gaps", "users is not captured since",
           "mysql mikbill < sql/triggers.sql", "mbevctl gaps")
    status = ctl(well, "status").stdout
    assert "NOT SEEN" in status and "run sql/triggers.sql" in status


def edited(db, edit):
    """The trigger of payments is made anew, with another text."""
    text = (repo() / "sql" / "triggers.sql").read_text("utf-8")
    (body,) = re.findall(r"^(mikbill_events: BEGIN.*?^END) //",
                         text, re.MULTILINE | re.DOTALL)[:1]
    head = (f"DROP TRIGGER {PAYMENTS};"
            f"CREATE DEFINER=mbev_trigger@localhost TRIGGER"
            f" {PAYMENTS} AFTER INSERT ON bugh_plategi_stat FOR EACH ROW ")
    assert edit(body) != body
    db.sql("SET SESSION sql_mode='';" + head + edit(body), "mikbill")


@pytest.mark.parametrize("edit", [
    lambda body: body.replace("IN (1, 2,", "IN (1, 2, 5,"),
    lambda body: body.replace("DO mbev_ring();", ""),
    lambda body: body.replace("'who', NEW.who,", ""),
], ids=["a type more is left out", "it does not ring", "of another version"])
def test_a_trigger_whose_body_was_edited(well, edit):
    edited(well.db, edit)
    failed(doctor(well), "trigger bugh_plategi_stat",
           "its body is not that of the triggers.sql of this version",
           "mysql mikbill < sql/triggers.sql")


def test_white_space_is_no_edit(well):
    edited(well.db, lambda body: body.replace("\n", "\r\n\t"))
    assert doctor(well).one("trigger bugh_plategi_stat")[0] == "ok"


def test_a_trigger_with_another_definer(well):
    well.db.sql("SET SESSION sql_mode=''; DROP TRIGGER mbev_au_users;"
                "CREATE TRIGGER mbev_au_users AFTER UPDATE ON users FOR EACH ROW"
                " mikbill_events: BEGIN END", "mikbill")
    failed(doctor(well), "trigger users", "its definer is another account",
           "sql/triggers.sql")


def test_a_trigger_for_the_other_generation(well):
    well.db.sql("ALTER TABLE users ADD COLUMN state TINYINT(1) NOT NULL"
                " DEFAULT 1", "mikbill")
    try:
        failed(doctor(well), "trigger users", "mbev_au_users: it is made for a"
               " billing without users.state, which is there",
               "mysql mikbill < sql/triggers.sql")
        run_sql(well.db, "triggers.sql", "mikbill")
        assert [f[1] for f in doctor(well).of("trigger users")] == ["ok", "ok"]
    finally:
        well.db.sql("DROP TRIGGER IF EXISTS mbev_au_users;"
                    "ALTER TABLE users DROP COLUMN state", "mikbill")
        run_sql(well.db, "triggers.sql", "mikbill")


@pytest.mark.mariadb("MySQL 5.6 bears one trigger, see test_one_trigger.py")
def test_a_trigger_of_somebody_else(well):
    well.db.sql("CREATE TRIGGER theirs AFTER INSERT ON bugh_plategi_stat"
                " FOR EACH ROW SET @x = 1", "mikbill")
    try:
        found = doctor(well)
    finally:
        well.db.sql("DROP TRIGGER theirs", "mikbill")
    named(found, "trigger bugh_plategi_stat", "note", "trigger theirs is not"
          " ours: AFTER INSERT, number 2, definer root@localhost",
          "SHOW CREATE TRIGGER")
    assert found.code == 0 and found.worse_than("note") == set()


def test_a_definer_that_was_dropped(well):
    well.db.sql("DROP USER mbev_trigger@localhost; FLUSH TABLES")
    with pytest.raises(pymysql.err.OperationalError, match="1449"):
        well.pay()
    failed(doctor(well), "definer", "mbev_trigger@localhost is gone",
           "FAIL with 1449", "mysql mikbill < sql/grants.sql",
           "sql/uninstall.sql")
    run_sql(well.db, "grants.sql", "mikbill")
    well.pay()
    assert doctor(well).one("definer")[0] == "ok"


def test_a_definer_without_its_rights(well):
    well.db.sql("REVOKE INSERT ON mikbill_events.outbox FROM"
                " mbev_trigger@localhost; REVOKE TRIGGER ON mikbill.users FROM"
                " mbev_trigger@localhost")
    failed(doctor(well), "definer", "lacks INSERT on outbox, TRIGGER on users",
           "1142", "mysql mikbill < sql/grants.sql")


def test_accounts_of_an_earlier_version(well):
    for function in ("has_trigger", "trigger_report", "definer_lacks"):
        well.db.sql(f"DROP FUNCTION {function}", OURS)
        named(doctor(well), "definer" if function == "has_trigger" else
              "trigger", "warning", "mysql mikbill < sql/grants.sql")
    found = doctor(well)
    named(found, "trigger", "warning", "cannot be asked",
          "of an earlier version", "mysql mikbill < sql/grants.sql")
    assert found.code == 0


# ---- the grants


def granted(db):
    """(database, table, rights) of each GRANT of the service."""
    lines = [line for (line,) in db.sql(f"SHOW GRANTS FOR {SERVICE}")]
    for line in lines:
        match = re.match(r"GRANT (.*) ON `(.*?)`\.(`?.*?`?) TO ", line)
        if match and "FUNCTION" not in line:
            yield match[2], match[3].strip("`"), match[1]


def test_each_right_that_is_revoked_is_named(well):
    make_well(well, receipt={"payments": "yes"},
              bonus_topup={"on": "yes"}, discounts={"on": "yes"},
              session_reset={"payment": "yes"},
              komtet={"url": "http://127.0.0.1:9", "shop": ""})
    all_of_them = list(granted(well.db))
    assert len(all_of_them) > 30
    for place, table, rights in all_of_them:
        where = f"`{place}`." + (table if table == "*" else f"`{table}`")
        well.db.sql(f"REVOKE {rights} ON {where} FROM {SERVICE}")
        found = [f for f in doctor(well).findings
                 if f[0] == "grants" and f[1] != "ok"]
        if table == "*":
            # Without SELECT on our database little can be asked.
            assert found or "1142" in doctor(well).text
        else:
            (finding,) = found
            for right in re.findall(r"[A-Z]+", re.sub(r"\(.*?\)", "",
                                                      rights)):
                assert right in finding[2], (table, right, finding)
            cure = finding[3].split("; or all of them: ")[0]
            assert f" ON {where} TO {SERVICE}" in cure
            well.db.sql(cure)
            assert doctor(well).one("grants")[0] == "ok", (table, cure)
        well.db.sql(f"GRANT {rights} ON {where} TO {SERVICE}")


def test_a_right_that_was_revoked(well):
    well.db.sql(f"REVOKE INSERT ON mikbill_events.event FROM {SERVICE}")
    failed(doctor(well), "grants", "the account lacks INSERT on event",
           f"GRANT INSERT ON `mikbill_events`.`event` TO {SERVICE};")


def test_what_is_not_used_is_only_noted(well):
    well.db.sql(f"REVOKE ALL ON mikbill.stuff_personal FROM {SERVICE}")
    found = doctor(well)
    named(found, "grants", "note", "lacks SELECT on stuff_personal",
          "or this billing has no such table")
    assert found.code == 0


# ---- the service


def test_a_backlog_while_the_service_is_down(down):
    for _ in range(3):
        down.pay()
    down.db.sql("UPDATE outbox SET captured_utc = UTC_TIMESTAMP(3)"
                " - INTERVAL 10 MINUTE", OURS)
    found = doctor(down)
    failed(found, "outbox", "3 captured changes wait to be taken over, the"
           " oldest since 600 s", "systemctl start mbevd")
    failed(found, "service", "NOT RUNNING", "systemctl start mbevd")
    named(found, "doorbell", "warning", "No such file", "systemctl start")
    named(found, "ring", "warning", "the server finds no doorbell",
          "systemctl start mbevd")
    named(found, "lock", "note", "no mbevd runs on this host")
    status = ctl(down, "status")
    assert status.returncode == 69 and "NOT RUNNING" in status.stdout
    assert "3 waiting, oldest 600 s" in status.stdout


def test_a_paused_lane(well):
    well.db.sql("INSERT INTO pause SET lane='smspilot', since_utc='2026-01-02',"
                " who='op@here', reason='no money'", OURS)
    found = doctor(well)
    named(found, "paused", "warning", "lane smspilot is paused since 2026-01-02"
          " 00:00:00.000 UTC by op@here: no money; 0 wait in it",
          "mbevctl resume smspilot")
    assert found.code == 0


def test_a_provider_that_refuses_the_account(well):
    well.pilot.reply = lambda _request: Reply(
        body='{"error":{"code":"100","description":"no key given"}}')
    well.subscriber()
    well.pay()
    wait_until(lambda: well.deliveries("error_class") == [("configuration",)],
               15, "the refusal")
    well.service.stop()  # it would be tried again at any moment
    failed(doctor(well), "refused", "smspilot: 1 wait, because",
           "100 no key given", "correct section [smspilot]", "mbevd -t")
    assert "REFUSED" in ctl(well, "status").stdout
    answer = fields(ctl(well, "show", str(event_id(well))).stdout)
    assert answer["reason"] == "smspilot refused it: 100 no key given"


def test_what_is_doubtful_or_dead(down):
    down.pilot.reply = lambda _request: Reply(body="<html>")
    down.subscriber()
    down.pay()
    assert down.service.once() == 0
    found = doctor(down)
    named(found, "doubtful", "warning", "1 sms may have been done or not",
          "mbevctl queue doubtful")
    down.db.sql("UPDATE delivery SET state='dead', reason='stop list'", OURS)
    named(doctor(down), "dead", "warning", "1 sms were refused for good",
          "stop list", "mbevctl queue dead")


def test_an_event_that_was_not_understood(down):
    down.db.sql("INSERT INTO event SET id=7, kind='payment', uid=0, body='{',"
                " captured_utc=NOW(), ingested_utc=NOW(), problem='no JSON'",
                OURS)
    named(doctor(down), "understood", "warning", "1 of the newest 10000 events"
          " were not understood: no JSON", "mbevctl show 7")


def test_a_receipt_that_is_late(down):
    down.db.sql("INSERT INTO receipt SET event_id=1, uid=1, number='26111',"
                " log_table='receipts_log', log_id=1, back=0, kopecks=1,"
                " contact='x', stage='new', day='2026-01-01',"
                " created_utc='2026-01-01'; INSERT INTO till SET queue='777',"
                " active=0, changed_utc='2026-01-01', checked_utc='2026-01-01'",
                OURS)
    found = doctor(down)
    failed(found, "receipts", "1 receipt is not fiscal after 24 h",
           "mbevctl receipts lists them")
    named(found, "till", "warning", "queue 777 of tills is switched off",
          "cabinet")
    assert "ALARM" in ctl(down, "status").stdout


def test_an_open_gap(down):
    down.db.sql("INSERT INTO gap SET source='users', from_utc='2026-01-01',"
                " reason='functions of mbev.so are missing'", OURS)
    failed(doctor(down), "gaps", "users is not captured since 2026-01-01",
           "after mysql < sql/schema.sql")
    assert "NOT SEEN" in ctl(down, "status").stdout


def test_a_payment_that_was_captured_late(well):
    well.db.sql(f"DROP TRIGGER {PAYMENTS}", "mikbill")
    well.subscriber()
    well.db.sql("INSERT INTO bugh_plategi_stat SET uid=1001, bughtypeid=5,"
                " date=NOW() - INTERVAL 2 MINUTE, who=1, before_billing=0,"
                " summa=70", "mikbill")
    well.wait_states("done")
    named(doctor(well), "late", "warning", "1 rows of bugh_plategi_stat were"
          " captured late", "mbevctl gaps")
    assert "late" in ctl(well, "status").stdout
    assert "reconcile" in ctl(well, "show", str(event_id(well))).stdout


# ---- the tables


def test_a_schema_of_an_earlier_version(down):
    down.db.sql("UPDATE schema_version SET version = 5", OURS)
    failed(doctor(down), "schema", "version 5, and this program needs 8",
           "mysql < sql/schema.sql", "systemctl stop mbevd")


def test_a_schema_of_a_later_version(down):
    down.db.sql("INSERT INTO schema_version VALUES (9, '2026-01-01')", OURS)
    try:
        failed(doctor(down), "schema", "version 9", "install the mbevd")
    finally:
        down.db.sql("DELETE FROM schema_version WHERE version = 9", OURS)


def test_a_billing_that_became_another(down):
    down.db.sql("UPDATE installation SET generation = 'modern'", OURS)
    failed(doctor(down), "installation", "was modern when triggers.sql ran, and"
           " is legacy now", "mysql mikbill < sql/triggers.sql")


def test_a_billing_of_another_name(down):
    down.db.sql("UPDATE installation SET billing = 'other'", OURS)
    try:
        failed(doctor(down), "installation", "the triggers are on other, and"
               " [database] billing is mikbill", "[database] billing = other")
    finally:
        down.db.sql("UPDATE installation SET billing = 'mikbill'", OURS)


def test_triggers_that_were_never_made(down):
    down.db.sql("DELETE FROM installation", OURS)
    failed(doctor(down), "installation", "triggers.sql was never run",
           "mysql mikbill < sql/triggers.sql")


# ---- the server


def test_a_binary_log_of_statements(pilot):
    with server_of_its_own(
            pilot, options=["--log-bin=log", "--binlog-format=ROW"]) as chain:
        start(chain)
        assert doctor(chain).worse_than("note") == set()
        chain.db.sql("SET GLOBAL binlog_format = 'STATEMENT'")
        failed(doctor(chain), "binary log", "binlog_format = STATEMENT", "1665",
               "SET GLOBAL binlog_format = 'ROW'")


def test_settings_of_the_server_that_do_harm(own):
    own.db.options += ["--innodb-autoinc-lock-mode=0",
                       "--innodb-rollback-on-timeout=ON",
                       "--innodb-flush-log-at-trx-commit=0",
                       "--max-allowed-packet=524288",
                       "--init-connect=SET sql_mode='ANSI_QUOTES'"]
    own.db.restart()
    found = doctor(own)
    failed(found, "counters", "innodb_autoinc_lock_mode = 0", "my.cnf")
    failed(found, "packets", "max_allowed_packet = 524288",
           "SET GLOBAL max_allowed_packet")
    named(found, "lock waits", "warning", "innodb_rollback_on_timeout = ON",
          "my.cnf")
    named(found, "commits", "note", "innodb_flush_log_at_trx_commit = 0",
          "SET GLOBAL innodb_flush_log_at_trx_commit = 1")


def test_a_server_that_is_read_only(well):
    well.db.sql("SET GLOBAL read_only = 1")
    try:
        failed(doctor(well), "read only", "the server is read only",
               "SET GLOBAL read_only = 0")
    finally:
        well.db.sql("SET GLOBAL read_only = 0")


def test_tables_of_the_billing_without_transactions(well):
    well.db.sql("ALTER TABLE usersfreeze ENGINE=MyISAM", "mikbill")
    try:
        found = doctor(well)
    finally:
        well.db.sql("ALTER TABLE usersfreeze ENGINE=InnoDB", "mikbill")
    named(found, "engines", "note", "usersfreeze is MyISAM",
          "ALTER TABLE usersfreeze ENGINE=InnoDB")
    assert found.code == 0


@pytest.mark.plain
def test_a_clock_that_is_wrong(pilot, tmp_path):
    clock = Clock(tmp_path)
    with server_of_its_own(pilot, env=clock.env) as chain:
        clock.shift(seconds=-7)
        found = doctor(chain)
        named(found, "clock", "warning", " s behind this host's", "NTP")
        assert re.search(r"clock is [67]\.\d+ s behind", found.one("clock")[1])
        clock.shift(hours=1)
        failed(doctor(chain), "clock", "s ahead of this host's", "timedatectl")


def test_another_time_zone(well):
    well.db.sql("SET GLOBAL time_zone = '+11:00'")
    try:
        found = doctor(well)
    finally:
        well.db.sql("SET GLOBAL time_zone = 'SYSTEM'")
    named(found, "time zone", "warning", "the server's clock shows +11:00",
          "this host's +00:00", "SET GLOBAL time_zone")
    assert found.code == 0


def test_payments_that_are_dated_in_the_future(well):
    well.db.sql("INSERT INTO bugh_plategi_stat SET uid=1001, bughtypeid=5,"
                " date=NOW() + INTERVAL 3 HOUR, who=1, before_billing=0,"
                " summa=7", "mikbill")
    named(doctor(well), "dates", "warning", "s in the future",
          "date.timezone of PHP")


def test_payments_that_are_dated_in_the_past(well):
    for summa in (70, 71, 72):
        well.db.sql("INSERT INTO bugh_plategi_stat SET uid=1001, bughtypeid=5,"
                    " date=NOW() - INTERVAL 3 HOUR, who=1, before_billing=0,"
                    f" summa={summa}", "mikbill")
    wait_until(lambda: well.db.sql("SELECT COUNT(*) FROM event", OURS) ==
               [(3,)], 15, "events")
    named(doctor(well), "booking", "warning", "each of the newest 3 payments"
          " was dated 10800 s or more before it was booked",
          "date.timezone of PHP")
    well.pay()
    wait_until(lambda: well.db.sql("SELECT COUNT(*) FROM event", OURS) ==
               [(4,)], 15, "events")
    assert doctor(well).one("booking")[0] == "ok"


def test_a_wrong_password(well):
    settings = with_settings(well.settings, database={"password": "x-wrong"})
    well.service.configure(settings)
    found = failed(doctor(well), "database", "account mbev_service", "1045",
                   "password of [database]")
    assert "x-wrong" not in found.text + found.errors
    assert found.one("file")[0] == "ok"
    assert found.one("provider smspilot")[0] == "ok"
    assert "triggers" not in found.worse_than("note")
    named(found, "not looked at", "note", "without the database: server",
          "grants")
    status = ctl(well, "status")
    assert status.returncode == 69 and "1045" in status.stderr


def test_a_server_that_is_stopped(own):
    own.db.kill()
    found = failed(doctor(own), "database", own.db.socket, "systemctl start")
    assert found.one("configuration")[0] == "ok"
    assert found.one("provider smspilot")[0] == "ok"
    status = ctl(own, "status")
    assert status.returncode == 69 and "is away" in status.stderr


def test_a_server_that_hangs(own):
    own.db.freeze()
    began = time.monotonic()
    try:
        failed(doctor(own), "database", own.db.socket)
    finally:
        own.db.thaw()
    assert time.monotonic() - began < 15


def test_a_server_that_hangs_in_the_middle(own):
    """Behind a lock that ends after the longest time that is waited."""
    with own.db.connect(OURS) as link, link.cursor() as cursor:
        cursor.execute("FLUSH TABLES WITH READ LOCK")
        assert doctor(own).worse_than("warning") == {"service"}


# ---- this host


def test_a_configuration_that_everybody_may_read(well):
    well.service.config.chmod(0o644)
    failed(doctor(well), "configuration",
           "everybody on this computer can read it",
           "chown root:mbevd and chmod 640 the file")


def test_a_configuration_that_is_wrong(well):
    text = well.service.config.read_text("utf-8")
    well.service.config.write_text(
        text + "[notice]\nretry_frist = 1 s\nexpire = soon\n", "utf-8")
    found = failed(doctor(well), "configuration", 'no key "retry_frist"',
                   "mbevd --ini")
    assert found.one("database")[0] == "ok"
    failed(found, "configuration", "[notice] expire")


def test_a_configuration_that_is_not_there(well):
    well.service.config.rename(well.service.folder / "away.ini")
    found = failed(doctor(well), "configuration", "No such file")
    named(found, "not looked at", "note", "without the database")


def test_a_state_folder_that_is_gone(well):
    settings = with_settings(well.settings,
                             service={"state_dir": "/nonexistent/state"})
    well.service.configure(settings)
    failed(doctor(well), "state folder", "No such file",
           "install -d -o mbevd -g mbevd -m 700 /nonexistent/state")


def hand_over(folder, name):
    """All of a folder belongs to another account now."""
    owner = pwd.getpwnam(name)
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, owner.pw_uid, owner.pw_gid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another")
@pytest.mark.mariadb("MySQL 5.6 lies in a folder that nobody may not enter")
def test_a_doorbell_that_the_server_does_not_reach(pilot, tmp_path):
    db = MariaDB(under=["setpriv", "--reuid=nobody", "--regid=nogroup",
                        "--clear-groups"])
    db.plugin_dir = db.folder / "plugins"
    db.plugin_dir.mkdir()
    shutil.copy(build_dir() / "mbev.so", db.plugin_dir)
    bell = db.folder / "bell"
    db.doorbell = str(bell / "doorbell")
    other = MariaDB().start()
    shutil.copytree(other.datadir, db.datadir, copy_function=shutil.copy)
    other.stop()
    hand_over(db.folder, "nobody")
    bell.mkdir(mode=0o700)
    with db:
        create_billing(db, "mikbill", "legacy")
        install(db)
        for chain in make_chain(db, pilot):
            start(make_well(chain, service={"state_dir": str(tmp_path)}))
            found = doctor(chain)
            named(found, "doorbell", "warning", "which is nobody here, does not"
                  f" get past {bell}", f"chmod o+x {bell}")
            named(found, "ring", "warning", "the server may not ring", "chmod")
            assert found.code == 0
            bell.chmod(0o711)
            found = doctor(chain)
            assert found.one("doorbell")[:2] == (
                "ok", f"{db.doorbell}, and nobody may ring")
            assert found.one("ring")[0] == "ok"


# ---- providers and routers


def refuses(code, word="code"):
    """A provider that refuses the account."""
    error = {"error": "no", word: code} if word == "error_code" else {
        "error": {word: code, "description": "no"}}
    return lambda _request: Reply(body=json.dumps(error))


def test_an_account_that_smspilot_refuses(well):
    well.pilot.reply = refuses("102")
    failed(doctor(well), "account smspilot", "smspilot refuses the account,"
           " error 102", "[smspilot] api_key", "mbevd -t")


def test_an_account_without_money(well):
    well.pilot.balance = "-0.50"
    named(doctor(well), "account smspilot", "warning", "the balance is -0.50",
          "pay")


def test_an_account_that_smsc_refuses(well, smsc):
    make_well(well, payment={"channels": "smsc"},
              smsc={"url": smsc.url, "login": "LOGIN", "password": "S3CRET"})
    assert doctor(well).one("account smsc")[1] == "the balance is 100.50"
    assert [r.path for r in smsc.requests] == ["/sys/balance.php"]
    smsc.reply = refuses(2, "error_code")
    found = failed(doctor(well), "account smsc", "smsc refuses the account,"
                   " error 2", "[smsc] login and password")
    assert "S3CRET" not in found.text
    smsc.reply = refuses(9, "error_code")
    named(doctor(well), "account smsc", "note", "asked too often")
    smsc.reply = lambda _request: Reply(body="<html>")
    named(doctor(well), "account smsc", "warning", "not understood")


def test_an_account_that_komtet_refuses(well, till):
    keys = {"url": till.url, "shop": "SHOP", "secret": "SECRET",
            "queue": "777"}
    make_well(well, receipt={"payments": "yes"}, komtet=keys)
    assert doctor(well).one("account komtet")[1] == \
        "queue 777 of tills is switched on"
    till.queue_state = "passive"
    named(doctor(well), "account komtet", "warning", "queue 777 of tills is"
          " switched off", "in the cabinet")
    assert not any(r.method == "POST" for r in till.requests)
    make_well(well, komtet={**keys, "secret": "another"})
    failed(doctor(well), "account komtet", "komtet refuses the account",
           "[komtet] shop, secret and queue")
    make_well(well, komtet={**keys, "queue": ""})
    named(doctor(well), "account komtet", "warning", "[komtet] queue is empty:"
          " receipts are made, kept and not sent", "systemctl reload mbevd")


def test_a_provider_whose_port_is_closed(well):
    well.pilot.stop()
    failed(doctor(well), "provider smspilot", f"127.0.0.1:{well.pilot.port}",
           "is not reached", "firewall", "[smspilot] url")


def test_a_provider_that_says_nothing(well):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = with_settings(well.settings, smspilot={
            "url": f"https://127.0.0.1:{silent.getsockname()[1]}/api.php"})
        well.service.configure(settings)
        began = time.monotonic()
        found = failed(doctor(well), "provider smspilot", "is not reached",
                       "timed out", "[smspilot] url")
    assert time.monotonic() - began < 9
    assert found.of("account smspilot") == []


def test_what_a_closed_port_keeps_back(well):
    well.pilot.stop()
    well.subscriber()
    well.pay()
    well.wait_states("retry")
    answer = fields(ctl(well, "show", str(event_id(well))).stdout)
    assert answer["state"] == "retry: failed, is tried again when it is due"
    assert "onnect" in answer["reason"], answer["reason"]


def test_each_table_of_ours_that_is_gone_is_named(down):
    names = [name for name, _ in down.db.sql(
        "SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'", OURS)]
    for name in names:
        down.db.sql(f"RENAME TABLE {name} TO away", OURS)
        try:
            found = doctor(down)
        finally:
            down.db.sql(f"RENAME TABLE away TO {name}", OURS)
        if name == "schema_version":
            failed(found, "schema", "1146", "sql/schema.sql")
        else:
            failed(found, "tables", f"{name} is missing",
                   "mysql < sql/schema.sql")
    assert len(names) == 17

def test_a_provider_without_a_name(well):
    settings = with_settings(well.settings, smspilot={
        "url": "https://no-such-host.invalid/api.php"})
    well.service.configure(settings)
    well.service.config.chmod(0o600)
    failed(doctor(well), "provider smspilot", "no-such-host.invalid",
           "[smspilot] url")


def test_a_provider_whose_certificate_is_not_trusted(well, tmp_path):
    authority = Authority(tmp_path)
    with SmsPilot(tls=authority.issue("127.0.0.1")) as pilot:
        settings = with_settings(well.settings, smspilot={"url": pilot.url})
        well.service.configure(settings)
        failed(doctor(well), "provider smspilot", "certificate",
               "apt-get install ca-certificates", "[smspilot] ca_file")
        settings["smspilot"]["ca_file"] = authority.certificate
        well.service.configure(settings)
        assert doctor(well).one("provider smspilot")[0] == "ok"
        assert pilot.taken == []


def test_a_reserve_address_does(well):
    closed = free_port()
    make_well(well, smsc={"url": [f"http://127.0.0.1:{closed}/sys",
                                  well.pilot.url],
                          "login": "LOGIN", "password": "SECRET"},
              payment={"channels": "smsc"})
    found = doctor(well)
    named(found, "provider smsc", "warning", "is not reached",
          "the other address is", "firewall")
    assert found.code == 0


def test_a_router_whose_port_is_closed(well):
    with RouterOS() as router:
        resets(well, router=[f"127.0.0.1 port={router.port}",
                             "127.0.0.3 transport=radius"],
               port=str(free_port()))
        well.service.config.chmod(0o600)
        nas(well)
        nas(well, 2, "127.0.0.2")
        nas(well, 3, "127.0.0.3")
        found = failed(doctor(well), "router", "127.0.0.2:", "is not reached",
                       "router = 127.0.0.2 port=N", "mbevctl test router")
        named(found, "router", "ok", f"127.0.0.1:{router.port} answers")
        named(found, "router", "note", "1 by RADIUS")
        assert "naspw" not in found.text
        assert router.refused == 0 and router.names == [b"sub1001"][:0]
    well.db.sql("DELETE FROM radnas", "mikbill")


def test_a_router_that_the_service_holds(well):
    well.db.sql("INSERT INTO router SET nas_id=1, address='10.0.0.1',"
                " transport='ssh', state='held', since_utc='2026-01-01',"
                " reason='it refuses the login', cure='see radnas',"
                " changed_utc='2026-01-01'", OURS)
    named(doctor(well), "routers", "warning", "10.0.0.1 is held since",
          "it refuses the login", "see radnas")
