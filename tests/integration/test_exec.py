"""Programs of the operator's, run with the arguments of MikBill's hooks."""

import json
import os
import signal
from pathlib import Path

import pytest

from harness.process import wait_until
from harness.product import with_settings
from integration.test_mbevctl import ctl

EVENT = {"payment": lambda chain: chain.pay(summa=150.5),
         "credit": lambda chain: chain.credit(),
         "tariff_change": lambda chain: chain.change_tariff()}


class Hook:
    """A program that notes how it was called."""

    def __init__(self, folder, body="", shell="/bin/bash"):
        self.path = Path(folder) / "hook.sh"
        self.said = Path(folder) / "said"
        self.path.write_text(
            f"#!{shell}\nprintf '%s\\n' $# \"$@\" >> {self.said}\n{body}\n",
            encoding="utf-8")
        self.path.chmod(0o755)

    def calls(self):
        """The arguments of each call."""
        if not self.said.exists():
            return []
        lines, calls = self.said.read_text(encoding="utf-8").split("\n"), []
        while len(lines) > 1:
            count = int(lines.pop(0))
            calls.append([lines.pop(0) for _ in range(count)])
        return calls


@pytest.fixture(name="hook")
def fixture_hook(tmp_path):
    """Makes the program, from the rest of its lines."""
    return lambda body="", **how: Hook(tmp_path, body, **how)


def runs(chain, hook, **keys):
    """The program is run for payments, and nothing else is done."""
    keys = {"payment": hook.path, "after": "0 s", "timeout": "10 s", **keys}
    chain.reconfigure(with_settings(
        chain.settings, payment={"sms": "no"}, exec=keys))
    return chain


def connected(chain, **columns):
    """A subscriber with a place in the network."""
    chain.subscriber()
    columns = {"local_ip": "10.0.0.7", "local_mac": "00:11:22:33:44:55",
               "switchport": 12, "swid": 3, **columns}
    chain.db.sql("UPDATE users SET " + ", ".join(
        f"{name} = '{value}'" for name, value in columns.items()), "mikbill")
    return chain


def outcome(chain):
    """(state, reason) of the only delivery."""
    (row,) = chain.deliveries("state, reason")
    return row


def order(chain):
    """Its payload."""
    return json.loads(chain.deliveries("payload")[0][0])


@pytest.mark.parametrize("kind, left", [
    ("payment", ["150.50", "5"]), ("credit", ["0.00", ""]),
    ("tariff_change", [])])
def test_it_is_called_as_the_billing_calls_its_own(chain, hook, kind, left):
    hook = hook("echo done")
    connected(runs(chain, hook, **{kind: hook.path}))
    EVENT[kind](chain)
    assert chain.service.once() == 0
    assert hook.calls() == [["10.0.0.7", "1001", "", "12", "", "", "",
                             "00:11:22:33:44:55", *left]]
    assert outcome(chain) == ("done", "it ended with 0: done")
    assert (order(chain)["exit"], order(chain)["output"]) == (0, "done\n")
    assert "exec" in chain.deliveries("lane, action")[0]


def test_the_hook_of_the_real_ip_has_an_order_of_its_own(chain, hook):
    hook = hook()
    connected(runs(chain, hook, real_ip=hook.path))
    chain.db.sql("UPDATE users SET real_ip = 1", "mikbill")
    assert chain.service.once() == 0
    assert hook.calls() == [["10.0.0.7", "1001", "", "", "", "", "12"]]


def test_the_switch_is_looked_up_where_the_settings_say(chain, hook):
    chain.db.sql(
        "CREATE TABLE IF NOT EXISTS switches (id INT PRIMARY KEY,"
        " addr VARCHAR(32), ro VARCHAR(32), snmp INT, kind INT)"
        " CHARACTER SET koi8r; REPLACE INTO switches VALUES"
        " (3, '10.9.9.9', 'public', 161, 42);"
        "GRANT SELECT ON switches TO mbev_service@localhost", "mikbill")
    hook = hook()
    connected(runs(chain, hook, switch_table="switches", switch_ip="addr",
                   switch_community="ro", switch_snmp_port="snmp",
                   switch_type="kind"))
    chain.pay()
    assert chain.service.once() == 0
    assert hook.calls()[0][2:7] == ["10.9.9.9", "12", "public", "161", "42"]


