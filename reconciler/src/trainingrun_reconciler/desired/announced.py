"""What of the roles' lists is new: notices and evaluations that were not there before.

Distinguished by the lists themselves, and never by clocks: a role's may be behind the operator's,
and what it said would be older than the latest reconcile for ever. Lists grow at their end and are
cut at their beginning, so what is new follows the longest end of the old list that the new one
begins with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from trainingrun_api.run import TrainingRun
from trainingrun_contracts.reports import Evaluation, Notice

from trainingrun_reconciler.desired.observed import Signals

_T = TypeVar("_T")


@dataclass(frozen=True)
class RoleMessages:
    """The lists as they were at the latest reconcile that saw them."""

    notices: tuple[Notice, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()


@dataclass(frozen=True)
class News:
    """The lists to remember (None where they were never seen), and what in them is new."""

    known: RoleMessages | None
    new: RoleMessages


def news_of(run: TrainingRun, signals: Signals | None, before: RoleMessages | None) -> News:
    """Find what the roles have said since the last reconcile.

    Of a run that began before this operator did, the operator before has published all that its
    roles had said by then; of a new run, nothing is published yet.
    """
    if before is None and run.status.started_at is None:
        before = RoleMessages()
    if signals is None:
        return News(before, RoleMessages())
    now = messages_in(signals)
    return News(now, new_since(before, now) if before is not None else RoleMessages())


def messages_in(signals: Signals) -> RoleMessages:
    """What the lists hold now."""
    return RoleMessages(signals.notices, signals.evaluations)


def new_since(before: RoleMessages, now: RoleMessages) -> RoleMessages:
    """What was added to the lists."""
    return RoleMessages(
        notices=tuple(added(before.notices, now.notices)),
        evaluations=tuple(added(before.evaluations, now.evaluations)),
    )


def added(before: Sequence[_T], now: Sequence[_T]) -> Sequence[_T]:
    """The entries of ``now`` after the longest end of ``before`` that it begins with."""
    for begin in range(len(before)):
        kept = len(before) - begin
        if kept <= len(now) and before[begin:] == now[:kept]:
            return now[kept:]
    return now
