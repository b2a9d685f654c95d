"""What a game is that plays in this process: for serving over the line protocol, for embedded
play and for search.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, Self, runtime_checkable

import numpy.typing as npt
from trainingrun_contracts.environment_spec import EnvironmentSpec


class Game(Protocol):
    """One game of two players who take turns; chance plays by itself, from the game's seed.

    Illegal use (an action that is not legal, any action after the end) is the caller's error.
    """

    @property
    def current_player(self) -> int:
        """The player (0 or 1) whose turn it is; without meaning once the game is over."""

    @property
    def is_terminal(self) -> bool:
        """Whether the game is over."""

    @property
    def returns(self) -> tuple[float, float]:
        """What player 0 and player 1 got so far, within the spec's ``reward_bound``."""

    def legal_actions(self) -> Sequence[int]:
        """Return the numbers of the vocabulary that the current player may choose, ascending;
        never empty before the end.
        """

    def apply(self, action: int) -> None:
        """Play an action of the current player."""

    def observation(self, player: int) -> npt.NDArray[Any]:
        """Return what a player sees, in the spec's shape; never what is hidden from the player."""

    def clone(self) -> Self:
        """Return a game in the same state that goes its own way; only of forkable games."""

    def render(self) -> str:
        """Return the state as text for people, without a line end."""


@runtime_checkable
class RendersForPlayers(Protocol):
    """What a game with hidden information has besides, so that people can play it."""

    def render_for(self, player: int) -> str:
        """Return what a player (0 or 1) knows as text for people, without a line end; never what
        is hidden from the player.
        """


class Games(Protocol):
    """Makes the games of one environment."""

    @property
    def spec(self) -> EnvironmentSpec:
        """Shapes of all its games; actions are a ``Vocabulary``."""

    def new(self, seed: int) -> Game:
        """Begin a game; the same seed and actions give the same game."""

    def describe(self, game: Game, action: int) -> str:
        """Return an action of the current player as text for people, without a line end."""
