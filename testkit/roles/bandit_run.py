"""The run that the learner's tests train: small, publishing after every update."""

from __future__ import annotations

from trainingrun_contracts.reports import Intent
from trainingrun_contracts.run_config import (
    CheckpointConfig,
    LearnerConfig,
    PpoConfig,
    RunConfig,
)

from testkit.roles.learner_process import Bandit
from testkit.waiting import until

BATCH = 512


def bandit_config(storage: str, *, endpoint_url: str | None = None) -> RunConfig:
    """Its configuration, with checkpoints in the given storage."""
    return RunConfig(
        run="bandit",
        run_id="bandit-1",
        seed=7,
        games=1000,
        decks=("a", "b"),
        checkpoint=CheckpointConfig(storage=storage, endpoint_url=endpoint_url),
        learner=LearnerConfig(
            batch_transitions=BATCH,
            publish_every_steps=1,
            ppo=PpoConfig(learning_rate=3e-3),
        ),
    )


def wait_for_weights(bandit: Bandit, *, version: int = 0) -> None:
    """Wait until weights of at least this version are published."""

    def is_there() -> bool:
        found = bandit.newest_weights()
        return found is not None and found[0].version >= version

    until(is_there, seconds=120, what=f"weights of version {version}")


def train(bandit: Bandit, updates: int) -> None:
    """Produce batch after batch, each played with the weights of the update before."""
    for _ in range(updates):
        found = bandit.newest_weights()
        assert found is not None
        bandit.produce(BATCH // bandit.steps)
        wait_for_weights(bandit, version=found[0].version + 1)


def set_intent(bandit: Bandit, intent: Intent) -> None:
    """Say what the run should do."""
    bandit.client.set(bandit.keys.intent, intent.value)
