"""Where the parts of this repository are that tests and benchmarks start, read or mount."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
CHART: Final = ROOT / "charts" / "trainingrun"
DECKS: Final = ROOT / "decks"
TESTKIT: Final = ROOT / "testkit"
"""Some modules are programs as well; they are started by their path here."""
