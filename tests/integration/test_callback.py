"""What Komtet tells of by itself: believed when it is signed, recorded as if
we had asked, answered with 200 only then."""

import http.client
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.komtet import in_turn
from harness.product import with_settings
from harness.server import free_port
from harness.standin import close_without_reply
from integration.receipts import receipts, settings_for

PUBLIC = "https://billing.example.com/komtet"


@pytest.fixture
def told(chain, till):
    """The chain with receipts and an open ear; its address."""
    port = free_port()
    chain.reconfigure(with_settings(
        settings_for(chain.settings, till, look_first="1 h", look_longest="1 h",
                     callback_url=PUBLIC),
        callback={"on": "yes", "port": port}))
    chain.subscriber()
    chain.start().service.wait_log("callback: listening")
    chain.url = f"http://127.0.0.1:{port}/komtet"
    return chain


def stages(chain):
    """(stage, task id, fiscal document) of every number."""
    return receipts(chain, "stage, task_id, fiscal_i")


def accepted(chain, till, summa=100):
    """The entry of a payment whose receipt Komtet has."""
    chain.pay(summa=summa)
    return till.wait_receipts(1)[-1]


def test_the_receipt_asks_to_be_told_of(told, till):
    assert accepted(told, till).json["callback_url"] == PUBLIC


def test_a_finished_receipt_is_recorded(told, till):
    entry = accepted(told, till)
    told.wait_states("done")
    assert till.callback(told.url, entry, registered=PUBLIC) == 200
    (stage, task, document), = stages(told)
    assert (stage, task) == ("done", str(entry.task_id))
    assert document == str(entry.fiscal["i"])
    assert told.rows("ext_id, state, error", "receipts_log") == [
        (entry.task_id, "done", None)]
    assert till.looks == []


def test_a_receipt_whose_id_is_not_known_gets_it(told, till):
    till.post_reply = in_turn(till.accept_but(close_without_reply),
                              till.honest)
    entry = accepted(told, till)
    told.wait_states("done")
    assert stages(told) == [("accepted", None, None)]
    assert till.callback(told.url, entry, registered=PUBLIC) == 200
    assert stages(told)[0][:2] == ("done", str(entry.task_id))
    assert told.rows("ext_id, state", "receipts_log") == [
        (entry.task_id, "done")]


def test_a_receipt_that_is_tried_again_and_again_is_done_by_it(told, till):
    till.post_reply = till.accept_but(close_without_reply)
    told.settings["komtet"]["retry_first"] = "1 h"
    told.settings["komtet"]["retry_longest"] = "1 h"
    told.service.stop()
    told.reconfigure(told.settings)
    told.start().service.wait_log("callback: listening")
    entry = accepted(told, till)
    told.wait_states("retry")
    assert till.callback(told.url, entry, registered=PUBLIC) == 200
    told.wait_states("done")
    assert stages(told)[0][:2] == ("done", str(entry.task_id))


def test_an_error_of_the_till_is_recorded(told, till):
    till.fail(lambda entry: True, "нет бумаги")
    entry = accepted(told, till)
    told.wait_states("done")
    assert till.callback(told.url, entry, registered=PUBLIC) == 200
    assert told.states() == ["dead"]
    (reason,), = told.deliveries("reason")
    assert "нет бумаги" in reason
    assert stages(told)[0][0] == "failed"


def test_what_is_told_twice_is_recorded_once(told, till):
    entry = accepted(told, till)
    told.wait_states("done")
    assert [till.callback(told.url, entry, registered=PUBLIC)
            for _ in range(3)] == [200] * 3
    assert len(stages(told)) == 1
    assert stages(told)[0][0] == "done"


def test_a_receipt_still_at_the_till_stays_open(told, till):
    entry = accepted(told, till)
    told.wait_states("done")
    assert till.callback(told.url, entry, registered=PUBLIC,
                         state="processing") == 200
    assert stages(told) == [("accepted", str(entry.task_id), None)]


@pytest.mark.parametrize("how", [
    {"signature": "0" * 32}, {"signature": ""}, {"secret": "other"},
    {"registered": "https://billing.example.com/other"}])
def test_a_wrong_signature_is_refused(told, till, how):
    entry = accepted(told, till)
    told.wait_states("done")
    till.finish(entry)
    how = {"registered": PUBLIC} | how
    assert till.callback(told.url, entry, **how) == 401
    assert stages(told)[0][0] == "accepted"
    told.service.wait_log("warning callback: the signature is wrong")
    assert "SECRET" not in told.service.log_text()


@pytest.mark.parametrize("body", [
    b"", b"{}", b"null", b"[1]", b"{\"state\":\"done\"}", b"\xff\xfe",
    b"{\"id\":1,", b"a=b"])
