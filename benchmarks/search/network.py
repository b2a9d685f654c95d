"""The network of the comparison: a residual one of 64 channels and 4 blocks, with random weights.

Both sides ask the same one; what it says does not matter, only what it costs.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from trainingrun_search.evaluators import Answer, Request

CHANNELS = 64
BLOCKS = 4
ROWS, COLUMNS = 6, 7


class Block(nn.Module):
    """Two convolutions and what went in."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.second = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)

    def forward(self, seen: Tensor) -> Tensor:
        """[N, C, H, W] to the same."""
        found: Tensor = torch.relu(seen + self.second(torch.relu(self.first(seen))))
        return found


class ResNet(nn.Module):
    """Planes to logits and a value, as in AlphaZero."""

    def __init__(self, planes: int) -> None:
        super().__init__()
        cells = ROWS * COLUMNS
        self.stem = nn.Conv2d(planes, CHANNELS, 3, padding=1)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.policy = nn.Conv2d(CHANNELS, 2, 1)
        self.logits = nn.Linear(2 * cells, COLUMNS)
        self.value = nn.Conv2d(CHANNELS, 1, 1)
        self.head = nn.Sequential(nn.Linear(cells, 64), nn.ReLU(), nn.Linear(64, 1), nn.Tanh())

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """[N, planes, H, W] to [N, columns] and [N]."""
        found = self.blocks(torch.relu(self.stem(seen)))
        logits = self.logits(torch.relu(self.policy(found)).flatten(1))
        value = self.head(torch.relu(self.value(found)).flatten(1)).squeeze(-1)
        return logits, value


class TorchEvaluator:
    """The network as an evaluator, on this processor."""

    def __init__(self, *, planes: int = 2, dtype: torch.dtype = torch.float32) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(0)
        self._dtype = dtype
        net = ResNet(planes).eval().to(dtype)
        self.net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        priors, values = self.numbers(request.observations, request.legal)
        return Answer(priors, values, 1)

    @torch.inference_mode()
    def numbers(self, seen: np.ndarray, legal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Priors of the legal actions and values of positions."""
        planes = (
            torch.from_numpy(seen).to(self._dtype).contiguous(memory_format=torch.channels_last)
        )
        logits, values = self.net(planes)
        masked = logits.float().masked_fill(~torch.from_numpy(legal), -torch.inf)
        return torch.softmax(masked, -1).numpy(), values.float().numpy()
