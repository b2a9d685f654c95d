"""What to do when updates take no step, because no number they compute is finite.

A step that is not finite is never taken (``update``), so weights that make every step so would
stand still for ever. After some such updates in a row the learner goes back to its newest
checkpoint; when that does not help either, the run fails with a reason of its own.

Pure: who restores, and who ends, is ``learner``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

import torch
from torch import Tensor

STUCK_UPDATES: Final = 5
"""Updates in a row without a step, after which the weights are taken for broken."""
ROLL_BACKS: Final = 2
"""Times that a learner goes back, without a checkpoint since, before it gives up."""


class WeightsNotFinite(Exception):
    """Training does not recover from numbers that are not finite; the message is for the user."""


class Verdict(Enum):
    """What follows an update."""

    TRAIN = "train"
    ROLL_BACK = "roll back"
    GIVE_UP = "give up"


@dataclass(frozen=True)
class Recovery:
    """What is remembered of updates without a step.

    Attributes:
        stuck: updates in a row of which every step was skipped.
        is_sound: whether the newest update skipped no step; only then is it worth saving.
        rolled_back: times that the learner went back since the last checkpoint it wrote.
    """

    stuck: int = 0
    is_sound: bool = True
    rolled_back: int = 0

    def after_update(self, *, steps: int, skipped: int) -> Recovery:
        """Return the state after an update that took and skipped these numbers of steps."""
        stuck = 0 if steps else self.stuck + (1 if skipped else 0)
        return replace(self, stuck=stuck, is_sound=skipped == 0)

    def after_roll_back(self) -> Recovery:
        """After the newest checkpoint was restored."""
        return Recovery(rolled_back=self.rolled_back + 1)

    def after_save(self) -> Recovery:
        """Return the state after a checkpoint of finite weights that took steps: roll backs
        restart."""
        return replace(self, rolled_back=0)

    def verdict(self, *, is_finite: bool) -> Verdict:
        """Return what to do now; ``is_finite`` says whether the weights themselves are."""
        if is_finite and self.stuck < STUCK_UPDATES:
            return Verdict.TRAIN
        return Verdict.ROLL_BACK if self.rolled_back < ROLL_BACKS else Verdict.GIVE_UP


def all_finite(*groups: dict[str, Tensor]) -> bool:
    """Return whether no tensor holds an infinity or a NaN; one answer from the device for all."""
    found = [torch.isfinite(tensor).all() for group in groups for tensor in group.values()]
    return not found or bool(torch.stack(found).all())
