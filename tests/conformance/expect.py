"""What a vector wants ours to do.

`same` takes the record as it is. `better` derives from the record and from
our rules what ours must do instead, and names the differences; a vector
whose difference cannot be named is not run but fails.

How that is derived is a matter of the action: see notices.py, bonuses.py,
discounts.py, receipts.py and resets.py.
"""

from dataclasses import dataclass, field

from conformance import providers
from conformance.vectors import CannotRun

TABLE_MADE = "receipts_table_created"  # among recorded rows: a table's name
OF_ROUTERS = ("ssh", "ssh_auth_failed", "routeros_api")


@dataclass
class Expectation:
    """What must be seen; nothing at all by default."""

    requests: list = field(default_factory=list)  # in the recorded form
    appear: dict = field(default_factory=dict)  # table -> rows
    vanish: dict = field(default_factory=dict)  # table -> rows
    tables: list = field(default_factory=list)  # that must be there then
    secret: str = ""  # signs the requests: what {HMAC_MD5} stands for
    booked: int = 0  # receipts that our own table has as accepted
    failing: bool = False  # the provider fails: none done, repeats allowed
    left: str = ""  # the state that a delivery is then left in; '': any other
    resets: list = field(default_factory=list)  # of sessions: routers.Reset
    refused: list = field(default_factory=list)  # users no router lets in


@dataclass(frozen=True)
class Says:
    """Stands for any text of a row that is not empty and has these words."""

    words: tuple = ()

    def fits(self, text):
        """Is this such a text?"""
        return bool(text) and all(word in text for word in self.words)


@dataclass
class Case:
    """A vector with all that its expectation depends on."""

    vector: dict
    constants: dict
    offer: object  # offers.Offer
    reply: dict | None
    facts: object  # facts.Facts

    @property
    def provider(self):
        """The provider of the action; None when it needs none."""
        return self.offer.provider

    @property
    def accepted(self):
        """Does the stand-in's reply mean success?"""
        return (self.provider is None
                or providers.is_accepted(self.provider, self.reply))


def expect_nothing(_case):
    """No request, no row."""
    return Expectation()


def expect_same(case):
    """The record itself."""
    return case.offer.recorded(case, _record(case))


def as_recorded(_case, record):
    """What is recorded, by the recorded names."""
    appear, vanish = {}, {}
    for name, rows in record["db"].items():
        table = name.removesuffix("_deleted")
        (appear if name == table else vanish)[table] = rows
    return Expectation(record["http"], appear, vanish)


def expect_acting(case, stated=()):
    """What ours does when it acts, from our rules alone; `stated` are
    columns of its rows that a matrix states."""
    expected = case.offer.acting(case)
    rows = [row for table in expected.appear.values() for row in table]
    for column, value in dict(stated).items():
        named = [row for row in rows if column in row]
        if not named:
            raise CannotRun(f"no row to appear has the stated '{column}'")
        for row in named:
            row[column] = value
    return expected


def expect_better(case):
    """What ours must do instead of what the kit did."""
    record = _record(case)
    acts = case.vector.get("ours_fires")
    if acts is False and case.vector["fires"]:
        return Expectation()
    if acts and not case.vector["fires"]:
        return expect_acting(case)
    if not case.vector["fires"]:
        raise CannotRun("the kit did nothing, and nothing says what ours does")
    return case.offer.corrected(case, record)


def _record(case):
    """What is recorded; it must agree with `fires`."""
    record = case.vector["expect"]
    acted = bool(record["http"] or record["db"].keys() - {TABLE_MADE}
                 or any(record.get(name) for name in OF_ROUTERS))
    seen = acted or (case.vector["fires"] and TABLE_MADE in record["db"])
    if seen != case.vector["fires"]:
        raise CannotRun("`fires` contradicts what is recorded")
    return record
