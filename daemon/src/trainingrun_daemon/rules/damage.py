"""Damage and life."""

from trainingrun_daemon.rules.model import Card, Game, Keyword, Player, Target


def is_protected(card: Card, source: Card) -> bool:
    """Whether a card has protection from a source: no damage, no blocks, no targets."""
    protection = card.face.protection
    return protection is not None and protection(source.face)


def deal_damage(game: Game, source: Card, target: Target, *, amount: int) -> None:
    """Deal damage to a creature or player, with lifelink, deathtouch and protection."""
    if amount <= 0:
        return
    if isinstance(target, Player):
        lose_life(target, amount)
    elif is_protected(target, source):
        return
    else:
        target.damage += amount
        target.deathtouched = target.deathtouched or Keyword.DEATHTOUCH in source.keywords
    if Keyword.LIFELINK in source.keywords:
        gain_life(game, source.controller, amount)


def lose_life(player: Player, amount: int) -> None:
    """Make a player lose life."""
    player.life -= amount
    player.life_lost += amount


def gain_life(game: Game, seat: int, amount: int) -> None:
    """Make a player gain life, unless that is barred this turn."""
    if amount > 0 and not game.life_gain_barred:
        game.players[seat].life += amount
