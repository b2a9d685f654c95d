"""A game as lines of text: what each seat did, in words."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trainingrun_daemon_commands.watch.choices import Moment
from trainingrun_daemon_commands.watch.story import LineKind, Story, StoryLine
from trainingrun_protocol.decisions import (
    Ability,
    Action,
    Card,
    Combatant,
    Decision,
    DecisionType,
    Entity,
    GameState,
    Player,
    StackItem,
)

from testkit.pages.watched_table import (
    Table,
    cast,
    creature,
    fighters,
    land,
    on_stack,
    spell,
    targets,
)

BOLT = spell(1, "Bolt")
LIONS = creature(2, "Lions")
GUIDE = creature(3, "Guide")
VANGUARD = creature(4, "Vanguard")
MOUNTAIN = Action(0, "Mountain", 9, "Mountain - Land", "no cost", is_land=True)


def test_a_turn_begins_with_a_header(table: Table) -> None:
    """Whose turn it is, and how both stand."""
    table.turn, table.active = 2, 1
    table.seats[0].battlefield = [land(5, "Mountain"), LIONS]
    table.seats[1].hidden = 1
    lines = table.lines(1, DecisionType.CHOOSE_ACTION, "-1")
    assert [line for line in lines if line.kind is not LineKind.CHANGE] == [
        StoryLine(LineKind.TURN, "Turn 2 · White", 1),
        StoryLine(LineKind.STANDING, "Red     20 life · 0 cards in hand · 1 land · 1 creature", 0),
        StoryLine(LineKind.STANDING, "White   20 life · 1 card in hand · 0 lands · 0 creatures", 1),
    ]


def test_the_whole_board_on_demand() -> None:
    """Open hands, lands with those that are tapped, creatures with their marks, piles."""
    table = Table(story=Story(with_board=True))
    seat = table.seats[0]
    seat.hand = [BOLT, spell(6, "Bolt")]
    seat.battlefield = [
        land(5, "Mountain", tapped=True),
        land(7, "Mountain"),
        creature(8, "Bear", tapped=True, damage=1, summoning_sick=True),
        Card(10, "Chandra", is_planeswalker=True, loyalty=4),
    ]
    seat.graveyard = [LIONS]
    assert table.act(0, "-1")[3:] == [
        "Red hand: 2x Bolt",
        "Red lands: 2x Mountain (1 tapped)",
        "Red creatures: Bear 2/1 (tapped, new, 1 damage)",
        "Red others: Chandra (loyalty 4)",
        "Red graveyard: Lions",
    ]


def test_a_hidden_hand_is_shown_as_last_seen() -> None:
    """Who watches may look over both shoulders; a hand that has changed since says so."""
    table = Table(story=Story(with_board=True))
    table.seats[0].hand = [BOLT]
    table.act(0, "-1")
    table.turn, table.active = 2, 1
    assert "Red hand: Bolt" in table.act(1, "-1")
    table.turn, table.seats[0].hidden = 3, 1
    assert "Red hand, as last seen: Bolt" in table.act(1, "-1")


def test_a_land_is_played(table: Table) -> None:
    """At once, and its coming onto the battlefield is no news."""
    assert table.act(0, "0", MOUNTAIN) == ["Red plays Mountain"]
    table.seats[0].battlefield.append(land(9, "Mountain"))
    assert table.act(0, "-1") == []


@pytest.mark.parametrize("answer", ["-1", "7", "", "rubbish"])
def test_a_pass_is_not_told(table: Table, answer: str) -> None:
    """Nor is an answer that a server reads as one."""
    assert table.act(0, answer, MOUNTAIN) == []


def test_a_spell_is_told_with_its_target(table: Table) -> None:
    """The line comes when the target is known; the death that follows stands behind it."""
    table.seats[0].hand = [BOLT]
    table.seats[1].battlefield = [LIONS]
    table.act(0, "-1")
    assert table.act(0, "0", cast(0, BOLT)) == []
    table.seats[0].hand, table.stack = [], on_stack([BOLT])
    asked = table.ask(
        0,
        DecisionType.CHOOSE_ENTITY,
        "1",
        source_card="Bolt",
        message="Bolt: choose any target",
        entities=targets("Agent(2)-White", "Lions"),
    )
    assert asked == []
    table.stack = []
    table.seats[0].graveyard, table.seats[1].battlefield = [BOLT], []
    table.seats[1].graveyard = [LIONS]
    assert table.act(0, "-1") == ["Red casts Bolt on Lions", "White: Lions dies"]


def test_a_player_is_a_target_by_the_told_name(table: Table) -> None:
    """The name of the seat on the wire is nothing for people; two targets are both named."""
    table.act(0, "0", cast(0, BOLT))
    for answer in ("0", "1"):
        table.ask(
            0,
            DecisionType.CHOOSE_ENTITY,
            answer,
            message="Choose a target",
            entities=targets("Agent(2)-White", "Lions"),
        )
    assert table.act(1, "-1") == ["Red casts Bolt on White, Lions"]


def test_choices_within_a_spell_are_details(table: Table) -> None:
    """Modes, numbers and costs belong to the line of the spell."""
    charm = spell(1, "Charm")
    table.act(0, "0", cast(0, charm, "Charm (kicked) - does things"))
    table.ask(
        0,
        DecisionType.CHOOSE_ABILITY,
        "1",
        message="Charm: choose a mode",
        abilities=(Ability(0, "Gain life"), Ability(1, "Deal 4 damage")),
    )
    table.ask(0, DecisionType.ANNOUNCE_VALUE, "3", message="Charm: choose X", min=0, max=5)
    table.ask(
        0,
        DecisionType.CHOOSE_CARDS,
        "0",
        message="Charm: choose 1 to sacrifice",
        cards=(LIONS,),
        min=1,
        max=1,
    )
    assert table.act(0, "-1") == ["Red casts Charm (kicked) (Deal 4 damage, X = 3, Lions)"]


def test_the_choice_of_another_source_is_told_by_itself(table: Table) -> None:
    """A trigger's target does not become the spell's."""
    table.act(0, "0", cast(0, LIONS))
    assert table.ask(
        0,
        DecisionType.CHOOSE_ENTITY,
        "0",
        source_card="Guide",
        message="Guide: choose a target",
        entities=targets("Vanguard"),
    ) == ["Red casts Lions", "Red chooses Vanguard for Guide"]


def test_an_optional_target_may_be_declined(table: Table) -> None:
    """-1 declines; where that is not allowed, the server takes the first."""
    entities = targets("Lions")
    table.stack = [StackItem(source_card="Guide")]
    kind = DecisionType.CHOOSE_ENTITY
    assert table.ask(0, kind, "-1", entities=entities, optional=True) == [
        "Red chooses nothing for Guide"
    ]
    assert table.ask(0, kind, "-1", entities=entities) == ["Red chooses Lions for Guide"]


def test_an_ability_is_activated(table: Table) -> None:
    """What is on the battlefield already is not cast."""
    table.seats[0].battlefield = [land(9, "Sanctuary")]
    table.begin()
    action = Action(0, "Sanctuary", 9, "Sanctuary - {4}: becomes a 3/3 creature", "{4}")
    assert table.act(0, "0", action) == []
    assert table.story.finish()[0] == StoryLine(
        LineKind.ACT, "Red activates Sanctuary: {4}: becomes a 3/3 creature", 0
    )


def test_where_a_card_is_played_from(table: Table) -> None:
    """Cards from exile or the graveyard say so."""
    table.seats[0].exile, table.seats[0].graveyard = [land(9, "Mountain")], [BOLT]
    table.begin()
    assert table.act(0, "0", MOUNTAIN)[-1] == "Red plays Mountain from exile"
    table.act(0, "0", cast(0, BOLT))
    assert table.act(0, "-1")[-1] == "Red casts Bolt from graveyard"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("0,2", "Red attacks with 2x Guide"),
        ("1", "Red attacks with Lions"),
        ("", "Red does not attack"),
        ("-1", "Red does not attack"),
    ],
)
def test_attacks(table: Table, answer: str, text: str) -> None:
    """Who attacks, those of one name together."""
    attackers = fighters(GUIDE, LIONS, creature(7, "Guide"))
    kind = DecisionType.DECLARE_ATTACKERS
    assert table.ask(0, kind, answer, attackers=attackers) == [text]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("0:1,1:1", "White blocks Guide with Lions, Vanguard"),
        ("0:1,1:0", "White blocks Guide with Lions; Bear with Vanguard"),
        ("", "White does not block"),
        ("0:None", "White does not block"),
    ],
)
def test_blocks(table: Table, answer: str, text: str) -> None:
    """Who blocks whom, the blockers of one attacker together."""
    lists = {
        "attackers": fighters(creature(8, "Bear"), GUIDE),
        "blockers": fighters(LIONS, VANGUARD),
    }
    assert table.ask(1, DecisionType.DECLARE_BLOCKERS, answer, **lists) == [text]


def test_discards_are_told_once(table: Table) -> None:
    """By the seat that chose them; the graveyard adds nothing."""
    table.seats[0].hand = [LIONS, BOLT]
    table.begin()
    assert table.ask(
        0,
        DecisionType.CHOOSE_CARDS,
        "1",
        message="Choose 1 to discard",
        cards=(LIONS, BOLT),
        min=1,
        max=1,
    ) == ["Red discards Bolt"]
    table.seats[0].hand, table.seats[0].graveyard = [LIONS], [BOLT]
    assert table.act(0, "-1") == []


@pytest.mark.parametrize(
    ("kind", "message", "answer", "text"),
    [
        (DecisionType.CONFIRM_ACTION, "Keep this hand of 7?", "y", "Red keeps the hand"),
        (DecisionType.CONFIRM_ACTION, "Keep this hand of 7?", "", "Red takes a mulligan"),
        (
            DecisionType.CONFIRM_ACTION,
            "Search for a land?",
            "n",
            "Red says no (Search for a land?)",
        ),
        (DecisionType.PLAY_TRIGGER, "Draw a card?", "yes", "Red says yes (Draw a card?)"),
        (DecisionType.PLAY_FROM_EFFECT, "", "1", "Red says yes (play from effect)"),
        (DecisionType.ANNOUNCE_VALUE, "Choose X", "0", "Red says 0 (Choose X)"),
        (DecisionType.REVEAL, "", "", "Red sees nothing"),
    ],
)
def test_other_answers(
    table: Table, kind: DecisionType, message: str, answer: str, text: str
) -> None:
    """Questions of yes or no, numbers and reveals in words."""
    assert table.ask(0, kind, answer, message=message) == [text]


def test_an_unknown_decision_is_passed_over(table: Table) -> None:
    """What it means no one knows here."""
    assert table.ask(0, DecisionType.UNKNOWN, "0") == []


def test_the_engines_own_choices(table: Table) -> None:
    """A watched game has no answers: positions or names in ai_choice."""
    act = {"actions": (MOUNTAIN, Action(-1)), "ai_choice_index": 0}
    kind = DecisionType.DECLARE_ATTACKERS
    lists = {"attackers": fighters(GUIDE, LIONS), "blockers": fighters(VANGUARD)}
    assert table.ask(0, DecisionType.CHOOSE_ACTION, None, **act) == ["Red plays Mountain"]
    assert table.ask(0, kind, None, ai_choice=[1], **lists) == ["Red attacks with Lions"]
    assert table.ask(0, kind, None, ai_choice=["Guide"], **lists) == ["Red attacks with Guide"]
    kind = DecisionType.DECLARE_BLOCKERS
    assert table.ask(1, kind, None, ai_choice=[[0, 1]], **lists) == [
        "White blocks Lions with Vanguard"
    ]
    for nonsense in (None, 3, "x", [7, None], [["a", 0]], {"a": 1}):
        assert table.ask(1, kind, None, ai_choice=nonsense, **lists) == ["White does not block"]
    kind = DecisionType.CHOOSE_CARDS
    cards = {"cards": (BOLT, LIONS), "message": "Discard a card", "ai_choice": [1]}
    assert table.ask(1, kind, None, **cards) == ["White discards Lions"]
    kind = DecisionType.CONFIRM_ACTION
    assert table.ask(1, kind, None, message="Draw?", ai_choice=True) == ["White says yes (Draw?)"]


def test_two_decks_of_one_name_get_numbers() -> None:
    """Else they could not be distinguished."""
    table = Table(names=("Ai(1)-Red", "Ai(2)-Red"))
    assert table.act(0, "0", MOUNTAIN)[-1] == "Red (1) plays Mountain"


def test_a_decision_without_players_is_survived() -> None:
    """Servers leave fields out; whose seat it is stays a number."""
    decision = Decision(DecisionType.CHOOSE_ACTION, actions=(MOUNTAIN,))
    lines = Story().advance(Moment(decision, "0"))
    assert [line.text for line in lines] == ["Turn 1", "seat 1 plays Mountain"]


SMALL = st.integers(-2, 3)
CARDS = st.builds(Card, SMALL, st.sampled_from(["Bolt", "Lions"]), is_creature=st.booleans())
ZONES = st.lists(CARDS, max_size=2).map(tuple)
CHOICES = st.recursive(
    st.none() | SMALL | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3)
)
PLAYERS = st.builds(
    Player,
    name=st.sampled_from(["Ai(1)-a", "Ai(2)-b", ""]),
    life=SMALL,
    hand=ZONES,
    library_size=SMALL,
    battlefield=ZONES,
    graveyard=ZONES,
    exile=ZONES,
)
STATES = st.builds(
    GameState,
    turn=SMALL,
    active_player=st.sampled_from(["Ai(1)-a", "x"]),
    players=st.lists(PLAYERS, max_size=3).map(tuple),
    stack=st.lists(st.builds(StackItem, source_card_id=SMALL), max_size=2).map(tuple),
)
DECISIONS = st.builds(
    Decision,
    st.sampled_from(DecisionType),
    player=st.sampled_from(["Ai(1)-a", "Ai(2)-b", "?"]),
    turn=SMALL,
    message=st.sampled_from(["", "Bolt: target", "discard"]),
    game_state=STATES,
    source_card=st.sampled_from(["", "Bolt"]),
    actions=st.lists(st.builds(Action, SMALL, card_id=SMALL), max_size=3).map(tuple),
    attackers=st.lists(st.builds(Combatant, SMALL), max_size=3).map(tuple),
    blockers=st.lists(st.builds(Combatant, SMALL), max_size=3).map(tuple),
    abilities=st.lists(st.builds(Ability, SMALL), max_size=2).map(tuple),
    cards=ZONES,
    entities=st.lists(st.builds(Entity, SMALL), max_size=2).map(tuple),
    min=SMALL,
    max=SMALL,
    optional=st.booleans(),
    ai_choice=CHOICES,
    ai_choice_index=st.none() | SMALL,
)


# Whole decisions are large: drawing the first one may take a second on a busy machine.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(DECISIONS, st.none() | st.text("0123,:-y", max_size=5)), max_size=5))
def test_any_game_can_be_told(moments: list[tuple[Decision, str | None]]) -> None:
    """Whatever a server sends, every line is one line, and nothing breaks."""
    story = Story(with_board=True)
    lines = [
        line for decision, answer in moments for line in story.advance(Moment(decision, answer))
    ]
    assert all("\n" not in line.text for line in [*lines, *story.finish()])
