"""Shaped rewards: the growth of a potential from one decision of a seat to its next.

The potential of a position is what the seat leads by, as its environment measures it: the
opponent's with the sign turned, and 0 once the game is over. Rewards of the form γΦ(s') - Φ(s)
leave the order of all ways to play as it is (Ng, Harada and Russell 1999): over a game they sum up
to -Φ of the first decision, whatever is played.

A potential is a whole multiple of 2^-16 in [-1, 1]. So differences and their sums are exact in
float32 without discount, and a long lead can never outweigh a game.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def shaped_rewards(
    potentials: Sequence[float], after: float, *, outcome: float, gamma: float
) -> NDArray[np.float32]:
    """Return the rewards of consecutive decisions of one seat.

    Args:
        potentials: Φ of each decision.
        after: Φ of the seat's next decision behind them; 0 at the game's end.
        outcome: of the game, in the last reward; 0 where the game continues.
        gamma: discount per decision.
    """
    phi = np.array([*potentials, after], np.float64)
    rewards = gamma * phi[1:] - phi[:-1]
    rewards[-1] += outcome
    return rewards.astype(np.float32)
