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
    """Return the layout of consecutive steps with ``counts`` rows each."""
    ends = torch.cumsum(counts, 0)
    steps = torch.arange(len(counts), device=counts.device)
    return PackedRows(ends - counts, counts, torch.repeat_interleave(steps, counts))


def select_rows(rows: PackedRows, steps: Tensor) -> tuple[PackedRows, Tensor]:
    """Return the layout of some steps alone, and which rows of the old layout they take, in
    order."""
    chosen = pack_rows(take(rows.counts, steps))
    shift = take(rows.starts, steps) - chosen.starts
    positions = torch.arange(len(chosen.owner), device=steps.device)
    return chosen, positions + take(shift, chosen.owner)


def rows_before(rows: PackedRows) -> Tensor:
    """Return how many rows lie before each step, and how many there are: int64 [T + 1]."""
    return torch.cat([rows.counts.new_zeros(1), rows.counts.cumsum(0)])


def slice_rows(rows: PackedRows, begin: tuple[int, int], end: tuple[int, int]) -> PackedRows:
    """Return the layout of neighbouring steps alone, from one pair of step and row to another."""
    (first, first_row), (last, last_row) = begin, end
    return PackedRows(
        rows.starts[first:last] - first_row,
        rows.counts[first:last],
        rows.owner[first_row:last_row] - first,
    )


def take(values: Tensor, positions: Tensor) -> Tensor:
    """``values[positions]`` along the first axis, for whole numbers.

    Square brackets took several times as long on a minibatch's observations (CPU, measured).
    """
    return values.index_select(0, positions)


def packed_log_softmax(logits: Tensor, rows: PackedRows) -> Tensor:
    """Log-softmax over each step's own rows; float32 [A], or float64 where the logits are."""
    scores = logits.to(torch.promote_types(logits.dtype, torch.float32))
    shifted = scores - take(packed_peak(scores.detach(), rows), rows.owner)
    return shifted - take(packed_sum(shifted.exp(), rows).log(), rows.owner)


def packed_peak(values: Tensor, rows: PackedRows) -> Tensor:
    """Return the largest of each step's rows; [T]."""
    return torch.segment_reduce(values, "max", lengths=rows.counts)


def packed_sum(values: Tensor, rows: PackedRows) -> Tensor:
    """Sum over each step's rows; [T]."""
    zeros = torch.zeros(rows.steps, dtype=values.dtype, device=values.device)
    return zeros.index_add(0, rows.owner, values)
