"""Each law finds what breaks it, and nothing in a decision that is right."""

import json
import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_protocol.conformance.checks import CHECKS, Moment
from trainingrun_protocol.conformance.fields import OWN, field_faults
from trainingrun_protocol.conformance.styles import STYLES
from trainingrun_protocol.decisions import DecisionType, decode_decision

Json = dict[str, Any]
Change = Callable[[Json], object]
CARD: Json = {
    "mana_cost": "{R}",
    "cmc": 1,
    "types": "Creature - Goblin",
    "oracle_text": "",
    "power": 1,
    "toughness": 1,
    "keywords": [],
    "tapped": False,
    "summoning_sick": False,
    "summoningSickness": False,
    "damage": 0,
    "counters": [{"type": "P1P1", "count": 1}],
    "attacking": False,
    "blocking": False,
    "attachedTo": None,
    "is_creature": True,
    "is_land": False,
    "is_artifact": False,
    "is_enchantment": False,
    "is_planeswalker": False,
    "is_instant": False,
    "is_sorcery": False,
    "controllerIsSelf": True,
    "ownerIsSelf": True,
}
FIGHTER: Json = {"index": 0, "id": 11, "name": "Goblin", "power": 1, "toughness": 1, "keywords": []}
PASS: Json = {
    "index": -1,
    "card": "",
    "card_id": -1,
    "description": "Pass",
    "mana_cost": "",
    "is_land": False,
}
LAND: Json = {
    "index": 0,
    "card": "Mountain",
    "card_id": 21,
    "description": "Mountain",
    "is_land": True,
    "mana_cost": "no cost",
}
OWN_FIELDS: dict[str, Json] = {
    "choose_action": {"actions": [LAND, PASS]},
    "declare_attackers": {"attackers": [FIGHTER]},
    "declare_blockers": {"blockers": [FIGHTER], "attackers": [FIGHTER]},
    "choose_ability": {"abilities": [{"index": 0, "description": "a"}]},
    "play_trigger": {},
    "confirm_action": {},
    "play_from_effect": {},
    "choose_cards": {"cards": [{"id": 1}, {"id": 2}], "min": 1, "max": 2, "optional": False},
    "choose_entity": {"entities": [{"index": 0}], "optional": True},
    "announce_value": {"min": 0, "max": 3},
    "reveal": {"cards": []},
}


def card(number: int, **fields: Any) -> Json:
    """A creature of the deciding seat."""
    return {"id": number, "name": f"Goblin {number}", **CARD, **fields}


def player(number: int, **fields: Any) -> Json:
    """A player with nothing but a library."""
    colours = ("total", "white", "blue", "black", "red", "green", "colorless")
    return {
        "name": f"Agent({number})-Deck",
        "id": number - 1,
        "life": 20,
        "poison": 0,
        "has_lost": False,
        "lands_played_this_turn": 0,
        "max_land_plays": 1,
        "hand_size": 0,
        "hand": [],
        "library_size": 50,
        "graveyard": [],
        "battlefield": [],
        "exile": [],
        "command": [],
        "mana_pool": dict.fromkeys(colours, 0),
        "mana": dict.fromkeys("WUBRGC", 0),
        **fields,
    }


def decision(kind: str = "choose_action", **fields: Any) -> Json:
    """A decision of seat 1 that is right in every way."""
    hand, mine, theirs = [card(1), card(21)], [card(11)], [card(31, ownerIsSelf=False)]
    state = {
        "is_game_over": False,
        "turn": 3,
        "phase": "MAIN1",
        "active_player": "Agent(1)-Deck",
        "priority_player": "Agent(1)-Deck",
        "activePlayer": 0,
        "priorityPlayer": 0,
        "stack": [],
        "players": [
            player(1, hand=hand, hand_size=2, battlefield=mine),
            player(2, hand_size=7, battlefield=theirs),
        ],
    }
    return deepcopy(
        {
            "decision_type": kind,
            "decision_id": 5,
            "player": "Agent(1)-Deck",
            "turn": 3,
            "phase": "MAIN1",
            "message": "Choose",
            "game_state": state,
            "actions": [PASS],
            **OWN_FIELDS[kind],
            **fields,
        }
    )


