"""What goes wrong: a plan of it, made of a seed, and its execution.

    plan = make_plan(seed, seconds=60, flush=1)
    print("\n".join(map(str, plan)))
    chaos = Chaos(stage, plan).start()
    chaos.wait()
    chaos.happened, chaos.errors

Each actor (a service, the server, a provider, ...) has one trouble at a time,
and those of all actors meet as they fall. The plan is the same for the same
seed; what it meets is not.
"""

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass

import pymysql

from harness import komtet, ros_api, standin
from harness.product import run_sql
from harness.standin import Reply
from torture.producers import is_mortal
from torture.stage import LEASE_S, PAYER_UIDS, ROUTERS


@dataclass(order=True)
class Step:
    """One trouble: when it begins, of whom, what, and for how long."""

    at: float
    actor: str
    what: str
    lasts: float
    seed: int

    def __str__(self):
        return (f"{self.at:7.1f} s  {self.actor}: {self.what},"
                f" {self.lasts:.1f} s")


# What can happen to whom: (shortest, longest) seconds.
SERVICE = {
    "the acting one is killed": (0, 3),
    "the one that stands by is killed": (0, 3),
    "all are killed": (0, 3),
    "the acting one is frozen past its lease": (LEASE_S + 1, LEASE_S + 4),
    "the acting one is frozen for a while": (0.2, 3),
    "the acting one is stopped": (0, 2),
}
SERVER = {
    "is killed": (0, 2),
    "is frozen": (0.5, 7),
    "is killed, with the service that acts": (0, 2),
    "is killed, and the service that acts for good": (LEASE_S, LEASE_S + 3),
    "is restarted": (0, 0),
    "is read only": (0.5, 2),
}
LINES = {
    "of the services are closed": (0, 1),
    "to the server break off": (1, 4),
    "are too many": (0.5, 2),
}
PROVIDER = {
    "is not there": (1, 4),
    "closes connections at once": (0.5, 2),
    "closes without an answer": (0.3, 2),
    "resets": (0.3, 2),
    "is silent": (0.3, 2),
    "answers 500": (0.3, 1.5),
    "answers 429": (0.5, 2),
    "answers html": (0.3, 1.5),
    "answers garbage": (0.3, 1.5),
    "is slow": (1, 4),
    "takes it and closes": (0.3, 2),
    "takes it and answers html": (0.3, 1.5),
    "takes it late": (0.5, 2),
    "refuses the account": (0.5, 2),
    "is busy": (0.5, 2),
}
ROUTER = {
    "is not there": (1, 4),
    "hangs": (0.5, 3),
    "closes": (0.5, 3),
    "does as told and closes": (0.5, 3),
    "breaks off": (0.5, 3),
    "talks nonsense": (0.5, 3),
    "refuses": (0.5, 3),
    "is slow": (1, 3),
}
OPERATOR = {
    "holds deliveries": (1, 5),
    "holds a subscriber": (1, 5),
    "holds the logs": (1, 5),
    "holds the owner": (0.5, 3),
    "locks the tables of messages": (0.5, 2),
    "stops everything for a backup": (0.2, 1),
}
BACKUP = {"holds a snapshot": (3, 15)}
TRIGGERS = {"are missing": (1, 4)}

# Who there is, and seconds between two troubles, shortest and longest.
ACTORS = {
    "services 1": (SERVICE, (1, 8)),
    "services 2": (SERVICE, (4, 15)),
    "server": (SERVER, (3, 12)),
    "connections": (LINES, (3, 10)),
    "smspilot": (PROVIDER, (0.5, 5)),
    "smsc": (PROVIDER, (0.5, 5)),
    "till": (PROVIDER, (0.5, 5)),
    **{f"router {n + 1}": (ROUTER, (1, 6)) for n in range(ROUTERS)},
    "operator": (OPERATOR, (1, 6)),
    "backup": (BACKUP, (0.5, 3)),
}


def make_plan(seed, seconds, gaps=False, actors=None):
    """The Steps of a run, in order. gaps: triggers are missing at times."""
    actors = dict(actors or ACTORS)
    if gaps:
        actors["triggers"] = (TRIGGERS, (5, 20))
    return sorted(step for name, (troubles, pauses) in actors.items()
                  for step in _plan_of(name, seed, seconds, troubles, pauses))


