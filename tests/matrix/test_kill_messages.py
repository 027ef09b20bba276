"""SIGKILL at every seam that a message passes; see kill.py."""

import pytest

from matrix.check import check_columns


@pytest.mark.parametrize("name", [
    "sms/smspilot", "sms/smsc", "social"])
def test_killed_anywhere_nothing_is_lost_or_doubled(name):
    check_columns(name)
