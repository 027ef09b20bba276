"""The service's own life: start, stop, reconnect, two of them."""

import os
import signal
import subprocess
import time

from harness.process import is_frozen, wait_until
from harness.product import build_dir, with_settings
from harness.standin import Reply, stall

EX_UNAVAILABLE, EX_CANTCREAT, EX_CONFIG = 69, 73, 78

# A takeover that the tests need not wait for long.
SHORT = {"smspilot": {"timeout": "1 s", "connect_timeout": "500 ms"},
         "service": {"lease": "5 s"}}


def mbevd(*words):
    """Run the service's binary to its end."""
    return subprocess.run([build_dir() / "mbevd", *words], text=True,
                          capture_output=True, timeout=60, check=False)


def test_a_wrong_configuration_is_refused_with_its_place(chain):
    chain.settings["payment"]["text"] = "{nmae}"
    chain.settings["smspilot"]["timout"] = "1 s"
    chain.reconfigure(chain.settings)
    done = mbevd("-t", "-c", chain.service.config)
    assert done.returncode == EX_CONFIG
    assert f"{chain.service.config}:" in done.stderr
    assert "unknown field {nmae}" in done.stderr
    assert '[smspilot] has no key "timout"' in done.stderr
    assert chain.service.once() == EX_CONFIG


def test_a_right_configuration_is_called_good(chain):
    done = mbevd("-t", "-c", chain.service.config)
    assert (done.returncode, done.stderr) == (0, "")
    assert "good" in done.stdout


def test_a_term_signal_stops_it_cleanly(chain):
    chain.start()
    assert chain.service.stop() == 0
    assert "stopped" in chain.service.log_text()
    assert not os.path.exists(chain.db.doorbell)


def test_a_stop_waits_for_the_call_under_way(chain):
    chain.pilot.reply = lambda request: Reply(
        body=chain.pilot.ordinary_reply(request).body, delay=0.7)
    chain.start().subscriber()
    chain.pay()
    chain.pilot.wait(1)
    assert chain.service.stop() == 0
    assert chain.states() == ["done"]


def test_a_stop_does_not_wait_for_ever(chain):
    chain.settings["service"]["stop_timeout"] = "200 ms"
    chain.reconfigure(chain.settings)
    chain.pilot.reply = stall
    chain.start().subscriber()
    chain.pay()
    chain.pilot.wait(1)
    assert chain.service.stop(timeout=10) == 0
    assert chain.states() == ["calling"]
    chain.pilot.reply = chain.pilot.ordinary_reply
    assert chain.service.once() == 0
    assert chain.states() == ["doubtful"] and len(chain.sent()) == 1


def test_killed_in_a_call_it_is_doubtful_and_never_repeated(chain):
    chain.pilot.reply = stall
    chain.start().subscriber()
    chain.pay()
    chain.pilot.wait(1)
    chain.service.kill()
    chain.pilot.reply = chain.pilot.ordinary_reply
    chain.start()
    chain.wait_states("doubtful")
    chain.pay(summa=50)
    chain.wait_states("doubtful", "done")
    assert len(chain.sent()) == 2
    assert chain.sms_logs()[0][2] == "Не отправлено"


def test_what_came_while_it_was_down_is_done_at_the_start(chain):
    chain.subscriber()
    for _ in range(3):
        chain.pay()
    chain.start()
    chain.wait_states("done", "done", "done")


def test_a_killed_connection_is_opened_again(chain):
    chain.start().subscriber()
    chain.drop_connections()
    chain.pay()
    chain.wait_states("done")


def test_a_restarted_server_is_found_again(chain):
    chain.start().subscriber()
    chain.db.restart()
    chain.pay()
    chain.wait_states("done")
    chain.service.wait_log("database is away")


def test_once_says_that_the_database_is_away(chain):
    chain.settings["database"]["socket"] = "/nonexistent/socket"
    chain.reconfigure(chain.settings)
    assert chain.service.once() == EX_UNAVAILABLE
    assert "database is away" in chain.service.log_text()


def test_a_wrong_password_is_told_as_such(chain):
    chain.settings["database"]["password"] = "wrong-one"
    chain.reconfigure(chain.settings)
    assert chain.service.once() == EX_UNAVAILABLE
    assert "Access denied" in chain.service.log_text()
    assert "wrong-one" not in chain.service.log_text()


def test_what_was_captured_too_long_ago_expires(chain):
    chain.subscriber()
    chain.pay()
    chain.db.sql("UPDATE outbox SET captured_utc = captured_utc -"
                 " INTERVAL 25 HOUR", "mikbill_events")
    assert chain.service.once() == 0
    assert chain.deliveries("state, reason") == [
        ("expired", "too old to be of use")]
    assert chain.sent() == []


