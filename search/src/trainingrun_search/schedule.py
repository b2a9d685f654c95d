"""Sequential halving as a schedule of visits (Karnin et al. 2013; Danihelka et al. 2022).

Simulation ``i`` of a move goes to an action that has exactly ``schedule[i]`` visits so far: the
actions that are still considered have had equally many, and of the others no one has.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, log2

import numpy as np

from trainingrun_search.tree import Int32


@lru_cache(maxsize=1024)
def visits_schedule(considered: int, simulations: int) -> Int32:
    """Return the visits that each simulation's action has had, [simulations]."""
    if considered <= 1:
        return np.arange(simulations, dtype=np.int32)
    phases = ceil(log2(considered))
    schedule: list[int] = []
    left, visits = considered, 0
    while len(schedule) < simulations:
        for _ in range(max(1, simulations // (phases * left))):
            schedule.extend([visits] * left)
            visits += 1
        left = max(2, left // 2)
    return np.array(schedule[:simulations], dtype=np.int32)
