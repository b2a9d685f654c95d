"""Arithmetic on packed rows: a ragged list of legal actions per step, concatenated, not padded.

Row ``r`` belongs to step ``owner[r]``; the rows of a step lie together. Padding to the longest list
was refused: most steps have few legal actions and some have many.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class PackedRows:
    """Which rows belong to which steps.

    Attributes:
        starts: int64 [T], first row of each step.
        counts: int64 [T], rows of each step, at least 1.
        owner: int64 [A], step of each row.
    """

    starts: Tensor
    counts: Tensor
    owner: Tensor

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.counts)


def pack_rows(counts: Tensor) -> PackedRows:
    """The layout of steps with so many rows each, one after the other."""
    ends = torch.cumsum(counts, 0)
    steps = torch.arange(len(counts), device=counts.device)
    return PackedRows(ends - counts, counts, torch.repeat_interleave(steps, counts))


def select_rows(rows: PackedRows, steps: Tensor) -> tuple[PackedRows, Tensor]:
    """The layout of some steps alone, and which rows of the old layout they take, in order."""
    chosen = pack_rows(take(rows.counts, steps))
    shift = take(rows.starts, steps) - chosen.starts
    positions = torch.arange(len(chosen.owner), device=steps.device)
    return chosen, positions + take(shift, chosen.owner)


def take(values: Tensor, positions: Tensor) -> Tensor:
    """``values[positions]`` along the first axis, for whole numbers.

    Square brackets took several times as long on a minibatch's observations (CPU, measured).
    """
    return values.index_select(0, positions)


def packed_log_softmax(logits: Tensor, rows: PackedRows) -> Tensor:
    """Log-softmax over each step's own rows; float32 [A]."""
    scores = logits.float()
    lowest = torch.full((rows.steps,), -torch.inf, dtype=scores.dtype, device=scores.device)
    peak = lowest.scatter_reduce(0, rows.owner, scores.detach(), "amax")
    shifted = scores - take(peak, rows.owner)
    return shifted - take(packed_sum(shifted.exp(), rows).log(), rows.owner)


def packed_entropy(log_probs: Tensor, rows: PackedRows) -> Tensor:
    """Entropy of each step's distribution; float32 [T]."""
    return -packed_sum(log_probs.exp() * log_probs, rows)


def packed_sum(values: Tensor, rows: PackedRows) -> Tensor:
    """Sum over each step's rows; [T]."""
    zeros = torch.zeros(rows.steps, dtype=values.dtype, device=values.device)
    return zeros.index_add(0, rows.owner, values)
