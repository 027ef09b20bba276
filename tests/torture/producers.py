"""Whoever writes to the billing: each a connection of its own that books,
rolls back, waits in the middle of its transactions, and keeps a journal of
what the server acknowledged.

    producers = Producers(db, 8, seed, rate=60).start()
    ...
    producers.stop()
    producers.attempts, producers.errors
"""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass

import pymysql

from torture.stage import DISCOUNTS, MOVER_UIDS, PAYER_UIDS

PAYMENT, REFUND, LIMIT, API = 5, 7, 18, 62
IGNORED = 1  # the monthly fee
SMALL, FEE, BIG = 1001, 50001, 200001
STEP, CYCLE = 7, 6000  # kopecks; how many different sums of a kind there are
MORTAL = {1040, 1053, 1927, 2002, 2003, 2006, 2013, 2055, 0}

# What becomes of a transaction.
ACKNOWLEDGED, UNKNOWN, UNDONE = "acknowledged", "unknown", "undone"


@dataclass
class Deed:
    """One thing that was written: of which a subscriber hears."""

    who: int
    number: int
    kind: str
    uid: int
    kopecks: int = 0
    row_id: int = 0
    note: str = ""
    fate: str = UNDONE


class Producer(threading.Thread):
    """One connection, with subscribers whom no other one touches.

    attempts  the Deeds, with their fates
    errors    of the billing's statements, but those of a server that dies
    slowest   seconds that the slowest of them took
    """

    def __init__(self, producers, who, payers, movers):
        super().__init__(daemon=True)
        self.all, self.who = producers, who
        self.payers, self.movers = payers, movers
        self.dice = random.Random(f"producer {producers.seed} {who}")
        self.attempts, self.errors, self.slowest = [], [], 0
        self._link = self._cursor = None
        self._numbers = 0
        self._sums = Counter()  # how many of each kind
        self._big = set()  # who has paid much already
        self._deeds = []  # of this transaction
        self._work = {self.pays: 30, self.pays_the_fee: 10,
                      self.pays_much: 4, self.gets_back: 8,
                      self.pays_by_api: 8, self.takes_credit: 6,
                      self.gets_a_limit: 6, self.is_moved: 14,
                      self.gets_a_discount: 8, self.bonus_is_credited: 6,
                      self.month_ends: 1}

    def run(self):
        """Book until told to stop."""
        while not self.all.over.wait(
                self.dice.uniform(0, 2 * self.all.pause)):
            try:
                if not self._link:
                    self._open()
                self._transaction()
            except (pymysql.MySQLError, OSError) as error:
                self._link = None
                if not is_mortal(error):
                    self.errors.append(f"producer {self.who}: {error!r}")
            self._note_deeds()
        if self._link:
            self._link.close()

    def _note_deeds(self):
        self.attempts += self._deeds
        self._deeds = []

    def _open(self):
        self._link = self._connect()
        self._cursor = self._link.cursor()

    def _connect(self):
        while True:
            try:
                return self.all.db.connect("mikbill", autocommit=False)
            except (pymysql.MySQLError, OSError):
                if self.all.over.is_set():
                    raise
                time.sleep(0.1)

    def _transaction(self):
        self._carry_out(*self._choose())

    def _choose(self):
        """One or two deeds, kept or not, perhaps after a long while."""
        (kept, longest), = self.dice.choices(
            [(True, 0), (True, 4), (False, 0), (False, 4)], [75, 8, 10, 3])
        return kept, longest, self.dice.choices(
            list(self._work), self._work.values(),
            k=self.dice.choice([1, 1, 1, 2]))

    def _carry_out(self, kept, longest, works):
        for work in works:
            work()
        self.all.over.wait(self.dice.uniform(0, longest))
        if not kept:
            self._link.rollback()
            return
        for deed in self._deeds:
            deed.fate = UNKNOWN
        self._timed(self._link.commit)
        for deed in self._deeds:
            deed.fate = ACKNOWLEDGED

    def finale(self):
        """Something happens to everybody once more, and is kept."""
        self._open()
        for uid in self.payers:
            self._pay("refund", SMALL, REFUND, uid)
        for uid in self.movers:
            self._move(uid)
        self._link.commit()
        self._link.close()
        for deed in self._deeds:
            deed.fate = ACKNOWLEDGED
        self._note_deeds()

    # ---- what there is to do ----

    def pays(self):
        """A small payment; the deposit follows, as in the billing."""
        self._pay("payment", SMALL, PAYMENT)

    def pays_the_fee(self):
        """A payment that covers the monthly fee."""
        self._pay("payment", FEE, PAYMENT)

    def pays_much(self):
        """A payment that may earn a bonus; a second one of few only."""
        uid = self.dice.choice(self.payers)
        if uid not in self._big or uid % 7 == 0:
            self._big.add(uid)
            self._pay("payment", BIG, PAYMENT, uid)

    def gets_back(self):
        """A payment is taken back."""
        self._pay("refund", SMALL, REFUND)

    def pays_by_api(self):
        """A payment through the interface, which has a row of its own."""
        self._pay("api_payment", SMALL, API)

    def takes_credit(self):
        """The service Credit."""
        uid = self.dice.choice(self.payers)
        row_id = self._sql(
            "INSERT INTO bugh_uslugi_stat SET gid = 5, usluga = 1,"
            " date_start = NOW(), active = 1, uid = %s", uid)
        self._did("credit", uid, row_id=row_id)

    def gets_a_limit(self):
        """A credit limit is set."""
        uid = self.dice.choice(self.payers)
        row_id = self._book(uid, LIMIT, 30000)
        self._did("credit_limit", uid, row_id=row_id)

    def is_moved(self):
        """Another tariff."""
        self._move(self.dice.choice(self.movers))

    def gets_a_discount(self):
        """A discount, if there is none of that kind just now."""
        uid, key = self.dice.choice(self.movers), self.dice.choice(DISCOUNTS)
        value = f"{self.who}.{self._numbers}"
        if self._sql("INSERT IGNORE INTO users_custom_fields SET uid = %s,"
                     " `key` = %s, value = %s", uid, key, value, rows=True):
            self._did("discount", uid, note=f"{key}={value}")

    def bonus_is_credited(self):
        """The billing credits a bonus that waits in addons_pay_api."""
        places = ",".join(map(str, self.payers))
        self._sql("SELECT record_id, user_ref, CAST(amount * 100 AS SIGNED)"
                  " FROM addons_pay_api WHERE status = 0 AND category < 0"
                  f" AND user_ref IN ({places}) ORDER BY 1 LIMIT 1")
        found = self._cursor.fetchone()
        if found:
            record, uid, kopecks = found
            self._sql("UPDATE addons_pay_api SET status = 1"
                      " WHERE record_id = %s", record)
            row_id = self._book(uid, API, kopecks)
            self._did("bonus", uid, kopecks, row_id, f"record {record}")

    def month_ends(self):
        """The monthly fee of everybody: nothing that we care for."""
        self._sql("INSERT INTO bugh_plategi_stat (uid, date, who, bughtypeid,"
                  " before_billing, summa) VALUES " + ",".join(
                      f"({uid}, NOW(), 1, {IGNORED}, 0, 500)"
                      for uid in self.payers))

    # ---- how it is done ----

    def _pay(self, kind, first, bughtypeid, uid=None):
        uid = uid or self.dice.choice(self.payers)
        self._sums[first] += 1
        kopecks = first + STEP * (self._sums[first] % CYCLE)
        if first == BIG:
            kopecks += self.dice.choice([0, 50000, 200000, 500000])
        kopecks += kopecks % 1000 == 0  # no bonus has such a sum
        if bughtypeid == API:
            self._sql("INSERT INTO addons_pay_api SET category = 5,"
                      " user_ref = %s, amount = %s / 100, status = 1,"
                      " creation_time = NOW(), update_time = NOW(),"
                      " comment = 'by hand'", uid, kopecks)
        if bughtypeid == REFUND:
            kopecks = -kopecks
        row_id = self._book(uid, bughtypeid, kopecks)
        self._did(kind, uid, kopecks, row_id)
        self._sql("UPDATE users SET deposit = deposit + %s / 100"
                  " WHERE uid = %s", kopecks, uid)

    def _move(self, uid):
        # Two changes of one subscriber are told apart by their millisecond.
        time.sleep(0.002)
        self._sql("UPDATE users SET gid = 5 + (gid - 4) %% 5 WHERE uid = %s",
                  uid)
        self._did("tariff_change", uid)

    def _book(self, uid, bughtypeid, kopecks):
        return self._sql(
            "INSERT INTO bugh_plategi_stat SET uid = %s, date = NOW(),"
            " who = 1, bughtypeid = %s, before_billing = 0,"
            " summa = %s / 100", uid, bughtypeid, kopecks)

    def _did(self, kind, uid, kopecks=0, row_id=0, note=""):
        """Write it down, here and in the same transaction."""
        self._numbers += 1
        deed = Deed(self.who, self._numbers, kind, uid, kopecks, row_id, note)
        self._deeds.append(deed)
        self._sql("INSERT INTO ledger.done SET who = %s, number = %s,"
                  " kind = %s, uid = %s, kopecks = %s, row_id = %s,"
                  " note = %s", deed.who, deed.number, kind, uid, kopecks,
                  row_id, note)

    def _sql(self, text, *values, rows=False):
        """The id of the new row, or how many there are."""
        count = self._timed(self._cursor.execute, text, values or None)
        return count if rows else self._cursor.lastrowid

    def _timed(self, does, *args):
        begun = time.monotonic()
        try:
            return does(*args)
        finally:
            self.slowest = max(self.slowest, time.monotonic() - begun)


