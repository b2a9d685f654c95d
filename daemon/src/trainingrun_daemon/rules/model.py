"""The game as values: what is printed on cards, and the state that a game changes.

Data only; what happens to it is in the other modules of this package. What is printed never
changes: faces are shared by all games and compare by identity, and a Card carries what the
continuous effects make of it now. One module, because the types need one another: a card has a
face, a face has effects, and an effect is a function of the game, which is made of cards.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias, Union

from trainingrun_daemon.rules.enums import (
    Bar,
    Event,
    Keyword,
    Layer,
    PaymentKind,
    Phase,
    Purpose,
    Use,
    Zone,
)
from trainingrun_daemon.rules.mana import FREE, ManaCost
from trainingrun_daemon.rules.steps import Steps

STARTING_LIFE: Final = 20
HAND_LIMIT: Final = 7
TURN_CAP: Final = 200
"""A game that gets this far is a draw: both players do nothing that could end it."""
RESOLUTION_CAP: Final = 500
"""Spells and abilities that may resolve in one turn; beyond it is a loop, a draw (rule 104.4b)."""
STACK_CAP: Final = 100
"""From this many items on no player may respond: two players who answer each other with abilities
that cost nothing would never let one resolve."""
MAX_SPEED: Final = 4

Effect: TypeAlias = Callable[["Game", "StackItem"], Steps | None]
"""What a spell or ability does; returns None when no player decides anything."""

Target: TypeAlias = Union["Card", "Player", "StackItem"]
"""What can be chosen: a card, a player, or a spell on the stack."""


class GameOverError(Exception):
    """Raised inside a game when it has ended, so that no step in between has to check for it."""


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


class Card:
    """One card (or token) of one game. Identity matters: two copies are two cards.

    The attributes from ``power`` on are computed by ``continuous.refresh``.
    """

    __slots__ = (
        "activated",
        "attached_to",
        "attacking",
        "blocking",
        "boost_power",
        "boost_toughness",
        "cast_way",
        "cast_x",
        "chosen",
        "colors",
        "controller",
        "counters",
        "damage",
        "deathtouched",
        "exiled_if_dies",
        "face",
        "granted",
        "holds",
        "id",
        "is_altered",
        "is_artifact",
        "is_creature",
        "is_land",
        "is_planeswalker",
        "is_sick",
        "is_token",
        "is_unblocked",
        "keywords",
        "mana",
        "moves",
        "owner",
        "playable_as",
        "playable_by",
        "playable_free",
        "playable_from",
        "playable_until",
        "power",
        "printed",
        "protection",
        "shield",
        "stamp",
        "statics",
        "subtypes",
        "tapped",
        "toughness",
        "triggers",
        "used",
        "zone",
    )

    def __init__(self, card_id: int, face: CardFace, *, owner: int, zone: Zone) -> None:
        self.id = card_id
        self.printed = face
        """The front; ``face`` is the side that is up."""
        self.owner = owner
        self.zone = zone
        self.is_token = False
        self.stamp = 0
        """When it entered or was attached (rule 613.7): orders effects within a layer."""
        self.moves = 0
        """Number of zone changes: an effect that remembers a card checks that it did not move."""
        self.forbid_play()
        self.reset()

    def reset(self) -> None:
        """Forget everything but what is printed: the card has come to another zone."""
        self.face = self.printed
        self.controller = self.owner
        self.tapped = False
        self.is_sick = False
        self.damage = 0
        self.deathtouched = False
        self.exiled_if_dies = False
        self.attacking = False
        self.is_unblocked = False
        """Whether it attacks and nothing blocked it (rule 509.1h)."""
        self.blocking: Self | None = None
        self.boost_power = 0
        self.boost_toughness = 0
        self.granted: frozenset[Keyword] = frozenset()
        """Keywords until the end of the turn."""
        self.shield = 0
        """Damage that is prevented next."""
        self.attached_to: Self | None = None
        self.holds: tuple[tuple[Self, int, Zone], ...] = ()
        """Cards that it keeps in exile until it leaves, with their moves and where they go then."""
        self.chosen = ""
        """What was named as it entered, such as a basic land type."""
        self.cast_way = ""
        self.cast_x = 0
        self.used: dict[object, int] = {}
        """Last turn in which an ability that works once a turn was used."""
        self.counters: dict[str, int] = {}
        self.restore()

    def restore(self) -> None:
        """Take the values of the face, before continuous effects are applied."""
        face = self.face
        self.power = face.power
        self.toughness = face.toughness
        self.keywords = face.keywords
        self.colors = face.colors
        self.subtypes = face.subtypes
        self.is_creature = face.is_creature
        self.is_land = face.is_land
        self.is_artifact = face.is_artifact
        self.is_planeswalker = face.is_planeswalker
        self.protection = face.protection
        self.triggers: tuple[Trigger, ...] = face.triggers
        self.activated: tuple[Activated, ...] = face.activated
        self.statics: tuple[Static, ...] = face.statics
        self.mana: tuple[ManaAbility, ...] = face.mana
        self.is_altered = False
        """Whether an effect changed more than size and keywords."""

    def forbid_play(self) -> None:
        """Take away the permission to play it from exile."""
        self.playable_until = 0
        """Last turn in which ``playable_by`` may play it from exile or the graveyard."""
        self.playable_from = 0
        """First turn of that."""
        self.playable_by = self.owner
        self.playable_free = False
        """Whether it costs nothing then (plot)."""
        self.playable_as: CardFace | None = None
        """The half that alone may be played then; None for any (adventure)."""

    def has_subtype(self, subtype: str) -> bool:
        """Return whether it is, for example, a Goblin; changelings are everything."""
        return subtype in self.subtypes or Keyword.CHANGELING in self.keywords

    def __repr__(self) -> str:
        return f"<{self.face.name} {self.id} in {self.zone} of {self.owner}>"


@dataclass(frozen=True, slots=True)
class FloatingMana:
    """One mana in a pool; ``is_combat`` mana stays until the end of combat."""

    color: str
    is_combat: bool = False


class Player:
    """One seat of a game."""

    __slots__ = (
        "attackers_declared",
        "battlefield",
        "cast_this_turn",
        "command",
        "damage_taken",
        "drawn",
        "drew_from_empty",
        "exile",
        "graveyard",
        "hand",
        "has_lost",
        "has_sped_up",
        "lands_entered",
        "lands_played",
        "library",
        "life",
        "life_gain_barred_until",
        "life_gained",
        "life_lost",
        "name",
        "poison",
        "pool",
        "seat",
        "shield",
        "speed",
    )

    def __init__(self, seat: int, name: str) -> None:
        self.seat = seat
        self.name = name
        self.life = STARTING_LIFE
        self.poison = 0
        self.speed = 0
        """0 before the engines start, up to 4."""
        self.life_gain_barred_until = 0
        """Last turn in which this player can't gain life."""
        self.has_lost = False
        self.drew_from_empty = False
        self.shield = 0
        """Damage that is prevented next."""
        self.pool: list[FloatingMana] = []
        self.library: list[Card] = []
        """The last card is the top."""
        self.hand: list[Card] = []
        self.battlefield: list[Card] = []
        self.graveyard: list[Card] = []
        self.exile: list[Card] = []
        self.command: list[Card] = []
        """Emblems."""
        self.begin_turn()

    def begin_turn(self) -> None:
        """Forget what is counted by the turn."""
        self.attackers_declared = 0
        self.lands_played = 0
        self.lands_entered = 0
        """Lands that came to the battlefield under this player's control this turn."""
        self.life_lost = 0
        self.life_gained = 0
        self.damage_taken = 0
        self.drawn = 0
        self.has_sped_up = False
        self.cast_this_turn: list[CardFace] = []

    def __repr__(self) -> str:
        return f"<{self.name} at {self.life}>"


