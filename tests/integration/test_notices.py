"""Every kind of notice: who is told what, when, once, and why not."""

import signal
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from harness import standin
from harness.billing import create_billing
from harness.process import is_frozen, wait_until
from harness.product import install
from harness.server import MariaDB
from integration.conftest import make_chain
from integration.test_mbevctl import ctl, event_id, fields, settings_of

PHONE = "79001234567"
TEXTS = {
    "payment": "платёж {amount}",
    "refund": "возврат {amount}",
    "api_payment": "{comment}: {amount}",
    "api_refund": "снято, {comment}: {amount}",
    "credit": "кредит {amount}",
    "credit_limit": "лимит {amount}",
    "tariff_change": "сами выбрали {tariff}",
    "tariff_by_staff": "мы дали {tariff}",
}
YEKATERINBURG = ZoneInfo("Asia/Yekaterinburg")


def on(chain, *names, **keys):
    """Switch notices on: SMS, decided at once, also at night."""
    settings_of(chain, **{name: {
        "sms": "yes", "after": "0 s", "quiet": "no", "ending": "",
        "text": TEXTS[name], **keys} for name in names})
    return chain


def api_row(chain, uid=1001, amount=100, status=1, comment="перерасчёт",
            ago=0):
    """A row of addons_pay_api, touched so many seconds ago."""
    chain.db.sql(
        "INSERT INTO addons_pay_api SET user_ref=%d, amount=%s, category=1,"
        " creation_time=NOW(), update_time=NOW() - INTERVAL %d SECOND,"
        " status=%d, comment='%s'" % (uid, amount, ago, status, comment),
        "mikbill")


def set_credit(chain, credit, uid=1001):
    chain.db.sql(f"UPDATE users SET credit={credit} WHERE uid={uid}",
                 "mikbill")


def staff_log(chain, uid=1001, stuffid=3, ago=0):
    """A row of logs, as the billing's pages write it."""
    chain.db.sql(
        "INSERT INTO logs SET stuffid=%d, logtypeid=1, uid=%d, valuename='x',"
        " date=NOW() - INTERVAL %d SECOND" % (stuffid, uid, ago), "mikbill")


def staff_fee(chain, uid=1001, who=3, kind=23, ago=0):
    """The fee for a change of tariff."""
    chain.db.sql(
        "INSERT INTO bugh_plategi_stat SET uid=%d, who=%d, bughtypeid=%d,"
        " date=NOW() - INTERVAL %d SECOND, before_billing=0, summa=-50"
        % (uid, who, kind, ago), "mikbill")


def fire(chain, name, uid=1001):
    """What makes a notice of that kind due, with a sum of 100."""
    if name == "payment":
        chain.pay(uid)
    elif name == "refund":
        chain.pay(uid, -100, 7)
    elif name == "api_payment":
        api_row(chain, uid)
        chain.pay(uid, 100, 62)
    elif name == "api_refund":
        api_row(chain, uid, -100)
        chain.pay(uid, -100, 62)
    elif name == "credit":
        set_credit(chain, 100, uid)
        chain.credit(uid)
    elif name == "credit_limit":
        set_credit(chain, 100, uid)
        chain.pay(uid, 5, 18)
    else:
        if name == "tariff_by_staff":
            staff_log(chain, uid)
        chain.change_tariff(uid)


TOLD = {
    "payment": "платёж 100.00",
    "refund": "возврат 100.00",
    "api_payment": "перерасчёт: 100.00",
    "api_refund": "снято, перерасчёт: 100.00",
    "credit": "кредит 100.00",
    "credit_limit": "лимит 100.00",
    "tariff_change": "сами выбрали Тариф 6",
    "tariff_by_staff": "мы дали Тариф 6",
}


def decided(chain):
    """What became of what was captured."""
    assert chain.service.once() == 0
    return chain.deliveries("state, reason")


def shown(chain):
    """What mbevctl tells about the newest event."""
    return fields(ctl(chain, "show", str(event_id(chain))).stdout)


# --- what is told ---------------------------------------------------------


@pytest.mark.parametrize("name", TEXTS)
def test_every_kind_is_told_and_logged(chain, name):
    on(chain, *TEXTS)
    chain.subscriber()
    chain.tariff(6)
    fire(chain, name)
    assert decided(chain) == [("done", None)]
    assert chain.sent() == [(PHONE, TOLD[name])]
    assert chain.sms_logs() == [(PHONE, TOLD[name], "")]
    assert shown(chain)["text"] == TOLD[name]


