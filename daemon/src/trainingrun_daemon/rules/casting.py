"""What a player with priority may do, and doing it: playing lands, casting, suspending.

Only actions that can be paid for are offered, because payment is automatic. Identical cards in hand
are one action: a client gains nothing from choosing between them.
"""

from collections.abc import Iterator

from trainingrun_daemon.rules.choices import Action, ActionKind
from trainingrun_daemon.rules.continuous import taxed_cost
from trainingrun_daemon.rules.events import emit
from trainingrun_daemon.rules.mana import FREE, ManaCost, choose_sources
from trainingrun_daemon.rules.model import (
    Card,
    CardFace,
    Event,
    Game,
    Happening,
    Phase,
    StackItem,
    Steps,
    Zone,
)
from trainingrun_daemon.rules.targets import choose_targets, has_targets
from trainingrun_daemon.rules.zones import move_card

MAX_LAND_PLAYS = 1
TIME_COUNTER = "TIME"


def legal_actions(game: Game, seat: int) -> list[Action]:
    """Give what the seat may do now, lands first, then spells from dear to cheap."""
    is_sorcery_time = _is_sorcery_time(game, seat)
    sources = mana_sources(game, seat)
    lands: list[Action] = []
    spells: list[Action] = []
    for card in _playable_cards(game, seat):
        face = card.face
        if face.is_land:
            if is_sorcery_time and game.players[seat].lands_played < MAX_LAND_PLAYS:
                lands.append(Action(ActionKind.LAND, card, FREE))
        elif is_sorcery_time or face.is_instant:
            spells += _payable(game, seat, card=card, sources=sources)
    spells.sort(key=lambda action: -action.card.face.cost.mana_value)
    return lands + spells


def _is_sorcery_time(game: Game, seat: int) -> bool:
    return game.active == seat and not game.stack and (game.phase in (Phase.MAIN1, Phase.MAIN2))


def _playable_cards(game: Game, seat: int) -> Iterator[Card]:
    """Give one card of each face in hand, and the cards that may be played from exile."""
    player = game.players[seat]
    seen: set[CardFace] = set()
    for card in player.hand:
        if card.face not in seen:
            seen.add(card.face)
            yield card
    for card in player.exile:
        if card.playable_until >= game.turn:
            yield card


def _payable(game: Game, seat: int, *, card: Card, sources: list[Card]) -> Iterator[Action]:
    face = card.face
    if not has_targets(game, card, seat, specs=face.targets):
        return
    makes = [source.face.makes_mana or "" for source in sources]
    for action in _ways_to_cast(game, seat, card):
        if choose_sources(action.cost, makes) is not None:
            yield action


def _ways_to_cast(game: Game, seat: int, card: Card) -> Iterator[Action]:
    face = card.face
    yield Action(ActionKind.CAST, card, taxed_cost(game, seat, face, printed=face.cost))
    for other in face.alternatives:
        if other.condition(game, seat):
            cost = taxed_cost(game, seat, face, printed=other.cost)
            yield Action(ActionKind.CAST, card, cost, variant=other.name)
    if face.suspend is not None and card.zone is Zone.HAND:
        yield Action(ActionKind.SUSPEND, card, face.suspend.cost, variant="Suspend")


def mana_sources(game: Game, seat: int) -> list[Card]:
    """Give the untapped permanents of a seat that make mana."""
    return [
        card
        for card in game.players[seat].battlefield
        if card.face.makes_mana is not None and not card.tapped
    ]


def perform_action(game: Game, seat: int, action: Action) -> Steps:
    """Carry out an action of ``legal_actions``."""
    card = action.card
    match action.kind:
        case ActionKind.LAND:
            game.players[seat].lands_played += 1
            game.say(f"{game.players[seat].name} plays {card.face.name}")
            move_card(game, card, Zone.BATTLEFIELD)
        case ActionKind.SUSPEND:
            _pay(game, seat, action.cost)
            _suspend(game, card)
        case ActionKind.CAST:
            yield from cast_spell(game, seat, card, cost=action.cost)


def cast_spell(game: Game, seat: int, card: Card, *, cost: ManaCost) -> Steps:
    """Put a spell on the stack, ask for its targets, then pay: the order of the rules."""
    item = StackItem(game.new_id(), seat, card, effect=card.face.spell, text=card.face.name)
    item.is_spell = True
    item.specs = card.face.targets
    move_card(game, card, Zone.STACK)
    game.stack.append(item)
    yield from choose_targets(game, item)
    _pay(game, seat, cost)
    game.say(f"{game.players[seat].name} casts {card.face.name}")
    emit(game, Happening(Event.SPELL_CAST, seat, card))


def _pay(game: Game, seat: int, cost: ManaCost) -> None:
    sources = mana_sources(game, seat)
    chosen = choose_sources(cost, [source.face.makes_mana or "" for source in sources])
    assert chosen is not None, "only actions that can be paid for are offered"
    for position in chosen:
        sources[position].tapped = True


def _suspend(game: Game, card: Card) -> None:
    assert card.face.suspend is not None
    game.say(f"{game.players[card.owner].name} suspends {card.face.name}")
    move_card(game, card, Zone.EXILE)
    card.counters[TIME_COUNTER] = card.face.suspend.turns


def tick_suspended(game: Game, seat: int) -> Steps:
    """Remove a time counter from each suspended card and cast those that have none left.

    Simplified: this happens at once at the beginning of the upkeep, without a trigger on the stack.
    """
    for card in list(game.players[seat].exile):
        if TIME_COUNTER not in card.counters:
            continue
        card.counters[TIME_COUNTER] -= 1
        if not card.counters[TIME_COUNTER]:
            del card.counters[TIME_COUNTER]
            cost = taxed_cost(game, seat, card.face, printed=FREE)
            if _can_cast(game, seat, card=card, cost=cost):
                yield from cast_spell(game, seat, card, cost=cost)


def _can_cast(game: Game, seat: int, *, card: Card, cost: ManaCost) -> bool:
    makes = [source.face.makes_mana or "" for source in mana_sources(game, seat)]
    can_pay = choose_sources(cost, makes) is not None
    return can_pay and has_targets(game, card, seat, specs=card.face.targets)