def test_nothing_that_a_shell_would_take_for_more_gets_through(chain, hook,
                                                               tmp_path):
    hook = hook("touch $8")
    connected(runs(chain, hook), local_ip="$(id)", local_mac="`id`; ls|x")
    chain.pay()
    assert chain.service.once() == 0
    assert hook.calls()[0][0] == "" and hook.calls()[0][7] == ""


def test_it_gets_nothing_of_ours(chain, hook, tmp_path):
    hook = hook(f"env > {tmp_path}/env; ls -l /proc/$$/fd > {tmp_path}/fds;"
                f" cat > {tmp_path}/in; pwd > {tmp_path}/pwd;"
                f" exec grep SigBlk /proc/self/status > {tmp_path}/blocked")
    connected(runs(chain, hook))
    chain.service.env["MBEV_SECRET"] = "hush"
    chain.pay()
    assert chain.service.once() == 0
    env = dict(line.split("=", 1) for line in
               (tmp_path / "env").read_text().splitlines())
    assert set(env) - {"PWD", "SHLVL", "_", "OLDPWD"} == {
        "PATH", "LANG", "MBEV_EVENT", "MBEV_KEY"}
    assert env["MBEV_EVENT"] == str(chain.deliveries("event_id")[0][0])
    assert env["MBEV_KEY"].endswith("|exec|0")
    assert "socket" not in (tmp_path / "fds").read_text()
    assert (tmp_path / "in").read_text() == ""
    assert (tmp_path / "pwd").read_text() == "/\n"
    assert set((tmp_path / "blocked").read_text().split()[1]) == {"0"}


@pytest.mark.parametrize("body, state, reason", [
    ("echo kaputt >&2; exit 3", "dead", "it ended with 3: kaputt"),
    ("exit 127", "dead", "it ended with 127"),
    ("kill -TERM $$", "doubtful", "it ended by signal 15"),
    ("printf 'плохо \\377\\n'; exit 1", "dead", "it ended with 1: плохо ?"),
])
def test_how_it_ends_is_what_becomes_of_it(chain, hook, body, state, reason):
    connected(runs(chain, hook(body)))
    chain.pay()
    assert chain.service.once() == 0
    assert outcome(chain) == (state, reason)


def test_75_means_later(chain, hook, tmp_path):
    hook = hook(f"[ -e {tmp_path}/again ] && exit 0;"
                f" touch {tmp_path}/again; exit 75")
    connected(runs(chain, hook)).start()
    chain.pay()
    chain.wait_states("done")
    assert len(hook.calls()) == 2


def test_one_that_takes_too_long_is_killed_with_all_its_children(chain, hook,
                                                                 tmp_path):
    hook = hook(f"sleep 300 & echo $! > {tmp_path}/child; echo waits; wait")
    connected(runs(chain, hook, timeout="500 ms")).start()
    chain.pay()
    chain.wait_states("doubtful")
    assert outcome(chain)[1] == ("it ran longer than 0 s ([exec] timeout) and"
                                 " was killed: waits")
    child = (tmp_path / "child").read_text().strip()
    wait_until(lambda: not Path(f"/proc/{child}").exists()
               or "Z" in Path(f"/proc/{child}/stat").read_text().split(")")[1],
               5, "end of its child")
    assert not chain.service.log_text().count(" fatal ")


