"""A network with a way past its second layer; torch is imported where the learner asks for it."""

from collections.abc import Mapping
from typing import Any

import numpy as np


class Skipping:
    """The same arithmetic twice: ``module`` for the learner, ``forward`` for the actors."""

    def shapes(self, spec: Any, *, width: int, layers: int) -> Mapping[str, tuple[int, ...]]:
        """Return names and shapes, as the module's state_dict has them."""
        return {
            "first.weight": (width, spec.state_width),
            "first.bias": (width,),
            "second.weight": (width, width),
            "second.bias": (width,),
            "value.weight": (1, width),
            "value.bias": (1,),
            "actions": (spec.action_inputs, width),
        }

    def module(self, spec: Any, *, width: int, layers: int) -> Any:
        """Return a torch module."""
        import torch
        from torch import nn

        class Module(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.first = nn.Linear(spec.state_width, width)
                self.second = nn.Linear(width, width)
                self.value = nn.Linear(width, 1)
                self.actions = nn.Parameter(0.1 * torch.randn(spec.action_inputs, width))

            def hidden(self, states: Any) -> Any:
                first = torch.relu(self.first(states))
                return first + torch.relu(self.second(first))

            def forward(self, states: Any, actions: Any, counts: Any) -> tuple[Any, Any]:
                hidden = self.hidden(states)
                rows = torch.arange(len(counts), device=counts.device).repeat_interleave(counts)
                logits = (self.actions[actions] * hidden[rows]).sum(-1)
                return logits / width**0.5, torch.tanh(self.value(hidden))[:, 0]

            def estimate(self, states: Any) -> Any:
                return torch.tanh(self.value(self.hidden(states)))[:, 0]

        return Module()

    def forward(self, tensors: Any, states: Any, actions: Any, counts: Any) -> tuple[Any, Any]:
        """Return logits [A] and values [T] of states [T, S], numbers of actions [A], counts [T]."""
        first = np.maximum(states @ tensors["first.weight"].T + tensors["first.bias"], 0)
        second = np.maximum(first @ tensors["second.weight"].T + tensors["second.bias"], 0)
        hidden = first + second
        keys = tensors["actions"][actions]
        logits = (keys * np.repeat(hidden, counts, axis=0)).sum(-1) / len(hidden[0]) ** 0.5
        return logits, np.tanh(hidden @ tensors["value.weight"].T + tensors["value.bias"])[:, 0]
