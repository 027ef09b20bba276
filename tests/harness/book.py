"""The book of a till: which receipts were accepted, and what came of them."""

import itertools
import time
from collections import defaultdict, namedtuple
from dataclasses import dataclass
from functools import cached_property

from harness.receipt import INTENTS, read_json
from harness.standin import Request

FIRST_TASK = 90001
FINAL = ("done", "error")

Total = namedtuple("Total", "count kopecks")


@dataclass
class Entry:
    """One receipt that was accepted."""

    task_id: int
    external_id: str
    intent: str  # sell, sellReturn, ...
    kopecks: int
    contact: str
    version: str  # v1, v2
    request: Request  # the one that was accepted
    at: float  # time.time()
    state: str = "new"  # done, error
    came: int = 1  # how many times, those refused with VLD11 included
    error: str | None = None
    fiscal: dict | None = None

    @property
    def body(self):
        """The bytes that were accepted."""
        return self.request.body

    @cached_property
    def json(self):
        """The body; amounts with decimals are Decimal."""
        return read_json(self.body)


class Book:
    """What is known of receipts.

    entries   external_id -> Entry, in order of acceptance
    tasks     task id, as a text -> Entry
    first     external_id -> the first body that came, accepted or not
    changed   (external_id, first body, this body) of each that came again
              with another body
    foreign   external_id -> how often it came; it is somebody else's
    failing   (function of Entry, text): what the till will not print
    """

    def __init__(self):
        self.entries = {}
        self.tasks = {}
        self.first = {}
        self.changed = []
        self.foreign = {}
        self.failing = []
        self._documents = itertools.count(1)

    def note(self, external_id, body):
        """A body came, whatever becomes of it."""
        first = self.first.setdefault(external_id, body)
        if body != first:
            self.changed.append((external_id, first, body))

    def again(self, external_id):
        """Is it taken already? Then it is counted."""
        if external_id in self.foreign:
            self.foreign[external_id] += 1
        elif external_id in self.entries:
            self.entries[external_id].came += 1
        else:
            return False
        return True

    def add(self, receipt, version, request):
        """Accept a receipt: its new Entry."""
        entry = Entry(FIRST_TASK + len(self.entries), receipt.external_id,
                      receipt.intent, receipt.kopecks, receipt.contact,
                      version, request, time.time())
        self.tasks[str(entry.task_id)] = entry
        self.entries[entry.external_id] = entry
        return entry

    def finish(self, entry):
        """The till prints it, or fails: once."""
        if entry.state in FINAL:
            return
        for matches, text in self.failing:
            if matches(entry):
                entry.state, entry.error = "error", text
                return
        entry.fiscal = fiscal_data(entry, next(self._documents))
        entry.state = "done"

    def totals(self, state=None):
        """Total of each intent, of receipts in that state or in any."""
        totals = dict.fromkeys(INTENTS, Total(0, 0))
        for entry in self.entries.values():
            if state in (None, entry.state):
                count, kopecks = totals[entry.intent]
                totals[entry.intent] = Total(count + 1,
                                             kopecks + entry.kopecks)
        return totals

    def by_contact(self):
        """contact -> its receipts, in order of acceptance."""
        found = defaultdict(list)
        for entry in self.entries.values():
            found[entry.contact].append(entry)
        return dict(found)


def fiscal_data(entry, document):
    """What a till says of a receipt, made up."""
    return {"i": str(document), "fn": "9999078900001234",
            "t": time.strftime("%Y%m%dT%H%M"), "n": INTENTS[entry.intent],
            "fp": str(1000000000 + document * 7919),
            "s": f"{entry.kopecks // 100}.{entry.kopecks % 100:02}",
            "rn": "0000000400054952", "sh": 1, "shn": document}
