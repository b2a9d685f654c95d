"""Scripted opponents: yardsticks that never change, on the same option lists as the policy.

``random`` chooses uniformly at every question. ``aggressive`` plays land, then its dearest creature
or burn to the face, attacks with everything and blocks only to stay alive.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final, Protocol

from trainingrun_contracts.observation.answering import Option, OptionKind, Question
from trainingrun_contracts.observation.facts import facts_of, mana_value
from trainingrun_contracts.observation.view import View
from trainingrun_contracts.protocol.decisions import Action, Card


class Agent(Protocol):
    """Chooses among the options of a question."""

    def choose(self, question: Question, random: Random) -> int:
        """The position of the chosen option."""


class RandomAgent:
    """Uniform over the options of each question."""

    def choose(self, question: Question, random: Random) -> int:
        """Any option, all equally likely."""
        return random.randrange(len(question.options))


class AggressiveAgent:
    """Always forward."""

    def choose(self, question: Question, random: Random) -> int:
        """The option of the highest rank; the first of equals, as daemons list the best first."""
        ranks = [_RANKS[option.kind](question, option) for option in question.options]
        return max(range(len(ranks)), key=ranks.__getitem__)


AGENTS: Final[dict[str, Callable[[], Agent]]] = {
    "random": RandomAgent,
    "aggressive": AggressiveAgent,
}


def _action_rank(question: Question, option: Option) -> float:
    action = option.item
    assert isinstance(action, Action)
    view = question.view
    if option.kind is OptionKind.LAND:
        return 1000.0
    card = view.cards.get(action.card_id)
    cost = mana_value(action.mana_cost)
    if option.kind is OptionKind.CREATURE:
        return 200.0 + cost
    if card is None:
        return 1.0
    facts = facts_of(card)
    if facts.damage:
        return 100.0 + cost
    if facts.is_removal:
        return 90.0 if view.theirs.creatures else -1.0
    return 50.0 + cost if facts.is_permanent else 10.0


def _block_rank(question: Question, option: Option) -> float:
    """Block only while the attackers that nobody blocks would kill, the strongest of them first."""
    blocked = {id(chosen.against) for chosen in question.chosen}
    if option.against is None or id(option.against) in blocked:
        return -1.0
    attackers = question.view.decision.attackers
    incoming = sum(attacker.power for attacker in attackers if id(attacker) not in blocked)
    is_lethal = incoming >= question.view.mine.player.life
    return float(option.against.power) if is_lethal else -1.0


def _pick_rank(question: Question, option: Option) -> float:
    """Give up lands that are not needed, else what cannot be paid for soonest."""
    card = option.item
    assert isinstance(card, Card)
    if card.is_land:
        return 10.0 if _has_lands(question.view) else -1.0
    return float(card.cmc)


def _has_lands(view: View) -> bool:
    return view.mine.lands >= 4


def _yes_rank(question: Question, option: Option) -> float:
    """Yes to everything but a hand that cannot be played."""
    message = question.view.decision.message.casefold()
    lands = sum(card.is_land for card in question.view.mine.player.hand)
    is_poor_hand = ("keep" in message or "mulligan" in message) and lands in (0, 7)
    return -1.0 if is_poor_hand else 1.0


def _card_target_rank(question: Question, option: Option) -> float:
    """Burn goes to the face; what cannot go there takes the first creature of the opponent."""
    creatures = {creature.id for creature in question.view.theirs.creatures}
    item_id = getattr(option.item, "id", -1)
    return 5.0 if item_id in creatures else 1.0


def _always(rank: float) -> Callable[[Question, Option], float]:
    return lambda question, option: rank


_RANKS: Final[dict[OptionKind, Callable[[Question, Option], float]]] = {
    OptionKind.PASS: _always(0.0),
    OptionKind.LAND: _action_rank,
    OptionKind.CREATURE: _action_rank,
    OptionKind.SPELL: _action_rank,
    OptionKind.ABILITY: _always(-0.5),
    OptionKind.ATTACK: _always(1.0),
    OptionKind.DONE: _always(0.0),
    OptionKind.BLOCK: _block_rank,
    OptionKind.NO_BLOCK: _always(0.0),
    OptionKind.YES: _yes_rank,
    OptionKind.NO: _always(0.0),
    OptionKind.AT_OPPONENT: _always(10.0),
    OptionKind.AT_SELF: _always(-1.0),
    OptionKind.AT_CARD: _card_target_rank,
    OptionKind.PICK: _pick_rank,
    OptionKind.VALUE: _always(0.0),
}
"""Higher is chosen. Activated abilities rank below a pass, so that no free one is repeated for
ever."""
