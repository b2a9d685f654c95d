"""Damage and life (rules 119 and 120)."""

from trainingrun_daemon.rules.enums import Bar, Event, Keyword
from trainingrun_daemon.rules.events import emit
from trainingrun_daemon.rules.model import (
    MAX_SPEED,
    Card,
    Game,
    Happening,
    Player,
    StackItem,
    Target,
)
from trainingrun_daemon.rules.zones import LOYALTY, is_barred, remove_counters


def is_protected(card: Card, source: Card) -> bool:
    """Return whether a card has protection from a source: no damage, no blocks, no targets."""
    return card.protection is not None and card.protection(source)


def deal_damage(
    game: Game, source: Card, target: Target, *, amount: int, is_combat: bool = False
) -> int:
    """Deal damage to a permanent or player; gives how much was dealt after prevention.

    Lifelink, deathtouch and protection count; damage to a planeswalker takes loyalty off.
    """
    assert not isinstance(target, StackItem), "spells are not damaged"
    if amount > 0:
        amount = _after_prevention(game, source, target, amount=amount, is_combat=is_combat)
    if amount <= 0:
        return 0
    seat = target.seat if isinstance(target, Player) else target.controller
    if isinstance(target, Player):
        target.damage_taken += amount
        lose_life(game, target, amount)
    else:
        _damage_permanent(game, source, target, amount)
    if Keyword.LIFELINK in source.keywords:
        gain_life(game, source.controller, amount)
    victim = target if isinstance(target, Card) else None
    emit(
        game,
        Happening(Event.DAMAGES, seat, source, victim, amount=amount, is_combat=is_combat),
    )
    return amount


def _damage_permanent(game: Game, source: Card, target: Card, amount: int) -> None:
    if target.is_planeswalker:
        remove_counters(game, target, LOYALTY, amount)
    if target.is_creature:
        game.is_stale = True
        target.damage += amount
        target.deathtouched = target.deathtouched or Keyword.DEATHTOUCH in source.keywords


def _after_prevention(
    game: Game, source: Card, target: Card | Player, *, amount: int, is_combat: bool
) -> int:
    """Apply prevention (rule 615), unless damage can't be prevented."""
    is_shielded = target.shield > 0
    protected = isinstance(target, Card) and is_protected(target, source)
    stopped = is_combat and Bar.COMBAT_DAMAGE in game.bars
    if not (is_shielded or protected or stopped) or is_barred(game, Bar.PREVENTION):
        return amount
    if protected or stopped:
        return 0
    prevented = min(target.shield, amount)
    target.shield -= prevented
    return amount - prevented


def lose_life(game: Game, player: Player, amount: int) -> None:
    """Make a player lose life. An opponent with engines running speeds up (rule 702.179)."""
    if amount <= 0:
        return
    player.life -= amount
    player.life_lost += amount
    game.is_stale = True
    racer = game.players[1 - player.seat]
    if racer.seat == game.active and 0 < racer.speed < MAX_SPEED and not racer.has_sped_up:
        racer.speed += 1
        racer.has_sped_up = True
    emit(game, Happening(Event.LOSES_LIFE, player.seat, amount=amount))


def gain_life(game: Game, seat: int, amount: int) -> None:
    """Make a player gain life, unless that is barred."""
    player = game.players[seat]
    if amount <= 0 or player.life_gain_barred_until >= game.turn:
        return
    if is_barred(game, Bar.LIFE_GAIN):
        return
    player.life += amount
    player.life_gained += amount
    game.is_stale = True
    emit(game, Happening(Event.GAINS_LIFE, seat, amount=amount))
