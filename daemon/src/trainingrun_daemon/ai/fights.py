"""How the AI attacks and blocks: creature by creature, by the worth of the exchange."""

from trainingrun_daemon.rules.choices import DeclareAttackers, DeclareBlockers
from trainingrun_daemon.rules.combat import can_block
from trainingrun_daemon.rules.model import Card, Game
from trainingrun_daemon.rules.targets import worth
from trainingrun_daemon.rules.terms import Keyword


def choose_attackers(game: Game, choice: DeclareAttackers) -> tuple[int, ...]:
    """Give the positions of the creatures that attack."""
    defender = game.players[1 - choice.seat]
    blockers = [card for card in defender.battlefield if card.is_creature and not card.tapped]
    by_power = sorted(choice.candidates, key=lambda card: -card.power)
    unblocked = sum(card.power for card in by_power[len(blockers) :])
    everybody = tuple(range(len(choice.candidates)))
    if unblocked >= defender.life:
        return everybody
    is_behind = _is_losing_race(game, choice.seat, choice.candidates)
    return tuple(
        position
        for position, card in enumerate(choice.candidates)
        if card.power > 0
        and (not is_behind or Keyword.VIGILANCE in card.keywords)
        and all(_is_good_attack(card, blocker) for blocker in blockers if can_block(blocker, card))
    )


def _is_losing_race(game: Game, seat: int, attackers: list[Card]) -> bool:
    """Whether tapping these creatures would let the opponent kill this seat in return."""
    opponent = game.players[1 - seat]
    incoming = sum(card.power for card in opponent.battlefield if card.is_creature)
    outgoing = sum(card.power for card in attackers)
    return incoming >= game.players[seat].life and outgoing < opponent.life


def _is_good_attack(attacker: Card, blocker: Card) -> bool:
    if not _kills(blocker, attacker):
        return True
    return _kills(attacker, blocker) and worth(blocker) >= worth(attacker)


def _kills(source: Card, victim: Card) -> bool:
    if Keyword.INDESTRUCTIBLE in victim.keywords or source.power <= 0:
        return False
    is_enough = (
        source.power >= victim.toughness - victim.damage or Keyword.DEATHTOUCH in source.keywords
    )
    if not is_enough:
        return False
    is_slower = _strikes_first(victim) and not _strikes_first(source)
    return not (is_slower and victim.power >= source.toughness - source.damage)


def _strikes_first(card: Card) -> bool:
    return Keyword.FIRST_STRIKE in card.keywords or Keyword.DOUBLE_STRIKE in card.keywords


def choose_blocks(game: Game, choice: DeclareBlockers) -> tuple[tuple[int, int], ...]:
    """Give (blocker, attacker) positions: good blocks first, then chump blocks to stay alive."""
    life = game.players[choice.seat].life
    order = sorted(range(len(choice.attackers)), key=lambda at: -choice.attackers[at].power)
    free = set(range(len(choice.candidates)))
    blocks: list[tuple[int, int]] = []
    damage = sum(card.power for card in choice.attackers)
    for must_chump in (False, True):
        for at in order:
            attacker = choice.attackers[at]
            if any(at == blocked for _, blocked in blocks) or (must_chump and damage < life):
                continue
            blocker = _pick_blocker(choice, free, attacker, must_chump=must_chump)
            if blocker is not None:
                free.discard(blocker)
                blocks.append((blocker, at))
                damage -= attacker.power
    return tuple(blocks)


def _pick_blocker(
    choice: DeclareBlockers, free: set[int], attacker: Card, *, must_chump: bool
) -> int | None:
    able = [at for at in sorted(free) if can_block(choice.candidates[at], attacker)]
    good = [at for at in able if _is_good_block(choice.candidates[at], attacker)]
    if good:
        return min(good, key=lambda at: worth(choice.candidates[at]))
    if must_chump and able and Keyword.MENACE not in attacker.keywords:
        return min(able, key=lambda at: worth(choice.candidates[at]))
    return None


def _is_good_block(blocker: Card, attacker: Card) -> bool:
    if Keyword.MENACE in attacker.keywords:
        return False
    if not _kills(attacker, blocker):
        return True
    return _kills(blocker, attacker) and worth(attacker) >= worth(blocker)
