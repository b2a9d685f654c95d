"""Decoupled clipped PPO: the policy that acted and the policy that bounds the step are two.

Sources: Schulman et al. 2017 (clipping, eq. 7), Hilton et al. 2021 (decoupled objective, eq. 4),
Ye et al. 2020 (dual clip, eq. 3). Sums are divided by counts that the caller gives, so that parts
of a minibatch add up to the whole.

Gradients by the scores and the values are written out by hand: the loss then costs a fifth of what
automatic differentiation of its forty small operations does, and an update is made of many small
minibatches. The formulas that a reader expects stand in the tests, which hold this against them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from trainingrun_trainer.networks.packed import PackedRows, packed_peak, packed_sum, take


def _itself(tensor: Tensor) -> Tensor:
    """Return the sum over one."""
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
class TermWeights:
    """What the value's loss and the entropy count for, beside the policy's loss."""

    value: float
    entropy: float


class StepTerms(NamedTuple):
    """What the loss needs to know of each step, fixed for all epochs: [T] each.

    Attributes:
        proximal: log-probability of the chosen action under the proximal policy.
        gains: advantage, times the clipped weight of the proximal over the behaviour policy; 0
            where there was no choice.
        lowest: ratio to the proximal policy below which nothing more is gained or lost.
        highest: the same, above.
        targets: of the values, within the outcomes [-1, 1].
        importance: what the step's value counts for; it is in ``gains`` already.
    """

    proximal: Tensor
    gains: Tensor
    lowest: Tensor
    highest: Tensor
    targets: Tensor
    importance: Tensor


Terms = TypeVar("Terms", bound=tuple[Tensor, ...])


class Steps(NamedTuple, Generic[Terms]):
    """Some steps as the loss sees them.

    Attributes:
        rows: which scores belong to which step.
        chosen: int64 [T], row of each step's chosen action.
        terms: what is fixed of each.
    """

    rows: PackedRows
    chosen: Tensor
    terms: Terms


def step_terms(
    proximal: Tensor,
    behaviour: Tensor,
    advantages: Tensor,
    *,
    targets: Tensor,
    has_choice: Tensor,
    clips: Clips,
    importance: Tensor | None = None,
) -> StepTerms:
    """Return the fixed part of the loss, from log-probabilities, advantages and targets: [T] each.

    ``importance`` is what each step counts for, where steps were not drawn alike.

    The clipped objective is the smaller of two gains, and not below ``dual`` times a negative
    advantage. That is one product with a ratio cut from above where the advantage is positive, and
    on both sides where it is negative.
    """
    counted = torch.ones_like(proximal) if importance is None else importance
    weights = (proximal - behaviour).exp().clamp(max=clips.importance) * has_choice * counted
    is_bad = advantages < 0
    upper = advantages.new_tensor(1 + clips.ratio)
    lower = advantages.new_tensor(1 - clips.ratio)
    return StepTerms(
        proximal=proximal,
        gains=weights * advantages,
        lowest=torch.where(is_bad, lower, torch.zeros_like(lower)),
        highest=torch.where(is_bad, torch.full_like(upper, clips.dual), upper),
        targets=targets.clamp(-1.0, 1.0),
        importance=counted,
    )


def packed_ppo_loss(
    scores: Tensor,
    values: Tensor,
    steps: Steps[StepTerms],
    *,
    counts: Tensor,
    weights: TermWeights,
    clip: float,
) -> tuple[Tensor, Tensor]:
    """Return the loss of some steps, as their share of a minibatch.

    Arguments: scores of the legal actions [A] and values [T] of the steps; ``counts``, how many
    choices and how many steps the minibatch has. Gives the total, which gradients flow through, and
    ``policy, value, entropy, total, kl, clip_fraction``, which they do not. The KL divergence from
    the proximal policy is estimated without a negative value (Schulman 2020, k3). The clip fraction
    is of the choices whose ratio to it is further from 1 than ``clip``, on either side.
    """
    found: tuple[Tensor, Tensor] = _PackedPpo.apply(scores, values, steps, counts, weights, clip)
    return found


class _PackedPpo(torch.autograd.Function):
    """Computes the gradients together with the loss, from the same intermediate numbers."""

    @staticmethod
    def forward(
        ctx: Any,
        scores: Tensor,
        values: Tensor,
        steps: Steps[StepTerms],
        counts: Tensor,
        weights: TermWeights,
        clip: float,
    ) -> tuple[Tensor, Tensor]:
        """See ``packed_ppo_loss``."""
        rows, chosen, terms = steps
        choices, length = counts.to(terms.gains.dtype).unbind()
        log_probs, probs = _softmax(scores.to(terms.gains.dtype), rows)
        current = take(log_probs, chosen)
        entropies = -packed_sum(probs * log_probs, rows)
        log_ratio = current - terms.proximal
        ratio = log_ratio.exp()
        cut = ratio.clamp(terms.lowest, terms.highest)
        gains = cut * terms.gains
        misses = values - terms.targets
        counted = misses * terms.importance

        growth = ratio - 1
        is_far = (growth.abs() > clip).to(growth.dtype)
        summed = torch.stack([-gains, entropies, growth - log_ratio, is_far]).sum(1) / choices
        policy, entropy, kl, clipped = summed.unbind()
        value = 0.5 * counted.dot(misses) / length
        total = policy + weights.value * value - weights.entropy * entropy

        of_chosen = gains * (cut == ratio) / -choices
        of_entropy = -weights.entropy / choices
        shared = take(of_chosen + of_entropy * entropies, rows.owner)
        of_scores = probs * (-shared - of_entropy * log_probs)
        of_scores.index_add_(0, chosen, of_chosen)
        of_values = counted * (weights.value / length)
        ctx.save_for_backward(of_scores.to(scores.dtype), of_values.to(values.dtype))
        term_values = torch.stack([policy, value, entropy, total, kl, clipped])
        ctx.mark_non_differentiable(term_values)
        return total, term_values

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """Return the gradients, times that of the total."""
        of_scores, of_values = ctx.saved_tensors
        return of_scores * gradients[0], of_values * gradients[0], None, None, None, None


def _softmax(scores: Tensor, rows: PackedRows) -> tuple[Tensor, Tensor]:
    """Log-probabilities and probabilities over each step's own rows: [A] each."""
    shifted = scores - take(packed_peak(scores, rows), rows.owner)
    log_probs = shifted - take(packed_sum(shifted.exp(), rows).log(), rows.owner)
    return log_probs, log_probs.exp()


