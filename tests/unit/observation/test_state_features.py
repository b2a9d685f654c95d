"""The state vector depends on the position alone, not on what was encoded before it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from trainingrun_contracts.environment_spec import FEATURE_BOUND
from trainingrun_environments.magic.answering import answering
from trainingrun_environments.magic.encoder import Encoder
from trainingrun_environments.observation import Float16
from trainingrun_protocol.decisions import (
    Action,
    Card,
    Decision,
    DecisionType,
    GameState,
    ManaPool,
    Player,
)

ME, FOE = "Agent(1)-a", "Agent(2)-b"
BOLT = Card(id=1, name="Bolt", types="Instant", oracle_text="3 damage to any target.", cmc=1)
BEAR = Card(id=2, name="Bear", types="Creature - Bear", is_creature=True, cmc=2, power=2)
HILL = Card(id=3, name="Hill", types="Land", is_land=True)

cards = st.builds(
    Card,
    id=st.integers(0, 99),
    name=st.sampled_from(["Bear", "Ox", "Hill", "Bolt"]),
    types=st.sampled_from(["Creature - Bear", "Land", "Instant", "Artifact"]),
    power=st.none() | st.integers(-3, 9),
    toughness=st.none() | st.integers(-3, 9),
    cmc=st.integers(0, 9),
    keywords=st.lists(st.sampled_from(["Flying", "Trample"]), max_size=2).map(tuple),
    tapped=st.booleans(),
    attacking=st.booleans(),
    is_token=st.booleans(),
)
zones = st.lists(cards, max_size=9).map(tuple)
players = st.builds(
    Player,
    name=st.sampled_from([ME, FOE]),
    life=st.integers(-5, 10**9),
    hand=zones,
    battlefield=zones,
    exile=zones,
    mana_pool=st.builds(ManaPool, red=st.integers(0, 3), white=st.integers(0, 3)),
)
decisions = st.builds(
    Decision,
    decision_type=st.just(DecisionType.CHOOSE_ACTION),
    player=st.just(ME),
    phase=st.sampled_from(["MAIN1", "MAIN2", "NEVER"]),
    message=st.sampled_from(["", "Discard a card"]),
    game_state=st.builds(GameState, players=st.tuples(players, players)),
    actions=st.just((Action(0, "Bolt", 1), Action(-1))),
)


def state(decision: Decision, encoder: Encoder | None = None) -> Float16:
    """The state at the first question."""
    question = answering(decision).question
    assert question is not None
    return (encoder or Encoder()).encode(question).state


def decision_with(**fields: object) -> Decision:
    """A decision of a player with these."""
    me = replace(Player(name=ME, life=20), **fields)
    return Decision(
        decision_type=DecisionType.CHOOSE_ACTION,
        player=ME,
        game_state=GameState(players=(me, Player(name=FOE, life=20))),
        actions=(Action(0, "Bolt", 1), Action(-1)),
    )


@given(decisions, decisions)
def test_nothing_is_left_of_what_was_encoded_before(first: Decision, second: Decision) -> None:
    """The same decision gives the same finite numbers within the bounds, another one between."""
    encoder = Encoder()
    before = state(first, encoder)
    state(second, encoder)
    assert np.array_equal(state(first, encoder), before)
    assert np.isfinite(before).all()
    assert np.abs(before).max() <= FEATURE_BOUND


def test_the_order_of_a_hand_says_nothing() -> None:
    """Cards in hand are counted."""
    hand = (BOLT, BEAR, HILL)
    assert np.array_equal(state(decision_with(hand=hand)), state(decision_with(hand=hand[::-1])))


def test_a_card_more_in_hand_is_seen() -> None:
    """The same hand with a second land is another hand."""
    one, two = (BOLT, HILL), (BOLT, HILL, HILL)
    assert not np.array_equal(state(decision_with(hand=one)), state(decision_with(hand=two)))


def test_exiled_cards_are_counted_in_one_place() -> None:
    """With the same hand, two own cards in exile change one number, by a tenth each."""
    without = state(decision_with(hand=(BOLT,)))
    exiled = state(decision_with(hand=(BOLT,), exile=(BEAR, HILL)))
    changed = exiled - without
    assert np.count_nonzero(changed) == 1
    assert np.isclose(changed.max(), 0.2, atol=1e-3)


def test_floating_mana_is_seen() -> None:
    """Three red mana change one number, to one."""
    changed = state(decision_with(mana_pool=ManaPool(red=3))) - state(decision_with())
    assert changed[changed != 0].tolist() == [1.0]


def test_a_seventh_creature_has_no_slot() -> None:
    """Six creatures have slots, further ones only count."""
    bears = tuple(replace(BEAR, id=number, toughness=2) for number in range(8))
    six, seven, eight = (state(decision_with(battlefield=bears[:n])) for n in (6, 7, 8))
    assert np.flatnonzero(seven - six).tolist() == np.flatnonzero(eight - seven).tolist()
