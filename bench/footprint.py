"""Benches of how large things are: the service's memory over very many events,
and the programs."""

import subprocess
import tempfile
from pathlib import Path

from common import (OURS, Provider, billing, fill_outbox, forget, running,
                    settings)
from harness import process
from harness.product import build_dir

EVENTS, PIECE = 1_000_000, 100_000


def resident(pid, field):
    """Resident memory of a process in MiB: now (VmRSS), the most (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no {field}")


def memory(bench):
    """A piece at a time; flat: the second half needs no more than the first
    did. (In between it comes and goes with the journal's set of attempts.)"""
    most = []
    with billing(0) as db, Provider() as provider, \
            running(settings(db, provider.url)) as service:
        for _ in range(EVENTS // PIECE):
            forget(db)
            fill_outbox(db, PIECE)
            process.wait_until(
                lambda: db.sql("SELECT (SELECT COUNT(*) FROM delivery WHERE"
                               " state = 'done')", OURS) == [(PIECE,)],
                600, "messages", pause=0.5)
            most.append(resident(service.pid, "VmHWM"))
    bench.at_most("memory: the most over 1,000,000 events", most[-1], "MiB",
                  32)
    bench.at_most("memory: the most over 1,000,000 against over 500,000",
                  most[-1] / most[len(most) // 2 - 1], "times", 1.05)


def stripped(path):
    """KiB of a stripped copy."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        subprocess.run(["strip", "-o", copy, path], check=True)
        return copy.stat().st_size / 1024


def size(bench):
    """Of the service and of the library."""
    bench.at_most("size: mbevd", stripped(build_dir() / "mbevd"), "KiB", 400)
    bench.at_most("size: mbev.so", stripped(build_dir() / "mbev.so"), "KiB",
                  40)
