"""Payments booked by many at once, and what became of their receipts.

    buyers = Buyers(db, plan(1, 1000, 100, 150), 50, seconds=10).start()
    ...
    fire = Fire(chain, till)
    fire.wait_settled(60, buyers)
    fire.check()
"""

import random
import threading
import time
from collections import namedtuple

import pymysql
import pytest

from harness.billing import create_billing
from harness.ledger import PAYMENT, REFUND, Ledger, Receipts
from harness.process import wait_until
from harness.product import default_settings, install, with_settings
from harness.server import MariaDB
from harness.standin import Reply
from integration.chain import Chain, payment_sql

FIRST_UID = 5000
LOST_REPLIES = ("lost_after", "late", "http500_accepted", "html_accepted")

# One row that is booked; kopecks below zero: money given back. Not kept:
# rolled back.
Booking = namedtuple("Booking", "uid kopecks kept")


def make_server(*options):
    """A server with the billing and our SQL; for fixtures."""
    with MariaDB(options=options) as db:
        create_billing(db, "mikbill", "legacy")
        install(db)
        yield db


def settings_of(db, till, **komtet):
    """A service that makes receipts in a hurry, and nothing else."""
    return with_settings(
        default_settings(db), receipt={
            "payments": "yes", "refunds": "yes", "look_first": "300 ms",
            "look_longest": "2 s"},
        komtet={
            "url": till.url.rstrip("/"), "connections": "8", "rate": "500",
            "timeout": "1 s", "connect_timeout": "500 ms",
            "retry_first": "100 ms", "retry_longest": "500 ms",
            "hold": "200 ms", **komtet},
        service={"log_level": "info"})


def plan(seed, kept, undone, subscribers, first_kopecks=1001):
    """Bookings in a random order, no two of the same sum; some refunds."""
    dice = random.Random(f"plan {seed}")
    bookings = []
    for i in range(kept + undone):
        kopecks = first_kopecks + 37 * i
        bookings.append(Booking(FIRST_UID + dice.randrange(subscribers),
                                -kopecks if i % 12 == 5 else kopecks,
                                i < kept))
    dice.shuffle(bookings)
    return bookings


def contact_of(uid):
    """The phone of a subscriber, as a receipt has it."""
    return f"+7900{uid:07}"


def enroll(chain, subscribers):
    """Make the subscribers of a plan."""
    for uid in range(FIRST_UID, FIRST_UID + subscribers):
        chain.subscriber(uid, phone=contact_of(uid))


class Buyers:
    """Connections that book at once, each at its own pace.

    acknowledged  the bookings of which the server said that they are kept
    errors        what went wrong; where the server may die nothing is wrong,
                  what was under way is forgotten, and the next one booked
    """

    def __init__(self, db, bookings, connections, seconds, mortal=False):
        self.db, self.mortal = db, mortal
        self.acknowledged, self.errors = [], []
        self._pause = seconds * connections / len(bookings)
        self._deadline = time.monotonic() + seconds + 60
        self._threads = [
            threading.Thread(target=self._run, daemon=True,
                             args=(i, bookings[i::connections]))
            for i in range(connections)]

    @property
    def busy(self):
        """Do some still book?"""
        return any(thread.is_alive() for thread in self._threads)

    def start(self):
        """Begin to book."""
        for thread in self._threads:
            thread.start()
        return self

    def wait(self, timeout=120):
        """Wait until all is booked."""
        wait_until(lambda: not self.busy, timeout, "end of the bookings")
        assert not self.errors, self.errors
        return self

    def _run(self, i, bookings):
        dice = random.Random(f"pace {i}")
        link = None
        for one in bookings:
            time.sleep(dice.uniform(0, 2 * self._pause))
            try:
                link = link or self._connect()
                self._book(link, one)
            except (pymysql.MySQLError, OSError) as error:
                if not self.mortal or time.monotonic() > self._deadline:
                    self.errors.append(error)
                    return
                link = None

    def _connect(self):
        while True:
            try:
                return self.db.connect("mikbill", autocommit=False)
            except (pymysql.MySQLError, OSError):
                if not self.mortal or time.monotonic() > self._deadline:
                    raise
                time.sleep(0.1)

    def _book(self, link, one):
        rubles = f"{one.kopecks / 100:.2f}"
        kind = PAYMENT if one.kopecks > 0 else REFUND
        with link.cursor() as cursor:
            cursor.execute(payment_sql(one.uid, rubles, kind))
        if one.kept:
            link.commit()
            self.acknowledged.append(one)
        else:
            link.rollback()


