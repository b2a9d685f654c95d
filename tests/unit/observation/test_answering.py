"""Any decision is answered by choices among explicit options, with a line that a daemon takes."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_contracts.observation.answering import answering
from trainingrun_contracts.observation.encoder import Encoder
from trainingrun_contracts.observation.options import OptionKind, Question
from trainingrun_contracts.observation.schema import ACTION_WIDTH, STATE_WIDTH
from trainingrun_contracts.protocol import answers
from trainingrun_contracts.protocol.decisions import (
    Ability,
    Action,
    Card,
    Combatant,
    Decision,
    DecisionType,
    Entity,
    GameState,
    Player,
)

WORDS = ("Flying", "First Strike", "Haste", "Trample", "Protection from red", "Menace")
TEXTS = ("", "3 damage to any target.", "Destroy target creature.", "Draw a card. +1/+1")
small = st.integers(-3, 12)
names = st.sampled_from(("Goblin", "Lions", "Bolt", "Æther Vial", ""))
keywords = st.lists(st.sampled_from(WORDS), max_size=3).map(tuple)


@st.composite
def cards(draw: st.DrawFn) -> Card:
    """A card of any sort, as a server of any kind might describe it."""
    is_creature = draw(st.booleans())
    return Card(
        id=draw(st.integers(0, 40)),
        name=draw(names),
        cmc=draw(small),
        oracle_text=draw(st.sampled_from(TEXTS)),
        power=draw(small) if is_creature else None,
        toughness=draw(small) if is_creature else None,
        keywords=draw(keywords),
        tapped=draw(st.booleans()),
        summoning_sick=draw(st.booleans()),
        damage=draw(st.integers(0, 5)),
        is_creature=is_creature,
        is_land=draw(st.booleans()),
    )


@st.composite
def players(draw: st.DrawFn, name: str) -> Player:
    """One side of a table."""
    return Player(
        name=name,
        life=draw(st.integers(-20, 10_000)),
        hand=tuple(draw(st.lists(cards(), max_size=3))),
        battlefield=tuple(draw(st.lists(cards(), max_size=8))),
        library_size=draw(st.integers(0, 500)),
    )


@st.composite
def fighters(draw: st.DrawFn) -> tuple[Combatant, ...]:
    """A list of attackers or blockers, positions equal to indices."""
    found = draw(st.lists(st.tuples(st.integers(0, 40), small, small, keywords), max_size=5))
    return tuple(
        Combatant(index=at, id=of, name="x", power=power, toughness=toughness, keywords=words)
        for at, (of, power, toughness, words) in enumerate(found)
    )


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    """A decision of any type; lists that do not belong to its type are filled too."""
    me, other = "Agent(1)-a", "Agent(2)-b"
    actions = [
        Action(index=at, card=draw(names), card_id=draw(st.integers(-1, 40)))
        for at in range(draw(st.integers(0, 4)))
    ]
    targets = [
        Entity(index=at, id=at, name=draw(st.sampled_from((me, other, "Goblin"))), type=kind)
        for at, kind in enumerate(draw(st.lists(st.sampled_from(("card", "player")), max_size=4)))
    ]
    return Decision(
        decision_type=draw(st.sampled_from(DecisionType)),
        player=draw(st.sampled_from((me, other, "nobody"))),
        turn=draw(st.integers(1, 500)),
        phase=draw(st.sampled_from(("MAIN1", "", "NO_SUCH_PHASE"))),
        game_state=GameState(
            players=(draw(players(me)), draw(players(other)))[: draw(st.integers(0, 2))]
        ),
        actions=(*actions, Action(index=-1)),
        attackers=draw(fighters()),
        blockers=draw(fighters()),
        abilities=tuple(Ability(index=at) for at in range(draw(st.integers(0, 3)))),
        cards=tuple(draw(st.lists(cards(), max_size=6))),
        entities=tuple(targets),
        min=draw(st.integers(-1, 4)),
        max=draw(st.integers(-1, 100)),
        optional=draw(st.booleans()),
    )


def answer_with(decision: Decision, picks: list[int]) -> tuple[str, list[Question]]:
    """Answer by taking option ``pick % len(options)`` at each question."""
    answer, asked = answering(decision), []
    while (question := answer.question) is not None:
        answer.choose(picks[len(asked) % len(picks)] % len(question.options))
        asked.append(question)
        assert len(asked) < 1000, "a decision must come to an end"
    return answer.response, asked


def is_taken(decision: Decision, line: str) -> bool:
    """Whether a daemon reads from the line exactly what the line says."""
    match decision.decision_type:
        case DecisionType.CHOOSE_ACTION:
            position = answers.parse_index(line, count=len(decision.actions) - 1, default=-1)
            return line == str(position)
        case DecisionType.DECLARE_ATTACKERS:
            chosen = answers.parse_indices(line, count=len(decision.attackers))
            return answers.format_indices(chosen) == line
        case DecisionType.DECLARE_BLOCKERS:
            pairs = answers.parse_blocks(
                line, blockers=len(decision.blockers), attackers=len(decision.attackers)
            )
            return answers.format_blocks(pairs) == line
        case DecisionType.CHOOSE_CARDS:
            least = 0 if decision.optional else max(0, decision.min)
            count = len(decision.cards)
            most = min(max(decision.max, decision.min, 0), count)
            chosen = answers.parse_chosen_cards(
                line, count=count, minimum=min(least, most), maximum=most
            )
            return answers.format_indices(chosen) == line
        case DecisionType.CHOOSE_ENTITY:
            may_decline = decision.optional or not decision.entities
            default = -1 if may_decline else -2
            return line == str(
                answers.parse_index(line, count=len(decision.entities), default=default)
            )
        case DecisionType.ANNOUNCE_VALUE:
            low = decision.min
            return line == str(
                answers.parse_value(line, minimum=low, maximum=max(low, decision.max))
            )
        case DecisionType.CHOOSE_ABILITY:
            return line == str(answers.parse_index(line, count=len(decision.abilities), default=-1))
        case DecisionType.REVEAL:
            return line == ""
        case DecisionType.UNKNOWN:
            return line == "-1"
        case _:
            return line in ("y", "n")


@settings(max_examples=100, deadline=None)
@given(decision=decisions(), picks=st.lists(st.integers(0, 99), min_size=1, max_size=6))
def test_every_answer_is_taken_as_it_stands(decision: Decision, picks: list[int]) -> None:
    """Whatever is chosen, the daemon reads exactly what was meant: no default is ever needed."""
    line, _ = answer_with(decision, picks)
    assert is_taken(decision, line), (decision.decision_type, line)


@settings(max_examples=60, deadline=None)
@given(decision=decisions(), picks=st.lists(st.integers(0, 99), min_size=1, max_size=6))
def test_every_question_encodes_to_finite_numbers(decision: Decision, picks: list[int]) -> None:
    """State and rows have their widths, are finite, within ±8, and the same when done again."""
    _, asked = answer_with(decision, picks)
    encoder = Encoder()
    for question in asked:
        first, again = encoder.encode(question), Encoder().encode(question)
        assert first.state.shape == (STATE_WIDTH,)
        assert first.actions.shape == (len(question.options), ACTION_WIDTH)
        for array, other in ((first.state, again.state), (first.actions, again.actions)):
            assert array.dtype == np.float16
            assert np.abs(array).max() <= 8  # also refuses NaN
            np.testing.assert_array_equal(array, other)


def lions(count: int) -> tuple[Combatant, ...]:
    """Equal creatures."""
    return tuple(
        Combatant(index=at, id=at, name="Lions", power=2, toughness=1) for at in range(count)
    )


def test_equal_attackers_are_offered_once() -> None:
    """Two equal creatures give one option and done; both can still be chosen one by one."""
    decision = Decision(decision_type=DecisionType.DECLARE_ATTACKERS, attackers=lions(2))
    line, asked = answer_with(decision, [0])
    assert [len(question.options) for question in asked] == [2, 2]
    assert line == "0,1"


def test_a_ground_creature_is_not_offered_a_flying_attacker() -> None:
    """Evasion is respected: the block would be refused by the rules."""
    bird = Combatant(index=0, id=9, name="Bird", power=1, toughness=1, keywords=("Flying",))
    decision = Decision(
        decision_type=DecisionType.DECLARE_BLOCKERS, blockers=lions(1), attackers=(bird,)
    )
    assert answer_with(decision, [0]) == ("", [])


def test_cards_end_at_the_maximum_without_a_question() -> None:
    """Discarding two of three asks twice and offers no stop before the minimum."""
    hand = tuple(Card(id=at, name=f"card {at}") for at in range(3))
    decision = Decision(decision_type=DecisionType.CHOOSE_CARDS, cards=hand, min=2, max=2)
    line, asked = answer_with(decision, [1])
    assert line == "1,2"
    kinds = {option.kind for question in asked for option in question.options}
    assert kinds == {OptionKind.PICK}


def test_decisions_survive_a_round_trip_through_json() -> None:
    """The strategy above makes decisions that the wire can carry."""
    decision = Decision(decision_type=DecisionType.CHOOSE_ACTION, actions=(Action(index=-1),))
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision
