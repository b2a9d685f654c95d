"""Segments to tensors: one packed batch, steps of a segment in time order, nothing padded.

Observations stay float16 until a minibatch uses them: a batch is half as large, and the conversion
costs little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.segment import Segment

from trainingrun_trainer.networks.packed import PackedRows, pack_rows


@dataclass(frozen=True)
class Batch:
    """T steps of B segments with A legal actions in all.

    Attributes:
        states: float16 [T, S].
        actions: float16 [A, action_width], or as the policy prepares them.
        rows: which actions belong to which step.
        chosen: int64 [T], row of the chosen action in ``actions``.
        behaviour: float32 [T], log-probability under the policy that acted.
        rewards: float32 [T].
        lengths: int64 [B].
        next_states: float16 [B, S], the state after a segment; zeros where its game ended.
        continues: bool [B], whether the game continued after the segment.
        importance: float32 [T], what a step counts for; None: all alike.
    """

    states: Tensor
    actions: Tensor
    rows: PackedRows
    chosen: Tensor
    behaviour: Tensor
    rewards: Tensor
    lengths: Tensor
    next_states: Tensor
    continues: Tensor
    importance: Tensor | None = None

    @property
    def transitions(self) -> int:
        """Number of steps."""
        return len(self.chosen)

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        if device == self.states.device:
            return self
        moved = {
            field.name: value.to(device, non_blocking=True)
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        rows = PackedRows(*(part.to(device) for part in _parts(self.rows)))
        return replace(self, rows=rows, **moved)


def pack(segments: Sequence[Segment], weights: Sequence[float] = ()) -> Batch:
    """Concatenate segments; ``weights`` is what each counts for, none: all alike."""
    lengths = torch.tensor([segment.transitions for segment in segments])
    counts = np.concatenate([np.diff(segment.offsets) for segment in segments])
    rows = pack_rows(torch.from_numpy(counts.astype(np.int64)))
    chosen = np.concatenate([segment.chosen for segment in segments]).astype(np.int64)
    nothing = np.zeros_like(segments[0].states[0])
    following = [
        nothing if s.header.terminated or s.bootstrap_state is None else s.bootstrap_state
        for s in segments
    ]
    return Batch(
        states=torch.from_numpy(np.concatenate([segment.states for segment in segments])),
        actions=torch.from_numpy(np.concatenate([segment.actions for segment in segments])),
        rows=rows,
        chosen=rows.starts + torch.from_numpy(chosen),
        behaviour=torch.from_numpy(np.concatenate([s.log_probs for s in segments])),
        rewards=torch.from_numpy(np.concatenate([s.rewards for s in segments])),
        lengths=lengths,
        next_states=torch.from_numpy(np.stack(following)),
        continues=torch.tensor([not segment.header.terminated for segment in segments]),
        importance=torch.tensor(weights).repeat_interleave(lengths) if weights else None,
    )


def empty_batch(spec: EnvironmentSpec) -> Batch:
    """Return a batch without steps."""
    nothing = torch.zeros(0)
    none = torch.zeros(0, dtype=torch.int64)
    return Batch(
        states=torch.zeros(0, spec.state_width, dtype=torch.float16),
        actions=torch.zeros(0, spec.action_width, dtype=torch.float16),
        rows=pack_rows(none),
        chosen=none,
        behaviour=nothing,
        rewards=nothing,
        lengths=none,
        next_states=torch.zeros(0, spec.state_width, dtype=torch.float16),
        continues=torch.zeros(0, dtype=torch.bool),
    )


def _parts(rows: PackedRows) -> tuple[Tensor, Tensor, Tensor]:
    return rows.starts, rows.counts, rows.owner
