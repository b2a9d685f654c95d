"""One random game that shows whether games are as games must be; played before any that counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import Any, Final

import numpy as np
from trainingrun_contracts.environment_spec import FEATURE_BOUND, EnvironmentSpec

from trainingrun_environments.compression import greatest
from trainingrun_environments.games import Game, Games

_MOST_MOVES: Final = 10_000
"""A game without an end after these random moves has none."""
_OBSERVED_MOVES: Final = 300
"""Observations are checked up to this move of the first game."""


class Fault(Exception):
    """What is wrong with a game, as the end of a sentence that begins with its name."""


def check_by_playing(games: Games) -> None:
    """Play a random game to its end, and the same again with a clone in it where there are clones.

    Raises:
        Fault: the game is not as it must be.
    """
    game = games.new(0)
    chosen: list[int] = []
    seen: list[bytes] = []
    random = Random(0)
    while not game.is_terminal:
        if len(chosen) == _MOST_MOVES:
            raise Fault(
                f"random play did not end in {_MOST_MOVES} moves: end a game, say as a draw, after"
                " a number of them"
            )
        if len(chosen) < _OBSERVED_MOVES:
            seen.append(_checked_observations(game, games.spec, len(chosen)))
        chosen.append(random.choice(_checked_actions(game, games.spec, len(chosen))))
        game.apply(chosen[-1])
    seen.append(_checked_observations(game, games.spec, len(chosen)))
    _check_returns(game, games.spec)
    game.render()
    if not chosen:
        raise Fault("a new game is over before the first move: is_terminal is true")
    games.describe(games.new(0), chosen[0])
    _check_repeats(games, chosen, seen)
    if games.spec.is_forkable:
        _check_clone(games, chosen)


def _checked_actions(game: Game, spec: EnvironmentSpec, moves: int) -> Sequence[int]:
    """Return the legal actions, after that many moves."""
    when = f"after {moves} moves"
    player = game.current_player
    if not is_integer(player) or player not in (0, 1):
        raise Fault(f"current_player is {player!r} {when}: it must be 0 or 1")
    try:
        actions = list(game.legal_actions())
    except TypeError as error:
        raise Fault(f"legal_actions() {when}: {error}") from error
    if not actions:
        raise Fault(f"legal_actions() is empty {when} and is_terminal is false")
    for action in actions:
        if not is_integer(action) or not 0 <= action < spec.action_inputs:
            raise Fault(
                f"legal_actions() has {action!r} {when}: actions are integers from 0 to"
                f" {spec.action_inputs - 1}"
            )
    if len(set(actions)) != len(actions):
        raise Fault(f"legal_actions() has an action twice {when}: {actions[:20]}")
    return actions


def _checked_observations(game: Game, spec: EnvironmentSpec, moves: int) -> bytes:
    """Return what both players see, after that many moves."""
    found = []
    for player in (0, 1):
        where = f"observation({player}) after {moves} moves"
        seen = game.observation(player)
        if seen.shape != spec.observation:
            raise Fault(
                f"{where} has the shape {list(seen.shape)},"
                f" and observation_shape is {list(spec.observation)}"
            )
        size = greatest(seen)
        if not math.isfinite(size):
            raise Fault(f"{where} holds a number that is not finite")
        if size > FEATURE_BOUND:
            raise Fault(
                f"{where} holds {size:g}:"
                f" scale its numbers to -{FEATURE_BOUND:g} … {FEATURE_BOUND:g}"
            )
        found.append(seen.tobytes())
    return b"".join(found)


def _check_returns(game: Game, spec: EnvironmentSpec) -> None:
    found = game.returns
    if not isinstance(found, tuple | list) or len(found) != 2 or not all(map(is_number, found)):
        raise Fault(f"returns is {found!r} at the end: it must be two numbers, as (1.0, -1.0)")
    if not all(abs(each) <= spec.reward_bound for each in found):
        raise Fault(
            f"returns is {found!r} at the end, beyond reward_bound, which is"
            f" {spec.reward_bound:g}: set reward_bound to the largest return"
        )


def _check_repeats(games: Games, chosen: Sequence[int], seen: Sequence[bytes]) -> None:
    """The same seed and actions must give the same game."""
    game = games.new(0)
    for moves, action in enumerate(chosen[: len(seen) - 1]):
        if _checked_observations(game, games.spec, moves) != seen[moves]:
            raise Fault(
                f"the same seed and actions give another game after {moves} moves: draw all chance"
                " from one random.Random(seed) of the game"
            )
        game.apply(action)


def _check_clone(games: Games, chosen: Sequence[int]) -> None:
    """A clone must be like its original, and leave it alone."""
    game = games.new(0)
    for action in chosen[: len(chosen) // 2]:
        game.apply(action)
    moves = len(chosen) // 2
    before = _checked_observations(game, games.spec, moves)
    clone = game.clone()
    if _checked_observations(clone, games.spec, moves) != before:
        raise Fault(f"clone() after {moves} moves gives a game whose observations differ")
    clone.apply(chosen[moves])
    if _checked_observations(game, games.spec, moves) != before:
        raise Fault(f"a move in a clone after {moves} moves changes the game that was cloned")


def is_integer(value: Any) -> bool:
    """Whether a value is an integer of Python or numpy; True is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether a value is an integer or a float of Python or numpy."""
    return is_integer(value) or isinstance(value, float | np.floating)
