"""A stand-in for the binary API of a MikroTik router: a strict judge.

    with RouterApi(user="nasadmin", password="naspw") as router:
        router.online(b"u1", b"u1", b"u2")
        ... the product resets u1 at router.address, router.port ...
        assert router.removed == [b"u1", b"u1"]
        assert router.violations == []
        router.answer = trap("failure: try again")
        router.answer = only("/ppp/active/remove", close)
        router.reply = Gate(router.ordinary_reply)

What comes is judged by the letter of the protocol; what is wrong stands in
`violations`. How a sentence is answered is decided by `answer`, a function
of the Sentence and of honest(), which does what the sentence asks for and
returns the right Answer.
"""

import asyncio
import hashlib
import itertools
import os
import re
import ssl
import tempfile
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.certificates import make_dh_parameters
from harness.process import wait_until
from harness.standin import Reply, StandIn

ANONYMOUS = "anonymous"  # for tls: Diffie-Hellman without a certificate
LONGEST_WORD = 65536  # of a client
FIRST_ID = 0x80000001
SERVICE = b"pppoe"
WRONG_LOGIN = "invalid user name or password (6)"
ID = re.compile(rb"\*[0-9A-F]{1,8}")

# Prefixes of the length of a word: how many bytes they have, the bits set in
# the first of them, and the smallest length that needs so many.
PREFIXES = ((1, 0x00, 0), (2, 0x80, 0x80), (3, 0xC0, 0x4000),
            (4, 0xE0, 0x200000), (5, 0xF0, 0x10000000))


# ---- words on the wire ----

def encode_length(length):
    """The prefix of a word of that length."""
    size, bits, _ = [one for one in PREFIXES if length >= one[2]][-1]
    data = length.to_bytes(size, "big")
    return bytes([data[0] | bits]) + data[1:]


def encode(*sentences):
    """Sentences, each a list of words, as bytes."""
    return b"".join(
        b"".join(encode_length(len(word)) + word for word in words) + b"\0"
        for words in sentences)


def prefix_of(first):
    """(bytes, bits, smallest length) of the prefix that begins so; None when
    the byte is reserved."""
    if first >= 0xF8:
        return None
    return [one for one in PREFIXES if first & one[1] == one[1]][-1]


class Broken(ConnectionError):
    """The client has left the protocol: the connection is closed."""


@dataclass
class Sentence:
    """What a client said, word by word."""

    number: int  # from 1
    connection: int  # number of its connection, from 1
    words: list
    at: float  # time.monotonic()

    @property
    def command(self):
        """The first word, as text."""
        return self.words[0].decode("latin-1")

    @cached_property
    def attributes(self):
        """Name -> value of its =name=value words."""
        return dict(self._pair(word) for word in self.words[1:]
                    if word.startswith(b"="))

    @property
    def queries(self):
        """Its ? words, in order."""
        return [word for word in self.words[1:] if word.startswith(b"?")]

    @property
    def tag(self):
        """Its .tag= word, or None."""
        tags = [word for word in self.words[1:]
                if word.startswith(b".tag=")]
        return tags[0] if tags else None

    def what_is_wrong(self):
        """What no command may have, or None."""
        for word in self.words[1:]:
            if not word.startswith((b"=", b"?", b".tag=")):
                return f"the word {word!r} is of no kind"
            if word.startswith(b"=") and b"=" not in word[1:]:
                return f"the attribute {word!r} has no value"
        names = [self._pair(word)[0] for word in self.words[1:]
                 if word.startswith(b"=")]
        if len(names) > len(set(names)):
            return "an attribute stands twice"
        return None

    @staticmethod
    def _pair(word):
        name, _, value = word[1:].partition(b"=")
        return name, value


@dataclass
class Answer(Reply):
    """What to say, and how badly: raw, delay, drip, cut, end as of Reply."""

    endless: bytes = b""  # again and again, after the rest


def say(*sentences, **how):
    """An Answer of these sentences, each a list of words."""
    return Answer(raw=encode(*sentences), **how)


# ---- misbehaviour: functions of a Sentence and honest() ----

def hang(_sentence, _honest):
    """Never answer."""
    return Answer(delay=86400)


def close(_sentence, _honest):
    """Close without an answer."""
    return Answer(raw=b"", end="close")


def reset(_sentence, _honest):
    """Reset the connection without an answer."""
    return Answer(raw=b"", end="reset")


def fatal(text="session closed"):
    """`!fatal`, and close."""
    return lambda _sentence, _honest: say(
        [b"!fatal", text.encode()], end="close")


