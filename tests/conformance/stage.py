"""Where vectors are played: a billing of one generation, with the product.

A Stage keeps its server; each vector begins with an emptied billing and
empty queues, and is one run of `mbevd --once`.
"""

import socket
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from pymysql.constants import CLIENT

from conformance import offers
from harness import billing, product
from harness.server import MariaDB
from harness.standin import Reply, StandIn

BILLING = "mikbill"
LATEST_START = 0.8  # of a second: state and event fall into the same one


@dataclass
class Facts:
    """What the database knew when the product looked: for expectations."""

    payments: list  # (uid, amount with two decimals) of the captured rows
    subscribers: list  # (table, login, phone field), in order of precedence


@dataclass
class Observation:
    """What the product did about one vector."""

    requests: list
    appeared: dict  # table -> rows (column -> value) that came
    vanished: dict  # table -> rows that went
    deliveries: list  # states
    waiting: int  # rows left in the outbox
    exit_code: int
    log: str  # when the exit code is not 0
    now: datetime  # the database's clock


class Stage:
    """One generation of the billing. A context manager."""

    def __init__(self, generation, reset_sql):
        self.generation = generation
        self.reset_sql = ";\n".join(reset_sql)
        self.db = MariaDB()
        self.standin = StandIn()
        self._deaf = socket.socket()  # bound, never listening
        self._service = None
        self._link = None
        self._tables = []
        self._exits = None

    def __enter__(self):
        with ExitStack() as exits:
            exits.enter_context(self.db)
            exits.enter_context(self.standin)
            exits.enter_context(self._deaf)
            self._install(exits)
            self._exits = exits.pop_all()
        return self

    def __exit__(self, *exception):
        return self._exits.__exit__(*exception)

    def _install(self, exits):
        self._deaf.bind(("127.0.0.1", 0))
        billing.create_billing(self.db, BILLING, self.generation)
        product.install(self.db, BILLING)
        self._service = product.Service({})
        exits.callback(self._service.close)
        self._link = exits.enter_context(self.db.connect(
            BILLING, client_flag=CLIENT.MULTI_STATEMENTS,
            init_command="SET SESSION sql_mode=''"))
        self._tables = [row[0] for row in self._query("SHOW TABLES")]

    def prepare(self, vector):
        """Play state and event; what an expectation may need to know."""
        self._run(self.reset_sql)
        _align()
        for statement in vector["state_sql"]:
            self._run(statement)
        self._run("DELETE FROM mikbill_events.outbox; "
                  "DELETE FROM mikbill_events.delivery; "
                  "DELETE FROM mikbill_events.event")
        known = self._query("SELECT plategid FROM bugh_plategi_stat")
        for statement in vector["event_sql"]:
            self._run(statement)
        return self._facts({row[0] for row in known})

    def perform(self, vector, constants, provider, reply):
        """Let the product work once, and see what came of it."""
        settings = offers.settings_for(
            self.db, vector, constants, self._url(provider, reply))
        self._service.configure(settings)
        self.standin.reset()
        self.standin.reply = lambda request: Reply(
            reply["status"], offers.body_for(provider, reply, request),
            reply["content_type"])
        before = self._rows()
        exit_code = self._service.once()
        appeared, vanished = _changes(before, self._rows())
        return Observation(
            list(self.standin.requests), appeared, vanished,
            [row[0] for row in self._query(
                "SELECT state FROM mikbill_events.delivery ORDER BY id")],
            self._query("SELECT COUNT(*) FROM mikbill_events.outbox")[0][0],
            exit_code, self._service.log_text() if exit_code else "",
            self._query("SELECT NOW()")[0][0])

    def _url(self, provider, reply):
        port = self.standin.port if reply else self._deaf.getsockname()[1]
        return f"http://127.0.0.1:{port}{offers.PROVIDERS[provider].url_path}"

    def _facts(self, known):
        """The captured payments and who the first of them belongs to."""
        rows = self._query("SELECT plategid, uid, ROUND(summa, 2) "
                           "FROM bugh_plategi_stat ORDER BY plategid")
        payments = [(uid, f"{amount:.2f}") for key, uid, amount in rows
                    if key not in known]
        subscribers = []
        for table in ("users", "usersfreeze"):
            for uid, _ in payments[:1]:
                found = self._query(f"SELECT user, sms_tel FROM {table} "
                                    f"WHERE uid = {uid}")
                subscribers += [(table, *row) for row in found]
        return Facts(payments, subscribers)

    def _rows(self):
        """Every row of the billing, as a multiset of each filled table."""
        filled = self._query("SELECT " + ", ".join(
            f"EXISTS (SELECT 1 FROM `{table}`)" for table in self._tables))[0]
        return {table: Counter(self._named(f"SELECT * FROM `{table}`"))
                for table, has_rows in zip(self._tables, filled) if has_rows}

    def _named(self, sql):
        """Rows as tuples of (column, value)."""
        with self._link.cursor() as cursor:
            cursor.execute(sql)
            names = [column[0] for column in cursor.description]
            return [tuple(zip(names, row)) for row in cursor.fetchall()]

    def _query(self, sql):
        with self._link.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def _run(self, sql):
        """One or more statements without a result."""
        with self._link.cursor() as cursor:
            cursor.execute(sql)
            while cursor.nextset():
                pass


def _align():
    """Wait for the beginning of a second: some times are relative to it."""
    fraction = time.time() % 1
    if fraction > LATEST_START:
        time.sleep(1 - fraction)


def _changes(before, after):
    """(rows that came, rows that went), by table, as dictionaries."""
    return _more(after, before), _more(before, after)


def _more(rows, other):
    """By table, the rows that the other has not."""
    more = {table: rows[table] - other.get(table, Counter())
            for table in rows}
    return {table: [dict(row) for row in found.elements()]
            for table, found in more.items() if found}
