"""The kinds of choices that a game asks for, and the typed way to ask them.

A choice lists its options in the order in which clients see them; an answer is a position in that
list (-1 for none), or several. Whether positions are in range is the asker's affair (``session``
for clients); whether an answer in range is legal Magic is decided by the module that asks.
"""

from collections.abc import Generator
from enum import StrEnum
from typing import cast

from trainingrun_daemon.rules.mana import ManaCost
from trainingrun_daemon.rules.model import Answer, Card, Choice, Purpose, Target


class ActionKind(StrEnum):
    """What an action does."""

    LAND = "land"
    CAST = "cast"
    SUSPEND = "suspend"


class Action:
    """Something that a player with priority may do."""

    __slots__ = ("card", "cost", "kind", "variant")

    def __init__(self, kind: ActionKind, card: Card, cost: ManaCost, *, variant: str = "") -> None:
        self.kind = kind
        self.card = card
        self.cost = cost
        self.variant = variant
        """Name of an alternative cost, empty for the normal one."""


class ChooseAction(Choice):
    """Do something or pass; the answer is a position or -1."""

    __slots__ = ("actions",)

    def __init__(self, seat: int, actions: list[Action]) -> None:
        super().__init__(seat)
        self.actions = actions


class DeclareAttackers(Choice):
    """Choose attackers; the answer is a tuple of positions."""

    __slots__ = ("candidates",)

    def __init__(self, seat: int, candidates: list[Card]) -> None:
        super().__init__(seat)
        self.candidates = candidates


class DeclareBlockers(Choice):
    """Choose blockers; the answer is a tuple of (blocker, attacker) positions."""

    __slots__ = ("attackers", "candidates")

    def __init__(self, seat: int, candidates: list[Card], attackers: list[Card]) -> None:
        super().__init__(seat)
        self.candidates = candidates
        self.attackers = attackers


class ChooseEntity(Choice):
    """Choose a target; the answer is a position, or -1 when it may be declined."""

    __slots__ = ("amount", "entities", "message", "optional", "purpose", "source")

    def __init__(
        self,
        seat: int,
        entities: list[Target],
        *,
        source: Card,
        message: str,
        purpose: Purpose,
        amount: int = 0,
    ) -> None:
        super().__init__(seat)
        self.entities = entities
        self.source = source
        self.message = message
        self.purpose = purpose
        self.amount = amount
        self.optional = False


class ChooseCards(Choice):
    """Choose between ``minimum`` and ``maximum`` cards; the answer is a tuple of positions."""

    __slots__ = ("cards", "maximum", "message", "minimum", "purpose")

    def __init__(
        self, seat: int, cards: list[Card], *, count: int, message: str, purpose: Purpose
    ) -> None:
        super().__init__(seat)
        self.cards = cards
        self.minimum = count
        self.maximum = count
        self.message = message
        self.purpose = purpose


class Confirm(Choice):
    """Agree or not; the answer is a bool."""

    __slots__ = ("message", "purpose")

    def __init__(self, seat: int, *, message: str, purpose: Purpose) -> None:
        super().__init__(seat)
        self.message = message
        self.purpose = purpose


class Reveal(Choice):
    """Look at cards; there is nothing to answer."""

    __slots__ = ("cards", "message")

    def __init__(self, seat: int, cards: list[Card], *, message: str) -> None:
        super().__init__(seat)
        self.cards = cards
        self.message = message


def ask_action(choice: ChooseAction) -> Generator[Choice, Answer, Action | None]:
    """Ask for an action; None is a pass."""
    position = cast("int", (yield choice))
    return choice.actions[position] if position >= 0 else None


def ask_attackers(choice: DeclareAttackers) -> Generator[Choice, Answer, list[Card]]:
    """Ask for attackers."""
    positions = cast("tuple[int, ...]", (yield choice))
    return [choice.candidates[position] for position in positions]


def ask_blocks(choice: DeclareBlockers) -> Generator[Choice, Answer, list[tuple[Card, Card]]]:
    """Ask for blocks as (blocker, attacker) pairs."""
    pairs = cast("tuple[tuple[int, int], ...]", (yield choice))
    return [(choice.candidates[blocker], choice.attackers[attacker]) for blocker, attacker in pairs]


def ask_entity(choice: ChooseEntity) -> Generator[Choice, Answer, Target]:
    """Ask for a target; with one candidate there is nothing to ask."""
    if len(choice.entities) == 1:
        return choice.entities[0]
    position = cast("int", (yield choice))
    return choice.entities[max(position, 0)]


def ask_cards(choice: ChooseCards) -> Generator[Choice, Answer, list[Card]]:
    """Ask for cards; when all of them must be taken there is nothing to ask."""
    if len(choice.cards) <= choice.minimum:
        return list(choice.cards)
    positions = cast("tuple[int, ...]", (yield choice))
    return [choice.cards[position] for position in positions]


def ask_confirm(choice: Confirm) -> Generator[Choice, Answer, bool]:
    """Ask for yes or no."""
    return bool((yield choice))
