"""Planeswalkers, and the emblems and tokens that only they make."""

from typing import Final

from trainingrun_daemon.cards.define import define, token
from trainingrun_daemon.rules.choices import ChooseCards, Confirm, ask_cards, ask_confirm
from trainingrun_daemon.rules.combat import join_attack
from trainingrun_daemon.rules.effects.board import crew, make_tokens, tap_targets
from trainingrun_daemon.rules.effects.combinators import first_card, in_order
from trainingrun_daemon.rules.effects.library import search, surveil
from trainingrun_daemon.rules.effects.pump import animate, boost_targets
from trainingrun_daemon.rules.effects.removal import damage_targets
from trainingrun_daemon.rules.effects.statics import enlarge, is_own_turn, itself_while
from trainingrun_daemon.rules.effects.targeting import any_target, target_creature
from trainingrun_daemon.rules.effects.triggers import at_end_step, permanent_that
from trainingrun_daemon.rules.enums import Event, Keyword, Layer, PaymentKind, Purpose, Use, Zone
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import (
    Activated,
    Card,
    CardFace,
    Effect,
    Game,
    Happening,
    Payment,
    StackItem,
    Static,
    TargetSpec,
    Trigger,
)
from trainingrun_daemon.rules.steps import Steps
from trainingrun_daemon.rules.targets import all_permanents, creatures, own, that
from trainingrun_daemon.rules.zones import (
    LOYALTY,
    add_counters,
    create_emblem,
    create_token,
    discard,
    draw_cards,
    put_on_battlefield,
    sacrifice,
)

_ENOUGH_LANDS: Final = 5


def _loyalty(
    change: int,
    text: str,
    effect: Effect,
    *,
    targets: tuple[TargetSpec, ...] = (),
    use: Use = Use.VALUE,
) -> Activated:
    """Return a loyalty ability; ``change`` is what is put on or taken off for it (rule 606)."""
    return Activated(
        text=f"[{change:+d}] {text}" if change else f"[0] {text}",
        effect=effect,
        payments=(Payment(kind=PaymentKind.LOYALTY, amount=change),),
        targets=targets,
        at_sorcery_speed=True,
        use=use,
    )


def _get_emblem(face: CardFace) -> Effect:
    def resolve(game: Game, item: StackItem) -> Steps | None:
        create_emblem(game, face, item.controller)
        return None

    return resolve


def _is_vehicle(card: Card) -> bool:
    return card.has_subtype("Vehicle")


def _begins_own_combat_with_vehicle(game: Game, card: Card, happening: Happening) -> bool:
    """Chandra: without a Vehicle her ability would do nothing, so that nobody is asked."""
    permanents = game.players[card.controller].battlefield
    return happening.seat == card.controller and any(map(_is_vehicle, permanents))


def _drive(game: Game, item: StackItem) -> Steps | None:
    """Chandra: the Vehicle is a creature with haste this turn."""
    vehicle = first_card(item)
    if vehicle is not None:
        size = (vehicle.face.power, vehicle.face.toughness)
        animate(game, vehicle, size=size, keywords=frozenset({Keyword.HASTE}))
    return None


def _rummage(game: Game, item: StackItem) -> Steps:
    """Chandra: an artifact or a card from hand for a new card, if the controller wants."""
    player = game.players[item.controller]
    artifacts = [card for card in player.battlefield if card.is_artifact]
    offered = sorted([*player.hand, *artifacts], key=lambda card: _how_spare(game, card))
    if not offered:
        return
    confirm = Confirm(
        item.controller,
        message="Sacrifice an artifact or discard a card, to draw a card?",
        purpose=Purpose.USE,
        is_wise=_how_spare(game, offered[0]) == 0,
        source=item.card,
    )
    if not (yield from ask_confirm(confirm)):
        return
    choice = ChooseCards(
        item.controller,
        offered,
        count=(1, 1),
        message=f"{item.card.face.name}: choose what you give up",
        purpose=Purpose.DISCARD,
    )
    for card in (yield from ask_cards(choice)):
        give_up = discard if card.zone is Zone.HAND else sacrifice
        give_up(game, card)
        draw_cards(game, item.controller, 1)


