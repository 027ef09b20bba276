"""Removal of discounts: how it is switched on, what it must be."""

from conformance.expect import Expectation
from conformance.vectors import CannotRun

KEYS = ("ext_discount_extended", "ext_discount_global",
        "ext_discount_global_fixed", "ext_discount_packet",
        "ext_discount_packet_fixed", "ext_discount_subs",
        "ext_discount_subs_fixed", "ext_discount_device",
        "ext_discount_device_fixed")

GREATEST_GID = 65535  # of logs.gid
VALUE_COLUMN = 64  # characters of logs.oldvalue


SWITCHES = {"tariff_change": "remove", "freeze": "freeze", "block": "block",
            "delete": "delete"}


def sections(kind, _vector, _constants):
    """Our section for the removal."""
    return {"discounts": {SWITCHES[kind]: "yes", "after": "0 s"}}


def acting(case):
    """Every discount goes and leaves a row in the log."""
    facts = case.facts
    found = [(key, value) for key, value in facts.custom_fields.items()
             if key in KEYS]
    if not found:
        raise CannotRun("ours is to remove discounts, but there are none")
    return Expectation(
        appear={"logs": [_log_row(facts, *field) for field in found]},
        vanish={"users_custom_fields": [
            {"uid": facts.uid, "key": key, "value": value}
            for key, value in found]})


def corrected(case, _record):
    """Ours where the kit had to choose between two rows."""
    if len({one.gid for one in case.facts.subscribers}) < 2:
        raise CannotRun("the difference that makes ours better is not known")
    return acting(case)


def _log_row(facts, key, value):
    return {"stuffid": 0, "date": "NOW()", "logtypeid": 1, "uid": facts.uid,
            "gid": min(facts.subscriber.gid, GREATEST_GID), "ip": None,
            "valuename": key, "oldvalue": value[:VALUE_COLUMN],
            "newvalue": None}
