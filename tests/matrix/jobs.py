"""Pieces of the matrices that processes of their own can do."""

import time

from matrix.kill import FULL, cells, quick_column
from matrix.lost import sweep
from matrix.scenario import SCENARIOS
from matrix.stage import Stage


def kill_job(name, variant):
    """The cells of one scenario; variant: its index in FULL, or None."""
    with Stage() as stage:
        scenario = SCENARIOS[name]
        begun = time.monotonic()
        found = list(quick_column(stage, scenario) if variant is None
                     else cells(stage, scenario, FULL[variant]))
        return found, time.monotonic() - begun


def lost_job(point, first, stride):
    """Every stride-th run of the sweep."""
    with Stage() as stage:
        return list(sweep(stage, point, first, stride))
