"""The stand-in for Komtet judges strictly and keeps its book."""

import http.client
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from harness import komtet, standin
from harness.komtet import Komtet, sign
from harness.process import wait_until
from harness.server import REPO
from harness.standin import Reply
from harness.test_receipt import V1, V2

LOST = (http.client.HTTPException, ConnectionError)
VECTORS = json.loads((REPO / "tests/data/komtet-signature-vectors.json")
                     .read_text(encoding="utf-8"))["vectors"]


class Client:
    """A client of Komtet, as right or wrong as told, on one connection."""

    def __init__(self, till, version="v1", timeout=5):
        self.till = till
        self.version = version
        self.connection = http.client.HTTPConnection(
            "127.0.0.1", till.port, timeout=timeout)

    def post(self, external_id="1", summa="350.50", body=None, queue="777",
             **wrong):
        """Send a receipt: (status, answer)."""
        if body is None:
            body = (V1 if self.version == "v1" else V2).replace(
                "26111", str(external_id)).replace("350.50", summa)
        return self.ask("POST", f"queues/{queue}/task", body.encode(),
                        {"Content-Type": "application/json"}, **wrong)

    def look(self, task, **wrong):
        """Ask about a task: (status, answer)."""
        return self.ask("GET", f"tasks/{task}", **wrong)

    def ask(self, method, page, body=b"", more=None, target=None,
            secret="SECRET", url=None, headers=None):
        """Any request: (status, answer)."""
        target = target or f"/api/shop/{self.version}/{page}"
        sent = {"Accept": "application/json", "Authorization": "SHOP",
                "X-HMAC-Signature": sign(
                    secret, method, url or self.till.url + target, body),
                **(more or {}), **(headers or {})}
        self.connection.request(
            method, target, body,
            {name: text for name, text in sent.items() if text is not None})
        return _read(self.connection)


def _read(connection):
    """(status, JSON or bytes) of the answer; ready for another request."""
    try:
        reply = connection.getresponse()
        data = reply.read()
    except Exception:
        connection.close()
        raise
    try:
        return reply.status, json.loads(data)
    except ValueError:
        return reply.status, data


@pytest.fixture
def till():
    with Komtet() as running:
        yield running


@pytest.fixture
def client(till):
    return Client(till)


# ---- signature and form ----

@pytest.mark.parametrize("one", VECTORS, ids=lambda one: one["name"])
def test_every_vector_of_the_signature_holds(one):
    assert len(VECTORS) == 16
    assert sign(one["secret"], one["method"], one["url"],
                one["body"].encode()) == one["signature"]


def test_recorded_requests_are_right():
    """Of the provider's own clients, for the address that they signed."""
    for one in VECTORS:
        if one["name"].startswith("published") or "/task" not in one["url"]:
            continue
        parts = re.fullmatch("(https://[^/]*)(.*?([0-9]+)(?:/task)?)",
                             one["url"])
        with Komtet(one["shop_id"], one["secret"], parts[3]) as till:
            till.sign_base = parts[1]
            connection = http.client.HTTPConnection("127.0.0.1", till.port)
            connection.request(
                one["method"], parts[2], one["body"].encode(),
                {"Accept": "application/json", "Authorization": "testShop01",
                 "X-HMAC-Signature": one["signature"],
                 **({"Content-Type": "application/json"} if one["body"]
                    else {})})
            status, told = _read(connection)
            assert status == (404 if "tasks/" in one["url"] else 200), told


@pytest.mark.parametrize("wrong", [
    {"secret": "OTHER"}, {"headers": {"Authorization": "OTHER"}},
    {"headers": {"Authorization": None}},
    {"headers": {"X-HMAC-Signature": None}},
    {"headers": {"X-HMAC-Signature": "0" * 32}},
    {"url": "http://127.0.0.1/api/shop/v1/queues/777/task"},
    {"headers": {"Host": "kassa.komtet.ru"}}])
def test_who_is_not_our_shop_is_refused(till, client, wrong):
    assert client.post(**wrong)[0] == client.look(90001, **wrong)[0] == 401
    assert client.ask("GET", "queues/777", **wrong)[0] == 401
    assert till.receipts == [] and till.book.changed == []
    assert [one.status for one in till.refused] == [401] * 3


def test_the_signature_is_in_lower_case(client):
    digest = sign("SECRET", "GET",
                  client.till.url + "/api/shop/v1/queues/777").upper()
    assert client.ask("GET", "queues/777",
                      headers={"X-HMAC-Signature": digest})[0] == 401


