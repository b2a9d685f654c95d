"""From a generic DECISION line to arrays, checked: a wrong shape must cost its game, never a
training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from trainingrun_contracts.environment_spec import (
    FEATURE_BOUND,
    VOCABULARY_SCALE,
    EnvironmentSpec,
    Features,
    Vocabulary,
)
from trainingrun_protocol.errors import DecisionError
from trainingrun_protocol.generic import GenericAction, GenericDecision, GenericObservation

from trainingrun_environments.observation import Float16, Observation

DTYPES: Final = {
    name: np.dtype(name).newbyteorder("<")
    for name in ("uint8", "int8", "int16", "int32", "float16", "float32", "float64")
}
"""Numbers that an engine may send."""
SENT_AS_THEY_ARE: Final = frozenset(DTYPES.values())
"""Of a game in this process; others are sent as float32."""
_MOST_KNOWN: Final = 65_536
"""Sets of legal actions that are kept: there are games in which they hardly ever repeat."""


class GenericQuestion(Struct, frozen=True):
    """The one question of a generic decision; ``options`` are the indices that answers name."""

    seat: int
    """Position (0 or 1) of the seat that is asked."""
    options: tuple[int, ...]
    observation: Observation
    decision: GenericDecision | None = None
    """Where it comes from, for who writes games down; None where no line was sent."""


class Seen(NamedTuple):
    """What a game in this process shows to the player (0 or 1) whose turn it is, and the numbers
    that the player may choose: at least one.
    """

    player: int
    legal: tuple[int, ...]
    observation: npt.NDArray[Any]


class QuestionReader:
    """Makes questions of decisions, by the environment's spec."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        self._shape = spec.observation
        self._width = spec.state_width
        self._actions = spec.actions
        size = spec.action_inputs
        self._vocabulary = (np.arange(size) / VOCABULARY_SCALE).astype(np.float16)[:, None]
        self._known: dict[tuple[int, ...], tuple[tuple[int, ...], Float16]] = {}
        """The options and their rows, by the legal actions of a game in this process."""

    def question(self, decision: GenericDecision) -> GenericQuestion:
        """Return the question of a decision.

        Raises:
            DecisionError: shapes, numbers or indices are not those of the spec; the text says which
                field, what it holds and what it should.
        """
        options = tuple([action.index for action in decision.actions])
        _check_distinct(options)
        state = self._state(decision.observation)
        rows = self._rows(decision.actions, options)
        return GenericQuestion(decision.seat - 1, options, Observation(state, rows), decision)

    def questions(self, seen: Sequence[Seen]) -> list[GenericQuestion]:
        """Return the questions of games in this process, as :meth:`question` makes them of what a
        daemon would send of each.

        Raises:
            DecisionError: as there, of any of them.
        """
        states = self._states([each.observation for each in seen])
        found = []
        for (player, legal, _), state in zip(seen, states, strict=True):
            options, rows = self._known.get(legal) or self._checked(legal)
            found.append(GenericQuestion(player, options, Observation(state, rows)))
        return found

    def _states(self, observations: list[npt.NDArray[Any]]) -> Float16:
        for found in observations:
            if found.shape != self._shape:
                raise DecisionError(
                    f"an observation has the shape {list(found.shape)},"
                    f" the environment's {list(self._shape)}"
                )
        sent = [
            found if found.dtype in SENT_AS_THEY_ARE else found.astype(np.float32)
            for found in observations
        ]
        numbers = np.concatenate(sent, axis=None).reshape(len(sent), self._width)
        _check_bounds(numbers, "observation")
        return numbers.astype(np.float16)

    def _checked(self, legal: tuple[int, ...]) -> tuple[tuple[int, ...], Float16]:
        options = tuple([int(action) for action in legal])
        _check_distinct(options)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        found = self._known[legal] = options, self._rows((), options)
        found[1].flags.writeable = False
        return found

    def _state(self, seen: GenericObservation) -> Float16:
        if seen.shape != self._shape:
            raise DecisionError(
                f"observation.shape is {list(seen.shape)}, the environment's {list(self._shape)}"
            )
        dtype = DTYPES.get(seen.dtype)
        if dtype is None:
            raise DecisionError(
                f"observation.dtype is {seen.dtype[:40]!r}: use one of {', '.join(DTYPES)}"
            )
        if len(seen.data) != self._width * dtype.itemsize:
            raise DecisionError(
                f"observation.data holds {len(seen.data)} bytes:"
                f" {self._width} numbers of {seen.dtype} are {self._width * dtype.itemsize}"
            )
        found = np.frombuffer(seen.data, dtype)
        _check_bounds(found, "observation")
        return found.astype(np.float16)

    def _rows(self, actions: tuple[GenericAction, ...], options: tuple[int, ...]) -> Float16:
        match self._actions:
            case Vocabulary(size):
                if min(options) < 0 or max(options) >= size:
                    wrong = next(index for index in options if not 0 <= index < size)
                    raise DecisionError(
                        f"actions has index {wrong}: the vocabulary goes from 0 to {size - 1}"
                    )
                return self._vocabulary[list(options)]
            case Features(width):
                return _feature_rows(actions, width)


def _check_distinct(options: tuple[int, ...]) -> None:
    if not options:
        raise DecisionError("actions is empty: ask only where something can be chosen")
    if len(set(options)) != len(options):
        raise DecisionError("actions has two entries with the same index")


def _feature_rows(actions: tuple[GenericAction, ...], width: int) -> Float16:
    for place, action in enumerate(actions):
        if len(action.features) != width:
            raise DecisionError(
                f"actions[{place}].features has {len(action.features)} numbers,"
                f" the environment's actions have {width}"
            )
    found = np.array([action.features for action in actions], np.float64)
    _check_bounds(found, "actions[].features")
    return found.astype(np.float16)


def _check_bounds(numbers: npt.NDArray[Any], where: str) -> None:
    """Raise DecisionError unless all are finite and within the bound."""
    greatest = max(float(numbers.max()), -float(numbers.min()))
    if not math.isfinite(greatest):
        place = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise DecisionError(
            f"{where} holds a number that is not finite, the first at place {place}"
        )
    if greatest > FEATURE_BOUND:
        raise DecisionError(
            f"{where} holds {greatest:g}:"
            f" scale its numbers to -{FEATURE_BOUND:g} … {FEATURE_BOUND:g}"
        )
