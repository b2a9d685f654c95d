"""Every seat answers by the same loop: asked only where there is something to choose."""

from __future__ import annotations

import asyncio

import pytest
from trainingrun_actor.seats import answer_by
from trainingrun_environments.magic.environment import MAGIC
from trainingrun_environments.magic.options import Question
from trainingrun_protocol.decisions import Action, Card, Decision, DecisionType

HAND = tuple(Card(id=at, name=f"card {at}") for at in range(3))
PASS = Action(index=-1)


@pytest.mark.parametrize(
    ("decision", "line", "asked"),
    [
        (Decision(DecisionType.CHOOSE_ACTION, actions=(PASS,)), "-1", []),
        (Decision(DecisionType.REVEAL, cards=HAND), "", []),
        (Decision(DecisionType.CHOOSE_CARDS, cards=HAND, min=3, max=3), "2,1,0", [3, 2]),
        (Decision(DecisionType.PLAY_TRIGGER), "n", [2]),
    ],
)
def test_only_choices_are_asked_for(decision: Decision, line: str, asked: list[int]) -> None:
    """A lone option is taken by itself; each other question comes with its number of options."""
    counts: list[int] = []

    async def take_the_last(question: Question) -> int:
        counts.append(len(question.options))
        return len(question.options) - 1

    assert asyncio.run(answer_by(MAGIC, take_the_last, decision)) == line
    assert counts == asked
