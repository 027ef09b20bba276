"""A billing's server with a plugin folder of its own, and mbevctl on its host:
what the tests of install, upgrade and uninstall share."""

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

from harness.billing import create_billing
from harness.product import (default_settings, ini_text, with_settings,
                             write_ini)
from harness.server import REPO, MariaDB, build_dir
from integration.chain import payment_sql

FUNCTIONS = ("mbev_json", "mbev_ring", "mbev_version")
ACCOUNTS = ("mbev_trigger", "mbev_service", "mbev_reader")


class Host:
    """A billing's server with a plugin folder of its own, and mbevctl there."""

    def __init__(self, db, folder):
        self.db = db
        self.folder = folder
        self.config = folder / "mbevd.ini"
        self.library = build_dir() / "mbev.so"
        self.sql = REPO / "sql"
        self.installed_library = Path(db.plugin_dir) / "mbev.so"
        self.settings = default_settings(db)
        self.configure()

    def configure(self, **sections):
        """Write the configuration of the service."""
        write_ini(self.config,
                  ini_text(with_settings(self.settings, **sections)))

    def argv(self, *words):
        """The command line of a verb."""
        return [build_dir() / "mbevctl", "-c", self.config, *words,
                "--sql", self.sql, "--library", self.library]

    def own_sql(self, file, more):
        """Have SQL files of its own, one of them with more at its end."""
        self.sql = self.folder / "sql"
        shutil.copytree(REPO / "sql", self.sql)
        with open(self.sql / file, "a", encoding="utf-8") as text:
            text.write(more)
        return len((self.sql / file).read_text("utf-8").splitlines())

    def run(self, *words, **env):
        """Run a verb to its end."""
        return subprocess.run(
            self.argv(*words), text=True, capture_output=True, timeout=60,
            check=False, stdin=subprocess.DEVNULL, env={**os.environ, **env})

    def well(self, *words, **env):
        """Run it without questions; it must succeed. What it prints."""
        done = self.run(*words, "--yes", **env)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def refused(self, code, *words, **env):
        """Run it; it must end with that code. What it complains of."""
        done = self.run(*words, "--yes", **env)
        assert done.returncode == code, done.stderr + done.stdout
        return done.stderr

    def pay(self, **link):
        """A payment that must succeed."""
        with self.db.connect("mikbill", **link) as billing, \
                billing.cursor() as cursor:
            cursor.execute(payment_sql(1001, 100))

    def captured(self):
        """How many changes wait in the outbox."""
        return self.db.sql("SELECT COUNT(*) FROM mikbill_events.outbox")[0][0]


def make_machine(folder):
    """A server with a plugin folder, which is empty."""
    with MariaDB(plugin_dir=folder, tcp=True) as db:
        yield db


def clean(db):
    """Take away whatever the test before left."""
    db.sql("DROP DATABASE IF EXISTS mikbill; DROP DATABASE IF EXISTS second;"
           "DROP DATABASE IF EXISTS mikbill_events")
    for function in FUNCTIONS:
        db.sql(f"DROP FUNCTION IF EXISTS {function}")
    there = {name for name, in db.sql("SELECT user FROM mysql.user")}
    for account in {*ACCOUNTS, "dba"} & there:
        db.sql(f"DROP USER {account}@localhost")
    for file in Path(db.plugin_dir).iterdir():
        file.unlink()


def make_host(db, folder):
    """A host with a legacy billing and nothing of ours."""
    clean(db)
    create_billing(db, "mikbill", "legacy")
    return Host(db, folder)


def state(db):
    """All that installing leaves, but for times."""
    return {
        "columns": db.sql(
            "SELECT * FROM information_schema.columns"
            " WHERE table_schema = 'mikbill_events' ORDER BY 2, 3, 4"),
        "indexes": db.sql(
            "SELECT table_name, index_name, seq_in_index, column_name,"
            " non_unique FROM information_schema.statistics"
            " WHERE table_schema = 'mikbill_events' ORDER BY 1, 2, 3"),
        "routines": db.sql(
            "SELECT routine_name, routine_definition, definer, sql_mode"
            " FROM information_schema.routines"
            " WHERE routine_schema = 'mikbill_events' ORDER BY 1"),
        "triggers": db.sql(
            "SELECT trigger_schema, trigger_name, event_object_table,"
            " event_manipulation, action_timing, action_order,"
            " action_statement, definer, sql_mode, character_set_client,"
            " collation_connection FROM information_schema.triggers"
            " WHERE definer LIKE 'mbev%' ORDER BY 1, 2"),
        "functions": db.sql("SELECT * FROM mysql.func ORDER BY 1"),
        "accounts": db.sql("SELECT user, host, authentication_string"
                           " FROM mysql.user WHERE user LIKE 'mbev%'"
                           " ORDER BY 1, 2"),
        "databases": db.sql("SELECT * FROM mysql.db ORDER BY 1, 2, 3"),
        "grants": db.sql(
            "SELECT host, db, user, table_name, grantor, table_priv,"
            " column_priv FROM mysql.tables_priv WHERE user LIKE 'mbev%'"
            " ORDER BY 1, 2, 3, 4"),
        "kinds": db.sql("SELECT * FROM mikbill_events.payment_kind"
                        " ORDER BY 1"),
        "installation": db.sql("SELECT billing, generation"
                               " FROM mikbill_events.installation"),
    }


def traces(host):
    """What of ours is left in the server and its plugin folder."""
    return (host.db.sql(
        "SELECT trigger_name FROM information_schema.triggers"
        " WHERE definer LIKE 'mbev%' UNION ALL"
        " SELECT name FROM mysql.func UNION ALL"
        " SELECT schema_name FROM information_schema.schemata"
        " WHERE schema_name = 'mikbill_events' UNION ALL"
        " SELECT user FROM mysql.user WHERE user LIKE 'mbev%'")
        + list(Path(host.db.plugin_dir).iterdir()))


def other_library(folder, version):
    """A library that says another version; the rest is the same."""
    made = folder / f"mbev-{version}.so"
    subprocess.run(
        ["cc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC",
         "-fvisibility=hidden", "-pthread", f'-DMBEV_VERSION="{version}"',
         '-DMBEV_DOORBELL="/run/mikbill-events/doorbell"',
         f"-Wl,--version-script={REPO / 'udf' / 'mbev.map'}", "-o", made,
         *sorted((REPO / "udf").glob("*.c"))], check=True)
    return made


def lay(host, library):
    """Put a library into the plugin folder as the manual says."""
    fresh = host.installed_library.with_suffix(".so.new")
    shutil.copy(library, fresh)
    fresh.rename(host.installed_library)


@contextmanager
def reader_of(db, table):
    """A transaction that has read a table, and stays open."""
    with db.connect("mikbill", autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {table}")
        yield
        link.rollback()


def waits(db, table):
    """Does a statement of ours wait for that table?"""
    return db.sql("SELECT COUNT(*) FROM information_schema.processlist"
                  " WHERE state LIKE '%metadata lock%' AND info LIKE"
                  f" '%{table}%'")[0][0]


def announce(host, pilot):
    """Have its service announce payments, of which one subscriber has some."""
    host.settings = with_settings(
        host.settings, smspilot={"url": pilot.url},
        service={"control": str(host.folder / "control"), "lease": "10 s"},
        payment={"sms": "yes", "text": "{login}", "ending": "-"})
    host.configure()
    host.db.sql("INSERT INTO users SET uid = 1001, user = 'a', gid = 1,"
                " sms_tel = '79001234567'", "mikbill")
    return host
