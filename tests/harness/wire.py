"""The wire to a database server, which may lose the answer to a COMMIT.

    with Wire(db) as wire:
        ... the service connects to wire.socket ...
        wire.lose_commit_after("INSERT INTO event")
        wait_until(lambda: wire.lost, 10, "loss")

The server has done what it was asked for; the client sees its connection end.
"""

import os
import select
import socket
import threading

SILENCE_S = 0.3
PIECE = 1 << 16


class Wire:
    """A unix socket beside that of a server; a context manager.

    lost   how many answers were lost
    """

    def __init__(self, db):
        self.server = db.socket
        self.socket = f"{db.socket}.wire"
        self.lost = 0
        self._word = None
        self._listener = None

    def __enter__(self):
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.socket)
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        os.unlink(self.socket)

    def lose_commit_after(self, word):
        """The answer to the next COMMIT of a transaction with such a
        statement, once."""
        self._word = word.encode()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,),
                             daemon=True).start()

    def _serve(self, client):
        """One connection, until one of its ends is closed."""
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self.server)
            transaction = b""
            while True:
                ready = select.select([client, server], [], [])[0]
                if server in ready:
                    piece = server.recv(PIECE)
                    if not piece:
                        return
                    client.sendall(piece)
                if client in ready:
                    piece = client.recv(PIECE)
                    if not piece:
                        return
                    server.sendall(piece)
                    transaction += piece
                    if b"COMMIT" in transaction and self._is_to_lose(
                            transaction):
                        _read_out(server)
                        return
                    if b"COMMIT" in piece or b"ROLLBACK" in piece:
                        transaction = b""

    def _is_to_lose(self, transaction):
        if not self._word or self._word not in transaction:
            return False
        self._word = None
        self.lost += 1
        return True


def _read_out(server):
    """Until the server has said all that it has to say."""
    while select.select([server], [], [], SILENCE_S)[0]:
        if not server.recv(PIECE):
            return
