"""Widths of the feature vectors and the hash that names their meaning.

A change of what any number means must change ``MEANING``: segments, weights and checkpoints carry
the hash, and learner and actor refuse each other's data when it differs.
"""

from __future__ import annotations

import hashlib
from typing import Final

STATE_WIDTH: Final = 320
ACTION_WIDTH: Final = 120
FEATURE_BOUND: Final = 8.0
"""No feature goes beyond this, either way."""
MEANING: Final = "3"
SCHEMA_HASH: Final = hashlib.sha256(f"{MEANING}:{STATE_WIDTH}:{ACTION_WIDTH}".encode()).hexdigest()[
    :16
]
