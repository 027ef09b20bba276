"""The stand-in for the API of a router judges strictly."""

import socket
import ssl
import threading

import pytest

from harness import ros_api
from harness.certificates import Authority
from harness.process import wait_until
from harness.ros_api import RouterApi, encode, encode_length
from harness.standin import Gate

LOGIN = (b"/login", b"=name=nasadmin", b"=password=naspw")
DONE = [[b"!done"]]
WRONG = [[b"!trap", b"=message=invalid user name or password (6)"],
         [b"!done"]]
PRINT = b"/ppp/active/print"
REMOVE = b"/ppp/active/remove"


class Client:
    """A client of the API, as right or wrong as told."""

    def __init__(self, router, context=None, login=True):
        link = socket.create_connection((router.address, router.port), 5)
        self.link = context.wrap_socket(
            link, server_hostname=router.address) if context else link
        if login:
            assert self.say(*LOGIN) == DONE

    def say(self, *words):
        """Say a sentence; what is answered up to `!done` or `!fatal`."""
        self.send(encode(words))
        return self.answers()

    def send(self, data):
        self.link.sendall(data)

    def answers(self):
        sentences = [self.sentence()]
        while sentences[-1][0] not in (b"!done", b"!fatal"):
            sentences.append(self.sentence())
        return sentences

    def sentence(self):
        words = []
        while length := self.length():
            words.append(self.bytes(length))
        return words

    def length(self):
        first = self.bytes(1)[0]
        for bits, more in ((0x80, 0), (0xC0, 1), (0xE0, 2), (0xF0, 3)):
            if first < bits:
                kept = first & ~((bits << 1) & 0xFF) if more else first
                return int.from_bytes(bytes([kept]) + self.bytes(more), "big")
        raise ValueError(f"length byte {first:#x}")

    def bytes(self, count):
        data = b""
        while len(data) < count:
            more = self.link.recv(count - len(data))
            if not more:
                raise EOFError(data)
            data += more
        return data

    def names(self, *words):
        """(id, name) of what /ppp/active/print finds."""
        *found, last = self.say(PRINT, *words)
        assert last == [b"!done"]
        return [(words[1], words[2]) for words in found]


@pytest.fixture
def router():
    with RouterApi() as running:
        yield running


@pytest.mark.parametrize("length, prefix", [
    (0, "00"), (0x7F, "7f"), (0x80, "8080"), (0x3FFF, "bfff"),
    (0x4000, "c04000"), (0x1FFFFF, "dfffff"), (0x200000, "e0200000"),
    (0xFFFFFFF, "efffffff"), (0x10000000, "f010000000"),
])
def test_lengths_are_those_of_the_protocol(length, prefix):
    assert encode_length(length).hex() == prefix


def test_a_login_is_let_in_and_recorded(router):
    Client(router)
    assert router.logins == [b"nasadmin"]
    assert router.sentences == [list(LOGIN)]
    assert (router.refused, router.violations, router.connections) == (
        [], [], 1)


@pytest.mark.parametrize("name, password", [
    (b"nasadmin", b"other"), (b"nasadmin", b""), (b"other", b"naspw")])
def test_a_wrong_login_is_refused(router, name, password):
    client = Client(router, login=False)
    assert client.say(b"/login", b"=name=" + name,
                      b"=password=" + password) == WRONG
    assert (router.logins, router.refused) == ([], [name])
    assert router.violations == []
    assert client.say(*LOGIN) == DONE


def test_an_empty_password_may_be_right():
    with RouterApi(password="") as router:
        client = Client(router, login=False)
        assert client.say(b"/login", b"=name=nasadmin", b"=password=") == DONE


def test_several_users_are_known(router):
    router.users[b"nas2"] = b"pw2"
    client = Client(router, login=False)
    assert client.say(b"/login", b"=name=nas2", b"=password=pw2") == DONE
    assert router.logins == [b"nas2"]


@pytest.fixture
def old():
    with RouterApi(old=True) as running:
        yield running


