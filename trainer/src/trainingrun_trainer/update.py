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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.run_config import LearnerConfig
from trainingrun_contracts.segment import Segment

from trainingrun_trainer.batch import Batch, empty_batch, pack
from trainingrun_trainer.distributed import RankGroup, SingleRank
from trainingrun_trainer.losses.own import FrozenTerms
from trainingrun_trainer.losses.ppo import explained_variance, normalised
from trainingrun_trainer.losses.vtrace import Trajectories, vtrace
from trainingrun_trainer.minibatches import Minibatch, minibatches, row_edges
from trainingrun_trainer.networks.build import compiled, may_compile
from trainingrun_trainer.networks.packed import packed_log_softmax, slice_rows, take
from trainingrun_trainer.networks.policy import Policy, PolicyOutput
from trainingrun_trainer.objective import objective_of
from trainingrun_trainer.optimiser import AdamOptimiser
from trainingrun_trainer.precision import Precision
from trainingrun_trainer.publish import weights_blob
from trainingrun_trainer.recovery import all_finite
from trainingrun_trainer.replay.values import priority_of
from trainingrun_trainer.updater import UpdateResult

_RHO_CAP = 1.0
_TRACE_CAP = 1.0
_KL_TOLERANCE = 1.5
_FORWARD_STEPS = 1024  # what they make of a hidden layer stays in a core's cache
_TERMS: Final = ("policy", "value", "entropy", "total", "kl", "clip_fraction")


