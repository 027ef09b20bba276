"""A billing with our service and every stand-in, for one run after another.

    with Stage() as stage:
        stage.prepare(scenario)
        stage.book()
        stage.start(MBEV_FAULT="settle.begun:kill")
        stage.wait_end()
        stage.start()
        stage.wait_settled()
        stage.service.stop()
        assert stage.complaints() == []
"""

import contextlib
import itertools
import os
import signal
import time
from collections import Counter

from harness import ros_api
from harness.billing import create_billing
from harness.komtet import Komtet, html
from harness.ledger import Ledger
from harness.process import is_frozen, wait_until
from harness.product import (Service, default_settings, install,
                             with_settings)
from harness.ros_api import RouterApi
from harness.server import MariaDB, free_port
from harness.standin import (Reply, Smsc, SmsPilot, StandIn,
                             close_without_reply)
from integration.chain import BILLING_TABLES, Chain
from integration.sessions import nas
from matrix.scenario import (CHANGER, DISCOUNT, FEE, LOYALTY, PAYER, PUBLIC,
                             SUMMA)
from matrix.seams import passes_in

LOYAL = "ext_date_fiz_contract_conclusion"
WORDS = {"done": "ok", None: "forgotten"}
NEW_GID = 6
BUSY = '{"error":{"code":"110","description":"busy"}}'
QUIET_S = 1.5  # longer than any pause between a result and its record
PATIENCE = 60  # seconds for whatever must happen
SHORT = {"retry_first": "100 ms", "retry_longest": "200 ms", "hold": "200 ms"}


