"""The bonus rules in C against the same rules as one SQL statement.

A million cases, no difference. A case is a subscriber, a payment and up to
two rows of addons_pay_api; its values stand on the rules' boundaries and
just beside them. It follows from the seed and its number alone, so a case
that differs can be looked at again.

    MBEV_CASES=50000    how many cases; with fewer, not every answer comes
    MBEV_SEED=7         which ones
    pytest -rP          shows how often each answer came
"""

import os
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest

import pytest

from harness import billing
from harness.product import ini_text
from harness.server import MariaDB, build_dir

CASES = int(os.environ.get("MBEV_CASES", "1000000"))
SEED = int(os.environ.get("MBEV_SEED", "20260101"))
CHUNK = 20_000  # cases in the tables at one time
GENERATIONS = ("legacy", "modern")

# ---- the tables: columns that the rule reads, as the billing has them

COLUMNS = {
    "bugh_plategi_stat": "plategid, uid, date, bughtypeid, before_billing,"
                         " summa",
    "users": "uid, gid, sms_tel",
    "usersfreeze": "uid, gid, sms_tel",
    "users_custom_fields": "uid, `key`, value",
    "packets": "gid, fixed_cost, razresh_minus",
    "addons_pay_api": "record_id, user_ref, category, amount, update_time,"
                      " status",
}
KEYS = {
    "bugh_plategi_stat": "PRIMARY KEY (plategid)",
    "users": "PRIMARY KEY (uid)",
    "usersfreeze": "PRIMARY KEY (uid)",
    "users_custom_fields": "PRIMARY KEY (uid, `key`)",
    "packets": "PRIMARY KEY (gid)",
    "addons_pay_api": "PRIMARY KEY (record_id), KEY (user_ref)",
}
ENGINE = "ENGINE=MEMORY"
OPTIONS = ["--max-heap-table-size=256M"]

# dice: what the values of a case are picked by. moment: when its payment was
# captured and how long ago that is. credit: the event that a row of
# addons_pay_api is known to belong to.
OWN_TABLES = f"""
    CREATE TABLE dice (id INT UNSIGNED PRIMARY KEY, h CHAR(128) NOT NULL)
      CHARACTER SET ascii {ENGINE};
    CREATE TABLE moment (id INT UNSIGNED PRIMARY KEY,
      captured DATETIME NOT NULL, age_ms BIGINT NOT NULL) {ENGINE};
    CREATE TABLE credit (record_id BIGINT UNSIGNED PRIMARY KEY,
      event_id BIGINT UNSIGNED NOT NULL) {ENGINE}"""

# ---- values

DAYS = ["2020-02-28", "2020-02-29", "2020-03-01", "2020-03-31", "2021-02-28",
        "2021-03-01", "2021-03-28", "2021-03-29", "2021-03-31", "2022-01-01",
        "2022-05-30", "2022-05-31", "2022-12-31", "2023-02-28", "2023-03-01",
        "2023-07-15", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-29",
        "2024-03-30", "2024-03-31"]
TIMES = ["00:00:00", "00:00:05", "12:34:56", "23:59:50", "23:59:59"]
FEES = ["500", "1000", "333.34", "333.33", "333.333333", "333.333334", "333.4",
        "399.99", "400", "400.01", "666.66", "666.67", "999.99", "999.999999",
        "1000.01", "1999.99", "2000", "3333.33", "3333.34", "5000", "10000.5",
        "0", "100", "-500"]
MINUSES = ["0", "0", "0.01", "0.1", "100", "100.1", "333.34", "1000"]
DELTAS = ["0", "0", "0", "0", "0.01", "-0.01", "0.004", "-0.004", "0.005",
          "0.000001", "-0.000001", "0.5", "100", "-100"]
FIELDS = ["extended", "global", "packet", "subs", "device"]
VALUES = ["NULL"] * 7 + ["'0'", "'0'", "'0'", "'1'", "'1'", "''", "'0.0'",
                         "'10'", "'0 '", "'1 '"]
CONTRACT = "ext_date_fiz_contract_conclusion"


