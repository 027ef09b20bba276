"""AUTO_INCREMENT order is not commit order."""

import random
import time
from collections import Counter

from harness.product import with_settings
from integration.chain import payment_sql


def plain_cursor(db, last):
    """What a reader that remembers the last id would still see."""
    return [row[0] for row in db.sql(
        f"SELECT id FROM outbox WHERE id > {last} ORDER BY id",
        "mikbill_events")]


def test_a_payment_that_commits_late_is_found(chain):
    chain.subscriber(1)
    chain.subscriber(2)
    early = chain.db.connect("mikbill", autocommit=False)
    with early, early.cursor() as cursor:
        cursor.execute(payment_sql(1, 11))
        chain.pay(2, 22)
        seen = plain_cursor(chain.db, 0)
        assert chain.service.once() == 0
        early.commit()
    # The row is there now, but below the last one seen: a cursor loses it.
    assert len(seen) == 1 and plain_cursor(chain.db, seen[-1]) == []
    assert plain_cursor(chain.db, 0) != []
    assert chain.service.once() == 0
    assert sorted(text for _, text in chain.sent()) == [
        "sub1: 11.00 руб", "sub2: 22.00 руб"]


def test_a_running_service_finds_it_too(chain):
    chain.start().subscriber(1)
    chain.subscriber(2)
    early = chain.db.connect("mikbill", autocommit=False)
    with early, early.cursor() as cursor:
        cursor.execute(payment_sql(1, 11))
        chain.pay(2, 22)
        chain.wait_states("done")
        early.commit()
    chain.wait_states("done", "done")


def test_open_transactions_of_the_billing_do_not_hold_up_the_rest(chain):
    """A scan of the outbox would wait for each uncommitted row in turn."""
    links = [chain.db.connect("mikbill", autocommit=False) for _ in range(10)]
    for uid, link in enumerate(links, 1):
        with link.cursor() as cursor:
            cursor.execute(payment_sql(uid, 11))
    chain.subscriber(1001)
    for _ in range(20):
        chain.pay()
    chain.start()
    chain.wait_states(*["done"] * 20, timeout=4)
    assert "Lock wait" not in chain.service.log_text()
    for link in links:
        link.rollback()
        link.close()


def drain_past(chain, others):
    """Payments of others, one by one, until the service reads the outbox
    behind what it took: it passes rows that are two seconds old."""
    for _ in range(5):
        for uid in others:
            chain.pay(uid)
        time.sleep(1)


def test_one_that_waited_long_is_found_below_the_mark(chain):
    for uid in (1, 2):
        chain.subscriber(uid)
    chain.start()
    early = chain.db.connect("mikbill", autocommit=False)
    with early, early.cursor() as cursor:
        cursor.execute(payment_sql(1, 11))
        drain_past(chain, [2])
        early.commit()
    chain.wait_settled(6)
    assert [text for _, text in chain.sent()].count("sub1: 11.00 руб") == 1


def test_many_that_waited_long_are_each_found_once(chain):
    """Each in a transaction of its own, that end in no order."""
    uids = list(range(1, 31))
    for uid in [*uids, 1001]:
        chain.subscriber(uid)
    chain.reconfigure(with_settings(chain.settings, service={"batch": "5"}))
    chain.start()
    links = {uid: chain.db.connect("mikbill", autocommit=False)
             for uid in uids}
    for uid, link in links.items():
        with link.cursor() as cursor:
            cursor.execute(payment_sql(uid, 100 + uid))
        chain.pay()
    drain_past(chain, [1001])
    random.Random(7).shuffle(uids)
    for uid in uids:
        links[uid].commit()
        links[uid].close()
    chain.wait_settled(65)
    assert Counter(text for _, text in chain.sent()) == {
        "sub1001: 100.00 руб": 35,
        **{f"sub{uid}: {100 + uid}.00 руб": 1 for uid in uids}}


def test_ids_that_start_anew_with_the_server_are_found(chain):
    """As old servers count, when the table was empty at their end."""
    chain.subscriber()
    chain.start()
    drain_past(chain, [1001])
    chain.wait_settled(5)
    before = chain.db.sql("SELECT auto_increment FROM information_schema.tables"
                          " WHERE table_name = 'outbox'")[0][0]
    chain.db.restart()
    chain.db.sql("TRUNCATE outbox", "mikbill_events")
    chain.pay()
    chain.wait_settled(6)
    assert before > 5
