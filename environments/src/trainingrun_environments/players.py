"""Scripted players by name: those of an environment, and those that packages add.

A package adds one by an entry point of the group ``trainingrun.opponents`` that names a class as
``agents.Agent`` describes it, made without arguments once a game. With an attribute
``environments``, a row of environments' names, it plays in these alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any, Final

from trainingrun_contracts.own_parts import OPPONENTS, PartFault, PartKind, described
from trainingrun_contracts.search_players import SEARCH_PLAYER_FORM

from trainingrun_environments.agents import ENGINE, Agent, Agents
from trainingrun_environments.errors import UnknownPlayer
from trainingrun_environments.seam import Environment

_METHOD: Final = "choose"


def players_of(environment: Environment, names: Iterable[str]) -> Agents:
    """Return the scripted players of these names, each as what makes one for a game.

    The engine's own player sits in the engine, and is left out.

    Raises:
        UnknownPlayer: the environment has none of that name, or its player searches (``mcts-100``):
            such are opponents of evaluations alone, which take them from elsewhere.
        UnknownPart: a package's cannot be had here, or is for other environments.
    """
    return {name: _player(environment, name) for name in dict.fromkeys(names) if name != ENGINE}


def _player(environment: Environment, name: str) -> Callable[[], Agent]:
    if OPPONENTS.is_ours(name):
        if SEARCH_PLAYER_FORM.fullmatch(name):
            raise UnknownPlayer(
                f"{name} searches, and nothing is trained against it: name it in"
                " evaluation.opponents alone"
            )
        known = environment.agents
        if name not in known:
            raise UnknownPlayer(
                f"{environment.spec.name} has no player {name!r}: name one of"
                f" {', '.join(sorted(known))}"
            )
        return known[name]
    check_environment(OPPONENTS, name, OPPONENTS.make(name, _METHOD), environment)
    made = OPPONENTS.load(name)
    return lambda: OwnAgent(name, made)


def check_environment(kind: PartKind, name: str, part: object, environment: Environment) -> None:
    """Raise UnknownPart where a part is for other environments than this."""
    wanted = getattr(part, "environments", None)
    if wanted is not None and environment.spec.name not in (known := tuple(map(str, wanted))):
        raise kind.refused(
            kind.find(name), f"is for {', '.join(known)}, and this is {environment.spec.name}"
        )


class OwnAgent:
    """A player of a user's: what it does wrong costs its game."""

    def __init__(self, name: str, made: Callable[[], Agent]) -> None:
        self._name = name
        self._made = made
        self._agent: Agent | None = None

    def choose(self, question: Any, random: Random) -> int:
        """See Agent.

        Raises:
            PartFault: it fails, or chooses what is no option.
        """
        try:
            if self._agent is None:
                self._agent = self._made()
            position = int(self._agent.choose(question, random))
        except Exception as error:
            raise PartFault(f"the opponent {self._name!r} failed: {described(error)}") from error
        if not 0 <= position < (count := len(question.options)):
            raise PartFault(
                f"the opponent {self._name!r} chose {position}, and the options are 0 to"
                f" {count - 1}: return the position of one"
            )
        return position
