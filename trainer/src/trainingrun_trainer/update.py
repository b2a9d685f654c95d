"""One update: what a batch of rollouts does to the policy.

First a pass without gradients over the time-ordered batch: proximal log-probabilities, values, and
from these V-trace targets and advantages, normalised once and then frozen. Then epochs of shuffled
minibatches of decoupled clipped PPO. A step whose loss or gradient is not finite is never taken.

Not here: where batches come from, and what happens to the weights afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from trainingrun_contracts.run_config import LearnerConfig

from trainingrun_trainer.batch import Batch
from trainingrun_trainer.losses.ppo import (
    Clips,
    PolicyTerms,
    kl_estimates,
    normalised,
    policy_losses,
    value_losses,
)
from trainingrun_trainer.losses.vtrace import Trajectories, vtrace
from trainingrun_trainer.networks.packed import packed_entropy, packed_log_softmax, select_rows
from trainingrun_trainer.networks.pointer import PointerPolicy, PolicyOutput
from trainingrun_trainer.optimiser import AdamOptimiser

_RHO_CAP = 1.0
_TRACE_CAP = 1.0
_KL_TOLERANCE = 1.5
_FORWARD_STEPS = 4096


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
        stopped_early: whether the KL bound ended the epochs.
    """

    losses: dict[str, float]
    steps: int
    skipped: int
    stopped_early: bool


@dataclass(frozen=True)
class _StepResult:
    taken: bool
    terms: dict[str, float]


class PpoUpdater:
    """Holds the policy, its optimiser and the generator that shuffles; updates them by batches."""

    def __init__(
        self, policy: PointerPolicy, config: LearnerConfig, *, seed: int, device: torch.device
    ) -> None:
        self.policy = policy.to(device)
        self.optimiser = AdamOptimiser(self.policy, learning_rate=config.ppo.learning_rate)
        self.generator = torch.Generator().manual_seed(seed)
        self.device = device
        self._config = config
        self._clips = Clips(ratio=config.ppo.clip, dual=config.ppo.dual_clip)

    def update(self, batch: Batch) -> UpdateResult:
        """Train on one batch."""
        batch = batch.to(self.device)
        frozen, explained = self.freeze(batch)
        sums: dict[str, float] = {}
        taken = skipped = 0
        stopped = False
        for steps in self._minibatches(batch.transitions):
            result = self.step(batch, frozen, steps)
            if not result.taken:
                skipped += 1
                continue
            taken += 1
            _add(sums, result.terms)
            if result.terms["kl"] > _KL_TOLERANCE * self._config.ppo.target_kl:
                stopped = True
                break
        losses = {name: value / max(taken, 1) for name, value in sums.items()}
        losses["explained_variance"] = explained
        return UpdateResult(losses, taken, skipped, stopped)

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
            advantages = normalised(found.advantages, batch.rows.counts > 1)
            spread = found.values.var(correction=0) + 1e-8
            explained = 1 - (found.values - values).var(correction=0) / spread
        return Frozen(proximal, found.values, advantages), float(explained)

    def step(self, batch: Batch, frozen: Frozen, steps: Tensor) -> _StepResult:
        """One optimiser step on the given steps, in as many parts as accumulation asks for."""
        config = self._config
        parameters = list(self.policy.parameters())
        choices = batch.rows.counts[steps] > 1
        counts = (max(int(choices.sum()), 1), len(steps))
        self.optimiser.clear_gradients()
        terms: dict[str, float] = {}
        for part in steps.chunk(min(config.gradient_accumulation, len(steps))):
            loss, part_terms = self._losses(batch, frozen, part, counts)
            _add(terms, part_terms)
            loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(parameters, config.ppo.max_gradient_norm)
        terms["gradient_norm"] = float(norm)
        finite = all(math.isfinite(value) for value in terms.values())
        if finite:
            self.optimiser.step()
        self.optimiser.clear_gradients()
        return _StepResult(finite, terms)

    def _losses(
        self, batch: Batch, frozen: Frozen, steps: Tensor, counts: tuple[int, int]
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of some steps, as their share of a minibatch with so many choices and steps."""
        ppo = self._config.ppo
        rows, positions = select_rows(batch.rows, steps)
        output = self._forward(batch.states[steps], batch.actions[positions], rows)
        log_probs = packed_log_softmax(output.logits, rows)
        current = log_probs[batch.chosen[steps] - batch.rows.starts[steps] + rows.starts]
        choice = rows.counts > 1
        terms = PolicyTerms(
            current, frozen.proximal[steps], batch.behaviour[steps], frozen.advantages[steps]
        )
        policy = policy_losses(terms, self._clips)[choice].sum() / counts[0]
        entropy = packed_entropy(log_probs, rows)[choice].sum() / counts[0]
        value = value_losses(output.values, frozen.targets[steps]).sum() / counts[1]
        kl = kl_estimates(current.detach(), terms.proximal)[choice].sum() / counts[0]
        total = policy + ppo.value_weight * value - ppo.entropy * entropy
        parts = {"policy": policy, "value": value, "entropy": entropy, "total": total, "kl": kl}
        return total, {name: float(part.detach()) for name, part in parts.items()}

    def _evaluate(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log-probability of the chosen actions and values, [T] each, a slice at a time."""
        chosen_log_probs, values = [], []
        everything = torch.arange(batch.transitions, device=self.device)
        for steps in everything.split(_FORWARD_STEPS):  # type: ignore[no-untyped-call]
            rows, positions = select_rows(batch.rows, steps)
            output = self._forward(batch.states[steps], batch.actions[positions], rows)
            log_probs = packed_log_softmax(output.logits, rows)
            at = batch.chosen[steps] - batch.rows.starts[steps] + rows.starts
            chosen_log_probs.append(log_probs[at])
            values.append(output.values)
        return torch.cat(chosen_log_probs), torch.cat(values)

    def _forward(self, states: Tensor, actions: Tensor, rows: object) -> PolicyOutput:
        with self._precision():
            output: PolicyOutput = self.policy(states.float(), actions.float(), rows)
        return output

    def _outcomes(self, states: Tensor) -> Tensor:
        with self._precision():
            return self.policy.estimate(states.float())

    def _precision(self) -> torch.autocast:
        enabled = self._config.precision == "bf16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)

    def _minibatches(self, transitions: int) -> Iterator[Tensor]:
        """Shuffled steps, in equal parts, epoch after epoch."""
        ppo = self._config.ppo
        for _ in range(ppo.epochs):
            order = torch.randperm(transitions, generator=self.generator).to(self.device)
            yield from order.chunk(min(ppo.minibatches, transitions))


def _add(sums: dict[str, float], terms: dict[str, float]) -> None:
    for name, value in terms.items():
        sums[name] = sums.get(name, 0.0) + value
