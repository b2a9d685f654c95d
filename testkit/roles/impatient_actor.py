"""An actor as a program that loses patience soon: ``impatient_actor.py SECONDS play|evaluate``."""

from __future__ import annotations

import sys

from trainingrun_actor.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], pointer_seconds=float(sys.argv[1])))
