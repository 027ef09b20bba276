"""Ten thousand session resets while the routers go through everything.

    torture_routers.py [--resets N] [--seed N]

One real sshd, reached in two ways, and some scripted routers; in each
round fifty subscribers get another tariff while one of the routers is ill. In
the end every session of theirs has ended, once, nobody else's has, every
delivery is done, and the service has no more memory or descriptors than after
the first fifth.
"""

import argparse
import contextlib
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from harness import process, ros_console  # noqa: E402
from harness.product import Service, build_dir, with_settings  # noqa: E402
from harness.relay import Relay  # noqa: E402
from harness.routeros import RouterOS  # noqa: E402
from harness.scripted_ssh import FAULTS, ScriptedRouters  # noqa: E402
from routers import Net  # noqa: E402

SCRIPTED, SUBSCRIBERS = 5, 50
TALK = 2500  # bytes of the real one's answers, from its banner on
OTHERS = ["other", "sub", "sub1000", "SUB1", "sub1 "]
MOST_KIB, MOST_FDS = 1024, 2
KEEP = "200 ms"
BAD = re.compile(r"ERROR: \w+Sanitizer|runtime error:|LeakSanitizer")

ANSWERS = {
    "hangs": ros_console.hang,
    "does as told and hangs": ros_console.hang_after(10),
    "hangs up": ros_console.close_unanswered,
    "does as told and hangs up": ros_console.cut(10),
    "floods": ros_console.flood(),
    "sends 60 KB": ros_console.flood(60000),
    "talks": ros_console.say("bad command name ppp\r\n" * 20),
}


class Ward:
    """The routers, and what can happen to them."""

    def __init__(self, net, relay, dice, key):
        self.net = net
        self.relay = relay  # a second way to the real one
        self.key = key  # the public one
        self.dice = dice
        self.real, *self.scripted = net.routers
        self.happened = Counter()
        self.scripted[3].methods = ["keyboard-interactive"]
        both = [self.cut, self.restart, self.wrong_password, self.other_key]
        both += [self.answering(name) for name in ANSWERS]
        self._all = [(ill, router) for ill in both
                     for router in (self.real, self.scripted[0])
                     if ill != self.cut or router == self.real]
        self._all += [(self.faulty(fault), self.scripted[1])
                      for fault in FAULTS if fault]
        self._all += [(self.gone, self.scripted[2]), (self.well, self.real),
                      (self.takes_key, self.real),
                      *[(self.cut_off, self.real)] * 12,
                      (self.faulty("refuse"), self.scripted[3])]
        self._next = []

    def choose(self):
        """What happens next, and to which."""
        if not self._next:
            self._next = self.dice.sample(self._all, len(self._all))
        return self._next.pop()

    def set_row(self, router, columns):
        """Change the router's row of radnas."""
        self.net.db.sql(f"UPDATE radnas SET {columns}"
                        f" WHERE nasname = '{router.address}'", "mikbill")

    @contextlib.contextmanager
    def well(self, _router):
        """Nothing happens."""
        yield "is well"

    @contextlib.contextmanager
    def cut(self, router):
        """Its connections are closed, again and again."""
        def close():
            for _ in range(10):
                router.close_connections()
                time.sleep(0.03)
        thread = threading.Thread(target=close)
        thread.start()
        yield "closes its connections"
        thread.join()

    @contextlib.contextmanager
    def cut_off(self, _router):
        """The second way to it ends, or falls silent, anywhere."""
        self.relay.hangs = self.dice.choice([True, False])
        self.relay.limit = self.dice.randint(0, TALK)
        yield "falls silent" if self.relay.hangs else "is cut off"
        self.relay.limit = None

    @contextlib.contextmanager
    def restart(self, router):
        """It is away for a while."""
        router.stop()
        yield "restarts"
        router.start()

    @contextlib.contextmanager
    def wrong_password(self, router):
        """The billing has a password that is not right."""
        self.set_row(router, "naspass = 'wrong'")
        yield "refuses the password"
        self.set_row(router, "naspass = 'naspw'")

    @contextlib.contextmanager
    def takes_key(self, router):
        """It lets our key in, which it refuses else."""
        file = router.folder / "authorized_keys"
        file.write_text(self.key)
        yield "takes the key"
        file.write_text("\n")

    @contextlib.contextmanager
    def other_key(self, router):
        """It was replaced; later its old key is forgotten."""
        router.change_host_key()
        if router == self.real:
            router.stop()
            router.start()
        yield "has another key"
        lines = self.net.known_hosts.read_text().splitlines()
        new = self.net.known_hosts.with_suffix(".new")
        old = (f"[{router.address}]:", f"[{self.relay.address}]:")
        new.write_text("".join(
            f"{line}\n" for line in lines if not line.startswith(old)))
        new.rename(self.net.known_hosts)

    @contextlib.contextmanager
    def gone(self, router):
        """It is not in radnas for a while."""
        self.set_row(router, "nastype = 'other'")
        yield "is not in radnas"
        self.set_row(router, "nastype = 'mikrotik'")

    def answering(self, name):
        """It answers in that way of ANSWERS."""
        @contextlib.contextmanager
        def ill(router):
            router.answer = ANSWERS[name]
            yield name
            router.answer = None
        return ill

    def faulty(self, fault):
        """It has one of FAULTS."""
        @contextlib.contextmanager
        def ill(router):
            router.fault = fault
            yield fault
            router.fault = None
        return ill


