"""SIGHUP: what the file says now is in force, nothing is interrupted, and a
bad file changes nothing."""

import itertools
import json
import re
import signal
import threading
import time
from collections import Counter
from contextlib import contextmanager

import pytest

from harness.process import wait_until
from harness.product import with_settings, write_ini
from harness.ros_api import RouterApi
from harness.server import free_port
from harness.standin import Reply
from integration.chain import payment_sql
from integration.receipts import settings_for
from integration.sessions import also, held, nas, resets

NOTHING_CHANGED = "reload: nothing has changed"
CHANGED = r"reload: \S+: \d+ keys have changed"


def write(chain, **sections):
    """The file says something else; the service does not know yet."""
    settings = with_settings(chain.settings, **sections)
    chain.service.configure(settings)
    return settings


def hang_up(chain, said=CHANGED):
    """SIGHUP; waits until the log has one more line of this kind."""
    before = len(re.findall(said, chain.service.log_text()))
    chain.service.signal(signal.SIGHUP)
    wait_until(lambda: len(re.findall(said, chain.service.log_text()))
               > before, 10, f"line {said}")


def reload(chain, **sections):
    """Other settings, which are in force afterwards."""
    chain.settings = write(chain, **sections)
    hang_up(chain)
    return chain


def texts(chain):
    """What the provider was given so far."""
    return [text for _, text in chain.sent()]


def refused_key(_request):
    """SMSPilot does not know the key."""
    return Reply(body=json.dumps({"error": {
        "code": "101", "description": "apikey is invalid"}}))


def only_with_key(pilot, key):
    """A provider that takes this key and refuses any other."""
    def answer(request):
        if request.params["apikey"] == key:
            return pilot.ordinary_reply(request)
        return refused_key(request)
    return answer


# ---- a good file ----


def test_a_new_text_and_sender_hold_from_then_on(chain):
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("done")
    reload(chain, payment={"text": "new: {amount}"},
           smspilot={"sender": "OTHER", "api_key": "NEWKEY"})
    chain.pay(summa=50)
    chain.wait_states("done", "done")
    last = chain.pilot.requests[-1].params
    assert (last["send"], last["from"], last["apikey"]) == (
        "new: 50.00", "OTHER", "NEWKEY")
    told = chain.service.wait_log(CHANGED + ": .*").group()
    assert told.endswith("3 keys have changed: [smspilot] api_key,"
                         " [smspilot] sender, [payment] text")
    assert "NEWKEY" not in chain.service.log_text()


def test_the_same_file_again_changes_nothing(chain):
    chain.start().subscriber()
    hang_up(chain, "0 keys have changed")
    chain.pay()
    chain.wait_states("done")


def test_a_call_under_way_ends_as_it_was_begun(chain):
    """Its time limit is the old one, although the new one is over long
    before its reply comes."""
    chain.pilot.reply = lambda request: Reply(
        body=chain.pilot.ordinary_reply(request).body, delay=2)
    chain.start().subscriber()
    chain.pay()
    chain.pilot.wait(1)
    reload(chain, smspilot={"timeout": "500 ms", "connect_timeout": "500 ms",
                            "sender": "OTHER"})
    chain.wait_states("done")
    assert [r.params["from"] for r in chain.pilot.requests] == ["INFORM"]


def test_the_second_half_of_a_call_goes_to_the_same_account(chain, smsc):
    """Smsc is asked first; what it does not have is sent to where it was asked
    about."""
    chain.reconfigure(with_settings(
        chain.settings, payment={"channels": "smsc"},
        smsc={"url": smsc.url, "ask_after": "0 s", "login": "FIRST"}))
    smsc.send_reply = lambda _: Reply(raw=b"", end="close")
    chain.start().subscriber()
    chain.pay()
    wait_until(lambda: smsc.sends, 10, "send")
    smsc.query_reply = lambda request: Reply(
        delay=1.5, then=lambda: smsc.look_up(request))
    wait_until(lambda: smsc.queries, 10, "question")
    smsc.send_reply = smsc.accept
    reload(chain, smsc={"login": "SECOND"})
    chain.wait_states("done")
    assert [r.params["login"] for r in smsc.requests] == (
        ["FIRST"] * len(smsc.requests))


