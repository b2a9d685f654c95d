"""What the compiled games of one stone a cell have in common.

A state is the cells as who moves sees them, then the player to move and the outcome. A move turns
the board to the next player's view.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from trainingrun_environments.games import Game

Cells = npt.NDArray[np.int8]

OWN: Final = 0
OTHER: Final = 1
EMPTY: Final = 2
RUNNING: Final = 2
"""In the place of an outcome, which is player 0's value."""


def state_of(game: Game) -> Cells:
    """Return the state of a game that is not over and whose players see [own, other] planes."""
    own, other = game.observation(game.current_player).reshape(2, -1)
    cells = np.full(len(own), EMPTY, np.int8)
    cells[own == 1] = OWN
    cells[other == 1] = OTHER
    return np.append(cells, np.array([game.current_player, RUNNING], np.int8))
