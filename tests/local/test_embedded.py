"""Games in the actor's own process: the same results as through a daemon, and the same life."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from trainingrun_contracts.environment_config import BuiltIn, EnvironmentConfig, OpenSpiel, Python
from trainingrun_contracts.reports import ActorReport, ActorState, EvaluatorReport, Intent
from trainingrun_contracts.run_config import (
    ActorConfig,
    DaemonConfig,
    EvaluationConfig,
    LearnerConfig,
    RunConfig,
    SelfPlayConfig,
    TapesConfig,
)
from trainingrun_contracts.segment import Segment
from trainingrun_environments.registry import environment_of
from trainingrun_protocol.commands import NO_SCENARIO

from testkit.roles.actor_bed import Bed, actor_bed, config, has_traceback
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

CONNECT_FOUR: Final = BuiltIn("connect_four")
KUHN: Final = OpenSpiel("kuhn_poker")
MIXED: Final = SelfPlayConfig(
    latest=0.4, past=0.3, scripted=0.3, scripted_players=("random", "engine")
)
_OF_THIS_PROCESS: Final = ("actor", "game_id", "created_at", "weights_sha256")
"""What a segment says of who made it and when; the file of the same weights differs in the order of
its header."""
UNLUCKY: Final = """
class Game:
    observation_shape = (1,)
    actions = 2

    def __init__(self, seed):
        self.seed, self.moves = seed, 0

    current_player = property(lambda self: self.moves % 2)
    is_terminal = property(lambda self: self.moves == self.length)
    returns = property(lambda self: (1.0, -1.0) if self.is_terminal else (0.0, 0.0))
    length = property(lambda self: 10**9 if self.seed % 3 == 1 else 8)

    def legal_actions(self):
        return [0, 1]

    def apply(self, action):
        if self.seed % 3 == 2 and self.moves == 4:
            raise RuntimeError("bad luck")
        self.moves += 1

    def observation(self, player):
        return [self.moves % 8]
"""


def settings(environment: EnvironmentConfig, **changes: Any) -> RunConfig:
    """A run of an environment, whose games are in the actor's process unless something else is
    said."""
    return config(
        environment=environment,
        decks=(NO_SCENARIO,),
        evaluation=EvaluationConfig(games=20, opponents=("random",)),
        **{"daemon": DaemonConfig(embedded=True), "self_play": MIXED, **changes},
    )


@pytest.fixture
def games_bed(tmp_path: Path, redis_server: RedisServer) -> Iterator[Bed]:
    """Weights for Connect Four, and no daemon."""
    with actor_bed(tmp_path, redis_server) as bed:
        bed.publish_weights(spec=environment_of(CONNECT_FOUR).spec)
        yield bed


def as_values(segment: Segment) -> tuple[object, ...]:
    """A segment but for who made it and when."""
    header = msgspec.structs.asdict(segment.header)
    said = {name: value for name, value in header.items() if name not in _OF_THIS_PROCESS}
    arrays = msgspec.structs.asdict(segment)
    del arrays["header"]
    return said, {
        name: None if array is None else (array.dtype.str, array.shape, array.tobytes())
        for name, array in arrays.items()
    }


@pytest.mark.parametrize("environment", [CONNECT_FOUR, KUHN], ids=["connect_four", "kuhn_poker"])
def test_the_segments_are_those_through_a_daemon(
    environment: EnvironmentConfig, tmp_path: Path, redis_server: RedisServer
) -> None:
    """Expect of a run in step, with games against the newest and past weights, random players and
    the engine's own, equal bytes of every array, and equal counters of games."""
    games = 40
    in_step = {"sync": True, "games": games, "actor": ActorConfig(games_per_actor=1)}
    found: list[tuple[Sequence[object], dict[str, int]]] = []
    for at, daemon in enumerate((DaemonConfig(embedded=True), DaemonConfig())):
        folder = tmp_path / str(at)
        folder.mkdir()
        with actor_bed(folder, redis_server) as bed:
            with bed.redis as client:
                client.flushall()
            bed.publish_weights(spec=environment_of(environment).spec)
            if not daemon.embedded:
                argument = msgspec.json.encode(environment).decode()
                _, endpoint = bed.start_daemon(environment=argument)
                bed.publish_daemons(endpoint)
            actor = bed.start_role("play", settings(environment, daemon=daemon, **in_step))
            until(lambda: bed.games() == games, seconds=120, what="all games are played")
            assert actor.terminate(seconds=30) == 0, actor.text
            bed.check_ledger()
            with bed.redis as client:
                counters: Any = client.hgetall(bed.keys.games)
            found.append(([as_values(each) for each in bed.segments()], counters))
    embedded, through_daemon = found
    assert len(embedded[0]) > games / 2
    assert embedded == through_daemon


