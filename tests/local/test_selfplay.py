"""Self-play processes around a real Redis: games arrive whole, are counted once, and go on."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pytest
from trainingrun_contracts.alphazero_config import AlphaZeroConfig, SearchConfig
from trainingrun_contracts.environment_config import BuiltIn, Magic, OpenSpiel, Python
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.reports import ActorReport, ActorState, Intent
from trainingrun_contracts.run_config import ActorConfig, LearnerConfig, RunConfig
from trainingrun_environments.registry import games_of

from testkit.ports import free_port
from testkit.roles.actor_bed import Bed, actor_bed, config, has_traceback
from testkit.roles.inference_bed import inference_bed
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

TIC_TAC_TOE: Final = BuiltIn("tic_tac_toe")
SPEC: Final = games_of(TIC_TAC_TOE).spec
NETWORK: Final = Network("mlp", width=32, layers=1)
_CLASS: Final = """
class Game:
    observation_shape = (2,)
    actions = 2

    def __init__(self, seed):
        self.seed, self.moves = seed, 0

    current_player = property(lambda self: self.moves % 2)
    is_terminal = property(lambda self: self.moves == 8)
    returns = property(lambda self: (1.0, -1.0) if self.is_terminal else (0.0, 0.0))

    def legal_actions(self):
        return [0, 1]

    def observation(self, player):
        return [self.moves / 8, player]
"""
NO_CLONE: Final = (
    _CLASS
    + """
    def apply(self, action):
        self.moves += 1
"""
)
UNLUCKY: Final = (
    _CLASS
    + """
    def apply(self, action):
        if self.seed % 5 == 2 and self.moves == 4:
            raise RuntimeError("bad luck")
        self.moves += 1

    def clone(self):
        found = Game(self.seed)
        found.moves = self.moves
        return found
