"""The independent checker: what had to come of what the billing has, and what
came of it in the books of the providers, on the routers, in the billing.

It computes from the producers' ledger, which was written in the billing's own
transactions, and by arithmetic of its own. Of our tables it believes only
what is doubtful, and that is told to the operator.

    wrong = Checker(stage, producers).complaints()
"""

import re
import subprocess
from collections import Counter, defaultdict

from harness.ledger import Ledger, Receipts
from harness.product import build_dir
from torture.producers import (ACKNOWLEDGED, API, LIMIT, PAYMENT, REFUND,
                               UNDONE, Deed)
from torture.stage import (DISCOUNTS, FOREIGN, LOYALTY_CATEGORY, MOVER_UIDS,
                           PAYER_UIDS, SECRETS, TOPUP_CATEGORY, is_home_today,
                           is_loyal, login_of, phone_of)

CREDIT = 30000  # of everybody
FEE = 50000
BAD = re.compile(r"ERROR: \w+Sanitizer|runtime error:|LeakSanitizer")
PAID = ("payment", "refund", "api_payment")
BOOKED = {"payment": PAYMENT, "refund": REFUND, "api_payment": API,
          "bonus": API, "credit_limit": LIMIT}

# A message may be doubtful only where it may go by SMSPilot.
MAY_BE_DOUBTFUL = re.compile(r"sub\d+ (paid [\d.]+|got [\d.]+ back|"
                             r"has the credit [\d.]+)$")


def rubles(kopecks):
    """An amount as it stands in a message."""
    kopecks = abs(kopecks)
    return f"{kopecks // 100}.{kopecks % 100:02}"


def messages_of(deed):
    """The (phone, text) of which the subscriber hears."""
    amount = rubles(deed.kopecks)
    texts = {
        "payment": [f"paid {amount}", f"paid {amount}, social"],
        "refund": [f"got {amount} back"],
        "api_payment": [f"was credited {amount}"],
        "bonus": [f"was credited {amount}"],
        "credit": [f"has the credit {rubles(CREDIT)}"],
        "credit_limit": [f"has the limit {rubles(CREDIT)}"],
        "tariff_change": ["has another tariff", "has a tariff, social"],
        "discount": []}
    return [(phone_of(deed.uid), f"{login_of(deed.uid)} {text}")
            for text in texts[deed.kind]]


