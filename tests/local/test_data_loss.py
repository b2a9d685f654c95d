"""Redis loses its data: nothing that the weights know is trained again, and the ledger closes."""

from __future__ import annotations

import signal
from pathlib import Path

from trainingrun_contracts.reports import Intent
from trainingrun_contracts.run_config import RunConfig
from trainingrun_contracts.segment import Segment

from testkit.roles.bandit_run import BATCH, set_intent, train, wait_for_weights
from testkit.roles.learner_process import Bandit, learner_process, read_ledger
from testkit.servers.redis_server import RedisServer
from testkit.waiting import until

PER_BATCH = BATCH // 32


def lose_everything(server: RedisServer) -> None:
    """kill -9, and the disk is gone, too."""
    server.kill()
    server.lose_data()
    server.start()


def batch_of(bandit: Bandit) -> list[Segment]:
    """One batch of segments, appended."""
    made = []
    for _ in range(PER_BATCH):
        made.append(bandit.segment())
        bandit.append(made[-1])
    return made


def wait_for_trained(bandit: Bandit, transitions: int) -> None:
    """Wait until the ledger says this many."""
    until(
        lambda: read_ledger(bandit.client, bandit.keys).trained == transitions,
        seconds=60,
        what=f"{transitions} are trained",
    )


def test_a_restarted_learner_knows_from_its_checkpoint_what_it_has_trained(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect segments that are in the checkpoint's weights, and that their actor sends again after
    Redis and the learner have gone, to be duplicates; those after them to be trained."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        again = batch_of(bandit)
        wait_for_trained(bandit, 2 * BATCH)
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
        lose_everything(redis_server)
        learner.start()
        wait_for_weights(bandit, version=2)
        for segment in again:
            bandit.append(segment)
        train(bandit, 1)
        set_intent(bandit, Intent.FLUSH)
        assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
    ledger = read_ledger(bandit.client, bandit.keys)
    assert ledger.closes, ledger
    assert (ledger.trained, ledger.dropped["duplicate"]) == (3 * BATCH, BATCH)
    assert (ledger.lost, ledger.produced) == (0, 4 * BATCH)


def test_work_after_the_checkpoint_is_lost_and_counted(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect what was trained after the checkpoint, with a learner that was killed, to be lost, to
    the transition, as neither the weights nor Redis know it."""
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        learner.signal(signal.SIGTERM)
        assert learner.exit_code(seconds=120) == 75, learner.log.read_text()
        learner.start()
        wait_for_weights(bandit, version=1)
        batch_of(bandit)
        wait_for_trained(bandit, 2 * BATCH)
        learner.kill()
        lose_everything(redis_server)
        learner.start()
        wait_for_weights(bandit, version=1)
        train(bandit, 1)
        set_intent(bandit, Intent.FLUSH)
        assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
    ledger = read_ledger(bandit.client, bandit.keys)
    assert ledger.closes, ledger
    assert (ledger.trained, ledger.lost) == (2 * BATCH, BATCH)


def test_actors_that_are_gone_stay_in_the_ledger(
    redis_server: RedisServer, bandit: Bandit, config: RunConfig, tmp_path: Path
) -> None:
    """Expect the learner to say again what an actor had produced that no longer lives."""
    other = Bandit(bandit.client, config.run_id, actor="bandit-b", seed=1)
    with learner_process(config, redis_server.url_of("learner"), tmp_path) as learner:
        wait_for_weights(bandit)
        train(bandit, 1)
        lose_everything(redis_server)
        wait_for_weights(bandit, version=1)
        train(other, 1)
        set_intent(bandit, Intent.FLUSH)
        assert learner.exit_code(seconds=120) == 0, learner.log.read_text()
    ledger = read_ledger(bandit.client, bandit.keys)
    assert ledger.closes, ledger
    assert (ledger.produced, ledger.trained) == (2 * BATCH, 2 * BATCH)
