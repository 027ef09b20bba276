"""The service as it shows itself: over HTTP and on its control socket."""

import http.client
import json
import socket
import urllib.error
import urllib.request

import pytest

from harness import exposition
from harness.process import wait_until
from harness.product import with_settings
from harness.server import free_port


class Unix(http.client.HTTPConnection):
    """HTTP on a Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Seen:
    """Where a service shows itself."""

    def __init__(self, chain):
        self.chain = chain
        chain.subscriber()
        self.port = free_port()
        self.socket = str(chain.service.folder / "control")
        self.url = f"http://127.0.0.1:{self.port}"
        chain.reconfigure(with_settings(chain.settings, service={
            "status_address": f"127.0.0.1:{self.port}",
            "control": self.socket}))

    def get(self, path, **headers):
        """(status, body, headers) of a GET."""
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, reply.read(), reply.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers

    def ask_socket(self, path):
        """(status, body) of a GET on the control socket."""
        link = Unix(self.socket)
        link.request("GET", path)
        reply = link.getresponse()
        answer = reply.status, reply.read()
        link.close()
        return answer

    def status(self):
        """What the page shows."""
        return json.loads(self.get("/status.json")[1])

    def story(self, event):
        """The story of one event."""
        return json.loads(self.get(f"/event.json?id={event}")[1])

    def metrics(self):
        """All metrics, read strictly."""
        return exposition.parse(self.get("/metrics")[1].decode())

    def lane(self, name):
        """What is told of one lane."""
        return next(one for one in self.status()["lanes"]
                    if one["name"] == name)

    def wait(self, condition, timeout=60):
        """Wait until the status is so."""
        return wait_until(lambda: condition(self.status()), timeout,
                          "such a status", pause=0.2)

    def is_well(self):
        """Whether it acts."""
        try:
            return self.get("/health")[0] == 200
        except OSError:
            return False

    def start(self):
        """Start the service; it acts and listens."""
        self.chain.start()
        wait_until(self.is_well, 60, "service that acts", 0.1)
        return self


@pytest.fixture
def seen(chain):
    """The chain that shows itself; not started yet."""
    return Seen(chain)
