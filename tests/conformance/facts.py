"""What the database knows of the captured change: for expectations.

Read when it is asked for, which must be before the product has run.
"""

from dataclasses import dataclass
from functools import cached_property

from conformance.vectors import CannotRun

PAYMENTS = "SELECT plategid, uid FROM bugh_plategi_stat"
SERVICES = "SELECT uslid, uid FROM bugh_uslugi_stat"
TARIFFS = ("SELECT CONCAT('users ', uid, ' ', gid), uid FROM users UNION "
           "SELECT CONCAT('usersfreeze ', uid, ' ', gid), uid "
           "FROM usersfreeze")

STATES = "SELECT CONCAT('users ', uid, ' ', state), uid FROM users"
REAL_IPS = "SELECT CONCAT('users ', uid, ' ', real_ip), uid FROM users"

SOURCES = {"payment": PAYMENTS, "refund": PAYMENTS, "api_payment": PAYMENTS,
           "api_refund": PAYMENTS, "credit_limit": PAYMENTS,
           "credit": SERVICES, "tariff_change": TARIFFS,
           "freeze": STATES, "block": STATES, "delete": STATES,
           "real_ip": REAL_IPS}

OF_THE_CREDIT = ("credit", "credit_limit")


@dataclass
class Subscriber:
    """A row of users or usersfreeze."""

    login: str
    phone: str | None
    gid: int


@dataclass
class Router:
    """A row of radnas, as far as we use it."""

    address: str
    user: str
    password: str


def rows_of(query, event):
    """What an event of this kind changes: a set of (key, uid)."""
    if event not in SOURCES:
        raise CannotRun(f"unknown event '{event}'")
    return set(query(SOURCES[event]))


class Facts:
    """The change that the vector made: what rows_of() has more than before.

    Raises CannotRun when something is asked for that the database does not
    tell without doubt.
    """

    def __init__(self, query, event, before):
        self._query = query
        self._event = event
        self._captured = rows_of(query, event) - before

    @cached_property
    def _row(self):
        if len(self._captured) != 1:
            raise CannotRun(f"{len(self._captured)} captured changes: "
                            "what ours must do cannot be derived")
        return next(iter(self._captured))

    @property
    def uid(self):
        """The subscriber's number."""
        return self._row[1]

    @property
    def amount(self):
        """What a message about the change names, with two decimals."""
        if self._event in OF_THE_CREDIT:
            found = self._value(
                f"SELECT ROUND(credit, 2) FROM users WHERE uid = {self.uid}")
        else:
            found = abs(self.payment)
        return f"{found:.2f}"

    @property
    def payment(self):
        """The sum of the captured payment, as the server rounds it."""
        if SOURCES[self._event] != PAYMENTS:
            raise CannotRun(f"a {self._event} is no payment")
        return self._value("SELECT CAST(ROUND(summa, 2) AS DECIMAL(20,2)) "
                           "FROM bugh_plategi_stat "
                           f"WHERE plategid = {self._row[0]}")

    @property
    def cashier(self):
        """(name, INN) of the member of staff who booked the payment, or
        None."""
        rows = self._query(f"""
            SELECT staff.fio, staff.inn FROM bugh_plategi_stat AS pay
            JOIN stuff_personal AS staff ON staff.stuffid = pay.who
            WHERE pay.plategid = {self._row[0]}""")
        return rows[0] if rows else None

    def next_id(self, table):
        """Of the next row of a table, which may have to be made first."""
        rows = self._query(f"""
            SELECT auto_increment FROM information_schema.tables
            WHERE table_schema = DATABASE() AND table_name = '{table}'""")
        return rows[0][0] if rows else 1

    @property
    def comment(self):
        """What the row of addons_pay_api says that the payment comes from."""
        return self._value(f"""
            SELECT api.comment FROM bugh_plategi_stat AS pay
            JOIN addons_pay_api AS api ON api.user_ref = pay.uid
            WHERE pay.plategid = {self._row[0]} AND api.status = 1
              AND SIGN(api.amount) = SIGN(pay.summa)
              AND ABS(api.amount) >= 10
              AND ABS(TIMESTAMPDIFF(SECOND, api.update_time, pay.date)) < 10
            ORDER BY api.amount <> ROUND(pay.summa, 2), api.record_id
            LIMIT 1""")

    @cached_property
    def subscribers(self):
        """The rows of the subscriber, in order of precedence."""
        return [Subscriber(*row) for table in ("users", "usersfreeze")
                for row in self._query(f"SELECT user, sms_tel, gid "
                                       f"FROM {table} WHERE uid = {self.uid}")]

    @property
    def subscriber(self):
        """The row that counts: `users` goes before others."""
        if not self.subscribers:
            raise CannotRun("there is no subscriber: "
                            "what ours must do cannot be derived")
        return self.subscribers[0]

    @property
    def routers(self):
        """The routers that there are by our rules."""
        return [Router(*row) for row in self._query(
            "SELECT nasname, naslogin, naspass FROM radnas WHERE nastype = "
            "'mikrotik' AND nasname <> '' AND naslogin <> '' ORDER BY id")]

    @property
    def custom_fields(self):
        """The subscriber's users_custom_fields: key -> value."""
        return dict(self._query("SELECT `key`, value FROM users_custom_fields "
                                f"WHERE uid = {self.uid}"))

    @property
    def monthly_fee(self):
        """Of the subscriber's tariff."""
        return self._value("SELECT CAST(fixed_cost AS DECIMAL(20,2)) "
                           "FROM packets "
                           f"WHERE gid = {self.subscriber.gid}")

    @property
    def contract_years(self):
        """How many of the first three anniversaries have passed."""
        passed = " + ".join(f"(CURDATE() > DATE(value) + INTERVAL {n} YEAR)"
                            for n in (1, 2, 3))
        return self._value(f"SELECT {passed} FROM users_custom_fields "
                           "WHERE `key` = 'ext_date_fiz_contract_conclusion' "
                           f"AND uid = {self.uid}")

    def knows_category(self, category):
        """Is there such a row of addons_pay_api_category?"""
        return bool(self._value("SELECT COUNT(*) FROM addons_pay_api_category "
                                f"WHERE category = {category}"))

    def _value(self, sql):
        rows = self._query(sql)
        if len(rows) != 1 or rows[0][0] is None:
            raise CannotRun(f"what ours must do cannot be derived: {sql}")
        return rows[0][0]
