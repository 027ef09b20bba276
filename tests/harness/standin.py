"""Provider stand-ins on 127.0.0.1: they record requests and may misbehave.

    with SmsPilot() as pilot:
        ... the product sends to pilot.url ...
        pilot.wait(1)
        assert pilot.requests[0].params["to"] == "79001234567"
        pilot.reply = lambda request: Reply(status=500)
        pilot.reply = stall

A stand-in speaks HTTP/1.1 with keep-alive, on one thread of its own. What it
answers is decided per request by `reply`, a function from Request to Reply.
"""

import asyncio
import itertools
import json
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl, urlsplit

from harness.process import wait_until

MEGABYTE = 1 << 20


@dataclass
class Request:
    """One request as it came."""

    number: int  # from 1
    connection: int  # number of its connection, from 1
    method: str
    target: str
    headers: dict  # names in lower case
    body: bytes
    at: float  # time.monotonic()
    wall: float  # time.time()

    @property
    def path(self):
        """Path of the target, without the query."""
        return urlsplit(self.target).path

    @property
    def query(self):
        """The query string."""
        return urlsplit(self.target).query

    @cached_property
    def pairs(self):
        """Decoded form parameters of the body, in order."""
        return parse_qsl(self.body.decode("ascii"), keep_blank_values=True,
                         errors="strict")

    @cached_property
    def params(self):
        """Decoded form parameters of the body by name."""
        return dict(self.pairs)

    @cached_property
    def json(self):
        """The body read as JSON."""
        return json.loads(self.body)


@dataclass
class Reply:
    """What to answer, and how badly."""

    status: int = 200
    body: bytes | str = b""
    content_type: str = "application/json"
    headers: dict = field(default_factory=dict)
    chunked: bool = False  # chunks instead of Content-Length
    length: int | None = None  # a body of that many blanks instead
    raw: bytes | None = None  # these bytes instead of an HTTP reply
    delay: float = 0.0  # seconds before the first byte
    drip: float = 0.0  # seconds between single bytes
    cut: int | None = None  # only that many bytes; below 0: all but those
    end: str | None = None  # "close" or "reset" the connection afterwards
    then: Callable | None = None  # makes the reply, after the delay


def stall(_request):
    """Never answer."""
    return Reply(delay=86400)


def close_without_reply(_request):
    """Read the request, then close."""
    return Reply(raw=b"", end="close")


def reset_without_reply(_request):
    """Read the request, then reset the connection."""
    return Reply(raw=b"", end="reset")


def garbage(_request):
    """Bytes that are not HTTP."""
    return Reply(raw=bytes(range(256)) * 4, end="close")


def huge(_request):
    """A body of 100 MB."""
    return Reply(length=100 * MEGABYTE)


def redirect(url):
    """Send every request elsewhere."""
    return lambda _request: Reply(status=302, headers={"Location": url})


class Gate:
    """A reply that waits until it is let through."""

    def __init__(self, reply):
        self.reply = reply
        self.open = threading.Event()

    def __call__(self, request):
        if self.open.is_set():
            return self.reply(request)
        return Reply(delay=0.1, then=lambda: self(request))


