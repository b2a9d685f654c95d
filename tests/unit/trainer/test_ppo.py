"""The PPO terms against slow versions in plain Python numbers."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_trainer.losses.ppo import (
    Clips,
    PolicyTerms,
    explained_variance,
    kl_estimates,
    normalised,
    policy_losses,
    value_losses,
)

CLIPS = Clips(ratio=0.2, dual=3.0, importance=2.0)
log_probs = st.floats(-5, 0)


def slow_policy_loss(current: float, proximal: float, behaviour: float, advantage: float) -> float:
    """One step, case by case."""
    ratio = math.exp(current - proximal)
    clipped = min(max(ratio, 0.8), 1.2)
    gain = min(ratio * advantage, clipped * advantage)
    if advantage < 0:
        gain = max(gain, 3.0 * advantage)
    return -min(math.exp(proximal - behaviour), 2.0) * gain


@settings(max_examples=200, deadline=None)
@given(log_probs, log_probs, log_probs, st.floats(-4, 4))
def test_policy_loss_equals_the_slow_version(
    current: float, proximal: float, behaviour: float, advantage: float
) -> None:
    """Expect the same loss for every step, within 1e-6."""
    step = (current, proximal, behaviour, advantage)
    terms = PolicyTerms(*(torch.tensor([number], dtype=torch.float64) for number in step))
    assert float(policy_losses(terms, CLIPS)) == pytest.approx(slow_policy_loss(*step), abs=1e-6)


def test_gradient_stops_beyond_the_clip() -> None:
    """Expect no gradient where a good action's ratio is above the clip, and one below it."""
    current = torch.tensor([math.log(1.5), 0.0], requires_grad=True)
    nothing = torch.zeros(2)
    policy_losses(PolicyTerms(current, nothing, nothing, torch.ones(2)), CLIPS).sum().backward()
    assert current.grad is not None
    assert current.grad.tolist() == [0.0, -1.0]


def test_value_targets_stay_within_the_outcomes() -> None:
    """Expect a target above 1 to count as 1."""
    losses = value_losses(torch.tensor([0.5, 0.5]), torch.tensor([7.0, 0.0]))
    assert losses.tolist() == [0.125, 0.125]


def test_kl_is_never_negative() -> None:
    """Expect 0 for equal policies and more for any other."""
    log_ratio = torch.linspace(-1, 1, 21)
    estimates = kl_estimates(log_ratio, torch.zeros(21))
    assert float(estimates.min()) == pytest.approx(0, abs=1e-7)
    assert bool((estimates >= -1e-7).all())


def test_advantages_are_normalised_over_the_counted() -> None:
    """Expect mean 0 and deviation 1 over the counted steps; a single step stays as it is."""
    advantages, counted = torch.randn(50), torch.arange(50) % 3 > 0
    result = normalised(advantages, counted)[counted]
    assert float(result.mean()) == pytest.approx(0, abs=1e-5)
    assert float(result.std(correction=0)) == pytest.approx(1, abs=1e-3)
    assert normalised(torch.tensor([5.0]), torch.tensor([True])).tolist() == [5.0]


def test_dual_clip_bounds_the_loss_of_a_bad_action() -> None:
    """Expect the loss where the advantage is negative to stop at 3 advantages, and no gradient
    from there on."""
    current = torch.tensor([math.log(2.9), math.log(50.0)], requires_grad=True)
    nothing = torch.zeros(2)
    losses = policy_losses(PolicyTerms(current, nothing, nothing, -torch.ones(2)), CLIPS)
    losses.sum().backward()
    assert losses.tolist() == pytest.approx([2.9, 3.0])
    assert current.grad is not None
    assert current.grad.tolist() == pytest.approx([2.9, 0.0])


def test_explained_variance() -> None:
    """Expect 1 for perfect values, 0 for a constant, less for values that mislead."""
    targets = torch.tensor([1.0, -1.0, 0.5, 0.0])
    assert explained_variance(targets, targets) == pytest.approx(1)
    assert explained_variance(torch.ones(4), targets) == pytest.approx(0, abs=1e-6)
    assert explained_variance(-targets, targets) == pytest.approx(-3)