def test_what_waited_too_long_expires(chain):
    chain.settings["notice"]["expire"] = "2 s"
    chain.reconfigure(chain.settings)
    chain.pilot.stop()
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("expired")
    chain.pilot.start()
    assert chain.sent() == []


def test_a_second_one_on_the_same_doorbell_is_refused(chain, service_of):
    chain.start()
    second = service_of(chain.settings)
    assert second.once() == EX_CANTCREAT
    assert "another mbevd runs" in second.log_text()


def test_a_second_one_elsewhere_stands_by_and_takes_over(chain, service_of,
                                                         tmp_path):
    chain.start().subscriber()
    settings = {**chain.settings, "service": {
        **chain.settings["service"], "doorbell": tmp_path / "doorbell"}}
    second = service_of(settings).start()
    second.wait_log("standing by")
    chain.service.stop()
    second.wait_log("engine: acting")
    chain.pay()
    chain.wait_states("done")
    assert len(chain.sent()) == 1


def test_one_that_wakes_after_a_takeover_commits_nothing(chain, service_of,
                                                         tmp_path):
    chain.reconfigure(with_settings(chain.settings, **SHORT))
    chain.start(MBEV_FAULT="claim.started:stop").subscriber()
    chain.pay()
    chain.pilot.wait(1) if chain.pilot.requests else time.sleep(0.5)
    chain.db.sql("UPDATE owner SET lease_until_utc = '2000-01-01'",
                 "mikbill_events")
    settings = {**chain.settings, "service": {
        **chain.settings["service"], "doorbell": tmp_path / "doorbell"}}
    second = service_of(settings).start()
    second.wait_log("engine: acting")
    chain.wait_states("doubtful", timeout=30)
    chain.service.signal(signal.SIGCONT)
    chain.service.wait_log("another service took the work over")
    chain.pay(summa=50)
    wait_until(lambda: len(chain.states()) == 2, 10, "second delivery")
    chain.wait_states("doubtful", "done")


def test_one_that_lost_the_work_stops_at_once(chain, service_of, tmp_path):
    """The result of its last call is nobody's any more."""
    chain.reconfigure(with_settings(chain.settings, **SHORT))
    chain.start(MBEV_FAULT="settle.begun:stop").subscriber()
    chain.pay()
    wait_until(lambda: is_frozen(chain.service.pid), 10, "freeze")
    time.sleep(3.5)  # the server ends its transaction
    chain.db.sql("UPDATE owner SET lease_until_utc = '2000-01-01'",
                 "mikbill_events")
    second = service_of({**chain.settings, "service": {
        **chain.settings["service"], "doorbell": tmp_path / "doorbell"}})
    second.start().wait_log("engine: acting")
    chain.service.signal(signal.SIGCONT)
    chain.service.wait_log("standing by")
    begun = time.monotonic()
    assert chain.service.stop() == 0
    assert time.monotonic() - begun < 5
    assert "could not be recorded" not in chain.service.log_text()
    chain.wait_states("doubtful", timeout=30)


def test_what_another_host_has_begun_is_left_alone_while_it_may_last(
        chain, service_of, tmp_path):
    """The other one does everything else at once."""
    chain.reconfigure(with_settings(chain.settings, **SHORT))
    chain.pilot.reply = stall
    chain.start().subscriber()
    chain.pay()
    chain.pilot.wait(1)
    begun = chain.pilot.requests[0].at
    chain.service.kill()
    chain.pilot.reply = chain.pilot.ordinary_reply
    chain.db.sql("UPDATE owner SET lease_until_utc = '2000-01-01'",
                 "mikbill_events")
    second = service_of(with_settings(chain.settings, service={
        "doorbell": tmp_path / "doorbell"})).start()
    second.wait_log("engine: acting")
    chain.pay(summa=50)
    chain.wait_states("calling", "done")
    chain.wait_states("doubtful", "done", timeout=30)
    assert time.monotonic() - begun > 6  # lease and timeout
    assert len(chain.sent()) == 2


def test_the_server_may_end_idle_connections(chain):
    chain.settings["service"]["safety_poll"] = "60 s"
    chain.reconfigure(chain.settings)
    chain.start().subscriber()
    chain.db.sql("SET GLOBAL wait_timeout = 120")
    chain.drop_connections()
    # The doorbell alone wakes it: the poll is a minute away.
    chain.pay()
    chain.wait_states("done", timeout=20)


def test_idle_it_asks_little(chain):
    chain.start()
    time.sleep(0.5)

    def questions():
        return int(chain.db.sql("SHOW GLOBAL STATUS LIKE 'Questions'")[0][1])
    before, begun = questions(), time.monotonic()
    time.sleep(4)
    asked = questions() - before - 1
    assert asked / (time.monotonic() - begun) <= 2
