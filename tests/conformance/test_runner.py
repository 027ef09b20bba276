"""The runner sees what it must see: broken copies of vectors fail."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import datetime

import pytest

from conformance import quiet
from conformance.compare import differences
from conformance.expect import Expectation, Says
from conformance.phones import canonical_phones
from conformance.stage import Observation
from conformance.vectors import load_common
from harness import komtet, routeros
from harness.product import repo
from harness.standin import Request

VECTORS = repo() / "tests/data/vectors"


def vectors_of(script, kit="seed"):
    """Every vector of a committed file."""
    path = VECTORS / kit / f"{script}.json"
    return json.loads(path.read_text(encoding="utf-8"))["vectors"]


def recorded(script="PaymentSMSNotice", kit="seed", **members):
    """The first simple vector with these members."""
    for vector in vectors_of(script, kit):
        if "kind" not in vector and members.items() <= vector.items():
            return vector
    raise LookupError(members)


def named(name, kit="seed"):
    """The vector `script/case` without its matrix."""
    return recorded(name.split("/")[0], kit, id=name)


def matrix(script, parameter, kit="seed", **members):
    """The matrix over this parameter, with other members."""
    return next(vector for vector in vectors_of(script, kit)
                if vector.get("parameter") == parameter) | members


def run(folder, *vectors):
    """Run the runner over one file with these vectors: (code, lines)."""
    content = {"script": "Copied", "vectors": vectors}
    (folder / "Copied.json").write_text(json.dumps(content))
    done = subprocess.run(
        [repo() / "scripts/conformance.sh", folder], text=True,
        capture_output=True, check=False)
    print(done.stdout, done.stderr, file=sys.stderr)
    return done.returncode, done.stdout.splitlines()


def outcomes(lines, count):
    """What was told of each vector that was called by a number; '' if it
    did not fail."""
    told = [""] * count
    for line in lines:
        if line.startswith("FAILED"):
            number, _, reason = line.split(maxsplit=2)[2].partition(": ")
            told[int(number)] += reason + "\n"
    return told


def judged(folder, *vectors):
    """Run the vectors; what was told of each of them, in order."""
    _, lines = run(folder, *(vector | {"id": str(number)} for number, vector
                             in enumerate(vectors)))
    assert lines[-1].split()[0].isdigit(), "the runner did not end well"
    return outcomes(lines, len(vectors))


def replaced(vector, old, new):
    """A copy of the vector with a text replaced in what is expected."""
    expect = json.dumps(vector["expect"], ensure_ascii=False)
    assert old in expect
    return vector | {"expect": json.loads(expect.replace(old, new))}


def with_expected(vector, table, rows):
    """A copy of the vector that expects these rows of a table."""
    expect = vector["expect"]
    return vector | {"expect": expect | {"db": expect["db"] | {table: rows}}}


def with_parameters(vector, **parameters):
    """A copy with parameters added to the one expected request."""
    request, = vector["expect"]["http"]
    changed = request | {"body": request["body"] | parameters}
    return vector | {"expect": vector["expect"] | {"http": [changed]}}


def assert_told(told, *expected):
    """Each word is in what was told of its vector; '' is a pass."""
    assert len(told) == len(expected)
    for reasons, word in zip(told, expected):
        assert (word in reasons) if word else not reasons, (word, reasons)


def observed(**members):
    """What a product did that did nothing but what is told here."""
    nothing = Observation([], {}, {}, [], 0, [], 0, 0, "", datetime.now())
    return replace(nothing, **members)


def test_unbroken_copies_pass(tmp_path):
    code, lines = run(tmp_path, recorded(relation="same", fires=True),
                      recorded(relation="same", fires=False))
    assert (code, lines[-1]) == (0, "2 passed, 0 failed, 0 skipped")


def test_broken_copies_fail_with_the_difference(tmp_path):
    vector = recorded(relation="same", fires=True)
    broken = {
        ("100.00", "100.01"): "parameter send",
        ("79001234567", "79001234568"): "parameter to",
        ("INFORM", "OTHER"): "parameter from",
        ("/api.php", "/other.php"): "url_path",
        ('"staffid": null', '"staffid": 1'): "staffid",
        ('"sms_error_text": ""', '"sms_error_text": "x"'): "sms_error_text",
    }
    assert_told(judged(tmp_path, *(replaced(vector, *change)
                                   for change in broken)),
                *broken.values())


def test_a_broken_fires_fails(tmp_path):
    told = judged(tmp_path, *(
        recorded(relation="same", fires=fires) | {"fires": not fires}
        for fires in (True, False)))
    assert_told(told, "contradicts", "contradicts")


def test_social_copies(tmp_path):
    vector = recorded("PaymentSocNotice", relation="same", fires=True)
    assert_told(
        judged(tmp_path, vector,
               replaced(vector, "Ваш Тест-Телеком.", "Чужой Телеком."),
               replaced(vector, '"soc": "1"', '"soc": "2"'),
               replaced(vector, "00:01", "00:02"),
               replaced(vector, "SOCNAME", "OTHER"),
               replaced(vector, "SMSCPASS", "OTHER"),
               replaced(vector, "/sys/send.php", "/sys/status.php"),
               vector | {"constants": {"COMPLIMENT": "Чужой Телеком."}},
               vector | {"action": "sms"}),
        "", "parameter mes", "parameter soc", "parameter valid",
        "parameter sender", "parameter psw", "url_path", "parameter mes",
        "url_path")


def test_amounts_and_comments_of_other_notices(tmp_path):
    credit = recorded("CreditSMSNotice", relation="same", fires=True)
    young = named("CreditSMSNotice/age-10s")
    limit = named("LimitSMSNotice/age-10s")
    api = recorded("APIPaymentSMSPilotNotice", "new", relation="same",
                   fires=True)
    plus = named("APIPaymentSMSPilotNotice/phone-plus", "new")
    assert_told(
        judged(tmp_path, credit, replaced(credit, "300.00", "100.00"),
               young, young | {"ours_fires": False},
               limit, limit | {"ours_fires": None},
               api, replaced(api, "обещанный", "отозванный"),
               plus, replaced(plus, "обещанный", "отозванный"),
               plus | {"relation": "same"}),
        "", "parameter send", "", "kit did nothing", "", "kit did nothing",
        "", "parameter send", "", "parameter send", "parameter to")


@pytest.mark.parametrize("script, old, new, name", [
    ("TarifChangeSystemSMSNotice", " 05:00:00", " 05:00:01",
     "send_datetime"),
    ("TarifChangeSystemSocNotice", '1000"', '1001"', "time"),
    ("TarifChangeSystemSocNotice", '"tz": "2"', '"tz": "3"', "tz"),
])
def test_planned_copies(tmp_path, script, old, new, name):
    night = recorded(script, fires=True, relation="same",
                     clock="2026-11-23 23:00:00")
    assert_told(
        judged(tmp_path, night, replaced(night, old, new),
               night | {"clock": "2026-11-23 22:59:59"},
               night | {"clock": "2026-11-24 23:00:00"},
               night | {"origin": "client"},
               night | {"origin": "ghost"},
               night | {"relation": "better"}),
        "", f"parameter {name}", "parameter", "parameter", "parameter",
        "unknown origin", "difference that makes ours better")


def test_better_plans_follow_our_clock(tmp_path):
    twice = named("TarifChangeSystemSMSCenterNotice/"
                  "clock-2026-11-23T23:00:00", "new")
    elsewhere = named("TarifChangeSystemSMSPilotNotice/"
                      "clock-2026-11-23T00:00:00", "new")
    first, _ = twice["expect"]["http"]
    assert_told(
        judged(tmp_path, twice, twice | {"relation": "same"},
               elsewhere, elsewhere | {"relation": "same"},
               replaced(elsewhere, "Новый", "Старый"),
               elsewhere | {"clock": "2026-11-23 12:00:00"},
               twice | {"expect": twice["expect"] | {"http": [first]}}),
        "", "missing", "", "parameter send_datetime", "parameter send",
        "difference that makes ours better",
        "difference that makes ours better")


def test_a_zone_without_a_time_may_be_left_out(tmp_path):
    day = recorded("TarifChangeSystemSocNotice", fires=True, relation="same",
                   clock="2026-11-23 10:00:00")
    code, lines = run(tmp_path, with_parameters(day, tz="2"),
                      with_parameters(day, valid="2"),
                      with_parameters(day, tz="2", time="2311261000"))
    assert (code, lines[-1]) == (1, "1 passed, 2 failed, 0 skipped")
    assert any(line.startswith("parameter of smsc left out: tz without time")
               for line in lines)
    assert any(line.startswith("extra parameter of smsc: id")
               for line in lines)


def test_bonus_copies(tmp_path):
    vector = named("PaymentBonusLog/positive")
    credit, = vector["expect"]["db"]["addons_pay_api"]
    new = named("PaymentAmountBonusLog/summa-2200", "new")
    assert_told(
        judged(tmp_path, vector,
               replaced(vector, "100.0000", "110.0000"),
               replaced(vector, "от 2000", "от 3000"),
               replaced(vector, '"category": -1', '"category": -2'),
               replaced(vector, '"status": 0', '"status": 1'),
               replaced(vector, '"misc_id": ""', '"misc_id": "x"'),
               with_expected(vector, "addons_pay_api_category", []),
               with_expected(vector, "addons_pay_api", [credit, credit]),
               new, new | {"kit": "seed"},
               vector | {"routes": ["payment"]}),
        "", "amount", "comment", "category", "status", "misc_id", "too much",
        "missing", "", "category", "together")


def test_our_mark_in_a_bonus_is_told(tmp_path):
    code, lines = run(tmp_path, named("PaymentBonusLog/positive"))
    assert (code, lines[-1]) == (0, "1 passed, 0 failed, 0 skipped")
    assert any(line.startswith("own mark in addons_pay_api.misc_id")
               for line in lines)


def test_better_bonus_copies(tmp_path):
    topup = named("PaymentBonusLog/payapi-negcat-now")
    waiting = named("PaymentBonusLog/payapi-own-category-20-days-status0")
    loyalty = named("PaymentLoyaltyBonusLog/payapi-negcat-now")
    given = named("PaymentLoyaltyBonusLog/positive")
    assert_told(
        judged(tmp_path, topup, topup | {"ours_fires": False},
               topup | {"relation": "same"},
               waiting, waiting | {"ours_fires": True},
               loyalty, loyalty | {"ours_fires": False},
               given | {"relation": "better"}),
        "", "kit did nothing", "too much", "",
        "difference that makes ours better", "", "kit did nothing",
        "difference that makes ours better")


def test_discount_copies(tmp_path):
    vector = named("TarifChangeDiscountRemove/pair-extended+global")
    rows = vector["expect"]["db"]["logs"]
    both = named("TarifChangeDiscountRemove/in-both-tables-different-gid")
    assert_told(
        judged(tmp_path, vector,
               replaced(vector, '"logtypeid": 1', '"logtypeid": 2'),
               replaced(vector, '"gid": 5', '"gid": 6'),
               replaced(vector, '"oldvalue": "7"', '"oldvalue": "8"'),
               with_expected(vector, "logs", rows[:1]),
               with_expected(vector, "users_custom_fields_deleted", []),
               with_expected(vector, "users", [{"uid": 1001}]),
               vector | {"relation": "better"}, both,
               both | {"ours_fires": False}),
        "", "logtypeid", "gid", "oldvalue", "too much", "too much",
        "missing", "difference that makes ours better", "", "too much")


def test_receipt_copies(tmp_path):
    vector = named("PaymentKomtetReceiptSend/positive")
    row, = vector["expect"]["db"]["receipts"]
    new = named("PaymentKomtetReceiptSend/positive", "new")
    assert_told(
        judged(tmp_path, vector,
               replaced(vector, '"sum": 100', '"sum": 100.01'),
               replaced(vector, '"price": 100', '"price": 99.99'),
               replaced(vector, '"print": false', '"print": 0'),
               replaced(vector, '"task_id": "{YYMM}1"', '"task_id": "x1"'),
               replaced(vector, "{HMAC_MD5}", "0" * 32),
               replaced(vector, "MARKET42", "MARKET43"),
               replaced(vector, "Анна", "Инна"),
               replaced(vector, '"ext_id": 9001', '"ext_id": 9002'),
               replaced(vector, '"error": null', '"error": ""'),
               replaced(vector, '"receipts_log"', '"receipts_book"'),
               with_expected(vector, "receipts", []),
               with_expected(vector, "receipts", [row, row]),
               vector | {"relation": "better"},
               vector | {"routes": ["payment"]},
               vector | {"kit": "new"}, new,
               replaced(new, "cb.test", "cb.best")),
        "", "parameter payments", "parameter positions", "parameter print",
        "parameter task_id", "X-HMAC-Signature", "Authorization",
        "parameter cashier", "ext_id", "error", "no table receipts_book",
        "too much", "missing", "difference that makes ours better",
        "together", "parameter", "", "parameter callback_url")


def test_better_receipt_copies(tmp_path):
    def of(case, script="Payment", kit="seed"):
        return named(f"{script}KomtetReceiptSend/{case}", kit)

    phone, none = of("phone-formatted"), of("phone-text")
    long, twice = of("summa-123456789.12"), of("type-62-0.01-both-scripts")
    lost, taken = of("provider-garbage"), of("provider-error")
    assert_told(
        judged(tmp_path, phone, replaced(phone, "123-45-67", "123-45-68"),
               none, none | {"ours_fires": True},
               long, replaced(long, "123456789.1", "123456789.3"),
               twice, twice | {"relation": "same"},
               twice | {"routes": ["refund", "api_refund"]},
               of("payapi-negcat-now"),
               of("payapi-negcat-now") | {"ours_fires": False},
               lost, replaced(lost, '"sum": 100', '"sum": 100.01'),
               lost | {"relation": "same"},
               taken, taken | {"relation": "same"},
               taken | {"provider": "error401"},
               of("provider-created201"), of("provider-refused", "Return"),
               of("provider-state-done", "Return"),
               of("summa-0", "Return") | {"ours_fires": True},
               of("provider-error", "Return", "new")),
        "", "parameter user", "", "no phone number", "", "parameter payments",
        "", "missing", "", "", "kit did nothing", "", "parameter payments",
        "left in state retry", "", "left in state ready", "", "", "", "",
        "none is due", "")


def test_matrices_of_receipts(tmp_path):
    assert_told(
        judged(tmp_path, *(
            matrix(f"{script}KomtetReceiptSend", "bughtypeid", kit,
                   results=results, exceptions={})
            for script, kit, results in (
                ("Payment", "seed", {"5": True, "7": False, "62": True}),
                ("Return", "new", {"5": False, "7": True, "62": True}),
                ("Payment", "new", {"5": False, "19": True})))),
        "", "", "bughtypeid 5: request is too much")


RECEIPT = ('{"external_id":"26111","user":"+79001234567","payments":'
           '[{"type":"card","sum":100.00}]}')
FAILURE = Says(("VLD11",))


def receipt_request(body=RECEIPT, signed=None, secret="SECRET"):
    """A request of a product that signs this, or another body."""
    url = "/api/shop/v1/queues/777/task"
    digest = komtet.sign(secret, "POST", "http://till" + url,
                         (signed or body).encode())
    return Request(1, 1, "POST", url, {
        "host": "till", "content-type": "application/json",
        "x-hmac-signature": digest}, body.encode(), 0.0, 0.0)


def told_of_receipts(seen, **members):
    """What is told of it, when a receipt over 100 was to be seen."""
    expected = Expectation(
        requests=[{"method": "POST", "query": {},
                   "url_path": "/api/shop/v1/queues/777/task",
                   "headers": {"X-HMAC-Signature": "{HMAC_MD5}"},
                   "body": {"external_id": "26111", "user": "+79001234567",
                            "payments": [{"type": "card", "sum": 100}]}}],
        appear={"receipts_log": [{"int_id": "26111", "error": None}]},
        tables=["receipts_log"], secret="SECRET", booked=1)
    return "\n".join(differences(replace(expected, **members), seen, "komtet",
                                 set()))


def receipts_seen(*requests, error=None, rows=1, **members):
    """What a product did that sent these, with its row of the log."""
    return observed(**{
        "requests": list(requests), "deliveries": ["done"], "booked": 1,
        "tables": ["receipts_log"],
        "appeared": {"receipts_log": [{"int_id": "26111", "error": error}]
                     * rows}} | members)


@pytest.mark.parametrize("seen, told", [
    (receipts_seen(receipt_request()), None),
    (receipts_seen(receipt_request(RECEIPT.replace("100.00", "100"))), None),
    (receipts_seen(receipt_request(RECEIPT.replace("100.00", "100.01"))),
     "parameter payments"),
    (receipts_seen(receipt_request(RECEIPT.replace("100.00", '"100.00"'))),
     "parameter payments"),
    (receipts_seen(receipt_request(RECEIPT[:-1] + ',"user":"x"}')),
     "more than once"),
    (receipts_seen(receipt_request(secret="OTHER")), "X-HMAC-Signature"),
    (receipts_seen(receipt_request(signed=RECEIPT + " ")),
     "X-HMAC-Signature"),
    (receipts_seen(receipt_request(), rows=0), "missing"),
    (receipts_seen(receipt_request(), rows=2), "too much"),
    (receipts_seen(receipt_request(), receipt_request()), "too much"),
    (receipts_seen(receipt_request(), tables=[]), "no table receipts_log"),
    (receipts_seen(receipt_request(), booked=2), "2 receipts are booked"),
])
def test_wrong_receipts_are_told(seen, told):
    found = told_of_receipts(seen)
    assert told in found if told else not found


@pytest.mark.parametrize("again, told", [
    ([receipt_request()], None),
    ([], "nothing was sent again"),
    ([receipt_request(RECEIPT + " ")], "too much"),
    ([receipt_request(RECEIPT.replace("100.00", "100"))], "too much"),
    ([receipt_request(RECEIPT.replace("26111", "26112"))], "too much"),
])
def test_changed_repeats_are_told(again, told):
    seen = receipts_seen(receipt_request(), *again, error="lost",
                         deliveries=["retry"], booked=0)
    found = told_of_receipts(
        seen, failing=True, left="retry", booked=0,
        appear={"receipts_log": [{"int_id": "26111", "error": Says()}]})
    assert told in found if told else not found


def test_the_order_of_numbers_is_seen():
    second = receipt_request(RECEIPT.replace("26111", "26112"))
    seen = receipts_seen(receipt_request(), second, error="VLD11",
                         deliveries=["ready"], booked=0)
    body = {"external_id": "26111", "user": "+79001234567",
            "payments": [{"type": "card", "sum": 100}]}
    wanted = [{"method": "POST", "query": {}, "headers": {},
               "url_path": "/api/shop/v1/queues/777/task",
               "body": body | {"external_id": number}}
              for number in ("26111", "26112")]
    members = {"failing": True, "left": "ready", "booked": 0,
               "appear": seen.appeared}
    assert not told_of_receipts(seen, requests=wanted, **members)
    assert "in another order" in told_of_receipts(
        seen, requests=wanted[::-1], **members)


@pytest.mark.parametrize("members, told", [
    ({}, None),
    ({"deliveries": ["done"]}, "done, though the provider failed"),
    ({"deliveries": ["retry"]}, "left in state retry, expected ready"),
    ({"deliveries": []}, "no delivery"),
    ({"booked": 1}, "1 receipts are booked"),
    ({"error": None}, "error"),
    ({"error": "HTTP status 422"}, "error"),
    ({"rows": 0}, "missing"),
])
def test_a_taken_number_accepted_is_told(members, told):
    seen = receipts_seen(receipt_request(), **{
        "error": "VLD11: there is one", "deliveries": ["ready"],
        "booked": 0} | members)
    found = told_of_receipts(
        seen, failing=True, left="ready", booked=0,
        appear={"receipts_log": [{"int_id": "26111", "error": FAILURE}]})
    assert told in found if told else not found


def with_routers(vector, **recorded):
    """A copy of the vector that records this of routers."""
    return vector | {"expect": vector["expect"] | recorded}


@pytest.mark.skipif(routeros.why_not() is not None,
                    reason=str(routeros.why_not()))
def test_reset_copies(tmp_path):
    vector = named("PaymentRouterOSSessionRemove/positive")
    command, = vector["expect"]["ssh"]
    two = named("CreditRouterOSSessionRemove/two-nas")
    blocked = named("PaymentRouterOSSessionRemove/blocked-1")
    assert_told(
        judged(tmp_path, vector,
               replaced(vector, "abonent1", "abonent2"),
               replaced(vector, "127.0.0.1", "127.0.0.2"),
               replaced(vector, "naspw", "other"),
               with_routers(vector, ssh=[command, command]),
               two, with_routers(two, ssh=[command]),
               vector | {"routes": ["payment"]},
               vector | {"routes": ["refund"]},
               vector | {"relation": "better"},
               blocked, blocked | {"fires": True, "expect":
                                   vector["expect"]}),
        "", "login is 'abonent1'", "host is", "refused logins", "missing",
        "", "too much", "", "missing", "difference that makes ours better",
        "", "missing")


def test_reset_copies_of_the_other_transport(tmp_path):
    vector = named("PaymentRouterOSSessionRemove/positive", "new")
    two = named("CreditRouterOSSessionRemove/two-nas", "new")
    sentences = two["expect"]["routeros_api"]
    offline = named("RouterOSSessionRemove/no-active-session", "new")
    assert_told(
        judged(tmp_path, vector,
               replaced(vector, "abonent1", "abonent2"),
               replaced(vector, "naspw", "other"),
               replaced(vector, "/ppp/active/remove", "/system/reboot"),
               two, with_routers(two, routeros_api=sentences[:3]),
               offline, offline | {"routes": ["refund"]}),
        "", "login is 'abonent1'", "refused logins", "unknown sentence", "",
        "too much", "", "missing")


@pytest.mark.skipif(routeros.why_not() is not None,
                    reason=str(routeros.why_not()))
def test_better_reset_copies(tmp_path):
    def of(case, script="TarifChange"):
        return named(f"{script}RouterOSSessionRemove/{case}")

    refused, far = of("two-nas-first-auth-fails"), of(
        "two-nas-first-unreachable")
    odd, empty = of("login-with-quote"), of("nas-password-empty")
    young = of("age-10s", "Payment")
    assert_told(
        judged(tmp_path, refused, far, odd, empty, young, young | {"ours_fires": False},
               of("no-nas") | {"relation": "better", "ours_fires": True},
               refused | {"ours_fires": False}),
        "", "", "", "", "", "kit did",
        "there is no router", "too much")


@pytest.mark.skipif(routeros.why_not() is not None,
                    reason=str(routeros.why_not()))
def test_matrices_of_resets(tmp_path):
    assert_told(
        judged(tmp_path, *(
            matrix(f"{script}RouterOSSessionRemove", "bughtypeid",
                   results=results, exceptions={})
            for script, results in (
                ("Return", {"5": False, "7": True}),
                ("Limit", {"5": False, "18": True}),
                ("Payment", {"5": True, "7": True})))),
        "", "", "bughtypeid 7: session reset is missing")


def test_a_broken_matrix_fails_with_the_value(tmp_path):
    code, lines = run(tmp_path, matrix(
        "PaymentSMSNotice", "bughtypeid",
        results={"5": False, "7": False, "200": True, "1": True}))
    assert (code, lines[-1]) == (1, "0 passed, 1 failed, 0 skipped")
    told = {line.split(":")[1].strip() for line in lines
            if line.startswith("FAILED")}
    assert told == {"bughtypeid 5", "bughtypeid 1"}


def test_matrices_of_bonuses(tmp_path):
    def discounts(**results):
        return matrix("PaymentBonusLog", "users_custom_fields values",
                      results=results)

    def types(*results):
        return matrix("PaymentLoyaltyBonusLog", "bughtypeid",
                      results=dict(results))

    row = {"fires": True, "amount": "70.0000"}
    assert_told(
        judged(tmp_path,
               discounts(**{"-,-,-,-,-": True, "1,-,-,-,-": False,
                            "1,1,-,0,-": True, "-,1,1,-,-": False}),
               discounts(**{"-,-,-,-,-": False}),
               discounts(**{"1,-,-,-,-": True}),
               discounts(**{"1,-,-,-": True}),
               types(("5", row), ("7", False)),
               types(("5", row | {"amount": "80.0000"})),
               types(("7", row)),
               types(("5", row | {"colour": "red"})),
               types(("5", "yes"))),
        "", "-,-,-,-,-: row of addons_pay_api to appear is too much",
        "1,-,-,-,-: row of addons_pay_api to appear is missing",
        "not a word for each discount", "",
        "bughtypeid 5: row of addons_pay_api to appear: amount",
        "bughtypeid 7: row of addons_pay_api to appear is missing",
        "'colour'", "unknown result")


def test_better_copies_pass_and_broken_ones_fail(tmp_path):
    failing = recorded(relation="better", provider="error_ru")
    refused = recorded(relation="better", ours_fires=False)
    social = recorded("PaymentSocNotice", relation="better",
                      provider="error")
    lost = recorded("PaymentSocNotice", relation="better",
                    provider="garbage")
    assert_told(
        judged(tmp_path, failing, refused, social, lost,
               replaced(failing, "100.00", "100.01"),
               replaced(failing, "79001234567", "79001234568"),
               replaced(failing, "Неправильный API-ключ", "Другое"),
               failing | {"provider": "ok"},
               refused | {"ours_fires": True},
               replaced(social, "no money", "Другое"),
               lost | {"provider": "ok"},
               recorded(relation="same", fires=True)
               | {"relation": "better"}),
        "", "", "", "", "parameter send", "parameter to", "sms_error_text",
        "difference that makes ours better", "no phone number",
        "sms_error_text", "difference that makes ours better",
        "difference that makes ours better")


def test_an_unlisted_pair_fails(tmp_path):
    vector = recorded(relation="same", fires=True) | {"action": "telegram"}
    code, lines = run(tmp_path, vector)
    assert (code, lines[-1]) == (1, "0 passed, 1 failed, 0 skipped")
    assert "payment/telegram is neither offered nor listed" in lines[0]


def test_what_the_runner_does_not_know_fails(tmp_path):
    vector = recorded(relation="same", fires=True)
    code, lines = run(
        tmp_path, vector | {"provider": "unheard-of"},
        vector | {"schema": "ancient"}, vector | {"kit": "third"},
        vector | {"relation": "worse"}, vector | {"kind": "tensor"},
        vector | {"constants": {"UNHEARD": "x"}},
        {key: vector[key] for key in vector if key != "provider"})
    assert (code, lines[-1]) == (1, "0 passed, 7 failed, 0 skipped")


def test_only_window_and_hook_is_nothing_passed(tmp_path):
    code, lines = run(tmp_path, recorded(relation="window"),
                      recorded(relation="hook"))
    assert (code, lines[-1]) == (1, "0 passed, 0 failed, 2 skipped")


def test_pairs_that_are_not_offered_are_reported(tmp_path):
    code, lines = run(
        tmp_path, recorded(relation="same", fires=True),
        recorded(relation="same") | {"event": "turbo"})
    assert (code, lines[-1]) == (0, "1 passed, 0 failed, 1 skipped")
    assert any("turbo/sms: turbo makes no message" in line for line in lines)


def test_where_the_kit_died_ours_acts(tmp_path):
    died = named("FreezeSMSPilotNotice/clock-2026-11-23T10:00:00", "new")
    code, lines = run(tmp_path, died, died | {"id": "another"},
                      died | {"event_sql": ["UPDATE users SET state = 1"]})
    assert code == 1
    assert any("FAILED new another: request is too much" in line
               for line in lines)
    assert lines[-1] == "1 passed, 2 failed, 0 skipped"


def test_copies_about_states(tmp_path):
    night = recorded("BlockSMSCenterNotice", "new", fires=True,
                     clock="2026-11-23 23:00:00")
    discount = recorded("DeleteDiscountRemove", "new", fires=True)
    assert_told(
        judged(tmp_path, night, replaced(night, "заблокирована", "удалена"),
               night | {"clock": "2026-11-23 22:59:59"},
               discount, discount | {"fires": False, "expect": {
                   "http": [], "db": {}}}),
        "", "parameter mes", "parameter", "", "too much")


def test_several_scripts_stand_in_the_table(tmp_path):
    for name in ("First", "Second", "Third"):
        content = {"script": name, "vectors": [
            recorded(relation="same", fires=True)]}
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    code, lines = run(tmp_path, recorded(relation="same", fires=False))
    assert (code, lines[-1]) == (0, "4 passed, 0 failed, 0 skipped")
    assert [line.split()[0] for line in lines[2:6]] == [
        "Copied", "First", "Second", "Third"]


@pytest.mark.parametrize("state, found", [
    ("done", []), ("skipped", []),
    ("ready", ["a delivery is left in state ready"]),
    ("retry", ["a delivery is left in state retry"]),
])
def test_what_is_left_to_do_is_told(state, found):
    assert differences(Expectation(), observed(deliveries=[state]), None,
                       set()) == found


@pytest.mark.parametrize("field, numbers", [
    ("79001234567", ["79001234567"]),
    ("8 (900) 123-45-67", ["79001234567"]),
    ("9001234567", ["79001234567"]),
    ("+79001234567, 89007654321", ["79001234567", "79007654321"]),
    ("375291234567", ["375291234567"]),
    ("0", []), ("", []), (None, []), ("звонить", []), ("1234567890", []),
])
def test_phones_are_canonical(field, numbers):
    assert canonical_phones(field) == numbers


@pytest.mark.parametrize("clock, when", [
    ("2026-11-23 09:59:59", "2026-11-23 10:00"),
    ("2026-11-23 10:00:00", None),
    ("2026-11-23 22:59:59", None),
    ("2026-12-31 23:00:00", "2027-01-01 10:00"),
    ("2028-02-28 23:10:00", "2028-02-29 10:00"),
    ("2026-11-23 00:00:00", "2026-11-23 10:00"),
])
def test_quiet_hours(clock, when):
    planned = quiet.planned(quiet.clock_of({"clock": clock}))
    assert (planned and f"{planned:%F %H:%M}") == when


def test_committed_constants_are_known():
    common = load_common(VECTORS)
    assert {"constants_seed", "constants_new", "reset_sql",
            "provider_replies"} <= common.keys()


def test_clock_is_of_yekaterinburg():
    clock = quiet.clock_of({"clock": "2026-11-23 05:00:00"})
    assert clock.timestamp() == datetime.fromisoformat(
        "2026-11-23T00:00:00+00:00").timestamp()
