"""Text of somebody else, made fit for people: no control characters, and of a bounded length."""

from __future__ import annotations

import re
from typing import Final

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
"""With the escapes of terminals, of seven and eight bits, and what turns the direction of text."""


def one_line(text: str, most: int) -> str:
    """The text on one line of at most so many characters."""
    clean = _CONTROLS.sub(" ", text)
    return clean if len(clean) <= most else clean[: most - 1] + "…"
