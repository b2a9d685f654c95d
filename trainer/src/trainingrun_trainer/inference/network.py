"""The published network of AlphaZero on a device; the formulas are ``contracts.board_network``'s.

Not the training network: what is published has no normalisation left, needs no gradient, and may be
computed in another precision. Convolutions are computed in it, the last layers of both heads and
the softmax in float32, where a logit's rounding would show.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.policy_format import Network


class BoardNetwork:
    """Frozen weights on a device; immutable, so any thread may call it."""

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        network: Network,
        spec: EnvironmentSpec,
        *,
        device: torch.device,
        kind: torch.dtype,
    ) -> None:
        """Take tensors of ``board_shapes(network, spec)``; ``kind`` is the type in which the body
        is computed."""
        self.device, self.kind = device, kind
        self._is_resnet = network.kind == "resnet"
        self._layers = network.layers
        self._shape = spec.observation if self._is_resnet else (spec.state_width,)
        self._tensors = {
            name: _placed(tensor, device, kind if _is_body(name) else torch.float32)
            for name, tensor in tensors.items()
        }

    def __call__(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits [n, actions] and values [n], float32, of observations [n, width] of any
        type."""
        seen = observations.to(self.kind).reshape(-1, *self._shape)
        policy, value = self._resnet(seen) if self._is_resnet else self._mlp(seen)
        logits = self._linear("policy", policy)
        hidden = torch.relu_(self._linear("value.0", value))
        return logits, torch.tanh(self._linear("value.1", hidden)).squeeze(-1)

    def _resnet(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        seen = seen.contiguous(memory_format=torch.channels_last)
        body = torch.relu_(self._convolution("stem", seen))
        for number in range(self._layers):
            inner = torch.relu_(self._convolution(f"block.{number}.first", body))
            body = torch.relu_(self._convolution(f"block.{number}.second", inner).add_(body))
        planes = ("policy_planes", "value_planes")
        policy, value = (torch.relu_(self._convolution(each, body)) for each in planes)
        return policy.flatten(1).float(), value.flatten(1).float()

    def _mlp(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        for number in range(self._layers):
            seen = torch.relu_(self._linear(f"body.{number}", seen))
        body = seen.float()
        return body, body

    def _convolution(self, name: str, seen: Tensor) -> Tensor:
        weight = self._tensors[f"{name}.weight"]
        return functional.conv2d(
            seen, weight, self._tensors[f"{name}.bias"], padding=weight.shape[-1] // 2
        )

    def _linear(self, name: str, seen: Tensor) -> Tensor:
        return functional.linear(
            seen, self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"]
        )


def _is_body(name: str) -> bool:
    return not name.startswith(("policy.", "value."))


def _placed(tensor: Tensor, device: torch.device, kind: torch.dtype) -> Tensor:
    form = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
    return tensor.to(device=device, dtype=kind).contiguous(memory_format=form)