def test_what_the_shipped_texts_say(chain):
    names = [name for name in TEXTS if name != "payment"]
    settings_of(chain, **{name: {"sms": "yes", "after": "0 s", "quiet": "no"}
                          for name in names})
    for uid, name in enumerate(names, 1):
        chain.subscriber(uid, phone=f"7900000000{uid}")
        fire(chain, name, uid)
    assert set(decided(chain)) == {("done", None)}
    texts = dict(chain.sent())
    assert [texts[f"7900000000{uid}"]
            for uid, _ in enumerate(names, 1)] == [
        "Со счёта sub1 возвращено 100.00 руб.",
        "На счёт sub2 зачислено 100.00 руб. (перерасчёт)",
        "Со счёта sub3 списано 100.00 руб. (перерасчёт)",
        "Вам предоставлен кредит 100.00 руб. Счёт sub4.",
        "Кредитный лимит на счёте sub5: 100.00 руб.",
        "Тарифный план на счёте sub6 изменён по вашей заявке.",
        "Тарифный план на счёте sub7 изменён."]


def test_a_credit_with_percents_is_a_credit_and_other_services_are_not(chain):
    on(chain, "credit")
    chain.subscriber()
    set_credit(chain, 300)
    for usluga in (1, 2, 3, 5):
        chain.credit(usluga=usluga)
    assert decided(chain) == [("done", None)] * 2
    assert chain.sent() == [(PHONE, "кредит 300.00")] * 2


def test_of_several_credits_the_one_of_the_same_amount_is_named(chain):
    on(chain, "api_payment")
    chain.subscriber()
    api_row(chain, amount=50, comment="другой")
    api_row(chain, amount=100, comment="тот")
    api_row(chain, amount=100, comment="лишний")
    chain.pay(summa=100, kind=62)
    chain.pay(summa=70, kind=62)
    assert decided(chain) == [("done", None)] * 2
    assert sorted(text for _, text in chain.sent()) == [
        "другой: 70.00", "тот: 100.00"]


def test_the_same_event_goes_both_ways_when_both_are_on(chain, smsc):
    on(chain, "credit", social="yes", social_text="vk {amount}")
    settings_of(chain, smsc={"url": smsc.url})
    chain.subscriber()
    fire(chain, "credit")
    assert decided(chain) == [("done", None)] * 2
    assert chain.sent() == [(PHONE, "кредит 100.00")]
    assert smsc.taken == [(PHONE, "vk 100.00")]


# --- who changed the tariff -----------------------------------------------


def tariff_told(chain):
    """Whose change it was taken for."""
    (text,) = [text for _, text in chain.sent()]
    return {"мы": "staff", "сами": "subscriber"}[text.split()[0]]


def tariffs(chain):
    on(chain, "tariff_change", "tariff_by_staff")
    chain.subscriber()
    chain.tariff(6)


@pytest.mark.parametrize("trace, keys", [
    (staff_log, {}), (staff_log, {"ago": 7}), (staff_log, {"ago": -7}),
    (staff_fee, {}), (staff_fee, {"ago": 7}), (staff_fee, {"ago": -7}),
    (staff_fee, {"kind": 26})])
def test_a_trace_of_the_staff_near_in_time_makes_it_theirs(
        chain, trace, keys):
    tariffs(chain)
    trace(chain, **keys)
    chain.change_tariff()
    assert decided(chain) == [("done", None)]
    assert tariff_told(chain) == "staff"


@pytest.mark.parametrize("trace, keys", [
    (staff_log, {"stuffid": 0}), (staff_log, {"uid": 1002}),
    (staff_log, {"ago": 14}), (staff_log, {"ago": -14}),
    (staff_fee, {"who": 0}), (staff_fee, {"uid": 1002}),
    (staff_fee, {"kind": 24}), (staff_fee, {"ago": 14}),
    (staff_fee, {"ago": -14})])
def test_anything_else_leaves_it_to_the_subscriber(chain, trace, keys):
    tariffs(chain)
    trace(chain, **keys)
    chain.change_tariff()
    assert decided(chain) == [("done", None)]
    assert tariff_told(chain) == "subscriber"