def trap(text, category=None, done=True):
    """`!trap` with a text; then `!done`, unless not."""
    return lambda sentence, _honest: say(
        *_tagged(sentence, _trap(text, category)[:2 if done else 1]))


def garbage(_sentence, _honest):
    """Words of bytes that mean nothing."""
    return Answer(raw=bytes(range(1, 248)) * 8, end="close")


def huge_word(_sentence, _honest):
    """A word of 0x0FFFFFFF bytes is announced, and never ends."""
    return Answer(raw=encode_length(0x0FFFFFFF), endless=b"x" * 4096)


def announce(_sentence, _honest):
    """A word of 0x0FFFFFFF bytes is announced, and does not come."""
    return Answer(raw=encode_length(0x0FFFFFFF))


def reserved(_sentence, _honest):
    """A length that begins with a reserved byte."""
    return Answer(raw=b"\xf8")


def endless_sentence(_sentence, _honest):
    """A sentence whose words never end."""
    return Answer(raw=b"\3!re", endless=b"\7=a=bcde" * 500)


def flood(sentence, _honest):
    """`!re` again and again, never `!done`."""
    words = [b"!re", b"=.id=*7FFFFFFF", b"=name=nobody"]
    return Answer(raw=b"",
                  endless=encode(*_tagged(sentence, [words] * 100)))


def cut(count):
    """Break off after so many bytes of the right answer; below 0: before."""
    def answer(_sentence, honest):
        right = honest()
        right.cut = count
        return right
    return answer


def done_but(fault):
    """Do what is asked for, and answer as the fault does."""
    def answer(sentence, honest):
        honest()
        return fault(sentence, honest)
    return answer


def only(command, fault):
    """The fault for one command only."""
    return lambda sentence, honest: (
        fault(sentence, honest) if sentence.command == command else honest())


def first(count, fault):
    """The fault for the first so many sentences only."""
    left = itertools.count(1)
    return lambda sentence, honest: (
        fault(sentence, honest) if next(left) <= count else honest())


# ---- the router ----

