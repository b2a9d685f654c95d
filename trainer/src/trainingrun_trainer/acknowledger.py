"""Acknowledges what was trained or dropped, together with the accounts that include it."""

from __future__ import annotations

import time

from trainingrun_contracts.stream.accounts import Mark

from trainingrun_trainer.batcher import Collected
from trainingrun_trainer.outputs import Outputs
from trainingrun_trainer.prefetcher import Received
from trainingrun_trainer.rollout_queue import RolloutQueue


class Acknowledger:
    """Writes to the queue what became of its entries."""

    def __init__(self, queue: RolloutQueue, outputs: Outputs) -> None:
        self._queue = queue
        self._out = outputs
        self._rewrites_marks = True  # a checkpoint may know more than Redis does

    def rewrite_marks(self) -> None:
        """Write the marks of all actors with the next entries, not only of theirs."""
        self._rewrites_marks = True

    def acknowledge(self, collected: Collected) -> None:
        """Acknowledge entries and write the accounts that include them.

        Raises:
            Fenced: a newer learner has started.
        """
        queue = self._queue
        with self._out.status.phase("publish"):
            for received in collected.dead_letters:
                self._dead_letter(received)
            self._write(collected)
        queue.prefetcher.release(collected.entries)
        self._out.status.set(totals=queue.batcher.accounts.totals)
        if collected.dead_letters:
            self._out.reporter.notify(
                "RolloutUnreadable",
                f"{len(collected.dead_letters)} rollouts could not be read ({collected.causes})"
                f" and were moved to the stream {queue.keys.dead_letters}",
            )

    def close_accounts(self, appended: dict[str, Mark]) -> None:
        """Account for all that was appended to a queue that is empty now."""
        batcher = self._queue.batcher
        publish = self._out.publisher.publish_number
        batcher.accounts.settle(appended, publish=publish, at=int(time.time()))
        self.rewrite_marks()
        self.acknowledge(batcher.collect())

    def _dead_letter(self, received: Received) -> None:
        queue = self._queue
        queue.link.persist(
            lambda: queue.reader.dead_letter(received.entry, received.poison),
            what="dead-lettering an entry",
        )

    def _write(self, collected: Collected) -> None:
        queue, accounts = self._queue, self._queue.batcher.accounts
        publish = self._out.publisher.publish_number
        queue.link.persist(
            lambda: queue.folding.retire(accounts, publish=publish, now=time.time()),
            what="searching for actors that are gone",
        )

        def write() -> None:
            actors = set(accounts.marks) if self._rewrites_marks else set(collected.actors)
            queue.link.persist(
                lambda: queue.reader.acknowledge(collected.entries, accounts, actors),
                what="acknowledging rollouts",
            )

        queue.while_epoch_holds(write, on_lost=self._out.reporter.redis_lost_data.set)
        self._rewrites_marks = False
