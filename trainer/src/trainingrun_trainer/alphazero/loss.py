"""AlphaZero's loss (Silver et al. 2018, equation 1), without its penalty on the weights: that is
the optimiser's, decoupled from the gradient (Loshchilov and Hutter 2019).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

TERMS: Final = ("policy", "value", "entropy", "total", "kl", "outcome", "outcome_square", "error")
"""Means over the positions of a step: cross-entropy to the search's policy; squared error to the
outcome; the policy's own entropy; what is minimised; the cross-entropy less the entropy of the
search's policy; and from the outcome on what ``explained_variance`` is made of."""


class Positions(NamedTuple):
    """What a step is trained on, n positions.

    Attributes:
        observations: float32 [n, numbers], flat.
        legal: bool [n, actions].
        policies: float32 [n, actions], what should be played; 0 where illegal, each row adds up
            to 1.
        outcomes: float32 [n] in [-1, 1].
    """

    observations: Tensor
    legal: Tensor
    policies: Tensor
    outcomes: Tensor

    def to(self, device: torch.device) -> Positions:
        """Return the positions on a device."""
        return Positions(*(each.to(device, non_blocking=True) for each in self))


def board_loss(
    logits: Tensor, values: Tensor, positions: Positions, *, value_weight: float
) -> tuple[Tensor, Tensor]:
    """Return the mean loss, to differentiate, and the terms: float32 [8], detached.

    Illegal actions have no share in the softmax, whatever their logits are.
    """
    masked = logits.masked_fill(~positions.legal, -torch.inf)
    # Zero times an infinity is no number, so illegal actions get a finite one in its place.
    log_probs = torch.log_softmax(masked, dim=1).masked_fill(~positions.legal, 0.0)
    policy = -(positions.policies * log_probs).sum(1).mean()
    errors = (values - positions.outcomes).square()
    value = errors.mean()
    total = policy + value_weight * value
    with torch.no_grad():
        shares = log_probs.exp() * positions.legal
        entropy = -(shares * log_probs).sum(1).mean()
        own = -torch.special.xlogy(positions.policies, positions.policies).sum(1).mean()
        outcomes = positions.outcomes
        differences = outcomes - values
        terms = torch.stack(
            [
                policy,
                value,
                entropy,
                total,
                policy - own,
                outcomes.mean(),
                outcomes.square().mean(),
                differences.mean(),
            ]
        )
    return total, terms


def explained_variance(terms: dict[str, float]) -> float:
    """Return how much of the outcomes' variance the values explain, from means of ``TERMS``; 0
    where the outcomes have none."""
    variance = terms["outcome_square"] - terms["outcome"] ** 2
    rest = terms["value"] - terms["error"] ** 2
    return 1.0 - rest / variance if variance > 0 else 0.0
