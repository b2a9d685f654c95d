"""The state of a game: cards, players, the stack, combat and the game itself.

Data only; what happens to it is in the other modules of this package. What is printed on a card is
in ``card_definition`` and never changes; a Card carries what the continuous effects make of it now.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from trainingrun_daemon.rules.card_definition import (
    Activated,
    CardFace,
    Effect,
    ManaAbility,
    Mode,
    Static,
    Target,
    TargetSpec,
    Trigger,
)
from trainingrun_daemon.rules.enums import Bar, Event, Keyword, Layer, Phase, Zone

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


class GameOverError(Exception):
    """Raised inside a game when it has ended, so that no step in between has to check for it."""


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
    other: "Card | None" = None
    amount: int = 0
    is_combat: bool = False
    item: "StackItem | None" = None


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
    change: Callable[["Game", Card, Card], None]
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
