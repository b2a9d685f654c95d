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
        symmetries = [(o, a), ...]      # optional; for search and training: each two lists of
                                        # numbers, as ``symmetries.Symmetry`` has them
        def render(self) -> str: ...              # optional; else what player 0 sees
        def describe(self, action: int) -> str: ...  # optional; for people
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from operator import index
from pathlib import Path
from typing import Any, Final

import numpy as np
from trainingrun_contracts.environment_config import Python
from trainingrun_contracts.environment_spec import EnvironmentSpec, Vocabulary

from trainingrun_environments.compression import Float32
from trainingrun_environments.errors import GameFault, UnknownEnvironment
from trainingrun_environments.games import Game
from trainingrun_environments.probing import Fault, check_by_playing, is_integer, is_number
from trainingrun_environments.shapes import check_shapes
from trainingrun_environments.symmetries import Symmetry, check_symmetries, symmetry_from

_HERE: Final = str(Path(__file__).parent)
_METHODS: Final = ("legal_actions", "apply", "observation")
_VALUES: Final = ("current_player", "is_terminal", "returns")


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
        _check_attributes(made_of(0))
        check_by_playing(found)
        _check_symmetries(found)
    except (Fault, GameFault) as fault:
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
        self.symmetries: Final[Sequence[Symmetry]] = _symmetries_of(made_of, spec)

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
        player: int = self.own.current_player
        return player

    @property
    def is_terminal(self) -> bool:
        """See Game."""
        return bool(self.own.is_terminal)

    @property
    def returns(self) -> tuple[float, float]:
        """See Game."""
        found: tuple[float, float] = self.own.returns
        return found

    def legal_actions(self) -> Sequence[int]:
        """See Game."""
        return [] if self.own.is_terminal else sorted(map(index, self.own.legal_actions()))

    def apply(self, action: int) -> None:
        """See Game."""
        self.own.apply(action)

    def observation(self, player: int) -> Float32:
        """See Game."""
        seen = self.own.observation(player)
        try:
            return np.array(seen, np.float32)
        except (ValueError, TypeError) as error:
            raise GameFault(f"observation({player}) is no array of numbers: {error}") from error

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
    if not isinstance(shape, tuple | list) or not all(is_integer(size) for size in shape):
        raise Fault(f"observation_shape is {shape!r}: it must be integers, as (3, 3, 3)")
    actions = _attribute(made_of, "actions", "9")
    if not is_integer(actions):
        raise Fault(f"actions is {actions!r}: it must be the number of actions, as 9")
    version = getattr(made_of, "version", "1")
    if not isinstance(version, str) or len(version) > 64:
        raise Fault(f"version is {version!r}: it must be a short text, as '1'")
    bound = getattr(made_of, "reward_bound", 1.0)
    if not is_number(bound) or not 0 < bound <= 1e6:
        raise Fault(f"reward_bound is {bound!r}: it must be a number above 0, at most a million")
    for name in _METHODS:
        if not callable(getattr(made_of, name, None)):
            raise Fault(f"it has no method {name}")
    return EnvironmentSpec(
        name=title,
        version=version,
        observation=tuple(int(size) for size in shape),
        actions=Vocabulary(int(actions)),
        reward_bound=float(bound),
        is_forkable=callable(getattr(made_of, "clone", None)),
    )


def _symmetries_of(made_of: Any, spec: EnvironmentSpec) -> tuple[Symmetry, ...]:
    given = getattr(made_of, "symmetries", ())
    try:
        found = [symmetry_from(spec, observation, actions) for observation, actions in given]
    except (TypeError, ValueError) as error:
        raise Fault(
            f"symmetries cannot be read ({error}): write pairs of lists, the places of the"
            " observation's numbers and those of the actions"
        ) from error
    none = symmetry_from(spec, range(spec.state_width), range(spec.action_inputs))
    return (none, *found)


def _check_symmetries(games: PythonGames) -> None:
    try:
        check_symmetries(games)
    except ValueError as error:
        raise Fault(f"symmetries: {error}") from error


def _attribute(made_of: Any, name: str, example: str) -> Any:
    found = getattr(made_of, name, None)
    if found is None:
        raise Fault(f"it has no class attribute {name}: write one, as {name} = {example}")
    return found


def _check_attributes(own: Any) -> None:
    for name in _VALUES:
        if not hasattr(own, name):
            raise Fault(f"a new game has no {name}: set it in __init__, or make it a property")
        if callable(getattr(own, name)):
            raise Fault(f"{name} is a method: make it a property, by @property above it")


def _place(error: Exception) -> str:
    """What was raised, and the line of the user's that raised it: the last outside of Python's own
    library, of packages and of this one.
    """
    text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = frame.filename
        is_own = (
            not path.startswith(_HERE) and not path.startswith("<") and "site-packages" not in path
        )
        if is_own and not path.startswith((sys.base_prefix, sys.exec_prefix)):
            return f"{text} ({path}, line {frame.lineno})"
    return text
