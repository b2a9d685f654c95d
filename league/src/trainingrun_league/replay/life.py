"""How long a table lives: who uses it, whether its run is over, when it goes by itself. Pure.

A table of a run has a *keeper*: who can say whether the run is over (a cluster's operator; a folder
of runs on a machine). Silence alone ends no table, because a run that is suspended for a month is
as silent as one that was deleted. So a table goes by itself when its keeper has said that its run
is over, and the time has passed for which the run wanted it kept. A call that uses it
meanwhile takes that back: a run that was over may be continued.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from trainingrun_contracts.league_report import LONGEST_KEEPER

KEEP_SECONDS: Final = 3600.0
LONGEST_KEEP: Final = 10 * 365 * 86_400.0


class TableLife(Struct, frozen=True):
    """What is written down of a table beside its settings.

    Attributes:
        id: of this very table; another one of its name has another.
        keeper: who says when its run is over; empty: no one.
        keep_seconds: for which it is kept after that.
        ended_at: since when the run is over, in seconds since 1970; None: it is not.
    """

    id: str = ""
    keeper: Annotated[str, Meta(max_length=LONGEST_KEEPER)] = ""
    keep_seconds: Annotated[float, Meta(ge=0, le=LONGEST_KEEP)] = KEEP_SECONDS
    ended_at: float | None = None


@dataclass(frozen=True)
class Use:
    """How a table is used.

    Attributes:
        calls: that record, sample or set priorities now.
        idle_seconds: since the last of them, or since the start.
        wait_seconds: for which a client that is silent counts as using it.
    """

    calls: int
    idle_seconds: float
    wait_seconds: float

    @property
    def is_now(self) -> bool:
        """Whether somebody uses the table."""
        return self.calls > 0 or self.idle_seconds < self.wait_seconds


def opened(life: TableLife, *, keeper: str, keep_seconds: float | None) -> TableLife:
    """Return the life of a table that a run opens, which is not over then."""
    kept = life.keep_seconds if keep_seconds is None else keep_seconds
    return msgspec.structs.replace(
        life, keeper=keeper or life.keeper, keep_seconds=kept, ended_at=None
    )


def marked(life: TableLife, *, is_over: bool, now: float) -> TableLife:
    """Return the life of a table after its keeper has spoken; its end is when it said so first."""
    if not is_over:
        return msgspec.structs.replace(life, ended_at=None)
    return life if life.ended_at is not None else msgspec.structs.replace(life, ended_at=now)


def is_due(life: TableLife, use: Use, *, now: float) -> bool:
    """Return whether a table goes by itself now."""
    if life.ended_at is None or use.calls:
        return False
    return now >= life.ended_at + life.keep_seconds


def why_kept(name: str, life: TableLife, use: Use) -> str:
    """Return why a table is not dropped unless somebody insists; empty where it may go."""
    if use.calls:
        return f"table {name!r} is in use: {use.calls} calls record or sample now"
    if life.ended_at is not None:  # and no call has used it since: that takes the end back
        return ""
    if use.is_now:
        return (
            f"table {name!r} is in use: somebody recorded, sampled or opened it"
            f" {use.idle_seconds:.0f} s ago (less than {use.wait_seconds:.0f} s)"
        )
    if life.keeper:
        return f"table {name!r}: {life.keeper} has not said that its run is over; it may be resting"
    return ""
