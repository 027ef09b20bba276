"""Fixtures for every test: a private server, and billings on it."""

import os
import sys
import zlib
from collections import defaultdict
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness.billing import create_billing  # noqa: E402
from harness.server import MariaDB  # noqa: E402


# Set: of the cases of one test only about one in so many is run, always the
# same ones, and at least two. For builds in which every case takes long and
# the other build runs them all.
ONE_IN = int(os.environ.get("MBEV_ONE_CASE_IN", "1"))


def pytest_collection_modifyitems(config, items):
    """Thin out the cases, as ONE_IN says."""
    cases = defaultdict(list)
    for item in items:
        cases[item.nodeid.split("[")[0]].append(item)
    kept = set()
    for group in cases.values():
        group.sort(key=lambda item: zlib.crc32(item.nodeid.encode()))
        most = max(2, -(-len(group) // ONE_IN))
        kept.update(item.nodeid for item in group[:most])
    left_out = [item for item in items if item.nodeid not in kept]
    items[:] = [item for item in items if item.nodeid in kept]
    if left_out:
        config.hook.pytest_deselected(items=left_out)


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
