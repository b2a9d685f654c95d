"""State-based actions: what happens whenever a player would get priority (rule 704).

They are performed until none is left. The one decision among them, which of two legendary
permanents stays, is the controller's.
"""

from trainingrun_daemon.rules.choices import ChooseCards, ask_cards
from trainingrun_daemon.rules.continuous import refresh
from trainingrun_daemon.rules.face import Aim, Steps
from trainingrun_daemon.rules.model import Card, Game, GameOverError, Player
from trainingrun_daemon.rules.terms import Keyword, Purpose, Zone
from trainingrun_daemon.rules.zones import (
    LORE,
    LOYALTY,
    MINUS,
    PLUS,
    move_card,
    put_on_battlefield,
    remove_counters,
    sacrifice,
)


def check_state(game: Game) -> Steps:
    """Perform state-based actions until none is left; raises GameOverError when the game ends.

    Whatever can bring one about also makes the game stale; otherwise there is nothing to look at.
    """
    while game.is_stale or game.returning:
        while game.returning:
            yield from _return_card(game, *game.returning.pop(0))
        refresh(game)
        _check_losses(game)
        surplus = _surplus_legends(game)
        if surplus:
            yield from _keep_one_legend(game, surplus)
        elif _perform_once(game):
            game.is_stale = True


def end_game(game: Game, winner: int | None) -> None:
    """End the game; raises GameOverError."""
    game.is_over = True
    game.winner = winner
    raise GameOverError


def _return_card(game: Game, card: Card, moves: int, zone: Zone) -> Steps:
    """Give back a card whose keeper has left, if it is still where the keeper put it."""
    if card.zone is not Zone.EXILE or card.moves != moves:
        return
    if zone is Zone.BATTLEFIELD:
        yield from put_on_battlefield(game, card)
    else:
        move_card(game, card, zone)


def _check_losses(game: Game) -> None:
    for player in game.players:
        player.has_lost = player.life <= 0 or player.poison >= 10 or player.drew_from_empty
    losers = [player for player in game.players if player.has_lost]
    if len(losers) == 2:
        end_game(game, None)
    elif losers:
        end_game(game, 1 - losers[0].seat)


def _perform_once(game: Game) -> bool:
    """Perform what is due now; gives whether anything was."""
    has_acted = False
    for player in game.players:
        for card in list(player.battlefield):
            if card.zone is Zone.BATTLEFIELD and _check_permanent(game, card):
                has_acted = True
        if not player.speed and any(
            Keyword.START_YOUR_ENGINES in card.keywords for card in player.battlefield
        ):
            player.speed = 1
            game.is_stale = True
    return has_acted


def _check_permanent(game: Game, card: Card) -> bool:
    """Check one permanent; gives whether it left."""
    if card.is_creature and _is_doomed(card):
        game.say(f"{card.face.name} ({card.id}) dies")
        move_card(game, card, Zone.GRAVEYARD)
        return True
    if card.counters:
        if card.face.chapters and _is_finished(game, card):
            sacrifice(game, card)
            return True
        if PLUS in card.counters and MINUS in card.counters:
            pairs = min(card.counters[PLUS], card.counters[MINUS])
            remove_counters(game, card, PLUS, pairs)
            remove_counters(game, card, MINUS, pairs)
    if card.is_planeswalker and not card.counters.get(LOYALTY):
        move_card(game, card, Zone.GRAVEYARD)
        return True
    return _check_attachment(game, card)


def _is_doomed(card: Card) -> bool:
    if card.toughness <= 0:
        return True
    is_destroyed = card.damage >= card.toughness or (card.deathtouched and card.damage > 0)
    return is_destroyed and Keyword.INDESTRUCTIBLE not in card.keywords


def _is_finished(game: Game, saga: Card) -> bool:
    """Whether a saga has told its last chapter and none waits to resolve (rule 714.4)."""
    if saga.counters.get(LORE, 0) < len(saga.face.chapters):
        return False
    items = (*game.stack, *game.waiting_triggers)
    return not any(item.card is saga and not item.is_spell for item in items)


def _check_attachment(game: Game, card: Card) -> bool:
    """Put an aura without a host into the graveyard; equipment just falls off."""
    host = card.attached_to
    if host is None and not card.face.is_aura:
        return False
    is_held = (
        host is not None
        and host.zone is Zone.BATTLEFIELD
        and _can_hold(game, host, card)
        and not (host.protection is not None and host.protection(card))
    )
    if is_held:
        return False
    card.attached_to = None
    if card.face.is_aura and not card.is_creature:
        move_card(game, card, Zone.GRAVEYARD)
        return True
    return False


def _can_hold(game: Game, host: Card, card: Card) -> bool:
    """Whether an aura or equipment could be attached to what it is attached to (rule 303.4c)."""
    if not card.face.is_aura or not card.face.targets:
        return host.is_creature
    enchanted = card.face.targets[0].candidates(game, Aim(card.controller, card))
    return any(candidate is host for candidate in enchanted)


def _surplus_legends(game: Game) -> list[Card]:
    """Give legendary permanents of one name and one controller, if there are two or more."""
    for player in game.players:
        legends = [card for card in player.battlefield if card.face.is_legendary]
        if len(legends) < 2:
            continue
        for legend in legends:
            same = [card for card in legends if card.face.name == legend.face.name]
            if len(same) > 1:
                return same
    return []


def _keep_one_legend(game: Game, legends: list[Card]) -> Steps:
    """Ask which one stays; the others go to the graveyard, which is no destruction (704.5j)."""
    owner: Player = game.players[legends[0].controller]
    choice = ChooseCards(
        owner.seat,
        legends,
        count=(1, 1),
        message=f"Choose the {legends[0].face.name} that you keep",
        purpose=Purpose.KEEP,
    )
    kept = yield from ask_cards(choice)
    for card in legends:
        if card is not kept[0]:
            game.say(f"{card.face.name} ({card.id}) goes: its namesake stays")
            move_card(game, card, Zone.GRAVEYARD)
