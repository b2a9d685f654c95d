"""Whether an environment's shapes are such as can be had; asked before its first game."""

from __future__ import annotations

from math import prod

from trainingrun_contracts.environment_spec import MOST_ACTIONS, MOST_DIMENSIONS, MOST_NUMBERS

from trainingrun_environments.errors import UnknownEnvironment


def check_shapes(name: str, observation: tuple[int, ...], actions: int) -> None:
    """Raise UnknownEnvironment unless the shape of the observation and the number of the
    vocabulary's actions are such as a spec can have.
    """
    if not 1 <= len(observation) <= MOST_DIMENSIONS or min(observation) < 1:
        raise UnknownEnvironment(
            f"{name} has observations of shape {list(observation)}:"
            f" it needs one to {MOST_DIMENSIONS} sizes of 1 and more"
        )
    if prod(observation) > MOST_NUMBERS:
        raise UnknownEnvironment(
            f"{name} has observations of shape {list(observation)}, {prod(observation)} numbers:"
            f" at most {MOST_NUMBERS} can be had"
        )
    if not 1 <= actions <= MOST_ACTIONS:
        raise UnknownEnvironment(
            f"{name} has {actions} actions: a vocabulary has 1 to {MOST_ACTIONS};"
            " an engine of your own can describe actions by features in place of a number"
        )
