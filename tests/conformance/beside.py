"""The dry run beside the recorded kit: what `mbevctl compare` says of each
recorded run, against what a plainer comparison says.

The kit's rows are put into the billing before the product looks, which is the
hardest: what the kit has changed must not change what ours would have done.
Then nothing may be sent and nothing in the billing may change, and every trace
of the kit, and all that ours would have done, must be told once and rightly.
"""

import configparser
import json
import subprocess
from collections import Counter
from dataclasses import dataclass

from conformance import bonuses
from conformance.vectors import CannotRun
from harness.product import build_dir, repo

BONUSES = ("bonus_topup", "bonus_loyalty")
SINCE = "@since"  # what is compared: no recorded row is about that old
AGE = "47 MINUTE"

PHONE_COLUMN, TEXT_COLUMN = 20, 254  # of sms_logs
NOTHING = ("neither",)  # verdicts of what nobody did
TABLES = {"receipts": "receipts_log"}  # as recorded; else by its own name
DELETED = "_deleted"
DIRECTIVES = ("receipts_table_created", "receipts_updated")


@dataclass(frozen=True)
class Work:
    """Something that one of the two did, or would have done."""

    to: str = ""
    text: str = ""

    def likeness(self, other):
        """2: equal; 1: to the same, or the same; 0: something else."""
        if self == other:
            return 2
        return int(self.to == other.to or self.text == other.text)


def put(stage, vector):
    """The rows that the kit left, as it left them."""
    recorded = vector["expect"]["db"]
    stage.run(f"SET {SINCE} = NOW() - INTERVAL {AGE}")
    if "receipts_table_created" in recorded:
        stage.run(_receipts_table(recorded["receipts_table_created"]))
    for change in recorded.get("receipts_updated", []):
        stage.run(f"UPDATE {receipts_table(vector)} SET "
                  + ", ".join(_assignments(change["after"]))
                  + f" WHERE id = {change['before']['id']}")
    for name, rows in recorded.items():
        if name in DIRECTIVES:
            continue
        for row in rows:
            stage.run(_statement(name, row, vector))


def receipts_table(vector):
    """The list of receipts of the vector's kit."""
    return ("__komtet_receipts_log" if vector["kit"] == "new"
            else TABLES["receipts"])


def _receipts_table(name):
    return (f"CREATE TABLE IF NOT EXISTS {name} (id INT AUTO_INCREMENT"
            " PRIMARY KEY, create_time TIMESTAMP DEFAULT CURRENT_TIMESTAMP,"
            " update_time TIMESTAMP DEFAULT CURRENT_TIMESTAMP,"
            " user_id VARCHAR(128) NOT NULL, contact VARCHAR(128) NOT NULL,"
            " int_id VARCHAR(128), ext_id INT, state VARCHAR(128),"
            " error VARCHAR(128)) CHARACTER SET utf8")


def _statement(name, row, vector):
    if name.endswith(DELETED):
        return (f"DELETE FROM {name.removesuffix(DELETED)} WHERE "
                + " AND ".join(_assignments(row)))
    table = receipts_table(vector) if name == "receipts" else name
    return f"INSERT INTO {table} SET " + ", ".join(_assignments(row))


def _assignments(row):
    return [f"`{column}` = {_literal(value)}" for column, value in row.items()]


def _literal(value):
    if value is None:
        return "NULL"
    if value == "NOW()":
        return value
    text = str(value).replace("\\", "\\\\").replace("'", "''")
    text = text.replace("{YYMM}", "0000")
    return f"'{text}'"


# ---- what the kit did ------------------------------------------------------

def theirs(stage, vector, constants):
    """All that the kit left in the billing, by what it is."""
    made = {"sms": _messages, "social": _messages, "receipt": _receipts,
            "bonus_topup": _bonuses, "bonus_loyalty": _bonuses,
            "discount_remove": _discounts}.get(vector["action"])
    return made(stage, vector, constants) if made else []


def _messages(stage, _vector, _constants):
    return [Work(phone, text) for phone, text in stage.query(
        "SELECT sms_phone, sms_text FROM sms_logs WHERE sms_type_id = 0"
        f" AND sms_send_datetime >= {SINCE}")]


def _receipts(stage, vector, _constants):
    table = receipts_table(vector)
    if table not in stage.tables():
        return []
    return [Work(contact) for (contact,) in stage.query(
        f"SELECT contact FROM {table}"
        f" WHERE create_time >= {SINCE}")]


