"""Packed scoring against padded, dense scoring."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_trainer.networks.packed import (
    pack_rows,
    packed_log_softmax,
    select_rows,
)


def dense_log_softmax(logits: torch.Tensor, counts: list[int]) -> torch.Tensor:
    """Pad each step's logits with -inf, take the usual softmax, drop the padding."""
    padded = torch.full((len(counts), max(counts)), -torch.inf)
    for step, part in enumerate(logits.split(counts)):
        padded[step, : len(part)] = part
    result = torch.log_softmax(padded, dim=1)
    return torch.cat([result[step, :count] for step, count in enumerate(counts)])


counts_strategy = st.lists(st.integers(1, 12), min_size=1, max_size=20)


@settings(max_examples=50)
@given(counts_strategy, st.integers(0, 2**31))
def test_softmax_equals_dense(counts: list[int], seed: int) -> None:
    """Expect the same log-probabilities, within 1e-5, also for large logits."""
    logits = 30 * torch.randn(sum(counts), generator=torch.Generator().manual_seed(seed))
    rows = pack_rows(torch.tensor(counts))
    found = packed_log_softmax(logits, rows)
    expected = dense_log_softmax(logits, counts)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_gradients_equal_dense() -> None:
    """Expect the gradient of a chosen log-probability to be that of the dense softmax."""
    counts = [1, 5, 3]
    logits = torch.randn(9, requires_grad=True)
    packed_log_softmax(logits, pack_rows(torch.tensor(counts)))[4].backward()
    packed = logits.grad
    twin = logits.detach().clone().requires_grad_()
    dense_log_softmax(twin, counts)[4].backward()
    torch.testing.assert_close(packed, twin.grad)


@settings(max_examples=50)
@given(counts_strategy, st.data())
def test_selection_takes_the_steps_rows(counts: list[int], data: st.DataObject) -> None:
    """Expect the rows of the chosen steps, in the order of the choice."""
    steps = data.draw(st.permutations(range(len(counts))))[: max(1, len(counts) // 2)]
    starts = [sum(counts[:step]) for step in range(len(counts))]
    chosen, positions = select_rows(pack_rows(torch.tensor(counts)), torch.tensor(steps))
    expected = [starts[step] + i for step in steps for i in range(counts[step])]
    assert positions.tolist() == expected
    assert chosen.counts.tolist() == [counts[step] for step in steps]


def test_forced_move_has_probability_one() -> None:
    """Expect log-probability 0 where there is one action only."""
    rows = pack_rows(torch.tensor([1]))
    log_probs = packed_log_softmax(torch.tensor([3.0]), rows)
    assert float(log_probs) == pytest.approx(0)
