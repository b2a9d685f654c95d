"""The second key dialect of game_state is read as the first one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_protocol.decisions import decode_decision
from trainingrun_protocol.dialects.key_names import needs_translation, translate
from trainingrun_protocol.errors import DecisionError

FIRST: dict[str, Any] = {
    "decision_type": "choose_action",
    "player": "Agent(2)-B",
    "game_state": {
        "turn": 3,
        "active_player": "Agent(1)-A",
        "priority_player": "Agent(2)-B",
        "players": [
            {"name": "Agent(1)-A", "id": 0, "hand_size": 4, "mana_pool": {"total": 0}},
            {
                "name": "Agent(2)-B",
                "id": 1,
                "hand_size": 2,
                "mana_pool": {"total": 3, "red": 2, "white": 1},
                "battlefield": [
                    {
                        "id": 7,
                        "name": "Goblin",
                        "summoning_sick": True,
                        "is_creature": True,
                        "attachedTo": 9,
                        "controllerIsSelf": True,
                        "ownerIsSelf": False,
                    }
                ],
            },
        ],
    },
    "actions": [{"index": -1, "card_id": -1, "is_land": False}],
}
SECOND = {
    "decisionType": "choose_action",
    "player": "Agent(2)-B",
    "gameState": {
        "turn": 3,
        "activePlayer": 0,
        "priorityPlayer": 1,
        "players": [
            {"name": "Agent(1)-A", "id": 0, "handSize": 4, "mana": {}},
            {
                "name": "Agent(2)-B",
                "id": 1,
                "handSize": 2,
                "mana": {"R": 2, "W": 1},
                "battlefield": [
                    {
                        "id": 7,
                        "name": "Goblin",
                        "summoningSickness": True,
                        "isCreature": True,
                        "attachedTo": 9,
                        "controllerIsSelf": True,
                        "ownerIsSelf": False,
                    }
                ],
            },
        ],
    },
    "actions": [{"index": -1, "cardId": -1, "isLand": False}],
}


def _encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def test_both_dialects_are_one_decision() -> None:
    """Whichever words a server uses, its readers see the same values."""
    assert decode_decision(_encoded(SECOND)) == decode_decision(_encoded(FIRST))


def test_the_union_is_decoded_without_a_second_pass() -> None:
    """A server that writes both dialects, as ours does, costs no translation."""
    assert not needs_translation(_encoded(FIRST))
    assert not needs_translation(_encoded([FIRST, SECOND]))
    assert needs_translation(_encoded(SECOND))


def test_the_first_dialect_wins_where_both_stand() -> None:
    """A card with both keys keeps the value of the first, in either order."""
    for card in (
        {"summoning_sick": True, "summoningSickness": False},
        {"summoningSickness": False, "summoning_sick": True},
    ):
        assert translate(card) == {"summoning_sick": True}


def test_whose_a_card_is_and_what_it_is_on_are_read() -> None:
    """attachedTo, controllerIsSelf and ownerIsSelf have one spelling in both dialects."""
    (card,) = decode_decision(_encoded(FIRST)).game_state.players[1].battlefield
    assert (card.attached_to, card.controller_is_self, card.owner_is_self) == (9, True, False)


@pytest.mark.parametrize("number", [5, -1, "x", None])
def test_a_player_number_that_names_nobody_is_no_failure(number: object) -> None:
    """What cannot be understood becomes an empty or odd name, or a DecisionError."""
    raw = _encoded({"decision_type": "reveal", "game_state": {"activePlayer": number}})
    try:
        name = decode_decision(raw).game_state.active_player
    except DecisionError:
        name = ""
    assert name in {"", "x"}


def test_deep_nesting_is_refused() -> None:
    """A line of brackets ends in DecisionError, not in a broken interpreter."""
    with pytest.raises(DecisionError):
        decode_decision(b'{"activePlayer":' + b"[" * 100_000)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from([*SECOND, "mana", "activePlayer", "players", "id", "R"]), inner
            )
        ),
    )
)
def test_any_json_is_translated_or_refused(value: object) -> None:
    """No shape of JSON raises anything but DecisionError."""
    raw = _encoded({"decision_type": "reveal", "activePlayer": 0, "game_state": value})
    try:
        decode_decision(raw)
    except DecisionError:
        return
