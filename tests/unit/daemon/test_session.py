"""Whole games through a session: whatever clients answer, the game stays sound and ends."""

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_daemon.decks import DeckRepository
from trainingrun_daemon.session import GameSession, Progress
from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.decisions import Decision, DecisionType, decode_decision
from trainingrun_protocol.lines import DecisionLine, parse_line

from testkit.soak_share import share_of

INTERACTIVE = NewGame(deck1="r", deck2="w", interactive=True)
GARBAGE = ["", "-1", "0", "1", "y", "n", "0,1,2", "0:0,1:0", "0:None", "999999999999", "x", "0:174"]


def _play(session: GameSession, answer: Callable[[DecisionLine], str]) -> list[bytes]:
    """Play a session to its end; gives every line."""
    lines: list[bytes] = []
    text = ""
    for _ in range(5000):
        progress = session.resume(text)
        lines += session.take_output().splitlines()
        if progress is Progress.OVER:
            return lines
        if progress is Progress.ASKING:
            last = parse_line(lines[-1])
            assert isinstance(last, DecisionLine)
            text = answer(last)
    raise AssertionError("the game does not end")


def _session(shelf: DeckRepository, command: NewGame, seed: int, *names: str) -> GameSession:
    first, second = names or ("red_aggro", "white_weenie")
    return GameSession(command, (shelf.find(first), shelf.find(second)), seed=seed)


def _check_state(decision: Decision) -> None:
    """Check the invariants of protocol section 5 on one decision of a game with 60-card decks."""
    state = decision.game_state
    for seat, player in enumerate(state.players):
        zones = [player.battlefield, player.graveyard, player.exile, player.command]
        cards = [card for zone in zones for card in zone if not card.is_token]
        on_stack = sum(item.is_spell and item.owner == seat for item in state.stack)
        assert len(cards) + player.hand_size + player.library_size + on_stack == 60
        ids = [card.id for card in [*cards, *player.hand]]
        assert len(ids) == len(set(ids))
        assert player.life > 0
    assert decision.turn >= 1
    assert decision.seat is not None
    assert any(action.index == -1 for action in decision.actions)
    _check_positions(decision)


def _check_positions(decision: Decision) -> None:
    for listed in (decision.attackers, decision.blockers, decision.entities):
        assert [entry.index for entry in listed] == list(range(len(listed)))
    listed_actions = [action.index for action in decision.actions]
    assert listed_actions == [*range(len(listed_actions) - 1), -1]


@pytest.mark.soak
def test_random_garbage_keeps_every_invariant(shelf: DeckRepository) -> None:
    """Cards are conserved, positions are right, no line is empty, whatever the client says."""
    for seed in range(share_of(200)):
        _play_garbage(shelf, seed)


def _play_garbage(shelf: DeckRepository, seed: int) -> None:
    generator = random.Random(seed)
    decks = generator.sample(["red_aggro", "white_weenie", "test_red", "test_blue"], 2)
    session = _session(shelf, INTERACTIVE, seed, *decks)
    counted = 0

    def answer(line: DecisionLine) -> str:
        nonlocal counted
        counted += 1
        decision = decode_decision(line.raw)
        _check_state(decision)
        assert decision.decision_id == counted
        if generator.random() < 0.2:
            return generator.choice(GARBAGE)
        return _random_answer(decision, generator)

    lines = _play(session, answer)
    assert all(line.strip() and line.isascii() for line in lines)
    winner = session.result(milliseconds=1).winner
    assert winner is None or winner.startswith("Agent(")
    assert session.decisions == counted


def _random_answer(decision: Decision, generator: random.Random) -> str:
    match decision.decision_type:
        case DecisionType.CHOOSE_ACTION:
            return str(generator.choice([action.index for action in decision.actions]))
        case DecisionType.DECLARE_ATTACKERS:
            chosen = [entry.index for entry in decision.attackers if generator.random() < 0.6]
            return ",".join(map(str, chosen))
        case DecisionType.DECLARE_BLOCKERS:
            attackers = len(decision.attackers)
            return ",".join(
                f"{entry.index}:{generator.randrange(attackers)}" for entry in decision.blockers
            )
        case DecisionType.CHOOSE_ENTITY:
            return str(generator.randrange(len(decision.entities)))
        case _:
            return generator.choice(["y", "n", "0,1"])


@settings(max_examples=25)
@given(answers=st.lists(st.sampled_from(GARBAGE), min_size=1), seed=st.integers(0, 2**63))
def test_any_script_of_answers_ends(shelf: DeckRepository, answers: list[str], seed: int) -> None:
    """A client that repeats any list of answers gets to the end of its game."""
    session = _session(shelf, INTERACTIVE, seed)
    count = 0

    def answer(line: DecisionLine) -> str:
        nonlocal count
        count += 1
        return answers[count % len(answers)]

    _play(session, answer)


