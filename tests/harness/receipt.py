"""Bodies of receipts as Komtet wants them, read strictly.

    receipt = read(body, "v1")
    assert (receipt.external_id, receipt.kopecks) == ("26111", 35050)

What is missing, unknown, of another type or does not add up raises Refused.
Amounts are never floats: they are read as the text that came.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

NOT_JSON, MISSING, UNKNOWN, WRONG, SUMS = 1, 2, 3, 5, 7  # of "VLD<number>"
KOPECK = Decimal("0.01")

INTENTS = {"sell": 1, "sellReturn": 2, "buy": 3, "buyReturn": 4}
TAX_SYSTEMS = {0, 1, 2, 4, 5}
VAT = {"no", "0", "5", "7", "10", "20", "22", "105", "107", "110", "120",
       "122"}
MEASURES = {0, 10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 70,
            71, 72, 73, 80, 81, 82, 83, 255}
PAYMENTS = {"card", "cash", "prepayment", "credit", "counter_provisioning"}
METHODS = {"pre_payment_full", "pre_payment_part", "full_payment", "advance",
           "credit_part", "credit_pay", "credit"}
SUBJECTS = {"product", "product_practical", "work", "service",
            "gambling_bet", "gambling_win", "lottery_bet", "lottery_win",
            "rid", "payment", "commission", "composite", "pay", "other",
            "property_right", "non_operating", "insurance", "sales_tax",
            "resort_fee"}
OBJECTS = SUBJECTS | {"deposit", "consumption", "casino_payment",
                      "payment_of_the_money", "atnm", "atm", "tnm", "tm"}


class Refused(Exception):
    """What is wrong with a body, and under which number."""

    def __init__(self, number, why):
        super().__init__(why)
        self.number = number
        self.why = why.encode(errors="replace").decode()


@dataclass
class Receipt:
    """What a body says."""

    external_id: str
    intent: str
    kopecks: int
    contact: str
    json: dict  # amounts with decimals are Decimal


def read(body, version):
    """The receipt in the bytes of a body of "v1" or "v2"."""
    told = read_json(body)
    RECEIPT[version](told, "")
    key = _one_of(told, "external_id", "task_id")
    payer = told if version == "v1" else told["client"]
    return Receipt(str(told[key]), told["intent"], _add_up(told),
                   payer.get("user") or payer.get("phone") or payer["email"],
                   told)


def read_json(body):
    """The bytes as JSON: UTF-8, no member twice, no number of doubt."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_members,
                          parse_float=_decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused(NOT_JSON, f"not JSON: {error}") from None


def _members(pairs):
    twice = [name for name, n in Counter(n for n, _ in pairs).items()
             if n > 1]
    if twice:
        raise Refused(NOT_JSON, f"more than once: {twice}")
    return dict(pairs)


def _decimal(text):
    if "e" in text.lower():
        raise Refused(WRONG, f"a number with an exponent: {text}")
    return Decimal(text)


def _no_number(text):
    raise Refused(NOT_JSON, f"not a number: {text}")


# ---- checks: functions of a value and of where it stands ----

def need(true, where, what, number=WRONG):
    """Refuse unless it is true."""
    if not true:
        raise Refused(number, f"{where or 'the receipt'}: {what}")


def text(most=None, pattern=None):
    """A text that can be printed, not empty."""
    def check(value, where):
        need(isinstance(value, str), where, "not a text")
        need(value and not re.search("[\x00-\x1f\x7f-\x9f\ud800-\udfff]",
                                     value), where, "empty or not printable")
        need(most is None or len(value) <= most, where, "too long")
        need(pattern is None or re.fullmatch(pattern, value), where,
             "not in the right form")
    return check


def among(values):
    """One of these; a number is no text, and true no number."""
    def check(value, where):
        need(type(value) in (str, int) and value in values, where,
             f"{value!r:.40} is not in the list")
    return check


def decimal(places):
    """A number above zero with at most so many decimals."""
    def check(value, where):
        need(type(value) in (int, Decimal), where, "not a number")
        need(Decimal(value).as_tuple().exponent >= -places, where,
             f"more than {places} decimals")
        need(0 < value < 10 ** 10, where, "not above zero, or too much")
    return check


def flag(value, where):
    """True or false."""
    need(isinstance(value, bool), where, "neither true nor false")


def some_object(value, where):
    """An object of which no more is known."""
    need(isinstance(value, dict), where, "not an object")


def some_list(value, where):
    """A list of which no more is known."""
    need(isinstance(value, list), where, "not a list")


def discount(value, where):
    """Zero or an amount."""
    if type(value) is not int or value != 0:
        decimal(2)(value, where)


def external_id(value, where):
    """A number, or a text."""
    if type(value) is not int:
        text(128)(value, where)


