"""Which actors are gone for good, so that their counts are folded into one sum (ADR 30).

An actor is gone when nothing of it has come for a day and for more publications than a segment may
be old: whatever it may still send of what is accounted for is stale then, and is not trained again,
also without its mark. The newest start of a member that reports is never gone: it may be idle.

Not here: the arithmetic (``stream.accounts``) and the writing (``stream.read``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

from trainingrun_contracts.stream.accounts import Accounts, Mark
from trainingrun_contracts.stream.actors import member_of

SILENT_SECONDS: Final = 24 * 3600
REPORT_SECONDS: Final = 3600
"""Without a report of its member, by then an actor does not live: twice as long as we wait for
those that have lost us, and clocks differ."""
FOLD_SECONDS: Final = 1800.0
"""Between two folds, and before the first: who could not send while there was no learner does."""
MOST: Final = 500
"""Actors of one fold: each acknowledgement until the next one names them."""


def gone(
    marks: Mapping[str, Mark], members: Collection[str], *, publish: int, max_lag: int, now: float
) -> list[str]:
    """Return the actors that are gone, those that have been so for longest first.

    Args:
        marks: of all actors.
        members: those that report.
        publish: number of the newest weights.
        max_lag: publications after which a segment is stale.
        now: Unix seconds.
    """
    newest = {member_of(actor): actor for actor in sorted(marks, key=lambda each: marks[each].at)}
    alive = {newest[member] for member in members if member in newest}
    found = [
        actor
        for actor, mark in marks.items()
        if actor not in alive
        and now - mark.at > SILENT_SECONDS
        and publish - mark.publish > max_lag
    ]
    return sorted(found, key=lambda actor: marks[actor].at)[:MOST]


class Folding:
    """Begins folds when it is time."""

    def __init__(
        self,
        reports: Callable[[], Mapping[str, float]],
        *,
        max_lag: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``reports`` gives the moment of each actor's latest report, by member (Unix seconds)."""
        self._reports = reports
        self._max_lag = max_lag
        self._clock = clock
        self._folded_at = clock()

    def retire(self, accounts: Accounts, *, publish: int, now: float) -> None:
        """Begin to fold who is gone, when it is time; to be acknowledged at once.

        Raises:
            redis.RedisError: Redis cannot be asked for the reports now; nothing is changed.
        """
        if self._clock() - self._folded_at < FOLD_SECONDS:
            return
        members = [member for member, at in self._reports().items() if now - at <= REPORT_SECONDS]
        self._folded_at = self._clock()
        found = gone(accounts.marks, members, publish=publish, max_lag=self._max_lag, now=now)
        accounts.retire(found, at=int(now))
