"""A batch in a new order, cut into minibatches, and these into the parts of an accumulated step.

The steps of an epoch are gathered once, in their new order; minibatches and parts are then slices
that copy nothing. Gathering each minibatch was refused: it costs more small operations than the
loss itself. The border: which order, is ``update``'s; what is done with a part, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor

from trainingrun_trainer.batch import Batch
from trainingrun_trainer.losses.ppo import Steps
from trainingrun_trainer.networks.packed import (
    PackedRows,
    rows_before,
    select_rows,
    slice_rows,
    take,
)


@dataclass(frozen=True)
class Part:
    """Some steps: what the network is asked, and what the loss needs.

    Attributes:
        states: [T, S].
        actions: [A, …], as the policy prepares them.
        steps: the layout of the actions, the choices and the fixed terms.
    """

    states: Tensor
    actions: Tensor
    steps: Steps[Any]


@dataclass(frozen=True)
class Minibatch:
    """What one optimiser step uses.

    Attributes:
        parts: this rank's; none where all steps are other ranks'.
        counts: int64 [2], choices and steps of all ranks, at least 1 each.
    """

    parts: tuple[Part, ...]
    counts: Tensor


def minibatches(
    batch: Batch,
    terms: tuple[Tensor, ...],
    orders: Sequence[Tensor],
    *,
    parts: int,
    total: Callable[[Tensor], Tensor],
) -> Iterator[Minibatch]:
    """Yield the minibatches that have these steps (int64, this rank's own), each in ``parts``
    parts.

    ``terms`` is the named tuple that the loss takes; ``total`` sums over all ranks.
    """
    cut = _gather(batch, terms, torch.cat(list(orders)))
    lengths = [len(order) for order in orders]
    counts = total(_counts(cut.steps.rows, lengths)).clamp(min=1)
    sizes = [_part_sizes(length, parts) for length in lengths]
    edges = list(accumulate((size for each in sizes for size in each), initial=0))
    slices = pairwise(row_edges(cut.steps.rows, edges))
    for number, each in enumerate(sizes):
        yield Minibatch(tuple(_slice(cut, *next(slices)) for _ in each), counts[number])


def row_edges(rows: PackedRows, edges: Sequence[int]) -> list[tuple[int, int]]:
    """Return each of these steps with its first row; the number of steps with that of rows."""
    before = rows_before(rows)
    places = take(before, torch.tensor(edges, device=before.device)).tolist()
    return list(zip(edges, places, strict=True))


def _gather(batch: Batch, terms: tuple[Tensor, ...], order: Tensor) -> Part:
    """Return all steps of an epoch in their order, as one part."""
    rows, positions = select_rows(batch.rows, order)
    chosen = take(batch.chosen - batch.rows.starts, order) + rows.starts
    fixed = torch.stack(terms).index_select(1, order).unbind()
    states, actions = take(batch.states, order), take(batch.actions, positions)
    return Part(states, actions, Steps(rows, chosen, _row_of(terms, fixed)))


def _slice(cut: Part, begin: tuple[int, int], end: tuple[int, int]) -> Part:
    """Return the steps (and their rows) from one pair of step and row to another."""
    (first, first_row), (last, last_row) = begin, end
    rows, chosen, terms = cut.steps
    return Part(
        cut.states[first:last],
        cut.actions[first_row:last_row],
        Steps(
            slice_rows(rows, begin, end),
            chosen[first:last] - first_row,
            _row_of(terms, [term[first:last] for term in terms]),
        ),
    )


def _row_of(like: tuple[Tensor, ...], values: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return other values in the named tuple of a loss's terms."""
    kind: Callable[..., tuple[Tensor, ...]] = type(like)
    return kind(*values)


def _counts(rows: PackedRows, lengths: Sequence[int]) -> Tensor:
    """Choices and steps of each minibatch: int64 [M, 2]."""
    edges = torch.tensor([0, *accumulate(lengths)], device=rows.counts.device)
    choices = (rows.counts > 1).cumsum(0)
    choices = take(torch.cat([choices.new_zeros(1), choices]), edges).diff()
    return torch.stack([choices, edges.diff()], 1)


def _part_sizes(length: int, parts: int) -> list[int]:
    """Return the sizes of at most ``parts`` nearly equal parts; none of nothing."""
    size = max(-(-length // parts), 1)
    return [min(size, length - first) for first in range(0, length, size)]
