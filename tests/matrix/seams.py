"""The fault seams of the product, as they stand in its source."""

import re
from collections import Counter

from harness.server import REPO

NAME = re.compile(r'\bfault_(?:point|point_at|fails)\(\s*"([^"]+)"')

# Seams that no action of the matrix passes, and why.
NOT_PASSED = {}

# Lanes that are not of the matrix: the service is killed in them by
# tests/integration/test_exec.py and test_kafka.py.
OUTSIDE = ("exec.", "kafka.")


def all_seams():
    """Their names, in order: lib first, then the files of poller."""
    found = {}
    for folder in ("lib", "poller"):
        for file in sorted((REPO / folder).rglob("*.c")):
            found.update(dict.fromkeys(
                NAME.findall(file.read_text(encoding="utf-8"))))
    return [seam for seam in found if not seam.startswith(OUTSIDE)]


def passes_in(trace):
    """How often each seam was passed, from a file of MBEV_FAULT_TRACE."""
    if not trace.exists():
        return Counter()
    return Counter(trace.read_text(encoding="ascii").split())
