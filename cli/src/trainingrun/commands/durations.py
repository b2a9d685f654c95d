"""Spans of time as people write and read them: ``90s``, ``15m``, ``1h30m``."""

from __future__ import annotations

import re
from typing import Final

from trainingrun.commands.errors import UserError

_FORM: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def seconds_in(text: str, *, option: str) -> float:
    """Return the seconds that a text stands for; a plain number is seconds.

    Raises:
        UserError: it is not a duration, or zero.
    """
    match = _FORM.fullmatch(text.strip())
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    total = int(text) if text.strip().isdigit() else hours * 3600 + minutes * 60 + seconds
    if total <= 0:
        raise UserError(f"{option} {text}: not a duration: use 90s, 15m or 1h30m")
    return float(total)


def described(seconds: float) -> str:
    """``75`` becomes ``1 min 15 s``."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    if minutes:
        return f"{minutes} min {left:02d} s"
    return f"{whole} s"
