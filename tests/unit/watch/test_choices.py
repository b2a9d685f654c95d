"""What was chosen is read by the numbers of the entries, as servers count them."""

from __future__ import annotations

from trainingrun_daemon_commands.watch.choices import (
    Moment,
    chosen_action,
    chosen_attackers,
    chosen_blocks,
    chosen_cards,
)
from trainingrun_protocol.decisions import Action, Card, Combatant, Decision, DecisionType

ACTIONS = (Action(index=0, card="Land"), Action(index=5, card="Bolt"), Action(index=-1))
FIGHTERS = (Combatant(index=1, name="Elf"), Combatant(index=4, name="Ogre"))
FOES = (Combatant(index=0, name="Bear"),)
CARDS = (Card(index=2, name="Shock"), Card(index=7, name="Fog"))


def test_actions_where_some_are_left_out() -> None:
    """The number counts, not the place; a number that is no entry's is a pass."""
    decision = Decision(DecisionType.CHOOSE_ACTION, actions=ACTIONS)
    assert chosen_action(Moment(decision, "5")) == ACTIONS[1]
    assert chosen_action(Moment(decision, "1")) is None


def test_fighters_where_some_are_left_out() -> None:
    """As with the original's blockers: tapped creatures are counted and not listed."""
    attack = Decision(DecisionType.DECLARE_ATTACKERS, attackers=FIGHTERS)
    assert chosen_attackers(Moment(attack, "4,2,1")) == [FIGHTERS[1], FIGHTERS[0]]
    block = Decision(DecisionType.DECLARE_BLOCKERS, blockers=FIGHTERS, attackers=FOES)
    assert chosen_blocks(Moment(block, "4:0,2:0,1:7")) == [(FIGHTERS[1], FOES[0])]


def test_cards_where_some_are_left_out() -> None:
    """Too few are filled up in order, however large a number is."""
    decision = Decision(DecisionType.CHOOSE_CARDS, cards=CARDS, min=2, max=2)
    assert chosen_cards(Moment(decision, "7")) == [CARDS[1], CARDS[0]]
    huge = (Card(index=2**50, name="Shock"), CARDS[1])
    decision = Decision(DecisionType.CHOOSE_CARDS, cards=huge, min=1, max=1)
    assert chosen_cards(Moment(decision, "x")) == [huge[0]]
