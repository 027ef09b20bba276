"""Bench of the service's own processor time for a payment that has everything:
a message, a receipt, a bonus, a reset of the session."""

import time

from common import OURS, Provider
from harness import process
from harness.komtet import Komtet
from harness.process import cpu_parts
from harness.product import with_settings
from harness.routeros import RouterOS
from routers import Net, running

PAYMENTS, RATE = 1000, 50
ACTIONS = ("sms", "receipt", "bonus_topup", "session_reset")


def everything(net, provider, till):
    """Settings under which a payment leads to all four."""
    return with_settings(
        net.settings(provider.url), service={"log_level": "info"},
        smspilot={"connections": 4},
        komtet={"url": till.url, "rate": "200", "connections": "4"},
        payment={"sms": "yes"}, receipt={"payments": "yes"},
        bonus_topup={"on": "yes"},
        session_reset={"payment": "yes", "tariff_change": "no",
                       "after": "2 s"})


def pay(net):
    """Each subscriber pays once, at a steady rate."""
    with net.db.connect("mikbill") as link, link.cursor() as cursor:
        begun = time.monotonic()
        for n in range(PAYMENTS):
            time.sleep(max(0, begun + n / RATE - time.monotonic()))
            cursor.execute(
                "INSERT INTO bugh_plategi_stat SET uid=%s, date=NOW(), who=1,"
                " bughtypeid=5, before_billing=0, summa=2000", (n + 1,))


def wait_done(net):
    """All four of each payment are done, and the till has told of it."""
    expected = [(action, "done", PAYMENTS) for action in sorted(ACTIONS)]
    process.wait_until(
        lambda: net.db.sql("SELECT action, state, COUNT(*) FROM delivery"
                           " GROUP BY action, state ORDER BY action", OURS)
        == expected and net.db.sql(
            "SELECT COUNT(*) FROM receipt WHERE stage = 'done'", OURS)
        == [(PAYMENTS,)], 120, "end of all", pause=0.5)


def cpu(bench):
    """Of all payments together, from the first to the end of the last."""
    with RouterOS() as router, Provider() as provider, Komtet() as till, \
            Net([router], router.port, PAYMENTS) as net:
        net.db.sql("INSERT INTO packets SET gid=5, packet='5', fixed_cost=500;"
                   "UPDATE users SET date_abonka = DAY(NOW())", "mikbill")
        router.online(*net.logins)
        with running(everything(net, provider, till)) as service:
            before = cpu_parts(service.pid)
            pay(net)
            wait_done(net)
            spent = [now - then for now, then in
                     zip(cpu_parts(service.pid), before)]
    bench.at_most("cpu: message, receipt, bonus and reset",
                  sum(spent) / PAYMENTS * 1000, "ms", 1)
    bench.add("cpu: of it, outside the kernel", spent[0] / PAYMENTS * 1000,
              "ms")
