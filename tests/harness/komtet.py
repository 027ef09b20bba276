"""A stand-in for Komtet Kassa: a strict judge with a book of its own.

    with Komtet() as till:
        ... the product sends receipts to till.url ...
        till.wait_receipts(3)
        assert till.receipts[0].external_id == "26111"
        assert till.totals()["sell"] == (3, 105150)
        assert till.book.changed == [] and till.refused == []
        till.post_reply = till.accept_but(close_without_reply)
        till.post_reply = till.flaky(7, lost_after=0.2, http500_accepted=0.1)

Every request is judged: its signature, its headers, its body to the last
member. What is right goes into the book under its external_id, once. How a
request is answered is a function from Request to Reply, as of every
stand-in; `till.honest` is the right answer to any request, and the other
behaviours are made of it.
"""

import hashlib
import hmac
import itertools
import json
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from urllib.parse import urlsplit

from harness import standin
from harness.book import FINAL, Book, Entry
from harness.process import wait_until
from harness.receipt import WRONG, Refused, read
from harness.standin import Reply, Request, StandIn

PAGE = re.compile(r"/api/shop/(v1|v2)/(?:queues/(?P<post>[^/?]+)/task|"
                  r"tasks/(?P<look>[^/?]+)|queues/(?P<queue>[^/?]+))")
METHOD = {"post": "POST", "look": "GET", "queue": "GET"}


def sign(secret, method, url, body=b""):
    """The signature of a request or callback, 32 hex digits."""
    return hmac.new(secret.encode(), method.encode() + url.encode() + body,
                    hashlib.md5).hexdigest()


# ---- replies that need no book: functions from Request to Reply ----

def http(status):
    """Out of order, or access refused: JSON up to 500, HTML above."""
    if status > 500:
        return lambda request: html(request, status)
    return lambda _request: _words(status, f"Ошибка {status}", "",
                                   "Отказано в обработке")


def refuse(number=5, description="Неверное значение"):
    """A refusal for good, "VLD<number>"."""
    return lambda _request: _words(422, "Ошибка валидации", f"VLD{number}",
                                   description)


def html(_request, status=200):
    """A page for people."""
    return Reply(status=status, content_type="text/html",
                 body=f"<html><h1>{status}</h1>Технические работы</html>")


def empty(_request):
    """A success without a word."""
    return Reply()


