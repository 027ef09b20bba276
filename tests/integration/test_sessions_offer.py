"""What the service offers to a router before there are keys."""

import subprocess

import pytest

from harness.process import wait_until
from harness.raw_ssh import RawSSH
from integration.sessions import known_hosts, nas, resets

SLOW = ("-group-exchange-", "-group16-", "-group18-")


def offer(chain, server):
    """The first one to that server."""
    nas(chain)
    chain.subscriber()
    chain.start().change_tariff()
    return wait_until(lambda: server.offers, 15, "offer")[0]


def begin(chain, server, **routers):
    """Settings for that server."""
    resets(chain, port=server.port, **routers)
    return chain


def test_an_exchange_that_may_take_long_is_not_offered(chain):
    with RawSSH() as server:
        kex = offer(begin(chain, server), server)["kex"]
    assert "diffie-hellman-group14-sha256" in kex
    assert [one for one in kex if any(slow in one for slow in SLOW)] == []


def test_an_exchange_that_is_named_is_offered(chain):
    named = ["diffie-hellman-group16-sha512",
             "diffie-hellman-group-exchange-sha256",
             "diffie-hellman-group18-sha512"]
    with RawSSH() as server:
        kex = offer(begin(chain, server, kex=",".join(named)), server)["kex"]
    assert [one for one in kex if one.startswith("diffie")] == named


@pytest.mark.parametrize("kind, first", [
    ("rsa", {"ssh-rsa", "rsa-sha2-256", "rsa-sha2-512"}),
    ("ecdsa", {"ecdsa-sha2-nistp256"}), ("ed25519", {"ssh-ed25519"})])
def test_the_type_of_key_that_is_known_comes_first(
        chain, tmp_path, kind, first):
    """And the others behind it."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f",
                    tmp_path / "key"], check=True)
    key = (tmp_path / "key.pub").read_text(encoding="ascii").split()[:2]
    with RawSSH() as server:
        begin(chain, server)
        known_hosts(chain).write_text(
            " ".join([f"[{server.address}]:{server.port}", *key]) + "\n")
        kinds = offer(chain, server)["hostkeys"]
    known = [one for one in kinds if one in first]
    assert known and kinds[:len(known)] == known
    assert {"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"} <= set(kinds)