def test_a_signature_covers_method_address_and_body(client):
    body = V1.encode()
    url = client.till.url + "/api/shop/v1/queues/777/task"
    for digest in (sign("SECRET", "GET", url, body),
                   sign("SECRET", "POST", url + "/", body),
                   sign("SECRET", "POST", url, body + b" "),
                   sign("SECRET", "POST", url)):
        assert client.post(
            body=V1, headers={"X-HMAC-Signature": digest})[0] == 401


def test_the_signed_address_may_be_another_one(till, client):
    till.sign_base = "https://kassa.komtet.ru"
    url = "https://kassa.komtet.ru/api/shop/v1/queues/777/task"
    assert client.post()[0] == 401
    assert client.post(url=url)[0] == 200


@pytest.mark.parametrize("headers", [
    {"Accept": None}, {"Accept": "*/*"}, {"Content-Type": None},
    {"Content-Type": "text/plain"}])
def test_the_headers_of_a_receipt_are_looked_at(till, client, headers):
    status, told = client.post(headers=headers)
    assert (status, told["code"]) == (422, "VLD5")
    (name,) = headers
    assert name.lower() in told["description"]
    assert till.receipts == []


@pytest.mark.parametrize("wrong", [
    {"headers": {"Accept": "*/*"}}, {"body": b"{}"},
    {"headers": {"Content-Type": "application/json"}}])
def test_so_are_those_of_a_question(client, wrong):
    assert client.ask("GET", "queues/777", **wrong)[0] == 422


@pytest.mark.parametrize("method, target", [
    ("GET", "/"), ("POST", "/"), ("GET", "/api/shop/v1/queues/777/task"),
    ("POST", "/api/shop/v1/queues/777"), ("POST", "/api/shop/v1/tasks/90001"),
    ("PUT", "/api/shop/v1/queues/777/task"),
    ("POST", "/api/shop/v3/queues/777/task"),
    ("POST", "/api/shop/v1/queues/777/task/"),
    ("POST", "/api/shop/v1/queues/777/task?a=1"),
    ("POST", "/api/shop/v1/queues/777/multi-tasks"),
    ("GET", "/api/shop/v1/tasks/"), ("GET", "//api/shop/v1/tasks/1")])
def test_there_is_no_other_page(till, client, method, target):
    assert client.ask(method, "", target=target)[0] == 404
    assert (till.posts, till.looks, till.queue_looks) == ([], [], [])


def test_there_is_no_other_queue(till, client):
    assert client.post(queue="778")[0] == 404
    assert client.ask("GET", "queues/778")[0] == 404
    assert [one.why for one in till.refused] == ["no queue 778"] * 2


@pytest.mark.parametrize("version, body", [
    ("v1", V2), ("v2", V1), ("v1", "{"), ("v1", V1.replace("no", "ny")),
    ("v2", V2.replace('"sum":350.50', '"sum":350.51'))])
def test_a_body_that_is_not_right_is_refused(till, version, body):
    status, told = Client(till, version).post(body=body)
    assert status == 422 and set(told) == {"title", "code", "description"}
    assert re.fullmatch(r"VLD\d+", told["code"]) and told["code"] != "VLD11"
    (refusal,) = till.refused
    assert refusal.why == told["description"] and till.receipts == []


# ---- the book ----

@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_receipt_is_accepted_and_written_down(till, version):
    client = Client(till, version)
    assert client.post("26-a") == (200, {
        "id": 90001, "external_id": "26-a", "print_queue_id": 777,
        "state": "new"})
    assert client.post("26-b", "0.05")[1]["id"] == 90002
    first, second = till.wait_receipts(2)
    assert (first.task_id, first.external_id, first.intent, first.kopecks,
            first.contact, first.version, first.state, first.came) == (
        90001, "26-a", "sell", 35050, "+79990000001", version, "new", 1)
    assert first.body == till.posts[0].body and first.json["print"] is False
    assert abs(first.at - time.time()) < 10 and first.at <= second.at
    assert second.kopecks == 5
    assert till.book.entries["26-b"] is second
    assert (till.book.changed, till.refused) == ([], [])


def test_the_old_name_of_the_number_is_known(till, client):
    client.post(body=V1.replace("external_id", "task_id"))
    assert till.book.entries["26111"].task_id == 90001


