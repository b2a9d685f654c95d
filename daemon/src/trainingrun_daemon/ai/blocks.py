"""How a defender blocks: good exchanges first, then gangs, then whatever keeps it alive.

The attacker's side uses the same plan to predict what its attack would meet.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from trainingrun_daemon.ai.combat_simulation import CombatResult, Field
from trainingrun_daemon.ai.evaluation import cost_of_damage
from trainingrun_daemon.rules.choices import DeclareBlockers
from trainingrun_daemon.rules.model import Game

Blocks: TypeAlias = dict[int, tuple[int, ...]]
"""Blockers by the attacker that they block, as positions in a Field."""

_LEAST_GAIN = 0.25
_MOST_FOR_GANGS = 8


def choose_blocks(game: Game, choice: DeclareBlockers) -> tuple[tuple[int, int], ...]:
    """Give (blocker, attacker) positions."""
    field = Field(choice.attackers, choice.candidates)
    targets = {} if game.combat is None else game.combat.targets
    sidetracked = frozenset(
        at for at, attacker in enumerate(choice.attackers) if attacker.id in targets
    )
    plan = plan_blocks(
        field,
        range(len(field.attackers)),
        life=game.players[choice.seat].life,
        sidetracked=sidetracked,
    )
    return tuple((by, at) for at in sorted(plan) for by in plan[at])


def plan_blocks(
    field: Field,
    chosen: Sequence[int],
    *,
    life: int,
    sidetracked: frozenset[int] = frozenset(),
) -> Blocks:
    """Return the blocks against the chosen attackers.

    ``sidetracked`` attackers do not attack the player but a planeswalker.
    """
    incoming = sum(field.attackers[at].damage for at in chosen if at not in sidetracked)
    price = cost_of_damage(life, min(incoming, life - 1)) / incoming if incoming > 0 < life else 1.0
    price = max(price, 1.0)
    blocks = _trade_well(field, chosen, price)
    _gang_up(field, chosen, blocks, price)
    if incoming - stopped(field, blocks, sidetracked) < life:
        return blocks
    _stand_in_the_way(field, chosen, blocks, life=life, sidetracked=sidetracked)
    if incoming - stopped(field, blocks, sidetracked) < life:
        return blocks
    desperate: Blocks = {}
    _stand_in_the_way(field, chosen, desperate, life=life, sidetracked=sidetracked)
    is_better = stopped(field, desperate, sidetracked) > stopped(field, blocks, sidetracked)
    return desperate if is_better else blocks


def stopped(
    field: Field, blocks: Mapping[int, tuple[int, ...]], sidetracked: frozenset[int] = frozenset()
) -> int:
    """Return how much damage these blocks keep from the player."""
    return sum(
        field.attackers[at].damage - field.fight(at, by).through
        for at, by in blocks.items()
        if at not in sidetracked
    )


def _gain(field: Field, at: int, end: CombatResult, *, price: float) -> float:
    attacker = field.attackers[at]
    won = attacker.worth if end.attacker_dies else 0.0
    lost = sum(blocker.worth for blocker in end.dead)
    return won - lost + price * (attacker.damage - end.through)


def _trade_well(field: Field, chosen: Sequence[int], price: float) -> Blocks:
    """Pair off attackers and blockers, the best exchange first."""
    attackers = frozenset(chosen)
    offers = sorted(
        (-gain, at, by)
        for (at, by), end in field.duels.items()
        if at in attackers and not field.attackers[at].has_menace
        if (gain := _gain(field, at, end, price=price)) > _LEAST_GAIN
    )
    blocks: Blocks = {}
    busy: set[int] = set()
    for _, at, by in offers:
        if at not in blocks and by not in busy:
            blocks[at] = (by,)
            busy.add(by)
    return blocks


def _gang_up(field: Field, chosen: Sequence[int], blocks: Blocks, price: float) -> None:
    """Add blockers where two do what one cannot."""
    busy = {by for blockers in blocks.values() for by in blockers}
    if len(field.blockers) - len(busy) > _MOST_FOR_GANGS:
        return
    for at in sorted(chosen, key=lambda at: -field.attackers[at].worth):
        now = blocks.get(at, ())
        if now and field.fight(at, now).attacker_dies:
            continue
        best = _gain(field, at, field.fight(at, now), price=price) if now else 0.0
        found = now
        free = [
            by for by in range(len(field.blockers)) if by not in busy and (at, by) in field.duels
        ]
        for gang in _gangs(now, free):
            gain = _gain(field, at, field.fight(at, gang), price=price)
            if gain > best + 2 * _LEAST_GAIN:
                best, found = gain, gang
        if found != now:
            blocks[at] = found
            busy.update(found)


def _gangs(now: tuple[int, ...], free: list[int]) -> list[tuple[int, ...]]:
    """Return the gangs of two that free blockers can form, with who blocks already."""
    if now:
        return [(*now, by) for by in free]
    return [(one, other) for place, one in enumerate(free) for other in free[place + 1 :]]


def _stand_in_the_way(
    field: Field,
    chosen: Sequence[int],
    blocks: Blocks,
    *,
    life: int,
    sidetracked: frozenset[int],
) -> None:
    """Block with whatever is left, the greatest damage first, until the player lives."""
    busy = {by for blockers in blocks.values() for by in blockers}
    at_player = [at for at in chosen if at not in sidetracked]
    left = sum(field.attackers[at].damage for at in at_player)
    left -= stopped(field, blocks, sidetracked)
    for at in sorted(at_player, key=lambda at: -field.attackers[at].damage):
        if left < life:
            return
        if at in blocks:
            continue
        free = [
            by for by in range(len(field.blockers)) if by not in busy and (at, by) in field.duels
        ]
        needed = 2 if field.attackers[at].has_menace else 1
        if len(free) < needed:
            continue
        free.sort(key=lambda by: (field.duels[at, by].through, field.blockers[by].worth))
        blocks[at] = tuple(free[:needed])
        busy.update(blocks[at])
        left -= field.attackers[at].damage - field.fight(at, blocks[at]).through
