"""Fourteen relations between an option and the position: what comes of choosing it.

Does the damage kill, is the attack free, does the block die for nothing: these decide how fast a
policy learns, because they spare it the arithmetic of combat. What a place means depends on the
kind of the option, which stands in the same row. The order is the meaning of the row: a change
needs a new ``schema.MEANING``.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from trainingrun_protocol.decisions import Card, Combatant, Entity

from trainingrun_environments.magic.options import Option, OptionKind, Question
from trainingrun_environments.magic.view import View, can_block, counters_of, kills

RELATIONS: Final = 14
Values: TypeAlias = tuple[float, ...]
NO_RELATIONS: Final[Values] = (0.0,) * RELATIONS


def moment_of(view: View) -> Values:
    """Return what all actions of a decision, and leaving them, have in common."""
    decision, phase = view.decision, view.decision.phase
    return (
        len(view.theirs.creatures) / 6,
        1.0 if decision.game_state.stack else 0.0,
        1.0 if view.is_my_turn else 0.0,
        1.0 if phase == "MAIN1" else 0.0,
        1.0 if phase == "MAIN2" else 0.0,
        1.0 if decision.game_state.combat is not None else 0.0,
    )


def action_relations(view: View, moment: Values, *, damage: int, cost: int) -> Values:
    """Of casting or activating something that deals so much damage for so much mana."""
    if not damage:
        left = (view.mine.open_lands - cost) / 6
        return (_whose_stack(view), 0.0, 0.0, 0.0, 0.0, *moment, left, 0.0, 0.0)
    theirs = view.theirs
    victims = best = 0
    for creature in theirs.creatures:
        if creature.toughness <= damage:
            victims += 1
            best = max(best, creature.worth)
    life, burn = max(1, theirs.player.life), view.burn_in_hand
    return (
        _whose_stack(view),
        1.0 if damage >= life else 0.0,
        min(2.0, damage / life),
        victims / 3,
        best / 12,
        *moment,
        (view.mine.open_lands - cost) / 6,
        min(2.0, burn / life),
        1.0 if burn >= life else 0.0,
    )


def player_relations(view: View, kind: OptionKind) -> Values:
    """Of aiming at a player."""
    amount = view.pending_damage
    is_foe = kind is OptionKind.AT_OPPONENT
    life = max(1, (view.theirs if is_foe else view.mine).player.life)
    return (
        1.0 if is_foe else -1.0,
        1.0 if amount >= life else 0.0,
        life / 20,
        min(2.0, amount / life),
        *NO_RELATIONS[4:],
    )


def stack_relations(view: View, entity: Entity) -> Values:
    """Of aiming at a spell or ability that waits to resolve."""
    item = view.stacked(entity.id)
    if item is None:
        return NO_RELATIONS
    place = view.decision.game_state.stack.index(item)
    is_own = item.controller == view.decision.player
    return (-1.0 if is_own else 1.0, 0.0, place / 4, *NO_RELATIONS[3:])


def card_relations(view: View, card: Card, whose: float) -> Values:
    """Of aiming at a card; ``whose`` is 1 for the own, -1 for the opponent's."""
    is_own, amount = whose > 0, view.pending_damage
    creature = view.fighters.get(card.id)
    if creature is None:
        loyalty = counters_of(card).loyalty if card.is_planeswalker else 0
        dies = 0 < loyalty <= amount
        worth = 2 * loyalty if card.is_planeswalker else card.cmc
        attacking = blocking = False
        left = loyalty
    else:
        dies = 0 < creature.toughness <= amount
        worth, left = creature.worth, creature.toughness
        attacking, blocking = creature.attacking, creature.blocking
    return (
        -whose,
        1.0 if dies else 0.0,
        worth / 12,
        (amount - left) / 5 if amount and left else 0.0,
        1.0 if card.tapped else 0.0,
        1.0 if attacking else 0.0,
        1.0 if blocking else 0.0,
        1.0 if dies and not is_own else 0.0,
        worth / 12 if dies and not is_own else 0.0,
        1.0 if is_own else 0.0,
        *NO_RELATIONS[10:],
    )


def bare_relations(question: Question, option: Option, moment: Values) -> Values:
    """Of options without a card: pass, done, yes, no, a mode, a value."""
    view = question.view
    amount, share = _amounts(question, option)
    return (
        _whose_stack(view),
        1.0 if amount >= max(1, view.theirs.player.life) else 0.0,
        share,
        0.0,
        0.0,
        *moment,
        view.mine.open_lands / 6,
        max(-2.0, min(2.0, amount / 10)),
        len(question.chosen) / 4,
    )


