"""Fiscal receipts over the whole chain: who gets which one."""

import json
import re

import pytest

from harness.billing import create_billing
from harness.process import wait_until
from harness.product import install
from harness.server import MariaDB
from integration.receipts import make_kassa

PHONE = "+79001234567"
LATER = "UPDATE delivery SET due_utc = UTC_TIMESTAMP(3)"


@pytest.fixture
def kassa(installed, pilot, till):
    """A legacy billing, receipts, a till."""
    yield from make_kassa(installed, pilot, till)


@pytest.fixture(name="modern_server", scope="module")
def fixture_modern_server():
    """A server with a modern billing, in utf8mb4 as new ones are."""
    with MariaDB() as db:
        create_billing(db, "mikbill", "modern", charset="utf8mb4")
        install(db)
        yield db


@pytest.fixture
def modern(modern_server, pilot, till):
    """A modern billing, receipts, a till."""
    yield from make_kassa(modern_server, pilot, till)


def reasons(kassa):
    """State and reason of each receipt's delivery."""
    return kassa.deliveries("state, reason", "action = 'receipt'")


def skipped(kassa, words):
    """There is one receipt, skipped for that reason, and no number."""
    ((state, reason),) = reasons(kassa)
    assert (state, kassa.till.posts) == ("skipped", [])
    assert words in reason
    assert kassa.receipts() == kassa.rows("id", "receipts_log") == []


def body(kassa):
    """The body of the only receipt."""
    (entry,) = kassa.till.receipts
    return entry.json


# ---- payments and refunds


def test_a_payment_gets_a_receipt_that_is_followed_to_the_till(kassa):
    kassa.subscriber()
    kassa.start().pay(summa=350.5)
    kassa.wait_stages("done")
    (entry,) = kassa.till.receipts
    assert (entry.intent, entry.kopecks, entry.contact) == (
        "sell", 35050, PHONE)
    assert entry.json["positions"][0]["name"] == (
        "Услуги связи, лицевой счёт sub1001")
    assert "cashier" not in entry.json
    assert kassa.rows("user_id, contact, int_id, ext_id, state, error",
                      "receipts_log") == [
        ("1001", PHONE, entry.external_id, entry.task_id, "done", None)]
    assert kassa.deliveries("state, attempts, provider_id, log_id") == [
        ("done", 1, str(entry.task_id), 1)]


@pytest.mark.parametrize("kind", [7, 62])
def test_money_given_back_gets_a_receipt_of_return(kassa, kind):
    kassa.subscriber()
    kassa.start().pay(summa=-150.25, kind=kind)
    kassa.wait_stages("done")
    (entry,) = kassa.till.receipts
    assert (entry.intent, entry.kopecks) == ("sellReturn", 15025)
    assert kassa.receipts("back, kopecks") == [(1, 15025)]


def test_a_payment_of_the_interface_gets_a_receipt(kassa):
    kassa.subscriber()
    kassa.start().pay(summa=150, kind=62)
    kassa.wait_stages("done")
    assert kassa.till.totals()["sell"] == (1, 15000)


@pytest.mark.parametrize("kind, summa, words", [
    (7, 5, "above zero"), (7, 0, "amount is 0.00"), (7, -0.004, "is 0.00"),
    (62, -0.004, "amount is 0.00"), (5, 0, "below 0.01"),
    (5, 0.005, "below 0.01"), (5, -100, "below zero")])
def test_what_moved_no_money_gets_none(kassa, kind, summa, words):
    kassa.subscriber()
    kassa.pay(summa=summa, kind=kind)
    if kind == 62:
        kassa.start().wait_states("skipped")
    else:
        kassa.run()
    skipped(kassa, words)


def test_a_charge_gets_none(kassa):
    kassa.subscriber()
    kassa.pay(summa=-100, kind=1)
    kassa.pay(summa=100, kind=18)
    kassa.run()
    assert reasons(kassa) == []


def test_refunds_alone_may_be_switched_off(kassa):
    kassa.configure(receipt={"refunds": "no"}).subscriber()
    kassa.pay(summa=-10, kind=7)
    kassa.pay(summa=10)
    kassa.run()
    assert kassa.accepted() == [(PHONE, 1000)]
    assert len(reasons(kassa)) == 1


