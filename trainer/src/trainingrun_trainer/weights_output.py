"""Publishes the learner's weights when its policy for that says so."""

from __future__ import annotations

import time
from collections.abc import Callable

from trainingrun_trainer.league_schedule import Offer
from trainingrun_trainer.outputs import Outputs
from trainingrun_trainer.publish_policy import PublishPolicy
from trainingrun_trainer.updater import Updater

WhileEpochHolds = Callable[[Callable[[], object]], None]
"""Does something that the epoch fences."""


class WeightsOutput:
    """The weights of one learner, for its actors.

    Attributes:
        policy: when they are published, with what was published last.
    """

    def __init__(
        self,
        updater: Updater,
        outputs: Outputs,
        policy: PublishPolicy,
        while_epoch_holds: WhileEpochHolds,
    ) -> None:
        self.policy = policy
        self._updater = updater
        self._out = outputs
        self._while_epoch_holds = while_epoch_holds
        self._offered = 0  # step of the weights that went to the league last

    def publish_if_due(self, step: int, *, games: int) -> None:
        """Publish the weights, which have this number of updates, when it is time; the run has
        played ``games`` training games.

        Raises:
            Fenced: a newer learner has started.
            WeightsNotFinite: they cannot be played with.
        """
        if self.policy.is_due(step=step, now=time.monotonic(), games=games):
            self.publish(step, games=games)

    def publish_last(self, step: int, *, games: int) -> None:
        """Publish what the run ends with, also to its league.

        Raises:
            Fenced: a newer learner has started.
            WeightsNotFinite: they cannot be played with.
        """
        if self.policy.step != step:
            self.publish(step, games=games)
        league = self._out.league
        if league is not None and step not in (0, self._offered):
            league.offer(Offer(self._updater.weights(version=step), step, games))

    def publish(self, step: int, *, games: int, again: bool = False) -> None:
        """Publish the weights now; ``again`` under their old number, because Redis lost them.

        Raises:
            Fenced: a newer learner has started.
            WeightsNotFinite: they cannot be played with.
        """
        publisher = self._out.publisher
        with self._out.status.phase("publish"):
            blob = self._updater.weights(version=step)
            if not again:
                publisher.advance()
            self._while_epoch_holds(lambda: publisher.publish(blob, version=step, now=time.time()))
        self.policy = self.policy.after(step=step, now=time.monotonic(), games=games)
        league = self._out.league
        if league is not None and not again and league.schedule.is_due(games):
            league.offer(Offer(blob, step, games))
            self._offered = step
        self._out.status.set(publish=publisher.publish_number, version=step)
