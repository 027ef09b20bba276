"""The part of the RouterOS console language that a session reset needs.

    outcome = run(b':put [:len [/ppp active find name="u1"]]', Sessions())

A line is read as a whole first. Whatever is not in the subset below is
refused with the words of a router, and nothing of the line is done.

    line       statement { ";" statement }
    statement  :do {line} [on-error={line}]
             | :if (expression) do={line} [else={line}]
             | :local NAME [value]
             | :put value
             | /ppp active remove value
    value      "string" | number | $NAME | (expression) | [command]
    expression value { "." value } | value COMPARISON value
    command    :len value | /ppp active find [where] name=value

Within the brackets after /ppp active remove, find needs no menu.

What a router would do, but no client of ours may ask for, is done and noted
as a violation: data that are expanded, a variable with the name of a property
(find then compares the property with itself), a hexadecimal number that
became a control character. Raw line breaks, control characters and question
marks are noted and refused, as a console does something of its own with them.
"""

import itertools
import re
from collections import Counter
from dataclasses import dataclass, field

LONGEST_LINE = 4096
PROPERTIES = {b"name", b"user"}
MENU = (b"ppp", b"active")
ESCAPES = {b'"': b'"', b"\\": b"\\", b"$": b"$", b"?": b"?", b"_": b" ",
           b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b",
           b"f": b"\f", b"v": b"\v"}
HEX = re.compile(rb"[0-9A-F]{2}")
ANY_HEX = re.compile(rb"[0-9A-Fa-f]{2}")
WORD = re.compile(rb"[A-Za-z][A-Za-z0-9-]*")
NAME = re.compile(rb"[A-Za-z0-9]+")
NUMBER = re.compile(rb"[0-9]+")
COMPARISON = re.compile(rb">=|<=|!=|>|<|=")
COMPARE = {b">": lambda a, b: a > b, b"<": lambda a, b: a < b,
           b">=": lambda a, b: a >= b, b"<=": lambda a, b: a <= b,
           b"=": lambda a, b: a == b, b"!=": lambda a, b: a != b}


class Refused(Exception):
    """The line cannot be read; the text is what the router says."""


class Trouble(Exception):
    """An error while a line runs; the text is what the router says."""


class Sessions:
    """Who is online. An entry is an id and a name; names may repeat.

    removed   names that were removed, in order
    """

    def __init__(self):
        self.removed = []
        self._entries = {}  # id -> name
        self._ids = itertools.count(0x80000001)
        self._vanishing = Counter()

    @property
    def names(self):
        """Names of the sessions now, in order."""
        return list(self._entries.values())

    def online(self, *names):
        """One more session for each name."""
        for name in names:
            self._entries[next(self._ids)] = _bytes(name)

    def offline(self, *names):
        """End all sessions of these names; they do not count as removed."""
        gone = set(map(_bytes, names))
        self._entries = {number: name for number, name
                         in self._entries.items() if name not in gone}

    def vanish(self, name, times=1):
        """The next removals of that name find no such item any more.

        With the last one the session is really gone; before that its client
        has dialled in again at once.
        """
        self._vanishing[_bytes(name)] = times

    def find(self, name):
        """Ids of the sessions with exactly that name; None: of all."""
        return [number for number, known in self._entries.items()
                if name is None or known == name]

    def remove(self, numbers):
        """End sessions by their ids."""
        for number in numbers:
            name = self._entries.get(number)
            if name is None:
                raise Trouble("no such item")
            if self._vanishing[name]:
                self._vanishing[name] -= 1
                if not self._vanishing[name]:
                    del self._entries[number]
                raise Trouble("no such item")
            del self._entries[number]
            self.removed.append(name)


@dataclass
class Outcome:
    """What came of a line.

    output      what the router prints
    refused     the line could not be read, and nothing was done
    violations  attempts to have data interpreted, in words
    raw         strings that hold bytes above 0x7F as they are
    """

    output: bytes = b""
    refused: bool = False
    violations: list = field(default_factory=list)
    raw: list = field(default_factory=list)


def run(line, sessions):
    """Read a line and do what it says."""
    parser = Parser(line)
    outcome = Outcome(violations=parser.violations, raw=parser.raw)
    try:
        program = parser.line()
    except Refused as refused:
        outcome.output = _line(str(refused))
        outcome.refused = True
        return outcome
    running = Running(sessions, outcome)
    try:
        program(running)
    except Trouble as trouble:
        running.put(str(trouble).encode())
    return outcome


