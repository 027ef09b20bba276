"""A stand-in for a router that takes RADIUS Disconnect-Requests: a strict
judge.

    with RadiusNas(secret=b"secret") as nas:
        nas.online(b"u1", ip="10.0.0.2", session_id=b"81000001")
        ... the product resets u1 at nas.address, nas.port ...
        assert nas.removed == [b"u1"] and nas.violations == []
        assert nas.count_new() == 1  # retransmissions do not count
        nas.answer = lose(2)
        nas.answer = nak(506)
        nas.answer = before(wrong_authenticator)

What comes is judged by the letter of RFC 5176; what is wrong stands in
`violations`. How a right request is answered is decided by `answer`, a
function of the Request and of honest(), which does what is asked for. Both
return the datagrams to send.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import itertools
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace

from harness.process import wait_until

REQUEST, ACK, NAK = 40, 41, 42

USER_NAME = 1
NAS_IP = 4
FRAMED_IP = 8
STATION = 31
NAS_IDENTIFIER = 32
SESSION_ID = 44
TIMESTAMP = 55
MESSAGE_AUTHENTICATOR = 80
ERROR_CAUSE = 101

# What a request may have, and the sizes of what is no text.
NAMES = {USER_NAME: "User-Name", NAS_IP: "NAS-IP-Address",
         FRAMED_IP: "Framed-IP-Address", STATION: "Calling-Station-Id",
         NAS_IDENTIFIER: "NAS-Identifier", SESSION_ID: "Acct-Session-Id",
         TIMESTAMP: "Event-Timestamp",
         MESSAGE_AUTHENTICATOR: "Message-Authenticator"}
SIZES = {NAS_IP: 4, FRAMED_IP: 4, TIMESTAMP: 4, MESSAGE_AUTHENTICATOR: 16}

UNSUPPORTED, MISSING, OTHER_NAS, BAD_VALUE = 401, 402, 403, 407
NOT_FOUND = 503
STALE = 300  # seconds by which a timestamp may be off
IN_FLIGHT = 10  # seconds for which an identifier is not to be used again


# ---- packets ----

def pack_attributes(pairs):
    """(type, value) pairs as bytes."""
    return b"".join(bytes([kind, len(value) + 2]) + value
                    for kind, value in pairs)


def pack(code, identifier, authenticator, attributes):
    """A packet of these fields."""
    return struct.pack("!BBH16s", code, identifier, 20 + len(attributes),
                       authenticator) + attributes


def sealed(code, identifier, before, pairs, secret, signed=False):
    """A packet with its authenticator made over `before`: the one of the
    request, or zeros for a request. `signed` adds a Message-Authenticator."""
    if signed:
        pairs = [*pairs, (MESSAGE_AUTHENTICATOR, bytes(16))]
    data = pack(code, identifier, before, pack_attributes(pairs))
    if signed:  # it is the last one
        data = data[:-16] + hmac.digest(secret, data, "md5")
    made = hashlib.md5(data + secret).digest()
    return data[:4] + made + data[20:]


def unpack_attributes(data):
    """(type, value) pairs; ValueError when they are not well-formed."""
    pairs = []
    while data:
        if len(data) < 2 or not 2 <= data[1] <= len(data):
            raise ValueError("attributes that are not well-formed")
        pairs.append((data[0], data[2:data[1]]))
        data = data[data[1]:]
    return pairs


@dataclass
class Request:
    """One datagram as it came."""

    number: int  # from 1
    data: bytes
    source: tuple  # (address, port)
    at: float  # time.monotonic()
    attributes: list = field(default_factory=list)  # (type, value)
    wrong: str = ""  # why it was dropped or refused

    @property
    def code(self):
        """40 for a Disconnect-Request."""
        return self.data[0]

    @property
    def identifier(self):
        """The number that retransmissions share."""
        return self.data[1]

    @property
    def authenticator(self):
        """Its 16 bytes."""
        return self.data[4:20]

    def get(self, kind):
        """The value of an attribute, or None."""
        return dict(self.attributes).get(kind)

    @property
    def name(self):
        """User-Name."""
        return self.get(USER_NAME)

    @property
    def ip(self):
        """Framed-IP-Address as text, or None."""
        value = self.get(FRAMED_IP)
        return None if value is None else str(ipaddress.IPv4Address(value))

    @property
    def session_id(self):
        """Acct-Session-Id, or None."""
        return self.get(SESSION_ID)


@dataclass
class Session:
    """Somebody who is online."""

    name: bytes
    ip: str | None = None
    session_id: bytes | None = None
    station: bytes | None = None

    def fits(self, request):
        """Are all attributes of the request those of this session?"""
        own = {USER_NAME: self.name, SESSION_ID: self.session_id,
               STATION: self.station,
               FRAMED_IP: self.ip and ipaddress.IPv4Address(self.ip).packed}
        return all(own[kind] == value for kind, value in request.attributes
                   if kind in own)


@dataclass
class Datagram:
    """What to send to the client."""

    data: bytes
    delay: float = 0.0  # seconds
    source: str = ""  # "port" or "address": another one than ours


# ---- misbehaviour: functions of a Request and honest() ----

def silence(_request, _honest):
    """Never answer, do nothing."""
    return []


def lose(count):
    """The first so many packets never arrive."""
    return first(count, silence)


def lose_answers(count):
    """The answers to the first so many packets never arrive."""
    return first(count, done_but(silence))


def wrong_authenticator(_request, honest):
    """Answers by somebody who does not know the secret."""
    return [replace(one, data=one.data[:4] + bytes(16) + one.data[20:])
            for one in honest()]


def wrong_identifier(_request, honest):
    """Answers to another request."""
    return [replace(one, data=one.data[:1] + bytes([one.data[1] ^ 1])
                    + one.data[2:]) for one in honest()]


def other_port(_request, honest):
    """Right answers from another port."""
    return [replace(one, source="port") for one in honest()]


def other_address(_request, honest):
    """Right answers from another address."""
    return [replace(one, source="address") for one in honest()]


def truncated(count):
    """Only so many bytes of the answers; below 0: all but those."""
    return lambda _request, honest: [
        replace(one, data=one.data[:count]) for one in honest()]


def duplicated(count):
    """Every answer so many times."""
    return lambda _request, honest: honest() * count


def late(seconds):
    """Do what is asked for at once, and say so later."""
    return lambda _request, honest: [
        replace(one, delay=one.delay + seconds) for one in honest()]


def garbage(_request, _honest):
    """Bytes that are no packet."""
    return [Datagram(bytes(range(256)))]


def empty(_request, _honest):
    """A datagram without a byte."""
    return [Datagram(b"")]


def first(count, fault):
    """The fault for the first so many packets only."""
    left = itertools.count(1)
    return lambda request, honest: (
        fault(request, honest) if next(left) <= count else honest())


def done_but(fault):
    """Do what is asked for, and answer as the fault does."""
    def answer(request, honest):
        done = honest()
        return fault(request, lambda: done)
    return answer


def before(fault):
    """What the fault makes of the right answers, and then the right ones."""
    def answer(request, honest):
        done = honest()
        return fault(request, lambda: done) + done
    return answer


# ---- the router ----

class RadiusNas:
    """A UDP port of its own; start() and stop(), or a context manager.

    requests    every datagram that came, in order
    removed     names whose sessions were ended, in order
    violations  what was wrong with datagrams, a line each
    answer      function of Request and honest(), to datagrams
    sources     None, or the addresses that it knows; others it ignores
    nas_ip      that NAS-IP-Address must name where it is sent
    nas_identifier  the same for NAS-Identifier
    name_alone  False: no session is found by User-Name alone
    remembers   False: a retransmission is taken for a new request
    signs       answers have a Message-Authenticator
    wants_signature  requests without one are ignored
    """

    def __init__(self, address="127.0.0.1", secret=b"secret", port=0):
        self.address = address
        self.secret = secret
        self.port = port
        self._lock = threading.RLock()
        self._loop = asyncio.new_event_loop()
        self._thread = None
        self._transport = None
        self._doors = {}  # "" or as Datagram.source -> socket
        self.reset()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Listen, on the port of the last time if there was one."""
        self._loop.run_until_complete(self._open())
        self._thread = threading.Thread(target=self._loop.run_forever,
                                        daemon=True)
        self._thread.start()
        return self

    def stop(self):
        """Close everything, if it runs. start() may be called again."""
        if not self._thread:
            return
        self._loop.call_soon_threadsafe(self._transport.abort)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._thread = None
        for door in self._doors.values():
            door.close()

    def reset(self):
        """Nobody is online, nothing came; behave well again."""
        self.requests = []
        self.removed = []
        self.violations = []
        self.sessions = []
        self.answer = lambda _request, honest: honest()
        self.sources = None
        self.nas_ip = self.address
        self.nas_identifier = None
        self.name_alone = True
        self.remembers = True
        self.signs = False
        self.wants_signature = False
        self._numbers = itertools.count(1)
        self._told = {}  # (source, data) -> what was answered, if right
        self._answered = set()  # numbers of requests

    # ---- what tests arrange and ask ----

    def online(self, name, ip=None, session_id=None, station=None):
        """A session: its Session."""
        made = Session(name, ip, session_id, station)
        with self._lock:
            self.sessions.append(made)
        return made

    def nak(self, cause):
        """A misbehaviour: a refusal with a cause; None: without one."""
        pairs = [] if cause is None else [
            (ERROR_CAUSE, cause.to_bytes(4, "big"))]
        return lambda request, _honest: self._reply(request, NAK, pairs)

    def reply_with(self, code, pairs=()):
        """A misbehaviour: an answer of any code, well made."""
        return lambda request, _honest: self._reply(request, code, pairs)

    def wait(self, n, timeout=10):
        """Wait until n datagrams have come; return them all."""
        wait_until(lambda: len(self.requests) >= n, timeout, "requests",
                   pause=0.002)
        return self.requests

    def wait_removed(self, n, timeout=10):
        """Wait until n sessions have been ended; their names."""
        wait_until(lambda: len(self.removed) >= n, timeout, "removed sessions")
        return self.removed

    def count_new(self):
        """How many requests came that are no retransmissions."""
        return len({(one.source, one.data) for one in list(self.requests)})

    @property
    def identifiers(self):
        """Identifier of every datagram, in order."""
        return [one.identifier for one in list(self.requests)]

    @property
    def authenticators(self):
        """Authenticator of every datagram, in order."""
        return [one.authenticator for one in list(self.requests)]

    # ---- judging ----

    def receive(self, data, source):
        """A datagram came."""
        with self._lock:
            request = Request(next(self._numbers), data, source,
                              time.monotonic())
            request.wrong = self._why_drop(request) or ""
            self._judge_identifier(request)
            self.requests.append(request)
            if request.wrong:
                self._note(request, request.wrong)
                return
            sent = self.answer(request, lambda: self._honest(request))
            if sent:
                self._answered.add(request.number)
        for datagram in sent:
            self._loop.call_later(datagram.delay, self._send, datagram,
                                  source)

    def _why_drop(self, request):
        """Why a router says nothing to it, or None."""
        data = request.data
        if len(data) < 20 or not 20 <= len(data) <= 4096:
            return f"{len(data)} bytes"
        if int.from_bytes(data[2:4], "big") != len(data):
            return f"{len(data)} bytes with another length in them"
        if request.code != REQUEST:
            return f"code {request.code}"
        if self.sources is not None and request.source[0] not in self.sources:
            return f"from {request.source[0]}"
        if request.authenticator != hashlib.md5(
                data[:4] + bytes(16) + data[20:] + self.secret).digest():
            return "wrong authenticator"
        try:
            request.attributes = unpack_attributes(data[20:])
        except ValueError as wrong:
            return str(wrong)
        return self._signature_is_wrong(request) or _time_is_wrong(request)

    def _signature_is_wrong(self, request):
        """Why its Message-Authenticator does not do, or None."""
        found = request.get(MESSAGE_AUTHENTICATOR)
        if found is None:
            return ("no Message-Authenticator" if self.wants_signature
                    else None)
        zeroed = [(kind, bytes(len(value)) if kind == MESSAGE_AUTHENTICATOR
                   else value) for kind, value in request.attributes]
        made = hmac.digest(self.secret, pack(
            request.code, request.identifier, bytes(16),
            pack_attributes(zeroed)), "md5")
        return None if found == made else "wrong Message-Authenticator"

    def _judge_identifier(self, request):
        """The identifier of an unanswered request is taken."""
        for other in self.requests:
            if (other.source == request.source
                    and other.data[1:2] == request.data[1:2]
                    and other.data != request.data
                    and other.number not in self._answered
                    and request.at - other.at < IN_FLIGHT):
                self._note(request, "the identifier of another request that "
                           "was not answered")
                return

    def _honest(self, request):
        """Do what is asked for, say so: datagrams."""
        key = request.source, request.data
        if not (self.remembers and key in self._told):
            self._told[key] = self._decide(request)
        return list(self._told[key])

    def _decide(self, request):
        """ACK or NAK, after doing what is asked for."""
        cause = self._refusal(request)
        if cause:
            return self.nak(cause)(request, None)
        found = [one for one in self.sessions if one.fits(request)]
        if not self.name_alone and not _names_session(request):
            found = []
        if not found:
            return self.nak(NOT_FOUND)(request, None)
        self.sessions = [one for one in self.sessions if one not in found]
        self.removed += [one.name for one in found]
        return self._reply(request, ACK, [])

    def _refusal(self, request):
        """The cause for which a request is refused unseen, or None."""
        for cause, wrong in _wrong_attributes(request):
            request.wrong = wrong
            self._note(request, wrong)
            return cause
        own = {NAS_IP: ipaddress.IPv4Address(self.nas_ip).packed,
               NAS_IDENTIFIER: self.nas_identifier}
        for kind, value in request.attributes:
            if own.get(kind, value) not in (value, None):
                return OTHER_NAS
        return None

    def _note(self, request, what):
        """Put a violation down."""
        self.violations.append(f"{request.number}: {what}")

    def _reply(self, request, code, pairs):
        return [Datagram(sealed(code, request.identifier,
                                request.authenticator, pairs, self.secret,
                                self.signs))]

    # ---- sockets ----

    async def _open(self):
        self._doors = {"": _door(self.address, self.port),
                       "port": _door(self.address),
                       "address": _door("127.9.9.9")}
        self.port = self._doors[""].getsockname()[1]
        self._transport, _ = await self._loop.create_datagram_endpoint(
            lambda: _Listener(self), sock=self._doors[""])

    def _send(self, datagram, client):
        """Straight to the socket: a transport sends no empty datagrams."""
        with suppress(OSError):  # closed, or the client has gone
            self._doors[datagram.source].sendto(datagram.data, client)


