"""What a game consists of: card faces, cards, players, the stack, combat and the game itself.

Data only; what happens to it is in the other modules of this package. All of it is in one module
because the types refer to one another: a face holds effects, an effect takes a game, a game holds
cards, and a card has a face.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from trainingrun_daemon.rules.mana import FREE, ManaCost

STARTING_LIFE: Final = 20
HAND_LIMIT: Final = 7
TURN_CAP: Final = 200
"""A game that gets this far is a draw: both players do nothing that could end it."""


class GameOverError(Exception):
    """Raised inside a game when it has ended, so that no step in between has to look for it."""


class _Word(StrEnum):
    """A string enum that hashes at the speed of a string; the members are keys in hot paths."""

    __hash__ = str.__hash__


class Keyword(_Word):
    """Keyword abilities that the rules know; the value is the text shown."""

    DEATHTOUCH = "Deathtouch"
    DEFENDER = "Defender"
    DOUBLE_STRIKE = "Double Strike"
    FIRST_STRIKE = "First Strike"
    FLYING = "Flying"
    HASTE = "Haste"
    HEXPROOF = "Hexproof"
    INDESTRUCTIBLE = "Indestructible"
    LIFELINK = "Lifelink"
    MENACE = "Menace"
    PROWESS = "Prowess"
    REACH = "Reach"
    TRAMPLE = "Trample"
    UNBLOCKABLE = "Unblockable"
    VIGILANCE = "Vigilance"


class Zone(_Word):
    """Where a card is."""

    LIBRARY = "library"
    HAND = "hand"
    BATTLEFIELD = "battlefield"
    GRAVEYARD = "graveyard"
    EXILE = "exile"
    COMMAND = "command"
    STACK = "stack"


class Phase(_Word):
    """The steps of a turn, by their names on the wire (protocol section 5)."""

    UNTAP = "UNTAP"
    UPKEEP = "UPKEEP"
    DRAW = "DRAW"
    MAIN1 = "MAIN1"
    COMBAT_BEGIN = "COMBAT_BEGIN"
    ATTACKERS = "COMBAT_DECLARE_ATTACKERS"
    BLOCKERS = "COMBAT_DECLARE_BLOCKERS"
    FIRST_STRIKE = "COMBAT_FIRST_STRIKE_DAMAGE"
    DAMAGE = "COMBAT_DAMAGE"
    COMBAT_END = "COMBAT_END"
    MAIN2 = "MAIN2"
    END = "END_OF_TURN"
    CLEANUP = "CLEANUP"


class Event(_Word):
    """What triggered abilities wait for."""

    ATTACKS = "attacks"
    BLOCKS = "blocks"
    DIES = "dies"
    END_STEP = "end step"
    ENTERS = "enters"
    SPELL_CAST = "spell cast"
    UPKEEP = "upkeep"


class Choice:
    """A question to a seat; the kinds are in ``choices``."""

    __slots__ = ("seat",)

    def __init__(self, seat: int) -> None:
        self.seat = seat


Answer: TypeAlias = int | tuple[int, ...] | tuple[tuple[int, int], ...] | None
Steps: TypeAlias = Generator[Choice, Answer, None]
"""Part of a game: yields choices, is sent their answers."""

Effect: TypeAlias = "Callable[[Game, StackItem], Steps | None]"
"""What a spell or ability does; gives None when nobody decides anything."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event with the things that it is about. ``seat`` is the player who did it."""

    event: Event
    seat: int
    card: Card | None = None
    other: Card | None = None


