"""What a vector wants ours to do.

`same` takes the record as it is. `better` derives from the record and from
our rules what ours must do instead, and names the differences; a vector
whose difference cannot be named is not run but fails.
"""

import re
from dataclasses import dataclass, field

from conformance import offers
from conformance.phones import canonical_phones
from conformance.vectors import CannotRun

PHONE_COLUMN = 20  # characters of sms_logs.sms_phone
TEXT_COLUMN = 254  # characters of sms_logs.sms_text


@dataclass
class Expectation:
    """What must be seen; nothing at all by default."""

    requests: list = field(default_factory=list)  # in the recorded form
    appear: dict = field(default_factory=dict)  # table -> rows
    vanish: dict = field(default_factory=dict)  # table -> rows
    failing: bool = False  # the provider fails: none done, repeats allowed


@dataclass
class Case:
    """A vector with all that its expectation depends on."""

    vector: dict
    constants: dict
    offer: offers.Offer
    reply: dict | None
    facts: object

    @property
    def accepted(self):
        """Does the stand-in's reply mean success?"""
        return offers.is_accepted(self.offer.provider, self.reply)

    @property
    def provider(self):
        """The provider of the action."""
        return offers.PROVIDERS[self.offer.provider]


def expect_same(case):
    """The record itself."""
    record = _record(case)
    appear, vanish = {}, {}
    for name, rows in record["db"].items():
        table = name.removesuffix("_deleted")
        (appear if name == table else vanish)[table] = rows
    return Expectation(record["http"], appear, vanish)


def expect_acting(case):
    """A message made from our rules alone, with nothing recorded."""
    _, login, phone = _subscriber(case)
    return _messages(case, _bare_request(case), _bare_row(case),
                     canonical_phones(phone), _text(case, login))


def expect_better(case):
    """What ours must do instead of what the kit did."""
    record = _record(case)
    acts = case.vector.get("ours_fires")
    if acts is False and case.vector["fires"]:
        return Expectation()
    if acts and not case.vector["fires"]:
        return expect_acting(case)
    if not case.vector["fires"]:
        raise CannotRun("the kit did nothing, and nothing says what ours does")
    request = record["http"][0] if record["http"] else None
    row = record["db"].get("sms_logs", [_bare_row(case)])[0]
    phones, text, differs = _corrections(case, request, row)
    if not differs and case.accepted:
        raise CannotRun("the difference that makes ours better is not known")
    return _messages(case, request or _bare_request(case), row, phones, text)


def _record(case):
    """What is recorded; it must agree with `fires`."""
    record = case.vector["expect"]
    if record.get("ssh"):
        raise CannotRun("router commands cannot be compared yet")
    if bool(record["http"] or record["db"]) != case.vector["fires"]:
        raise CannotRun("`fires` contradicts what is recorded")
    return record


def _corrections(case, request, row):
    """Receivers and text as ours has them, and whether that is a change."""
    body = request["body"] if request else {}
    phone = body.get(case.provider.phone, row["sms_phone"])
    text = body.get(case.provider.text, row["sms_text"])
    _, login, first_phone = _subscriber(case)
    if _is_of_another_table(case, phone, text):
        return canonical_phones(first_phone), _text(case, login), True
    phones = canonical_phones(phone)
    exact = _text(case, login)
    if _short_amounts(text) != _short_amounts(exact):
        exact = text
    return phones, exact, phones != [phone] or exact != text


def _is_of_another_table(case, phone, text):
    """Was the message recorded for a row that ours need not prefer?"""
    found = [(field, _short_amounts(_text(case, login)))
             for _, login, field in case.facts.subscribers]
    return len(found) > 1 and (phone, _short_amounts(text)) in found


def _text(case, login):
    """The message of the one captured payment."""
    return offers.message_text(case.offer, case.constants, login,
                               _payment(case)[1])


def _messages(case, request, row, phones, text):
    """One request and one row of the log for each receiver."""
    if not phones:
        raise CannotRun("ours is to send, but there is no phone number")
    error = ""
    if not case.accepted:
        error = row["sms_error_text"] or offers.NOT_SENT
    body = request["body"] | {case.provider.text: text}
    return Expectation(
        requests=[request | {"body": body | {case.provider.phone: phone}}
                  for phone in phones] if case.reply else [],
        appear={"sms_logs": [
            row | {"sms_phone": phone[:PHONE_COLUMN],
                   "sms_text": text[:TEXT_COLUMN], "sms_error_text": error}
            for phone in phones]},
        failing=not case.accepted)


def _payment(case):
    """The one captured payment: (uid, amount)."""
    if len(case.facts.payments) != 1:
        raise CannotRun(f"{len(case.facts.payments)} captured payments: "
                        "what ours must do cannot be derived")
    return case.facts.payments[0]


def _subscriber(case):
    """Table, login and phone field; `users` goes before others."""
    if not case.facts.subscribers:
        raise CannotRun("the payment's subscriber is unknown: "
                        "what ours must do cannot be derived")
    return case.facts.subscribers[0]


def _bare_request(case):
    """A request as the kit would have sent it."""
    return {"method": "POST", "url_path": case.provider.url_path,
            "query": {},
            "headers": {"Accept": "*/*", "Content-Type":
                        "application/x-www-form-urlencoded"},
            "body": case.provider.parameters(case.constants, "", "")}


def _bare_row(case):
    """A row of sms_logs as the kit would have written it."""
    return {"sms_type_id": 0, "gateway_id": 0, "uid": _payment(case)[0],
            "staffid": None, "sms_phone": "", "sms_text": "",
            "sms_code": None, "sms_error_text": "",
            "sms_send_datetime": "NOW()"}


def _short_amounts(text):
    """The text with 100.50 as 100.5 and 100.00 as 100."""
    return re.sub(r"\b\d+\.\d+\b",
                  lambda number: number[0].rstrip("0").rstrip("."), text)
