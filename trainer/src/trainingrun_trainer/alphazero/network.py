"""AlphaZero's network in torch, and how it is folded into the tensors that are published.

The forward pass is the one of ``trainingrun_contracts.board_network``. While it is trained, each
convolution of the ``resnet`` is followed by batch normalisation (Ioffe and Szegedy 2015) in the
place of a bias; in play that is a factor and a summand of each plane, which are folded into the
convolution's weights. So who plays computes less, and needs to know nothing of it.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from trainingrun_contracts.board_network import (
    KERNEL,
    POLICY_PLANES,
    VALUE_HIDDEN,
    VALUE_PLANES,
    board_shapes,
)
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.policy_format import Network

_SMALL_GAIN = 0.01


class BoardOutput(NamedTuple):
    """What the network says of n positions: logits [n, actions] of the whole vocabulary, and values
    [n] in [-1, 1]."""

    logits: Tensor
    values: Tensor


class BoardNetwork(nn.Module):
    """One of AlphaZero's networks, for an environment."""

    def __init__(self, network: Network, spec: EnvironmentSpec) -> None:
        """Make one with torch's own weights.

        Raises:
            ValueError: it does not fit the environment; a sentence for the user.
        """
        super().__init__()
        self.network = network
        self.spec = spec
        shapes = board_shapes(network, spec)
        self.body: nn.Module = (
            _ResNet(network, spec) if network.kind == "resnet" else _Mlp(network, spec)
        )
        self.policy = nn.Linear(shapes["policy.weight"][1], shapes["policy.weight"][0])
        self.value = nn.ModuleList(
            [nn.Linear(shapes["value.0.weight"][1], VALUE_HIDDEN), nn.Linear(VALUE_HIDDEN, 1)]
        )

    def forward(self, observations: Tensor) -> BoardOutput:
        """Return logits and values of flat observations [n, numbers]; both float32."""
        for_policy, for_value = self.body(observations)
        hidden = torch.relu(self.value[0](for_value))
        values = torch.tanh(self.value[1](hidden).float()).squeeze(-1)
        return BoardOutput(self.policy(for_policy).float(), values)


def new_board_network(seed: int, network: Network, spec: EnvironmentSpec) -> BoardNetwork:
    """Return a network whose weights depend on the seed alone, and whose first play is near uniform
    and its values near 0.

    Raises:
        ValueError: it does not fit the environment; a sentence for the user.
    """
    made = BoardNetwork(network, spec)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in made.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                gain = _SMALL_GAIN if module in (made.policy, made.value[1]) else math.sqrt(2)
                deviation = gain / math.sqrt(module.weight[0].numel())
                module.weight.normal_(0.0, deviation, generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
    return made


@torch.no_grad()
def folded(network: BoardNetwork) -> dict[str, Tensor]:
    """Return the tensors of ``board_shapes``: float32, on the processor, copies."""
    tensors: dict[str, Tensor] = {}
    for name, module in network.named_modules():
        place = name.removeprefix("body.") if network.network.kind == "resnet" else _mlp_name(name)
        if isinstance(module, _Normalised):
            tensors[f"{place}.weight"], tensors[f"{place}.bias"] = module.folded()
        elif isinstance(module, nn.Linear):
            tensors[f"{place}.weight"], tensors[f"{place}.bias"] = module.weight, module.bias
    return {
        name: tensor.detach().float().cpu().clone().contiguous() for name, tensor in tensors.items()
    }


def _mlp_name(name: str) -> str:
    """Return the published name of a layer: ``body.layers.0`` is ``body.0``."""
    return name.replace("body.layers.", "body.")


class _Normalised(nn.Module):
    """A convolution that keeps the board's size, and batch normalisation."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, planes: Tensor) -> Tensor:
        """Return the planes [n, outputs, rows, columns]."""
        found: Tensor = self.norm(self.convolution(planes))
        return found

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return weights and biases of the convolution that does the same in play."""
        norm = self.norm
        assert norm.running_var is not None
        assert norm.running_mean is not None
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weights = self.convolution.weight * factor[:, None, None, None]
        return weights, norm.bias - norm.running_mean * factor


class _Block(nn.Module):
    """Two convolutions and a shortcut (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _Normalised(width, width, KERNEL)
        self.second = _Normalised(width, width, KERNEL)

    def forward(self, planes: Tensor) -> Tensor:
        """Return planes of the same shape."""
        return torch.relu(planes + self.second(torch.relu(self.first(planes))))


class _ResNet(nn.Module):
    """See ``board_network``."""

    def __init__(self, network: Network, spec: EnvironmentSpec) -> None:
        super().__init__()
        self._shape = spec.observation
        self.stem = _Normalised(spec.observation[0], network.width, KERNEL)
        self.block = nn.ModuleList(_Block(network.width) for _ in range(network.layers))
        self.policy_planes = _Normalised(network.width, POLICY_PLANES, 1)
        self.value_planes = _Normalised(network.width, VALUE_PLANES, 1)

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the policy's and the value's last layers read."""
        planes = torch.relu(self.stem(observations.view(-1, *self._shape)))
        for block in self.block:
            planes = block(planes)
        policy = torch.relu(self.policy_planes(planes)).flatten(1)
        return policy, torch.relu(self.value_planes(planes)).flatten(1)


class _Mlp(nn.Module):
    """See ``board_network``."""

    def __init__(self, network: Network, spec: EnvironmentSpec) -> None:
        super().__init__()
        widths = [spec.state_width, *[network.width] * network.layers]
        self.layers = nn.ModuleList(
            nn.Linear(inputs, outputs) for inputs, outputs in pairwise(widths)
        )

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the policy's and the value's last layers read: the same."""
        for layer in self.layers:
            observations = torch.relu(layer(observations))
        return observations, observations
