"""Numbers of other people's games, brought within the bound of every feature."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from trainingrun_contracts.environment_spec import FEATURE_BOUND

Float32 = npt.NDArray[np.float32]


def compressed(numbers: npt.NDArray[Any]) -> Float32:
    """Return numbers as they are from -1 to 1, and as ``±(1 + ln|x|)`` beyond: their order is kept,
    and 1000 comes to lie within the bound; what is larger is cut there.
    """
    sizes = np.abs(numbers)
    shrunk = np.minimum(1 + np.log(np.maximum(sizes, 1)), FEATURE_BOUND)
    return np.where(sizes > 1, np.copysign(shrunk, numbers), numbers).astype(np.float32)


def greatest(numbers: npt.NDArray[Any]) -> float:
    """Return the largest size among numbers; infinity where one of them is not finite."""
    found = max(float(numbers.max()), -float(numbers.min()))
    return found if math.isfinite(found) else math.inf