@pytest.mark.parametrize("asks", [(b"/login",), LOGIN])
def test_an_old_router_has_its_challenge_answered(old, asks):
    client = Client(old, login=False)
    (done, challenge), = client.say(*asks)
    assert (done, challenge[:5], len(challenge)) == (b"!done", b"=ret=", 37)
    answer = ros_api.response_to(bytes.fromhex(challenge[5:].decode()),
                                 b"naspw")
    assert client.say(b"/login", b"=name=nasadmin",
                      b"=response=" + answer) == DONE
    assert (old.logins, old.violations) == ([b"nasadmin"], [])
    assert client.say(PRINT, b"?name=u1") == DONE


def test_a_response_is_that_of_the_protocol():
    assert ros_api.response_to(bytes(range(16)), b"naspw") == (
        b"0044cb7753235817151737a1de446417be")


def test_an_old_router_refuses_a_wrong_answer(old):
    client = Client(old, login=False)
    client.say(b"/login")
    wrong = (b"/login", b"=name=nasadmin", b"=response=00" + b"0" * 32)
    assert client.say(*wrong) == WRONG
    assert (old.refused, old.violations) == ([b"nasadmin"], [])
    assert client.say(*wrong) == WRONG
    assert old.violations == ["3 /login: a response without a challenge"]


def test_a_challenge_is_never_the_same(old):
    client = Client(old, login=False)
    assert client.say(b"/login") != client.say(b"/login")


def test_a_session_is_found_and_removed(router):
    router.online(b"u1", b"u2", b"u1")
    client = Client(router)
    assert client.say(PRINT, b"=.proplist=.id,name", b"?name=u1") == [
        [b"!re", b"=.id=*80000001", b"=name=u1"],
        [b"!re", b"=.id=*80000003", b"=name=u1"], [b"!done"]]
    assert client.say(REMOVE, b"=.id=*80000003") == DONE
    assert (router.removed, router.sessions) == ([b"u1"], [b"u1", b"u2"])
    assert client.say(REMOVE, b"=.id=*80000002,*80000001") == DONE
    assert router.removed == [b"u1", b"u2", b"u1"]
    assert (router.sessions, router.violations) == ([], [])


def test_a_name_is_compared_byte_by_byte(router):
    odd = b"a=b?c \"\xff\x00$[]"
    router.online(odd, b"U1", b"u11")
    client = Client(router)
    assert client.names(b"?name=u1") == []
    assert client.names(b"?name=" + odd) == [
        (b"=.id=*80000001", b"=name=" + odd)]


def test_without_a_proplist_there_is_more(router):
    router.online(b"u1")
    words = Client(router).say(PRINT, b"?name=u1")[0]
    assert words[:3] == [b"!re", b"=.id=*80000001", b"=name=u1"]
    assert b"=service=pppoe" in words


def test_queries_work_on_a_stack(router):
    router.online(b"u1", b"u2", b"u3")
    client = Client(router)

    def found(*words):
        return [name for _, name in client.names(*words)]
    assert found(b"?name=u1", b"?name=u2", b"?#|") == [b"=name=u1",
                                                       b"=name=u2"]
    assert found(b"?name=u1", b"?name=u2") == []
    assert found(b"?name=u1", b"?#!") == [b"=name=u2", b"=name=u3"]
    assert found(b"?=name=u3", b"?.id=*80000003", b"?#&") == [b"=name=u3"]
    assert router.violations == []
    assert found(b"?name=u1", b"?#|") == []
    assert "nothing to do" in router.violations[0]


def test_a_router_of_today_says_that_nothing_was_found():
    with RouterApi(new=True) as router:
        client = Client(router)
        assert client.say(PRINT, b"?name=u1") == [[b"!empty"], [b"!done"]]
        router.online(b"u1")
        assert client.say(PRINT, b"=.proplist=.id", b"?name=u1") == [
            [b"!re", b"=.id=*80000001"], [b"!done"]]


NO_ITEM = [[b"!trap", b"=category=0", b"=message=no such item"], [b"!done"]]


def test_what_vanishes_is_found_and_cannot_be_removed(router):
    router.online(b"u1", b"u2")
    router.vanish(b"u1")
    client = Client(router)
    assert len(client.names(b"?name=u1")) == 1
    assert client.say(REMOVE, b"=.id=*80000001,*80000002") == NO_ITEM
    assert (router.removed, router.sessions) == ([], [b"u2"])
    assert client.say(REMOVE, b"=.id=*80000001") == NO_ITEM
    assert router.violations == []


