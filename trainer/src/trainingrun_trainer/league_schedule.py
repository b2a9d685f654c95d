"""When weights go to a league, and what goes. Pure: values in, a decision out, without gRPC."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol


@dataclass(frozen=True)
class LeagueSchedule:
    """When weights go to the league: each time the run has played a number of games more.

    Attributes:
        every_games: that number.
        games: that the run had played when weights went last, or when this learner began.
    """

    every_games: int
    games: int

    def is_due(self, games: int) -> bool:
        """Return whether the weights of now go."""
        # A Redis that lost its data counts from 0 again, and so does this.
        return not self.games <= games < self.games + self.every_games

    def after(self, games: int) -> LeagueSchedule:
        """Return the schedule after weights went."""
        return replace(self, games=games)


@dataclass(frozen=True)
class Offer:
    """Weights to publish, and what the league learns of them."""

    blob: bytes
    version: int
    games: int


class LeagueOutput(Protocol):
    """Where weights for a league go; ``league_publisher`` implements it.

    Attributes:
        schedule: when weights are wanted.
    """

    schedule: LeagueSchedule

    def offer(self, offer: Offer) -> None:
        """Have these weights published soon; never waits."""

    def close(self, *, seconds: float) -> None:
        """Wait at most this time for what was offered, then let go of it."""
