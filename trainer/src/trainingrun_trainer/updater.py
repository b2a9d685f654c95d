"""What an algorithm is to the learner's frame: the one seam between them.

The frame takes segments out of the queue and keeps its accounts, publishes weights, writes
checkpoints and reports; an updater makes of segments better weights. So PPO and AlphaZero have one
frame. What differs beyond that (when weights are published, whether several ranks are possible) the
frame asks the run configuration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.segment import Segment


@dataclass(frozen=True)
class UpdateResult:
    """What an update did.

    Attributes:
        losses: mean of each term over the steps taken: ``policy``, ``value``, ``entropy``,
            ``total``, ``kl``, ``gradient_norm``; and ``explained_variance`` of the values before.
            PPO adds ``clip_fraction``, AlphaZero ``replay_rows`` and ``samples_per_row``.
        steps: optimiser steps taken.
        skipped: steps not taken, because a number was not finite.
        rescaled: steps not taken, because gradients overflowed fp16 under the scale of the loss,
            which was halved.
        stopped_early: whether the KL bound ended the epochs.
        learning_rate: of its last step.
        priorities: of the segments, in order, where they were sampled: how often each should be.
    """

    losses: dict[str, float]
    steps: int
    skipped: int
    stopped_early: bool
    rescaled: int = 0
    learning_rate: float = 0.0
    priorities: tuple[float, ...] = ()


class Updater(Protocol):
    """Holds a network, its optimiser and what it learns from."""

    @property
    def spec(self) -> EnvironmentSpec:
        """The environment that it learns to play in."""

    @property
    def generator(self) -> torch.Generator:
        """Draws all that the algorithm leaves to chance."""

    def train(
        self, segments: Sequence[Segment], *, games: int, weights: Sequence[float] = ()
    ) -> UpdateResult:
        """Learn from segments, one at least; the run has played ``games`` training games. They are
        new; or they were sampled, and ``weights`` is what each counts for."""

    def weights(self, *, version: int) -> bytes:
        """Return the network to play with, in the format of those who do; ``version`` is the number
        of updates in it.

        Raises:
            WeightsNotFinite: it cannot be played with.
        """

    def has_finite_state(self) -> bool:
        """Return whether the weights and the optimiser's state are finite; asks the device."""

    def model(self) -> dict[str, Tensor]:
        """Return the network's tensors as a checkpoint holds them, no copies."""

    def moments(self) -> dict[str, Tensor]:
        """Return the optimiser's tensors, no copies."""

    def load(self, model: dict[str, Tensor], moments: dict[str, Tensor]) -> None:
        """Take over a network and the state of its optimiser.

        Raises:
            KeyError, RuntimeError, ValueError: they do not fit.
        """

    def memory(self, *, version: int) -> dict[str, bytes]:
        """Return what else a checkpoint of this version holds, as files by name."""

    def recall(self, files: Mapping[str, bytes]) -> str:
        """Take over what ``memory`` returned, from among all files of a checkpoint; returns what of
        it cannot be used and why, for people. It is never needed: an empty memory fills again.
        """