class Torture:
    """One run."""

    def __init__(self, net, ward, service, resets):
        self.net = net
        self.ward = ward
        self.service = service
        self.rounds = resets // SUBSCRIBERS
        self.marks = []  # resets, KiB, descriptors, seconds
        self.begun = time.monotonic()

    def run(self):
        """All rounds; what was wrong."""
        for router in self.net.routers:
            router.online(*OTHERS)
        for number in range(self.rounds):
            self.round(number)
            if (number + 1) % max(1, self.rounds // 10) == 0:
                self.mark((number + 1) * SUBSCRIBERS)
        return list(self.complaints())

    def round(self, number):
        """Everybody gets another tariff while one router is ill."""
        ill, router = self.ward.choose()
        homes = [r for r in self.net.routers
                 if ill != self.ward.gone or r != router]
        for login in self.net.logins:
            self.ward.dice.choice(homes).online(login)
        with ill(router) as what:
            self.net.db.sql(f"UPDATE users SET gid = {100 + number}",
                            "mikbill")
            time.sleep(self.ward.dice.choice([0.05, 0.3, 0.6]))
        self.ward.happened[what] += 1
        try:
            self.wait((number + 1) * SUBSCRIBERS)
        except TimeoutError:
            print(self.service.log_text()[-3000:])
            print(self.net.db.sql("SELECT state, reason, COUNT(*) FROM"
                                  " delivery GROUP BY 1, 2",
                                  "mikbill_events"))
            raise TimeoutError(f"round {number}, {router.address} {what}: not"
                               " all deliveries have ended") from None

    def leave_in_the_middle(self):
        """Let the service have connections, and work under way, of every
        kind."""
        calls = len(self.net.routers[0].calls)
        for router, fault in zip(self.net.routers[1:],
                                 ("black hole", "undecided", "silent")):
            router.fault = fault
        self.net.routers[0].answer = ros_console.hang
        self.net.db.sql("UPDATE users SET gid = 99", "mikbill")
        process.wait_until(
            lambda: len(self.net.routers[0].calls) > calls, 20,
            "command")

    def wait(self, count):
        """Wait until so many deliveries have ended."""
        process.wait_until(
            lambda: self.net.db.sql(
                "SELECT COUNT(*), SUM(state IN ('ready', 'leased', 'calling',"
                " 'retry')) FROM delivery", "mikbill_events") == [(count, 0)],
            90, "end")

    def mark(self, resets):
        """Note what the service has, when its connections are closed."""
        time.sleep(1.2)
        status = Path(f"/proc/{self.service.pid}/status").read_text()
        memory = int(re.search(r"VmRSS:\s*(\d+)", status)[1])
        files = len(os.listdir(f"/proc/{self.service.pid}/fd"))
        spent = time.monotonic() - self.begun
        self.marks.append((memory, files))
        print(f"{resets:6} resets  {memory:6} KiB  {files:3} descriptors "
              f"{spent:6.0f} s", flush=True)

    def complaints(self):
        """What is not as it should be."""
        states = self.net.db.sql("SELECT state, COUNT(*) FROM delivery"
                                 " GROUP BY 1", "mikbill_events")
        expected = self.rounds * SUBSCRIBERS
        if states != [("done", expected)]:
            yield f"deliveries: {states}"
        removed = Counter()
        for router in self.net.routers:
            removed.update(router.removed)
            if router.names != [name.encode() for name in OTHERS]:
                yield f"{router.address}: {router.names} are online"
            if router.foreign or router.violations:
                yield (f"{router.address}: {router.foreign},"
                       f" {router.violations}")
        if removed != {login.encode(): self.rounds
                       for login in self.net.logins}:
            yield f"removed: {removed}"
        if not is_sanitized():
            (memory, files), (last_memory, last_files) = (
                self.marks[min(1, len(self.marks) - 1)], self.marks[-1])
            if last_memory - memory > MOST_KIB:
                yield f"{last_memory - memory} KiB more"
            if last_files - files > MOST_FDS:
                yield f"{last_files - files} descriptors more"


def is_sanitized():
    """Its memory says nothing then: what was freed is kept for a while."""
    return b"__asan_init" in (build_dir() / "mbevd").read_bytes()


def make_key(folder):
    """A key to log in by; .pub is the public one."""
    file = Path(folder) / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM",
                    "-N", "", "-f", file], check=True)
    return file


