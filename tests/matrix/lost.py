"""The lost-answer sweep: the n-th statement is not sent, or its answer is
lost with the connection; for each n of a whole job. The service goes on by
itself."""

from dataclasses import dataclass

from matrix.scenario import WHOLE

POINTS = {"db.send": "the statement is not sent",
          "db.sent": "the statement is done, its answer is lost"}


@dataclass
class Loss:
    """What became of one run."""

    point: str
    n: int
    reached: bool  # else the job has fewer statements
    words: dict
    complaints: list


def run(stage, point, n, flush=1):
    """Lose the n-th statement, or its answer, and go on."""
    stage.prepare(WHOLE, flush=flush)
    stage.book()
    stage.start(MBEV_FAULT=f"{point}:fail:{n}",
                MBEV_FAULT_TRACE=str(stage.trace))
    stage.wait_settled()
    code = stage.service.stop()
    wrong = stage.complaints()
    if code:
        wrong.append(f"it ended with {code}")
    return Loss(point, n, stage.passes()[point] >= n, stage.words(), wrong)


def commits(stage):
    """Which passes of db.sent are those of a COMMIT of the service."""
    stage.prepare(WHOLE)
    stage.book()
    stage.start(MBEV_FAULT_TRACE=str(stage.trace))
    stage.wait_settled()
    stage.service.stop()
    n, found, before = 0, [], None
    for seam in stage.trace.read_text(encoding="ascii").split():
        n += seam == "db.sent"
        if seam == "db.sent" and before == "owner.commit":
            found.append(n)
        if seam != "db.send":
            before = seam
    return found


def sweep(stage, point, first=1, stride=1, flush=1):
    """Runs for every n, or some of them, up to one that the job does not
    reach; that is the last."""
    n = first
    while True:
        loss = run(stage, point, n, flush)
        yield loss
        if not loss.reached:
            return
        n += stride
