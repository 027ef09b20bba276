"""What systemd sees of the service: it is told when it is ready, how it is and
that it lives; the journal gets entries with fields; secrets come from it."""

import os
import re
import signal
import socket
import subprocess
import time

import pytest

from harness.process import is_frozen, wait_until
from harness.product import build_dir, with_settings
from harness.standin import stall

EX_CONFIG = 78


class Manager:
    """The socket to which a service tells how it is."""

    def __init__(self, path):
        self.path = path
        self.heard = []  # (when, datagram)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def listen(self):
        """Everything that was told so far."""
        while True:
            try:
                text = self._socket.recv(65536).decode()
            except BlockingIOError:
                return [text for _, text in self.heard]
            self.heard.append((time.monotonic(), text))

    def wait(self, text, timeout=10, count=1):
        """Wait until some datagrams were just this."""
        wait_until(lambda: self.listen().count(text) >= count, timeout,
                   f"{text!r} in {self.heard}")

    def status(self):
        """The last words about how it is."""
        words = [text for text in self.listen() if text.startswith("STATUS=")]
        return words[-1] if words else ""

    def close(self):
        """Nobody listens any more."""
        self._socket.close()


@pytest.fixture
def manager(tmp_path):
    """A stand-in for systemd."""
    one = Manager(tmp_path / "notify")
    yield one
    one.close()


def managed(chain, manager, **env):
    """The service as systemd starts it."""
    chain.service.env.update(NOTIFY_SOCKET=str(manager.path), **env)
    chain.service.start()
    return chain


# ---- how it is ----


def test_it_is_ready_when_it_acts(chain, manager):
    managed(chain, manager)
    manager.wait("READY=1")
    assert "engine: acting" in chain.service.log_text()
    wait_until(lambda: manager.status() == "STATUS=acting, 0 calls under way,"
               " 0 results wait", 10, "status")
    assert chain.service.stop() == 0
    told = manager.listen()
    assert told.count("READY=1") == 1
    assert told[-1] == "STOPPING=1"


def test_it_is_ready_when_it_stands_by(chain, manager, service_of, tmp_path):
    chain.start()
    second = service_of(with_settings(chain.settings, service={
        "doorbell": tmp_path / "doorbell"}), env={
            "NOTIFY_SOCKET": str(manager.path)}).start()
    manager.wait("READY=1")
    second.wait_log("standing by")
    wait_until(lambda: manager.status().startswith("STATUS=standing by"), 10,
               "status")


def test_without_a_database_it_is_not_ready(chain, manager):
    chain.settings["database"]["socket"] = "/nonexistent/socket"
    chain.reconfigure(chain.settings)
    managed(chain, manager)
    wait_until(lambda: manager.status().startswith(
        "STATUS=waiting for the database"), 10, "status")
    assert "READY=1" not in manager.listen()


def test_its_status_tells_of_calls_and_holds_but_not_often(chain, manager):
    chain.reconfigure(with_settings(
        chain.settings, notice={"hold": "1 h"},
        smspilot={"timeout": "4 s", "connect_timeout": "4 s"}))
    chain.pilot.reply = stall
    managed(chain, manager).subscriber()
    manager.wait("READY=1")
    for summa in range(20, 26):
        chain.pay(summa=summa)
    wait_until(lambda: "4 calls under way" in manager.status(), 15, "calls")
    wait_until(lambda: "smspilot is held" in manager.status(), 20, "hold")
    when = [at for at, text in manager.heard if text.startswith("STATUS=")]
    assert all(b - a > 2.5 for a, b in zip(when, when[1:]))


