"""What the Matchmaker knows of models and of who beat whom, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

MODEL: Final = "model/"
PERSON: Final = "person/"
BUILTIN: Final = "builtin/"
RANDOM: Final = f"{BUILTIN}random"
SEARCH: Final = f"{BUILTIN}mcts-100"
CHAMPION: Final = "champion"
"""A name for whichever model is the champion."""


def builtins_of(*, can_search: bool) -> tuple[str, ...]:
    """Return the players that never change, the weakest first: a search needs games that can be
    cloned (``is_forkable`` of their environment).
    """
    return (RANDOM, SEARCH) if can_search else (RANDOM,)


class Stage(Enum):
    """Of a model, as the Model service says it."""

    PENDING = "pending validation"
    VALIDATED = "validated"
    PROMOTED = "promoted"
    REJECTED = "rejected"
    RETIRED = "retired"


class Role(Enum):
    """Of a lineage in a population (AlphaStar: Vinyals et al. 2019, supplement)."""

    MAIN = "main"
    MAIN_EXPLOITER = "main exploiter"
    LEAGUE_EXPLOITER = "league exploiter"


@dataclass(frozen=True)
class Entry:
    """A model.

    Attributes:
        id: names it for ever.
        lineage: that trains it.
        role: of the lineage.
        stage: of the model now.
        published_at: seconds since 1970.
        is_sound: whether a worker has played legal games with it, which stays true of one that
            lost against the champion.
    """

    id: str
    lineage: str
    role: Role
    stage: Stage
    published_at: float
    is_sound: bool = False

    @property
    def player(self) -> str:
        """Its name as a player."""
        return MODEL + self.id


@dataclass(frozen=True)
class Results:
    """Games of one player against another, seen from the first."""

    wins: int = 0
    draws: int = 0
    losses: int = 0

    @property
    def games(self) -> int:
        """All of them."""
        return self.wins + self.draws + self.losses

    @property
    def rate(self) -> float:
        """The win rate, drawn to one half while there are few games."""
        return (self.wins + self.draws / 2.0 + 1.0) / (self.games + 2.0)

    @property
    def turned(self) -> Results:
        """The same games, seen from the other one."""
        return Results(self.losses, self.draws, self.wins)

    def plus(self, more: Results) -> Results:
        """Both together."""
        return Results(self.wins + more.wins, self.draws + more.draws, self.losses + more.losses)


NONE: Final = Results()


@dataclass
class Payoffs:
    """Results by pair; kept from both sides, so that a player's opponents are one lookup."""

    _rows: dict[str, dict[str, Results]] = field(default_factory=dict)

    def add(self, first: str, second: str, results: Results) -> None:
        """Add games of two players."""
        for one, other, seen in ((first, second, results), (second, first, results.turned)):
            row = self._rows.setdefault(one, {})
            row[other] = row.get(other, NONE).plus(seen)

    def between(self, first: str, second: str) -> Results:
        """Return the games of two players, seen from the first."""
        return self._rows.get(first, {}).get(second, NONE)

    def against_all(self, player: str) -> Mapping[str, Results]:
        """Return a player's games by opponent."""
        return self._rows.get(player, {})

    def games(self, player: str) -> int:
        """Return how many games a player has."""
        return sum(each.games for each in self._rows.get(player, {}).values())


def champion_of(entries: Iterable[Entry]) -> Entry | None:
    """Return the one that is promoted; None in an empty league."""
    return next((entry for entry in entries if entry.stage is Stage.PROMOTED), None)


def playable(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return those that others may be matched against, the oldest first."""
    usable = {Stage.VALIDATED, Stage.PROMOTED, Stage.RETIRED}
    found = (entry for entry in entries if entry.stage in usable)
    return tuple(sorted(found, key=lambda entry: (entry.published_at, entry.id)))
