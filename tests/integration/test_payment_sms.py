"""A payment captured by the database becomes an SMS."""

import threading

import pymysql
import pytest

from integration.chain import payment_sql

SENT = ("79001234567", "sub1001: 100.00 руб")


def test_a_payment_is_announced_and_logged(chain):
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("done")
    assert chain.sent() == [SENT]
    assert chain.sms_logs() == [(*SENT, "")]
    assert chain.deliveries("provider, provider_id, attempts") == [
        ("smspilot", "10001", 1)]


def test_a_rolled_back_payment_leaves_nothing(chain):
    chain.start().subscriber()
    with chain.db.connect("mikbill", autocommit=False) as link:
        with link.cursor() as cursor:
            cursor.execute(payment_sql(1001, 77))
        link.rollback()
    chain.pay()
    chain.wait_states("done")
    assert chain.sent() == [SENT]


def test_two_payments_of_one_second_are_two_messages(chain):
    chain.start().subscriber()
    chain.pay(summa=100)
    chain.pay(summa=200)
    chain.wait_states("done", "done")
    assert sorted(text for _, text in chain.sent()) == [
        "sub1001: 100.00 руб", "sub1001: 200.00 руб"]


def test_several_numbers_are_several_messages(chain):
    chain.start().subscriber(phone="8 900 123-45-67, 9007654321; дом")
    chain.pay()
    chain.wait_states("done", "done", "skipped")
    assert [phone for phone, _ in sorted(chain.sent())] == [
        "79001234567", "79007654321"]
    assert chain.deliveries("address, reason", "state='skipped'") == [
        ("дом", "not a phone number")]


@pytest.mark.parametrize("what, setup, reason", [
    ("small", {"summa": 9.99}, "below the minimum 10.00"),
    ("nobody", {"uid": 5}, "no such subscriber"),
    ("no phone", {"uid": 1002}, "has no phone"),
    ("blocked", {"uid": 1003}, "usersblok"),
])
def test_what_is_not_sent_says_why(chain, what, setup, reason):
    chain.subscriber()
    chain.subscriber(1002, phone="")
    chain.subscriber(1003, table="usersblok")
    chain.pay(**setup)
    assert chain.service.once() == 0, what
    (state, words), = chain.deliveries("state, reason")
    assert state == "skipped" and reason in words
    assert chain.sent() == [] and chain.sms_logs() == []


def test_a_back_dated_payment_is_not_announced(chain):
    chain.subscriber()
    chain.db.sql("INSERT INTO bugh_plategi_stat SET uid=1001, bughtypeid=5,"
                 " date=NOW() - INTERVAL 2 HOUR, summa=100, before_billing=0",
                 "mikbill")
    assert chain.service.once() == 0
    (state, words), = chain.deliveries("state, reason")
    assert state == "skipped" and "back-dated" in words


def test_a_switched_off_notice_leaves_the_event_without_work(chain):
    chain.subscriber()
    chain.settings["payment"]["sms"] = "no"
    chain.reconfigure(chain.settings)
    chain.pay()
    assert chain.service.once() == 0
    assert chain.states() == []
    assert chain.db.sql("SELECT kind, uid FROM event", "mikbill_events") == [
        ("payment", 1001)]


def test_a_subscribers_text_cannot_break_out(chain):
    chain.start()
    login = "a'b\"c\\\n{amount}'); DROP TABLE users; --"[:32]
    with chain.db.connect("mikbill") as link, link.cursor() as cursor:
        cursor.execute("INSERT INTO users SET uid=7, user=%s, gid=5,"
                       " sms_tel='79001234567'", (login,))
    chain.pay(7)
    chain.wait_states("done")
    assert chain.sent() == [("79001234567", f"{login}: 100.00 руб")]
    assert chain.sms_logs()[0][1] == f"{login}: 100.00 руб"


