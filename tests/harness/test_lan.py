"""Hosts of a private network lose each other, and find each other again."""

import subprocess
import time

import pytest

from harness import lan as lans
from harness import process

pytestmark = [pytest.mark.plain, pytest.mark.skipif(
    not lans.is_possible(), reason="no network namespaces are to be had")]

LISTEN = """
import socket
server = socket.create_server(("", 7))
while True:
    with server.accept()[0] as link:
        while link.recv(65536):
            pass
"""
TALK = """
import socket, sys
with socket.create_connection((sys.argv[1], 7)) as link:
    link.sendall(bytes(40000))
    link.shutdown(socket.SHUT_WR)
    link.recv(1)
"""
ASK = """
import socket, sys
socket.create_connection((sys.argv[1], 7), timeout=0.4)
"""


def listen(host):
    """A server on that host."""
    return process.spawn([*host.inside, "python3", "-c", LISTEN])


def reaches(host, other):
    """Does that one hear it, and does the answer come?"""
    done = subprocess.run([*host.inside, "python3", "-c", ASK, other.address],
                          capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture(name="lan")
def fixture_lan():
    """Two hosts that hear each other."""
    with lans.Lan(2) as lan:
        servers = [listen(host) for host in lan.hosts]
        process.wait_until(lambda: reaches(lan[0], lan[1])
                           and reaches(lan[1], lan[0]), 10, "network")
        yield lan
        for server in servers:
            process.end(server, 5)


def test_who_is_unplugged_is_alone_until_he_is_plugged_in(lan):
    lan[0].unplug()
    assert not reaches(lan[1], lan[0])
    lan.mend()
    process.wait_until(lambda: reaches(lan[1], lan[0]), 10, "network")


def test_what_is_lost_one_way_is_lost_until_it_is_mended(lan):
    lan[0].loses(lan[1])
    assert not reaches(lan[0], lan[1])
    lan.mend()
    process.wait_until(lambda: reaches(lan[0], lan[1]), 10, "network")


def test_on_a_thin_line_things_take_their_time(lan):
    lan[0].thin(kbit=160)
    begun = time.monotonic()
    talk(lan)
    assert time.monotonic() - begun > 1  # 30 of 40 kB, at 20 kB/s
    lan.mend()
    assert "tbf" not in output(lan[0], "tc", "qdisc", "show")


def talk(lan):
    """The first says something to the second, who hears it all."""
    output(lan[0], "python3", "-c", TALK, lan[1].address)


def output(host, *command):
    """What a command says on that host."""
    return subprocess.run([*host.inside, *command], check=True,
                          capture_output=True, text=True).stdout


def test_there_is_no_way_out_of_it(lan):
    routes = output(lan[0], "ip", "route").splitlines()
    assert [line.split()[0] for line in routes] == [f"{lans.NETWORK}.0/24"]
