"""The phases of a curriculum as actors read them, and which phase a training game belongs to.

The operator writes the phase that holds into one Redis key, with those that follow it at known
numbers of games. The number of a game alone says which phase it is played in, so a phase of fifteen
games has fifteen, however fast they are played and whether or not the operator is there. A phase
begins with its first game, which also records it (``keys.begun``); the record is never changed.

A phase travels whole, with all that a game needs, and not as a name that each actor looks up: so a
curriculum can be edited while actors run, and none of them can read an older one.

Not here: giving out the numbers (``games``), when a win rate ends a phase (the operator decides),
and what a reward is shaped to (the actor does).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from trainingrun_contracts.decoding import decode_or_none
from trainingrun_contracts.run_config import OpponentsConfig, Potentials

_MOST_PHASES: Final = 2**31 - 1
_Count = Annotated[int, Meta(ge=0, lt=2**53)]


class Setting(Struct, frozen=True):
    """What the games are played with. ``shaping`` are the weights of potentials that shape rewards,
    by name; ``gamma`` is the learner's discount per decision."""

    decks: tuple[str, ...]
    opponents: OpponentsConfig
    shaping: Potentials = {}
    gamma: float = 1.0


class PlannedPhase(Struct, frozen=True):
    """A phase before or behind the one that holds. ``lasts`` is its length in games; None where its
    end is not known beforehand."""

    name: str
    number: int
    setting: Setting
    lasts: int | None = None


class CurrentPhase(Struct, frozen=True):
    """The phase that holds now, with how it began, so that the key alone can restore the record.

    One that the operator has decided on begins with the next game that starts; ``since``, ``games``
    and ``transitions`` are then those of the decision.

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
    lasts: int | None = None
    """Games after which the next phase begins; None where that is not known beforehand."""
    before: PlannedPhase | None = None
    """The phase before, for games of it that are played again."""
    following: tuple[PlannedPhase, ...] = ()
    """Those behind it, up to the first whose end is not known beforehand."""

    @property
    def every(self) -> tuple[PlannedPhase, ...]:
        """All phases that travel here, in order."""
        own = PlannedPhase(self.name, self.number, self.setting, self.lasts)
        before = () if self.before is None else (self.before,)
        return (*before, own, *self.following)

    def planned(self, number: int) -> PlannedPhase | None:
        """Return the phase with this number, if it travels here."""
        return next((each for each in self.every if each.number == number), None)


class BegunPhase(Struct, frozen=True, array_like=True):
    """How a phase began, as its first game has recorded it."""

    games: _Count
    """Training games that had started before."""
    at: Annotated[int, Meta(ge=0, lt=2**33)]
    """Unix seconds."""
    transitions: _Count
    """Transitions that had been produced."""
    name: Annotated[str, Meta(max_length=40)]


def phase_of_next_game(game: int, plan: CurrentPhase, begun: Mapping[int, BegunPhase]) -> int:
    """Return the number of the phase that a new game is played in; 0 without a curriculum. The
    phase begins with it unless it has begun already.

    Args:
        game: the number of the game, from 1; all below it have started.
        plan: the phases as the operator wrote them.
        begun: the phases that have begun, by number.
    """
    if plan.number == 0:
        return 0
    newest = max((plan.number, *begun))
    phase = plan.planned(newest)
    if phase is None:
        return plan.number
    record = begun.get(newest)
    is_over = (
        record is not None
        and phase.lasts is not None
        and game - 1 >= record.games + phase.lasts
        and plan.planned(newest + 1) is not None
    )
    return newest + 1 if is_over else newest


def phase_of_repeated_game(game: int, plan: CurrentPhase, begun: Mapping[int, BegunPhase]) -> int:
    """Return the number of the phase that a game belongs to whose number was given out before: the
    last that had begun by then."""
    if plan.number == 0:
        return 0
    since = [number for number, record in begun.items() if record.games < game]
    return max(since, default=plan.number)


def begun_from(reply: Mapping[bytes, bytes]) -> dict[int, BegunPhase]:
    """Return the phases that have begun, from ``HGETALL keys.begun``; what cannot be read is left
    out."""
    found: dict[int, BegunPhase] = {}
    for number, value in reply.items():
        record = decode_or_none(value, BegunPhase)
        if record is not None and number.isdigit() and 0 < int(number) <= _MOST_PHASES:
            found[int(number)] = record
    return found


def encode_phase(phase: CurrentPhase) -> bytes:
    """Return the value of ``keys.phase``."""
    return msgspec.json.encode(phase)


def phase_from(reply: bytes | None) -> CurrentPhase | None:
    """Return the phase from ``GET keys.phase``; None when nothing, or nothing readable, was
    said."""
    return decode_or_none(reply, CurrentPhase) if reply is not None else None
