"""The feature rows of options: what each does, with which card, and what comes of it in combat.

A row is a one-hot of the kind, the facts of the card, and fourteen relations between the option and
the position: does the damage kill, is the attack free, does the block die for nothing. These
decide how fast a policy learns, because they spare it the arithmetic of combat. The order of the
relations is the meaning of the row: a change needs a new ``schema.MEANING``.
"""

from __future__ import annotations

from typing import Final

from trainingrun_contracts.observation.answering import Option, OptionKind, Question
from trainingrun_contracts.observation.facts import (
    FACTS_WIDTH,
    SIZE_AT,
    facts_of,
    facts_of_action,
    facts_of_name,
)
from trainingrun_contracts.observation.schema import ACTION_WIDTH
from trainingrun_contracts.observation.view import Creature, View, can_block, kills
from trainingrun_contracts.protocol.decisions import Ability, Action, Card, Combatant, Entity

RELATIONS: Final = 14
_KINDS: Final = len(OptionKind)
_NO_FACTS: Final[tuple[float, ...]] = (0.0,) * FACTS_WIDTH
_NO_RELATIONS: Final[tuple[float, ...]] = (0.0,) * RELATIONS
_HEADS: Final = tuple(
    tuple(1.0 if kind == place else 0.0 for place in range(_KINDS)) for kind in range(_KINDS)
)
assert _KINDS + FACTS_WIDTH + RELATIONS == ACTION_WIDTH, "the parts must add up to ACTION_WIDTH"

Row = list[float]


def option_rows(question: Question) -> list[Row]:
    """One row per option, in order."""
    attack = _Attack(question) if question.options[0].kind is OptionKind.ATTACK else None
    return [_row(question, option, attack) for option in question.options]


def _row(question: Question, option: Option, attack: _Attack | None) -> Row:
    view, item, kind = question.view, option.item, option.kind
    facts, relations = _NO_FACTS, _NO_RELATIONS
    match item:
        case Action():
            facts, relations = _action_parts(view, item, kind)
        case Combatant() if option.against is not None:
            facts, relations = _combatant_facts(view, item), _block(question, item, option.against)
        case Combatant() if kind is OptionKind.NO_BLOCK:
            facts, relations = _combatant_facts(view, item), _no_block(question)
        case Combatant():
            assert attack is not None
            facts, relations = _combatant_facts(view, item), attack.relations(item)
        case Entity():
            facts, relations = _entity_parts(view, item, kind)
        case Card():
            facts = facts_of(item).row
        case Ability():
            facts = facts_of_name(item.description).row
        case None:
            relations = _bare(question, option, attack)
    return [*_HEADS[kind], *facts, *relations]


