"""Fixtures for every test: a private server, and billings on it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness.billing import create_billing  # noqa: E402
from harness.server import MariaDB  # noqa: E402


@pytest.fixture(scope="session")
def server():
    """One MariaDB for the whole run; leave it as it was found."""
    with MariaDB() as db:
        yield db


def _fresh_billing(server, generation):
    """A new billing named mikbill, gone after the test, with our database."""
    create_billing(server, "mikbill", generation)
    yield "mikbill"
    server.sql("DROP DATABASE mikbill; "
               "DROP DATABASE IF EXISTS mikbill_events")


@pytest.fixture
def legacy_billing(server):
    """Name of a fresh billing of the legacy generation."""
    yield from _fresh_billing(server, "legacy")


@pytest.fixture
def modern_billing(server):
    """Name of a fresh billing of the modern generation."""
    yield from _fresh_billing(server, "modern")
