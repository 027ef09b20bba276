"""Hostile logins, and hostile answers of routers, each judged twice.

Logins go through our command lines into the strict console of the stand-in:
exactly the sessions of these logins end, and nothing is interpreted. Answers
with bytes changed go through our readers and through other ones, written
here: both must make the same of them.

    MBEV_LOGINS=200000  how many logins; a fourth of it of each kind of answer
    MBEV_SEED=7         which ones
"""

import contextlib
import hashlib
import hmac
import os
import random
import re
import subprocess
from collections import Counter

import pytest

from harness import radius, ros_api, ros_script
from harness.server import build_dir

LOGINS = int(os.environ.get("MBEV_LOGINS", "20000"))
SEED = int(os.environ.get("MBEV_SEED", "20260101"))
BATCH = 32
REFUSED = re.compile(rb"[\x00-\x1f\x7f]")


@pytest.fixture(name="dice")
def fixture_dice(request):
    """The same numbers in each run."""
    print(f"seed {SEED}")
    return random.Random(f"{SEED} {request.node.name}")


def told(cases):
    """What router_cases says to each case."""
    cases = list(cases)
    done = subprocess.run([build_dir() / "router_cases"],
                          input="\n".join(cases) + "\n", text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    results = done.stdout.splitlines()
    assert len(results) == len(cases)
    return results


def hexed(data):
    """Bytes as a word of a case."""
    return data.hex() or "-"


def unhexed(word):
    """The bytes of such a word."""
    return b"" if word == "-" else bytes.fromhex(word)


# ---- logins

FRAGMENTS = [
    '"', '\\', "$", "?", "'", "`", "#", ";", ":", "{", "}", "[", "]", "(", ")",
    "=", "~", "!", "|", "&", "<", ">", "%", "*", "/", ",", "\t", "\r", "\n",
    "\x00", "\x7f", "\x1b", "\\\"", '"]', '"; ', "\\n", "\\41", "\\5C", "\\22",
    "\\24", "$name", "$user", "$mbevL", "$mbevN", "$[:put 1]", "$(1+1)",
    "/ppp active remove [find]", "[find]", " where ", ' or name~"', "name=",
    ":put 1", ":do {", "} on-error={", "on-error", "/system reset",
    "MBEV-OK 0 1", "MBEV-ERR 0", "*80000001", "u1", "sub1", "a", "Z", "0", " ",
    "_", "-", ".", "@", "ё", "Ж", "№", "\u0085", "\u2028", "😀"]
PLANES = [(0x20, 0x7e), (0x80, 0x7ff), (0x800, 0xd7ff), (0xe000, 0xffff),
          (0x10000, 0x10ffff)]


def of_fragments(dice):
    """Pieces of the language of the console."""
    text = ""
    while len(text) < dice.choice([1, 4, 12, 32]):
        text += dice.choice(FRAGMENTS)
    return text[:32].encode().rstrip(b"\x00") or b'"'


def of_koi8r(dice):
    """Bytes of a column in koi8r, as the service reads them."""
    low = dice.choice([0x01, 0x20, 0x20, 0x20, 0x80])
    data = bytes(dice.randint(low, 0xff) for _ in range(dice.randint(1, 32)))
    return data.decode("koi8-r").encode()


def of_unicode(dice):
    """Characters of all planes, of a column in utf8mb4."""
    planes = dice.choice([PLANES[:1], PLANES[:2], PLANES])
    return "".join(chr(dice.randint(*dice.choice(planes))) for _ in
                   range(dice.randint(1, dice.choice([8, 32])))).encode()


def of_bytes(dice):
    """Anything that a text in C can be."""
    return bytes(dice.randint(1, 255)
                 for _ in range(dice.choice([0, 1, 8, 63, 64, 65])))


def mixed(dice):
    """A usual login with something in it."""
    login = dice.choice([b"sub1001", b"ivan.petrov", "Ёжик".encode(), b"u-1"])
    at = dice.randint(0, len(login))
    return login[:at] + of_fragments(dice)[:12] + login[at:]


KINDS = [of_fragments, of_koi8r, of_unicode, of_bytes, mixed]


def without_nul(data):
    """A text in C ends there."""
    return data.split(b"\x00")[0]


def bystanders(dice, login):
    """Sessions that are not those of the login, mostly."""
    return dice.sample([
        login + b" ", login + b"\\", b" " + login, login[:-1], login[1:],
        login.swapcase(), login * 2, login + login[-1:],
        re.sub(rb"[^A-Za-z0-9]", b"?", login),
        "".join(f"\\{byte:02X}" for byte in login).encode(),
        login.replace(b"$", b"").replace(b"\\", b"")], 2)


def test_sessions_of_hostile_logins_end_and_no_others(dice):
    batches = [[without_nul(dice.choice(KINDS)(dice)) for _ in range(BATCH)]
               for _ in range(LOGINS // BATCH)]
    results = told("build " + " ".join(map(hexed, batch))
                   for batch in batches)
    accepted = ended = 0
    for batch, result in zip(batches, results):
        verdicts, *lines = result.split("\t")
        good = [login for login in batch if is_login(login)]
        assert verdicts == "".join(
            str(int(is_login(login))) for login in batch), batch
        accepted += len(good)
        for line in lines:
            count, line = line.split(" ", 1)
            some, good = good[:int(count)], good[int(count):]
            ended += check_line(dice, line, some)
        assert not good
    print(f"{accepted} logins accepted of {LOGINS}, {ended} sessions ended")
    assert LOGINS * 0.4 < accepted < LOGINS * 0.95 and ended > accepted


def is_login(login):
    """1 to 64 bytes, and no control character."""
    return 1 <= len(login) <= 64 and not REFUSED.search(login)


def check_line(dice, line, logins):
    """What a router does with the line; how many sessions end."""
    assert re.fullmatch(r"[ -~]{1,3999}", line)
    names = [*dice.choices(logins, k=len(logins)), *logins, b"", b"name"]
    for login in logins:
        names += bystanders(dice, login)
    dice.shuffle(names)
    sessions = ros_script.Sessions()
    sessions.online(*names)
    outcome = ros_script.run(line.encode(), sessions)
    assert not outcome.refused, (line, outcome.output)
    assert not outcome.violations and not outcome.raw, line
    meant = set(logins)
    left = [name for name in names if name not in meant]
    assert sessions.names == left, line
    there, answers = Counter(names), b""
    for tag, login in enumerate(logins):
        answers += b"MBEV-OK %d %d\r\n" % (tag, there.pop(login, 0))
    assert outcome.output == answers, line
    return len(names) - len(left)


# ---- answers

def mangled(dice, data, pieces):
    """With bytes changed, left out, doubled or put in, or none of that."""
    for _ in range(dice.choice([0, 1, 1, 2, 4])):
        at = dice.randint(0, len(data))
        end = dice.choice([at, at + 1, at + dice.randint(1, 9)])
        data = data[:at] + dice.choice([
            b"", bytes([dice.randint(0, 255)]), data[at:end] * 2,
            dice.choice(pieces)]) + data[end:]
    return data if dice.randint(0, 3) else data[:dice.randint(0, len(data))]


SAID = [b"MBEV-OK ", b"MBEV-ERR ", b"MBEV-OK 0 1\r\n", b"\r\n", b"\n", b"\r",
        b" ", b"0", b"00", b"7", b"999999", b"1000000", b"31", b"32",
        b"no such item\r\n", "привет".encode(), "привет".encode("koi8-r"),
        b"\xc2\x9b", b"\x1b[m", b"\x00", b"x" * 150, b"\xf0\x9f\x98\x80"]
ANSWER = re.compile(rb"MBEV-(OK|ERR) (0|[1-9][0-9]{0,5})"
                    rb"(?: (0|[1-9][0-9]{0,5}))?")


def console_reply(dice, count):
    """What a router might print."""
    lines = [b"MBEV-OK %d %d\r\n" % (tag, dice.choice([0, 1, 2, 40]))
             if dice.randint(0, 5) else b"MBEV-ERR %d\r\n" % tag
             for tag in range(count)]
    if not dice.randint(0, 3):
        dice.shuffle(lines)
    return mangled(dice, b"".join(lines), SAID)


def console_meaning(output, whole, count):
    """What it says: states, sessions and the other words."""
    lines = output.split(b"\n")
    if not whole:
        lines.pop()
    answers, others = {}, []
    for line in lines:
        line = line.rstrip(b"\r")
        found = ANSWER.fullmatch(line)
        if (found and (found[1] == b"OK") == (found[3] is not None)
                and int(found[2]) < count):
            answers.setdefault(int(found[2]), (
                "ended" if found[1] == b"OK" else "error",
                int(found[3] or 0)))
        elif line:
            others.append(line)
    states = [answers.get(tag, ("silent", 0)) for tag in range(count)]
    return states, cut_words(others)


def cut_words(lines):
    """The lines joined, as far as whole characters fit."""
    words = b""
    for number, line in enumerate(lines):
        for piece in [b"; "] * (number > 0) + list(characters(line)):
            if len(words) + len(piece) > 200:
                return words
            words += piece
    return words


def characters(line):
    """The characters of a text that may not be UTF-8; ? for each byte that
    is none, and for control characters."""
    while line:
        for size in range(1, 5):
            with contextlib.suppress(UnicodeDecodeError):
                point = ord(line[:size].decode())
                break
        else:
            size, point = 1, 0
        shown = point >= 0x20 and not 0x7f <= point < 0xa0
        yield line[:size] if shown else b"?"
        line = line[size:]


def test_answers_of_consoles_are_read_alike(dice):
    cases = []
    for _ in range(LOGINS // 4):
        count = dice.randint(1, 32)
        cases.append((console_reply(dice, count), dice.randint(0, 1), count))
    results = told(f"console {whole} {count} {hexed(output)}"
                   for output, whole, count in cases)
    for case, result in zip(cases, results):
        *states, words = result.split(" ")
        meant, others = console_meaning(*case)
        assert (states, unhexed(words)) == (
            [f"{state}:{n}" for state, n in meant], others), case


WORDS = [b"!re", b"!done", b"!trap", b"!fatal", b"!empty", b"=.id=*80000001",
         b"=name=sub1001", b"=name=", b"=message=failure", b"=ret=" + b"a" * 9,
         b"x" * 127, b"y" * 128, b"z" * 200, b".tag=7"]
LENGTHS = [b"\x00", b"\x7f", b"\x80", b"\x80\x01", b"\xbf\xff", b"\xf0",
           b"\xc0\x00\x05", b"\xc1\x00\x00", b"\xe0\x00\x00\x01",
           b"\xf0\x00\x00\x00\x02", b"\xf0\x00\x01\x00\x01", b"\xf1", b"\xff",
           b"\x03!re"]


def words_meaning(data):
    """Its sentences, and how it ends."""
    sentences, words, at = [], [], 0
    while True:
        if at == len(data):
            return sentences, "more"
        first = data[at]
        more = next((n for n, limit in enumerate(
            (0x80, 0xc0, 0xe0, 0xf0, 0xf1)) if first < limit), None)
        if more is None:
            return sentences, "broken"
        if len(data) - at <= more:
            return sentences, "more"
        rest = int.from_bytes(data[at + 1:at + 1 + more], "big")
        top = first & (0x7f, 0x3f, 0x1f, 0x0f, 0x00)[more]
        size = top << (8 * more) | rest
        at += 1 + more
        if size > 65536:
            return sentences, "broken"
        if len(data) - at < size:
            return sentences, "more"
        if not size:
            sentences.append(words)
            words = []
        elif len(words) == 64:
            return sentences, "broken"
        else:
            words.append(data[at:at + size])
            at += size


def test_sentences_are_read_alike(dice):
    cases = []
    for _ in range(LOGINS // 4):
        sentences = [dice.choices(WORDS, k=dice.choice([0, 1, 2, 3, 3, 70]))
                     for _ in range(dice.randint(1, 4))]
        cases.append(mangled(dice, ros_api.encode(*sentences), LENGTHS))
    results = told(f"words {hexed(data)}" for data in cases)
    for data, result in zip(cases, results):
        *sentences, end = result.split(" ")
        read = [[unhexed(word) for word in sentence.split(",") if word != "-"]
                for sentence in sentences]
        assert (read, end) == words_meaning(data), data


ATTRIBUTES = [(101, (503).to_bytes(4, "big")), (101, b"\0\0\1\xf6"),
              (101, b"\1"), (80, bytes(16)), (80, bytes(15)), (1, b"u1"),
              (18, b"x" * 40), (33, b"")]
CODES = {radius.ACK: "ack", radius.NAK: "nak"}


def radius_reply(dice, request, secret):
    """What a router might send: sealed before or after it is mangled."""
    pairs = dice.choices(ATTRIBUTES, k=dice.randint(0, 3))
    code = dice.choice([radius.ACK, radius.NAK, radius.NAK, radius.REQUEST])
    reply = radius.sealed(code, request[1], request[4:20], pairs, secret,
                          signed=not dice.randint(0, 2))
    if dice.randint(0, 1):
        return mangled(dice, reply, [b"\x65\x06", b"\x50\x12", bytes(4)])
    attributes = mangled(dice, reply[20:], [b"\x65\x06", b"\x50\x12"])
    data = radius.pack(code, request[1], request[4:20], attributes)
    return (data[:4] + hashlib.md5(data + secret).digest() + data[20:]
            + bytes(dice.choice([0, 0, 3])))


def radius_meaning(reply, request, secret):
    """The verdict of RFC 5176, and the first Error-Cause."""
    size = int.from_bytes(reply[2:4], "big")
    if not 20 <= size <= min(4096, len(reply)):
        return "none", 0
    reply = reply[:size]
    blank = reply[:4] + request[4:20] + reply[20:]
    if (reply[0] not in CODES or reply[1] != request[1]
            or hashlib.md5(blank + secret).digest() != reply[4:20]):
        return "none", 0
    try:
        pairs = radius.unpack_attributes(reply[20:])
    except ValueError:
        return "none", 0
    signatures = [value for kind, value in pairs if kind == 80]
    if len(signatures) > 1 or any(len(value) != 16 for value in signatures):
        return "none", 0
    if signatures:
        zeroed = radius.pack(reply[0], reply[1], request[4:20],
                             radius.pack_attributes(
                                 (kind, bytes(16) if kind == 80 else value)
                                 for kind, value in pairs))
        if hmac.digest(secret, zeroed, "md5") != signatures[0]:
            return "none", 0
    causes = [int.from_bytes(value, "big") for kind, value in pairs
              if kind == 101 and len(value) == 4]
    return CODES[reply[0]], causes[0] if causes else 0


def test_datagrams_are_read_alike(dice):
    cases = []
    for _ in range(LOGINS // 4):
        secret = dice.choice([b"s", b"mik-secret"])
        request = radius.sealed(radius.REQUEST, dice.randint(0, 255),
                                bytes(16), [(1, b"sub1001")], secret)
        cases.append((radius_reply(dice, request, secret), request, secret))
    results = told(
        f"radius {hexed(secret)} {hexed(request)} {hexed(reply)}"
        for reply, request, secret in cases)
    verdicts = Counter()
    for case, result in zip(cases, results):
        assert result == "{} {}".format(*radius_meaning(*case)), case
        verdicts[result.split()[0]] += 1
    print(dict(verdicts))
    assert min(verdicts[word] for word in ("none", "ack", "nak")) > 50
