"""What the triggers put into the outbox: a billing row in, a body out."""

import json
from datetime import datetime, timedelta
from decimal import Decimal

import pymysql
import pytest

from harness import billing as facts_of
from harness import product

# Fees and blocks, thousands in one night.
BOOKED_BY_ITSELF = {1, 2, 9, 20, 21, 22, 29, 32, 39, 42, 43, 50, 51, 65, 104}
FEE, PAYMENT, UNKNOWN = 1, 5, 60001


# What a test may change, and of it what has to be as installed again.
CHANGED = ["mikbill.bugh_plategi_stat", "mikbill.bugh_uslugi_stat",
           "mikbill.users", "mikbill.usersfreeze", "mikbill.usersblok",
           "mikbill.usersdel", "mikbill_events.outbox"]
RESTORED = ["mikbill_events.payment_kind", "mikbill.bugh_plategi_type"]


@pytest.fixture(scope="module", params=["legacy", "modern"])
def generation(request):
    """Both generations of the billing, one after the other."""
    return request.param


@pytest.fixture(scope="module")
def installed(server, generation):
    """A server whose billing, of the generation, has our triggers."""
    facts_of.create_billing(server, "mikbill", generation)
    product.install(server)
    server.sql("CREATE DATABASE kept")
    for table in RESTORED:
        server.sql(f"CREATE TABLE kept.{table.split('.')[1]} AS"
                   f" SELECT * FROM {table}")
    yield server
    product.uninstall(server, discard=True)
    server.sql("DROP DATABASE mikbill; DROP DATABASE kept")


@pytest.fixture
def capture(installed):
    """The billing as it is after the installation, empty."""
    for table in CHANGED + RESTORED:
        installed.sql(f"DELETE FROM {table}")
    for table in RESTORED:
        installed.sql(f"INSERT INTO {table}"
                      f" SELECT * FROM kept.{table.split('.')[1]}")
    link = installed.connect("mikbill")
    yield Capture(installed, link)
    link.close()


class Capture:
    """The billing's connection, and what our triggers made of it."""

    def __init__(self, server, link):
        self.server = server
        self.link = link

    def run(self, sql, *values):
        """A statement of the billing; the id of the row it inserted."""
        with self.link.cursor() as cursor:
            cursor.execute(sql, values or None)
            return cursor.lastrowid

    def rows(self, sql):
        """Rows that the billing reads."""
        with self.link.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def pay(self, kind=PAYMENT, summa="100", comment=None, date=None):
        """One payment of subscriber 1001; its plategid."""
        return self.run(
            "INSERT INTO bugh_plategi_stat (uid, date, who, bughtypeid,"
            " before_billing, summa, comment)"
            " VALUES (1001, %s, 3, %s, 12.5, %s, %s)",
            date or datetime.now().replace(microsecond=0), kind, summa,
            comment)

    def add_user(self, table="users", uid=1001, gid=10):
        """One subscriber."""
        self.run(f"INSERT INTO {table} (user, uid, gid) VALUES (%s, %s, %s)",
                 f"{table}{uid}", uid, gid)
        self.server.sql("DELETE FROM mikbill_events.outbox WHERE kind IN"
                        " ('freeze', 'block', 'delete')")

    def captured(self):
        """(kind, body as text) of all outbox rows, in their order."""
        return self.server.sql(
            "SELECT kind, body FROM mikbill_events.outbox ORDER BY id")

    def events(self):
        """(kind, body as parsed JSON) of all outbox rows."""
        return [(kind, json.loads(body)) for kind, body in self.captured()]

    def kinds(self):
        """Kinds of all outbox rows."""
        return [kind for kind, _ in self.captured()]


# ---- the capture points and their bodies


def test_payment(capture):
    date = datetime.now().replace(microsecond=0) - timedelta(seconds=30)
    plategid = capture.pay(summa="100.5", comment="Оплата ёлок", date=date)
    [(kind, body)] = capture.events()
    assert kind == str(PAYMENT)
    assert 30 <= body.pop("age_s") <= 35
    assert body == {
        "v": 1, "table": "bugh_plategi_stat", "id": plategid, "uid": 1001,
        "date": date.strftime("%Y-%m-%d %H:%M:%S"), "type": PAYMENT,
        "summa": 100.5, "kopecks": 10050, "before": 12.5, "who": 3,
        "comment": "Оплата ёлок"}