def test_a_reload_is_told_from_begin_to_end(chain, manager):
    managed(chain, manager)
    manager.wait("READY=1")
    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    chain.service.signal(signal.SIGHUP)
    manager.wait("READY=1", count=2)
    begun, = [text for text in manager.listen()
              if text.startswith("RELOADING=1\n")]
    at = int(re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", begun)[1])
    assert before <= at / 1e6 <= time.clock_gettime(time.CLOCK_MONOTONIC)
    chain.service.config.write_text("nonsense", encoding="utf-8")
    chain.service.signal(signal.SIGHUP)
    manager.wait("READY=1", count=3)
    wait_until(lambda: manager.status().endswith(
        "the changed settings are refused: see the journal"), 10, "status")


def test_the_stop_is_told_before_the_last_call_ends(chain, manager):
    chain.reconfigure(with_settings(chain.settings, service={
        "stop_timeout": "3 s"}))
    chain.pilot.reply = stall
    managed(chain, manager).subscriber()
    manager.wait("READY=1")
    chain.pay()
    chain.pilot.wait(1)
    chain.service.signal(signal.SIGTERM)
    manager.wait("STOPPING=1", timeout=1)
    assert chain.service.running


def test_the_watchdog_is_fed_by_the_loop_alone(chain, manager):
    managed(chain, manager, WATCHDOG_USEC="900000")
    manager.wait("READY=1")
    manager.wait("WATCHDOG=1", count=6, timeout=5)
    when = [at for at, text in manager.heard if text == "WATCHDOG=1"]
    assert all(b - a < 0.45 for a, b in zip(when, when[1:]))
    chain.service.signal(signal.SIGSTOP)
    wait_until(lambda: is_frozen(chain.service.pid), 5, "freeze")
    count = manager.listen().count("WATCHDOG=1")
    time.sleep(1)
    assert manager.listen().count("WATCHDOG=1") == count


def test_a_loop_that_hangs_feeds_no_watchdog(chain, manager):
    chain.service.env["MBEV_FAULT"] = "settle.begun:stop"
    managed(chain, manager, WATCHDOG_USEC="900000").subscriber()
    manager.wait("READY=1")
    chain.pay()
    wait_until(lambda: is_frozen(chain.service.pid), 10, "freeze")
    count = manager.listen().count("WATCHDOG=1")
    time.sleep(1)
    assert manager.listen().count("WATCHDOG=1") == count
    del chain.service.env["MBEV_FAULT"]


def test_a_watchdog_costs_nothing_while_it_is_idle(chain, manager):
    chain.reconfigure(with_settings(chain.settings, service={
        "safety_poll": "60 s"}))
    managed(chain, manager, WATCHDOG_USEC="180000000")
    manager.wait("READY=1")
    time.sleep(4)
    assert manager.listen().count("WATCHDOG=1") == 1


# ---- the journal ----


@pytest.fixture
def journal(chain, tmp_path):
    """A stand-in for systemd's journal, to which the service writes."""
    one = Manager(tmp_path / "journal")
    log = os.stat(os.open(chain.service.log, os.O_CREAT | os.O_WRONLY))
    chain.service.env.update(MBEV_JOURNAL=str(one.path),
                             JOURNAL_STREAM=f"{log.st_dev}:{log.st_ino}")
    yield one
    one.close()


def entries(journal):
    """Each entry as a dictionary."""
    return [dict(line.split("=", 1) for line in text.splitlines())
            for text in journal.listen()]


def wait_entry(journal, words):
    """Wait for an entry with these words; return it."""
    return wait_until(
        lambda: next((entry for entry in entries(journal)
                      if words in entry["MESSAGE"]), None), 15, words)


def test_the_journal_knows_what_a_line_is_about(chain, journal):
    chain.service.start()
    acting = wait_entry(journal, "engine: acting")
    assert (acting["PRIORITY"], acting["SYSLOG_IDENTIFIER"]) == ("6", "mbevd")
    assert "MBEV_UID" not in acting
    chain.subscriber()
    chain.pay()
    done = wait_entry(journal, "is done")
    (event, delivery), = chain.deliveries("event_id, id")
    assert {name: done[name] for name in done if name.startswith("MBEV_")} == {
        "MBEV_EVENT": str(event), "MBEV_DELIVERY": str(delivery),
        "MBEV_UID": "1001", "MBEV_LANE": "smspilot"}
    assert chain.service.log_text() == ""


def test_a_journal_that_goes_and_comes_back_loses_no_line(chain, journal):
    chain.service.start()
    wait_entry(journal, "engine: acting")
    journal.close()
    os.unlink(journal.path)
    chain.subscriber()
    chain.pay()
    chain.service.wait_log("^<6>info settle: sms of event .* is done")
    chain.wait_states("done")
    again = Manager(journal.path)
    chain.pay(summa=50)
    wait_entry(again, "is done")
    again.close()


def test_another_standard_error_is_written_to(chain, journal):
    chain.service.env["JOURNAL_STREAM"] = "1:2"
    chain.service.start()
    chain.service.wait_log("info engine: acting")
    assert entries(journal) == []


# ---- secrets ----


def check(config, **env):
    """mbevd -t."""
    return subprocess.run([build_dir() / "mbevd", "-t", "-c", config],
                          text=True, capture_output=True, timeout=60,
                          check=False, env={**os.environ, **env})


@pytest.fixture
def credentials(chain, tmp_path):
    """A folder of secrets, as systemd makes one, and settings without any."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    settings = with_settings(chain.settings)
    for section, key in (("database", "password"), ("smspilot", "api_key"),
                         ("smsc", "password"), ("komtet", "secret")):
        name = f"{section}-{key}"
        (folder / name).write_text(settings[section][key] + "\n")
        settings[section][key] = f"@credential:{name}"
    chain.reconfigure(settings)
    chain.service.env["CREDENTIALS_DIRECTORY"] = str(folder)
    return folder


def test_secrets_may_be_credentials(chain, credentials):
    chain.service.config.chmod(0o644)  # there is nothing to hide in it
    chain.start().subscriber()
    chain.pay()
    chain.wait_states("done")
    assert chain.pilot.requests[0].params["apikey"] == "TESTKEY"
    assert str(credentials) not in chain.service.log_text()


def test_a_credential_that_is_missing_is_told_with_its_cure(chain,
                                                            credentials):
    (credentials / "smsc-password").unlink()
    done = check(chain.service.config, CREDENTIALS_DIRECTORY=str(credentials))
    assert done.returncode == EX_CONFIG
    assert re.fullmatch(
        rf"{chain.service.config}:\d+: \[smsc\] password: credential"
        rf" smsc-password: {credentials}/smsc-password: No such file or"
        r" directory; the unit needs LoadCredential=smsc-password:FILE, .*\n",
        done.stderr)


def test_outside_the_unit_those_of_the_running_one_are_meant(chain,
                                                             credentials):
    done = check(chain.service.config, CREDENTIALS_DIRECTORY="")
    assert done.returncode == EX_CONFIG
    assert "/run/credentials/mbevd.service/smsc-password" in done.stderr


@pytest.mark.parametrize("mode, refused", [
    (0o600, False), (0o640, False), (0o400, False), (0o644, True),
    (0o604, True), (0o660, True), (0o602, True), (0o666, True)])
def test_a_file_with_secrets_is_not_everybodys(chain, mode, refused):
    chain.service.config.chmod(mode)
    done = check(chain.service.config)
    assert done.returncode == (EX_CONFIG if refused else 0), done.stderr
    assert ("chmod 640" in done.stderr) == refused
    assert "TESTKEY" not in done.stderr
    if refused:
        assert chain.service.once() == EX_CONFIG


def test_a_file_without_secrets_may_be_read_by_everybody(chain):
    chain.service.config.write_text("[payment]\nsms = no\n")
    chain.service.config.chmod(0o644)
    assert check(chain.service.config).returncode == 0
    chain.service.config.chmod(0o664)
    assert check(chain.service.config).returncode == EX_CONFIG
