"""Sees whether an observation is what was expected: by meaning."""

from dataclasses import fields
from datetime import datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qsl

from conformance.expect import Says
from conformance.vectors import load_list
from harness.komtet import sign
from harness.receipt import Refused, read_json

EXTRA = load_list("extra_parameters.txt", 2)
MISSING = load_list("missing_parameters.txt", 3)
MARKS = load_list("own_marks.txt", 3)
NOW_WITHIN = 40  # seconds
SETTLED = ("done", "skipped")  # states of deliveries
SIGNATURE, SIGNED = "x-hmac-signature", "{HMAC_MD5}"
NUMBERS = (int, float, Decimal)


def differences(expected, seen, provider, notes):
    """Everything that is not as expected, in words.

    `provider` is a name, or None. What the lists allow and occurred is
    added in words to the set `notes`.
    """
    found = []
    if seen.exit_code != 0:
        found.append(f"mbevd --once ended with {seen.exit_code}: "
                     f"{seen.log[-500:]!r}")
    if seen.waiting:
        found.append(f"{seen.waiting} rows are left in the outbox")
    found += _requests(expected, seen, provider, notes)
    found += _resets(expected, seen)
    for what, rows, actual in (
            ("appear", expected.appear, seen.appeared),
            ("vanish", expected.vanish, seen.vanished)):
        found += _tables(what, _filled(rows, seen.now), actual, seen.now,
                         notes)
    found += [f"there is no table {table}" for table in expected.tables
              if table not in seen.tables]
    if seen.booked != expected.booked:
        found.append(f"{seen.booked} receipts are booked as accepted, "
                     f"expected {expected.booked}")
    if expected.failing:
        return found + _not_done(seen, expected.left)
    return found + [f"a delivery is left in state {state}"
                    for state in seen.deliveries if state not in SETTLED]


def _requests(expected, seen, provider, notes):
    wanted = _filled(expected.requests, seen.now)
    sent = (_without_repeats(seen.requests) if expected.failing
            else seen.requests)
    actual = [_request(request, expected.secret) for request in sent]

    def difference(one, other):
        return _request_difference(one, other, provider, notes)
    for request in actual:
        _take_extras(request, wanted, provider, notes)
    found = _match("request", wanted, actual, difference)
    if not expected.failing or not wanted:
        return found
    if not found and difference(wanted[0], actual[0]):
        found.append("the requests came in another order")
    if expected.left == "retry" and len(sent) == len(seen.requests):
        found.append("nothing was sent again")
    return found


def _resets(expected, seen):
    found = _match("session reset", expected.resets, seen.resets,
                   _reset_difference)
    if set(expected.refused) != set(seen.refused):
        found.append(_but("refused logins", sorted(set(expected.refused)),
                          sorted(set(seen.refused))))
    return found + seen.faults


def _reset_difference(expected, actual):
    """The first difference of two resets in words, or None."""
    return next((_but(one.name, getattr(expected, one.name),
                      getattr(actual, one.name)) for one in fields(expected)
                 if getattr(expected, one.name) != getattr(actual, one.name)),
                None)


def _filled(recorded, now):
    """What is recorded, with the month in its place."""
    if isinstance(recorded, dict):
        return {name: _filled(value, now) for name, value in recorded.items()}
    if isinstance(recorded, list):
        return [_filled(value, now) for value in recorded]
    if isinstance(recorded, str):
        return recorded.replace("{YYMM}", f"{now:%y%m}")
    return recorded


def _request(request, secret):
    """A request of the stand-in in the recorded form."""
    return {"method": request.method, "url_path": request.path,
            "query": dict(parse_qsl(request.query, keep_blank_values=True)),
            "headers": request.headers | _signature(request, secret),
            "body": _body(request)}


def _signature(request, secret):
    """The header by its placeholder, when it is right for what came."""
    url = f"http://{request.headers.get('host')}{request.target}"
    digest = sign(secret, request.method, url, request.body)
    right = secret and request.headers.get(SIGNATURE) == digest
    return {SIGNATURE: SIGNED} if right else {}


def _body(request):
    """Decoded parameters or JSON; the bytes in words if they are neither."""
    try:
        if request.headers.get("content-type", "").startswith(
                "application/json"):
            return read_json(request.body)
        if len(request.pairs) == len(request.params):
            return dict(request.params)
        return f"a parameter stands twice: {request.body!r}"
    except (ValueError, Refused) as error:
        return f"{request.body!r}: {error}"


def _without_repeats(requests):
    """Later tries left out that are the same byte for byte."""
    unique = {}
    for request in requests:
        unique.setdefault((request.method, request.target, request.body,
                           frozenset(request.headers.items())), request)
    return list(unique.values())