def settings(net, real, relay, scripted, key):
    """Everything fails fast and is tried again soon."""
    return with_settings(
        net.settings(),
        service={"log_level": "warning", "stop_timeout": "1 s"},
        routers={"port": scripted.port, "timeout": "1500 ms",
                 "router": [
                     f"{real.address} port={real.port} key_file={key}",
                     f"{relay.address} port={relay.port} key_file={key}",
                     f"{scripted[4].address} key_file={key}"],
                 "connect_timeout": "700 ms", "keep": KEEP,
                 "hold_first": "100 ms", "hold_longest": "400 ms",
                 "hold_refused": "400 ms", "retry_first": "150 ms",
                 "retry_longest": "500 ms"})


def run(resets, seed):
    """One run; what was wrong."""
    with tempfile.TemporaryDirectory() as folder, \
            ScriptedRouters(SCRIPTED) as scripted, \
            RouterOS(pubkey_algorithms="+ssh-rsa") as real, \
            Relay("127.0.2.1", (real.address, real.port)) as relay, \
            Net([real, *scripted], scripted.port, SUBSCRIBERS) as net:
        key = make_key(folder)
        service = Service(settings(net, real, relay, scripted, key))
        net.db.sql("INSERT INTO radnas (id, nasname, naslogin, naspass,"
                   f" nastype) VALUES (100, '{relay.address}', 'nasadmin',"
                   " 'naspw', 'mikrotik')", "mikbill")
        try:
            service.start()
            process.wait_until(lambda: service.running and net.db.sql(
                "SELECT * FROM owner", "mikbill_events"), 30, "owner")
            ward = Ward(net, relay, random.Random(seed),
                        key.with_suffix(".pub").read_text())
            torture = Torture(net, ward, service, resets)
            wrong = torture.run()
            torture.leave_in_the_middle()
            code = service.stop()
            if code:
                wrong.append(f"mbevd ended with {code}")
            if BAD.search(service.log_text()):
                wrong.append(service.log_text()[-6000:])
        finally:
            service.close()
        print("; ".join(f"{what}: {n}" for what, n
                        in sorted(ward.happened.items())))
        ways = Counter(re.findall(r"^Accepted (publickey|password)",
                                  real.log.read_text("latin-1"), re.M))
        print(f"{real.address} accepted {ways['publickey']} keys and"
              f" {ways['password']} passwords")
        print("logins: " + ", ".join(f"{router.logins} at {router.address}"
                                     for router in net.routers))
        return wrong


def main():
    """Run, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resets", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    wrong = run(args.resets, args.seed)
    print("\n".join(wrong) or "every session ended once, nobody else's;"
          " every delivery is done")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