def _digest_of_game(shelf: DeckRepository, seed: int) -> str:
    generator = random.Random(7)
    lines = _play(
        _session(shelf, INTERACTIVE, seed),
        lambda line: _random_answer(decode_decision(line.raw), generator),
    )
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def test_the_same_seed_gives_the_same_lines(shelf: DeckRepository) -> None:
    """A game is repeated line for line; another seed gives another game."""
    assert _digest_of_game(shelf, 5) == _digest_of_game(shelf, 5)
    assert _digest_of_game(shelf, 5) != _digest_of_game(shelf, 6)


PROGRAM = """
import hashlib, sys
from pathlib import Path
from trainingrun_protocol.commands import NewGame
from trainingrun_daemon.decks import DeckRepository
from trainingrun_daemon.session import GameSession, Progress
shelf = DeckRepository([Path(sys.argv[1])])
decks = (shelf.find("red_aggro"), shelf.find("white_weenie"))
session = GameSession(NewGame(deck1="r", deck2="w", observe=True), decks, seed=11)
digest = hashlib.sha256()
while session.resume() is not Progress.OVER:
    digest.update(session.take_output())
print(digest.hexdigest())
"""


def test_another_process_plays_the_same_game(deck_directory) -> None:
    """Nothing depends on the order of hashes, which differs between processes."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM, str(deck_directory)],
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1


def test_quiet_ai_games_say_nothing(shelf: DeckRepository) -> None:
    """With -q and no client seats the result is the first line."""
    command = NewGame(deck1="r", deck2="w", quiet=True)
    session = _session(shelf, command, 3)
    assert _play(session, lambda _line: "") == []
    assert session.result(milliseconds=5).winner in {"Ai(1)-Red Aggro", "Ai(2)-White Weenie"}


def test_a_log_counts_turns(shelf: DeckRepository) -> None:
    """Without -q there is one line with ``Turn`` for each turn."""
    session = _session(shelf, NewGame(deck1="r", deck2="w"), 3)
    lines = _play(session, lambda _line: "")
    assert lines[0].startswith(b"GAME_START: ")
    assert sum(b"Turn " in line for line in lines) == session.game.turn


def test_an_observer_sees_what_the_ai_chose(shelf: DeckRepository) -> None:
    """With -o each decision carries the AI's choice and its position."""
    session = _session(shelf, NewGame(deck1="r", deck2="w", observe=True, quiet=True), 3)
    decisions = [decode_decision(parse_line(line).raw) for line in _play(session, lambda _line: "")]
    assert len(decisions) > 20
    for decision in decisions:
        if decision.decision_type is DecisionType.CHOOSE_ACTION:
            position = decision.ai_choice_index
            expected = "" if position == -1 else decision.actions[position].card
            assert decision.ai_choice.get("card", "") == expected
        elif decision.decision_type in ("declare_attackers", "declare_blockers"):
            assert isinstance(decision.ai_choice, list)


def test_one_seat_may_be_the_ai(shelf: DeckRepository) -> None:
    """With -a 2 only seat 1 is asked."""
    command = NewGame(deck1="r", deck2="w", interactive=True, quiet=True, ai_seat=2)
    session = _session(shelf, command, 3)
    seats = set()

    def answer(line: DecisionLine) -> str:
        seats.add(decode_decision(line.raw).player)
        return "0"

    _play(session, answer)
    assert seats == {"Agent(1)-Red Aggro"}


def test_the_ai_beats_random_play(shelf: DeckRepository) -> None:
    """The AI is a player: it wins at least 18 of 20 games against random answers."""
    wins = 0
    for seed in range(20):
        generator = random.Random(seed)
        command = NewGame(deck1="r", deck2="r", interactive=True, quiet=True, ai_seat=2)
        session = _session(shelf, command, seed, "test_red", "test_red")
        _play(session, lambda line, g=generator: _random_answer(decode_decision(line.raw), g))
        wins += session.game.winner == 1
    assert wins >= 18


def test_a_teacher_sees_both_hands(shelf: DeckRepository) -> None:
    """With reveal_all every hand is as long as it says; without, the other one is hidden."""
    decks = (shelf.find("red_aggro"), shelf.find("white_weenie"))
    for reveal_all in (False, True):
        session = GameSession(INTERACTIVE, decks, seed=1, reveal_all=reveal_all)
        lines = [parse_line(line) for line in _play(session, lambda _: "")]
        decisions = [json.loads(line.raw) for line in lines if isinstance(line, DecisionLine)]
        hidden = [
            player
            for decision in decisions
            for player in decision["game_state"]["players"]
            if len(player["hand"]) != player["hand_size"]
        ]
        assert (hidden == []) is reveal_all
