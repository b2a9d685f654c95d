"""The command ``python -m trainingrun_league``."""

from __future__ import annotations

import sys


def main() -> int:
    """Serve a league; return the exit code."""
    print("no service is ready yet", file=sys.stderr)
    return 2
