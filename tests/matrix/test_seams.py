"""No seam of the product is forgotten by the matrices."""

from matrix.kill import LAZY, MISSED, OLD, PLAIN, REFUSED, passes
from matrix.scenario import SCENARIOS
from matrix.seams import NOT_PASSED, all_seams
from matrix.stage import Stage


def test_every_seam_is_passed_by_an_action_or_it_is_said_why_not():
    passed = set()
    with Stage() as stage:
        for scenario in SCENARIOS.values():
            for variant in (PLAIN, REFUSED, LAZY, MISSED, OLD):
                if variant.fits(scenario):
                    passed |= set(passes(stage, scenario, variant))
    assert set(all_seams()) - passed == set(NOT_PASSED)
