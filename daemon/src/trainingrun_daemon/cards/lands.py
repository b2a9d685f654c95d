"""Lands.

Lands with basic land types have the mana abilities of these types written out, so that nothing has
to be derived in a game; only Multiversal Passage gets its type, and with it its mana, when it
enters.
"""

from typing import Final

from trainingrun_daemon.cards.define import define
from trainingrun_daemon.cards.tokens import MAP
from trainingrun_daemon.rules.continuous import FOREVER, last
from trainingrun_daemon.rules.effects import enters
from trainingrun_daemon.rules.effects.board import make_tokens
from trainingrun_daemon.rules.effects.library import search, search_land, surveil
from trainingrun_daemon.rules.effects.pump import animate, animate_itself, boost_targets
from trainingrun_daemon.rules.effects.statics import itself
from trainingrun_daemon.rules.effects.triggers import when_attacks, when_enters
from trainingrun_daemon.rules.enums import Keyword, Layer, PaymentKind, Purpose, Use, Zone
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import (
    Activated,
    Card,
    CardFace,
    Game,
    ManaAbility,
    Payment,
    Player,
    StackItem,
    Static,
    TargetSpec,
)
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.targets import creatures, own, players, that
from trainingrun_daemon.rules.zones import mill

_TAP: Final = Payment(kind=PaymentKind.TAP)
_SACRIFICE: Final = Payment(kind=PaymentKind.SACRIFICE_SELF)
_VILLAGERS: Final = frozenset({"Lizard", "Mouse", "Otter", "Raccoon"})
_MANY_LANDS: Final = 4


def _basic(name: str, color: str) -> CardFace:
    return define(
        name,
        "",
        f"Basic Land - {name}",
        text=f"Tap: add {{{color}}}.",
        mana=(ManaAbility(colors=color),),
    )


def _shown(colors: str) -> str:
    """Colours as a text shows them: ``{R} or {W}``."""
    return " or ".join(f"{{{color}}}" for color in colors)


def _has_few_other_lands(game: Game, card: Card) -> bool:
    others = [land for land in game.players[card.controller].battlefield if land.is_land]
    return len(others) - 1 <= 2


def _fast_land(name: str, colors: str) -> CardFace:
    return define(
        name,
        "",
        "Land",
        text=f"Enters tapped if you control three or more other lands. Tap: add {_shown(colors)}.",
        mana=(ManaAbility(colors=colors),),
        as_enters=enters.tapped_unless(_has_few_other_lands),
    )


def _shock_land(name: str, types: str, colors: str) -> CardFace:
    return define(
        name,
        "",
        f"Land - {types}",
        text=f"Enters tapped unless you pay 2 life. Tap: add {_shown(colors)}.",
        mana=(ManaAbility(colors=colors),),
        as_enters=enters.paying_life(2),
    )


def _surveil_land(name: str, types: str, colors: str) -> CardFace:
    return define(
        name,
        "",
        f"Land - {types}",
        text=f"Enters tapped. When it enters, surveil 1. Tap: add {_shown(colors)}.",
        mana=(ManaAbility(colors=colors),),
        as_enters=enters.tapped,
        triggers=(when_enters("surveil 1.", surveil(1)),),
    )


def _verge(name: str, colors: str, types: tuple[str, str]) -> CardFace:
    """Return a land whose second colour asks for one of two basic land types.

    The types are looked up as they are, not by ``Card.has_subtype``: a land that has become a
    creature of all creature types is no Mountain.
    """

    def has_support(game: Game, card: Card) -> bool:
        return any(
            basic in land.subtypes
            for land in game.players[card.controller].battlefield
            if land.is_land
            for basic in types
        )

    first, second = colors[0], colors[1]
    return define(
        name,
        "",
        "Land",
        text=f"Tap: add {{{first}}}. Tap: add {{{second}}}, only if you control "
        f"{_with_article(types[0])} or {_with_article(types[1])}.",
        mana=(ManaAbility(colors=first), ManaAbility(colors=second, condition=has_support)),
    )


def _with_article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


def _is_no_creature(_game: Game, card: Card) -> bool:
    return not card.is_creature


def _is_villager(card: Card) -> bool:
    return any(card.has_subtype(kind) for kind in _VILLAGERS)


def _is_attacking_worker(card: Card) -> bool:
    return card.attacking and card.has_subtype("Assembly-Worker")


def _is_creature_spell(face: CardFace) -> bool:
    return face.is_creature


