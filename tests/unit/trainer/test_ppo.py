"""The PPO loss and its gradients against a slow version: plain formulas, one step after the other,
and automatic differentiation."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from trainingrun_trainer.losses.ppo import (
    Clips,
    Steps,
    TermWeights,
    explained_variance,
    normalised,
    packed_ppo_loss,
    step_terms,
)
from trainingrun_trainer.networks.packed import pack_rows

CLIPS = Clips(ratio=0.2, dual=3.0, importance=2.0)
WEIGHTS = TermWeights(value=0.5, entropy=0.01)
Found = tuple[Tensor, Tensor]


def slow_gain(ratio: Tensor, advantage: Tensor) -> Tensor:
    """The clipped objective of one step, case by case."""
    gain = torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
    return torch.maximum(gain, 3.0 * advantage) if advantage < 0 else gain


def slow_loss(
    scores: Tensor, values: Tensor, counts: list[int], chosen: list[int], columns: list[Tensor]
) -> Found:
    """Total and the six terms over steps with this many scores each; ``columns`` are proximal,
    behaviour, advantages and targets."""
    choices = max(sum(count > 1 for count in counts), 1)
    policy, value, entropy, kl, far = (torch.zeros((), dtype=torch.float64) for _ in range(5))
    for step, own in enumerate(scores.split(counts)):
        proximal, behaviour, advantage, target = (column[step] for column in columns)
        log_probs = torch.log_softmax(own, 0)
        value = value + 0.5 * (values[step] - target.clamp(-1, 1)) ** 2 / len(counts)
        if counts[step] > 1:
            current = log_probs[chosen[step]]
            weight = (proximal - behaviour).exp().clamp(max=2.0)
            gain = slow_gain((current - proximal).exp(), advantage)
            policy = policy - weight * gain / choices
            entropy = entropy - (log_probs.exp() * log_probs).sum() / choices
            kl = kl + ((current - proximal).exp() - 1 - (current - proximal)) / choices
            far = far + (not 0.8 <= (current - proximal).exp() <= 1.2) / choices
    total = policy + 0.5 * value - 0.01 * entropy
    return total, torch.stack([policy, value, entropy, total, kl, far]).detach()


def our_loss(
    scores: Tensor, values: Tensor, counts: list[int], chosen: list[int], columns: list[Tensor]
) -> Found:
    """The same by the product's loss."""
    rows = pack_rows(torch.tensor(counts))
    proximal, behaviour, advantages, targets = columns
    terms = step_terms(
        proximal,
        behaviour,
        advantages,
        targets=targets,
        has_choice=rows.counts > 1,
        clips=CLIPS,
    )
    steps = Steps(rows, rows.starts + torch.tensor(chosen), terms)
    divisors = torch.tensor([max(sum(count > 1 for count in counts), 1), len(counts)])
    return packed_ppo_loss(scores, values, steps, counts=divisors, weights=WEIGHTS, clip=0.2)


def one_choice(ratio: float, advantage: float) -> tuple[float, float]:
    """Policy loss of one step between two actions, and its gradient by the chosen one's score
    divided by what a score changes of a log-probability."""
    scores = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    proximal = torch.tensor([math.log(0.5) - math.log(ratio)], dtype=torch.float64)
    columns = [proximal, proximal, torch.tensor([advantage]).double(), torch.zeros(1).double()]
    total, told = our_loss(scores, torch.zeros(1).double(), [2], [0], columns)
    total.backward()
    assert scores.grad is not None
    return float(told[0]), float(scores.grad[0]) / 0.5


