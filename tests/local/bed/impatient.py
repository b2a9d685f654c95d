"""Roles as programs that lose patience soon: ``impatient.py play|evaluate|learn SECONDS``."""

from __future__ import annotations

import sys

from trainingrun_actor.__main__ import main as act
from trainingrun_trainer.__main__ import run as learn
from trainingrun_trainer.stop import install
from trainingrun_trainer.watchdog import Patience


def main() -> int:
    """Run one role; gives its exit code."""
    role, seconds = sys.argv[1], float(sys.argv[2])
    if role == "learn":
        patience = Patience(data_seconds=seconds, silent_seconds=seconds, look_seconds=0.5)
        return learn(install(), patience=patience)
    return act([role], pointer_seconds=seconds)


if __name__ == "__main__":
    sys.exit(main())
