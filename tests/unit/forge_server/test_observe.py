"""Games of ``-o``: the AI plays, decisions are log lines (the original's dialect)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from testkit.forge_client import Decision, Transcript, play
from testkit.forge_server.faults import FAITHFUL, Version

Serve = Callable[..., int]
WriteDeck = Callable[..., Path]

COMMAND = "NEWGAME boros_aggro.dck mono_red_aggro.dck -o -s 4"
COMMON = ["decision_type", "decision_id", "player", "turn", "phase", "game_state"]
OWN = {
    "choose_action": ["actions", "ai_choice"],
    "declare_attackers": ["attackers", "ai_choice"],
    "declare_blockers": ["attackers", "blockers", "ai_choice"],
}


def _watch(serve: Serve, version: Version) -> Transcript:
    return play(serve(FAITHFUL, version=version), COMMAND)


def _of(transcript: Transcript, kind: str) -> list[Decision]:
    return [each for each in transcript.decisions if each["decision_type"] == kind]


@pytest.fixture
def watched(serve: Serve) -> Transcript:
    """A game of the newer version."""
    return _watch(serve, Version.NEWER)


def test_three_types_are_logged_with_their_fields(watched: Transcript) -> None:
    """`-o`: three types only; neither `message` nor `defenders`."""
    assert {each["decision_type"] for each in watched.decisions} == set(OWN)
    for decision in watched.decisions:
        assert list(decision) == COMMON + OWN[decision["decision_type"]]
    assert watched.decisions[0]["player"].startswith("AiObs(")
    assert watched.lines[-1].startswith("GAME_RESULT: AiObs(")


def test_what_is_played_is_told_without_an_action(watched: Transcript) -> None:
    """`ai_choice` without `action` for what is played; a pass is `{"action": "pass"}`."""
    choices = [each["ai_choice"] for each in _of(watched, "choose_action")]
    played = [choice for choice in choices if choice != {"action": "pass"}]
    assert len(played) > 10
    assert len(choices) > len(played)
    for choice in played:
        assert list(choice) == ["card", "description", "is_land"]
    assert any(choice["is_land"] for choice in played)


def test_actions_have_no_card_id_and_always_a_pass(watched: Transcript) -> None:
    """Fields of an action of `-o`; texts are cut at 100 characters."""
    decisions = _of(watched, "choose_action")
    for decision in decisions:
        assert decision["actions"][-1] == {
            "index": -1,
            "card": "",
            "description": "Pass priority",
            "is_land": False,
            "mana_cost": "",
        }
        assert all(len(entry["description"]) <= 100 for entry in decision["actions"])


def test_a_priority_without_any_action_is_logged_too(serve: Serve, write_deck: WriteDeck) -> None:
    """The AI decides first; then the list is made, be it empty but for the pass."""
    write_deck("guides.dck", "Guides", {"Goblin Guide": 30, "Mountain": 30})
    first = play(serve(), "NEWGAME guides.dck guides.dck -o -q").decisions[0]
    assert first["phase"] == "UPKEEP"
    assert [entry["index"] for entry in first["actions"]] == [-1]


def test_attackers_and_blocks_are_indices_of_the_lists(watched: Transcript) -> None:
    """Attackers: a list of indices; blockers: a list of {blocker, attacker}."""
    attacks = _of(watched, "declare_attackers")
    assert any(each["ai_choice"] for each in attacks)
    for decision in attacks:
        assert set(decision["ai_choice"]) <= {entry["index"] for entry in decision["attackers"]}
    for decision in _of(watched, "declare_blockers"):
        listed = {entry["index"] for entry in decision["blockers"]}
        for pair in decision["ai_choice"]:
            assert list(pair) == ["blocker", "attacker"]
            assert pair["blocker"] not in listed  # it blocks already


def test_decisions_are_sent_with_q_too(serve: Serve) -> None:
    """Quiet: DECISION lines are still sent, and nothing is owed."""
    transcript = play(serve(), f"{COMMAND} -q")
    assert transcript.decisions
    assert len(transcript.log) == 1


def test_the_older_version_shows_counts_of_all_zones(serve: Serve) -> None:
    """Older version: no `ai_choice_index`, and of all zones counts only."""
    transcript = _watch(serve, Version.OLDER)
    for decision in transcript.decisions:
        assert "ai_choice_index" not in decision
        state = decision["game_state"]
        assert list(state) == ["is_game_over", "active_player", "players"]
        assert list(state["players"][0]) == [
            "name",
            "life",
            "lands_played_this_turn",
            "max_land_plays",
            "hand_size",
            "library_size",
            "battlefield_creatures",
            "battlefield_lands",
            "battlefield_other",
            "mana_pool",
        ]


def test_the_newer_version_shows_cards_with_camel_case(watched: Transcript) -> None:
    """Newer: the camelCase dialect, counters as a list."""
    last = watched.decisions[-1]["game_state"]["players"]
    cards: list[dict[str, Any]] = [card for player in last for card in player["battlefield"]]
    assert cards
    for card in cards:
        assert {"summoningSickness", "tapped", "is_instant", "power"} <= set(card)
        assert "summoning_sick" not in card
        assert "mana_cost" not in card


def test_the_newest_version_says_the_index_of_the_choice(serve: Serve) -> None:
    """`ai_choice_index`: position in `actions`, -1 = pass."""
    decisions = _of(_watch(serve, Version.NEWEST), "choose_action")
    assert any(decision["ai_choice_index"] >= 0 for decision in decisions)
    for decision in decisions:
        index = decision["ai_choice_index"]
        assert {"activePlayer", "priorityPlayer"} <= set(decision["game_state"])
        if decision["ai_choice"] == {"action": "pass"}:
            assert index == -1
        elif index >= 0:
            assert decision["actions"][index]["card"] == decision["ai_choice"]["card"]


def test_the_oldest_version_does_not_know_o(serve: Serve) -> None:
    """`-o`: not in the oldest; it is a game of the AI."""
    transcript = _watch(serve, Version.OLDEST)
    assert transcript.decisions == []
    assert "Ai(" in transcript.lines[-1]
