"""Connections that are lost before a statement is sent, or before its answer
has come: a whole job goes on by itself, and nothing is lost or doubled. See
lost.py; scripts/kill-matrix.sh tries each statement."""

import pytest

from matrix.lost import commits, run, sweep
from matrix.stage import Stage

STRIDE = 6


@pytest.fixture(name="stage", scope="module")
def fixture_stage():
    """A server for all runs."""
    with Stage() as stage:
        yield stage


def odd(losses):
    """Those after which something is wrong, or not done."""
    return [loss for loss in losses if loss.complaints
            or set(loss.words.values()) != {"ok"}]


def test_whichever_statement_is_not_sent_the_job_is_done_once(stage):
    losses = list(sweep(stage, "db.send", 2, STRIDE))
    assert len(losses) > 12
    assert not odd(losses)


def test_whichever_commit_gets_no_answer_the_job_is_done_once(stage):
    """Nobody is called twice, nor is anything doubtful: what began is known,
    and what did not begin is given back."""
    losses = [run(stage, "db.sent", n) for n in commits(stage)]
    assert len(losses) > 10
    assert not odd(losses)
