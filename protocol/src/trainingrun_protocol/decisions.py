"""A decoded DECISION: the types of protocol sections 4 and 5, read leniently.

Servers differ: some omit fields, some add their own, some write numbers as strings. Unknown fields
are ignored, missing ones have defaults, and ``strict=False`` lets msgspec read ``"3"`` as 3. The
lines of our own daemon are decoded directly; those of others are translated first (``dialects``),
so that readers of these types see one form. In it every entry of a list has its ``index``, which is
what an answer names; it is the position where a server leaves nothing out.

The structs are for reading, and for keeping what was read (defaults are left out). A server writes
its own JSON (it caches pieces of it), and the tests of the server check that these types can read
it. What comes out of JSON holds no cycles, so none of it is shown to the garbage collector: a
decision has forty objects, and an actor reads thousands of decisions a second.
"""

from enum import StrEnum
from typing import Annotated, Any, TypeAlias

import msgspec

from trainingrun_protocol.dialects.translation import is_own_form, translate
from trainingrun_protocol.errors import DecisionError


class DecisionType(StrEnum):
    """The closed set of decision types; UNKNOWN stands for one that this client does not know."""

    CHOOSE_ACTION = "choose_action"
    DECLARE_ATTACKERS = "declare_attackers"
    DECLARE_BLOCKERS = "declare_blockers"
    CHOOSE_ABILITY = "choose_ability"
    PLAY_TRIGGER = "play_trigger"
    CONFIRM_ACTION = "confirm_action"
    PLAY_FROM_EFFECT = "play_from_effect"
    CHOOSE_CARDS = "choose_cards"
    CHOOSE_ENTITY = "choose_entity"
    ANNOUNCE_VALUE = "announce_value"
    REVEAL = "reveal"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, _value: object) -> "DecisionType":
        return cls.UNKNOWN


Number: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
"""An integer that any JSON reader can hold, so that arithmetic with it does not overflow."""


