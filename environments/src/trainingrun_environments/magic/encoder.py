"""Questions as arrays: the state vector and one row per option, both float16.

The numbers are rounded to float16 here, before any policy sees them, so that the learner works on
exactly what the actor acted on.
"""

from __future__ import annotations

import numpy as np

from trainingrun_environments.magic.options import Question
from trainingrun_environments.magic.rows import KEPT_WIDTH, option_rows
from trainingrun_environments.magic.spec import ACTION_WIDTH, STATE_WIDTH
from trainingrun_environments.magic.state import position_section, progress_values
from trainingrun_environments.magic.view import View
from trainingrun_environments.magic.wording import bounded, doubles
from trainingrun_environments.observation import Observation


class Encoder:
    """Encodes questions; the part that all questions of one decision share is worked out once."""

    __slots__ = ("_position", "_view")

    def __init__(self) -> None:
        self._view: View | None = None
        self._position = b""

    def encode(self, question: Question) -> Observation:
        """Return state [STATE_WIDTH] and actions [options, ACTION_WIDTH], finite and bounded."""
        if question.view is not self._view:
            self._position = position_section(question.view)
            self._view = question.view
        rows = option_rows(question)
        worked_out = doubles([*progress_values(question), *rows.worked_out])
        numbers = bounded(self._position + worked_out)
        actions = np.empty((len(question.options), ACTION_WIDTH), np.float16)
        actions[:, :KEPT_WIDTH] = np.frombuffer(rows.kept, np.float16).reshape(-1, KEPT_WIDTH)
        actions[:, KEPT_WIDTH:] = numbers[STATE_WIDTH:].reshape(len(actions), -1)
        return Observation(numbers[:STATE_WIDTH], actions)
