"""Who attacks: the set of attackers whose simulated combat is best, the answer included.

Every set is valued by the blocks that it would meet (``blocks.plan_blocks``), by
the damage that gets through, and by what the opponent could strike back with when the attackers are
tapped. Small armies are searched in full, larger ones by single changes.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from trainingrun_daemon.ai.blocks import plan_blocks
from trainingrun_daemon.ai.combat_simulation import Field
from trainingrun_daemon.ai.evaluation import cost_of_damage
from trainingrun_daemon.rules.choices import DeclareAttackers
from trainingrun_daemon.rules.combat import can_block
from trainingrun_daemon.rules.enums import Event, Keyword
from trainingrun_daemon.rules.model import Card, Game

_SEARCHED_IN_FULL: Final = 5
_WIN: Final = 1000.0
_FEAR: Final = 0.5
"""How much of what the opponent could strike back with is counted: they may not."""
_PASSES: Final = 2
_TRIGGER_BONUS: Final = 1.0


def choose_attackers(game: Game, choice: DeclareAttackers) -> tuple[int, ...]:
    """Return the positions of the creatures that attack."""
    outlook = _Outlook(game, choice.seat, choice.candidates)
    count = len(choice.candidates)
    if count <= _SEARCHED_IN_FULL:
        sets = (chosen for size in range(count + 1) for chosen in combinations(range(count), size))
        return max(sets, key=outlook.value)
    return _climb(outlook, count)


def _climb(outlook: "_Outlook", count: int) -> tuple[int, ...]:
    """Improve the best of none, all and the safe ones by single changes."""
    everybody = tuple(range(count))
    safe = tuple(at for at in everybody if outlook.is_safe(at))
    best = max(((), safe, everybody), key=outlook.value)
    value = outlook.value(best)
    for _ in range(_PASSES):
        before = value
        for at in everybody:
            changed = tuple(other for other in everybody if (other in best) != (other == at))
            changed_value = outlook.value(changed)
            if changed_value > value:
                best, value = changed, changed_value
        if value == before:
            break
    return best


class _Outlook:
    """What there is to gain and to fear from an attack."""

    def __init__(self, game: Game, seat: int, candidates: Sequence[Card]) -> None:
        self._own, self._other = game.players[seat], game.players[1 - seat]
        blockers = [card for card in self._other.battlefield if card.is_creature]
        self._field = Field(candidates, [card for card in blockers if not card.tapped])
        self._foes = sorted(
            (card for card in blockers if _may_strike_back(card)), key=lambda card: -card.power
        )
        attacking = {card.id: at for at, card in enumerate(candidates)}
        self._guards = [
            (attacking.get(card.id, -1), card)
            for card in self._own.battlefield
            if card.is_creature and not card.tapped
        ]
        """Those who could block in the opponent's turn, with their place among the attackers."""

    def is_safe(self, at: int) -> bool:
        """Return whether no single blocker kills this attacker."""
        return not any(
            end.attacker_dies for (attacker, _), end in self._field.duels.items() if attacker == at
        )

    def value(self, chosen: tuple[int, ...]) -> float:
        """Value an attack with these."""
        field, life = self._field, self._other.life
        blocks = plan_blocks(field, chosen, life=life)
        damage = gained = 0
        value = 0.0
        fallen: set[int] = set()
        for at in chosen:
            attacker = field.attackers[at]
            through = attacker.damage
            if at in blocks:
                end = field.fight(at, blocks[at])
                through = end.through
                value += sum(blocker.worth for blocker in end.dead)
                value -= attacker.worth if end.attacker_dies else 0.0
                fallen.update(blocker.card.id for blocker in end.dead)
            value += _TRIGGER_BONUS * _attack_triggers(attacker.card)
            damage += through
            gained += through if attacker.has_lifelink else 0
        if damage >= life:
            return _WIN + value
        value += cost_of_damage(life, damage)
        own_life = self._own.life + gained
        strike = self._strike_back(chosen, fallen)
        return value - _FEAR * cost_of_damage(own_life, strike)

    def _strike_back(self, chosen: tuple[int, ...], fallen: set[int]) -> int:
        """Return the damage that the opponent could deal when every guard blocks one of them."""
        guards = [card for at, card in self._guards if at not in chosen or _stays_up(card)]
        damage = 0
        for foe in self._foes:
            if foe.id in fallen:
                continue
            guard = next((card for card in guards if can_block(card, foe)), None)
            if guard is None:
                damage += foe.power * (2 if Keyword.DOUBLE_STRIKE in foe.keywords else 1)
            else:
                guards.remove(guard)
        return damage


def _attack_triggers(card: Card) -> int:
    """Return how many abilities of its own an attack triggers."""
    return sum(trigger.event is Event.ATTACKS for trigger in card.triggers)


def _stays_up(card: Card) -> bool:
    return Keyword.VIGILANCE in card.keywords


def _may_strike_back(card: Card) -> bool:
    return card.power > 0 and not card.keywords & _NO_ATTACKERS


_NO_ATTACKERS: Final = frozenset({Keyword.DEFENDER, Keyword.CANT_ATTACK})
