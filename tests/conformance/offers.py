"""What this version offers, and how it is switched on for a vector.

OFFERS maps (event, action) to the configuration that makes the product act
as the kit did, and to what it must do then. A pair that is not here stands
in not_offered.txt.
"""

from dataclasses import dataclass
from typing import Callable

from conformance import bonuses, discounts, notices, receipts, resets
from conformance.expect import as_recorded
from conformance.providers import KOMTET, SMSC, SMSPILOT, Provider
from conformance.vectors import CannotRun
from harness import product


@dataclass(frozen=True)
class Offer:
    """A pair of event and action that works."""

    provider: Provider | None
    kinds: tuple  # the event kinds that are switched on together
    sections: Callable  # our sections for a kind, a vector and constants
    acting: Callable  # the Expectation for a Case by our rules alone
    corrected: Callable  # the Expectation for a Case and what is recorded
    recorded: Callable = as_recorded  # the same where ours must do just that
    routers: bool = False  # does it speak to routers?


def _notice(kind, provider):
    return Offer(provider, (kind,), notices.sections, notices.acting,
                 notices.corrected)


BONUS = Offer(None, bonuses.KINDS, bonuses.sections, bonuses.acting,
              bonuses.corrected)


def _discount(kind):
    return Offer(None, (kind,), discounts.sections, discounts.acting,
                 discounts.corrected)


def _receipt(kinds):
    return Offer(KOMTET, kinds, receipts.sections, receipts.acting,
                 receipts.corrected, receipts.recorded)


def _reset(kind):
    return Offer(None, (kind,), resets.sections, resets.acting,
                 resets.corrected, resets.recorded, routers=True)


OFFERS = {
    **{(kind, "sms"): _notice(kind, SMSPILOT) for kind in notices.TEXTS},
    **{(kind, "social"): _notice(kind, SMSC) for kind in notices.TEXTS},
    **{(kind, "bonus_topup"): BONUS for kind in bonuses.KINDS},
    **{(kind, "bonus_loyalty"): BONUS for kind in bonuses.KINDS},
    **{(kind, "discount_remove"): _discount(kind)
       for kind in discounts.SWITCHES},
    **{(kind, "receipt"): _receipt(kinds)
       for kinds in receipts.KINDS.values() for kind in kinds},
    **{(kind, "session_reset"): _reset(kind) for kind in resets.KINDS},
}

ORIGINS = {"client": {"tariff_origin": "subscriber"},
           "system": {"tariff_origin": "staff"}, None: {}}


def settings_for(db, vector, constants, base, routers=None):
    """The whole configuration: only this action, for exactly its kinds.

    base is the URL of the stand-ins, up to the path; routers the section of
    that name, where there are any.
    """
    sections = {"billing": _billing(vector)}
    if routers:
        sections["routers"] = routers
    for kind in vector["routes"]:
        offer = OFFERS.get((kind, vector["action"]))
        if not offer:
            raise CannotRun(f"routed for {kind}, which does not offer "
                            f"{vector['action']}")
        if not set(offer.kinds) <= set(vector["routes"]):
            raise CannotRun(f"{vector['action']} is switched on for "
                            f"{' and '.join(offer.kinds)} together")
        sections = product.with_settings(
            sections, **offer.sections(kind, vector, constants))
        if offer.provider:
            sections |= offer.provider.sections(constants, base)
    return product.with_settings(product.default_settings(db), **sections)


def _billing(vector):
    """How the billing's data is read: nothing needs time to settle."""
    if vector.get("origin") not in ORIGINS:
        raise CannotRun(f"unknown origin '{vector['origin']}'")
    return ORIGINS[vector.get("origin")] | {
        "moved_subscribers": "no" if vector["kit"] == "new" else "yes",
        "api_settle": "0 s", "api_wait": "0 s", "state_settle": "0 s"}
