"""The unit, and what lays the folders and the account out for it, are what
systemd understands, are tight, and agree with each other."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.server import REPO, build_dir

CONF = REPO / "conf"
MOST_EXPOSED = 1.5


def run(*words):
    """Run a tool of systemd, which must be there; what it writes."""
    assert shutil.which(words[0]), f"{words[0]} is missing: package systemd"
    done = subprocess.run(words, text=True, timeout=60, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


def unit():
    """(key, value) of each line of the unit, in order."""
    return re.findall(r"^(\w+)=(.*)$", (CONF / "mbevd.service").read_text(),
                      re.MULTILINE)


def value(key):
    """The last value of a key."""
    return [v for k, v in unit() if k == key][-1]


def seconds(key):
    """A value as a number of seconds."""
    units = {"": 1, "s": 1, "min": 60}
    number, word = re.fullmatch(r"(\d+)(\w*)", value(key)).groups()
    return int(number) * units[word]


def test_little_of_the_host_is_exposed_to_it():
    told = run("systemd-analyze", "security", "--offline=true", "--no-pager",
               str(CONF / "mbevd.service"))
    level = re.search(r"Overall exposure level for mbevd.service: ([\d.]+)",
                      told)
    assert float(level[1]) <= MOST_EXPOSED, told


def test_it_is_a_unit_without_fault(tmp_path):
    copy = tmp_path / "mbevd.service"
    copy.write_text((CONF / "mbevd.service").read_text().replace(
        "ExecStart=/usr/sbin/mbevd", f"ExecStart={build_dir() / 'mbevd'}"))
    told = run("systemd-analyze", "verify", "--man=no", str(copy))
    # It also finds fault with units of others that it has to read.
    assert not [line for line in told.splitlines()
                if not re.match(r"(/usr)?/lib/systemd/", line)], told


def test_what_it_needs_is_left_to_it():
    assert set(value("RestrictAddressFamilies").split()) == {
        "AF_UNIX", "AF_INET", "AF_INET6"}
    keys = dict(unit())
    # The database's socket and the doorbell are reached by their paths.
    assert keys.get("PrivateNetwork", "no") == "no"
    assert keys.get("PrivateTmp", "no") == "no"
    assert "RootDirectory" not in keys and "RootImage" not in keys
    # The database server, another account, has to come to the doorbell.
    assert value("RuntimeDirectoryMode") == "0755"
    assert value("StateDirectoryMode") == "0700"
    assert value("ConfigurationDirectoryMode") == "0750"


def test_system_calls_that_it_makes_are_let_through():
    """What was seen under strace with every transport and provider; denied
    calls would fail with EPERM."""
    needed = set((Path(__file__).parent / "data" / "system_calls.txt")
                 .read_text().split())
    allowed = set()
    for words in [v for k, v in unit() if k == "SystemCallFilter"]:
        names = words.lstrip("~").split()
        calls = expand(names)
        allowed = allowed - calls if words[0] == "~" else allowed | calls
    assert len(needed) > 40
    assert needed <= allowed, needed - allowed


def expand(names):
    """System calls of some groups, and of the groups in them."""
    calls = set()
    for name in names:
        if name[0] != "@":
            calls.add(name)
            continue
        told = run("systemd-analyze", "syscall-filter", "--no-pager", name)
        calls |= expand([line.strip() for line in told.splitlines()[1:]
                         if line.strip() and line.strip()[0] != "#"])
    return calls


def test_it_waits_longer_than_the_service_does():
    sample = (CONF / "mbevd.ini").read_text(encoding="utf-8")
    stop = int(re.search(r"^stop_timeout = (\d+) s$", sample, re.M)[1])
    assert seconds("TimeoutStopSec") > 2 * stop + 15
    assert seconds("WatchdogSec") > 5 * 30  # that a statement may take


def test_a_wrong_configuration_is_not_started_again():
    assert value("RestartPreventExitStatus").split() == ["64", "78"]
    assert value("Restart") == "on-failure"


@pytest.mark.parametrize("file", ["mbevd.sysusers", "mbevd.tmpfiles"])
def test_account_and_folders_are_those_of_the_unit(file):
    text = (CONF / file).read_text()
    assert re.search(rf"\b{value('User')}\b", text)
    assert value("User") == value("Group")
    assert f"/var/lib/{value('StateDirectory')}" in text


def test_folders_are_as_the_unit_makes_them():
    rows = dict(re.findall(r"^d (\S+) +(\d+) ",
                           (CONF / "mbevd.tmpfiles").read_text(), re.M))
    assert rows == {
        f"/run/{value('RuntimeDirectory')}": value("RuntimeDirectoryMode"),
        f"/var/lib/{value('StateDirectory')}": value("StateDirectoryMode"),
        f"/etc/{value('ConfigurationDirectory')}":
            value("ConfigurationDirectoryMode")}


def test_the_paths_are_those_of_the_program():
    cmake = (REPO / "CMakeLists.txt").read_text()
    for name, path in (("RUN", f"/run/{value('RuntimeDirectory')}"),
                       ("STATE", f"/var/lib/{value('StateDirectory')}"),
                       ("CONF", f"/etc/{value('ConfigurationDirectory')}")):
        assert f'set(MBEV_{name}_DIR "{path}"' in cmake


def test_the_account_can_be_made():
    told = run("systemd-sysusers", "--dry-run", str(CONF / "mbevd.sysusers"))
    assert "mbevd" in told or subprocess.run(
        ["getent", "passwd", "mbevd"], check=False).returncode == 0


def test_every_secret_of_the_sample_has_its_line():
    """Of the examples of LoadCredential each names a file of its own."""
    lines = re.findall(r"^#LoadCredential=(\w+):(/\S+)$",
                       (CONF / "mbevd.service").read_text(), re.M)
    assert len(lines) == len({name for name, _ in lines}) == 6
    assert all(path == f"/etc/mikbill-events/{name}.secret"
               for name, path in lines)