def test_payments_alone_may_be_switched_off(kassa):
    kassa.configure(receipt={"payments": "no"}).subscriber()
    kassa.pay(summa=-10, kind=7)
    kassa.pay(summa=10)
    kassa.run()
    assert [one.intent for one in kassa.till.receipts] == ["sellReturn"]
    assert len(reasons(kassa)) == 1


def test_while_switched_off_no_table_is_made(kassa):
    kassa.configure(receipt={"payments": "no", "refunds": "no"})
    kassa.subscriber()
    kassa.pay()
    kassa.run()
    assert reasons(kassa) == []
    assert kassa.db.sql("SHOW TABLES LIKE 'receipts%'", "mikbill") == []


def test_each_of_two_equal_payments_gets_one(kassa):
    kassa.subscriber()
    kassa.pay()
    kassa.pay()
    kassa.start().wait_stages("done", "done")
    assert kassa.accepted() == [(PHONE, 10000)] * 2


def test_a_payment_captured_twice_gets_one(kassa):
    kassa.subscriber()
    kassa.pay()
    kassa.db.sql("INSERT INTO outbox (captured_utc, kind, body) SELECT"
                 " captured_utc, kind, body FROM outbox", "mikbill_events")
    kassa.run()
    kassa.run()
    assert kassa.accepted() == [(PHONE, 10000)]


@pytest.mark.parametrize("money, states", [
    ("yes", ["done"]), ("no", ["skipped"])])
def test_a_back_dated_row_gets_one_as_set(kassa, money, states):
    kassa.configure(billing={"backdated_money": money}).subscriber()
    kassa.db.sql("INSERT INTO bugh_plategi_stat SET uid=1001, who=1,"
                 " date=NOW() - INTERVAL 2 DAY, bughtypeid=5,"
                 " before_billing=0, summa=7", "mikbill")
    kassa.run()
    assert kassa.states() == states
    assert len(kassa.till.receipts) == (money == "yes")


def test_what_came_while_it_was_down_gets_one_at_the_start(kassa):
    for uid in range(1, 31):
        kassa.subscriber(uid, phone=f"790000000{uid:02}")
        kassa.pay(uid, summa=uid)
    kassa.start().wait_stages(*["done"] * 30)
    assert sorted(kassa.accepted()) == [
        (f"+790000000{uid:02}", uid * 100) for uid in range(1, 31)]


@pytest.mark.parametrize("summa, sold", [
    ("0.01", "0.01"), ("33.333", "33.33"), ("1234.565", "1234.56"),
    ("123456789.12", "123456789.12"), ("999999999.99", "999999999.99"),
    ("100", "100.00"), ("0.1", "0.10")])
def test_every_kopeck_is_told(kassa, summa, sold):
    kassa.subscriber()
    kassa.pay(summa=summa)
    kassa.run()
    (entry,) = kassa.till.receipts
    assert entry.kopecks == int(sold.replace(".", ""))
    text = entry.body.decode()
    assert re.findall(r'"(?:sum|price|total)":([^,}]*)', text) == [sold] * 3


# ---- subscribers


@pytest.mark.parametrize("phone, words", [
    ("", "has no phone"), ("нет", "not a phone number"),
    ("12345", "not a phone number")])
def test_without_a_phone_there_is_none(kassa, phone, words):
    kassa.subscriber(phone=phone)
    kassa.pay()
    kassa.run()
    skipped(kassa, words)


def test_a_phone_that_is_null_is_none(kassa):
    kassa.subscriber()
    kassa.db.sql("UPDATE mikbill.users SET sms_tel = NULL")
    kassa.pay()
    kassa.run()
    skipped(kassa, "has no phone")


@pytest.mark.parametrize("field", [
    "12, 8(900)123-45-67; 79", "9001234567,79990000001",
    "+7 900 123 45 67 / 8 999 000 00 01"])
def test_of_several_numbers_the_first_that_is_one(kassa, field):
    kassa.subscriber(phone=field)
    kassa.pay()
    kassa.run()
    assert body(kassa)["user"] == PHONE


@pytest.mark.parametrize("email, phone, contact", [
    ("yes", "", "a.b@example.com"), ("yes", "нет", "a.b@example.com"),
    ("yes", "79001234567", PHONE), ("no", "", None)])
def test_an_email_in_place_of_a_phone_when_it_is_set(kassa, email, phone,
                                                     contact):
    kassa.configure(receipt={"email": email}).subscriber(phone=phone)
    kassa.db.sql("UPDATE mikbill.users SET email = ' a.b@example.com '")
    kassa.pay()
    kassa.run()
    assert [one.contact for one in kassa.till.receipts] == (
        [contact] if contact else [])


