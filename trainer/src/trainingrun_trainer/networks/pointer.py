"""The scoring (pointer) policy: a query made of the state is compared with every legal action.

The forward pass is the one of ``policy_format``, and the state dict is exactly its shapes: the
actor computes the same in numpy. What encodes states and actions is a subclass's.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.policy_format import KEY, VALUE_HIDDEN, Network

from trainingrun_trainer.networks.packed import PackedRows, take
from trainingrun_trainer.networks.policy import Policy, PolicyOutput


class Scorable(NamedTuple):
    """Encoded states [T, W] and keys of their packed actions [A, K]."""

    hidden: Tensor
    keys: Tensor


class PointerPolicy(Policy):
    """Policy over a packed legal list, and value. ReLU takes the place of what it is computed of:
    a minibatch's layers then stay in a core's cache (a fifth of an update in bf16, measured)."""

    def __init__(self, network: Network, spec: EnvironmentSpec) -> None:
        super().__init__(network, spec)
        self.query = nn.Linear(network.width, KEY)
        self.value = nn.ModuleList(
            [nn.Linear(network.width, VALUE_HIDDEN), nn.Linear(VALUE_HIDDEN, 1)]
        )

    @abstractmethod
    def encode(self, states: Tensor, actions: Tensor, rows: PackedRows) -> Scorable:
        """Encode states [T, S] and their packed actions, as ``prepare_actions`` returns them."""

    @abstractmethod
    def encode_states(self, states: Tensor) -> Tensor:
        """The same of states alone: [T, W]."""

    def forward(self, states: Tensor, actions: Tensor, rows: PackedRows) -> PolicyOutput:
        """See Policy."""
        hidden, keys = self.encode(states, actions, rows)
        return PolicyOutput(self.compare(hidden, keys, rows), self._outcome(hidden))

    def compare(self, hidden: Tensor, keys: Tensor, rows: PackedRows) -> Tensor:
        """Scores of packed keys [A, K] in encoded states [T, W]: float32 [A]."""
        queries = take(self.query(hidden), rows.owner)
        return (keys.float() * queries.float()).sum(-1) / math.sqrt(KEY)

    def estimate(self, states: Tensor) -> Tensor:
        """See Policy."""
        return self._outcome(self.encode_states(states))

    def _outcome(self, hidden: Tensor) -> Tensor:
        value: Tensor = self.value[1](torch.relu_(self.value[0](hidden)))
        return torch.tanh(value.float()).squeeze(-1)


class MlpPolicy(PointerPolicy):
    """Linear layers for the state, one for each action alone."""

    def __init__(self, network: Network, spec: EnvironmentSpec) -> None:
        super().__init__(network, spec)
        inputs = [spec.state_width] + [network.width] * (network.layers - 1)
        self.state = nn.ModuleList([nn.Linear(size, network.width) for size in inputs])
        self.action = nn.ModuleList([nn.Linear(spec.action_inputs, KEY)])

    def encode(self, states: Tensor, actions: Tensor, _rows: PackedRows) -> Scorable:
        """See PointerPolicy."""
        return Scorable(self.encode_states(states), self.encode_actions(actions))

    def encode_states(self, states: Tensor) -> Tensor:
        """See PointerPolicy."""
        hidden = states
        for layer in self.state:
            hidden = torch.relu_(layer(hidden))
        return hidden

    def encode_actions(self, actions: Tensor) -> Tensor:
        """Keys of prepared actions: [A, K]."""
        return torch.relu_(over_actions(self.action[0], actions))


def over_actions(layer: nn.Module, actions: Tensor) -> Tensor:
    """Return the first layer over prepared actions: of features the product, of a number of the
    vocabulary its column of the weights, which is the same as a product with its unit vector."""
    assert isinstance(layer, nn.Linear)
    if actions.dtype is not torch.int64:
        found: Tensor = layer(actions)
        return found
    return take(layer.weight.t(), actions) + layer.bias