@settings(max_examples=60)
@given(st.lists(st.integers(1, 7), min_size=1, max_size=12), st.integers(0, 2**31))
def test_loss_and_gradients_equal_the_slow_version(counts: list[int], seed: int) -> None:
    """Expect the total, every term, and the gradients of all scores and values within 1e-6 in
    double precision: steps without a choice, clipped on either side, or doubly."""
    generator = torch.Generator().manual_seed(seed)

    def draw(size: int, spread: float) -> Tensor:
        return spread * torch.randn(size, generator=generator, dtype=torch.float64)

    steps = len(counts)
    scores, values = draw(sum(counts), 1.5), draw(steps, 1.0)
    chosen = [int(draw(1, 5.0).abs()) % count for count in counts]
    likely = torch.stack(
        [
            torch.log_softmax(own, 0)[one]
            for own, one in zip(scores.split(counts), chosen, strict=True)
        ]
    )
    has_choice = torch.tensor(counts) > 1
    proximal = likely + draw(steps, 0.6) * has_choice
    columns = [proximal, proximal + draw(steps, 0.6) * has_choice, draw(steps, 1.0)]
    columns.append(draw(steps, 1.0))
    results = []
    for loss in (slow_loss, our_loss):
        inputs = [each.clone().requires_grad_() for each in (scores, values)]
        total, told = loss(*inputs, counts, chosen, columns)
        total.backward()
        gradients = [torch.zeros_like(x) if x.grad is None else x.grad for x in inputs]
        results.append([total.detach(), told, *gradients])
    for slow, found in zip(*results, strict=True):
        torch.testing.assert_close(found, slow, atol=1e-6, rtol=1e-6)


def test_single_precision_stays_near() -> None:
    """Expect the loss of fp32 scores as large as 30 to be that of double precision within 1e-5."""
    generator = torch.Generator().manual_seed(1)
    counts, chosen = [5, 3, 1, 8], [4, 0, 0, 3]
    scores = 30 * torch.randn(17, generator=generator)
    likely = [
        torch.log_softmax(own, 0)[one]
        for own, one in zip(scores.split(counts), chosen, strict=True)
    ]
    columns = [torch.stack(likely), torch.stack(likely), torch.randn(4), torch.randn(4)]
    _, single = our_loss(scores, torch.zeros(4), counts, chosen, columns)
    _, double = our_loss(
        scores.double(),
        torch.zeros(4).double(),
        counts,
        chosen,
        [each.double() for each in columns],
    )
    torch.testing.assert_close(single.double(), double, atol=1e-5, rtol=1e-5)


def test_gradient_stops_beyond_the_clip() -> None:
    """Expect no gradient where a good action's ratio is above the clip, and one below it."""
    assert one_choice(1.5, 1.0)[0] == pytest.approx(-1.2)
    assert one_choice(1.5, 1.0)[1] == pytest.approx(0.0, abs=1e-9)
    assert one_choice(1.0, 1.0)[1] == pytest.approx(-1.0)


def test_dual_clip_bounds_the_loss_of_a_bad_action() -> None:
    """Expect the loss where the advantage is negative to stop at 3 advantages, and no gradient
    from there on, nor below the clip."""
    assert one_choice(2.9, -1.0) == pytest.approx((2.9, 2.9))
    assert one_choice(50.0, -1.0) == pytest.approx((3.0, 0.0), abs=1e-9)
    assert one_choice(0.5, -1.0) == pytest.approx((0.8, 0.0), abs=1e-9)


def test_advantages_are_normalised_over_the_counted() -> None:
    """Expect mean 0 and deviation 1 over the counted steps; a single step stays as it is."""
    advantages, counted = torch.randn(50), torch.arange(50) % 3 > 0
    result = normalised(advantages, counted)[counted]
    assert float(result.mean()) == pytest.approx(0, abs=1e-5)
    assert float(result.std(correction=0)) == pytest.approx(1, abs=1e-3)
    assert normalised(torch.tensor([5.0]), torch.tensor([True])).tolist() == [5.0]


def test_explained_variance() -> None:
    """Expect 1 for perfect values, 0 for a constant, less for values that mislead."""
    targets = torch.tensor([1.0, -1.0, 0.5, 0.0])
    assert explained_variance(targets, targets) == pytest.approx(1)
    assert explained_variance(torch.ones(4), targets) == pytest.approx(0, abs=1e-6)
    assert explained_variance(-targets, targets) == pytest.approx(-3)
