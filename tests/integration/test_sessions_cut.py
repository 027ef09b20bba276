"""What is said of a router whose connection breaks, or that refuses us."""

import contextlib
import re
import socket

import pytest

from harness.process import wait_until
from harness.relay import Relay
from harness.routeros import RouterOS
from harness.scripted_ssh import ScriptedRouters
from integration.sessions import nas, resets

HELD = re.compile(r"error router: .* is held: (.*?); (.*?); it is tried")


def offer(router):
    """How many bytes its banner and its list of algorithms have: all that it
    says by itself."""
    size = 0
    with socket.create_connection((router.address, router.port)) as link, \
            contextlib.suppress(TimeoutError):
        link.sendall(b"SSH-2.0-test\r\n")
        link.settimeout(0.5)
        while piece := link.recv(65536):
            size += len(piece)
    return size


def why_held(chain):
    """What was said of the router, and the cure; when it was."""
    chain.subscriber()
    chain.start().change_tariff()
    return wait_until(lambda: HELD.search(chain.service.log_text()), 15,
                      "hold").groups()


def test_a_refusal_is_told_with_the_words_of_the_library(chain):
    with ScriptedRouters(1) as routers:
        routers[0].fault = "refuse"
        resets(chain, port=routers.port)
        nas(chain, address=routers[0].address)
        words, cure = why_held(chain)
    assert words == ('it refuses the login of user "nasadmin" (it offers:'
                     " password)")
    assert cure.startswith("password: ")
    chain.service.wait_log("check naslogin and naspass")


@pytest.mark.parametrize("beyond", [-2000, -20, 0, 20])
def test_a_break_before_the_login_is_no_matter_of_algorithms(chain, beyond):
    with RouterOS() as router, \
            Relay("127.0.2.1", (router.address, router.port)) as relay:
        relay.limit = max(0, offer(router) + beyond)
        resets(chain, port=relay.port)
        nas(chain, address=relay.address)
        words, cure = why_held(chain)
        assert "algorithms" not in words
        assert cure.startswith("check that it is up")
        relay.limit = None
        chain.wait_states("done")


def test_many_breaks_leave_nothing_behind(chain):
    """Leaks are found at the end, by a build that looks for them."""
    with RouterOS() as router, \
            Relay("127.0.2.1", (router.address, router.port)) as relay:
        relay.hangs = True
        relay.limit = offer(router) + 20
        resets(chain, port=relay.port, timeout="200 ms", hold_first="100 ms",
               hold_longest="100 ms", retry_longest="200 ms")
        nas(chain, address=relay.address)
        chain.subscriber()
        chain.start().change_tariff()
        chain.service.wait_log("did not let us in")
        wait_until(lambda: chain.deliveries("attempts > 2") == [(1,)], 15,
                   "attempts")
        relay.limit = None
        chain.wait_states("done")
    assert chain.service.stop() == 0
