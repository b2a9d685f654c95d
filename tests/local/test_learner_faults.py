"""What the learner does when the world around it fails: one behaviour per test, real processes."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from urllib.request import urlopen

from trainingrun_contracts.reports import Intent
from trainingrun_contracts.run_config import RunConfig

from testkit.ports import free_port
from testkit.roles.bandit_run import bandit_config, set_intent, train, wait_for_weights
from testkit.roles.learner_process import (
    Bandit,
    LearnerProcess,
    learner_process,
    learner_report,
    notice_reasons,
    read_ledger,
)
from testkit.servers.redis_server import RedisServer, start_redis
from testkit.waiting import until


def flush(bandit: Bandit, learner: LearnerProcess) -> None:
    """End the run in order, and see that its ledger closes."""
    set_intent(bandit, Intent.FLUSH)
    assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
    ledger = read_ledger(bandit.client, bandit.keys)
    assert ledger.closes, ledger


def sentence_of(learner: LearnerProcess) -> str:
    """What a learner that refused to start wrote last; it must not have shown a traceback."""
    text = learner.log.read_text()
    assert "Traceback" not in text
    return text.strip().splitlines()[-1]


def test_goes_on_after_redis_was_killed(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect training to continue where it was when Redis comes back with its data."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 2)
        bandit.client.execute_command("CONFIG", "SET", "appendfsync", "always")
        bandit.produce(5)
        redis_server.kill()
        redis_server.start()
        bandit.produce(11)
        wait_for_weights(bandit, version=3)
        flush(bandit, learner)
    assert read_ledger(bandit.client, bandit.keys).trained == bandit.produced
    assert "Traceback" not in learner.log.read_text()


def test_goes_on_after_redis_lost_its_data(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect the weights to be published again under the same epoch, and the ledger to close."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 2)
        redis_server.kill()
        redis_server.lose_data()
        redis_server.start()
        wait_for_weights(bandit, version=2)
        assert bandit.client.get(bandit.keys.epoch) == b"1"
        train(bandit, 1)
        flush(bandit, learner)
    assert "RedisLostData" in notice_reasons(bandit.client, bandit.keys)
    assert read_ledger(bandit.client, bandit.keys).trained == bandit.produced


def test_actors_are_not_held_back_by_a_depth_that_is_wrong(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect a learner that waits for the rest of a batch to count the queue anew, where entries
    that were cut from the stream are still in its depth."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        bandit.produce(1)
        bandit.client.incrby(bandit.keys.depth, 100_000)
        until(
            lambda: bandit.client.get(bandit.keys.depth) == str(bandit.steps).encode(),
            seconds=60,
            what="the depth is that of the entries in the stream",
        )
        flush(bandit, learner)
    assert "the queue's depth was" in learner.log.read_text()
    assert read_ledger(bandit.client, bandit.keys).trained == bandit.produced


def test_zombie_leaves(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect a learner to exit with 76 and one line when a newer one has taken the epoch."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        bandit.client.incr(bandit.keys.epoch)
        assert learner.exit_code(seconds=120) == 76
    assert "a newer learner has started" in sentence_of(learner)


def test_saves_when_stopped_without_redis(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect SIGTERM during an outage to save a checkpoint and exit with 75."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        redis_server.kill()
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
    assert (tmp_path / "checkpoints" / "bandit-0000000001" / "manifest.json").exists()
    assert "Traceback" not in learner.log.read_text()


def test_skips_a_corrupt_checkpoint(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect a damaged newest checkpoint to be passed over with a notice for an older one."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        for version in (1, 2):
            wait_for_weights(bandit)
            train(bandit, 1)
            learner.signal(signal.SIGTERM)
            assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
            if version == 1:
                learner.start()
                wait_for_learner(bandit, epoch=2)
        damaged = tmp_path / "checkpoints" / "bandit-0000000002" / "model.safetensors"
        damaged.write_bytes(damaged.read_bytes()[:-8] + bytes(8))
        learner.start()
        wait_for_learner(bandit, epoch=3)
        report = learner_report(bandit.client, bandit.keys)
        assert report is not None
        assert report.version == 1
        assert "CheckpointSkipped" in notice_reasons(bandit.client, bandit.keys)


def wait_for_learner(bandit: Bandit, *, epoch: int) -> None:
    """Wait until the learner of this epoch has reported."""

    def is_there() -> bool:
        report = learner_report(bandit.client, bandit.keys)
        return report is not None and report.epoch == epoch

    until(is_there, seconds=120, what=f"the learner of epoch {epoch}")


def test_wrong_password(config: RunConfig, tmp_path: Path) -> None:
    """Expect one sentence without the password, and exit code 2."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    with start_redis(folder) as server:
        url = f"redis://learner:wrong@{server.address}/0"
        with learner_process(config, url, tmp_path) as learner:
            assert learner.exit_code(seconds=120) == 2
    sentence = sentence_of(learner)
    assert "refused the password" in sentence
    assert "wrong" not in sentence


def test_unusable_storage(redis_server: RedisServer, bandit: Bandit, tmp_path: Path) -> None:
    """Expect one sentence, a notice and exit code 2 when the directory cannot be made."""
    (tmp_path / "file").write_text("in the way")
    config = bandit_config((tmp_path / "file" / "checkpoints").as_uri())
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        assert learner.exit_code(seconds=120) == 2
    assert "checkpoint storage" in sentence_of(learner)
    assert notice_reasons(bandit.client, bandit.keys) == ["CheckpointStorageUnusable"]
    assert bandit.client.get(bandit.keys.epoch) is None


def test_occupied_metrics_port(
    redis_server: RedisServer, config: RunConfig, tmp_path: Path
) -> None:
    """Expect one sentence that names the port, and exit code 2."""
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with learner_process(
            config, redis_server.url_of("learner"), tmp_path, TRAININGRUN_METRICS_PORT=str(port)
        ) as learner:
            assert learner.exit_code(seconds=120) == 2
    assert f"metrics port {port}" in sentence_of(learner)


def test_metrics_tell_what_it_does(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect updates, transitions and losses on the metrics port, event files on disk, and a
    health file."""
    port = free_port()
    with learner_process(
        config, redis_server.url_of("learner"), tmp_path, TRAININGRUN_METRICS_PORT=str(port)
    ) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        with urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
            text = reply.read().decode()
        assert "trainingrun_updates_total 1.0" in text
        assert 'trainingrun_transitions_total{fate="trained"} 512.0' in text
        assert 'trainingrun_loss{term="value"}' in text
        flush(bandit, learner)
    assert (tmp_path / "health").exists()
    assert list((tmp_path / "checkpoints" / "tensorboard").glob("events.out.tfevents.*"))
