"""What a torture happens on: a billing with subscribers, the providers, some
routers, and two services that may both act.

    with Stage(flush=1) as stage:
        stage.start()
"""

import contextlib
import threading

import pymysql

from harness.billing import create_billing
from harness.komtet import Komtet
from harness.product import Service, default_settings, install, with_settings
from harness.relay import UnixRelay
from harness.ros_api import RouterApi
from harness.server import MariaDB
from harness.standin import Smsc, SmsPilot

FIRST_UID = 5000
PAYERS, MOVERS = 120, 40
FEE, LIMIT = "500.00", "300.00"
TOPUP_CATEGORY, LOYALTY_CATEGORY = -1, -2
ROUTERS = 3
FOREIGN = [b"other", b"sub", b"sub50000", b"SUB5001", b"sub5001 "]
DISCOUNTS = ["ext_discount_global", "ext_discount_packet",
             "ext_discount_subs"]
SECRETS = {"database": "database-SeCrEt", "smspilot": "pilot-SeCrEt",
           "smsc": "smsc-SeCrEt", "komtet": "till-SeCrEt",
           "routers": "router-SeCrEt"}
LEASE_S = 5

# What the producers have done, in the transactions in which they did it: what
# a crash takes back is gone from here, too.
LEDGER = """
CREATE DATABASE ledger; CREATE TABLE ledger.done (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, who INT NOT NULL,
  number INT NOT NULL, kind VARCHAR(16) NOT NULL, uid BIGINT NOT NULL,
  kopecks BIGINT NOT NULL, row_id BIGINT NOT NULL,
  note VARCHAR(64) NOT NULL, UNIQUE (who, number)) ENGINE=InnoDB
"""


def login_of(uid):
    """The login of a subscriber."""
    return f"sub{uid}"


def phone_of(uid):
    """The phone of a subscriber, as messages go to it."""
    return f"7900{uid:07}"


def is_loyal(uid):
    """Has the subscriber a contract of more than three years?"""
    return uid % 2 == 1


def is_home_today(uid):
    """Is today the day on which the subscriber's fee is taken?"""
    return uid % 5 == 0


PAYER_UIDS = range(FIRST_UID, FIRST_UID + PAYERS)
MOVER_UIDS = range(FIRST_UID + PAYERS, FIRST_UID + PAYERS + MOVERS)


class Worker(Service):
    """A service that several may want to strike; one does at a time.

    kills   how often it was killed
    """

    def __init__(self, settings):
        super().__init__(settings)
        self.hand = threading.RLock()
        self.kills = 0

    def strike(self):
        """SIGKILL, if it runs."""
        with self.hand:
            if self.running:
                self.kill()
                self.kills += 1

    def rise(self):
        """Start it, unless it runs."""
        with self.hand:
            if not self.running:
                self.start()