def _plan_of(actor, seed, seconds, troubles, pauses):
    """One trouble after the other, each once before any comes twice."""
    dice, deck = random.Random(f"{seed} {actor}"), []
    at = dice.uniform(*pauses)
    while True:
        deck = deck or dice.sample(list(troubles), len(troubles))
        what = deck.pop()
        lasts = dice.uniform(*troubles[what])
        if at + lasts > seconds:
            return
        yield Step(round(at, 1), actor, what, round(lasts, 1),
                   dice.randrange(1 << 30))
        at += lasts + dice.uniform(*pauses)


class Chaos:
    """A plan as it is carried out.

    happened  (actor, what) -> how often
    errors    what of it could not be done
    """

    def __init__(self, stage, plan):
        self.stage, self.plan = stage, plan
        self.happened, self.errors = Counter(), []
        self._begun = time.monotonic()
        self._server = threading.RLock()
        self._threads = [
            threading.Thread(target=self._run, daemon=True,
                             args=(does, [step for step in plan
                                          if step.actor == name]))
            for name, does in self.actors().items()]

    def actors(self):
        """Who there is -> what carries a step out."""
        stage = self.stage
        return {
            "services 1": self._on_services, "services 2": self._on_services,
            "server": self._on_server, "connections": self._on_lines,
            "operator": self._on_tables, "backup": self._on_tables,
            "triggers": self._on_triggers,
            "smspilot": self._on(pilot_troubles(stage.pilot)),
            "smsc": self._on(smsc_troubles(stage.smsc)),
            "till": self._on(till_troubles(stage.till)),
            **{f"router {n + 1}": self._on(router_troubles(router))
               for n, router in enumerate(stage.routers)}}

    def is_expected(self, error):
        """May a step meet this, as things are?"""
        return is_mortal(error)

    def start(self):
        """Begin."""
        self._begun = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def wait(self, timeout=120):
        """Wait for the end of the plan, at most so long after it was due."""
        last = max([step.at + step.lasts for step in self.plan] or [0])
        until = self._begun + last + timeout
        for thread in self._threads:
            thread.join(max(0, until - time.monotonic()))
            if thread.is_alive():
                raise TimeoutError("the plan does not come to its end")

    def _run(self, does, steps):
        for step in steps:
            time.sleep(max(0, self._begun + step.at - time.monotonic()))
            try:
                if does(step) is not False:
                    self.happened[step.actor, step.what] += 1
            except (pymysql.MySQLError, OSError) as error:
                if not self.is_expected(error):
                    self.errors.append(f"{step}: {error!r}")
            except Exception as error:  # of the torture itself
                self.errors.append(f"{step}: {error!r}")
                raise

    # ---- services ----

    def _on_services(self, step):
        """What the plan says of one of them, or of both."""
        acting = self.stage.acting()
        if acting is None:
            return False
        others = [one for one in self.stage.workers if one != acting]
        victims = ([acting] if "acting" in step.what else
                   others if "stands by" in step.what else
                   self.stage.workers)
        with contextlib.ExitStack() as held:
            for victim in victims:
                if not held.enter_context(at_hand(victim)):
                    return False
            for victim in victims:
                _strike(victim, step)
            time.sleep(step.lasts)
            for victim in victims:
                _restore(victim, step)
        return True

    # ---- the server ----

    def _on_server(self, step):
        db = self.stage.db
        if "killed" in step.what:
            with self._server:
                self._kill_server(step)
        elif step.what == "is restarted":
            with self._server:
                db.restart()
        elif step.what == "is read only":
            db.sql("SET GLOBAL read_only = 1")
            time.sleep(step.lasts)
            db.sql("SET GLOBAL read_only = 0")
        else:
            os.kill(db.pid, signal.SIGSTOP)
            time.sleep(step.lasts)
            os.kill(db.pid, signal.SIGCONT)

    def _kill_server(self, step):
        """With whatever has not reached the disk."""
        also = self.stage.acting() if "service" in step.what else None
        pause = step.lasts if step.lasts < LEASE_S else 0
        with contextlib.ExitStack() as held:
            if also:
                held.enter_context(also.hand)
            self.stage.db.kill()
            if also:
                also.strike()
            time.sleep(pause)
            self.stage.db.start()
            if also:
                time.sleep(step.lasts - pause)
                also.rise()

    def _on_lines(self, step):
        if "break off" in step.what:
            self._cut_lines(step)
        elif "too many" in step.what:
            self._fill_up(step)
        else:
            self._end_connections()
            time.sleep(step.lasts)
            self._end_connections()

    def _fill_up(self, step):
        """Who has a connection keeps it, and the service has none."""
        with contextlib.closing(self.stage.db.connect()) as link, \
                link.cursor() as cursor:
            cursor.execute("SET GLOBAL max_connections = 10")
            self._end_connections(cursor)
            time.sleep(step.lasts)
            cursor.execute("SET GLOBAL max_connections = 151")

    def _cut_lines(self, step):
        """They end, or fall silent, after any byte."""
        dice, until = random.Random(step.seed), time.monotonic() + step.lasts
        try:
            while time.monotonic() < until:
                for line in self.stage.lines:
                    line.hangs = dice.random() < 0.3
                    line.limit = dice.randint(0, 30000)
                self._end_connections()
                time.sleep(dice.uniform(0.2, 1))
        finally:
            for line in self.stage.lines:
                line.limit = None
            self._end_connections()

    def _end_connections(self, cursor=None):
        if cursor is None:
            with contextlib.closing(self.stage.db.connect()) as link, \
                    link.cursor() as cursor:
                return self._end_connections(cursor)
        cursor.execute("SELECT id FROM information_schema.processlist"
                       " WHERE user = 'mbev_service'")
        for (one,) in cursor.fetchall():
            with contextlib.suppress(pymysql.err.OperationalError):
                cursor.execute(f"KILL {one}")
        return None

    # ---- tables ----

    def _on_tables(self, step):
        """Somebody sits in a transaction."""
        dice = random.Random(step.seed)
        with contextlib.closing(self.stage.db.connect(
                "mikbill_events", autocommit=False)) as link, \
                link.cursor() as cursor:
            for statement in TABLES[step.what](dice):
                cursor.execute(statement)
                cursor.fetchall()
            until = time.monotonic() + step.lasts
            while step.actor == "backup" and time.monotonic() < until:
                cursor.execute("SELECT * FROM " + dice.choice(BACKED_UP))
                cursor.fetchall()
                time.sleep(0.2)
            time.sleep(max(0, until - time.monotonic()))
            cursor.execute("UNLOCK TABLES")
            link.rollback()

    def _on_triggers(self, step):
        """Payments and credits are not captured for a while."""
        db = self.stage.db
        for table in ("bugh_plategi_stat", "bugh_uslugi_stat"):
            db.sql("SET lock_wait_timeout = 10;"
                   f"DROP TRIGGER IF EXISTS mbev_ai_{table}", "mikbill")
        time.sleep(step.lasts)
        install_triggers(db)

    # ---- providers and routers ----

    def _on(self, troubles):
        """A step is one of these context managers."""
        def does(step):
            with troubles[step.what]():
                time.sleep(step.lasts)
        return does


