"""Fixtures for every test: a private server, and billings on it."""

import os
import sys
import zlib
from collections import defaultdict
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import kinds  # noqa: E402
from harness.billing import create_billing  # noqa: E402
from harness.server import MariaDB  # noqa: E402


# Which part of the tests is run: of those that may run in either build the
# sanitized one runs all, but a third of the cases of one test; the plain one
# runs the other two thirds, and what is for it alone. Not set: all of it.
PART = os.environ.get("MBEV_PART", "")
ONE_IN = 3
# In other folders are tests of the tests, and what is long enough as it is.
EITHER = ("integration", "property", "sql", "memory")


def pytest_configure(config):
    """Marks: what is for the plain build alone, or for MariaDB alone."""
    config.addinivalue_line(
        "markers", "plain: about time alone, or runs none of our C code")
    config.addinivalue_line(
        "markers", "mariadb(why): of this server alone, see MBEV_SERVER")


def for_plain_alone(item):
    """Does it say so, or where it stands?"""
    return (item.path.parent.name not in EITHER
            or item.get_closest_marker("plain") is not None)


def thinned_out(items):
    """The third of each test's cases that the sanitized build runs, always
    the same ones, and at least two."""
    cases = defaultdict(list)
    for item in items:
        cases[item.nodeid.split("[")[0]].append(item)
    for group in cases.values():
        group.sort(key=lambda item: zlib.crc32(item.nodeid.encode()))
        yield from group[:max(2, -(-len(group) // ONE_IN))]


def why_not_here(item, kind, unavailable):
    """Why the test cannot run on that kind of server, or None."""
    mark = item.get_closest_marker("mariadb")
    if unavailable:
        return unavailable
    if mark and not kind.is_mariadb:
        return f"of MariaDB alone: {mark.args[0]}"
    return None


def skip_what_cannot_run(items):
    """On the kind of server that was chosen, or when it cannot be had."""
    kind = kinds.chosen()
    unavailable = kind.why_unavailable()
    for item in items:
        reason = why_not_here(item, kind, unavailable)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_collection_modifyitems(config, items):
    """Keep what belongs to the part."""
    skip_what_cannot_run(items)
    if not PART:
        return
    thin = {item.nodeid for item in thinned_out(
        item for item in items if not for_plain_alone(item))}
    left_out = [item for item in items
                if (item.nodeid in thin) != (PART == "sanitized")]
    items[:] = [item for item in items
                if (item.nodeid in thin) == (PART == "sanitized")]
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
