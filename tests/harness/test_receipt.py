"""Bodies of receipts are read strictly, and amounts exactly."""

import json
from decimal import Decimal

import pytest

from harness.receipt import (MISSING, NOT_JSON, SUMS, UNKNOWN, WRONG, Refused,
                             read)
from harness.server import REPO

V1 = ('{"external_id":"26111","user":"+79990000001","print":false,'
      '"intent":"sell","sno":1,"payments":[{"type":"card","sum":350.50}],'
      '"positions":[{"name":"Интернет","price":350.50,"quantity":1,'
      '"total":350.50,"vat":"no","calculation_method":"full_payment",'
      '"calculation_subject":"service"}]}')
V2 = ('{"external_id":"26111","intent":"sell","print":false,'
      '"client":{"phone":"+79990000001"},'
      '"company":{"sno":1,"payment_address":"Офис"},'
      '"payments":[{"type":"card","sum":350.50}],'
      '"positions":[{"name":"Интернет","price":350.50,"quantity":1,'
      '"total":350.50,"vat":"no","measure":0,'
      '"payment_method":"full_payment","payment_object":"service"}]}')
BODY = {"v1": V1, "v2": V2}


def changed(version, old, new, count=-1):
    """A body with a part of its text replaced; the part must be there."""
    assert old in BODY[version]
    return BODY[version].replace(old, new, count).encode()


def why(body, version):
    """(number, words) of the refusal."""
    with pytest.raises(Refused) as refused:
        read(body, version)
    return refused.value.number, refused.value.why


@pytest.mark.parametrize("version", BODY)
def test_a_receipt_is_read(version):
    receipt = read(BODY[version].encode(), version)
    assert (receipt.external_id, receipt.intent, receipt.kopecks,
            receipt.contact) == ("26111", "sell", 35050, "+79990000001")
    assert receipt.json["payments"][0]["sum"] == Decimal("350.50")


@pytest.mark.parametrize("version", BODY)
@pytest.mark.parametrize("amount, kopecks", [
    ("0.01", 1), ("0.1", 10), ("0.29", 29), ("1", 100), ("1.00", 100),
    ("8.20", 820), ("1000.50", 100050), ("123456789.12", 12345678912)])
def test_amounts_are_exact(version, amount, kopecks):
    assert read(changed(version, "350.50", amount),
                version).kopecks == kopecks


@pytest.mark.parametrize("version", BODY)
@pytest.mark.parametrize("amount", [
    "0", "0.00", "-350.50", "350.505", "350.500", "3.5e2", "3505E-1", "true",
    "null", '"350.50"', "[350.50]", "10000000000", "1" * 40, "0.1" + "0" * 40])
def test_what_is_no_amount_is_refused(version, amount):
    assert why(changed(version, "350.50", amount), version)[0] == WRONG


def test_sums_add_up_over_payments_and_positions():
    position = V1[V1.index("[{\"name"):].removesuffix("]}")[1:]
    other = position.replace("350.50", "3.33").replace(
        '"quantity":1,"total":3.33', '"quantity":1.5,"total":5.00')
    body = V1.replace(position, position + "," + other).replace(
        '"sum":350.50}', '"sum":50.50},{"type":"cash","sum":305}')
    assert read(body.encode(), "v1").kopecks == 35550


@pytest.mark.parametrize("version", BODY)
@pytest.mark.parametrize("old, new", [
    ('"sum":350.50', '"sum":350.49'), ('"total":350.50', '"total":350.51'),
    ('"price":350.50', '"price":350.51'), ('"quantity":1', '"quantity":2'),
    ('"quantity":1', '"quantity":1.001'),
    ('"sum":350.50}', '"sum":350.50},{"type":"cash","sum":0.01}')])
def test_what_does_not_add_up_is_refused(version, old, new):
    assert why(changed(version, old, new), version)[0] == SUMS


@pytest.mark.parametrize("version, member", [
    *[("v1", name) for name in ("user", "intent", "sno", "payments",
                                "positions", "external_id")],
    *[("v2", name) for name in ("client", "intent", "company", "payments",
                                "positions", "external_id")]])
