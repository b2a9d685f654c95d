"""Policy lag: publications between the weights that acted and the newest ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from trainingrun_contracts.segment import Segment


def lags_of(segments: Iterable[Segment], publish: int) -> npt.NDArray[np.integer[Any]]:
    """Return the lag of each transition of an update; ``publish`` is the number of the newest
    weights."""
    found = np.concatenate([np.atleast_1d(segment.publishes) for segment in segments])
    lags: npt.NDArray[np.integer[Any]] = np.maximum(publish - found, 0)
    return lags