class Dice:
    """SQL expressions over dice.h, each a choice independent of the others.
    """

    DIGITS = 3

    def __init__(self):
        self.at = 1

    def number(self, below):
        """A whole number from 0."""
        digits = f"SUBSTR(h, {self.at}, {self.DIGITS})"
        self.at += self.DIGITS
        assert self.at <= 129 and below <= 16 ** self.DIGITS
        return f"CONV({digits}, 16, 10) % {below}"

    def pick(self, expressions):
        """One of these SQL expressions."""
        return f"ELT(1 + {self.number(len(expressions))}," \
               f" {', '.join(expressions)})"


def texts(values):
    """SQL literals."""
    return [f"'{value}'" for value in values]


def filling(generation):
    """The statements that fill the tables with a chunk of cases."""
    dice = Dice()
    modern = generation == "modern"
    states = dice.pick(["1", "1", "1", "1", "1", "1", "2", "3", "4", "0"])
    gid = (f"1 + {dice.number(len(FEES))} * {len(MINUSES)}"
           f" + {dice.number(len(MINUSES))}"
           f" + IF({dice.number(20)}, 0, 1000)")
    place = dice.number(12)
    phone = dice.pick(["'79001234567'"] * 8 + ["'0'", "''", "'  '", "NULL"])
    return [
        fill_moments(dice),
        f"""INSERT INTO users
            SELECT id, {gid}, {phone} {',' + states if modern else ''}
            FROM dice WHERE {place} NOT IN (0, 1)""",
        f"""INSERT INTO usersfreeze SELECT id, 1, '79001234567'
            FROM dice WHERE {place} IN (1, 2)""",
        fill_payments(dice),
        *fill_fields(dice),
        *fill_api(dice, first=True),
        *fill_api(dice, first=False),
    ]


def fill_moments(dice):
    """When the payments are captured, and for how long they have waited."""
    return f"""
        INSERT INTO moment SELECT id,
          CONCAT({dice.pick(texts(DAYS))}, ' ', {dice.pick(texts(TIMES))}),
          {dice.pick(["0", "15000", "119999", "120000", "120001"])}
        FROM dice"""


def fill_payments(dice):
    """Payments around the least amount, the greatest bonus and the fee."""
    sums = ["fee", "fee", "fee", "2000", "2000", "2200", "2199.99", "5999.99",
            "6000", "6200", "4000", "8000.01", "-2000", "-fee",
            f"{dice.number(4096)} * 1.7531"]
    before = ["fee", "fee", "-minus", "-minus", "-minus", "0", "0", "fee / 2",
              "fee - 300"]
    lags = ["0", "0", "0", "3", "9", "86400"]
    return f"""
        INSERT INTO bugh_plategi_stat
        SELECT id, id, captured - INTERVAL {dice.pick(lags)} SECOND,
          {dice.pick(["5", "62", "62"])},
          {dice.pick(before)} + {dice.pick(DELTAS)},
          {dice.pick(sums)} + {dice.pick(DELTAS)}
        FROM (SELECT d.id, h, captured, IFNULL(fixed_cost, 500) AS fee,
                IFNULL(razresh_minus, 0) AS minus
              FROM dice AS d JOIN moment USING (id)
              LEFT JOIN users AS u ON u.uid = d.id
              LEFT JOIN packets USING (gid)) AS known"""


def fill_fields(dice):
    """Discounts, and contracts that are so many years old, nearly."""
    for name in FIELDS:
        yield f"""
            INSERT INTO users_custom_fields
            SELECT * FROM (SELECT id, 'ext_discount_{name}' AS name,
                             {dice.pick(VALUES)} AS value FROM dice) AS fields
            WHERE value IS NOT NULL"""
    day = (f"DATE(captured) - INTERVAL {dice.number(5)} YEAR"
           f" + INTERVAL {dice.pick(['-1', '0', '0', '1', '30'])} DAY")
    form = [f"DATE_FORMAT(day, '{form}')" for form in (
        "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d 12:30:00",
        "%Y%m%d", "%Y.%m.%d", "%d.%m.%Y")]
    form += ["'2016-02-29'", "'2020-02-29'", "'2021-02-29'", "''", "'none'"]
    yield f"""
        INSERT INTO users_custom_fields
        SELECT id, '{CONTRACT}', {dice.pick(form)}
        FROM (SELECT d.id, h, {day} AS day
              FROM dice AS d JOIN moment USING (id)) AS known
        WHERE {dice.number(20)} > 0"""


