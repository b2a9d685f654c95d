"""Environments of PettingZoo: its AEC form, two agents who take turns, legal actions by a mask."""

from __future__ import annotations

from copy import deepcopy
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from trainingrun_contracts.environment_config import PettingZoo
from trainingrun_contracts.environment_spec import FEATURE_BOUND, EnvironmentSpec, Vocabulary

from trainingrun_environments.compression import Float32, compressed
from trainingrun_environments.errors import GameFault, UnknownEnvironment
from trainingrun_environments.games import Game
from trainingrun_environments.probing import Fault, check_by_playing
from trainingrun_environments.shapes import check_shapes

_PROBED_MOVES: Final = 8


def games(config: PettingZoo) -> PettingZooGames:
    """Return the games of a run.

    Raises:
        UnknownEnvironment: PettingZoo is not installed, has no such environment, or it is not for
            two agents who take turns and say which actions are legal.
    """
    make = _Maker(config.environment)
    found = PettingZooGames(make, make())
    try:
        check_by_playing(found)
    except Fault as fault:
        raise UnknownEnvironment(f"{make.title}: {fault}") from fault
    except GameFault as error:
        raise UnknownEnvironment(str(error)) from error
    return found


class _Maker:
    """Makes an environment by its name: one of PettingZoo's, or a module of anyone's with a
    function ``env``.
    """

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.title: Final = f"the PettingZoo environment {name!r}"
        self._library = _pettingzoo()
        try:
            self._known = self._library.spec("aec", name.replace(".", "/"))
        except Exception:
            self._known = None

    @property
    def version(self) -> str:
        """Of the library, for an environment of its own; others carry theirs in their name."""
        return "1" if self._known is None else f"pettingzoo {version('pettingzoo')}"

    def __call__(self) -> Any:
        """Make one.

        Raises:
            UnknownEnvironment: there is none of that name, or it cannot be made.
        """
        try:
            if self._known is not None:
                return self._library.make("aec", self._known)
            return import_module(self.name).env()
        except Exception as error:
            raise UnknownEnvironment(
                f"{self.title} cannot be made: {self._reason(error)}"
            ) from error

    def _reason(self, error: Exception) -> str:
        reason = error.__cause__ or error
        if not isinstance(reason, ModuleNotFoundError) or reason.name is None:
            return f"{type(reason).__name__}: {' '.join(str(reason).split())[:300]}"
        if self._known is not None:
            family = self.name.partition(".")[0]
            return f"it needs the module {reason.name}: pip install 'pettingzoo[{family}]'"
        if f"{self.name}.".startswith(f"{reason.name}."):
            return (
                "PettingZoo has none of that name, and there is no such module: name one as"
                " classic.connect_four_v3, or a module of yours that has a function env"
            )
        return f"it needs the module {reason.name}, which is not installed"


class PettingZooGames:
    """The games of one environment; see Games."""

    def __init__(self, make: _Maker, env: Any) -> None:
        self._make = make
        env.reset(seed=0)
        seen = _space_of(make.title, env)
        actions = _actions_of(make.title, env)
        check_shapes(make.title, seen.shape, actions)
        edges = (float(np.max(seen.high)), -float(np.min(seen.low)))
        self._is_large = max(edges) > FEATURE_BOUND
        self.spec: Final = EnvironmentSpec(
            name=make.name,
            version=make.version + (" log" if self._is_large else ""),
            observation=tuple(seen.shape),
            actions=Vocabulary(actions),
            reward_bound=float(env.metadata.get("reward_bound", 1.0)),
            is_forkable=_can_be_copied(env),
        )

    def new(self, seed: int) -> PettingZooGame:
        """See Games."""
        env = self._make()
        env.reset(seed=seed)
        return PettingZooGame(env, self.spec, is_large=self._is_large)

    def describe(self, _game: Game, action: int) -> str:
        """See Games: PettingZoo has no words for an action."""
        return f"action {action}"