class Running:
    """State of a line that runs."""

    def __init__(self, sessions, outcome):
        self.sessions = sessions
        self.outcome = outcome
        self.scopes = [{}]

    def put(self, value):
        """Print a value on a line of its own."""
        self.outcome.output += as_text(value) + b"\r\n"

    def value(self, name):
        """Value of a variable; the innermost one counts."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return b""


def as_text(value):
    """A value as the console prints it."""
    if isinstance(value, list):
        return b";".join(b"*%X" % number for number in value)
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return b"%d" % value if isinstance(value, int) else value


class Parser:
    """Reads a line into functions of a Running."""

    def __init__(self, text):
        self.text = text
        self.at = 0
        self.violations = []
        self.raw = []
        self._names = [set()]  # of variables, by block

    # ---- statements ----

    def line(self):
        """The whole line."""
        if len(self.text) > LONGEST_LINE:
            self._syntax(LONGEST_LINE)
        try:
            program = self._statements()
        except RecursionError:
            self._syntax()
        if self.at < len(self.text):
            self._end_expected()
        return program

    def _statements(self):
        """Statements up to the end of the line or block."""
        statements = []
        while True:
            self._blanks()
            if self._sees(b";"):
                self.at += 1
            elif self.at == len(self.text) or self._sees(b"}"):
                return lambda running: [do(running) for do in statements]
            else:
                statements.append(self._statement())
                self._blanks()
                if self._peek() not in b";}":
                    self._end_expected()

    def _statement(self):
        if self._sees(b":"):
            words = {b"do": self._do, b"if": self._if, b"local": self._local,
                     b"put": self._put}
            return self._command(words)()
        if not self._sees(b"/"):
            self._unknown()
        self._menu()
        self._word(b"remove")
        self._gap()
        which = self._value(in_menu=True)
        return lambda running: _remove(running, which(running))

    def _command(self, words):
        """What the command after the colon is."""
        self.at += 1
        begin = self.at
        word = self._any_word()
        if word not in words:
            self._bad_command(word, begin)
        return words[word]

    def _do(self):
        self._blanks()
        body = self._block()
        rescue = self._named_block(b"on-error")

        def do(running):
            scopes = len(running.scopes)
            try:
                body(running)
            except Trouble:
                if not rescue:
                    raise
                del running.scopes[scopes:]
                rescue(running)
        return do

    def _if(self):
        self._blanks()
        condition = self._parens()
        then = self._named_block(b"do") or self._syntax()
        otherwise = self._named_block(b"else")

        def do(running):
            truth = condition(running)
            if not isinstance(truth, bool):
                raise Trouble("conditional not boolean")
            if truth:
                then(running)
            elif otherwise:
                otherwise(running)
        return do

    def _local(self):
        self._gap()
        name = self._match(NAME)
        if name in PROPERTIES:
            self._violation(f"a variable named {name.decode()}, "
                            "as a property is")
        self._names[-1].add(name)
        self._blanks()
        value = ((lambda running: b"") if self._peek() in b";}"
                 else self._value())

        def do(running):
            running.scopes[-1][name] = value(running)
        return do

    def _put(self):
        self._blanks()
        value = self._value()
        return lambda running: running.put(value(running))

    def _named_block(self, name):
        """name={...} if it comes next, else None."""
        begin = self.at
        self._blanks()
        if not self._sees(name + b"="):
            self.at = begin
            return None
        self.at += len(name) + 1
        return self._block()

    def _block(self):
        """Statements within braces, with variables of their own."""
        self._char(b"{")
        self._names.append(set())
        body = self._statements()
        self._names.pop()
        self._char(b"}")

        def do(running):
            running.scopes.append({})
            body(running)
            running.scopes.pop()
        return do

    # ---- values ----

    def _value(self, in_menu=False):
        if self._sees(b'"'):
            return self._string()
        if self._sees(b"$"):
            return self._variable()
        if self._sees(b"("):
            return self._parens()
        if self._sees(b"["):
            return self._brackets(in_menu)
        number = int(self._match(NUMBER))
        return lambda running: number

    def _variable(self):
        begin = self.at
        self._char(b"$")
        name = self._match(NAME)
        if not any(name in names for names in self._names):
            self._syntax(begin)
        return lambda running: running.value(name)

    def _parens(self):
        self._char(b"(")
        value = self._expression()
        self._char(b")")
        return value

    def _expression(self):
        self._blanks()
        left = self._value()
        self._blanks()
        comparison = COMPARISON.match(self.text, self.at)
        if comparison:
            self.at = comparison.end()
            self._blanks()
            right = self._value()
            self._blanks()
            return lambda running: _compare(
                comparison[0], left(running), right(running))
        parts = [left]
        while self._sees(b"."):
            self.at += 1
            self._blanks()
            parts.append(self._value())
            self._blanks()
        if len(parts) == 1:
            return left
        return lambda running: b"".join(
            [as_text(part(running)) for part in parts])

    def _brackets(self, in_menu):
        self._char(b"[")
        self._blanks()
        if self._sees(b":"):
            value = self._command({b"len": self._len})()
        else:
            value = self._find(in_menu)
        self._blanks()
        if self._peek() != b"]":
            self._end_expected()
        self._char(b"]")
        return value

    def _len(self):
        self._blanks()
        value = self._value()
        return lambda running: _len(value(running))

    def _find(self, in_menu):
        if self._sees(b"/"):
            self._menu()
        elif not in_menu:
            self._unknown()
        self._word(b"find")
        self._gap()
        if self._sees(b"where "):
            self.at += len(b"where")
            self._gap()
        if not self._sees(b"name="):
            self._syntax()
        self.at += len(b"name=")
        if self._sees(b'"'):
            name = self._string()
            return lambda running: running.sessions.find(name(running))
        begin = self.at
        name = self._variable()
        if self.text[begin + 1:self.at] in PROPERTIES:
            return lambda running: running.sessions.find(None)
        return lambda running: running.sessions.find(as_text(name(running)))

    # ---- strings ----

    def _string(self):
        """A string; a function, as data in it may be expanded."""
        begin = self.at
        self._char(b'"')
        parts = []
        while not self._sees(b'"'):
            parts.append(self._piece())
        self.at += 1
        if max(self.text[begin:self.at]) > 0x7F:
            self.raw.append(self.text[begin:self.at])
        if all(isinstance(part, bytes) for part in parts):
            whole = b"".join(parts)
            return lambda running: whole
        return lambda running: b"".join(
            [part if isinstance(part, bytes) else as_text(part(running))
             for part in parts])

    def _piece(self):
        """The next byte of a string, or the function of an expansion."""
        char = self._peek()
        if char == b"\\":
            return self._escape()
        if char == b"$":
            return self._expansion()
        if char == b"?":
            self._violation("a question mark, which asks for help")
            self._syntax()
        if not char:
            self._syntax()
        if char < b" " or char == b"\x7f":
            self._control(char)
        self.at += 1
        return char

    def _escape(self):
        begin = self.at
        self.at += 1
        pair = HEX.match(self.text, self.at)
        if pair:
            self.at = pair.end()
            return bytes([int(pair[0], 16)])
        char = self._peek()
        if not char or char not in ESCAPES:
            self._syntax(begin)
        if ANY_HEX.match(self.text, self.at):
            self._violation("a hexadecimal number in lower case", begin)
        self.at += 1
        return ESCAPES[char]

    def _expansion(self):
        """An unescaped dollar within a string."""
        self._violation("data are expanded")
        following = self.text[self.at + 1:self.at + 2]
        if following == b"[":
            self.at += 1
            return self._brackets(False)
        if following == b"(":
            self.at += 1
            return self._parens()
        self.at += 1
        name = self._match(NAME)
        return lambda running: running.value(name)

    # ---- pieces ----

    def _menu(self):
        """/ppp active, and the blank after it."""
        self._char(b"/")
        for word in MENU:
            self._word(word)
            self._gap()

    def _word(self, wanted):
        begin = self.at
        word = self._any_word()
        if word != wanted:
            self._bad_command(word, begin)

    def _any_word(self):
        return self._match(WORD)

    def _match(self, pattern):
        found = pattern.match(self.text, self.at)
        if not found:
            self._syntax()
        self.at = found.end()
        return found[0]

    def _char(self, char):
        if not self._sees(char):
            self._syntax()
        self.at += 1

    def _peek(self):
        """The next byte; nothing at the end."""
        return self.text[self.at:self.at + 1]

    def _sees(self, text):
        return self.text.startswith(text, self.at)

    def _gap(self):
        """At least one blank."""
        if not self._sees(b" "):
            self._end_expected()
        self._blanks()

    def _blanks(self):
        while self._sees(b" "):
            self.at += 1
        char = self._peek()
        if char and (char < b" " or char == b"\x7f"):
            self._control(char)

    # ---- refusals ----

    def _control(self, char):
        self._violation(f"the raw byte 0x{char[0]:02X}")
        self._syntax()

    def _unknown(self):
        """Something that is no statement."""
        word = WORD.match(self.text, self.at)
        if word:
            self._bad_command(word[0], self.at)
        self._syntax()

    def _end_expected(self):
        self._refuse("expected end of command", self.at)

    def _bad_command(self, word, at):
        self._refuse(f"bad command name {word.decode()}", at)

    def _syntax(self, at=None):
        self._refuse("syntax error", self.at if at is None else at)

    def _refuse(self, what, at):
        raise Refused(f"{what} (line 1 column {at + 1})")

    def _violation(self, what, at=None):
        column = (self.at if at is None else at) + 1
        self.violations.append(f"{what} (column {column})")


def _remove(running, which):
    if not isinstance(which, list):
        raise Trouble("invalid internal item number")
    running.sessions.remove(which)


def _compare(how, left, right):
    if type(left) is not type(right) or isinstance(left, list):
        raise Trouble("cannot compare values of these types")
    return COMPARE[how](left, right)


def _len(value):
    return len(value if isinstance(value, list) else as_text(value))


def _line(text):
    return text.encode() + b"\r\n"


def _bytes(name):
    return name.encode() if isinstance(name, str) else name