def test_what_is_no_email_either(kassa):
    kassa.configure(receipt={"email": "yes"}).subscriber(phone="")
    kassa.db.sql("UPDATE mikbill.users SET email = 'no at all'")
    kassa.pay()
    kassa.run()
    skipped(kassa, "has no phone")


def test_a_stranger_gets_none(kassa):
    kassa.pay()
    kassa.run()
    skipped(kassa, "no such subscriber")


@pytest.mark.parametrize("table, blocked, gets", [
    ("usersfreeze", "no", True), ("usersblok", "yes", True),
    ("usersblok", "no", False), ("usersdel", "yes", True),
    ("usersdel", "no", False)])
def test_subscribers_in_other_tables(kassa, table, blocked, gets):
    kassa.configure(receipt={"blocked": blocked}).subscriber(table=table)
    kassa.pay()
    kassa.run()
    if gets:
        assert kassa.accepted() == [(PHONE, 10000)]
    else:
        skipped(kassa, f"table {table}")


@pytest.mark.parametrize("state", [1, 2, 3, 4])
def test_on_a_modern_billing_the_state_does_not_matter(modern, state):
    modern.configure(receipt={"blocked": "no"}).subscriber()
    modern.db.sql(f"UPDATE mikbill.users SET state = {state}")
    modern.pay()
    modern.run()
    assert modern.accepted() == [(PHONE, 10000)]


@pytest.mark.parametrize("counts", ["yes", "no"])
def test_frozen_on_a_modern_billing_as_set(modern, counts):
    modern.configure(billing={"moved_subscribers": counts})
    modern.subscriber(table="usersfreeze")
    modern.pay()
    modern.run()
    if counts == "yes":
        assert modern.accepted() == [(PHONE, 10000)]
    else:
        skipped(modern, "moved_subscribers")


# ---- bonuses


def bonus_row(kassa, status, amount=200, category=-9):
    """A bonus in addons_pay_api."""
    kassa.db.sql("INSERT INTO addons_pay_api SET user_ref=1001, amount=%s,"
                 " category=%s, creation_time=NOW(), update_time=NOW(),"
                 " status=%s, comment='x'" % (amount, category, status),
                 "mikbill")


def decide_again(kassa):
    """Let what waits be looked at by another run."""
    kassa.db.sql(LATER, "mikbill_events")
    return kassa.run()


def test_a_credited_bonus_gets_none(kassa):
    kassa.subscriber()
    bonus_row(kassa, status=1)
    kassa.start().pay(summa=200, kind=62)
    kassa.wait_states("skipped")
    skipped(kassa, "itself a bonus")


def test_a_bonus_credited_a_little_later_gets_none(kassa):
    kassa.configure(billing={"api_wait": "2 min", "api_settle": "0 s"})
    kassa.subscriber()
    bonus_row(kassa, status=0)
    kassa.pay(summa=200, kind=62)
    kassa.run()
    ((state, reason),) = reasons(kassa)
    assert state == "ready" and "is not credited" in reason
    kassa.db.sql("UPDATE mikbill.addons_pay_api SET status = 1")
    decide_again(kassa)
    skipped(kassa, "itself a bonus")


def test_what_may_be_a_bonus_is_doubtful_in_the_end(kassa):
    kassa.configure(billing={"api_wait": "0 s", "api_settle": "0 s"})
    kassa.subscriber()
    bonus_row(kassa, status=0)
    kassa.pay(summa=200, kind=62)
    kassa.run()
    assert kassa.deliveries("state, lane, log_id") == [
        ("doubtful", "decide", None)]
    assert "nobody can say" in reasons(kassa)[0][1]
    assert kassa.till.posts == kassa.receipts() == []
    assert "error decide: receipt" in kassa.service.log_text()


@pytest.mark.parametrize("amount, category, kind", [
    (200, 5, 62), (100, -9, 62), (200, -9, 5)],
    ids=["no bonus", "another amount", "no API payment"])
def test_a_real_payment_beside_a_row_of_the_interface(kassa, amount,
                                                      category, kind):
    kassa.configure(billing={"api_settle": "0 s"}).subscriber()
    bonus_row(kassa, 1, amount, category)
    kassa.pay(summa=200, kind=kind)
    kassa.run()
    assert kassa.accepted() == [(PHONE, 20000)]