@dataclass(frozen=True, slots=True)
class Happening:
    """An event with the things that it is about. ``seat`` is the player who did it or had it."""

    event: Event
    seat: int
    card: Card | None = None
    other: Card | None = None
    amount: int = 0
    is_combat: bool = False
    item: StackItem | None = None


class StackItem:
    """A spell or ability that waits to resolve."""

    __slots__ = (
        "ability",
        "after",
        "card",
        "controller",
        "effect",
        "face",
        "happening",
        "id",
        "is_spell",
        "leaves_to_exile",
        "modes",
        "moves",
        "paid",
        "source_moves",
        "specs",
        "standing",
        "targets",
        "text",
        "trigger",
        "way",
        "x",
    )

    def __init__(
        self, item_id: int, controller: int, card: Card, *, effect: Effect | None, text: str
    ) -> None:
        self.id = item_id
        self.controller = controller
        self.card = card
        self.face = card.face
        self.effect = effect
        self.text = text
        self.is_spell = False
        self.way = ""
        """Name of the way in which it was cast, empty for the normal one."""
        self.x = 0
        self.ability: Activated | None = None
        self.trigger: Trigger | None = None
        self.happening: Happening | None = None
        self.modes: tuple[Mode, ...] = ()
        self.specs: tuple[TargetSpec, ...] = ()
        self.targets: tuple[Target | None, ...] = ()
        self.moves: tuple[int, ...] = ()
        """Zone changes of each target when it was chosen."""
        self.source_moves = card.moves
        """Zone changes of the source when the ability came about."""
        self.standing: tuple[Target | None, ...] = ()
        """While it resolves: the targets, None in the place of those that became illegal."""
        self.paid: tuple[Card, ...] = ()
        """Cards that were sacrificed, discarded or exiled for it."""
        self.leaves_to_exile = False
        self.after: Callable[[Game, Card], None] | None = None
        """Puts the card away when it has resolved, instead of into the graveyard."""

    @property
    def source_is_there(self) -> bool:
        """Whether the permanent that the ability is of has not moved since."""
        return self.card.zone is Zone.BATTLEFIELD and self.card.moves == self.source_moves

    def __repr__(self) -> str:
        return f"<{self.text} on the stack>"