def test_one_that_leaves_a_child_behind_is_done_at_once(chain, hook, tmp_path):
    """As the old shell files do: with output to a pipe that stays open."""
    connected(runs(chain, hook(f"sleep 300 & echo $! > {tmp_path}/child")))
    chain.pay()
    try:
        assert chain.service.once() == 0
        assert outcome(chain)[0] == "done"
    finally:
        os.kill(int((tmp_path / "child").read_text()), signal.SIGKILL)


def test_what_it_puts_out_is_bounded(chain, hook):
    connected(runs(chain, hook(
        "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end")))
    chain.pay()
    assert chain.service.once() == 0
    assert outcome(chain) == ("done", "it ended with 0: end")
    output = order(chain)["output"]
    assert len(output) == 8192 and output.endswith("x\nend\n")


def test_no_more_run_at_once_than_are_allowed(chain, hook, tmp_path):
    hook = hook(f"exec 9> {tmp_path}/$$.runs; ls {tmp_path}/*.runs | wc -l"
                f" >> {tmp_path}/count; sleep 0.2; rm {tmp_path}/$$.runs")
    connected(runs(chain, hook, at_once=2)).start()
    for _ in range(8):
        chain.pay()
    chain.wait_states(*["done"] * 8)
    counts = [int(n) for n in (tmp_path / "count").read_text().split()]
    assert len(counts) == 8 and max(counts) == 2


def test_one_that_is_not_there_holds_the_lane_and_is_told(chain, tmp_path):
    missing = tmp_path / "missing.sh"
    connected(runs(chain, Hook(tmp_path), payment=missing)).start()
    chain.pay()
    chain.service.wait_log(
        rf"lane: exec is held .*{missing}: No such file or directory")
    # It is told before it is written down.
    wait_until(lambda: chain.deliveries("state, attempts") == [("ready", 0)],
               10, "the attempt given back")
    done = Hook(tmp_path)
    done.path.rename(missing)
    chain.wait_states("done")


def test_a_crash_while_it_runs_leaves_it_to_the_operator(chain, hook,
                                                         tmp_path):
    hook = hook(f"echo $$ > {tmp_path}/pid; sleep 60")
    connected(runs(chain, hook, timeout="1 min")).start()
    chain.pay()
    wait_until(lambda: hook.calls(), 10, "a call")
    chain.service.kill()
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    hook.path.write_text("#!/bin/sh\n")
    chain.start()
    chain.wait_states("doubtful", timeout=60)
    assert len(hook.calls()) == 1
    shown = ctl(chain, "show", str(chain.deliveries("event_id")[0][0])).stdout
    assert "nobody knows what it has done" in shown
    assert f"{hook.path} 10.0.0.7 1001 '' 12 '' '' '' 00:11" in shown


def test_a_stop_does_not_leave_it_behind(chain, hook, tmp_path):
    hook = hook(f"echo $$ > {tmp_path}/pid; sleep 60")
    chain.settings = with_settings(chain.settings,
                                   service={"stop_timeout": "500 ms"})
    connected(runs(chain, hook, timeout="1 min")).start()
    chain.pay()
    wait_until(lambda: hook.calls(), 10, "a call")
    assert chain.service.stop() == 0
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
    assert "still ran and was killed" in chain.service.log_text()


def test_the_staff_has_a_program_of_its_own(chain, hook):
    hook = hook()
    connected(runs(chain, hook, tariff_by_staff=hook.path))
    chain.change_tariff()
    assert chain.service.once() == 0
    assert outcome(chain) == ("skipped", "no program is set for it ([exec])")
    chain.db.sql("INSERT INTO logs (stuffid, date, logtypeid, uid, valuename)"
                 " VALUES (7, NOW(), 1, 1001, 'gid')", "mikbill")
    chain.change_tariff(gid=9)
    assert chain.service.once() == 0
    assert chain.states() == ["skipped", "done"]


def test_a_program_that_is_no_path_is_refused(chain, hook):
    runs(chain, hook(), payment="hook.sh --now")
    assert chain.service.once() == 78
    assert "[exec] payment: must be the absolute path of a program" \
        in chain.service.log_text()


