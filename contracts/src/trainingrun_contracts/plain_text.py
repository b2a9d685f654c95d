"""Text of somebody else, made fit for people: nothing in it steers a terminal or ends a line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from typing import Final

_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Categories of characters that are not shown as such."""

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
"""With the escapes of terminals, of seven and eight bits, and what turns the direction of text."""


def one_line(text: str, most: int) -> str:
    """Return the text on one line of at most ``most`` characters."""
    clean = _CONTROLS.sub(" ", text)
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def escaped(text: str, *, kept: Container[str] = ()) -> str:
    """Return the text with ``\\x1b``, ``\\n`` and the like for characters that are not shown as
    such, save those that are ``kept``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in kept or _is_shown(char) else _escape(char) for char in text)


def _is_shown(char: str) -> bool:
    return unicodedata.category(char) not in _STEERING


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
