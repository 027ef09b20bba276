"""Bonuses and discounts: work in the billing itself, once whatever breaks."""

import signal

import pytest

from harness.billing import create_billing
from harness.process import is_frozen, wait_until
from harness.product import install
from harness.server import MariaDB
from integration.conftest import make_chain

BONUS = "misc_id, category, user_ref, amount, status, comment"
LOYAL = "ext_date_fiz_contract_conclusion"


@pytest.fixture(scope="module")
def grown():
    """A server whose billing has MyISAM tables, as old ones have."""
    with MariaDB() as db:
        create_billing(db, "mikbill", "legacy", engine="MyISAM")
        install(db)
        yield db


def switch_on(chain, **sections):
    """Only work in the billing."""
    chain.settings["payment"]["sms"] = "no"
    for name, keys in sections.items():
        chain.settings.setdefault(name, {}).update(keys)
    chain.reconfigure(chain.settings)
    return chain


@pytest.fixture(params=["innodb", "myisam"])
def bonus(request, installed, pilot):
    """The chain with both bonuses and discounts on, on either engine."""
    server = (installed if request.param == "innodb"
              else request.getfixturevalue("grown"))
    for chain in make_chain(server, pilot):
        yield switch_on(
            chain,
            bonus_topup={"on": "yes", "comment": "за пополнение"},
            bonus_loyalty={"on": "yes", "comment": "верным"},
            discounts={"remove": "yes"},
            billing={"api_settle": "100 ms", "api_wait": "300 ms"})


def marks(chain):
    """The kinds of the bonuses that were given."""
    return sorted(mark.split("-")[1] for (mark,) in
                  chain.rows("misc_id", "addons_pay_api"))


def dies_at(chain, point):
    """Let the service die at a point, then run another one to the end."""
    chain.service.env["MBEV_FAULT"] = f"{point}:kill"
    assert chain.service.once() == -9
    del chain.service.env["MBEV_FAULT"]
    assert chain.service.once() == 0


def test_a_large_payment_earns_a_bonus(bonus):
    bonus.subscriber()
    bonus.tariff()
    bonus.pay(summa=2200)
    assert bonus.service.once() == 0
    (row,) = bonus.rows(BONUS, "addons_pay_api")
    assert row[0].startswith("mbev-topup-")
    assert row[1:3] == (-1, 1001)
    assert row[3:] == (110, 0, "за пополнение")
    assert bonus.rows("category, categoryname", "addons_pay_api_category") \
        == [(-1, "Бонус за пополнение")]
    assert bonus.deliveries("action, state, payload")[0] == (
        "bonus_topup", "done", "110.00")


def test_both_bonuses_for_one_payment(bonus):
    bonus.subscriber()
    bonus.tariff(fee=700)
    bonus.field(LOYAL, "2010-05-05")
    bonus.pay(summa=2000)
    assert bonus.service.once() == 0
    assert bonus.rows("amount", "addons_pay_api") == [(70,), (100,)]
    assert marks(bonus) == ["loyalty", "topup"]


@pytest.mark.parametrize("point", ["decide.begun", "decide.written",
                                   "decide.committed", "ingest.committed"])
def test_a_crash_gives_it_neither_twice_nor_not_at_all(bonus, point):
    bonus.subscriber()
    bonus.tariff(fee=700)
    bonus.field(LOYAL, "2010-05-05")
    bonus.pay(summa=2000)
    bonus.subscriber(1002)
    bonus.field("ext_discount_subs", "10", uid=1002)
    bonus.change_tariff(1002)
    dies_at(bonus, point)
    assert marks(bonus) == ["loyalty", "topup"]
    assert bonus.rows("valuename, oldvalue", "logs") == [
        ("ext_discount_subs", "10")]
    assert set(bonus.states()) == {"done"}


def test_the_acknowledgement_alone_was_lost(bonus):
    """What a MyISAM table keeps when the rest of the transaction is lost."""
    bonus.subscriber()
    bonus.tariff()
    bonus.pay(summa=2000)
    assert bonus.service.once() == 0
    bonus.db.sql("UPDATE delivery SET state = 'ready', lane = 'decide'"
                 " WHERE action = 'bonus_topup'", "mikbill_events")
    assert bonus.service.once() == 0
    assert marks(bonus) == ["topup"]
    assert bonus.deliveries("state, reason", "action = 'bonus_topup'") == [
        ("done", "an earlier try had given it already")]


def test_of_two_payments_at_once_one_earns_the_topup_bonus(bonus):
    bonus.subscriber()
    bonus.tariff()
    bonus.pay(summa=2000)
    bonus.pay(summa=3000)
    assert bonus.service.once() == 0
    assert bonus.rows("amount", "addons_pay_api") == [(100,)]
    assert sorted(bonus.deliveries("state", "action = 'bonus_topup'")) == [
        ("done",), ("skipped",)]
    ((reason,),) = bonus.deliveries(
        "reason", "action = 'bonus_topup' AND state = 'skipped'")
    assert "within a month" in reason


def credited(chain, status, amount=2000, category=-1):
    """A bonus that the billing's payment API credits."""
    chain.db.sql("INSERT INTO addons_pay_api SET user_ref=1001, amount=%s,"
                 " category=%s, creation_time=NOW(), update_time=NOW(),"
                 " status=%s, comment='x'" % (amount, category, status),
                 "mikbill")


def api_states(chain):
    """What became of the top-up bonuses of API payments."""
    return [state for (state,) in chain.deliveries(
        "state", "action = 'bonus_topup'")]


