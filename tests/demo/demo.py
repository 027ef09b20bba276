"""The main job on a private server, told as a timeline.

A MariaDB of its own in a temporary folder gets a MikBill billing, our SQL is
installed as the README says, mbevd runs, and a stand-in for SMSPilot on
127.0.0.1 takes the messages. Nothing leaves this machine.
"""

import datetime
import json
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.billing import create_billing  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.product import (Service, build_dir, default_settings,  # noqa: E402
                             install, with_settings)
from harness.server import MariaDB  # noqa: E402
from harness.standin import Reply, SmsPilot  # noqa: E402

SUBSCRIBERS = [
    # uid, login, phone, table
    (1001, "ivanov", "8 (900) 123-45-67", "users"),
    (1002, "petrova", "79007654321, 79001112233", "users"),
    (1003, "sidorov", "", "users"),
    (1004, "frost", "+7 900 222-33-44", "usersfreeze"),
    (1005, "gone", "79005556677", "usersdel"),
    (1006, "nophone", "позвонить Марине", "users"),
    (1007, "refused", "79000000000", "users"),
]

# What happens, who, amount, type; the last member rolls back.
PAYMENTS = [
    ("an ordinary payment", 1001, "500", 5, False),
    ("two payments in one second by one subscriber, the first", 1002, "100",
     5, False),
    ("... and the second", 1002, "250.50", 37, False),
    ("below the minimum of 10.00", 1001, "9.99", 5, False),
    ("a monthly fee: a type that is no payment", 1001, "300", 1, False),
    ("no phone", 1003, "100", 5, False),
    ("something else where the phone should be", 1006, "100", 5, False),
    ("a frozen subscriber pays", 1004, "700", 5, False),
    ("a deleted subscriber", 1005, "100", 5, False),
    ("booked, then rolled back", 1001, "999", 5, True),
    ("a payment of a system nobody listed, type 200", 1001, "42", 200, False),
    ("a phone that the provider refuses", 1007, "100", 5, False),
]


def main():
    """Set the stage, let it happen, tell what happened."""
    title("A private MariaDB with a MikBill billing (legacy generation)")
    with MariaDB() as db, SmsPilot() as pilot:
        create_billing(db, "mikbill", "legacy")
        add_subscribers(db)
        pilot.reply = lambda request: answer(pilot, request)
        title("Installing: sql/schema.sql, sql/grants.sql, sql/triggers.sql")
        install(db)
        for name, table in db.sql(
                "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM"
                " information_schema.TRIGGERS WHERE TRIGGER_SCHEMA='mikbill'"
                " ORDER BY 1"):
            print(f"  trigger {name} on {table}")
        title("Starting mbevd")
        service = Service(settings(db, pilot))
        try:
            service.start().wait_log("engine: acting")
            print("  it listens at its doorbell")
            title("Payments are booked in the billing ...")
            rows = [book(db, *payment) for payment in PAYMENTS]
            wait_until(lambda: all_settled(db, rows), 30, "end of the work")
            title("... and this is what followed")
            for row, payment in zip(rows, PAYMENTS):
                tell(db, row, payment)
            tell_messages(db, pilot)
            tell_command(service, "status")
            tell_command(service, "queue")
        finally:
            service.close()


def title(text):
    """A heading."""
    print(f"\n== {text}")


def settings(db, pilot):
    """mbevd.ini with our default texts."""
    base = default_settings(db, pilot.url)
    base["smspilot"] |= {"api_key": "DEMO"}
    return with_settings(base, payment={"sms": "yes"})


def answer(pilot, request):
    """SMSPilot, which knows one number that it refuses."""
    if request.params["to"] == "79000000000":
        return Reply(body=json.dumps({"error": {
            "code": "111", "description": "Invalid phone"}}))
    return pilot.ordinary_reply(request)


def add_subscribers(db):
    """Those of the list above."""
    with db.connect("mikbill") as link, link.cursor() as cursor:
        cursor.execute("SET sql_mode=''")
        for uid, login, phone, table in SUBSCRIBERS:
            cursor.execute(f"INSERT INTO {table} SET uid=%s, user=%s, gid=5,"
                           " sms_tel=%s", (uid, login, phone))


def book(db, _what, uid, summa, kind, rolls_back):
    """Book a payment; its plategid and when its transaction ended."""
    with db.connect("mikbill", autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute("SET sql_mode=''")
        cursor.execute("INSERT INTO bugh_plategi_stat SET uid=%s, date=NOW(),"
                       " who=1, bughtypeid=%s, before_billing=0, summa=%s",
                       (uid, kind, summa))
        row = cursor.lastrowid
        if rolls_back:
            link.rollback()
        else:
            link.commit()
    return row, datetime.datetime.now()


def story(db, row):
    """The event of a payment and its deliveries, as dicts."""
    return db.sql(
        "SELECT e.kind, e.captured_utc, d.state, d.address, d.payload,"
        " d.reason, d.provider_id FROM event e LEFT JOIN delivery d ON"
        " d.event_id = e.id WHERE e.source_key LIKE"
        f" '%:bugh_plategi_stat:{row}:%' ORDER BY d.id", "mikbill_events")


def all_settled(db, rows):
    """True when the outbox is empty and nothing is in work."""
    return rows and db.sql(
        "SELECT (SELECT COUNT(*) FROM outbox) + (SELECT COUNT(*) FROM"
        " delivery WHERE state IN ('ready','leased','calling','retry'))",
        "mikbill_events") == [(0,)]


def tell(db, booked, payment):
    """One payment's part of the timeline."""
    what, uid, summa, kind, rolls_back = payment
    row, at = booked
    end = "rolled back" if rolls_back else "committed"
    print(f"\n{at:%H:%M:%S.%f}"[:-3] + f"  {what}")
    print(f"  billing   plategid {row}, uid {uid}, {summa} of type {kind},"
          f" {end}")
    lines = story(db, row)
    if not lines:
        print("  captured  nothing: " + (
            "the transaction never happened" if rolls_back else
            f"type {kind} is \"ignore\" in mikbill_events.payment_kind"))
        return
    print(f"  captured  as {lines[0][0]}")
    for _, _, state, phone, text, reason, number in lines:
        if state == "done":
            print(f"  sent      to {phone}, accepted as number {number}:"
                  f" «{text}»")
        elif state == "skipped":
            print(f"  skipped   {phone + ': ' if phone else ''}{reason}")
        else:
            print(f"  {state:9} to {phone}: {reason}")


def tell_messages(db, pilot):
    """The books of both sides."""
    title("The billing's own message log (sms_logs)")
    for phone, text, error in db.sql(
            "SELECT sms_phone, sms_text, sms_error_text FROM sms_logs"
            " ORDER BY sms_id", "mikbill"):
        print(f"  {phone}  «{text}»  {error or 'ok'}")
    print(f"\nThe provider got {len(pilot.requests)} requests.")


def tell_command(service, verb):
    """What the operator's command says."""
    title(f"mbevctl {verb}")
    sys.stdout.flush()
    subprocess.run([build_dir() / "mbevctl", "-c", service.config, verb],
                   check=True)


if __name__ == "__main__":
    if not shutil.which("mariadbd", path="/usr/sbin:/usr/bin"):
        sys.exit("demo: mariadbd is missing; run scripts/demo.sh")
    main()