def test_a_subscriber_may_redial_at_once(router):
    router.redials = True
    router.online(b"u1")
    client = Client(router)
    assert client.say(REMOVE, b"=.id=*80000001") == DONE
    assert client.names(b"?name=u1") == [(b"=.id=*80000002", b"=name=u1")]


def test_answers_bear_the_tag_of_the_question(router):
    router.online(b"u1")
    assert Client(router).say(
        PRINT, b"=.proplist=name", b"?name=u1", b".tag=7") == [
        [b"!re", b"=name=u1", b".tag=7"], [b"!done", b".tag=7"]]
    assert router.violations == []


def test_quitting_is_no_violation(router):
    client = Client(router)
    assert client.say(b"/quit")[0][0] == b"!fatal"
    assert (client.link.recv(1), router.violations) == (b"", [])


@pytest.mark.parametrize("words, told", [
    ((PRINT,), "asks for everybody's sessions"),
    ((PRINT, b"?name"), "the query b'?name' does not fit"),
    ((PRINT, b"?user=u1"), "the query b'?user=u1' does not fit"),
    ((PRINT, b"?name=u1", b"=.id=*1"), "attributes that do not fit: .id"),
    ((PRINT, b"?name=u1", b"=.proplist=.id,nick"), "no property b'nick'"),
    ((PRINT, b"?name=u1", b"=.proplist"), "has no value"),
    ((PRINT, b"?name=u1", b"name=u1"), "is of no kind"),
    ((REMOVE,), "attributes that do not fit"),
    ((REMOVE, b"=.id="), "no id: b''"),
    ((REMOVE, b"=.id=u1"), "no id: b'u1'"),
    ((REMOVE, b"=.id=*1,"), "no id: b''"),
    ((REMOVE, b"=.id=*1", b"=.id=*2"), "stands twice"),
    ((REMOVE, b"=.id=*1", b"=numbers=1"), "do not fit: .id numbers"),
    ((REMOVE, b"=.id=*1", b"?name=u1"), "a query that does not fit"),
    ((b"/ppp/active/delete", b"=.id=*1"), "no such command"),
    ((b"ppp active print",), "no such command"),
    (LOGIN, "logged in already"),
])
def test_a_wrong_sentence_is_told(router, words, told):
    client = Client(router)
    assert client.say(*words)[-1] == [b"!done"]
    assert any(told in line for line in router.violations)
    assert router.removed == []


@pytest.mark.parametrize("words", [
    (b"/login",), (*LOGIN, b"=extra=1"), LOGIN[:2], (*LOGIN, b"?name=x"),
    (b"/login", b"=name=nasadmin", b"=response=00" + b"0" * 32)])
def test_a_login_of_another_form_is_told(router, words):
    Client(router, login=False).say(*words)
    assert "not fit" in router.violations[0]


def test_nothing_is_said_before_the_login(router):
    client = Client(router, login=False)
    assert client.say(PRINT, b"?name=u1") == [[b"!fatal", b"not logged in"]]
    assert client.link.recv(1) == b""
    assert router.violations == ["1 /ppp/active/print: before the login"]


def test_a_login_counts_for_its_connection_only(router):
    Client(router)
    client = Client(router, login=False)
    assert client.say(PRINT, b"?name=u1")[0][0] == b"!fatal"
    assert router.connections == 2
    assert router.said_on(2) == [[PRINT, b"?name=u1"]]


@pytest.mark.parametrize("data, told", [
    (b"\xf8", "the reserved byte 0xf8"),
    (b"\xff\xff", "the reserved byte 0xff"),
    (b"\x80\x06/login\0", "the length 6 in 2 bytes"),
    (b"\xe0\x00\x40\x00", "the length 16384 in 4 bytes"),
    (b"\xf0\x10\x00\x00\x00", "a word of 268435456 bytes"),
    (b"\xc1\x00\x01", "a word of 65537 bytes"),
    (b"\0", "an empty sentence"),
])
def test_a_malformed_length_ends_the_connection(router, data, told):
    client = Client(router, login=False)
    client.send(data)
    assert client.link.recv(1) == b""
    assert router.violations == [f"connection 1: {told}"]
    assert router.sentences == []


