"""What an environment is to an actor.

A decision, a question and an option are values of the environment's own: an actor hands them from
one of its parts to the other and reads only what stands here.

    line ──dialogue──► decision ──answering──► question ──encoder──► observation
                                                  ▲                      │
                                                  └─ position ◄─ policy ─┘  … ──► answer line
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from msgspec import Struct
from trainingrun_contracts.environment_spec import EnvironmentSpec

from trainingrun_environments.agents import Agents
from trainingrun_environments.observation import Observation

Lead: TypeAlias = Callable[[Any], float]
"""Of a question: by how much the seat that is asked is ahead of the other, whose lead is the same
with the sign turned."""
Leads: TypeAlias = Mapping[str, Lead]


class Decision(Protocol):
    """One question of the daemon to one seat."""

    @property
    def seat(self) -> int | None:
        """Position (0 or 1) of the seat that is asked; None where the daemon names none."""


class Question(Protocol):
    """One choice among explicit options; a decision may take several."""

    @property
    def options(self) -> Sequence[Any]:
        """What may be chosen; never empty."""


class Shown(Struct, frozen=True):
    """A question as people read it.

    Attributes:
        text: the position as the seat that is asked sees it, of several lines.
        numbers: what each option is called by who answers it, in the question's order; all differ.
        texts: of the options.
    """

    text: str
    numbers: tuple[int, ...]
    texts: tuple[str, ...]


class Answering(Protocol):
    """The way from a decision to its answer line."""

    @property
    def question(self) -> Any:
        """The next ``Question``; None when the answer is complete."""

    def choose(self, position: int) -> None:
        """Choose the option at this position of the question."""

    @property
    def response(self) -> str:
        """The answer line, without its line end."""


class Encoder(Protocol):
    """Questions as arrays; one for each seat of a game, so that it may keep what repeats."""

    def encode(self, question: Any) -> Observation:
        """Deterministic, finite, within the bounds."""


class Dialogue(Protocol):
    """Reads what one connection is asked, and checks what it answers; games follow one another."""

    broken_loops: int
    """How many answers were given in the place of a seat that repeats itself."""

    def begin_game(self) -> None:
        """Forget the game before."""

    def read(self, raw: bytes) -> Any:
        """Decode a DECISION line into a ``Decision``; raises DecisionError."""

    def forced_answer(self, decision: Any) -> str | None:
        """Return the answer where the seat is not asked."""

    def checked(self, decision: Any, response: str) -> str:
        """Return the line to send for a seat's answer."""


class Environment(Protocol):
    """One environment."""

    @property
    def spec(self) -> EnvironmentSpec:
        """Its shapes."""

    @property
    def agents(self) -> Agents:
        """Scripted players by name; ``random`` is always one."""

    @property
    def leads(self) -> Leads:
        """What a seat can lead by, by the names that weights of shaped rewards have."""

    def new_dialogue(self) -> Dialogue:
        """Return a reader for one connection."""

    def answering(self, decision: Any) -> Answering:
        """Begin to answer a decision."""

    def tape_entry(self, decision: Any, answer: str) -> Any:
        """Return the ``TapeEntry`` of a decision and its answer; asked only of games that are
        written down.
        """

    def new_encoder(self) -> Encoder:
        """Return an encoder for one seat."""

    def show(self, question: Any) -> Shown:
        """Return a question for people; nothing in it is hidden from the seat that is asked. Texts
        are as long as the engine's.
        """
