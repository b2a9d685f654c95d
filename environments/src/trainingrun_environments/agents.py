"""Scripted players that every environment has, and what a scripted player is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final, Protocol

ENGINE: Final = "engine"
"""The daemon's own player: it sits in the daemon, so nothing is asked of its seat here."""


class Agent(Protocol):
    """Chooses among the options of a question."""

    def choose(self, question: Any, random: Random) -> int:
        """Return the position of the chosen option."""


class RandomAgent:
    """Uniform over the options of each question, declining included."""

    def choose(self, question: Any, random: Random) -> int:
        """Any option, all equally likely."""
        return random.randrange(len(question.options))


Agents = Mapping[str, Callable[[], Agent]]
EVERYWHERE: Final[Agents] = {"random": RandomAgent}