@pytest.mark.parametrize("trace", [staff_log, staff_fee])
def test_a_trace_that_comes_after_the_change_counts(chain, trace):
    tariffs(chain)
    on(chain, "tariff_change", "tariff_by_staff", after="1 s")
    chain.start()
    chain.change_tariff()
    chain.wait_states("ready")
    trace(chain)
    chain.wait_states("done")
    assert tariff_told(chain) == "staff"


def test_the_window_and_the_default_are_settings(chain):
    tariffs(chain)
    settings_of(chain, billing={"tariff_origin": "staff"})
    chain.change_tariff()
    assert decided(chain) == [("done", None)]
    assert tariff_told(chain) == "staff"
    chain.pilot.reset()
    settings_of(chain, billing={"tariff_origin": "subscriber",
                                "tariff_origin_window": "30 s"})
    staff_log(chain, ago=20)
    chain.change_tariff(gid=7)
    assert decided(chain) == [("done", None)] * 2
    assert tariff_told(chain) == "staff"


@pytest.mark.parametrize("name, other", [
    ("tariff_change", "tariff_by_staff"),
    ("tariff_by_staff", "tariff_change")])
def test_only_one_of_the_two_may_be_on(chain, name, other):
    on(chain, name)
    chain.subscriber(1)
    chain.subscriber(2)
    fire(chain, name, 1)
    fire(chain, other, 2)
    assert sorted(decided(chain)) == [
        ("done", None), ("skipped", f"switched off ([{other}])")]


def test_the_staff_is_told_apart_for_each_subscriber_of_a_batch(chain):
    on(chain, "tariff_change", "tariff_by_staff")
    chain.tariff(6)
    for uid in range(1, 7):
        chain.subscriber(uid, phone=f"7900000000{uid}")
        fire(chain, "tariff_by_staff" if uid % 2 else "tariff_change", uid)
    assert decided(chain) == [("done", None)] * 6
    assert dict(chain.sent()) == {
        f"7900000000{uid}": TOLD[
            "tariff_by_staff" if uid % 2 else "tariff_change"]
        for uid in range(1, 7)}


# --- settle time ----------------------------------------------------------


@pytest.mark.parametrize("name, usual", [
    ("credit", lambda chain: chain.credit()),
    ("credit_limit", lambda chain: chain.pay(summa=5, kind=18))])
def test_the_credit_that_the_billing_writes_later_is_the_one_told(
        chain, name, usual):
    on(chain, name, after="1 s")
    chain.start().subscriber()
    set_credit(chain, 50)
    begun = time.monotonic()
    usual(chain)
    time.sleep(0.3)
    set_credit(chain, 300)
    chain.wait_states("done")
    assert chain.sent() == [(PHONE, TOLD[name].replace("100", "300"))]
    assert chain.pilot.requests[0].at - begun >= 0.98


def test_a_row_of_the_payment_interface_that_comes_later_counts(chain):
    on(chain, "api_payment", after="1 s")
    chain.start().subscriber()
    chain.pay(kind=62)
    chain.wait_states("ready")
    assert shown(chain)["state"].startswith("ready: not decided yet")
    api_row(chain)
    chain.wait_states("done")
    assert chain.sent() == [(PHONE, TOLD["api_payment"])]


def test_a_number_that_is_entered_in_the_meantime_is_used(chain):
    on(chain, "credit", after="1 s")
    chain.start().subscriber(phone="")
    fire(chain, "credit")
    chain.wait_states("ready")
    chain.db.sql(f"UPDATE users SET sms_tel='{PHONE}'", "mikbill")
    chain.wait_states("done")


# --- not decided yet, and something breaks --------------------------------


def undecided(chain, phone=PHONE):
    """A notice that was captured and is still to be decided."""
    on(chain, "credit", after="1 h")
    chain.subscriber(phone=phone)
    fire(chain, "credit")
    assert chain.service.once() == 0
    assert chain.deliveries("state, lane, payload") == [
        ("ready", "decide", None)]


def decide_now(chain):
    chain.db.sql("UPDATE delivery SET due_utc = UTC_TIMESTAMP(3)",
                 "mikbill_events")


def dies_at(chain, point):
    """The service dies at a point; the next one is sound."""
    chain.service.env["MBEV_FAULT"] = f"{point}:kill"
    assert chain.service.once() == -9
    del chain.service.env["MBEV_FAULT"]


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_is_undecided_survives_a_restart(chain, end):
    on(chain, "credit", after="2 s")
    chain.start().subscriber()
    fire(chain, "credit")
    chain.wait_states("ready")
    getattr(chain.service, end)()
    assert chain.states() == ["ready"] and chain.sent() == []
    chain.start()
    chain.wait_states("done")
    assert chain.sent() == [(PHONE, TOLD["credit"])]