"""
)


def settings(**changes: Any) -> RunConfig:
    """A run of tic-tac-toe with a small network."""
    values: dict[str, Any] = {
        "environment": TIC_TAC_TOE,
        "decks": ("",),
        "actor": ActorConfig(games_per_actor=8),
        "learner": LearnerConfig(batch_transitions=1_000_000, network=NETWORK),
        "alpha_zero": AlphaZeroConfig(search=SearchConfig(simulations=16)),
    }
    return config(**{**values, **changes})


@pytest.fixture
def bed(tmp_path: Path, redis_server: RedisServer) -> Iterator[Bed]:
    """Weights for tic-tac-toe."""
    with actor_bed(tmp_path, redis_server) as found:
        found.publish_board(NETWORK, SPEC)
        yield found


def test_games_fill_the_queue_and_the_ledger_closes(bed: Bed) -> None:
    """Expect every game with the moves of both seats, each by the rules, with targets, and counts
    that add up.
    """
    process = bed.start_role("selfplay", settings())
    until(lambda: bed.games() >= 200, seconds=120, what="200 games")
    assert process.terminate(seconds=60) == 0, process.text
    assert not has_traceback(process.text)
    totals = bed.check_ledger()
    assert (totals.lost, totals.spool, totals.duplicate) == (0, 0, 0)
    segments = bed.segments()
    games = Counter(each.header.game_id for each in segments)
    assert len(games) == bed.games()
    assert set(games.values()) == {2}
    for each in segments:
        assert each.targets is not None
        assert each.header.terminated
        assert set(each.publishes.tolist()) == {0}
        assert (each.targets.outcomes == each.rewards[-1]).all()
        assert np.isfinite(each.log_probs).all()
    ends = bed.games("seat1"), bed.games("seat2"), bed.games("draws")
    assert sum(ends) == bed.games()
    assert ends[0] > ends[1] > 0


def test_new_weights_are_used_and_broken_ones_are_not(bed: Bed) -> None:
    """Expect the moves of newer weights to bear their number, and none those of weights that are
    not finite, or whose answers are not; somebody hears of both.
    """
    process = bed.start_role("selfplay", settings())
    until(lambda: bed.games() >= 20, seconds=90, what="games of the first weights")
    bed.publish_board(NETWORK, SPEC, version=1)
    until(lambda: 1 in _publishes(bed), seconds=60, what="games of the second weights")
    bed.publish_board(NETWORK, SPEC, version=2, scale=float("nan"))
    until(lambda: "holds a number that is not finite" in _notices(bed), seconds=30, what="a notice")
    bed.publish_board(NETWORK, SPEC, version=3, scale=1e20)  # finite, and its answers are not
    until(lambda: "publication 3" in _notices(bed), seconds=30, what="another notice")
    played = bed.games()
    until(lambda: bed.games() >= played + 20, seconds=60, what="it plays on")
    bed.publish_board(NETWORK, SPEC, version=4)
    until(lambda: 4 in _publishes(bed), seconds=60, what="games of the next weights")
    assert _publishes(bed) == {0, 1, 4}
    assert process.popen.poll() is None
    assert not has_traceback(process.text)


def test_a_process_waits_for_its_first_weights(tmp_path: Path, redis_server: RedisServer) -> None:
    """Expect no game before there are weights, and games from then on."""
    with actor_bed(tmp_path, redis_server) as bed:
        bed.start_role("selfplay", settings())
        until(lambda: _state(bed) is ActorState.WAITING, seconds=60, what="it waits")
        with bed.redis as client:
            assert not client.exists(bed.keys.open_games)
        bed.publish_board(NETWORK, SPEC)
        until(lambda: bed.games() >= 10, seconds=60, what="it plays")


def test_a_drained_run_ends_its_games(bed: Bed) -> None:
    """Expect all open games to end when the run is to be drained, and new ones afterwards."""
    process = bed.start_role("selfplay", settings())
    until(lambda: bed.games() >= 20, seconds=90, what="20 games")
    bed.set_intent(Intent.DRAIN)
    until(lambda: _state(bed) is ActorState.DRAINED, seconds=60, what="it is drained")
    played = bed.games()
    with bed.redis as client:
        assert client.zcount(bed.keys.open_games, "(0", "+inf") == 0
    assert bed.games("aborted") == 0
    assert len({each.header.game_id for each in bed.segments()}) == played
    bed.set_intent(Intent.RUN)
    until(lambda: bed.games() >= played + 20, seconds=60, what="it plays again")
    assert process.popen.poll() is None


def test_a_full_queue_holds_back_new_games(bed: Bed) -> None:
    """Expect a pause at two batches, give or take the games that were open."""
    batch, slots = 300, 8
    learner = LearnerConfig(batch_transitions=batch, network=NETWORK)
    bed.start_role("selfplay", settings(learner=learner))
    until(lambda: _state(bed) is ActorState.PAUSED, seconds=90, what="it pauses")
    until(lambda: bed.report(ActorReport).running == 0, seconds=60, what="its games have ended")
    depth = sum(each.transitions for each in bed.segments())
    assert 2 * batch <= depth < 2 * batch + 3 * slots * 9
    with bed.redis as client:
        client.set(bed.keys.depth, 0)
    played = bed.games()
    until(lambda: bed.games() >= played + 10, seconds=60, what="it plays again")


def test_exactly_the_target_is_played(bed: Bed) -> None:
    """Expect two processes to play no game more than the run has."""
    for _ in range(2):
        bed.start_role("selfplay", settings(games=77))
    until(lambda: bed.games() == 77, seconds=90, what="all games are played")
    until(lambda: _state(bed) is ActorState.DRAINED, seconds=30, what="they are done")
    assert len({each.header.game_id for each in bed.segments()}) == 77
    bed.check_ledger()


def test_a_killed_process_loses_no_game_that_counts(bed: Bed) -> None:
    """Expect after kill -9, five times, that every game that counts has the moves of both seats in
    the queue, and that nobody waits for what the dead had open.
    """
    run = settings(actor=ActorConfig(games_per_actor=32))
    for _ in range(5):
        played = bed.games()
        process = bed.start_role("selfplay", run)
        until(lambda played=played: bed.games() >= played + 40, seconds=90, what="40 games")  # type: ignore[misc]
        process.kill()
        moves: Counter[str] = Counter()
        for each in bed.segments():
            moves[each.header.game_id] += each.transitions
        assert len(moves) == bed.games()
        assert min(moves.values()) >= 5  # the shortest game that somebody wins
    assert bed.check_ledger().lost == 0


def test_games_that_are_given_up_leave_nothing(bed: Bed) -> None:
    """Expect SIGTERM with no time for games to end them uncounted, their numbers free."""
    slow = AlphaZeroConfig(search=SearchConfig(simulations=20_000, method="puct", leaves=1))
    run = settings(alpha_zero=slow, actor=ActorConfig(games_per_actor=16, stop_seconds=0))
    process = bed.start_role("selfplay", run)
    until(
        lambda: (found := bed.report(ActorReport)) and found.running == 16,
        seconds=90,
        what="all games run",
    )
    assert process.terminate(seconds=60) == 0
    with bed.redis as client:
        assert client.zcount(bed.keys.open_games, "(0", "+inf") == 0
    games = {each.header.game_id for each in bed.segments()}
    assert len(games) == bed.games()
    assert bed.games("aborted") > 0
    assert not has_traceback(process.text)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"environment": Magic()}, "needs games that it can search"),
        ({"environment": OpenSpiel("kuhn_poker")}, "hidden information"),
        ({"environment": Python("no_clone:Game")}, "its games cannot be cloned"),
        (
            {"environment": OpenSpiel("nim"), "learner": LearnerConfig(network=Network("resnet"))},
            "take kind mlp",
        ),
        (
            {"alpha_zero": AlphaZeroConfig(search=SearchConfig(method="gumbel", leaves=4))},
            "leaves is 4 with Gumbel search",
        ),
        ({"alpha_zero": None}, "trainingrun-actor play"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    """Expect exit code 2 and a sentence, and no game."""
    (bed.folder / "no_clone.py").write_text(NO_CLONE)
    monkeypatch.setenv("PYTHONPATH", str(bed.folder))
    process = bed.start_role("selfplay", settings(**changes))
    assert process.popen.wait(timeout=60) == 2, process.text
    assert words in process.text
    assert not has_traceback(process.text)


def test_a_game_that_fails_is_given_up_and_said(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expect a class of the user's that fails now and then to leave whole games alone, a notice,
    and a process that lives.
    """
    (bed.folder / "unlucky.py").write_text(UNLUCKY)
    monkeypatch.setenv("PYTHONPATH", str(bed.folder))
    monkeypatch.syspath_prepend(str(bed.folder))
    environment = Python("unlucky:Game")
    bed.publish_board(NETWORK, games_of(environment).spec, version=1)
    run = settings(environment=environment, actor=ActorConfig(games_per_actor=1))
    process = bed.start_role("selfplay", run)
    until(lambda: bed.games() >= 5 and bed.games("aborted") >= 1, seconds=120, what="both")
    assert "RuntimeError: bad luck" in _notices(bed)
    assert {each.header.seed % 5 == 2 for each in bed.segments()} == {False}
    assert process.popen.poll() is None
    assert not has_traceback(process.text)


