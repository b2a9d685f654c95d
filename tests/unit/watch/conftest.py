"""The table that the tests of ``trainingrun watch`` play on."""

from __future__ import annotations

import pytest

from testkit.pages.watched_table import Table


@pytest.fixture
def table() -> Table:
    """A fresh table, its first turn begun."""
    made = Table()
    made.begin()
    return made
