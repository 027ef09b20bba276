"""Benches of session resets: many routers, one of them, notices beside.

The stand-in routers are one Python process for all, and its cryptography is
what most of the time goes to: so what counts are ratios to a run without what
is in question, with the same stand-ins, in turns.
"""

import contextlib
import itertools
import re
import statistics
import sys
import time
from dataclasses import dataclass

from harness import process, ros_console
from harness.billing import create_billing
from harness.product import Service, default_settings, install, with_settings
from harness.routeros import RouterOS
from harness.scripted_ssh import ScriptedRouters
from harness.server import MariaDB
from harness.standin import SmsPilot
from latency import pay_steadily

ROUTERS, SUBSCRIBERS, ROUNDS = 200, 50, 3
BURST = 1000
NOTICE_S, NOTICE_RATE, NOTICE_TURNS, RESETS = 5, 40, 4, 2
HELD = re.compile(r"router: (\S+) .* is held: (.*); it is tried again")


@dataclass
class Sick:
    """A router that is out of order: which, what its report says of it and
    of the cure."""

    number: int
    what: str
    cure: str


# Logs in anew for each second's resets, and to sick ones as often as can be.
IMPATIENT = {"keep": "100 ms", "timeout": "2 s", "connect_timeout": "2 s",
             "hold_first": "200 ms", "hold_longest": "1 s",
             "hold_refused": "1 s"}

SICK = [Sick(40, "cannot be reached", "goes out of radnas"),
        Sick(80, "refuses the login", "check naslogin and naspass"),
        Sick(120, "its key has changed", "ssh-keygen -f"),
        Sick(160, "did not answer", "check that it is up")]


class Net:
    """A server with a billing, and routers; a context manager.

    routers   address and console of each
    """

    def __init__(self, routers, port, subscribers):
        self.routers = routers
        self.port = port
        self.logins = [f"sub{n + 1}" for n in range(subscribers)]
        self.db = MariaDB()
        self._tariffs = itertools.count(100)

    def __enter__(self):
        self.db.start()
        create_billing(self.db, "mikbill", "legacy")
        self.db.sql(
            "INSERT INTO users (uid, user, gid, sms_tel) SELECT seq,"
            " CONCAT('sub', seq), 5, 79000000000 + seq"
            f" FROM seq_1_to_{len(self.logins)}; INSERT INTO radnas"
            " (id, nasname, naslogin, naspass, nastype) VALUES " + ", ".join(
                f"({n + 1}, '{router.address}', 'nasadmin', 'naspw',"
                " 'mikrotik')" for n, router in enumerate(self.routers)),
            "mikbill")
        install(self.db)
        return self

    def __exit__(self, *_):
        self.db.stop()

    @property
    def known_hosts(self):
        """The file with the routers' keys."""
        return self.db.folder / "known_hosts"

    def settings(self, pilot_url="http://127.0.0.1:9", **routers):
        """A service that ends sessions when a tariff changes."""
        return with_settings(
            default_settings(self.db, pilot_url),
            service={"log_level": "info"},
            session_reset={"tariff_change": "yes", "after": "0 s"},
            routers={"port": self.port, "known_hosts": self.known_hosts,
                     "retry_first": "1 s", "retry_longest": "2 s", **routers})

    def forget(self):
        """Nobody is online, nothing has happened."""
        self.db.sql("DELETE FROM delivery; DELETE FROM event;"
                    "DELETE FROM outbox; DELETE FROM router",
                    "mikbill_events")
        for router in self.routers:
            router.reset()

    def change_tariffs(self, subscribers=None):
        """So many, or all, are online and get another tariff; when it was."""
        logins = self.logins[:subscribers]
        for router in self.routers:
            router.online(*logins)
        at = time.monotonic()
        self.db.sql(f"UPDATE users SET gid = {next(self._tariffs)}"
                    f" WHERE uid <= {len(logins)}", "mikbill")
        return at

    def last_command(self, numbers, timeout=60):
        """When the last of these routers got its last command."""
        routers = [self.routers[n] for n in numbers]
        process.wait_until(lambda: not any(r.names for r in routers), timeout,
                           "end of all sessions", pause=0.05)
        return max(router.calls[-1].at for router in routers)


@contextlib.contextmanager
def running(settings):
    """A service, which acts."""
    with Service(settings) as service:
        service.wait_log("engine: acting")
        yield service


# ---- four of two hundred out of order


def be_well(net):
    """All routers are as they should be."""
    for sick in SICK:
        net.routers[sick.number].fault = None
    net.known_hosts.write_text(
        "".join(f"{router.host_key()}\n" for router in net.routers))


def be_sick(net):
    """One cannot be reached, one refuses the password, one has another key,
    one hangs in its answer."""
    hole, refusing, other, hanging = (net.routers[s.number] for s in SICK)
    hole.fault = "black hole"
    refusing.fault = "refuse"
    hanging.answer = ros_console.hang_after(10)
    lines = net.known_hosts.read_text().splitlines()
    key = net.routers[0].host_key().split()[1:]
    lines[SICK[2].number] = " ".join([other.host_key().split()[0], *key])
    net.known_hosts.write_text("\n".join(lines) + "\n")