def _take_extras(request, expected, provider, notes):
    """Take allowed parameters out that no expected request has."""
    recorded = {name for one in expected for name in one.get("body", {})}
    if isinstance(request["body"], dict):
        for name in request["body"].keys() - recorded:
            if (provider, name) in EXTRA:
                notes.add(f"extra parameter of {provider}: {name} "
                          f"({EXTRA[provider, name]})")
                del request["body"][name]


def _request_difference(expected, actual, provider, notes):
    """The first difference of two requests in words, or None."""
    for name in ("method", "url_path", "query"):
        if expected[name] != actual[name]:
            return _but(name, expected[name], actual[name])
    for name, value in expected["headers"].items():
        if actual["headers"].get(name.lower()) != value:
            return _but(f"header {name}", value,
                        actual["headers"].get(name.lower()))
    return _body_difference(expected["body"], actual["body"], provider, notes)


def _body_difference(expected, actual, provider, notes):
    if not isinstance(expected, dict) or not isinstance(actual, dict):
        return None if expected == actual else _but("body", expected, actual)
    missing = _may_miss(expected, actual, provider)
    for name in sorted((expected.keys() | actual.keys()) - missing.keys()):
        if not _same_json(expected.get(name), actual.get(name)):
            return _but(f"parameter {name}", expected.get(name),
                        actual.get(name))
    notes.update(missing.values())
    return None


def _same_json(expected, actual):
    """The same value; a number is no truth value, and neither a text."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return (expected.keys() == actual.keys()
                and all(_same_json(expected[name], actual[name])
                        for name in expected))
    if isinstance(expected, list) and isinstance(actual, list):
        return (len(expected) == len(actual)
                and all(map(_same_json, expected, actual)))
    if bool in (type(expected), type(actual)):
        return expected is actual
    if isinstance(expected, NUMBERS) and isinstance(actual, NUMBERS):
        return _decimal(expected) == _decimal(actual)
    return expected == actual


def _may_miss(expected, actual, provider):
    """Recorded parameters without meaning that ours may leave out, with
    words for the notes."""
    return {name: f"parameter of {provider} left out: {name} without "
                  f"{partner} ({reason})"
            for (of, name, partner), reason in MISSING.items()
            if of == provider and name in expected
            and name not in actual and partner not in expected}


def _tables(what, expected, actual, now, notes):
    """Differences of the rows that appear or vanish, table by table."""
    found = []
    for table in sorted(expected.keys() | actual.keys()):
        def difference(one, other, table=table):
            return _row_difference(table, one, other, now, notes)
        found += _match(f"row of {table} to {what}", expected.get(table, []),
                        actual.get(table, []), difference)
    return found


def _row_difference(table, expected, actual, now, notes):
    """The first difference in the recorded columns, or None."""
    marks = {}
    for column, value in expected.items():
        if column not in actual:
            return f"there is no column {column}"
        if value == "" and _is_mark(table, column, actual[column]):
            marks[column] = (f"own mark in {table}.{column} "
                             f"({_mark(table, column)[1]})")
        elif not _same_value(value, actual[column], now):
            return _but(column, value, actual[column])
    notes.update(marks.values())
    return None


def _is_mark(table, column, value):
    """Is it one of our marks in a column that may hold one?"""
    beginning, _ = _mark(table, column)
    return bool(beginning and str(value).startswith(beginning)
                and value != beginning)


def _mark(table, column):
    """How our marks in this column begin, and why they may stand there."""
    return next(((key[2], reason) for key, reason in MARKS.items()
                 if key[:2] == (table, column)), (None, None))


def _same_value(expected, actual, now):
    if expected == "NOW()":
        return (isinstance(actual, datetime)
                and abs((actual - now).total_seconds()) <= NOW_WITHIN)
    if isinstance(expected, Says):
        return expected.fits(actual)
    if expected is None or actual is None:
        return expected is actual
    if isinstance(actual, NUMBERS):
        return _decimal(expected) == _decimal(actual)
    return str(expected) == str(actual)


def _decimal(value):
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _match(what, expected, actual, difference):
    """Pair expected with actual in any order; tell what is left over."""
    left = list(actual)
    missing = []
    for one in expected:
        equal = next((other for other in left
                      if difference(one, other) is None), None)
        if equal is None:
            missing.append(one)
        else:
            left.remove(equal)
    pairs = list(zip(missing, left))
    return ([f"{what}: {difference(*pair)}" for pair in pairs]
            + [f"{what} is missing: {_short(one)}"
               for one in missing[len(pairs):]]
            + [f"{what} is too much: {_short(one)}"
               for one in left[len(pairs):]])


def _not_done(seen, left):
    if not seen.deliveries:
        return ["there is no delivery"]
    if "done" in seen.deliveries:
        return ["a delivery is done, though the provider failed"]
    return [f"a delivery is left in state {state}, expected {left}"
            for state in seen.deliveries if left and state != left]


def _but(name, expected, actual):
    return f"{name} is {_short(actual)}, expected {_short(expected)}"


def _short(value):
    text = repr(value)
    return text if len(text) <= 300 else text[:300] + "..."
