"""The stand-in for a RADIUS router judges strictly."""

import hashlib
import hmac
import socket
import struct
import time

import pytest

from harness import radius
from harness.process import wait_until
from harness.radius import RadiusNas

NAME = (1, b"u1")


def request(*pairs, identifier=7, code=40, secret=b"secret", signed=False,
            raw=b""):
    """A Disconnect-Request as the RFC makes it, by other means than the
    stand-in's."""
    if signed:
        pairs = [*pairs, (80, bytes(16))]
    body = b"".join(struct.pack("BB", kind, len(value) + 2) + value
                    for kind, value in pairs) + raw
    head = struct.pack("!BBH", code, identifier, 20 + len(body))
    if signed:
        body = body[:-16] + hmac.new(secret, head + bytes(16) + body,
                                     hashlib.md5).digest()
    made = hashlib.md5(head + bytes(16) + body + secret).digest()
    return head + made + body


class Client:
    """Sends datagrams and reads what comes back, from anywhere."""

    def __init__(self, nas, address="127.0.0.1", timeout=2):
        self.nas = nas
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.settimeout(timeout)

    def send(self, data):
        self.socket.sendto(data, (self.nas.address, self.nas.port))

    def ask(self, data):
        """(code, error cause or None) of a right answer."""
        self.send(data)
        return self.answer(data)

    def answer(self, data):
        found, source = self.socket.recvfrom(5000)
        assert source == (self.nas.address, self.nas.port)
        return judged(found, data)

    def hears_nothing(self, data, seconds=0.1):
        """Send it; does no answer come?"""
        self.send(data)
        self.socket.settimeout(seconds)
        with pytest.raises(TimeoutError):
            self.socket.recvfrom(5000)
        self.socket.settimeout(2)
        return True


def judged(found, asked, secret=b"secret"):
    """(code, error cause or None) of an answer, which must be right."""
    code, identifier, length = struct.unpack("!BBH", found[:4])
    assert (identifier, length) == (asked[1], len(found))
    assert found[4:20] == hashlib.md5(
        found[:4] + asked[4:20] + found[20:] + secret).digest()
    if len(found) == 20:
        return code, None
    assert found[20:22] == b"\x65\x06"
    return code, int.from_bytes(found[22:26], "big")


@pytest.fixture
def nas():
    with RadiusNas() as running:
        yield running


@pytest.fixture
def client(nas):
    return Client(nas)


def test_a_session_is_ended_once(nas, client):
    nas.online(b"u1")
    nas.online(b"u2")
    assert client.ask(request(NAME)) == (41, None)
    assert nas.removed == [b"u1"]
    assert [one.name for one in nas.sessions] == [b"u2"]
    assert client.ask(request(NAME, identifier=8)) == (42, 503)
    assert (nas.removed, nas.violations) == ([b"u1"], [])


def test_a_request_is_recorded(nas):
    client = Client(nas, "127.0.0.5")
    data = request(NAME, (8, bytes([10, 0, 0, 2])), (44, b"81000001"))
    assert client.ask(data) == (42, 503)
    one, = nas.requests
    assert (one.name, one.ip, one.session_id) == (
        b"u1", "10.0.0.2", b"81000001")
    assert (one.identifier, one.authenticator, one.code) == (
        7, data[4:20], 40)
    assert (one.source[0], one.wrong, one.data) == ("127.0.0.5", "", data)


ADDRESS = (8, bytes([10, 0, 0, 2]))
OTHER_ADDRESS = (8, bytes([10, 0, 0, 3]))


@pytest.mark.parametrize("pairs, found", [
    ([NAME], True), ([NAME, ADDRESS], True), ([NAME, OTHER_ADDRESS], False),
    ([NAME, (44, b"s1")], True), ([NAME, (44, b"s2")], False),
    ([NAME, ADDRESS, (44, b"s2")], False), ([(1, b"U1")], False),
    ([NAME, (31, b"AA:BB")], True), ([NAME, (31, b"aa:bb")], False),
    ([NAME, (4, bytes([127, 0, 0, 1]))], True)])
def test_every_attribute_must_be_that_of_the_session(nas, client, pairs,
                                                     found):
    nas.online(b"u1", ip="10.0.0.2", session_id=b"s1", station=b"AA:BB")
    nas.online(b"u2", ip="10.0.0.3", session_id=b"s2")
    assert client.ask(request(*pairs)) == ((41, None) if found
                                           else (42, 503))
    assert nas.removed == [b"u1"][:found]
    assert nas.violations == []


def test_attributes_of_two_sessions_find_neither(nas, client):
    nas.online(b"u1", ip="10.0.0.2", session_id=b"s1")
    nas.online(b"u1", ip="10.0.0.3", session_id=b"s2")
    assert client.ask(request(NAME, ADDRESS, (44, b"s2"))) == (42, 503)
    assert client.ask(request(NAME, identifier=8)) == (41, None)
    assert nas.removed == [b"u1", b"u1"]


