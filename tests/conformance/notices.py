"""Messages to subscribers: how they are switched on, what they must be.

The wording is the kit's: the product is told it in its configuration, the
runner fills it in by itself.
"""

import re

from conformance import quiet
from conformance.expect import Expectation
from conformance.phones import canonical_phones
from conformance.providers import words_of
from conformance.vectors import CannotRun

TEXTS = {
    "payment":
        "На счет #{login} зачислен платеж: {amount} {currency}. {ending}",
    "refund":
        "Со счета #{login} осуществлен возврат средств: "
        "{amount} {currency}. {signature}",
    "api_payment":
        "На счет #{login} зачислен {comment}: "
        "{amount} {currency}. {signature}",
    "api_refund":
        "Со счета #{login} осуществлен {comment}: "
        "{amount} {currency}. {signature}",
    "credit":
        "Услуга Кредит в размере {amount} {currency}. подключена. "
        "{signature}",
    "credit_limit":
        "Кредитный лимит в размере {amount} {currency}. установлен. "
        "{signature}",
    "tariff_change":
        "Новый тарифный план подключен. {signature}",
    "freeze":
        "Услуга Заморозка подключена. {signature}",
    "block":
        "Ваша учетная запись #{login} заблокирована. Во избежании удаления "
        "аккаунта обратитесь в службу сервиса: {phone}. {signature}",
    "delete":
        "Ваша учетная запись #{login} удалена. Возможно, мы сможем помочь: "
        "{phone}. {signature}",
    "real_ip":
        "Услуга Реальный IP подключена. {signature}",
}

LIMITS = {
    "payment": {"minimum": "10.00"},
    "refund": {"maximum": "10.00"},
    "api_payment": {"minimum": "10.00"},
    "api_refund": {"minimum": "10.00"},
}

# By action: the key for the text, and the key for the way with its value.
KEYS = {"sms": ("text", {"sms": "yes", "channels": "smspilot"}),
        "social": ("social_text",
                   {"social": "yes", "social_channels": "social"})}

BY_STAFF = "tariff_by_staff"  # the section for changes of origin `system`
AT_NIGHT = ("freeze", "block", "delete")  # what else keeps quiet hours
HELP_DESK = "phone in INFO texts"  # the constant
NOT_SENT = "Не отправлено"
PHONE_COLUMN = 20  # characters of sms_logs.sms_phone
TEXT_COLUMN = 254  # characters of sms_logs.sms_text


def sections(kind, vector, constants):
    """Our sections for the message about this kind of event."""
    text_key, way = KEYS[vector["action"]]
    keys = way | LIMITS.get(kind, {}) | {
        "after": "0 s", text_key: TEXTS[kind],
        "quiet": quiet.HOURS if _is_quiet(vector) else "no"}
    if "{ending}" in TEXTS[kind]:
        keys["ending"] = _ending(vector, constants).replace("{", "{{")
    name = BY_STAFF if _by_staff(vector) else kind
    return _settled(kind) | {name: keys} | quiet.SECTIONS | {
        "company": {"currency": constants["CURRENCY_NAME"],
                    "signature": constants["COMPLIMENT"],
                    "phone": constants.get(HELP_DESK, "")}}


def acting(case):
    """A message made from our rules alone, with nothing recorded."""
    subscriber = case.facts.subscriber
    row = _bare_row(case) | {"sms_error_text": words_of(case.reply)}
    return _messages(case, _bare_request(case), row,
                     canonical_phones(subscriber.phone),
                     _text(case, subscriber))


def corrected(case, record):
    """The recorded message with what ours does otherwise."""
    requests = record["http"]
    request = requests[0] if requests else _bare_request(case)
    row = record["db"].get("sms_logs", [_bare_row(case)])[0]
    phones, text, differs = _corrections(case, request, row)
    differs |= len(requests) > 1 or _plans_otherwise(case, request)
    if not differs and case.accepted:
        raise CannotRun("the difference that makes ours better is not known")
    return _messages(case, request, row, phones, text)


def _settled(kind):
    """A change of tariff settles for as long as either section says: who
    made it is seen only then."""
    both = (kind, BY_STAFF) if kind == "tariff_change" else ()
    return {name: {"after": "0 s"} for name in both}


