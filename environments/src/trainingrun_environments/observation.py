"""What a network sees of one question."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Float16 = npt.NDArray[np.float16]


class Observation(Struct, frozen=True):
    """``state`` is [S], ``actions`` is [options, F], as the environment's spec says."""

    state: Float16
    actions: Float16
