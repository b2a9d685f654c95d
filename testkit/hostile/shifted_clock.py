"""Runs a module under a clock of the day that jumps: ``python shifted_clock.py FILE MODULE …``.

The file holds the shift in seconds, eight bytes that are read at each question. Monotonic clocks
continue: no machine turns them back.
"""

from __future__ import annotations

import mmap
import runpy
import struct
import sys
import time
from pathlib import Path
from typing import Final

_SHIFT: Final = struct.Struct("<d")


class ShiftedClock:
    """The test's end of the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set(0.0)

    def set(self, seconds: float) -> None:
        """Shift the clock to this many seconds beside the right time."""
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.write(_SHIFT.pack(seconds))


def _run(path: str, module: str) -> None:
    with Path(path).open("rb") as file:
        shared = mmap.mmap(file.fileno(), _SHIFT.size, access=mmap.ACCESS_READ)
    right = time.time
    time.time = lambda: right() + float(_SHIFT.unpack_from(shared)[0])
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    file_name, module_name, *rest = sys.argv[1:]
    sys.argv = [module_name, *rest]
    _run(file_name, module_name)
