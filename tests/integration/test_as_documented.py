"""What the documents tell to type does what they say, where it is not done by
other tests: the service elsewhere, replication, dumps, the way from the old
scripts and back, removal without a trace."""

import re
import subprocess
import time

import pytest

from harness.billing import create_billing
from harness.process import wait_until
from harness.product import (SERVICE_ACCOUNT, Service, default_settings,
                             install, run_sql, with_settings)
from harness.server import REPO, MariaDB
from integration.chain import payment_sql
from integration.test_mbevctl import ctl
from integration.test_reload import reload

def command(document, beginning):
    """The shell command of a document that begins so, without sudo."""
    text = (REPO / "docs" / document).read_text("utf-8")
    found = re.search(rf"^{re.escape(beginning)}(?:.*\\\n)*.*$", text,
                      re.MULTILINE)
    assert found, f"{document} has no command {beginning}"
    return found[0].replace("sudo ", "")


def block(document, beginning):
    """The block of commands that begins so, without sudo."""
    text = (REPO / "docs" / document).read_text("utf-8")
    return text[text.index(f"\n{beginning}"):].split("```")[0].replace(
        "sudo ", "")


def statements(document, beginning):
    """Those that are typed into the client, from that one to the end of the
    block."""
    text = (REPO / "docs" / document).read_text("utf-8")
    block = text[text.index(f"mysql> {beginning}"):].split("```")[0]
    return re.sub(r"^(mysql>|      ) ", "", block, flags=re.MULTILINE)


