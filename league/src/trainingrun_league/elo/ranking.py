"""From sums of results to a ranking: pure functions over arrays and values.

Ratings stand above an anchor of 0: the builtin random player where it has been rated, else the
player who was registered first. Players that no chain of games links to the anchor have no rating.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from trainingrun_contracts.league.v1.common_pb2 import PlayerKind
from trainingrun_contracts.ratings.bradley_terry import (
    Fitted,
    Floats,
    Indices,
    Pairings,
    fit_pairings,
    spread_draws,
)

ANCHOR: Final = "builtin/random"


@dataclass(frozen=True)
class Registered:
    """A player as it was registered."""

    id: str
    kind: PlayerKind.ValueType
    name: str
    registered_at: float


@dataclass(frozen=True)
class Ranked:
    """A player with its rating.

    Attributes:
        player: who it is.
        elo: above the anchor; None without a link to it.
        error: standard error of it.
        games: that were rated.
        rank: 1 for the best; 0 without a rating.
    """

    player: Registered
    elo: float | None = None
    error: float = 0.0
    games: int = 0
    rank: int = 0


@dataclass(frozen=True)
class Sums:
    """Rated results by pairing: players by number, and wins, draws, losses of the first one.

    Attributes:
        players: their ids, by number.
        first: of each pairing.
        second: of each pairing.
        scores: wins, draws and losses, one row a pairing.
    """

    players: tuple[str, ...]
    first: Indices
    second: Indices
    scores: Indices

    @property
    def games(self) -> Indices:
        """Of each pairing."""
        total: Indices = self.scores.sum(axis=1)
        return total


def empty_sums() -> Sums:
    """Return those before the first result."""
    none = np.zeros(0, np.int64)
    return Sums((), none, none, np.zeros((0, 3), np.int64))


@dataclass(frozen=True)
class Ranking:
    """All players at one time; the best first, those without a rating last.

    Attributes:
        order: the players.
        fitted_at: seconds since 1970; 0 before the first fit.
        sums: that it was fitted to.
        expected: Elo by a player's number in ``sums``; NaN without one.
    """

    order: tuple[Ranked, ...] = ()
    fitted_at: float = 0.0
    sums: Sums = field(default_factory=empty_sums)
    expected: Floats = field(default_factory=lambda: np.zeros(0))
    by_id: Mapping[str, Ranked] = field(default_factory=dict)


def rank(
    sums: Sums, registered: Mapping[str, Registered], *, now: float, before: Ranking
) -> Ranking:
    """Fit all ratings anew, beginning from those before, which saves steps and changes nothing."""
    fitted = _fitted(sums, registered, before)
    played = np.zeros(len(sums.players), np.int64)
    np.add.at(played, sums.first, sums.games)
    np.add.at(played, sums.second, sums.games)
    number = {name: index for index, name in enumerate(sums.players)}
    known: list[Ranked] = []
    for player in registered.values():
        index = number.get(player.id)
        if index is None or np.isnan(fitted.elo[index]):
            games = 0 if index is None else int(played[index])
            known.append(Ranked(player, games=games))
        else:
            elo, error = float(fitted.elo[index]), float(fitted.error[index])
            known.append(Ranked(player, elo=elo, error=error, games=int(played[index])))
    order = tuple(_numbered(known))
    by_id = {each.player.id: each for each in order}
    return Ranking(order, now, sums, fitted.elo, by_id)


def _fitted(sums: Sums, registered: Mapping[str, Registered], before: Ranking) -> Fitted:
    if not len(sums.first):
        nothing = np.full(len(sums.players), np.nan)
        return Fitted(nothing, nothing)
    games = sums.games.astype(np.float64)
    score = sums.scores[:, 0] + sums.scores[:, 1] / 2.0
    pairings = Pairings(sums.first, sums.second, games, score)
    players = len(sums.players)
    start = np.array([_elo(before, name) for name in sums.players])
    return fit_pairings(
        pairings,
        spread_draws(pairings, players=players),
        players=players,
        anchor=sums.players.index(anchor_of(sums, registered)),
        start=start if before.order else None,
    )


def anchor_of(sums: Sums, registered: Mapping[str, Registered]) -> str:
    """Return whose rating is 0, among players with results."""
    if ANCHOR in sums.players:
        return ANCHOR
    return min(sums.players, key=lambda name: (registered[name].registered_at, name))


def _elo(before: Ranking, name: str) -> float:
    known = before.by_id.get(name)
    return float("nan") if known is None or known.elo is None else known.elo


def _numbered(players: Sequence[Ranked]) -> list[Ranked]:
    def place(each: Ranked) -> tuple[bool, float, str]:
        return each.elo is None, -(each.elo or 0.0), each.player.id

    ordered = sorted(players, key=place)
    return [
        each if each.elo is None else Ranked(each.player, each.elo, each.error, each.games, number)
        for number, each in enumerate(ordered, start=1)
    ]
