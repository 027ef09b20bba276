"""The library in the database server, and its unit test, under valgrind.

Slow: only by scripts/valgrind.sh.
"""

import os
import re
import subprocess

import pytest

from harness.billing import create_billing
from harness.product import install, uninstall
from harness.server import MariaDB, build_dir
from integration.chain import payment_sql

MEMCHECK = ["valgrind", "--leak-check=full", "--show-leak-kinds=definite",
            "--keep-debuginfo=yes", "--num-callers=30", "--error-limit=no"]
PAYMENTS = 50

# It knows no io_uring, and has no room for terabytes of addresses.
WITHIN_VALGRIND = ["--innodb-use-native-aio=0",
                   "--loose-innodb-buffer-pool-size-max=64M",
                   "--innodb-buffer-pool-size=64M"]

# A record of valgrind's log with a frame of ours: our functions by name, also
# when the library is not loaded any more.
OURS = re.compile(r" (mbev_|json_out_|write_row|make_object|free_object)\w*"
                  r"|mbev\.so")

pytestmark = pytest.mark.skipif(
    not os.environ.get("MBEV_VALGRIND"), reason="takes minutes")


def records(log):
    """What valgrind reports, one text for each."""
    texts = re.sub(r"^==\d+== ?", "", log, flags=re.M).split("\n\n")
    return [text for text in texts if re.search(r"^ +(at|by) 0x", text, re.M)]


def odd_values(db):
    """Values that a billing would hardly write."""
    db.sql("INSERT INTO users SET uid=1002, user='x', gid=5, deposit=-0.000001,"
           " credit=99999999; UPDATE users SET gid=0 WHERE uid=1002;"
           " UPDATE users SET gid=-1 WHERE uid=1002", "mikbill")
    db.sql(payment_sql(0, "0"), "mikbill")
    db.sql(payment_sql(1002, "-99999999.999999", 7), "mikbill")
    db.sql(payment_sql(1002, "0.000001", 62), "mikbill")
    for value in ("'\\0'", "0xFFFE", "REPEAT('я', 100000)", "NULL", "-0.0",
                  "1e300", "NOW()"):
        assert db.sql(f"SELECT mbev_json('v', {value})")[0][0]
    for wrong in ("mbev_json('v')", "mbev_json(1, 2)", "mbev_ring(1)",
                  "mbev_json('a', 1, 'a', 2)", "mbev_version(1)"):
        with pytest.raises(Exception, match="Can't initialize function"):
            db.sql(f"SELECT {wrong}")


def use_it(db):
    """A day of a billing, from installing to taking out."""
    create_billing(db, "mikbill", "legacy")
    install(db)
    db.sql("INSERT INTO users SET uid=1001, user='sub1001', gid=5", "mikbill")
    for i in range(PAYMENTS):
        db.sql(payment_sql(1001, 100 + i), "mikbill")
    db.sql("INSERT INTO bugh_uslugi_stat SET uid=1001, gid=5, usluga=1,"
           " date_start=NOW(), active=1", "mikbill")
    for gid in (6, 7, 8):
        db.sql(f"UPDATE users SET gid={gid} WHERE uid=1001", "mikbill")
    odd_values(db)
    ((captured,),) = db.sql("SELECT COUNT(*) FROM mikbill_events.outbox")
    uninstall(db, discard=True)
    return captured


def test_the_library_in_a_server_has_no_error_and_loses_no_memory(tmp_path):
    log = tmp_path / "valgrind.log"
    with MariaDB(options=WITHIN_VALGRIND, preload="",
                 under=[*MEMCHECK, f"--log-file={log}"]) as db:
        captured = use_it(db)
    assert captured > PAYMENTS
    found = records(log.read_text(errors="replace"))
    print(f"{captured} events captured; {len(found)} reports in all")
    ours = [text for text in found if OURS.search(text)]
    assert ours == [], "\n\n".join(ours)


def test_the_unit_test_of_the_library_has_no_error(tmp_path):
    """Those of its tests that start the program once more fail there."""
    log = tmp_path / "valgrind.log"
    done = subprocess.run(
        [*MEMCHECK, f"--log-file={log}", build_dir() / "test_udf"],
        check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=600)
    assert b"test(s) run." in done.stdout
    found = records(log.read_text(errors="replace"))
    assert found == [], "\n\n".join(found)
