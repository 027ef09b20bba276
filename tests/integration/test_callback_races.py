"""What Komtet tells of by itself while the call of the very receipt is under
way: believed where the call may have brought it, taken back where it did not."""

import pytest

from harness.komtet import each_in_turn, http, in_turn, refuse
from harness.process import wait_until
from harness.server import free_port
from harness.standin import close_without_reply
from integration.receipts import make_kassa
from integration.test_receipt_faults import Gate, after_another

PUBLIC = "https://billing.example.com/komtet"
FISCAL = {"i": 5, "s": "100", "fn": "9999", "n": 1, "t": "20261125T1200"}


@pytest.fixture
def kassa(installed, pilot, till):
    """Receipts, a till, an open ear."""
    for kassa in make_kassa(installed, pilot, till):
        port = free_port()
        kassa.configure(receipt={"callback_url": PUBLIC},
                        callback={"on": "yes", "port": port})
        kassa.url = f"http://127.0.0.1:{port}/komtet"
        kassa.subscriber()
        yield kassa


def under_way(kassa, till, reply):
    """A payment whose receipt waits for this reply; the gate before it."""
    gate = Gate(reply)
    till.post_reply = each_in_turn(gate, till.honest)
    kassa.start().pay()
    kassa.wait_states("calling")
    wait_until(lambda: till.posts, 10, "request")
    return gate


@pytest.mark.parametrize("how", ["lost", "crash"])
@pytest.mark.parametrize("fails", [False, True])
def test_an_end_that_is_told_before_the_reply_is_lost(kassa, till, how, fails):
    """It is not sent again, and does not wait for ever to be."""
    if fails:
        till.fail(lambda entry: True, "нет бумаги")
    gate = Gate(close_without_reply)
    till.post_reply = till.accept_but(gate)
    kassa.start().pay()
    (entry,) = till.wait_receipts(1)
    kassa.wait_states("calling")
    assert till.callback(kassa.url, entry, registered=PUBLIC) == 200
    if how == "crash":
        kassa.service.kill()
        kassa.start()
    till.post_reply = till.honest
    till.mend()
    gate.open.set()
    kassa.wait_states("dead" if fails else "done")
    kassa.wait_stages("failed" if fails else "done")
    after_another(kassa)
    assert len(kassa.posts_of(entry.external_id)) == 1
    assert kassa.rows("ext_id, state", "receipts_log")[0] == (
        entry.task_id, "error" if fails else "done")


def number(kassa):
    """That of the first receipt."""
    ((text,),) = kassa.db.sql("SELECT CONCAT(DATE_FORMAT(NOW(), '%y%m'), 1)")
    return text


def tell_of_foreign(kassa, till, state, fiscal):
    """Somebody else's receipt under the number that we are sending."""
    task = {"id": 77, "external_id": number(kassa), "state": state,
            "error_description": None, "fiscal_data": fiscal}
    assert till.callback(kassa.url, task, registered=PUBLIC) == 200


@pytest.mark.parametrize("state, fiscal", [
    ("new", None), ("done", None), ("done", FISCAL), ("error", None)])
def test_somebody_elses_receipt_is_not_booked_as_ours(kassa, till, state,
                                                      fiscal):
    """Its number is burnt, whatever was told of it."""
    till.occupy(number(kassa))
    gate = under_way(kassa, till, till.honest)
    tell_of_foreign(kassa, till, state, fiscal)
    gate.open.set()
    kassa.wait_stages("burnt", "done")
    assert kassa.receipts("task_id, task_state, look_utc, fiscal_i, "
                          "fiscal_kopecks")[0] == (None,) * 5
    assert kassa.rows("ext_id, state", "receipts_log")[0] == (None, None)
    assert len(till.receipts) == 1


@pytest.mark.parametrize("reply, stages", [
    (http(429), ["burnt", "done"]), (http(401), ["burnt", "done"]),
    (refuse(), ["refused"])])
def test_what_was_not_taken_was_not_what_was_told_of(kassa, till, reply,
                                                     stages):
    """The payment still gets its receipt, or is shown without one."""
    till.occupy(number(kassa))
    gate = under_way(kassa, till, reply)
    tell_of_foreign(kassa, till, "done", None)
    gate.open.set()
    kassa.wait_stages(*stages)
    assert kassa.receipts("task_id")[0] == (None,)


@pytest.mark.parametrize("closed", [False, True])
def test_a_number_that_komtet_never_took_stays_so(kassa, till, closed):
    """Refused for good, and perhaps closed: what is told is not of ours."""
    till.post_reply = in_turn(refuse(), till.honest)
    kassa.start().pay()
    kassa.wait_stages("refused")
    if closed:
        kassa.db.sql("UPDATE receipt SET stage = 'closed'", "mikbill_events")
    tell_of_foreign(kassa, till, "done", None)
    kassa.service.wait_log("number.* which is no receipt of ours")
    assert kassa.stages() == ["closed" if closed else "refused"]
    assert kassa.rows("ext_id, state", "receipts_log") == [(None, None)]