def test_a_second_receipt_of_a_number_is_refused_and_counted(till, client):
    client.post("26-a")
    for _ in range(2):
        status, told = client.post("26-a")
        assert (status, told["code"]) == (422, "VLD11")
        assert "26-a" in told["title"] and "task" not in told
    assert len(till.receipts) == 1 and till.receipts[0].came == 3
    assert till.book.changed == [] and till.refused == []


def test_a_number_is_the_same_as_a_number_or_a_text(till, client):
    client.post("26111")
    assert client.post(body=V1.replace('"26111"', "26111"))[0] == 422
    assert len(till.book.changed) == 1


def test_a_changed_body_is_noticed(till, client):
    client.post("a")
    assert client.post("a", "350.5")[1]["code"] == "VLD11"
    ((number, first, then),) = till.book.changed
    assert number == "a" and first == till.receipts[0].body
    assert then == till.posts[1].body
    assert till.receipts[0].kopecks == 35050


def test_so_it_is_when_the_first_one_was_never_accepted(till, client):
    till.reply = komtet.http(500)
    client.post("a")
    till.behave()
    client.post("a", "1.00")
    assert len(till.book.changed) == 1


def test_a_duplicate_may_tell_its_task(till, client):
    till.tells_task = True
    client.post("a")
    assert client.post("a")[1]["task"] == {
        "id": 90001, "external_id": "a", "print_queue_id": 777,
        "state": "new"}


def test_a_number_may_belong_to_somebody_else(till, client):
    till.occupy("a", *range(5, 8))
    for number in ("a", "5", "7", "7"):
        status, told = client.post(number)
        assert (status, told["code"]) == (422, "VLD11")
    assert client.post("8")[0] == 200
    assert [entry.external_id for entry in till.receipts] == ["8"]
    assert till.book.foreign == {"a": 1, "5": 1, "6": 0, "7": 2}
    assert (till.book.changed, till.refused) == ([], [])


def test_totals_are_of_each_intent_and_state(till, client):
    client.post("a", "0.10")
    client.post("b", "0.20")
    back = V1.replace('"sell"', '"sellReturn"').replace("350.50", "99.99")
    client.post(body=back)
    till.finish("b")
    nothing = {"buy": (0, 0), "buyReturn": (0, 0)}
    assert till.totals() == {
        "sell": (2, 30), "sellReturn": (1, 9999), **nothing}
    assert till.totals("done") == {
        "sell": (1, 20), "sellReturn": (0, 0), **nothing}


def test_the_order_of_each_subscriber_can_be_seen(till, client):
    for number, phone in (("a", "1"), ("b", "2"), ("c", "1")):
        client.post(body=V1.replace("26111", number).replace(
            "+79990000001", "+7999000000" + phone))
    assert {contact: [entry.external_id for entry in entries]
            for contact, entries in till.by_contact().items()} == {
        "+79990000001": ["a", "c"], "+79990000002": ["b"]}


def test_it_says_what_it_waits_for(till, client):
    client.post(body="{")
    with pytest.raises(TimeoutError, match="0 of 1 .*not JSON"):
        till.wait_receipts(1, timeout=0.1)


# ---- tasks and the queue ----

def test_a_task_is_done_when_it_is_looked_at(till, client):
    client.post("a", "350.5")
    client.post(body=V1.replace('"sell"', '"sellReturn"'))
    assert till.receipts[0].state == "new"
    status, told = client.look(90001)
    fiscal = told.pop("fiscal_data")
    assert (status, told) == (200, {
        "id": 90001, "external_id": "a", "state": "done",
        "error_description": None, "receipt_url":
        "https://kassa.komtet.ru/receipts?id=90001&external_id=a"})
    assert set(fiscal) == set("i fn t n fp s rn sh shn".split())
    assert time.strptime(fiscal["t"], "%Y%m%dT%H%M")
    assert (fiscal["i"], fiscal["n"], fiscal["s"]) == ("1", 1, "350.50")
    assert client.look(90001)[1]["fiscal_data"] == fiscal
    second = client.look(90002)[1]["fiscal_data"]
    assert (second["i"], second["n"]) == ("2", 2)
    assert till.receipts[0].fiscal == fiscal
    assert len(till.looks) == 3 and till.refused == []


