"""Games that are really played, watched: from a daemon as it plays, and from tapes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from trainingrun_contracts.run_config import EvaluationConfig, TapesConfig
from trainingrun_protocol.tapes import TapeEnd, TapeMove, TapeStart, decode_entry

from testkit.roles.actor_bed import actor_bed, config
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
    start, *moves, end = (decode_entry(line) for line in path.read_bytes().splitlines())
    assert isinstance(start, TapeStart)
    assert start.kind == ("evaluation" if role == "evaluate" else "training")
    assert all(isinstance(move, TapeMove) for move in moves)
    assert isinstance(end, TapeEnd)
    shown = watch(path)
    assert shown.returncode == 0
    assert f"played by {start.players[0]}" in shown.stdout
    assert re.search(r"^Turn \d+ · ", shown.stdout, re.MULTILINE)
    assert "life at the last recorded decision: " in shown.stdout


def _ended(tapes: Path) -> bool:
    return any(b'"entry":"end"' in path.read_bytes() for path in tapes.glob("*.jsonl"))
