"""The loss that a run trains by: PPO's, or one that a package adds.

A package adds one by an entry point of the group ``trainingrun.losses`` that names a function of
``losses.own.LossInputs``. It is tried at the learner's start, so that what it gives in a wrong form
ends the learner with a sentence and not with a crash hours later.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import torch
from torch import Tensor
from trainingrun_contracts.own_parts import LOSSES, described
from trainingrun_contracts.run_config import PpoConfig

from trainingrun_trainer.losses.own import (
    FrozenTerms,
    LossFunction,
    MisshapenLoss,
    packed_own_loss,
)
from trainingrun_trainer.losses.ppo import (
    Clips,
    Steps,
    StepTerms,
    TermWeights,
    packed_ppo_loss,
    step_terms,
)
from trainingrun_trainer.networks.packed import pack_rows

_COUNTS: Final = (3, 1, 2)


class Objective(Protocol):
    """A loss, with what it fixes of a batch beforehand."""

    def terms(
        self, frozen: FrozenTerms, has_choice: Tensor, importance: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return what is fixed of each step for all epochs: a named tuple of [T] each;
        ``importance`` is what each counts for."""

    def loss(
        self, scores: Tensor, values: Tensor, steps: Steps[Any], *, counts: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the loss of some steps; see ``packed_ppo_loss``."""


class PpoObjective:
    """Decoupled clipped PPO."""

    def __init__(self, clips: Clips, weights: TermWeights) -> None:
        self._clips = clips
        self._weights = weights

    def terms(
        self, frozen: FrozenTerms, has_choice: Tensor, importance: Tensor | None = None
    ) -> StepTerms:
        """See Objective."""
        return step_terms(
            frozen.proximal,
            frozen.behaviour,
            frozen.advantages,
            targets=frozen.targets,
            has_choice=has_choice,
            clips=self._clips,
            importance=importance,
        )

    def loss(
        self, scores: Tensor, values: Tensor, steps: Steps[StepTerms], *, counts: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See Objective."""
        return packed_ppo_loss(
            scores, values, steps, counts=counts, weights=self._weights, clip=self._clips.ratio
        )


class OwnObjective:
    """A user's function."""

    def __init__(self, function: LossFunction, clips: Clips, weights: TermWeights) -> None:
        self._function = function
        self._clips = clips
        self._weights = weights

    def terms(
        self, frozen: FrozenTerms, _has_choice: Tensor, _importance: Tensor | None = None
    ) -> FrozenTerms:
        """See Objective; a run with such a loss samples nothing (``factory``)."""
        return frozen._replace(targets=frozen.targets.clamp(-1.0, 1.0))

    def loss(
        self, scores: Tensor, values: Tensor, steps: Steps[FrozenTerms], *, counts: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See Objective."""
        return packed_own_loss(
            self._function,
            scores,
            values,
            steps,
            counts=counts,
            weights=self._weights,
            clips=self._clips,
        )


def objective_of(config: PpoConfig) -> Objective:
    """Return the loss that a run names.

    Raises:
        UnknownPart: it cannot be had here, or does not give what a loss gives.
    """
    clips = Clips(ratio=config.clip, dual=config.dual_clip)
    weights = TermWeights(value=config.value_weight, entropy=config.entropy)
    if LOSSES.is_ours(config.loss):
        return PpoObjective(clips, weights)
    found = OwnObjective(LOSSES.load(config.loss), clips, weights)
    if wrong := _wrong(found):
        raise LOSSES.refused(LOSSES.find(config.loss), wrong)
    return found


def _wrong(objective: OwnObjective) -> str:
    """Return what is wrong with the loss of three made-up steps; empty where nothing is."""
    rows = pack_rows(torch.tensor(_COUNTS))
    drawn = torch.linspace(-1.0, 1.0, 4 * rows.steps).view(4, -1)
    steps = Steps(rows, rows.starts, FrozenTerms(*(drawn * 0.5 - 0.5).unbind()))
    scores = torch.linspace(-1.0, 1.0, len(rows.owner)).requires_grad_()
    values = torch.linspace(-0.5, 0.5, rows.steps).requires_grad_()
    try:
        total, _ = objective.loss(scores, values, steps, counts=torch.tensor([2, rows.steps]))
        total.backward()  # type: ignore[no-untyped-call]
    except MisshapenLoss as error:
        return str(error)
    except Exception as error:
        return f"failed at the learner's start: {described(error)}"
    numbers = [each for each in (total, scores.grad, values.grad) if each is not None]
    if not all(torch.isfinite(each).all() for each in numbers):
        return "gives a number or a gradient that is not finite for three ordinary steps"
    return ""