def test_a_name_alone_may_not_be_enough(nas, client):
    nas.name_alone = False
    nas.online(b"u1", ip="10.0.0.2")
    assert client.ask(request(NAME)) == (42, 503)
    assert client.ask(request(NAME, ADDRESS)) == (41, None)


def test_another_router_is_meant(nas, client):
    nas.online(b"u1")
    nas.nas_identifier = b"core"
    assert client.ask(request(NAME, (4, bytes([10, 0, 0, 1])))) == (42, 403)
    assert client.ask(request(NAME, (32, b"edge"))) == (42, 403)
    assert client.ask(request(NAME, (32, b"core"))) == (41, None)
    assert nas.violations == []


def test_a_retransmission_is_answered_and_not_obeyed_again(nas, client):
    nas.online(b"u1")
    nas.answer = radius.lose_answers(1)
    data = request(NAME)
    assert client.hears_nothing(data)
    assert nas.removed == [b"u1"]
    nas.online(b"u1")
    assert client.ask(data) == (41, None)
    assert (nas.removed, len(nas.requests), nas.count_new()) == (
        [b"u1"], 2, 1)
    assert nas.identifiers == [7, 7]
    assert len(set(nas.authenticators)) == 1


def test_a_router_may_not_know_retransmissions(nas, client):
    nas.remembers = False
    nas.online(b"u1")
    data = request(NAME)
    assert [client.ask(data), client.ask(data)] == [(41, None), (42, 503)]


def test_new_requests_count(nas, client):
    client.ask(request(NAME))
    client.ask(request(NAME, identifier=8))
    client.ask(request((1, b"u2"), identifier=8))
    Client(nas).ask(request(NAME))
    assert (nas.count_new(), nas.violations) == (4, [])


def test_an_identifier_is_taken_until_the_answer(nas, client):
    nas.answer = radius.lose(1)
    assert client.hears_nothing(request(NAME))
    client.ask(request((1, b"u2")))
    assert "the identifier of another request" in nas.violations[0]


