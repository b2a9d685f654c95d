"""A client's answers as the original reads them. The callers report what is bad."""

from collections.abc import Iterator

from testkit.forge_server.java import find_int

_NONE = ("", "none", "[]")


def is_none(answer: str) -> bool:
    """Return whether an answer of a list chooses nothing."""
    return answer in _NONE


def is_pass(answer: str) -> bool:
    """Return whether an answer to choose_action passes by its word."""
    return answer in ("", "-1") or answer.lower() == "pass"


def is_yes(answer: str) -> bool:
    """Return whether an answer agrees."""
    answer = answer.lower()
    return answer.startswith("y") or answer in ("1", "true")


def read_indices(answer: str, count: int) -> list[int]:
    """Return the positions below ``count`` in an answer, each once, in its order."""
    found: dict[int, None] = {}
    for part in _parts(answer):
        index = find_int(part.strip())
        if index is not None and 0 <= index < count:
            found[index] = None
    return list(found)


def read_pairs(answer: str, blockers: int, attackers: int) -> list[tuple[int, int]]:
    """Return the (blocker, attacker) positions in an answer, each once, in its order."""
    found: dict[tuple[int, int], None] = {}
    for part in _parts(answer):
        ends = part.strip().split(":")
        if len(ends) != 2:
            continue
        blocker, attacker = find_int(ends[0].strip()), find_int(ends[1].strip())
        if blocker is None or attacker is None:
            continue
        if 0 <= blocker < blockers and 0 <= attacker < attackers:
            found[blocker, attacker] = None
    return list(found)


def _parts(answer: str) -> Iterator[str]:
    if not is_none(answer):
        yield from answer.replace("[", "").replace("]", "").split(",")