def list_of(check):
    """A list of at least one."""
    def check_all(value, where):
        some_list(value, where)
        need(value, where, "empty")
        for i, one in enumerate(value):
            check(one, f"{where}[{i}]")
    return check_all


def shape(needed, optional):
    """An object with just these members; name -> check."""
    members = {**needed, **optional}

    def check(value, where):
        some_object(value, where)
        prefix = where and where + "."
        for name in needed:
            need(name in value, prefix + name, "is missing", MISSING)
        for name, one in value.items():
            need(name in members, prefix + name, "is not known", UNKNOWN)
            members[name](one, prefix + name)
    return check


ANY = text()
PHONE = text(pattern=r"\+7\d{10}")
EMAIL = text(pattern=r"[^@\s]+@[^@\s]+\.[^@\s]+")
INN = text(pattern=r"\d{10}|\d{12}")
NAMED = {"name": ANY}

CLIENT = shape({}, {
    **NAMED, "email": EMAIL, "phone": PHONE, "inn": INN, "birthdate": ANY,
    "citizenship": ANY, "document_code": ANY, "document_data": ANY,
    "address": ANY})


def contact(value, where):
    """A phone or an e-mail."""
    (EMAIL if "@" in str(value) else PHONE)(value, where)


def client(value, where):
    """The buyer of v2: with a phone, an e-mail or both."""
    CLIENT(value, where)
    need("phone" in value or "email" in value, where,
         "neither phone nor email", MISSING)


BOTH = {  # of both versions
    "needed": {
        "intent": among(INTENTS),
        "payments": list_of(shape(
            {"type": among(PAYMENTS), "sum": decimal(2)}, {}))},
    "optional": {
        "print": flag,
        "cashier": shape(NAMED, {"inn": text(pattern=r"\d{12}")}),
        "additional_check_props": ANY,
        "additional_user_props": shape({"name": ANY, "value": ANY}, {}),
        "internet": flag,
        "cashless_payments": list_of(shape(
            {"sum": decimal(2), "method": among(range(256)), "id": ANY},
            {"additionalInfo": ANY})),
        "callback_url": text(pattern=r"https?://\S+")}}

POSITION = {
    "needed": {"name": text(128), "price": decimal(2),
               "quantity": decimal(3), "total": decimal(2),
               "vat": among(VAT)},
    "optional": {"id": external_id, "excise": decimal(2),
                 "country_code": text(pattern=r"\d{3}"),
                 "declaration_number": ANY, "agent_info": some_object,
                 "supplier_info": some_object}}

RECEIPT = {
    "v1": shape({
        **BOTH["needed"],
        "user": contact,
        "sno": among(TAX_SYSTEMS),
        "positions": list_of(shape(POSITION["needed"], {
            **POSITION["optional"],
            "discount": discount,
            "measure_name": ANY,
            "calculation_method": among(METHODS),
            "calculation_subject": among(SUBJECTS),
            "nomenclature_code": some_object})),
    }, {
        **BOTH["optional"],
        "external_id": external_id,
        "task_id": external_id,
        "payment_address": ANY,
        "place_address": ANY,
        "client": shape({}, {**NAMED, "inn": INN}),
    }),
    "v2": shape({
        **BOTH["needed"],
        "external_id": external_id,
        "client": client,
        "company": shape({"sno": among(TAX_SYSTEMS), "payment_address": ANY},
                         {"place_address": ANY, "inn": INN}),
        "positions": list_of(shape({
            **POSITION["needed"],
            "measure": among(MEASURES),
            "payment_method": among(METHODS),
            "payment_object": among(OBJECTS),
        }, {
            **POSITION["optional"],
            "user_data": ANY,
            "mark_code": some_object,
            "mark_quantity": some_object,
            "sectoral_item_props": some_list,
            "planned_status": among(range(256)),
            "wholesale": flag})),
    }, {
        **BOTH["optional"],
        "sectoral_check_props": some_list,
        "operating_check_props": some_object,
        "timezone": among(range(1, 12)),
    })}

# ---- what members say together ----

def _one_of(told, *names):
    """Which one of these members there is."""
    there = [name for name in names if name in told]
    need(len(there) == 1, " or ".join(names), "needed once", MISSING)
    return there[0]


def _add_up(told):
    """What was paid, in kopecks; it must be what the positions cost."""
    for i, position in enumerate(told["positions"]):
        cost = (Decimal(position["price"]) * position["quantity"]
                - position.get("discount", 0))
        need(cost.quantize(KOPECK, ROUND_HALF_UP) == position["total"],
             f"positions[{i}].total", "is not price * quantity", SUMS)
    paid = sum(kopecks(payment["sum"]) for payment in told["payments"])
    cost = sum(kopecks(position["total"]) for position in told["positions"])
    need(paid == cost, "payments", "are not the sum of the positions", SUMS)
    return paid


def kopecks(amount):
    """Kopecks of an exact amount in rubles."""
    return int(Decimal(amount) * 100)
