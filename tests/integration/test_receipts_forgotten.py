"""One receipt that a server forgot in a crash: all that it knew of the
attempts. The test takes it back by hand, to know what is forgotten."""

import pytest

from integration.chain import Chain
from integration.fire import make_server, settings_of


@pytest.fixture(name="chain")
def fixture_chain(till):
    """A subscriber, on a server that does not write its log at once."""
    for db in make_server("--innodb-flush-log-at-trx-commit=0"):
        one = Chain(db, None, settings_of(db, till))
        one.subscriber()
        yield one
        one.close()


def forget(chain):
    """The number is on disk, and what became of it is not."""
    chain.db.sql(
        "UPDATE delivery SET state = 'ready', attempts = 0, claims = 0,"
        " ask = 0, epoch = 0, due_utc = UTC_TIMESTAMP(3);"
        "UPDATE receipt SET stage = 'new', task_id = NULL, look_utc = NULL",
        "mikbill_events")


def test_an_acceptance_that_is_forgotten_again_is_one_receipt(chain, till):
    chain.start().pay()
    for times in (1, 2, 3, 4):
        chain.wait_states("done")
        assert [entry.came for entry in till.receipts] == [times]
        chain.service.kill()
        forget(chain)
        chain.start()
    assert till.book.changed == []


def test_a_call_under_way_is_not_begun_again(chain, till):
    """It lasts longer than the crash of the server."""
    chain.settings["komtet"]["timeout"] = "10 s"
    chain.reconfigure(chain.settings)
    chain.subscriber(1002, phone="79001234568")
    till.post_reply = till.answer_late(1.5)
    chain.start().pay()
    till.wait(1)
    forget(chain)
    chain.pay(1002)
    chain.wait_states("done", "done")
    first, other, again = till.posts
    assert again.body == first.body != other.body
    assert again.at - first.at >= 1.5
    assert [entry.came for entry in till.receipts] == [2, 1]
