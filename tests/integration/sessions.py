"""Resets of sessions: settings, rows of radnas, and what became of them."""

import re

from harness.product import with_settings

KINDS = ("payment", "api_payment", "refund", "api_refund", "credit",
         "credit_limit", "tariff_change")


def resets(chain, router=(), **routers):
    """Settings: sessions are reset, and nothing else is done.

    router: lines of exceptions; routers: keys of [routers].
    """
    chain.db.sql("DELETE FROM radnas; DELETE FROM radacct", "mikbill")
    settings = with_settings(
        chain.settings, payment={"sms": "no"},
        session_reset={**dict.fromkeys(KINDS, "yes"), "after": "0 s"},
        routers={"known_hosts": known_hosts(chain), "hold_first": "300 ms",
                 "hold_longest": "1 s", "retry_first": "200 ms",
                 "retry_longest": "1 s", **routers})
    if router:
        settings["routers"]["router"] = list(router)
    known_hosts(chain).unlink(missing_ok=True)
    chain.reconfigure(settings)
    return chain


def known_hosts(chain):
    """The file of known hosts."""
    return chain.db.folder / "known_hosts"


def nas(chain, number=1, address="127.0.0.1", **columns):
    """A row of radnas."""
    columns = {"id": number, "nasname": address, "naslogin": "nasadmin",
               "naspass": "naspw", "nastype": "mikrotik", **columns}
    text = ", ".join(f"`{k}` = '{v}'" for k, v in columns.items())
    chain.db.sql(f"INSERT INTO radnas SET {text}", "mikbill")


def reasons(chain):
    """Why each delivery is as it is."""
    return [reason for (reason,) in chain.deliveries("reason")]


def also(chain, **sections):
    """More settings for the next start."""
    chain.reconfigure(with_settings(chain.settings, **sections))
    return chain


def ports(*routers):
    """Settings: exceptions that say at which ports the routers listen."""
    return [f"{one.address} port={one.port}" for one in routers]


def held(chain):
    """What the log tells of routers that are left alone, once each."""
    return re.findall(r"^\S+ error router: (.* is held: .*)$",
                      chain.service.log_text(), re.MULTILINE)


def table(chain, columns="nas_id, state, reason"):
    """Rows of table router."""
    return chain.db.sql(f"SELECT {columns} FROM router ORDER BY nas_id",
                        "mikbill_events")
