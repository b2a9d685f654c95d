"""The scoring (pointer) policy: a query made of the state is compared with every legal action.

The forward pass is the one of ``policy_format``, and the state dict is exactly its ``SHAPES``: the
actor computes the same in numpy.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from trainingrun_contracts.observation.schema import ACTION_WIDTH, STATE_WIDTH
from trainingrun_contracts.policy_format import HIDDEN, KEY, VALUE_HIDDEN

from trainingrun_trainer.networks.packed import PackedRows, take

_SMALL_GAIN = 0.01


class PolicyOutput(NamedTuple):
    """What the policy says of T steps with A legal actions in all.

    Attributes:
        logits: float32 [A], scores of the legal actions.
        values: float32 [T], expected outcome in [-1, 1].
    """

    logits: Tensor
    values: Tensor


class PointerPolicy(nn.Module):
    """Policy over a packed legal list, and value. Hidden layers use ReLU, which takes the place of
    what it is computed of: a minibatch's layers then stay in a core's cache (a fifth of an update
    in bf16, measured)."""

    def __init__(self) -> None:
        super().__init__()
        self.state = nn.ModuleList([nn.Linear(STATE_WIDTH, HIDDEN), nn.Linear(HIDDEN, HIDDEN)])
        self.action = nn.ModuleList([nn.Linear(ACTION_WIDTH, KEY)])
        self.query = nn.Linear(HIDDEN, KEY)
        self.value = nn.ModuleList([nn.Linear(HIDDEN, VALUE_HIDDEN), nn.Linear(VALUE_HIDDEN, 1)])

    def forward(self, states: Tensor, actions: Tensor, rows: PackedRows) -> PolicyOutput:
        """Score states [T, S] and their packed actions [A, F]."""
        hidden = self._hidden(states)
        return PolicyOutput(self.score(hidden, actions, rows), self._outcome(hidden))

    def score(self, hidden: Tensor, actions: Tensor, rows: PackedRows) -> Tensor:
        """Scores of packed actions [A, F] in encoded states [T, H]: float32 [A]."""
        keys = torch.relu_(self.action[0](actions))
        queries = take(self.query(hidden), rows.owner)
        return (keys.float() * queries.float()).sum(-1) / math.sqrt(KEY)

    def estimate(self, states: Tensor) -> Tensor:
        """Values alone of states [T, S]: float32 [T]."""
        return self._outcome(self._hidden(states))

    def _hidden(self, states: Tensor) -> Tensor:
        return torch.relu_(self.state[1](torch.relu_(self.state[0](states))))

    def _outcome(self, hidden: Tensor) -> Tensor:
        value: Tensor = self.value[1](torch.relu_(self.value[0](hidden)))
        return torch.tanh(value.float()).squeeze(-1)


def new_policy(seed: int) -> PointerPolicy:
    """A policy whose weights depend on the seed alone, and whose first play is near uniform.

    Orthogonal weights with small ones in the last layers (Andrychowicz et al. 2021, section 3.2).
    """
    policy = PointerPolicy()
    generator = torch.Generator().manual_seed(seed)
    small = {"query.weight", "value.1.weight"}
    with torch.no_grad():
        for name, tensor in policy.named_parameters():
            if name.endswith("bias"):
                tensor.zero_()
            else:
                gain = _SMALL_GAIN if name in small else math.sqrt(2)
                nn.init.orthogonal_(tensor, gain=gain, generator=generator)
    return policy
