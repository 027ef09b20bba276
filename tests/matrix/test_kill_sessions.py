"""SIGKILL at every seam that a reset of a session passes; see kill.py."""

from matrix.check import check_columns


def test_killed_anywhere_nothing_is_lost_or_doubled():
    check_columns("session_reset")