def test_members_that_must_be_there(version, member):
    told = json.loads(BODY[version])
    del told[member]
    number, words = why(json.dumps(told).encode(), version)
    assert number == MISSING and member in words


@pytest.mark.parametrize("version", BODY)
@pytest.mark.parametrize("place, member", [
    ("payments", "type"), ("payments", "sum"), ("positions", "name"),
    ("positions", "price"), ("positions", "quantity"),
    ("positions", "total"), ("positions", "vat")])
def test_parts_that_must_be_there(version, place, member):
    told = json.loads(BODY[version])
    del told[place][0][member]
    assert why(json.dumps(told).encode(), version) == (
        MISSING, f"{place}[0].{member}: is missing")


@pytest.mark.parametrize("version, old, new", [
    ("v1", '"print"', '"prnt"'), ("v2", '"print"', '"prnt"'),
    ("v2", '"print"', '"user"'), ("v2", '"intent"', '"sno":1,"intent"'),
    ("v2", '"external_id"', '"task_id"'),
    ("v2", '"print"', '"payment_address":"a","print"'),
    ("v1", '"print"', '"company":{},"print"'),
    ("v1", '"type"', '"kind":1,"type"'), ("v2", '"vat"', '"tax":1,"vat"'),
    ("v1", '"vat"', '"measure":0,"vat"'),
    ("v1", "calculation_method", "payment_method"),
    ("v2", "payment_object", "calculation_subject"),
    ("v2", '"vat"', '"discount":0,"vat"'),
    ("v2", '"sno":1', '"sno":1,"name":"n"')])
def test_members_that_are_not_known(version, old, new):
    assert why(changed(version, old, new), version)[0] in (UNKNOWN, MISSING)


@pytest.mark.parametrize("version, old, new", [
    ("v1", '"+79990000001"', '"79990000001"'),
    ("v1", '"+79990000001"', '"+7999000000"'),
    ("v1", '"+79990000001"', '"@"'), ("v1", '"+79990000001"', "null"),
    ("v1", '"+79990000001"', "79990000001"),
    ("v1", "false", "0"), ("v1", "false", '"false"'), ("v1", "false", "null"),
    ("v1", '"sno":1', '"sno":3'), ("v1", '"sno":1', '"sno":"1"'),
    ("v1", '"sno":1', '"sno":1.0'), ("v1", '"sno":1', '"sno":true'),
    ("v1", '"sell"', '"sel"'), ("v1", '"sell"', '"sellCorrection"'),
    ("v1", '"no"', '"18"'), ("v1", '"no"', "0"), ("v1", '"no"', "[]"),
    ("v1", '"card"', '"Card"'), ("v1", '"full_payment"', '"full"'),
    ("v1", '"service"', '"deposit"'), ("v1", '"quantity":1', '"quantity":0'),
    ("v1", '"quantity":1', '"quantity":1.0001'),
    ("v1", '"26111"', '""'), ("v1", '"26111"', "true"),
    ("v1", '"26111"', "26.5"), ("v1", '"26111"', "null"),
    ("v1", "Интернет", ""), ("v1", "Интернет", "а" * 129),
    ("v1", "Интернет", "a\\nb"), ("v1", "Интернет", "a\\u0000"),
    ("v1", "Интернет", "\\ud800"), ("v1", "Интернет", "\x85"),
    ("v1", '"print"', '"payment_address":"","print"'),
    ("v1", '"print"', '"callback_url":"billing/komtet","print"'),
    ("v1", '"print"', '"cashier":{"name":"И","inn":"1"},"print"'),
    ("v1", '"print"', '"cashier":{"name":""},"print"'),
    ("v1", '[{"type":"card","sum":350.50}]', "[]"),
    ("v1", '[{"type":"card","sum":350.50}]', "{}"),
    ("v1", '[{"type":"card","sum":350.50}]', '["card"]'),
    ("v2", '"measure":0', '"measure":1'),
    ("v2", '"measure":0', '"measure":""'),
    ("v2", '{"phone":"+79990000001"}', '"+79990000001"'),
    ("v2", '"phone":"+79990000001"', '"email":"+79990000001"'),
    ("v2", '"phone":"+79990000001"', '"phone":"user@example.com"'),
    ("v2", '"print"', '"timezone":0,"print"'),
    ("v2", '"print"', '"timezone":12,"print"'),
    ("v2", '"service"', '"services"')])
