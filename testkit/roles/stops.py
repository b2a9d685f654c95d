"""A learner that saves all the time, stopped at random moments, over and over.

Rollouts come without pause from a producer in a thread of its own, and each counts as a game, so
that with ``intervalGames: 1`` a checkpoint is written after every update: a stop at a random moment
mostly falls into a write. After each stop the folder is read as the next learner would.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import msgspec
from trainingrun_contracts.reports import LearnerState
from trainingrun_contracts.run_config import RunConfig, encode
from trainingrun_trainer.checkpoint.archive import (
    CheckpointArchive,
    Entry,
    Found,
    Skipped,
    open_archive,
)
from trainingrun_trainer.checkpoint.manifest import CheckpointInvalid

from testkit.roles.bandit_run import bandit_config
from testkit.roles.learner_process import Bandit, fork_learner, learner_report
from testkit.waiting import until
from testkit.warm_program import WarmProcess

BATCH = 64
_QUEUED = 8
_PAUSE_SECONDS = 0.02
_GRACE_SECONDS = 120.0


class Stop(Enum):
    """A way to end a learner."""

    ORDERLY = "SIGTERM"
    TWICE = "SIGTERM twice"
    """The second one within a fifth of a second: the learner must leave what it is writing."""
    KILL = "SIGKILL"


@dataclass(frozen=True)
class Stopped:
    """What one stop left behind.

    ``resumed`` is the step that the learner had begun with, ``newest`` that of the newest valid
    checkpoint after its end; ``remains`` are folders of writes that were cut off, which no one sees
    and the next start clears.
    """

    way: Stop
    after: float
    code: int
    resumed: int
    newest: int
    torn: tuple[str, ...]
    remains: int


@dataclass
class ForkedLearner:
    """One learner after another; the log is in ``directory/learner.log``."""

    config: RunConfig
    redis_url: str
    directory: Path
    starts: int = 0
    _process: WarmProcess | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """What the learners have logged."""
        return self.directory / "learner.log"

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the next one."""
        self.starts += 1
        config = self.directory / "run.json"
        config.write_bytes(encode(self.config))
        variables = {"TRAININGRUN_CONFIG": str(config), "TRAININGRUN_REDIS_URL": self.redis_url}
        self._process = fork_learner({**os.environ, **variables}, self.log)

    def signal(self, number: int) -> None:
        """Send a signal, if it lives."""
        if self._process is not None:
            self._process.send_signal(number)

    def exit_code(self, *, seconds: float) -> int:
        """Wait for its end; minus the signal that ended it."""
        assert self._process is not None
        return self._process.wait(timeout=seconds)

    def close(self) -> None:
        """kill -9, if it lives."""
        self.signal(signal.SIGKILL)


def stops_config(folder: Path) -> RunConfig:
    """A run that saves after every update."""
    config = bandit_config(folder.as_uri())
    return msgspec.structs.replace(
        config,
        checkpoint=msgspec.structs.replace(config.checkpoint, interval_games=1, keep=3),
        learner=msgspec.structs.replace(config.learner, batch_transitions=BATCH),
    )


@contextmanager
def producing(bandit: Bandit) -> Iterator[None]:
    """Rollouts without pause, a few batches ahead of the learner; each is a game."""
    closing = threading.Event()

    def produce() -> None:
        while not closing.wait(_PAUSE_SECONDS):
            length: int = bandit.client.xlen(bandit.keys.rollouts)
            if bandit.newest_weights() is not None and length < _QUEUED:
                bandit.produce(2)
                bandit.client.hincrby(bandit.keys.games, "played", 2)

    thread = threading.Thread(target=produce)
    thread.start()
    try:
        yield
    finally:
        closing.set()
        thread.join()


def stop_once(
    learner: ForkedLearner, bandit: Bandit, way: Stop, *, within: float, seed: int
) -> Stopped:
    """Start a learner, stop it at a random moment after its first update, read its folder."""
    dice = random.Random(seed)
    before = newest_step(learner.config)
    learner.start()
    until(
        lambda: _is_updating(bandit, learner, epoch=learner.starts),
        seconds=_GRACE_SECONDS,
        what="an update",
    )
    after = dice.uniform(0, within)
    threading.Event().wait(after)
    learner.signal(signal.SIGKILL if way is Stop.KILL else signal.SIGTERM)
    if way is Stop.TWICE:
        threading.Event().wait(dice.uniform(0, 0.2))
        learner.signal(signal.SIGTERM)
    code = learner.exit_code(seconds=_GRACE_SECONDS)
    archive = open_archive(learner.config.checkpoint, run=learner.config.run)
    torn = tuple(f"{each.uri}: {each.why}" for each in damaged(archive))
    remains = len(list(_folder(learner.config).glob(".tmp-*")))
    return Stopped(way, after, code, before, newest_step(learner.config), torn, remains)


def newest_step(config: RunConfig) -> int:
    """The step of the newest valid checkpoint; 0 without one."""
    found: Found = open_archive(config.checkpoint, run=config.run).newest_valid()
    return 0 if found.checkpoint is None else found.checkpoint.manifest.progress.step


def damaged(archive: CheckpointArchive) -> list[Skipped]:
    """All that is named as a checkpoint and is not whole, the newest and any other."""
    found: list[Skipped] = []
    for entry in archive.entries():
        why = _why_not(archive, entry)
        if why:
            found.append(Skipped(entry.uri, why))
    return found


def _why_not(archive: CheckpointArchive, entry: Entry) -> str:
    try:
        archive.load(entry)
    except CheckpointInvalid as error:
        return str(error)
    return ""


def _is_updating(bandit: Bandit, learner: ForkedLearner, *, epoch: int) -> bool:
    assert learner.is_running, learner.log.read_text()
    report = learner_report(bandit.client, bandit.keys)
    return report is not None and report.epoch == epoch and report.state is LearnerState.TRAINING


def _folder(config: RunConfig) -> Path:
    return Path(config.checkpoint.storage.removeprefix("file://"))
