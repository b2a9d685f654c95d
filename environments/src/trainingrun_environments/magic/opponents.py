"""Scripted opponents: yardsticks that never change, on the same option lists as the policy.

``random`` is that of every environment. ``aggressive`` plays land, then
its most expensive creature or burn to the face, pays for all it can, attacks with everything and
blocks only to stay alive.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from trainingrun_protocol.decisions import Ability, Action, Card, Entity

from trainingrun_environments.agents import EVERYWHERE, Agents
from trainingrun_environments.magic.facts import facts_of, facts_of_action, mana_value
from trainingrun_environments.magic.options import Option, OptionKind, Question
from trainingrun_environments.magic.view import View
from trainingrun_environments.magic.wording import Wording, wording_of


class AggressiveAgent:
    """Always forward."""

    def choose(self, question: Question, _random: Random) -> int:
        """Return the option of the highest rank; the first of equals, as daemons list the best
        first."""
        ranks = [_RANKS[option.kind](question, option) for option in question.options]
        return max(range(len(ranks)), key=ranks.__getitem__)


AGENTS: Final[Agents] = {**EVERYWHERE, "aggressive": AggressiveAgent}


def _action_rank(question: Question, option: Option) -> float:
    action, view = option.item, question.view
    assert isinstance(action, Action)
    if option.kind is OptionKind.LAND:
        return 1000.0
    card = view.card(action.card_id)
    cost = mana_value(action.mana_cost)
    if option.kind is OptionKind.CREATURE:
        return 200.0 + cost
    facts = facts_of(card) if card is not None else facts_of_action(action)
    if facts.damage:
        return 100.0 + cost
    if facts.text.counters_spells:
        return 80.0 if _is_theirs_on_stack(view) else -1.0
    if facts.is_removal:
        return 90.0 if view.theirs.creatures else -1.0
    if facts.text.helps and not facts.is_permanent and facts.text.is_pump:
        return 60.0 if view.mine.creatures and view.is_my_turn else -1.0
    return 50.0 + cost if facts.is_permanent else 10.0


def _ability_rank(question: Question, option: Option) -> float:
    """Return what costs mana or loyalty, or fetches a land, on the own turn; nothing else that is
    free, for it could be repeated for ever."""
    action, view = option.item, question.view
    assert isinstance(action, Action)
    card = view.card(action.card_id)
    text = wording_of(action.description)
    is_walker = card is not None and card.is_planeswalker
    is_limited = is_walker or text.searches or mana_value(action.mana_cost) > 0
    is_time = view.is_my_turn and not view.decision.game_state.stack
    if not (is_limited and is_time) or _is_wasted(view, action):
        return -0.5
    return 30.0 + text.damage if text.damage else 20.0 if is_walker else 5.0


def _is_wasted(view: View, action: Action) -> bool:
    """Making a creature of what is one already, or when its attack is over."""
    is_animation = "become" in action.description.casefold()
    return is_animation and (action.card_id in view.fighters or view.decision.phase != "MAIN1")


def _mode_rank(question: Question, option: Option) -> float:
    """Damage first, then what removes a creature that is there, then as the daemon lists them."""
    ability, view = option.item, question.view
    assert isinstance(ability, Ability)
    text = wording_of(ability.description)
    if text.damage:
        return 10.0 + text.damage
    if text.is_removal or text.is_bounce:
        return 8.0 if view.theirs.creatures else 1.0
    return 5.0


def _value_rank(question: Question, option: Option) -> float:
    """As much as can be paid for; as little as possible where life is the price."""
    is_painful = "life" in question.view.decision.message.casefold()
    return float(-option.index if is_painful else option.index)


def _block_rank(question: Question, option: Option) -> float:
    """Block only while unblocked attackers would kill, the strongest of them first."""
    blocked = {id(chosen.against) for chosen in question.chosen}
    if option.against is None or id(option.against) in blocked:
        return -1.0
    attackers = question.view.decision.attackers
    incoming = sum(attacker.power for attacker in attackers if id(attacker) not in blocked)
    is_lethal = incoming >= question.view.mine.player.life
    return float(option.against.power) if is_lethal else -1.0


def _pick_rank(question: Question, option: Option) -> float:
    """Take the most expensive; give up lands that are not needed, else what is paid for last, and
    no more than must be."""
    card, view = option.item, question.view
    assert isinstance(card, Card)
    message = view.decision.message.casefold()
    if not any(word in message for word in _GIVES_UP):
        return 1.0 + max(0, card.cmc)
    if card.is_land:
        return -10.0 if _has_lands(view) else -1000.0
    return -100.0 + card.cmc


_GIVES_UP: Final = ("discard", "sacrifice", "bottom", "exile", "graveyard", "return", "away")


def _has_lands(view: View) -> bool:
    return view.mine.lands >= 4


def _yes_rank(question: Question, _option: Option) -> float:
    """Yes to everything but a hand that cannot be played, or a price in life that kills."""
    view = question.view
    message = view.decision.message.casefold()
    if "keep" in message or "mulligan" in message:
        lands = sum(card.is_land for card in view.mine.player.hand)
        return -1.0 if lands in (0, 7) else 1.0
    is_price = "pay" in message and "life" in message
    return -1.0 if is_price and view.mine.player.life <= 4 else 1.0


def _opponent_rank(question: Question, _option: Option) -> float:
    return -1.0 if _aims_at_friends(question.view) else 10.0


def _self_rank(question: Question, _option: Option) -> float:
    return 10.0 if _aims_at_friends(question.view) else -1.0


def _card_target_rank(question: Question, option: Option) -> float:
    """Return the first of the own creatures for what helps, of the opponent's for what harms; where
    the text does not say, the first of all, as daemons list the best first."""
    entity, view = option.item, question.view
    assert isinstance(entity, Entity)
    worth = 5.0 if entity.id in view.fighters else 4.0
    wording = _pending(view)
    if not (wording.helps or wording.harms):
        return worth
    friends, foes = view.mine.table, view.theirs.table
    wanted, other = (friends, foes) if wording.helps else (foes, friends)
    return -0.5 if entity.id in other else worth if entity.id in wanted else 1.0


def _stack_target_rank(question: Question, option: Option) -> float:
    """Counter what the opponent cast."""
    entity, view = option.item, question.view
    assert isinstance(entity, Entity)
    item = view.stacked(entity.id)
    return -1.0 if item is not None and item.controller == view.decision.player else 6.0


def _aims_at_friends(view: View) -> bool:
    """Return whether what a target is chosen for does good, by its text."""
    return _pending(view).helps


def _pending(view: View) -> Wording:
    """Return the words of the spell or ability that waits for its target."""
    decision, top = view.decision, view.top_of_stack
    if top is None or decision.source_card not in ("", top.source_card):
        return wording_of(decision.message)
    named = wording_of(top.description)
    card = view.card(top.source_card_id)
    is_silent = not (named.helps or named.harms)
    return facts_of(card).text if is_silent and card is not None else named


def _is_theirs_on_stack(view: View) -> bool:
    top = view.top_of_stack
    return top is not None and top.controller != view.decision.player


def _always(rank: float) -> Callable[[Question, Option], float]:
    return lambda _question, _option: rank


_RANKS: Final[dict[OptionKind, Callable[[Question, Option], float]]] = {
    OptionKind.PASS: _always(0.0),
    OptionKind.LAND: _action_rank,
    OptionKind.CREATURE: _action_rank,
    OptionKind.SPELL: _action_rank,
    OptionKind.ABILITY: _ability_rank,
    OptionKind.ATTACK: _always(1.0),
    OptionKind.DONE: _always(0.0),
    OptionKind.BLOCK: _block_rank,
    OptionKind.NO_BLOCK: _always(0.0),
    OptionKind.YES: _yes_rank,
    OptionKind.NO: _always(0.0),
    OptionKind.AT_OPPONENT: _opponent_rank,
    OptionKind.AT_SELF: _self_rank,
    OptionKind.AT_CARD: _card_target_rank,
    OptionKind.AT_PLANESWALKER: _card_target_rank,
    OptionKind.AT_STACK: _stack_target_rank,
    OptionKind.PICK: _pick_rank,
    OptionKind.VALUE: _value_rank,
    OptionKind.MODE: _mode_rank,
    OptionKind.DECLINE: _always(0.0),
}
"""Higher is chosen. What ranks below 0 is left out where passing or declining is an option."""
