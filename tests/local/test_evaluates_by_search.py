"""The evaluator of a run of AlphaZero searches; that of PPO meets opponents that search."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trainingrun_contracts.alphazero_config import AlphaZeroConfig, SearchConfig
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.reports import (
    Evaluation,
    EvaluatorReport,
    GateVerdict,
    Intent,
    champion_from,
    evaluations_from,
)
from trainingrun_contracts.run_config import (
    DaemonConfig,
    EvaluationConfig,
    GateConfig,
    RunConfig,
    SelfPlayConfig,
    TapesConfig,
)
from trainingrun_environments.registry import spec_of
from trainingrun_protocol.generic import GenericChoice
from trainingrun_protocol.tapes import TapeEnd, TapeStart, decode_entry

from testkit.roles.actor_bed import Bed, actor_bed, config, has_traceback
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

GAME = BuiltIn("tic_tac_toe")
SPEC = spec_of(GAME)
NETWORK = Network("mlp", 32, 1)
SEARCH = AlphaZeroConfig(search=SearchConfig(simulations=30))
ALONE = SelfPlayConfig(scripted=0.0)
SECONDS = 240
"""Until a result: what searches is compiled first, on a machine that has not done so before."""


@pytest.fixture
def board(tmp_path: Path, redis_server: RedisServer) -> Iterator[Bed]:
    """A run without daemons, with weights of version 0 of AlphaZero's network."""
    with actor_bed(tmp_path, redis_server) as made:
        made.publish_board(NETWORK, SPEC)
        yield made


def searched(*opponents: str, games: int = 12, **changes: Any) -> RunConfig:
    """A run of AlphaZero that evaluates against these."""
    evaluation = changes.pop("evaluation", EvaluationConfig(games=games, opponents=opponents))
    return config(environment=GAME, decks=(), alpha_zero=SEARCH, evaluation=evaluation, **changes)


def test_it_measures_the_policy_with_its_search(board: Bed) -> None:
    """Expect results against the random player, whom a search beats, and against searches; and no
    training data."""
    board.set_intent(Intent.EVALUATE)
    evaluator = board.start_role("evaluate", searched("random", "mcts-10", "openspiel-mcts-10"))
    until(lambda: _state(board) == "done", seconds=SECONDS, what="both were met")
    by_name = {result.opponent: result for result in results(board)}
    assert set(by_name) == {"random", "mcts-10", "openspiel-mcts-10"}
    for name, result in by_name.items():
        assert (result.version, result.games) == (0, 12)
        assert {row.opponent for row in result.results} == {name}
        assert result.anchor == "random"
    assert by_name["random"].rate > 0.6
    assert by_name["random"].wins < 12 or by_name["mcts-10"].wins < 12
    assert board.segments() == []
    assert evaluator.terminate(seconds=20) == 0
    assert not has_traceback(evaluator.text)


def test_past_selves_search_as_the_policy_does(board: Bed) -> None:
    """Expect the raw results to name the versions that were met."""
    for version in (1, 2):
        board.publish_board(NETWORK, SPEC, version=version)
    board.set_intent(Intent.EVALUATE)
    board.start_role("evaluate", searched("past", games=8))
    until(lambda: _state(board) == "done", seconds=SECONDS, what="past selves were met")
    (result,) = results(board)
    assert (result.version, result.games) == (2, 8)
    assert {row.opponent for row in result.results} == {"v0", "v1"}


def test_the_gate_tests_the_search(board: Bed) -> None:
    """Expect the first weights to be the champion and later ones to need proof."""
    gated = EvaluationConfig(games=4, opponents=("random",), gate=GateConfig(games=8))
    board.set_intent(Intent.EVALUATE)
    board.start_role("evaluate", searched(evaluation=gated))
    until(lambda: _champion(board) == 0, seconds=SECONDS, what="there is a champion")
    board.publish_board(NETWORK, SPEC, version=1)
    until(lambda: len(results(board)) == 3, seconds=SECONDS, what="it was challenged")
    last = results(board)[-1]
    assert (last.opponent, last.version) == ("champion", 1)
    assert last.gate is not None
    assert (last.gate.verdict, last.gate.pairs, last.games) == (GateVerdict.KEEP, 4, 8)
    assert _champion(board) == 0