def test_what_fell_due_while_nothing_ran_is_decided_at_the_start(chain):
    undecided(chain)
    decide_now(chain)
    chain.start()
    chain.wait_states("done")
    assert chain.sent() == [(PHONE, TOLD["credit"])]


def test_killed_when_it_was_stored_it_is_decided_once(chain):
    on(chain, "credit", after="100 ms")
    chain.subscriber()
    fire(chain, "credit")
    dies_at(chain, "ingest.committed")
    chain.start()
    chain.wait_states("done")
    assert chain.sent() == [(PHONE, TOLD["credit"])]


@pytest.mark.parametrize("point", ["decide.begun", "decide.written",
                                   "decide.committed", "claim.started",
                                   "settle.begun", "settle.results"])
def test_killed_in_the_decision_it_is_one_message(chain, smsc, point):
    settings_of(chain, smsc={"url": smsc.url, "ask_after": "100 ms"},
                credit={"channels": "smsc"})
    undecided(chain)
    decide_now(chain)
    dies_at(chain, point)
    chain.start()
    chain.wait_states("done")
    assert smsc.taken == [(PHONE, TOLD["credit"])] and len(smsc.sends) == 1
    assert chain.sms_logs() == [(PHONE, TOLD["credit"], "")]


@pytest.mark.parametrize("point, state", [
    ("decide.begun", "done"), ("decide.written", "done"),
    ("decide.committed", "doubtful")])
def test_killed_in_the_decision_smspilot_gets_no_second_one(
        chain, point, state):
    """After the commit nobody can know that the call never began."""
    undecided(chain)
    decide_now(chain)
    dies_at(chain, point)
    chain.start()
    chain.wait_states(state)
    assert len(chain.sent()) == (1 if state == "done" else 0)
    assert len(chain.sms_logs()) == 1


@pytest.mark.parametrize("point", ["decide.begun", "decide.written"])
def test_a_connection_lost_in_the_decision_costs_no_message(chain, point):
    on(chain, "credit", after="100 ms")
    chain.start(MBEV_FAULT=f"{point}:stop").subscriber()
    fire(chain, "credit")
    wait_until(lambda: is_frozen(chain.service.pid), 10, "freeze")
    chain.drop_connections()
    chain.service.signal(signal.SIGCONT)
    chain.wait_states("done")
    assert chain.sent() == [(PHONE, TOLD["credit"])]


def test_several_numbers_decided_late_get_one_message_each(chain):
    on(chain, "credit", after="100 ms")
    chain.start().subscriber(phone="79000000001, дом, 79000000002")
    fire(chain, "credit")
    chain.wait_states("done", "skipped", "done")
    assert sorted(phone for phone, _ in chain.sent()) == [
        "79000000001", "79000000002"]
    assert chain.deliveries("receiver, state, address") == [
        (0, "done", "79000000001"), (1, "skipped", "дом"),
        (2, "done", "79000000002")]


def test_the_first_number_decided_late_may_be_none(chain):
    on(chain, "credit", after="100 ms")
    chain.start().subscriber(phone="дом, 79000000002")
    fire(chain, "credit")
    chain.wait_states("skipped", "done")
    assert [phone for phone, _ in chain.sent()] == ["79000000002"]


@pytest.mark.parametrize("point", ["decide.begun", "decide.written",
                                   "decide.committed", "claim.begun",
                                   "claim.committed", "settle.begun",
                                   "settle.committed"])
def test_killed_with_several_numbers_each_gets_one_message(
        chain, smsc, point):
    settings_of(chain, smsc={"url": smsc.url, "ask_after": "100 ms"},
                credit={"channels": "smsc"})
    undecided(chain, phone="79000000001,дом,79000000002")
    decide_now(chain)
    dies_at(chain, point)
    chain.start()
    chain.wait_states("done", "skipped", "done")
    assert sorted(phone for phone, _ in smsc.taken) == [
        "79000000001", "79000000002"]
    assert sorted(chain.sms_logs()) == [
        (f"7900000000{n}", TOLD["credit"], "") for n in (1, 2)]


