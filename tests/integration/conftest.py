"""The whole chain: a billing with our triggers, a service, a provider."""

import pytest

from harness.billing import create_billing
from harness.komtet import Komtet
from harness.product import Service, default_settings, install, with_settings
from harness.server import MariaDB
from harness.standin import Smsc, SmsPilot
from integration.chain import Chain


@pytest.fixture
def pilot():
    """A stand-in for SMSPilot."""
    with SmsPilot() as standin:
        yield standin


@pytest.fixture
def smsc():
    """A stand-in for SMSC."""
    with Smsc() as standin:
        yield standin


@pytest.fixture
def till():
    """A stand-in for Komtet."""
    with Komtet() as standin:
        yield standin


@pytest.fixture(scope="module")
def installed():
    """A server of the module with a legacy billing and our SQL in it."""
    with MariaDB() as db:
        create_billing(db, "mikbill", "legacy")
        install(db)
        yield db


def make_chain(installed, pilot, kind=Chain):
    """The chain with empty tables; its service is not started yet."""
    settings = with_settings(
        default_settings(installed, pilot.url),
        payment={"sms": "yes", "text": "{login}: {amount} {currency}",
                 "ending": "-"},
        notice={"retry_first": "200 ms", "retry_longest": "1 s",
                "hold": "300 ms"})
    one = kind(installed, pilot, settings)
    one.empty()
    yield one
    one.close()


@pytest.fixture
def chain(installed, pilot):
    """The chain on the module's server."""
    yield from make_chain(installed, pilot)


@pytest.fixture
def service_of():
    """Makes services that are closed after the test."""
    made = []

    def make(settings, **kw):
        made.append(Service(settings, **kw))
        return made[-1]
    yield make
    for service in made:
        service.close()
