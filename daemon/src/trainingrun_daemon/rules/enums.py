"""The closed sets of words that the rules use: keywords, zones, phases, events, purposes.

Border: words only, no behaviour, so that everything else may import this module.
"""

from enum import IntEnum, StrEnum


class _Word(StrEnum):
    """A string enum that hashes at the speed of a string; the members are keys in hot paths."""

    __hash__ = str.__hash__


class Keyword(_Word):
    """Keyword abilities and restrictions that the rules know; the value is the text shown."""

    CANT_ATTACK = "CARDNAME can't attack."
    CANT_BLOCK = "CARDNAME can't block."
    CHANGELING = "Changeling"
    DEATHTOUCH = "Deathtouch"
    DEFENDER = "Defender"
    DOUBLE_STRIKE = "Double Strike"
    FIRST_STRIKE = "First Strike"
    FLASH = "Flash"
    FLYING = "Flying"
    HASTE = "Haste"
    HEXPROOF = "Hexproof"
    INDESTRUCTIBLE = "Indestructible"
    LIFELINK = "Lifelink"
    MENACE = "Menace"
    MUST_ATTACK = "CARDNAME attacks each combat if able."
    PROWESS = "Prowess"
    REACH = "Reach"
    SHROUD = "Shroud"
    START_YOUR_ENGINES = "Start your engines!"
    TRAMPLE = "Trample"
    UNBLOCKABLE = "Unblockable"
    UNCOUNTERABLE = "This spell can't be countered."
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
    """What triggered abilities wait for. ``Happening`` says who and what it was about."""

    ATTACKS = "attacks"
    BECOMES_BLOCKED = "becomes blocked"
    BLOCKS = "blocks"
    COMBAT_BEGINS = "combat begins"
    DAMAGES = "deals damage"
    """``card`` dealt ``amount`` damage to ``other`` (a card) or to the player ``seat``."""
    DIES = "dies"
    DISCARDS = "discards"
    DRAWS = "draws"
    """``amount`` is how many cards this player has drawn this turn, this one included."""
    END_STEP = "end step"
    ENTERS = "enters"
    GAINS_LIFE = "gains life"
    LEAVES = "leaves"
    LOSES_LIFE = "loses life"
    MAIN_BEGINS = "main phase begins"
    """The first main phase of the player ``seat``."""
    SACRIFICED = "sacrificed"
    SPELL_CAST = "spell cast"
    TARGETED = "becomes a target"
    """``card`` became a target of ``item``, which the player ``seat`` controls."""
    UPKEEP = "upkeep"


class Purpose(_Word):
    """Why a target, card or yes is asked for: it orders the list and informs the AI player.

    The first group harms what is chosen, the second helps it, the third is about cards.
    """

    DAMAGE = "damage"
    REMOVE = "remove"
    BOUNCE = "bounce"
    TAP = "tap"
    WEAKEN = "weaken"
    COUNTER = "counter"

    BOOST = "boost"
    """A trick in combat: bigger or better until the end of the turn."""
    PROTECT = "protect"
    GROW = "grow"
    """For good: counters, auras, equipment."""

    DISCARD = "discard"
    SACRIFICE = "sacrifice"
    BOTTOM = "bottom"
    KEEP = "keep"
    """What is chosen stays or comes to its chooser: take the best."""
    MULLIGAN = "mulligan"
    SEARCH = "search"
    PAY = "pay"
    USE = "use"
    """An optional effect that its controller would nearly always want."""


HARMFUL = frozenset(
    {
        Purpose.DAMAGE,
        Purpose.REMOVE,
        Purpose.BOUNCE,
        Purpose.TAP,
        Purpose.WEAKEN,
        Purpose.COUNTER,
        Purpose.DISCARD,
    }
)
"""Purposes that one has with things of the opponent."""


class Use(_Word):
    """What an untargeted spell or ability is for: when the AI does it."""

    VALUE = "value"
    """Always welcome: draw, tokens, life, permanents."""
    SWEEP = "sweep"
    """Destroys or hurts many creatures: when the opponent loses more."""
    TRICK = "trick"
    """Makes own attackers or blockers better this turn."""
    ANIMATE = "animate"
    """Turns this into a creature: before an attack."""
    SHIELD = "shield"
    """Saves own things from removal."""
    ENGINE = "engine"
    """An ability to be used when nothing else is to be done with the mana."""
    SPECIAL = "special"
    """Not by the AI."""


class Layer(IntEnum):
    """The layers in which continuous effects apply (rule 613); copies and control are not here."""

    TYPES = 4
    COLORS = 5
    ABILITIES = 6
    DEFINE_SIZE = 71
    SET_SIZE = 72
    SIZE = 73


class PaymentKind(_Word):
    """What is paid besides mana."""

    TAP = "tap"
    SACRIFICE_SELF = "sacrifice it"
    EXILE_SELF = "exile it"
    SACRIFICE = "sacrifice"
    DISCARD = "discard"
    DISCARD_SELF = "discard it"
    LIFE = "life"
    LOYALTY = "loyalty"
    REMOVE_COUNTERS = "remove counters"
    TAP_POWER = "tap creatures with total power"
    TAP_OTHER = "tap another"
    TAP_PERMANENTS = "tap from among its controller's"
    """Untapped permanents that pass ``Payment.what``, the source among them."""
    TAP_STRONGEST = "tap the creature with the greatest power"
    EXILE_FROM_GRAVEYARD = "exile from the graveyard"
    RETURN = "return"


class Bar(_Word):
    """Rules that permanents or spells suspend for everybody."""

    LIFE_GAIN = "players can't gain life"
    PREVENTION = "damage can't be prevented"
    GRAVEYARD_FOR_SPELLS = "instants and sorceries go to exile instead of a graveyard"
    COMBAT_DAMAGE = "combat damage is prevented"
