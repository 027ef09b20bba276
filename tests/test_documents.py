"""What the documents say of the tests is true."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
TEXT = (TESTS.parent / "docs" / "reliability.md").read_text("utf-8")
NAMES = sorted(set(re.findall(r"`((?:\w+/)+test_\w+\.py(?:::\w+)?)`", TEXT)))


def test_it_names_tests():
    assert len(NAMES) > 50


@pytest.mark.parametrize("name", NAMES)
def test_a_test_that_is_named_exists(name):
    file, _, test = name.partition("::")
    assert (TESTS / file).is_file()
    assert not test or re.search(rf"^def {test}\(",
                                 (TESTS / file).read_text("utf-8"),
                                 re.MULTILINE)