class Stage:
    """What a run needs; prepare() makes it as new.

    call     time limit of each call, as a setting
    service  more keys of [service]
    second   a service that stands by, with a place of its own
    """

    def __init__(self, call="5 s", **service):
        self._call, self._service = call, service
        self._open = contextlib.ExitStack()
        self.scenario = None

    def __enter__(self):
        with contextlib.ExitStack() as opened:
            self.db = opened.enter_context(MariaDB())
            create_billing(self.db, "mikbill", "legacy")
            install(self.db)
            self.db.sql("CREATE TABLE stage (n INT)", "mikbill")
            self.pilot, self.smsc, self.till, self.router = [
                opened.enter_context(kind())
                for kind in (SmsPilot, Smsc, Komtet, RouterApi)]
            self.trace = self.db.folder / "trace"
            self.chain = Chain(self.db, self.pilot, self._settings())
            opened.callback(self.chain.close)
            self.second = Service(self._settings())
            opened.callback(self.second.close)
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_):
        self._open.close()

    @property
    def service(self):
        """The service."""
        return self.chain.service

    @property
    def standins(self):
        """Whoever is called by the service."""
        return [self.pilot, self.smsc, self.till, self.router]

    # ---- before a run ----

    def prepare(self, scenario, refused=False, flush=1, old=False):
        """Two subscribers, and settings for what is to be booked.

        refused  the first call of each kind does not succeed
        flush    the server's innodb_flush_log_at_trx_commit
        old      there are events whose time is over, which have to go
        """
        self.scenario = scenario
        for standin in self.standins:
            standin.reset()
        self._empty()
        settings = with_settings(self._settings(), **scenario.settings)
        other = self.db.folder / "second"
        other.mkdir(exist_ok=True)
        self.ears = []
        self.chain.reconfigure(self._hearing(settings))
        self.second.configure(self._hearing(with_settings(
            settings, service={"doorbell": other / "doorbell",
                               "state_dir": other})))
        self._enroll()
        if old:
            self._remember()
        self.write(flush)
        if refused:
            self._refuse_first()

    def book(self, missed=False):
        """What the scenario begins with, committed; missed: a while ago, and
        no trigger has captured it."""
        if "payment" in self.scenario.due:
            self.chain.pay(PAYER, summa=SUMMA)
        if missed:
            self.db.sql("DELETE FROM mikbill_events.outbox;"
                        "UPDATE bugh_plategi_stat SET"
                        " date = date - INTERVAL 2 MINUTE", "mikbill")
        if "tariff_change" in self.scenario.due:
            self.chain.change_tariff(CHANGER, gid=NEW_GID)

    def _empty(self):
        """No rows, and no journal of attempts."""
        self._flush(0)
        self.chain.empty()
        self.db.sql("DELETE FROM radnas; DELETE FROM radacct", "mikbill")
        for left in (*self.db.folder.rglob("*journal*"), self.trace,
                     self.service.log, self.second.log):
            left.unlink(missing_ok=True)

    def _flush(self, value):
        self.db.sql(f"SET GLOBAL innodb_flush_log_at_trx_commit = {value}")

    def write(self, flush):
        """Bring every commit so far to disk; from now on as flush says."""
        self._flush(1)
        self.db.sql("INSERT INTO stage VALUES (1); DELETE FROM stage",
                    "mikbill")
        self._flush(flush)

    def _enroll(self):
        chain = self.chain
        for gid in (5, NEW_GID):
            chain.tariff(gid, fee=FEE)
        chain.subscriber(PAYER, phone="79001234567")
        chain.field(LOYAL, "2010-05-05", PAYER)
        chain.subscriber(CHANGER, phone="79001234568")
        if "discount_remove" in self.scenario.actions:
            chain.field(DISCOUNT[1], DISCOUNT[2], CHANGER)
        nas(chain)
        self.router.online(b"sub1001", b"sub1002", b"sub10021", b"other")

    def _remember(self):
        """Events of a year ago, and a newer one, which stays."""
        for number, days in ((1, 366), (2, 365), (3, 0)):
            then = f"UTC_TIMESTAMP(3) - INTERVAL {days} DAY"
            self.db.sql(
                "INSERT INTO event SET kind = 'credit', uid = 9, source_key ="
                f" 'credit:bugh_uslugi_stat:{number}:9:2001-01-01 00:00:00:"
                f"null', captured_utc = {then}, ingested_utc = {then},"
                " body = '{}';"
                "INSERT INTO delivery SET event_id = LAST_INSERT_ID(),"
                " action = 'session_reset', state = 'skipped', reason = 'old',"
                f" due_utc = {then}, changed_utc = {then}", "mikbill_events")

    def _is_rid_of_old(self):
        """Have those gone whose time was over?"""
        return self.db.sql(
            "SELECT 1 FROM event WHERE captured_utc < UTC_TIMESTAMP(3)"
            " - INTERVAL 1 YEAR", "mikbill_events") == []

    def _settings(self):
        call = {"timeout": self._call, "connect_timeout": self._call}
        return with_settings(
            default_settings(self.db, self.pilot.url),
            service={"safety_poll": "200 ms", **self._service},
            notice=SHORT, smspilot=call,
            smsc={**call, "url": self.smsc.url, "ask_after": "100 ms"},
            komtet={**call, **SHORT, "url": self.till.url, "rate": "500",
                    "connections": "4"},
            receipt={"look_first": "100 ms", "look_longest": "200 ms"},
            billing={"api_settle": "0 s"},
            session_reset={"after": "0 s"},
            routers={**call, "transport": "api", "port": self.router.port,
                     "hold_first": "100 ms", "hold_longest": "200 ms",
                     "hold_refused": "200 ms", "retry_first": "100 ms",
                     "retry_longest": "200 ms"})

    def _hearing(self, settings):
        """Where Komtet is to tell of each receipt."""
        if not self.scenario.told:
            return settings
        port = free_port()
        self.ears.append(f"http://127.0.0.1:{port}/komtet")
        self.till.fiscal_after = None
        return with_settings(settings, callback={"port": port})

    def _refuse_first(self):
        """The first try of each call comes to nothing."""
        pilot, smsc, till, router = self.standins
        pilot.reply = _first(lambda _request: Reply(body=BUSY),
                             pilot.ordinary_reply)
        smsc.send_reply = _first(close_without_reply, smsc.accept)
        till.post_reply = _first(lambda request: html(request, 502),
                                 till.honest)
        till.look_reply = _first(close_without_reply, till.honest)
        router.answer = ros_api.first(1, ros_api.close)

    # ---- the run ----

    def start(self, service=None, **env):
        """Start the service, with these words in its environment only."""
        service = service or self.service
        for name in ("MBEV_FAULT", "MBEV_FAULT_TRACE"):
            service.env.pop(name, None)
        service.env.update(env)
        service.start()

    def take_and_kill(self):
        """The provider takes what it gets; its reply finds nobody."""
        def kill(_request=None, _honest=None):
            os.kill(self.service.pid, signal.SIGKILL)
            return close_without_reply(_request)

        def once(reply):
            return _first(reply, reply.__self__.ordinary_reply)

        pilot, smsc, till, router = self.standins
        honest = pilot.ordinary_reply
        pilot.reply = _first(
            lambda request: (honest(request), kill())[1], honest)
        smsc.send_reply = _first(smsc.accept_but(kill), smsc.accept)
        till.post_reply = _first(till.accept_but(kill), till.honest)
        router.answer = ros_api.only(
            "/ppp/active/remove", ros_api.done_but(kill))

    def wait_end(self):
        """Wait until the service is dead."""
        self._wait(lambda: not self.service.running, "end of the service")

    def wait_frozen(self):
        """Wait until the service has stopped itself."""
        self._wait(lambda: is_frozen(self.service.pid), "freeze")

    def kill_all(self):
        """SIGKILL for the server and the service; the server comes back.
        True when it has forgotten what the service had committed."""
        before = self._committed()
        lazy = self.db.sql("SELECT @@innodb_flush_log_at_trx_commit")
        self.db.kill()
        self.service.kill()
        self.db.start()
        self._flush(lazy[0][0])
        return self._committed() != before

    def _committed(self):
        return [self.db.sql(f"SELECT * FROM {table} ORDER BY id",
                            "mikbill_events")
                for table in ("outbox", "event", "delivery", "receipt")]

    def wait_standing_by(self, told):
        """Wait until the service has seen that another one acts; told: how
        long its log was before."""
        self._wait(lambda: "standing by" in self.service.log_text()[told:],
                   "service that stands by")

    def wait_quiet(self):
        """Wait until nothing is left to do, or to be told: the state of a
        router is written a little later. The rows of all tables."""
        self.wait_settled()
        seen = {"rows": None, "since": 0}

        def quiet():
            rows = self.dump()
            if rows != seen["rows"]:
                seen.update(rows=rows, since=time.monotonic())
            return time.monotonic() > seen["since"] + QUIET_S
        self._wait(quiet, "quiet", pause=0.2)
        return seen["rows"]

    def stop_all(self):
        """Stop both services."""
        for service in (self.service, self.second):
            service.stop()

    def wait_settled(self):
        """Wait until nothing is left to do."""
        ledger = self.ledger()
        # What is not there yet looks settled, so that is asked last.
        self._wait(lambda: self._is_complete() and self._is_rid_of_old()
                   and ledger.is_settled(), "end of the work", pause=0.03)

    def _is_complete(self):
        """Is there an event for what is booked?"""
        return "payment" not in self.scenario.due or self.db.sql(
            "SELECT (SELECT COUNT(*) FROM event WHERE kind = 'payment') >="
            " (SELECT COUNT(*) FROM mikbill.bugh_plategi_stat)",
            "mikbill_events") == [(1,)]

    def _call_back(self):
        """Komtet tells of its receipts, until it is heard."""
        for ear, entry in itertools.product(self.ears, self.till.receipts):
            with contextlib.suppress(OSError):
                self.till.callback(ear, entry, registered=PUBLIC, timeout=1)

    def _wait(self, condition, what, pause=0.01):
        def holds():
            if condition():
                return True
            if self.scenario.told:
                self._call_back()
            return False
        try:
            wait_until(holds, PATIENCE, what, pause)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.report()}") from None

    # ---- after it ----

    def ledger(self, forgetful=False):
        """The ledger of this scenario."""
        due = {kind: set(actions)
               for kind, actions in self.scenario.due.items()}
        actions, changes = self.scenario.actions, self._changes()
        # What a crash of the server has taken back has not to be removed.
        has_changed = not forgetful or sum(changes.values()) > 0
        removes = "discount_remove" in actions and has_changed
        return Ledger(
            self.db, due=due, pilot=self.pilot, smsc=self.smsc,
            till=self.till if "receipt" in actions else None,
            routers=[self.router], changes=changes,
            discounts=[DISCOUNT] if removes else (),
            online=["sub1002"], topups="bonus_topup" in actions,
            loyalty={PAYER: LOYALTY}, forgetful=forgetful)

    def _changes(self):
        """What the billing says of the tariff."""
        (gid,), = self.db.sql(f"SELECT gid FROM users WHERE uid = {CHANGER}",
                              "mikbill")
        return Counter({("tariff_change", CHANGER): int(gid == NEW_GID)})

    def complaints(self, forgetful=False):
        """What the ledger says is wrong."""
        return self.ledger(forgetful).complaints()

    def words(self):
        """column -> how its delivery has ended."""
        ended = {(kind, action): state for kind, action, state in self.db.sql(
            "SELECT kind, action, state FROM delivery d JOIN event e"
            " ON e.id = d.event_id", "mikbill_events")}
        return {self.scenario.column(kind, action): WORDS.get(
                    ended.get((kind, action)), ended.get((kind, action)))
                for kind, actions in self.scenario.due.items()
                for action in actions}

    def dump(self):
        """table -> its rows, of ours but for the lease, and of the billing's
        that we write."""
        tables = [f"mikbill_events.{name}" for (name,) in self.db.sql(
            "SHOW TABLES", "mikbill_events") if name != "owner"]
        tables += [f"mikbill.{name}" for name in BILLING_TABLES
                   if name != "receipts_log" or self._has_receipts()]
        return {name: sorted(map(str, self.db.sql(f"SELECT * FROM {name}")))
                for name in tables}

    def _has_receipts(self):
        return bool(self.db.sql("SHOW TABLES LIKE 'receipts_log'",
                                "mikbill"))

    def calls(self):
        """How many requests each stand-in has got."""
        return Counter({type(one).__name__: len(one.requests)
                        for one in self.standins})

    def passes(self):
        """How often each seam was passed."""
        return passes_in(self.trace)

    def report(self):
        """For people."""
        rows = self.db.sql(
            "SELECT action, state, lane, attempts, ask, reason FROM delivery",
            "mikbill_events") if self.db.pid else "the server is down"
        return "\n".join([str(rows), *(
            one.log.read_text(errors="replace")[-3000:]
            for one in (self.service, self.second) if one.log.exists())])


def _first(reply, later):
    """The first request is answered in another way."""
    answers = iter([reply])
    return lambda request: next(answers, later)(request)
