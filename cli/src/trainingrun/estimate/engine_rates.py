"""What a game costs the reference engine, by the decks of its two seats: measured, and dated.

The file comes with the operator and is made by a benchmark, which its head names. A run's own mix
of decks and phases decides how long its games take: a control mirror takes six times as long as a
mirror of burn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Final

import msgspec
from msgspec import Struct
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import TrainingRunSpec

from trainingrun.estimate.errors import PlanError

SERVING: Final = 1.5
"""A served game over the engine's own part of it: sockets, framing, scheduling (measured: processor
time of daemons in whole runs over that of the engine alone)."""
POLICY: Final = 1.35
"""A policy in training over the scripted agents of the table: it decides more often, and its games
are longer (measured: 58 decisions of both seats in the quickstart, where the table has 43)."""


class Pair(Struct, frozen=True, forbid_unknown_fields=True):
    """One game of two decks: milliseconds of a core, and decisions of both seats together."""

    milliseconds: float
    decisions: float


class EngineRates(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The whole table. ``loop_milliseconds`` is what the measuring machine takes for the loop by
    which machines are compared (``this_machine``)."""

    as_of: date
    machine: str
    loop_milliseconds: float
    games: int
    """Of each pair."""
    pairs: dict[str, Pair]
    """By ``deck deck``, in order of the alphabet."""

    def pair(self, first: str, second: str) -> Pair | None:
        """Return what a game of two decks takes; None where it was not measured."""
        return self.pairs.get(" ".join(sorted((first, second))))

    @property
    def usual(self) -> Pair:
        """The mean of all pairs: for decks that were not measured."""
        return _mean([(pair, 1.0) for pair in self.pairs.values()])


@dataclass(frozen=True)
class Game:
    """The mean game of a run: seconds of a core in a daemon, transitions, and unmeasured decks."""

    engine_seconds: float
    transitions: float
    unknown: tuple[str, ...]


def engine_rates(document: object) -> EngineRates:
    """Return the table in a document.

    Raises:
        PlanError: it is none.
    """
    try:
        return msgspec.convert(document, EngineRates)
    except msgspec.ValidationError as error:
        raise PlanError(f"engine_rates.yaml: {error}: restore the file") from error


def game_of(run: TrainingRun, rates: EngineRates, *, games: int) -> Game:
    """Return the mean game of a run of ``games`` games, each phase of its curriculum by its
    share."""
    parts = [(_phase(decks, rates), weight) for decks, weight in _phases(run.spec, games)]
    mean = _mean(parts)
    decks = {deck.name for deck in run.spec.decks}
    unknown = sorted(each for each in decks if rates.pair(each, each) is None)
    return Game(
        engine_seconds=mean.milliseconds / 1000 * SERVING * POLICY,
        transitions=mean.decisions * POLICY * recorded_part(run.spec),
        unknown=tuple(unknown),
    )


def _phases(spec: TrainingRunSpec, games: int) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield the decks of each phase with its games; one that ends by a win rate counts to its
    bound."""
    left = float(games)
    usual = tuple(deck.name for deck in spec.decks)
    for number, phase in enumerate(spec.curriculum):
        bound = phase.until.games if phase.until is not None else None
        is_last = number == len(spec.curriculum) - 1
        share = left if is_last or bound is None else min(left, float(bound))
        decks = usual if phase.decks is None else tuple(deck.name for deck in phase.decks)
        if share > 0:
            yield decks, share
        left -= share
    if left > 0:
        yield usual, left


def _phase(decks: tuple[str, ...], rates: EngineRates) -> Pair:
    """Return the mean over all pairs of seats; both draw from the same decks."""
    usual = rates.usual
    return _mean([(rates.pair(*both) or usual, 1.0) for both in product(decks, repeat=2)])


def recorded_part(spec: TrainingRunSpec) -> float:
    """Return the part of a game's decisions that is trained: both seats against the latest policy,
    one against everybody else."""
    play = spec.self_play
    whole = play.latest + play.past + play.scripted
    latest = play.latest / whole if whole else 1.0
    return (1 + latest) / 2


def _mean(parts: list[tuple[Pair, float]]) -> Pair:
    whole = sum(weight for _, weight in parts)
    return Pair(
        sum(pair.milliseconds * weight for pair, weight in parts) / whole,
        sum(pair.decisions * weight for pair, weight in parts) / whole,
    )