def test_numbers_of_a_payment_are_exact_decimals(capture):
    capture.pay(summa="123456789.12")
    [(_, text)] = capture.captured()
    assert '"summa":123456789.120000,"kopecks":12345678912,' \
           '"before":12.500000,' in text


def test_payment_of_nobody_without_comment(capture):
    capture.run(
        "INSERT INTO bugh_plategi_stat (uid, date, bughtypeid, before_billing,"
        " summa) VALUES (1, NOW(), 5, -7.25, 10)")
    [(_, body)] = capture.events()
    assert (body["who"], body["comment"], body["before"]) == (None, None,
                                                              -7.25)


def test_time_of_capture_is_utc(capture):
    capture.run("SET time_zone = '+05:00'")
    capture.pay()
    [(age,)] = capture.server.sql(
        "SELECT TIMESTAMPDIFF(SECOND, captured_utc, UTC_TIMESTAMP())"
        " FROM mikbill_events.outbox")
    assert 0 <= age <= 5


@pytest.mark.parametrize("usluga", [1, 2])
def test_credit(capture, usluga):
    uslid = capture.run(
        "INSERT INTO bugh_uslugi_stat (uid, gid, usluga, date_start, active,"
        " credit, summa) VALUES (1001, 10, %s, '2024-05-06 07:08:09', 1,"
        " 300, 15.555)", usluga)
    [(kind, body)] = capture.events()
    assert kind == "credit"
    assert body.pop("age_s") > 0
    assert body == {
        "v": 1, "table": "bugh_uslugi_stat", "id": uslid, "uid": 1001,
        "date": "2024-05-06 07:08:09", "usluga": usluga, "summa": 15.555,
        "kopecks": 1556, "credit": 300, "gid": 10}


def test_credit_without_sums(capture):
    capture.run("INSERT INTO bugh_uslugi_stat (uid, gid, usluga, date_start)"
                " VALUES (1001, 10, 1, NOW())")
    [(_, body)] = capture.events()
    assert (body["summa"], body["kopecks"], body["credit"]) == (None,) * 3


@pytest.mark.parametrize("table", ["users", "usersfreeze"])
def test_change_of_tariff_leaves_exactly_one(capture, table):
    capture.add_user(table)
    capture.run(f"UPDATE {table} SET gid = 11, deposit = 5 WHERE uid = 1001")
    assert capture.events() == [("tariff_change", {
        "v": 1, "table": table, "uid": 1001, "gid_old": 10, "gid_new": 11})]


def test_change_of_tariff_by_insert_on_duplicate_key(capture):
    capture.add_user()
    capture.run("INSERT INTO users (user, uid, gid) VALUES ('x', 1001, 0)"
                " ON DUPLICATE KEY UPDATE gid = 12")
    assert capture.kinds() == ["tariff_change"]


# ---- services, and what becomes of a subscriber


TURBO = ("INSERT INTO bugh_uslugi_stat (uid, gid, usluga, date_start, active,"
         " date_stop) VALUES (1001, 10, 3, '2024-05-06 07:08:09', {}, {})")


def test_turbo_begins(capture):
    uslid = capture.run(TURBO.format(1, "NULL"))
    [(kind, body)] = capture.events()
    assert kind == "turbo"
    assert (body["table"], body["id"], body["uid"], body["usluga"],
            body["date"]) == ("bugh_uslugi_stat", uslid, 1001, 3,
                              "2024-05-06 07:08:09")


@pytest.mark.parametrize("active, stop, change", [
    (1, "NULL", "active = 0"), (1, "NULL", "active = 0, date_stop = NOW()"),
    (0, "NULL", "date_stop = NOW()"),
    (0, "NOW() + INTERVAL 1 DAY", "date_stop = NOW()"),
    (1, "NOW() + INTERVAL 1 DAY", "active = 0")])
def test_turbo_ends_once(capture, active, stop, change):
    uslid = capture.run(TURBO.format(active, stop))
    for _ in range(2):
        capture.run(f"UPDATE bugh_uslugi_stat SET {change}")
    assert capture.events()[1:] == [("turbo", {
        "v": 1, "table": "bugh_uslugi_stat", "id": uslid, "uid": 1001,
        "usluga": 3, "ended": 1})]


@pytest.mark.parametrize("change", [
    "active = 1", "summa = 5", "date_stop = NOW() + INTERVAL 1 HOUR",
    "usluga = 1"])
