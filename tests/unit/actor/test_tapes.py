"""Tapes: games written down, within bounds, and never in the way of the game."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from trainingrun_actor.game import End, Outcome, Seat
from trainingrun_actor.recorder import Clock
from trainingrun_actor.tapes import Tape, TapedGame, Tapes
from trainingrun_contracts.environment_config import BuiltIn, EnvironmentConfig, Magic
from trainingrun_contracts.run_config import TapesConfig
from trainingrun_environments.registry import environment_of
from trainingrun_protocol.decisions import Action, Decision, DecisionType
from trainingrun_protocol.generic import (
    GenericAction,
    GenericChoice,
    GenericDecision,
    GenericObservation,
    encode_generic,
)
from trainingrun_protocol.tapes import (
    VERSION,
    TapeEnd,
    TapeEnvironment,
    TapeMove,
    TapeStart,
    decode_entry,
)

GAME = TapedGame(("red_aggro", "test_blue"), 7, {1: "newest policy", 2: "random"})
DECISION = Decision(DecisionType.CHOOSE_ACTION, actions=(Action(0, card="Shock"), Action(-1)))
WON = Outcome(End.WON, 2, 1.23456)


class Answering:
    """A seat that always gives the same answer, and remembers its end."""

    def __init__(self) -> None:
        self.reward: float | None = None

    async def answer(self, decision: object) -> str:
        """Always the first."""
        return "0"

    def finish(self, reward: float | None) -> None:
        """Remember."""
        self.reward = reward


class Time:
    """A clock that moves when it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    @property
    def clock(self) -> Clock:
        """Both clocks alike."""
        return Clock(lambda: self.now, lambda: self.now)


def tapes(
    folder: Path | None,
    time: Time,
    *,
    member: str = "actor-0",
    found_by: EnvironmentConfig = Magic(),  # noqa: B008 (a frozen value)
    **config: float,
) -> Tapes:
    """The tapes of one actor; without a folder none are wanted."""
    return Tapes(
        None if folder is None else TapesConfig(str(folder), **config),
        environment_of(found_by),
        found_by=found_by,
        run="quick",
        member=member,
        clock=time.clock,
    )


def play(
    tape: Tape | None,
    outcome: Outcome | None = WON,
    *,
    moves: int = 1,
    decision: object = DECISION,
) -> None:
    """Play a game of seat 1 into a tape."""
    assert tape is not None
    seats: dict[int, Seat] = {1: Answering(), 2: Answering()}
    overheard = tape.seats(seats)

    async def answers() -> list[str]:
        return [await overheard[1].answer(decision) for _ in range(moves)]

    assert asyncio.run(answers()) == ["0"] * moves
    tape.close(outcome)


def entries(path: Path) -> list[object]:
    """All entries of a tape."""
    return [decode_entry(line) for line in path.read_bytes().splitlines()]


def test_a_game_is_written_down(tmp_path: Path) -> None:
    """Who plays what, each decision with its answer, and the end; one line each."""
    play(tapes(tmp_path / "new", Time()).record_evaluation(GAME), moves=2)
    (path,) = (tmp_path / "new").iterdir()
    assert path.name == "evaluation-19700101T001640.000-actor-0.jsonl"
    start, *moves, end = entries(path)
    assert isinstance(start, TapeStart)
    assert start.players == ("newest policy", "random")
    assert start.environment == TapeEnvironment(
        "magic", environment_of(Magic()).spec.version, '{"kind":"magic"}'
    )
    assert (start.run, start.kind, start.scenarios, start.seed) == (
        "quick",
        "evaluation",
        ("red_aggro", "test_blue"),
        7,
    )
    assert moves == [TapeMove("0", DECISION)] * 2
    assert end == TapeEnd("won", 2, 1.235)


