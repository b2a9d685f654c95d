"""Moving cards between zones.

The invariant: a card is in exactly one place, the list that its ``zone`` names (of its controller
on the battlefield, of its owner elsewhere), or on the stack. Everything that moves a card comes
through ``move_card`` or ``put_on_battlefield``, which also apply replacement effects and emit the
events.
"""

from typing import Final

from trainingrun_daemon.rules.enums import Bar, Event, Keyword, Phase, Zone
from trainingrun_daemon.rules.events import emit, note_chapter
from trainingrun_daemon.rules.model import Card, CardFace, Game, Happening, Player
from trainingrun_daemon.rules.steps import Steps

COMBAT_PHASES: Final = frozenset(
    {
        Phase.COMBAT_BEGIN,
        Phase.ATTACKERS,
        Phase.BLOCKERS,
        Phase.FIRST_STRIKE,
        Phase.DAMAGE,
        Phase.COMBAT_END,
    }
)
LOYALTY: Final = "LOYALTY"
LORE: Final = "LORE"
PLUS: Final = "P1P1"
MINUS: Final = "M1M1"
STUN: Final = "STUN"


def cards_in(player: Player, zone: Zone) -> list[Card]:
    """Return a player's list of cards for a zone (the stack is not one)."""
    match zone:
        case Zone.HAND:
            return player.hand
        case Zone.BATTLEFIELD:
            return player.battlefield
        case Zone.GRAVEYARD:
            return player.graveyard
        case Zone.LIBRARY:
            return player.library
        case Zone.EXILE:
            return player.exile
        case Zone.COMMAND:
            return player.command
        case Zone.STACK:
            raise ValueError("the stack belongs to the game, not to a player")


def enter_phase(game: Game, phase: Phase) -> None:
    """Begin a step: unspent mana is gone (rule 106.4)."""
    game.phase = phase
    for player in game.players:
        if not game.is_stale and any(card.statics for card in player.battlefield):
            game.is_stale = True  # some hold only in some steps
        if player.pool:
            stays = phase in COMBAT_PHASES
            player.pool = [mana for mana in player.pool if stays and mana.is_combat]


def is_barred(game: Game, bar: Bar) -> bool:
    """Return whether something suspends this rule now."""
    if bar in game.bars:
        return True
    return any(bar in card.face.bars for player in game.players for card in player.battlefield)


def move_card(game: Game, card: Card, zone: Zone) -> None:
    """Move a card anywhere but to the battlefield; a spell's StackItem is the caller's affair."""
    assert zone is not Zone.BATTLEFIELD, "put_on_battlefield does that"
    zone = _replace_destination(game, card, zone)
    if card.zone is Zone.BATTLEFIELD:
        _emit_leaving(game, card, zone)
    _put_into(game, card, zone)


def move_together(game: Game, cards: list[Card], zone: Zone) -> None:
    """Move cards at the same time: abilities of permanents see the others go (rule 603.10a)."""
    going = [(card, _replace_destination(game, card, zone)) for card in cards]
    for card, destination in going:
        if card.zone is Zone.BATTLEFIELD:
            _emit_leaving(game, card, destination)
    for card, destination in going:
        _put_into(game, card, destination)


def _put_into(game: Game, card: Card, zone: Zone) -> None:
    _take_out(game, card)
    card.zone = zone
    card.moves += 1
    card.forbid_play()
    game.is_stale = True
    if card.is_token:
        return  # a token that leaves the battlefield ceases to exist (rule 111.7)
    card.reset()
    if zone is not Zone.STACK:
        cards_in(game.players[card.owner], zone).append(card)


