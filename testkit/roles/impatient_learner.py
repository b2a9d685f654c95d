"""A learner as a program that loses patience soon: ``impatient_learner.py SECONDS``."""

from __future__ import annotations

import sys

from trainingrun_trainer.__main__ import run
from trainingrun_trainer.stop import install
from trainingrun_trainer.watchdog import Timeouts

if __name__ == "__main__":
    seconds = float(sys.argv[1])
    patience = Timeouts(seconds, seconds, check_seconds=0.5, storage_seconds=seconds)
    sys.exit(run(install(), patience=patience))
