"""A day of a provider, on a private server, told as it happens.

A MariaDB of its own in a temporary folder gets a MikBill billing, our SQL is
installed as the README says, mbevd runs, and stand-ins for SMSPilot, SMSC and
Komtet on 127.0.0.1 take the messages and receipts. Stand-ins for three routers
on addresses of the loopback have the subscribers' sessions. Nothing leaves this
machine.
"""

import datetime
import json
import shutil
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.billing import create_billing  # noqa: E402
from harness.komtet import Komtet, external_id_of  # noqa: E402
from harness.process import wait_until  # noqa: E402
from harness.product import (Service, build_dir, default_settings,  # noqa: E402
                             install, with_settings)
from harness.ros_api import RouterApi  # noqa: E402
from harness.scripted_ssh import ScriptedRouters  # noqa: E402
from harness.server import MariaDB  # noqa: E402
from harness.standin import (Reply, Smsc, SmsPilot,  # noqa: E402
                             close_without_reply)

YEKATERINBURG = datetime.timezone(datetime.timedelta(hours=5))
REFUSED = "79000000000"  # a number that SMSPilot does not take
UNLUCKY = "+79007654321"  # Komtet's reply about this receipt is lost

SUBSCRIBERS = [
    # uid, login, phone, table
    (1001, "ivanov", "8 (900) 123-45-67", "users"),
    (1002, "petrova", "79007654321, 79001112233", "users"),
    (1003, "sidorov", "", "users"),
    (1004, "frost", "+7 900 222-33-44", "usersfreeze"),
    (1005, "gone", "79005556677", "usersdel"),
    (1006, "nophone", "позвонить Марине", "users"),
    (1007, "refused", REFUSED, "users"),
]
FIELDS = [
    # uid, key, value
    (1001, "ext_date_fiz_contract_conclusion", "2019-03-01"),
    (1002, "ext_discount_global", "10"),
]
ONLINE = ["ivanov", "petrova", "sidorov"]  # each on another router
PAYMENT = ("INSERT INTO bugh_plategi_stat SET uid={0}, date=NOW(), who=1,"
           " summa={1}, bughtypeid={2}, before_billing={3}")
CREDIT = ("INSERT INTO bugh_uslugi_stat SET uid={0}, gid=5, usluga=1,"
          " date_start=NOW(), active=1")
LOGGED = ("INSERT INTO logs SET stuffid=7, date=NOW(), logtypeid=1, uid={0},"
          " valuename='gid', oldvalue='5', newvalue='6'")

# A day: what happens, and the billing's statements in one transaction.
MORNING = [
    ("Ivanov tops up by a large sum on the day of his fee: two bonuses, and his"
     " session is ended, to come back with the new rights",
     [PAYMENT.format(1001, 2500, 5, 100)]),
    ("Petrova pays; she left two numbers. Komtet takes her receipt, and its"
     " reply is lost",
     [PAYMENT.format(1002, 250.50, 5, 0)]),
    ("a frozen subscriber pays", [PAYMENT.format(1004, 700, 37, 0)]),
    ("a payment below the minimum of 10.00",
     [PAYMENT.format(1001, 9.99, 5, 0)]),
    ("Sidorov has no phone", [PAYMENT.format(1003, 100, 5, 0)]),
    ("something else stands where the phone should be",
     [PAYMENT.format(1006, 100, 5, 0)]),
    ("a deleted subscriber: no message, but the law wants a receipt",
     [PAYMENT.format(1005, 100, 5, 0)]),
    ("a number that SMSPilot refuses: the message goes by SMSC",
     [PAYMENT.format(1007, 100, 5, 0)]),
    ("a monthly fee: a type that is no payment",
     [PAYMENT.format(1001, 300, 1, 0)]),
    ("booked, then rolled back", [PAYMENT.format(1001, 999, 5, 0),
                                  "ROLLBACK"]),
]
BONUS = [
    ("the billing's payment API credits Ivanov's bonus: no bonus for that, and"
     " no receipt",
     ["UPDATE addons_pay_api SET status=1 WHERE amount=120",
      PAYMENT.format(1001, 120, 62, 2600)]),
]
AFTERNOON = [
    ("Petrova takes a credit; its sum is set a moment later",
     [CREDIT.format(1002), "UPDATE users SET credit=300 WHERE uid=1002"]),
    ("Ivanov is given a credit limit",
     [PAYMENT.format(1001, 0, 18, 0),
      "UPDATE users SET credit=1000 WHERE uid=1001"]),
    ("150 are taken back from Ivanov", [PAYMENT.format(1001, -150, 7, 2500)]),
    ("Petrova changes her tariff herself: her discount ends, and her session on"
     " another router",
     ["UPDATE users SET gid=6 WHERE uid=1002"]),
    ("Sidorov takes a credit and changes his tariff: one reset for both",
     [CREDIT.format(1003), "UPDATE users SET credit=300, gid=6 WHERE"
      " uid=1003"]),
]
NIGHT = [
    ("at 23:30 the staff change Ivanov's tariff: told in the morning",
     ["UPDATE users SET gid=6 WHERE uid=1001", LOGGED.format(1001)]),
]


