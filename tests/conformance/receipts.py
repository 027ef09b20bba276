"""Fiscal receipts: how they are switched on, what they must be.

The body is written a second time here, by the rules; amounts are decimals.
"""

from dataclasses import dataclass
from decimal import Context

from conformance.expect import TABLE_MADE, Expectation, Says, as_recorded
from conformance.phones import canonical_phones
from conformance.providers import json_object
from conformance.vectors import CannotRun

# By key of our section: the kinds that it switches on together.
KINDS = {"payments": ("payment", "api_payment"),
         "refunds": ("refund", "api_refund")}

NAME = "Домашний интернет (Л/СЧ N{login})"
ADDRESS = "Офис"


@dataclass(frozen=True)
class Kit:
    """Where the kits differ."""

    table: str
    number: str  # name of the member that holds the number
    discount: bool  # is there a member for it, though it is 0?
    needs_inn: bool  # is a cashier without INN left out?
    calls_back: bool  # does it name its CALLBACK_URL?


KITS = {"seed": Kit("receipts_log", "task_id", discount=True, needs_inn=True,
                    calls_back=False),
        "new": Kit("__komtet_receipts_log", "external_id", discount=False,
                   needs_inn=False, calls_back=True)}

TEN_DIGITS = Context(prec=10)  # of an amount are what the kits print
LONG_AMOUNT = 10_000_000  # from here on a kopeck may be lost by that

# How a delivery is left after a reply of this status; else it is tried again.
HELD, REFUSED, AGAIN = "ready", "dead", "retry"
LEFT = {401: HELD, 403: HELD, 404: HELD, 422: REFUSED}

TAKEN = "VLD11"  # the number was used before: ours takes the next one
MOST_TAKEN = 5  # then it holds


def sections(kind, vector, constants):
    """Our section for receipts of this kind of event."""
    kit = KITS[vector["kit"]]
    switch = next(key for key, kinds in KINDS.items() if kind in kinds)
    return {"receipt": {
        switch: "yes", "after": "0 s", "blocked": "no", "name": NAME,
        "address": ADDRESS, "table": kit.table, "id_member": kit.number,
        "discount_member": "yes" if kit.discount else "no",
        "cashier_inn": "required" if kit.needs_inn else "optional",
        "callback_url": constants["CALLBACK_URL"] if kit.calls_back else ""}}


def recorded(case, record):
    """What is recorded, with the log by its own name."""
    table = _kit(case).table
    rows = dict(record["db"])
    tables = [rows.pop(TABLE_MADE)] if TABLE_MADE in rows else []
    if "receipts" in rows:
        rows[table] = rows.pop("receipts")
    expected = as_recorded(case, record | {"db": rows})
    expected.tables = tables
    expected.secret = case.constants["MARKET_KEY"]
    expected.booked = len(rows.get(table, []))
    return expected


def acting(case):
    """A receipt made from our rules alone, with nothing recorded."""
    return _receipts(case, _bare_request(case))


def corrected(case, record):
    """The recorded receipt with what ours does otherwise."""
    if not _is_due(case) and not case.vector.get("ours_fires"):
        return Expectation()
    bare = _bare_request(case)
    made = [request for request in record["http"]
            if request["body"]["intent"] == bare["body"]["intent"]]
    if record["http"] and not made:
        raise CannotRun("no recorded receipt has the sign of the payment")
    expected = _receipts(
        case, _corrected(case, made[0], bare) if made else bare)
    same = (record["http"] == expected.requests
            and record["db"].get("receipts")
            == expected.appear[_kit(case).table])
    if same and _is_ordinary(case):
        raise CannotRun("the difference that makes ours better is not known")
    return expected


def _kit(case):
    return KITS[case.vector["kit"]]


def _is_due(case):
    """Is there one by the sign of the payment, and switched on?"""
    payment = case.facts.payment
    kinds = KINDS["payments" if payment > 0 else "refunds"]
    return payment != 0 and bool(set(kinds) & set(case.vector["routes"]))


def _corrected(case, request, bare):
    """A recorded request with the contact and the amounts by our rules."""
    body, ours = request["body"], bare["body"]
    body = body | {"user": _contact(body["user"])}
    if len(case.facts.subscribers) > 1:
        body |= {name: ours[name] for name in ("user", "positions")}
    cut = TEN_DIGITS.plus(abs(case.facts.payment))
    if {one["sum"] for one in body["payments"]} == {cut}:
        body |= {name: ours[name] for name in ("payments", "positions")}
    return request | {"body": body}