class Stage:
    """All of it; a context manager.

    flush    innodb_flush_log_at_trx_commit of the server
    gaps     triggers will be missing: rows are looked for all the time
    db       the billing's server, as the billing reaches it
    home     the server at which all is set up
    servers  that of each service
    forgets  a crash may take back what was acknowledged
    shares   both services act, each for a part of the subscribers
    """

    shares = False

    def __init__(self, flush=1, gaps=False):
        self.flush, self.gaps = flush, gaps
        self.forgets = flush != 1
        self._make_servers(
            [f"--innodb-flush-log-at-trx-commit={flush}"])
        self.pilot, self.smsc = SmsPilot(), Smsc()
        self.till = Komtet(secret=SECRETS["komtet"])
        self.routers = [RouterApi(f"127.0.4.{n + 1}",
                                  password=SECRETS["routers"])
                        for n in range(ROUTERS)]
        self.lines = []  # of the services to the server
        self.workers, self._acted = [], None
        self._open = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as opened:
            for one in [self.pilot, self.smsc, self.till, *self.routers]:
                opened.enter_context(one)
            self._open_servers(opened)
            self._fill()
            self.lines = [opened.enter_context(UnixRelay(
                server.folder / f"line{n}", server.socket))
                for n, server in enumerate(self.servers)]
            self.workers = [Worker(self._settings(n))
                            for n in range(len(self.servers))]
            for worker in self.workers:
                opened.callback(worker.close)
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_):
        self._open.close()

    def start(self):
        """Start the services and wait until one acts."""
        for worker in self.workers:
            worker.start()
            worker.wait_log("engine: acting|standing by", timeout=60)

    def acting(self):
        """The service that acts as far as the server knew last, or None."""
        with contextlib.suppress(pymysql.MySQLError, OSError):
            (holder,), = self.db.sql(
                "SELECT holder FROM owner WHERE name = 'main'",
                "mikbill_events")
            for number, worker in enumerate(self.workers):
                if holder.endswith(":" + self._doorbell(number)):
                    self._acted = worker
        return self._acted

    def heal(self):
        """The servers run, and the services."""
        self._heal_servers()
        for worker in self.workers:
            worker.rise()

    def logs(self):
        """The files that tell what happened, by name."""
        return {f"mbevd{number}": worker.log
                for number, worker in enumerate(self.workers)}

    def differences(self):
        """Where servers that should have the same have not, line by line."""
        return []

    # ---- where it is ----

    def _make_servers(self, options):
        self.db = self.home = MariaDB(options=options)
        self.servers = [self.db, self.db]

    def _open_servers(self, opened):
        opened.enter_context(self.db)

    def _heal_servers(self):
        if not self.db.pid:
            self.db.start()

    # ---- how it is made ----

    def _fill(self):
        """A billing with subscribers, our SQL, and a ledger beside it."""
        create_billing(self.home, "mikbill", "legacy")
        uids = f"{FIRST_UID} AND {MOVER_UIDS[-1]}"
        self.db.sql(
            "INSERT INTO users (uid, user, gid, sms_tel, credit, date_abonka)"
            " SELECT seq, CONCAT('sub', seq), 5, 79000000000 + seq,"
            f" {LIMIT}, IF(seq % 5 = 0, DAY(NOW()), 0)"
            f" FROM seq_1_to_99999 WHERE seq BETWEEN {uids};"
            "INSERT INTO packets (gid, packet, fixed_cost, razresh_minus)"
            f" SELECT seq, CONCAT('Tariff ', seq), {FEE}, 0 FROM seq_5_to_9;"
            "INSERT INTO users_custom_fields (uid, `key`, value)"
            " SELECT uid, 'ext_date_fiz_contract_conclusion', '2010-05-05'"
            " FROM users WHERE uid % 2 = 1;"
            "INSERT INTO radnas (id, nasname, naslogin, naspass, nastype)"
            " VALUES " + ", ".join(
                f"({n + 1}, '{router.address}', 'nasadmin',"
                f" '{SECRETS['routers']}', 'mikrotik')"
                for n, router in enumerate(self.routers)), "mikbill")
        install(self.home)
        self.db.sql("SET PASSWORD FOR 'mbev_service'@'localhost' ="
                    f" PASSWORD('{SECRETS['database']}')")
        self.db.sql(LEDGER)
        for number, router in enumerate(self.routers):
            router.redials = True
            router.online(*FOREIGN, *[
                login_of(uid).encode() for uid in
                [*PAYER_UIDS, *MOVER_UIDS] if uid % ROUTERS == number])

    def _doorbell(self, number):
        """The first service is rung, the other one looks by itself."""
        return f"{self.servers[number].doorbell}{number or ''}"

    def _settings(self, number):
        """Everything is on, and everybody in a hurry."""
        server = self.servers[number]
        folder = server.folder / f"state{number}"
        folder.mkdir()
        on = {"sms": "yes", "quiet": "no", "ending": ""}
        both = {**on, "social": "yes"}
        short = {"timeout": "2 s", "connect_timeout": "1 s"}
        many = {"connections": "12", **short}
        return with_settings(
            default_settings(server, self.pilot.url),
            database={"password": SECRETS["database"],
                      "socket": self.lines[number].address},
            service={"doorbell": self._doorbell(number),
                     "state_dir": folder, "log_level": "info",
                     "lease": f"{LEASE_S} s", "safety_poll": "500 ms",
                     "stop_timeout": "5 s",
                     **({"reconcile": "5 s"} if self.gaps else {}),
                     **({"share_work": "yes"} if self.shares else {})},
            billing={"api_settle": "1 s"},
            notice={"retry_first": "200 ms", "retry_longest": "2 s",
                    "hold": "500 ms"},
            smspilot={"api_key": SECRETS["smspilot"], **many},
            smsc={"url": self.smsc.url, "password": SECRETS["smsc"],
                  "ask_after": "5 s", **many},
            komtet={"url": self.till.url.rstrip("/"),
                    "secret": SECRETS["komtet"], "rate": "500",
                    "retry_first": "100 ms", "retry_longest": "1 s",
                    "hold": "500 ms", **many},
            payment={**both, "text": "{login} paid {amount}",
                     "social_text": "{login} paid {amount}, social"},
            refund={**on, "channels": "smspilot,smsc",
                    "text": "{login} got {amount} back"},
            api_payment={**on, "channels": "smsc", "after": "1 s",
                         "text": "{login} was credited {amount}"},
            credit={**on, "text": "{login} has the credit {amount}"},
            credit_limit={**on, "channels": "smsc",
                          "text": "{login} has the limit {amount}"},
            tariff_change={**both, "channels": "smsc", "after": "1 s",
                           "text": "{login} has another tariff",
                           "social_text": "{login} has a tariff, social"},
            tariff_by_staff={"sms": "no", "social": "no"},
            bonus_topup={"on": "yes", "category": TOPUP_CATEGORY},
            bonus_loyalty={"on": "yes", "category": LOYALTY_CATEGORY},
            discounts={"remove": "yes", "key": DISCOUNTS},
            receipt={"payments": "yes", "refunds": "yes",
                     "look_first": "300 ms", "look_longest": "2 s"},
            session_reset={kind: "yes" for kind in (
                "payment", "refund", "credit", "credit_limit",
                "tariff_change")},
            routers={"hold_first": "200 ms", "hold_longest": "1 s",
                     "hold_refused": "1 s", "retry_first": "200 ms",
                     "retry_longest": "1 s", **short, "router": [
                         f"{one.address} port={one.port} transport=api"
                         for one in self.routers]})