@pytest.mark.parametrize("data", [b"\x06/log", b"\x06/login", b"\x80"])
def test_a_sentence_broken_off_is_told(router, data):
    client = Client(router, login=False)
    client.send(data)
    client.link.close()
    wait_until(lambda: router.violations, 5, "violation")
    assert router.violations == ["connection 1: broken off in a sentence"]


def test_long_words_and_single_bytes_arrive_whole(router):
    client = Client(router)
    name = b"x" * 20000
    for byte in encode([PRINT, b"?name=" + name]):
        client.send(bytes([byte]))
    assert client.answers() == DONE
    assert router.sentences[-1] == [PRINT, b"?name=" + name]


def test_answers_may_come_byte_by_byte(router):
    router.online(b"u1")
    client = Client(router)
    router.drip = 0.001
    client.send(encode([PRINT, b"=.proplist=.id", b"?name=u1"]))
    pieces = [client.link.recv(100)]
    while not b"".join(pieces).endswith(b"!done\0"):
        pieces.append(client.link.recv(100))
    assert len(pieces) > 10
    assert b"".join(pieces) == encode([b"!re", b"=.id=*80000001"], *DONE)


def refused_by(router, *words):
    """What comes until the router closes."""
    client = Client(router)
    client.send(encode(words or (PRINT, b"?name=u1")))
    data = b""
    while more := client.link.recv(4096):
        data += more
    return data


def to_print(fault):
    return ros_api.only("/ppp/active/print", fault)


@pytest.mark.parametrize("fault, data", [
    (ros_api.close, b""),
    (ros_api.fatal("too many"), b"\6!fatal\x08too many\0"),
    (ros_api.cut(3), b"\5!d"),
    (ros_api.garbage, bytes(range(1, 248)) * 8),
])
def test_a_router_may_close(router, fault, data):
    router.answer = to_print(fault)
    assert refused_by(router) == data


def test_a_router_may_reset_the_connection(router):
    router.answer = to_print(ros_api.reset)
    with pytest.raises(ConnectionResetError):
        refused_by(router)


def test_a_router_may_refuse_with_a_text(router):
    router.online(b"u1")
    router.answer = ros_api.only("/ppp/active/remove", ros_api.trap(
        "not enough permissions (9)", category=4))
    client = Client(router)
    assert client.say(REMOVE, b"=.id=*80000001") == [
        [b"!trap", b"=category=4", b"=message=not enough permissions (9)"],
        [b"!done"]]
    assert router.removed == []


def test_a_trap_may_stand_alone(router):
    client = Client(router)
    router.answer = ros_api.trap("x", done=False)
    client.send(encode([PRINT, b"?name=u1"]))
    assert client.sentence() == [b"!trap", b"=message=x"]
    client.link.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.sentence()


@pytest.mark.parametrize("fault, begin", [
    (ros_api.hang, b""), (ros_api.reserved, b"\xf8"),
    (ros_api.announce, b"\xef\xff\xff\xff")])
def test_a_router_may_stop_answering(router, fault, begin):
    client = Client(router)
    router.answer = to_print(fault)
    client.send(encode([PRINT, b"?name=u1"]))
    assert client.bytes(len(begin)) == begin
    client.link.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.link.recv(1)


@pytest.mark.parametrize("fault, begin", [
    (ros_api.huge_word, b"\xef\xff\xff\xffxxx"),
    (ros_api.endless_sentence, b"\3!re\7=a=bcde\7=a=bcde"),
    (ros_api.flood, b"\3!re\x0e=.id=*7FFFFFFF\x0c=name=nobody\0\3!re"),
])
def test_an_answer_may_never_end(router, fault, begin):
    client = Client(router)
    router.answer = to_print(fault)
    client.send(encode([PRINT, b"?name=u1"]))
    assert client.bytes(len(begin)) == begin
    assert len(client.bytes(3_000_000)) == 3_000_000
    client.link.close()
    router.answer = lambda sentence, honest: honest()
    assert Client(router).names(b"?name=u1") == []


