"""Moving cards between zones.

The invariant: a card is in exactly one place, the list that its ``zone`` names (of its controller
on the battlefield, of its owner elsewhere), or on the stack. Everything that moves a card comes
through ``move_card``, which also applies replacement effects and tells the events.
"""

from typing import Final

from trainingrun_daemon.rules.events import emit
from trainingrun_daemon.rules.model import (
    Card,
    CardFace,
    Event,
    Game,
    Happening,
    Phase,
    Player,
    Zone,
)

COMBAT_PHASES: Final = frozenset(
    {Phase.ATTACKERS, Phase.BLOCKERS, Phase.FIRST_STRIKE, Phase.DAMAGE, Phase.COMBAT_END}
)


def cards_in(player: Player, zone: Zone) -> list[Card]:
    """Give a player's list of cards for a zone (the stack is not one)."""
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


def move_card(game: Game, card: Card, zone: Zone) -> None:
    """Move a card; a spell goes to or from the stack by its StackItem."""
    origin = card.zone
    zone = _replace_destination(game, card, zone)
    if origin is not Zone.STACK:
        holder = card.controller if origin is Zone.BATTLEFIELD else card.owner
        cards_in(game.players[holder], origin).remove(card)
    if origin is Zone.BATTLEFIELD:
        _leave_battlefield(game, card, zone)
    card.zone = zone
    card.moves += 1
    card.playable_until = 0
    if zone is Zone.STACK or (card.is_token and zone is not Zone.BATTLEFIELD):
        return  # a token that leaves the battlefield ceases to exist
    card.reset()
    cards_in(game.players[card.owner], zone).append(card)
    if zone is Zone.BATTLEFIELD:
        _enter_battlefield(game, card)


def put_on_bottom(game: Game, card: Card) -> None:
    """Put a card on the bottom of its owner's library."""
    move_card(game, card, Zone.LIBRARY)
    library = game.players[card.owner].library
    library.insert(0, library.pop())


def create_token(game: Game, face: CardFace, seat: int) -> Card:
    """Put a new token onto the battlefield."""
    card = Card(game.new_id(), face, owner=seat, zone=Zone.BATTLEFIELD)
    card.is_token = True
    game.players[seat].battlefield.append(card)
    _enter_battlefield(game, card)
    return card


def draw_cards(game: Game, seat: int, count: int) -> None:
    """Draw cards; drawing from an empty library loses the game at the next check."""
    player = game.players[seat]
    for _ in range(count):
        if not player.library:
            player.drew_from_empty = True
            return
        move_card(game, player.library[-1], Zone.HAND)


def _replace_destination(game: Game, card: Card, zone: Zone) -> Zone:
    if zone is not Zone.GRAVEYARD or not (card.face.is_instant or card.face.is_sorcery):
        return zone
    permanents = (other for player in game.players for other in player.battlefield)
    return Zone.EXILE if any(other.face.exiles_spent_spells for other in permanents) else zone


def _leave_battlefield(game: Game, card: Card, zone: Zone) -> None:
    game.is_stale = True
    combat = game.combat
    if combat is not None:
        if card in combat.attackers:
            combat.attackers.remove(card)
        for blockers in combat.blockers.values():
            if card in blockers:
                blockers.remove(card)
    if zone is Zone.GRAVEYARD and card.face.is_creature:
        emit(game, Happening(Event.DIES, card.controller, card))


def _enter_battlefield(game: Game, card: Card) -> None:
    game.is_stale = True
    card.is_sick = card.face.is_creature
    if card.face.is_land:
        game.players[card.controller].lands_entered += 1
    emit(game, Happening(Event.ENTERS, card.controller, card))
