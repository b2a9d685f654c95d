"""How Java reads numbers: a client's answer is understood as the original would."""

import re
from typing import Final

MAX_INT: Final = 2**31 - 1
MAX_LONG: Final = 2**63 - 1
_NUMBER: Final = re.compile(r"[+-]?[0-9]+")


def parse_int(text: str, *, greatest: int = MAX_INT) -> int:
    """Read a whole number of 32 bits (or up to ``greatest``); raises ValueError."""
    if not _NUMBER.fullmatch(text) or len(text) > 24:
        raise ValueError(f"no number: {text!r}")
    value = int(text)
    if not -greatest - 1 <= value <= greatest:
        raise ValueError(f"out of range: {text}")
    return value


def find_int(text: str) -> int | None:
    """Read a whole number of 32 bits, None when it is none."""
    try:
        return parse_int(text)
    except ValueError:
        return None
