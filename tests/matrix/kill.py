"""The kill matrix: SIGKILL at every seam that an action passes."""

from dataclasses import dataclass

from matrix.seams import all_seams

TAKEN = "(taken, reply not read)"  # a seam of the provider's
CALLS = ("post.sent", "routers.sent")
RECOVERY = ("owner.taken", "janitor.found", "settle.begun", "settle.results",
            "settle.committed")


@dataclass(frozen=True)
class Variant:
    """How a run goes.

    refused   the first call of each kind does not succeed
    flush     innodb_flush_log_at_trx_commit of the server
    server    it is killed together with the service
    fresh     what was booked is not on disk when the service begins
    recovery  it is the start after a kill in the call that is killed
    missed    no trigger has captured the payment
    old       there are events whose time is over
    """

    name: str
    refused: bool = False
    flush: int = 1
    server: bool = False
    fresh: bool = False
    recovery: bool = False
    missed: bool = False
    old: bool = False

    def fits(self, scenario):
        """Can that be with this scenario?"""
        return not self.missed or list(scenario.due) == ["payment"]

    @property
    def most(self):
        """At how many passes of a seam it is worth while."""
        return 1 if self.server or self.recovery else 2


PLAIN = Variant("plain")
REFUSED = Variant("first call refused", refused=True)
LAZY = Variant("flush 0", flush=0)
RECOVERED = Variant("in the recovery", recovery=True)
MISSED = Variant("no trigger", missed=True)
OLD = Variant("old events go", old=True)
QUICK = (PLAIN, REFUSED, LAZY, MISSED, OLD, RECOVERED)
FULL = (*QUICK,
        Variant("flush 0, first call refused", refused=True, flush=0),
        Variant("flush 1, server too", server=True),
        Variant("flush 0, server too", flush=0, server=True),
        Variant("flush 0, server too, first call refused", refused=True,
                flush=0, server=True),
        Variant("flush 0, server too, just paid", flush=0, server=True,
                fresh=True))


@dataclass
class Cell:
    """What became of one run."""

    seam: str
    n: int  # at which pass it was killed
    variant: Variant
    words: dict  # column -> how its delivery ended
    complaints: list
    counts: dict
    forgot: bool = False  # the server forgot commits of the service

    @property
    def lines(self):
        """The complaints, and where they come from."""
        return [f"{self.seam}:{self.n}, {self.variant.name}: {line}"
                for line in self.complaints]


def passes(stage, scenario, variant):
    """How often the scenario passes each seam when nothing is killed."""
    stage.prepare(scenario, variant.refused, variant.flush, variant.old)
    stage.book(variant.missed)
    stage.start(MBEV_FAULT_TRACE=str(stage.trace))
    stage.wait_settled()
    stage.service.stop()
    wrong = stage.complaints()
    assert not wrong, f"nothing was killed: {wrong}\n{stage.report()}"
    return stage.passes()


def run(stage, scenario, seam, n=1, variant=PLAIN):
    """One run: kill at the n-th pass, start again, compare the books."""
    stage.prepare(scenario, variant.refused, variant.flush, variant.old)
    stage.book(variant.missed)
    if not variant.fresh:
        stage.write(variant.flush)
    if variant.recovery:
        _die_in_the_call(stage)
    forgot = _kill(stage, seam, n, variant)
    stage.start()
    stage.wait_settled()
    stage.service.stop()
    return Cell(seam, n, variant, stage.words(),
                stage.complaints(variant.fresh),
                stage.ledger(variant.fresh).counts(), forgot)


def _kill(stage, seam, n, variant):
    """True when the server forgot something by it."""
    if seam == TAKEN:
        stage.take_and_kill()
        stage.start()
        stage.wait_end()
    elif variant.server:
        stage.start(MBEV_FAULT=f"{seam}:stop:{n}")
        stage.wait_frozen()
        return stage.kill_all()
    else:
        stage.start(MBEV_FAULT=f"{seam}:kill:{n}")
        stage.wait_end()
    return False


def _die_in_the_call(stage):
    """Leave behind something that may have been sent."""
    stage.start(MBEV_FAULT=",".join(f"{call}:kill" for call in CALLS))
    stage.wait_end()


def _calls_somebody(passed):
    """Is anybody called in a run that passes these seams?"""
    return any(passed[call] for call in CALLS)


def cells(stage, scenario, variant, but=(), most=2):
    """A run for each seam that the scenario passes, but for some, and for
    each pass up to a number."""
    if not variant.fits(scenario):
        return
    passed = passes(stage, scenario, variant)
    calls = _calls_somebody(passed)
    for seam in all_seams():
        if seam in but or variant.recovery and not (
                calls and seam in RECOVERY):
            continue
        yield from (run(stage, scenario, seam, n, variant)
                    for n in range(1, 1 + min(most, variant.most))
                    if passed[seam] >= n)
    if calls and TAKEN not in but and not (
            variant.server or variant.recovery):
        yield run(stage, scenario, TAKEN, 1, variant)


def quick_column(stage, scenario):
    """Each seam in the first variant that reaches it."""
    reached = set()
    for variant in QUICK:
        but = () if variant.recovery else reached
        for cell in cells(stage, scenario, variant, but, most=1):
            reached.add(cell.seam)
            yield cell