# --- quiet hours ----------------------------------------------------------


def at(text):
    """An instant of one day by the clocks of Yekaterinburg."""
    return datetime.fromisoformat(f"2030-03-05 {text}").replace(
        tzinfo=YEKATERINBURG)


def clock(chain, text):
    """What the wall clock shows when the service starts."""
    chain.service.env["MBEV_CLOCK"] = str(int(at(text).timestamp()))


def quiet_payment(chain, text="03:00:00", **keys):
    """A payment at that time, in quiet hours."""
    on(chain, "payment", quiet="23:00-10:00", **keys)
    clock(chain, text)
    chain.subscriber()
    chain.pay()


@pytest.mark.parametrize("text, hours", [
    ("23:00:00", 11), ("23:30:00", 10.5), ("00:00:00", 10), ("03:00:00", 7),
    ("09:30:00", 0.5)])
def test_in_the_night_it_waits_in_our_queue_until_ten(chain, text, hours):
    quiet_payment(chain, text)
    assert decided(chain) == [
        ("ready", "waits for the end of quiet hours")]
    assert chain.sent() == [] and chain.sms_logs() == []
    ((seconds,),) = chain.deliveries(
        "TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(3), due_utc)")
    assert hours * 3600 - 30 < seconds <= hours * 3600
    ((due,),) = chain.deliveries("DATE_FORMAT(due_utc, '%m-%d %H:%i')")
    line = ctl(chain, "queue").stdout.splitlines()[-1]
    assert due in line and "waits for the end of quiet hours" in line
    assert " ready " in line and " smspilot " in line
    assert "1 wait for the end of quiet hours" in ctl(chain, "status").stdout
    assert "quiet hours" in shown(chain)["reason"]


@pytest.mark.parametrize("text", ["10:00:00", "16:00:00", "22:30:00"])
def test_in_the_day_it_goes_at_once(chain, text):
    quiet_payment(chain, text)
    assert decided(chain) == [("done", None)]


def test_another_zone_has_other_nights(chain):
    settings_of(chain, notice={"time_zone": "+00:00"})
    quiet_payment(chain, "16:00:00")
    assert decided(chain) == [("done", None)]
    clock(chain, "04:30:00")
    chain.pay()
    assert decided(chain)[1][0] == "ready"


def test_when_the_night_is_over_it_is_sent(chain):
    quiet_payment(chain, "09:59:57")
    begun = time.monotonic()
    chain.start()
    chain.wait_states("done")
    assert chain.pilot.requests[0].at - begun >= 2.9
    assert chain.sent() == [(PHONE, "платёж 100.00")]
    assert chain.sms_logs() == [(PHONE, "платёж 100.00", "")]
    assert chain.deliveries("reason") == [(None,)]


def test_a_restart_does_not_end_the_night(chain):
    quiet_payment(chain)
    chain.start()
    chain.wait_states("ready")
    chain.service.kill()
    chain.start()
    chain.service.stop()
    assert chain.states() == ["ready"] and chain.sent() == []
    decide_now(chain)
    clock(chain, "10:00:01")
    assert decided(chain) == [("done", None)]


def test_what_is_decided_late_in_the_night_waits_too(chain):
    on(chain, "tariff_by_staff", after="100 ms", quiet="23:00-10:00")
    clock(chain, "03:00:00")
    chain.tariff(6)
    chain.start().subscriber()
    fire(chain, "tariff_by_staff")
    wait_until(lambda: chain.deliveries("id", "lane='smspilot'"), 10,
               "decision")
    assert chain.deliveries("state, reason, payload") == [
        ("ready", "waits for the end of quiet hours",
         TOLD["tariff_by_staff"])]


def test_the_staff_changes_a_tariff_at_night_as_shipped(chain):
    """By the subscriber it is told at once, by the staff in the morning."""
    settings_of(chain, **{name: {"sms": "yes", "after": "0 s"}
                          for name in ("tariff_change", "tariff_by_staff")})
    clock(chain, "03:00:00")
    for uid, name in (1, "tariff_change"), (2, "tariff_by_staff"):
        chain.subscriber(uid)
        fire(chain, name, uid)
    assert decided(chain) == [
        ("done", None), ("ready", "waits for the end of quiet hours")]


