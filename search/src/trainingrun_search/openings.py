"""Openings of a match: first moves drawn by chance, so that its games are not all the same one.

Players that are measured play their best move, so two of them that begin a game at its beginning
play one game, however many are asked for. Both games of a pair have the same opening, with changed
seats: an opening that favours a seat favours neither player.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from trainingrun_environments.games import Games

Opening = tuple[int, ...]
"""Actions from the beginning of a game, which is not over behind them."""

MOST_PLIES: Final = 8
_SPARE: Final = 2
"""Openings that there are for each that is needed, at least: most draws are then new ones."""
_TRIES: Final = 64


def draw_openings(games: Games, seeds: Sequence[int], *, among: int = 1) -> tuple[Opening, ...]:
    """Return an opening for a game of each seed: all of the same number of moves, and different
    ones as long as chance finds any.

    They are as short as their number allows (``plies_needed``), as random moves are bad ones;
    ``among`` is the number of openings that there should be where these are a part of them.
    """
    if not seeds:
        return ()
    plies = plies_needed(games, seeds[0], openings=max(among, len(seeds)))
    known: set[Opening] = set()
    found: list[Opening] = []
    for seed in seeds:
        opening = _new_one(games, seed, plies, known)
        known.add(opening)
        found.append(opening)
    return tuple(found)


def plies_needed(games: Games, seed: int, *, openings: int) -> int:
    """Return the fewest moves of which there are twice as many rows as openings; at most 8, and
    fewer where a random game of this seed is shorter.
    """
    game, random, rows = games.new(seed), np.random.default_rng(seed), 1
    for ply in range(MOST_PLIES):
        if rows >= _SPARE * openings or game.is_terminal:
            return ply
        legal = game.legal_actions()
        rows *= len(legal)
        game.apply(int(random.choice(legal)))
    return MOST_PLIES


def _new_one(games: Games, seed: int, plies: int, known: set[Opening]) -> Opening:
    """Draw until the opening is a new one; the last drawn, where none is. Shorter where the
    game ends before.
    """
    random = np.random.default_rng(seed)
    opening: Opening = ()
    for _ in range(_TRIES):
        opening = _drawn(games, seed, plies, random)
        if len(opening) == plies and opening not in known:
            break
    return opening


def _drawn(games: Games, seed: int, plies: int, random: np.random.Generator) -> Opening:
    """Return random moves up to before the one that would end the game."""
    game, opening = games.new(seed), list[int]()
    for _ in range(plies):
        action = int(random.choice(game.legal_actions()))
        game.apply(action)
        if game.is_terminal:
            break
        opening.append(action)
    return tuple(opening)
