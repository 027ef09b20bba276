"""A service frozen in the middle of any of its transactions holds nothing
that the billing waits for."""

import re
import threading
import time

import pytest

from harness.komtet import http, in_turn
from harness.process import is_frozen, wait_until
from harness.product import repo, with_settings
from harness.standin import Reply
from integration.chain import payment_sql

PATIENCE_S = 5


# Duties with seams outside of any transaction, which this story leaves out.
OUTSIDE = ("routers.", "callback.", "journal.", "kafka.", "exec.")


def fault_points():
    """The names of all seams in the code that this story comes to."""
    found = set()
    for file in (repo() / "poller").rglob("*.c"):
        found |= set(re.findall(r'fault_point\("([a-z.]+)"\)',
                                file.read_text()))
    return sorted(name for name in found if not name.startswith(OUTSIDE))


def remember(chain):
    """An event whose time is over, to be removed; the newest is not."""
    chain.db.sql(
        "INSERT INTO event (id, kind, uid, captured_utc, ingested_utc, body)"
        " VALUES (1, 'payment', 1, '2001-01-01', '2001-01-01', '{}'),"
        " (2, 'payment', 1, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), '{}')",
        "mikbill_events")


def within(seconds, work):
    """Run work in a thread; how long it took, or a failure."""
    errors = []

    def guarded():
        try:
            work()
        except Exception as error:  # pylint: disable=broad-except
            errors.append(error)
    thread = threading.Thread(target=guarded, daemon=True)
    begun = time.monotonic()
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"still waiting after {seconds} s"
    assert not errors, errors
    return time.monotonic() - begun


def work_of_the_billing(chain):
    """What the billing does all day, on rows that ours may have touched."""
    with chain.db.connect("mikbill") as link, link.cursor() as cursor:
        for statement in [
                payment_sql(1001, 33),
                "UPDATE users SET deposit = deposit + 33 WHERE uid = 1001",
                "UPDATE users SET gid = gid + 1 WHERE uid = 1001",
                "INSERT INTO bugh_uslugi_stat SET uid=1001, usluga=1,"
                " date_start=NOW(), gid=5",
                "INSERT INTO sms_logs SET sms_type_id=4, uid=1001,"
                " sms_phone='1', sms_text='x'",
                "UPDATE sms_logs SET sms_code = 1",
                "DELETE FROM sms_logs WHERE sms_text = 'x'",
                "INSERT INTO addons_pay_api SET user_ref=1001, amount=1,"
                " comment=''",
                "UPDATE addons_pay_api SET status = 1",
                "INSERT IGNORE INTO addons_pay_api_category SET category=-1,"
                " categoryname='x'",
                "UPDATE users_custom_fields SET value = '7'",
                "INSERT INTO logs SET uid=1001, date=NOW(), valuename='x'",
                "INSERT INTO receipts_log SET user_id='x', contact='x'",
                "UPDATE receipts_log SET int_id='1' WHERE user_id='x'",
                "UPDATE receipts_log SET update_time=NOW()",
                "DELETE FROM receipts_log WHERE user_id='x'"]:
            cursor.execute(statement)


def test_there_are_seams():
    assert len(fault_points()) >= 10


@pytest.mark.parametrize("point", fault_points())
def test_frozen_at(chain, till, point):
    chain.reconfigure(with_settings(
        chain.settings, bonus_topup={"on": "yes"}, discounts={"remove": "yes"},
        receipt={"payments": "yes", "look_first": "100 ms"},
        komtet={"url": till.url, "rate": "200", "retry_first": "200 ms"}))
    chain.subscriber()
    chain.tariff()
    chain.subscriber(1002)
    chain.field("ext_discount_subs", "5", uid=1002)
    # A credit that no trigger captured.
    chain.db.sql("INSERT INTO bugh_uslugi_stat SET uid=1002, usluga=1, gid=5,"
                 " date_start=NOW() - INTERVAL 2 MINUTE", "mikbill")
    chain.db.sql("DELETE FROM outbox", "mikbill_events")
    # The first call fails, so that a claim and an update of sms_logs follow;
    # and of the receipt, too.
    till.post_reply = in_turn(http(500), till.honest)
    chain.pilot.reply = lambda request: (
        Reply(body='{"error":{"code":"110","description":"busy"}}')
        if request.number == 1 else chain.pilot.ordinary_reply(request))
    remember(chain)
    chain.pay(summa=2000)
    chain.change_tariff(1002)
    chain.service.env["MBEV_FAULT"] = f"{point}:stop"
    chain.service.start()
    wait_until(lambda: is_frozen(chain.service.pid), 15, "freeze")
    within(PATIENCE_S, lambda: work_of_the_billing(chain))
