"""Swiss rounds: those of about the same points meet, none twice, at most one bye each.

Within a group of equal points the upper half meets the lower half, as in the Dutch system (FIDE
C.04.3). From the top, each takes the first in its order of preference that leaves the rest a round
without a rematch, which ``matching`` answers; so a round always exists (``most_swiss_rounds``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trainingrun_league.matchmaker.brackets.matching import Matching
from trainingrun_league.matchmaker.brackets.standings import points_of
from trainingrun_league.matchmaker.brackets.values import BYE, Outcome, Pairing, Plan, rounds_of


def pairings(plan: Plan, outcomes: Mapping[tuple[int, int], Outcome]) -> tuple[Pairing, ...]:
    """Return the matches of all rounds up to the first that is not over."""
    found: list[Pairing] = []
    for number in range(1, rounds_of(plan) + 1):
        this = _round(number, plan, found, outcomes)
        found += this
        if any(pairing.second != BYE and _key(pairing) not in outcomes for pairing in this):
            break
    return tuple(found)


def _key(pairing: Pairing) -> tuple[int, int]:
    return pairing.round, pairing.table


def _round(
    number: int,
    plan: Plan,
    before: Sequence[Pairing],
    outcomes: Mapping[tuple[int, int], Outcome],
) -> list[Pairing]:
    played = [outcomes[_key(pairing)] for pairing in before if pairing.second != BYE]
    points = points_of(plan, before, played)
    ranked = sorted(plan.entrants, key=lambda name: (-points[name], plan.seeds[name]))
    firsts = {name: sum(pairing.first == name for pairing in before) for name in ranked}
    pairs = _Round(
        ranked, points, {frozenset((each.first, each.second)) for each in before}
    ).pairs()
    found = []
    for table, (one, other) in enumerate(pairs):
        begins = other == BYE or firsts[one] <= firsts[other]
        first, second = (one, other) if begins else (other, one)
        found.append(Pairing(number, table, first, second))
    return found


@dataclass(frozen=True)
class _Round:
    """One round: the ranked, their points, and who has met (a bye is a meeting with ``BYE``)."""

    ranked: Sequence[str]
    points: Mapping[str, float]
    met: set[frozenset[str]]

    def pairs(self) -> list[tuple[str, str]]:
        """Return the pairs from the top, a bye last."""
        places = [*self.ranked, BYE] if len(self.ranked) % 2 else [*self.ranked]
        allowed = [[frozenset((one, other)) not in self.met for other in places] for one in places]
        matching = Matching(allowed)
        matching.complete()
        left = list(range(len(places)))
        byes = self._bye(matching, left, allowed)
        found: list[tuple[str, str]] = []
        while left:
            one = left.pop(0)
            other = next(
                other
                for other in self._preferred(one, left)
                if allowed[one][other] and matching.take(one, other)
            )
            left.remove(other)
            found.append((places[one], places[other]))
        return found + byes

    def _bye(
        self, matching: Matching, left: list[int], allowed: Sequence[Sequence[bool]]
    ) -> list[tuple[str, str]]:
        """Of those who may rest, the last one."""
        if len(left) == len(self.ranked):
            return []
        place = left.pop()
        rests = next(
            one for one in reversed(left) if allowed[one][place] and matching.take(one, place)
        )
        left.remove(rests)
        return [(self.ranked[rests], BYE)]

    def _preferred(self, one: int, left: Sequence[int]) -> Iterable[int]:
        """The lower half of one's own group, then its upper half, then the groups below."""
        points = self.points[self.ranked[one]]
        group = [other for other in left if self.points[self.ranked[other]] == points]
        half = len(group) // 2
        return [*group[half:], *reversed(group[:half]), *left[len(group) :]]
