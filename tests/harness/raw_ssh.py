"""A stand-in that speaks SSH up to the exchange of keys, and no further.

    with RawSSH() as server:
        ... the product connects to server.address, server.port ...
        server.offers[0]["kex"]        what it offered, in order
    with RawSSH(flood=99) as server:   packets of that type, without end
    with RawSSH(flood=99, offers_first=True)  ... behind its own offer
"""

import contextlib
import os
import socket
import struct
import threading

BANNER = b"SSH-2.0-ROSSSH\r\n"
KEXINIT = 20
LISTS = ("kex", "hostkeys", "ciphers_out", "ciphers_in", "macs_out",
         "macs_in", "compression_out", "compression_in", "languages_out",
         "languages_in")
OURS = (b"diffie-hellman-group14-sha1", b"ssh-rsa", b"aes128-ctr",
        b"aes128-ctr", b"hmac-sha1", b"hmac-sha1", b"none", b"none", b"", b"")


def packet(payload):
    """As it goes before there are keys."""
    padding = 8 - (5 + len(payload)) % 8
    padding += 8 if padding < 4 else 0
    return (struct.pack(">IB", 1 + len(payload) + padding, padding)
            + payload + bytes(padding))


def kexinit():
    """A list of algorithms that everybody has."""
    lists = b"".join(struct.pack(">I", len(one)) + one for one in OURS)
    return packet(bytes([KEXINIT]) + os.urandom(16) + lists + bytes(5))


class RawSSH:
    """The server.

    offers  what each client offered: name of a list -> names
    sent    how many bytes of floods were taken
    ended   how many floods the other side has ended
    """

    def __init__(self, address="127.0.0.1", flood=None, offers_first=False):
        self.address = address
        self.flood = flood
        self.offers_first = offers_first
        self.offers = []
        self.sent = self.ended = 0
        self._listener = socket.create_server((address, 0))
        self.port = self._listener.getsockname()[1]
        self._closing = False

    def __enter__(self):
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._closing = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self):
        with contextlib.suppress(OSError):
            while True:
                link = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(link,),
                                 daemon=True).start()

    def _serve(self, link):
        with link, contextlib.suppress(OSError, EOFError):
            link.settimeout(1)
            link.sendall(BANNER)
            if self.flood is None:
                self._take_offer(link.makefile("rb"))
            else:
                self._flood(link)

    def _flood(self, link):
        if self.offers_first:
            link.sendall(kexinit())
        much = 300 * packet(bytes([self.flood]) + 200 * b"A")
        try:
            while not self._closing:
                with contextlib.suppress(TimeoutError):
                    self.sent += link.send(much)
        finally:
            self.ended += 1

    def _take_offer(self, stream):
        stream.readline()
        size, padding = struct.unpack(">IB", _exactly(stream, 5))
        payload = _exactly(stream, size - 1)[:-padding]
        assert payload[0] == KEXINIT
        at, offer = 17, {}
        for name in LISTS:
            size, = struct.unpack_from(">I", payload, at)
            offer[name] = payload[at + 4:at + 4 + size].decode().split(",")
            at += 4 + size
        self.offers.append(offer)


def _exactly(stream, size):
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
