"""Names of players that search with random games and know nothing: ``mcts-100`` makes 100
simulations a move, ``openspiel-mcts-100`` is OpenSpiel's own search with as many.

Who names one need not be able to search: the names are read here, the players are
``trainingrun_search.players`` and ``trainingrun_search.open_spiel_bot``.
"""

from __future__ import annotations

import re
from typing import Final

MOST_SIMULATIONS: Final = 100_000
_OPEN_SPIEL: Final = "openspiel-"
SEARCH_PLAYER_FORM: Final = re.compile(rf"(?:{_OPEN_SPIEL})?mcts-([1-9]\d{{0,5}})")
"""The form of such a name; ``search_simulations`` says whether it is one."""


def search_simulations(name: str) -> int | None:
    """Return the simulations a move of a player's name; None where the name is another player's,
    or the number is too large.
    """
    found = SEARCH_PLAYER_FORM.fullmatch(name)
    if found is None or int(found[1]) > MOST_SIMULATIONS:
        return None
    return int(found[1])


def is_open_spiels(name: str) -> bool:
    """Return whether the name of a player that searches is that of OpenSpiel's."""
    return name.startswith(_OPEN_SPIEL) and search_simulations(name) is not None
