"""``python -m trainingrun_league``: see ``process.main``."""

from __future__ import annotations

import sys

from trainingrun_league.process.main import main

if __name__ == "__main__":
    sys.exit(main())
