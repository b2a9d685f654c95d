"""Games of the user's own: a Python class, checked by one random game before the first is played.

The class needs no base and no import of ours:

    class Game:
        observation_shape = (3, 3, 3)   # of what a player sees; numbers within -8 … 8
        actions = 9                     # they are numbered from 0
        version = "1"                   # optional; change it with the meaning of any number
        reward_bound = 1.0              # optional; largest return, either way

        def __init__(self, seed: int): ...        # chance comes from this seed alone
        current_player: int                       # 0 or 1; attribute or property
        is_terminal: bool                         # attribute or property
        returns: tuple[float, float]              # of player 0 and 1; attribute or property
        def legal_actions(self) -> list[int]: ...
        def apply(self, action: int) -> None: ...
        def observation(self, player: int): ...   # an array, or lists of numbers
        def clone(self): ...                      # optional; for search
        def render(self) -> str: ...              # optional; else what player 0 sees
        def describe(self, action: int) -> str: ...  # optional; for people
"""

from __future__ import annotations

import math
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from random import Random
from typing import Any, Final

import numpy as np
from trainingrun_contracts.environment_config import Python
from trainingrun_contracts.environment_spec import FEATURE_BOUND, EnvironmentSpec, Vocabulary

from trainingrun_environments.compression import Float32, greatest
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.games import Game
from trainingrun_environments.shapes import check_shapes

_MOST_MOVES: Final = 10_000
"""A game without an end after these random moves has none."""
_OBSERVED_MOVES: Final = 300
"""Observations are checked up to this move of the first game."""
_METHODS: Final = ("legal_actions", "apply", "observation")
_VALUES: Final = ("current_player", "is_terminal", "returns")


class _Fault(Exception):
    """What is wrong with a game, as the end of a sentence that begins with its name."""


def games(config: Python) -> PythonGames:
    """Return the games of a run.

    Raises:
        UnknownEnvironment: the class cannot be imported, or its games are not as they must be.
    """
    module, colon, name = config.object.partition(":")
    if not (module and colon and name.isidentifier()):
        raise UnknownEnvironment(
            f"environment.python.object is {config.object!r}: write it as package.module:Game"
        )
    try:
        found = getattr(import_module(module), name, None)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise UnknownEnvironment(f"{module} cannot be imported: {_place(error)}") from error
        raise UnknownEnvironment(
            f"there is no module {error.name!r}, for the environment {config.object!r}: install its"
            " package where the training runs (pip install -e . in its folder)"
        ) from error
    except Exception as error:
        raise UnknownEnvironment(f"{module} cannot be imported: {_place(error)}") from error
    if found is None:
        raise UnknownEnvironment(f"the module {module!r} has no {name!r}, as {config.object} says")
    return games_of_class(found)


def games_of_class(made_of: Any) -> PythonGames:
    """Return the games of a class.

    Raises:
        UnknownEnvironment: its games are not as they must be.
    """
    if not isinstance(made_of, type):
        raise UnknownEnvironment(f"{made_of!r} is no class: name the class of your game")
    title = f"{made_of.__module__}:{made_of.__qualname__}"
    try:
        spec = _spec_of(title, made_of)
        check_shapes(title, spec.observation, spec.action_inputs)
        found = PythonGames(made_of, spec)
        _check_by_playing(found)
    except _Fault as fault:
        raise UnknownEnvironment(f"{title}: {fault}") from fault
    except UnknownEnvironment:
        raise
    except Exception as error:
        raise UnknownEnvironment(f"{title} fails in a random game: {_place(error)}") from error
    return found


class PythonGames:
    """The games of one class; see Games."""

    def __init__(self, made_of: Any, spec: EnvironmentSpec) -> None:
        self._made_of = made_of
        self.spec: Final = spec

    def new(self, seed: int) -> PythonGame:
        """See Games."""
        return PythonGame(self._made_of(seed))

    def describe(self, game: Game, action: int) -> str:
        """See Games."""
        assert isinstance(game, PythonGame)
        describe = getattr(game.own, "describe", None)
        return f"action {action}" if describe is None else " ".join(str(describe(action)).split())


