"""Bench of what the triggers cost the billing's own statements."""

import statistics
import subprocess
import sys

from common import billing
from harness.product import build_dir, repo

ROUNDS, COUNT = 5, 1500

PAYMENT = ("INSERT INTO bugh_plategi_stat SET uid=1, date=NOW(), who=1,"
           " bughtypeid={type}, before_billing=0, summa=100,"
           " comment='оплата'")
PAID, FEE = PAYMENT.format(type=5), PAYMENT.format(type=1)
DEPOSIT = "UPDATE users SET deposit = deposit + 1 WHERE uid = 1"
TRIGGERS = {"bugh_plategi_stat": "mbev_ai_bugh_plategi_stat",
            "users": "mbev_au_users"}


def with_none(db):
    """The billing as it was."""
    db.sql("".join(f"DROP TRIGGER IF EXISTS {name};"
                   for name in TRIGGERS.values()) + "DO 0", "mikbill")


def with_ours(db):
    """Our triggers."""
    install_triggers(db, (repo() / "sql/triggers.sql").read_text())


def with_json_object(db):
    """Our triggers, but for the server's own function."""
    text = (repo() / "sql/triggers.sql").read_text()
    install_triggers(db, text.replace("mbev_json(", "JSON_OBJECT("))


def install_triggers(db, text):
    """Feed it to the plain client."""
    code, _, errors = db.client(text, "mikbill")
    if code:
        raise RuntimeError(errors)


def spent(db, sql):
    """Microseconds a statement takes, the median."""
    done = subprocess.run(
        [build_dir() / "bench" / "statements", db.socket, "mikbill",
         str(COUNT), sql], check=True, capture_output=True, text=True)
    db.sql("DELETE FROM outbox; DELETE FROM mikbill.bugh_plategi_stat",
           "mikbill_events")
    return float(done.stdout.split()[1])


def in_turns(db, sql, *ways):
    """What a statement takes each way, round by round."""
    rounds = []
    for _ in range(ROUNDS):
        took = []
        for way in ways:
            way(db)
            spent(db, sql)
            took.append(spent(db, sql))
        rounds.append(took)
        print("   ", *(f"{us:8.1f}" for us in took), file=sys.stderr)
    return rounds


def median_of(figure, rounds):
    """The median over the rounds of a figure of each."""
    return statistics.median(figure(*took) for took in rounds)


def ratio(none, ours):
    """Against no trigger."""
    return ours / none


def capture(bench):
    """All of it."""
    for flush, most in ((1, 1.05), (0, 1.15)):
        with billing(flush) as db:
            rounds = in_turns(db, PAID, with_none, with_json_object, with_ours)
            paid = median_of(lambda none, _, ours: ours / none, rounds)
            name = f"capture: payment, flush {flush}"
            if flush == 1:
                bench.at_most(name, paid, "of no trigger", 1.25)
            else:
                bench.add(name, paid, "of no trigger")
                bench.at_most(
                    "capture: mbev_json, added cost", median_of(
                        lambda none, theirs, ours:
                        (ours - none) / (theirs - none), rounds),
                    "of JSON_OBJECT's", 0.75)
                bench.add("capture: payment, added",
                          median_of(lambda none, _, ours: ours - none, rounds),
                          "us")
            bench.add(f"capture: monthly fee, flush {flush}",
                      median_of(ratio, in_turns(db, FEE, with_none,
                                                with_ours)),
                      "of no trigger")
            bench.at_most(f"capture: deposit, flush {flush}",
                          median_of(ratio, in_turns(db, DEPOSIT, with_none,
                                                    with_ours)),
                          "of no trigger", most)