def fill_api(dice, first):
    """A row for some payments: a month old, or near it; or near the payment
    itself, as its credit has."""
    since = ["-86400", "-1", "0", "0", "1", "1", "86400"]
    near = ["-11", "-10", "-9", "-1", "0", "0", "9", "10", "11"]
    times = [f"captured - INTERVAL 1 MONTH + INTERVAL {s} SECOND"
             for s in since] + [f"date + INTERVAL {s} SECOND" for s in near]
    amounts = ["summa"] * 5 + ["summa + 0.01", "summa - 0.0001", "100", "0",
                                 "-100", "0.0001"]
    yield f"""
        INSERT INTO addons_pay_api
        SELECT d.id * 2 + {int(first)}, d.id,
          {dice.pick(["-1", "-1", "-1", "-2", "-3", "0", "1"])},
          {dice.pick(amounts)}, {dice.pick(times)},
          {dice.pick(["0", "0", "0", "1", "1", "2", "3", "4", "5"])}
        FROM dice AS d JOIN moment USING (id)
        JOIN bugh_plategi_stat ON plategid = d.id
        WHERE {dice.number(2)} = 0"""
    if first:
        yield f"""
            INSERT INTO credit
            SELECT id * 2 + 1, {dice.pick(["id", "id + 1"])} FROM dice
            WHERE {dice.number(4)} = 0"""


# ---- the rule: RULES A1, A3, A4, A5, A15, 1.15, 1.16 and 3

# Stored amounts are compared as the decimals that they stand for (DOUBLE(20,6)
# keeps -0.01 as -0.010000000000000009); what is computed from them is computed
# in doubles, as the kit does.
RULE = """
    SELECT
      IF(eligible AND summa >= 2000 AND summa * 5 / 100 >= 10,
         CASE WHEN credited OR this_month THEN '0'
              WHEN waiting THEN IF(age_ms < 120000, 'wait', 'ask')
              ELSE CAST(FLOOR(LEAST(summa * 5 / 100, 300) / 10) * 10
                        AS DECIMAL(12,2)) END, '0'),
      IF(eligible AND years > 0 AND fee > deposit AND fee <= amount
         AND fixed_cost * 3 / 100 >= 10,
         CASE WHEN credited THEN '0'
              WHEN waiting THEN IF(age_ms < 120000, 'wait', 'ask')
              ELSE CAST(FLOOR(fixed_cost * ELT(years, 3, 5, 10) / 100 / 10)
                        * 10 AS DECIMAL(12,2)) END, '0')
    FROM (
      SELECT p.plategid, m.age_ms, p.summa, k.fixed_cost,
        CAST(p.summa AS DECIMAL(26,6)) AS amount,
        CAST(p.before_billing AS DECIMAL(26,6)) AS deposit,
        CAST(k.fixed_cost AS DECIMAL(26,6)) AS fee,
        u.sms_tel <> '' AND {active}
          AND CAST(p.before_billing AS DECIMAL(26,6))
              >= -CAST(k.razresh_minus AS DECIMAL(26,6))
          AND (IFNULL(global.value, '0') = '0'
               AND IFNULL(extended.value, '0') = '0'
               OR extended.value = '1' AND IFNULL(packet.value, '0') = '0'
               AND IFNULL(subs.value, '0') = '0'
               AND IFNULL(device.value, '0') = '0') AS eligible,
        CASE
          WHEN DATE(m.captured) > DATE(contract.value) + INTERVAL 3 YEAR THEN 3
          WHEN DATE(m.captured) > DATE(contract.value) + INTERVAL 2 YEAR THEN 2
          WHEN DATE(m.captured) > DATE(contract.value) + INTERVAL 1 YEAR THEN 1
          ELSE 0 END AS years,
        EXISTS (SELECT 1 FROM addons_pay_api AS a WHERE {credit}
                AND a.status BETWEEN 1 AND 4) AS credited,
        EXISTS (SELECT 1 FROM addons_pay_api AS a WHERE {credit}
                AND a.status = 0) AS waiting,
        EXISTS (SELECT 1 FROM addons_pay_api AS a
                WHERE a.user_ref = p.uid AND a.category = -1 AND a.amount > 0
                AND a.status IN (0, 1)
                AND a.update_time > m.captured - INTERVAL 1 MONTH)
          AS this_month
      FROM bugh_plategi_stat AS p JOIN moment AS m ON m.id = p.plategid
      LEFT JOIN users AS u USING (uid) LEFT JOIN packets AS k USING (gid)
      {fields}
    ) AS facts
    ORDER BY plategid"""

