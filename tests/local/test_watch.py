"""Games that are really played, watched: from a daemon as it plays, and from tapes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from trainingrun_contracts.environment_config import (
    BuiltIn,
    Engine,
    EnvironmentConfig,
    OpenSpiel,
)
from trainingrun_contracts.environment_spec import Vocabulary
from trainingrun_contracts.run_config import EvaluationConfig, SelfPlayConfig, TapesConfig
from trainingrun_environments.registry import spec_of
from trainingrun_protocol.generic import GenericChoice
from trainingrun_protocol.tapes import TapeEnd, TapeEntry, TapeMove, TapeStart, decode_entry

from testkit.roles.actor_bed import Bed, actor_bed, config
from testkit.servers.faulty_engine import GOAL, faulty_engine
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until
from testkit.warm_program import warm_programs

PROGRAM = Path(sys.executable).with_name("trainingrun")


def watch(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`trainingrun watch` to its end."""
    done = warm_programs("trainingrun").run(["trainingrun", "watch", *arguments], timeout=120)
    assert "Traceback" not in done.stderr
    return done


def test_the_engine_is_watched(tmp_path: Path, redis_server: RedisServer) -> None:
    """Expect a whole game, the same one for the same seed, and a sentence for an unknown deck."""
    with actor_bed(tmp_path, redis_server) as bed:
        _, endpoint = bed.start_daemon()
        red, white, seed = "red_aggro", "white_weenie", ("-s", "3")
        game = watch("--daemon", endpoint, red, white, *seed)
        assert game.returncode == 0
        assert game.stdout == watch("--daemon", endpoint, red, white, *seed).stdout
        for words in ("Turn 1 · ", " plays Mountain", " plays Plains", " casts ", " life\n"):
            assert words in game.stdout
        assert game.stdout.splitlines()[-1].endswith((" wins", "draw"))
        refused = watch("--daemon", endpoint, red, "wolves")
        assert refused.returncode == 2
        assert refused.stderr.startswith(
            f"trainingrun: --daemon {endpoint}: refused: deck wolves.dck not found"
        )


@pytest.mark.parametrize("role", ["evaluate", "play"])
def test_a_role_writes_tapes(tmp_path: Path, redis_server: RedisServer, role: str) -> None:
    """Expect the first game of an evaluation, or one of many in training, and that it reads."""
    tapes = tmp_path / "tapes"
    run = config(
        evaluation=EvaluationConfig(interval_games=50, games=4, opponents=("aggressive",)),
        tapes=TapesConfig(str(tapes), training_seconds=3600),
    )
    with actor_bed(tmp_path, redis_server) as bed:
        _, endpoint = bed.start_daemon()
        bed.publish_daemons(endpoint)
        bed.publish_weights()
        process = bed.start_role(role, run)
        until(lambda: _ended(tapes), seconds=120, what="a game is on tape")
        assert process.terminate(seconds=30) == 0
    (path,) = tapes.iterdir()
    start, *moves, end = entries(path)
    assert isinstance(start, TapeStart)
    assert start.kind == ("evaluation" if role == "evaluate" else "training")
    assert all(isinstance(move, TapeMove) for move in moves)
    assert isinstance(end, TapeEnd)
    shown = watch(path)
    assert shown.returncode == 0
    assert f"played by {start.players[0]}" in shown.stdout
    assert re.search(r"^Turn \d+ · ", shown.stdout, re.MULTILINE)
    assert "life at the last recorded decision: " in shown.stdout


def entries(path: Path) -> list[TapeEntry]:
    """All entries of a tape."""
    return [decode_entry(line) for line in path.read_bytes().splitlines()]


def recorded(bed: Bed, role: str, environment: EnvironmentConfig, endpoint: str) -> Path:
    """The tape of a game that a role plays in this environment against random play."""
    tapes = bed.folder / "tapes"
    run = config(
        decks=("-",),
        environment=environment,
        self_play=SelfPlayConfig(latest=0, past=0, scripted=1, scripted_players=("random",)),
        evaluation=EvaluationConfig(interval_games=50, games=4, opponents=("random",)),
        tapes=TapesConfig(str(tapes), training_seconds=3600),
    )
    bed.publish_daemons(endpoint)
    bed.publish_weights(spec=spec_of(environment))
    process = bed.start_role(role, run)
    until(lambda: _ended(tapes), seconds=120, what="a game is on tape")
    assert process.terminate(seconds=30) == 0
    (path,) = tapes.iterdir()
    return path


@pytest.mark.parametrize(
    ("role", "environment", "name"),
    [
        ("evaluate", BuiltIn("connect_four"), "connect_four"),
        ("play", OpenSpiel("kuhn_poker"), "openSpiel:kuhn_poker"),
    ],
    ids=["connect four", "kuhn poker"],
)
def test_a_game_of_another_environment_is_watched_with_its_positions(
    tmp_path: Path, redis_server: RedisServer, role: str, environment: EnvironmentConfig, name: str
) -> None:
    """Expect every move that is on tape, chance as it was drawn, and the winner of the tape."""
    with actor_bed(tmp_path, redis_server) as bed:
        _, endpoint = bed.start_daemon(environment=name)
        path = recorded(bed, role, environment, endpoint)
    start, *moves, end = entries(path)
    assert isinstance(start, TapeStart)
    assert start.environment.name == spec_of(environment).name
    assert moves
    assert all(isinstance(move, GenericChoice) for move in moves)
    assert isinstance(end, TapeEnd)
    shown = watch(path)
    assert shown.returncode == 0
    assert "moves without positions" not in shown.stdout
    said = f"seat {end.winner} (" if end.winner is not None else "the game is a draw"
    assert f"After {len(moves)} moves: {said}" in shown.stdout.splitlines()[-1]


def test_a_game_of_an_engine_is_watched_by_what_it_says(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    """Expect its own text before each move, and the moves by their descriptions."""
    environment = Engine("adding", (GOAL,), Vocabulary(3))
    with actor_bed(tmp_path, redis_server) as bed, faulty_engine() as port:
        path = recorded(bed, "play", environment, f"127.0.0.1:{port}")
    shown = watch(path)
    assert shown.returncode == 0
    assert "moves without positions: its games are an engine's" in shown.stdout
    assert re.search(r"^      the total is \d$", shown.stdout, re.MULTILINE)
    assert re.search(r"^  1\. seat 1: add [123]$", shown.stdout, re.MULTILINE)


def test_a_daemon_of_another_game_is_watched(tmp_path: Path, redis_server: RedisServer) -> None:
    """Expect positions where the game is named, else its moves, with the word that would help."""
    with actor_bed(tmp_path, redis_server) as bed:
        _, endpoint = bed.start_daemon(environment="connect_four")
        named = ("--environment", "connect_four")
        game = watch("--daemon", endpoint, *named, "-s", "3")
        assert game.returncode == 0
        assert "moves without positions" not in game.stdout
        assert "      1234567" in watch("--daemon", endpoint, *named).stdout  # a seed of its own
        blind = watch("--daemon", endpoint, "-", "-", "-s", "3")
        assert "name it with --environment" in blind.stdout
        moves = [line for line in game.stdout.splitlines() if ". seat " in line]
        assert moves == [line for line in blind.stdout.splitlines() if ". seat " in line]


def _ended(tapes: Path) -> bool:
    return any(b'"entry":"end"' in path.read_bytes() for path in tapes.glob("*.jsonl"))
