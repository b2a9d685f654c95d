"""The phase of a curriculum as actors are told it: what games are played with from now on.

The operator decides the phase and writes it into one Redis key; actors read the key with every
other word of the run, and their next games follow it. A running game ends as it began. The phase
travels whole, with all that a game needs, and not as a name that each actor looks up: so a
curriculum can be edited while actors run, and none of them can read an older one.

Not here: when a phase ends (the operator decides), and what a reward is shaped to (the actor does).
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from trainingrun_contracts.decoding import decode_or_none
from trainingrun_contracts.run_config import OpponentsConfig


class Shaping(Struct, frozen=True):
    """Weights of the potential that shapes rewards: of each life, point of power and card by which
    a seat leads. All 0 is no shaping."""

    life: float = 0.0
    board: float = 0.0
    cards: float = 0.0

    @property
    def is_none(self) -> bool:
        """Whether rewards are left as they are."""
        return not (self.life or self.board or self.cards)


class Setting(Struct, frozen=True):
    """What the games are played with. ``gamma`` is the learner's discount per decision."""

    decks: tuple[str, ...]
    opponents: OpponentsConfig
    shaping: Shaping = Shaping()
    gamma: float = 1.0


class CurrentPhase(Struct, frozen=True):
    """The phase that holds now, with how it began, so that the key alone can restore the record.

    ``name`` is empty after a curriculum was taken out of a run: games are then played by the run's
    own decks and opponents.
    """

    name: str
    number: int
    """Phases that have begun, this one included; it never falls."""
    since: int
    """Unix seconds."""
    games: int
    """Training games that had been played when it began."""
    transitions: int
    """Transitions that had been produced when it began."""
    why: str
    setting: Setting


def encode_phase(phase: CurrentPhase) -> bytes:
    """The value of ``keys.phase``."""
    return msgspec.json.encode(phase)


def phase_from(reply: bytes | None) -> CurrentPhase | None:
    """The phase from ``GET keys.phase``; None when nothing, or nothing readable, was said."""
    return decode_or_none(reply, CurrentPhase) if reply is not None else None
