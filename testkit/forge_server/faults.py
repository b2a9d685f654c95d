"""What a build of the original gets wrong, and which of its versions it is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """A known fault of the original."""

    FREE_MANA = "free-mana"
    """Mana costs are agreed to and not paid; spells are listed with or without lands for them."""
    VANISHING_SPELLS = "vanishing-spells"
    """Targets are never chosen: costs are paid, and the card is in no zone from then on."""
    NO_TRIGGERS = "no-triggers"
    """Triggered abilities are never put on the stack."""
    LOOPS = "loops"
    """Attacks that the rules do not allow are asked for again at once; actions have no limit."""
    CRASHES = "crashes"
    """``confirm_action`` without a mode, and costs paid with chosen cards, end the game."""


class Version(StrEnum):
    """A version of the original, by what clients notice."""

    OLDEST = "oldest"
    """No ``-o``, no ``-t``; an action that is chosen is not carried out."""
    OLDER = "older"
    """``-o`` with counts instead of cards; no ``-t``."""
    NEWER = "newer"
    """``-o`` with cards; ``-t``."""
    NEWEST = "newest"
    """``-o`` in the camelCase dialect, with ``ai_choice_index``."""

    @property
    def observes(self) -> bool:
        """Whether it knows ``-o``."""
        return self is not Version.OLDEST

    @property
    def limits_ai(self) -> bool:
        """Whether it knows ``-t``."""
        return self in (Version.NEWER, Version.NEWEST)


FAITHFUL: Final = frozenset(Fault)
REPAIRED: Final[frozenset[Fault]] = frozenset()


@dataclass(frozen=True, slots=True)
class Build:
    """One build of the original: a version with the faults that it has."""

    version: Version = Version.NEWER
    faults: frozenset[Fault] = FAITHFUL

    def has(self, fault: Fault) -> bool:
        """Return whether this build has a fault."""
        return fault in self.faults


class EngineError(Exception):
    """The engine failed in the middle of a game; the text is that of ``GAME_ERROR``."""


class ClientGoneError(EngineError):
    """The client's input has ended, or cannot be read."""

    def __init__(self) -> None:
        super().__init__("java.lang.RuntimeException: the agent's input has ended")
