"""Where vectors are played: a billing of one generation, with the product.

A Stage keeps its server; each vector begins with an emptied billing and
empty queues, and is one run of `mbevd --once`.
"""

import socket
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime

from pymysql.constants import CLIENT

from conformance import beside, facts, offers, providers, quiet
from conformance.routers import ROUTERS
from conformance.vectors import CannotRun
from harness import billing, product
from harness.server import MariaDB
from harness.standin import Reply, StandIn

BILLING = "mikbill"
LATEST_START = 0.95  # of a second: state and event fall into the same one
TRIES = 10  # at that
IDLE_SECONDS = 24 * 3600  # while the other generation is played


@dataclass
class Observation:
    """What the product did about one vector."""

    requests: list
    appeared: dict  # table -> rows (column -> value) that came
    vanished: dict  # table -> rows that went
    deliveries: list  # states
    booked: int  # receipts that our own table has as accepted
    tables: list  # of the billing
    waiting: int  # rows left in the outbox
    exit_code: int
    log: str  # when the exit code is not 0
    now: datetime  # the database's clock
    resets: list = field(default_factory=list)  # that routers were asked for
    refused: list = field(default_factory=list)  # users no router let in
    faults: list = field(default_factory=list)  # of what routers were told


@dataclass(frozen=True)
class Layout:
    """What the billing's tables lie in."""

    server: str = None  # of harness.kinds; None = what MBEV_SERVER names
    engine: str = None  # None = as the vendor's, InnoDB
    charset: str = None  # instead of koi8r


