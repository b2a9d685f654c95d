"""``python -m trainingrun_operator``: the operator process, not the tool ``trainingrun``."""

from __future__ import annotations

import sys

from trainingrun_operator.process.main import main


def run() -> None:
    """Run the operator and end the process with its exit code."""
    sys.exit(main())


if __name__ == "__main__":
    run()