def test_a_game_of_another_environment(tmp_path: Path) -> None:
    """What people read of each decision, and how the games are found again."""
    found_by = BuiltIn("tic_tac_toe")
    dialogue = environment_of(found_by).new_dialogue()
    seen = GenericObservation((2, 3, 3), "uint8", bytes(18))
    actions = (GenericAction(0, "top left"), GenericAction(8, "bottom right"))
    asked = GenericDecision(seat=1, observation=seen, actions=actions, message="your turn")
    decision = dialogue.read(encode_generic(asked))
    game = TapedGame(("-", "-"), 7, {1: "newest policy", 2: "random"})
    shelf = tapes(tmp_path, Time(), found_by=found_by)
    play(shelf.record_evaluation(game), decision=decision)
    (path,) = tmp_path.iterdir()
    start, move, _ = entries(path)
    assert isinstance(start, TapeStart)
    assert start.environment == TapeEnvironment(
        "tic_tac_toe", "1", '{"kind":"builtIn","name":"tic_tac_toe"}'
    )
    texts = {0: "top left", 8: "bottom right"}
    assert move == GenericChoice(seat=1, answer="0", actions=texts, message="your turn")


def test_the_seat_hears_its_end(tmp_path: Path) -> None:
    """An overheard seat gets the reward as any other."""
    tape = tapes(tmp_path, Time()).record_evaluation(GAME)
    assert tape is not None
    seat = Answering()
    tape.seats({1: seat})[1].finish(1.0)
    assert seat.reward == 1.0


def test_a_game_that_was_never_played_leaves_nothing(tmp_path: Path) -> None:
    """A refused game has no decision and no file."""
    play(tapes(tmp_path, Time()).record_evaluation(GAME), None, moves=0)
    assert list(tmp_path.iterdir()) == []


def test_a_game_that_was_given_up_says_so(tmp_path: Path) -> None:
    """Expect an end all the same: no one waits for more."""
    play(tapes(tmp_path, Time()).record_evaluation(GAME), None)
    (path,) = tmp_path.iterdir()
    assert entries(path)[-1] == TapeEnd("aborted", reason="given up")


def test_training_games_are_recorded_now_and_then(tmp_path: Path) -> None:
    """The first one, and the next one when the time has passed."""
    time = Time()
    shelf = tapes(tmp_path, time, training_seconds=60)
    assert shelf.record_training(GAME) is not None
    assert shelf.record_training(GAME) is None
    time.now += 60
    assert shelf.record_training(GAME) is not None


def test_without_a_folder_nothing_is_recorded(tmp_path: Path) -> None:
    """On a cluster no one shares one."""
    shelf = tapes(None, Time())
    assert shelf.record_training(GAME) is None
    assert shelf.record_evaluation(GAME) is None


def test_the_newest_are_kept(tmp_path: Path) -> None:
    """Older tapes of the same kind go; other files stay."""
    time = Time()
    shelf = tapes(tmp_path, time, keep=2)
    (tmp_path / "notes.txt").write_text("mine")
    play(shelf.record_training(GAME))
    for _ in range(4):
        time.now += 1
        play(shelf.record_evaluation(GAME))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        "evaluation-19700101T001643.000-actor-0.jsonl",
        "evaluation-19700101T001644.000-actor-0.jsonl",
        "notes.txt",
        "training-19700101T001640.000-actor-0.jsonl",
    ]


def test_a_long_game_is_cut(tmp_path: Path) -> None:
    """Above its size a tape ends, and the game continues."""
    path = tmp_path / "evaluation-1.jsonl"
    magic = environment_of(Magic())
    played = TapeEnvironment("magic", "1", "{}")
    names = ("a", "b")
    start = TapeStart(VERSION, "quick", "evaluation", played, GAME.scenarios, names, 7, 0.0)
    play(Tape(path, start, magic, max_bytes=1000), moves=50)
    found = entries(path)
    assert isinstance(found[-1], TapeEnd)
    assert found[-1].result == "cut"
    assert path.stat().st_size < 1500


def test_a_folder_that_cannot_be_written_costs_the_tape_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The game continues; one line in the log says why there is no tape."""
    (tmp_path / "taken").write_text("")
    play(tapes(tmp_path / "taken", Time()).record_evaluation(GAME), moves=3)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "a game is not recorded" in caplog.text


def test_members_with_strange_names(tmp_path: Path) -> None:
    """A name cannot lead out of the folder."""
    shelf = tapes(tmp_path / "in", Time(), member="../../x y")
    play(shelf.record_evaluation(GAME))
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