def _amounts(question: Question, option: Option) -> tuple[int, float]:
    """Return a value, and where it lies in the range that is offered."""
    if option.kind is not OptionKind.VALUE:
        return 0, 0.0
    low, high = question.options[0].index, question.options[-1].index
    return option.index, (option.index - low) / max(1, high - low)


def _whose_stack(view: View) -> float:
    """1 when the opponent's spell or ability is on top of the stack, -1 for an own one."""
    top = view.top_of_stack
    if top is None:
        return 0.0
    return -1.0 if top.controller == view.decision.player else 1.0


class Attack:
    """What a question about attackers has in common for all of its options."""

    def __init__(self, question: Question) -> None:
        self._view = question.view
        theirs = question.view.theirs
        self.life = max(1, theirs.player.life)
        self.blockers = [creature for creature in theirs.creatures if not creature.tapped]
        chosen = [o.item.power for o in question.chosen if isinstance(o.item, Combatant)]
        self.chosen_power = sum(chosen)
        left = [o.item.power for o in question.options if isinstance(o.item, Combatant)]
        self.left_power = sum(left)
        powers = sorted((*chosen, *left), reverse=True)
        self.through = sum(powers[len(self.blockers) :])
        """Damage of an attack with everything, when each blocker stops a strongest attacker."""
        self.is_exposed = theirs.power >= max(1, question.view.mine.player.life)

    def relations(self, item: Combatant) -> Values:
        """Return what may come of attacking with this one."""
        own = self._view.creature(item)
        able = killers = safe_killers = victims = chumps = 0
        for blocker in self.blockers:
            if not can_block(blocker, own):
                continue
            able += 1
            dies = kills(blocker, own)
            trades = kills(own, blocker)
            killers += dies
            safe_killers += dies and not trades
            victims += trades
            chumps += trades and not dies
        return (
            1.0 if able == 0 else 0.0,
            able / 4,
            killers / 4,
            1.0 if safe_killers else 0.0,
            victims / 4,
            1.0 if able and killers == 0 else 0.0,
            1.0 if able and chumps == able else 0.0,
            min(2.0, own.power / self.life),
            min(2.0, (self.chosen_power + own.power) / self.life),
            1.0 if self.chosen_power + self.left_power >= self.life else 0.0,
            1.0 if self.through >= self.life else 0.0,
            1.0 if self.is_exposed else 0.0,
            own.worth / 12,
            len(self.blockers) / 6,
        )

    def done(self) -> Values:
        """Return what the attack is without another."""
        return (
            *NO_RELATIONS[:7],
            min(2.0, self.chosen_power / self.life),
            min(2.0, self.left_power / self.life),
            1.0 if self.chosen_power + self.left_power >= self.life else 0.0,
            1.0 if self.through >= self.life else 0.0,
            1.0 if self.is_exposed else 0.0,
            0.0,
            len(self.blockers) / 6,
        )


def block_relations(question: Question, item: Combatant, against: Combatant) -> Values:
    """Return what comes of this block."""
    view = question.view
    own, foe = view.creature(item), view.creature(against)
    life = max(1, view.mine.player.life)
    incoming = _incoming(question)
    helpers = [
        view.creature(option.item)
        for option in question.chosen
        if option.against is against and isinstance(option.item, Combatant)
    ]
    is_blocked = bool(helpers)
    together = own.power + sum(helper.power for helper in helpers)
    spared = 0 if is_blocked else foe.power
    wins, dies = kills(own, foe), kills(foe, own)
    return (
        1.0 if wins else 0.0,
        1.0 if dies else 0.0,
        1.0 if wins and not dies else 0.0,
        1.0 if dies and not wins else 0.0,
        1.0 if incoming >= life else 0.0,
        1.0 if incoming >= life > incoming - spared else 0.0,
        min(2.0, incoming / life),
        min(2.0, spared / life),
        (foe.worth - own.worth) / 12,
        foe.worth / 12,
        1.0 if is_blocked else 0.0,
        1.0 if is_blocked and together >= foe.toughness else 0.0,
        foe.power / 5,
        foe.toughness / 5,
    )


def no_block_relations(question: Question) -> Values:
    """Return what comes of not blocking with the creature in question."""
    life = max(1, question.view.mine.player.life)
    incoming = _incoming(question)
    return (
        *NO_RELATIONS[:4],
        1.0 if incoming >= life else 0.0,
        0.0,
        min(2.0, incoming / life),
        *NO_RELATIONS[7:],
    )


def _incoming(question: Question) -> int:
    """Return the damage of the attackers that are not blocked so far."""
    blocked = {id(option.against) for option in question.chosen}
    attackers = question.view.decision.attackers
    return sum(attacker.power for attacker in attackers if id(attacker) not in blocked)