def test_what_failed_in_the_evening_is_not_sent_in_the_night(chain):
    chain.pilot.stop()
    quiet_payment(chain, "22:00:00")
    assert decided(chain)[0][0] == "retry"
    chain.pilot.start()
    clock(chain, "23:30:00")
    decide_now(chain)
    assert chain.service.once() == 0
    assert chain.sent() == []


def planned(chain, **sections):
    settings_of(chain, notice={"plan_at_provider": "yes"}, **sections)


@pytest.mark.parametrize("text, days", [("03:00:00", 0), ("23:30:00", 1)])
def test_planned_at_smspilot(chain, text, days):
    planned(chain)
    quiet_payment(chain, text)
    assert decided(chain) == [("done", None)]
    day = at(text) + timedelta(days=days)
    assert chain.pilot.requests[0].params["send_datetime"] == (
        f"{day:%Y-%m-%d} 05:00:00")
    assert shown(chain)["planned"].startswith(f"{day:%Y-%m-%d} 05:00:00")


def test_smspilot_may_read_the_time_in_another_zone(chain):
    planned(chain, smspilot={"datetime_offset": "180"})
    quiet_payment(chain)
    assert decided(chain) == [("done", None)]
    assert chain.pilot.requests[0].params["send_datetime"].endswith(
        " 08:00:00")


@pytest.mark.parametrize("text, days, zone, time_, tz", [
    ("03:00:00", 0, "Asia/Yekaterinburg", "1000", "2"),
    ("23:30:00", 1, "Asia/Yekaterinburg", "1000", "2"),
    ("03:00:00", 0, "+03:00", "1000", "0"),
    ("03:00:00", 0, "+05:30", "0730", "0")])
def test_planned_at_smsc(chain, smsc, text, days, zone, time_, tz):
    planned(chain, smsc={"url": smsc.url})
    settings_of(chain, notice={"time_zone": zone})
    quiet_payment(chain, text, channels="smsc")
    assert decided(chain) == [("done", None)]
    params = smsc.requests[0].params
    day = at(text) + timedelta(days=days)
    assert (params["time"], params["tz"]) == (f"{day:%d%m%y}{time_}", tz)


def test_in_the_day_nothing_is_planned(chain, smsc):
    planned(chain, smsc={"url": smsc.url})
    quiet_payment(chain, "16:00:00", social="yes")
    assert decided(chain) == [("done", None)] * 2
    assert "send_datetime" not in chain.pilot.requests[0].params
    assert not {"time", "tz"} & set(smsc.requests[0].params)


def test_a_plan_goes_with_every_attempt(chain, smsc):
    planned(chain, smsc={"url": smsc.url, "ask_after": "100 ms"})
    smsc.send_reply = lambda request: (
        standin.close_without_reply(request) if len(smsc.sends) == 1
        else smsc.accept(request))
    quiet_payment(chain, channels="smsc")
    chain.start()
    chain.wait_states("done")
    assert [request.params["time"] for request in smsc.sends] == [
        f"{at('03:00:00'):%d%m%y}1000"] * 2


def test_a_plan_whose_time_has_passed_is_none(chain):
    planned(chain)
    chain.pilot.stop()
    quiet_payment(chain)
    assert decided(chain)[0][0] == "retry"
    chain.pilot.start()
    clock(chain, "10:00:01")
    decide_now(chain)
    assert decided(chain) == [("done", None)]
    assert "send_datetime" not in chain.pilot.requests[0].params


# --- switched off ---------------------------------------------------------


def fire_all(chain):
    """Every kind of event, each for a subscriber of its own."""
    for uid, name in enumerate(TEXTS, 1):
        chain.subscriber(uid, phone=f"7900000000{uid}")
        fire(chain, name, uid)


def test_all_switched_off_nothing_is_done(chain):
    settings_of(chain, payment={"sms": "no"})
    fire_all(chain)
    assert decided(chain) == []
    events = chain.db.sql("SELECT COUNT(*) FROM event", "mikbill_events")
    assert events == [(len(TEXTS),)]
    assert chain.sent() == [] and chain.sms_logs() == []


@pytest.mark.parametrize("off", [
    (name, way) for name in TEXTS for way in ("sms", "social")],
    ids="-".join)
