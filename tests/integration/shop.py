"""Payments each of which owes a message, a receipt and a bonus, and books in
which all three can be counted.

    shop.buy(3)
    ...
    shop.wait_done()
    shop.audit()
"""

import threading
import time
from collections import Counter

import pymysql

from harness.process import cpu_seconds, wait_until
from integration.chain import payment_sql
from integration.conftest import make_chain
from integration.receipts import Kassa

FIRST_UID = 1000
ACTIONS = ("sms", "receipt", "bonus_topup")
UNDONE = "('ready', 'leased', 'calling', 'retry')"


def phone_of(uid):
    """The phone of a subscriber."""
    return f"7900{uid:07}"


class Shop(Kassa):
    """The chain with all three. Each payment is another subscriber's, so that
    each of them is owed one message, one receipt and one bonus.

    doubtful    messages may be doubtful at the end: sent once, or not at all
    """

    doubtful = False

    def open(self, till):
        """Everything is on, without long pauses."""
        self.next_uid = FIRST_UID
        self.serve(till)
        self.configure(
            payment={"sms": "yes"}, smspilot={"timeout": "5 s"},
            bonus_topup={"on": "yes"}, service={"stop_timeout": "2 s"})
        self.tariff()
        self.db.sql("GRANT USAGE ON *.* TO mikbill@localhost;"
                    "GRANT ALL ON mikbill.* TO mikbill@localhost")
        return self

    def connect(self):
        """A connection of the billing, whose account is an ordinary one."""
        return self.db.connect("mikbill", user="mikbill")

    def pay(self, uid=1001, summa=2000, kind=5, before=0):
        """One payment, committed, as the billing makes it."""
        with self.connect() as link, link.cursor() as cursor:
            cursor.execute(payment_sql(uid, summa, kind, before))

    def enroll(self, count):
        """So many more subscribers; their numbers."""
        uids = range(self.next_uid, self.next_uid + count)
        self.next_uid += count
        self.db.sql("INSERT INTO users (uid, user, gid, sms_tel) VALUES "
                    + ",".join(f"({uid}, 'sub{uid}', 5, '{phone_of(uid)}')"
                               for uid in uids), "mikbill")
        return uids

    def buy(self, count=1):
        """So many payments, each committed by itself."""
        for uid in self.enroll(count):
            self.pay(uid)
        return self

    # ---- what must hold ----

    def paid(self):
        """The subscribers whose payments the billing has."""
        return [uid for (uid,) in self.rows("uid", "bugh_plategi_stat")]

    def left(self):
        """What is still to be done, and None when the server is away."""
        try:
            ((left,),) = self.db.sql(
                "SELECT (SELECT COUNT(*) FROM outbox) + (SELECT COUNT(*)"
                f" FROM delivery WHERE state IN {UNDONE})", "mikbill_events")
        except pymysql.err.Error:
            return None
        return left

    def wait_done(self, timeout=60):
        """Wait until nothing is left to do."""
        try:
            wait_until(lambda: self.left() == 0, timeout, "end", pause=0.1)
        except TimeoutError:
            rows = self.deliveries("id, action, state, reason, due_utc,"
                                   " UTC_TIMESTAMP(3)", f"state IN {UNDONE}")
            raise TimeoutError(f"{self.left()} left: {rows[:5]}\n"
                               f"{self.service.log_text()[-3000:]}") from None
        return self

    def audit(self):
        """Each payment has what it is owed, once, and nobody else has."""
        paid = Counter(self.paid())
        assert Counter({uid: n for uid, n in self.db.sql(
            "SELECT uid, COUNT(*) FROM event WHERE kind = 'payment'"
            " GROUP BY uid", "mikbill_events")}) == paid
        for action in ACTIONS:
            assert Counter(uid for (uid,) in self.db.sql(
                "SELECT e.uid FROM delivery AS d JOIN event AS e ON e.id ="
                f" d.event_id WHERE d.action = '{action}'",
                "mikbill_events")) == paid, action
        self._audit_messages(paid)
        assert Counter(contact for contact, _ in self.accepted()) == Counter(
            {f"+{phone_of(uid)}": n for uid, n in paid.items()})
        assert self.rows("user_ref, amount", "addons_pay_api") == [
            (uid, 100) for uid in sorted(paid.elements())]
        assert not self.deliveries("id, action, state", "action <> 'sms'"
                                   " AND state <> 'done'")
        return self

    def _audit_messages(self, paid):
        sent = Counter(phone for phone, _ in self.sent())
        for uid, state in self.db.sql(
                "SELECT e.uid, d.state FROM delivery AS d JOIN event AS e"
                " ON e.id = d.event_id WHERE action = 'sms'",
                "mikbill_events"):
            times = sent.pop(phone_of(uid), 0)
            if self.doubtful and state == "doubtful":
                assert times <= 1, uid
            else:
                assert (state, times) == ("done", paid[uid]), uid
        assert not sent

    # ---- what an operator sees ----

    def lines(self, pattern="", level="error|warning"):
        """Lines of the log on these levels in which the words stand."""
        levels = level.split("|")
        return [line for line in self.service.log_text().splitlines()
                if pattern in line and line.split(" ", 2)[1] in levels]

    def watch(self, seconds, cpu=0.5, lines=3):
        """Let a fault last for so long: in that time the service may use so
        much CPU, in seconds, and write so many lines that alarm."""
        used, told = cpu_seconds(self.service.pid), len(self.lines())
        time.sleep(seconds)
        used = cpu_seconds(self.service.pid) - used
        new = self.lines()[told:]
        assert used <= cpu, f"{used} s of CPU in {seconds} s"
        assert len(new) <= lines, "\n".join(new)
        return self


class Payments:
    """Payments one after the other, by a thread, until the block ends. One
    that fails is the billing's; the next connection goes on."""

    def __init__(self, shop, count=400, pause=0.02):
        self.shop, self.pause = shop, pause
        self.failed = []
        self._uids = shop.enroll(count)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        link = None
        for uid in self._uids:
            if self._over.wait(self.pause):
                return
            try:
                link = link or self.shop.connect()
                with link.cursor() as cursor:
                    cursor.execute(payment_sql(uid, 2000))
            except (pymysql.MySQLError, OSError) as error:
                self.failed.append(error)
                if link:
                    link.close()
                link = None


def make_shop(db, pilot, till):
    """A shop; its receipts are checked when its test is over."""
    for shop in make_chain(db, pilot, Shop):
        yield shop.open(till)
        shop.close()
        shop.check()