def _how_spare(game: Game, card: Card) -> int:
    """How much a card would be missed: 0 for lands in hand beyond the fifth."""
    if card.zone is Zone.HAND and card.face.is_land:
        lands = sum(other.is_land for other in game.players[card.owner].battlefield)
        return 0 if lands >= _ENOUGH_LANDS else 2
    return 1 + card.face.cost.mana_value


_VEHICLE: Final = CardFace(
    name="Vehicle",
    types="Artifact - Vehicle",
    text="Crew 1.",
    power=3,
    toughness=2,
    activated=(crew(1),),
)
_CHANDRAS_EMBLEM: Final = define(
    "Emblem of Chandra",
    "",
    "Emblem - Chandra",
    text="Whenever an artifact you control enters, 3 damage to any target.",
    triggers=(
        Trigger(
            event=Event.ENTERS,
            text="3 damage to any target.",
            condition=permanent_that(lambda card: card.is_artifact),
            effect=damage_targets(3),
            targets=(any_target(3),),
        ),
    ),
)

_CHANDRA: Final = define(
    "Chandra, Spark Hunter",
    "{3}{R}",
    "Legendary Planeswalker - Chandra",
    text="At the beginning of combat on your turn, up to one Vehicle of yours becomes a creature "
    "with haste until end of turn. +2: you may sacrifice an artifact or discard a card, to draw a "
    "card. 0: create a 3/2 Vehicle with crew 1. -7: an emblem: 3 damage to any target whenever an "
    "artifact of yours enters.",
    loyalty=4,
    triggers=(
        Trigger(
            event=Event.COMBAT_BEGINS,
            text="up to one Vehicle becomes a creature with haste.",
            condition=_begins_own_combat_with_vehicle,
            effect=_drive,
            targets=(
                TargetSpec(
                    text="up to one Vehicle you control",
                    candidates=own(that(_is_vehicle, all_permanents)),
                    purpose=Purpose.BOOST,
                    optional=True,
                ),
            ),
        ),
    ),
    activated=(
        _loyalty(
            -7, "Emblem: 3 damage for each artifact that enters", _get_emblem(_CHANDRAS_EMBLEM)
        ),
        _loyalty(0, "Create a 3/2 Vehicle", make_tokens(_VEHICLE)),
        _loyalty(2, "Give up an artifact or a card to draw a card", _rummage),
    ),
)


def _is_shadow(game: Game, card: Card) -> bool:
    """Kaito: whether he is a Ninja and no planeswalker now."""
    return is_own_turn(game, card) and card.counters.get(LOYALTY, 0) > 0


def _become_ninja(_game: Game, _source: Card, card: Card) -> None:
    card.is_creature = True
    card.is_planeswalker = False
    card.subtypes = frozenset({"Ninja"})


def _take_hexproof(_game: Game, _source: Card, card: Card) -> None:
    card.keywords |= {Keyword.HEXPROOF}


def _take_ninja_size(_game: Game, _source: Card, card: Card) -> None:
    card.power, card.toughness = 3, 4


def _is_own_ninja(_game: Game, source: Card, card: Card) -> bool:
    return card.is_creature and card.controller == source.controller and card.has_subtype("Ninja")


def _draw_for_lost_life(game: Game, item: StackItem) -> Steps | None:
    if game.players[1 - item.controller].life_lost:
        draw_cards(game, item.controller, 1)
    return None


def _is_unblocked(_source: Card, card: Card) -> bool:
    return card.is_unblocked


def _sneak_in(game: Game, item: StackItem) -> Steps:
    """Ninjutsu: he attacks what the creature attacked that went back (rule 702.49)."""
    card = item.card
    if card.zone is not Zone.HAND or card.moves != item.source_moves:
        return
    combat = game.combat
    victim = combat.targets.get(item.paid[0].id) if combat is not None and item.paid else None
    yield from put_on_battlefield(game, card, tapped=True)
    join_attack(game, card, victim)


