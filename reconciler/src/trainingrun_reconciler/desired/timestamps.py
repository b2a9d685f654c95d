"""Timestamps as the status shows them.

A sentence of a status names when something was and never how long ago that is. It would be another
sentence at each reconcile, each would be written, and a thousand runs that wait for a person would
keep an API server busy with nothing but the time.
"""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(at: float) -> datetime:
    """Convert Unix seconds to the API's time, in whole seconds."""
    return datetime.fromtimestamp(int(at), tz=UTC)


def format_time(at: float) -> str:
    """Format Unix seconds for a sentence, to the minute."""
    return timestamp(at).strftime("%Y-%m-%d %H:%M UTC")