def test_a_refused_key_is_tried_anew_at_once(chain):
    chain.reconfigure(with_settings(chain.settings, notice={"hold": "1 h"}))
    chain.pilot.reply = only_with_key(chain.pilot, "RIGHT")
    chain.start().subscriber()
    chain.pay()
    chain.service.wait_log("lane: smspilot is held for 3600 s")
    reload(chain, smspilot={"api_key": "RIGHT"})
    chain.wait_states("done", timeout=5)
    chain.service.wait_log("lane: smspilot works again")


def test_a_refused_key_that_did_not_change_stays_held(chain):
    chain.reconfigure(with_settings(chain.settings, notice={"hold": "1 h"}))
    chain.pilot.reply = refused_key
    chain.start().subscriber()
    chain.pay()
    chain.service.wait_log("lane: smspilot is held for 3600 s")
    reload(chain, payment={"text": "other"})
    time.sleep(1)
    assert len(chain.pilot.requests) == 1


def test_receipts_that_wait_for_a_queue_go_when_it_is_there(chain, till):
    chain.reconfigure(settings_for(chain.settings, till))
    queue = chain.settings["komtet"]["queue"]
    write(chain, komtet={"queue": ""})
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("ready")
    assert not till.requests
    reload(chain, komtet={"queue": queue})
    till.wait_receipts(1)
    chain.wait_states("done")


def test_a_port_is_opened_moved_and_closed(chain, till):
    chain.reconfigure(settings_for(chain.settings, till))
    chain.start()
    ports = [free_port(), free_port()]
    url = "https://billing.example.com/komtet"
    for port in ports:
        reload(chain, callback={"on": "yes", "port": port, "url": url})
        chain.service.wait_log(f"listening on 127.0.0.1 port {port}$")
        assert till.callback(f"http://127.0.0.1:{port}/komtet", {},
                             registered=url, body=b"{}") == 400
    for port in ports:
        reload(chain, callback={"on": "no"})
        with pytest.raises(OSError):
            till.callback(f"http://127.0.0.1:{port}/komtet", {},
                          registered=url, body=b"{}")


def test_a_router_that_was_held_is_tried_anew_at_once(chain):
    with RouterApi() as router:
        resets(chain, transport="api", port=free_port(), hold_first="1 h",
               hold_longest="1 h", retry_first="1 h", retry_longest="1 h")
        nas(chain)
        chain.start().subscriber()
        chain.change_tariff()
        wait_until(lambda: held(chain), 10, "hold")
        chain.wait_states("retry")
        reload(chain, routers={"port": router.port})
        chain.wait_states("done", timeout=5)


def test_a_kept_connection_to_a_router_ends_when_its_settings_do(chain):
    with RouterApi() as router, RouterApi() as other:
        resets(chain, transport="api", port=router.port)
        nas(chain)
        chain.start().subscriber()
        chain.change_tariff()
        chain.wait_states("done")
        reload(chain, routers={"port": other.port})
        chain.change_tariff(gid=7)
        chain.wait_states("done", "done")
        assert (len(router.logins), len(other.logins)) == (1, 1)


def slowly(_sentence, honest):
    """A router that takes its time."""
    right = honest()
    right.delay = 0.3
    return right


def test_resets_under_way_end_on_the_router_where_they_were_begun(chain):
    """Of those that wait behind them none is lost."""
    with RouterApi() as router, RouterApi() as other:
        resets(chain, transport="api", port=router.port)
        nas(chain)
        uids = range(2001, 2011)
        for uid in uids:
            chain.subscriber(uid)
            for one in (router, other):
                one.online(f"sub{uid}".encode())
        router.answer = slowly
        chain.start().change_tariff(uid=uids[0])
        wait_until(lambda: len(router.sentences) > 1, 10, "order")
        chain.db.sql("UPDATE users SET gid = 7 WHERE uid > 2001", "mikbill")
        time.sleep(0.1)
        reload(chain, routers={"port": other.port})
        chain.wait_settled(len(uids))
        assert set(chain.states()) == {"done"}
        assert len(router.removed) + len(other.removed) == len(uids)
        assert router.removed and other.removed
        assert held(chain) == []


