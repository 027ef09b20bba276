"""The stand-ins record what comes and misbehave as told."""

import http.client
import ssl
import threading
import time

import pytest

from harness import standin
from harness.standin import Reply, SmsPilot

FORM = "send=%D0%9F%D1%80%D0%B8+1&to=79001234567&from=INFORM"
HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def pilot():
    with SmsPilot() as running:
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
