"""What a tournament is made of: its plan, the matches that it calls for, their outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

LEAST_ENTRANTS: Final = 2
MOST_ENTRANTS: Final = 64
BYE: Final = ""
"""In the place of the second player: the first one rests, and has won."""


class Format(Enum):
    """How entrants meet."""

    ROUND_ROBIN = "round robin"
    """Everybody meets everybody once."""
    SINGLE_ELIMINATION = "single elimination"
    """Who loses is out; the best seeds rest in the first round where places are left over."""
    SWISS = "Swiss"
    """A fixed number of rounds against others of about the same points, none twice."""


@dataclass(frozen=True)
class Plan:
    """A tournament before it begins.

    Attributes:
        format: of it.
        entrants: in order of seed, the best first.
        rounds: of a Swiss one; 0 takes as many as leave one winner.
    """

    format: Format
    entrants: tuple[str, ...]
    rounds: int = 0

    @property
    def seeds(self) -> dict[str, int]:
        """From 0 for the best."""
        return {name: seed for seed, name in enumerate(self.entrants)}


@dataclass(frozen=True)
class Pairing:
    """A match that a tournament calls for, named by its round and its table.

    Attributes:
        round: from 1.
        table: within the round, from 0.
        first: plays seat 1 in the first game.
        second: ``BYE`` where first rests.
    """

    round: int
    table: int
    first: str
    second: str


@dataclass(frozen=True)
class Outcome:
    """A match that is over; a bye has none.

    Attributes:
        round: of the pairing.
        table: of the pairing.
        first: of the pairing.
        second: of the pairing.
        wins: games that the first one won.
        draws: games without a winner.
        losses: games that the first one lost.
        failed: a player that could not play and loses whatever the games say; empty for none.
    """

    round: int
    table: int
    first: str
    second: str
    wins: int = 0
    draws: int = 0
    losses: int = 0
    failed: str = ""


def winner_of(plan: Plan, outcome: Outcome) -> str:
    """Return who won the match; empty where it is drawn.

    Of an elimination no match is drawn: an even one goes to the better seed. A tournament must end,
    and programs that always play alike may draw for ever, so that a replay is refused.
    """
    if outcome.failed:
        return outcome.second if outcome.failed == outcome.first else outcome.first
    if outcome.wins != outcome.losses:
        return outcome.first if outcome.wins > outcome.losses else outcome.second
    if plan.format is Format.SINGLE_ELIMINATION:
        return min(outcome.first, outcome.second, key=plan.entrants.index)
    return ""


def problem_of(plan: Plan) -> str:
    """Return why a plan cannot be played; empty where it can."""
    count = len(plan.entrants)
    if not LEAST_ENTRANTS <= count <= MOST_ENTRANTS:
        return f"a tournament has {LEAST_ENTRANTS} to {MOST_ENTRANTS} entrants, not {count}"
    if len(set(plan.entrants)) < count:
        twice = next(name for name in plan.entrants if plan.entrants.count(name) > 1)
        return f"{twice} is entered twice"
    if plan.rounds and plan.format is not Format.SWISS:
        return f"rounds are of a Swiss tournament; a {plan.format.value} has as many as it needs"
    if plan.rounds > most_swiss_rounds(count):
        most = most_swiss_rounds(count)
        return (
            f"{count} entrants play at most {most} Swiss rounds, not {plan.rounds}: "
            "none is to be met twice"
        )
    return ""


def most_swiss_rounds(count: int) -> int:
    """Return half the entrants, the rounds that never force a rematch.

    Who has met fewer than half of the others may still meet at least half, so a perfect matching of
    what is left exists (Dirac 1952). Six that have met in two threes cannot be paired again.
    """
    return (count + 1) // 2


def rounds_of(plan: Plan) -> int:
    """Return how many rounds a tournament has."""
    count = len(plan.entrants)
    match plan.format:
        case Format.ROUND_ROBIN:
            return count - 1 + count % 2
        case Format.SINGLE_ELIMINATION:
            return (count - 1).bit_length()
        case Format.SWISS:
            return plan.rounds or (count - 1).bit_length()