def test_routers_are_reloaded_again_and_again_while_they_work(chain):
    with RouterApi() as router, RouterApi() as other:
        resets(chain, transport="api", port=router.port, retry_first="100 ms")
        nas(chain)
        uids = range(2001, 2041)
        for uid in uids:
            chain.subscriber(uid)
        chain.start()
        for turn, one in enumerate([router, other] * 10):
            chain.db.sql("UPDATE users SET gid = 7 WHERE uid BETWEEN"
                         f" {2001 + 2 * turn} AND {2002 + 2 * turn}",
                         "mikbill")
            reload(chain, routers={"port": one.port,
                                   "timeout": f"{10 + turn} s"})
        chain.wait_settled(len(uids))
        assert set(chain.states()) == {"done"}


def test_a_router_that_is_switched_off_gets_no_order(chain):
    with RouterApi() as router:
        resets(chain, transport="api", port=router.port)
        nas(chain)
        chain.start().subscriber()
        chain.change_tariff()
        chain.wait_states("done")
        router.answer = slowly
        chain.change_tariff(gid=7)
        reload(chain, routers={"router": ["127.0.0.1 transport=off"]})
        chain.wait_settled(2)
        count = len(router.sentences)
        chain.change_tariff(gid=8)
        wait_until(lambda: len(chain.states()) == 3, 10, "third")
        chain.wait_settled(3)
        assert len(router.sentences) == count


def test_the_level_of_the_log_changes(chain):
    also(chain, service={"log_level": "error"}).service.start()
    time.sleep(0.5)
    assert chain.service.log_text() == ""
    write(chain, service={"log_level": "debug"})
    chain.service.signal(signal.SIGHUP)
    chain.service.wait_log(CHANGED)


def test_quiet_hours_go_by_the_new_zone(chain):
    """It is noon in Moscow, and night in Kamchatka."""
    moscow = {"time_zone": "Europe/Moscow"}
    also(chain, notice=moscow, payment={"quiet": "20:00-06:00"})
    chain.start(MBEV_CLOCK="1782896400").subscriber()  # 09:00 UTC
    chain.pay()
    chain.wait_states("done")
    reload(chain, notice={"time_zone": "Asia/Kamchatka"})
    chain.pay(summa=50)
    chain.wait_states("done", "ready")
    del chain.service.env["MBEV_CLOCK"]


def test_one_that_stands_by_reloads_too(chain, service_of, tmp_path):
    chain.start().subscriber()
    second = service_of(with_settings(chain.settings, service={
        "doorbell": tmp_path / "doorbell"})).start()
    second.wait_log("standing by")
    second.configure(with_settings(
        chain.settings, service={"doorbell": tmp_path / "doorbell"},
        payment={"text": "second"}))
    second.signal(signal.SIGHUP)
    second.wait_log(CHANGED)
    chain.service.stop()
    second.wait_log("engine: acting")
    chain.pay()
    chain.wait_states("done")
    assert texts(chain) == ["second"]


def test_without_a_database_it_reloads_too(chain):
    also(chain, database={"socket": "/nonexistent/socket"}).service.start()
    chain.service.wait_log("database is away")
    reload(chain, payment={"text": "other"})
    assert chain.service.stop() == 0


# ---- a bad file ----