def _take_chosen_type(_game: Game, _source: Card, card: Card) -> None:
    """Multiversal Passage: the chosen type and the mana that goes with it (rule 305.6)."""
    if card.chosen:
        card.subtypes |= {card.chosen}
        card.mana = (ManaAbility(colors=enters.BASIC_TYPES[card.chosen]),)


_awaken_sanctuary: Final = animate_itself(
    size=(3, 3),
    keywords=frozenset({Keyword.VIGILANCE, Keyword.CHANGELING}),
    until_turn=FOREVER,
)
"""Soulstone Sanctuary: a creature for good, not only this turn."""

_awaken_reef: Final = animate_itself(
    size=(4, 4),
    subtypes=frozenset({"Shark"}),
    colors="UB",
    keywords=frozenset({Keyword.DEATHTOUCH}),
)


_awaken_anchorage: Final = animate_itself(
    size=(2, 3),
    subtypes=frozenset({"Bird"}),
    colors="WU",
    keywords=frozenset({Keyword.FLYING}),
)


def _awaken_foundry(game: Game, item: StackItem) -> Steps | None:
    if item.source_is_there:
        animate(game, item.card, size=(2, 2), subtypes=frozenset({"Assembly-Worker"}))
        last(game, item.card, Layer.TYPES, _become_artifact, until_turn=game.turn)
    return None


def _become_artifact(_game: Game, _source: Card, card: Card) -> None:
    card.is_artifact = True


def _mill_four(game: Game, item: StackItem) -> Steps | None:
    """Restless Reef attacks: the target player mills."""
    player = item.standing[0]
    if isinstance(player, Player):
        mill(game, player.seat, 4)
    return None


def _fetch_and_untap(game: Game, item: StackItem) -> Steps:
    """Fabled Passage: the land is untapped when there are enough lands."""
    land = yield from search(
        game,
        item.controller,
        test=lambda card: card.face.is_basic,
        tapped=True,
        to=Zone.BATTLEFIELD,
    )
    lands = [card for card in game.players[item.controller].battlefield if card.is_land]
    if land is not None and len(lands) >= _MANY_LANDS:
        land.tapped = False


_FETCH: Final = (_TAP, _SACRIFICE)

