"""Thousands of events leave service and server as they were: neither memory
nor descriptors are lost on the way.

In the suite 2,500 of them; scripts/flatness.sh takes 10,000.
"""

import os
import re

import pytest

from harness.billing import create_billing
from harness.process import wait_until
from harness.product import install
from harness.ros_api import RouterApi
from harness.server import MariaDB
from integration.sessions import known_hosts, nas
from integration.shop import make_shop

pytestmark = pytest.mark.plain

EVENTS = int(os.environ.get("MBEV_EVENTS", "2500"))
FIRST, CHUNK, SUBSCRIBERS = EVENTS // 5, 500, 500

# What is in use at the same time differs a little, and is given back in pages:
# so much does not count as a loss (seen: 560 more and 560 less). It is 400 bytes
# for each of 2,500 events, 100 for each of 10,000. The server's caches grow with
# its tables.
SERVICE_KB, SERVER_KB = 1000, 8000
# How many connections to providers are kept open at the moment.
KEPT = 16


@pytest.fixture(name="router")
def fixture_router():
    """A router."""
    with RouterApi() as router:
        yield router


@pytest.fixture(name="shop")
def fixture_shop(pilot, till, router):
    """A shop on a server with a small cache, whose sessions are reset when
    the tariff changes."""
    with MariaDB(options=["--innodb-buffer-pool-size=16M",
                          "--innodb-flush-method=fsync"]) as db:
        create_billing(db, "mikbill", "legacy")
        install(db)
        for shop in make_shop(db, pilot, till):
            shop.configure(
                session_reset={"tariff_change": "yes", "after": "0 s"},
                routers={"known_hosts": known_hosts(shop),
                         "transport": "api", "port": router.port},
                service={"log_level": "warning"},
                smspilot={"connections": "8"},
                komtet={"connections": "8", "rate": "1000"})
            nas(shop)
            yield shop


class Size:
    """What a process holds at a time when it has nothing to do."""

    def __init__(self, pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            self.resident_kb = int(re.search(r"VmRSS:\s+(\d+)",
                                             status.read())[1])
        self.descriptors = len(os.listdir(f"/proc/{pid}/fd"))


def book(shop, uids, count):
    """So many events, some at a time: of a hundred one is a change of tariff,
    and one a payment that is rolled back."""
    with shop.connect() as link, link.cursor() as cursor:
        for begun in range(0, count, CHUNK):
            for i in range(begun, begun + CHUNK):
                uid = uids[i % len(uids)]
                if i % 100 == 50:
                    cursor.execute("UPDATE users SET gid = gid + 1"
                                   f" WHERE uid = {uid}")
                    continue
                if i % 100 == 99:
                    link.begin()
                cursor.execute(
                    "INSERT INTO bugh_plategi_stat SET date = NOW(), who = 1,"
                    f" bughtypeid = 5, before_billing = 0, uid = {uid},"
                    f" summa = 100 + {i}")
                if i % 100 == 99:
                    link.rollback()
            wait_until(lambda: shop.left() < CHUNK, 300, "progress",
                       pause=0.1)


def at_rest(shop):
    """Service and server when all is done, and told to the till."""
    shop.wait_done(300)
    wait_until(lambda: shop.db.sql("SELECT COUNT(*) FROM receipt WHERE stage ="
                                   " 'accepted'", "mikbill_events")[0][0] == 0,
               300, "receipts", pause=0.5)
    return Size(shop.service.pid), Size(shop.db.pid)


def test_events_leave_everything_as_it_was(shop):
    uids = shop.enroll(SUBSCRIBERS)
    shop.service.start()
    book(shop, uids, FIRST)
    service, server = at_rest(shop)
    book(shop, uids, EVENTS - FIRST)
    service_after, server_after = at_rest(shop)
    print(f"\nservice {service.resident_kb} -> {service_after.resident_kb} kB,"
          f" {service.descriptors} -> {service_after.descriptors} descriptors;"
          f" server {server.resident_kb} -> {server_after.resident_kb} kB,"
          f" {server.descriptors} -> {server_after.descriptors}")
    assert len(shop.paid()) == EVENTS * 98 // 100
    assert service_after.resident_kb - service.resident_kb < SERVICE_KB
    assert service_after.descriptors <= service.descriptors + KEPT
    assert server_after.resident_kb - server.resident_kb < SERVER_KB
    assert server_after.descriptors <= server.descriptors + 2