def install_triggers(db, tries=20):
    """Again until no long transaction is in the way."""
    for left in reversed(range(tries)):
        try:
            return run_sql(db, "triggers.sql", "mikbill")
        except RuntimeError:
            if not left:
                raise
            time.sleep(1)


def _ids(dice, table, number):
    """A statement that takes some of the newest rows of a table."""
    return (f"SELECT * FROM {table} ORDER BY 1 DESC"
            f" LIMIT {dice.randint(1, number)} FOR UPDATE")


READ_COMMITTED = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
TABLES = {
    "holds deliveries": lambda dice: [
        READ_COMMITTED, _ids(dice, "delivery", 40)],
    "holds a subscriber": lambda dice: [
        READ_COMMITTED, "SELECT * FROM mikbill.users WHERE uid ="
        f" {dice.choice(PAYER_UIDS)} FOR UPDATE"],
    "holds the logs": lambda dice: [
        READ_COMMITTED, _ids(dice, "mikbill.sms_logs", 40)],
    "holds the owner": lambda _dice: [
        READ_COMMITTED, "SELECT * FROM owner FOR UPDATE"],
    "locks the tables of messages": lambda _dice: [
        "LOCK TABLES mikbill.sms_logs WRITE, delivery READ"],
    "stops everything for a backup": lambda _dice: [
        "FLUSH TABLES WITH READ LOCK"],
    "holds a snapshot": lambda _dice: [
        "START TRANSACTION WITH CONSISTENT SNAPSHOT"],
}
BACKED_UP = ["outbox", "event", "delivery", "receipt", "owner",
             "mikbill.users", "mikbill.bugh_plategi_stat", "mikbill.logs",
             "mikbill.addons_pay_api", "mikbill.sms_logs"]


@contextlib.contextmanager
def at_hand(worker):
    """Is nobody else at it? Then nobody else is until the end."""
    got = worker.hand.acquire(blocking=False)
    try:
        yield got and worker.running
    finally:
        if got:
            worker.hand.release()