def _is_ordinary(case):
    """May kit and ours do the same about it?"""
    return (len(case.facts.subscribers) == 1
            and abs(case.facts.payment) < LONG_AMOUNT
            and case.accepted and _reply(case).get("state") == "new")


def _receipts(case, request):
    """The requests with a receipt, and the rows, by what is replied."""
    kit, reply = _kit(case), _reply(case)
    first = case.facts.next_id(kit.table)
    taken = reply.get("code") == TAKEN
    sent = range(first, first + (MOST_TAKEN if taken else 1))
    error = None if case.accepted else Says(_words(case))
    rows = [_row(case, request, number, error) for number in sent]
    if taken:
        rows.append(_row(case, request, sent.stop, None))
    status = case.reply["status"] if case.reply else 0
    return Expectation(
        requests=[_numbered(kit, request, number) for number in sent]
        if case.reply else [],
        appear={kit.table: rows}, tables=[kit.table],
        secret=case.constants["MARKET_KEY"],
        booked=len(sent) if case.accepted else 0, failing=not case.accepted,
        left=HELD if taken else LEFT.get(status, AGAIN))


def _numbered(kit, request, number):
    return request | {
        "body": request["body"] | {kit.number: f"{{YYMM}}{number}"}}


def _row(case, request, number, error):
    """A row of the log, which stays when the receipt failed."""
    reply = _reply(case) if case.accepted else {}
    return {"id": number, "create_time": "NOW()", "update_time": "NOW()",
            "user_id": str(case.facts.uid),
            "contact": request["body"]["user"],
            "int_id": f"{{YYMM}}{number}", "ext_id": reply.get("id"),
            "state": reply.get("state"), "error": error}


def _words(case):
    """What the provider says about a failure: its words, or its page."""
    reply = _reply(case)
    words = [reply[name] for name in ("title", "code", "description")
             if reply.get(name)]
    if not words and case.reply and case.reply["body"]:
        words = [case.reply["body"]]
    return tuple(words)


def _reply(case):
    """The reply's object; empty when it is none."""
    return json_object(case.reply["body"] if case.reply else "") or {}


def _contact(field):
    """The first number that is one."""
    phones = canonical_phones(field)
    if not phones:
        raise CannotRun("ours is to make a receipt, but there is no phone "
                        "number")
    return f"+{phones[0]}"


def _bare_request(case):
    """A request as the kit would have sent it, without its number."""
    if not _is_due(case):
        raise CannotRun("ours is to make a receipt, but none is due")
    queue = case.constants["QUEUE_ID"]
    return {"method": "POST", "url_path": f"/api/shop/v1/queues/{queue}/task",
            "query": {},
            "headers": {"Accept": "application/json",
                        "Authorization": case.constants["MARKET_ID"],
                        "Content-Type": "application/json",
                        "X-HMAC-Signature": "{HMAC_MD5}"},
            "body": _body(case, _kit(case))}


def _body(case, kit):
    payment, subscriber = case.facts.payment, case.facts.subscriber
    body = {"user": _contact(subscriber.phone), "print": False,
            "intent": "sell" if payment > 0 else "sellReturn", "sno": 1,
            "payments": [{"type": "card", "sum": abs(payment)}],
            "positions": [_position(kit, subscriber.login, abs(payment))],
            "payment_address": ADDRESS}
    if kit.calls_back:
        body["callback_url"] = case.constants["CALLBACK_URL"]
    return body | _cashier(case, kit)


def _position(kit, login, amount):
    position = {"name": NAME.format(login=login), "price": amount,
                "quantity": 1, "total": amount, "vat": "no",
                "calculation_method": "full_payment",
                "calculation_subject": "service"}
    return position | ({"discount": 0} if kit.discount else {})


def _cashier(case, kit):
    """Who booked the payment, when enough is known of them."""
    name, inn = case.facts.cashier or ("", "")
    found = {"name": name} | ({"inn": inn} if _is_filled(inn) else {})
    if not _is_filled(name) or (kit.needs_inn and "inn" not in found):
        return {}
    return {"cashier": found}


def _is_filled(text):
    return bool(text and text.strip())
