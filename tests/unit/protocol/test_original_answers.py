"""Answers that the original's engine must not get, and loops that it never ends (section 8)."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun_protocol.decisions import decode_decision
from trainingrun_protocol.dialogue.loops import MOST_REPEATS, LoopBreaker
from trainingrun_protocol.dialogue.reader import Dialogue

from testkit.roles.original_lines import (
    ACTIONS,
    BLUE,
    RED,
    creature,
    decision,
    encoded,
    fighter,
    player,
    raw,
)


def answered(dialogue: Dialogue, line: bytes, response: str) -> str:
    """What is sent, when the seat would answer so."""
    question = dialogue.read(line)
    forced = dialogue.forced_answer(question)
    return dialogue.checked(question, response) if forced is None else forced


def blocks_sent(
    response: str, *, attackers: dict[str, list[str]], blockers: dict[str, list[str]]
) -> str:
    """What is sent for blocks, of creatures that have these keywords."""
    theirs = [creature(100 + at, name, keywords=words) for at, (name, words) in _items(attackers)]
    mine = [creature(200 + at, name, keywords=words) for at, (name, words) in _items(blockers)]
    line = raw(
        "declare_blockers",
        state={"players": [player(RED, battlefield=mine), player(BLUE, battlefield=theirs)]},
        attackers=[fighter(at, 100 + at, name) for at, (name, _) in _items(attackers)],
        blockers=[fighter(at, 200 + at, name) for at, (name, _) in _items(blockers)],
    )
    return answered(Dialogue(), line, response)


def _items(named: dict[str, list[str]]) -> Any:
    return enumerate(named.items())


@pytest.mark.parametrize(
    ("keywords", "own", "sent"),
    [
        ([], [], "0:0"),
        (["Flying"], [], ""),
        (["Flying"], ["Reach"], "0:0"),
        (["Menace"], [], ""),
        (["Shadow"], [], ""),
        (["Shadow"], ["Shadow"], "0:0"),
        ([], ["Shadow"], ""),
        (["Horsemanship"], [], ""),
        (["Fear"], [], ""),
        (["Intimidate"], [], "0:0"),
        (["Unblockable"], [], ""),
        (["Protection:Card.Red:red"], [], ""),
        (["Protection from blue"], [], "0:0"),
        (["Landwalk:Swamp"], [], "0:0"),
    ],
)
def test_illegal_blocks_are_not_sent(keywords: list[str], own: list[str], sent: str) -> None:
    """The engine carries out what it is sent; all creatures here are red."""
    found = blocks_sent("0:0", attackers={"Foe": keywords}, blockers={"Own": own})
    assert found == sent


def test_two_blockers_stop_menace() -> None:
    """One alone is taken back; of other attackers it is left."""
    attackers = {"Big": ["Menace"], "Small": []}
    blockers: dict[str, list[str]] = {"One": [], "Two": [], "Three": []}
    assert blocks_sent("0:0,1:0,2:1", attackers=attackers, blockers=blockers) == "0:0,1:0,2:1"
    assert blocks_sent("0:0,2:1", attackers=attackers, blockers=blockers) == "2:1"


def test_numbers_that_nobody_offered_are_not_sent() -> None:
    """A wrong number would put another creature into combat."""
    found = blocks_sent("0:0,7:0,0:9,1:0", attackers={"Foe": []}, blockers={"Own": []})
    assert found == "0:0"


@pytest.mark.parametrize(
    ("kind", "own", "response", "way_out"),
    [
        ("choose_action", {"actions": ACTIONS}, "3", "-1"),
        ("confirm_action", {"mode": "x"}, "y", "n"),
        ("choose_cards", {"cards": [], "max": 1}, "0", ""),
        ("choose_entity", {"entities": [{"index": 0, "name": BLUE}], "optional": True}, "0", "-1"),
        ("announce_value", {"ability": "X"}, "1", "0"),
    ],
)
def test_a_loop_ends_with_a_pass(
    kind: str, own: dict[str, Any], response: str, way_out: str
) -> None:
    """Twenty times the same; for the rest of the turn the seat is not asked this again."""
    dialogue = Dialogue()
    sent = [answered(dialogue, raw(kind, **own), response) for _ in range(MOST_REPEATS + 3)]
    assert sent == [response] * MOST_REPEATS + [way_out] * 3
    assert dialogue.broken_loops == 3
    line = raw(kind, **own, title="another")
    assert answered(dialogue, line, response) == response


def test_attacks_that_are_refused_end_with_none_and_then_all() -> None:
    """No attack at all may be what the rules forbid."""
    dialogue = Dialogue()
    line = raw("declare_attackers", attackers=[fighter(0, 5, "a"), fighter(1, 7, "b")])
    sent = [answered(dialogue, line, "0") for _ in range(MOST_REPEATS + 2)]
    assert sent[MOST_REPEATS:] == ["", "0,1"]
    dialogue = Dialogue()
    sent = [answered(dialogue, line, "") for _ in range(MOST_REPEATS + 2)]
    assert sent[MOST_REPEATS:] == ["", "0,1"]


def test_questions_between_do_not_hide_a_loop() -> None:
    """One activation may ask for more than one thing, the seat passes to let it resolve, and so
    does the other seat."""
    dialogue = Dialogue()
    act, confirm = raw("choose_action", actions=ACTIONS), raw("confirm_action", mode="x")
    waiting = raw("choose_action", actions=ACTIONS[2:])
    other = raw("choose_action", seat=BLUE, actions=ACTIONS)
    for _ in range(MOST_REPEATS):
        assert answered(dialogue, act, "3") == "3"
        assert answered(dialogue, confirm, "y") == "y"
        assert answered(dialogue, act, "-1") == "-1"
        assert answered(dialogue, waiting, "-1") == "-1"
        assert answered(dialogue, other, "-1") == "-1"
    assert answered(dialogue, act, "3") == "-1"
    assert answered(dialogue, waiting, "3") == "3", "another question is asked"


def test_counting_is_bounded() -> None:
    """Thousands of questions in a turn, and of names of seats, are not all kept."""
    breaker = LoopBreaker()
    for number in range(2000):
        line = decision("confirm_action", seat=f"{number % 7}", title=f"{number}")
        breaker.note(decode_decision(encoded(line)), "y")
    seats = vars(breaker)["_seats"]
    assert len(seats) <= 3
    assert sum(len(seat.answered) for seat in seats.values()) <= 3 * 600


def test_what_is_no_loop_is_left_alone() -> None:
    """Passing, another turn, and another game."""
    dialogue = Dialogue()
    line = raw("choose_action", actions=ACTIONS)
    assert {answered(dialogue, line, "-1") for _ in range(99)} == {"-1"}
    for turn in range(99):
        assert answered(dialogue, encoded({**decision("confirm_action"), "turn": turn}), "y") == "y"
    for _ in range(MOST_REPEATS):
        answered(dialogue, line, "3")
    dialogue.begin_game()
    assert answered(dialogue, line, "3") == "3"


def test_nothing_is_checked_of_our_own_daemon() -> None:
    """Once a line has our own form, answers go as they are, however often."""
    dialogue = Dialogue()
    line = raw("declare_blockers", state={"activePlayer": 0}, blockers=[], attackers=[])
    assert {answered(dialogue, line, "5:5") for _ in range(99)} == {"5:5"}
