"""The event files of a real learner hold the curves that people watch."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import redis
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from trainingrun_contracts.reports import Evaluation, queue_evaluation

from testkit.roles.bandit_run import bandit_config, train, wait_for_weights
from testkit.roles.learner_process import Bandit, learner_process
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

PROMISED = {
    "loss/policy",
    "loss/value",
    "loss/entropy",
    "loss/kl",
    "queue/policy_lag",
    "queue/policy_lag_p95",
    "queue/transitions",
    "throughput/transitions_per_second",
    "wait/data",
    "wait/compute",
    "wait/publish",
    "wait/checkpoint",
    "progress/transitions",
    "progress/games",
    "optimiser/learning_rate",
    "evaluation_win_rate/random",
    "evaluation_elo/random",
    "train/approx_kl",
    "train/clip_fraction",
    "rollout/ep_len_mean",
    "rollout/ep_rew_mean",
}


def test_a_learner_writes_every_curve(
    redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    """A point for each update; an evaluation that was stored meanwhile stands at its version."""
    config = bandit_config((tmp_path / "checkpoints").as_uri())
    bandit = Bandit(redis_client, config.run_id)
    folder = tmp_path / "checkpoints" / "tensorboard"
    result = Evaluation(
        at=time.time(),
        version=1,
        training_games=0,
        opponent="random",
        games=10,
        wins=5,
        draws=0,
        rate=0.5,
        low=0.2,
        high=0.8,
        elo=12.0,
    )
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        queue_evaluation(redis_client, bandit.keys.evaluations, result)
        updates = 0

        def has_evaluation() -> bool:
            nonlocal updates
            train(bandit, 1)
            updates += 1
            return "evaluation_win_rate/random" in _read(folder).Tags()["scalars"]

        until(has_evaluation, seconds=60, what="the evaluation in the event files", every=0.5)
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=60) == 75, learner.log.read_text()
    read = _read(folder)
    assert set(read.Tags()["scalars"]) >= PROMISED
    assert [each.step for each in read.Scalars("loss/policy")] == list(range(1, updates + 1))
    (evaluated,) = read.Scalars("evaluation_elo/random")
    assert (evaluated.step, evaluated.value) == (1, 12.0)
    assert {each.value for each in read.Scalars("rollout/ep_len_mean")} == {bandit.steps}
    assert set(read.PluginTagToContent("hparams")) == {"_hparams_/session_start_info"}


def test_no_update_is_drawn_twice_after_a_resume(
    redis_server: RedisServer, redis_client: redis.Redis, tmp_path: Path
) -> None:
    """Expect the points of updates that a killed learner had not saved to make place for those of
    its successor, which makes them again."""
    config = bandit_config((tmp_path / "checkpoints").as_uri())
    bandit = Bandit(redis_client, config.run_id)
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 2)
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=60) == 75, learner.log.read_text()
        learner.start()
        wait_for_weights(bandit, version=2)
        train(bandit, 2)
        learner.kill()
        redis_client.delete(bandit.keys.weights)
        learner.start()
        wait_for_weights(bandit, version=2)
        train(bandit, 1)
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=60) == 75, learner.log.read_text()
    read = _read(tmp_path / "checkpoints" / "tensorboard")
    assert [each.step for each in read.Scalars("loss/policy")] == [1, 2, 3]


def _read(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()