def is_mortal(error):
    """Did the server die, or the connection?"""
    return (isinstance(error, (OSError, pymysql.InterfaceError))
            or error.args and error.args[0] in MORTAL)


class Producers:
    """Some producers; rate: transactions of all of them in a second."""

    kind = Producer

    def __init__(self, db, count, seed, rate):
        self.db, self.seed = db, seed
        self.pause = count / rate
        self.over = threading.Event()
        self._all = [self.kind(self, n, PAYER_UIDS[n::count],
                               MOVER_UIDS[n::count]) for n in range(count)]
        self._last = self.kind(self, count, PAYER_UIDS, MOVER_UIDS)

    @property
    def attempts(self):
        """All Deeds."""
        return [deed for one in [*self._all, self._last]
                for deed in one.attempts]

    @property
    def errors(self):
        """What the billing should never have seen."""
        return [error for one in self._all for error in one.errors]

    @property
    def slowest(self):
        """Seconds that the slowest statement took."""
        return max(one.slowest for one in self._all)

    def start(self):
        """Begin."""
        for one in self._all:
            one.start()
        return self

    def stop(self, timeout=60):
        """Tell all to stop, and wait for them."""
        self.over.set()
        for one in self._all:
            one.join(timeout)
            if one.is_alive():
                raise TimeoutError(f"producer {one.who} does not end")

    def finale(self):
        """When all have stopped: something happens to everybody."""
        self._last.finale()
