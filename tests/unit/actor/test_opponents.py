"""Scripted opponents play whole games on the reference engine and differ in strength."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from trainingrun_daemon.decks import DeckRepository
from trainingrun_daemon.session import GameSession, Progress
from trainingrun_environments.agents import Agent, RandomAgent
from trainingrun_environments.magic.answering import answering
from trainingrun_environments.magic.opponents import AggressiveAgent
from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.decisions import decode_decision
from trainingrun_protocol.lines import DecisionLine, parse_line

DECKS = Path(__file__).parents[3] / "decks"
COMMAND = NewGame(deck1="red_aggro", deck2="white_weenie", interactive=True, quiet=True)


def winner(agents: tuple[Agent, Agent], seed: int) -> int | None:
    """Play one game; gives the seat (0 or 1) that won."""
    shelf = DeckRepository((DECKS,))
    decks = (shelf.find(COMMAND.deck1), shelf.find(COMMAND.deck2))
    session, random, response = GameSession(COMMAND, decks, seed=seed), Random(seed), ""
    while (progress := session.resume(response)) is not Progress.OVER:
        if progress is not Progress.ASKING:
            continue
        last = parse_line(session.take_output().splitlines()[-1])
        assert isinstance(last, DecisionLine)
        decision = decode_decision(last.raw)
        assert decision.seat is not None
        answer = answering(decision)
        while (question := answer.question) is not None:
            answer.choose(agents[decision.seat].choose(question, random))
        response = answer.response
    return session.game.winner


def test_aggressive_beats_random() -> None:
    """The scripted attacker wins nearly every game from either seat."""
    as_first = [winner((AggressiveAgent(), RandomAgent()), seed) for seed in range(6)]
    as_second = [winner((RandomAgent(), AggressiveAgent()), seed) for seed in range(6)]
    assert as_first.count(0) + as_second.count(1) >= 9


@pytest.mark.parametrize("seed", range(3))
def test_random_games_come_to_an_end(seed: int) -> None:
    """Two random players finish, and the same seeds give the same winner."""
    first = winner((RandomAgent(), RandomAgent()), seed)
    assert first == winner((RandomAgent(), RandomAgent()), seed)
