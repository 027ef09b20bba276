"""A plain SSH client for the tests of the stand-in routers.

    with Client(router) as client:
        assert client.run(b":put 1") == b"1\r\n"
"""

import asyncio
import warnings

from harness.routeros import OLD_V6

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of ciphers that nobody uses
    import asyncssh

ACCOUNT = {"username": "nasadmin", "password": "naspw", "known_hosts": None,
           "client_keys": None, "config": None, "agent_path": None}
OLD = {"server_host_key_algs": [OLD_V6["host_key_algorithms"]],
       "kex_algs": [OLD_V6["kex"]], "encryption_algs": [OLD_V6["ciphers"]],
       "mac_algs": [OLD_V6["macs"]]}
Owner = asyncssh.SSHClient
PermissionDenied = asyncssh.PermissionDenied
HostKeyNotVerifiable = asyncssh.HostKeyNotVerifiable
Broken = (asyncssh.Error, ConnectionError)


class Client:
    """One connection; options as of asyncssh.connect()."""

    def __init__(self, router, timeout=10, **options):
        self._timeout = timeout
        self._loop = asyncio.new_event_loop()
        try:
            self.link = self._wait(asyncssh.connect(
                router.address, router.port, **{**ACCOUNT, **options}))
        except BaseException:
            self._loop.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.link.abort()
        self._wait(self.link.wait_closed())
        self._loop.close()

    def run(self, command):
        """All that a command prints; ConnectionResetError with it when the
        connection ends before the command does.
        """
        return self._wait(self._run(command))

    def start(self, command, size):
        """The first bytes that a command prints; it goes on."""
        return self._wait(self._start(command, size))

    async def _run(self, command):
        process = await self._process(command)
        said = await process.stdout.read()
        await process.wait_closed()
        if process.exit_status is None:
            raise ConnectionResetError(said)
        return said

    async def _start(self, command, size):
        process = await self._process(command)
        return await process.stdout.readexactly(size)

    async def _process(self, command):
        return await self.link.create_process(
            command.decode() if command is not None else None, encoding=None)

    def _wait(self, coroutine):
        return self._loop.run_until_complete(
            asyncio.wait_for(coroutine, self._timeout))


def talk(router, *commands, **options):
    """What each command prints, on one connection."""
    with Client(router, **options) as client:
        return [client.run(command) for command in commands]
