"""Spans of time, written and read."""

from __future__ import annotations

import pytest
from trainingrun.commands.durations import described, seconds_in
from trainingrun.commands.errors import UserError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("1h30m", 5400), (" 2h ", 7200)]
)
def test_read(text: str, seconds: float) -> None:
    """Expect the seconds."""
    assert seconds_in(text, option="--x") == seconds


@pytest.mark.parametrize("text", ["0s", "-5", "5 minutes", ""])
def test_refused(text: str) -> None:
    """Expect examples of what can be written."""
    with pytest.raises(UserError, match="use 90s, 15m or 1h30m"):
        seconds_in(text, option="--x")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (75, "1 min 15 s"), (3720, "1 h 02 min")]
)
def test_written(seconds: float, text: str) -> None:
    """Expect at most two units."""
    assert described(seconds) == text
