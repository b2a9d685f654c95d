"""Finished games of self-play as values: what a learner trains on, ready to be encoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from trainingrun_search.tree import Bool

Float32 = npt.NDArray[np.float32]


class GameRecord(Struct, frozen=True):
    """One game; arrays have a row for each move, in order.

    Attributes:
        number: of the game among those of its seed.
        observations: [moves, *shape], what the player to move saw.
        legal: [moves, actions].
        policies: [moves, actions], what the search says should be played: before any temperature.
        outcomes: [moves], the game's result for the player to move, in [-1, 1]; a draw and a game
            that was cut off are 0.
        values: [moves], the search's own value of the position for the player to move.
        players: [moves], who moved.
        actions: [moves], what was played.
        simulations: [moves], simulations that were made for the move, kept ones not included.
        generations: [moves], the oldest generation of weights whose answers the search used.
        is_capped: whether the game was cut off at the most moves there may be.
    """

    number: int
    observations: npt.NDArray[Any]
    legal: Bool
    policies: Float32
    outcomes: Float32
    values: Float32
    players: npt.NDArray[np.int8]
    actions: npt.NDArray[np.int16]
    simulations: npt.NDArray[np.int32]
    generations: npt.NDArray[np.int64]
    is_capped: bool

    @property
    def moves(self) -> int:
        """How many were played."""
        return len(self.actions)


class Totals(Struct, frozen=True):
    """What records add up to."""

    games: int = 0
    capped: int = 0
    moves: int = 0
    simulations: int = 0

    def plus(self, record: GameRecord) -> Totals:
        """Return the totals with one more game."""
        return Totals(
            self.games + 1,
            self.capped + record.is_capped,
            self.moves + record.moves,
            self.simulations + int(record.simulations.sum()),
        )

    @property
    def capped_share(self) -> float:
        """Share of games that were cut off; 0 of none."""
        return self.capped / self.games if self.games else 0.0
