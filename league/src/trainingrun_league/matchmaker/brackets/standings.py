"""Ranks of a tournament, by the same rule in all formats.

By points, then by the sum of the opponents' points (Buchholz), then by games won. Those equal in
all three share a rank; the seed is no merit. In an elimination the winner has the most points, and
everybody has as many as rounds survived.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from trainingrun_league.matchmaker.brackets.values import BYE, Outcome, Pairing, Plan, winner_of


@dataclass(frozen=True)
class Standing:
    """One entrant: see ``Standing`` of the protocol."""

    player: str
    rank: int
    points: float
    tie_break: float
    wins: int
    draws: int
    losses: int


@dataclass
class _Sums:
    wins: int = 0
    draws: int = 0
    losses: int = 0
    opponents: list[str] = field(default_factory=list)


def points_of(
    plan: Plan, pairings: Iterable[Pairing], outcomes: Iterable[Outcome]
) -> dict[str, float]:
    """Return 1 for a match won and for a bye, a half for a match drawn."""
    points = dict.fromkeys(plan.entrants, 0.0)
    for pairing in pairings:
        if pairing.second == BYE:
            points[pairing.first] += 1.0
    for outcome in outcomes:
        winner = winner_of(plan, outcome)
        if winner:
            points[winner] += 1.0
        else:
            points[outcome.first] += 0.5
            points[outcome.second] += 0.5
    return points


def standings(
    plan: Plan, pairings: Iterable[Pairing], outcomes: Sequence[Outcome]
) -> tuple[Standing, ...]:
    """Return the ranking, the best first; equal ones in order of seed."""
    points = points_of(plan, pairings, outcomes)
    sums = {name: _Sums() for name in plan.entrants}
    for outcome in outcomes:
        _add(sums[outcome.first], outcome.second, (outcome.wins, outcome.draws, outcome.losses))
        _add(sums[outcome.second], outcome.first, (outcome.losses, outcome.draws, outcome.wins))
    keys = {
        name: (
            points[name],
            sum(points[other] for other in of.opponents),
            of.wins + of.draws / 2.0,
        )
        for name, of in sums.items()
    }
    ordered = sorted(
        plan.entrants, key=keys.__getitem__, reverse=True
    )  # stable: seeds stay in order
    better = {name: sum(keys[other] > keys[name] for other in keys) for name in keys}
    return tuple(
        Standing(
            name,
            better[name] + 1,
            keys[name][0],
            keys[name][1],
            sums[name].wins,
            sums[name].draws,
            sums[name].losses,
        )
        for name in ordered
    )


def _add(sums: _Sums, opponent: str, score: tuple[int, int, int]) -> None:
    sums.wins, sums.draws, sums.losses = (
        had + more for had, more in zip((sums.wins, sums.draws, sums.losses), score, strict=True)
    )
    sums.opponents.append(opponent)
