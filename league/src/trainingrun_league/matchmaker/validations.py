"""Which worker validates which model: leases in memory, given again when they end.

A restart forgets them, which costs a validation that is done twice: the Model service takes one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from trainingrun_league.matchmaker.pool import Entry, Stage

VALIDATION_SECONDS: Final = 300.0
MOST_ATTEMPTS: Final = 3
"""After that many leases without a report the model is refused: it ends its workers."""


@dataclass(frozen=True)
class _Attempt:
    count: int
    until: float


class Validations:
    """See above."""

    def __init__(self) -> None:
        self._attempts: dict[str, _Attempt] = {}

    def take(self, entries: Iterable[Entry], now: float) -> str:
        """Lease the oldest model that waits for a validation; return its id, empty for none."""
        waiting = self.waiting(entries, now)
        if not waiting:
            return ""
        model_id = waiting[0].id
        count = self._attempts.get(model_id, _Attempt(0, 0.0)).count
        self._attempts[model_id] = _Attempt(count + 1, now + VALIDATION_SECONDS)
        return model_id

    def give_back(self, model_id: str) -> None:
        """End a lease as if it had not been given: its worker ends, the model is as good as it was.

        Whose lease it was is not asked: a validation that is done twice costs seconds.
        """
        attempt = self._attempts.get(model_id)
        if attempt is not None:
            self._attempts[model_id] = _Attempt(max(0, attempt.count - 1), 0.0)

    def waiting(self, entries: Iterable[Entry], now: float) -> list[Entry]:
        """Return the models that a worker may validate now, the oldest first."""
        found = [
            entry
            for entry in entries
            if entry.stage is Stage.PENDING
            and (attempt := self._attempts.get(entry.id, _Attempt(0, 0.0))).until <= now
            and attempt.count < MOST_ATTEMPTS
        ]
        return sorted(found, key=lambda entry: (entry.published_at, entry.id))

    def exhausted(self, entries: Iterable[Entry], now: float) -> list[Entry]:
        """Return the models that no worker finished validating; those done are forgotten."""
        pending = {entry.id: entry for entry in entries if entry.stage is Stage.PENDING}
        self._attempts = {
            model_id: attempt for model_id, attempt in self._attempts.items() if model_id in pending
        }
        return [
            pending[model_id]
            for model_id, attempt in self._attempts.items()
            if attempt.count >= MOST_ATTEMPTS and attempt.until <= now
        ]
