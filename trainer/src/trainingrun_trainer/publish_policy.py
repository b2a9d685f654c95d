"""When the learner publishes its weights. Pure: values in, a decision out; torch is not needed."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class PublishPolicy:
    """After a number of updates or of seconds since the last publication, whichever is first.

    Attributes:
        updates: the most that actors lack.
        seconds: the longest that actors lack an update.
        in_step: whether the run plays and trains in step: then each update is published before it
            is acknowledged, and nothing in between.
        step: updates in the weights that were published last.
        at: when that was, in monotonic seconds.
    """

    updates: int
    seconds: float
    in_step: bool = False
    step: int = 0
    at: float = 0.0

    def is_due(self, *, step: int, now: float) -> bool:
        """Return whether weights of this step are published now, between two updates."""
        new = step - self.step
        if self.in_step or new <= 0:
            return False
        return new >= self.updates or now - self.at >= self.seconds

    def after(self, *, step: int, now: float) -> PublishPolicy:
        """Return the policy after a publication."""
        return replace(self, step=step, at=now)
