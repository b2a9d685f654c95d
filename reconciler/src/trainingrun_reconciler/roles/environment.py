"""The environment of a run as its roles read it: in the run configuration, and on the command line
of a daemon, which reads no configuration.
"""

from __future__ import annotations

import msgspec
from trainingrun_api.environment import EngineEnvironment, Environment
from trainingrun_contracts.environment_config import (
    BuiltIn,
    Engine,
    EnvironmentConfig,
    Magic,
    OpenSpiel,
    Parameter,
    PettingZoo,
    Python,
)
from trainingrun_contracts.environment_spec import Features, Vocabulary


def environment_config(spec: Environment) -> EnvironmentConfig:
    """The environment in the run configuration."""
    if spec.built_in is not None:
        return BuiltIn(spec.built_in.name)
    if spec.open_spiel is not None:
        given = spec.open_spiel.parameters
        return OpenSpiel(spec.open_spiel.game, {name: _value(given[name]) for name in given})
    if spec.petting_zoo is not None:
        return PettingZoo(spec.petting_zoo.environment)
    if spec.python is not None:
        return Python(spec.python.object)
    return Magic() if spec.engine is None else _engine(spec.engine)


def environment_argument(config: EnvironmentConfig) -> str | None:
    """What `trainingrun-daemon --environment` is given; None where it is not needed, or where the
    daemon is somebody else's program.
    """
    match config:
        case Magic() | Engine():
            return None
        case BuiltIn(name):
            return name
        case PettingZoo(environment):
            return f"pettingZoo:{environment}"
        case Python(found):
            return f"python:{found}"
        case OpenSpiel(game, parameters):
            if parameters or "(" in game:
                return msgspec.json.encode(config, order="sorted").decode()
            return f"openSpiel:{game}"


def _engine(spec: EngineEnvironment) -> Engine:
    features, vocabulary = spec.actions.features, spec.actions.vocabulary
    if features is not None:
        actions: Features | Vocabulary = Features(features.width)
    else:
        assert vocabulary is not None, "actions are described in one way"
        actions = Vocabulary(vocabulary.size)
    return Engine(
        name=spec.name,
        observation=spec.observation,
        actions=actions,
        version=spec.version,
        reward_bound=spec.reward_bound,
    )


def _value(text: str) -> Parameter:
    """A parameter as it was written; what kind a text stands for, the game knows."""
    try:
        return int(text)
    except ValueError:
        return text