def test_other_update_of_turbo_leaves_nothing(capture, change):
    capture.run(TURBO.format(1, "NULL"))
    capture.run(f"UPDATE bugh_uslugi_stat SET {change}")
    assert capture.kinds() == ["turbo"]


def test_end_of_another_service_leaves_nothing(capture):
    capture.run(TURBO.format(1, "NULL").replace("10, 3,", "10, 5,"))
    capture.run("UPDATE bugh_uslugi_stat SET active = 0, date_stop = NOW()")
    assert capture.captured() == []


@pytest.mark.parametrize("table", ["users", "usersfreeze"])
def test_real_ip_on_and_off(capture, table):
    capture.add_user(table)
    for now in 1, 1, 0:
        capture.run(f"UPDATE {table} SET real_ip = {now}")
    assert capture.events() == [
        ("real_ip", {"v": 1, "table": table, "uid": 1001, "real_ip_old": old,
                     "real_ip_new": 1 - old}) for old in (0, 1)]


@pytest.mark.parametrize("table, kind", [
    ("usersfreeze", "freeze"), ("usersblok", "block"),
    ("usersdel", "delete")])
def test_a_row_comes_and_leaves(capture, table, kind):
    capture.run(f"INSERT INTO {table} (user, uid, gid) VALUES ('x', 1001, 7)")
    capture.run(f"UPDATE {table} SET deposit = deposit + 1")
    capture.run(f"DELETE FROM {table}")
    body = {"v": 1, "table": table, "uid": 1001, "gid": 7}
    assert capture.events() == [(kind, body), ("left", body), ("moved", body)]


def test_a_row_leaves_users(capture):
    capture.add_user()
    capture.run("DELETE FROM users")
    assert capture.events() == [
        ("moved", {"v": 1, "table": "users", "uid": 1001, "gid": 10})]


def test_state_by_state(capture, generation):
    if generation == "legacy":
        pytest.skip("there is no users.state")
    capture.add_user()
    want = []
    for old, new, kind in [
            (1, 2, "freeze"), (2, 1, "unfreeze"), (1, 3, "block"),
            (3, 1, "unblock"), (1, 4, "delete"), (4, 1, "unblock"),
            (1, 2, "freeze"), (2, 3, "block"), (3, 4, "delete"),
            (4, 2, "freeze"), (2, 2, None), (2, 7, None), (7, 1, None),
            (1, 0, None), (0, 3, "block")]:
        capture.run(f"UPDATE users SET state = {new}, deposit = deposit + 1")
        if kind:
            want.append((kind, {"v": 1, "table": "users", "uid": 1001,
                                "state_old": old, "state_new": new}))
    assert capture.events() == want


def test_all_at_once_is_one_event_each(capture, generation):
    capture.add_user()
    state = ", state = 2" if generation == "modern" else ""
    capture.run(f"UPDATE users SET gid = 11, real_ip = 1{state}")
    assert capture.kinds() == ["tariff_change", "real_ip"] + (
        ["freeze"] if generation == "modern" else [])


# ---- what leaves nothing


def test_fee_leaves_nothing(capture):
    capture.pay(kind=FEE)
    assert capture.captured() == []


@pytest.mark.parametrize("usluga", [0, 4, 5])
def test_other_service_leaves_nothing(capture, usluga):
    capture.run("INSERT INTO bugh_uslugi_stat (uid, gid, usluga, date_start)"
                " VALUES (1001, 10, %s, NOW())", usluga)
    assert capture.captured() == []


@pytest.mark.parametrize("table", ["users", "usersfreeze"])
@pytest.mark.parametrize("change", [
    "deposit = deposit + 1", "blocked = 1", "gid = gid", "gid = 10",
    "sms_tel = '79000000000'", "gidd = 5"])
def test_other_update_of_a_subscriber_leaves_nothing(capture, table, change):
    capture.add_user(table)
    capture.run(f"UPDATE {table} SET {change}")
    assert capture.captured() == []


def test_rolled_back_leaves_nothing(capture):
    capture.add_user()
    capture.link.begin()
    capture.pay()
    capture.run("UPDATE users SET gid = 11, real_ip = 1")
    capture.run("INSERT INTO usersfreeze (user, uid) VALUES ('x', 1001)")
    capture.run("DELETE FROM users")
    capture.link.rollback()
    assert capture.captured() == []