def test_a_game_that_is_written_down_is_the_same_game(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    """Expect equal segments of a run in step whether its games are taped or not, and tapes."""
    found = []
    in_step = {"sync": True, "games": 12, "actor": ActorConfig(games_per_actor=1)}
    for folder in (tmp_path / "plain", tmp_path / "taped"):
        folder.mkdir()
        tapes = TapesConfig(str(folder / "tapes"), training_seconds=0)
        with actor_bed(folder, redis_server) as bed:
            with bed.redis as client:
                client.flushall()
            bed.publish_weights(spec=environment_of(CONNECT_FOUR).spec)
            is_taped = folder.name == "taped"
            run = settings(CONNECT_FOUR, tapes=tapes if is_taped else None, **in_step)
            actor = bed.start_role("play", run)
            until(lambda bed=bed: bed.games() == 12, seconds=90, what="12 games")  # type: ignore[misc]
            assert actor.terminate(seconds=30) == 0, actor.text
            found.append([as_values(each) for each in bed.segments()])
    assert found[0] == found[1]
    assert len(list((tmp_path / "taped" / "tapes").glob("training-*"))) >= 2


def test_many_games_fill_the_queue_and_the_ledger_closes(games_bed: Bed) -> None:
    """Expect games of all kinds of opponents to be played side by side, every segment to decode,
    the counts to add up, and no slot to be leased."""
    run = settings(CONNECT_FOUR, actor=ActorConfig(games_per_actor=32))
    actor = games_bed.start_role("play", run)
    until(lambda: games_bed.games() >= 300, seconds=120, what="300 games")
    assert actor.terminate(seconds=30) == 0
    totals = games_bed.check_ledger()
    assert (totals.lost, totals.spool, totals.duplicate) == (0, 0, 0)
    finals = {each.rewards[-1] for each in games_bed.segments() if each.header.terminated}
    assert {1.0, -1.0} <= finals <= {1.0, 0.0, -1.0}
    opponents = {each.header.opponent for each in games_bed.segments()}
    assert opponents >= {"latest", "past:0", "random", "engine"}
    assert games_bed.games("aborted") == 0
    with games_bed.redis as client:
        assert not list(client.scan_iter(f"{games_bed.keys.leases}*"))
    assert not has_traceback(actor.text)


def test_models_of_a_league_are_met_in_the_place_of_past_ones(games_bed: Bed) -> None:
    """Expect games against the one that the learner has put there, with its results counted; one
    whose bytes are gone is passed over for an own snapshot."""
    keys, number = games_bed.keys, 7
    shares = SelfPlayConfig(latest=0.0, past=1.0, scripted=0.0)
    with games_bed.redis as client:
        (name,) = client.zrange(keys.snapshots, 0, 0)
        weights: Any = client.get(keys.blob(name.decode()))
        sha256 = hashlib.sha256(weights).hexdigest()
        client.set(keys.league_blob(sha256), weights)
        client.zadd(keys.league_pool, {sha256: number, "f" * 64: 8})
    actor = games_bed.start_role("play", settings(CONNECT_FOUR, self_play=shares))
    until(lambda: games_bed.games() >= 60, seconds=120, what="60 games")
    assert actor.terminate(seconds=30) == 0
    counted = [games_bed.games(f"league:7:{result}") for result in ("won", "drawn", "lost")]
    assert sum(counted) > 0
    assert {each.header.opponent for each in games_bed.segments()} == {"league:7", "past:0"}
    assert not has_traceback(actor.text)


def test_exactly_the_target_is_played(games_bed: Bed) -> None:
    """Expect two actors with many games each to play no game more than the run has."""
    run = settings(CONNECT_FOUR, games=77, actor=ActorConfig(games_per_actor=16))
    for _ in range(2):
        games_bed.start_role("play", run)
    until(lambda: games_bed.games() == 77, seconds=90, what="all games are played")
    with games_bed.redis as client:
        assert client.hget(games_bed.keys.games, "started") == b"77"
        assert client.zcount(games_bed.keys.open_games, "(0", "+inf") == 0
    games_bed.check_ledger()


def test_a_full_queue_holds_back_new_games(games_bed: Bed) -> None:
    """Expect the actor to pause at two batches, give or take the games that were open."""
    batch = 500
    run = settings(
        CONNECT_FOUR,
        learner=LearnerConfig(batch_transitions=batch),
        actor=ActorConfig(games_per_actor=8),
    )
    games_bed.start_role("play", run)
    until(
        lambda: (found := games_bed.report(ActorReport)) and found.state is ActorState.PAUSED,
        seconds=90,
        what="it pauses",
    )
    depth = sum(each.transitions for each in games_bed.segments())
    assert 2 * batch <= depth < 2 * batch + 3 * 8 * 42


def test_a_drained_run_ends_its_games(games_bed: Bed) -> None:
    """Expect all open games to end when the run is to be drained, and to go on afterwards."""
    actor = games_bed.start_role(
        "play", settings(CONNECT_FOUR, actor=ActorConfig(games_per_actor=16))
    )
    until(lambda: games_bed.games() >= 50, seconds=90, what="50 games")
    games_bed.set_intent(Intent.DRAIN)
    until(
        lambda: (found := games_bed.report(ActorReport)) and found.state is ActorState.DRAINED,
        seconds=60,
        what="it is drained",
    )
    played = games_bed.games()
    with games_bed.redis as client:  # what was given up has the score 0
        assert client.zcount(games_bed.keys.open_games, "(0", "+inf") == 0
    games_bed.set_intent(Intent.RUN)
    until(lambda: games_bed.games() >= played + 50, seconds=60, what="it plays again")
    assert actor.popen.poll() is None


def test_an_evaluator_plays_without_daemons(games_bed: Bed) -> None:
    """Expect a result against the random player."""
    games_bed.start_role("evaluate", settings(CONNECT_FOUR))

    def has_result() -> bool:
        with games_bed.redis as client:
            return bool(client.exists(games_bed.keys.evaluations))

    until(has_result, seconds=90, what="a result")
    until(
        lambda: (found := games_bed.report(EvaluatorReport)) and found.games >= 20,
        seconds=30,
        what="its report counts the games",
    )


def test_a_game_that_fails_and_one_without_end_cost_themselves_alone(
    tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expect a third of the games to be aborted, a third to be draws by the clock, the others to be
    won, and the actor to live."""
    (tmp_path / "unlucky.py").write_text(UNLUCKY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    environment = Python("unlucky:Game")
    run = settings(
        environment,
        daemon=DaemonConfig(embedded=True, game_timeout_seconds=1),
        actor=ActorConfig(games_per_actor=6),
    )
    with actor_bed(tmp_path, redis_server) as bed:
        bed.publish_weights(spec=environment_of(environment).spec)
        actor = bed.start_role("play", run)
        for name in ("aborted", "timeouts", "seat1"):
            until(lambda name=name: bed.games(name) >= 3, seconds=120, what=name)  # type: ignore[misc]
        assert actor.terminate(seconds=30) == 0
        bed.check_ledger()
        assert "unlucky:Game failed in move 5: RuntimeError: bad luck" in actor.text
        assert not has_traceback(actor.text)


def test_an_actor_that_is_killed_leaves_its_numbers_to_others(games_bed: Bed) -> None:
    """Expect the games of a killed actor to be played by another, and the count to be exact."""
    run = settings(CONNECT_FOUR, games=600, actor=ActorConfig(games_per_actor=8))
    first = games_bed.start_role("play", run)
    until(lambda: games_bed.games() >= 30, seconds=90, what="30 games")
    first.popen.send_signal(signal.SIGKILL)
    games_bed.start_role("play", run)
    until(lambda: games_bed.games() == 600, seconds=120, what="all games are played")


def test_magic_is_refused_with_a_sentence(bed: Bed) -> None:
    """Expect code 2 and what to do, and no traceback."""
    actor = bed.start_role("play", config(daemon=DaemonConfig(embedded=True)))
    assert actor.popen.wait(timeout=60) == 2
    assert "'magic' has no games that live in this process" in actor.text
    assert not has_traceback(actor.text)