def test_one_switched_off_the_others_go_on(chain, smsc, off):
    settings_of(chain, smsc={"url": smsc.url})
    on(chain, *TEXTS, social="yes")
    name, way = off
    settings_of(chain, **{name: {way: "no"}})
    fire_all(chain)
    assert chain.service.once() == 0
    done = {(uid, action) for uid, action in chain.db.sql(
        "SELECT e.uid, d.action FROM delivery d JOIN event e"
        " ON e.id = d.event_id WHERE d.state = 'done'", "mikbill_events")}
    expected = {(uid, action) for uid, one in enumerate(TEXTS, 1)
                for action in ("sms", "social") if (one, action) != off}
    assert done == expected
    assert {phone for phone, _ in chain.sent()} == {
        f"7900000000{uid}" for uid, action in expected if action == "sms"}
    assert {phone for phone, _ in smsc.taken} == {
        f"7900000000{uid}" for uid, action in expected if action == "social"}


# --- why not --------------------------------------------------------------

FROZEN_ARE_TOLD = {"payment", "refund", "api_payment", "api_refund",
                   "tariff_by_staff"}


def move(chain, uid, table):
    """The billing moves a subscriber, or forgets one."""
    if table:
        chain.subscriber(uid, table=table)
    chain.db.sql(f"DELETE FROM users WHERE uid={uid}", "mikbill")


@pytest.mark.parametrize("name", TEXTS)
def test_who_was_moved_away_is_not_told(chain, name):
    on(chain, *TEXTS)
    places = ["users", "usersfreeze", "usersblok", "usersdel", None]
    for uid, place in enumerate(places, 1):
        chain.subscriber(uid)
        fire(chain, name, uid)
        if place != "users":
            move(chain, uid, place)
    told = ("done", None)
    assert decided(chain) == [
        told,
        told if name in FROZEN_ARE_TOLD else (
            "skipped", "the subscriber is frozen (table usersfreeze)"),
        ("skipped", "the subscriber is blocked (table usersblok)"),
        ("skipped", "the subscriber is deleted (table usersdel)"),
        ("skipped", "there is no such subscriber")]


@pytest.mark.parametrize("name", TEXTS)
def test_who_has_no_phone_is_not_told(chain, name):
    on(chain, *TEXTS)
    for uid, phone in enumerate(["''", "NULL", "'  '", "'дом'"], 1):
        chain.subscriber(uid)
        chain.db.sql(f"UPDATE users SET sms_tel={phone} WHERE uid={uid}",
                     "mikbill")
        fire(chain, name, uid)
    nothing = ("skipped", "the subscriber has no phone (sms_tel is empty)")
    assert decided(chain) == [
        nothing, nothing, nothing, ("skipped", "not a phone number")]
    assert shown(chain)["state"] == "skipped: the rules say no"
    assert shown(chain)["reason"] == "not a phone number"


@pytest.mark.parametrize("name", [
    name for name in TEXTS if not name.startswith("tariff")])
def test_what_is_dated_back_is_not_told(chain, name):
    on(chain, *TEXTS)
    chain.subscriber()
    if name == "credit":
        set_credit(chain, 100)
        chain.db.sql("INSERT INTO bugh_uslugi_stat SET uid=1001, gid=5,"
                     " usluga=1, date_start=NOW() - INTERVAL 2 HOUR",
                     "mikbill")
    else:
        kind, summa = {"payment": (5, 100), "refund": (7, -100),
                       "api_payment": (62, 100), "api_refund": (62, -100),
                       "credit_limit": (18, 100)}[name]
        chain.db.sql("INSERT INTO bugh_plategi_stat SET uid=1001,"
                     " bughtypeid=%d, date=NOW() - INTERVAL 2 HOUR,"
                     " before_billing=0, summa=%d" % (kind, summa), "mikbill")
    ((state, reason),) = decided(chain)
    assert state == "skipped"
    assert reason.startswith("the row is back-dated by 720")
    assert reason.endswith(" s, more than the 3600 s allowed")


@pytest.mark.parametrize("name, kind, summa, why", [
    ("payment", 5, 9.99, "the amount 9.99 is below the minimum 10.00"),
    ("payment", 5, 0.004, "the amount is 0.00"),
    ("payment", 5, -5, "the amount -5.00 is below the minimum 10.00"),
    ("refund", 7, 10.01, "the amount 10.01 is above the limit of 10.00"),
    ("refund", 7, 0, "the amount is 0.00"),
    ("api_payment", 62, 9.99, "the amount 9.99 is below the minimum 10.00"),
    ("api_refund", 62, -9.99, "the amount -9.99 is above the limit of"
     " -10.00"),
])
def test_amounts_that_are_not_told(chain, name, kind, summa, why):
    on(chain, name)
    chain.subscriber()
    api_row(chain, amount=summa)
    chain.pay(summa=summa, kind=kind)
    assert decided(chain) == [("skipped", why)]


