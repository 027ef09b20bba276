"""The process behind scripted_ssh.py: SSH servers, all on one event loop.

    scripted_sshd.py CONSOLE      told on stdin, tells on stdout, lines of JSON

An order is {"do": name of a function of Servers, ...its arguments} and has
{"done": what it returned} for an answer. In between come events:
{"event": "connection", "login", "refused" or "gone", "router": its number}.
Commands go to the unix socket CONSOLE (ros_console.ConsoleServer).
"""

import asyncio
import contextlib
import itertools
import json
import os
import socket
import sys
import warnings

warnings.simplefilter("ignore")  # of ciphers that nobody uses

import asyncssh  # noqa: E402

BANNER = b"SSH-2.0-ROSSSH\r\n"
PIECE = 65536


def tell(**what):
    """One line to the test."""
    os.write(sys.stdout.fileno(), json.dumps(what).encode() + b"\n")


class Login(asyncssh.SSHServer):
    """One connection."""

    def __init__(self, router):
        self.router = router
        self.number = next(router.servers.numbers)

    def connection_made(self, conn):
        """It was accepted."""
        self.link = conn
        self.router.tell("connection")

    def connection_lost(self, exc):
        """It is over."""
        self.router.tell("gone")

    def auth_completed(self):
        """The client is in; it may be thrown out at once."""
        self.router.tell("login")
        if self.router.fault == "hang up":
            self.link.abort()

    def password_auth_supported(self):
        """May a client send a password?"""
        return "password" in self.router.methods

    async def validate_password(self, username, password):
        """Judge name and password."""
        return await self._judge(username, [password], [False])

    def kbdint_auth_supported(self):
        """May a client be asked?"""
        return "keyboard-interactive" in self.router.methods

    def get_kbdint_challenge(self, username, lang, submethods):
        """What it is asked."""
        return "", "", "", self.router.prompts

    async def validate_kbdint_response(self, username, responses):
        """Every hidden prompt is to be answered with the password."""
        return await self._judge(
            username, responses, [echo for _, echo in self.router.prompts])

    async def _judge(self, username, answers, echoes):
        router = self.router
        if router.fault == "undecided":
            await asyncio.get_running_loop().create_future()
        known = router.accounts.get(username.split("+", 1)[0])
        right = (router.fault != "refuse" and known is not None
                 and len(answers) == len(echoes)
                 and all(answer == known for answer, echo
                         in zip(answers, echoes) if not echo))
        if not right:
            router.tell("refused")
        return right