class Counter(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Counters of one type on a card."""

    type: str = ""
    count: Number = 0


class Card(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A card in a zone. Power and toughness are None on anything but a creature.

    Whose card it is, is None where the server does not say. ``attached_to`` is what the server says
    of the permanent that an aura or equipment is on: ours gives its id, others a name. ``index`` is
    that of a list to choose from.
    """

    id: Number = -1
    name: str = ""
    mana_cost: str = ""
    cmc: Number = 0
    types: str = ""
    oracle_text: str = ""
    power: Number | None = None
    toughness: Number | None = None
    keywords: tuple[str, ...] = ()
    tapped: bool = False
    summoning_sick: bool = False
    damage: Number = 0
    counters: tuple[Counter, ...] = ()
    attacking: bool = False
    blocking: bool = False
    is_creature: bool = False
    is_land: bool = False
    is_artifact: bool = False
    is_enchantment: bool = False
    is_planeswalker: bool = False
    is_instant: bool = False
    is_sorcery: bool = False
    loyalty: Number | None = None
    is_token: bool = False
    attached_to: Any = msgspec.field(name="attachedTo", default=None)
    controller_is_self: bool | None = msgspec.field(name="controllerIsSelf", default=None)
    owner_is_self: bool | None = msgspec.field(name="ownerIsSelf", default=None)
    index: Number = -1


class ManaPool(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Mana that floats."""

    total: Number = 0
    white: Number = 0
    blue: Number = 0
    black: Number = 0
    red: Number = 0
    green: Number = 0
    colorless: Number = 0


class Player(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One seat. A hidden ``hand`` is empty; ``hand_size`` is always true."""

    name: str = ""
    id: Number = -1
    life: Number = 0
    poison: Number = 0
    has_lost: bool = False
    lands_played_this_turn: Number = 0
    max_land_plays: Number = 1
    hand_size: Number = 0
    hand: tuple[Card, ...] = ()
    library_size: Number = 0
    graveyard: tuple[Card, ...] = ()
    battlefield: tuple[Card, ...] = ()
    exile: tuple[Card, ...] = ()
    command: tuple[Card, ...] = ()
    mana_pool: ManaPool = ManaPool()


class StackItem(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A spell or ability that waits to resolve.

    Only the reference engine says whether it is a spell or an ability, and whose card it is (0 or
    1).
    """

    id: Number = -1
    description: str = ""
    controller: str = ""
    source_card: str = ""
    source_card_id: Number = -1
    is_spell: bool | None = None
    owner: Number | None = None


class CombatAttacker(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An attacking creature; ``blocked_by`` holds what the server says of its blockers."""

    index: Number = -1
    id: Number = -1
    card_id: Number = -1
    name: str = ""
    power: Number = 0
    toughness: Number = 0
    attacking: Any = None
    blocked_by: tuple[Any, ...] = ()


class Combat(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The combat under way."""

    attacking_player: str = ""
    attackers: tuple[CombatAttacker, ...] = ()


class GameState(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the deciding seat may see. ``combat`` is None outside combat."""

    is_game_over: bool = False
    turn: Number = 1
    phase: str = ""
    active_player: str = ""
    priority_player: str = ""
    players: tuple[Player, ...] = ()
    stack: tuple[StackItem, ...] = ()
    combat: Combat | None = None


class Action(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One thing that the seat may do; index -1 passes."""

    index: Number = -1
    card: str = ""
    card_id: Number = -1
    description: str = ""
    mana_cost: str = ""
    is_land: bool = False


class Combatant(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A creature in a list of possible attackers, of attackers or of possible blockers."""

    index: Number = -1
    id: Number = -1
    name: str = ""
    power: Number = 0
    toughness: Number = 0
    keywords: tuple[str, ...] = ()


class Entity(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A possible target: a card, a player or a spell (``type`` ``card``, ``player``, ``stack``).

    ``life`` is a player's, ``is_self`` says whether that player is the deciding seat.
    """

    index: Number = -1
    id: Number = -1
    name: str = ""
    type: str = ""
    description: str = ""
    power: Number | None = None
    toughness: Number | None = None
    life: Number | None = None
    loyalty: Number | None = None
    is_self: bool | None = None
    controller_is_self: bool | None = msgspec.field(name="controllerIsSelf", default=None)


class Ability(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One of the abilities or modes to choose from."""

    index: Number = -1
    description: str = ""
    card: str = ""
    card_id: Number = -1


class Decision(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One question to one seat, with everything that this seat may see."""

    decision_type: DecisionType
    decision_id: Number = -1
    player: str = ""
    turn: Number = 1
    phase: str = ""
    message: str = ""
    source_card: str = ""
    game_state: GameState = GameState()
    actions: tuple[Action, ...] = ()
    attackers: tuple[Combatant, ...] = ()
    blockers: tuple[Combatant, ...] = ()
    abilities: tuple[Ability, ...] = ()
    cards: tuple[Card, ...] = ()
    entities: tuple[Entity, ...] = ()
    min: Number = 0
    max: Number = 0
    optional: bool = False
    ai_choice: Any = None
    ai_choice_index: Number | None = None

    @property
    def seat(self) -> int | None:
        """Position (0 or 1) of the deciding player, or None when no player has its name."""
        for position, player in enumerate(self.game_state.players):
            if player.name == self.player:
                return position
        return None


_DECODER = msgspec.json.Decoder(Decision, strict=False)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decode_decision(raw: bytes) -> Decision:
    """Read the JSON behind ``DECISION:`` of any server.

    Raises:
        DecisionError: it is no decision; the text has the path of the problem.
    """
    return decode_own_form(raw) if is_own_form(raw) else _decode_translated(raw)


def decode_own_form(raw: bytes) -> Decision:
    """Read a decision of a server that has sent our own daemon's form before.

    Raises:
        DecisionError: it is no decision; the text has the path of the problem.
    """
    try:
        decision = _DECODER.decode(raw)
    except _UNREADABLE:
        return _decode_translated(raw)
    for player in decision.game_state.players:
        if player.hand and player.name != decision.player:
            return _without_foreign_hands(decision)
    return decision


def _decode_translated(raw: bytes) -> Decision:
    try:
        return msgspec.convert(translate(raw), Decision, strict=False)
    except _UNREADABLE as error:
        raise DecisionError(f"a DECISION line cannot be read: {error}") from error


def _without_foreign_hands(decision: Decision) -> Decision:
    """Drop what a daemon that reveals all shows of other seats: nothing may learn from it."""
    state, seat = decision.game_state, decision.seat or 0
    players = tuple(
        player if position == seat else msgspec.structs.replace(player, hand=())
        for position, player in enumerate(state.players)
    )
    state = msgspec.structs.replace(state, players=players)
    return msgspec.structs.replace(decision, game_state=state)
