"""Where the programs of the control plane are."""

from __future__ import annotations

from pathlib import Path

import pytest

from testkit.programs import programs


@pytest.fixture(scope="session")
def programs_folder() -> Path:
    """The folder of the real programs."""
    return programs()
