"""What training from a replay table decides: priorities, weights, sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from trainingrun_trainer.losses.ppo import (
    Clips,
    Steps,
    TermWeights,
    normalised,
    packed_ppo_loss,
    step_terms,
)
from trainingrun_trainer.networks.packed import pack_rows
from trainingrun_trainer.replay.values import beta_at, drawn_at_once, priority_of

CLIPS = Clips(ratio=0.2, dual=3.0)


def test_a_priority_is_mostly_of_the_greatest_correction() -> None:
    """0.9 of the greatest and 0.1 of the mean, within what the service takes."""
    assert priority_of(torch.tensor([1.0, 0.0, 0.0, 3.0])) == pytest.approx(2.8)
    assert priority_of(torch.zeros(3)) == 1e-6
    assert priority_of(torch.tensor([float("nan")])) == 1e-6
    assert priority_of(torch.tensor([1e30])) == 1e9


def test_beta_grows_to_one() -> None:
    """Linear in games, and 1 beyond the run's end."""
    assert [beta_at(0.4, games=each, of_games=100) for each in (0, 50, 100, 150)] == [
        pytest.approx(each) for each in (0.4, 0.7, 1.0, 1.0)
    ]


def test_a_sample_has_a_batchs_transitions() -> None:
    """By the mean of the segments; within one and the most that the service gives."""
    assert drawn_at_once(512, segments=10, of_transitions=160) == 32
    assert drawn_at_once(512, segments=0, of_transitions=0) == 1
    assert drawn_at_once(4, segments=1, of_transitions=100) == 1
    assert drawn_at_once(10**6, segments=9, of_transitions=9) == 4096


def loss_of(scores: Tensor, values: Tensor, advantages: Tensor, importance: Tensor) -> Tensor:
    """The loss of steps with two actions each, divided by fixed counts."""
    rows = pack_rows(torch.full((len(values),), 2))
    old = torch.full((len(values),), -0.7)
    terms = step_terms(
        old,
        old,
        advantages,
        targets=advantages / 4,
        has_choice=torch.ones(len(values)),
        clips=CLIPS,
        importance=importance,
    )
    counts = torch.tensor([3, 3])
    return packed_ppo_loss(
        scores,
        values,
        Steps(rows, rows.starts, terms),
        counts=counts,
        weights=TermWeights(value=0.5, entropy=0.0),
        clip=CLIPS.ratio,
    )[0]


def test_a_weight_of_two_is_a_step_that_is_there_twice() -> None:
    """Expect the same loss and the same gradients of scores and values."""
    scores = torch.tensor([0.1, -0.2, 0.3, 0.05], requires_grad=True)
    values = torch.tensor([0.2, -0.4], requires_grad=True)
    advantages = torch.tensor([1.5, -0.5])
    once = loss_of(scores, values, advantages, torch.tensor([1.0, 2.0]))
    of_once = torch.autograd.grad(once, [scores, values])
    twice = loss_of(
        torch.cat([scores, scores[2:]]),
        torch.cat([values, values[1:]]),
        torch.cat([advantages, advantages[1:]]),
        torch.ones(3),
    )
    of_twice = torch.autograd.grad(twice, [scores, values])
    assert once.item() == pytest.approx(twice.item())
    for left, right in zip(of_once, of_twice, strict=True):
        torch.testing.assert_close(left, right)


def test_advantages_are_normalised_under_the_weights() -> None:
    """Expect a weighted mean of 0 and deviation of 1, as if steps were there as often."""
    advantages = torch.tensor([1.0, 2.0, 6.0])
    weights = torch.tensor([1.0, 3.0, 2.0])
    counted = torch.ones(3, dtype=torch.bool)
    found = normalised(advantages, counted, importance=weights)
    often = normalised(
        advantages.repeat_interleave(weights.long()), torch.ones(6, dtype=torch.bool)
    )
    torch.testing.assert_close(found.repeat_interleave(weights.long()), often)
