"""Ends a learner that nothing will ever come to: no data for minutes, and no actor alive.

An actor lives when its report changes from one check to the next. The time in a report is not
compared with a clock of ours: clocks of machines differ, and jump. A check that Redis does not
answer says nothing about the actors, so an outage never ends a learner.

Not here: the saving, which the learner does as at any other end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import redis
from trainingrun_contracts.reports import actor_reports_from
from trainingrun_contracts.stream.keys import Keys


class Starved(Exception):
    """No data and no actors; the message is one sentence for the user."""


@dataclass(frozen=True)
class Timeouts:
    """How long a learner waits.

    Attributes:
        data_seconds: without a rollout.
        silent_seconds: without a sign of an actor, within these.
        check_seconds: between two checks for actors; more than they take between two reports.
        storage_seconds: for Redis and the storage to answer at the start, and for the storage to
            take the last checkpoint at the end.
    """

    data_seconds: float = 300.0
    silent_seconds: float = 30.0
    check_seconds: float = 5.0
    storage_seconds: float = 900.0


TIMEOUTS: Final = Timeouts()


class DataWatchdog:
    """Ends a learner that gets no data while no actor lives."""

    def __init__(
        self,
        report_times: Callable[[], Mapping[str, float]],
        patience: Timeouts,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``report_times`` gives the moment of each actor's latest report, by member."""
        self._report_times = report_times
        self._patience = patience
        self._now = now
        self._known: Mapping[str, float] | None = None
        self._data_at = self._sign_at = self._checked_at = self._recounted_at = now()

    def note_data(self) -> None:
        """A rollout has come."""
        self._data_at = self._now()

    def is_recount_due(self) -> bool:
        """Return whether the depth of the queue is to be checked: as often as actors are, while no
        data come."""
        now = self._now()
        since = max(self._data_at, self._recounted_at)
        if now - since < self._patience.check_seconds:
            return False
        self._recounted_at = now
        return True

    def check(self, *, is_wanted: bool) -> None:
        """Check for actors when it is time; ``is_wanted`` says whether games should be played.

        Raises:
            Starved: neither data nor a sign of an actor for longer than the patience.
        """
        now, patience = self._now(), self._patience
        if not is_wanted:
            self._data_at = now
        if now - self._data_at < patience.check_seconds:
            self._sign_at = now  # while data come there is no need to ask who sends them
        if now - max(self._checked_at, self._data_at) < patience.check_seconds:
            return
        self._checked_at = now
        if self._is_any_actor_alive():
            self._sign_at = now
        quiet, silent = now - self._data_at, now - self._sign_at
        if quiet >= patience.data_seconds and silent >= patience.silent_seconds:
            raise Starved(
                f"no rollouts came for {quiet:.0f} s and no actor has reported for {silent:.0f} s:"
                " the state is saved and the learner ends; see why no actor runs, and start the"
                " learner again, which resumes from its checkpoint"
            )

    def _is_any_actor_alive(self) -> bool:
        """Return whether an actor reported since the last check, or it is too early to know."""
        try:
            found = self._report_times()
        except (redis.RedisError, OSError):
            self._known = None
            return True
        before, self._known = self._known, found
        return before is None or any(before.get(name) != at for name, at in found.items())


def report_times(client: redis.Redis, keys: Keys) -> Mapping[str, float]:
    """When each actor reported last, by its own clock.

    Raises:
        redis.RedisError: Redis cannot be asked now.
    """
    reply: Any = client.hgetall(keys.reports)
    return {report.member: report.at for report in actor_reports_from(reply)}