def _strike(victim, step):
    if "frozen" in step.what:
        victim.signal(signal.SIGSTOP)
    elif "stopped" in step.what:
        victim.stop(timeout=60)
    else:
        victim.strike()


def _restore(victim, step):
    if "frozen" in step.what and victim.running:
        victim.signal(signal.SIGCONT)
    victim.rise()


# ---- troubles: name -> a context manager that makes and mends it ----

def _changes(one, **values):
    """Members of a stand-in have these values for a while."""
    @contextlib.contextmanager
    def trouble():
        before = {name: getattr(one, name) for name in values}
        for name, value in values.items():
            setattr(one, name, value)
        yield
        for name, value in before.items():
            setattr(one, name, value)
    return trouble


def _away(one):
    """It does not listen."""
    @contextlib.contextmanager
    def trouble():
        one.stop()
        yield
        one.start()
    return trouble


def _says(status, body="", content_type="application/json", **headers):
    return lambda _request: Reply(status=status, body=body, headers=headers,
                                  content_type=content_type)


def _json(**members):
    return lambda _request: Reply(body=json.dumps(members))


def _html(_request):
    return Reply(body="<html>Maintenance</html>", content_type="text/html")


def _later(answer, seconds):
    """The answer is made now or then, and comes later."""
    return lambda request: Reply(delay=seconds, then=lambda: answer(request))


def _slowly(accept):
    """It takes everything at once, and says so within the time limit."""
    def answer(request):
        reply = accept(request)
        reply.delay = 0.4
        return reply
    return answer


def replies(accept, accept_but, account, busy):
    """The misdeeds of a provider of messages, by name of the trouble."""
    return {
        "closes without an answer": standin.close_without_reply,
        "resets": standin.reset_without_reply,
        "is silent": standin.stall,
        "answers 500": _says(500, "<h1>500</h1>", "text/html"),
        "answers 429": _says(429, "", "text/plain", **{"Retry-After": "1"}),
        "answers html": _html,
        "answers garbage": standin.garbage,
        "is slow": _slowly(accept),
        "takes it and closes": accept_but(standin.close_without_reply),
        "takes it and answers html": accept_but(_html),
        "takes it late": _later(accept, 2.4),
        "refuses the account": account,
        "is busy": busy,
    }


def pilot_troubles(pilot):
    """Of SMSPilot."""
    def accept_but(reply):
        def answer(request):
            pilot.ordinary_reply(request)
            return reply(request)
        return answer
    misdeeds = replies(
        pilot.ordinary_reply, accept_but,
        _json(error={"code": "100", "description": "no such key"}),
        _json(error={"code": "110", "description": "system error"}))
    return {**_connections(pilot), **{
        name: _changes(pilot, reply=reply)
        for name, reply in misdeeds.items()}}


def smsc_troubles(smsc):
    """Of SMSC: questions are answered as badly, but for some."""
    misdeeds = replies(
        smsc.accept, smsc.accept_but,
        _json(error="authorise error", error_code=2),
        _json(error="busy", error_code=9))
    def looks(name, reply):
        return (smsc.look_up if name.startswith("takes") or
                name in ("is slow", "is busy") else reply)
    return {**_connections(smsc), **{
        name: _changes(smsc, send_reply=reply, query_reply=looks(name, reply))
        for name, reply in misdeeds.items()}}


def till_troubles(till):
    """Of Komtet."""
    misdeeds = replies(till.honest, till.accept_but, komtet.http(401),
                       komtet.http(503))
    misdeeds["is slow"] = till.answer_late(0.4)
    misdeeds["takes it and closes"] = till.flaky(
        1, lost_after=0.5, cut_accepted=0.2, http500_accepted=0.2)
    return {**_connections(till), **{
        name: _changes(till, reply=reply) for name, reply
        in misdeeds.items()}}


def _connections(one):
    return {"is not there": _away(one),
            "closes connections at once": _changes(one, on_connect="close")}


def router_troubles(router):
    """Of a router."""
    answers = {
        "hangs": ros_api.hang, "closes": ros_api.close,
        "does as told and closes": ros_api.done_but(ros_api.close),
        "breaks off": ros_api.cut(5), "talks nonsense": ros_api.garbage,
        "refuses": ros_api.trap("failure: try again")}
    return {"is not there": _away(router),
            "is slow": _changes(router, drip=0.01),
            **{name: _changes(router, answer=answer)
               for name, answer in answers.items()}}
