"""Games of the reference engine as an actor sees them: all shipped decks, every question."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
from trainingrun_daemon.decks import DeckRepository
from trainingrun_daemon.session import GameSession, Progress
from trainingrun_environments.agents import RandomAgent
from trainingrun_environments.magic.answering import answering
from trainingrun_environments.magic.encoder import Encoder
from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.decisions import Decision, DecisionType, decode_decision
from trainingrun_protocol.lines import DecisionLine, parse_line

DECKS = sorted((Path(__file__).parents[3] / "decks").rglob("*.dck"))


def played(deck: Path, seed: int) -> list[Decision]:
    """The decisions of a game of a deck against itself, answered at random and encoded."""
    shelf = DeckRepository((deck.parent,))
    command = NewGame(deck1=deck.stem, deck2=deck.stem, interactive=True, quiet=True)
    decks = (shelf.find(deck.stem), shelf.find(deck.stem))
    session, random, encoder = GameSession(command, decks, seed=seed), Random(seed), Encoder()
    asked: list[Decision] = []
    response = ""
    while (progress := session.resume(response)) is not Progress.OVER:
        if progress is not Progress.ASKING:
            continue
        line = parse_line(session.take_output().splitlines()[-1])
        assert isinstance(line, DecisionLine)
        asked.append(decode_decision(line.raw))
        answer = answering(asked[-1])
        while (question := answer.question) is not None:
            observation = encoder.encode(question)
            assert np.isfinite(observation.state).all()
            assert len(observation.actions) == len(question.options)
            answer.choose(RandomAgent().choose(question, random))
        response = answer.response
    return asked


@pytest.mark.parametrize("deck", DECKS, ids=lambda deck: deck.stem)
def test_every_question_of_a_game_is_understood(deck: Path) -> None:
    """No decision is of an unknown type, and each encodes."""
    kinds = {decision.decision_type for seed in range(2) for decision in played(deck, seed)}
    assert DecisionType.CHOOSE_ACTION in kinds
    assert DecisionType.UNKNOWN not in kinds
