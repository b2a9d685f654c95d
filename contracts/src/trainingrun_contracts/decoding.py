"""Reading JSON that somebody else wrote: a document that does not decode costs itself alone."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

_T = TypeVar("_T")
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no such document: nested too deeply is among them."""


def decode_or_none(value: bytes, kind: type[_T]) -> _T | None:
    """Return the document, or None where it is none."""
    try:
        return msgspec.json.decode(value, type=kind)
    except UNREADABLE:
        return None
