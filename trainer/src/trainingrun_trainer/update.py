"""One update: what a batch of rollouts does to the policy.

First a pass without gradients over the time-ordered batch: proximal log-probabilities, values, and
from these V-trace targets and advantages, normalised once and then frozen. Then epochs of shuffled
minibatches of decoupled clipped PPO. A step whose loss or gradient is not finite is never taken.

Losses are sums divided by global counts: over a minibatch's parts and over all ranks. So neither
how a minibatch is cut nor how many ranks share a batch changes the step.

Not here: where batches come from, and what happens to the weights afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

import torch
from torch import Tensor
from trainingrun_contracts.run_config import LearnerConfig

from trainingrun_trainer.batch import Batch
from trainingrun_trainer.distributed import Alone, Ranks
from trainingrun_trainer.losses.ppo import (
    Clips,
    PolicyTerms,
    explained_variance,
    kl_estimates,
    normalised,
    policy_losses,
    value_losses,
)
from trainingrun_trainer.losses.vtrace import Trajectories, vtrace
from trainingrun_trainer.networks.packed import (
    PackedRows,
    packed_entropy,
    packed_log_softmax,
    select_rows,
    take,
)
from trainingrun_trainer.networks.pointer import PointerPolicy, PolicyOutput
from trainingrun_trainer.optimiser import AdamOptimiser
from trainingrun_trainer.precision import Precision

_RHO_CAP = 1.0
_TRACE_CAP = 1.0
_KL_TOLERANCE = 1.5
_FORWARD_STEPS = 1024  # what they make of a hidden layer stays in a core's cache
_TERMS: Final = ("policy", "value", "entropy", "total", "kl")


@dataclass(frozen=True)
class Frozen:
    """What stays fixed during the epochs of one update; float32 [T] each."""

    proximal: Tensor
    targets: Tensor
    advantages: Tensor


@dataclass(frozen=True)
class UpdateResult:
    """What an update did.

    Attributes:
        losses: mean of each term over the steps taken: ``policy``, ``value``, ``entropy``,
            ``total``, ``kl``, ``gradient_norm``; and ``explained_variance`` of the values before.
        steps: optimiser steps taken.
        skipped: steps not taken, because a number was not finite.
        rescaled: steps not taken, because gradients overflowed fp16 under the scale of the loss,
            which was halved.
        stopped_early: whether the KL bound ended the epochs.
    """

    losses: dict[str, float]
    steps: int
    skipped: int
    stopped_early: bool
    rescaled: int = 0


class StepFate(Enum):
    """What became of one optimiser step."""

    TAKEN = "taken"
    SKIPPED = "skipped"
    RESCALED = "rescaled"


@dataclass(frozen=True)
class _StepResult:
    fate: StepFate
    terms: dict[str, float]


class PpoUpdater:
    """Holds the policy, its optimiser and the generator that shuffles; updates them by batches.

    With several ranks, each calls the same methods with its own batch, and all have the same
    weights afterwards.
    """

    def __init__(
        self,
        policy: PointerPolicy,
        config: LearnerConfig,
        *,
        seed: int,
        device: torch.device,
        ranks: Ranks | None = None,
    ) -> None:
        self.policy = policy.to(device)
        self.optimiser = AdamOptimiser(self.policy, learning_rate=config.ppo.learning_rate)
        self.generator = torch.Generator().manual_seed(seed)
        self.device = device
        self._config = config
        self._clips = Clips(ratio=config.ppo.clip, dual=config.ppo.dual_clip)
        self._precision = Precision(config.precision, device)
        self._ranks = Alone() if ranks is None else ranks

    def update(self, batch: Batch) -> UpdateResult:
        """Train on one batch."""
        batch = batch.to(self.device)
        frozen, explained = self.freeze(batch)
        sums: dict[str, float] = {}
        fates = dict.fromkeys(StepFate, 0)
        stopped = False
        for steps in self._minibatches(batch.transitions):
            result = self.step(batch, frozen, steps)
            fates[result.fate] += 1
            if result.fate is not StepFate.TAKEN:
                continue
            for name, value in result.terms.items():
                sums[name] = sums.get(name, 0.0) + value
            if result.terms["kl"] > _KL_TOLERANCE * self._config.ppo.target_kl:
                stopped = True
                break
        taken = fates[StepFate.TAKEN]
        losses = {name: value / max(taken, 1) for name, value in sums.items()}
        losses["explained_variance"] = explained
        return UpdateResult(
            losses, taken, fates[StepFate.SKIPPED], stopped, fates[StepFate.RESCALED]
        )

    def freeze(self, batch: Batch) -> tuple[Frozen, float]:
        """Proximal log-probabilities, targets and normalised advantages of a batch, and how much
        of the targets' variance the values already explain."""
        ppo = self._config.ppo
        with torch.no_grad():
            proximal, values = self._evaluate(batch)
            ends = self._outcomes(batch.next_states)
            found = vtrace(
                Trajectories(
                    values=values,
                    rewards=batch.rewards,
                    ratios=(proximal - batch.behaviour).exp(),
                    lengths=batch.lengths,
                    bootstraps=torch.where(batch.continues, ends, torch.zeros_like(ends)),
                ),
                gamma=ppo.gamma, decay=ppo.trace_decay, rho_cap=_RHO_CAP, trace_cap=_TRACE_CAP,
            )  # fmt: skip
            total = self._ranks.total
            advantages = normalised(found.advantages, batch.rows.counts > 1, total=total)
            explained = explained_variance(values, found.values, total=total)
        return Frozen(proximal, found.values, advantages), explained

    def step(self, batch: Batch, frozen: Frozen, steps: Tensor) -> _StepResult:
        """One optimiser step on the given steps (this rank's; maybe none), in as many parts as
        accumulation asks for."""
        config, scale = self._config, self._precision.scale
        choices = batch.rows.counts[steps] > 1
        counts = self._ranks.total(
            torch.stack([choices.sum(), choices.new_tensor(len(steps), dtype=torch.int64)])
        )
        counts = counts.clamp(min=1)
        self.optimiser.clear_gradients()
        parts = [torch.zeros(len(_TERMS), device=self.device)]
        if len(steps):
            for part in steps.chunk(min(config.gradient_accumulation, len(steps))):
                loss, terms = self._losses(batch, frozen, part, counts)
                (loss * scale.value).backward()  # type: ignore[no-untyped-call]
                parts.append(terms)
        terms = self.optimiser.sum_gradients(torch.stack(parts).sum(0), self._ranks)
        norm = self.optimiser.clip_gradients(config.ppo.max_gradient_norm, scale=scale.value)
        *values, length = torch.cat([terms, norm[None]]).tolist()
        fate = self._fate(values, length)
        if fate is StepFate.TAKEN:
            self.optimiser.step()
            scale.keep()
        elif fate is StepFate.RESCALED:
            scale.sink()
        self.optimiser.clear_gradients()
        return _StepResult(
            fate, {**dict(zip(_TERMS, values, strict=True)), "gradient_norm": length}
        )

    def _fate(self, terms: Iterable[float], gradient_norm: float) -> StepFate:
        """Whether a step with these numbers may be taken; the same on all ranks."""
        if not all(math.isfinite(term) for term in terms):
            return StepFate.SKIPPED
        if math.isfinite(gradient_norm):
            return StepFate.TAKEN
        return StepFate.RESCALED if self._precision.scale.can_sink else StepFate.SKIPPED

    def _losses(
        self, batch: Batch, frozen: Frozen, steps: Tensor, counts: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Loss and ``_TERMS`` of some steps, as their share of a minibatch with so many choices
        and steps."""
        ppo = self._config.ppo
        rows, positions = select_rows(batch.rows, steps)
        output = self._forward(take(batch.states, steps), take(batch.actions, positions), rows)
        log_probs = packed_log_softmax(output.logits, rows)
        current = take(log_probs, _chosen_rows(batch, steps, rows))
        choice = rows.counts > 1
        terms = PolicyTerms(
            current,
            proximal=take(frozen.proximal, steps),
            behaviour=take(batch.behaviour, steps),
            advantages=take(frozen.advantages, steps),
        )
        policy = (policy_losses(terms, self._clips) * choice).sum() / counts[0]
        entropy = (packed_entropy(log_probs, rows) * choice).sum() / counts[0]
        value = value_losses(output.values, take(frozen.targets, steps)).sum() / counts[1]
        kl = (kl_estimates(current.detach(), terms.proximal) * choice).sum() / counts[0]
        total = policy + ppo.value_weight * value - ppo.entropy * entropy
        return total, torch.stack([policy, value, entropy, total, kl]).detach()

    def _evaluate(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log-probability of the chosen actions and values, [T] each, a slice at a time."""
        chosen_log_probs, values = [], []
        everything = torch.arange(batch.transitions, device=self.device)
        for steps in everything.split(_FORWARD_STEPS):  # type: ignore[no-untyped-call]
            rows, positions = select_rows(batch.rows, steps)
            output = self._forward(take(batch.states, steps), take(batch.actions, positions), rows)
            log_probs = packed_log_softmax(output.logits, rows)
            chosen_log_probs.append(take(log_probs, _chosen_rows(batch, steps, rows)))
            values.append(output.values)
        return torch.cat(chosen_log_probs), torch.cat(values)

    def _forward(self, states: Tensor, actions: Tensor, rows: object) -> PolicyOutput:
        with self._precision.autocast():
            kind = self._precision.kind
            output: PolicyOutput = self.policy(states.to(kind), actions.to(kind), rows)
        return output

    def _outcomes(self, states: Tensor) -> Tensor:
        with self._precision.autocast():
            return self.policy.estimate(states.to(self._precision.kind))

    def _minibatches(self, transitions: int) -> Iterator[Tensor]:
        """This rank's part of each of the shuffled, equal parts of all ranks' steps, epoch after
        epoch."""
        ppo, share = self._config.ppo, self._ranks.share(transitions)
        for _ in range(ppo.epochs):
            order = torch.randperm(share.total, generator=self.generator).to(self.device)
            for steps in order.chunk(min(ppo.minibatches, share.total)):
                yield share.of(steps)


def _chosen_rows(batch: Batch, steps: Tensor, rows: PackedRows) -> Tensor:
    """Where the chosen actions of some steps stand in the layout of these steps alone."""
    return take(batch.chosen - batch.rows.starts, steps) + rows.starts
