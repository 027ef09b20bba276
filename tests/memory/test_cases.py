"""What is read and built while memory runs out is right, or is said to have
failed (cases.c)."""

import os
import subprocess

from harness.oom import Memory
from harness.server import build_dir


def test_nothing_is_taken_for_something_else_when_memory_runs_out(tmp_path):
    memory = Memory("memory_cases", tmp_path)
    done = subprocess.run(
        [build_dir() / "memory_cases"], env={**os.environ, **memory.chosen()},
        timeout=300, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")