def test_one_bonus_explains_one_payment_only(kassa):
    kassa.subscriber()
    bonus_row(kassa, status=1)
    kassa.start().pay(summa=200, kind=62)
    kassa.pay(summa=200, kind=62)
    kassa.wait_stages("done")
    wait_until(lambda: sorted(kassa.states()) == ["done", "skipped"], 15,
               "one skipped")
    assert kassa.accepted() == [(PHONE, 20000)]


def test_a_message_a_bonus_and_a_receipt_for_one_payment(kassa):
    kassa.configure(payment={"sms": "yes"}, bonus_topup={"on": "yes"})
    kassa.subscriber()
    kassa.tariff()
    kassa.start().pay(summa=2000)
    kassa.wait_states("done", "done", "done")
    kassa.wait_stages("done")
    assert kassa.accepted() == [(PHONE, 200000)]
    assert kassa.sent() == [("79001234567", "sub1001: 2000.00 руб")]
    assert kassa.rows("amount", "addons_pay_api") == [(100,)]
    assert [one[0] for one in kassa.deliveries("action")] == [
        "sms", "receipt", "bonus_topup"]


# ---- what is on it


def staff(kassa, fio="Иванова А. Б.", inn="123456789012", number=1):
    """A member of the staff."""
    with kassa.db.connect("mikbill") as link, link.cursor() as cursor:
        cursor.execute(
            "INSERT INTO stuff_personal SET stuffid=%s, login='x', pass='x',"
            " fio=%s, inn=%s", (number, fio, inn))


@pytest.mark.parametrize("inn, setting, cashier", [
    ("123456789012", "required",
     {"name": "Иванова А. Б.", "inn": "123456789012"}),
    (None, "required", None), ("", "required", None),
    ("", "optional", {"name": "Иванова А. Б."})])
def test_the_cashier_is_who_booked_it(kassa, inn, setting, cashier):
    kassa.configure(receipt={"cashier_inn": setting}).subscriber()
    staff(kassa, inn=inn)
    staff(kassa, fio="Другая", number=2)
    kassa.pay()
    kassa.run()
    assert body(kassa).get("cashier") == cashier


def test_no_cashier_when_it_is_set_so(kassa):
    kassa.configure(receipt={"cashier": "no"}).subscriber()
    staff(kassa)
    kassa.pay()
    kassa.run()
    assert "cashier" not in body(kassa)


HOSTILE = ["o'hara", 'a"b', "a\\", "\\'\"", '","sum":1,"x":"', "a\nb\tc",
           "x'); DROP TABLE users; --", "{login}", "%s%n", "Иванов №5",
           "счёт😀"]


@pytest.mark.parametrize("login", HOSTILE)
@pytest.mark.parametrize("where", ["login", "cashier"])
def test_a_hostile_name_is_only_ever_text(modern, where, login):
    modern.subscriber()
    with modern.db.connect("mikbill") as link, link.cursor() as cursor:
        if where == "login":
            cursor.execute("UPDATE users SET user = %s", (login,))
        else:
            staff(modern, fio=login)
    modern.pay(summa=10)
    modern.run()
    told = body(modern)
    printed = re.sub(r"[\n\t]", " ", login)
    if where == "login":
        assert told["positions"][0]["name"] == (
            f"Услуги связи, лицевой счёт {printed}")
    else:
        assert told["cashier"]["name"] == printed
    assert set(told) == {"external_id", "intent", "print", "user", "sno",
                         "payment_address", "payments", "positions",
                         *(["cashier"] if where == "cashier" else [])}
    assert modern.accepted() == [(PHONE, 1000)]


def test_cyrillic_of_an_old_billing(kassa):
    kassa.subscriber()
    kassa.db.sql("UPDATE mikbill.users SET user = 'Ёжиков\"ъ'")
    staff(kassa, fio="Ёлкина Я.")
    kassa.pay()
    kassa.run()
    assert body(kassa)["positions"][0]["name"].endswith("счёт Ёжиков\"ъ")
    assert body(kassa)["cashier"]["name"] == "Ёлкина Я."


