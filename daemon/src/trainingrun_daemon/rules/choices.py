"""The kinds of choices that a game asks for, and the typed way to ask them.

A choice lists its options in the order in which clients see them, best first; an answer is a
position in that list (-1 for none), or several. Whether positions are in range is the asker's
affair (``session`` for clients); whether an answer in range is legal Magic is decided by the module
that asks. Every ``ask_…`` skips the question when there is nothing to decide.
"""

from collections.abc import Generator, Sequence
from enum import StrEnum
from typing import cast

from trainingrun_daemon.rules.enums import Purpose
from trainingrun_daemon.rules.mana import ManaCost
from trainingrun_daemon.rules.model import Activated, Card, CardFace, Special, Target, Way
from trainingrun_daemon.rules.steps import Answer, Choice


class ActionKind(StrEnum):
    """What an action does."""

    LAND = "land"
    CAST = "cast"
    SPECIAL = "special"
    ACTIVATE = "activate"


class Action:
    """Something that a player with priority may do."""

    __slots__ = ("ability", "card", "cost", "kind", "special", "way")

    def __init__(
        self,
        kind: ActionKind,
        card: Card,
        cost: ManaCost,
        *,
        way: Way | None = None,
        special: Special | None = None,
        ability: Activated | None = None,
    ) -> None:
        self.kind = kind
        self.card = card
        self.cost = cost
        self.way = way
        self.special = special
        self.ability = ability

    @property
    def variant(self) -> str:
        """Name of the way or special action, empty for the normal one."""
        if self.way is not None:
            return self.way.name
        return "" if self.special is None else self.special.name

    @property
    def face(self) -> CardFace:
        """The face that is played: that of the card or its other half."""
        if self.way is not None and self.way.face is not None:
            return self.way.face
        return self.card.face


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
        optional: bool = False,
    ) -> None:
        super().__init__(seat)
        self.entities = entities
        self.source = source
        self.message = message
        self.purpose = purpose
        self.amount = amount
        self.optional = optional


class ChooseCards(Choice):
    """Choose between ``minimum`` and ``maximum`` cards; the answer is a tuple of positions."""

    __slots__ = ("cards", "maximum", "message", "minimum", "purpose")

    def __init__(
        self,
        seat: int,
        cards: list[Card],
        *,
        count: tuple[int, int],
        message: str,
        purpose: Purpose,
    ) -> None:
        super().__init__(seat)
        self.cards = cards
        self.minimum, self.maximum = count
        self.message = message
        self.purpose = purpose


class ChooseAbility(Choice):
    """Choose one of several modes or names; the answer is a position."""

    __slots__ = ("abilities", "message", "source")

    def __init__(self, seat: int, abilities: Sequence[str], *, source: Card, message: str) -> None:
        super().__init__(seat)
        self.abilities = tuple(abilities)
        self.source = source
        self.message = message


class ConfirmKind(StrEnum):
    """Which of the three yes-or-no decisions a Confirm is on the wire."""

    ACTION = "confirm_action"
    TRIGGER = "play_trigger"
    FROM_EFFECT = "play_from_effect"


class Confirm(Choice):
    """Agree or not; the answer is 1 or 0. ``is_wise`` is what the engine's AI answers; ``source``
    is the card that asks, where one does."""

    __slots__ = ("is_wise", "kind", "message", "purpose", "source")

    def __init__(
        self,
        seat: int,
        *,
        message: str,
        purpose: Purpose,
        kind: ConfirmKind = ConfirmKind.ACTION,
        is_wise: bool = True,
        source: Card | None = None,
    ) -> None:
        super().__init__(seat)
        self.message = message
        self.purpose = purpose
        self.kind = kind
        self.is_wise = is_wise
        self.source = source


class AnnounceValue(Choice):
    """Name a number such as X; the answer is a number from ``minimum`` to ``maximum``."""

    __slots__ = ("maximum", "message", "minimum", "source")

    def __init__(self, seat: int, *, limits: tuple[int, int], source: Card, message: str) -> None:
        super().__init__(seat)
        self.minimum, self.maximum = limits
        self.source = source
        self.message = message


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


def ask_entity(choice: ChooseEntity) -> Generator[Choice, Answer, Target | None]:
    """Ask for a target; with one candidate that must be taken, or none, there is no question."""
    if not choice.entities:
        return None
    if len(choice.entities) == 1 and not choice.optional:
        return choice.entities[0]
    position = cast("int", (yield choice))
    if position < 0 and choice.optional:
        return None
    return choice.entities[max(position, 0)]


def ask_cards(choice: ChooseCards) -> Generator[Choice, Answer, list[Card]]:
    """Ask for cards; when all of them must be taken, or none may, there is nothing to ask."""
    if len(choice.cards) <= choice.minimum or not choice.maximum:
        return list(choice.cards[: choice.maximum])
    positions = cast("tuple[int, ...]", (yield choice))
    return [choice.cards[position] for position in positions]


def ask_ability(choice: ChooseAbility) -> Generator[Choice, Answer, int]:
    """Ask for one of several modes; gives its position."""
    if len(choice.abilities) == 1:
        return 0
    return max(cast("int", (yield choice)), 0)


def ask_confirm(choice: Confirm) -> Generator[Choice, Answer, bool]:
    """Ask for yes or no."""
    return bool((yield choice))


def ask_value(choice: AnnounceValue) -> Generator[Choice, Answer, int]:
    """Ask for a number."""
    if choice.minimum >= choice.maximum:
        return choice.minimum
    return cast("int", (yield choice))
