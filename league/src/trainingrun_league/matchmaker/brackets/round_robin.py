"""Round robin by the circle method: one stays, the others turn (Kirkman 1847)."""

from __future__ import annotations

from trainingrun_league.matchmaker.brackets.values import Pairing


def pairings(entrants: tuple[str, ...]) -> tuple[Pairing, ...]:
    """Return all matches, which do not depend on results.

    An odd number is made even by a place that stays empty: who is drawn against it rests, which is
    no match and no point, because everybody rests once.
    """
    circle: list[int] = [*range(len(entrants) + len(entrants) % 2)]
    half, found = len(circle) // 2, []
    for number in range(len(circle) - 1):
        tables = zip(circle[:half], reversed(circle[half:]), strict=True)
        played = [pair for pair in tables if max(pair) < len(entrants)]
        for table, (one, other) in enumerate(played):
            first, second = _in_order(one, other, len(entrants))
            found.append(Pairing(number + 1, table, entrants[first], entrants[second]))
        circle = [circle[0], circle[-1], *circle[1:-1]]
    return tuple(found)


def _in_order(one: int, other: int, count: int) -> tuple[int, int]:
    """Who is first: the one from whom the other is less than half the circle away, so that
    everybody begins half of the matches."""
    away = (other - one) % count
    begins = 2 * away < count or (2 * away == count and one < other)
    return (one, other) if begins else (other, one)
