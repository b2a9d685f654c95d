"""Responses to decisions: how a client writes them and how a server reads them.

The server side never fails: real clients send garbage (protocol section 4), and a server that asks
again or hangs up stalls them. What cannot be read becomes the safe default of that decision, part
by part: a list keeps its legal entries and loses the others.
"""

from collections.abc import Iterable
from typing import Final

PASS: Final = -1
"""Index that passes priority or declines an optional choice."""

_YES: Final = frozenset({"y", "yes", "1", "true"})
_MAX_DIGITS: Final = 9
"""Longer numbers are as good as this long: no list is, and a hostile one must not cost time."""


def format_index(index: int) -> str:
    """Answer choose_action, choose_ability, choose_entity or announce_value."""
    return str(index)


def format_indices(indices: Iterable[int]) -> str:
    """Answer declare_attackers or choose_cards; nothing chosen gives an empty line."""
    return ",".join(map(str, indices))


def format_blocks(pairs: Iterable[tuple[int, int]]) -> str:
    """Answer declare_blockers with (blocker, attacker) positions."""
    return ",".join(f"{blocker}:{attacker}" for blocker, attacker in pairs)


def format_confirm(*, agreed: bool) -> str:
    """Answer confirm_action, play_trigger or play_from_effect."""
    return "y" if agreed else "n"


def parse_index(text: str, *, count: int, default: int) -> int:
    """Read a position in a list of ``count``; anything else is ``default``."""
    index = _parse_int(text)
    return index if index is not None and 0 <= index < count else default


def parse_indices(text: str, *, count: int) -> tuple[int, ...]:
    """Read distinct positions in a list of ``count`` in the order given; others are dropped."""
    numbers = (_parse_int(part) for part in text.split(","))
    legal = (number for number in numbers if number is not None and 0 <= number < count)
    return tuple(dict.fromkeys(legal))


def parse_chosen_cards(text: str, *, count: int, minimum: int, maximum: int) -> tuple[int, ...]:
    """Read positions of cards; too many are cut, too few are filled up in list order."""
    chosen = list(parse_indices(text, count=count))[:maximum]
    missing = minimum - len(chosen)
    if missing > 0:
        chosen += [index for index in range(count) if index not in chosen][:missing]
    return tuple(chosen)


def parse_blocks(text: str, *, blockers: int, attackers: int) -> tuple[tuple[int, int], ...]:
    """Read ``blocker:attacker`` pairs; a blocker named twice keeps its first attacker."""
    pairs: dict[int, int] = {}
    for part in text.split(","):
        left, _, right = part.partition(":")
        blocker, attacker = _parse_int(left), _parse_int(right)
        if blocker is None or attacker is None:
            continue
        if 0 <= blocker < blockers and 0 <= attacker < attackers:
            pairs.setdefault(blocker, attacker)
    return tuple(pairs.items())


def parse_confirm(text: str) -> bool:
    """Read yes (``y``, ``yes``, ``1``, ``true``); all else is no."""
    return text.strip().casefold() in _YES


def parse_value(text: str, *, minimum: int, maximum: int) -> int:
    """Read a number; outside its range it is clamped, unreadable it is the minimum."""
    value = _parse_int(text)
    return minimum if value is None else max(minimum, min(maximum, value))


def _parse_int(text: str) -> int | None:
    text = text.strip()
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit():
        return None
    size = int(digits.lstrip("0")[: _MAX_DIGITS + 1] or "0")
    return -size if text.startswith("-") else size
