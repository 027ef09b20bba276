"""A strict reader of Prometheus' text format, version 0.0.4.

It takes what the format's specification promises and nothing else: HELP and
TYPE once and before the samples, the samples of one metric together, no sample
twice, histograms whose buckets add up.
"""

import re
from dataclasses import dataclass, field

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)")
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN")
TYPES = {"counter", "gauge", "histogram"}
UNITS = ("seconds", "bytes", "total", "info")


@dataclass
class Metric:
    """One metric: {labels: value}, of a histogram by the sample's name, too."""

    help: str = ""
    type: str = ""
    samples: dict = field(default_factory=dict)


def parse(text):
    """{name: Metric} of the text; ValueError with the line where it is not
    of the format."""
    if not text.endswith("\n") or "\r" in text:
        raise ValueError("lines end with \\n, the last one, too")
    metrics, current, done = {}, None, set()
    for line in text[:-1].split("\n"):
        if line.startswith("# "):
            current = _comment(line, metrics, current, done)
        else:
            _sample(line, metrics, current)
    for name, metric in metrics.items():
        _check(name, metric)
    return metrics


def _fail(line, why):
    raise ValueError(f"{why}: {line!r}")


def _comment(line, metrics, current, done):
    word, name, rest = line[2:].split(" ", 2)
    if word not in ("HELP", "TYPE") or not re.fullmatch(NAME, name):
        _fail(line, "neither HELP nor TYPE")
    if word == "HELP":
        if name in metrics or re.search(r"\\(?![\\n])", rest):
            _fail(line, "HELP comes once, first, and escaped")
        metrics[name] = Metric(help=rest)
        done.add(current)
        return name
    if name != current or metrics[name].type or metrics[name].samples:
        _fail(line, "TYPE comes once and before the samples")
    if rest not in TYPES:
        _fail(line, "no such type")
    metrics[name].type = rest
    return name


def _sample(line, metrics, current):
    found = SAMPLE.fullmatch(line)
    if not found or not NUMBER.fullmatch(found.group(found.lastindex)):
        _fail(line, "no sample")
    name, labels = found[1], re.findall(LABEL, found[2] or "")
    if current is None or not metrics[current].type:
        _fail(line, "a sample before HELP and TYPE")
    allowed = {current}
    if metrics[current].type == "histogram":
        allowed = {current + end for end in ("_bucket", "_sum", "_count")}
    if name not in allowed:
        _fail(line, f"stands among those of {current}")
    if len({key for key, _ in labels}) < len(labels):
        _fail(line, "a label comes twice")
    key = (name, *sorted(labels))
    if key in metrics[current].samples:
        _fail(line, "comes twice")
    metrics[current].samples[key] = float(found.group(found.lastindex))


def _check(name, metric):
    if not metric.help or not metric.type or not metric.samples:
        _fail(name, "has no help, type or samples")
    if (metric.type == "counter") != name.endswith("_total"):
        _fail(name, "counters, and only these, end with _total")
    if metric.type == "counter" and min(metric.samples.values()) < 0:
        _fail(name, "a counter below zero")
    if metric.type == "histogram":
        _check_histogram(name, metric)


def _check_histogram(name, metric):
    series = {}
    for (sample, *labels), value in metric.samples.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        one = series.setdefault(rest, {"buckets": []})
        if sample.endswith("_bucket"):
            one["buckets"].append((float(dict(labels)["le"]), value))
        else:
            one[sample.rsplit("_", 1)[1]] = value
    for one in series.values():
        bounds = [bound for bound, _ in one["buckets"]]
        counts = [count for _, count in one["buckets"]]
        if bounds != sorted(set(bounds)) or bounds[-1] != float("inf"):
            _fail(name, "bounds ascend to +Inf")
        if counts != sorted(counts) or counts[-1] != one["count"]:
            _fail(name, "buckets are cumulative")
        if (one["count"] == 0) != (one["sum"] == 0) and one["count"] == 0:
            _fail(name, "a sum of nothing")


def value(metrics, name, **labels):
    """The value of one sample; KeyError when it is not there."""
    metric = next(m for n, m in metrics.items()
                  if name in (n, n + "_bucket", n + "_sum", n + "_count"))
    return metric.samples[(name, *sorted(labels.items()))]