@dataclass(frozen=True)
class Frozen:
    """What stays fixed during the epochs of one update; float32 [T] each."""

    proximal: Tensor
    targets: Tensor
    advantages: Tensor
    corrections: Tensor
    """What the targets are away from the values, without a sign."""


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
    """Holds the policy, its optimiser and the generator that shuffles; updates them by batches. An
    ``Updater``.

    The loss is PPO's, or a user's (``objective``). With several ranks, each calls the same methods
    with its own batch, and all have the same weights afterwards.
    """

    def __init__(
        self,
        policy: Policy,
        config: LearnerConfig,
        *,
        seed: int,
        device: torch.device,
        ranks: RankGroup | None = None,
    ) -> None:
        self.policy = policy.to(device)
        self._network = compiled(self.policy) if may_compile(self.policy, device) else self.policy
        self.optimiser = AdamOptimiser(self.policy, learning_rate=config.ppo.learning_rate)
        self.generator = torch.Generator().manual_seed(seed)
        self.device = device
        self._config = config
        self._objective = objective_of(config.ppo)
        self._precision = Precision(config.precision, device)
        self._ranks = SingleRank() if ranks is None else ranks

    @property
    def spec(self) -> EnvironmentSpec:
        """See Updater."""
        return self.policy.spec

    def has_finite_state(self) -> bool:
        """See Updater."""
        return all_finite(self.model(), self.moments())

    def weights(self, *, version: int) -> bytes:
        """See Updater; steps that are not finite are never taken, so it raises nothing."""
        return weights_blob(self.policy, version=version)

    def model(self) -> dict[str, Tensor]:
        """See Updater."""
        return self.policy.state_dict()

    def moments(self) -> dict[str, Tensor]:
        """See Updater."""
        return self.optimiser.tensors()

    def load(self, model: dict[str, Tensor], moments: dict[str, Tensor]) -> None:
        """See Updater."""
        self.policy.load_state_dict(model)
        self.optimiser.load(moments)

    def memory(self, *, version: int) -> dict[str, bytes]:  # noqa: ARG002 (Updater names it)
        """See Updater; every segment is trained once, so there is none."""
        return {}

    def recall(self, _files: Mapping[str, bytes]) -> str:
        """See Updater."""
        return ""

    def train(
        self, segments: Sequence[Segment], *, games: int = 0, weights: Sequence[float] = ()
    ) -> UpdateResult:
        """See Updater; this rank's may be none."""
        del games  # the learning rate is one number
        return self.update(pack(segments, weights) if segments else empty_batch(self.spec))

    def update(self, batch: Batch) -> UpdateResult:
        """Train on one batch."""
        batch = self._prepared(batch.to(self.device))
        frozen, explained = self.freeze(batch)
        sums: dict[str, float] = {}
        fates = dict.fromkeys(StepFate, 0)
        stopped = False
        for minibatch in self._minibatches(batch, frozen):
            result = self.step(minibatch)
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
            losses,
            taken,
            fates[StepFate.SKIPPED],
            stopped,
            rescaled=fates[StepFate.RESCALED],
            learning_rate=self._config.ppo.learning_rate,
            priorities=_priorities(batch, frozen),
        )

    def freeze(self, batch: Batch) -> tuple[Frozen, float]:
        """Proximal log-probabilities, targets and normalised advantages of a batch, and how much
        of the targets' variance the values already explain."""
        ppo = self._config.ppo
        with torch.inference_mode():
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
                gamma=ppo.gamma,
                decay=ppo.trace_decay,
                rho_cap=_RHO_CAP,
                trace_cap=_TRACE_CAP,
            )
            total = self._ranks.total
            advantages = normalised(
                found.advantages,
                batch.rows.counts > 1,
                importance=batch.importance,
                total=total,
            )
            explained = explained_variance(values, found.values, total=total)
            corrections = (found.values - values).abs()
        return Frozen(proximal, found.values, advantages, corrections), explained

    def step(self, minibatch: Minibatch) -> _StepResult:
        """Return one optimiser step, in as many parts as the minibatch has (this rank's; maybe
        none)."""
        scale = self._precision.scale
        parts = [torch.zeros(len(_TERMS), device=self.device)]
        for part in minibatch.parts:
            output = self._forward(part.states, part.actions, part.steps.rows)
            loss, terms = self._objective.loss(*output, part.steps, counts=minibatch.counts)
            (loss * scale.value).backward()  # type: ignore[no-untyped-call]
            parts.append(terms)
        terms = self.optimiser.sum_gradients(torch.stack(parts).sum(0), self._ranks)
        norm = self.optimiser.gradient_norm() / scale.value
        *values, length = torch.cat([terms, norm[None]]).tolist()
        fate = self._fate(values, length)
        if fate is StepFate.TAKEN:
            excess = ((norm + 1e-6) / self._config.ppo.max_gradient_norm).clamp(min=1.0)
            self.optimiser.step(divisor=excess * scale.value)
            scale.grow()
        elif fate is StepFate.RESCALED:
            scale.back_off()
        self.optimiser.clear_gradients()
        return _StepResult(
            fate, {**dict(zip(_TERMS, values, strict=True)), "gradient_norm": length}
        )

    def _fate(self, terms: Iterable[float], gradient_norm: float) -> StepFate:
        """Return whether a step with these numbers may be taken; the same on all ranks."""
        if not all(math.isfinite(term) for term in terms):
            return StepFate.SKIPPED
        if math.isfinite(gradient_norm):
            return StepFate.TAKEN
        return StepFate.RESCALED if self._precision.scale.can_back_off else StepFate.SKIPPED

    def _evaluate(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log-probability of the chosen actions and values, [T] each, a slice at a time."""
        chosen_log_probs, values = [batch.behaviour[:0]], [batch.behaviour[:0]]
        edges = [*range(0, batch.transitions, _FORWARD_STEPS), batch.transitions]
        for begin, end in pairwise(row_edges(batch.rows, edges)):
            steps, places = (slice(*pair) for pair in zip(begin, end, strict=True))
            rows = slice_rows(batch.rows, begin, end)
            output = self._forward(batch.states[steps], batch.actions[places], rows)
            log_probs = packed_log_softmax(output.logits, rows)
            chosen_log_probs.append(take(log_probs, batch.chosen[steps] - begin[1]))
            values.append(output.values)
        return torch.cat(chosen_log_probs), torch.cat(values)

    def _forward(self, states: Tensor, actions: Tensor, rows: object) -> PolicyOutput:
        with self._precision.autocast():
            kind = self._precision.kind
            output: PolicyOutput = self._network(
                states.to(kind), self.policy.prepare_actions(actions, kind), rows
            )
        return output

    def _outcomes(self, states: Tensor) -> Tensor:
        with self._precision.autocast():
            return self.policy.estimate(states.to(self._precision.kind))

    def _prepared(self, batch: Batch) -> Batch:
        """Return the batch in the type that layers compute in, where that is no larger than its
        own."""
        kind = self._precision.kind
        if kind is torch.float32:
            return batch
        return replace(
            batch,
            states=batch.states.to(kind),
            actions=self.policy.prepare_actions(batch.actions, kind),
            next_states=batch.next_states.to(kind),
        )

    def _minibatches(self, batch: Batch, frozen: Frozen) -> Iterator[Minibatch]:
        """Yield this rank's part of each of the shuffled, equal parts of all ranks' steps, epoch
        after epoch."""
        ppo, share = self._config.ppo, self._ranks.share(batch.transitions)
        terms = self._terms(batch, frozen)
        for _ in range(ppo.epochs):
            order = torch.randperm(share.total, generator=self.generator).to(self.device)
            orders = [share.of(steps) for steps in order.chunk(min(ppo.minibatches, share.total))]
            yield from minibatches(
                batch,
                terms,
                orders,
                parts=self._config.gradient_accumulation,
                total=self._ranks.total,
            )

    def _terms(self, batch: Batch, frozen: Frozen) -> tuple[Tensor, ...]:
        """Return what the loss fixes of each step for all epochs."""
        known = FrozenTerms(frozen.proximal, batch.behaviour, frozen.advantages, frozen.targets)
        return self._objective.terms(known, batch.rows.counts > 1, batch.importance)


def _priorities(batch: Batch, frozen: Frozen) -> tuple[float, ...]:
    """Return those of the segments of a batch that was sampled."""
    if batch.importance is None:
        return ()
    pieces = torch.split(frozen.corrections.cpu(), batch.lengths.tolist())
    return tuple(priority_of(piece) for piece in pieces)
