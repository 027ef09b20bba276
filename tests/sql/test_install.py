"""Installing and uninstalling with the plain mysql client."""

import re
import shutil
import threading
import time
from contextlib import ExitStack, contextmanager

import pymysql
import pytest

from harness import billing as facts_of
from harness import product
from harness.process import wait_until
from harness.server import MariaDB, build_dir

pytestmark = pytest.mark.plain

SQL = product.repo() / "sql"
FILES = ("schema.sql", "grants.sql", "triggers.sql")
ACCOUNTS = ("mbev_trigger", "mbev_service", "mbev_reader")
FUNCTIONS = ("mbev_json", "mbev_ring", "mbev_version")
TRIGGERS = ("mbev_ad_users", "mbev_ad_usersblok", "mbev_ad_usersdel",
            "mbev_ad_usersfreeze", "mbev_ai_bugh_plategi_stat",
            "mbev_ai_bugh_uslugi_stat", "mbev_ai_usersblok",
            "mbev_ai_usersdel", "mbev_ai_usersfreeze",
            "mbev_au_bugh_uslugi_stat", "mbev_au_users", "mbev_au_usersfreeze")
TABLES = ("bugh_plategi_stat", "bugh_uslugi_stat", "users", "usersfreeze",
          "usersblok", "usersdel")
