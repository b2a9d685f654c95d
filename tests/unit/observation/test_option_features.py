"""What a policy is shown of an option: its kind, its words and the condition of its card."""

from __future__ import annotations

import numpy as np
import pytest
from trainingrun_contracts.segment import MAX_BYTES, MAX_STEPS
from trainingrun_environments.magic.answering import answering
from trainingrun_environments.magic.encoder import Encoder
from trainingrun_environments.magic.facts import facts_of
from trainingrun_environments.magic.options import MAX_OPTIONS, OptionKind, Question
from trainingrun_environments.magic.relations import RELATIONS
from trainingrun_environments.magic.spec import ACTION_WIDTH, STATE_WIDTH
from trainingrun_environments.magic.wording import bucket_of, wording_of
from trainingrun_environments.observation import Float16
from trainingrun_protocol.decisions import (
    Ability,
    Action,
    Card,
    Counter,
    Decision,
    DecisionType,
    Entity,
    GameState,
    Player,
    StackItem,
)

ME, FOE = "Agent(1)-a", "Agent(2)-b"
BURST = Card(
    id=1,
    name="Burst Lightning",
    mana_cost="{R}",
    cmc=1,
    is_instant=True,
    oracle_text="Kicker {4}. Deals 2 damage to any target. If it was kicked, 4 damage instead.",
)
LANTERN = Card(id=2, name="Soul-Guide Lantern", mana_cost="{1}", cmc=1, is_artifact=True)
WALKER = Card(id=3, name="Chandra", types="Legendary Planeswalker", is_planeswalker=True, loyalty=3)
BEAR = Card(id=4, name="Bear", is_creature=True, power=2, toughness=2)


def question_of(
    kind: DecisionType, *, stack: tuple[StackItem, ...] = (), **own: object
) -> Question:
    """The first question of a decision at a table with the cards above."""
    decision = Decision(
        decision_type=kind,
        player=ME,
        game_state=GameState(
            players=(
                Player(name=ME, life=20, hand=(BURST,), battlefield=(LANTERN,)),
                Player(name=FOE, life=4, battlefield=(WALKER, BEAR)),
            ),
            stack=stack,
        ),
        **own,  # type: ignore[arg-type]
    )
    question = answering(decision).question
    assert question is not None
    return question


def rows(question: Question) -> Float16:
    """The rows of the options."""
    return Encoder().encode(question).actions


def play(description: str, of: Card, cost: str) -> Action:
    """An action; its place in the list is set by the test."""
    return Action(index=0, card=of.name, card_id=of.id, description=description, mana_cost=cost)


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        (play("Burst Lightning - 2 damage", BURST, "{R}"), OptionKind.SPELL),
        (play("Burst Lightning (Kicker) - 4 damage", BURST, "{4}{R}"), OptionKind.SPELL),
        (play("Soul-Guide Lantern: Draw a card", LANTERN, "{1}"), OptionKind.ABILITY),
        (play("{1}, {T}, Sacrifice this: Draw a card.", LANTERN, "{1}"), OptionKind.ABILITY),
        (play("Draw a card.", LANTERN, "{1}"), OptionKind.ABILITY),
        (Action(index=0, card="Elf", description="Elf - Creature 1 / 1"), OptionKind.CREATURE),
        (Action(index=0, card="Forest", is_land=True), OptionKind.LAND),
    ],
)
def test_the_kind_of_an_action_is_seen(action: Action, kind: OptionKind) -> None:
    """From the words and the zone, however the server puts it."""
    question = question_of(DecisionType.CHOOSE_ACTION, actions=(action, Action(index=-1)))
    assert question.options[0].kind is kind


def test_a_kicked_spell_differs_from_a_plain_one() -> None:
    """Both are offered; the kicked one kills at 4 life, the plain one does not."""
    plain = play("Burst Lightning - 2 damage", BURST, "{R}")
    kicked = Action(
        index=1,
        card=BURST.name,
        card_id=1,
        mana_cost="{4}{R}",
        description="Burst Lightning (Kicker) - 4 damage",
    )
    options = (plain, kicked, Action(index=-1))
    relations = rows(question_of(DecisionType.CHOOSE_ACTION, actions=options))[:, -RELATIONS:]
    assert relations[:, 1].tolist() == [0, 1, 0]


