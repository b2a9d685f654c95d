"""From what happened at each fault to figures and goals. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from trainingrun_contracts.stream.ledger import Ledger

from benchmarks.measuring import Goal

LOSS_WINDOW: Final = 5
WAITING_BATCHES: Final = 2.0
"""A checkpoint comes due with games, of which the learner hears once a second; in between it can
train what waits in the queue, which is two batches."""


@dataclass(frozen=True)
class FaultSeen:
    """One fault and the way back; seconds are None when there was none within the patience.

    ``losses`` are the mean value losses of the updates just before and just after.
    ``drifted`` is how many transitions more the ledger calls trained than the model that goes on
    has seen, since the last fault: negative when some are trained twice. ``queued`` is what was in
    a queue that was lost.
    """

    role: str
    way: str
    seconds_to_games: float | None
    seconds_to_updates: float | None
    closed_at_once: bool
    games_lost: int = 0
    queued: int = 0
    drifted: int | None = None
    losses: tuple[float, float] | None = None

    @property
    def seconds(self) -> float | None:
        """Until games and updates had both gone on."""
        if self.seconds_to_games is None or self.seconds_to_updates is None:
            return None
        return max(self.seconds_to_games, self.seconds_to_updates)


@dataclass(frozen=True)
class Settled:
    """A quiet moment after some faults of one role: the ledger, and the witness's own count."""

    role: str
    faults: int
    ledger: Ledger
    before: Ledger
    witnessed: int
    appended_twice: int

    @property
    def lost(self) -> int:
        """Transitions lost since the quiet moment before."""
        return self.ledger.lost - self.before.lost

    @property
    def dropped(self) -> dict[str, int]:
        """Transitions dropped since the quiet moment before, by cause."""
        return {
            cause: count - self.before.dropped[cause]
            for cause, count in self.ledger.dropped.items()
        }

    @property
    def closes(self) -> bool:
        """Whether the ledger adds up with nothing left in the queue."""
        return self.ledger.closes and self.ledger.queued == 0

    @property
    def difference(self) -> int:
        """What the witness saw, less what the ledger accounts for as made once."""
        dropped = self.ledger.dropped
        once = self.ledger.produced - dropped["duplicate"] - dropped["poison"]
        return self.witnessed - once + dropped["spool"]


def figures_of(faults: Sequence[FaultSeen], settled: Sequence[Settled]) -> dict[str, Any]:
    """All figures, by role."""
    roles = list(dict.fromkeys(each.role for each in faults))
    return {
        role: _role_figures(
            [each for each in faults if each.role == role],
            [each for each in settled if each.role == role],
        )
        for role in roles
    }


def goals_of(
    faults: Sequence[FaultSeen], settled: Sequence[Settled], *, per_second: float, batch: int
) -> list[Goal]:
    """What must hold; ``per_second`` is how many transitions the run makes in a second, ``batch``
    how many the largest batch has (segments are not cut)."""
    drifts = [each.drifted for each in faults if each.drifted is not None]
    power_cuts = sum(each.way == "power cut" for each in faults)
    lost = {each.role: 0 for each in faults}
    for each in settled:
        lost[each.role] = lost.get(each.role, 0) + each.lost
    redis, disk = lost.pop("redis", 0), lost.pop("disk", 0)
    return [
        Goal("not recovered", sum(each.seconds is None for each in faults), most=0),
        Goal("ledgers that do not close", sum(not each.closes for each in settled), most=0),
        Goal(
            "witness against ledger", max((abs(s.difference) for s in settled), default=0), most=0
        ),
        Goal("transitions lost but by Redis", sum(lost.values()), most=0),
        Goal("transitions lost by Redis", redis, most=round(power_cuts * per_second)),
        Goal("transitions lost with Redis' disk", disk, most=sum(each.queued for each in faults)),
        Goal("batches since the newest checkpoint", _batches(drifts, batch), most=WAITING_BATCHES),
        Goal("batches trained twice at a resume", _batches(drifts, -batch), most=1.0),
    ]


def _batches(drifts: Iterable[int], batch: int) -> float:
    return max((_rounded(drift / batch) for drift in drifts), default=0.0) + 0.0


def _role_figures(faults: Sequence[FaultSeen], settled: Sequence[Settled]) -> dict[str, Any]:
    seconds = [each.seconds for each in faults if each.seconds is not None]
    lost = sum(each.lost for each in settled)
    found: dict[str, Any] = {
        "faults": {
            way: sum(f.way == way for f in faults) for way in sorted({f.way for f in faults})
        },
        "recovered": len(seconds),
        "seconds_p50": _rounded(statistics.median(seconds)) if seconds else None,
        "seconds_max": _rounded(max(seconds)) if seconds else None,
        "ledger_closed": f"{sum(each.closes for each in settled)} of {len(settled)}",
        "ledger_closed_under_load": f"{sum(f.closed_at_once for f in faults)} of {len(faults)}",
        "lost": lost,
        "lost_per_fault": _rounded(lost / len(faults)),
        "duplicates": sum(each.dropped["duplicate"] for each in settled),
        "stale": sum(each.dropped["stale"] for each in settled),
        "spool": sum(each.dropped["spool"] for each in settled),
        "games_lost": sum(each.games_lost for each in faults),
    }
    drifts = [each.drifted for each in faults if each.drifted is not None]
    if drifts:
        found["transitions_skipped_max"] = max(*drifts, 0)
        found["transitions_skipped_mean"] = _rounded(statistics.mean(max(d, 0) for d in drifts))
        found["transitions_trained_twice_max"] = max(*(-drift for drift in drifts), 0)
    losses = [each.losses for each in faults if each.losses is not None]
    if losses:
        found |= loss_figures(losses)
    return found


def loss_figures(losses: Sequence[tuple[float, float]]) -> dict[str, float]:
    """How the value loss goes on: means of the updates before and after, and of their distance."""
    return {
        "loss_before": _rounded(statistics.mean(before for before, _ in losses), 4),
        "loss_after": _rounded(statistics.mean(after for _, after in losses), 4),
        "loss_shift": _rounded(statistics.mean(after - before for before, after in losses), 4),
        "loss_distance": _rounded(
            statistics.mean(abs(after - before) for before, after in losses), 4
        ),
    }


def _rounded(value: float, digits: int = 2) -> float:
    return round(value, digits)