def main():
    """Set the stage, let the day pass, tell what happened."""
    title("A private MariaDB with a MikBill billing (legacy generation)")
    with MariaDB() as db, SmsPilot() as pilot, Smsc() as smsc, \
            Komtet() as till, \
            ScriptedRouters(2, "billing", "secret") as routers, \
            RouterApi("127.0.0.2", "billing", "secret") as third:
        create_billing(db, "mikbill", "legacy")
        fill(db)
        connect(db, [*routers, third])
        pilot.reply = lambda request: answer(pilot, request)
        till.post_reply = lambda request: take_receipt(till, request)
        title("Installing: sql/schema.sql, sql/grants.sql, sql/triggers.sql")
        install(db)
        for name, table in db.sql(
                "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM"
                " information_schema.TRIGGERS WHERE TRIGGER_SCHEMA='mikbill'"
                " ORDER BY 1"):
            print(f"  trigger {name} on {table}")
        service = Service(settings(db, pilot, smsc, till)
                          | routers_section(routers, third))
        try:
            a_day(db, service)
            tell_messages(db, pilot, smsc)
            tell_receipts(db, till)
            tell_routers([*routers, third])
            tell_command(service, "status")
            tell_command(service, "queue")
            tell_command(service, "receipts")
            tell_command(service, "routers")
            tell_command(service, "show", "1")
            tell_command(service, "lag")
            tell_command(service, "doctor")
        finally:
            service.close()


def a_day(db, service):
    """From morning to night."""
    title("Starting mbevd at noon, as it will believe")
    start(service, 12, 0)
    print("  it listens at its doorbell")
    act(db, "Morning", MORNING)
    act(db, "A little later", BONUS)
    act(db, "Afternoon", AFTERNOON)
    service.stop()
    title("Night: quiet hours from 23:00 to 10:00 in Yekaterinburg")
    start(service, 23, 30)
    act(db, None, NIGHT)


def start(service, hour, minute):
    """Start mbevd with its clock set to that hour of today."""
    then = datetime.datetime.now(YEKATERINBURG).replace(
        hour=hour, minute=minute, second=0, microsecond=0)
    service.env["MBEV_CLOCK"] = str(int(then.timestamp()))
    acted = service.log_text().count("acting") if service.log.exists() else 0
    service.start()
    wait_until(lambda: service.log.exists() and
               service.log_text().count("acting") > acted, 10, "start")


def act(db, name, happenings):
    """Let things happen, wait for the end of the work, tell."""
    if name:
        title(name)
    done = [(what, *happen(db, statements))
            for what, statements in happenings]
    wait_until(lambda: all_settled(db), 30, "end of the work")
    for one in done:
        tell(db, *one)


def title(text):
    """A heading."""
    print(f"\n== {text}", flush=True)


