"""The runner sees what it must see: broken copies of vectors fail."""

import json
import subprocess
import sys

import pytest

from conformance.phones import canonical_phones
from harness.product import repo

VECTORS = repo() / "tests/data/vectors/seed/PaymentSMSNotice.json"


def recorded(**members):
    """The first simple vector with these members."""
    for vector in json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]:
        if "kind" not in vector and members.items() <= vector.items():
            return vector
    raise LookupError(members)


def run(folder, *vectors):
    """Run the runner over one file with these vectors: (code, lines)."""
    content = {"script": "Copied", "vectors": vectors}
    (folder / "Copied.json").write_text(json.dumps(content))
    done = subprocess.run(
        [repo() / "scripts/conformance.sh", folder], text=True,
        capture_output=True, check=False)
    print(done.stdout, done.stderr, file=sys.stderr)
    return done.returncode, done.stdout.splitlines()


def replaced(vector, old, new):
    """A copy of the vector with a text replaced in what is expected."""
    expect = json.dumps(vector["expect"], ensure_ascii=False)
    assert old in expect
    return vector | {"expect": json.loads(expect.replace(old, new))}


def test_unbroken_copies_pass(tmp_path):
    code, lines = run(tmp_path, recorded(relation="same", fires=True),
                      recorded(relation="same", fires=False))
    assert (code, lines[-1]) == (0, "2 passed, 0 failed, 0 skipped")


@pytest.mark.parametrize("old, new, told", [
    ("100.00", "100.01", "parameter send"),
    ("79001234567", "79001234568", "parameter to"),
    ("INFORM", "OTHER", "parameter from"),
    ("/api.php", "/other.php", "url_path"),
    ('"staffid": null', '"staffid": 1', "staffid"),
    ('"sms_error_text": ""', '"sms_error_text": "x"', "sms_error_text"),
], ids=lambda value: value)
def test_a_broken_copy_fails_with_the_difference(tmp_path, old, new, told):
    vector = recorded(relation="same", fires=True)
    code, lines = run(tmp_path, replaced(vector, old, new))
    assert (code, lines[-1]) == (1, "0 passed, 1 failed, 0 skipped")
    assert lines[0].startswith("FAILED") and told in lines[0]


@pytest.mark.parametrize("fires", [True, False])
def test_a_broken_fires_fails(tmp_path, fires):
    vector = recorded(relation="same", fires=fires) | {"fires": not fires}
    code, lines = run(tmp_path, vector)
    assert (code, lines[-1]) == (1, "0 passed, 1 failed, 0 skipped")


def test_a_broken_matrix_fails_with_the_value(tmp_path):
    matrix = json.loads(VECTORS.read_text())["vectors"][-1] | {
        "results": {"5": False, "7": False, "200": True, "1": True}}
    code, lines = run(tmp_path, matrix)
    assert (code, lines[-1]) == (1, "0 passed, 1 failed, 0 skipped")
    told = {line.split(":")[1].strip() for line in lines
            if line.startswith("FAILED")}
    assert told == {"bughtypeid 5", "bughtypeid 1"}


def test_better_copies_pass_and_broken_ones_fail(tmp_path):
    failing = recorded(relation="better", provider="error_ru")
    refused = recorded(relation="better", ours_fires=False)
    code, lines = run(
        tmp_path, failing, refused,
        replaced(failing, "100.00", "100.01"),
        replaced(failing, "79001234567", "79001234568"),
        replaced(failing, "Неправильный API-ключ", "Другое"),
        failing | {"provider": "ok"},
        refused | {"ours_fires": True},
        recorded(relation="same", fires=True) | {"relation": "better"})
    assert (code, lines[-1]) == (1, "2 passed, 6 failed, 0 skipped")


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
        recorded(relation="same") | {"action": "receipt"})
    assert (code, lines[-1]) == (0, "1 passed, 0 failed, 1 skipped")
    assert any("payment/receipt: no fiscal receipts" in line
               for line in lines)


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
