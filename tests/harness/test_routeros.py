"""The stand-in router is a real SSH server with a console of ours."""

import asyncio

import asyncssh
import pytest

from harness.routeros import RouterOS, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

FIND = b'/ppp active find name="%s"'
RESET = (b':do {:local mbevL [/ppp active find name="%s"];'
         b' :local mbevN [:len $mbevL];'
         b' :if ($mbevN > 0) do={/ppp active remove $mbevL};'
         b' :put ("MBEV-OK 0 " . $mbevN)} on-error={:put "MBEV-ERR 0"}')


@pytest.fixture(scope="module")
def shared():
    with RouterOS() as running:
        yield running


@pytest.fixture
def router(shared):
    shared.reset()
    return shared


async def _talk(router, commands, **options):
    settings = {"username": "nasadmin", "password": "naspw",
                "known_hosts": None, "client_keys": None, "config": None}
    async with asyncssh.connect(router.address, router.port,
                                **{**settings, **options}) as link:
        return [(await link.run(command, check=False, encoding=None)).stdout
                for command in commands]


def talk(router, *commands, **options):
    """What a client reads after each command, on one connection."""
    return asyncio.run(_talk(
        router, [command.decode() for command in commands], **options))


def test_a_password_opens_the_console(router):
    router.online("u1", "u1", "u2")
    answers = talk(router, RESET % b"u1", RESET % b"u1")
    assert answers == [b"MBEV-OK 0 2\r\n", b"MBEV-OK 0 0\r\n"]
    assert router.removed == [b"u1", b"u1"]
    assert router.names == [b"u2"]
    assert router.commands == [RESET % b"u1"] * 2
    assert len({call.client for call in router.calls}) == 1
    assert router.foreign == router.violations == []


def test_a_wrong_password_is_refused_and_counted(router):
    logins, refused = router.logins, router.refused
    with pytest.raises(asyncssh.PermissionDenied):
        talk(router, password="naspw2")
    assert (router.logins, router.refused) == (logins, refused + 1)
