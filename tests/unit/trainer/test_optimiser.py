"""Adam: ours against torch's class."""

from __future__ import annotations

import torch
from torch import nn
from trainingrun_trainer.optimiser import AdamOptimiser


def make_network() -> nn.Module:
    """A small network, the same each time."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))


def test_twenty_steps_equal_those_of_torchs_own_class() -> None:
    """Both move the parameters to the same place, whatever imports the class costs."""
    ours, theirs = make_network(), make_network()
    optimiser = AdamOptimiser(ours, learning_rate=3e-3)
    reference = torch.optim.Adam(theirs.parameters(), lr=3e-3, eps=1e-5)
    inputs = torch.randn(16, 5)
    for _ in range(20):
        optimiser.clear_gradients()
        ours(inputs).square().mean().backward()
        optimiser.step()
        reference.zero_grad()
        theirs(inputs).square().mean().backward()
        reference.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-7)