def test_servers_are_asked_and_missed_without_harm(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    """Expect positions from an inference server, from the process itself once that is killed, and
    from the server that takes its place; games go on all the time.
    """
    with (
        inference_bed(tmp_path, redis_server) as servers,
        actor_bed(tmp_path, redis_server) as bed,
    ):
        bed.keys = servers.keys
        servers.publish(1)
        server = servers.start_server()
        servers.wait_for(publish=1)
        run = msgspec.structs.replace(servers.config, actor=ActorConfig(games_per_actor=8))
        port = free_port()
        process = bed.start_role("selfplay", run, metrics_port=port)

        def valued(by: str) -> float:
            return _sample(port, f'trainingrun_search_positions_total{{by="{by}"}}')

        until(lambda: bed.games() >= 5 and valued("server") > 0, seconds=120, what="5 games")
        server.kill()
        until(lambda: valued("network") > 0, seconds=60, what="it values positions itself")
        played, answered = bed.games(), valued("server")
        until(lambda: bed.games() >= played + 5, seconds=120, what="it plays on")
        servers.start_server()
        until(lambda: valued("server") > answered, seconds=120, what="it asks the next server")
        assert process.terminate(seconds=60) == 0
        assert not has_traceback(process.text)
        assert _publishes(bed) == {1}


def _sample(port: int, name: str) -> float:
    """A metric's value; 0 while nobody answers or it has none."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except (urllib.error.URLError, OSError):
        return 0.0
    return next((float(line.split()[-1]) for line in lines if line.startswith(f"{name} ")), 0.0)


def _publishes(bed: Bed) -> set[int]:
    return {number for each in bed.segments() for number in each.publishes.tolist()}


def _notices(bed: Bed) -> str:
    with bed.redis as client:
        found: Any = client.lrange(bed.keys.notices, 0, -1)
    return " ".join(each.decode() for each in found)


def _state(bed: Bed) -> ActorState | None:
    report = bed.report(ActorReport)
    return report.state if report else None
