"""Connections that are lost before a statement is sent, or before its answer
has come: a whole job goes on by itself, and nothing is lost or doubled. See
lost.py; scripts/kill-matrix.sh tries each statement."""

import pytest

from matrix.lost import sweep
from matrix.stage import Stage

STRIDES = {"db.send": 6, "db.sent": 3}


@pytest.mark.parametrize("point", STRIDES)
def test_whichever_statement_is_lost_the_job_is_done_once(point):
    with Stage() as stage:
        losses = list(sweep(stage, point, 2, STRIDES[point]))
    assert len(losses) > 12
    assert [loss for loss in losses if loss.complaints
            or set(loss.words.values()) != {"ok"}] == []