class PettingZooGame:
    """One game; see Game. Player 0 is the first of the environment's possible agents."""

    def __init__(self, env: Any, spec: EnvironmentSpec, *, is_large: bool) -> None:
        self._env = env
        self._spec = spec
        self._is_large = is_large
        self._agents: tuple[str, ...] = tuple(env.possible_agents)
        self._seen: dict[int, Any] = {}
        self._returns = [0.0, 0.0]
        self.current_player = 0
        self.is_terminal = False
        self._go_to_turn()

    @property
    def returns(self) -> tuple[float, float]:
        """See Game."""
        return self._returns[0], self._returns[1]

    def legal_actions(self) -> list[int]:
        """See Game."""
        if self.is_terminal:
            return []
        found: list[int] = np.flatnonzero(self._see(self.current_player)["action_mask"]).tolist()
        return found

    def apply(self, action: int) -> None:
        """See Game.

        Raises:
            GameFault: the rewards so far are beyond the bound.
        """
        self._seen = {}
        self._env.step(action)
        for player, agent in enumerate(self._agents):
            self._returns[player] += float(self._env.rewards.get(agent, 0.0))
        self._check_returns()
        self._go_to_turn()

    def observation(self, player: int) -> Float32:
        """See Game."""
        found: npt.NDArray[Any] = self._see(player)["observation"]
        return compressed(found) if self._is_large else found.astype(np.float32)

    def clone(self) -> PettingZooGame:
        """See Game."""
        other: PettingZooGame = object.__new__(PettingZooGame)
        vars(other).update(vars(self))
        other._env = _copied(self._env)
        other._returns = list(self._returns)
        other._seen = dict(self._seen)
        return other

    def render(self) -> str:
        """See Game: few environments can be written, so it is what player 0 sees."""
        return np.array2string(self.observation(0), threshold=2000)

    def _see(self, player: int) -> Any:
        if player not in self._seen:
            self._seen[player] = self._env.observe(self._agents[player])
        return self._seen[player]

    def _go_to_turn(self) -> None:
        """Find who is next; an agent that is out is asked for nothing, as AEC wants it."""
        env = self._env
        while any(not _is_out(env, agent) for agent in env.agents):
            agent = env.agent_selection
            if not _is_out(env, agent):
                self.current_player = self._agents.index(agent)
                return
            env.step(None)
        self.is_terminal = True

    def _check_returns(self) -> None:
        bound = self._spec.reward_bound
        if not all(abs(each) <= bound for each in self._returns):
            raise GameFault(
                f"the PettingZoo environment {self._spec.name!r} gave rewards of"
                f" {self._returns[0]:g} and {self._returns[1]:g} in one game, and its bound is"
                f" {bound:g}: declare metadata['reward_bound'] in the environment"
            )


def _is_out(env: Any, agent: str) -> bool:
    return bool(env.terminations[agent] or env.truncations[agent])


def _pettingzoo() -> Any:
    try:
        return import_module("pettingzoo")
    except ImportError as error:
        raise UnknownEnvironment(
            f"PettingZoo cannot be imported ({error}):"
            " pip install 'trainingrun-environments[petting-zoo]'"
        ) from error


def _space_of(title: str, env: Any) -> Any:
    """Return the space of the observations of both agents; both must be alike."""
    agents = getattr(env, "possible_agents", ())
    if len(agents) != 2:
        raise UnknownEnvironment(
            f"{title} has {len(agents)} agents: trainings are of games for two"
        )
    spaces = [env.observation_space(agent) for agent in agents]
    if not all(_has(space, "observation") and _has(space, "action_mask") for space in spaces):
        raise UnknownEnvironment(
            f"{title} does not say which actions are legal: its observation must be a Dict with"
            " observation and action_mask, so wrap it in one that adds the mask"
        )
    first, second = (space["observation"] for space in spaces)
    if not hasattr(first, "low") or first.shape != second.shape:
        raise UnknownEnvironment(
            f"{title} has observations {first} and {second}: both must be a Box of the same shape"
        )
    return first


def _has(space: Any, key: str) -> bool:
    return key in getattr(space, "spaces", {})


def _actions_of(title: str, env: Any) -> int:
    first, second = (env.action_space(agent) for agent in env.possible_agents)
    if not (hasattr(first, "n") and first == second and int(first.start) == 0):
        raise UnknownEnvironment(
            f"{title} has actions {first} and {second}: both must be the same Discrete from 0"
        )
    return int(first.n)


def _can_be_copied(env: Any) -> bool:
    """Whether a copy has the state, and goes its own way; plays some moves of the environment."""
    try:
        for _ in range(_PROBED_MOVES):
            agent = env.agent_selection
            if _is_out(env, agent):
                break
            other = _copied(env)
            before = _as_bytes(env, agent)
            if _as_bytes(other, agent) != before:
                return False
            action = int(np.flatnonzero(env.observe(agent)["action_mask"])[0])
            other.step(action)
            if _as_bytes(env, agent) != before:
                return False
            env.step(action)
            if [_as_bytes(env, each) for each in env.agents] != [
                _as_bytes(other, each) for each in other.agents
            ]:
                return False
    except Exception:
        return False
    return True


def _as_bytes(env: Any, agent: str) -> bytes:
    seen = env.observe(agent)
    return bytes(seen["observation"].tobytes() + seen["action_mask"].tobytes())


def _copied(env: Any) -> Any:
    """Return an environment in the same state, its wrappers included. Neither ``deepcopy`` nor
    pickle does: most environments are written to come out of them as on the first day.
    """
    chain = [env]
    while "env" in vars(chain[-1]):
        chain.append(vars(chain[-1])["env"])
    copies = {id(each): object.__new__(type(each)) for each in chain}
    # Spaces only describe; sharing them is most of the speed.
    memo: dict[int, Any] = {**copies}
    for each in chain:
        for key, value in vars(each).items():
            if key in ("observation_spaces", "action_spaces"):
                memo[id(value)] = value
    for each in chain:
        vars(copies[id(each)]).update(deepcopy(vars(each), memo))
    return copies[id(env)]
