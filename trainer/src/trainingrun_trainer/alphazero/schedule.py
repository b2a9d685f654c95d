"""How large the steps are, and how many the new positions pay for. Pure: values in, values out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from trainingrun_contracts.alphazero_config import AlphaZeroConfig


def learning_rate(config: AlphaZeroConfig, *, steps: int, played: float) -> float:
    """Return the learning rate of the step after ``steps`` of them.

    It rises over the first steps and sinks as a half cosine (Loshchilov and Hutter 2017) with the
    share of the run's games that have been ``played``, so that a run ends with small steps however
    many of them its games make.
    """
    rise = min(1.0, (steps + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    half_cosine = 0.5 * (1.0 + math.cos(math.pi * min(max(played, 0.0), 1.0)))
    sunk = config.final_rate + (1.0 - config.final_rate) * half_cosine
    return config.learning_rate * rise * sunk


@dataclass(frozen=True)
class TokenBucket:
    """Positions that may be drawn, a fixed number for each new one: a learner that is faster than
    self-play does not train the same positions over and over.

    Attributes:
        tokens: positions that have been paid for and not drawn.
    """

    tokens: float = 0.0

    def filled(self, rows: int, *, each: float) -> TokenBucket:
        """Return the bucket after new positions came."""
        return replace(self, tokens=self.tokens + rows * each)

    def steps(self, batch: int) -> int:
        """Return how many batches are paid for."""
        return int(self.tokens // batch)

    def after(self, steps: int, *, batch: int) -> TokenBucket:
        """Return the bucket after a number of batches was drawn."""
        return replace(self, tokens=self.tokens - steps * batch)