class Router:
    """One address, and how it behaves."""

    def __init__(self, servers, number, address, port, accounts):
        self.servers = servers
        self.number = number
        self.place = (address, port)
        self.accounts = accounts
        self.fault = None
        self.methods = ["password"]
        self.prompts = [["Password: ", False]]
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self._listener = None
        self._held = []  # what keeps a black hole full

    def tell(self, event):
        """Something happened here."""
        tell(event=event, router=self.number)

    async def open(self):
        """Listen, in the way of the fault."""
        ways = {"silent": self._silent, "banner only": self._banner,
                "garbage": self._garbage, "endless garbage": self._endless,
                "closed": self._closed}
        if self.fault == "black hole":
            self._dig()
        elif self.fault in ways:
            self._listener = await asyncio.start_server(
                lambda *streams: self._plain(ways[self.fault], *streams),
                *self.place, reuse_address=True, backlog=1024)
        else:
            self._listener = await asyncssh.listen(
                *self.place, options=self._options(), reuse_address=True,
                backlog=1024)

    def shut(self):
        """Listen no more; connections that are open stay."""
        if self._listener:
            self._listener.close()
        for held in self._held:
            held.close()
        self._listener, self._held = None, []

    def _options(self):
        return asyncssh.SSHServerConnectionOptions(
            server_factory=lambda: Login(self), server_host_keys=[self.key],
            server_version="ROSSSH", process_factory=self._run,
            encoding=None, allow_pty=False, line_editor=False,
            agent_forwarding=False, compression_algs=None, login_timeout=0,
            gss_host=None)

    # ---- faults before SSH begins ----

    def _dig(self):
        """A listener with no room for one more connection."""
        hole = socket.socket()
        hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        hole.bind(self.place)
        hole.listen(0)
        self._held = [hole]
        for _ in range(4):
            filling = socket.socket()
            filling.setblocking(False)
            filling.connect_ex(self.place)
            self._held.append(filling)

    async def _plain(self, way, reader, writer):
        """One connection that never becomes SSH."""
        self.tell("connection")
        with contextlib.suppress(OSError):
            await way(reader, writer)
        writer.close()
        self.tell("gone")

    async def _silent(self, reader, _writer):
        while await reader.read(PIECE):
            pass

    async def _banner(self, reader, writer):
        writer.write(BANNER)
        await self._silent(reader, writer)

    async def _garbage(self, reader, writer):
        writer.write(bytes(range(256)) * 16)
        writer.write_eof()
        await self._silent(reader, writer)

    async def _endless(self, _reader, writer):
        while True:
            writer.write(b"no banner yet\r\n" * 64)
            await writer.drain()
            await asyncio.sleep(0)

    async def _closed(self, _reader, _writer):
        pass

    # ---- commands ----

    async def _run(self, process):
        """One command; nobody else keeps its task from being collected."""
        task = asyncio.current_task()
        self.servers.running.add(task)
        try:
            await self._pass_on(process)
        finally:
            self.servers.running.discard(task)

    async def _pass_on(self, process):
        """Hand a command over, send the answer."""
        link = process.get_extra_info("connection")
        login = link.get_owner()
        host, port = link.get_extra_info("peername")[:2]
        kind = "shell" if process.command is None else "exec"
        head = f"{self.number}/{login.number} {kind} {host} {port}\n"
        reader, writer = await asyncio.open_unix_connection(
            self.servers.console)
        writer.write((head + (process.command or "")).encode())
        writer.write_eof()
        answer = asyncio.ensure_future(_copy(reader, process.stdout))
        left = asyncio.ensure_future(process.wait_closed())
        await asyncio.wait([answer, left],
                           return_when=asyncio.FIRST_COMPLETED)
        answer.cancel()
        left.cancel()
        writer.close()
        if login.number in self.servers.ended:
            link.abort()
        else:
            process.exit(0)


async def _copy(reader, stdout):
    """Send an answer on, up to its end."""
    with contextlib.suppress(OSError, asyncssh.Error):
        while data := await reader.read(PIECE):
            stdout.write(data)
            await stdout.drain()


class Servers:
    """All of them; its functions are the orders."""

    def __init__(self, console):
        self.console = console
        self.numbers = itertools.count(1)  # of connections
        self.ended = set()  # connections to close after their answer
        self.running = set()  # tasks
        self._routers = []

    async def add(self, address, port, accounts):
        """One more router; its host key."""
        router = Router(self, len(self._routers), address, port, accounts)
        self._routers.append(router)
        return self._public(router)

    async def listen(self, number):
        """Open for connections."""
        await self._routers[number].open()

    async def shut(self, number):
        """Refuse connections."""
        self._routers[number].shut()

    async def behave(self, number, **how):
        """Set fault, methods, prompts or accounts."""
        for name, value in how.items():
            setattr(self._routers[number], name, value)

    async def change_key(self, number):
        """A new host key, for connections of the next listen; its text."""
        router = self._routers[number]
        router.key = asyncssh.generate_private_key("ssh-ed25519")
        return self._public(router)

    async def end(self, connection):
        """Close the connection when the answer that runs is through."""
        self.ended.add(connection)

    def _public(self, router):
        return router.key.export_public_key().decode().split()[:2]


async def main(console):
    """Take orders until stdin ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    servers = Servers(console)
    while line := await reader.readline():
        order = json.loads(line)
        function = getattr(servers, order.pop("do"))
        try:
            tell(done=await function(**order))
        except Exception as error:  # pylint: disable=broad-except
            tell(failed=repr(error))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
