"""The process of a role that does nothing but live: ``stand_in.py [FLAG]``.

It is healthy, and ends with 75 when it is asked to, as a learner does. With a flag it ends well as
soon as a file of that name is there, which it takes away.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

PAUSE_SECONDS = 0.05


def main(arguments: list[str]) -> int:
    """Live."""
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    health = Path(os.environ["TRAININGRUN_HEALTH_FILE"])
    while not told.wait(PAUSE_SECONDS):
        health.touch()
        for flag in map(Path, arguments):
            if flag.exists():
                flag.unlink()
                return 0
    return 75


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
