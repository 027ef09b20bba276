"""SIGKILL at every seam that work in the billing passes; see kill.py."""

import pytest

from matrix.check import check_columns


@pytest.mark.parametrize("name", [
    "bonus_topup, bonus_loyalty", "discount_remove"])
def test_killed_anywhere_nothing_is_lost_or_doubled(name):
    check_columns(name)
