"""Compiled rules of built-in games: the same games as in ``environments``, and tests hold them
equal. A game without any is searched all the same, by its own class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trainingrun_environments.games import Games

from trainingrun_search.positions import (
    CompiledPositions,
    Positions,
    PythonPositions,
    Rules,
    vocabulary_size,
)
from trainingrun_search.rules import breakthrough, connect_four, hex, othello, tic_tac_toe

COMPILED: Final[Mapping[tuple[str, str], Rules]] = {
    ("breakthrough", "1"): breakthrough.RULES,
    ("connect_four", "1"): connect_four.RULES,
    ("hex", "1"): hex.RULES,
    ("othello", "1"): othello.RULES,
    ("tic_tac_toe", "1"): tic_tac_toe.RULES,
}
"""By name and version of the environment's spec."""


def positions_of(games: Games, nodes: int, *, compiled: bool = True) -> Positions:
    """Return room for the positions of ``nodes`` nodes."""
    rules = rules_of(games) if compiled else None
    if rules is None:
        return PythonPositions(games, nodes)
    return CompiledPositions(rules, games.spec, nodes)


def most_legal_of(games: Games, *, compiled: bool = True) -> int:
    """Return how many legal actions a position may have at most.

    Raises:
        ValueError: such games cannot be searched; the text says why.
    """
    actions, rules = vocabulary_size(games.spec), rules_of(games) if compiled else None
    return actions if rules is None else rules.most_legal


def rules_of(games: Games) -> Rules | None:
    """Return the compiled rules of games, where there are any.

    A game of the user's or of a library may bear the same name and version: the class decides.
    """
    is_ours = type(games).__module__.startswith("trainingrun_environments.")
    return COMPILED.get((games.spec.name, games.spec.version)) if is_ours else None
