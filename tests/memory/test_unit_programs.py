"""No unit test crashes, whichever allocation fails.

It may fail: that it succeeds is what it asserts. A few places of each program,
and all of them by scripts/oom.sh.
"""

import os
import subprocess

import pytest

from harness.oom import SANITIZER, THOROUGH, Memory, fault_of, some
from harness.server import build_dir

FEW = 3
LOOK_MS = 60000 if THOROUGH else 700
STOP_MS = 500 if THOROUGH else 300

PROGRAMS = sorted(path.name for path in build_dir().glob("test_*")
                  if os.access(path, os.X_OK) and path.is_file())

pytestmark = pytest.mark.skipif(
    not SANITIZER, reason="only a build with sanitizers tells")


def run(program, env):
    """Run it; its exit code and all it printed."""
    done = subprocess.run(
        [build_dir() / program], env={**os.environ, **env}, timeout=300,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode(errors="replace")


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_does_not_crash_when_memory_runs_out(program, tmp_path):
    memory = Memory(program, tmp_path)
    places = memory.places(lambda env: run(program, env), LOOK_MS)
    faults = {}
    for n in some(places, FEW):
        fault = fault_of(*run(program, memory.out_at(n, STOP_MS)))
        if fault:
            faults[n] = fault
    print(f"{program}: {len(some(places, FEW))} of {len(places)} places")
    assert not faults, "\n\n".join(f"allocation {n}: {fault}" for n, fault
                                   in faults.items())