class StandIn:
    """An HTTP server on 127.0.0.1; start() and stop(), or a context manager.

    requests    what came, in order
    reply       function from Request to Reply
    on_connect  None; "close" or "reset" ends new connections unread
    tls         (certificate file, key file) of make_certificate(), or None
    """

    path = "/"
    address = "127.0.0.1"

    def __init__(self, tls=None):
        self.tls = tls
        self.port = None
        self._loop = asyncio.new_event_loop()
        self._thread = None
        self._server = None
        self._connections = {}  # task -> (writer, is it idle)
        self.reset()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        """Where the product shall send its requests."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{self.address}:{self.port}{self.path}"

    def start(self):
        """Listen, on the port of the last time if there was one."""
        self._server = self._loop.run_until_complete(asyncio.start_server(
            self._serve, self.address, self.port or 0, ssl=self._context(),
            backlog=1024))
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever,
                                        daemon=True)
        self._thread.start()
        return self

    def stop(self):
        """Close everything, if it runs. start() may be called again."""
        if not self._thread:
            return
        self._call(self._close_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._thread = None

    def reset(self):
        """Forget what came, behave well again."""
        self.requests = []
        self.reply = self.ordinary_reply
        self.on_connect = None
        self._numbers = itertools.count(1)
        self._connection_numbers = itertools.count(1)

    def wait(self, n, timeout=10):
        """Wait until n requests have come; return them all."""
        try:
            wait_until(lambda: len(self.requests) >= n, timeout, "requests",
                       pause=0.002)
        except TimeoutError:
            raise TimeoutError(f"{len(self.requests)} of {n} requests came "
                               f"within {timeout} s") from None
        return self.requests

    def close_idle(self):
        """Close the kept connections that carry no request just now."""
        async def close():
            for writer, idle in self._connections.values():
                if idle:
                    writer.close()
        self._call(close())

    def ordinary_reply(self, _request):
        """What a stand-in answers that nobody told otherwise."""
        return Reply(body="{}")

    def _call(self, coroutine):
        """Run a coroutine on the stand-in's thread."""
        return asyncio.run_coroutine_threadsafe(
            coroutine, self._loop).result()

    def _context(self):
        if not self.tls:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.tls)
        return context

    async def _close_all(self):
        self._server.close()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        """One connection, from accept to close."""
        task = asyncio.current_task()
        number = next(self._connection_numbers)
        end = self.on_connect
        try:
            while end is None:
                self._connections[task] = (writer, True)
                request = await self._read(reader, number, task, writer)
                end = await self._answer(writer, self.reply(request))
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError,
                asyncio.CancelledError):
            pass
        finally:
            self._connections.pop(task, None)
            _end(writer, end)

    async def _read(self, reader, connection, task, writer):
        """Read one request and record it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self._connections[task] = (writer, False)
        first, *lines = head[:-4].split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, value in
                   (line.split(":", 1) for line in lines)}
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(next(self._numbers), connection, method, target,
                          headers, body, time.monotonic(), time.time())
        self.requests.append(request)
        return request

    async def _answer(self, writer, reply):
        """Send a reply; how the connection ends, or None to keep it."""
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.then:
            return await self._answer(writer, reply.then())
        data = _bytes(reply)
        if reply.cut is not None:
            data = data[:reply.cut]
        if reply.drip:
            for i in range(len(data)):
                writer.write(data[i:i + 1])
                await writer.drain()
                await asyncio.sleep(reply.drip)
        else:
            writer.write(data)
            await _write_blanks(writer, reply.length or 0)
        await writer.drain()
        return reply.end or ("close" if reply.cut is not None else None)


class SmsPilot(StandIn):
    """Answers /api.php as SMSPilot does: every message is accepted.

    taken    (phone, text) of each message taken, in order
    balance  of the account, in roubles
    """

    path = "/api.php"
    balance = "2935.50"

    def reset(self):
        """Forget what came and was accepted, behave well again."""
        super().reset()
        self.taken = []

    def ordinary_reply(self, request):
        """Success; server_id counts up, the phones are echoed. Or the
        balance, when that is asked for."""
        if "balance" in request.params:
            return Reply(body=json.dumps({"balance": self.balance}))
        self.taken += [(phone, request.params["send"])
                       for phone in request.params["to"].split(",")]
        sent = [{"server_id": str(10000 + request.number), "phone": phone,
                 "price": "1.68", "status": "0"}
                for phone in request.params["to"].split(",")]
        return Reply(body=json.dumps({
            "send": sent, "balance": "11908.50", "cost": "1.68",
            "server_packet_id": str(10000 + request.number)}))


class Smsc(StandIn):
    """Answers as SMSC does: every message is accepted, and known when asked.

    sends         requests to /sys/send.php so far
    queries       requests to /sys/status.php so far
    accepted      (phone, id) of the messages taken -> when, time.time()
    taken         (phone, text) of each message taken, in order
    send_reply    function from Request to Reply, for sends only
    query_reply   the same for queries only
    """

    path = "/sys"

    def reset(self):
        """Forget what came and was accepted, behave well again."""
        super().reset()
        self.accepted = {}
        self.taken = []
        self.send_reply = self.accept
        self.query_reply = self.look_up
        self._ids = itertools.count(1000)

    @property
    def sends(self):
        """The messages that came, in order."""
        return self._requests_to("/send.php")

    @property
    def queries(self):
        """The questions that came, in order."""
        return self._requests_to("/status.php")

    def ordinary_reply(self, request):
        """Sends and queries go their ways."""
        if request.path == self.path + "/send.php":
            return self.send_reply(request)
        if request.path == self.path + "/status.php":
            return self.query_reply(request)
        if request.path == self.path + "/balance.php":
            return Reply(body=json.dumps({"balance": "100.50",
                                          "currency": "RUR"}))
        return Reply(status=404, body="no such page",
                     content_type="text/plain")

    def accept(self, request):
        """Take a message, under the id of the client or one of our own."""
        known_as = request.params.get("id") or str(next(self._ids))
        phone = request.params["phones"]
        self.accepted[phone, known_as] = request.wall
        self.taken.append((phone, request.params["mes"]))
        return Reply(body=json.dumps({
            "id": int(known_as) if known_as.isdecimal() else known_as,
            "cnt": 1}))

    def accept_and_close(self, request):
        """Take a message, but close instead of saying so."""
        return self.accept_but(close_without_reply)(request)

    def accept_but(self, reply):
        """Take every message, and answer as `reply` does."""
        def answer(request):
            self.accept(request)
            return reply(request)
        return answer

    def look_up(self, request):
        """Status of a message, by phone and id."""
        taken = self.accepted.get(
            (request.params["phone"], request.params["id"]))
        if taken is None:
            return Reply(body=json.dumps({"status": -3}))
        date = time.strftime("%d.%m.%Y %H:%M:%S", time.localtime(taken))
        return Reply(body=json.dumps({
            "status": 1, "last_date": date, "last_timestamp": int(taken)}))

    def _requests_to(self, script):
        return [request for request in list(self.requests)
                if request.path == self.path + script]


def make_certificate(folder):
    """A self-made certificate for 127.0.0.1: (certificate file, key file)."""
    certificate, key = folder / "standin.crt", folder / "standin.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    return certificate, key


def _bytes(reply):
    """The reply as sent; without its body when that is reply.length blanks.
    """
    if reply.raw is not None:
        return reply.raw
    body = reply.body
    body = body.encode() if isinstance(body, str) else body
    headers = {"Content-Type": reply.content_type, **reply.headers}
    if reply.chunked:
        headers["Transfer-Encoding"] = "chunked"
        body = b"".join(_chunks(body))
    else:
        headers["Content-Length"] = reply.length or len(body)
    lines = [f"HTTP/1.1 {reply.status} Stand-In"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _chunks(body, size=7):
    for i in range(0, len(body), size):
        piece = body[i:i + size]
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


async def _write_blanks(writer, length):
    """A body of blanks, without holding all of it."""
    blanks = b" " * MEGABYTE
    for sent in range(0, length, MEGABYTE):
        writer.write(blanks[:length - sent])
        await writer.drain()


def _end(writer, how):
    """Close a connection, or reset it."""
    if how == "reset":
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()
