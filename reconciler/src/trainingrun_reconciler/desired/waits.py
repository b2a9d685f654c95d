"""How many members a role has whose clients wait for its answers: the inference servers.

A server computes one batch while the next one fills, so a request waits about one batch. Where the
95th percentile is above two, requests queue up, and one more server is added; where the rest could
carry all batches with room to spare, one goes. Each is done once it has been wanted without a break
for a window, which then begins anew: one server more changes the waits that the next one would be
added for. What is not known changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trainingrun_contracts.reports import InferenceReport

from trainingrun_reconciler.desired.facts import Facts
from trainingrun_reconciler.desired.stage import Lifecycle, Stage

UP_SECONDS: Final = 30.0
DOWN_SECONDS: Final = 300.0
"""Between two runs of searches, servers are idle for a while."""
BATCHES: Final = 2.0
"""That a request may wait for, at the 95th percentile."""
FULL: Final = 0.7
"""Part of the largest batch up to which fewer servers would do."""


@dataclass(frozen=True)
class WaitMemory:
    """Since when a number other than the present has been wanted; losing it begins the window
    anew."""

    wanted: int = 0
    since: float = 0.0


@dataclass(frozen=True)
class WaitDecision:
    """How many members there should be, and why."""

    replicas: int
    reason: str
    memory: WaitMemory = WaitMemory()


def waits_of(facts: Facts, lifecycle: Lifecycle, memory: WaitMemory) -> WaitDecision | None:
    """The decision at one reconcile; None where no role of the run is scaled so."""
    declared = facts.roles.answering
    if declared is None or declared.by_waits is None:
        return None
    least, most = declared.by_waits.bounds(facts.run.spec)
    there = facts.observed.roles.get(declared.role)
    before = facts.run.status.role(declared.role.value)
    known = before.desired if before is not None and before.desired else least
    replicas = there.replicas if there is not None else known
    if facts.signals is None or lifecycle.stage is not Stage.RUNNING:
        return WaitDecision(_within(replicas, least, most), "nothing is known of its waits")
    return number(
        facts.signals.servers, memory, replicas=replicas, least=least, most=most, now=facts.now
    )


def number(
    reports: Sequence[InferenceReport],
    memory: WaitMemory,
    *,
    replicas: int,
    least: int,
    most: int,
    now: float,
) -> WaitDecision:
    """The number of members for these reports.

    Args:
        reports: fresh ones.
        memory: from the decision before.
        replicas: how many there are asked for now.
        least: the fewest.
        most: the most.
        now: Unix seconds.
    """
    bounded = _within(replicas, least, most)
    if bounded != replicas:
        return WaitDecision(bounded, f"the bounds are {least} and {most}")
    wanted, reason = _wanted(reports, replicas)
    wanted = _within(wanted, least, most)
    if wanted == replicas:
        return WaitDecision(replicas, reason)
    if memory.wanted != wanted:
        memory = WaitMemory(wanted, now)
    window = UP_SECONDS if wanted > replicas else DOWN_SECONDS
    if now - memory.since < window:
        return WaitDecision(replicas, reason, memory)
    return WaitDecision(wanted, reason)


def _wanted(reports: Sequence[InferenceReport], replicas: int) -> tuple[int, str]:
    """What the reports ask for, before bounds and windows, and why."""
    if len(reports) < replicas:
        return replicas, f"{len(reports)} of {replicas} servers report"
    longest = longest_wait(reports)
    if longest is None:
        return replicas - 1, "no server was asked within half a minute"
    why = f"searches wait for {longest:.1f} batches (95th percentile)"
    if longest > BATCHES:
        return replicas + 1, why
    fills = [each.fill for each in reports if each.fill is not None]
    carried = sum(fills) / max(1, replicas - 1)
    if replicas > 1 and longest < BATCHES / 2 and carried <= FULL:
        return replicas - 1, f"{why}, and batches are {sum(fills) / len(reports):.0%} full"
    return replicas, why


def longest_wait(reports: Sequence[InferenceReport]) -> float | None:
    """How many batches long a request waits for the slowest of them (95th percentile); None where
    none was asked lately."""
    waits = (_batches_waited(each) for each in reports)
    return max((wait for wait in waits if wait is not None), default=None)


def _batches_waited(report: InferenceReport) -> float | None:
    """How many batches long a request waits; None where none was answered lately."""
    if report.wait_seconds_p95 is None or not report.batch_seconds:
        return None
    return report.wait_seconds_p95 / report.batch_seconds


def _within(replicas: int, least: int, most: int) -> int:
    return min(max(replicas, least), most)