@pytest.mark.parametrize("task", ["90002", "090001", "a", "26-a", "0"])
def test_there_is_no_other_task(till, client, task):
    client.post("26-a")
    assert client.look(task)[0] == 404
    assert till.refused[0].why == f"no task {task}"


def test_a_task_takes_its_time(till, client):
    till.fiscal_after = 0.2
    client.post()
    told = client.look(90001)[1]
    assert (told["state"], told["fiscal_data"], told["receipt_url"]) == (
        "new", None, None)
    till.open_state = "processing"
    assert client.look(90001)[1]["state"] == "processing"
    time.sleep(0.2)
    assert client.look(90001)[1]["state"] == "done"


def test_a_task_may_never_be_done(till, client):
    till.fiscal_after = None
    client.post()
    assert client.look(90001)[1]["state"] == "new"
    till.finish("1")
    assert client.look(90001)[1]["state"] == "done"


def test_a_task_may_fail_by_number_or_by_its_looks(till, client):
    till.fail("a", "Смена превысила 24 часа")
    till.fail(lambda entry: entry.kopecks == 100, "Нет бумаги")
    client.post("a")
    client.post("b", "1.00")
    client.post("c")
    tasks = [client.look(90001 + i)[1] for i in range(3)]
    assert [(one["state"], one["error_description"]) for one in tasks] == [
        ("error", "Смена превысила 24 часа"), ("error", "Нет бумаги"),
        ("done", None)]
    assert tasks[0]["fiscal_data"] is tasks[0]["receipt_url"] is None
    till.mend()
    client.post("d", "1.00")
    assert client.look(90001)[1]["state"] == "error"
    assert client.look(90004)[1]["state"] == "done"
    assert client.post("a")[1]["code"] == "VLD11"
    assert client.post("a-r1")[0] == 200


def test_a_passive_queue_takes_receipts_and_prints_none(till, client):
    till.queue_state = "passive"
    assert client.ask("GET", "queues/777") == (200, {
        "id": 777, "name": "Касса", "state": "passive"})
    assert client.post()[0] == 200
    assert client.look(90001)[1]["state"] == "new"
    till.behave()
    assert client.ask("GET", "queues/777")[1]["state"] == "active"
    assert client.look(90001)[1]["state"] == "done"
    assert len(till.queue_looks) == 2


# ---- misbehaviour ----

@pytest.mark.parametrize("reply, status, begin", [
    (komtet.http(401), 401, None), (komtet.http(403), 403, None),
    (komtet.http(429), 429, None), (komtet.http(500), 500, None),
    (komtet.http(502), 502, b"<html>"), (komtet.html, 200, b"<html>"),
    (komtet.empty, 200, b""),
    (lambda _request: Reply(body="OK"), 200, b"OK")])
@pytest.mark.parametrize("accepted", [True, False])
def test_another_answer_with_the_receipt_accepted_or_not(
        till, client, reply, status, begin, accepted):
    till.post_reply = till.accept_but(reply) if accepted else reply
    got, told = client.post()
    assert got == status and len(till.receipts) == accepted
    if begin is None:
        assert set(told) == {"title", "code", "description"}
    else:
        assert told.startswith(begin)
    assert client.look(90001)[0] == (200 if accepted else 404)


def test_a_refusal_for_good(till, client):
    till.post_reply = komtet.refuse(7, "Неверный ИНН")
    assert client.post() == (422, {
        "title": "Ошибка валидации", "code": "VLD7",
        "description": "Неверный ИНН"})
    assert till.receipts == [] and till.refused == []


@pytest.mark.parametrize("reply", [
    standin.close_without_reply, standin.reset_without_reply,
    standin.garbage])
@pytest.mark.parametrize("accepted", [True, False])
def test_a_lost_answer_with_the_receipt_accepted_or_not(
        till, client, reply, accepted):
    till.post_reply = till.accept_but(reply) if accepted else reply
    with pytest.raises(LOST):
        client.post()
    assert len(till.receipts) == accepted
    till.behave()
    assert client.post()[0] == (422 if accepted else 200)
    assert len(till.receipts) == 1 and len(till.posts) == 2


def test_an_answer_is_cut_in_its_middle(till, client):
    till.post_reply = till.accept_and_cut
    with pytest.raises(http.client.IncompleteRead) as cut:
        client.post()
    assert b'{"id": 90001' in cut.value.partial
    assert abs(cut.value.expected - len(cut.value.partial)) <= 1
    assert len(till.receipts) == 1