def test_the_first_game_is_written_down(board: Bed) -> None:
    """Expect a tape of a whole game, in which the players are named and each move was possible."""
    folder = board.folder / "tapes"
    board.set_intent(Intent.EVALUATE)
    taped = searched("mcts-10", games=2, tapes=TapesConfig(str(folder)))
    board.start_role("evaluate", taped)
    until(lambda: _state(board) == "done", seconds=SECONDS, what="the games are played")
    (path,) = folder.glob("evaluation-*.jsonl")
    start, *choices, end = [decode_entry(line) for line in path.read_bytes().splitlines()]
    assert isinstance(start, TapeStart)
    assert set(start.players) == {"policy, version 0, 30 simulations a move", "mcts-10"}
    assert isinstance(end, TapeEnd)
    assert end.result in {"won", "draw"}
    moves = [each for each in choices if isinstance(each, GenericChoice)]
    assert len(moves) == len(choices) >= 5
    assert all(each.chosen is not None for each in moves)


def test_a_drain_gives_it_up_and_the_process_stays_quick(board: Bed) -> None:
    """Expect an evaluation that would take hours to be left soon, without a result."""
    board.set_intent(Intent.EVALUATE)
    evaluator = board.start_role("evaluate", searched("mcts-2000", games=100_000))
    until(lambda: _running(board) > 0, seconds=SECONDS, what="games run")
    board.set_intent(Intent.DRAIN)
    until(lambda: _state(board) == "waiting", seconds=60, what="it was given up")
    assert results(board) == ()
    assert _running(board) == 0
    assert evaluator.terminate(seconds=20) == 0


def test_a_policy_of_ppo_meets_searches_too(board: Bed) -> None:
    """Expect its likeliest actions to be played against a search, and the others as ever."""
    board.publish_weights(version=1, spec=SPEC)
    board.set_intent(Intent.EVALUATE)
    opponents = EvaluationConfig(games=6, opponents=("random", "mcts-10"))
    run = config(
        environment=GAME,
        decks=("-",),
        evaluation=opponents,
        daemon=DaemonConfig(embedded=True),
        self_play=ALONE,
    )
    board.start_role("evaluate", run)
    until(lambda: _state(board) == "done", seconds=SECONDS, what="both were met")
    assert {(each.opponent, each.games) for each in results(board)} == {
        ("random", 6),
        ("mcts-10", 6),
    }


@pytest.mark.parametrize(
    ("environment", "opponent", "sentence"),
    [
        (BuiltIn("magic"), "mcts-10", "cannot be searched: its games cannot be cloned"),
        (GAME, "mcts-999999", "searches make 1 to 100000 simulations a move"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    board: Bed, environment: BuiltIn, opponent: str, sentence: str
) -> None:
    """Expect one sentence, and exit code 2."""
    opponents = EvaluationConfig(opponents=(opponent,))
    run = config(environment=environment, evaluation=opponents, self_play=ALONE)
    evaluator = board.start_role("evaluate", run)
    assert evaluator.popen.wait(timeout=60) == 2
    assert sentence in evaluator.text.splitlines()[-1]
    assert not has_traceback(evaluator.text)


def results(bed: Bed) -> tuple[Evaluation, ...]:
    """All results so far."""
    with bed.redis as client:
        reply: Any = client.lrange(bed.keys.evaluations, 0, -1)
    return evaluations_from(reply)


def _champion(bed: Bed) -> int | None:
    with bed.redis as client:
        reply: Any = client.hget(bed.keys.champion, "champion")
    champion = champion_from(reply)
    return champion.version if champion is not None else None


def _state(bed: Bed) -> str:
    report = bed.report(EvaluatorReport)
    return report.state.value if report else ""


def _running(bed: Bed) -> int:
    report = bed.report(EvaluatorReport)
    return report.running if report else 0
