"""A service that was stopped for longer than its lease does no harm when it
wakes: it commits nothing and starts no call. See stop.py."""

import pytest

from matrix.stop import LAST_SEAMS, run_all, stops

AT_ONCE = 8


@pytest.fixture(name="results", scope="module")
def fixture_results():
    """Of every stop."""
    return run_all(list(stops()), AT_ONCE)


def test_it_commits_nothing(results):
    assert [one for one in results if one.changed] == []


def test_it_starts_no_call_but_at_the_last_seam(results):
    assert [one for one in results
            if one.calls and one.stop.seam not in LAST_SEAMS] == []


def test_what_it_sends_at_the_last_seam_is_no_second_receipt(results):
    """Nor a message of which the other service has not said that it is
    doubtful. Only SMSC would take the same message twice."""
    late = [one for one in results if one.stop.seam == "post.send"]
    assert {one.stop.scenario.name for one in late if one.calls} == {
        "sms/smspilot", "sms/smsc", "social", "receipt", "receipt/told"}
    assert {one.stop.scenario.name for one in results if one.doubled} == {
        "sms/smsc", "social"}
