"""What is printed on a card: abilities and costs as values that functions are attached to.

Border: nothing here changes in a game. Faces are shared by all games and compare by identity. The
types of the state (``model``) appear in annotations only: state is made of faces, not the other
way round.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, Union

from trainingrun_daemon.rules.enums import (
    Bar,
    Event,
    Keyword,
    Layer,
    PaymentKind,
    Purpose,
    Use,
    Zone,
)
from trainingrun_daemon.rules.mana import FREE, ManaCost

if TYPE_CHECKING:
    from trainingrun_daemon.rules.model import Card, Game, Happening, Player, StackItem


class Choice:
    """A question to a seat; the kinds are in ``choices``."""

    __slots__ = ("seat",)

    def __init__(self, seat: int) -> None:
        self.seat = seat


Answer: TypeAlias = int | tuple[int, ...] | tuple[tuple[int, int], ...] | None
Steps: TypeAlias = Generator[Choice, Answer, None]
"""Part of a game: yields choices, is sent their answers."""

Effect: TypeAlias = Callable[["Game", "StackItem"], Steps | None]
"""What a spell or ability does; returns None when no player decides anything."""

Target: TypeAlias = Union["Card", "Player", "StackItem"]
"""What can be chosen: a card, a player, or a spell on the stack."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Who chooses a target for what: the things that its legality depends on."""

    seat: int
    source: Card
    chosen: tuple[Target | None, ...] = ()
    """Targets chosen before it for the same spell or ability."""
    x: int = 0
    about: Card | None = None
    """The card that the event of a triggered ability was about."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetSpec:
    """One target of a spell or ability.

    ``candidates`` gives what may be chosen, in any order; hexproof and the like are checked
    elsewhere. ``amount`` is the damage that is dealt to it (for the order of the list).
    """

    text: str
    candidates: Callable[[Game, Aim], list[Target]]
    purpose: Purpose
    amount: int = 0
    amount_by: Callable[[Aim, Card | Player], int] | None = None
    """The damage where it depends on X or on what is damaged."""
    optional: bool = False
    """"Up to one": nothing may be chosen."""
    when_chosen: Callable[[Game, Target], bool] | None = None
    """A limit that counts only when the target is chosen, such as one that the cost depends on."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Payment:
    """A part of a cost that is not mana. ``what`` says which cards qualify, given the source."""

    kind: PaymentKind
    amount: int = 1
    what: Callable[[Card, Card], bool] | None = None
    counter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mode:
    """One of the modes of a spell ("choose one"). ``cost`` is paid besides (spree)."""

    text: str
    effect: Effect
    targets: tuple[TargetSpec, ...] = ()
    cost: ManaCost = FREE
    use: Use = Use.VALUE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Way:
    """Another way to cast a card: kicker, spectacle, flashback, plot, the other half, …

    A kicker is a way, too: the one with the greater cost. ``StackItem.way`` and ``Card.cast_way``
    keep the name, so that effects can ask for it.
    """

    name: str
    cost: ManaCost
    zone: Zone = Zone.HAND
    condition: Callable[[Game, Card], bool] | None = None
    discount: Callable[[Game, Card], int] | None = None
    """Generic mana that it costs less."""
    payments: tuple[Payment, ...] = ()
    face: CardFace | None = None
    """The other half, when it is that which is cast (adventure, omen)."""
    exiled_after: bool = False
    """Whether the card goes to exile whenever it leaves the stack (flashback)."""
    after: Callable[[Game, Card], None] | None = None
    """Puts the card away when it has resolved, instead of into the graveyard (adventure)."""
    at_instant_speed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Special:
    """A special action with a card in hand that does not use the stack: suspend, plot."""

    name: str
    cost: ManaCost
    act: Callable[[Game, Card], None]
    at_instant_speed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ManaAbility:
    """``{T}: add one mana`` of one of these colours (``WUBRGC``)."""

    colors: str
    condition: Callable[[Game, Card], bool] | None = None
    only_for: Callable[[CardFace], bool] | None = None
    """Spells that the mana may be spent on; None for anything."""
    is_sacrificed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Activated:
    """An activated ability: ``cost: effect``."""

    text: str
    effect: Effect
    cost: ManaCost = FREE
    payments: tuple[Payment, ...] = ()
    targets: tuple[TargetSpec, ...] = ()
    condition: Callable[[Game, Card], bool] | None = None
    discount: Callable[[Game, Card], int] | None = None
    """Generic mana that it costs less."""
    at_sorcery_speed: bool = False
    once_a_turn: bool = False
    zone: Zone = Zone.BATTLEFIELD
    use: Use = Use.ENGINE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trigger:
    """A triggered ability of a permanent. ``condition`` is asked when the event happens."""

    event: Event
    text: str
    effect: Effect
    condition: Callable[[Game, Card, Happening], bool]
    still: Callable[[Game, StackItem], bool] | None = None
    """An "if" that is asked again on resolution (rule 603.4)."""
    targets: tuple[TargetSpec, ...] = ()
    optional: bool = False
    """"You may": its controller is asked on resolution."""
    once_a_turn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Static:
    """A continuous effect of a permanent, applied in its layer (rule 613)."""

    layer: Layer
    applies: Callable[[Game, Card, Card], bool]
    """Whether the source (first card) changes the other card."""
    change: Callable[[Game, Card, Card], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tax:
    """A static ability that makes spells cost more generic mana, or less (negative)."""

    amount: int
    applies: Callable[[Card, CardFace, int], bool]
    """Whether the source (first) taxes a spell with this face cast by this seat."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CardFace:
    """Everything printed on a card."""

    name: str
    cost: ManaCost = FREE
    types: str
    text: str = ""
    power: int = 0
    toughness: int = 0
    loyalty: int = 0
    colors: str = ""
    keywords: frozenset[Keyword] = frozenset()
    mana: tuple[ManaAbility, ...] = ()
    spell: Effect | None = None
    targets: tuple[TargetSpec, ...] = ()
    modes: tuple[Mode, ...] = ()
    choose_modes: tuple[int, int] = (1, 1)
    """Least and greatest number of different modes chosen."""
    payments: tuple[Payment, ...] = ()
    """Additional costs, whichever way it is cast."""
    is_castable: bool = True
    """False when only ``ways`` lead to the stack, for example one of two additional costs."""
    ways: tuple[Way, ...] = ()
    specials: tuple[Special, ...] = ()
    discount: Callable[[Game, Card], int] | None = None
    """Generic mana that this spell costs less."""
    activated: tuple[Activated, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    statics: tuple[Static, ...] = ()
    taxes: tuple[Tax, ...] = ()
    bars: frozenset[Bar] = frozenset()
    protection: Callable[[Card], bool] | None = None
    """Which sources it has protection from."""
    protection_text: str = ""
    evasion: Callable[[Card], bool] | None = None
    """Which creatures can not block it."""
    as_enters: Callable[[Game, Card], Steps | None] | None = None
    """Enters tapped, with counters, with a choice: before anything triggers (rule 614.12)."""
    chapters: tuple[Mode, ...] = ()
    """Chapter abilities of a saga, from I."""
    back: CardFace | None = None
    """The other side of a double-faced card."""
    use: Use = Use.VALUE
    is_creature: bool = field(init=False)
    is_land: bool = field(init=False)
    is_instant: bool = field(init=False)
    is_sorcery: bool = field(init=False)
    is_planeswalker: bool = field(init=False)
    is_enchantment: bool = field(init=False)
    is_artifact: bool = field(init=False)
    is_legendary: bool = field(init=False)
    is_permanent: bool = field(init=False)
    is_basic: bool = field(init=False)
    is_aura: bool = field(init=False)
    subtypes: frozenset[str] = field(init=False)
    has_restricted_mana: bool = field(init=False)
    mana_rank: int = field(init=False)
    """How much its mana is spared: basic lands are tapped first, creatures and treasures last."""

    def __post_init__(self) -> None:
        line, _, subtypes = self.types.partition(" - ")
        parts = set(line.split())
        for word in (
            "Creature",
            "Land",
            "Instant",
            "Sorcery",
            "Enchantment",
            "Artifact",
            "Planeswalker",
            "Legendary",
            "Basic",
        ):
            object.__setattr__(self, f"is_{word.lower()}", word in parts)
        object.__setattr__(self, "is_permanent", not parts & {"Instant", "Sorcery"})
        object.__setattr__(self, "subtypes", frozenset(subtypes.split()))
        object.__setattr__(self, "is_aura", "Aura" in self.subtypes)
        restricted = any(ability.only_for is not None for ability in self.mana)
        object.__setattr__(self, "has_restricted_mana", restricted)
        object.__setattr__(self, "mana_rank", _mana_rank(self))

    @property
    def is_multicolored(self) -> bool:
        """Whether the card has two or more colours."""
        return len(self.colors) > 1


def _mana_rank(face: CardFace) -> int:
    colors = {color for ability in face.mana for color in ability.colors}
    if any(ability.is_sacrificed for ability in face.mana):
        return 40
    if face.is_creature:
        return 30
    return len(colors) + (10 if face.activated else 0)
