"""A policy and value loss of a user's: what it is given, what it gives, and what becomes of it.

The function says what each step costs; sums, their division by the counts of all ranks, the weight
of the value's loss and the entropy bonus stay ours. So neither how a minibatch is cut nor how many
ranks share it changes a step, whatever the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from trainingrun_trainer.losses.ppo import Clips, Steps, TermWeights
from trainingrun_trainer.networks.packed import packed_log_softmax, packed_sum, take


class FrozenTerms(NamedTuple):
    """What is fixed of each step for all epochs: float32 [T] each."""

    proximal: Tensor
    behaviour: Tensor
    advantages: Tensor
    targets: Tensor


@dataclass(frozen=True)
class LossInputs:
    """T steps with A legal actions in all. Gradients flow through the first three.

    Attributes:
        current: [T], log-probability of each step's chosen action now.
        values: [T], the network's expected outcome.
        log_probs: [A], log-probabilities of all legal actions, one step's after another's.
        owner: int64 [A], the step that each action belongs to.
        chosen: int64 [T], the place of each step's chosen action in ``log_probs``.
        proximal: [T], log-probability of the chosen action before this batch's first step.
        behaviour: [T], the same when the action was chosen, some publishes ago.
        advantages: [T], of the chosen actions, with mean 0 and deviation 1 over the batch.
        targets: [T], V-trace targets of the values.
        has_choice: bool [T], whether there was more than one legal action; what the policy costs
            where there was none is not counted.
        clip: learner.ppo.clip.
        dual_clip: learner.ppo.dualClip.
    """

    current: Tensor
    values: Tensor
    log_probs: Tensor
    owner: Tensor
    chosen: Tensor
    proximal: Tensor
    behaviour: Tensor
    advantages: Tensor
    targets: Tensor
    has_choice: Tensor
    clip: float
    dual_clip: float


StepCosts = tuple[Tensor, Tensor]
"""What the policy and what the value of each step costs: [T] each."""
LossFunction = Callable[[LossInputs], StepCosts]


class MisshapenLoss(ValueError):
    """A loss gives something else than a cost for each step; the message says what."""


def packed_own_loss(
    function: LossFunction,
    scores: Tensor,
    values: Tensor,
    steps: Steps[FrozenTerms],
    *,
    counts: Tensor,
    weights: TermWeights,
    clips: Clips,
) -> tuple[Tensor, Tensor]:
    """Return the loss of some steps as ``packed_ppo_loss`` does, by a user's function.

    Raises:
        MisshapenLoss: the function does not give two tensors [T] that gradients flow through.
    """
    rows, chosen, terms = steps
    log_probs = packed_log_softmax(scores, rows)
    current = take(log_probs, chosen)
    has_choice = rows.counts > 1
    inputs = LossInputs(
        current=current,
        values=values,
        log_probs=log_probs,
        owner=rows.owner,
        chosen=chosen,
        proximal=terms.proximal,
        behaviour=terms.behaviour,
        advantages=terms.advantages,
        targets=terms.targets,
        has_choice=has_choice,
        clip=clips.ratio,
        dual_clip=clips.dual,
    )
    of_policy, of_value = _costs(function, inputs)
    choices, length = counts.to(of_policy.dtype).unbind()
    policy = torch.where(has_choice, of_policy, torch.zeros_like(of_policy)).sum() / choices
    value = of_value.sum() / length
    entropy = -packed_sum(log_probs.exp() * log_probs, rows).sum() / choices
    total = policy + weights.value * value - weights.entropy * entropy
    with torch.no_grad():
        log_ratio = current - terms.proximal
        growth = log_ratio.expm1()
        kl = (growth - log_ratio).sum() / choices
        clipped = (growth.abs() > clips.ratio).to(growth.dtype).sum() / choices
    terms_of_loss = torch.stack([policy, value, entropy, total, kl, clipped]).detach()
    return total, terms_of_loss


def _costs(function: LossFunction, inputs: LossInputs) -> StepCosts:
    found = function(inputs)
    shape = inputs.current.shape
    is_pair = isinstance(found, tuple) and len(found) == 2
    if not is_pair or any(
        not isinstance(each, Tensor) or each.shape != shape or not each.is_floating_point()
        for each in found
    ):
        raise MisshapenLoss(
            f"gives no pair of costs for {len(inputs.current)} steps: return what the policy and"
            " what the value of each step costs, two tensors of that length"
        )
    if not any(each.requires_grad for each in found):
        raise MisshapenLoss(
            "gives costs that depend on neither the policy nor the values: use current, log_probs"
            " or values"
        )
    return found