def test_rolled_back_to_a_savepoint_leaves_the_rest(capture):
    capture.link.begin()
    kept = capture.pay()
    capture.run("SAVEPOINT here")
    capture.pay()
    capture.run("ROLLBACK TO here")
    capture.link.commit()
    assert [body["id"] for _, body in capture.events()] == [kept]


def test_failed_multi_row_insert_leaves_nothing(capture):
    with pytest.raises(pymysql.err.IntegrityError):
        capture.run(
            "INSERT INTO bugh_plategi_stat (plategid, uid, date, bughtypeid,"
            " before_billing, summa)"
            " VALUES (7, 1, NOW(), 5, 0, 10), (7, 1, NOW(), 5, 0, 10)")
    assert capture.captured() == []


def test_update_and_delete_of_payments_leave_nothing(capture):
    capture.pay()
    capture.run("UPDATE bugh_plategi_stat SET summa = 1, bughtypeid = 7")
    capture.run("DELETE FROM bugh_plategi_stat")
    assert capture.kinds() == [str(PAYMENT)]


# ---- several rows


def test_multi_row_insert_leaves_one_each(capture):
    capture.run(
        "INSERT INTO bugh_plategi_stat (uid, date, bughtypeid, before_billing,"
        " summa) VALUES (1, NOW(), 5, 0, 10), (2, NOW(), 1, 0, 20),"
        " (3, NOW(), 5, 0, 30), (4, NOW(), 7, 0, -40)")
    assert [(kind, body["uid"]) for kind, body in capture.events()] == [
        ("5", 1), ("5", 3), ("7", 4)]


def test_insert_from_select_leaves_one_each(capture):
    for number in range(20):
        capture.add_user(uid=2000 + number)
    capture.run(
        "INSERT INTO bugh_plategi_stat (uid, date, bughtypeid, before_billing,"
        " summa) SELECT uid, NOW(), 5, deposit, 1 FROM users")
    assert sorted(body["uid"] for _, body in capture.events()) == [
        2000 + number for number in range(20)]


def test_update_of_many_leaves_one_for_each_that_changed(capture):
    for number in range(6):
        capture.add_user(uid=3000 + number, gid=10 + number % 2)
    capture.run("UPDATE users SET gid = 11")
    assert len(capture.captured()) == 3


# ---- tables without transactions


@pytest.fixture
def myisam(capture):
    """The captured tables as installations that grew still have them."""
    tables = [name.split(".")[1] for name in CHANGED[:-1]]
    for table in tables:
        capture.run(f"ALTER TABLE {table} ENGINE=MyISAM")
    yield capture
    for table in tables:
        capture.run(f"ALTER TABLE {table} ENGINE=InnoDB")


def test_tables_without_transactions_are_captured(myisam):
    myisam.add_user()
    myisam.pay()
    myisam.run("UPDATE users SET gid = 11")
    assert myisam.kinds() == [str(PAYMENT), "tariff_change"]


def test_rollback_without_transactions_takes_only_our_row(myisam):
    myisam.link.begin()
    myisam.pay()
    myisam.link.rollback()
    assert myisam.rows("SELECT COUNT(*) FROM bugh_plategi_stat") == ((1,),)
    assert myisam.captured() == []


# ---- what the billing sees of us


def test_the_billing_sees_its_own_insert_id(capture):
    first = capture.pay(kind=FEE)
    capture.server.sql("INSERT INTO mikbill_events.outbox VALUES"
                       " (500000, '2020-01-01', 'payment', '{}')")
    assert capture.pay() == first + 1
    assert capture.rows("SELECT LAST_INSERT_ID()") == ((first + 1,),)


def test_the_billing_sees_its_own_row_count(capture):
    capture.add_user()
    capture.add_user(uid=1002)
    capture.run("UPDATE users SET gid = 77")
    assert capture.rows("SELECT ROW_COUNT()") == ((2,),)


@pytest.mark.parametrize("date", ["0000-00-00 00:00:00", "2024-01-01"])
@pytest.mark.parametrize("kind", [FEE, PAYMENT, UNKNOWN])
def test_the_billing_sees_no_warning_of_ours(capture, date, kind):
    capture.pay(kind=kind, date=date)
    assert capture.rows("SHOW WARNINGS") == ()