class Combat:
    """The attackers and their blockers."""

    __slots__ = ("attackers", "blockers", "seat", "targets", "was_blocked")

    def __init__(self, seat: int, attackers: list[Card]) -> None:
        self.seat = seat
        self.attackers = attackers
        self.targets: dict[int, Card] = {}
        """Planeswalkers by the id of the creature that attacks them; others attack the player."""
        self.blockers: dict[int, list[Card]] = {}
        """Blockers by the id of the attacker that they block."""
        self.was_blocked: set[int] = set()


@dataclass(frozen=True, slots=True, eq=False)
class Lasting:
    """A continuous effect on one card by a spell or ability that has resolved."""

    layer: Layer
    card: Card
    moves: int
    """Zone changes of the card then: a card that has left is another object."""
    change: Callable[[Game, Card, Card], None]
    until_turn: int
    """Last turn in which it applies."""
    stamp: int
    """When it began (rule 613.7)."""


@dataclass(frozen=True, slots=True, eq=False)
class Delayed:
    """A delayed triggered ability: happens once, at the next such event."""

    event: Event
    seat: int | None
    """Whose step it waits for; None for anybody's."""
    item: StackItem


class Game:
    """The whole state of one game. ``turn`` counts the turns of both players from 1."""

    __slots__ = (
        "active",
        "bars",
        "clock",
        "combat",
        "delayed",
        "is_over",
        "is_stale",
        "lasting",
        "log",
        "next_id",
        "phase",
        "players",
        "random",
        "resolutions",
        "returning",
        "stack",
        "turn",
        "waiting_triggers",
        "winner",
    )

    def __init__(self, names: tuple[str, str], *, seed: int) -> None:
        self.random = random.Random(seed)
        self.players = (Player(0, names[0]), Player(1, names[1]))
        self.stack: list[StackItem] = []
        self.turn = 1
        self.phase = Phase.UNTAP
        self.active = 0
        self.combat: Combat | None = None
        self.is_over = False
        self.winner: int | None = None
        self.next_id = 1
        self.clock = 0
        self.is_stale = True
        """Whether power, toughness, keywords and the rest must be computed anew."""
        self.bars: set[Bar] = set()
        """Rules suspended until the end of the turn."""
        self.lasting: list[Lasting] = []
        self.delayed: list[Delayed] = []
        self.returning: list[tuple[Card, int, Zone]] = []
        """Exiled cards whose keeper has left: (card, moves, zone to which it returns)."""
        self.resolutions = 0
        """Spells and abilities that have resolved this turn."""
        self.waiting_triggers: list[StackItem] = []
        self.log: list[str] | None = None
        """Lines for a client that wants them; None keeps none."""

    def new_id(self) -> int:
        """Return an id that nothing in this game has."""
        self.next_id += 1
        return self.next_id - 1

    def tick(self) -> int:
        """Return a timestamp later than all before."""
        self.clock += 1
        return self.clock

    def say(self, text: str) -> None:
        """Add a log line, when somebody listens."""
        if self.log is not None:
            self.log.append(text)
