"""Finds the environment that a run names.

``spec_of`` is for who needs the shapes alone, as the learner; ``environment_of`` for who plays;
``games_of`` for who serves or searches.
Environments come as entry points of the group ``trainingrun.environments``, so a package that is
installed beside ours adds one: an ``Environment``, or a class as ``python_object`` describes it.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Final, cast

from trainingrun_contracts.environment_config import (
    BuiltIn,
    Engine,
    EnvironmentConfig,
    Magic,
    OpenSpiel,
    PettingZoo,
    Python,
)
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.own_parts import ENVIRONMENTS, UnknownPart

from trainingrun_environments import open_spiel, petting_zoo, python_object
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.games import Games
from trainingrun_environments.generic.environment import GenericEnvironment
from trainingrun_environments.generic.of_games import GamesEnvironment
from trainingrun_environments.seam import Environment

GROUP: Final = ENVIRONMENTS.group


def environment_of(config: EnvironmentConfig) -> Environment:
    """Return the environment that a run plays in.

    Raises:
        UnknownEnvironment: there is none of that name, or a package that it needs is missing.
    """
    match config:
        case Magic():
            return _named("magic")
        case BuiltIn(name):
            return _named(name)
        case Engine():
            return GenericEnvironment(
                EnvironmentSpec(
                    name=config.name,
                    version=config.version,
                    observation=config.observation,
                    actions=config.actions,
                    reward_bound=config.reward_bound,
                )
            )
        case OpenSpiel():
            return GamesEnvironment(open_spiel.games(config))
        case PettingZoo():
            return GamesEnvironment(petting_zoo.games(config))
        case Python():
            return GamesEnvironment(python_object.games(config))


def spec_of(config: EnvironmentConfig) -> EnvironmentSpec:
    """Return the shapes of the environment that a run plays in.

    Raises:
        UnknownEnvironment: there is none of that name, or a package that it needs is missing.
    """
    return environment_of(config).spec


def games_of(config: EnvironmentConfig) -> Games:
    """Return the games of an environment whose games live in this process.

    Raises:
        UnknownEnvironment: there is no such environment, or its games are an engine's.
    """
    found = environment_of(config)
    games: Games | None = getattr(found, "games", None)
    if games is None:
        raise UnknownEnvironment(
            f"the environment {found.spec.name!r} has no games that live in this process:"
            " its own engine serves them; run that in the place of this"
        )
    return games


def names() -> tuple[str, ...]:
    """Return the names of the environments that are installed."""
    return ENVIRONMENTS.names()


def _named(name: str) -> Environment:
    try:
        return _loaded(ENVIRONMENTS.find(name))
    except UnknownPart as error:
        raise UnknownEnvironment(str(error)) from error


def _loaded(point: EntryPoint) -> Environment:
    try:
        found = point.load()
    except Exception as error:
        raise UnknownEnvironment(
            f"the environment {point.name!r} ({point.value}) cannot be imported:"
            f" {type(error).__name__}: {error}"
        ) from error
    if isinstance(found, type):
        return GamesEnvironment(python_object.games_of_class(found))
    if not isinstance(getattr(found, "spec", None), EnvironmentSpec):
        raise UnknownEnvironment(
            f"the environment {point.name!r} ({point.value}) is no Environment:"
            " it has no attribute spec that is an EnvironmentSpec"
        )
    return cast(Environment, found)