class Stage:
    """One generation of the billing. A context manager."""

    def __init__(self, generation, reset_sql, layout=Layout()):
        self.generation = generation
        self.layout = layout
        self.reset_sql = ";\n".join(reset_sql)
        self.db = MariaDB(kind=layout.server, unsynced=True)
        self.standin = StandIn()
        self._deaf = socket.socket()  # bound, never listening
        self._routers = {}  # kit -> of routers.ROUTERS, once it is needed
        self._service = None
        self._link = None
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
        billing.create_billing(self.db, BILLING, self.generation,
                               self.layout.engine, self.layout.charset)
        product.install(self.db, BILLING)
        self._service = product.Service({})
        exits.callback(self._service.close)
        self._link = exits.enter_context(self.db.connect(
            BILLING, client_flag=CLIENT.MULTI_STATEMENTS,
            init_command="SET SESSION sql_mode='', "
                         f"wait_timeout={IDLE_SECONDS}"))

    def prepare(self, vector):
        """Play state and event; what an expectation may need to know."""
        for _ in range(TRIES):
            self.run(self.reset_sql)
            _align()
            begun = self._now()
            found = self._play(vector)
            if self._now() == begun:
                return found
        raise CannotRun("state and event never fell into the same second")

    def _play(self, vector):
        for statement in vector["state_sql"]:
            self.run(statement)
        self.run("DELETE FROM mikbill_events.outbox; "
                  "DELETE FROM mikbill_events.delivery; "
                  "DELETE FROM mikbill_events.event; "
                  "DELETE FROM mikbill_events.api_credit; "
                  "DELETE FROM mikbill_events.receipt; "
                  "DELETE FROM mikbill_events.till; "
                  "DELETE FROM mikbill_events.router")
        before = facts.rows_of(self.query, vector["event"])
        for statement in vector["event_sql"]:
            self.run(statement)
        return facts.Facts(self.query, vector["event"], before)

    def perform(self, vector, constants, provider, reply):
        """Let the product work once, and see what came of it.

        What may be sent again and waits for that, waits no longer: it works
        a second time then.
        """
        router = self._router(vector)
        self._configure(vector, constants, provider, reply, router)
        if reply:
            self.standin.reply = lambda request: Reply(
                reply["status"], providers.body_for(provider, reply, request),
                reply["content_type"])
        before = self._rows()
        exit_code = self._once(quiet.clock_of(vector))
        if provider and provider.repeats and self._hurry():
            exit_code = exit_code or self._once(quiet.clock_of(vector))
        appeared, vanished = _changes(before, self._rows())
        return Observation(
            list(self.standin.requests), appeared, vanished,
            [row[0] for row in self.query(
                "SELECT state FROM mikbill_events.delivery ORDER BY id")],
            self.query("SELECT COUNT(*) FROM mikbill_events.receipt "
                        "WHERE stage IN ('accepted', 'done')")[0][0],
            self.tables(),
            self.query("SELECT COUNT(*) FROM mikbill_events.outbox")[0][0],
            exit_code, self._service.log_text() if exit_code else "",
            self._now(), *([router.resets, router.refused, router.faults]
                           if router else []))

    def perform_dry(self, vector, constants, provider):
        """Let the product decide once, in a dry run; what it did all the
        same, and what `mbevctl compare` says of it."""
        router = self._router(vector)
        self._configure(vector, constants, provider, None, router,
                        {"dry_run": "all"})
        before = self._rows()
        code = self._once(quiet.clock_of(vector))
        found = [f"mbevd --once ended with {code}: "
                 f"{self._service.log_text()[-500:]}"] if code else []
        told = beside.report(self, self._service.config)
        if self._rows() != before or self.standin.requests:
            found.append("something was done in a dry run")
        if router and (router.resets or router.refused or router.faults):
            found.append("a router was told something in a dry run")
        return found, told

    def _configure(self, vector, constants, provider, reply, router,
                   service=None):
        sections = offers.settings_for(
            self.db, vector, constants, self._base(provider, reply),
            router and self._router_section(router))
        if service:
            sections = product.with_settings(sections, service=service)
        self._service.configure(sections)
        self.standin.reset()

    def _router(self, vector):
        """The router of the vector's kit with its subscribers online, or
        None when the action needs none."""
        if not offers.OFFERS[vector["event"], vector["action"]].routers:
            return None
        kit = vector["kit"]
        if kit not in self._routers:
            self._routers[kit] = self._exits.enter_context(ROUTERS[kit]())
        self._routers[kit].prepare(vector, [row[0] for row in self.query(
            "SELECT user FROM users UNION SELECT user FROM usersfreeze")])
        return self._routers[kit]

    def _router_section(self, router):
        """Our section for it. Host keys are remembered beside the rest."""
        return {"transport": router.transport, "port": router.port,
                "host_key": "accept-new",
                "known_hosts": self._service.folder / "known_hosts"}

    def _once(self, clock):
        """Run the service, with its clock set if there is one."""
        env = self._service.env
        if clock:
            env["MBEV_CLOCK"] = f"{clock.timestamp():.0f}"
        try:
            return self._service.once()
        finally:
            env.pop("MBEV_CLOCK", None)

    def _hurry(self):
        """Make due now what waits for its next try; how much that is."""
        with self._link.cursor() as cursor:
            return cursor.execute("UPDATE mikbill_events.delivery "
                                  "SET due_utc = UTC_TIMESTAMP(3) "
                                  "WHERE state = 'retry'")

    def _base(self, provider, reply):
        """Where the provider is, up to the path; deaf when it is refused."""
        deaf = provider and not reply
        port = self._deaf.getsockname()[1] if deaf else self.standin.port
        return f"http://127.0.0.1:{port}"

    def _now(self):
        return self.query("SELECT NOW()")[0][0]

    def _rows(self):
        """Every row of the billing, as a multiset of each filled table."""
        tables = self.tables()
        filled = self.query("SELECT " + ", ".join(
            f"EXISTS (SELECT 1 FROM `{table}`)" for table in tables))[0]
        return {table: Counter(self._named(f"SELECT * FROM `{table}`"))
                for table, has_rows in zip(tables, filled) if has_rows}

    def tables(self):
        """The tables of the billing."""
        return [row[0] for row in self.query("SHOW TABLES")]

    def _named(self, sql):
        """Rows as tuples of (column, value)."""
        with self._link.cursor() as cursor:
            cursor.execute(sql)
            names = [column[0] for column in cursor.description]
            return [tuple(zip(names, row)) for row in cursor.fetchall()]

    def query(self, sql):
        """The rows of a statement."""
        with self._link.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def run(self, sql):
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