class RouterApi(StandIn):
    """The API on a port of its own; start() and stop(), or `with`.

    users       name -> password
    removed     names whose sessions were removed, in order
    logins      names that were let in, in order
    refused     names that were not
    violations  what was wrong, a line each
    answer      function of Sentence and honest()
    drip        seconds between the single bytes of every answer; 0: at once
    redials     a removed session is back at once, under another id

    old  a router before 6.43: it wants a challenge answered
    new  a router of today: it says `!empty` when nothing was found
    tls  (certificate file, key file), or ANONYMOUS, or None
    """

    def __init__(self, address="127.0.0.1", user="nasadmin",
                 password="naspw", tls=None, old=False, new=False):
        self.address = address
        self.users = {user.encode(): password.encode()}
        self.old = old
        self.new = new
        self._lock = threading.RLock()
        super().__init__(tls)

    def reset(self):
        """Nobody is online, nothing came; behave well again."""
        super().reset()
        self.removed = []
        self.logins = []
        self.refused = []
        self.violations = []
        self.connections = 0
        self.answer = lambda _sentence, honest: honest()
        self.drip = 0.0
        self.redials = False
        self._sessions = {}  # id -> name
        self._vanished = set()  # ids that remove does not find any more
        self._ids = itertools.count(FIRST_ID)
        self._logged_in = set()  # numbers of connections
        self._challenges = {}  # number of a connection -> bytes

    # ---- what tests arrange and ask ----

    def online(self, *names):
        """A session for each name: their ids."""
        with self._lock:
            return [self._dial(name) for name in names]

    def vanish(self, name):
        """What is online under that name will be gone when it comes to
        removing it."""
        with self._lock:
            self._vanished.update(
                known_as for known_as, other in self._sessions.items()
                if other == name)

    @property
    def sessions(self):
        """Names that are online, in order."""
        with self._lock:
            return list(self._sessions.values())

    @property
    def sentences(self):
        """What came, in order, as lists of words."""
        return [sentence.words for sentence in list(self.requests)]

    def wait_removed(self, n, timeout=10):
        """Wait until n sessions have been removed; their names."""
        wait_until(lambda: len(self.removed) >= n, timeout, "removed sessions")
        return self.removed

    def said_on(self, connection):
        """What came over one connection, numbered from 1."""
        return [sentence.words for sentence in list(self.requests)
                if sentence.connection == connection]

    # ---- answers ----

    def ordinary_reply(self, request):
        """As `answer` decides."""
        found = self.answer(request, lambda: self._honest(request))
        if self.drip and not found.drip:
            found.drip = self.drip
        return found

    def _honest(self, sentence):
        """Do what is asked for, say so."""
        with self._lock:
            wrong = sentence.what_is_wrong()
            if wrong:
                self._note(sentence, wrong)
            if (sentence.command != "/login"
                    and sentence.connection not in self._logged_in):
                self._note(sentence, "before the login")
                return say([b"!fatal", b"not logged in"], end="close")
            if sentence.command == "/quit":
                return say([b"!fatal", b"session terminated on request"],
                           end="close")
            words = self._COMMANDS.get(
                sentence.command, RouterApi._unknown)(self, sentence)
            return say(*_tagged(sentence, words))

    def _unknown(self, sentence):
        self._note(sentence, "no such command")
        return _trap("no such command", 0)

    def _login(self, sentence):
        if sentence.connection in self._logged_in:
            self._note(sentence, "logged in already")
        named = set(sentence.attributes)
        if self.old:
            self._want(sentence, set(), {b"name", b"password"},
                       {b"name", b"response"})
            if b"response" not in named:
                return self._challenge(sentence)
        else:
            self._want(sentence, {b"name", b"password"})
        return self._let_in(sentence)

    def _challenge(self, sentence):
        made = os.urandom(16)
        self._challenges[sentence.connection] = made
        return [[b"!done", b"=ret=" + made.hex().encode()]]

    def _let_in(self, sentence):
        """A login with a password, or with the answer to a challenge."""
        name = sentence.attributes.get(b"name", b"")
        password = self.users.get(name)
        if password is None or not self._is_right(sentence, password):
            self.refused.append(name)
            return _trap(WRONG_LOGIN)
        self.logins.append(name)
        self._logged_in.add(sentence.connection)
        return [[b"!done"]]

    def _is_right(self, sentence, password):
        if not self.old:
            return sentence.attributes.get(b"password") == password
        challenge = self._challenges.pop(sentence.connection, None)
        if challenge is None:
            self._note(sentence, "a response without a challenge")
            return False
        return sentence.attributes[b"response"] == response_to(
            challenge, password)

    def _print(self, sentence):
        """Sessions that fit the query."""
        self._want(sentence, set(), {b".proplist"}, queries=True)
        if not sentence.queries:
            self._note(sentence, "asks for everybody's sessions")
        shown = self._shown(sentence)
        query = self._query(sentence)
        found = [[b"!re"] + [b"=%s=%s" % (name, row[name]) for name in shown
                             if name in row]
                 for row in self._rows() if _fits(query, row)]
        if not found and self.new:
            found = [[b"!empty"]]
        return [*found, [b"!done"]]

    def _rows(self):
        return [{b".id": known_as, b"name": name, b"service": SERVICE,
                 b"caller-id": b"", b"uptime": b"1h2m3s"}
                for known_as, name in self._sessions.items()]

    def _shown(self, sentence):
        """Names of the properties that are wanted, in order."""
        known = (b".id", b"name", b"service", b"caller-id", b"uptime")
        wanted = sentence.attributes.get(b".proplist")
        if wanted is None:
            return known
        names = wanted.split(b",")
        for name in names:
            if name not in known:
                self._note(sentence, f"no property {name!r}")
        return names

    def _query(self, sentence):
        """The query as steps: (name, value), or the sign of an operator."""
        steps, depth = [], 0
        for word in sentence.queries:
            operators = re.fullmatch(rb"\?#([&|!]+)", word)
            compared = re.fullmatch(rb"\?=?(name|\.id)=(.*)", word, re.S)
            if not operators and not compared:
                self._note(sentence, f"the query {word!r} does not fit")
                return [None]
            more = operators[1].decode() if operators else [compared.groups()]
            for step in more:
                depth += {"!": 0, "&": -1, "|": -1}.get(step, 1)
                if depth < 1:
                    self._note(sentence, f"nothing to do ?#{step} with")
                    return [None]
            steps += more
        return steps

    def _remove(self, sentence):
        """Remove sessions by their ids, up to the first that is not there.
        """
        self._want(sentence, {b".id"})
        ids = sentence.attributes.get(b".id", b"").split(b",")
        for known_as in ids:
            if not ID.fullmatch(known_as):
                self._note(sentence, f"no id: {known_as!r}")
                return _trap("invalid value of .id", 1)
        for known_as in ids:
            if not self._hang_up(known_as):
                return _trap("no such item", 0)
        return [[b"!done"]]

    def _hang_up(self, known_as):
        """End a session; False when there is none of that id."""
        name = self._sessions.pop(known_as, None)
        if name is None or known_as in self._vanished:
            return False
        self.removed.append(name)
        if self.redials:
            self._dial(name)
        return True

    def _dial(self, name):
        known_as = b"*%X" % next(self._ids)
        self._sessions[known_as] = name
        return known_as

    def _want(self, sentence, *forms, queries=False):
        """The attributes are those of one of the forms."""
        named = set(sentence.attributes)
        if named not in forms:
            self._note(sentence, "attributes that do not fit: "
                       f"{b' '.join(sorted(named)).decode('latin-1')}")
        if sentence.queries and not queries:
            self._note(sentence, "a query that does not fit")

    def _note(self, sentence, what):
        """Put a violation down, once."""
        line = f"{sentence.number} {sentence.command}: {what}"
        if line not in self.violations:
            self.violations.append(line)

    _COMMANDS = {"/login": _login, "/ppp/active/print": _print,
                 "/ppp/active/remove": _remove}

    # ---- connections ----

    def _context(self):
        if self.tls != ANONYMOUS:
            return super()._context()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ADH:@SECLEVEL=0")
        with tempfile.TemporaryDirectory() as folder:
            context.load_dh_params(make_dh_parameters(Path(folder)))
        return context

    async def _serve(self, reader, writer):
        self.connections += 1
        await super()._serve(reader, writer)

    async def _read(self, reader, connection, task, writer):
        """Read one sentence and record it."""
        words = []
        try:
            words = await self._words(reader, words)
        except Broken as broken:
            self.violations.append(f"connection {connection}: {broken}")
            raise
        except asyncio.IncompleteReadError as end:
            if words or end.partial:
                self.violations.append(f"connection {connection}: "
                                       "broken off in a sentence")
            raise
        self._connections[task] = (writer, False)
        sentence = Sentence(next(self._numbers), connection, words,
                            time.monotonic())
        self.requests.append(sentence)
        return sentence

    async def _words(self, reader, words):
        """Words up to the end of a sentence, added to those that are there.
        """
        while True:
            length = await self._length(reader)
            if length > LONGEST_WORD:
                raise Broken(f"a word of {length} bytes")
            if length == 0 and not words:
                raise Broken("an empty sentence")
            if length == 0:
                return words
            words.append(None)
            words[-1] = await reader.readexactly(length)

    async def _length(self, reader):
        """The length of the next word."""
        data = await reader.readexactly(1)
        prefix = prefix_of(data[0])
        if prefix is None:
            raise Broken(f"the reserved byte {data[0]:#x}")
        size, bits, smallest = prefix
        try:
            data += await reader.readexactly(size - 1)
        except asyncio.IncompleteReadError as end:
            end.partial = data + end.partial
            raise
        length = int.from_bytes(bytes([data[0] & ~bits]) + data[1:], "big")
        if length < smallest:
            raise Broken(f"the length {length} in {size} bytes")
        return length

    async def _answer(self, writer, reply):
        """Send an answer; how the connection ends, or None to keep it."""
        end = await super()._answer(writer, reply)
        endless = getattr(reply, "endless", b"")
        while endless:
            writer.write(endless)
            await writer.drain()
            await asyncio.sleep(0)
        return end


def response_to(challenge, password):
    """What a client of an old router answers to its challenge."""
    digest = hashlib.md5(b"\0" + password + challenge).hexdigest()
    return b"00" + digest.encode()


def _fits(query, row):
    """Does a session fit the query? Its steps work on a stack."""
    stack = []
    for step in query:
        if step is None:
            return False
        if step == "!":
            stack.append(not stack.pop())
        elif step in ("&", "|"):
            two = stack.pop(), stack.pop()
            stack.append(all(two) if step == "&" else any(two))
        else:
            stack.append(row[step[0]] == step[1])
    return all(stack)


def _trap(text, category=None):
    """`!trap` with a text, and `!done`."""
    words = [b"!trap"]
    if category is not None:
        words.append(b"=category=%d" % category)
    return [[*words, b"=message=" + text.encode()], [b"!done"]]


def _tagged(sentence, sentences):
    """Sentences with the tag of the one that they answer."""
    tag = [sentence.tag] if sentence.tag else []
    return [words + tag for words in sentences]