BAD = {
    "an unknown key": ("[smspilot]\ntimout = 1 s\n", "timout"),
    "a zone": ("[notice]\ntime_zone = Mars/Phobos\n", "time_zone"),
    "what is no line": ("[payment]\nnonsense\n", "key = value"),
    "an empty key": ("[smspilot]\napi_key =\n", "api_key"),
    "a credential": ("[smsc]\napi_key = @credential:none\n", "credential"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_changes_nothing(chain, name):
    text, said = BAD[name]
    chain.start().subscriber()
    write_ini(chain.service.config, "[payment]\ntext = bad one\n" + text)
    hang_up(chain, NOTHING_CHANGED)
    assert re.search(rf"error reload: {chain.service.config}(:\d+)?: .*{said}",
                     chain.service.log_text())
    chain.pay()
    chain.wait_states("done")
    assert texts(chain) == ["sub1001: 100.00 руб"]


def test_a_file_that_is_gone_changes_nothing(chain):
    chain.start().subscriber()
    chain.service.config.unlink()
    hang_up(chain, NOTHING_CHANGED)
    chain.pay()
    chain.wait_states("done")


def test_a_file_that_others_can_read_changes_nothing(chain):
    chain.start().subscriber()
    write(chain, payment={"text": "other"})
    chain.service.config.chmod(0o644)
    hang_up(chain, NOTHING_CHANGED)
    chain.service.wait_log("error reload: .*everybody on this computer")
    chain.pay()
    chain.wait_states("done")
    assert texts(chain) == ["sub1001: 100.00 руб"]


# ---- a file of which some must wait ----


def test_what_needs_a_restart_is_named_and_the_rest_holds(chain, tmp_path):
    chain.start().subscriber()
    reload(chain, payment={"text": "half"},
           service={"doorbell": tmp_path / "bell", "batch": "77"},
           database={"password": "another-secret", "port": "3307"})
    log = chain.service.log_text()
    old = chain.service.log_text()
    for line in (f"\\[service\\] doorbell needs a restart: stays"
                 f" {chain.db.doorbell}$",
                 r"\[database\] port needs a restart: stays 3306$",
                 r"\[database\] password needs a restart: stays \(secret\)$"):
        chain.service.wait_log("warning reload: " + line)
    assert "another-secret" not in log and "service-secret" not in old
    chain.service.wait_log(r"2 keys have changed: \[service\] batch,"
                           r" \[payment\] text$")
    chain.pay()
    chain.wait_states("done")
    assert texts(chain) == ["half"]
    # Its texts stay where they are, from reload to reload.
    for _ in range(3):
        hang_up(chain)
    chain.drop_connections()
    chain.pay(summa=50)
    chain.wait_states("done", "done")


# ---- under load ----


@contextmanager
def payments(chain, uids, pause=0.01):
    """One payment each, one after the other, until the block ends; how many
    there were is in the list."""
    paid, over = [], threading.Event()

    def run():
        with chain.db.connect("mikbill") as link, link.cursor() as cursor:
            for uid in itertools.cycle(uids):
                if over.wait(pause):
                    return
                cursor.execute(payment_sql(uid, 100))
                paid.append(uid)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield paid
    finally:
        over.set()
        thread.join()


def test_under_load_nothing_is_lost_doubled_or_mixed(chain):
    """Good, bad and half-good files in turn while payments come and calls are
    under way all the time."""
    chain.pilot.reply = lambda request: Reply(
        body=chain.pilot.ordinary_reply(request).body, delay=0.05)
    also(chain, smspilot={"connections": "8"})
    chain.start()
    uids = range(2001, 2011)
    for uid in uids:
        chain.subscriber(uid, phone=f"7900000{uid}")
    generation = 0
    with payments(chain, uids) as paid:
        for turn in range(12):
            time.sleep(0.15)
            if turn % 3 == 1:
                write_ini(chain.service.config, "[payment]\ntext = {bad}\n")
                hang_up(chain, NOTHING_CHANGED)
                continue
            generation += 1
            sections = {"payment": {"text": f"text {generation}"},
                        "smspilot": {"sender": f"S{generation}",
                                     "connections": str(2 + turn)}}
            if turn % 3 == 2:
                sections["service"] = {"state_dir": f"/nowhere/{turn}"}
            write(chain, **sections)
            hang_up(chain)
        time.sleep(0.3)
    chain.wait_settled(len(paid))
    assert set(chain.states()) == {"done"}
    phones = Counter(phone for phone, _ in chain.sent())
    assert phones == Counter(f"7900000{uid}" for uid in paid)
    last = chain.pilot.requests[-1].params
    assert (last["send"], last["from"]) == (f"text {generation}",
                                            f"S{generation}")
    # A text is fixed when a message is decided, the sender when it is sent.
    for request in chain.pilot.requests:
        if request.params["send"].startswith("text "):
            text = int(request.params["send"].rpartition(" ")[2])
            assert text <= int(request.params["from"][1:])
    log = chain.service.log_text()
    assert log.count(NOTHING_CHANGED) == 4
    assert log.count("[service] state_dir needs a restart: stays") == 4
    assert f"{chain.service.config}:2: [payment] text: unknown field" in log
    assert not re.search(r"^\S+ error (?!reload)", log, re.MULTILINE)


@pytest.mark.plain
def test_memory_is_the_same_after_many_reloads(chain):
    chain.start()

    def resident():
        status = open(f"/proc/{chain.service.pid}/status", encoding="ascii")
        with status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])

    def some(count):
        for number in range(count):
            write(chain, payment={"text": f"text {number % 2}"})
            hang_up(chain)
    some(20)
    before = resident()
    some(60)
    assert resident() - before < 600  # KiB; an edition has about 30
