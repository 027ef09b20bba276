"""The strict reader of metrics is strict."""

import pytest

from harness.exposition import parse, value

GOOD = """# HELP m_total help
# TYPE m_total counter
m_total{lane="a",x="q\\"\\n"} 3
m_total{lane="b",x=""} 4.5e+3
# HELP h help
# TYPE h histogram
h_bucket{le="0.1"} 1
h_bucket{le="+Inf"} 2
h_sum 7.5
h_count 2
"""


def test_it_reads_what_is_right():
    metrics = parse(GOOD)
    assert value(metrics, "m_total", lane="b", x="") == 4500
    assert value(metrics, "h_count") == 2


@pytest.mark.parametrize("old, new", [
    ("h_count 2\n", "h_count 2"),
    ("h_count 2", "h_count 3"),
    ('le="0.1"} 1', 'le="0.1"} 3'),
    ('h_bucket{le="+Inf"} 2\n', ""),
    ("# TYPE m_total counter\n", ""),
    ("# HELP m_total help\n", ""),
    ("# TYPE m_total counter", "# TYPE m_total thing"),
    ("m_total", "m"),
    ('{lane="b",x=""}', '{lane="a",x="q\\"\\n"}'),
    ('lane="b",x=""', 'lane="b",lane="c"'),
    ('lane="b",x=""', 'lane="b",x="\\t"'),
    ('lane="b",x=""', 'lane="b", x=""'),
    ("4.5e+3", "many"),
    ("4.5e+3", "-1"),
    ("h_sum", "other_sum"),
    ("h_sum 7.5\n", "h_sum 7.5\n\n"),
])
def test_it_refuses_what_is_not(old, new):
    assert old in GOOD
    with pytest.raises((ValueError, KeyError)):
        parse(GOOD.replace(old, new))
