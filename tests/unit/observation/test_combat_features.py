"""The relations in an option's row say what comes of it in combat."""

from __future__ import annotations

import numpy as np
from trainingrun_environments.magic.answering import answering
from trainingrun_environments.magic.encoder import Encoder
from trainingrun_environments.magic.relations import RELATIONS
from trainingrun_environments.magic.view import Creature, can_block, kills, view_of
from trainingrun_protocol.decisions import (
    Card,
    Combatant,
    Decision,
    DecisionType,
    Entity,
    GameState,
    Player,
    StackItem,
)

ME, FOE = "Agent(1)-a", "Agent(2)-b"
FLYING, FIRST_STRIKE, DEATHTOUCH, INDESTRUCTIBLE = 1, 4, 8, 1024


def creature(power: int, toughness: int, traits: int = 0) -> Creature:
    """A creature with just the numbers that a fight needs."""
    return Creature(0, power, toughness, traits, 0)


def card(of: int, power: int, toughness: int, *, tapped: bool = False) -> Card:
    """A creature on the battlefield."""
    return Card(
        id=of, name=f"c{of}", power=power, toughness=toughness, is_creature=True, tapped=tapped
    )


def table(mine: tuple[Card, ...], theirs: tuple[Card, ...], *, life: int = 20) -> GameState:
    """Two boards; both players have this life."""
    return GameState(
        players=(
            Player(name=ME, life=life, battlefield=mine),
            Player(name=FOE, life=life, battlefield=theirs),
        )
    )


def relations(decision: Decision) -> np.ndarray:
    """The last part of each option's row at the first question."""
    question = answering(decision).question
    assert question is not None
    return Encoder().encode(question).actions[:, -RELATIONS:]


def test_kills_knows_first_strike_deathtouch_and_indestructible() -> None:
    """Who strikes first and kills is not hit; a touch is enough; some do not die."""
    assert kills(creature(2, 2), creature(2, 2))
    assert not kills(creature(2, 2), creature(2, 2, FIRST_STRIKE))
    assert kills(creature(1, 1, DEATHTOUCH), creature(5, 5))
    assert not kills(creature(9, 9), creature(1, 1, INDESTRUCTIBLE))


def test_only_flyers_block_flyers() -> None:
    """A ground creature cannot stop a flyer."""
    assert not can_block(creature(1, 1), creature(1, 1, FLYING))
    assert can_block(creature(1, 1, FLYING), creature(1, 1, FLYING))


def test_an_attack_into_no_blockers_is_marked_free_and_lethal() -> None:
    """With the only blocker tapped, the attack is free, and it kills a player at 3 life."""
    decision = Decision(
        decision_type=DecisionType.DECLARE_ATTACKERS,
        player=ME,
        game_state=table((card(1, 3, 3),), (card(2, 5, 5, tapped=True),), life=3),
        attackers=(Combatant(index=0, id=1, name="c1", power=3, toughness=3),),
    )
    attack = relations(decision)[0]
    assert attack[0] == 1  # free
    assert attack[10] == 1  # lethal through all blockers


def test_an_attack_into_a_bigger_blocker_is_marked_as_a_loss() -> None:
    """The blocker kills the attacker and lives."""
    decision = Decision(
        decision_type=DecisionType.DECLARE_ATTACKERS,
        player=ME,
        game_state=table((card(1, 2, 2),), (card(2, 5, 5),)),
        attackers=(Combatant(index=0, id=1, name="c1", power=2, toughness=2),),
    )
    attack = relations(decision)[0]
    assert (attack[0], attack[2], attack[3]) == (0, 0.25, 1)


def test_a_block_that_saves_the_game_is_marked() -> None:
    """At 3 life, blocking the 3/3 keeps the player alive, though the blocker dies."""
    decision = Decision(
        decision_type=DecisionType.DECLARE_BLOCKERS,
        player=ME,
        game_state=table((card(1, 1, 1),), (card(2, 3, 3),), life=3),
        blockers=(Combatant(index=0, id=1, name="c1", power=1, toughness=1),),
        attackers=(Combatant(index=0, id=2, name="c2", power=3, toughness=3),),
    )
    block, no_block = relations(decision)
    assert (block[0], block[1], block[5]) == (0, 1, 1)
    assert (no_block[4], no_block[5]) == (1, 0)


def test_burn_knows_what_it_kills() -> None:
    """A spell of 3 damage kills the 2/3 but not the 4/4, and a player at 3 life."""
    decision = Decision(
        decision_type=DecisionType.CHOOSE_ENTITY,
        player=ME,
        game_state=GameState(
            players=(
                Player(name=ME, life=20),
                Player(name=FOE, life=3, battlefield=(card(2, 2, 3), card(3, 4, 4))),
            ),
            stack=(StackItem(description="3 damage to any target.", controller=ME),),
        ),
        entities=(
            Entity(index=0, id=2, name="c2", type="card"),
            Entity(index=1, id=3, name="c3", type="card"),
            Entity(index=2, id=1, name=FOE, type="player"),
        ),
    )
    assert relations(decision)[:, 1].tolist() == [1, 0, 1]


def test_a_decision_without_players_is_tolerated() -> None:
    """A server that shows nothing yields an empty view, not an error."""
    view = view_of(Decision(decision_type=DecisionType.CHOOSE_ACTION))
    assert view.mine.creatures == view.theirs.creatures == []
