"""Child processes that never outlive the test run.

Every child is started by one thread that lives as long as the interpreter,
with the kernel told to kill the child when that thread is gone: also after
a SIGKILL of the test run, and whichever thread asked for the child.
"""

import os
import select
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


def spawn(argv, **popen_args):
    """Start argv and return its Popen; its pid is that of the program."""
    command = ["setpriv", "--pdeathsig", "KILL", *map(str, argv)]
    return _spawner.submit(subprocess.Popen, command, **popen_args).result()


def end(process, timeout):
    """Ask a child to stop; kill it after the timeout. Return its exit code."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def wait_end(process, timeout):
    """Wait for a child without pauses; its exit code, or None when it still
    runs."""
    ended = os.pidfd_open(process.pid)
    try:
        select.select([ended], [], [], timeout)
    finally:
        os.close(ended)
    return process.poll()


def wait_until(condition, timeout, what, pause=0.02):
    """Return the first true value of condition(), or raise TimeoutError."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} after {timeout} s")
        time.sleep(pause)


def is_frozen(pid):
    """Was the process stopped by SIGSTOP?"""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "T"


def cpu_seconds(pid):
    """CPU time that a process has used so far."""
    return sum(cpu_parts(pid))


def cpu_parts(pid):
    """The same: in the process itself, and in the kernel for it."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return [int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[11:13]]