def _by_staff(vector):
    return vector.get("origin") == "system"


def _is_quiet(vector):
    """Does the message keep the quiet hours?"""
    return _by_staff(vector) or vector["event"] in AT_NIGHT


def _ending(vector, constants):
    """One ending: the sample with which the vectors were recorded."""
    return constants["sample" if vector["action"] == "sms" else "COMPLIMENT"]


def _corrections(case, request, row):
    """Receivers and text as ours has them, and whether that is a change."""
    phone = request["body"][case.provider.phone] or row["sms_phone"]
    text = request["body"][case.provider.text] or row["sms_text"]
    first = case.facts.subscriber
    if _is_of_another_table(case, phone, text):
        return canonical_phones(first.phone), _text(case, first), True
    phones = canonical_phones(phone)
    exact = _text(case, first)
    if _short_amounts(text) != _short_amounts(exact):
        exact = text
    return phones, exact, phones != [phone] or exact != text


def _is_of_another_table(case, phone, text):
    """Was the message recorded for a row that ours need not prefer?"""
    found = [(one.phone, _short_amounts(_text(case, one)))
             for one in case.facts.subscribers]
    return len(found) > 1 and (phone, _short_amounts(text)) in found


def _plans_otherwise(case, request):
    """Did the kit read the hour in the server's zone? Then it planned by
    that one, even where both happen to give the same."""
    clock = quiet.clock_of(case.vector)
    if clock is None or not _is_quiet(case.vector):
        return False
    recorded = {name: request["body"][name] for name in case.provider.planning
                if name in request["body"]}
    return recorded == _plan_for(case, clock - clock.utcoffset())


def _plan(case):
    """The parameters by which the provider shall wait, if it shall."""
    clock = quiet.clock_of(case.vector)
    return _plan_for(case, clock) if clock and _is_quiet(case.vector) else {}


def _plan_for(case, clock):
    when = quiet.planned(clock)
    return case.provider.plan(when) if when else {}


def _messages(case, request, row, phones, text):
    """One request and one row of the log for each receiver."""
    if not phones:
        raise CannotRun("ours is to send, but there is no phone number")
    error = ""
    if not case.accepted:
        error = row["sms_error_text"] or NOT_SENT
    body = {name: value for name, value in request["body"].items()
            if name not in case.provider.planning}
    body |= _plan(case) | {case.provider.text: text}
    return Expectation(
        requests=[request | {"body": body | {case.provider.phone: phone}}
                  for phone in phones] if case.reply else [],
        appear={"sms_logs": [
            row | {"sms_phone": phone[:PHONE_COLUMN],
                   "sms_text": text[:TEXT_COLUMN], "sms_error_text": error}
            for phone in phones]},
        failing=not case.accepted)


def _text(case, subscriber):
    """The kit's words about the captured change."""
    def value(field):
        if field == "login":
            return subscriber.login
        if field in ("amount", "comment"):
            return getattr(case.facts, field)
        return {"currency": case.constants["CURRENCY_NAME"],
                "signature": case.constants["COMPLIMENT"],
                "phone": case.constants.get(HELP_DESK, ""),
                "ending": _ending(case.vector, case.constants)}[field]
    return re.sub(r"{(\w+)}", lambda field: value(field[1]),
                  TEXTS[case.vector["event"]])


def _bare_request(case):
    """A request as the kit would have sent it."""
    return {"method": "POST", "url_path": case.provider.url_path,
            "query": {},
            "headers": {"Accept": "*/*", "Content-Type":
                        "application/x-www-form-urlencoded"},
            "body": case.provider.parameters(case.constants, "", "")}


def _bare_row(case):
    """A row of sms_logs as the kit would have written it."""
    return {"sms_type_id": 0, "gateway_id": 0, "uid": case.facts.uid,
            "staffid": None, "sms_phone": "", "sms_text": "",
            "sms_code": None, "sms_error_text": "",
            "sms_send_datetime": "NOW()"}


def _short_amounts(text):
    """The text with 100.50 as 100.5 and 100.00 as 100."""
    return re.sub(r"\b\d+\.\d+\b",
                  lambda number: number[0].rstrip("0").rstrip("."), text)