def test_a_credited_bonus_earns_no_bonus(bonus):
    bonus.subscriber()
    bonus.tariff()
    credited(bonus, status=1, category=-9)
    bonus.start()
    bonus.pay(summa=2000, kind=62)
    wait_until(lambda: api_states(bonus) == ["skipped"], 10, "decision")
    ((reason,),) = bonus.deliveries("reason", "action = 'bonus_topup'")
    assert "itself a bonus" in reason
    assert len(bonus.rows("record_id", "addons_pay_api")) == 1


def test_one_credit_explains_one_payment_only(bonus):
    bonus.subscriber()
    bonus.tariff()
    credited(bonus, status=1, category=-9)
    bonus.start()
    bonus.pay(summa=2000, kind=62)
    bonus.pay(summa=2000, kind=62)
    wait_until(lambda: sorted(api_states(bonus)) == ["done", "skipped"], 10,
               "decisions")


def test_a_credit_that_may_be_a_bonus_is_waited_for_then_asked_about(bonus):
    bonus.subscriber()
    bonus.tariff()
    credited(bonus, status=0, category=-9)
    bonus.start()
    bonus.pay(summa=2000, kind=62)
    wait_until(lambda: api_states(bonus) == ["ready"], 10, "first look")
    wait_until(lambda: api_states(bonus) == ["doubtful"], 25, "last look")
    ((reason,),) = bonus.deliveries("reason", "action = 'bonus_topup'")
    assert "is not credited" in reason
    assert len(bonus.rows("record_id", "addons_pay_api")) == 1


def test_discounts_go_with_the_tariff_and_are_logged(bonus):
    bonus.subscriber()
    for key in ("ext_discount_global", "ext_discount_device_fixed"):
        bonus.field(key, "5")
    bonus.field("EXT_DISCOUNT_SUBS", "7")
    bonus.field("colour", "red")
    bonus.change_tariff(gid=6)
    assert bonus.service.once() == 0
    assert bonus.rows("`key`, value", "users_custom_fields") == [
        ("colour", "red"), ("EXT_DISCOUNT_SUBS", "7")]
    assert bonus.db.sql(
        "SELECT stuffid, logtypeid, uid, gid, ip, valuename, oldvalue,"
        " newvalue FROM logs ORDER BY logid", "mikbill") == [
            (0, 1, 1001, 6, None, "ext_discount_global", "5", None),
            (0, 1, 1001, 6, None, "ext_discount_device_fixed", "5", None)]
    assert bonus.deliveries("state, reason") == [("done", "2 removed")]


def test_no_discount_is_nothing_to_do(bonus):
    bonus.subscriber()
    bonus.change_tariff(gid=6)
    assert bonus.service.once() == 0
    assert bonus.deliveries("state, reason") == [
        ("skipped", "no discount is set")]


def test_what_one_refuses_holds_up_nobody_else(installed, pilot):
    """The account may not write bonuses: said, put off, done later."""
    for chain in make_chain(installed, pilot):
        switch_on(chain, bonus_topup={"on": "yes"},
                  discounts={"remove": "yes"})
        db = chain.db
        db.sql("REVOKE INSERT ON mikbill.addons_pay_api FROM"
               " 'mbev_service'@'localhost'")
        try:
            chain.subscriber()
            chain.tariff()
            chain.field("ext_discount_subs", "10")
            chain.change_tariff(gid=5)
            chain.pay(summa=2000)
            chain.subscriber(1002)
            chain.field("ext_discount_subs", "10", uid=1002)
            chain.change_tariff(1002)
            chain.db.sql("DELETE FROM mikbill.users_custom_fields WHERE"
                         " uid = 1001")
            assert chain.service.once() == 0
            assert chain.deliveries("action, state") == [
                ("bonus_topup", "retry"), ("discount_remove", "done")]
            ((reason,),) = chain.deliveries("reason", "state = 'retry'")
            assert "the billing refuses" in reason and "1142" in reason
        finally:
            db.sql("GRANT INSERT ON mikbill.addons_pay_api TO"
                   " 'mbev_service'@'localhost'")
        db.sql("UPDATE delivery SET due_utc = UTC_TIMESTAMP(3)",
               "mikbill_events")
        assert chain.service.once() == 0
        assert marks(chain) == ["topup"]


def test_a_frozen_service_holds_no_lock_of_the_billing(installed, pilot):
    """Stopped just before the packet that works and commits."""
    for chain in make_chain(installed, pilot):
        switch_on(chain, bonus_topup={"on": "yes"},
                  discounts={"remove": "yes"})
        chain.subscriber()
        chain.tariff()
        chain.start(MBEV_FAULT="decide.written:stop")
        chain.field("ext_discount_subs", "10")
        chain.subscriber(1002)
        chain.change_tariff()
        chain.pay(1002, summa=2000)
        wait_until(lambda: is_frozen(chain.service.pid), 10, "freeze")
        chain.db.sql(
            "SET SESSION innodb_lock_wait_timeout = 1;"
            "UPDATE mikbill.users SET deposit = 1 WHERE uid = 1001;"
            "UPDATE mikbill.users_custom_fields SET value = '11'"
            " WHERE uid = 1001;"
            "INSERT INTO mikbill.addons_pay_api SET user_ref = 1,"
            " amount = 1, comment = ''")
        chain.service.env.pop("MBEV_FAULT")
        chain.service.signal(signal.SIGCONT)
        chain.wait_states("done", "done")
        # Where the server can only wait for a lock, it was removed before.
        assert chain.rows("oldvalue", "logs") == [
            ("11" if installed.kind.is_mariadb else "10",)]
