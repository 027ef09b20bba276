"""SIGKILL at every seam that a receipt passes; see kill.py."""

import pytest

from matrix.check import check_columns


@pytest.mark.parametrize("name", [
    "receipt", "receipt/told"])
def test_killed_anywhere_nothing_is_lost_or_doubled(name):
    check_columns(name)
