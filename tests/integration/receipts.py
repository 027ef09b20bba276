"""A chain that makes fiscal receipts, and what must hold after each test."""

from harness.product import with_settings
from harness.process import wait_until
from integration.chain import Chain
from integration.conftest import make_chain

TABLES = ["receipts_log", "__komtet_receipts_log"]
FISCAL = ["i", "fn", "t", "n", "fp", "rn", "sh", "shn"]
COLUMNS = ["id", "event_id", "uid", "number", "log_table", "log_id", "back",
           "kopecks", "contact", "stage", "task_id", "task_state", "error",
           "fiscal_kopecks", *(f"fiscal_{name}" for name in FISCAL)]
IN_WORK = ("ready", "retry", "calling")
AT_THE_TILL = ("accepted", "done", "failed")


def settings_for(settings, till, **receipt):
    """Receipts of all kinds, to this till, without long pauses; no SMS."""
    return with_settings(
        settings,
        payment={"sms": "no"},
        komtet={"url": till.url, "rate": "200", "connections": "4",
                "retry_first": "200 ms", "retry_longest": "1 s",
                "hold": "300 ms"},
        receipt={"payments": "yes", "refunds": "yes",
                 "look_first": "200 ms", "look_longest": "1 s"} | receipt)


def receipts(chain, columns="*"):
    """Rows of table receipt, in the order of their numbers."""
    return chain.db.sql(f"SELECT {columns} FROM receipt ORDER BY id",
                        "mikbill_events")


class Kassa(Chain):
    """A chain whose receipts go to a stand-in till.

    What a test did on purpose it says, for the check at its end:

    refusals      the till was told something wrong
    not_logged    numbers that receipts_log lacks, or lacks the result of
    orphans       ids in receipts_log that are no receipts of ours
    """

    till = None
    refusals = False

    def __init__(self, *chain):
        super().__init__(*chain)
        self.not_logged = set()
        self.orphans = set()

    def serve(self, till):
        """Receipts are on, everything is quick, nobody gets an SMS."""
        self.till = till
        self.reconfigure(settings_for(self.settings, till))
        return self.configure(
            billing={"api_settle": "100 ms", "api_wait": "300 ms"})

    def configure(self, **sections):
        """Other settings for the next start."""
        self.reconfigure(with_settings(self.settings, **sections))
        return self

    def empty(self):
        """No receipts either."""
        super().empty()
        self.db.sql("".join(f"DROP TABLE IF EXISTS mikbill.{table};"
                            for table in TABLES))

    def run(self):
        """One run of the service to its end."""
        assert self.service.once() == 0
        return self

    def receipts(self, columns="stage", where="1"):
        """Rows of table receipt in the order of their numbers."""
        return self.db.sql(f"SELECT {columns} FROM receipt WHERE {where}"
                           " ORDER BY id", "mikbill_events")

    def stages(self):
        """The stages of all receipts."""
        return [stage for (stage,) in self.receipts()]

    def wait_stages(self, *stages, timeout=15):
        """Wait until the receipts have just these stages."""
        try:
            wait_until(lambda: self.stages() == list(stages), timeout, "")
        except TimeoutError:
            log = self.service.log_text()[-2000:]
            raise TimeoutError(f"stages are {self.stages()}, not {stages}\n"
                               f"{log}") from None
        return self

    def accepted(self):
        """(contact, kopecks) in the order in which the till took them."""
        return [(one.contact, one.kopecks) for one in self.till.receipts]

    def posts_of(self, number):
        """The requests that brought a receipt."""
        return [post for post in self.till.posts
                if f'"{number}"'.encode() in post.body]

    # ---- what must hold after each test ----

    def check(self):
        """Log, receipts and the till's book agree, line by line."""
        assert self.till.book.changed == []
        assert self.refusals or [one.why for one in self.till.refused] == []
        receipts = [dict(zip(COLUMNS, row)) for row in
                    self.receipts(", ".join(COLUMNS))]
        taken = [one["event_id"] for one in receipts
                 if one["number"] in self.till.book.entries]
        assert len(taken) == len(set(taken)), "two receipts for one event"
        numbers = {one["number"] for one in receipts}
        assert len(numbers) == len(receipts), "a number was used twice"
        assert numbers >= set(self.till.book.entries)
        for one in receipts:
            self._check_receipt(one)
        self._check_log(receipts)

    def _check_receipt(self, one):
        """A receipt, its delivery and its entry in the book."""
        entry = self.till.book.entries.get(one["number"])
        state, lane, payload, log_id, address = self._delivery(one)
        newest = log_id == one["log_id"]
        assert state != "done" or one["stage"] != "new"
        if one["stage"] in AT_THE_TILL:
            assert entry, f"{one['number']} is not at the till"
            assert state == ("dead" if one["stage"] == "failed" else "done")
        elif one["stage"] == "new":
            assert (state, lane, newest) == (state, "komtet", True)
            assert state in IN_WORK
        elif one["stage"] in ("refused", "burnt"):
            assert not entry and one["error"]
            assert one["stage"] == "burnt" or state == "dead"
        if one["stage"] == "done":
            _same_fiscal(one, entry)
        if entry:
            assert entry.kopecks == one["kopecks"]
            assert entry.intent == ("sellReturn" if one["back"] else "sell")
            assert entry.contact == one["contact"] == address
            assert one["task_id"] in (None, str(entry.task_id))
            assert newest and entry.body == payload.encode()

    def _delivery(self, one):
        ((row),) = self.deliveries(
            "state, lane, payload, log_id, address",
            f"action = 'receipt' AND event_id = {one['event_id']}")
        return row

    def _check_log(self, receipts):
        """The billing's list says the same."""
        there = {name for (name,) in self.db.sql("SHOW TABLES", "mikbill")}
        logged = {(table, row[0]): row[1:] for table in TABLES
                  if table in there for row in self.rows(
                      "id, user_id, contact, int_id, ext_id, state, error",
                      table)}
        for one in receipts:
            row = logged.pop((one["log_table"], one["log_id"]), None)
            if one["number"] in self.not_logged:
                continue
            uid, contact, number, ext_id, state, error = row
            assert (uid, contact, number) == (
                str(one["uid"]), one["contact"], one["number"])
            assert one["task_id"] == (ext_id and str(ext_id))
            assert one["task_state"] == state
            assert bool(one["error"]) == bool(error)
        assert {key[1] for key in logged} == self.orphans


def _same_fiscal(one, entry):
    """Every word of the till is kept."""
    assert entry.state == "done"
    assert {name: one[f"fiscal_{name}"] for name in FISCAL} == {
        name: str(entry.fiscal[name]) for name in FISCAL}


def make_kassa(db, pilot, till):
    """A chain with receipts; checked when its test is over."""
    for kassa in make_chain(db, pilot, Kassa):
        yield kassa.serve(till)
        kassa.close()
        kassa.check()
