"""The stand-ins record what comes and misbehave as told."""

import http.client
import json
import ssl
import threading
import time
from urllib.parse import urlencode

import pytest

from harness import standin
from harness.process import wait_until
from harness.standin import Reply, Smsc, SmsPilot

FORM = "send=%D0%9F%D1%80%D0%B8+1&to=79001234567&from=INFORM"
HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def pilot():
    with SmsPilot() as running:
        yield running


@pytest.fixture
def smsc():
    with Smsc() as running:
        yield running


def connection_to(pilot, **kw):
    return http.client.HTTPConnection("127.0.0.1", pilot.port, timeout=5, **kw)


def post(connection):
    connection.request("POST", "/api.php?x=1", FORM, HEADERS)
    return connection.getresponse()


def test_requests_are_recorded_and_answered_over_one_connection(pilot):
    connection = connection_to(pilot)
    bodies = [post(connection).read() for _ in range(2)]
    assert b'"server_id": "10002", "phone": "79001234567"' in bodies[1]
    first, second = pilot.wait(2)
    assert (first.method, first.path, first.query) == (
        "POST", "/api.php", "x=1")
    assert first.params == {
        "send": "При 1", "to": "79001234567", "from": "INFORM"}
    assert first.connection == second.connection == 1
    assert first.at < second.at
    assert first.headers["content-type"] == HEADERS["Content-Type"]


@pytest.mark.parametrize("reply", [
    standin.close_without_reply, standin.reset_without_reply,
    standin.garbage, lambda request: Reply(body="abcdef", cut=78)])
def test_broken_replies_are_broken(pilot, reply):
    pilot.reply = reply
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        post(connection_to(pilot)).read()
    assert len(pilot.requests) == 1


def test_connections_can_be_ended_unread(pilot):
    pilot.on_connect = "reset"
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        post(connection_to(pilot))
    assert pilot.requests == []


def test_a_kept_connection_can_be_closed_while_idle(pilot):
    connection = connection_to(pilot)
    post(connection).read()
    pilot.close_idle()
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        post(connection)
    assert post(connection_to(pilot)).status == 200


def test_stall_delay_and_drip_take_their_time(pilot):
    connection = connection_to(pilot)
    pilot.reply = lambda request: Reply(body="{}", delay=0.2, drip=0.001)
    begin = time.monotonic()
    assert post(connection).read() == b"{}"
    assert time.monotonic() - begin > 0.25
    pilot.reply = standin.stall
    connection.timeout = 0.2
    connection.close()
    with pytest.raises(TimeoutError):
        post(connection)


def test_a_reply_may_be_decided_late(pilot):
    decided = []

    def decide():
        decided.append(len(pilot.requests))
        return Reply(status=202, body="late")
    pilot.reply = lambda request: Reply(delay=0.2, then=decide)
    connection = connection_to(pilot)
    connection.request("POST", "/api.php", FORM, HEADERS)
    pilot.wait(1)
    assert decided == []
    reply = connection.getresponse()
    assert (reply.status, reply.read(), decided) == (202, b"late", [1])


def test_what_is_decided_late_is_decided_for_nobody_too(pilot):
    decided = []
    pilot.reply = lambda request: Reply(
        delay=0.2, then=lambda: decided.append(1) or Reply())
    connection = connection_to(pilot)
    connection.request("POST", "/api.php", FORM, HEADERS)
    pilot.wait(1)
    connection.close()
    wait_until(lambda: decided, 5, "decision")


def test_chunks_huge_bodies_and_redirects(pilot):
    connection = connection_to(pilot)
    pilot.reply = lambda request: Reply(body="x" * 100, chunked=True)
    assert post(connection).read() == b"x" * 100
    pilot.reply = standin.huge
    reply = post(connection)
    assert len(reply.read()) == 100 * standin.MEGABYTE
    pilot.reply = standin.redirect("http://127.0.0.1:1/")
    reply = post(connection)
    assert (reply.status, reply.headers["Location"]) == (
        302, "http://127.0.0.1:1/")


def test_stop_and_start_again_keep_the_port(pilot):
    port = pilot.port
    post(connection_to(pilot)).read()
    pilot.stop()
    with pytest.raises(ConnectionError):
        post(connection_to(pilot))
    pilot.start()
    assert pilot.port == port
    assert post(connection_to(pilot)).status == 200


