"""The learner's side of the rollout queue: its parts, and what only several of them together can
do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trainingrun_contracts.stream.accounts import Mark
from trainingrun_contracts.stream.keys import Keys
from trainingrun_contracts.stream.ledger import appended_from
from trainingrun_contracts.stream.read import Fenced, RolloutReader

from trainingrun_trainer.batcher import Batcher
from trainingrun_trainer.folding import Folding
from trainingrun_trainer.link import Epoch, EpochState, RedisLink
from trainingrun_trainer.prefetcher import Prefetcher, Received
from trainingrun_trainer.watchdog import DataWatchdog

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RolloutQueue:
    """The parts."""

    keys: Keys
    link: RedisLink
    reader: RolloutReader
    prefetcher: Prefetcher
    batcher: Batcher
    epoch: Epoch
    watchdog: DataWatchdog
    folding: Folding

    def while_epoch_holds(
        self, act: Callable[[], object], *, on_lost: Callable[[], object]
    ) -> None:
        """Do something that the epoch fences; again, after ``on_lost``, if Redis had only forgotten
        the epoch.

        Raises:
            Fenced: a newer learner has started.
        """
        while True:
            try:
                act()
            except Fenced:
                state = self.link.persist(self.epoch.hold, what="checking the epoch")
                if state is EpochState.OVER:
                    raise
                if state is EpochState.RESTORED:
                    on_lost()
            else:
                return

    def add(self, received: Received, *, publish: int, now: float) -> None:
        """Give an entry to the batcher; ``publish`` is the number of the newest weights."""
        self.watchdog.note_data()
        self.batcher.add(received, publish=publish, produced=self._produced_by(received), now=now)

    def recount_if_starved(self) -> None:
        """Correct the queue's depth where it alone keeps actors from playing, after seconds without
        data.

        Raises:
            Fenced: a newer learner has started.
        """
        if not self.watchdog.is_recount_due():
            return
        entries, transitions = self.batcher.held
        wrong = self.link.persist(
            lambda: self.reader.recount(entries, transitions), what="counting the queue"
        )
        if wrong is not None:
            _log.warning(
                "the queue's depth was %d and is %d: entries were cut from the stream",
                wrong,
                transitions,
            )

    def appended_if_empty(self) -> dict[str, Mark] | None:
        """Return how far each actor's segments were appended, if the queue is empty now."""
        return self.link.persist(self._appended_if_empty, what="checking the queue")

    def _appended_if_empty(self) -> dict[str, Mark] | None:
        pipe: Any = self.link.client.pipeline(transaction=True)
        pipe.xlen(self.keys.rollouts)
        pipe.hgetall(self.keys.produced)
        pipe.hgetall(self.keys.appended)
        length, produced, appended = pipe.execute()
        if length:
            return None
        return appended_from(appended, produced)

    def _produced_by(self, received: Received) -> int | None:
        """Return what the actor of an entry has appended, where the entry says that some is
        missing; None where nothing is missing, or where Redis does not know."""
        segment = received.segment
        if segment is None or not self.batcher.has_gap(received):
            return None
        actor = segment.header.actor
        return self.link.persist(
            lambda: self.reader.produced_by(actor), what="reading an actor's count"
        )
