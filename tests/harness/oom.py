"""Programs whose memory runs out at a place that the test chooses.

    memory = Memory("mbevd", folder)
    for n in memory.places(run):      # run(env) runs the program
        run(memory.out_at(n))
"""

import os
import re
import subprocess
from pathlib import Path

from harness.server import REPO

SOURCE = Path(__file__).with_name("oom.c")

# Whose allocations are ours: what our code asks for itself, or through these.
OURS = ("libjson-c", "libcurl", "libxml2")

THOROUGH = os.environ.get("MBEV_OOM")
SANITIZER = os.environ.get("MBEV_SERVER_PRELOAD", "")
REPORTED = 99  # exit code of a program in which a sanitizer found something
_OPTIONS = (f"detect_leaks=0:verify_asan_link_order=0:exitcode={REPORTED}:"
            "handle_segv=2:handle_sigbus=2:handle_sigfpe=2:handle_abort=2")
_SIGNS = re.compile(r"(ERROR: AddressSanitizer|runtime error:"
                    r"|Test failed with exception).*")

# json-c 0.16 does not look whether strdup() of a member's name succeeded.
_BREAKS = (" json_tokener_parse_ex ",)
_OF_THE_TREE = re.compile(rf" {REPO}/(\S+):\d+")


class Memory:
    """The memory of one program, by the name of its file."""

    def __init__(self, program, folder):
        self.program = program
        self._sites = folder / "sites"
        self._library = folder / "oom.so"
        if not self._library.exists():
            subprocess.run(
                ["cc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-Wall", "-shared",
                 "-fPIC", "-o", self._library, SOURCE, "-ldl"], check=True)

    def places(self, run, stop_ms=0):
        """Numbers of the first allocation of each place of ours, in order.

        stop_ms: only what is reached in so much time of the processor.
        """
        self._sites.unlink(missing_ok=True)
        run(self._env(MBEV_OOM_SITES=self._sites, MBEV_OOM_STOP_MS=stop_ms))
        lines = (line.split() for line in
                 self._sites.read_text(encoding="utf-8").splitlines())
        return sorted(int(n) for n, module in lines
                      if Path(module).name.startswith((self.program, *OURS)))

    def out_at(self, n, stop_ms=0, times=1):
        """Environment of a program in which the n-th allocation fails, and so
        many in a row."""
        return self._env(MBEV_OOM_AT=n, MBEV_OOM_FOR=times,
                         MBEV_OOM_STOP_MS=stop_ms)

    def chosen(self):
        """Environment of a program that chooses by itself, oom_arm()."""
        return self._env()

    def _env(self, **choice):
        preload = f"{self._library} {SANITIZER}".strip()
        return {"LD_PRELOAD": preload, "ASAN_OPTIONS": _OPTIONS,
                "UBSAN_OPTIONS": f"print_stacktrace=1:exitcode={REPORTED}",
                "MBEV_OOM_PROGRAM": self.program,
                **{name: str(value) for name, value in choice.items()}}


def some(places, usual):
    """At most so many of them, from beginning to end; MBEV_OOM is another
    number, or all."""
    most = THOROUGH or str(usual)
    step = 1 if most == "all" else max(1, -(-len(places) // int(most)))
    return places[step // 2::step]


def _is_of_others(frames):
    """Did a test crash, or a library by itself?"""
    for frame in frames:
        source = _OF_THE_TREE.search(frame)
        if source:
            return source.group(1).startswith("tests/")
        if any(name in frame for name in _BREAKS):
            return True
    return False


def fault_of(code, output):
    """What went wrong in a program that may fail, but not crash; or None.

    The first frames of a sanitizer's report are part of it. No fault of ours
    are a test that does not look whether it got its own memory, and a library
    that does not survive it.
    """
    sign = _SIGNS.search(output)
    if sign:
        frames = re.findall(r"^ +#\d+ .*", output[sign.start():], re.M)[:12]
        if _is_of_others(frames):
            return None
        return "\n".join([sign.group(0), *frames])
    if code < 0 or code == REPORTED:
        return f"exit code {code}: {output[-500:]}"
    return None
