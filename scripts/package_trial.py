#!/usr/bin/env python3
"""What the trial of the packages needs beside them: a billing, and a provider.

    package_trial.py commands DOCUMENT HEADING   what the document has one type
    package_trial.py billing SOCKET              a billing's tables, a subscriber
    package_trial.py provider URL_FILE           a stand-in for SMSPilot; prints
                                                 each message that came
    package_trial.py pay SOCKET                  a payment
    package_trial.py traces SOCKET               what of ours the server has,
                                                 and what the billing looks like
"""

import re
import subprocess
import sys
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO / "tests"))

import pymysql  # noqa: E402
from pymysql.constants import CLIENT  # noqa: E402

from harness.billing import create_billing  # noqa: E402
from harness.standin import SmsPilot  # noqa: E402


class Server:
    """A server that runs already; root logs in by its socket."""

    def __init__(self, socket):
        self.socket = socket

    def connect(self, db=None):
        """A connection as root."""
        return pymysql.connect(
            unix_socket=self.socket, user="root", database=db,
            charset="utf8mb4", autocommit=True,
            client_flag=CLIENT.MULTI_STATEMENTS)

    def sql(self, text, db=None):
        """Run statements; rows of the last one."""
        with self.connect(db) as link, link.cursor() as cursor:
            cursor.execute(text)
            rows = cursor.fetchall()
            while cursor.nextset():
                rows = cursor.fetchall()
            return rows


def commands(document, heading):
    """Those below the heading, up to the next, a line each."""
    text = Path(document).read_text("utf-8")
    part = text.split(f"\n## {heading}\n")[1].split("\n## ")[0].split(
        "\n### ")[0]
    for block in re.findall(r"^```\n(.*?)^```", part, re.M | re.S):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("sudo"):
                print(line)


def billing(socket):
    """Tables as MikBill has them, and a subscriber with a phone."""
    server = Server(socket)
    create_billing(server, "mikbill", "legacy")
    server.sql("INSERT INTO users SET uid = 1001, user = 'anna', gid = 5,"
               " sms_tel = '79001234567'", "mikbill")


def pay(socket):
    """As the billing books it."""
    Server(socket).sql(
        "INSERT INTO bugh_plategi_stat SET uid = 1001, date = NOW(), who = 1,"
        " bughtypeid = 5, before_billing = 0, summa = 150", "mikbill")


def provider(url_file):
    """Until it is ended."""
    seen = 0
    with SmsPilot() as pilot:
        Path(url_file).write_text(pilot.url)
        while True:
            for request in pilot.requests[seen:]:
                seen += 1
                if "send" in request.params:
                    print(request.params["to"], request.params["send"],
                          flush=True)
            time.sleep(0.05)


def traces(socket):
    """Everything by which ours could be told from nothing."""
    server = Server(socket)
    for sql in ("SELECT trigger_schema, trigger_name"
                " FROM information_schema.triggers ORDER BY 1, 2",
                "SELECT * FROM mysql.func ORDER BY 1",
                "SELECT schema_name FROM information_schema.schemata"
                " ORDER BY 1",
                "SELECT user, host FROM mysql.user ORDER BY 1, 2",
                "SELECT * FROM mysql.db ORDER BY 1, 2, 3",
                "SELECT host, db, user, table_name FROM mysql.tables_priv"
                " ORDER BY 1, 2, 3, 4"):
        for row in server.sql(sql):
            print(*row)
    sys.stdout.flush()
    subprocess.run(
        ["mysqldump", "--no-defaults", f"--socket={socket}", "--user=root",
         "--no-data", "--triggers", "--routines", "--events",
         "--skip-dump-date", "--skip-comments", "mikbill"], check=True)


if __name__ == "__main__":
    {f.__name__: f for f in (commands, billing, provider, pay, traces)}[
        sys.argv[1]](*sys.argv[2:])
