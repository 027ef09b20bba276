"""A wall clock that a test sets, for processes that are started with it.

    clock = Clock(folder)
    with MariaDB(env=clock.env) as db:
        clock.shift(hours=1)
"""

import struct
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path


class Clock:
    """How far the wall clock is from the real one, in a file of the folder.

    env  environment of the processes that go by it; in place of a preload of
         a sanitizer, so for plain builds only
    """

    def __init__(self, folder):
        self._file = Path(folder) / "clock"
        library = Path(folder) / "clock.so"
        self._set(timedelta())
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library,
                        Path(__file__).with_suffix(".c")], check=True)
        self.env = {"LD_PRELOAD": str(library),
                    "MBEV_CLOCK_FILE": str(self._file)}

    def shift(self, **away):
        """Jump: from now on it is so far from the real time, e.g. hours=1."""
        self._set(timedelta(**away))

    def set(self, *wanted):
        """Jump to a time, UTC: year, month, day, hour, minute, second."""
        now = datetime.now(timezone.utc)
        self._set(datetime(*wanted, tzinfo=timezone.utc) - now)

    def _set(self, away):
        shift = struct.pack("=q", away // timedelta(microseconds=1))
        if self._file.exists():
            with open(self._file, "r+b") as file:
                file.write(shift)
        else:
            self._file.write_bytes(shift)
