"""mbevctl doctor where nothing, or little, is wrong."""

import subprocess

import pytest

from harness.product import SERVICE_PASSWORD, with_settings
from harness.routeros import RouterOS
from integration.doctor import OURS, doctor, make_well, start
from integration.sessions import nas, resets
from integration.test_mbevctl import ctl


@pytest.fixture(name="well")
def fixture_well(chain):
    """A system with which nothing is wrong, and that works."""
    return start(make_well(chain))


def test_a_healthy_system_is_well(well):
    well.subscriber()
    well.pay()
    well.wait_states("done")
    found = doctor(well)
    assert found.worse_than("note") == set(), found.text
    assert found.code == 0 and found.errors == ""
    assert len(found.findings) > 45
    assert found.text.splitlines()[-1].startswith(
        "in all:         0 failed, 0 warnings, ")
    assert [f[1] for f in found.of("trigger users")] == ["ok", "ok"]
    assert found.one("account smspilot") == ("ok", "the balance is 2935.50",
                                             None)
    assert len(well.pilot.taken) == 1



def test_without_words_only_what_is_not_ok_is_told(well):
    # MySQL 5.6 shows the length of the history to nobody else.
    well.db.sql("GRANT PROCESS ON *.* TO mbev_service@localhost")
    done = ctl(well, "doctor")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("in all:         0 failed, 0 warnings, ")
    well.db.sql("INSERT INTO pause SET lane='smsc', since_utc=UTC_TIMESTAMP(),"
                " who='op'", OURS)
    try:
        lines = ctl(well, "doctor").stdout.splitlines()
    finally:
        well.db.sql("DELETE FROM pause", OURS)
    assert lines[0].split() == ["check", "result", "what", "was", "found"]
    assert lines[1].startswith("paused  warning  lane smsc is paused since")
    assert lines[2] == "  do: mbevctl resume smsc"
    assert lines[3].startswith("in all:         0 failed, 1 warning, ")
    assert len(lines) == 4


def test_other_words_get_the_usage(well):
    assert ctl(well, "doctor", "-x").returncode == 64
    assert ctl(well, "doctor", "-v", "x").returncode == 64


def test_the_worst_comes_last(well):
    well.pilot.stop()
    well.db.sql("INSERT INTO pause SET lane='smsc', since_utc=UTC_TIMESTAMP(),"
                " who='op'", OURS)
    try:
        results = [f[1] for f in doctor(well).findings]
    finally:
        well.db.sql("DELETE FROM pause", OURS)
    assert results == sorted(results, key=["ok", "note", "warning",
                                           "FAILED"].index)
    assert results[-1] == "FAILED" and results[0] == "ok"


def dump(db):
    """All of the server, as a backup writes it."""
    return subprocess.run(
        ["mysqldump", "--no-defaults", f"--socket={db.socket}", "--user=root",
         "--all-databases", "--routines", "--triggers", "--events",
         "--skip-dump-date", "--order-by-primary"],
        check=True, capture_output=True).stdout


def files(folder):
    """Of each file of the service: mode, size, time."""
    return {str(path): (path.stat().st_mode, path.stat().st_size,
                        path.stat().st_mtime_ns)
            for path in folder.rglob("*") if "data" not in path.parts}


@pytest.mark.mariadb("its mysqldump does not know MySQL 5.6")
def test_it_changes_nothing(well):
    """Whatever it looks at, and whatever is out of order."""
    with RouterOS() as router:
        resets(well, port=router.port)
        make_well(well, receipt={"payments": "yes", "refunds": "yes"},
                  bonus_topup={"on": "yes"}, discounts={"on": "yes"})
        nas(well)
        assert well.service.stop() == 0
        well.subscriber()
        well.pay()
        variables = "SHOW GLOBAL VARIABLES WHERE Variable_name NOT LIKE" \
                    " '%gtid%' AND Variable_name NOT LIKE '%timestamp%'"
        before = (dump(well.db), well.db.sql(variables),
                  files(well.db.folder), files(well.service.folder))
        assert len(doctor(well).worse_than("note")) > 0
        well.db.sql("SET GLOBAL read_only = 1")
        doctor(well)
        well.db.sql("SET GLOBAL read_only = 0")
        after = (dump(well.db), well.db.sql(variables),
                 files(well.db.folder), files(well.service.folder))
        assert after == before
        assert router.names == []
    assert well.pilot.taken == []
    well.db.sql("DELETE FROM radnas", "mikbill")


def test_beside_a_service_that_works_nothing_is_disturbed(well):
    well.subscriber()
    for n in range(5):
        well.pay(summa=100 + n)
        assert doctor(well).code == 0
    well.wait_states(*["done"] * 5)
    assert len(well.pilot.taken) == 5


def test_it_waits_for_nobody(well):
    """An operator's open transaction on our tables, and one on the
    billing's."""
    with well.db.connect(OURS, autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute("LOCK TABLES mikbill.users WRITE, delivery WRITE")
        found = doctor(well)
        cursor.execute("UNLOCK TABLES")
    named = [f for f in found.findings if "cannot be asked" in f[2]]
    assert named and found.code == 0, found.text


def test_secrets_are_not_told(well):
    settings = with_settings(well.settings, smspilot={"api_key": "S3CRET-KEY"},
                             database={"password": SERVICE_PASSWORD})
    well.service.configure(settings)
    found = doctor(well)
    assert "S3CRET-KEY" not in found.text + found.errors
    assert SERVICE_PASSWORD not in found.text + found.errors


@pytest.mark.parametrize("table, column", [("pause", "reason"),
                                           ("gap", "reason")])
def test_it_is_safe_for_a_terminal(well, table, column):
    rows = {"pause": "lane='smsc', since_utc=UTC_TIMESTAMP(), who='op'",
            "gap": "source='users', from_utc=UTC_TIMESTAMP()"}
    assert well.service.stop() == 0
    well.db.sql(f"INSERT INTO {table} SET {rows[table]},"
                f" {column}='\x1b[31m'", OURS)
    try:
        text = ctl(well, "doctor").stdout
    finally:
        well.db.sql(f"DELETE FROM {table}", OURS)
    assert "\x1b" not in text and r"\x1b[31m" in text