def test_a_flood_does_not_outlive_the_router():
    with RouterApi() as router:
        router.answer = to_print(ros_api.flood)
        client = Client(router)
        client.send(encode([PRINT, b"?name=u1"]))
        client.bytes(100)
    with pytest.raises((EOFError, ConnectionError)):
        client.bytes(1 << 30)


def test_what_was_done_may_remain_untold(router):
    router.online(b"u1")
    router.answer = ros_api.only(
        "/ppp/active/remove", ros_api.done_but(ros_api.close))
    assert refused_by(router, REMOVE, b"=.id=*80000001") == b""
    assert router.removed == [b"u1"]


def test_only_the_first_may_fail(router):
    router.answer = ros_api.first(1, ros_api.close)
    with pytest.raises(EOFError):
        Client(router)
    Client(router)
    assert router.logins == [b"nasadmin"]


def test_a_gate_holds_an_answer_back(router):
    client = Client(router)
    gate = router.reply = Gate(router.ordinary_reply)
    client.send(encode([PRINT, b"?name=u1"]))
    client.link.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.sentence()
    gate.open.set()
    client.link.settimeout(5)
    assert client.answers() == DONE


def test_connections_can_be_ended_unread(router):
    router.on_connect = "close"
    with pytest.raises((EOFError, ConnectionError)):
        Client(router)
    assert (router.sentences, router.connections) == ([], 1)


def test_a_router_comes_back_on_its_port(router):
    port = router.port
    router.online(b"u1")
    router.stop()
    with pytest.raises(ConnectionRefusedError):
        Client(router)
    router.start()
    assert router.port == port
    assert Client(router).names(b"?name=u1")


def test_two_routers_have_the_same_port_on_two_addresses(router):
    other = RouterApi(address="127.0.0.2")
    other.port = router.port
    with other:
        other.online(b"u1")
        assert Client(router).names(b"?name=u1") == []
        assert len(Client(other).names(b"?name=u1")) == 1


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def trusting(authority):
    return ssl.create_default_context(cafile=authority.certificate)


def test_tls_with_a_certificate_of_an_authority(authority):
    with RouterApi(tls=authority.issue()) as router:
        router.online(b"u1")
        router.drip = 0.0005
        assert len(Client(router, trusting(authority))
                   .names(b"?name=u1")) == 1
        with pytest.raises(ssl.SSLCertVerificationError):
            Client(router, ssl.create_default_context())
        assert router.violations == []


@pytest.mark.parametrize("name, days, told", [
    ("127.0.0.9", 2, "IP address mismatch"),
    ("router.example", 2, "IP address mismatch"),
    ("127.0.0.1", -1, "expired")])
def test_a_certificate_may_be_wrong(authority, name, days, told):
    with RouterApi(tls=authority.issue(name, days)) as router:
        with pytest.raises(ssl.SSLCertVerificationError, match=told):
            Client(router, trusting(authority))
        assert router.sentences == []


def test_tls_without_a_certificate():
    with RouterApi(tls=ros_api.ANONYMOUS) as router:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ADH:@SECLEVEL=0")
        client = Client(router, context)
        assert client.link.cipher()[0].startswith("ADH-")
        assert client.link.getpeercert(True) is None
        with pytest.raises(ssl.SSLError):
            Client(router, ssl.create_default_context())


def test_everything_is_forgotten_when_reset(router):
    router.online(b"u1")
    Client(router).say(REMOVE, b"=.id=u1")
    router.answer = ros_api.hang
    router.reset()
    assert (router.sentences, router.sessions, router.violations,
            router.logins) == ([], [], [], [])
    assert Client(router).names(b"?name=u1") == []


def test_many_clients_at_once_lose_nothing(router):
    router.online(*[b"u%d" % number for number in range(200)])

    def remove(begin):
        client = Client(router)
        for number in range(begin, 200, 8):
            (known_as, _), = client.names(b"?name=u%d" % number)
            assert client.say(REMOVE, known_as) == DONE
    threads = [threading.Thread(target=remove, args=(begin,))
               for begin in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(router.removed) == sorted(
        b"u%d" % number for number in range(200))
    assert (router.sessions, router.violations) == ([], [])