def normalised(
    advantages: Tensor,
    counted: Tensor,
    *,
    importance: Tensor | None = None,
    total: Callable[[Tensor], Tensor] = _itself,
) -> Tensor:
    """Advantages with mean 0 and deviation 1 over the counted steps; fewer than 2 stay as is.

    With ``importance``, what each step counts for, they have these under its weights.

    ``total`` sums over all who share the batch, so that each normalises with the same two numbers.
    """
    sample = advantages[counted].double()
    weights = torch.ones_like(sample) if importance is None else importance[counted].double()
    sums = [sample.new_tensor(len(sample)), (weights * sample).sum(), weights.sum()]
    count, summed, whole = total(torch.stack(sums)).unbind()
    whole = torch.where(whole > 0, whole, torch.ones_like(whole))
    mean = summed / whole
    spread = (total((weights * (sample - mean).square()).sum()) / whole).sqrt()
    scaled = (advantages - mean) / (spread + 1e-6)
    return torch.where(count < 2, advantages, scaled.to(advantages.dtype))


def explained_variance(
    values: Tensor, targets: Tensor, *, total: Callable[[Tensor], Tensor] = _itself
) -> float:
    """Return how much of the targets' variance the values explain: 1 all, 0 no more than a
    constant."""
    both = torch.stack([targets, targets - values]).double()
    counts = both.new_tensor(both.shape[1])
    sums = total(torch.cat([counts[None], both.sum(1)]))
    means = sums[1:] / sums[0].clamp(min=1)
    of_targets, of_errors = total((both - means[:, None]).square().sum(1)).tolist()
    return float(1 - of_errors / (of_targets + 1e-8 * float(sums[0])))