def test_an_outbox_row_that_makes_no_sense_does_not_stop_the_rest(chain):
    chain.subscriber()
    chain.db.sql("INSERT INTO outbox (captured_utc, kind, body) VALUES"
                 " (UTC_TIMESTAMP(3), 'payment', 'no json'),"
                 " (UTC_TIMESTAMP(3), 'from_later', '{\"uid\":3}')",
                 "mikbill_events")
    chain.pay()
    assert chain.service.once() == 0
    assert chain.sent() == [SENT]
    rows = chain.db.sql("SELECT kind, uid, problem FROM event"
                        " WHERE problem IS NOT NULL ORDER BY id",
                        "mikbill_events")
    assert [row[:2] for row in rows] == [("payment", 0), ("from_later", 3)]
    assert "not JSON" in rows[0][2] and "no such kind" in rows[1][2]


def test_the_same_row_captured_twice_is_one_event(chain):
    chain.subscriber()
    chain.pay()
    chain.db.sql("INSERT INTO outbox (captured_utc, kind, body)"
                 " SELECT captured_utc, kind, body FROM outbox",
                 "mikbill_events")
    assert chain.service.once() == 0
    chain.db.sql("INSERT INTO outbox (captured_utc, kind, body)"
                 " SELECT captured_utc, kind, body FROM event",
                 "mikbill_events")
    chain.pay(summa=200)
    assert chain.service.once() == 0
    assert sorted(text for _, text in chain.sent()) == [
        "sub1001: 100.00 руб", "sub1001: 200.00 руб"]
    assert chain.db.sql("SELECT COUNT(*) FROM outbox",
                        "mikbill_events") == [(0,)]


def test_an_update_of_users_that_changes_nothing_of_ours_is_no_event(chain):
    chain.subscriber()
    chain.db.sql("UPDATE users SET deposit=deposit+1, last_connection=NOW(),"
                 " gid=gid", "mikbill")
    assert chain.service.once() == 0
    assert chain.db.sql("SELECT * FROM event", "mikbill_events") == []


def test_a_change_of_tariff_is_exactly_one_event(chain):
    chain.subscriber()
    chain.db.sql("UPDATE users SET gid=9, deposit=1", "mikbill")
    assert chain.service.once() == 0
    assert chain.db.sql("SELECT kind, uid FROM event", "mikbill_events") == [
        ("tariff_change", 1001)]


class Payers:
    """Twenty connections that each insert fifty payments of their own."""

    CONNECTIONS, EACH = 20, 50

    def __init__(self, chain, slow=False, rolls_back=False):
        self.chain, self.slow, self.rolls_back = chain, slow, rolls_back
        self.expected = set()
        self.errors = []
        self.done = threading.Event()

    def run(self):
        """Pay; afterwards expected holds (phone, text) of each message."""
        for i in range(self.CONNECTIONS):
            self.chain.subscriber(2000 + i, phone=f"790000000{i:02}")
        threads = [threading.Thread(target=self._guarded, args=(i,))
                   for i in range(self.CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert not self.errors and not any(t.is_alive() for t in threads)
        return self.expected

    def _guarded(self, i):
        try:
            self._pay(i)
        except (pymysql.MySQLError, OSError) as error:
            self.errors.append(error)

    def _pay(self, i):
        link = self.chain.db.connect("mikbill", autocommit=False)
        with link, link.cursor() as cursor:
            for n in range(self.EACH):
                cursor.execute(payment_sql(2000 + i, 100 + n))
                if self.rolls_back and n % 5 == 0:
                    link.rollback()
                    continue
                if self.slow and n % 2 == 0:
                    self.done.wait(1.0)
                link.commit()
                self.expected.add((f"790000000{i:02}",
                                   f"sub{2000 + i}: {100 + n}.00 руб"))


@pytest.mark.parametrize("slow, rolls_back, count", [
    (False, False, 1000), (True, False, 1000), (False, True, 800)])
def test_twenty_connections_at_once_lose_and_double_nothing(
        chain, slow, rolls_back, count):
    chain.start()
    expected = Payers(chain, slow, rolls_back).run()
    assert len(expected) == count
    chain.wait_settled(count)
    sent = chain.sent()
    assert len(sent) == count and set(sent) == expected
    logged = chain.sms_logs()
    assert len(logged) == count
    assert {(p, t) for p, t, error in logged if error == ""} == expected, [
        line for line in chain.service.log_text().splitlines()
        if " error " in line or " warning " in line]
