"""What the games of an evaluation are, and who plays them: the seam between a match and its games.

``arena_games`` plays them where training games are played too, ``search_games`` by searches in this
process. Frozen weights meet frozen opponents, in swapped pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct
from trainingrun_contracts.reports import Intent

from trainingrun_actor.evaluation_results import Played, version_name
from trainingrun_actor.policy import Policy
from trainingrun_actor.schedule import Matchup


class GivenUp(Exception):
    """The run wants no evaluation now, or its games do not come to an end."""


class Unplayable(GivenUp):
    """This opponent cannot be seated, or a part of the user's fails in its games; trying again
    would not help."""


class Rivals(Struct, frozen=True):
    """The frozen opponents of one evaluation, by their names among the raw results."""

    names: tuple[str, ...]
    policies: Mapping[str, Policy]
    """Of those that are policies; the others are scripted, search, or are the engine's own."""

    @classmethod
    def scripted(cls, name: str) -> Rivals:
        """Return one player by its name, or the engine's own."""
        return cls((name,), {})

    @classmethod
    def frozen(cls, policies: Sequence[Policy]) -> Rivals:
        """Frozen weights."""
        named = {version_name(policy.pointer.version): policy for policy in policies}
        return cls(tuple(named), named)


class Task(Struct, frozen=True):
    """What to play: the games in order, in pairs, and when they are enough."""

    policy: Policy
    rivals: Rivals
    matchups: tuple[Matchup, ...]
    intent: Intent
    is_enough: Callable[[Sequence[float | None]], bool] = lambda _rewards: False
    """Asked after each game with the rewards so far, by game; None where a game has not ended."""


class MatchGames(Protocol):
    """Plays the games of one task at a time."""

    async def play(self, task: Task) -> list[Played]:
        """Return the games that ended, in order; all of them unless fewer were enough.

        Raises:
            GivenUp: the intent changed, or a game was aborted time and again.
            Unplayable: the opponent cannot be played.
        """


def ended(task: Task, rewards: Sequence[float | None]) -> list[Played]:
    """Return the games that have a reward, in order."""
    return [
        Played(matchup, reward)
        for matchup, reward in zip(task.matchups, rewards, strict=True)
        if reward is not None
    ]