def changed(value: Json, change: Change) -> Json:
    """A copy with one change."""
    copy = deepcopy(value)
    change(copy)
    return copy


def put(*path: Any) -> Change:
    """Put the last of the arguments at the place that the others name."""

    def change(value: Any) -> None:
        *above, last, content = path
        for key in above:
            value = value[key]
        value[last] = content

    return change


ME, OTHER = ("game_state", "players", 0), ("game_state", "players", 1)


@pytest.mark.parametrize("kind", OWN)
def test_a_right_decision_breaks_no_law(kind: str) -> None:
    """For each of the eleven types, with the field table and with what our client decodes."""
    right = decision(kind)
    assert list(field_faults(right)) == []
    assert decode_decision(json.dumps(right).encode()).decision_type is DecisionType(kind)
    laws = CHECKS.keys() - {"watched", "idle", "only-seat-2"}
    for law in laws:
        assert list(CHECKS[law]()(Moment(right))) == [], law


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("choose_action", lambda value: value.pop("turn"), "turn is missing"),
        ("choose_action", put("turn", "3"), "turn is '3', not a whole number"),
        ("choose_action", put("turn", True), "turn is True, not a whole number"),
        ("choose_action", put("decision_type", "choose_mulligan"), "none of the eleven"),
        ("choose_action", put("actions", 0, "is_land", 1), "not true or false"),
        ("choose_cards", lambda value: value.pop("optional"), "optional is missing"),
        ("reveal", lambda value: value.pop("actions"), "actions is missing"),
        ("reveal", put(*ME, "hand", 0, "counters", {"P1P1": 1}), "not a list"),
        ("reveal", lambda value: value["game_state"].pop("activePlayer"), "activePlayer"),
        ("reveal", lambda value: value["game_state"]["players"][1].pop("mana"), "mana is missing"),
        ("reveal", put("game_state", "combat", None), "combat is None, not an object"),
    ],
)
def test_the_table_names_the_field(kind: str, change: Change, words: str) -> None:
    """With its path, and what it holds instead."""
    assert any(words in fault for fault in field_faults(changed(decision(kind), change)))


@pytest.mark.parametrize(
    ("law", "change"),
    [
        ("phases", put("phase", "MAIN")),
        ("phases", put("game_state", "phase", "MAIN2")),
        ("phases", put("game_state", "combat", {})),
        ("numbering", put("turn", 0)),
        ("positions", put("actions", 0, "index", 1)),
        ("positions", put("actions", [LAND])),
        ("positions", put("actions", [])),
        ("seats", put("player", "Agent(3)-Deck")),
        ("seats", put(*ME, "name", "Somebody")),
        ("hands", put(*ME, "hand_size", 3)),
        ("hands", put(*OTHER, "hand", [card(40)])),
        ("dialects", put("game_state", "activePlayer", 1)),
        ("dialects", put(*ME, "mana", "R", 1)),
        ("dialects", put(*ME, "mana_pool", "total", 1)),
        ("dialects", put(*ME, "battlefield", 0, "summoningSickness", True)),
        ("cards", put(*ME, "hand", 0, "is_creature", False)),
        ("cards", lambda value: value["game_state"]["players"][0]["hand"][0].pop("power")),
        ("cards", put(*ME, "hand", 0, "is_planeswalker", True)),
        ("actions", put("actions", 0, "mana_cost", "{R}")),
        ("actions", put("actions", 0, "is_land", False)),
        ("actions", put("actions", 0, "description", "")),
        ("watched", put("message", "x")),
        ("watched", lambda value: value.update(ai_choice={"action": "pass"}, ai_choice_index=0)),
        (
            "watched",
            lambda value: value.update(
                ai_choice={"action": "cast", "card": "x"}, ai_choice_index=0
            ),
        ),
        ("idle", put("message", "x")),
        ("peaceful", put("game_state", "combat", {"attackers": [FIGHTER]})),
        (
            "unblocked",
            put("game_state", "combat", {"attackers": [{**FIGHTER, "blocked_by": [1]}]}),
        ),
        ("only-seat-1", put("player", "Agent(2)-Deck")),
        ("only-seat-2", put("message", "x")),
        ("conserved", put(*ME, "graveyard", [card(11)])),
    ],
)
def test_a_broken_decision_breaks_its_law(law: str, change: Change) -> None:
    """Each law sees what it is there for."""
    assert list(CHECKS[law]()(Moment(changed(decision(), change))))


