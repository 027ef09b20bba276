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
