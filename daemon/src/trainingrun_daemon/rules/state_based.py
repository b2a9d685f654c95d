"""State-based actions: what happens whenever a player would get priority (rule 704).

They are performed until none is left. The one decision among them, which of two legendary
permanents stays, is the controller's.
"""

from collections.abc import Generator

from trainingrun_daemon.rules.choices import ChooseCards, ask_cards
from trainingrun_daemon.rules.continuous import refresh
from trainingrun_daemon.rules.enums import Keyword, Purpose, Zone
from trainingrun_daemon.rules.model import Aim, Card, Game, GameOverError
from trainingrun_daemon.rules.steps import Answer, Choice, Steps
from trainingrun_daemon.rules.zones import (
    LORE,
    LOYALTY,
    MINUS,
    PLUS,
    move_card,
    move_together,
    put_on_battlefield,
    remove_counters,
    remove_from_combat,
    sacrifice,
)


def check_state(game: Game) -> Steps:
    """Perform state-based actions until none is left; raises GameOverError when the game ends.

    Whatever can bring one about also makes the game stale; otherwise there is nothing to check.
    """
    while game.is_stale or game.returning:
        while game.returning:
            yield from _return_card(game, *game.returning.pop(0))
        refresh(game)
        _check_losses(game)
        leaving = yield from _surplus_legends(game)
        if _perform_once(game, leaving):
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


def _perform_once(game: Game, leaving: list[Card]) -> bool:
    """Perform what is due now, all at once (rule 704.3); gives whether anything was.

    ``leaving`` are legendary permanents whose namesakes stay.
    """
    finished: list[Card] = []
    has_acted = False
    for player in game.players:
        for card in player.battlefield:
            if card in leaving:
                continue
            if _must_go(card) or _is_fallen_aura(game, card):
                leaving.append(card)
            elif card.face.chapters and _is_finished(game, card):
                finished.append(card)
            else:
                has_acted = _put_right(game, card) or has_acted
        if not player.speed and any(
            Keyword.START_YOUR_ENGINES in card.keywords for card in player.battlefield
        ):
            player.speed = 1
            game.is_stale = True
    for card in finished:
        sacrifice(game, card)
    for card in leaving:
        fate = "dies" if card.is_creature else "goes to the graveyard"
        game.say(f"{card.face.name} ({card.id}) {fate}")
    move_together(game, leaving, Zone.GRAVEYARD)
    return has_acted or bool(leaving) or bool(finished)


def _must_go(card: Card) -> bool:
    """Return whether a creature is dead, or a planeswalker out of loyalty (rules 704.5f to
    704.5i)."""
    if card.is_creature and _is_doomed(card):
        return True
    return card.is_planeswalker and not card.counters.get(LOYALTY)


def _put_right(game: Game, card: Card) -> bool:
    """Perform what leaves a permanent where it is; gives whether anything was.

    Damage by deathtouch that did not destroy it now will not later (rule 704.5h).
    """
    card.deathtouched = False
    if game.combat is not None and not card.is_creature and (card.attacking or card.blocking):
        remove_from_combat(game, card)  # it is no creature any longer (rule 506.4)
    if PLUS in card.counters and MINUS in card.counters:
        pairs = min(card.counters[PLUS], card.counters[MINUS])
        remove_counters(game, card, PLUS, pairs)
        remove_counters(game, card, MINUS, pairs)
    if card.attached_to is not None and not _is_held(game, card):
        card.attached_to = None
        return True
    return False


def _is_doomed(card: Card) -> bool:
    if card.toughness <= 0:
        return True
    is_destroyed = card.damage >= card.toughness or (card.deathtouched and card.damage > 0)
    return is_destroyed and Keyword.INDESTRUCTIBLE not in card.keywords


def _is_finished(game: Game, saga: Card) -> bool:
    """Return whether a saga has reached its last chapter and none waits to resolve (rule 714.4)."""
    if saga.counters.get(LORE, 0) < len(saga.face.chapters):
        return False
    items = (*game.stack, *game.waiting_triggers)
    return not any(item.card is saga and not item.is_spell for item in items)


def _is_fallen_aura(game: Game, card: Card) -> bool:
    """Return whether an aura has nothing left to enchant (rule 704.5m); equipment just falls
    off."""
    return card.face.is_aura and not card.is_creature and not _is_held(game, card)


def _is_held(game: Game, card: Card) -> bool:
    """Return whether an aura or equipment may stay attached (rules 704.5m, 704.5n, 301.5c)."""
    host = card.attached_to
    return (
        host is not None
        and host.zone is Zone.BATTLEFIELD
        and not card.is_creature
        and _can_hold(game, host, card)
        and not (host.protection is not None and host.protection(card))
    )


def _can_hold(game: Game, host: Card, card: Card) -> bool:
    """Return whether an aura or equipment could be attached to what it is attached to (rule
    303.4c)."""
    if not card.face.is_aura or not card.face.targets:
        return host.is_creature
    enchanted = card.face.targets[0].candidates(game, Aim(card.controller, card))
    return any(candidate is host for candidate in enchanted)


def _surplus_legends(game: Game) -> Generator[Choice, Answer, list[Card]]:
    """Return the legendary permanents that go because a namesake stays (rule 704.5j)."""
    leaving: list[Card] = []
    for player in game.players:
        legends: dict[str, list[Card]] = {}
        for card in player.battlefield:
            if card.face.is_legendary:
                legends.setdefault(card.face.name, []).append(card)
        for namesakes in legends.values():
            if len(namesakes) > 1:
                leaving += yield from _keep_one_legend(player.seat, namesakes)
    return leaving


def _keep_one_legend(seat: int, namesakes: list[Card]) -> Generator[Choice, Answer, list[Card]]:
    """Ask which one stays; gives the others. They are not destroyed, so nothing saves them."""
    choice = ChooseCards(
        seat,
        namesakes,
        count=(1, 1),
        message=f"Choose the {namesakes[0].face.name} that you keep",
        purpose=Purpose.KEEP,
    )
    kept = yield from ask_cards(choice)
    return [card for card in namesakes if card is not kept[0]]
