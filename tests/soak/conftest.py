"""Soak tests: generated hostile input over thousands of steps, against real processes and servers.

What needs time to be worth anything is here, one folder for each process that must outlive it.
``SOAK_STEPS`` says how many steps each test takes; without it, a fifth of what is run now and then
(10,000). Examples are not shrunk: a process with a memory cannot be led to the same place again.
The operator's steps can be taken in part, which narrows a failure down by hand: ``SOAK_SEED=1
SOAK_ONLY=1200-1300,7`` takes those of these numbers alone.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

FULL_STEPS: Final = 10_000
DEFAULT_STEPS: Final = FULL_STEPS // 5


@pytest.fixture(scope="session")
def soak_steps() -> int:
    """How many steps a test takes."""
    return int(os.environ.get("SOAK_STEPS", DEFAULT_STEPS))
