"""The evaluator plays frozen weights against the scripted opponents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from actor_bed import Bed, actor_bed, config, has_traceback
from redis_server import RedisServer
from trainingrun_contracts.reports import Evaluation, EvaluatorReport, Intent, evaluations_from
from trainingrun_contracts.run_config import EvaluationConfig
from waiting import until

SMALL = config(evaluation=EvaluationConfig(every_games=50, games=10))


@pytest.fixture
def bed(tmp_path: Path, redis_server: RedisServer) -> Iterator[Bed]:
    """A bed with one published daemon and weights of version 0."""
    with actor_bed(tmp_path, redis_server) as made:
        _, endpoint = made.start_daemon()
        made.publish_daemons(endpoint)
        made.publish_weights()
        yield made


def test_it_begins_with_the_untrained_policy(bed: Bed) -> None:
    """Version 0 gets a result against every opponent; untrained weights lose to the attacker."""
    evaluator = bed.start_role("evaluate", SMALL)
    until(lambda: len(results(bed)) == 2, seconds=120, what="both opponents were played")
    by_name = {result.opponent: result for result in results(bed)}
    assert set(by_name) == {"random", "aggressive"}
    for result in by_name.values():
        assert (result.version, result.games) == (0, 10)
        assert 0 <= result.low <= result.rate <= result.high <= 1
    assert by_name["aggressive"].rate <= 0.5
    assert evaluator.terminate(seconds=10) == 0
    assert bed.segments() == []  # evaluation never feeds training
    assert bed.games() == 0
    assert not has_traceback(evaluator.text)


def test_it_evaluates_again_after_enough_training_games(bed: Bed) -> None:
    """50 more training games make the next evaluation due; it is the same version's turn again
    only when there is a new version."""
    bed.start_role("evaluate", SMALL)
    until(lambda: len(results(bed)) == 2, seconds=120, what="the first evaluation")
    bed.publish_weights(version=1)
    with bed.redis as client:
        client.hset(bed.keys.games, "played", 60)
    until(lambda: len(results(bed)) == 4, seconds=120, what="the second evaluation")
    assert [(r.version, r.training_games) for r in results(bed)[2:]] == [(1, 60), (1, 60)]


def test_the_last_evaluation_ends_in_done(bed: Bed) -> None:
    """EVALUATE: the newest version is evaluated once against everybody, then the state is done."""
    bed.set_intent(Intent.DRAIN)
    bed.start_role("evaluate", SMALL)
    until(lambda: _state(bed) == "waiting", seconds=60, what="it waits while the run drains")
    bed.set_intent(Intent.EVALUATE)
    until(lambda: _state(bed) == "done", seconds=120, what="it is done")
    assert len(results(bed)) == 2


def test_a_drain_gives_a_running_evaluation_up(bed: Bed) -> None:
    """DRAIN frees the slots at once, and no result of a part of the games is written."""
    bed.set_intent(Intent.EVALUATE)  # a full evaluation: the first one under RUN is a short one
    bed.start_role("evaluate", config(evaluation=EvaluationConfig(games=5000)))
    until(lambda: _state(bed) == "playing", seconds=60, what="an evaluation runs")
    bed.set_intent(Intent.DRAIN)
    until(lambda: _state(bed) == "waiting", seconds=30, what="it was given up")
    report = bed.report(EvaluatorReport)
    assert report.running == 0
    assert results(bed) == ()


def results(bed: Bed) -> tuple[Evaluation, ...]:
    """All results so far."""
    with bed.redis as client:
        reply: list[bytes] = client.lrange(bed.keys.evaluations, 0, -1)  # type: ignore[assignment]
    return evaluations_from(reply)


def _state(bed: Bed) -> str:
    report = bed.report(EvaluatorReport)
    return report.state if report else ""