def test_version_2(kassa):
    kassa.configure(komtet={"version": "v2"}).subscriber()
    staff(kassa)
    kassa.start().pay(summa=99.9)
    kassa.wait_stages("done")
    (entry,) = kassa.till.receipts
    assert entry.version == "v2"
    assert entry.json["client"] == {"phone": PHONE}
    assert entry.json["company"] == {"sno": 1, "payment_address": "Офис"}
    assert entry.json["cashier"]["inn"] == "123456789012"
    assert entry.kopecks == 9990
    assert kassa.till.looks[0].target == (
        f"/api/shop/v2/tasks/{entry.task_id}")


def test_version_2_and_an_email(kassa):
    kassa.configure(komtet={"version": "v2"}, receipt={"email": "yes"})
    kassa.subscriber(phone="")
    kassa.db.sql("UPDATE mikbill.users SET email = 'a@example.com'")
    kassa.pay()
    kassa.run()
    assert body(kassa)["client"] == {"email": "a@example.com"}


def test_the_words_of_the_predecessor(kassa):
    """The members of the kit's request, in its order."""
    kassa.configure(receipt={
        "id_member": "task_id", "discount_member": "yes",
        "name": "Домашний интернет (Л/СЧ N{login})"}).subscriber()
    kassa.pay()
    kassa.run()
    told = json.loads(kassa.till.receipts[0].body)
    (position,) = told["positions"]
    assert told["task_id"] == kassa.till.receipts[0].external_id
    assert list(position) == [
        "name", "price", "quantity", "total", "discount", "vat",
        "calculation_method", "calculation_subject"]
    assert position["name"] == "Домашний интернет (Л/СЧ Nsub1001)"


# ---- numbers and their table


def test_the_number_is_year_month_and_row(kassa):
    kassa.subscriber()
    kassa.pay()
    kassa.run()
    ((number,),) = kassa.db.sql("SELECT DATE_FORMAT(NOW(), '%y%m1')")
    assert kassa.receipts("number, log_id, day = CURDATE()") == [
        (number, 1, 1)]


def test_a_prefix_before_the_number(kassa):
    kassa.configure(receipt={"number_prefix": "MBEV_2-"}).subscriber()
    kassa.pay()
    kassa.run()
    ((number,),) = kassa.db.sql("SELECT DATE_FORMAT(NOW(), '%y%m1')")
    assert [one.external_id for one in kassa.till.receipts] == [
        f"MBEV_2-{number}"]


def test_the_other_table(kassa):
    kassa.configure(receipt={"table": "__komtet_receipts_log"})
    kassa.subscriber()
    kassa.start().pay()
    kassa.wait_stages("done")
    assert kassa.rows("state", "__komtet_receipts_log") == [("done",)]
    assert kassa.db.sql("SHOW TABLES LIKE 'receipts%'", "mikbill") == []


def test_a_table_that_is_there_goes_on(kassa):
    """As the predecessor left it, with a receipt of its own."""
    kassa.db.sql("""
        CREATE TABLE receipts_log (
          id INT AUTO_INCREMENT PRIMARY KEY,
          create_time TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
          update_time TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE
            CURRENT_TIMESTAMP,
          user_id VARCHAR(128) NOT NULL, contact VARCHAR(128) NOT NULL,
          int_id VARCHAR(128) NULL, ext_id INT NULL,
          state VARCHAR(128) NULL, error VARCHAR(128) NULL
        ) DEFAULT CHARACTER SET utf8 COLLATE utf8_general_ci;
        INSERT INTO receipts_log SET id = 500, user_id = '1001',
          contact = '+79001234567', int_id = '2001500', ext_id = 7,
          state = 'done'""", "mikbill")
    kassa.orphans = {500}
    kassa.subscriber()
    kassa.start().pay()
    kassa.wait_stages("done")
    ((number,),) = kassa.db.sql("SELECT DATE_FORMAT(NOW(), '%y%m501')")
    assert kassa.receipts("number, log_id") == [(number, 501)]
    assert kassa.rows("id, ext_id, state", "receipts_log")[0] == (
        500, 7, "done")


def test_after_a_while_means_the_billing_of_then(kassa):
    """[receipt] after: the phone that is there when it is decided."""
    kassa.configure(receipt={"after": "1 s"}).subscriber(phone="")
    kassa.start().pay()
    kassa.wait_states("ready")
    kassa.db.sql("UPDATE mikbill.users SET sms_tel = '79001234567'")
    kassa.wait_stages("done")
    assert kassa.accepted() == [(PHONE, 10000)]