class Gauge:
    """What a till answers, a little later, and how much of it at once.

    times  when requests came, time.monotonic()
    most   how many there were in hand at the same time
    """

    def __init__(self, answer, delay=0.02):
        self.answer, self.delay = answer, delay
        self.times, self.most, self._in_hand = [], 0, 0

    def __call__(self, request):
        self.times.append(request.at)
        self._in_hand += 1
        self.most = max(self.most, self._in_hand)
        return Reply(delay=self.delay, then=lambda: self._finish(request))

    def busiest(self, seconds):
        """The most requests that came within that time."""
        return max(sum(begun <= at < begun + seconds for at in self.times)
                   for begun in self.times)

    def _finish(self, request):
        self._in_hand -= 1
        return self.answer(request)


class Fire:
    """A chain, its till, and whoever else serves there."""

    def __init__(self, chain, till, *others):
        self.chain, self.till = chain, till
        self.receipts = Receipts(chain.db, till)
        self.services = [chain.service, *others]
        self.kills = 0

    @property
    def db(self):
        """The server."""
        return self.chain.db

    # ---- what goes on ----

    def kill(self, service=None):
        """SIGKILL for a service, and start it again at once."""
        service = service or self.chain.service
        service.kill()
        self.kills += 1
        service.start()

    def is_settled(self):
        """Is there nothing left to do?"""
        return Ledger(self.db, due={}).is_settled()

    def is_settled_within(self, seconds, buyers=None):
        """Does all come to its end in that time?"""
        try:
            wait_until(lambda: not (buyers and buyers.busy)
                       and self.is_settled(), seconds, "end", pause=0.1)
            return True
        except TimeoutError:
            return False

    def wait_settled(self, timeout, buyers=None):
        """Wait until nothing is left to do."""
        assert self.is_settled_within(timeout, buyers), self.report()

    # ---- what came of it ----

    def rows(self):
        """The rows of table receipt, in the order of the numbers."""
        return self.receipts.rows()

    def booked(self):
        """(contact, intent, kopecks) of what the billing says was booked."""
        return self.receipts.booked()

    def unknown_ids(self):
        """How many receipts there are whose task is not known."""
        return sum(row.task is None for row in self.rows())

    def tally(self):
        """How much really happened, by name."""
        came = [entry.came for entry in self.till.receipts]
        return {"kills": self.kills,
                "lost replies": sum(self.till.misdeeds[name]
                                    for name in LOST_REPLIES),
                "repeats": sum(came) - len(came),
                "ids unknown": self.unknown_ids()}

    def check(self):
        """All is as it should be, or the report says what is not."""
        wrong = self.differences()
        assert not wrong, self.report(wrong)

    def differences(self):
        """What is not as it should be, line by line."""
        return [*self.receipts.complaints(), *self._unfinished()]

    def report(self, wrong=None):
        """For people: differences, misdeeds, what the services said."""
        wrong = self.differences() if wrong is None else wrong
        lines = [f"{len(wrong)} differences:", *wrong[:40],
                 f"of the till: {dict(self.till.misdeeds)}",
                 f"in all: {self.tally()}"]
        for number, service in enumerate(self.services):
            told = service.log_text().splitlines()
            lines += [f"---- end of the log of service {number}:",
                      *told[-40:]]
        return "\n".join(lines)

    def _unfinished(self):
        for line in self.db.sql(
                "SELECT id, event_id, state, lane, reason FROM delivery"
                " WHERE state <> 'done' OR lane <> 'komtet'",
                "mikbill_events"):
            yield f"delivery is not done: {line}"


# ---- for the tests to import: fixtures, and a report


@pytest.fixture(name="db")
def fixture_db():
    """A server that forgets nothing."""
    yield from make_server()


@pytest.fixture(name="chain")
def fixture_chain(db, till):
    """The chain; its service is not started yet."""
    one = Chain(db, None, settings_of(db, till))
    yield one
    one.close()


def tell(what, fire, *needed, **more):
    """Print what really happened; each of the needed did."""
    tally = {**fire.tally(), **more}
    print(f"\n{what}: " + ", ".join(f"{n} {name}"
                                    for name, n in tally.items()))
    for name in needed:
        assert tally[name] > 0, f"no {name}: {tally}"
