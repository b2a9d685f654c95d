"""A real daemon of Connect Four, played by the actor's own link over a socket."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from trainingrun_actor.game import End, Outcome, Seat, play_game
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.seats import ScriptedSeat
from trainingrun_contracts.environment_config import BuiltIn, OpenSpiel
from trainingrun_contracts.run_config import EvaluationConfig, SelfPlayConfig
from trainingrun_environments.daemon_link import DaemonLink
from trainingrun_environments.registry import environment_of
from trainingrun_environments.seam import Environment
from trainingrun_protocol.commands import NO_SCENARIO, NewGame

from testkit.roles.actor_bed import actor_bed, config
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

COMMAND = [sys.executable, "-m", "trainingrun_daemon", "--host", "127.0.0.1", "--port", "0"]
ENVIRONMENT = environment_of(BuiltIn("connect_four"))
UNLUCKY = """
class Game:
    observation_shape = (1,)
    actions = 2

    def __init__(self, seed):
        self.seed, self.moves = seed, 0

    current_player = property(lambda self: self.moves % 2)
    is_terminal = property(lambda self: self.moves == 4)
    returns = property(lambda self: (1.0, -1.0) if self.is_terminal else (0.0, 0.0))

    def legal_actions(self):
        return [0, 1]

    def apply(self, action):
        if self.seed == 13 and self.moves == 2:
            raise RuntimeError("bad luck")
        self.moves += 1

    def observation(self, player):
        return [self.moves]
"""
ASK = b"NEWGAME - - -i -q -s 1\n"


@contextlib.contextmanager
def daemon(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A daemon of Connect Four that listens; gives its process and its port."""
    command = [*COMMAND, "--environment", "connect_four", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline().rpartition(":")[2])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def say(port: int, line: bytes, *, answer: bytes = b"0\n") -> list[bytes]:
    """Say a line and answer every decision alike; gives all lines."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        return finish(connection, line, answer=answer)


def finish(connection: socket.socket, line: bytes, *, answer: bytes = b"0\n") -> list[bytes]:
    """Say a line, if any, and answer every decision alike; gives all lines."""
    told: list[bytes] = []
    with connection.makefile("rb") as lines:
        connection.sendall(line)
        for each in lines:
            told.append(each)
            if each.startswith(b"DECISION"):
                connection.sendall(answer)
    return told


async def matches(
    port: int, *, games: int, ai_seat: int | None = None, environment: Environment = ENVIRONMENT
) -> list[Outcome]:
    """Games of random players over one link, which is kept."""
    link = await DaemonLink.open(f"127.0.0.1:{port}", environment)
    outcomes = []
    for seed in range(games):
        random = Random(seed)
        seats: dict[int, Seat] = {
            seat: ScriptedSeat(environment, environment.agents["random"](), random)
            for seat in (1, 2)
            if seat != ai_seat
        }
        command = NewGame(
            deck1=NO_SCENARIO,
            deck2=NO_SCENARIO,
            interactive=True,
            quiet=True,
            seed=seed,
            keep_open=True,
            ai_seat=ai_seat,
        )
        outcomes.append(await play_game(link, command, seats, metrics=PlayMetrics()))
        assert link.is_reusable
    link.close()
    return outcomes


def test_returns_reach_the_rewards() -> None:
    """Expect the pots of Kuhn poker, 1 or 2, as halves of its bound of rewards."""
    kuhn = environment_of(OpenSpiel("kuhn_poker"))
    with daemon("--environment", "openSpiel:kuhn_poker") as (_, port):
        outcomes = asyncio.run(matches(port, games=40, environment=kuhn))
    rewards = [(outcome.reward(1), outcome.reward(2)) for outcome in outcomes]
    assert {first for first, _ in rewards} == {-1.0, -0.5, 0.5, 1.0}
    assert all(second == -first for first, second in rewards if first and second)


def test_a_run_plays_it(tmp_path: Path, redis_server: RedisServer) -> None:
    """Expect an actor's process to play and record whole games of a run without decks."""
    run = config(
        environment=BuiltIn("connect_four"),
        decks=(NO_SCENARIO,),
        self_play=SelfPlayConfig(scripted_players=("random",)),
        evaluation=EvaluationConfig(opponents=("random",)),
    )
    with actor_bed(tmp_path, redis_server) as bed:
        _, endpoint = bed.start_daemon(environment="connect_four")
        bed.publish_daemons(endpoint)
        bed.publish_weights(spec=ENVIRONMENT.spec)
        actor = bed.start_role("play", run)
        until(lambda: bed.games() >= 20, seconds=60, what="20 games")
        assert actor.terminate(seconds=30) == 0
        found = bed.segments()
        bed.check_ledger()
    assert {segment.header.decks for segment in found} == {(NO_SCENARIO, NO_SCENARIO)}
    assert {segment.states.shape[1] for segment in found} == {ENVIRONMENT.spec.state_width}
    assert bed.games("aborted") == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_actor_plays_its_games(workers: str) -> None:
    """Expect every game to end by its rules, both seats to win some, all on one connection."""
    with daemon("--workers", workers) as (_, port):
        outcomes = asyncio.run(matches(port, games=20))
        status = b"".join(say(port, b"STATUS\n"))
    assert {outcome.end for outcome in outcomes} <= {End.WON, End.DRAW}
    assert {outcome.winner for outcome in outcomes} >= {1, 2}
    assert b"Total games: 20\n" in status


