"""What the tests of the whole chain do again and again."""

from harness.process import wait_until
from harness.product import SERVICE_ACCOUNT, Service

TABLES = ["outbox", "event", "delivery", "api_credit", "receipt", "till",
          "router", "milestone", "forgotten", "gap", "pause", "audit",
          "pulse"]
BILLING_TABLES = ["users", "usersfreeze", "usersblok", "usersdel",
                  "bugh_plategi_stat", "bugh_uslugi_stat", "sms_logs",
                  "packets", "users_custom_fields", "addons_pay_api",
                  "addons_pay_api_category", "logs", "stuff_personal",
                  "receipts_log"]


def payment_sql(uid, summa, kind=5, before=0):
    """The statement that books a payment."""
    return (f"INSERT INTO bugh_plategi_stat SET uid={uid}, date=NOW(), who=1,"
            f" bughtypeid={kind}, before_billing={before}, summa={summa}")


class Chain:
    """A billing with triggers, a service that may run, a provider."""

    def __init__(self, db, pilot, settings):
        self.db = db
        self.pilot = pilot
        self.settings = settings
        self.service = Service(settings)

    def close(self):
        """Stop the service."""
        self.service.close()

    def empty(self):
        """No subscribers, payments, events."""
        self.db.sql("".join(f"DELETE FROM mikbill_events.{t};"
                            for t in TABLES))
        there = {name for (name,) in self.db.sql("SHOW TABLES", "mikbill")}
        self.db.sql("".join(f"DELETE FROM mikbill.{t};"
                            for t in BILLING_TABLES if t in there))
        self.db.sql("DELETE FROM mikbill_events.outbox")

    def reconfigure(self, settings):
        """Other settings for the next start."""
        self.settings = settings
        self.service.configure(settings)

    def start(self, **env):
        """Start the service and wait until it acts."""
        self.service.env.update(env)
        self.service.start()
        self.service.wait_log(r"engine: acting")
        return self

    def connections(self):
        """The service's, as the server knows them. While a function of ours
        runs there, it shows the name of its definer instead: waits for one."""
        return wait_until(lambda: [one for (one,) in self.db.sql(
            "SELECT id FROM information_schema.processlist"
            f" WHERE user = '{SERVICE_ACCOUNT}'")], 10, "connection")

    def drop_connections(self):
        """End them from the server's side."""
        for one in self.connections():
            self.db.sql(f"KILL {one}")

    def subscriber(self, uid=1001, phone="79001234567", table="users"):
        """A subscriber named sub<uid>."""
        self.db.sql(f"INSERT INTO {table} SET uid={uid}, user='sub{uid}',"
                    f" gid=5, sms_tel='{phone}'", "mikbill")

    def pay(self, uid=1001, summa=100, kind=5, before=0):
        """One payment, committed."""
        self.db.sql(payment_sql(uid, summa, kind, before), "mikbill")

    def credit(self, uid=1001, usluga=1):
        """The subscriber takes the service Credit."""
        self.db.sql("INSERT INTO bugh_uslugi_stat SET uid=%d, gid=5,"
                    " usluga=%d, date_start=NOW(), active=1" % (uid, usluga),
                    "mikbill")

    def tariff(self, gid=5, fee=500, overdraft=0):
        """A row of packets."""
        self.db.sql("INSERT INTO packets SET gid=%d, packet='Тариф %d',"
                    " fixed_cost=%s, razresh_minus=%s"
                    % (gid, gid, fee, overdraft), "mikbill")

    def change_tariff(self, uid=1001, gid=6):
        """The subscriber gets another tariff."""
        self.db.sql(f"UPDATE users SET gid={gid} WHERE uid={uid}", "mikbill")

    def field(self, key, value, uid=1001):
        """One of the subscriber's custom fields."""
        self.db.sql("INSERT INTO users_custom_fields SET uid=%d, `key`='%s',"
                    " value='%s'" % (uid, key, value), "mikbill")

    def rows(self, columns, table):
        """Rows of a table of the billing, in the order they came."""
        return self.db.sql(f"SELECT {columns} FROM {table} ORDER BY 1",
                           "mikbill")

    def deliveries(self, columns="state", where="1"):
        """Rows of table delivery by id."""
        return self.db.sql(f"SELECT {columns} FROM delivery WHERE {where}"
                           " ORDER BY id", "mikbill_events")

    def states(self):
        """The states of all deliveries, by id."""
        return [state for (state,) in self.deliveries()]

    def wait_states(self, *states, timeout=15):
        """Wait until the deliveries have just these states."""
        try:
            wait_until(lambda: self.states() == list(states), timeout, "")
        except TimeoutError:
            log = self.service.log_text()[-2000:]
            raise TimeoutError(f"states are {self.states()}, not {states}\n"
                               f"{log}") from None

    def wait_settled(self, count, timeout=60):
        """Wait until count deliveries exist and none is in work."""
        wait_until(
            lambda: self.db.sql(
                "SELECT COUNT(*), SUM(state IN"
                " ('ready','leased','calling','retry')) FROM delivery",
                "mikbill_events")[0] == (count, 0), timeout,
            f"end of {count} deliveries")

    def sms_logs(self):
        """(phone, text, error) of the billing's message log."""
        return self.db.sql("SELECT sms_phone, sms_text, sms_error_text FROM"
                           " sms_logs ORDER BY sms_id", "mikbill")

    def sent(self):
        """(phone, text) of the requests that came to the provider."""
        return [(r.params["to"], r.params["send"])
                for r in self.pilot.requests]
