"""Decoupled clipped PPO: the policy that acted and the policy that bounds the step are two.

Sources: Schulman et al. 2017 (clipping, eq. 7), Hilton et al. 2021 (decoupled objective, eq. 4),
Ye et al. 2020 (dual clip, eq. 3). Sums are divided by counts that the caller gives, so that parts
of a minibatch add up to the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def _itself(tensor: Tensor) -> Tensor:
    """The sum over one."""
    return tensor


@dataclass(frozen=True)
class Clips:
    """Where ratios are cut.

    Attributes:
        ratio: distance from 1 that the ratio to the proximal policy may use.
        dual: bound of the loss where the advantage is negative, in advantages.
        importance: upper bound of the proximal policy's weight over the behaviour policy.
    """

    ratio: float
    dual: float
    importance: float = 2.0


@dataclass(frozen=True)
class PolicyTerms:
    """Log-probabilities of the chosen actions under three policies, and advantages: [T] each."""

    current: Tensor
    proximal: Tensor
    behaviour: Tensor
    advantages: Tensor


def policy_losses(terms: PolicyTerms, clips: Clips) -> Tensor:
    """Loss of each step: float32 [T]. Gradients flow through ``current`` alone."""
    ratio = (terms.current - terms.proximal).exp()
    gain = torch.minimum(
        ratio * terms.advantages,
        ratio.clamp(1 - clips.ratio, 1 + clips.ratio) * terms.advantages,
    )
    bounded = torch.maximum(gain, clips.dual * terms.advantages)
    gain = torch.where(terms.advantages < 0, bounded, gain)
    weight = (terms.proximal - terms.behaviour).exp().clamp(max=clips.importance)
    return -weight.detach() * gain


def value_losses(values: Tensor, targets: Tensor) -> Tensor:
    """Half the squared error of each step, against targets kept within the outcomes [-1, 1]."""
    return 0.5 * (values - targets.clamp(-1.0, 1.0)).square()


def kl_estimates(current: Tensor, proximal: Tensor) -> Tensor:
    """Estimate of KL(proximal || current) of each step, never negative (Schulman 2020, k3)."""
    log_ratio = current - proximal
    return log_ratio.exp() - 1 - log_ratio


def normalised(
    advantages: Tensor, counted: Tensor, *, total: Callable[[Tensor], Tensor] = _itself
) -> Tensor:
    """Advantages with mean 0 and deviation 1 over the counted steps; fewer than 2 stay as is.

    ``total`` sums over all who share the batch, so that each normalises with the same two numbers.
    """
    sample = advantages[counted].double()
    first = total(torch.stack([sample.new_tensor(len(sample)), sample.sum()]))
    count, mean = first[0], first[1] / first[0].clamp(min=1)
    spread = (total((sample - mean).square().sum()) / count.clamp(min=1)).sqrt()
    scaled = (advantages - mean) / (spread + 1e-6)
    return torch.where(count < 2, advantages, scaled.to(advantages.dtype))


def explained_variance(
    values: Tensor, targets: Tensor, *, total: Callable[[Tensor], Tensor] = _itself
) -> float:
    """How much of the targets' variance the values explain: 1 all, 0 no more than a constant."""
    both = torch.stack([targets, targets - values]).double()
    counts = both.new_tensor(both.shape[1])
    sums = total(torch.cat([counts[None], both.sum(1)]))
    means = sums[1:] / sums[0].clamp(min=1)
    of_targets, of_errors = total((both - means[:, None]).square().sum(1)).tolist()
    return float(1 - of_errors / (of_targets + 1e-8 * float(sums[0])))
