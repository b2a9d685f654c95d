"""The log of a trouble that lasts: a few lines a minute, and how many were left out."""

from __future__ import annotations

import logging

from trainingrun_league.process.log_lines import FewOfEach


def record(said: str, *, line: int = 1, kind: str = "") -> logging.LogRecord:
    """A record of one statement."""
    made = logging.LogRecord("league", logging.WARNING, "file.py", line, "%s", (said,), None)
    made.kind = kind
    return made


def test_a_statement_is_said_a_few_times_a_minute() -> None:
    """Others, and the same of another kind, are said beside it; the next minute counts the rest."""
    now = 0.0
    few = FewOfEach(lambda: now, most=2)
    assert [few.filter(record("full")) for _ in range(4)] == [True, True, False, False]
    assert few.filter(record("other", line=2))
    assert few.filter(record("full", kind="PublishPolicy"))
    now = 60.0
    again = record("full")
    assert few.filter(again)
    assert again.getMessage() == "full (2 more like it were left out)"
    after = record("full")
    assert few.filter(after)
    assert after.getMessage() == "full"
