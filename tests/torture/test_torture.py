"""A short torture, always by the same plan: see scripts/torture.sh."""

import pytest

from torture.chaos import make_plan
from torture.run import torture

SEED, SECONDS, RATE = 492, 18, 30
PATIENCE_S = 240  # on a machine that has much else to do


@pytest.mark.parametrize("flush", [1, 0])
def test_nothing_is_lost_or_doubled_whatever_breaks(flush):
    assert torture(SEED, SECONDS, flush, RATE, quiet_s=PATIENCE_S) == []


def test_a_seed_makes_the_same_plan_again():
    assert make_plan(7, 300) == make_plan(7, 300) != make_plan(8, 300)