@pytest.mark.parametrize("accepted", [True, False])
def test_an_answer_never_comes(till, accepted):
    till.post_reply = (till.accept_but(standin.stall) if accepted
                       else standin.stall)
    with pytest.raises(TimeoutError):
        Client(till, timeout=0.2).post()
    assert len(till.receipts) == accepted


def test_an_answer_comes_late(till, client):
    till.post_reply = till.answer_late(0.3)
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        Client(till, timeout=0.1).post()
    assert len(till.receipts) == 1
    assert client.post()[0] == 422
    assert time.monotonic() - begun > 0.4


def test_a_receipt_is_taken_late_when_its_client_has_gone(till, client):
    till.post_reply = komtet.in_turn(till.take_late(0.3), till.honest)
    with pytest.raises(TimeoutError):
        Client(till, timeout=0.1).post("a")
    assert till.receipts == []
    assert client.post("a")[0] == 200
    wait_until(lambda: till.receipts[0].came == 2, 5, "late receipt")
    assert len(till.receipts) == 1 and till.book.changed == []


def test_behaviours_one_after_another(till, client):
    till.post_reply = komtet.in_turn(
        komtet.http(500), komtet.http(429), till.honest)
    assert [client.post(n)[0] for n in "aabc"] == [500, 429, 200, 200]


def test_behaviours_one_after_another_for_each_receipt(till, client):
    till.post_reply = komtet.each_in_turn(
        till.accept_but(komtet.http(500)), till.honest)
    till.look_reply = komtet.each_in_turn(komtet.http(404), till.honest)
    assert [client.post(n)[0] for n in "abab"] == [500, 500, 422, 422]
    assert [client.look(n)[0] for n in (90001, 90002, 90001)] == [
        404, 404, 200]


def test_questions_can_be_answered_badly_alone(till, client):
    till.look_reply = komtet.http(502)
    till.queue_reply = till.accept_but(komtet.empty)
    assert client.post()[0] == 200
    assert client.look(90001)[0] == 502
    assert till.receipts[0].state == "new"
    assert client.ask("GET", "queues/777") == (200, b"")
    till.look_reply = till.accept_but(komtet.http(502))
    client.look(90001)
    assert till.receipts[0].state == "done"


def hammer(till, count, tries=50):
    """Send each receipt until it is known to be there; the tries needed."""
    client = Client(till, timeout=0.3)
    needed = []
    for number in range(count):
        for tried in range(1, tries):
            try:
                status, told = client.post(number)
            except (*LOST, TimeoutError):
                continue
            if status == 200 or (status == 422 and told["code"] == "VLD11"):
                break
        needed.append(tried)
    return needed


MIX = {"lost_after": 0.15, "lost_before": 0.05, "http500": 0.05,
       "http500_accepted": 0.1, "http429": 0.05, "http502_accepted": 0.05,
       "late": 0.05, "garbage_accepted": 0.05, "cut_accepted": 0.05}


def test_a_mix_of_misbehaviours_is_that_of_its_seed(till):
    runs = []
    for seed in (1, 1, 2):
        till.reset()
        till.post_reply = till.flaky(seed, late_by=0.01, **MIX)
        needed = hammer(till, 100)
        runs.append((needed, till.misdeeds))
        assert [entry.external_id for entry in till.receipts] == [
            str(i) for i in range(100)]
        assert till.totals()["sell"] == (100, 3505000)
        assert till.book.changed == [] and till.refused == []
        assert sum(till.misdeeds.values()) == len(till.posts)
        assert set(till.misdeeds) == {*MIX, "honest"}
    assert runs[0] == runs[1] != runs[2]


def test_every_misbehaviour_has_a_rate(till):
    for name in ("close", "reset", "stall", "garbage", "html", "empty",
                 "refuse", "http403", "close_accepted", "reset_accepted",
                 "stall_accepted", "html_accepted", "empty_accepted",
                 "refuse_accepted", "http502_accepted", "taken_late"):
        till.reset()
        till.post_reply = till.flaky(1, late_by=0.01, **{name: 1.0})
        try:
            Client(till, timeout=0.2).post()
        except (*LOST, TimeoutError):
            pass
        assert till.misdeeds == {name: 1}
        assert len(till.receipts) == (
            name.endswith("_accepted") or name == "taken_late"), name