def shell(db, text):
    """Run it with bash; mysql and mysqldump speak to that server."""
    options = f"--no-defaults --socket={db.socket} --user=root"
    text = re.sub(r"\bmysql(dump)?(?=\s|$)", rf"mysql\1 {options}", text)
    done = subprocess.run(["bash", "-ec", "set -o pipefail\n" + text],
                          text=True, capture_output=True, check=False,
                          cwd=db.folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def announce(db, pilot, **database):
    """Settings of a service that announces payments."""
    settings = default_settings(db, pilot.url)
    return with_settings(settings, database=database,
                         payment={"sms": "yes", "ending": "-",
                                  "text": "{login}: {amount} {currency}"})


def subscriber_and_payment(db, uid, summa=100):
    """The message that follows."""
    db.sql(f"INSERT INTO users SET uid={uid}, user='sub{uid}', gid=5,"
           f" sms_tel='7900{uid:07}'", "mikbill")
    db.sql(payment_sql(uid, summa), "mikbill")
    return f"sub{uid}: {summa:.2f} руб"


def sent(pilot):
    """Texts that the provider has."""
    return [request.params["send"] for request in pilot.requests]


def test_an_account_of_another_host_does_the_work(pilot):
    """With the rights of the usual one, copied; and nobody rings for it."""
    with MariaDB(tcp=True) as db:
        create_billing(db, "mikbill", "legacy")
        install(db)
        db.sql(f"CREATE USER '{SERVICE_ACCOUNT}'@'127.0.0.1'"
               " IDENTIFIED BY 'far away'")
        shell(db, command("installation.md", "sudo mysql -rNBe \"SHOW GRANTS")
              .replace("10.0.0.6", "127.0.0.1"))
        settings = announce(db, pilot, socket="", host="127.0.0.1",
                            port=db.port, password="far away")
        settings["service"]["doorbell"] = f"{db.folder}/elsewhere"
        with Service(settings) as service:
            service.wait_log(r"engine: acting")
            text = subscriber_and_payment(db, 1001)
            wait_until(lambda: text in sent(pilot), 10, "message")
            wait_until(lambda: db.sql(
                "SELECT sms_phone FROM mikbill.sms_logs")
                == [("79000001001",)], 10, "row of sms_logs")


@pytest.fixture(name="pair")
def _pair():
    """A primary with a billing, and a replica of it, both empty of ours."""
    def options(number):
        return ["--log-bin=bin", "--binlog-format=ROW",
                f"--server-id={number}", "--gtid-strict-mode=ON"]

    with MariaDB(options(1), tcp=True) as first, \
            MariaDB([*options(2), "--read-only=1"], tcp=True) as second:
        first.sql("SET GLOBAL gtid_slave_pos = ''; RESET MASTER;"
                  " CREATE USER copy@'127.0.0.1' IDENTIFIED BY 'copy';"
                  " GRANT REPLICATION SLAVE ON *.* TO copy@'127.0.0.1'")
        second.sql("RESET MASTER; SET GLOBAL gtid_slave_pos = '';"
                   f" CHANGE MASTER TO MASTER_HOST='127.0.0.1',"
                   f" MASTER_PORT={first.port}, MASTER_USER='copy',"
                   " MASTER_PASSWORD='copy',"
                   " MASTER_USE_GTID=slave_pos; START SLAVE")
        create_billing(first, "mikbill", "legacy")
        yield first, second


def caught_up(first, second):
    """Wait until the replica has all of the primary."""
    place = first.sql("SELECT @@gtid_binlog_pos")[0][0]
    assert second.sql(f"SELECT MASTER_GTID_WAIT('{place}', 30)") == [(0,)], \
        second.sql("SHOW SLAVE STATUS")


@pytest.mark.mariadb("replication by GTIDs of its own")
def test_a_replica_goes_on_and_can_take_over(pair, pilot):
    """Without the functions it is replicated all the same; with them it
    captures as soon as it is the primary, although its tables were open
    before, and nothing of the first's is captured twice."""
    first, second = pair
    install(first)
    old = subscriber_and_payment(first, 1001)
    caught_up(first, second)
    assert second.sql("SELECT COUNT(*) FROM mikbill_events.outbox") == [(1,)]
    code, _, errors = second.client(
        statements("installation.md", "SET sql_log_bin = 0"))
    assert code == 0, errors
    assert second.sql("SELECT mbev_version() IS NOT NULL") == [(1,)]
    new = subscriber_and_payment(first, 1002)
    caught_up(first, second)
    assert second.sql("SELECT COUNT(*) FROM mikbill_events.outbox") == [(2,)]
    second.sql("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0")
    newest = subscriber_and_payment(second, 1003)
    with Service(announce(second, pilot)) as service:
        service.wait_log(r"engine: acting")
        wait_until(lambda: len(sent(pilot)) >= 3, 10, "messages")
    assert sorted(sent(pilot)) == sorted([old, new, newest])


@pytest.mark.mariadb("its mysqldump does not know MySQL 5.6")
def test_a_dump_is_restored_on_a_fresh_server(pilot, tmp_path):
    """Billing and our database, with what waits; then our accounts."""
    dump = str(tmp_path / "both.sql")
    with MariaDB() as db:
        create_billing(db, "mikbill", "legacy")
        install(db)
        text = subscriber_and_payment(db, 1001)
        shell(db, command("upgrade.md", "sudo mysqldump --single-transaction"
                          " --routines --databases mikbill mikbill_events")
              .replace("both.sql", dump))
    with MariaDB() as db:
        db.sql("SELECT 1")
        shell(db, f"mysql < {dump}")
        # As it is then, payments fail: the definer is missing.
        with pytest.raises(Exception, match="1449"):
            db.sql(payment_sql(1001, 1), "mikbill")
        run_sql(db, "schema.sql")
        run_sql(db, "grants.sql", "mikbill")
        run_sql(db, "triggers.sql", "mikbill")
        db.sql(f"SET PASSWORD FOR '{SERVICE_ACCOUNT}'@'localhost' ="
               " PASSWORD('service-secret')")
        later = subscriber_and_payment(db, 1002)
        with Service(announce(db, pilot)) as service:
            service.wait_log(r"engine: acting")
            wait_until(lambda: len(sent(pilot)) >= 2, 10, "messages")
        assert sorted(sent(pilot)) == sorted([text, later])


# --- from the old scripts, and back -----------------------------------------

def verb(chain, *words):
    """A verb of mbevctl, which must succeed."""
    done = ctl(chain, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(chain):
    """event -> text, of what waits."""
    return dict(chain.deliveries("event_id, payload", "state = 'ready'"))


def test_messages_are_taken_over_from_the_scripts_and_given_back(chain):
    """docs/migration.md, 3 and "Back to the scripts": of five payments each
    is announced once, by the scripts or by us."""
    reload_off = {"payment": {"sms": "no"}}
    chain.service.configure(with_settings(chain.settings, **reload_off))
    chain.start().subscriber()
    scripts = []

    def pay(summa, by_scripts):
        chain.pay(summa=summa)
        if by_scripts:
            scripts.append(f"sub1001: {summa:.2f} руб")

    pay(11, True)
    wait_until(lambda: chain.db.sql(
        "SELECT COUNT(*) FROM mikbill_events.event") == [(1,)], 10, "event")
    verb(chain, "pause", "smspilot", "--reason", "migration of payments")
    reload(chain, payment={"sms": "yes"})
    pay(12, True)
    pay(13, False)  # the scripts are off now
    chain.wait_states("ready", "ready")
    assert chain.sms_logs() == []  # what stands there is the scripts'
    for event, text in numbers(chain).items():
        if text in scripts:
            verb(chain, "drop", str(event), "--yes")
    verb(chain, "resume", "smspilot")
    chain.wait_states("cancelled", "done")
    verb(chain, "pause", "smspilot")
    pay(14, False)
    pay(15, True)  # they are on again
    chain.wait_states("cancelled", "done", "ready", "ready")
    reload(chain, payment={"sms": "no"})
    pay(16, True)
    for event, text in numbers(chain).items():
        if text in scripts:
            verb(chain, "drop", str(event), "--yes")
    verb(chain, "resume", "smspilot")
    chain.wait_states("cancelled", "done", "done", "cancelled")
    texts = [text for _, text in chain.sent()] + scripts
    assert sorted(texts) == [f"sub1001: {n:.2f} руб" for n in range(11, 17)]


# --- removal ------------------------------------------------------------------

@pytest.fixture(name="fresh")
def _fresh():
    """A server of its own with a billing and our SQL."""
    with MariaDB() as db:
        create_billing(db, "mikbill", "legacy")
        install(db)
        yield db


def test_the_triggers_are_dropped_without_the_file(fresh):
    assert len(fresh.sql("SHOW TRIGGERS", "mikbill")) == 12
    shell(fresh, block("dba.md", "sudo mysql mikbill -e \"DROP TRIGGER"))
    assert fresh.sql("SHOW TRIGGERS", "mikbill") == []


def test_no_trace_is_left(fresh):
    look = block("dba.md", "sudo mysql -e \"SELECT trigger_schema")
    assert len(shell(fresh, look).splitlines()) == 12 + 4 + 3 + 1 + 3
    run_sql(fresh, "uninstall.sql", "mikbill")
    assert shell(fresh, look) == ""


def test_bonuses_and_receipts_wait_while_decide_is_paused(chain):
    """docs/migration.md, 4; docs/upgrade.md, "An old state comes back"."""
    chain.service.configure(with_settings(
        chain.settings, payment={"sms": "no"}, bonus_topup={"on": "yes"},
        receipt={"payments": "yes"}, komtet={"queue": ""}))
    verb(chain, "pause", "decide", "--reason", "migration of bonuses")
    chain.start().subscriber()
    chain.tariff()
    chain.pay(summa=2000)
    wait_until(lambda: len(chain.states()) == 2, 10, "deliveries")
    time.sleep(2)
    assert sorted(chain.deliveries("action, state, lane")) == [
        ("bonus_topup", "ready", "decide"), ("receipt", "ready", "decide")]
    bonus = chain.deliveries("id", "action = 'bonus_topup'")[0][0]
    verb(chain, "drop", f"delivery:{bonus}", "--yes")
    verb(chain, "resume", "decide")
    wait_until(lambda: chain.deliveries("lane", "action = 'receipt'")
               == [("komtet",)], 15, "receipt")
    assert chain.rows("amount", "addons_pay_api") == []
