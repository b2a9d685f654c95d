"""Questions as arrays: the state vector and one row per option, both float16.

The numbers are rounded to float16 here, before any policy sees them, so that the learner works on
exactly what the actor acted on.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from trainingrun_contracts.observation.answering import Question
from trainingrun_contracts.observation.rows import option_rows
from trainingrun_contracts.observation.state import position_values, progress_values
from trainingrun_contracts.observation.view import View

Float16 = npt.NDArray[np.float16]

_BOUND: Final = 8.0


class Observation(Struct, frozen=True):
    """``state`` is [STATE_WIDTH], ``actions`` is [options, ACTION_WIDTH]."""

    state: Float16
    actions: Float16


class Encoder:
    """Encodes questions; the part that all questions of one decision share is worked out once."""

    __slots__ = ("_position", "_view")

    def __init__(self) -> None:
        self._view: View | None = None
        self._position: list[float] = []

    def encode(self, question: Question) -> Observation:
        """Deterministic, finite, within ±8."""
        if question.view is not self._view:
            self._position = position_values(question.view)
            self._view = question.view
        return Observation(
            state=_rounded(self._position + progress_values(question)),
            actions=_rounded(option_rows(question)),
        )


def _rounded(values: list[float] | list[list[float]]) -> Float16:
    array = np.array(values, dtype=np.float32)
    np.minimum(array, _BOUND, out=array)
    np.maximum(array, -_BOUND, out=array)
    return array.astype(np.float16)