def test_session_of_the_billing_in_another_charset_and_strict(capture):
    capture.run("SET NAMES koi8r")
    capture.run("SET sql_mode = 'STRICT_ALL_TABLES,ANSI_QUOTES,PIPES_AS_CONCAT"
                ",NO_ZERO_DATE'")
    capture.run("INSERT INTO bugh_plategi_stat (uid, date, bughtypeid,"
                " before_billing, summa, comment)"
                " VALUES (1, NOW(), 5, 0, 10, x'EFCBEFCB')")
    [(_, body)] = capture.events()
    assert body["comment"] == "ОкОк"


def test_account_of_the_billing_needs_no_right_on_our_database(capture):
    capture.server.sql("GRANT USAGE ON *.* TO billing@localhost;"
                       "GRANT SELECT, INSERT, UPDATE ON mikbill.* TO"
                       " billing@localhost")
    with capture.server.connect("mikbill", user="billing") as link:
        Capture(capture.server, link).pay()
    assert capture.kinds() == [str(PAYMENT)]
    capture.server.sql("DROP USER billing@localhost")


# ---- text


@pytest.mark.parametrize("comment", [
    "Пополнение, ёлка",
    'кавычки " и \\ черта', "строка\nещё\tодна", "", "<b>&amp;</b>"])
def test_comment_in_koi8r_arrives_as_it_is(capture, comment):
    capture.pay(comment=comment)
    [(_, body)] = capture.events()
    assert body["comment"] == comment


def test_comment_in_utf8mb4_arrives_as_it_is(capture):
    capture.run("ALTER TABLE bugh_plategi_stat MODIFY comment VARCHAR(128)"
                " CHARACTER SET utf8mb4")
    capture.pay(comment="Спасибо 😀")
    [(_, body)] = capture.events()
    capture.run("UPDATE bugh_plategi_stat SET comment = ''")
    capture.run("ALTER TABLE bugh_plategi_stat MODIFY comment VARCHAR(128)"
                " CHARACTER SET koi8r")
    assert body["comment"] == "Спасибо 😀"


# ---- amounts


def rounding_facts():
    """(stored value, its kopecks) for each line of rounding.tsv."""
    return [(row["stored_summa"], int(Decimal(row["round2"]) * 100))
            for row in facts_of.facts("rounding")]


def test_every_amount_is_rounded_as_the_server_rounds(capture):
    facts = rounding_facts()
    for stored, _ in facts:
        capture.pay(summa=stored)
    got = [body["kopecks"] for _, body in capture.events()]
    assert got == [kopecks for _, kopecks in facts]


@pytest.mark.parametrize("summa, kopecks", [
    ("0", 0), ("0.01", 1), ("-0.005", -1), ("-100", -10000),
    ("1000000000.99", 100000000099), ("90071992547409", 9007199254740900)])
def test_amounts_at_the_edges(capture, summa, kopecks):
    capture.pay(summa=summa)
    [(_, body)] = capture.events()
    assert body["kopecks"] == kopecks


# ---- age


@pytest.mark.parametrize("age", [0, 59, 3600, 86400, -120])
def test_age_of_a_back_dated_row(capture, age):
    now = capture.rows("SELECT NOW()")[0][0]
    capture.pay(date=now - timedelta(seconds=age))
    [(_, body)] = capture.events()
    assert age <= body["age_s"] <= age + 5


def test_age_of_a_row_without_date_is_unknown(capture):
    capture.pay(date="0000-00-00 00:00:00")
    [(_, body)] = capture.events()
    assert body["age_s"] is None
    assert body["date"] == "0000-00-00 00:00:00"


# ---- what is left out


def test_every_type_but_what_the_billing_books_by_itself(capture):
    for number in range(1, 201):
        capture.pay(kind=number)
    got = {body["type"]: kind for kind, body in capture.events()}
    assert got == {number: str(number) for number in range(1, 201)
                   if number not in BOOKED_BY_ITSELF}


@pytest.mark.mariadb("on MySQL the definer would need SUPER for that")
def test_what_root_changes_on_a_read_only_server_is_captured(capture):
    capture.add_user()
    capture.run("SET GLOBAL read_only = 1")
    try:
        capture.pay()
        capture.run("UPDATE users SET gid = gid + 1")
    finally:
        capture.run("SET GLOBAL read_only = 0")
    assert capture.kinds() == [str(PAYMENT), "tariff_change"]