def _action_parts(
    view: View, action: Action, kind: OptionKind
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    card = view.cards.get(action.card_id)
    facts = facts_of(card) if card is not None else facts_of_action(action)
    theirs = view.theirs
    damage = facts.damage if kind is OptionKind.SPELL else 0
    victims = best = 0
    if damage:
        for creature in theirs.creatures:
            if creature.toughness <= damage:
                victims += 1
                best = max(best, creature.worth)
    life = max(1, theirs.player.life)
    left = view.mine.open_lands - (0 if kind is OptionKind.LAND else facts.cmc)
    relations = (
        0.0,
        1.0 if damage >= life else 0.0,
        min(2.0, damage / life),
        victims / 3,
        best / 12,
        len(theirs.creatures) / 6,
        1.0 if view.decision.game_state.stack else 0.0,
        1.0 if view.is_my_turn else 0.0,
        1.0 if view.decision.phase == "MAIN1" else 0.0,
        1.0 if view.decision.phase == "MAIN2" else 0.0,
        1.0 if view.decision.game_state.combat is not None else 0.0,
        left / 6,
        min(2.0, view.burn_in_hand / life) if damage else 0.0,
        1.0 if view.burn_in_hand >= life and damage else 0.0,
    )
    return facts.row, relations


def _entity_parts(
    view: View, entity: Entity, kind: OptionKind
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    amount = view.pending_damage
    if kind is not OptionKind.AT_CARD:
        side = view.mine if kind is OptionKind.AT_SELF else view.theirs
        life = max(1, side.player.life)
        is_foe = kind is OptionKind.AT_OPPONENT
        relations = (
            1.0 if is_foe else -1.0, 1.0 if amount >= life else 0.0, life / 20,
            min(2.0, amount / life), *_NO_RELATIONS[4:],
        )  # fmt: skip
        return _NO_FACTS, relations
    card = view.cards.get(entity.id)
    facts = facts_of(card).row if card is not None else facts_of_name(entity.name).row
    creature = view.fighters.get(entity.id)
    if creature is None:
        return facts, _NO_RELATIONS
    is_own = any(creature is own for own in view.mine.creatures)
    dies = 0 < creature.toughness <= amount
    relations = (
        -1.0 if is_own else 1.0,
        1.0 if dies else 0.0,
        creature.worth / 12,
        (amount - creature.toughness) / 5 if amount else 0.0,
        1.0 if creature.tapped else 0.0,
        1.0 if creature.attacking else 0.0,
        1.0 if creature.blocking else 0.0,
        1.0 if dies and not is_own else 0.0,
        creature.worth / 12 if dies and not is_own else 0.0,
        1.0 if is_own else 0.0,
        *_NO_RELATIONS[10:],
    )
    return _sized(facts, creature), relations


class _Attack:
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

    def relations(self, item: Combatant) -> tuple[float, ...]:
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

    def done(self) -> tuple[float, ...]:
        return (
            *_NO_RELATIONS[:7],
            min(2.0, self.chosen_power / self.life),
            min(2.0, self.left_power / self.life),
            1.0 if self.chosen_power + self.left_power >= self.life else 0.0,
            1.0 if self.through >= self.life else 0.0,
            1.0 if self.is_exposed else 0.0,
            0.0,
            len(self.blockers) / 6,
        )


def _block(question: Question, item: Combatant, against: Combatant) -> tuple[float, ...]:
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


def _no_block(question: Question) -> tuple[float, ...]:
    life = max(1, question.view.mine.player.life)
    incoming = _incoming(question)
    return (
        *_NO_RELATIONS[:4],
        1.0 if incoming >= life else 0.0,
        0.0,
        min(2.0, incoming / life),
        *_NO_RELATIONS[7:],
    )


def _incoming(question: Question) -> int:
    """Damage of the attackers that nobody blocks so far."""
    blocked = {id(option.against) for option in question.chosen}
    attackers = question.view.decision.attackers
    return sum(attacker.power for attacker in attackers if id(attacker) not in blocked)


def _bare(question: Question, option: Option, attack: _Attack | None) -> tuple[float, ...]:
    """Options without a card: pass, done, yes, no, a value."""
    if attack is not None:
        return attack.done()
    view = question.view
    state = view.decision.game_state
    return (
        *_NO_RELATIONS[:5],
        len(view.theirs.creatures) / 6,
        1.0 if state.stack else 0.0,
        1.0 if view.is_my_turn else 0.0,
        1.0 if view.decision.phase == "MAIN1" else 0.0,
        1.0 if view.decision.phase == "MAIN2" else 0.0,
        1.0 if state.combat is not None else 0.0,
        view.mine.open_lands / 6,
        max(-2.0, min(2.0, option.index / 10)) if option.kind is OptionKind.VALUE else 0.0,
        0.0,
    )


def _combatant_facts(view: View, item: Combatant) -> tuple[float, ...]:
    card = view.cards.get(item.id)
    facts = facts_of(card).row if card is not None else facts_of_name(item.name).row
    return _sized(facts, view.creature(item))


def _sized(facts: tuple[float, ...], creature: Creature) -> tuple[float, ...]:
    """The facts with the size that the creature has now."""
    size = (creature.power / 5, creature.toughness / 5)
    return (*facts[:SIZE_AT], *size, *facts[SIZE_AT + 2 :])
