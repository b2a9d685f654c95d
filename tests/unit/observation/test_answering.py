"""Any decision is answered by choices among explicit options, with a line that a daemon takes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_environments.magic.answering import answering
from trainingrun_environments.magic.encoder import Encoder
from trainingrun_environments.magic.options import OptionKind, Question
from trainingrun_environments.magic.spec import ACTION_WIDTH, STATE_WIDTH
from trainingrun_protocol import answers
from trainingrun_protocol.decisions import (
    Ability,
    Action,
    Card,
    Combatant,
    Counter,
    Decision,
    DecisionType,
    Entity,
    GameState,
    Player,
    StackItem,
    decode_decision,
)

from testkit.soak_share import share_of

WORDS = ("Flying", "First Strike", "Haste", "Trample", "Protection from red", "Ward {2}", "flash")
TEXTS = (
    "",
    "3 damage to any target.",
    "Destroy target creature.",
    "Draw a card. +1/+1",
    "Counter target spell.",
    "Choose one -",
    "Search your library.",
    "{T}: Add {R}.",
    "Æther",
)
MESSAGES = ("", "Discard a card", "Keep this hand?", "Pay 2 life?", "Choose X", "Sacrifice")
ME, OTHER = "Agent(1)-a", "Agent(2)-b"
small = st.integers(-3, 12)
ids = st.integers(-1, 40)
names = st.sampled_from(("Goblin", "Lions", "Bolt", "Æther Vial", ""))
texts = st.sampled_from(TEXTS)
keywords = st.lists(st.sampled_from(WORDS), max_size=3).map(tuple)
marks = st.lists(
    st.builds(Counter, st.sampled_from(("P1P1", "+1/+1", "LOYALTY", "stun", "lore", "")), small),
    max_size=2,
).map(tuple)


@st.composite
def cards(draw: st.DrawFn) -> Card:
    """A card of any sort, as a server of any kind might describe it."""
    is_creature = draw(st.booleans())
    return Card(
        id=draw(ids),
        name=draw(names),
        mana_cost=draw(st.sampled_from(("no cost", "{1}{R}", "{X}", "", "{99999999999}"))),
        cmc=draw(small),
        types=draw(st.sampled_from(("", "Creature - Goblin", "Legendary Planeswalker", "Land"))),
        oracle_text=draw(texts),
        power=draw(small) if is_creature else None,
        toughness=draw(small) if is_creature else None,
        keywords=draw(keywords),
        tapped=draw(st.booleans()),
        summoning_sick=draw(st.booleans()),
        damage=draw(st.integers(0, 5)),
        counters=draw(marks),
        is_creature=is_creature,
        is_land=draw(st.booleans()),
        is_planeswalker=draw(st.booleans()),
        is_artifact=draw(st.booleans()),
        is_token=draw(st.booleans()),
        loyalty=draw(st.none() | small),
        attached_to=draw(st.sampled_from((None, 3, "Lions", {"id": 3}, [3], True))),
        controller_is_self=draw(st.none() | st.booleans()),
    )


def some_cards(most: int) -> st.SearchStrategy[tuple[Card, ...]]:
    """The cards of a zone."""
    return st.lists(cards(), max_size=most).map(tuple)


@st.composite
def players(draw: st.DrawFn, name: str) -> Player:
    """One side of a table."""
    return Player(
        name=name,
        life=draw(st.integers(-20, 10_000)),
        hand=draw(some_cards(3)),
        battlefield=draw(some_cards(6)),
        graveyard=draw(some_cards(2)),
        exile=draw(some_cards(1)),
        library_size=draw(st.integers(0, 500)),
    )


@st.composite
def fighters(draw: st.DrawFn) -> tuple[Combatant, ...]:
    """A list of attackers or blockers, positions equal to indices."""
    found = draw(st.lists(st.tuples(ids, small, small, keywords), max_size=5))
    return tuple(
        Combatant(index=at, id=of, name="x", power=power, toughness=toughness, keywords=words)
        for at, (of, power, toughness, words) in enumerate(found)
    )


@st.composite
def entities(draw: st.DrawFn) -> tuple[Entity, ...]:
    """Targets of every type, and of unknown types."""
    kinds = draw(st.lists(st.sampled_from(("card", "player", "stack", "", "other")), max_size=5))
    return tuple(
        Entity(
            index=at,
            id=draw(ids),
            name=draw(st.sampled_from((ME, OTHER, "Goblin"))),
            type=kind,
            description=draw(texts),
            power=draw(st.none() | small),
            loyalty=draw(st.none() | small),
            is_self=draw(st.none() | st.booleans()),
        )
        for at, kind in enumerate(kinds)
    )


@st.composite
def actions(draw: st.DrawFn) -> tuple[Action, ...]:
    """Lands, spells, their variants and abilities, in the words of several servers; then a pass."""
    listed = [
        Action(
            index=at,
            card=(card := draw(names)),
            card_id=draw(ids),
            description=draw(
                st.sampled_from(
                    (
                        card,
                        f"{card} - Creature 2 / 2",
                        f"{card} (Kicker) - 4 damage",
                        "{T}: Draw a card",
                        f"{card}: Draw a card",
                        "Cycling {2}",
                    )
                )
            ),
            mana_cost=draw(st.sampled_from(("no cost", "{R}", "{X}{R}", ""))),
            is_land=draw(st.booleans()),
        )
        for at in range(draw(st.integers(0, 5)))
    ]
    return (*listed, Action(index=-1))


stack_items = st.builds(
    StackItem,
    id=ids,
    description=texts,
    controller=st.sampled_from((ME, OTHER, "")),
    source_card=names,
    source_card_id=ids,
)


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    """A decision of any type; lists that do not belong to its type are filled too."""
    return Decision(
        decision_type=draw(st.sampled_from(DecisionType)),
        player=draw(st.sampled_from((ME, OTHER, "nobody"))),
        turn=draw(st.integers(1, 500)),
        phase=draw(st.sampled_from(("MAIN1", "", "NO_SUCH_PHASE"))),
        message=draw(st.sampled_from(MESSAGES)),
        source_card=draw(names),
        game_state=GameState(
            players=(draw(players(ME)), draw(players(OTHER)))[: draw(st.integers(0, 2))],
            stack=tuple(draw(st.lists(stack_items, max_size=2))),
        ),
        actions=draw(actions()),
        attackers=draw(fighters()),
        blockers=draw(fighters()),
        abilities=tuple(
            Ability(index=at, description=draw(texts), card_id=draw(ids))
            for at in range(draw(st.integers(0, 3)))
        ),
        cards=draw(some_cards(6)),
        entities=draw(entities()),
        min=draw(st.integers(-1, 4)),
        max=draw(st.integers(-1, 100) | st.just(2**53)),
        optional=draw(st.booleans()),
    )


@st.composite
def gaps(draw: st.DrawFn) -> Decision:
    """A decision of which a server has left out fields, anywhere but the type and an index."""
    random = draw(st.randoms(use_true_random=False))
    share = draw(st.sampled_from((0.1, 0.5, 0.9)))

    def thinned(value: object) -> object:
        if isinstance(value, list):
            return [thinned(entry) for entry in value]
        if not isinstance(value, dict):
            return value
        kept = {"decision_type", "index"}
        return {
            key: thinned(entry)
            for key, entry in value.items()
            if key in kept or random.random() > share
        }

    whole = msgspec.json.decode(msgspec.json.encode(draw(decisions())))
    for entry in whole.get("actions", ()):
        entry.setdefault("index", -1)  # the encoder omits it, a server always says how to pass
    return decode_decision(msgspec.json.encode(thinned(whole)))


def answer_with(decision: Decision, picks: list[int]) -> tuple[str, list[Question]]:
    """Answer by taking option ``pick % len(options)`` at each question."""
    answer, asked = answering(decision), []
    while (question := answer.question) is not None:
        answer.choose(picks[len(asked) % len(picks)] % len(question.options))
        asked.append(question)
        assert len(asked) < 1000, "a decision must come to an end"
    return answer.response, asked


def numbers(fighters: Sequence[Combatant]) -> int:
    """How many the daemon listed: tapped ones are left out when it is read, and leave a gap."""
    return max(len(fighters), 1 + max((each.index for each in fighters), default=-1))


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
                line, blockers=numbers(decision.blockers), attackers=numbers(decision.attackers)
            )
            return answers.format_blocks(pairs) == line
        case DecisionType.CHOOSE_CARDS:
            return is_taken_as_cards(decision, line)
        case DecisionType.CHOOSE_ENTITY:
            may_decline = decision.optional or not decision.entities
            default = -1 if may_decline else -2
            return line == str(
                answers.parse_index(line, count=len(decision.entities), default=default)
            )
        case DecisionType.ANNOUNCE_VALUE:
            low = decision.min
            most = max(low, decision.max)
            return line == str(answers.parse_value(line, minimum=low, maximum=most))
        case DecisionType.CHOOSE_ABILITY:
            count = len(decision.abilities)
            default = -1 if decision.optional or not count else -2
            return line == str(answers.parse_index(line, count=count, default=default))
        case DecisionType.REVEAL:
            return line == ""
        case DecisionType.UNKNOWN:
            return line == "-1"
        case _:
            return line in ("y", "n")


def is_taken_as_cards(decision: Decision, line: str) -> bool:
    """The same for cards: an optional choice is declined or made in full."""
    count = len(decision.cards)
    most = min(max(decision.max, decision.min, 0), count)
    least = 0 if decision.optional and not line else min(max(0, decision.min), most)
    chosen = answers.parse_chosen_cards(line, count=count, minimum=least, maximum=most)
    return answers.format_indices(chosen) == line


@pytest.mark.soak
@settings(max_examples=share_of(100))
@given(decision=decisions() | gaps(), picks=st.lists(st.integers(0, 99), min_size=1, max_size=6))
def test_every_answer_is_taken_as_it_stands(decision: Decision, picks: list[int]) -> None:
    """Whatever is chosen, the daemon reads exactly what was meant: no default is ever needed."""
    line, _ = answer_with(decision, picks)
    assert is_taken(decision, line), (decision.decision_type, line)


def test_a_blocker_is_answered_by_its_own_number() -> None:
    """Expect the number that the daemon gave it, where one before it was tapped and left out."""
    attacker = Combatant(index=0, id=1, name="Bear", power=2, toughness=2)
    decision = Decision(
        DecisionType.DECLARE_BLOCKERS,
        attackers=(attacker,),
        blockers=(Combatant(index=1, id=2, name="Lions", power=2, toughness=1),),
    )
    line, _ = answer_with(decision, [0])
    assert line == "1:0"
    assert is_taken(decision, line)


@pytest.mark.soak
@settings(max_examples=share_of(80))
@given(decision=decisions() | gaps(), picks=st.lists(st.integers(0, 99), min_size=1, max_size=6))
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


def test_optional_cards_are_declined_or_chosen_in_full() -> None:
    """With two of three optional, one may take none or two; one alone would be filled up."""
    hand = tuple(Card(id=at, name=f"card {at}") for at in range(3))
    decision = Decision(
        decision_type=DecisionType.CHOOSE_CARDS, cards=hand, min=2, max=2, optional=True
    )
    assert answer_with(decision, [3])[0] == ""
    line, asked = answer_with(decision, [0])
    assert line == "0,1"
    assert [question.options[-1].kind for question in asked] == [OptionKind.DONE, OptionKind.PICK]


def test_large_ranges_are_offered_from_end_to_end() -> None:
    """X between 0 and a million gives 33 values, the first and the last among them."""
    decision = Decision(decision_type=DecisionType.ANNOUNCE_VALUE, min=0, max=1_000_000)
    assert answer_with(decision, [0])[0] == "0"
    line, (question,) = answer_with(decision, [32])
    assert (line, len(question.options)) == ("1000000", 33)


@pytest.mark.parametrize("kind", ["choose_entity", "choose_ability"])
def test_what_is_optional_can_be_declined(kind: str) -> None:
    """The last option declines, by -1; without ``optional`` there is none."""
    entities = tuple(Entity(index=at, id=at, name="Goblin", type="card") for at in range(2))
    abilities = tuple(Ability(index=at, description="Draw a card") for at in range(2))
    decision = Decision(
        decision_type=DecisionType(kind), entities=entities, abilities=abilities, optional=True
    )
    line, (question,) = answer_with(decision, [2])
    assert (line, question.options[-1].kind) == ("-1", OptionKind.DECLINE)
    forced = msgspec.structs.replace(decision, optional=False)
    assert len(answer_with(forced, [0])[1][0].options) == 2


def test_decisions_survive_a_round_trip_through_json() -> None:
    """The strategy above makes decisions that the wire can carry."""
    decision = Decision(decision_type=DecisionType.CHOOSE_ACTION, actions=(Action(index=-1),))
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision
