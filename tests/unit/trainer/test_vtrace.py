"""V-trace against a slow version that follows the paper's sums step by step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_trainer.losses.vtrace import Targets, Trajectories, vtrace

Array = npt.NDArray[np.float64]
GAMMA, DECAY = 0.97, 0.9


def slow_vtrace(
    values: Array, rewards: Array, ratios: Array, bootstrap: float
) -> tuple[Array, Array]:
    """Targets and advantages of one segment, as written in the paper (equation 1)."""
    steps = len(values)
    following = np.append(values[1:], bootstrap)
    deltas = np.minimum(1.0, ratios) * (rewards + GAMMA * following - values)
    traces = DECAY * np.minimum(1.0, ratios)
    targets = np.array(
        [
            values[s]
            + sum(GAMMA ** (t - s) * np.prod(traces[s:t]) * deltas[t] for t in range(s, steps))
            for s in range(steps)
        ]
    )
    ahead = np.append(targets[1:] - values[1:], 0.0)
    return targets, rewards + GAMMA * following - values + GAMMA * DECAY * ahead


def run(trajectories: Trajectories) -> Targets:
    """Our version with the tests' constants."""
    return vtrace(trajectories, gamma=GAMMA, decay=DECAY, rho_cap=1.0, trace_cap=1.0)


@settings(max_examples=50)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5), seed=st.integers(0, 2**32 - 1))
def test_equals_the_slow_version(lengths: list[int], seed: int) -> None:
    """Expect equal targets and advantages for segments of any lengths, within 1e-6."""
    random = np.random.default_rng(seed)
    total = sum(lengths)
    values, rewards = random.normal(size=total), random.normal(size=total)
    ratios, bootstraps = np.exp(random.normal(size=total)), random.normal(size=len(lengths))
    expected = [
        slow_vtrace(*parts)
        for *parts, _ in zip(
            *(np.split(array, np.cumsum(lengths)[:-1]) for array in (values, rewards, ratios)),
            bootstraps,
            lengths,
            strict=True,
        )
    ]
    found = run(
        Trajectories(
            *(torch.from_numpy(array) for array in (values, rewards, ratios)),
            torch.tensor(lengths),
            torch.from_numpy(bootstraps),
        )
    )
    np.testing.assert_allclose(found.values, np.concatenate([t for t, _ in expected]), atol=1e-6)
    np.testing.assert_allclose(
        found.advantages, np.concatenate([a for _, a in expected]), atol=1e-6
    )


def test_on_policy_is_gae() -> None:
    """Expect targets to be values plus advantages, as in GAE, when nothing is off-policy."""
    values, rewards = torch.randn(6), torch.randn(6)
    found = run(
        Trajectories(values, rewards, torch.ones(6), torch.tensor([6]), torch.tensor([0.3]))
    )
    torch.testing.assert_close(found.values, values + found.advantages)


@pytest.mark.parametrize("bootstrap", [0.0, 0.8])
def test_truncated_segments_bootstrap(bootstrap: float) -> None:
    """Expect the last target to hold the next state's value, which is 0 only after an end."""
    found = run(
        Trajectories(
            torch.zeros(2),
            torch.zeros(2),
            torch.ones(2),
            torch.tensor([2]),
            torch.tensor([bootstrap]),
        )
    )
    assert float(found.values[-1]) == pytest.approx(GAMMA * bootstrap)


def test_segments_do_not_mix() -> None:
    """Expect a segment's targets to be the same alone and beside another."""
    one = Trajectories(
        torch.randn(4), torch.randn(4), torch.rand(4), torch.tensor([4]), torch.randn(1)
    )
    two = Trajectories(
        torch.cat([one.values, torch.randn(7)]),
        torch.cat([one.rewards, torch.randn(7)]),
        torch.cat([one.ratios, torch.rand(7)]),
        torch.tensor([4, 7]),
        torch.cat([one.bootstraps, torch.randn(1)]),
    )
    torch.testing.assert_close(run(two).values[:4], run(one).values)
