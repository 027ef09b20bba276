"""A wire to a server that is cut, or falls silent, after so many bytes."""

import contextlib
import select
import socket
import threading
import time

PIECE = 65536


class Relay:
    """Listens at an address and passes on to another; a context manager.

    limit   of new connections: so many bytes come back; None: all
    hangs   what comes then: silence, or else the end
    delay   seconds that a question is under way
    """

    def __init__(self, address, server):
        self.address = address
        self.server = server
        self.limit = None
        self.hangs = False
        self.delay = 0
        self._listener = self._listen()
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self):
        return socket.create_server((self.address, 0), backlog=64)

    def _connect(self):
        return socket.create_connection(self.server)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(
                    target=self._serve, daemon=True,
                    args=(client, self.limit, self.hangs)).start()

    def _serve(self, client, left, hangs):
        """One connection."""
        with client, contextlib.suppress(OSError), \
                self._connect() as server:
            while left is None or left > 0:
                ready = select.select([client, server], [], [])[0]
                if client in ready:
                    piece = client.recv(PIECE)
                    time.sleep(self.delay)
                    server.sendall(piece)
                    if not piece:
                        return
                if server in ready:
                    piece = server.recv(PIECE if left is None else left)
                    client.sendall(piece)
                    if not piece:
                        return
                    left = left if left is None else left - len(piece)
            while hangs and client.recv(PIECE):
                pass


class UnixRelay(Relay):
    """The same between unix sockets: address and server are their paths."""

    def _listen(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.address))
        listener.listen(64)
        return listener

    def _connect(self):
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(self.server))
        return server