def test_the_engine_plays_a_seat() -> None:
    """Expect the actor to be asked for its own seat alone, and the games to end."""
    with daemon() as (_, port):
        outcomes = asyncio.run(matches(port, games=5, ai_seat=1))
    assert {outcome.end for outcome in outcomes} <= {End.WON, End.DRAW}


def test_the_same_seed_is_the_same_game_line_for_line() -> None:
    """Expect equal lines but for the time in the result."""
    with daemon() as (_, port):
        first, second = (say(port, b"NEWGAME - - -o -s 4\n") for _ in range(2))
    assert len(first) > 10
    assert first[:-1] == second[:-1]


def test_decks_are_refused_with_the_way_out() -> None:
    """Expect the sentence to say what to write."""
    with daemon() as (_, port):
        told = say(port, b"NEWGAME test_red.dck test_blue.dck -i\n")
    assert told == [
        b"ERROR: this daemon plays connect_four, which has no decks:"
        b" write NEWGAME - - in the place of test_red.dck\n"
    ]


def test_a_game_of_ones_own_that_breaks_down_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expect the game's error in the line of that game, and the next game to be played."""
    (tmp_path / "unlucky.py").write_text(UNLUCKY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with daemon("--environment", "python:unlucky:Game", "--workers", "2") as (_, port):
        broken = say(port, b"NEWGAME - - -i -q -s 13\n")[-1]
        sound = say(port, b"NEWGAME - - -i -q -s 14\n")[-1]
    assert broken.startswith(b"GAME_ERROR: unlucky:Game failed in move 3: RuntimeError: bad luck")
    assert sound.startswith(b"GAME_RESULT: Agent(1)-unlucky:Game won in ")


def test_a_batch_is_played_by_the_daemon() -> None:
    """Expect one result for each game, and nothing else."""
    with daemon("--workers", "2") as (_, port):
        told = say(port, b"NEWGAME - - -q -n 25\n")
    assert len(told) == 25
    assert all(line.startswith(b"GAME_RESULT: ") for line in told)


def test_a_stopped_daemon_finishes_its_games() -> None:
    """Expect the running game to reach its result, new ones to be refused, and exit code 0."""
    with daemon("--workers", "2") as (process, port):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(ASK)
            connection.recv(1, socket.MSG_PEEK)
            process.send_signal(signal.SIGTERM)
            while b"stopping" not in b"".join(say(port, b"NEWGAME - - -q\n")):
                pass  # until the signal has arrived
            assert finish(connection, b"")[-1].startswith(b"GAME_RESULT: ")
        assert process.wait(timeout=30) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--environment", "conect_four"], "no environment is called 'conect_four': installed are"),
        (["--environment", "gym:CartPole"], "of the unknown kind 'gym': write NAME"),
        (["--environment", "connect_four", "--reveal-all"], "--reveal-all shows hands of Magic"),
    ],
)
def test_mistakes_are_one_sentence(arguments: list[str], words: str) -> None:
    """Expect it once, whatever the number of workers, and code 2."""
    command = [*COMMAND, "--workers", "2", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
