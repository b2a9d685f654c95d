"""When the learner publishes its weights. Pure: values in, a decision out; torch is not needed."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class PublishPolicy:
    """After a number of updates or of seconds since the last publication, whichever is first; or
    after a number of games, where one is given.

    Attributes:
        updates: the most that actors lack.
        seconds: the longest that actors lack an update.
        in_step: whether the run plays and trains in step: then each update is published before it
            is acknowledged, and nothing in between.
        every_games: training games between two publications, in the place of updates and seconds.
        step: updates in the weights that were published last.
        at: when that was, in monotonic seconds.
        games: training games that the run had played by then.
    """

    updates: int
    seconds: float
    in_step: bool = False
    every_games: int | None = None
    step: int = 0
    at: float = 0.0
    games: int = 0

    def is_due(self, *, step: int, now: float, games: int = 0) -> bool:
        """Return whether weights of this step are published now, between two updates."""
        new = step - self.step
        if self.in_step or new <= 0:
            return False
        if self.every_games is not None:
            # A Redis that lost its data counts from 0 again, and so does this.
            return not self.games <= games < self.games + self.every_games
        return new >= self.updates or now - self.at >= self.seconds

    def after(self, *, step: int, now: float, games: int = 0) -> PublishPolicy:
        """Return the policy after a publication."""
        return replace(self, step=step, at=now, games=games)
