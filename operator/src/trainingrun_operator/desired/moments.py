"""Moments as the status tells them.

A sentence of a status names when something was and never how long ago that is. It would be another
sentence at each look, each would be written, and a thousand runs that wait for a person would keep
an API server busy with nothing but the time.
"""

from __future__ import annotations

from datetime import UTC, datetime


def moment(at: float) -> datetime:
    """Unix seconds as the API writes times: whole ones."""
    return datetime.fromtimestamp(int(at), tz=UTC)


def words_of(at: float) -> str:
    """Unix seconds in a sentence, to the minute."""
    return moment(at).strftime("%Y-%m-%d %H:%M UTC")
