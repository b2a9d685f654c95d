"""When the learner saves a checkpoint. Pure: values in, a decision out; torch is not needed.

Whether the weights can be saved (their numbers are finite) is not decided here: that asks the
device, and is asked only once a checkpoint is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from trainingrun_trainer.spot_notice import SpotNotice

FIRST_AFTER_SECONDS: Final = 60.0
AGAIN_AFTER_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Situation:
    """What is known when a checkpoint may be saved.

    Attributes:
        step: updates in the weights.
        games: training games that the run has played.
        now: monotonic seconds.
        has_failed: whether the newest attempt to write one failed.
        request: the newest request of a person for a checkpoint; empty without any.
        notice: that this spot machine goes, while there is one.
        rate: mean win rate of the newest weights that met every opponent; None without any.
    """

    step: int
    games: int
    now: float
    has_failed: bool = False
    request: str = ""
    notice: SpotNotice | None = None
    rate: float | None = None


@dataclass(frozen=True)
class CheckpointPolicy:
    """A checkpoint at each interval of games or of seconds, whichever is first; a run's first one
    soon, and one that could not be written again after a minute. Besides, once for each notice of a
    spot machine's end, for each request, and for weights that are the strongest yet. Never twice
    for the same weights.

    Attributes:
        interval_games: between two checkpoints.
        interval_seconds: between two checkpoints.
        keep_best: whether the strongest weights are worth one.
        step: updates in the newest checkpoint; 0 before a run's first one.
        games: training games in it.
        at: when it was saved, in monotonic seconds.
        request: the newest request that was answered.
        notice: the newest notice that was answered.
        best: the highest win rate so far.
    """

    interval_games: int
    interval_seconds: float
    keep_best: bool
    step: int = 0
    games: int = 0
    at: float = 0.0
    request: str = ""
    notice: SpotNotice | None = None
    best: float | None = None

    def is_due(self, situation: Situation) -> bool:
        """Return whether to save now."""
        has_news = situation.step > self.step or situation.has_failed
        return has_news and (
            self._is_time(situation)
            or situation.notice not in (None, self.notice)
            or situation.request != self.request
            or (self.keep_best and self._is_best(situation.rate))
        )

    def after(self, situation: Situation) -> CheckpointPolicy:
        """Return the policy once it was asked: requests, notices and win rates count once, also
        where nothing was new, because what there is, is saved already."""
        return replace(
            self,
            request=situation.request,
            notice=situation.notice or self.notice,
            best=situation.rate if self._is_best(situation.rate) else self.best,
        )

    def after_save(self, *, step: int, games: int, now: float) -> CheckpointPolicy:
        """Return the policy after a checkpoint was given to its writers."""
        return replace(self, step=step, games=games, at=now)

    def _is_time(self, situation: Situation) -> bool:
        seconds = situation.now - self.at
        if self.step == 0 and seconds >= FIRST_AFTER_SECONDS:
            return True
        if situation.has_failed:
            return seconds >= AGAIN_AFTER_SECONDS
        intervals = situation.games // self.interval_games - self.games // self.interval_games
        return intervals >= 1 or seconds >= self.interval_seconds

    def _is_best(self, rate: float | None) -> bool:
        return rate is not None and (self.best is None or rate > self.best)
