"""Names of players that search with random games and know nothing: ``mcts-100`` makes 100
simulations a move.

Who names one need not be able to search: the names are read here, the player is
``trainingrun_search.players``.
"""

from __future__ import annotations

import re
from typing import Final

MOST_SIMULATIONS: Final = 100_000
SEARCH_PLAYER_FORM: Final = re.compile(r"mcts-([1-9]\d{0,5})")
"""The form of such a name; ``search_simulations`` says whether it is one."""


def search_simulations(name: str) -> int | None:
    """Return the simulations a move of a player's name; None where the name is another player's,
    or the number is too large.
    """
    found = SEARCH_PLAYER_FORM.fullmatch(name)
    if found is None or int(found[1]) > MOST_SIMULATIONS:
        return None
    return int(found[1])