class PythonGame:
    """A game of the user's class as one of ours; see Game."""

    def __init__(self, own: Any) -> None:
        self.own: Final = own

    @property
    def current_player(self) -> int:
        """See Game."""
        return int(self.own.current_player)

    @property
    def is_terminal(self) -> bool:
        """See Game."""
        return bool(self.own.is_terminal)

    @property
    def returns(self) -> tuple[float, float]:
        """See Game."""
        first, second = self.own.returns
        return float(first), float(second)

    def legal_actions(self) -> Sequence[int]:
        """See Game."""
        return [] if self.own.is_terminal else sorted(self.own.legal_actions())

    def apply(self, action: int) -> None:
        """See Game."""
        self.own.apply(action)

    def observation(self, player: int) -> Float32:
        """See Game."""
        return np.array(self.own.observation(player), np.float32)

    def clone(self) -> PythonGame:
        """See Game."""
        return PythonGame(self.own.clone())

    def render(self) -> str:
        """See Game."""
        render = getattr(self.own, "render", None)
        if render is None:
            return np.array2string(self.observation(0), threshold=2000)
        return str(render()).rstrip("\n")


def _spec_of(title: str, made_of: Any) -> EnvironmentSpec:
    shape = _attribute(made_of, "observation_shape", "(3, 3, 3)")
    if not isinstance(shape, tuple | list) or not all(_is_integer(size) for size in shape):
        raise _Fault(f"observation_shape is {shape!r}: it must be integers, as (3, 3, 3)")
    actions = _attribute(made_of, "actions", "9")
    if not _is_integer(actions):
        raise _Fault(f"actions is {actions!r}: it must be the number of actions, as 9")
    version = getattr(made_of, "version", "1")
    if not isinstance(version, str) or len(version) > 64:
        raise _Fault(f"version is {version!r}: it must be a short text, as '1'")
    bound = getattr(made_of, "reward_bound", 1.0)
    if not _is_number(bound) or not 0 < bound <= 1e6:
        raise _Fault(f"reward_bound is {bound!r}: it must be a number above 0, at most a million")
    for name in _METHODS:
        if not callable(getattr(made_of, name, None)):
            raise _Fault(f"it has no method {name}")
    return EnvironmentSpec(
        name=title,
        version=version,
        observation=tuple(int(size) for size in shape),
        actions=Vocabulary(int(actions)),
        reward_bound=float(bound),
        is_forkable=callable(getattr(made_of, "clone", None)),
    )


def _attribute(made_of: Any, name: str, example: str) -> Any:
    found = getattr(made_of, name, None)
    if found is None:
        raise _Fault(f"it has no class attribute {name}: write one, as {name} = {example}")
    return found


