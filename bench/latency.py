"""Bench of the time from a COMMIT to the request at the provider, and of what
a service asks the server that has nothing to do."""

import statistics
import time

from common import SUBSCRIBERS, Provider, billing, running, settings

SECONDS, RATE, IDLE_S = 20, 50, 20


def latency(bench):
    """From the client's OK for COMMIT to the request at the provider."""
    with billing() as db, Provider() as provider:
        with running(settings(db, provider.url)):
            paid = pay_steadily(db, SECONDS * RATE, RATE)
            time.sleep(1)
            idle = statements(db)
        delays = sorted((at - paid[text.split()[1]]) * 1000
                        for at, text in provider.requests())
    if len(delays) != len(paid):
        raise RuntimeError(f"{len(delays)} requests for {len(paid)} payments")
    bench.at_most("latency: commit to request, p50",
                  statistics.median(delays), "ms", 2)
    bench.at_most("latency: commit to request, p99",
                  delays[int(len(delays) * 0.99) - 1], "ms", 10)
    bench.at_most("latency: idle service", idle, "statements/s", 2)


def pay_steadily(db, count, rate, subscribers=SUBSCRIBERS,
                 each_second=lambda: None):
    """Payments at a steady rate of different sums by subscribers in turn;
    when the COMMIT of each returned, by its amount."""
    paid = {}
    with db.connect("mikbill") as link, link.cursor() as cursor:
        begun = time.monotonic()
        for n in range(count):
            time.sleep(max(0, begun + n / rate - time.monotonic()))
            if n % rate == 0:
                each_second()
            summa = f"{100 + n}.00"
            cursor.execute(
                "INSERT INTO bugh_plategi_stat SET uid=%s, date=NOW(),"
                " who=1, bughtypeid=5, before_billing=0, summa=%s",
                (n % subscribers + 1, summa))
            paid[summa] = time.monotonic()
    return paid


def statements(db):
    """Statements in a second, but for our own question."""
    def count(cursor):
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Questions'")
        return int(cursor.fetchone()[1])
    with db.connect() as link, link.cursor() as cursor:
        before = count(cursor)
        time.sleep(IDLE_S)
        return (count(cursor) - before - 1) / IDLE_S
