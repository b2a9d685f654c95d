"""The algorithms of runs: one module for each, which declares its roles, its queue, its network.

Belongs here: the declarations and the table of them, :data:`ALGORITHMS`. Does not belong here: what
a role is (``roles``), nor what an algorithm computes.
"""

from typing import Final

from trainingrun_reconciler.algorithms.alpha_zero import ALPHA_ZERO
from trainingrun_reconciler.algorithms.ppo import PPO
from trainingrun_reconciler.algorithms.registry import Algorithms

ALGORITHMS: Final = Algorithms(PPO)
ALGORITHMS.register(ALPHA_ZERO)

__all__ = ["ALGORITHMS"]
