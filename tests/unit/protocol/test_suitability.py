"""From what was seen in games to what it means for a training."""

import json
from typing import Any

import pytest
from trainingrun_protocol.conformance.game import DiffersError
from trainingrun_protocol.conformance.suitability import (
    MOST_REPEATS,
    Evidence,
    GameWatch,
    Law,
    Suitability,
    findings,
)


def found(law: Law, *, held: int, broken: int) -> Suitability:
    """Return what a law means that was seen so often."""
    evidence = Evidence()
    for _ in range(held):
        evidence.holds(law)
    for _ in range(broken):
        evidence.breaks(law, "an example")
    return next(each.suitability for each in findings(evidence) if each.law is law)


@pytest.mark.parametrize(
    ("law", "held", "broken", "verdict"),
    [
        (Law.MANA, 0, 0, Suitability.NOT_SEEN),
        (Law.MANA, 3, 0, Suitability.FINE),
        (Law.MANA, 20, 2, Suitability.FINE),
        (Law.MANA, 20, 3, Suitability.UNUSABLE),
        (Law.TARGETS, 0, 1, Suitability.CARE),
        (Law.TRIGGERS, 1, 30, Suitability.FINE),
        (Law.TRIGGERS, 0, 9, Suitability.NOT_SEEN),
        (Law.TRIGGERS, 0, 10, Suitability.CARE),
        (Law.ENDS, 5, 1, Suitability.CARE),
        (Law.ENDS, 1, 2, Suitability.UNUSABLE),
        (Law.HANDS, 0, 9, Suitability.FINE),
    ],
)
def test_what_a_law_means(law: Law, held: int, broken: int, verdict: Suitability) -> None:
    """Cards break costs by their own text, triggers hide between questions, the rest is broken."""
    assert found(law, held=held, broken=broken) is verdict


def question(**own: Any) -> bytes:
    """Return a decision on an empty table, in the original's form."""
    players = [
        {
            "name": f"Agent({seat})-a",
            "life": 20,
            "hand": [],
            "hand_size": 0,
            "library_size": 50,
            "graveyard": [],
            "battlefield": [],
            "exile": [],
            "mana_pool": {"total": 0},
        }
        for seat in (1, 2)
    ]
    state = {"players": players, "stack": [], "active_player": "Agent(1)-a"}
    common = {"decision_id": 1, "player": "Agent(1)-a", "turn": 1, "phase": "MAIN1"}
    return json.dumps({**common, "game_state": state, **own}).encode()


def test_a_question_that_returns_is_passed_after_its_limit() -> None:
    """The loop is noted once."""
    evidence = Evidence()
    watch = GameWatch(evidence, 1)
    raw = question(
        decision_type="declare_attackers",
        attackers=[{"index": 4, "card_id": 9, "name": "Bear", "power": 2, "toughness": 2}],
        defenders=[],
    )
    answers = [watch.answer(raw) for _ in range(MOST_REPEATS + 3)]
    assert answers == ["4"] * (MOST_REPEATS - 1) + [""] * 4
    assert evidence.broken[Law.PROGRESS] == 1


def test_an_unknown_question_ends_the_watch() -> None:
    """Actors could not answer it, either."""
    evidence = Evidence()
    with pytest.raises(DiffersError, match="unknown type 'mulligan'"):
        GameWatch(evidence, 1).answer(question(decision_type="mulligan"))
    assert evidence.broken[Law.KINDS] == 1


def test_a_reveal_without_actions_is_owed_no_answer() -> None:
    """It is a log line of the original."""
    watch = GameWatch(Evidence(), 1)
    assert watch.answer(question(decision_type="reveal", zone="HAND", cards=["Bear"])) is None