class _Listener(asyncio.DatagramProtocol):
    """Hands datagrams on."""

    def __init__(self, nas):
        self._nas = nas

    def datagram_received(self, data, addr):
        """One came."""
        self._nas.receive(data, addr)


def _door(address, port=0):
    """A socket of that address."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind((address, port))
    return made


def _wrong_attributes(request):
    """(cause, what is wrong) of the attributes of a request."""
    kinds = [kind for kind, _ in request.attributes]
    for kind, value in request.attributes:
        name = NAMES.get(kind)
        if not name:
            yield UNSUPPORTED, f"attribute {kind}"
        elif kinds.count(kind) > 1:
            yield BAD_VALUE, f"{name} stands twice"
        elif len(value) != SIZES.get(kind, len(value) or 1):
            yield BAD_VALUE, f"{name} of {len(value)} bytes"
    if USER_NAME not in kinds:
        yield MISSING, "no User-Name"


def _time_is_wrong(request):
    """Why its Event-Timestamp does not do, or None."""
    found = request.get(TIMESTAMP)
    if found is None or len(found) != 4:
        return None
    off = abs(int.from_bytes(found, "big") - time.time())
    return "Event-Timestamp of another time" if off > STALE else None


def _names_session(request):
    """Is there more than a name to find a session by?"""
    return any(kind in (FRAMED_IP, SESSION_ID, STATION)
               for kind, _ in request.attributes)
