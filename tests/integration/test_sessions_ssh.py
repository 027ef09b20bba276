"""Sessions are ended through the console of a router, by SSH."""

import pytest

from harness.routeros import RouterOS
from integration.sessions import nas, reasons, resets


@pytest.fixture(name="router")
def fixture_router():
    """A router."""
    with RouterOS() as router:
        yield router


def test_a_change_of_tariff_ends_the_session(chain, router):
    resets(chain, port=router.port)
    nas(chain)
    chain.subscriber()
    router.online("sub1001", "sub1001", "other")
    chain.start().change_tariff()
    chain.wait_states("done")
    assert reasons(chain) == ["2 sessions ended on 127.0.0.1"]
    assert router.removed == [b"sub1001", b"sub1001"]
    assert router.foreign == router.violations == []