@pytest.mark.parametrize("data, told", [
    (request(NAME, secret=b"other"), "wrong authenticator"),
    (request(NAME)[:-1] + b"x", "wrong authenticator"),
    (request(NAME) + b"\0", "another length"),
    (request(NAME)[:-1], "another length"),
    (request(NAME)[:19], "19 bytes"),
    (b"", "0 bytes"),
    (request(*[NAME] * 1020), "4100 bytes"),
    (request(NAME, code=43), "code 43"),
    (request(raw=b"\1"), "not well-formed"),
    (request(raw=b"\1\1"), "not well-formed"),
    (request(raw=b"\1\0u1"), "not well-formed"),
    (request(raw=b"\1\5u1"), "not well-formed"),
    (request(NAME, (80, bytes(16))), "wrong Message-Authenticator"),
    (request(NAME, (80, bytes(15))), "wrong Message-Authenticator"),
    (request(NAME, (55, bytes(4))), "Event-Timestamp"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_malformed_is_dropped_and_told(nas, client, data, told):
    nas.online(b"u1")
    assert client.hears_nothing(data)
    assert len(nas.violations) == 1 and told in nas.violations[0]
    assert told in nas.requests[0].wrong
    assert nas.removed == []


@pytest.mark.parametrize("pairs, cause, told", [
    ([], 402, "no User-Name"),
    ([ADDRESS], 402, "no User-Name"),
    ([(1, b"")], 407, "User-Name of 0 bytes"),
    ([NAME, NAME], 407, "User-Name stands twice"),
    ([NAME, (8, b"10.0.0.2")], 407, "Framed-IP-Address of 8 bytes"),
    ([NAME, (44, b"")], 407, "Acct-Session-Id of 0 bytes"),
    ([NAME, (55, bytes(3))], 407, "Event-Timestamp of 3 bytes"),
    ([NAME, (2, b"x")], 401, "attribute 2"),
    ([NAME, (101, bytes(4))], 401, "attribute 101"),
])
def test_wrong_attributes_are_refused_and_told(nas, client, pairs, cause,
                                               told):
    nas.online(b"u1")
    assert client.ask(request(*pairs)) == (42, cause)
    assert nas.violations == [f"1: {told}"]
    assert nas.removed == []


def test_a_signed_request_is_right(nas, client):
    nas.online(b"u1")
    now = int(time.time()).to_bytes(4, "big")
    assert client.ask(request(NAME, (55, now), signed=True)) == (41, None)
    assert nas.violations == []


def test_a_router_may_want_signatures(nas, client):
    nas.wants_signature = True
    assert client.hears_nothing(request(NAME))
    assert client.ask(request(NAME, identifier=8, signed=True)) == (42, 503)
    assert nas.violations == ["1: no Message-Authenticator"]


def test_answers_may_be_signed(nas, client):
    nas.signs = True
    data = request(NAME)
    client.send(data)
    found = client.socket.recv(5000)
    assert found[20:28] == b"\x65\x06\0\0\1\xf7\x50\x12"
    zeroed = found[:4] + data[4:20] + found[20:-16] + bytes(16)
    assert found[-16:] == hmac.new(b"secret", zeroed, hashlib.md5).digest()
    assert found[4:20] == hashlib.md5(
        found[:4] + data[4:20] + found[20:] + b"secret").digest()


def test_unknown_sources_hear_nothing(nas, client):
    nas.sources = {"127.0.0.5"}
    nas.online(b"u1")
    assert client.hears_nothing(request(NAME))
    assert Client(nas, "127.0.0.5").ask(request(NAME)) == (41, None)
    assert nas.violations == ["1: from 127.0.0.1"]


def test_the_first_packets_may_be_lost(nas, client):
    nas.online(b"u1")
    nas.answer = radius.lose(2)
    data = request(NAME)
    assert client.hears_nothing(data) and client.hears_nothing(data)
    assert nas.removed == []
    assert client.ask(data) == (41, None)
    assert (nas.removed, nas.violations) == ([b"u1"], [])


def test_a_router_may_be_silent(nas, client):
    nas.online(b"u1")
    nas.answer = radius.silence
    assert client.hears_nothing(request(NAME))
    assert len(nas.sessions) == 1


@pytest.mark.parametrize("cause", [201, 501, 504, 506, 508])
def test_a_router_may_refuse_for_other_causes(nas, client, cause):
    nas.online(b"u1")
    nas.answer = nas.nak(cause)
    assert client.ask(request(NAME)) == (42, cause)
    assert nas.removed == []


def test_a_refusal_may_have_no_cause(nas, client):
    nas.answer = nas.nak(None)
    assert client.ask(request(NAME)) == (42, None)


def test_an_answer_may_be_of_another_kind(nas, client):
    nas.answer = nas.reply_with(44)
    assert client.ask(request(NAME)) == (44, None)


@pytest.mark.parametrize("fault", [
    radius.wrong_authenticator, radius.wrong_identifier,
    radius.truncated(19), radius.truncated(-1), radius.garbage,
    radius.empty])
def test_an_answer_may_be_forged_and_the_right_one_follow(nas, client,
                                                          fault):
    nas.answer = radius.before(fault)
    data = request(NAME)
    client.send(data)
    with pytest.raises((AssertionError, struct.error)):
        judged(client.socket.recv(5000), data)
    assert client.answer(data) == (42, 503)


@pytest.mark.parametrize("fault, address", [
    (radius.other_port, "127.0.0.1"), (radius.other_address, "127.9.9.9")])
def test_an_answer_may_come_from_elsewhere(nas, client, fault, address):
    nas.answer = radius.before(fault)
    data = request(NAME)
    client.send(data)
    found, source = client.socket.recvfrom(5000)
    assert judged(found, data) == (42, 503)
    assert source[0] == address and source[1] != nas.port
    assert client.answer(data) == (42, 503)


def test_an_answer_may_come_several_times(nas, client):
    nas.answer = radius.duplicated(3)
    data = request(NAME)
    client.send(data)
    assert [client.answer(data) for _ in range(3)] == [(42, 503)] * 3


def test_an_answer_may_come_late(nas, client):
    nas.online(b"u1")
    nas.answer = radius.late(0.3)
    data = request(NAME)
    assert client.hears_nothing(data)
    assert nas.removed == [b"u1"]
    assert client.answer(data) == (41, None)


def test_faults_can_be_combined(nas, client):
    nas.answer = radius.first(1, radius.before(radius.wrong_authenticator))
    data = request(NAME)
    client.send(data)
    client.socket.recv(5000)
    assert client.answer(data) == (42, 503)
    assert client.ask(data) == (42, 503)


def test_a_router_comes_back_on_its_port(nas, client):
    port = nas.port
    nas.online(b"u1")
    nas.stop()
    assert client.hears_nothing(request(NAME))
    nas.start()
    assert nas.port == port
    assert client.ask(request(NAME)) == (41, None)
    assert len(nas.requests) == 1


def test_two_routers_have_the_same_port_on_two_addresses(nas):
    with RadiusNas("127.0.0.2", b"two", nas.port) as other:
        other.online(b"u1")
        Client(nas).ask(request(NAME))
        Client(other).send(request(NAME, secret=b"two"))
        wait_until(lambda: other.removed, 5, "removed session")
        assert (nas.removed, other.violations) == ([], [])


def test_everything_is_forgotten_when_reset(nas, client):
    nas.online(b"u1")
    nas.answer = radius.silence
    client.hears_nothing(request(NAME, secret=b"other"))
    nas.reset()
    assert client.ask(request(NAME)) == (42, 503)
    assert (len(nas.requests), nas.violations) == (1, [])