def test_modes_never_seen_before_differ() -> None:
    """Abilities are distinguished by their words alone."""
    texts = ("Venture beyond", "Attune the Weatherlight", "4 damage to target player")
    abilities = tuple(Ability(index=at, description=text) for at, text in enumerate(texts))
    found = rows(question_of(DecisionType.CHOOSE_ABILITY, abilities=abilities))
    assert len(np.unique(found, axis=0)) == 3


def test_targets_of_every_type_have_their_kind() -> None:
    """Players, planeswalkers, creatures and spells on the stack."""
    spell = StackItem(id=77, description="Counter target spell.", controller=FOE)
    entities = (
        Entity(index=0, id=1, name=FOE, type="player"),
        Entity(index=1, id=3, name="Chandra", type="card"),
        Entity(index=2, id=4, name="Bear", type="card"),
        Entity(index=3, id=77, name="Cancel", type="stack"),
    )
    question = question_of(DecisionType.CHOOSE_ENTITY, entities=entities, stack=(spell,))
    assert [option.kind for option in question.options] == [
        OptionKind.AT_OPPONENT,
        OptionKind.AT_PLANESWALKER,
        OptionKind.AT_CARD,
        OptionKind.AT_STACK,
    ]
    assert rows(question)[:, -RELATIONS].tolist() == [1, 1, 1, 1], "all are the opponent's"


def test_damage_that_takes_the_last_loyalty_is_marked() -> None:
    """3 damage kills the planeswalker with loyalty 3, and the 2/2."""
    bolt = StackItem(id=9, description="3 damage to any target.", controller=ME)
    entities = tuple(Entity(index=at, id=at + 3, name="x", type="card") for at in range(2))
    question = question_of(DecisionType.CHOOSE_ENTITY, entities=entities, stack=(bolt,))
    assert rows(question)[:, -RELATIONS + 1].tolist() == [1, 1]


@pytest.mark.parametrize(
    "changed",
    [
        {"counters": (Counter("P1P1", 1),)},
        {"counters": (Counter("STUN", 1),)},
        {"counters": (Counter("LORE", 2),)},
        {"loyalty": 5},
        {"is_token": True},
        {"tapped": True},
        {"attached_to": 4},
    ],
)
def test_the_condition_of_a_permanent_is_seen(changed: dict[str, object]) -> None:
    """Whatever is on a permanent changes the state, or the row of the option that names it."""
    seen = [
        Encoder().encode(_sacrifice(Card(id=50, name="Relic", is_enchantment=True, **fields)))  # type: ignore[arg-type]
        for fields in ({}, changed)
    ]
    differs = [not np.array_equal(a, b) for a, b in zip(*map(_arrays, seen), strict=True)]
    assert any(differs)


def _sacrifice(card: Card) -> Question:
    player = Player(name=ME, battlefield=(card,))
    decision = Decision(
        decision_type=DecisionType.CHOOSE_CARDS,
        player=ME,
        cards=(card, BEAR),
        max=1,
        game_state=GameState(players=(player, Player(name=FOE))),
    )
    question = answering(decision).question
    assert question is not None
    return question


def _arrays(observation: object) -> tuple[Float16, Float16]:
    return observation.state, observation.actions  # type: ignore[attr-defined]


def test_hashes_are_the_same_on_every_machine() -> None:
    """Names and words fall into the buckets that they always fell into."""
    assert [bucket_of(name, 16) for name in ("Mountain", "Shock", "Æther")] == [10, 3, 10]
    assert np.abs(wording_of("Venture beyond").row).sum() == pytest.approx(2**0.5)


def test_a_grown_creature_does_not_change_the_card_for_others() -> None:
    """What was seen before does not matter: a 2/2 is a 2/2 though the first one seen was a 9/9."""
    grown = Card(name="Slime", is_creature=True, power=9, toughness=9)
    small = Card(name="Slime", is_creature=True, power=2, toughness=2)
    fresh = Card(name="Slime", is_creature=True, power=2, toughness=2, oracle_text=" ")
    assert facts_of(grown).packed != facts_of(small).packed == facts_of(fresh).packed


def test_the_largest_segment_fits_its_limit() -> None:
    """Full lists at every step stay below what the queue takes."""
    row_bytes, state_bytes = 2 * ACTION_WIDTH, 2 * STATE_WIDTH
    largest = MAX_STEPS * ((MAX_OPTIONS + 1) * row_bytes + state_bytes + 28)
    assert largest < MAX_BYTES
