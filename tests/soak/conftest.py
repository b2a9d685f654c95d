"""Soak tests: generated hostile input over thousands of steps, against real processes and servers.

What needs time to be worth anything is here, one folder for each process that must outlive it.
``SOAK_SHARE`` says what part of 10,000 steps each test takes: all of them with ``make soak``, a
fifth without it. Examples are not shrunk: a process with a memory cannot be led to the same place
again.
The operator's steps can be taken in part, which narrows a failure down by hand: ``SOAK_SEED=1
SOAK_ONLY=1200-1300,7`` takes those of these numbers alone.
"""

from __future__ import annotations

from typing import Final

import pytest

from testkit.soak_share import share_of

FULL_STEPS: Final = 10_000


@pytest.fixture(scope="session")
def soak_steps() -> int:
    """How many steps a test takes."""
    return share_of(FULL_STEPS)
