"""The ledger: whether the billing, our tables and the stand-ins' books agree.

    ledger = Ledger(db, till=till, pilot=pilot, smsc=smsc, routers=[router],
                    due={"payment": {"sms", "receipt", "bonus_topup"}})
    ... the product works, and breaks, and works ...
    wait_until(ledger.is_settled, 60, "end")
    assert ledger.complaints() == []
    print(ledger.counts())

It believes the billing (its rows are what happened) and the books (what the
providers took); it computes for itself what had to come of it. It asks nobody
but the database and the stand-ins, and changes nothing. A complaint is a line
for people; no complaint: nothing is lost, nothing doubled.
"""

from collections import Counter, defaultdict, namedtuple

# What a row of bugh_plategi_stat of that type is captured as.
PAYMENT, REFUND = 5, 7
KINDS = {PAYMENT: "payment", REFUND: "refund"}

MESSAGES = ("sms", "social")
BONUSES = ("bonus_topup", "bonus_loyalty")
IN_WORK = ("ready", "leased", "calling", "retry")

# In which states a delivery may end, by action.
ENDS = {
    "sms": {"done", "doubtful"},
    "social": {"done"},
    "receipt": {"done"},
    "bonus_topup": {"done", "skipped"},
    "bonus_loyalty": {"done", "skipped"},
    "discount_remove": {"done", "skipped"},
    "session_reset": {"done", "skipped", "expired"},
}

LOG_TEXT = 254  # characters that sms_logs keeps of a message

# A row of table receipt.
Row = namedtuple("Row", "id number event_id log_id uid contact intent kopecks"
                        " stage task day")

Delivery = namedtuple("Delivery", "id event_id action state provider address"
                                  " payload reason kind uid key")