def put_on_battlefield(
    game: Game,
    card: Card,
    *,
    controller: int | None = None,
    tapped: bool = False,
    way: str = "",
    x: int = 0,
    host: Card | None = None,
) -> Steps:
    """Put a card onto the battlefield, asking what must be decided as it enters.

    ``way`` and ``x`` say how it was cast; ``host`` is what an aura enters attached to.
    """
    _take_out(game, card)
    card.zone = Zone.BATTLEFIELD
    card.moves += 1
    card.forbid_play()
    card.reset()
    card.controller = card.owner if controller is None else controller
    card.tapped = tapped
    card.cast_way = way
    card.cast_x = x
    card.attached_to = host
    yield from _enter(game, card)


def put_on_battlefield_turned(game: Game, card: Card, *, controller: int) -> Steps:
    """Put a double-faced card onto the battlefield with its back up (rule 712.14a)."""
    _take_out(game, card)
    card.zone = Zone.BATTLEFIELD
    card.moves += 1
    card.forbid_play()
    card.reset()
    card.controller = controller
    turn_over(game, card)
    yield from _enter(game, card)


def turn_over(game: Game, card: Card) -> None:
    """Transform a double-faced permanent."""
    other = card.printed.back if card.face is card.printed else card.printed
    if other is not None:
        card.face = other
        card.restore()
        game.is_stale = True


def put_on_bottom(game: Game, card: Card) -> None:
    """Put a card on the bottom of its owner's library."""
    move_card(game, card, Zone.LIBRARY)
    library = game.players[card.owner].library
    if not card.is_token:
        library.insert(0, library.pop())


def create_token(game: Game, face: CardFace, seat: int, *, tapped: bool = False) -> Card:
    """Put a new token onto the battlefield."""
    card = Card(game.new_id(), face, owner=seat, zone=Zone.BATTLEFIELD)
    card.is_token = True
    card.stamp = game.tick()
    card.is_sick = True
    card.tapped = tapped
    game.players[seat].battlefield.append(card)
    game.is_stale = True
    emit(game, Happening(Event.ENTERS, seat, card))
    return card


def create_emblem(game: Game, face: CardFace, seat: int) -> None:
    """Put an emblem into the command zone (rule 114)."""
    emblem = Card(game.new_id(), face, owner=seat, zone=Zone.COMMAND)
    emblem.is_token = True
    emblem.stamp = game.tick()
    game.players[seat].command.append(emblem)
    game.is_stale = True


def draw_cards(game: Game, seat: int, count: int) -> None:
    """Draw cards; drawing from an empty library loses the game at the next check."""
    player = game.players[seat]
    for _ in range(count):
        if not player.library:
            player.drew_from_empty = True
            game.is_stale = True
            return
        card = player.library[-1]
        move_card(game, card, Zone.HAND)
        player.drawn += 1
        emit(game, Happening(Event.DRAWS, seat, card, amount=player.drawn))


def discard(game: Game, card: Card) -> None:
    """Discard a card from its owner's hand."""
    move_card(game, card, Zone.GRAVEYARD)
    emit(game, Happening(Event.DISCARDS, card.owner, card))


def sacrifice(game: Game, card: Card) -> None:
    """Sacrifice a permanent; indestructible does not help (rule 701.21)."""
    seat = card.controller
    game.say(f"{game.players[seat].name} sacrifices {card.face.name} ({card.id})")
    emit(game, Happening(Event.SACRIFICED, seat, card))
    move_card(game, card, Zone.GRAVEYARD)


def destroy(game: Game, card: Card) -> bool:
    """Destroy a permanent, unless it is indestructible; gives whether it went."""
    return bool(destroy_together(game, [card]))


def destroy_together(game: Game, cards: list[Card]) -> list[Card]:
    """Destroy permanents at the same time; gives those that went (rule 702.12b)."""
    going = [
        card
        for card in cards
        if card.zone is Zone.BATTLEFIELD and Keyword.INDESTRUCTIBLE not in card.keywords
    ]
    for card in going:
        game.say(f"{card.face.name} ({card.id}) is destroyed")
    move_together(game, going, Zone.GRAVEYARD)
    return going