def topup_kopecks(kopecks):
    """5 per cent, at most 300 roubles, in whole tens of roubles."""
    if kopecks < 200000:
        return 0
    return min(kopecks * 5 // 100, 30000) // 1000 * 1000


def loyalty_kopecks(deed):
    """10 per cent of the fee, in whole tens, for who pays all of it."""
    if not is_loyal(deed.uid) or deed.kopecks < FEE:
        return 0
    return FEE * 10 // 100 // 1000 * 1000


def ends_sessions(deed):
    """Does it mean that the subscriber's session is ended?"""
    return (deed.kind in ("refund", "credit", "credit_limit",
                          "tariff_change")
            or deed.kind == "payment" and is_home_today(deed.uid))


class Checker:
    """What is wrong, and what is to be told."""

    def __init__(self, stage, producers):
        self.stage, self.db = stage, stage.db
        self.ledger = Ledger(self.db, due={})
        self.deeds = [Deed(*row) for row in self.db.sql(
            "SELECT who, number, kind, uid, kopecks, row_id, note"
            " FROM done ORDER BY id", "ledger")]
        there = {(deed.who, deed.number) for deed in self.deeds}
        self.attempts = producers.attempts
        self.errors = producers.errors
        self.missing = [deed for deed in self.attempts
                        if deed.fate != UNDONE
                        and (deed.who, deed.number) not in there]
        self.doubtful = self.db.sql(
            "SELECT id, action, address, payload, reason FROM delivery"
            " WHERE state = 'doubtful' ORDER BY id", "mikbill_events")
        self.book = Counter([*stage.pilot.taken, *stage.smsc.taken])

    @property
    def taken_back(self):
        """Deeds that were acknowledged, and that a crash took back."""
        return [deed for deed in self.missing if deed.fate == ACKNOWLEDGED]

    def is_settled(self):
        """Is there nothing left to do, nor to be captured?"""
        (events,), = self.db.sql("SELECT COUNT(*) FROM event WHERE"
                                 " kind <> 'tariff_change'", "mikbill_events")
        rows = sum(deed.kind in BOOKED or deed.kind == "credit"
                   for deed in self.deeds)
        return self.ledger.is_settled() and (events >= rows
                                             or not self.stage.gaps)

    def complaints(self):
        """What is not as it should be, line by line."""
        return [*self._billing(), *self._messages(), *self._receipts(),
                *self._bonuses(), *self._discounts(), *self._sessions(),
                *self._message_log(), *self._ended(), *self._operator(),
                *self._logs()]

    def counts(self):
        """How much there was, by name."""
        kinds = Counter(deed.kind for deed in self.deeds)
        done = {(d.who, d.number) for d in self.deeds}
        return {
            **kinds, "in all": len(self.deeds),
            "rolled back or broken off": sum(
                deed.fate == UNDONE for deed in self.attempts),
            "kept though the answer was lost": sum(
                deed.fate == "unknown" and (deed.who, deed.number) in done
                for deed in self.attempts),
            "kept though refused": sum(
                deed.fate == UNDONE and (deed.who, deed.number) in done
                for deed in self.attempts),
            "taken back by crashes": len(self.taken_back),
            "messages about those": len(self._of_missing()),
            "messages": self.book.total(),
            "receipts": len(self.stage.till.receipts),
            "bonuses": len(self._given()),
            "sessions ended": sum(
                len(router.removed) for router in self.stage.routers),
            "doubtful": len(self.doubtful)}

    # ---- the billing itself ----

    def _billing(self):
        """Nothing failed because of us; what was acknowledged is there."""
        yield from self.errors
        if not self.stage.forgets:
            yield from (f"acknowledged, and not in the billing: {deed}"
                        for deed in self.taken_back)
        rows = Counter(self.db.sql(
            "SELECT plategid, uid, bughtypeid FROM bugh_plategi_stat"
            " WHERE bughtypeid <> 1", "mikbill"))
        known = Counter((deed.row_id, deed.uid, BOOKED[deed.kind])
                        for deed in self.deeds if deed.kind in BOOKED)
        if rows != known:
            yield (f"the billing has {rows - known} without the ledger, the"
                   f" ledger {known - rows} without the billing")

    # ---- messages ----

    def _expected(self):
        return Counter(message for deed in self.deeds
                       for message in messages_of(deed))

    def _of_missing(self):
        """Messages that are there about what is not."""
        extra = self.book - self._expected()
        told = Counter(message for deed in self.missing
                       for message in messages_of(deed))
        return list((extra & told).elements())

    def _messages(self):
        expected, doubtful = self._expected(), Counter(
            (address, payload) for _, action, address, payload, _
            in self.doubtful if action in ("sms", "social"))
        yield from (f"no provider has {key}, {count} times"
                    for key, count in (expected - self.book
                                       - doubtful).items())
        extra = self.book - expected
        if self.stage.forgets:
            extra -= Counter(self._of_missing())
        yield from (f"{key} was taken {count} times too often"
                    for key, count in extra.items())
        yield from (f"delivery {number} of {action} to {address} ({payload})"
                    f" need not be doubtful: {reason}"
                    for number, action, address, payload, reason
                    in self.doubtful
                    if not MAY_BE_DOUBTFUL.match(payload or ""))
        yield from (f"doubtful is {key}, {count} times, which nobody wants"
                    for key, count in (doubtful - expected).items())

    def _message_log(self):
        """One row of the billing's log for each message."""
        logged = Counter(self.db.sql(
            "SELECT sms_phone, sms_text FROM sms_logs", "mikbill"))
        expected = self._expected()
        if logged != expected:
            yield (f"sms_logs has {logged - expected} too much, and lacks"
                   f" {expected - logged}")

    # ---- money ----

    def _receipts(self):
        """By the shared ledger; what was paid, as our ledger has it."""
        checked = Receipts(self.db, self.stage.till)
        checked.booked = lambda: [
            (f"+{phone_of(deed.uid)}",
             "sell" if deed.kopecks > 0 else "sellReturn", abs(deed.kopecks))
            for deed in self.deeds if deed.kind in PAID]
        return checked.complaints()

    def _given(self):
        """(category, uid, kopecks, row of the payment) of each bonus."""
        found = []
        for category, uid, kopecks, mark in self.db.sql(
                "SELECT category, user_ref, CAST(amount * 100 AS SIGNED),"
                " misc_id FROM addons_pay_api WHERE category < 0", "mikbill"):
            match = re.match(r"mbev-(?:topup|loyalty)-(\d+)-", mark)
            found.append((category, uid, kopecks,
                          int(match[1]) if match else None))
        return found

    def _bonuses(self):
        """Right to the kopeck, of the right payment, once."""
        given, due = Counter(self._given()), Counter()
        topups = defaultdict(set)
        for deed in self.deeds:
            if deed.kind not in ("payment", "api_payment"):
                continue
            if topup_kopecks(deed.kopecks):
                topups[deed.uid].add((TOPUP_CATEGORY, deed.uid,
                                      topup_kopecks(deed.kopecks),
                                      deed.row_id))
            if loyalty_kopecks(deed):
                due[LOYALTY_CATEGORY, deed.uid, loyalty_kopecks(deed),
                    deed.row_id] += 1
        for uid, possible in topups.items():
            # Of several within a month the one that was decided first.
            got = [one for one in possible if given[one]]
            due[got[0] if got else min(possible)] += 1
        yield from (f"no bonus {one}, {count} times"
                    for one, count in (due - given).items())
        yield from (f"a bonus too many: {one}, {count} times"
                    for one, count in (given - due).items())

    def _discounts(self):
        """Everybody was moved in the end: none is left, each is logged."""
        places = ",".join(f"'{key}'" for key in DISCOUNTS)
        left = self.db.sql("SELECT uid, `key`, value FROM users_custom_fields"
                           f" WHERE `key` IN ({places})", "mikbill")
        yield from (f"a discount is left: {row}" for row in left)
        logged = Counter(self.db.sql(
            "SELECT uid, valuename, oldvalue FROM logs"
            f" WHERE valuename IN ({places})", "mikbill"))
        set_up = Counter((deed.uid, *deed.note.split("="))
                         for deed in self.deeds if deed.kind == "discount")
        if logged != set_up:
            yield (f"logs has {logged - set_up} too much, and lacks"
                   f" {set_up - logged}")

    # ---- sessions ----

    def _sessions(self):
        """Nobody else's was ended, nor more often than was tried (a kept
        connection that breaks is made anew once); whoever was to be thrown
        out was."""
        removed = Counter()
        for router in self.stage.routers:
            removed.update(router.removed)
            lost = Counter(FOREIGN) - Counter(router.sessions)
            if lost:
                yield f"{router.address}: {lost} are not online any more"
            yield from (f"{router.address}: {line}"
                        for line in router.violations
                        if "broken off" not in line)
        reasons = Counter(login_of(deed.uid).encode()
                          for deed in [*self.deeds, *self.missing]
                          if ends_sessions(deed))
        tries = {login.encode(): int(count) for login, count in self.db.sql(
            "SELECT CONCAT('sub', uid), SUM(attempts) FROM delivery AS d JOIN"
            " event AS e ON e.id = d.event_id WHERE action = 'session_reset'"
            " GROUP BY 1", "mikbill_events")}
        yield from (f"the session of {login} was ended without a reason"
                    for login in removed if login not in reasons)
        if not self.stage.forgets:
            yield from (f"the session of {login} was ended {count} times,"
                        f" in {tries.get(login, 0)} tries"
                        for login, count in removed.items()
                        if count > 2 * tries.get(login, 0))
        yield from (f"the session of {login_of(uid)} was never ended"
                    for uid in [*PAYER_UIDS, *MOVER_UIDS]
                    if login_of(uid).encode() not in removed)

    # ---- what we say of it ----

    def _ended(self):
        """Nothing but a doubtful message, or a reset that came too late,
        has failed."""
        yield from (f"{count} deliveries of {action} are {state}: {reason}"
                    for action, state, count, reason in self.db.sql(
                        "SELECT action, state, COUNT(*), MAX(reason)"
                        " FROM delivery WHERE state NOT IN ('done', 'skipped',"
                        " 'doubtful') AND NOT (state = 'expired' AND"
                        " action = 'session_reset') GROUP BY 1, 2",
                        "mikbill_events"))

    def _operator(self):
        """mbevctl lists what is doubtful."""
        told = subprocess.run(
            [build_dir() / "mbevctl", "-c", self.stage.workers[0].config,
             "queue", "doubtful"], capture_output=True, text=True,
            check=False)
        if told.returncode:
            yield f"mbevctl queue ends with {told.returncode}: {told.stderr}"
        listed = told.stdout.count(" doubtful ")
        if listed != min(100, len(self.doubtful)):
            yield (f"mbevctl lists {listed} of {len(self.doubtful)} doubtful:"
                   f" {told.stdout}")

    def _logs(self):
        """Neither secrets nor what a sanitizer found."""
        for number, worker in enumerate(self.stage.workers):
            text = worker.log_text()
            yield from (f"the log of service {number} tells the secret of"
                        f" {name}" for name, secret in SECRETS.items()
                        if secret in text)
            if BAD.search(text):
                yield text[BAD.search(text).start():][:6000]