# The row is the payment's own: no other event has it.
CREDIT = """
    p.bughtypeid = 62 AND a.user_ref = p.uid AND a.category < 0
    AND a.amount = CAST(p.summa AS DECIMAL(26,6))
    AND ABS(TIMESTAMPDIFF(SECOND, a.update_time, p.date)) < 10
    AND NOT EXISTS (SELECT 1 FROM credit AS c WHERE c.record_id = a.record_id
                    AND c.event_id <> p.plategid)"""

# The cases as the service would read them, for bonus_cases.
FACTS = """
    SELECT p.plategid,
      CASE WHEN bughtypeid <> 62 THEN 'payment'
           WHEN summa < 0 THEN 'api_refund' ELSE 'api_payment' END,
      CASE WHEN u.uid IS NOT NULL THEN 'users'
           WHEN f.uid IS NOT NULL THEN 'usersfreeze' ELSE 'none' END,
      {state}, IF(u.uid IS NULL, f.sms_tel, u.sms_tel),
      CAST(fixed_cost AS DECIMAL(26,6)), CAST(razresh_minus AS DECIMAL(26,6)),
      CAST(before_billing AS DECIMAL(26,6)), CAST(summa AS DECIMAL(26,6)),
      date, captured, age_ms, extended.value, global.value, packet.value,
      subs.value, device.value, DATE(contract.value),
      (SELECT GROUP_CONCAT(CONCAT_WS(',', a.record_id, category, status,
                amount, update_time, IFNULL(event_id, 0))
              ORDER BY a.record_id SEPARATOR ';')
       FROM addons_pay_api AS a LEFT JOIN credit USING (record_id)
       WHERE user_ref = p.uid)
    FROM bugh_plategi_stat AS p JOIN moment ON id = plategid
    LEFT JOIN users AS u ON u.uid = p.uid
    LEFT JOIN usersfreeze AS f ON f.uid = p.uid
    LEFT JOIN packets AS k ON k.gid = IFNULL(u.gid, f.gid)
    {fields}
    ORDER BY p.plategid"""


def joined_fields():
    """Joins that give each custom field of the subscriber a name."""
    keys = {name: f"ext_discount_{name}" for name in FIELDS}
    return "\n".join(
        f"LEFT JOIN users_custom_fields AS {name}"
        f" ON {name}.uid = p.uid AND {name}.`key` = '{key}'"
        for name, key in {**keys, "contract": CONTRACT}.items())


def rule(generation):
    """The statement that computes what each case is worth."""
    active = "u.state = 1" if generation == "modern" else "u.uid IS NOT NULL"
    return RULE.format(active=active, credit=CREDIT, fields=joined_fields())


def known_facts(generation):
    """The statement that gives each case to the service."""
    modern = generation == "modern"
    return FACTS.format(state="IFNULL(u.state, 0)" if modern else "NULL",
                        fields=joined_fields())


# ---- the run