def test_values_that_are_not_right(version, old, new):
    assert why(changed(version, old, new), version)[0] == WRONG


def test_the_words_of_a_refusal_can_be_sent():
    number, words = why(changed("v1", '"print"', '"\\ud800":1,"print"'), "v1")
    assert number == UNKNOWN and words.encode() == b"?: is not known"


def test_a_buyer_of_v2_can_be_reached():
    number, words = why(changed("v2", '"phone":"+79990000001"',
                                '"name":"n"'), "v2")
    assert (number, words) == (MISSING, "client: neither phone nor email")


@pytest.mark.parametrize("body", [
    b"", b"{", b"null", b"[]", b'"26111"', b"{} {}", b"\xff", b'{"a":NaN}',
    b'{"a":Infinity}', b"{'a':1}", b'{"a":1,}', b"\xef\xbb\xbf{}",
    V1.encode("utf-16"), V1.encode("cp1251"), V1.encode()[:-1],
    V1.encode() + b"x", V1.replace("26111", "26\n111").encode(),
    V1.replace('"sno":1', '"sno":1,"sno":1').encode(),
    V1.replace('"sum"', '"sum":350.50,"sum"').encode(),
    V1.replace("350.50", "350,50").encode(), b"[" * 100000,
    b'{"external_id":' + b"1" * 5000 + b"}"])
def test_what_is_no_object_of_json_is_refused(body):
    number, words = why(body, "v1")
    assert number in (NOT_JSON, WRONG) and words


@pytest.mark.parametrize("version", BODY)
def test_a_broken_body_is_read_or_refused(version):
    """Never another error, whatever byte is lost or changed."""
    body = BODY[version].encode()
    for i in range(len(body)):
        for other in (b"", b"0", b'"', b"}", b"\xff"):
            try:
                read(body[:i] + other + body[i + 1:], version)
            except Refused:
                pass


@pytest.mark.parametrize("version, old, new, wanted", [
    ("v1", '"26111"', "26111", ("26111", "sell", "+79990000001")),
    ("v1", "external_id", "task_id", ("26111", "sell", "+79990000001")),
    ("v1", '"sell"', '"sellReturn"', ("26111", "sellReturn", "+79990000001")),
    ("v1", "+79990000001", "user@example.com",
     ("26111", "sell", "user@example.com")),
    ("v2", '"phone":"+79990000001"', '"email":"user@example.com"',
     ("26111", "sell", "user@example.com"))])
def test_what_may_look_otherwise(version, old, new, wanted):
    receipt = read(changed(version, old, new), version)
    assert (receipt.external_id, receipt.intent, receipt.contact) == wanted


def test_a_number_has_one_name():
    assert why(changed("v1", '"print"', '"task_id":"1","print"'),
               "v1")[0] == MISSING


@pytest.mark.parametrize("new", [
    '"discount":0,"vat"', '"discount":0.50,"vat"'])
def test_a_discount_of_v1_is_taken_off(new):
    body = changed("v1", '"vat"', new)
    if "0.50" in new:
        assert why(body, "v1")[0] == SUMS
        body = body.replace(b'"price":350.50', b'"price":351')
    assert read(body, "v1").kopecks == 35050


def test_the_receipts_of_the_providers_own_clients_are_right():
    vectors = json.loads((REPO / "tests/data/komtet-signature-vectors.json")
                         .read_text(encoding="utf-8"))["vectors"]
    bodies = {one["name"]: one["body"].encode() for one in vectors
              if "-sell-" in one["name"]}
    assert len(bodies) == 5
    assert {name: read(body, name[:2]).kopecks
            for name, body in bodies.items()} == {
        "v1-sell-ascii": 35050, "v1-sell-return-escaped": 100000,
        "v1-sell-utf8-raw": 100050, "v2-sell-minimal": 10,
        "v2-sell-return-full": 9999999}