def cut(reply):
    """Only the head and half of the body of a reply."""
    return replace(reply, cut=-max(1, len(reply.body.encode()) // 2))


def in_turn(*replies):
    """The first request gets the first, and so on; the last one stays."""
    number = itertools.count()
    return lambda request: replies[min(next(number), len(replies) - 1)](
        request)


def each_in_turn(*replies):
    """The same for every receipt (or page asked for) by itself."""
    seen = Counter()

    def answer(request):
        key = external_id_of(request) or request.target
        seen[key] += 1
        return replies[min(seen[key], len(replies)) - 1](request)
    return answer


def external_id_of(request):
    """The external_id in a body, if there is one."""
    try:
        told = request.json.get("external_id", request.json.get("task_id"))
        return None if told is None else str(told)
    except (ValueError, AttributeError, RecursionError):
        return None


def _words(status, title, code, description):
    """An answer in Komtet's words."""
    return Reply(status=status, body=_json(
        title=title, code=code, description=description))


def _json(**members):
    return json.dumps(members, ensure_ascii=False)


@dataclass
class Refusal:
    """A request that was not right."""

    status: int
    number: int | None  # of "VLD<number>"
    why: str
    request: Request

    def reply(self):
        """What the sender is told."""
        code = "" if self.number is None else f"VLD{self.number}"
        return _words(self.status, "Ошибка валидации", code, self.why)


class Komtet(StandIn):
    """Answers as Komtet does; keeps a book and is particular.

    book           the Book
    refused        the Refusals of requests that were not right; VLD11 is none
    post_reply     function from Request to Reply, for receipts only
    look_reply     the same for questions about a task
    queue_reply    the same for questions about the queue
    fiscal_after   seconds from acceptance until a task is done, at the next
                   look; None: never
    queue_state    "active", or "passive": then no task gets done
    open_state     what a task is called that is not done yet
    tells_task     VLD11 has a member "task" with the id of the first one
    misdeeds       how often flaky() did what
    sign_base      scheme and host that clients sign; None: those they use
    """

    path = ""

    def __init__(self, shop="SHOP", secret="SECRET", queue="777", tls=None):
        self.shop = shop
        self.secret = secret
        self.queue = queue
        self._lock = threading.RLock()
        super().__init__(tls)

    def reset(self):
        """An empty book, and good behaviour."""
        super().reset()
        self.book = Book()
        self.refused = []
        self.fiscal_after = 0
        self.open_state = "new"
        self.tells_task = False
        self.misdeeds = Counter()
        self.sign_base = None
        self.behave()

    def behave(self):
        """Good behaviour from now on; the book stays."""
        self.reply = self.ordinary_reply
        self.on_connect = None
        self.post_reply = self.honest
        self.look_reply = self.honest
        self.queue_reply = self.honest
        self.queue_state = "active"

    # ---- what came ----

    @property
    def receipts(self):
        """The accepted receipts, in order of acceptance."""
        with self._lock:
            return list(self.book.entries.values())

    @property
    def posts(self):
        """Requests with a receipt, in order, whatever became of them."""
        return self._requests("post")

    @property
    def looks(self):
        """Questions about a task, in order."""
        return self._requests("look")

    @property
    def queue_looks(self):
        """Questions about the queue, in order."""
        return self._requests("queue")

    def totals(self, state=None):
        """intent -> (count, kopecks), of receipts in that state or in any."""
        with self._lock:
            return self.book.totals(state)

    def by_contact(self):
        """contact -> its receipts, in order of acceptance."""
        with self._lock:
            return self.book.by_contact()

    def wait_receipts(self, n, timeout=10):
        """Wait until n receipts are accepted; return them all."""
        try:
            wait_until(lambda: len(self.receipts) >= n, timeout, "receipts")
        except TimeoutError:
            raise TimeoutError(
                f"{len(self.receipts)} of {n} receipts came within {timeout} "
                f"s; refused: {[one.why for one in self.refused]}") from None
        return self.receipts

    # ---- what tests arrange ----

    def occupy(self, *external_ids):
        """These belong to somebody else: VLD11, and nothing of ours."""
        with self._lock:
            self.book.foreign.update(
                dict.fromkeys(map(str, external_ids), 0))

    def fail(self, who, text):
        """The till refuses a receipt: its task ends in error, with a text.

        who: an external_id, or a function of Entry.
        """
        self.book.failing.append(
            (who if callable(who) else
             lambda entry: entry.external_id == str(who), text))

    def mend(self):
        """Nothing fails any more that has not failed yet."""
        self.book.failing = []

    def finish(self, task):
        """The till prints now, or fails: an Entry, or by external_id."""
        with self._lock:
            entry = self._entry(task)
            self.book.finish(entry)
            return entry

    def info(self, task):
        """What Komtet tells about an Entry, or by external_id: a dict."""
        entry = self._entry(task)
        link = (f"https://kassa.komtet.ru/receipts?id={entry.task_id}"
                f"&external_id={entry.external_id}")
        return {"id": entry.task_id, "external_id": entry.external_id,
                "state": self._word(entry),
                "error_description": entry.error,
                "fiscal_data": entry.fiscal,
                "receipt_url": link if entry.fiscal else None}

    # ---- right answers ----

    def ordinary_reply(self, request):
        """Receipts and questions go their ways."""
        page = _page(request)[1]
        return {"post": self.post_reply, "look": self.look_reply,
                "queue": self.queue_reply}.get(page, self.honest)(request)

    def honest(self, request):
        """Judge a request, do what it asks for, say so."""
        with self._lock:
            version, page, name = _page(request)
            wrong = self._is_wrong(request, page, name)
            if wrong:
                return self._refuse(wrong)
            if page == "post":
                return self._accept(request, version)
            if page == "look":
                return self._look(request, name)
            return Reply(body=_json(id=_number(name), name="Касса",
                                    state=self.queue_state))

    async def _read(self, *connection):
        """Every receipt from us is compared with the first of its kind."""
        request = await super()._read(*connection)
        external_id = external_id_of(request)
        if (external_id and _page(request)[1] == "post"
                and not self._sender_is_wrong(request)):
            with self._lock:
                self.book.note(external_id, request.body)
        return request

    def _is_wrong(self, request, page, name):
        """What is wrong with a request but for its body, or None."""
        if page is None:
            return Refusal(404, None, "no such page", request)
        if self._sender_is_wrong(request):
            return Refusal(401, None, self._sender_is_wrong(request), request)
        if page != "look" and name != self.queue:
            return Refusal(404, None, f"no queue {name}", request)
        why = _form_is_wrong(request)
        return Refusal(422, WRONG, why, request) if why else None

    def _sender_is_wrong(self, request):
        """Why it is not from our shop, or None."""
        headers = request.headers
        url = self._base(headers.get("host", "")) + request.target
        digest = sign(self.secret, request.method, url, request.body)
        if headers.get("authorization") != self.shop:
            return f"no shop {headers.get('authorization')}"
        if headers.get("x-hmac-signature") != digest:
            return f"not the signature of {request.method} {url}"
        return None

    def _base(self, host):
        """Scheme and host of the address that was signed."""
        if self.sign_base:
            return self.sign_base
        return f"{'https' if self.tls else 'http'}://{host}"

    def _refuse(self, refusal):
        self.refused.append(refusal)
        return refusal.reply()

    def _accept(self, request, version):
        """A receipt goes into the book, or is refused."""
        try:
            receipt = read(request.body, version)
        except Refused as wrong:
            return self._refuse(
                Refusal(422, wrong.number, wrong.why, request))
        if self.book.again(receipt.external_id):
            return self._taken(receipt.external_id)
        entry = self.book.add(receipt, version, request)
        return Reply(body=_json(**self._task(entry)))

    def _task(self, entry):
        """What a client is told of the task that it made."""
        return {"id": entry.task_id, "external_id": entry.external_id,
                "print_queue_id": _number(self.queue),
                "state": self._word(entry)}

    def _word(self, entry):
        return entry.state if entry.state in FINAL else self.open_state

    def _taken(self, external_id):
        """There is a receipt of this external_id."""
        told = {"title": f"Чек с external_id {external_id} уже существует",
                "code": "VLD11",
                "description": "Проверьте идентификаторы чеков или прекратите"
                               " отправку"}
        entry = self.book.entries.get(external_id)
        if self.tells_task and entry:
            told["task"] = self._task(entry)
        return Reply(status=422, body=_json(**told))

    def _look(self, request, name):
        """What is known of a task now."""
        entry = self.book.tasks.get(name)
        if entry is None:
            return self._refuse(
                Refusal(404, None, f"no task {name}", request))
        if self._is_due(entry):
            self.book.finish(entry)
        return Reply(body=_json(**self.info(entry)))

    def _is_due(self, entry):
        return (self.fiscal_after is not None
                and self.queue_state == "active"
                and time.time() - entry.at >= self.fiscal_after)

    def _entry(self, task):
        if isinstance(task, Entry):
            return task
        return self.book.entries[str(task)]

    def _requests(self, page):
        return [request for request in list(self.requests)
                if _page(request)[1] == page]

    # ---- misbehaviour: functions from Request to Reply ----

    def accept_but(self, reply):
        """Do what is asked for, and answer as `reply` does."""
        def answer(request):
            self.honest(request)
            return reply(request)
        return answer

    def accept_and_cut(self, request):
        """Do what is asked for, and break off in the middle of saying so."""
        return cut(self.honest(request))

    def answer_late(self, seconds):
        """Do what is asked for at once, and say so later."""
        return lambda request: replace(self.honest(request), delay=seconds)

    def take_late(self, seconds):
        """Do what is asked for only later, even when the client has gone."""
        return lambda request: Reply(
            delay=seconds, then=lambda: self.honest(request))

    def flaky(self, seed, late_by=1.0, **rates):
        """A mix of misbehaviours with their rates; else honest.

        A rate is named for what is done: close, reset, stall, garbage, html,
        empty, refuse or http<status> without doing what is asked for, and
        the same with "_accepted" after doing it; cut_accepted; late (answer
        after late_by seconds) and taken_late (accept only then);
        lost_before (close or reset) and lost_after (close, reset or cut).
        What happens depends on the seed, the receipt, and how often it came.
        """
        ways = [self._way(name, late_by) for name in rates] + [[self.honest]]
        names = [*rates, "honest"]
        weights = [*rates.values(), round(1 - sum(rates.values()), 9)]
        if weights[-1] < 0:
            raise ValueError("the rates are more than 1")
        times = Counter()

        def answer(request):
            key = external_id_of(request) or request.target
            times[key] += 1
            dice = random.Random(f"{seed} {key} {times[key]}")
            way, = dice.choices(range(len(ways)), weights)
            self.misdeeds[names[way]] += 1
            return dice.choice(ways[way])(request)
        return answer

    def _way(self, name, late_by):
        """The behaviours of which one is taken for that name."""
        close = standin.close_without_reply
        reset = standin.reset_without_reply
        special = {
            "late": [self.answer_late(late_by)],
            "taken_late": [self.take_late(late_by)],
            "cut_accepted": [self.accept_and_cut],
            "lost_before": [close, reset],
            "lost_after": [self.accept_but(close), self.accept_but(reset),
                           self.accept_and_cut]}
        if name in special:
            return special[name]
        plain = {"close": close, "reset": reset, "stall": standin.stall,
                 "garbage": standin.garbage, "html": html, "empty": empty,
                 "refuse": refuse()}
        what = name.removesuffix("_accepted")
        reply = plain[what] if what in plain else http(
            int(what.removeprefix("http")))
        return [self.accept_but(reply) if what != name else reply]

    # ---- callbacks ----

    def callback(self, url, task, *, state=None, registered=None,
                 secret=None, signature=None, body=None, headers=None,
                 timeout=10):
        """Tell the product about a task; the HTTP status of its answer.

        url         of the product's listener, http
        task        an Entry or external_id (finish()ed first, unless a state
                    is given), or a dict: the whole body
        state       this word instead of the task's state
        registered  the address that is signed, when it is not url
        secret      another one
        signature   another one; "" leaves the header out
        body        these bytes instead
        headers     more of them
        """
        if body is None:
            body = json.dumps(self._told(task, state)).encode()
        if signature is None:
            signature = sign(secret or self.secret, "POST",
                             registered or url, body)
        sent = {"Content-Type": "application/json", **(headers or {})}
        if signature:
            sent["X-HMAC-Signature"] = signature
        return _post(url, body, sent, timeout)

    def callback_all(self, url, **options):
        """callback() for each receipt, in order: the statuses."""
        return [self.callback(url, entry, **options)
                for entry in self.receipts]

    def _told(self, task, state):
        """The members of a callback."""
        if isinstance(task, dict):
            return task
        if state is None:
            self.finish(task)
        told = self.info(task)
        del told["receipt_url"]
        told["state"] = state or told["state"]
        return told


def _page(request):
    """(version, "post", "look" or "queue", name), or Nones."""
    match = PAGE.fullmatch(request.target)
    if match and METHOD[match.lastgroup] == request.method:
        return match[1], match.lastgroup, match[match.lastgroup]
    return None, None, None


def _form_is_wrong(request):
    """What is wrong with the headers, or None."""
    posted = request.method == "POST"
    wanted = {"accept": "application/json",
              "content-type": "application/json" if posted else None}
    for name, value in wanted.items():
        if request.headers.get(name) != value:
            return f"{name}: {request.headers.get(name)}, not {value}"
    return "a question with a body" if request.body and not posted else None


def _number(name):
    """A number as such, any other name as it is."""
    return int(name) if re.fullmatch("[0-9]{1,18}", str(name)) else name


def _post(url, body, headers, timeout):
    """The status of the answer to a POST."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        target = parts.path or "/"
        connection.request(
            "POST", target + (f"?{parts.query}" if parts.query else ""),
            body, headers)
        reply = connection.getresponse()
        reply.read()
        return reply.status
    finally:
        connection.close()