def topup_kopecks(kopecks):
    """The bonus that a payment earns with the settings as they come: 5 per
    cent in whole tens of roubles, 300 at most, from 2000 on."""
    if kopecks < 200000:
        return 0
    return min(kopecks // 20 // 1000 * 1000, 30000)


class Receipts:
    """Receipts alone: the billing's payments and list, our table, a till."""

    def __init__(self, db, till, types=(PAYMENT, REFUND)):
        self.db, self.till, self.types = db, till, types

    def rows(self):
        """The rows of table receipt, in the order of the numbers."""
        return [Row(*row) for row in self.db.sql(
            "SELECT id, number, event_id, log_id, uid, contact,"
            " IF(back, 'sellReturn', 'sell'), kopecks, stage, task_id,"
            " CAST(day AS CHAR) FROM receipt ORDER BY id",
            "mikbill_events")]

    def booked(self):
        """(contact, intent, kopecks) of what the billing says was booked."""
        types = ", ".join(map(str, self.types))
        return [(f"+{phone.lstrip('+')}",
                 "sell" if kopecks > 0 else "sellReturn", abs(kopecks))
                for phone, kopecks in self.db.sql(
                    "SELECT sms_tel, CAST(ROUND(summa * 100) AS SIGNED)"
                    " FROM bugh_plategi_stat JOIN users USING (uid)"
                    f" WHERE bughtypeid IN ({types})", "mikbill")]

    def complaints(self):
        """What is not as it should be, line by line."""
        rows = self.rows()
        return [*self._lost_or_doubled(), *self._unlike(rows),
                *self._out_of_order(rows), *self._other_sums(rows),
                *_several_for_one(rows),
                *(f"changed under its number: {one}"
                  for one in self.till.book.changed),
                *(f"the till refused: {one.why}"
                  for one in self.till.refused)]

    def _lost_or_doubled(self):
        booked = Counter(self.booked())
        taken = Counter((entry.contact, entry.intent, entry.kopecks)
                        for entry in self.till.receipts)
        for what, more in (("no receipt for", booked - taken),
                           ("a receipt too many for", taken - booked)):
            for key, count in sorted(more.items()):
                numbers = [entry.external_id for entry in self.till.receipts
                           if entry.contact == key[0]
                           and entry.kopecks == key[2]]
                yield f"{what} {key}, {count} times; numbers {numbers}"

    def _unlike(self, rows):
        """Table, list of the billing and book, line by line."""
        logged = {log_id: (number, uid, contact, ext_id, state == "done")
                  for log_id, number, uid, contact, ext_id, state
                  in self._logged()}
        book = {entry.external_id: entry for entry in self.till.receipts}
        for row in rows:
            listed = logged.pop(row.log_id, None)
            stored = (row.number, str(row.uid), row.contact, row.task,
                      row.stage == "done")
            if listed != stored:
                yield f"receipt {stored}, but receipts_log {listed}"
            accepted = _as_row(book.pop(row.number, None), row.task)
            stored = (row.contact, row.intent, row.kopecks, row.task,
                      row.stage)
            if accepted != stored:
                yield f"receipt {row.number} {stored}, but the till {accepted}"
        yield from (f"only in receipts_log: {key} {line}"
                    for key, line in logged.items())
        yield from (f"only in the book: {number} {_as_row(entry, None)}"
                    for number, entry in book.items())

    def _logged(self):
        """The billing's list; there is none before the first receipt."""
        if not self.db.sql("SHOW TABLES LIKE 'receipts_log'", "mikbill"):
            return []
        return self.db.sql("SELECT id, int_id, user_id, contact,"
                           " CAST(ext_id AS CHAR), state FROM receipts_log",
                           "mikbill")

    def _out_of_order(self, rows):
        """Of each subscriber the till takes the receipts in the order of
        their numbers."""
        place = {row.number: row for row in rows}
        for contact, entries in self.till.by_contact().items():
            taken = [place[entry.external_id] for entry in entries
                     if entry.external_id in place]
            if (taken != sorted(taken, key=lambda row: row.id)
                    or taken != sorted(taken, key=lambda row: row.log_id)):
                yield (f"not in order, {contact}:"
                       f" {[(row.number, row.id) for row in taken]}")

    def _other_sums(self, rows):
        stored, taken = defaultdict(Counter), defaultdict(Counter)
        for row in rows:
            stored[row.day, row.intent].update(count=1, kopecks=row.kopecks)
        # A receipt belongs to the day on which its number was taken.
        days = {row.number: row.day for row in rows}
        for entry in self.till.receipts:
            day = days.get(entry.external_id)
            taken[day, entry.intent].update(count=1, kopecks=entry.kopecks)
        for key in sorted(stored.keys() | taken.keys(), key=str):
            if stored[key] != taken[key]:
                yield (f"on {key} receipt has {dict(stored[key])},"
                       f" the till {dict(taken[key])}")


class Ledger:
    """Everything that was to come of what the billing booked.

    db         the server
    till, pilot, smsc, routers
               the stand-ins that serve there; None or empty: not asked
    due        kind of event -> the actions that each such event has to have
               a delivery of, one each
    kinds      type of a row of bugh_plategi_stat -> kind of its event
    ends       action -> states in which its deliveries may end, where other
               than ENDS
    discounts  (uid, key, value) of the discounts that were set, and that a
               change of tariff was to remove
    online     logins that had a session, and were to lose it
    topups     subscribers that have paid enough earn one bonus each
    loyalty    uid -> kopecks of the bonus that a payment of the fee earns
    changes    (kind, uid) -> how many events there are of changes that are no
               rows of their own, as of tariffs; None: not asked
    forgetful  the server may have forgotten payments and changes in a crash:
               messages about those are counted, not complained of, and a
               session may have ended for one
    """

    def __init__(self, db, *, due, till=None, pilot=None, smsc=None,
                 routers=(), kinds=None, ends=None, discounts=(), online=(),
                 topups=False, loyalty=None, changes=None, forgetful=False):
        self.db, self.due = db, due
        self.till, self.pilot, self.smsc = till, pilot, smsc
        self.routers = routers
        self.kinds = kinds or KINDS
        self.ends = {**ENDS, **(ends or {})}
        self.discounts, self.online = discounts, online
        self.topups, self.loyalty = topups, loyalty or {}
        self.changes, self.forgetful = changes, forgetful

    # ---- how far it is ----

    def is_settled(self):
        """Is there nothing left to do?"""
        (left,), = self.db.sql(
            "SELECT (SELECT COUNT(*) FROM outbox)"
            " + (SELECT COUNT(*) FROM delivery WHERE state IN"
            " ('ready', 'leased', 'calling', 'retry'))"
            " + (SELECT COUNT(*) FROM receipt WHERE stage = 'new'"
            " OR stage = 'accepted' AND look_utc IS NOT NULL)",
            "mikbill_events")
        return left == 0

    # ---- what came of it ----

    def complaints(self):
        """What is not as it should be, line by line."""
        deliveries = self._deliveries()
        found = [*self._events(), *self._not_ended(deliveries),
                 *self._messages(deliveries), *self._message_log(deliveries),
                 *self._bonuses(deliveries), *self._discounts(deliveries),
                 *self._sessions(deliveries)]
        if self.till:
            found += Receipts(self.db, self.till).complaints()
        return found

    def counts(self):
        """How much there is of what must be told, by name: doubtful (each of
        them is a row that mbevctl lists), of them taken, and messages about
        payments that the server forgot."""
        deliveries = self._deliveries()
        done, doubtful = _messages_by_state(deliveries)
        taken = Counter(self._taken())
        return {"doubtful": doubtful.total(),
                "doubtful and taken": ((taken - done) & doubtful).total(),
                "of forgotten payments": (taken - done - doubtful).total(),
                "expired": sum(d.state == "expired" for d in deliveries)}

    # ---- the parts ----

    def _deliveries(self):
        return [Delivery(*row) for row in self.db.sql(
            "SELECT d.id, d.event_id, action, state, provider, address,"
            " payload, reason, kind, uid, source_key FROM delivery d"
            " LEFT JOIN event e ON e.id = d.event_id ORDER BY d.id",
            "mikbill_events")]

    def _events(self):
        """Each row of the billing is one event, and no event is without;
        each event has the deliveries that are due."""
        booked = Counter(
            (self.kinds[kind], "bugh_plategi_stat", row_id, uid)
            for row_id, uid, kind in self.db.sql(
                "SELECT plategid, uid, bughtypeid FROM bugh_plategi_stat",
                "mikbill") if kind in self.kinds)
        captured = Counter()
        for kind, uid, key in self.db.sql(
                "SELECT kind, uid, source_key FROM event"
                " WHERE problem IS NULL", "mikbill_events"):
            if kind in self.kinds.values():
                table, row_id = key.split(":")[1:3]
                captured[kind, table, int(row_id), uid] += 1
        yield from (f"no event for {key}" for key in booked - captured)
        yield from (f"an event too many for {key}"
                    for key in captured - booked)
        yield from self._changes_missed()
        yield from (f"event {key} has no delivery of {action}"
                    for kind, actions in self.due.items()
                    for action in sorted(actions)
                    for (key,) in self.db.sql(
                        f"SELECT id FROM event WHERE kind = '{kind}' AND NOT"
                        " EXISTS (SELECT 1 FROM delivery WHERE event_id ="
                        f" event.id AND action = '{action}')",
                        "mikbill_events"))

    def _changes_missed(self):
        if self.changes is None:
            return
        captured = Counter(self.db.sql(
            "SELECT kind, uid FROM event WHERE source_key IS NULL",
            "mikbill_events"))
        for what, more in (("no event for", self.changes - captured),
                           ("an event too many for",
                            captured - self.changes)):
            yield from (f"{what} {key}" for key in more)

    def _not_ended(self, deliveries):
        """Each delivery has ended as it may, and says why."""
        for one in deliveries:
            told = f"{one.action} of event {one.event_id} is {one.state}"
            if one.kind is None:
                yield f"{told}, and there is no such event"
            if one.state not in self.ends[one.action]:
                yield f"{told} ({one.provider}): {one.reason}"
            if one.state == "doubtful" and one.provider == "smsc":
                yield f"{told}, though smsc can be asked: {one.reason}"
            if one.state != "done" and not one.reason:
                yield f"{told}, and says nothing"

    def _taken(self):
        """(phone, text) of each message that a provider took."""
        return [message for provider in (self.pilot, self.smsc) if provider
                for message in list(provider.taken)]

    def _messages(self, deliveries):
        done, doubtful = _messages_by_state(deliveries)
        taken = Counter(self._taken())
        yield from (f"no provider has message {key}, {count} times"
                    for key, count in (done - taken).items())
        if not self.forgetful:
            yield from (f"message {key} was taken {count} times too often"
                        for key, count in (taken - done - doubtful).items())
        elif (taken - done - doubtful).keys() & (done | doubtful).keys():
            # What is forgotten has no delivery at all.
            yield (f"messages taken too often: {taken - done - doubtful}")

    def _message_log(self, deliveries):
        """sms_logs has one row of each message that was tried, and its error
        is that of the state."""
        good, bad = Counter(), Counter()
        for phone, text, error in self.db.sql(
                "SELECT sms_phone, sms_text, sms_error_text FROM sms_logs",
                "mikbill"):
            (bad if error else good)[phone, text] += 1
        tried = [one for one in deliveries if one.action in MESSAGES]

        def count(*states):
            return Counter((one.address, one.payload[:LOG_TEXT])
                           for one in tried if one.state in states)

        for what, more in (
                ("no row without error", count("done") - good),
                ("too many rows without error", good - count("done")),
                ("no row with an error", count("doubtful", "dead") - bad),
                ("too many rows with an error",
                 bad - count("doubtful", "dead", "expired"))):
            yield from (f"sms_logs: {what} for {key}, {n} times"
                        for key, n in more.items())

    def _bonuses(self, deliveries):
        """One row of addons_pay_api for each bonus, right to the kopeck."""
        given = defaultdict(list)
        for mark, uid, kopecks in self.db.sql(
                "SELECT misc_id, user_ref, CAST(ROUND(amount * 100) AS"
                " SIGNED) FROM addons_pay_api WHERE misc_id LIKE 'mbev-%'",
                "mikbill"):
            given[tuple(mark.split("-")[1:3])].append((uid, kopecks))
        paid = dict(self.db.sql(
            "SELECT plategid, CAST(ROUND(summa * 100) AS SIGNED)"
            " FROM bugh_plategi_stat", "mikbill"))
        earned, rewarded = set(), Counter()
        for one in deliveries:
            if one.action not in BONUSES or one.kind is None:
                continue
            kind, row_id = one.action[len("bonus_"):], one.key.split(":")[2]
            rows = given.pop((kind, row_id), [])
            told = _kopecks(one.payload)
            due = (topup_kopecks(paid.get(int(row_id), 0))
                   if kind == "topup" else self.loyalty.get(one.uid, told))
            right = [(one.uid, due)] if one.state == "done" else []
            if rows != right or right and told != due:
                yield (f"{one.action} of event {one.event_id} is {one.state}"
                       f" with {told}, due is {right}, given {rows}")
            if kind == "topup":
                earned |= {one.uid} if due else set()
                rewarded[one.uid] += one.state == "done"
        yield from (f"a bonus of nothing: {key} {rows}"
                    for key, rows in given.items())
        if self.topups:
            yield from (f"{uid} has earned one topup bonus, and has"
                        f" {rewarded[uid]}"
                        for uid in earned if rewarded[uid] != 1)

    def _discounts(self, deliveries):
        """What was removed is gone, and stands in the log once."""
        done = {one.uid for one in deliveries
                if one.action == "discount_remove" and one.state == "done"}
        logged = Counter(self.db.sql(
            "SELECT uid, valuename, oldvalue FROM logs"
            " WHERE valuename LIKE 'ext\\_discount\\_%'", "mikbill"))
        due = Counter(one for one in self.discounts if one[0] in done)
        yield from (f"discount {key} is not in logs" for key in due - logged)
        yield from (f"discount {key} is {count} times too often in logs"
                    for key, count in (logged - due).items())
        there = {uid for (uid,) in self.db.sql(
            "SELECT uid FROM users_custom_fields"
            " WHERE `key` LIKE 'ext\\_discount\\_%'", "mikbill")}
        yield from (f"{uid} has a discount still" for uid in done & there)
        yield from (f"discount {one} was not removed"
                    for one in self.discounts if one[0] not in done)

    def _sessions(self, deliveries):
        """Each session that was to end has ended, and nobody else's."""
        resets = [one for one in deliveries if one.action == "session_reset"]
        meant = {one.address for one in resets if one.address}
        done = {one.address for one in resets if one.state == "done"}
        removed = {name.decode("latin-1") for router in self.routers
                   for name in list(router.removed)}
        if self.forgetful:  # one for a change that a crash took back
            meant |= set(self.online)
        yield from (f"the session of {name} was not to be ended"
                    for name in sorted(removed - meant))
        yield from (f"the session of {name} was not ended"
                    for name in self.online
                    if name in done and name not in removed)
        yield from (f"a router says: {line}" for router in self.routers
                    for line in getattr(router, "violations", []))


def _kopecks(text):
    """Kopecks of an amount as "110.00"; None of none."""
    return None if text is None else int(text.replace(".", ""))


def _messages_by_state(deliveries):
    """Counters of (phone, text): what is done, and what is doubtful."""
    done, doubtful = Counter(), Counter()
    for one in deliveries:
        if one.action in MESSAGES and one.state in ("done", "doubtful"):
            (done if one.state == "done" else doubtful)[
                one.address, one.payload] += 1
    return done, doubtful


def _several_for_one(rows):
    events = Counter(row.event_id for row in rows)
    return (f"event {event} has {count} receipts"
            for event, count in events.items() if count > 1)


def _as_row(entry, task):
    """What the till says, as a row whose task is known or not."""
    if entry is None:
        return None
    known = task is not None
    return (entry.contact, entry.intent, entry.kopecks,
            str(entry.task_id) if known else None,
            entry.state if known else "accepted")