def reset_everybody(net, sick):
    """Seconds from the change until the last of the others has got its last
    command, and the reports of the log."""
    well = set(range(ROUTERS)) - {s.number for s in SICK}
    net.forget()
    be_well(net)
    if sick:
        be_sick(net)
    with running(net.settings(timeout="8 s", connect_timeout="8 s",
                              hold_first="1 s")) as service:
        begun = net.change_tariffs()
        spent = net.last_command(well) - begun
        if sick:  # each of them fails, and is tried again
            time.sleep(max(0, begun + 20 - time.monotonic()))
        return spent, HELD.findall(service.log_text())


def is_reported(net, reports):
    """Is each of the four in the log once, with the cure?"""
    expected = sorted((net.routers[s.number].address, s) for s in SICK)
    return len(reports) == len(SICK) and all(
        address == where and sick.what in words and sick.cure in words
        for (address, sick), (where, words)
        in zip(expected, sorted(reports)))


def many(bench):
    """The time that 196 routers take while four are out of order."""
    well, sick, reported = [], [], []
    with ScriptedRouters(ROUTERS) as routers, \
            Net(list(routers), routers.port, SUBSCRIBERS) as net:
        for _ in range(ROUNDS):
            spent, reports = reset_everybody(net, False)
            well.append(spent)
            if reports:
                raise RuntimeError(f"all were well: {reports}")
            spent, reports = reset_everybody(net, True)
            sick.append(spent)
            reported.append(is_reported(net, reports))
    ratio = statistics.median(sick) / statistics.median(well)
    bench.add(f"{SUBSCRIBERS} resets on each of {ROUTERS} routers",
              statistics.median(well), "s", "", None)
    bench.add("the same on 196, 4 others sick", statistics.median(sick), "s",
              "", None)
    bench.add("sick, ratio", ratio, "of all well", "at most 1.25",
              ratio <= 1.25)
    bench.add("runs in which each was reported once", sum(reported),
              f"of {ROUNDS}", "all", all(reported))


# ---- one router


def burst(bench):
    """Very many resets at once on one router, a real sshd."""
    with RouterOS() as router, Net([router], router.port, BURST) as net, \
            running(net.settings()):
        begun = net.change_tariffs()
        spent = net.last_command([0]) - begun
        process.wait_until(
            lambda: net.db.sql("SELECT COUNT(*), SUM(state = 'done') FROM"
                               " delivery", "mikbill_events")
            == [(BURST, BURST)], 30, "end of the deliveries")
        good = (sorted(router.removed)
                == sorted(login.encode() for login in net.logins)
                and not router.foreign and not router.violations)
        logins, commands = router.logins, len(router.calls)
    bench.add(f"{BURST:,} resets at once on one router, logins", logins, "",
              "1", logins == 1)
    bench.add("commands for them", commands, "", "", None)
    bench.add("resets, with this stand-in", BURST / spent, "resets/s", "",
              None)
    bench.add("sessions ended as they should", int(good), "", "1", good)


# ---- notices beside


def latencies(net, pilot, meanwhile):
    """From commit to request, in ms, of payments while things happen."""
    pilot.reset()
    with running(with_settings(
            net.settings(pilot.url, **IMPATIENT), smspilot={"connections": 16},
            payment={"sms": "yes", "text": "bench: {amount}",
                     "ending": "-"})):
        paid = pay_steadily(net.db, NOTICE_S * NOTICE_RATE, NOTICE_RATE,
                            SUBSCRIBERS, meanwhile)
        pilot.wait(len(paid), timeout=30)
    return [(r.at - paid[r.params["send"].split()[1]]) * 1000
            for r in pilot.requests]


def take_turns(net, other, pilot):
    """Latencies with nothing beside, with the resets of another service, and
    with its own: three lists of them."""
    calm, beside, own = [], [], []
    for _ in range(NOTICE_TURNS):
        net.forget()
        other.forget()
        be_sick(net)
        calm += latencies(net, pilot, lambda: None)
        with running(other.settings(**IMPATIENT)):
            beside += latencies(net, pilot,
                                lambda: other.change_tariffs(RESETS))
        own += latencies(net, pilot, lambda: net.change_tariffs(RESETS))
    return calm, beside, own


def notices(bench):
    """How long payments wait for their message while two hundred routers are
    logged in to every second, four of them sick. What it costs that both the
    stand-ins and the service need the processors is told by turns in which
    another service, with a billing of its own, does that."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0002)  # the stand-ins' threads wait less
    with ScriptedRouters(ROUTERS) as routers, SmsPilot() as pilot, \
            Net(list(routers), routers.port, SUBSCRIBERS) as net, \
            Net(list(routers), routers.port, SUBSCRIBERS) as other:
        be_well(net)
        be_well(other)
        be_sick(other)
        calm, beside, own = take_turns(net, other, pilot)
        logins = sum(router.logins for router in routers)
    sys.setswitchinterval(interval)
    bench.add("logins of one turn beside payments", logins, "", "", None)
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        alone, theirs, ours = (percentile(values, share)
                               for values in (calm, beside, own))
        bench.add(f"payment to message, {name}", alone, "ms", "", None)
        bench.add("  beside resets of another service", theirs, "ms", "",
                  None)
        bench.add("  beside its own resets", ours, "ms", "", None)
        if name == "p50":
            bench.add("  own, ratio", ours / theirs, "of another's",
                      "at most 2", ours / theirs <= 2)
        else:
            bench.add("  own, ratio", ours / theirs, "of another's", "", None)


def percentile(values, share):
    """The value that so many are not above."""
    return sorted(values)[int(len(values) * share) - 1]


def routers(bench):
    """All of it."""
    many(bench)
    burst(bench)
    notices(bench)
