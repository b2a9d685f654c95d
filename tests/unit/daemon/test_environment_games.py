"""Games of other environments inside the daemon, without socket and clock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from trainingrun_daemon.environment_games import games_named
from trainingrun_daemon.factory import make_games
from trainingrun_daemon.game_factory import GameFailed, Progress, Session
from trainingrun_daemon.options import ServeError, ServeOptions
from trainingrun_daemon.outcome_cache import OutcomeCache
from trainingrun_daemon.paced_game import Engine, PacedGame
from trainingrun_environments.tic_tac_toe.game import TicTacToe
from trainingrun_protocol.commands import NewGame, parse_command

BROKEN = """
from trainingrun_contracts.environment_spec import EnvironmentSpec, Vocabulary

class Games:
    spec = EnvironmentSpec("broken", "1", (2,), Vocabulary(2))
    def new(self, seed):
        raise OSError("no board")
    def describe(self, game, action):
        return ""

class Environment:
    spec = Games.spec
    games = Games()

BROKEN = Environment()
"""


def command(flags: str) -> NewGame:
    """A command without decks."""
    parsed = parse_command(f"NEWGAME - - {flags}")
    assert isinstance(parsed, NewGame)
    return parsed


def begun(flags: str, *, seed: int = 1) -> Session:
    """A game of tic-tac-toe."""
    return games_named("tic_tac_toe").match(command(flags)).begin(seed=seed)


def options(**changes: Any) -> ServeOptions:
    """Options of a daemon of tic-tac-toe."""
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 0,
        "decks": (Path("/nowhere"),),
        "environment": "tic_tac_toe",
    }
    return ServeOptions(**{**values, **changes})


def test_a_session_asks_until_it_is_over() -> None:
    """Expect five answers to end a game that the first player wins."""
    session = begun("-i -q")
    assert session.resume() is Progress.ASKING
    assert [session.resume(cell) for cell in "0314"] == [Progress.ASKING] * 4
    assert session.resume("2") is Progress.OVER
    assert session.result(milliseconds=7).winner == "Agent(1)-tic_tac_toe"


def test_the_seat_of_the_daemon_is_played_before_the_client_is_asked() -> None:
    """Expect one mark on the board at the first question to seat 2."""
    session = begun("-i -a 1 -q")
    assert session.resume() is Progress.ASKING
    assert b'"seat":2' in session.take_output()


def test_a_long_game_of_players_here_comes_in_slices() -> None:
    """Expect control back before the end, so that other connections are served."""
    session = games_named("connect_four").match(command("-q")).begin(seed=1)
    seen = [session.resume()]
    while seen[-1] is Progress.RUNNING:
        seen.append(session.resume())
    assert len(seen) > 1
    assert seen[-1] is Progress.OVER


@pytest.mark.parametrize("seed", [-(2**63), -1, 2**64 - 1, 2**64 + 5])
def test_every_seed_of_the_protocol_does(seed: int) -> None:
    """Expect a game, also of a batch whose last seed is beyond the protocol's greatest."""
    session = begun("-q", seed=seed)
    while session.resume() is not Progress.OVER:
        pass
    assert session.result(milliseconds=0).milliseconds == 0


def test_outcomes_come_round_where_the_daemon_only_pretends_to_be_slow() -> None:
    """Expect two commands to be of the same scenario, as decks are by their file."""
    games, engine = games_named("tic_tac_toe"), Engine(outcomes=OutcomeCache())
    first, second = games.match(command("-q")), games.match(command("-q"))
    game = PacedGame(engine, first, seed=3, now=0.0)
    while game.resume(None, now=0.0).progress is not Progress.OVER:
        pass
    engine.outcomes.remember(first.scenarios, 3, game.result(now=0.0))
    assert engine.outcomes.recall(second.scenarios, 3) is not None


def test_what_never_works_is_said_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expect the name, and the game's own error, before a client comes."""
    (tmp_path / "broken_environment.py").write_text(BROKEN)
    points = tmp_path / "broken-1.dist-info"
    points.mkdir()
    (points / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (points / "entry_points.txt").write_text(
        "[trainingrun.environments]\nbroken = broken_environment:BROKEN\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ServeError, match=r"broken does not come to its first .* OSError: no board"):
        games_named("broken")


def test_a_game_that_breaks_down_says_why_to_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expect the move, and the game's own error on one line."""
    session = begun("-i -q")
    session.resume()
    session.resume("0")

    def break_down(game: TicTacToe, action: int) -> None:
        raise IndexError("no\nsquare")

    monkeypatch.setattr(TicTacToe, "apply", break_down)
    words = "tic_tac_toe failed in move 2: IndexError: no square"
    with pytest.raises(GameFailed, match=words):
        session.resume("1")


def test_without_the_package_there_is_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Expect the command that installs what is missing."""
    monkeypatch.delitem(sys.modules, "trainingrun_daemon.environment_games", raising=False)
    monkeypatch.setitem(sys.modules, "trainingrun_environments.names", None)
    with pytest.raises(ServeError, match=r"pip install 'trainingrun-daemon\[environments\]'"):
        make_games(options())


def test_decks_are_not_looked_for() -> None:
    """Expect the folder of decks, which the image names, to be of no account."""
    options().check()


def test_a_daemon_of_magic_loads_neither_numpy_nor_environments() -> None:
    """Expect what it costs in memory to be paid by those who ask for it."""
    code = (
        "import sys, trainingrun_daemon.__main__, trainingrun_daemon.worker;"
        "print([n for n in ('numpy', 'trainingrun_environments') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