def _bonuses(stage, vector, constants):
    """Of one category for both bonuses, the comment says which it is."""
    category, comment = categories(vector, constants)
    rows = stage.query(
        "SELECT category, comment, ROUND(amount, 2) FROM addons_pay_api"
        f" WHERE creation_time >= {SINCE}")
    ours = {category[name] for name in category}
    return [Work(text=f"{amount:.2f}", to=(
                "" if _bonus_of(row, text, category, comment)
                == vector["action"] else "another bonus"))
            for row, text, amount in rows if row in ours]


def _bonus_of(row, text, category, comment):
    if category["bonus_topup"] == category["bonus_loyalty"]:
        return ("bonus_loyalty" if text == comment["bonus_loyalty"]
                else "bonus_topup")
    return next(name for name in category if category[name] == row)


def categories(vector, constants):
    """(category by bonus, comment by bonus) as the product is set up: the one
    under test as recorded, the other one by its defaults."""
    sample = configparser.ConfigParser(strict=False, interpolation=None)
    sample.read(repo() / "conf" / "mbevd.ini", encoding="utf-8")
    keys = {name: sample[name] for name in BONUSES}
    keys[vector["action"]] = bonuses.sections(
        vector["routes"][0], vector, constants)[vector["action"]]
    return ({name: int(keys[name]["category"]) for name in BONUSES},
            {name: keys[name]["comment"] for name in BONUSES})


def _discounts(stage, _vector, _constants):
    rows = stage.query(
        "SELECT uid, date, COUNT(*) FROM logs WHERE stuffid = 0"
        f" AND logtypeid = 1 AND date >= {SINCE}"
        " AND valuename LIKE 'ext\\_discount%' GROUP BY uid, date")
    return [Work(text=str(count)) for _, _, count in rows]


# ---- what ours would have done ---------------------------------------------

def ours(expected, vector, provider):
    """All that is expected of the product when it is no dry run; None: only
    the product knows."""
    action = vector["action"]
    if action in ("sms", "social"):
        return [Work(request["body"][provider.phone][:PHONE_COLUMN],
                     request["body"][provider.text][:TEXT_COLUMN])
                for request in expected.requests]
    if action == "receipt":
        return [Work(_contact(request["body"]))
                for request in expected.requests]
    if action.startswith("bonus"):
        return [Work(text=f"{float(row['amount']):.2f}")
                for row in expected.appear.get("addons_pay_api", [])]
    if action == "discount_remove":
        rows = expected.appear.get("logs", [])
        return [Work(text=str(len(rows)))] if rows else []
    return None


def decided(stage, vector):
    """What the product has noted down as what it would do."""
    texts = {"sms": "payload", "social": "payload", "receipt": "''",
             "discount_remove": "SUBSTRING_INDEX(reason, ' ', 1)"}
    text = texts.get(vector["action"], "payload")
    to = "''" if vector["action"] == "discount_remove" else "address"
    return [Work((to or "")[:PHONE_COLUMN]
                 if vector["action"] in ("sms", "social") else to or "",
                 text[:TEXT_COLUMN]) for to, text in stage.query(
        f"SELECT {to}, {text} FROM mikbill_events.delivery"
        " WHERE state = 'dry' ORDER BY id")]


def _contact(body):
    if "user" in body:
        return body["user"]
    client = body["client"]
    return client.get("phone") or client["email"]


# ---- what must be told -----------------------------------------------------

def verdicts(left, right):
    """How often each verdict must come for ours (left) and theirs."""
    count = Counter()
    left, right = list(left), list(right)
    for least, verdict in ((2, "same"), (1, "differs")):
        for one in list(left):
            other = next((other for other in right
                          if one.likeness(other) >= least), None)
            if other is not None:
                left.remove(one)
                right.remove(other)
                count[verdict] += 1
    count["only we"] = len(left)
    count["only they"] = len(right)
    return +count


def report(stage, config):
    """The JSON of `mbevctl compare --all`."""
    ((since,),) = stage.query(f"SELECT CAST({SINCE} AS CHAR)")
    done = subprocess.run(
        [build_dir() / "mbevctl", "-c", config, "compare", "--all", "--json",
         "--from", *since.split()], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode not in (0, 1):
        raise CannotRun(f"mbevctl compare ended with {done.returncode}: "
                        f"{done.stderr}")
    return json.loads(done.stdout)


def differences(told, wanted, action):
    """What is not told as it must be."""
    count = Counter(row["verdict"] for row in told["differences"]
                    if row["verdict"] not in NOTHING)
    if action == "session_reset":
        wrong = {verdict: n for verdict, n in count.items()
                 if verdict != "no trace"}
        return [f"ends of sessions are told as {wrong}"] if wrong else []
    if count == wanted:
        return []
    return [f"told {dict(count)}, expected {dict(wanted)}: "
            f"{told['differences']}"]
