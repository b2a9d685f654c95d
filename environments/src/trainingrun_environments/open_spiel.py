"""Games of OpenSpiel: two players who take turns, with chance that can be drawn from a seed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from random import Random
from typing import Any, Final

from trainingrun_contracts.environment_config import OpenSpiel, Parameter
from trainingrun_contracts.environment_spec import FEATURE_BOUND, EnvironmentSpec, Vocabulary

from trainingrun_environments.compression import Float32, compressed, greatest
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.games import Game
from trainingrun_environments.shapes import check_shapes

_PROBED_MOVES: Final = 1000
_KINDS: Final[Mapping[type, str]] = {bool: "true or false", int: "an integer", float: "a number"}

Observe = Callable[[Any, int], Float32]
"""What a player (0 or 1) sees of a state."""


def games(config: OpenSpiel) -> OpenSpielGames:
    """Return the games of a run.

    Raises:
        UnknownEnvironment: OpenSpiel is not installed, has no such game, or the game is not for
            two players who take turns.
    """
    pyspiel = _pyspiel()
    _check_config(pyspiel, config)
    try:
        if config.parameters:
            game = pyspiel.load_game(config.game, _parameters(pyspiel, config))
        else:
            game = pyspiel.load_game(config.game)
        _check_kind(pyspiel, game)
        # Many a parameter is checked by OpenSpiel no earlier than at the first state.
        return OpenSpielGames(pyspiel, game)
    except (pyspiel.SpielError, ValueError, TypeError, RuntimeError, IndexError) as error:
        raise UnknownEnvironment(
            f"OpenSpiel refuses the game {config.game!r}"
            f"{_parameters_text(config.parameters)}: {_reason(error)}"
        ) from error


class OpenSpielGames:
    """The games of one OpenSpiel game with its parameters; see Games."""

    def __init__(self, pyspiel: Any, game: Any) -> None:
        self._game = game
        self._has_chance = game.get_type().chance_mode != pyspiel.GameType.ChanceMode.DETERMINISTIC
        tensor, shape = _tensor_of(pyspiel, game)
        check_shapes(f"the OpenSpiel game '{game}'", shape, game.num_distinct_actions())
        observe = _observer(game, tensor, shape)
        is_large = _greatest_seen(game, observe) > FEATURE_BOUND
        self._observe = _compressing(observe) if is_large else observe
        self.spec: Final = EnvironmentSpec(
            name=str(game.get_type().short_name),
            version=_version_of(game, f"{tensor} log" if is_large else tensor),
            observation=shape,
            actions=Vocabulary(game.num_distinct_actions()),
            reward_bound=max(abs(game.min_utility()), abs(game.max_utility())),
            is_forkable=not _hides(pyspiel, game) and not self._has_chance,
        )

    def new(self, seed: int) -> OpenSpielGame:
        """See Games."""
        chance = Random(seed) if self._has_chance else None
        return OpenSpielGame(self._game.new_initial_state(), chance, self._observe)

    def describe(self, game: Game, action: int) -> str:
        """See Games."""
        assert isinstance(game, OpenSpielGame)
        return " ".join(str(game.state.action_to_string(game.current_player, action)).split())


class OpenSpielGame:
    """One game; see Game. Chance plays at once, so that a player is always on turn."""

    def __init__(self, state: Any, chance: Random | None, observe: Observe) -> None:
        self.state: Final = state
        self._chance = chance
        self._observe = observe
        if chance is not None:
            _play_chance(state, chance)

    @property
    def current_player(self) -> int:
        """See Game."""
        return int(self.state.current_player())

    @property
    def is_terminal(self) -> bool:
        """See Game."""
        return bool(self.state.is_terminal())

    @property
    def returns(self) -> tuple[float, float]:
        """See Game."""
        first, second = self.state.returns()
        return first, second

    def legal_actions(self) -> list[int]:
        """See Game."""
        found: list[int] = self.state.legal_actions()
        return found

    def apply(self, action: int) -> None:
        """See Game."""
        self.state.apply_action(action)
        if self._chance is not None:
            _play_chance(self.state, self._chance)

    def observation(self, player: int) -> Float32:
        """See Game."""
        return self._observe(self.state, player)

    def clone(self) -> OpenSpielGame:
        """See Game."""
        chance = None
        if self._chance is not None:
            chance = Random()
            chance.setstate(self._chance.getstate())
        return OpenSpielGame(self.state.clone(), chance, self._observe)

    def render(self) -> str:
        """See Game."""
        return str(self.state).rstrip("\n")

    def render_for(self, player: int) -> str:
        """See RendersForPlayers; empty where OpenSpiel has no text of what a player knows."""
        kind = self.state.get_game().get_type()
        if kind.provides_information_state_string:
            return str(self.state.information_state_string(player)).rstrip("\n")
        if kind.provides_observation_string:
            return str(self.state.observation_string(player)).rstrip("\n")
        return ""


def _pyspiel() -> Any:
    try:
        return import_module("pyspiel")
    except ImportError as error:
        raise UnknownEnvironment(
            f"OpenSpiel cannot be imported ({error}):"
            " pip install 'trainingrun-environments[open-spiel]'"
        ) from error


def _check_config(pyspiel: Any, config: OpenSpiel) -> None:
    """Find the likely faults before OpenSpiel does: what it refuses it also writes to stderr."""
    name = config.game.partition("(")[0]
    known = pyspiel.registered_names()
    if name not in known:
        near = get_close_matches(name, known, n=1)
        raise UnknownEnvironment(
            f"OpenSpiel has no game {name!r}"
            + (f": did you mean {near[0]}?" if near else "; pyspiel.registered_names() lists them")
        )
    if "(" in config.game and config.parameters:
        raise UnknownEnvironment(
            f"the OpenSpiel game {config.game!r} has its parameters in brackets already:"
            " leave out parameters, or write them all there"
        )


def _reason(error: Exception) -> str:
    """What OpenSpiel says, without the place in its source that comes before."""
    return re.sub(r"^/\S+:\d+ ", "", " ".join(str(error).split()))[:300]


def _parameters_text(parameters: Mapping[str, Parameter]) -> str:
    return " with " + ", ".join(f"{k} {v!r}" for k, v in parameters.items()) if parameters else ""


def _parameters(pyspiel: Any, config: OpenSpiel) -> dict[str, Parameter]:
    """Return the parameters as OpenSpiel takes them."""
    kind = next(each for each in pyspiel.registered_games() if each.short_name == config.game)
    known = kind.parameter_specification
    found: dict[str, Parameter] = {}
    for name, value in config.parameters.items():
        if name not in known:
            raise UnknownEnvironment(
                f"the OpenSpiel game {config.game!r} has no parameter {name!r}:"
                f" it has {', '.join(sorted(known)) or 'none'}"
            )
        wanted = type(known[name])
        found[name] = _as_kind(wanted, value)
        if wanted in (bool, int, float, str) and type(found[name]) is not wanted:
            raise UnknownEnvironment(
                f"the parameter {name!r} of the OpenSpiel game {config.game!r} is {value!r}:"
                f" it must be {_KINDS.get(wanted, 'a text')}, as {known[name]!r}"
            )
    return found


def _as_kind(wanted: type, value: Parameter) -> Parameter:
    """Return a value of the kind wanted, where it says one: YAML writes 7.0 as 7, and in a
    TrainingRun all but integers are text.
    """
    if wanted is float and type(value) in (int, str):
        try:
            return float(value)
        except ValueError:
            return value
    if wanted is bool and value in ("true", "false"):
        return value == "true"
    return str(value) if wanted is str and type(value) is int else value


def _check_kind(pyspiel: Any, game: Any) -> None:
    kind = game.get_type()
    name = f"the OpenSpiel game {kind.short_name!r}"
    if game.num_players() != 2:
        remedy = (
            ": set its parameter players to 2"
            if kind.min_num_players <= 2 <= kind.max_num_players
            else "; trainings are of games for two"
        )
        raise UnknownEnvironment(f"{name} has {game.num_players()} players{remedy}")
    if kind.dynamics != pyspiel.GameType.Dynamics.SEQUENTIAL:
        raise UnknownEnvironment(
            f"{name} has players move at the same time: make turns of it with the game"
            f" turn_based_simultaneous_game(game={game})"
        )
    if kind.reward_model != pyspiel.GameType.RewardModel.TERMINAL:
        raise UnknownEnvironment(
            f"{name} rewards moves before the end: only games that reward their end can be had;"
            " write a class of your own around it, as environment.python"
        )
    if kind.chance_mode == pyspiel.GameType.ChanceMode.SAMPLED_STOCHASTIC:
        raise UnknownEnvironment(
            f"{name} draws its chance by itself, so no seed repeats a game: choose one with"
            " explicit chance, as kuhn_poker"
        )


def _hides(pyspiel: Any, game: Any) -> bool:
    """Whether players do not see all of the state. A search of copies would see it, as it would see
    the chance to come, which a copy draws as the game itself will.
    """
    known = game.get_type().information
    return bool(known != pyspiel.GameType.Information.PERFECT_INFORMATION)


def _tensor_of(pyspiel: Any, game: Any) -> tuple[str, tuple[int, ...]]:
    """Which tensor players see, and its shape. With hidden information it is the one that forgets
    nothing: without what was bet before, no policy is an equilibrium.
    """
    kind = game.get_type()
    if kind.provides_information_state_tensor and (
        _hides(pyspiel, game) or not kind.provides_observation_tensor
    ):
        return "information_state", tuple(game.information_state_tensor_shape())
    if kind.provides_observation_tensor:
        return "observation", tuple(game.observation_tensor_shape())
    raise UnknownEnvironment(
        f"the OpenSpiel game {kind.short_name!r} has no tensor of what a player sees:"
        " write a class of your own around it, as environment.python"
    )


def _observer(game: Any, tensor: str, shape: tuple[int, ...]) -> Observe:
    """Return what writes a tensor into an array: three times as fast as a list of its numbers."""
    observing = import_module("open_spiel.python.observation")
    kind = observing.INFO_STATE_OBS_TYPE if tensor == "information_state" else None
    observer = observing.make_observation(game, kind)
    numbers = observer.tensor.reshape(shape)

    def observe(state: Any, player: int) -> Float32:
        observer.set_from(state, player)
        found: Float32 = numbers.copy()
        return found

    return observe


def _compressing(observe: Observe) -> Observe:
    return lambda state, player: compressed(observe(state, player))


def _greatest_seen(game: Any, observe: Observe) -> float:
    """Return the largest number that players see in some hundred moves; always the same moves."""
    random = Random(0)
    found = 0.0
    state = game.new_initial_state()
    for _ in range(_PROBED_MOVES):
        _play_chance(state, random)
        if state.is_terminal():
            state = game.new_initial_state()
            continue
        found = max(found, *(greatest(observe(state, player)) for player in (0, 1)))
        state.apply_action(random.choice(state.legal_actions()))
    return found


def _play_chance(state: Any, random: Random) -> None:
    while state.is_chance_node():
        outcomes, weights = zip(*state.chance_outcomes(), strict=True)
        state.apply_action(random.choices(outcomes, weights)[0])


def _version_of(game: Any, tensor: str) -> str:
    """Library, tensor, and parameters as digits: what the numbers mean hangs on all of them."""
    digits = hashlib.sha256(str(game).encode()).hexdigest()[:8]
    return f"open_spiel {version('open_spiel')} {tensor} {digits}"