def test_rates_that_cannot_be_are_told_at_once(till):
    with pytest.raises(ValueError):
        till.flaky(1, close=0.6, reset=0.6)
    with pytest.raises(ValueError):
        till.flaky(1, explode=0.1)


def test_it_can_be_down_and_keeps_its_book(till, client):
    client.post("a")
    till.stop()
    with pytest.raises(ConnectionError):
        Client(till).post("b")
    till.start()
    client = Client(till)
    assert client.post("a")[0] == 422
    assert client.post("b")[1]["id"] == 90002


def test_it_can_forget_everything(till, client):
    client.post("a")
    till.fail("a", "Нет бумаги")
    till.occupy("b")
    till.post_reply = till.look_reply = komtet.http(500)
    till.reset()
    assert till.posts == till.receipts == []
    assert client.post("a")[1]["id"] == 90001
    assert client.look(90001)[1]["state"] == "done"
    assert client.post("b")[0] == 200


# ---- callbacks ----

class Listener(HTTPServer):
    """Takes callbacks; answers with `status`."""

    def __init__(self):
        self.calls = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/komtet?x=1"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append((self.path, self.headers, body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def listener():
    with Listener() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,),
                         daemon=True).start()
        yield server
        server.shutdown()


def last(listener):
    """(path, headers, body read as JSON, its right signature)."""
    path, headers, body = listener.calls[-1]
    return (path, headers, json.loads(body),
            sign("SECRET", "POST", listener.url, body))


def test_a_callback_tells_a_finished_task(till, client, listener):
    till.fiscal_after = None
    client.post("a")
    assert till.callback(listener.url, "a") == 200
    path, headers, told, digest = last(listener)
    assert path == "/komtet?x=1"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-HMAC-Signature"] == digest
    entry = till.receipts[0]
    assert entry.state == "done" and told == {
        "id": 90001, "external_id": "a", "state": "done",
        "error_description": None, "fiscal_data": entry.fiscal}
    listener.status = 403
    assert till.callback(listener.url, entry) == 403


def test_a_callback_tells_a_failed_task(till, client, listener):
    client.post("a")
    till.fail("a", "Нет бумаги")
    till.callback(listener.url, "a")
    told = last(listener)[2]
    assert (told["state"], told["error_description"]) == (
        "error", "Нет бумаги")


def test_a_callback_may_tell_another_state(till, client, listener):
    client.post("a")
    till.callback(listener.url, "a", state="processing")
    assert last(listener)[2]["state"] == "processing"
    assert till.receipts[0].state == "new"


def test_a_callback_may_tell_anything(till, listener):
    till.callback(listener.url, {"id": 1, "state": "done"})
    assert last(listener)[2] == {"id": 1, "state": "done"}
    till.callback(listener.url, None, body=b"[]", headers={"X-A": "b"})
    _, headers, told, digest = last(listener)
    assert told == [] and headers["X-A"] == "b"
    assert headers["X-HMAC-Signature"] == digest


@pytest.mark.parametrize("options", [
    {"secret": "OTHER"}, {"signature": "0" * 32}, {"signature": ""},
    {"registered": "https://billing.example.com/komtet?x=1"}])
def test_a_callback_may_be_signed_otherwise(till, client, listener, options):
    client.post("a")
    till.callback(listener.url, "a", **options)
    _, headers, _, digest = last(listener)
    assert headers["X-HMAC-Signature"] != digest
    assert (headers["X-HMAC-Signature"] is None) == (
        options == {"signature": ""})
    if "registered" in options:
        assert headers["X-HMAC-Signature"] == sign(
            "SECRET", "POST", options["registered"], listener.calls[-1][2])


def test_callbacks_for_all_receipts(till, client, listener):
    for number in "abc":
        client.post(number)
    assert till.callback_all(listener.url) == [200] * 3
    assert [json.loads(body)["id"] for _, _, body in listener.calls] == [
        90001, 90002, 90003]


# ---- many at once ----

def test_16_clients_at_once_lose_nothing(till):
    def send(first):
        client = Client(till)
        for number in range(first, first + 100):
            client.post(number)
            client.post(number)
    threads = [threading.Thread(target=send, args=(1000 * n,))
               for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(till.receipts) == 1600
    assert {entry.came for entry in till.receipts} == {2}
    assert [entry.task_id for entry in till.receipts] == list(
        range(90001, 91601))
    assert till.totals()["sell"] == (1600, 1600 * 35050)
    assert till.book.changed == [] and till.refused == []