def test_tls_with_a_self_made_certificate(tmp_path):
    certificate, key = standin.make_certificate(tmp_path)
    with SmsPilot(tls=(certificate, key)) as pilot:
        trusting = ssl.create_default_context(cafile=certificate)
        connection = http.client.HTTPSConnection(
            "127.0.0.1", pilot.port, context=trusting, timeout=5)
        assert post(connection).status == 200
        distrusting = http.client.HTTPSConnection(
            "127.0.0.1", pilot.port, timeout=5)
        with pytest.raises(ssl.SSLCertVerificationError):
            post(distrusting)
        assert len(pilot.requests) == 1


def test_32_connections_at_once_lose_nothing(pilot):
    def send_50():
        connection = connection_to(pilot)
        for _ in range(50):
            post(connection).read()
    threads = [threading.Thread(target=send_50) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pilot.requests) == 1600
    assert len({r.connection for r in pilot.requests}) == 32
    assert sorted(r.number for r in pilot.requests) == list(range(1, 1601))


def ask(smsc, script, **params):
    """What the stand-in answers to a form, read as JSON."""
    connection = connection_to(smsc)
    connection.request("POST", f"/sys/{script}", urlencode(params), HEADERS)
    return json.loads(connection.getresponse().read())


def send(smsc, **params):
    return ask(smsc, "send.php", phones="7901", mes="m", **params)


def query(smsc, message, phone="7901"):
    return ask(smsc, "status.php", phone=phone, id=message)


def test_smsc_accepts_under_the_id_of_the_client(smsc):
    assert smsc.url == f"http://127.0.0.1:{smsc.port}/sys"
    assert send(smsc, id="MBEV-1") == {"id": "MBEV-1", "cnt": 1}
    assert send(smsc, id="77") == {"id": 77, "cnt": 1}
    own = send(smsc)
    assert own == {"id": 1000, "cnt": 1}
    assert set(smsc.accepted) == {
        ("7901", "MBEV-1"), ("7901", "77"), ("7901", "1000")}


def test_smsc_knows_what_it_accepted_by_phone_and_id(smsc):
    assert query(smsc, "MBEV-1") == {"status": -3}
    send(smsc, id="MBEV-1")
    send(smsc, id="77")
    found = query(smsc, "MBEV-1")
    assert found["status"] == 1
    assert abs(found["last_timestamp"] - time.time()) < 10
    assert time.strptime(found["last_date"], "%d.%m.%Y %H:%M:%S")
    assert query(smsc, "77")["status"] == 1
    assert query(smsc, "78") == {"status": -3}
    assert query(smsc, "MBEV-1", phone="7902") == {"status": -3}


def test_smsc_lists_sends_and_queries_apart(smsc):
    send(smsc, id="a")
    query(smsc, "a")
    send(smsc, id="b")
    assert [request.params["id"] for request in smsc.sends] == ["a", "b"]
    assert [request.params["id"] for request in smsc.queries] == ["a"]
    assert len(smsc.requests) == 3


def test_smsc_knows_no_other_page(smsc):
    connection = connection_to(smsc)
    assert post(connection).status == 404
    assert (smsc.sends, smsc.queries) == ([], [])


def test_smsc_can_misbehave_for_sends_alone(smsc):
    refusal = {"error": "no money", "error_code": 3}
    smsc.send_reply = lambda request: Reply(body=json.dumps(refusal))
    assert send(smsc, id="a") == refusal
    assert query(smsc, "a") == {"status": -3}
    assert (len(smsc.sends), len(smsc.queries)) == (1, 1)


def test_smsc_can_misbehave_for_queries_alone(smsc):
    smsc.query_reply = lambda request: Reply(body='{"status": 20}')
    assert query(smsc, "a") == {"status": 20}
    assert send(smsc, id="a")["id"] == "a"


def test_smsc_can_misbehave_for_everything(smsc):
    smsc.reply = lambda request: Reply(body='{"error_code": 2}')
    assert send(smsc, id="a") == query(smsc, "a") == {"error_code": 2}
    assert smsc.accepted == {}


def test_smsc_can_accept_and_lose_the_reply(smsc):
    smsc.send_reply = smsc.accept_and_close
    with pytest.raises(http.client.RemoteDisconnected):
        send(smsc, id="a")
    assert query(smsc, "a")["status"] == 1


def test_smsc_forgets_when_reset(smsc):
    smsc.send_reply = standin.stall
    smsc.query_reply = standin.stall
    smsc.reset()
    send(smsc, id="a")
    smsc.reset()
    assert query(smsc, "a") == {"status": -3}
    assert (len(smsc.sends), len(smsc.queries)) == (0, 1)
