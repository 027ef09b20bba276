"""One receipt that a server forgot in a crash: all that it knew of the
attempts. The test takes it back by hand, to know what is forgotten."""

import pytest

from harness.product import with_settings
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
        "UPDATE delivery SET state = 'ready', attempts = 0,"
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


def test_a_server_that_is_cured_after_it_forgot_makes_one_receipt(chain, till):
    """It no longer needs the journal, but what was forgotten does."""
    chain.start().pay()
    chain.wait_states("done")
    chain.service.kill()
    forget(chain)
    chain.db.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    chain.start()
    chain.wait_states("done")
    assert [entry.came for entry in till.receipts] == [2]


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
    first, *later = till.posts
    again, = (post for post in later if post.body == first.body)
    assert len(later) == 2
    assert again.at - first.at >= 1.5
    assert [entry.came for entry in till.receipts] == [2, 1]


def test_another_service_takes_over_what_the_server_forgot(
        chain, till, tmp_path, service_of):
    """Its journal knows nothing of the attempt."""
    chain.start().pay()
    chain.wait_states("done")
    chain.service.kill()
    forget(chain)
    chain.db.sql("UPDATE owner SET lease_until_utc = '2020-01-01'",
                 "mikbill_events")
    other = with_settings(chain.settings, service={
        "doorbell": str(tmp_path / "doorbell"), "state_dir": str(tmp_path)})
    second = service_of(other).start()
    second.wait_log("engine: acting")
    chain.wait_states("done")
    entry, = till.receipts
    assert entry.came == 2
    assert chain.db.sql("SELECT stage FROM receipt", "mikbill_events") == [
        ("accepted",)]


def test_a_foreign_number_is_still_burnt_after_that(
        chain, till, tmp_path, service_of):
    """What was decided after the takeover was begun by nobody else."""
    chain.start().service.kill()
    chain.db.sql("UPDATE owner SET lease_until_utc = '2020-01-01'",
                 "mikbill_events")
    other = with_settings(chain.settings, service={
        "doorbell": str(tmp_path / "doorbell"), "state_dir": str(tmp_path)})
    (month,), = chain.db.sql("SELECT DATE_FORMAT(NOW(), '%y%m')")
    till.occupy(f"{month}1")
    service_of(other).start().wait_log("engine: acting")
    chain.pay()
    chain.wait_states("done")
    assert [stage for (stage,) in chain.db.sql(
        "SELECT stage FROM receipt ORDER BY id", "mikbill_events")][0] == (
            "burnt")


def test_an_epoch_that_the_server_forgot_does_not_come_again(chain):
    chain.start()
    (epoch,), = chain.db.sql("SELECT epoch FROM owner", "mikbill_events")
    chain.db.sql("UPDATE owner SET epoch = epoch - 1", "mikbill_events")
    chain.pay()
    chain.service.wait_log("(?s)acting.*acting")
    (after,), = chain.db.sql("SELECT epoch FROM owner", "mikbill_events")
    assert after > epoch
