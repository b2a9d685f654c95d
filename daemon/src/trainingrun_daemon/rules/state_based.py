"""State-based actions: what happens whenever a player would get priority.

Simplified: of two legendary permanents of one name their controller keeps the one that came first.
"""

from trainingrun_daemon.rules.continuous import refresh
from trainingrun_daemon.rules.model import Card, Game, GameOverError, Keyword, Player, Zone
from trainingrun_daemon.rules.zones import move_card


def check_state(game: Game) -> None:
    """Perform state-based actions until none is left; raises GameOverError when the game ends."""
    refresh(game)
    _check_losses(game)
    while dead := _doomed_cards(game):
        for card in dead:
            if card.zone is Zone.BATTLEFIELD:
                game.say(f"{card.face.name} ({card.id}) dies")
                move_card(game, card, Zone.GRAVEYARD)
        refresh(game)


def end_game(game: Game, winner: int | None) -> None:
    """End the game; raises GameOverError."""
    game.is_over = True
    game.winner = winner
    raise GameOverError


def _check_losses(game: Game) -> None:
    for player in game.players:
        player.has_lost = player.life <= 0 or player.poison >= 10 or player.drew_from_empty
    losers = [player for player in game.players if player.has_lost]
    if len(losers) == 2:
        end_game(game, None)
    elif losers:
        end_game(game, 1 - losers[0].seat)


def _doomed_cards(game: Game) -> list[Card]:
    doomed = [
        card
        for player in game.players
        for card in player.battlefield
        if card.face.is_creature and _is_doomed(card)
    ]
    for player in game.players:
        doomed += _surplus_legends(player)
    return doomed


def _is_doomed(card: Card) -> bool:
    if card.toughness <= 0:
        return True
    is_destroyed = card.damage >= card.toughness or (card.deathtouched and card.damage > 0)
    return is_destroyed and Keyword.INDESTRUCTIBLE not in card.keywords


def _surplus_legends(player: Player) -> list[Card]:
    seen: set[str] = set()
    surplus: list[Card] = []
    for card in player.battlefield:
        if card.face.is_legendary:
            if card.face.name in seen:
                surplus.append(card)
            seen.add(card.face.name)
    return surplus