class Comparison:
    """The cases of one generation, worked off chunk by chunk."""

    def __init__(self, db, generation, folder):
        self.generation = generation
        self.name = f"cases_{generation}"
        self.cases, self.expected, self.ini = (
            folder / f"{generation}.{what}"
            for what in ("cases", "expected", "ini"))
        self.ini.write_text(ini_text({"payment": {"sms": "no"}}))
        self.counts = Counter()
        self.different = 0
        self.examples = []
        self.create(db)
        self.link = db.connect(self.name)

    def create(self, db):
        """The empty tables, and every tariff there is."""
        source = f"billing_{self.generation}"
        billing.create_billing(db, source, self.generation)
        db.sql(f"CREATE DATABASE {self.name}")
        db.sql(OWN_TABLES, self.name)
        for table, columns in COLUMNS.items():
            if table == "users" and self.generation == "modern":
                columns += ", state"
            db.sql(f"CREATE TABLE {table} ({KEYS[table]}) {ENGINE}"
                   f" SELECT {columns} FROM {source}.{table} WHERE FALSE",
                   self.name)
        rows = [(1 + fee * len(MINUSES) + minus, FEES[fee], MINUSES[minus])
                for fee in range(len(FEES)) for minus in range(len(MINUSES))]
        with db.connect(self.name) as link, link.cursor() as cursor:
            cursor.executemany("INSERT INTO packets VALUES (%s, %s, %s)",
                               rows)

    def run(self, numbers):
        """Compare the cases of these numbers; returns itself."""
        with self.link.cursor() as cursor:
            cursor.execute("SET time_zone = '+00:00', sql_mode = ''")
            for first in numbers[::CHUNK]:
                self.run_chunk(cursor, first,
                               min(first + CHUNK, numbers.stop))
        self.link.close()
        return self

    def run_chunk(self, cursor, first, stop):
        """Fill the tables with some cases, let both sides decide them."""
        for table in ["dice", "moment", "credit", *COLUMNS]:
            if table != "packets":
                cursor.execute(f"TRUNCATE {table}")
        cursor.execute(f"INSERT INTO dice SELECT seq,"
                       f" SHA2(CONCAT_WS(' ', {SEED}, seq), 512)"
                       f" FROM seq_{first}_to_{stop - 1}")
        for statement in filling(self.generation):
            cursor.execute(statement)
        for statement, file in ((known_facts, self.cases),
                                (rule, self.expected)):
            file.unlink(missing_ok=True)
            cursor.execute(f"{statement(self.generation)}"
                           f" INTO OUTFILE '{file}'")
        self.compare(self.decide(), stop - first)

    def decide(self):
        """What our rules say: a line for each case."""
        with open(self.cases, "rb") as cases:
            done = subprocess.run(
                [build_dir() / "bonus_cases", self.ini], stdin=cases,
                capture_output=True, check=False, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def compare(self, results, cases):
        """Line by line; count what was given and keep what differs."""
        assert len(results) == cases
        with open(self.expected, encoding="ascii") as expected, \
                open(self.cases, encoding="utf-8") as facts:
            for fact, want, got in zip_longest(facts, expected, results):
                self.counts[got] += 1
                if want.rstrip("\n") != got:
                    self.different += 1
                    self.examples.append(f"{fact}  SQL {want}  C   {got}")
        del self.examples[5:]


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    """Both generations compared: a Comparison each."""
    folder = tmp_path_factory.mktemp("bonus")
    half = CASES // 2
    with MariaDB(OPTIONS, preload="") as db:
        runs = [Comparison(db, generation, folder)
                for generation in GENERATIONS]
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(Comparison.run, runs, [
                range(1, half + 1), range(half + 1, CASES + 1)]))


@pytest.fixture(scope="module")
def said(comparison):
    """What each rule said, counted: (top-up, loyalty)."""
    counters = Counter(), Counter()
    for line, n in (comparison[0].counts + comparison[1].counts).items():
        for counter, word in zip(counters, line.split("\t")):
            counter[word] += n
    for name, counter in zip(("top-up", "loyalty"), counters):
        print(f"\n{name}, {CASES} cases of seed {SEED}: "
              + ", ".join(f"{n} {word}" for word, n in counter.most_common()))
    return counters


def given(counter):
    """Only the amounts."""
    return {word: n for word, n in counter.items()
            if word not in ("0", "wait", "ask")}


@pytest.mark.parametrize("which", [0, 1], ids=GENERATIONS)
def test_no_case_differs(comparison, which):
    done = comparison[which]
    assert not done.different, "\n".join(
        [f"seed {SEED}: {done.different} cases differ", *done.examples])


def test_every_answer_comes_often(said):
    often = CASES // 200
    for counter in said:
        assert sum(counter.values()) == CASES
        assert counter["0"] > often
        assert sum(given(counter).values()) > often
        assert min(counter["wait"], counter["ask"]) > often // 50


def test_every_amount_comes(said):
    topup, loyalty = map(given, said)
    assert set(topup) == {f"{n}.00" for n in range(100, 310, 10)}
    assert {"10.00", "20.00", "100.00", "500.00", "1000.00"} <= set(loyalty)