@pytest.mark.parametrize("name, kind, summa, text", [
    ("payment", 5, 10, "платёж 10.00"), ("refund", 7, 10, "возврат 10.00"),
    ("refund", 7, -0.01, "возврат 0.01"),
    ("api_payment", 62, 10, "перерасчёт: 10.00"),
    ("api_refund", 62, -10, "снято, перерасчёт: 10.00")])
def test_the_smallest_that_is_told(chain, name, kind, summa, text):
    on(chain, name)
    chain.subscriber()
    api_row(chain, amount=summa)
    chain.pay(summa=summa, kind=kind)
    assert decided(chain) == [("done", None)]
    assert chain.sent() == [(PHONE, text)]


@pytest.mark.parametrize("credit", [0, -50])
@pytest.mark.parametrize("name", ["credit", "credit_limit"])
def test_a_credit_that_is_none_is_not_told(chain, name, credit):
    on(chain, name)
    chain.subscriber()
    fire(chain, name)
    set_credit(chain, credit)
    assert decided(chain) == [(
        "skipped", f"the subscriber's credit {credit}.00 is below 0.01")]


@pytest.mark.parametrize("name", ["api_payment", "api_refund"])
@pytest.mark.parametrize("row", [
    None, {"status": 0}, {"status": 2}, {"ago": 15}, {"ago": -15},
    {"amount": 9}, {"uid": 1002}], ids=str)
def test_a_payment_that_nothing_explains_is_not_told(chain, name, row):
    sign = -1 if name == "api_refund" else 1
    on(chain, name)
    chain.subscriber()
    if row is not None:
        api_row(chain, **{"amount": 100 * sign} | row
                | ({"amount": 9 * sign} if "amount" in row else {}))
    chain.pay(summa=100 * sign, kind=62)
    assert decided(chain) == [(
        "skipped", "there is no credited row in addons_pay_api that the"
        " payment could come from")]


def test_an_empty_text_is_not_sent(chain):
    on(chain, "payment", text="{name}")
    chain.subscriber()
    chain.pay()
    assert decided(chain) == [
        ("skipped", "the text is empty or longer than 4 KiB")]


# --- the modern schema ----------------------------------------------------


@pytest.fixture(scope="module", name="modern_server")
def fixture_modern_server():
    """A server with a billing that has users.state."""
    with MariaDB() as db:
        create_billing(db, "mikbill", "modern")
        install(db)
        yield db


@pytest.fixture(name="modern")
def fixture_modern(modern_server, pilot):
    """The chain on a billing that has users.state."""
    for chain in make_chain(modern_server, pilot):
        yield on(chain, *TEXTS)


@pytest.mark.parametrize("name", TEXTS)
def test_on_a_modern_billing_the_state_decides(modern, name):
    for uid, state in enumerate((1, 2, 3, 4, 9), 1):
        modern.subscriber(uid)
        modern.db.sql(f"UPDATE users SET state={state} WHERE uid={uid}",
                      "mikbill")
        fire(modern, name, uid)
    told = ("done", None)
    by_state = [
        ("skipped", f"the subscriber is {words} (users.state {state})")
        for state, words in [(2, "frozen"), (3, "disabled"), (4, "deleted"),
                             (9, "in no known state")]]
    if name.startswith("api"):
        by_state[:3] = [told] * 3
    elif name in FROZEN_ARE_TOLD:
        by_state[0] = told
    assert decided(modern) == [told, *by_state]


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("count", ["yes", "no"])
def test_on_a_modern_billing_the_old_tables_may_count(modern, name, count):
    settings_of(modern, billing={"moved_subscribers": count})
    modern.subscriber()
    fire(modern, name)
    move(modern, 1001, "usersfreeze")
    if name not in FROZEN_ARE_TOLD:
        expected = ("skipped", "the subscriber is frozen (table usersfreeze)")
    elif count == "yes":
        expected = ("done", None)
    else:
        expected = ("skipped", "the subscriber is only in usersfreeze, which"
                    " does not count ([billing] moved_subscribers)")
    assert decided(modern) == [expected]