class Purpose(_Word):
    """Why a target or a card is chosen: it orders the list and tells an AI what is at stake."""

    DAMAGE = "damage"
    REMOVE = "remove"
    BOUNCE = "bounce"
    DISCARD = "discard"
    BOTTOM = "bottom"
    MULLIGAN = "mulligan"
    SEARCH = "search"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """One target of a spell or ability.

    ``candidates`` gives what may be chosen, given the targets chosen before it, in any order;
    ``amount`` is the damage that is dealt to it, for the order of the list.
    """

    text: str
    candidates: Callable[[Game, int, tuple[Target, ...]], list[Target]]
    purpose: Purpose
    amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A triggered ability of a permanent."""

    event: Event
    text: str
    effect: Effect
    condition: Callable[[Game, Card, Happening], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anthem:
    """A static ability that makes creatures bigger or gives them keywords."""

    power: int
    toughness: int
    applies: Callable[[Card, Card], bool]
    """Whether the source (first) changes the other card (second)."""
    keywords: frozenset[Keyword] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """A static ability that makes spells cost more generic mana."""

    amount: int
    applies: Callable[[Card, CardFace, int], bool]
    """Whether the source (first) taxes a spell with this face cast by this seat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternativeCost:
    """Another way to cast a card from the hand, such as spectacle."""

    name: str
    cost: ManaCost
    condition: Callable[[Game, int], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend:
    """Exile the card from the hand with time counters; it is cast when the last one goes."""

    turns: int
    cost: ManaCost


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CardFace:
    """Everything printed on a card. Faces are shared by all games and never change."""

    name: str
    cost: ManaCost = FREE
    types: str
    text: str = ""
    power: int = 0
    toughness: int = 0
    colors: str = ""
    keywords: frozenset[Keyword] = frozenset()
    makes_mana: str | None = None
    """The colours that a mana source makes; None for anything else."""
    spell: Effect | None = None
    targets: tuple[TargetSpec, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    anthems: tuple[Anthem, ...] = ()
    taxes: tuple[Tax, ...] = ()
    exiles_spent_spells: bool = False
    """Whether instant and sorcery cards go to exile instead of a graveyard while this is there."""
    protection: Callable[[CardFace], bool] | None = None
    protection_text: str = ""
    alternatives: tuple[AlternativeCost, ...] = ()
    suspend: Suspend | None = None
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

    def __post_init__(self) -> None:
        words = set(self.types.partition(" - ")[0].split())
        for word in (
            "Creature",
            "Land",
            "Instant",
            "Sorcery",
            "Enchantment",
            "Artifact",
            "Planeswalker",
        ):
            object.__setattr__(self, f"is_{word.lower()}", word in words)
        object.__setattr__(self, "is_legendary", "Legendary" in words)
        object.__setattr__(self, "is_basic", "Basic" in words)
        object.__setattr__(self, "is_permanent", not words & {"Instant", "Sorcery"})

    @property
    def is_multicolored(self) -> bool:
        """Whether the card has two or more colours."""
        return len(self.colors) > 1

    def has_subtype(self, subtype: str) -> bool:
        """Whether the card has a subtype such as Goblin."""
        return subtype in self.types.partition(" - ")[2].split()


class Card:
    """One card (or token) of one game. Identity matters: two copies are two cards."""

    __slots__ = (
        "attacking",
        "blocking",
        "boost_power",
        "boost_toughness",
        "controller",
        "counters",
        "damage",
        "deathtouched",
        "face",
        "id",
        "is_sick",
        "is_token",
        "keywords",
        "moves",
        "owner",
        "playable_until",
        "power",
        "tapped",
        "toughness",
        "zone",
    )

    def __init__(self, card_id: int, face: CardFace, *, owner: int, zone: Zone) -> None:
        self.id = card_id
        self.face = face
        self.owner = owner
        self.zone = zone
        self.is_token = False
        self.moves = 0
        """Number of zone changes: an effect that remembers a card checks that it did not move."""
        self.playable_until = 0
        """Last turn in which its owner may play it from exile."""
        self.reset()

    def reset(self) -> None:
        """Forget everything but what is printed: the card has come to another zone."""
        self.controller = self.owner
        self.tapped = False
        self.is_sick = False
        self.damage = 0
        self.deathtouched = False
        self.attacking = False
        self.blocking: Card | None = None
        self.boost_power = 0
        self.boost_toughness = 0
        self.counters: dict[str, int] = {}
        self.power = self.face.power
        self.toughness = self.face.toughness
        self.keywords = self.face.keywords

    def __repr__(self) -> str:
        return f"<{self.face.name} {self.id} in {self.zone} of {self.owner}>"


class Player:
    """One seat of a game."""

    __slots__ = (
        "battlefield",
        "command",
        "drew_from_empty",
        "exile",
        "graveyard",
        "hand",
        "has_lost",
        "lands_entered",
        "lands_played",
        "library",
        "life",
        "life_lost",
        "name",
        "poison",
        "seat",
    )

    def __init__(self, seat: int, name: str) -> None:
        self.seat = seat
        self.name = name
        self.life = STARTING_LIFE
        self.poison = 0
        self.has_lost = False
        self.drew_from_empty = False
        self.lands_played = 0
        self.lands_entered = 0
        """Lands that came to the battlefield under this player's control this turn."""
        self.life_lost = 0
        """Life lost this turn."""
        self.library: list[Card] = []
        """The last card is the top."""
        self.hand: list[Card] = []
        self.battlefield: list[Card] = []
        self.graveyard: list[Card] = []
        self.exile: list[Card] = []
        self.command: list[Card] = []

    def __repr__(self) -> str:
        return f"<{self.name} at {self.life}>"


Target: TypeAlias = Card | Player


class StackItem:
    """A spell or triggered ability that waits to resolve."""

    __slots__ = (
        "card",
        "controller",
        "effect",
        "happening",
        "id",
        "is_spell",
        "moves",
        "specs",
        "standing",
        "targets",
        "text",
    )

    def __init__(
        self, item_id: int, controller: int, card: Card, *, effect: Effect | None, text: str
    ) -> None:
        self.id = item_id
        self.controller = controller
        self.card = card
        self.effect = effect
        self.text = text
        self.is_spell = False
        self.happening: Happening | None = None
        self.specs: tuple[TargetSpec, ...] = ()
        self.targets: tuple[Target, ...] = ()
        self.moves: tuple[int, ...] = ()
        """Zone changes of each target when it was chosen."""
        self.standing: tuple[Target | None, ...] = ()
        """While it resolves: the targets, None in the place of those that became illegal."""


class Combat:
    """The attackers and their blockers."""

    __slots__ = ("attackers", "blockers", "seat", "was_blocked")

    def __init__(self, seat: int, attackers: list[Card]) -> None:
        self.seat = seat
        self.attackers = attackers
        self.blockers: dict[int, list[Card]] = {}
        """Blockers by the id of the attacker that they block."""
        self.was_blocked: set[int] = set()


class Game:
    """The whole state of one game. ``turn`` counts the turns of both players from 1."""

    __slots__ = (
        "active",
        "combat",
        "is_over",
        "is_stale",
        "life_gain_barred",
        "log",
        "next_id",
        "phase",
        "players",
        "random",
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
        self.is_stale = True
        """Whether power, toughness and keywords must be computed anew."""
        self.life_gain_barred = False
        self.waiting_triggers: list[StackItem] = []
        self.log: list[str] | None = None
        """Lines for a client that wants them; None keeps none."""

    def new_id(self) -> int:
        """Give an id that nothing in this game has."""
        self.next_id += 1
        return self.next_id - 1

    def say(self, text: str) -> None:
        """Add a log line, when somebody listens."""
        if self.log is not None:
            self.log.append(text)
