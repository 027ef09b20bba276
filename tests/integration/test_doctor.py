"""mbevctl doctor where nothing, or little, is wrong."""

import subprocess

import pytest

from harness.product import SERVICE_PASSWORD, with_settings
from harness.routeros import RouterOS
from integration.doctor import OURS, doctor, make_well, start
from integration.sessions import nas, resets
from integration.test_mbevctl import ctl

@pytest.fixture(name="well")
def fixture_well(chain):
    """A system with which nothing is wrong, and that works."""
    return start(make_well(chain))


def test_a_healthy_system_is_well(well):
    well.subscriber()
    well.pay()
    well.wait_states("done")
    found = doctor(well)
    assert found.worse_than("note") == set(), found.text
    assert found.code == 0 and found.errors == ""
    assert len(found.findings) > 45
    assert found.text.splitlines()[-1].startswith(
        "in all:         0 failed, 0 warnings, ")
    assert found.one("trigger users")[0] == "ok"
    print(found.text)