_KAITOS_EMBLEM: Final = define(
    "Emblem of Kaito",
    "",
    "Emblem - Kaito",
    text="Ninjas you control get +1/+1.",
    statics=(enlarge(1, 1, _is_own_ninja),),
)
_KAITO: Final = define(
    "Kaito, Bane of Nightmares",
    "{2}{U}{B}",
    "Legendary Planeswalker - Kaito",
    text="Ninjutsu {1}{U}{B}. In your turn, with a loyalty counter, he is a 3/4 Ninja creature "
    "with hexproof instead. +1: an emblem: your Ninjas get +1/+1. 0: surveil 2, then draw a card "
    "if the opponent lost life this turn. -2: tap target creature and put two stun counters on it.",
    loyalty=4,
    statics=(
        Static(layer=Layer.TYPES, applies=itself_while(_is_shadow), change=_become_ninja),
        Static(layer=Layer.ABILITIES, applies=itself_while(_is_shadow), change=_take_hexproof),
        Static(layer=Layer.SET_SIZE, applies=itself_while(_is_shadow), change=_take_ninja_size),
    ),
    activated=(
        _loyalty(
            -2,
            "Tap target creature and stun it twice",
            tap_targets(stun=2),
            targets=(target_creature(Purpose.TAP),),
        ),
        _loyalty(
            0, "Surveil 2, then draw if they lost life", in_order(surveil(2), _draw_for_lost_life)
        ),
        _loyalty(1, "Emblem: your Ninjas get +1/+1", _get_emblem(_KAITOS_EMBLEM)),
        Activated(
            text="Ninjutsu",
            cost=parse_cost("{1}{U}{B}"),
            payments=(Payment(kind=PaymentKind.RETURN, what=_is_unblocked),),
            effect=_sneak_in,
            zone=Zone.HAND,
            use=Use.VALUE,
        ),
    ),
)

_BEAST: Final = token("Beast", "G", "Beast", size=(3, 3))


def _make_beast(game: Game, item: StackItem) -> Steps | None:
    """Garruk: a Beast, then a loyalty counter for the one who is behind."""
    create_token(game, _BEAST, item.controller)
    own_count, other_count = (
        sum(card.is_creature for card in game.players[seat].battlefield)
        for seat in (item.controller, 1 - item.controller)
    )
    if other_count > own_count and item.source_is_there:
        add_counters(game, item.card, LOYALTY)
    return None


def _fetch_creature(game: Game, item: StackItem) -> Steps:
    yield from search(
        game,
        item.controller,
        test=lambda card: card.face.is_creature,
        tapped=False,
        to=Zone.BATTLEFIELD,
    )


_GARRUKS_EMBLEM: Final = define(
    "Emblem of Garruk",
    "",
    "Emblem - Garruk",
    text="At the beginning of your end step, you may put a creature from your library onto the "
    "battlefield.",
    triggers=(at_end_step("search your library for a creature.", _fetch_creature, optional=True),),
)
_GARRUK: Final = define(
    "Garruk, Unleashed",
    "{2}{G}{G}",
    "Legendary Planeswalker - Garruk",
    text="+1: up to one creature gets +3/+3 and trample until end of turn. -2: create a 3/3 green "
    "Beast; if the opponent then has more creatures, put a loyalty counter on him. -7: an emblem: "
    "a creature from your library onto the battlefield at each of your end steps.",
    loyalty=4,
    activated=(
        _loyalty(-7, "Emblem: a creature at each end step", _get_emblem(_GARRUKS_EMBLEM)),
        _loyalty(-2, "Create a 3/3 Beast", _make_beast),
        _loyalty(
            1,
            "Up to one creature gets +3/+3 and trample",
            boost_targets(3, 3, Keyword.TRAMPLE),
            targets=(
                TargetSpec(
                    text="up to one target creature",
                    candidates=creatures,
                    purpose=Purpose.BOOST,
                    optional=True,
                ),
            ),
        ),
    ),
)

CARDS: Final[tuple[CardFace, ...]] = (_CHANDRA, _KAITO, _GARRUK)
