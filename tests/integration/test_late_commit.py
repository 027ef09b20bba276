"""AUTO_INCREMENT order is not commit order."""

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
