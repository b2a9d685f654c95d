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

from trainingrun_contracts.reports import Evaluation, Notice

from trainingrun_reconciler.desired.observed import Signals

_T = TypeVar("_T")


@dataclass(frozen=True)
class RoleMessages:
    """The lists as they were at the latest reconcile that saw them."""

    notices: tuple[Notice, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()


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
