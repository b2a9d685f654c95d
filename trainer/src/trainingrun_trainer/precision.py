"""In which arithmetic the network is computed: fp32, or mixed with bf16 or fp16.

Weights, losses and the optimiser are fp32 in all three; only the layers' products are not. fp16 has
few exponents, so its loss is scaled up before the backward pass and the gradients down after it.

torch's ``GradScaler`` was refused: it drives torch's own optimiser classes only, and decides for
each rank alone whether a step overflowed. The rule here is its rule.
"""

from __future__ import annotations

from typing import Final, Literal

import torch

PrecisionName = Literal["fp32", "bf16", "fp16"]

_TYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_FIRST_SCALE: Final = 2.0**16
_LARGEST_SCALE: Final = 2.0**24
_GROWTH_STEPS: Final = 2000


class LossScale:
    """By what the loss is multiplied: halved when gradients overflow, doubled after 2,000 steps
    without; 1 for ever where the arithmetic needs none."""

    def __init__(self, *, is_needed: bool) -> None:
        self.value = _FIRST_SCALE if is_needed else 1.0
        self._is_needed = is_needed
        self._good_steps = 0

    @property
    def can_back_off(self) -> bool:
        """Whether gradients that are not finite may be the scale's fault."""
        return self._is_needed and self.value > 1.0

    def grow(self) -> None:
        """A step was taken with this scale."""
        self._good_steps += 1
        if self._is_needed and self._good_steps >= _GROWTH_STEPS:
            self.value = min(self.value * 2.0, _LARGEST_SCALE)
            self._good_steps = 0

    def back_off(self) -> None:
        """A step overflowed with this scale."""
        self.value = max(self.value / 2.0, 1.0)
        self._good_steps = 0


class Precision:
    """One of the three, on one device.

    Attributes:
        kind: the type in which layers compute; observations that come in it need no further cast.
        scale: what the loss is multiplied by.
    """

    def __init__(self, name: PrecisionName, device: torch.device) -> None:
        self.scale = LossScale(is_needed=name == "fp16")
        self.kind = _TYPES[name]
        self._device = device

    def autocast(self) -> torch.autocast:
        """Return a context in which layers compute in this precision."""
        is_mixed = self.kind is not torch.float32
        kind = self.kind if is_mixed else torch.bfloat16  # autocast accepts no fp32, even unused
        return torch.autocast(self._device.type, dtype=kind, enabled=is_mixed)