def _check_by_playing(games: PythonGames) -> None:
    """Play a random game to its end, and the same again with a clone in it where there are clones.

    Raises:
        _Fault: the game is not as it must be.
    """
    game = games.new(0)
    _check_attributes(game.own)
    chosen: list[int] = []
    seen: list[bytes] = []
    random = Random(0)
    while not game.is_terminal:
        if len(chosen) == _MOST_MOVES:
            raise _Fault(
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
        raise _Fault("a new game is over before the first move: is_terminal is true")
    games.describe(games.new(0), chosen[0])
    _check_repeats(games, chosen, seen)
    if games.spec.is_forkable:
        _check_clone(games, chosen)


def _check_attributes(own: Any) -> None:
    for name in _VALUES:
        if not hasattr(own, name):
            raise _Fault(f"a new game has no {name}: set it in __init__, or make it a property")
        if callable(getattr(own, name)):
            raise _Fault(f"{name} is a method: make it a property, by @property above it")


def _checked_actions(game: PythonGame, spec: EnvironmentSpec, moves: int) -> Sequence[int]:
    """Return the legal actions, after that many moves."""
    when = f"after {moves} moves"
    player = game.own.current_player
    if not _is_integer(player) or player not in (0, 1):
        raise _Fault(f"current_player is {player!r} {when}: it must be 0 or 1")
    actions = list(game.own.legal_actions())
    if not actions:
        raise _Fault(f"legal_actions() is empty {when} and is_terminal is false")
    for action in actions:
        if not _is_integer(action) or not 0 <= action < spec.action_inputs:
            raise _Fault(
                f"legal_actions() has {action!r} {when}: actions are integers from 0 to"
                f" {spec.action_inputs - 1}"
            )
    if len(set(actions)) != len(actions):
        raise _Fault(f"legal_actions() has an action twice {when}: {actions[:20]}")
    return game.legal_actions()


def _checked_observations(game: PythonGame, spec: EnvironmentSpec, moves: int) -> bytes:
    """Return what both players see, after that many moves."""
    found = []
    for player in (0, 1):
        where = f"observation({player}) after {moves} moves"
        try:
            seen = game.observation(player)
        except (ValueError, TypeError) as error:
            raise _Fault(f"{where} is no array of numbers: {_place(error)}") from error
        if seen.shape != spec.observation:
            raise _Fault(
                f"{where} has the shape {list(seen.shape)},"
                f" and observation_shape is {list(spec.observation)}"
            )
        size = greatest(seen)
        if not math.isfinite(size):
            raise _Fault(f"{where} holds a number that is not finite")
        if size > FEATURE_BOUND:
            raise _Fault(
                f"{where} holds {size:g}:"
                f" scale its numbers to -{FEATURE_BOUND:g} … {FEATURE_BOUND:g}"
            )
        found.append(seen.tobytes())
    return b"".join(found)


def _check_returns(game: PythonGame, spec: EnvironmentSpec) -> None:
    found = game.own.returns
    if not isinstance(found, tuple | list) or len(found) != 2 or not all(map(_is_number, found)):
        raise _Fault(f"returns is {found!r} at the end: it must be two numbers, as (1.0, -1.0)")
    if not all(abs(each) <= spec.reward_bound for each in found):
        raise _Fault(
            f"returns is {found!r} at the end, beyond reward_bound, which is"
            f" {spec.reward_bound:g}: set reward_bound to the largest return"
        )


def _check_repeats(games: PythonGames, chosen: Sequence[int], seen: Sequence[bytes]) -> None:
    """The same seed and actions must give the same game."""
    game = games.new(0)
    for moves, action in enumerate(chosen[: len(seen) - 1]):
        if _checked_observations(game, games.spec, moves) != seen[moves]:
            raise _Fault(
                f"the same seed and actions give another game after {moves} moves: draw all chance"
                " from one random.Random(seed) of the game"
            )
        game.apply(action)


def _check_clone(games: PythonGames, chosen: Sequence[int]) -> None:
    """A clone must be like its original, and leave it alone."""
    game = games.new(0)
    for action in chosen[: len(chosen) // 2]:
        game.apply(action)
    moves = len(chosen) // 2
    before = _checked_observations(game, games.spec, moves)
    clone = game.clone()
    if _checked_observations(clone, games.spec, moves) != before:
        raise _Fault(f"clone() after {moves} moves gives a game whose observations differ")
    clone.apply(chosen[moves])
    if _checked_observations(game, games.spec, moves) != before:
        raise _Fault(f"a move in a clone after {moves} moves changes the game that was cloned")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_integer(value) or isinstance(value, float | np.floating)


def _place(error: Exception) -> str:
    """What was raised, and the line of the user's that raised it: the last outside of Python's own
    library, of packages and of this one.
    """
    text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = frame.filename
        is_own = path != __file__ and not path.startswith("<") and "site-packages" not in path
        if is_own and not path.startswith((sys.base_prefix, sys.exec_prefix)):
            return f"{text} ({path}, line {frame.lineno})"
    return text