def mill(game: Game, seat: int, count: int) -> list[Card]:
    """Put cards from the top of a library into the graveyard; gives them."""
    cards = game.players[seat].library[-count:][::-1] if count > 0 else []
    for card in cards:
        move_card(game, card, Zone.GRAVEYARD)
    return cards


def add_counters(game: Game, card: Card, kind: str, count: int = 1) -> None:
    """Put counters on a permanent."""
    card.counters[kind] = card.counters.get(kind, 0) + count
    game.is_stale = True
    if kind == LORE:
        note_chapter(game, card)


def remove_counters(game: Game, card: Card, kind: str, count: int = 1) -> None:
    """Take counters off, as far as there are any."""
    left = card.counters.get(kind, 0) - count
    if left > 0:
        card.counters[kind] = left
    else:
        card.counters.pop(kind, None)
    game.is_stale = True


def untap(game: Game, card: Card) -> None:
    """Untap a permanent; a stun counter is removed instead (rule 122.1d)."""
    if card.tapped and STUN in card.counters:
        remove_counters(game, card, STUN)
    else:
        card.tapped = False


def exile_while(game: Game, keeper: Card, card: Card, *, back_to: Zone) -> None:
    """Exile a card until the keeper leaves the battlefield."""
    move_card(game, card, Zone.EXILE)
    if card.zone is not Zone.EXILE or card.is_token:
        return
    if keeper.zone is Zone.BATTLEFIELD:
        keeper.holds = (*keeper.holds, (card, card.moves, back_to))
    else:
        game.returning.append((card, card.moves, back_to))


def _take_out(game: Game, card: Card) -> None:
    """Take a card from the list it is in."""
    origin = card.zone
    if origin is Zone.STACK:
        return
    if origin is Zone.BATTLEFIELD:
        game.players[card.controller].battlefield.remove(card)
        _break_ties(game, card)
    else:
        cards_in(game.players[card.owner], origin).remove(card)


def _replace_destination(game: Game, card: Card, zone: Zone) -> Zone:
    if zone is not Zone.GRAVEYARD:
        return zone
    if card.zone is Zone.BATTLEFIELD:
        return Zone.EXILE if card.exiled_if_dies else zone
    if card.face.is_permanent or not is_barred(game, Bar.GRAVEYARD_FOR_SPELLS):
        return zone
    return Zone.EXILE


def _emit_leaving(game: Game, card: Card, zone: Zone) -> None:
    """Announce that a permanent leaves, while it is still there. Dying is rule 700.4."""
    if zone is Zone.GRAVEYARD and (card.is_creature or card.is_planeswalker):
        emit(game, Happening(Event.DIES, card.controller, card, amount=card.power))
    emit(game, Happening(Event.LEAVES, card.controller, card))


def _break_ties(game: Game, card: Card) -> None:
    """End what bound a permanent that leaves to others: combat, attachments, cards it kept."""
    remove_from_combat(game, card)
    for player in game.players:
        for other in player.battlefield:
            if other.attached_to is card:
                other.attached_to = None
    game.returning += card.holds


def remove_from_combat(game: Game, card: Card) -> None:
    """Take a creature out of combat; what it blocked stays blocked (rule 506.4)."""
    combat = game.combat
    if combat is None:
        return
    card.attacking = False
    card.is_unblocked = False
    card.blocking = None
    if card in combat.attackers:
        combat.attackers.remove(card)
    for blockers in combat.blockers.values():
        if card in blockers:
            blockers.remove(card)


def _enter(game: Game, card: Card) -> Steps:
    face = card.face
    card.stamp = game.tick()
    card.is_sick = True
    game.players[card.controller].battlefield.append(card)
    game.is_stale = True
    if face.loyalty:
        card.counters[LOYALTY] = face.loyalty
    if face.as_enters is not None:
        steps = face.as_enters(game, card)
        if steps is not None:
            yield from steps
    if face.is_land:
        game.players[card.controller].lands_entered += 1
    if face.chapters:
        add_counters(game, card, LORE)
    emit(game, Happening(Event.ENTERS, card.controller, card))