DISCARD = "--init-command=SET @mbev_discard_events = 1"
DELAY_LIMIT_S = 3


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A server of our own, with a plugin folder of its own."""
    plugins = tmp_path_factory.mktemp("plugins")
    shutil.copy(build_dir() / "mbev.so", plugins)
    with MariaDB(plugin_dir=plugins) as server:
        yield server


def accounts_of(server):
    """Names of all accounts."""
    return {name for name, in server.sql("SELECT user FROM mysql.user")}


def clean(server):
    """Take away whatever the test before left."""
    server.sql("DROP DATABASE IF EXISTS mikbill;"
               "DROP DATABASE IF EXISTS second;"
               "DROP DATABASE IF EXISTS mikbill_events")
    for function in FUNCTIONS:
        server.sql(f"DROP FUNCTION IF EXISTS {function}")
    for account in {*ACCOUNTS, "limited"} & accounts_of(server):
        server.sql(f"DROP USER {account}@localhost")


@pytest.fixture
def bare(machine):
    """A server with a legacy billing and nothing of ours."""
    clean(machine)
    facts_of.create_billing(machine, "mikbill", "legacy")
    return machine


@pytest.fixture
def installed(bare):
    """The same with our product."""
    product.install(bare)
    return bare


def run(server, file, billing="mikbill", args=()):
    """Run one of our files; (exit code, the words of the error)."""
    code, _, errors = server.client(SQL / file, billing, args)
    words = re.findall(r"^ERROR (?:\d+ \(\w+\) at line \d+: )?(.*)", errors,
                       re.M)
    return code, words[0] if words else ""


def accounts_table(server):
    """Where the server keeps its accounts."""
    return "global_priv" if server.kind.is_mariadb else "user"


def state(server):
    """All that installing may change, to be compared."""
    tables = server.sql("""
        SELECT table_schema, table_name, create_time
        FROM information_schema.tables
        WHERE table_schema IN ('mikbill', 'second', 'mikbill_events')
        ORDER BY 1, 2""")
    ours = [row[1] for row in tables if row[0] == "mikbill_events"]
    return {
        "tables": tables,
        "rows": {table: server.sql(f"SELECT * FROM mikbill_events.{table}")
                 for table in ours if table != "milestone"},
        "triggers": server.sql("""
            SELECT trigger_schema, trigger_name, event_object_table,
                   event_manipulation, action_timing, action_order,
                   action_statement, definer, sql_mode, character_set_client,
                   collation_connection
            FROM information_schema.triggers
            WHERE trigger_schema IN ('mikbill', 'second') ORDER BY 1, 2"""),
        "functions": server.sql("SELECT * FROM mysql.func"),
        "accounts": server.sql(
            f"SELECT * FROM mysql.{accounts_table(server)} ORDER BY user"),
        "databases": server.sql("SELECT * FROM mysql.db"),
        "grants": server.sql(
            "SELECT host, db, user, table_name, grantor, table_priv,"
            " column_priv FROM mysql.tables_priv ORDER BY 1, 2, 3, 4"),
    }


def ddl(server, billing="mikbill"):
    """The billing as it would be created: tables, triggers, routines."""
    made = []
    for what, names in {
            "TABLE": "SELECT table_name FROM information_schema.tables"
                     " WHERE table_schema",
            "TRIGGER": "SELECT trigger_name FROM information_schema.triggers"
                       " WHERE trigger_schema",
            "PROCEDURE": "SELECT routine_name FROM information_schema.routines"
                         " WHERE routine_schema"}.items():
        made += [server.sql(f"SHOW CREATE {what} {facts_of.quote(name)}",
                            billing)
                 for name, in sorted(server.sql(f"{names} = '{billing}'"))]
    return made


def ours(server):
    """Names of our triggers on the billing."""
    return tuple(name for name, in server.sql(
        "SELECT trigger_name FROM information_schema.triggers"
        " WHERE trigger_schema = 'mikbill' ORDER BY trigger_name"))


# ---- what installing leaves


@pytest.mark.parametrize("generation, last", [("legacy", (0, 0)),
                                              ("modern", (41, 8))])
def test_installation_is_recorded(bare, generation, last):
    bare.sql("DROP DATABASE mikbill")
    facts_of.create_billing(bare, "mikbill", generation)
    if last[0]:
        bare.sql(f"""
            INSERT INTO bugh_plategi_stat (plategid, uid, bughtypeid,
              before_billing, summa) VALUES ({last[0]}, 1, 5, 0, 1);
            INSERT INTO bugh_uslugi_stat (uslid, uid, gid, date_start)
              VALUES ({last[1]}, 1, 1, NOW())""", "mikbill")
    product.install(bare)
    assert bare.sql("SELECT billing, generation, first_plategid, first_uslid"
                    " FROM mikbill_events.installation") == [
        ("mikbill", generation, *last)]
    assert ours(bare) == TRIGGERS


@pytest.mark.parametrize("name", ["bill-2", "бил`линг"])
def test_billing_of_any_name(bare, name):
    bare.sql("DROP DATABASE mikbill")
    facts_of.create_billing(bare, name, "legacy")
    try:
        product.install(bare, name)
        bare.sql("INSERT INTO bugh_plategi_stat (uid, bughtypeid,"
                 " before_billing, summa) VALUES (1, 60001, 0, 1)", name)
        assert bare.sql("SELECT kind FROM mikbill_events.outbox") == [
            ("60001",)]
        product.uninstall(bare, name, discard=True)
    finally:
        bare.sql(f"DROP DATABASE {facts_of.quote(name)}")


def test_types_are_classified_by_our_defaults_then_by_the_billing(bare):
    bare.sql("DROP DATABASE mikbill")
    facts_of.create_billing(bare, "mikbill", "modern")
    product.install(bare)
    kinds = {row[0]: row[1:] for row in bare.sql(
        "SELECT * FROM mikbill_events.payment_kind")}
    types = {int(row["id"]): row
             for row in facts_of.facts("plategi-types-modern")}
    assert kinds.keys() == types.keys()
    assert kinds[7] == ("refund", "default", "Снятие со счета")
    assert kinds[62] == ("api", "default", "API")
    assert kinds[5] == ("payment", "billing", "Пополнение счета")
    assert kinds[19] == ("ignore", "billing", "Рассрочка")
    assert all(comment == types[number]["name"]
               for number, (_, _, comment) in kinds.items())


def test_what_the_trigger_leaves_out_is_to_be_ignored_by_default():
    text = (SQL / "triggers.sql").read_text()
    ignored = {int(n) for n in re.findall(r"\((\d+), 'ignore', 'default'\)",
                                          text)}
    listed = re.search(r"NEW.bughtypeid IN\s*\(([\d,\s]+)\)", text)[1]
    assert {int(n) for n in listed.split(",")} < ignored
    assert len(ignored) == 45


def test_installing_twice_changes_nothing(installed):
    installed.sql("""
        UPDATE payment_kind SET kind = 'payment', origin = 'operator'
          WHERE bughtypeid IN (1, 93);
        INSERT INTO payment_kind VALUES (60001, 'ignore', 'operator', 'ours');
        INSERT INTO event VALUES (1, 'payment', 1, NULL, '2020-01-01',
                                  '2020-01-01', NULL, '{}');
        INSERT INTO delivery (id, event_id, action, state, due_utc,
                              changed_utc)
          VALUES (1, 1, 'sms', 'done', '2020-01-01', '2020-01-01');
        UPDATE owner SET epoch = 7, holder = 'here'""", "mikbill_events")
    installed.sql("INSERT INTO bugh_plategi_stat (uid, bughtypeid,"
                  " before_billing, summa) VALUES (1, 5, 0, 1)", "mikbill")
    installed.sql("SET PASSWORD FOR mbev_reader@localhost = PASSWORD('r')")
    before = state(installed)
    for file in FILES:
        assert run(installed, file) == (0, "")
    after = state(installed)
    assert after == before
    installed.connect(user="mbev_service",
                      password=product.SERVICE_PASSWORD).close()
    installed.connect(user="mbev_reader", password="r").close()


def make_seventh(server):
    """Lay our tables out as version 7 did."""
    server.sql("""
        ALTER TABLE delivery DROP COLUMN part;
        ALTER TABLE owner DROP COLUMN parts,
          MODIFY COLUMN name VARCHAR(16) CHARACTER SET ascii NOT NULL
          COMMENT 'what is owned; one row: main';
        UPDATE schema_version SET version = 7""", "mikbill_events")


def make_sixth(server):
    """Lay our tables out as version 6 did."""
    make_seventh(server)
    server.sql("""
        ALTER TABLE delivery DROP COLUMN dry,
          MODIFY COLUMN action VARCHAR(16) CHARACTER SET ascii NOT NULL
            COMMENT 'sms, session_reset',
          MODIFY COLUMN payload MEDIUMTEXT NULL COMMENT 'earlier words',
          MODIFY COLUMN state
          ENUM('ready','leased','calling','done','retry','doubtful',
               'dead','expired','skipped','cancelled','held') NOT NULL
          COMMENT 'see docs/architecture.md for the transitions';
        UPDATE schema_version SET version = 6""", "mikbill_events")


def make_fifth(server):
    """Lay our tables out as version 5 did."""
    make_sixth(server)
    server.sql("""
        DROP TABLE pause, audit, pulse;
        ALTER TABLE delivery MODIFY COLUMN state
          ENUM('ready','leased','calling','done','retry','doubtful',
               'dead','expired','skipped','cancelled') NOT NULL
          COMMENT 'see docs/architecture.md for the transitions';
        UPDATE schema_version SET version = 5""", "mikbill_events")


def make_fourth(server):
    """Lay our tables out as version 4 did."""
    make_fifth(server)
    server.sql("DROP TABLE milestone, forgotten, gap;"
               "ALTER TABLE owner DROP COLUMN inherited_utc,"
               " DROP COLUMN inherited_epoch;"
               "UPDATE schema_version SET version = 4", "mikbill_events")


def make_third(server):
    """Lay our tables out as version 3 did."""
    make_fourth(server)
    server.sql("""
        DROP TABLE router;
        ALTER TABLE delivery
          MODIFY COLUMN action VARCHAR(16) CHARACTER SET ascii NOT NULL
            COMMENT 'what version 3 said',
          MODIFY COLUMN address VARCHAR(64) NULL
            COMMENT 'what version 3 said',
          MODIFY COLUMN payload MEDIUMTEXT NULL
            COMMENT 'what version 3 said';
        UPDATE schema_version SET version = 3""", "mikbill_events")


def make_second(server):
    """Lay our tables out as version 2 did."""
    make_third(server)
    server.sql("""
        DROP TABLE receipt, till;
        ALTER TABLE owner DROP COLUMN inherited_id;
        ALTER TABLE delivery
          CHANGE COLUMN log_id sms_log_id BIGINT UNSIGNED NULL
            COMMENT 'sms_logs.sms_id of its row in the billing';
        UPDATE schema_version SET version = 2""", "mikbill_events")


def make_first(server):
    """Lay our tables out as version 1 did."""
    make_second(server)
    server.sql("""
        DROP TABLE api_credit;
        ALTER TABLE delivery DROP COLUMN lane, DROP COLUMN route,
          DROP COLUMN notice,
          DROP COLUMN plan_utc, DROP COLUMN ask, DROP KEY waiting,
          ADD KEY due (state, due_utc);
        UPDATE schema_version SET version = 1""", "mikbill_events")


OUR_TABLES = ("delivery", "api_credit", "receipt", "till", "router", "owner",
              "milestone", "forgotten", "gap", "pause", "audit",
              "pulse")


@pytest.mark.parametrize("make_older", [make_first, make_second, make_third,
                                        make_fourth, make_fifth, make_sixth,
                                        make_seventh])
def test_an_older_version_is_brought_up_to_date(installed, make_older):
    """What earlier versions looked like; the rows stay and say where they
    wait."""
    def tables():
        return [installed.sql(f"SHOW CREATE TABLE mikbill_events.{name}")
                for name in OUR_TABLES]
    fresh = tables()
    make_older(installed)
    installed.sql("""
        INSERT INTO event VALUES (1, 'payment', 1, NULL, '2020-01-01',
                                  '2020-01-01', NULL, '{}');
        INSERT INTO delivery (id, event_id, action, state, due_utc,
                              changed_utc, address, payload)
          VALUES (1, 1, 'sms', 'ready', '2020-01-01', '2020-01-01',
                  '79001234567', 'text')""", "mikbill_events")
    for file in FILES:
        assert run(installed, file) == (0, "")
    assert [re.sub(r" AUTO_INCREMENT=\d+", "", row[0][1])
            for row in tables()] == [row[0][1] for row in fresh]
    assert installed.sql("SELECT state, lane, route, ask, payload, part FROM"
                         " delivery", "mikbill_events") == [
        ("ready", "smspilot", None, 0, "text", 1)]
    assert installed.sql("SELECT name, parts FROM owner",
                         "mikbill_events") == [("main", 2**32 - 1)]
    assert version(installed) == 8


def version(server):
    """The version that our tables are said to have."""
    ((number,),) = server.sql("SELECT MAX(version) FROM schema_version",
                              "mikbill_events")
    return number


@pytest.mark.parametrize("make_older, number", [(make_second, 2),
                                                (make_third, 3)])
def test_a_table_that_could_not_be_changed_is_not_called_up_to_date(
        installed, make_older, number):
    """A mysqldump reads it while the update runs, and --force goes on."""
    make_older(installed)
    with long_read(installed, "mikbill_events.delivery"):
        _, words = run(installed, "schema.sql", args=["--force"])
    assert "Lock wait timeout" in words or "max_statement_time" in words
    assert version(installed) == number
    assert run(installed, "schema.sql") == (0, "")
    assert version(installed) == 8


def test_installing_again_follows_the_billing_to_its_next_generation(
        installed):
    installed.sql("ALTER TABLE users ADD state TINYINT NOT NULL DEFAULT 1;"
                  "INSERT INTO bugh_plategi_stat (uid, bughtypeid,"
                  " before_billing, summa) VALUES (1, 1, 0, 1);"
                  "INSERT INTO bugh_plategi_type (bughtypeid, typename,"
                  " deposit_action) VALUES (500, 'new', '+')", "mikbill")
    assert run(installed, "triggers.sql") == (0, "")
    assert installed.sql("SELECT generation, first_plategid"
                         " FROM mikbill_events.installation") == [
        ("modern", 0)]
    assert installed.sql("SELECT kind, origin FROM mikbill_events.payment_kind"
                         " WHERE bughtypeid = 500") == [
        ("payment", "billing")]


def test_functions_are_not_replicated():
    with MariaDB(options=["--log-bin=binlog",
                          "--binlog-format=ROW"]) as server:
        facts_of.create_billing(server, "mikbill", "legacy")
        product.install(server)
        product.uninstall(server)
        events = server.sql("SHOW BINLOG EVENTS IN 'binlog.000001'"
                            " LIMIT 100000")
    logged = [row[5] for row in events if re.search(
        r"SONAME|DROP FUNCTION.*mbev", row[5], re.I)
        and "PROCEDURE" not in row[5]]
    assert logged == []


# ---- the accounts


def test_nobody_logs_in_as_the_definer(installed):
    for password in ("", "invalid", "mbev_trigger"):
        with pytest.raises(pymysql.err.OperationalError):
            installed.connect(user="mbev_trigger", password=password)
    if installed.kind.is_mariadb:
        installed.sql("ALTER USER mbev_trigger@localhost ACCOUNT UNLOCK")
    with pytest.raises(pymysql.err.OperationalError):
        installed.connect(user="mbev_trigger", password="")


@pytest.mark.parametrize("account", ["mbev_service", "mbev_reader"])
def test_nobody_logs_in_before_a_password_is_set(bare, account):
    for file in FILES:
        assert run(bare, file) == (0, "")
    for password in ("", "invalid"):
        with pytest.raises(pymysql.err.OperationalError):
            bare.connect(user=account, password=password)
    bare.sql(f"SET PASSWORD FOR {account}@localhost = PASSWORD('set')")
    bare.connect(user=account, password="set").close()


def test_each_account_may_do_its_work_and_no_more(installed):
    grants = {
        account: "\n".join(
            re.sub(" IDENTIFIED.*", "", row[0]).replace("'", "`")
            for row in installed.sql(
                f"SHOW GRANTS FOR {account}@localhost"))
        for account in ACCOUNTS}
    assert "SELECT, TRIGGER ON `mikbill`.`users`" in grants["mbev_trigger"]
    assert "INSERT ON `mikbill_events`.`outbox`" in grants["mbev_trigger"]
    assert grants["mbev_trigger"].count("GRANT") == 11
    called = {line.split(" ON ")[1].split(" TO ")[0]
              for account in ACCOUNTS
              for line in grants[account].splitlines() if "EXECUTE" in line}
    assert called == {f"FUNCTION `mikbill_events`.`{name}`" for name in
                      ("has_trigger", "trigger_report", "definer_lacks")}
    assert grants["mbev_reader"].splitlines() == [
        "GRANT USAGE ON *.* TO `mbev_reader`@`localhost`",
        "GRANT SELECT ON `mikbill\\_events`.* TO `mbev_reader`@`localhost`"]
    assert "GRANT USAGE ON *.*" in grants["mbev_service"]
    assert "ON `mikbill`.*" not in grants["mbev_service"]
    writes = {line.split(" ON ")[1].split(" TO ")[0]
              for line in grants["mbev_service"].splitlines()
              if re.search("INSERT|UPDATE|DELETE", line)}
    assert writes == {
        "`mikbill`.`sms_logs`", "`mikbill_events`.`outbox`",
        "`mikbill_events`.`event`", "`mikbill_events`.`delivery`",
        "`mikbill_events`.`owner`", "`mikbill_events`.`api_credit`",
        "`mikbill`.`addons_pay_api`", "`mikbill`.`addons_pay_api_category`",
        "`mikbill`.`users_custom_fields`", "`mikbill`.`logs`",
        "`mikbill_events`.`receipt`", "`mikbill_events`.`till`",
        "`mikbill_events`.`router`", "`mikbill_events`.`milestone`",
        "`mikbill_events`.`forgotten`", "`mikbill_events`.`gap`",
        "`mikbill_events`.`pause`", "`mikbill_events`.`audit`",
        "`mikbill_events`.`pulse`",
        "`mikbill`.`receipts_log`", "`mikbill`.`__komtet_receipts_log`"}


def test_the_service_sees_of_triggers_a_digest_and_no_body(installed):
    installed.sql("CREATE TRIGGER theirs BEFORE UPDATE ON users FOR EACH ROW"
                  " SET @x = 'their secret'", "mikbill")
    with installed.connect("mikbill", user="mbev_service",
                           password=product.SERVICE_PASSWORD) as link, \
            link.cursor() as cursor:
        cursor.execute("SELECT mikbill_events.trigger_report('mikbill',"
                       " 'users'), mikbill_events.definer_lacks('mikbill')")
        report, lacking = cursor.fetchone()
        # Of other tables, nothing.
        installed.sql("CREATE TRIGGER other AFTER INSERT ON packets"
                      " FOR EACH ROW SET @x = 1", "mikbill")
        cursor.execute("SELECT mikbill_events.trigger_report('mikbill',"
                       " 'packets')")
        assert cursor.fetchone() == (None,)
    lines = [line.split("\t") for line in report.split("\n")]
    assert [(line[0], line[2], line[6]) for line in lines] == [
        ("AFTER DELETE", "mbev_trigger@localhost", "mbev_ad_users"),
        ("AFTER UPDATE", "mbev_trigger@localhost", "mbev_au_users"),
        ("BEFORE UPDATE", "root@localhost", "theirs")]
    assert all(re.fullmatch("[0-9a-f]{64}", line[5]) for line in lines)
    assert lacking is None


def test_the_service_sees_whether_our_triggers_are_there_and_no_more(
        installed):
    def seen(since="2000-01-01"):
        with installed.connect("mikbill", user="mbev_service",
                               password=product.SERVICE_PASSWORD) as link, \
                link.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM information_schema.triggers")
            assert cursor.fetchall() == ((0,),)
            cursor.execute("SELECT " + ", ".join(
                f"mikbill_events.has_trigger('mikbill', '{table}', '{since}')"
                for table in TABLES))
            return [bool(there) for there in cursor.fetchone()]
    assert seen() == [True] * 6
    assert seen("2099-01-01") == [False] * 6
    for name in TRIGGERS:
        when, table = re.fullmatch("mbev_a([a-z])_([a-z_]+)", name).groups()
        without = [one != table for one in TABLES]
        installed.sql(f"DROP TRIGGER {name}", "mikbill")
        assert seen() == without
        # Of that name, and not ours.
        event = {"i": "INSERT", "u": "UPDATE", "d": "DELETE"}[when]
        installed.sql(f"CREATE TRIGGER {name} AFTER {event} ON {table}"
                      " FOR EACH ROW SET @x = 1", "mikbill")
        assert seen() == without
        installed.sql(f"DROP TRIGGER {name}", "mikbill")
        assert run(installed, "triggers.sql") == (0, "")
        assert seen() == [True] * 6


def fits(server):
    """Whether the triggers of users fit its columns."""
    [(found,)] = server.sql("SELECT mikbill_events.has_trigger("
                            "'mikbill', 'users', '2000-01-01')")
    return bool(found)


def test_a_billing_that_becomes_modern_gets_its_trigger(installed):
    assert fits(installed)
    installed.sql("ALTER TABLE users ADD COLUMN state TINYINT(1) NOT NULL"
                  " DEFAULT 1 AFTER crypt_method;"
                  "INSERT INTO users (user, uid) VALUES ('u', 1)", "mikbill")
    assert not fits(installed)
    # It is none the worse for the trigger that it had.
    installed.sql("UPDATE users SET state = 2, gid = 5", "mikbill")
    for _ in range(2):
        assert run(installed, "triggers.sql") == (0, "")
    assert fits(installed)
    assert ours(installed) == TRIGGERS
    installed.sql("UPDATE users SET state = 1", "mikbill")
    assert [kind for kind, in installed.sql(
        "SELECT kind FROM mikbill_events.outbox ORDER BY id")] == [
            "tariff_change", "unfreeze"]
    assert installed.sql("SELECT generation FROM mikbill_events.installation"
                         ) == [("modern",)]


@pytest.mark.parametrize("generation", facts_of.GENERATIONS)
def test_a_billing_without_blocked_and_deleted(bare, generation):
    bare.sql("DROP DATABASE mikbill")
    facts_of.create_billing(bare, "mikbill", generation)
    bare.sql("DROP TABLE mikbill.usersblok, mikbill.usersdel")
    product.install(bare)
    assert ours(bare) == tuple(name for name in TRIGGERS
                               if not name.endswith(("blok", "del")))
    assert fits(bare)
    product.uninstall(bare, discard=True)
    assert ours(bare) == ()


def test_tables_that_this_billing_lacks_are_not_granted(bare):
    bare.sql("DROP TABLE mikbill.usersblok, mikbill.radnas, mikbill.radacct")
    product.install(bare)
    grants = bare.sql("SHOW GRANTS FOR mbev_service@localhost")
    assert not [row for row in grants
                if re.search("usersblok|radnas|radacct", row[0])]
    assert [row for row in grants if "usersdel" in row[0]]


ROUTER_COLUMNS = {"id", "nasname", "nastype", "naslogin", "naspass", "secret",
                  "impruport"}
ONLINE_COLUMNS = {"uid", "nasipaddress", "framedipaddress", "acctsessionid",
                  "acctterminatecause"}


@pytest.mark.parametrize("generation, more", [("legacy", set()),
                                              ("modern", {"use_api"})])
def test_of_a_router_the_service_reads_how_to_log_in_and_no_more(
        bare, generation, more):
    bare.sql("DROP DATABASE mikbill")
    facts_of.create_billing(bare, "mikbill", generation)
    product.install(bare)
    with bare.connect("mikbill", user="mbev_service",
                      password=product.SERVICE_PASSWORD) as link, \
            link.cursor() as cursor:
        cursor.execute("SHOW COLUMNS FROM radnas")
        assert {row[0] for row in cursor.fetchall()} == ROUTER_COLUMNS | more
        cursor.execute(f"SELECT {', '.join(ROUTER_COLUMNS | more)} FROM radnas")
        cursor.execute("SHOW COLUMNS FROM radacct")
        assert {row[0] for row in cursor.fetchall()} == ONLINE_COLUMNS
        with pytest.raises(pymysql.err.OperationalError):
            cursor.execute("SELECT community FROM radnas")


def test_installing_again_grants_the_columns_that_came_since(installed):
    installed.sql("ALTER TABLE radnas ADD use_api TINYINT NOT NULL DEFAULT 0",
                  "mikbill")
    assert run(installed, "grants.sql") == (0, "")
    with installed.connect("mikbill", user="mbev_service",
                           password=product.SERVICE_PASSWORD) as link, \
            link.cursor() as cursor:
        cursor.execute("SELECT use_api FROM radnas")


# ---- what is refused, with the reason, and changes nothing


def is_told(server, words, reason):
    """MySQL tells what comes before our procedures in its own words."""
    return words == reason or (not server.kind.is_mariadb and (
        f"'{reason}'" in words))


def refused(server, file, reason, billing="mikbill", args=()):
    """The file ends with the reason and has changed nothing."""
    before = state(server)
    code, words = run(server, file, billing, args)
    assert code == 1
    assert is_told(server, words, reason)
    assert len(reason) <= 128
    assert state(server) == before


@pytest.mark.parametrize("file", ["grants.sql", "triggers.sql"])
def test_refused_without_a_database(installed, file):
    refused(installed, file,
            "no database selected: name the billing, mysql BILLING < file",
            billing=None)


@pytest.mark.parametrize("file", ["grants.sql", "triggers.sql"])
def test_refused_on_what_is_no_billing(installed, file):
    refused(installed, file,
            "mysql is not a MikBill billing: no bugh_plategi_stat.plategid."
            " Name the billing database", billing="mysql")


@pytest.mark.parametrize("table, column", [
    ("bugh_plategi_stat", "before_billing"), ("users", "gid"),
    ("bugh_plategi_type", "deposit_action"), ("usersfreeze", "uid")])
def test_refused_on_a_billing_that_lacks_a_column(installed, table, column):
    for trigger in TRIGGERS:
        installed.sql(f"DROP TRIGGER mikbill.{trigger}")
    installed.sql(f"ALTER TABLE mikbill.{table} CHANGE {column} other INT")
    refused(installed, "triggers.sql",
            f"mikbill is not a MikBill billing: no {table}.{column}."
            " Name the billing database")


def test_grants_refused_before_the_schema(bare):
    refused(bare, "grants.sql",
            "mikbill_events is not here: run mysql < sql/schema.sql first")


def test_triggers_refused_before_the_schema(bare):
    refused(bare, "triggers.sql", "mikbill_events is not here, or not for you:"
            " schema.sql first, as root")


def test_triggers_refused_before_the_grants(bare):
    assert run(bare, "schema.sql") == (0, "")
    refused(bare, "triggers.sql", "no account mbev_trigger@localhost to be"
            " seen: as root, run grants.sql")


def test_refused_for_a_second_billing(installed):
    facts_of.create_billing(installed, "second", "legacy")
    refused(installed, "triggers.sql", "mikbill_events serves mikbill:"
            " run uninstall.sql on that one first", billing="second")


@pytest.mark.parametrize("dropped", [["mbev_json"], ["mbev_ring"],
                                     ["mbev_version"],
                                     ["mbev_json", "mbev_ring"]])
def test_refused_without_a_function(installed, dropped):
    for function in dropped:
        installed.sql(f"DROP FUNCTION {function}")
    refused(installed, "triggers.sql",
            f"functions missing: {' '.join(dropped)}. Put mbev.so into"
            " plugin_dir, run schema.sql")


@pytest.mark.parametrize("definer, body", [
    ("root@localhost", "mikbill_events: BEGIN END"),
    ("mbev_trigger@localhost", "SET @x = 1")])
@pytest.mark.parametrize("name, event", [
    ("mbev_ai_bugh_plategi_stat", "INSERT ON bugh_plategi_stat"),
    ("mbev_au_users", "UPDATE ON users"),
    ("mbev_au_users", "UPDATE ON packets")])
def test_refused_over_a_stranger_of_our_name(installed, name, event, definer,
                                             body):
    installed.sql(f"DROP TRIGGER {name}; CREATE DEFINER={definer} TRIGGER"
                  f" {name} AFTER {event} FOR EACH ROW {body}", "mikbill")
    refused(installed, "triggers.sql",
            f"trigger {name} is not ours: rename or drop it")


@pytest.mark.mariadb("MySQL 5.6 bears one trigger, see test_one_trigger.py")
def test_strangers_of_other_names_stay(installed):
    installed.sql("CREATE TRIGGER theirs AFTER UPDATE ON users FOR EACH ROW"
                  " SET @theirs = NEW.gid", "mikbill")
    assert run(installed, "triggers.sql") == (0, "")
    assert run(installed, "uninstall.sql") == (0, "")
    assert ours(installed) == ("theirs",)


def test_refused_without_the_definer(installed):
    installed.sql("DROP USER mbev_trigger@localhost")
    refused(installed, "triggers.sql", "no account mbev_trigger@localhost to"
            " be seen: as root, run grants.sql")


@pytest.mark.parametrize("privilege, table", [
    ("INSERT", "mikbill_events.outbox"),
    ("TRIGGER", "mikbill.bugh_plategi_stat"),
    ("SELECT", "mikbill.bugh_uslugi_stat"),
    ("TRIGGER", "mikbill.users"), ("SELECT", "mikbill.usersfreeze")])
def test_refused_when_the_definer_lacks_a_right(installed, privilege, table):
    installed.sql(f"REVOKE {privilege} ON {table} FROM mbev_trigger@localhost")
    refused(installed, "triggers.sql", "mbev_trigger@localhost lacks"
            f" {privilege} on {table.split('.')[1]}: run grants.sql")


def may_name_a_definer(server):
    """The right to create a trigger that runs as somebody else."""
    return "SET USER" if server.kind.is_mariadb else "SUPER"


LIMITED = ["GRANT SELECT ON mysql.* TO limited@localhost",
           "GRANT ALL ON mikbill_events.* TO limited@localhost"]


@pytest.mark.parametrize("grants, lacking", [
    (["GRANT SELECT, INSERT, UPDATE ON mikbill.* TO limited@localhost",
      "GRANT SET USER ON *.* TO limited@localhost"],
     "TRIGGER on bugh_plategi_stat"),
    (["GRANT ALL ON mikbill.bugh_plategi_stat TO limited@localhost",
      "GRANT ALL ON mikbill.bugh_uslugi_stat TO limited@localhost",
      "GRANT SELECT, INSERT, UPDATE ON mikbill.* TO limited@localhost",
      "GRANT SET USER ON *.* TO limited@localhost"], "TRIGGER on users"),
    (["GRANT SELECT, INSERT, TRIGGER ON mikbill.* TO limited@localhost"],
     "LOCK TABLES on the billing"),
    (["GRANT ALL ON mikbill.* TO limited@localhost"], "SET USER (or SUPER)"),
])
def test_refused_for_a_caller_without_the_right(installed, grants, lacking):
    installed.sql(";".join(["CREATE USER limited@localhost", *LIMITED,
                            *grants]).replace(
        "SET USER", may_name_a_definer(installed)))
    refused(installed, "triggers.sql", f"you lack {lacking}: run as root",
            args=["--user=limited"])


def test_a_caller_with_just_the_rights_may_install(installed):
    installed.sql(";".join([
        "CREATE USER limited@localhost", *LIMITED,
        "GRANT SELECT, TRIGGER, LOCK TABLES ON `mik\\_bill`.* TO"
        " limited@localhost",
        "GRANT SELECT, TRIGGER, LOCK TABLES ON `mik%`.* TO limited@localhost",
        f"GRANT {may_name_a_definer(installed)} ON *.* TO limited@localhost"]))
    assert run(installed, "triggers.sql", args=["--user=limited"]) == (0, "")


def test_refused_for_a_caller_who_may_not_see_our_database(installed):
    installed.sql("CREATE USER limited@localhost;"
                  "GRANT ALL ON mikbill.* TO limited@localhost")
    refused(installed, "triggers.sql", "mikbill_events is not here, or not for"
            " you: schema.sql first, as root", args=["--user=limited"])


@pytest.mark.mariadb("MySQL asks for SUPER before it comes so far")
def test_schema_refused_for_a_caller_who_may_not_create_functions(bare):
    bare.sql("CREATE USER limited@localhost;"
             "GRANT BINLOG ADMIN ON *.* TO limited@localhost;"
             "GRANT ALL ON mikbill_events.* TO limited@localhost")
    refused(bare, "schema.sql", "SELECT command denied to user"
            " 'limited'@'localhost' for table `mysql`.`func`", billing=None,
            args=["--user=limited"])
    bare.sql("GRANT SELECT ON mysql.* TO limited@localhost")
    refused(bare, "schema.sql", "Access denied for user 'limited'@'localhost'"
            " to database 'mysql'", billing=None, args=["--user=limited"])


@contextmanager
def installed_under(later):
    """Installed, then started again with options that we refuse."""
    with MariaDB() as server:
        facts_of.create_billing(server, "mikbill", "legacy")
        product.install(server)
        server.options += later
        server.restart()
        yield server


@pytest.mark.parametrize("options, reason", [
    (["--innodb-autoinc-lock-mode=0"],
     "innodb_autoinc_lock_mode=0: set 1 or 2 and restart the server"),
    (["--log-bin=binlog", "--binlog-format=STATEMENT"],
     "binlog_format=STATEMENT: set it to ROW or MIXED")])
def test_refused_under_a_setting_that_could_do_harm(options, reason):
    with installed_under(options) as server:
        refused(server, "triggers.sql", reason)


@pytest.mark.mariadb("who names a definer on MySQL has SUPER")
def test_refused_where_the_binary_log_wants_super():
    with installed_under(["--log-bin=binlog",
                          "--log-bin-trust-function-creators=0"]) as server:
        server.sql(";".join([
            "CREATE USER limited@localhost", *LIMITED,
            "GRANT SELECT, TRIGGER, LOCK TABLES ON mikbill.* TO"
            " limited@localhost", "GRANT SET USER ON *.* TO limited@localhost"]))
        refused(server, "triggers.sql",
                "no SUPER, and log_bin_trust_function_creators=0: run as root",
                args=["--user=limited"])
        assert run(server, "triggers.sql") == (0, "")


# ---- the library


def test_schema_refused_without_the_library_leaves_no_table(tmp_path):
    with MariaDB(plugin_dir=tmp_path) as server:
        before = server.sql("SHOW DATABASES")
        code, words = run(server, "schema.sql", None)
        assert code == 1
        assert re.search(r"Can't open shared library .*mbev\.so", words)
        assert server.sql("SHOW TABLES FROM mikbill_events") == []
        server.sql("DROP DATABASE mikbill_events")
        assert server.sql("SHOW DATABASES") == before
        assert server.sql("SELECT * FROM mysql.func") == []


def test_functions_lost_at_a_restart_come_back_with_the_library(
        installed):
    library = installed.plugin_dir / "mbev.so"
    library.rename(library.with_suffix(".away"))
    installed.restart()
    code, words = run(installed, "triggers.sql")
    assert (code, words.split(".")[0]) == (
        1, "functions missing: mbev_json mbev_ring mbev_version")
    assert run(installed, "schema.sql")[0] == 1
    library.with_suffix(".away").rename(library)
    if not installed.kind.is_mariadb:
        assert run(installed, "schema.sql") == (
            1, "the server has started without mbev.so: see that it is in"
            " plugin_dir, and restart the server")
        installed.restart()
    for file in FILES:
        assert run(installed, file) == (0, "")
    installed.sql("INSERT INTO bugh_plategi_stat (uid, bughtypeid,"
                  " before_billing, summa) VALUES (1, 5, 0, 1)", "mikbill")
    assert len(installed.sql("SELECT * FROM mikbill_events.outbox")) == 1


def test_installing_again_keeps_cached_triggers_capturing(installed):
    pay = ("INSERT INTO bugh_plategi_stat (uid, bughtypeid, before_billing,"
           " summa) VALUES (1, 5, 0, 1)")
    with installed.connect("mikbill") as link, link.cursor() as cursor:
        cursor.execute(pay)
        assert run(installed, "schema.sql") == (0, "")
        cursor.execute(pay)
    assert len(installed.sql("SELECT * FROM mikbill_events.outbox")) == 2


# ---- uninstalling


@pytest.mark.parametrize("generation", ["legacy", "modern"])
def test_uninstalling_restores_everything(bare, generation):
    bare.sql("DROP DATABASE mikbill")
    facts_of.create_billing(bare, "mikbill", generation)
    bare.sql("CREATE TRIGGER theirs BEFORE INSERT ON users FOR EACH ROW"
             " SET @theirs = 1", "mikbill")
    before, before_state = ddl(bare), state(bare)
    product.install(bare)
    assert ddl(bare) != before
    assert run(bare, "uninstall.sql") == (0, "")
    assert ddl(bare) == before
    assert state(bare) == before_state
    assert ("mikbill_events",) not in bare.sql("SHOW DATABASES")


def test_uninstalling_twice_is_harmless(installed):
    for _ in range(2):
        assert run(installed, "uninstall.sql") == (0, "")


def test_uninstalling_what_never_was_installed_is_harmless(bare):
    before = state(bare)
    assert run(bare, "uninstall.sql") == (0, "")
    assert state(bare) == before


def test_installing_after_uninstalling(installed):
    assert run(installed, "uninstall.sql") == (0, "")
    product.install(installed)
    assert ours(installed) == TRIGGERS


def test_uninstalling_without_a_database_is_refused(installed):
    refused(installed, "uninstall.sql",
            "no database selected: mysql BILLING < sql/uninstall.sql",
            billing=None)


def test_uninstalling_on_the_wrong_database_changes_nothing(installed):
    facts_of.create_billing(installed, "second", "legacy")
    before = state(installed)
    code, words = run(installed, "uninstall.sql", "second")
    assert code == 1
    assert re.search(r"trigger mikbill\.mbev_\w+ is left: run uninstall.sql"
                     " there", words)
    assert state(installed) == before


def test_uninstalling_does_not_touch_a_stranger_of_our_name(bare):
    bare.sql("CREATE TRIGGER mbev_au_users AFTER UPDATE ON users FOR EACH ROW"
             " SET @theirs = 1", "mikbill")
    refused(bare, "uninstall.sql",
            "trigger mbev_au_users is not ours: rename it")


RECEIPT = ("INSERT INTO receipt (event_id, uid, number, log_table, log_id,"
           " back, kopecks, contact, stage, day, created_utc) VALUES (1, 1,"
           " '26111', 'receipts_log', 1, 0, 100, '+7', 'accepted',"
           " '2020-01-01', '2020-01-01')")
WORK = {
    **{stage: RECEIPT.replace("accepted", stage)
       for stage in ("accepted", "failed", "refused", "doubtful")},
    "captured": "INSERT INTO outbox VALUES (1, '2020-01-01', 'payment', '{}')",
    **{state_name: f"""
        INSERT INTO delivery (event_id, action, state, due_utc, changed_utc)
        VALUES (1, 'sms', '{state_name}', '2020-01-01', '2020-01-01')"""
       for state_name in ("ready", "leased", "calling", "retry")}}
WORK["reset"] = WORK["ready"].replace("sms", "session_reset")


@pytest.mark.parametrize("work", WORK)
def test_uninstalling_frees_the_billing_but_keeps_work_undone(installed, work):
    installed.sql(WORK[work], "mikbill_events")
    code, words = run(installed, "uninstall.sql")
    assert code == 1
    assert is_told(installed, words, "triggers are gone, the rest kept: 1"
                   " undone. Let mbevd finish, or SET @mbev_discard_events = 1")
    assert ours(installed) == ()
    installed.connect("mikbill_events", user="mbev_service",
                      password=product.SERVICE_PASSWORD).close()
    assert run(installed, "uninstall.sql", args=[DISCARD]) == (0, "")
    assert ("mikbill_events",) not in installed.sql("SHOW DATABASES")


@pytest.mark.parametrize("final", ["done", "dead", "expired", "skipped",
                                   "cancelled", "doubtful"])
def test_uninstalling_does_not_ask_about_work_that_is_over(installed, final):
    installed.sql(WORK["ready"].replace("ready", final), "mikbill_events")
    assert run(installed, "uninstall.sql") == (0, "")


@pytest.mark.parametrize("stage", ["done", "burnt", "replaced", "closed"])
def test_uninstalling_does_not_ask_about_receipts_that_are_over(
        installed, stage):
    installed.sql(RECEIPT.replace("accepted", stage), "mikbill_events")
    assert run(installed, "uninstall.sql") == (0, "")


@pytest.mark.parametrize("missing", [
    "DROP DATABASE mikbill_events", "DROP TABLE mikbill_events.outbox",
    "DROP TABLE mikbill_events.receipt",
    "DROP FUNCTION mbev_json", "DROP USER mbev_service@localhost",
    "DROP USER mbev_trigger@localhost",
    "DROP PROCEDURE mikbill_events.install_check"])
def test_uninstalling_when_something_is_gone_already(installed, missing):
    installed.sql(missing)
    assert run(installed, "uninstall.sql") == (0, "")
    assert ours(installed) == ()
    assert installed.sql("SELECT user FROM mysql.user"
                         " WHERE user LIKE 'mbev%'") == []


def accounts_left(server):
    """Names of our accounts."""
    return {name for name, in server.sql(
        "SELECT user FROM mysql.user WHERE user LIKE 'mbev%'")}


def test_definer_stays_while_a_trigger_is_left_even_by_force(installed):
    with long_read(installed, "usersfreeze"):
        code, words = run(installed, "uninstall.sql", args=["--force",
                                                            DISCARD])
    assert code != 0 or words
    assert ours(installed) == tuple(name for name in TRIGGERS
                                    if name.endswith("usersfreeze"))
    assert accounts_left(installed) == set(ACCOUNTS)
    # MySQL cannot drop them on a condition.
    left = 3 if installed.kind.is_mariadb else 0
    assert len(installed.sql("SELECT * FROM mysql.func")) == left
    installed.sql("INSERT INTO usersfreeze (uid, gid) VALUES (1, 1);"
                  "UPDATE usersfreeze SET gid = 2", "mikbill")
    assert len(installed.sql("SELECT * FROM mikbill_events.outbox")) == (
        2 if left else 0)
    assert run(installed, "uninstall.sql", args=[DISCARD]) == (0, "")
    assert accounts_left(installed) == set()


def test_definer_stays_for_a_caller_who_cannot_see_triggers(installed):
    no_log = "BINLOG ADMIN" if installed.kind.is_mariadb else "SUPER"
    installed.sql("CREATE USER limited@localhost;"
                  f"GRANT CREATE USER, DROP, {no_log}, SELECT ON *.* TO"
                  " limited@localhost")
    run(installed, "uninstall.sql", args=["--user=limited", "--force",
                                          DISCARD])
    assert ours(installed) == TRIGGERS
    assert accounts_left(installed) == set(ACCOUNTS)


# ---- a live billing


@contextmanager
def long_read(server, table):
    """A transaction that has read the table and stays open."""
    with server.connect("mikbill") as link:
        link.begin()
        with link.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            cursor.fetchall()
        try:
            yield
        finally:
            link.rollback()


@contextmanager
def late_writer(server, table, seconds):
    """A transaction that has written the table and ends after some time."""
    with server.connect("mikbill") as link:
        link.begin()
        with link.cursor() as cursor:
            cursor.execute(f"INSERT INTO {table} (user, uid) VALUES"
                           " ('late', 9999)")
        timer = threading.Timer(seconds, link.rollback)
        timer.start()
        try:
            yield
        finally:
            timer.join()


class Traffic:
    """The billing at work in a thread: times of its statements, failures."""

    def __init__(self, server, statement):
        self.statement = statement
        self.times = []
        self.failures = []
        self._link = server.connect("mikbill")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self):
        self._thread.start()
        wait_until(lambda: len(self.times) > 5, 10, "traffic")
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(30)
        self._link.close()

    @property
    def longest(self):
        """Seconds of the slowest statement."""
        return max(self.times)

    def _work(self):
        with self._link.cursor() as cursor:
            while not self._stop.is_set():
                begin = time.monotonic()
                try:
                    cursor.execute(self.statement)
                except pymysql.err.Error as error:
                    self.failures.append(error)
                self.times.append(time.monotonic() - begin)


TRAFFIC = {
    "update": "UPDATE users SET deposit = deposit + 1 WHERE uid = 1",
    "read": "SELECT deposit FROM users WHERE uid = 1",
    "payment": "INSERT INTO bugh_plategi_stat (uid, bughtypeid,"
               " before_billing, summa) VALUES (1, 1, 0, 1)"}


@pytest.mark.parametrize("doing", ["install", "reinstall", "uninstall"])
def test_long_read_delays_no_statement_of_the_billing(bare, doing):
    bare.sql("INSERT INTO mikbill.users (user, uid) VALUES ('u', 1)")
    if doing != "install":
        product.install(bare)
    files = ["uninstall.sql"] if doing == "uninstall" else FILES
    with ExitStack() as stack:
        stack.enter_context(long_read(bare, "users"))
        billing = [stack.enter_context(Traffic(bare, statement))
                   for statement in TRAFFIC.values()]
        stack.enter_context(late_writer(bare, "users", 1.9))
        results = [run(bare, file) for file in files]
    assert results[-1][0] == 1
    assert re.search("Lock wait timeout|max_statement_time", results[-1][1])
    assert max(traffic.longest for traffic in billing) < DELAY_LIMIT_S
    assert not any(traffic.failures for traffic in billing)
    args = [DISCARD] if doing == "uninstall" else []
    assert run(bare, files[-1], args=args) == (0, "")
    assert ours(bare) == (() if doing == "uninstall" else TRIGGERS)


@pytest.mark.parametrize("table, statement", [
    ("users", "UPDATE users SET gid = gid + 1 WHERE uid = 1"),
    ("usersfreeze", "UPDATE usersfreeze SET gid = gid + 1 WHERE uid = 1"),
    ("bugh_plategi_stat", TRAFFIC["payment"].replace("(1, 1,", "(1, 5,"))],
    ids=["users", "usersfreeze", "bugh_plategi_stat"])
def test_nothing_goes_by_uncaptured_while_installing_again(
        installed, table, statement):
    installed.sql("INSERT INTO users (user, uid) VALUES ('u', 1);"
                  "INSERT INTO usersfreeze (user, uid) VALUES ('u', 1);"
                  "ALTER TABLE users MODIFY gid INT UNSIGNED NOT NULL;"
                  "ALTER TABLE usersfreeze MODIFY gid INT UNSIGNED NOT NULL;"
                  "DELETE FROM mikbill_events.outbox", "mikbill")
    with Traffic(installed, statement) as one, \
            Traffic(installed, statement) as two:
        for _ in range(5):
            for file in FILES:
                assert run(installed, file) == (0, "")
    [(captured,)] = installed.sql("SELECT COUNT(*) FROM mikbill_events.outbox"
                                  f" WHERE body LIKE '%\"{table}\"%'")
    assert one.failures + two.failures == []
    assert captured == len(one.times) + len(two.times)


def test_installing_does_not_wait_for_whoever_changes_payment_kind(installed):
    with installed.connect("mikbill_events") as link:
        link.begin()
        with link.cursor() as cursor:
            cursor.execute("UPDATE payment_kind SET kind = 'ignore'")
        begin = time.monotonic()
        code, words = run(installed, "triggers.sql")
        assert time.monotonic() - begin < 5
        link.rollback()
    assert code == 1
    assert "Lock wait timeout" in words