def settings(db, pilot, smsc, till):
    """mbevd.ini: everything on, with our default texts."""
    both = {"sms": "yes", "social": "yes"}
    base = default_settings(db, pilot.url)
    base["smspilot"] |= {"api_key": "DEMO"}
    return with_settings(
        base,
        smsc={"url": smsc.url, "login": "demo", "password": "demo"},
        komtet={"url": till.url, "rate": "50", "retry_first": "500 ms"},
        receipt={"payments": "yes", "refunds": "yes", "look_first": "300 ms",
                 "look_longest": "1 s"},
        notice={"plan_at_provider": "yes"},
        billing={"api_settle": "500 ms"},
        payment=both | {"channels": "smspilot,smsc"},
        api_payment={"sms": "yes", "after": "500 ms"},
        refund={"sms": "yes"}, credit=both, credit_limit={"sms": "yes"},
        tariff_change={"sms": "yes", "after": "1 s"},
        tariff_by_staff=both | {"after": "1 s"},
        bonus_topup={"on": "yes"}, bonus_loyalty={"on": "yes"},
        discounts={"remove": "yes"})


def routers_section(routers, third):
    """Sections for the resets of sessions: two routers by SSH, one by API."""
    return {
        "session_reset": {"payment": "yes", "credit": "yes",
                          "credit_limit": "yes", "tariff_change": "yes",
                          "after": "1 s"},
        "routers": {"port": routers.port,
                    "router": [f"{third.address} transport=api"
                               f" port={third.port}"]}}


def connect(db, routers):
    """The billing's table of routers, and who is online there."""
    for number, router in enumerate(routers):
        db.sql("INSERT INTO radnas SET nasname='%s', naslogin='billing',"
               " naspass='secret', nastype='mikrotik'" % router.address,
               "mikbill")
        router.online(ONLINE[number].encode())


def tell_routers(routers):
    """What they saw."""
    title("The routers")
    for router in routers:
        ended = ", ".join(name.decode() for name in router.removed)
        print(f"  {router.address}  {router.connections} connections,"
              f" sessions ended: {ended}")
    print(f"\n  the last command: {routers[0].commands[-1].decode()}")


def answer(pilot, request):
    """SMSPilot, which knows one number that it refuses."""
    if request.params.get("to") == REFUSED:
        return Reply(body=json.dumps({"error": {
            "code": "111", "description": "Invalid phone"}}))
    return pilot.ordinary_reply(request)


def take_receipt(till, request):
    """Komtet, one of whose replies does not arrive."""
    known = external_id_of(request) in till.book.entries
    reply = till.honest(request)
    if UNLUCKY in request.body.decode() and not known:
        return close_without_reply(request)
    return reply


def fill(db):
    """Subscribers, their fields, two tariffs."""
    with db.connect("mikbill") as link, link.cursor() as cursor:
        cursor.execute("SET sql_mode=''")
        for uid, login, phone, table in SUBSCRIBERS:
            cursor.execute(f"INSERT INTO {table} SET uid=%s, user=%s, gid=5,"
                           " sms_tel=%s", (uid, login, phone))
        cursor.execute("UPDATE users SET date_abonka = DAY(NOW())"
                       " WHERE uid=1001")
        for field in FIELDS:
            cursor.execute("INSERT INTO users_custom_fields VALUES"
                           " (%s, %s, %s)", field)
        for gid, fee in ((5, 700), (6, 900)):
            cursor.execute("INSERT INTO packets SET gid=%s, packet=%s,"
                           " fixed_cost=%s", (gid, f"Домашний {fee}", fee))


