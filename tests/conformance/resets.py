"""Session resets: how they are switched on, what they must be."""

import re
from dataclasses import replace

from conformance.expect import Expectation, as_recorded
from conformance.routers import (HERE, Reset, accounts_of, recorded_refusals,
                                 recorded_resets)
from conformance.vectors import CannotRun

KINDS = ("payment", "api_payment", "refund", "api_refund", "credit",
         "credit_limit", "tariff_change")
PLAIN = re.compile(r"[A-Za-z0-9._@-]+")  # needs no escapes on a router


def sections(kind, _vector, _constants):
    """Our section for the action; the routers are the stage's."""
    return {"session_reset": {kind: "yes", "after": "0 s", "target": "all"}}


def recorded(case, record):
    """The record by meaning: who was to be reset, where and by whom."""
    return replace(as_recorded(case, record), resets=recorded_resets(record),
                   refused=recorded_refusals(record))


def acting(case):
    """Every router of the billing is asked, whatever the others say. It is
    done when the session was ended on any of them."""
    routers = case.facts.routers
    if not routers:
        raise CannotRun("ours is to reset sessions, but there is no router")
    login = case.facts.subscriber.login
    accounts = accounts_of(case.vector)
    there = [one for one in routers if one.address == HERE]
    let_in = [one for one in there if accounts.get(one.user) == one.password]
    return Expectation(
        resets=[Reset(one.address, one.user, one.password, login)
                for one in let_in],
        refused=[one.user for one in there if one not in let_in])


def corrected(case, _record):
    """Ours where the kit asks one router only because another one let it,
    or puts the login in as it is."""
    expected = acting(case)
    failing = len(expected.resets) < len(case.facts.routers)
    empty = any(not one.password for one in expected.resets)
    odd = any(not PLAIN.fullmatch(one.login) for one in expected.resets)
    if not (failing or empty or odd):
        raise CannotRun("the difference that makes ours better is not known")
    return expected
