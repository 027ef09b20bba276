"""Bench of what the triggers cost the billing's own statements.

Billings on one server get the same statement by turns: one without triggers,
one with ours, one with JSON_OBJECT() in them instead of mbev_json(), and one
with a constant there. Whatever else the machine does falls on all alike.
"""

import re
import statistics
import subprocess
import sys

from common import billing
from harness.billing import create_billing
from harness.product import build_dir, repo

ROUNDS, COUNT = 5, 2000

NONE, OURS, THEIRS, CONSTANT = "plain", "mikbill", "theirs", "constant"
PAYMENT = ("INSERT INTO BILLING.bugh_plategi_stat SET uid=1, date=NOW(),"
           " who=1, bughtypeid={}, before_billing=0, summa=100,"
           " comment='оплата'")
DEPOSIT = ("UPDATE BILLING.users SET deposit = deposit + 1"
           " WHERE uid = 1")


def add_billings(db):
    """The others, beside that of common.billing()."""
    for name in (NONE, THEIRS, CONSTANT):
        create_billing(db, name, "legacy")
        db.sql("INSERT INTO users SELECT * FROM mikbill.users", name)
        for table in ("bugh_plategi_stat", "bugh_uslugi_stat", "users",
                      "usersfreeze", "usersblok", "usersdel"):
            db.sql(f"GRANT TRIGGER, SELECT ON {name}.{table}"
                   " TO mbev_trigger@localhost")
    text = (repo() / "sql/triggers.sql").read_text()
    text = text[text.index("-- 4. The triggers"):]
    install(db, THEIRS, text.replace("mbev_json(", "JSON_OBJECT("))
    install(db, CONSTANT, re.sub(r"mbev_json\(.*?\)\);", 'REPEAT("x", 220));',
                                 text, flags=re.DOTALL))


def install(db, name, text):
    """Feed it to the plain client."""
    code, _, errors = db.client(text, name)
    if code:
        raise RuntimeError(errors)


def spent(db, sql, billings, count):
    """Microseconds that the statement takes on each: the medians."""
    done = subprocess.run(
        [build_dir() / "bench" / "statements", db.socket, str(count),
         *(sql.replace("BILLING", name) for name in billings)],
        check=True, stdout=subprocess.PIPE, text=True)
    return [float(line) for line in done.stdout.split()]


def rounds_of(db, sql, *billings):
    """The same, several times."""
    spent(db, sql, billings, 200)
    rounds = []
    for _ in range(ROUNDS):
        rounds.append(spent(db, sql, billings, COUNT))
        db.sql("DELETE FROM mikbill_events.outbox;" + ";".join(
            f"DELETE FROM {name}.bugh_plategi_stat" for name in billings))
        print("   ", *(f"{us:8.1f}" for us in rounds[-1]), file=sys.stderr)
    return rounds


def median_of(figure, rounds):
    """The median over the rounds of a figure of each."""
    return statistics.median(figure(*took) for took in rounds)


def payments(bench, db, flush):
    """What is captured."""
    rounds = rounds_of(db, PAYMENT.format(5),
                       NONE, OURS, THEIRS, CONSTANT)
    name = f"capture: payment, flush {flush}"
    paid = median_of(lambda none, ours, *_: ours / none, rounds)
    if flush == 1:
        bench.at_most(name, paid, "of no trigger", 1.25)
    else:
        bench.add(name, paid, "of no trigger")
    bench.add(f"{name}, added", median_of(
        lambda none, ours, *_: ours - none, rounds), "us")
    bench.at_most(f"{name}, mbev_json: added", median_of(
        lambda none, ours, theirs, _: (ours - none) / (theirs - none),
        rounds), "of JSON_OBJECT's", 0.75)
    bench.add(f"{name}, mbev_json itself", median_of(
        lambda _, ours, theirs, constant:
        (ours - constant) / (theirs - constant), rounds), "of JSON_OBJECT's")
    bench.add(f"{name}, without the JSON", median_of(
        lambda none, _ours, _theirs, constant: constant / none, rounds),
        "of no trigger")


def capture(bench):
    """All of it."""
    for flush, most in ((1, 1.05), (0, 1.15)):
        with billing(flush) as db:
            add_billings(db)
            payments(bench, db, flush)
            bench.add(f"capture: monthly fee, flush {flush}", median_of(
                ratio, rounds_of(db, PAYMENT.format(1), NONE, OURS)),
                "of no trigger")
            bench.at_most(f"capture: deposit, flush {flush}", median_of(
                ratio, rounds_of(db, DEPOSIT, NONE, OURS)),
                "of no trigger", most)


def ratio(none, ours):
    """Against no trigger."""
    return ours / none