def test_what_tells_of_no_task_is_refused(told, till, body):
    assert till.callback(told.url, {}, registered=PUBLIC, body=body) == 400


def test_a_task_of_somebody_else_changes_nothing(told, till):
    entry = accepted(told, till)
    told.wait_states("done")
    till.finish(entry)
    other = till.info(entry) | {"id": 5, "external_id": "other"}
    assert till.callback(told.url, other, registered=PUBLIC) == 200
    told.service.wait_log("no receipt of ours")
    mixed = till.info(entry) | {"id": 5}
    assert till.callback(told.url, mixed, registered=PUBLIC) == 200
    assert stages(told)[0][0] == "accepted"


def test_a_number_that_was_not_sent_yet_is_no_news(told, till):
    """Somebody else's receipt under the number that we have just taken."""
    till.stop()
    told.pay()
    told.wait_states("retry")
    (number,), = receipts(told, "number")
    task = {"id": 77, "external_id": number, "state": "done",
            "error_description": None, "fiscal_data": {"i": 1, "s": "100"}}
    assert till.callback(told.url, task, registered=PUBLIC) == 200
    assert stages(told) == [("new", None, None)]
    till.start()
    told.wait_states("done")
    assert len(till.receipts) == 1


@pytest.mark.parametrize("member", ["id", "external_id"])
def test_a_task_with_a_name_beyond_ascii_disturbs_nothing(told, till, member):
    """Another system of the same shop may call its receipts anything."""
    task = {"id": 5, "external_id": "", "state": "done",
            "error_description": None, "fiscal_data": None}
    assert till.callback(told.url, task | {member: "Заказ № 1"},
                         registered=PUBLIC) == 200
    told.service.wait_log("number.* which is no receipt of ours")
    log = told.service.log_text()
    assert log.count("engine: acting") == 1 and "refuses" not in log


def test_without_a_database_komtet_is_asked_to_come_again_or_waits(
        told, till):
    """Whatever the answer was: 200 only for what is recorded."""
    entry = accepted(told, till)
    told.wait_states("done")
    till.finish(entry)
    told.db.kill()
    try:
        status = till.callback(told.url, entry, registered=PUBLIC, timeout=3)
    except (TimeoutError, OSError):
        status = None
    told.db.start()
    told.service.wait_log("(?s)away.*engine: acting")
    assert status in (None, 503)
    time.sleep(0.2)
    assert till.callback(told.url, entry, registered=PUBLIC) == 200
    assert stages(told)[0][0] == "done"


def test_a_row_that_is_held_keeps_no_other_callback_waiting(told, till):
    told.subscriber(1002, phone="79001234568")
    told.pay()
    told.pay(1002)
    till.wait_receipts(2)
    told.wait_states("done", "done")
    held, free = till.receipts
    with told.db.connect("mikbill", autocommit=False) as link, \
            link.cursor() as cursor:
        cursor.execute("SELECT log_id FROM mikbill_events.receipt WHERE"
                       f" number = '{held.external_id}'")
        cursor.execute("UPDATE receipts_log SET update_time = NOW()"
                       " WHERE id = %s", cursor.fetchone())
        told.service.signal(signal.SIGSTOP)
        with ThreadPoolExecutor(2) as pool:
            answers = [pool.submit(till.callback, told.url, entry,
                                   registered=PUBLIC)
                       for entry in (held, free)]
            time.sleep(0.3)  # both are there
            told.service.signal(signal.SIGCONT)
            assert [one.result() for one in answers] == [503, 200]
        link.rollback()
    assert till.callback(told.url, held, registered=PUBLIC) == 200
    assert {stage for stage, _, _ in stages(told)} == {"done"}


def test_only_the_path_is_served_and_only_by_post(told):
    port = int(re.search(r":(\d+)/", told.url)[1])

    def status(method, path):
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        link.request(method, path, b"{}" if method == "POST" else None)
        return link.getresponse().status
    assert status("GET", "/komtet") == 405
    assert status("POST", "/") == 404
    assert status("POST", "/komtet/../x") == 404


def test_it_is_off_by_default(chain, till):
    chain.reconfigure(settings_for(chain.settings, till))
    chain.start()
    assert "callback" not in chain.service.log_text()


def test_a_port_that_is_taken_does_not_stop_the_service(chain, till):
    port = till.port  # the stand-in's own
    chain.reconfigure(with_settings(
        settings_for(chain.settings, till, callback_url=PUBLIC),
        callback={"on": "yes", "port": port}))
    chain.subscriber()
    chain.start().pay()
    chain.wait_states("done")
    chain.service.wait_log("error callback: komtet is not heard: ")
    assert len(till.receipts) == 1