_SPECIAL_LANDS: Final = (
    define(
        "Mystic Monastery",
        "",
        "Land",
        text="Enters tapped. Tap: add {U}, {R} or {W}.",
        mana=(ManaAbility(colors="URW"),),
        as_enters=enters.tapped,
    ),
    define(
        "Rockface Village",
        "",
        "Land",
        text="Tap: add {C}. Tap: add {R} for creature spells only. {R}, tap: a Lizard, Mouse, "
        "Otter or Raccoon of yours gets +1/+0 and haste until end of turn. Only as a sorcery.",
        mana=(ManaAbility(colors="C"), ManaAbility(colors="R", only_for=_is_creature_spell)),
        activated=(
            Activated(
                text="+1/+0 and haste for a Lizard, Mouse, Otter or Raccoon",
                cost=parse_cost("{R}"),
                payments=(_TAP,),
                targets=(
                    TargetSpec(
                        text="target Lizard, Mouse, Otter or Raccoon you control",
                        candidates=own(that(_is_villager)),
                        purpose=Purpose.BOOST,
                    ),
                ),
                effect=boost_targets(1, 0, Keyword.HASTE),
                at_sorcery_speed=True,
                use=Use.TRICK,
            ),
        ),
    ),
    define(
        "Multiversal Passage",
        "",
        "Land",
        text="As it enters, choose a basic land type, then it enters tapped unless you pay 2 life. "
        "It is a land of that type.",
        as_enters=enters.in_order(enters.choosing_basic_type, enters.paying_life(2)),
        statics=(Static(layer=Layer.TYPES, applies=itself, change=_take_chosen_type),),
    ),
    define(
        "Soulstone Sanctuary",
        "",
        "Land",
        text="Tap: add {C}. {4}: it becomes a 3/3 creature with vigilance and all creature types "
        "for good, and stays a land.",
        mana=(ManaAbility(colors="C"),),
        activated=(
            Activated(
                text="Become a 3/3 creature with vigilance for good",
                cost=parse_cost("{4}"),
                effect=_awaken_sanctuary,
                condition=_is_no_creature,
                use=Use.VALUE,
            ),
        ),
    ),
    define(
        "Restless Reef",
        "",
        "Land",
        text="Enters tapped. Tap: add {U} or {B}. {2}{U}{B}: it becomes a blue and black 4/4 Shark "
        "with deathtouch until end of turn, and stays a land. Whenever it attacks, target player "
        "mills four.",
        mana=(ManaAbility(colors="UB"),),
        as_enters=enters.tapped,
        activated=(
            Activated(
                text="Become a 4/4 Shark with deathtouch until end of turn",
                cost=parse_cost("{2}{U}{B}"),
                effect=_awaken_reef,
                condition=_is_no_creature,
                use=Use.ANIMATE,
            ),
        ),
        triggers=(
            when_attacks(
                "target player mills four.",
                _mill_four,
                targets=(
                    TargetSpec(text="target player", candidates=players, purpose=Purpose.DISCARD),
                ),
            ),
        ),
    ),
    define(
        "Restless Anchorage",
        "",
        "Land",
        text="Enters tapped. Tap: add {W} or {U}. {1}{W}{U}: it becomes a white and blue 2/3 Bird "
        "with flying until end of turn, and stays a land. Whenever it attacks, create a Map.",
        mana=(ManaAbility(colors="WU"),),
        as_enters=enters.tapped,
        activated=(
            Activated(
                text="Become a 2/3 Bird with flying until end of turn",
                cost=parse_cost("{1}{W}{U}"),
                effect=_awaken_anchorage,
                condition=_is_no_creature,
                use=Use.ANIMATE,
            ),
        ),
        triggers=(when_attacks("create a Map.", make_tokens(MAP)),),
    ),
    define(
        "Evolving Wilds",
        "",
        "Land",
        text="Tap, sacrifice it: search your library for a basic land, put it onto the battlefield "
        "tapped.",
        activated=(
            Activated(
                text="Search for a basic land",
                payments=_FETCH,
                effect=search_land(),
                use=Use.VALUE,
            ),
        ),
    ),
    define(
        "Fabled Passage",
        "",
        "Land",
        text="Tap, sacrifice it: search your library for a basic land, put it onto the battlefield "
        "tapped. Untap it if you control four or more lands.",
        activated=(
            Activated(
                text="Search for a basic land",
                payments=_FETCH,
                effect=_fetch_and_untap,
                use=Use.VALUE,
            ),
        ),
    ),
    define(
        "Mishra's Foundry",
        "",
        "Land",
        text="Tap: add {C}. {2}: it becomes a 2/2 Assembly-Worker artifact creature until end of "
        "turn, and stays a land. {1}, tap: an attacking Assembly-Worker gets +2/+2 until end of "
        "turn.",
        mana=(ManaAbility(colors="C"),),
        activated=(
            Activated(
                text="Become a 2/2 Assembly-Worker until end of turn",
                cost=parse_cost("{2}"),
                effect=_awaken_foundry,
                condition=_is_no_creature,
                use=Use.ANIMATE,
            ),
            Activated(
                text="+2/+2 for an attacking Assembly-Worker",
                cost=parse_cost("{1}"),
                payments=(_TAP,),
                targets=(
                    TargetSpec(
                        text="target attacking Assembly-Worker",
                        candidates=that(_is_attacking_worker, creatures),
                        purpose=Purpose.BOOST,
                    ),
                ),
                effect=boost_targets(2, 2),
                use=Use.TRICK,
            ),
        ),
    ),
)

CARDS: Final[tuple[CardFace, ...]] = (
    _basic("Plains", "W"),
    _basic("Island", "U"),
    _basic("Swamp", "B"),
    _basic("Mountain", "R"),
    _basic("Forest", "G"),
    _fast_land("Inspiring Vantage", "RW"),
    _fast_land("Darkslick Shores", "UB"),
    _fast_land("Seachrome Coast", "WU"),
    _fast_land("Spirebluff Canal", "UR"),
    _shock_land("Sacred Foundry", "Mountain Plains", "RW"),
    _shock_land("Watery Grave", "Island Swamp", "UB"),
    _shock_land("Steam Vents", "Island Mountain", "UR"),
    _shock_land("Hallowed Fountain", "Plains Island", "WU"),
    _verge("Sunbillow Verge", "WR", ("Mountain", "Plains")),
    _verge("Gloomlake Verge", "UB", ("Island", "Swamp")),
    _verge("Floodfarm Verge", "WU", ("Plains", "Island")),
    _verge("Riverpyre Verge", "RU", ("Island", "Mountain")),
    _surveil_land("Undercity Sewers", "Island Swamp", "UB"),
    _surveil_land("Meticulous Archive", "Plains Island", "WU"),
    _surveil_land("Thundering Falls", "Island Mountain", "UR"),
    _surveil_land("Elegant Parlor", "Mountain Plains", "RW"),
    *_SPECIAL_LANDS,
)