@pytest.mark.parametrize(
    ("law", "kind", "fields"),
    [
        ("asked", "declare_attackers", {"attackers": []}),
        ("asked", "declare_blockers", {"attackers": []}),
        ("asked", "choose_cards", {"min": 3}),
        ("asked", "announce_value", {"min": 4}),
        ("discards", "choose_cards", {"phase": "CLEANUP", "message": "Choose 2"}),
    ],
)
def test_questions_must_have_answers(law: str, kind: str, fields: Json) -> None:
    """No one is asked about nothing, and a discard says so."""
    assert list(CHECKS[law]()(Moment(decision(kind, **fields))))


@pytest.mark.parametrize(
    "change",
    [
        put(*ME, "library_size", 49),
        put(*OTHER, "hand_size", 8),
        put(*ME, "battlefield", []),
        put(*ME, "battlefield", 0, "ownerIsSelf", False),
    ],
)
def test_a_card_that_vanishes_or_appears_is_seen(change: Change) -> None:
    """The first decision says how many cards each player has."""
    law = CHECKS["conserved"]()
    assert list(law(Moment(decision()))) == []
    assert list(law(Moment(changed(decision(), change))))


@pytest.mark.parametrize("told", [{}, {"is_spell": True, "owner": 0}])
def test_a_spell_on_the_stack_is_still_there(told: Json) -> None:
    """A card that is being cast counts on the stack, whether or not the server says it is one."""
    law = CHECKS["conserved"]()
    assert list(law(Moment(decision()))) == []
    item = {"id": 1, "description": "", "controller": "Agent(1)-Deck", "source_card": "Goblin 1"}
    cast = decision()
    cast["game_state"]["players"][0].update(hand=[card(21)], hand_size=1)
    cast["game_state"]["stack"] = [{**item, "source_card_id": 1, **told}]
    assert list(law(Moment(cast))) == []
    cast["game_state"]["stack"] = []
    assert list(law(Moment(cast)))


def test_numbers_and_turns_go_forward() -> None:
    """Compared with the decision before."""
    law, first = CHECKS["numbering"](), decision()
    assert list(law(Moment(decision(decision_id=6), first, "0"))) == []
    assert list(law(Moment(decision(decision_id=5), first, "0")))
    assert list(law(Moment(decision(decision_id=6, turn=2), first, "0")))


def test_a_chosen_land_must_be_there() -> None:
    """At the next decision of the same seat."""
    law, before = CHECKS["executed"](), decision()
    played = changed(decision(), put(*ME, "battlefield", [card(21)]))
    assert list(law(Moment(played, before, "0"))) == []
    assert list(law(Moment(decision(), before, "-1"))) == []
    assert list(law(Moment(decision(), before, "0")))


def test_a_prompt_that_comes_again_and_again_is_seen() -> None:
    """Four times the same, whatever its number."""
    law, faults, before = CHECKS["moves-on"](), [], None
    for number in range(5):
        now = decision(decision_id=number)
        faults += list(law(Moment(now, before, "0")))
        before = now
    assert len(faults) == 1


@pytest.mark.parametrize("kind", OWN)
@given(seed=st.integers(0, 50), style=st.sampled_from(sorted(STYLES.keys() - {"garbage"})))
def test_styles_answer_every_type_legally(kind: str, seed: int, style: str) -> None:
    """An answer names positions that exist, as many as are wanted."""
    asked = decision(kind)
    answer = STYLES[style](asked, random.Random(seed))
    legal = {
        "choose_action": {"0", "-1"},
        "declare_attackers": {"", "0"},
        "declare_blockers": {"", "0:0"},
        "choose_ability": {"0"},
        "reveal": {""},
        "choose_cards": {"0", "1", "0,1", "1,0"},
        "choose_entity": {"0", "-1"},
        "announce_value": {"0", "1", "2", "3"},
    }
    assert answer in legal.get(kind, {"y", "n"})