def happen(db, statements):
    """One transaction of the billing: (statements, when, events of it)."""
    known = {row[0] for row in db.sql("SELECT id FROM event",
                                      "mikbill_events")}
    with db.connect("mikbill", autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute("SET sql_mode=''")
        for statement in statements:
            cursor.execute(statement)
        link.commit()
    at = datetime.datetime.now()
    time.sleep(0.1)
    wait_until(lambda: db.sql("SELECT COUNT(*) FROM outbox",
                              "mikbill_events") == [(0,)], 10, "ingest")
    events = [row for row in db.sql("SELECT id, kind FROM event",
                                    "mikbill_events") if row[0] not in known]
    return statements, at, events


def all_settled(db):
    """True when nothing is in work."""
    return db.sql("SELECT COUNT(*) FROM delivery WHERE state IN"
                  " ('ready','leased','calling','retry')",
                  "mikbill_events") == [(0,)]


def tell(db, what, statements, at, events):
    """One happening's part of the story."""
    print(f"\n{at:%H:%M:%S}  {what}")
    for statement in statements:
        print(f"  billing   {statement}")
    if not events:
        print("  captured  nothing")
    for event, kind in events:
        print(f"  captured  as {kind}, event {event}")
        for line in db.sql(
                "SELECT action, state, address, payload, reason, provider,"
                " plan_utc FROM delivery WHERE event_id = %d"
                " ORDER BY FIELD(action, 'sms', 'social') = 0, action, receiver"
                % event, "mikbill_events"):
            tell_delivery(*line)


def tell_delivery(action, state, phone, text, reason, provider, plan):
    """One line of it."""
    to = f"{phone}: " if phone else ""
    if action == "session_reset":
        print(f"  session   {state}, {phone + ': ' if phone else ''}{reason}")
    elif action == "receipt" and state == "done":
        print(f"  receipt   {describe(json.loads(text))}")
    elif state == "done" and provider:
        when = f", to be delivered {plan:%d.%m. %H:%M} UTC" if plan else ""
        print(f"  {action:9} by {provider} to {to}«{text}»{when}")
    elif state == "done":
        print(f"  {action}: {text or reason}")
    else:
        print(f"  {action:9} {state}, {to}{reason}")


def describe(receipt):
    """A request to Komtet in a few words."""
    return (f"{receipt['external_id']} by komtet for {receipt['user']}: "
            f"{receipt['intent']} {receipt['payments'][0]['sum']:.2f} "
            f"«{receipt['positions'][0]['name']}»")


def tell_receipts(db, till):
    """The till's own book beside the billing's list of receipts."""
    wait_until(lambda: db.sql("SELECT COUNT(*) FROM receipt WHERE stage ="
                              " 'accepted' AND task_id IS NOT NULL",
                              "mikbill_events") == [(0,)],
               30, "fiscal receipts")
    title("The till's own book, beside the billing's list (receipts_log)")
    listed = {row[0]: row[1:] for row in db.sql(
        "SELECT int_id, user_id, state, ext_id FROM receipts_log", "mikbill")}
    for entry in till.receipts:
        uid, state, task = listed[entry.external_id]
        print(f"  {entry.external_id}  {entry.intent:10}"
              f" {Decimal(entry.kopecks) / 100:9.2f}  {entry.contact}"
              f"  uid {uid}: {state or 'accepted'}, task {task or 'not known'}"
              + (f" (came {entry.came} times)" if entry.came > 1 else ""))


def tell_messages(db, pilot, smsc):
    """The books of all sides."""
    title("The billing's own message log (sms_logs)")
    for phone, text, error in db.sql(
            "SELECT sms_phone, sms_text, sms_error_text FROM sms_logs"
            " ORDER BY sms_id", "mikbill"):
        print(f"  {phone}  «{text}»  {error or 'ok'}")
    title("Bonuses laid in for the billing's payment API (addons_pay_api)")
    for row in db.sql("SELECT user_ref, amount, status, comment, misc_id"
                      " FROM addons_pay_api ORDER BY record_id", "mikbill"):
        print("  uid {}  {:.2f}  status {}  «{}»  {}".format(*row))
    print(f"\nSMSPilot got {len(pilot.requests)} requests, SMSC "
          f"{len(smsc.requests)}; the last one: "
          f"{dict(smsc.requests[-1].params) | {'psw': '...'}}")


def tell_command(service, *words):
    """What the operator's command says."""
    title("mbevctl " + " ".join(words))
    sys.stdout.flush()
    subprocess.run([build_dir() / "mbevctl", "-c", service.config, *words],
                   check=True)


if __name__ == "__main__":
    if not shutil.which("mariadbd", path="/usr/sbin:/usr/bin"):
        sys.exit("demo: mariadbd is missing; run scripts/demo.sh")
    main()
