"""The autoscaling law: how many daemons keep the learner fed.

Daemons *produce* what is queued. A law that adds daemons when the queue is long therefore starves
the learner or buys daemons without end; this one matches rates instead. With C the learner's
capacity (what it could train per second if it never waited), p the production of one daemon on
whose slots games run, q what is queued and q* what should be:

    least  = (C + (q* - q) / T) / p        q* = B + min(targetLag C, B / 2)
    wanted = least rounded up, or least + 3 % of C / p rounded to the nearest, whichever is more

B is a batch: what is being trained counts as queued until the learner is done with it, so a fed
learner never has less (ADR 0011). A deviation within the tolerance is left alone unless it is felt:
the learner waits for data, or the queue is so full that actors pause. Before its first batch a
learner has no capacity; then as many daemons are wanted as fill the batch within the target lag.

Only numbers are decided here. Which daemon goes, and when, is ``draining``. A run whose games are
not those of daemons has another role in their place (``roles.declaration.Scaling``), which says
what its members are called.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

from trainingrun_api.spec import Autoscaling, ScaleDown, ScaleUp
from trainingrun_contracts.stream.append import HIGH_WATER_BATCHES

from trainingrun_reconciler.desired.timestamps import format_time
from trainingrun_reconciler.roles.declaration import Noun

SURPLUS: Final = 0.03
CORRECTION_SECONDS: Final = 120.0
PAUSED_LIMIT: Final = 0.05
"""Above this part of the time that actors pause, the queue is full: no daemon is added."""
WAITS_LIMIT: Final = 0.03
"""Above this part of its time that the learner waits for data, it is hungry."""
STALE_SECONDS: Final = 15.0
PRIOR_PER_SLOT: Final = 5.0
"""Transitions per second of one game, until it is measured."""


DAEMONS: Final = Noun("daemon", "daemons")


class Limit(Enum):
    """What kept the number of daemons from what the rates ask for; reasons of ScalingLimited."""

    NONE = "None"
    AT_MAX = "AtMax"
    AT_MIN = "AtMin"
    METRIC_UNAVAILABLE = "MetricUnavailable"


@dataclass(frozen=True)
class ScaleInputs:
    """What the law reads. Rates are transitions per second; None is unknown."""

    at: float
    replicas: int
    slots: int
    queued: int
    high_water: int
    capacity: float | None
    produced_per_daemon: float | None
    paused: float | None
    busy: float | None = None
    """The part of the time that the learner does not wait for data."""
    noun: Noun = DAEMONS

    @property
    def batch(self) -> float:
        """Transitions of one batch."""
        return self.high_water / HIGH_WATER_BATCHES

    def described(self) -> str:
        """The inputs in words, for status."""
        return (
            f"learner capacity {_rate(self.capacity)}, production"
            f" {_rate(self.produced_per_daemon)} per {self.noun.one}, queued {self.queued} of"
            f" {self.high_water}, actors paused {_share(self.paused)},"
            f" learner busy {_share(self.busy)}"
        )


@dataclass(frozen=True)
class Recommendation:
    """What was wanted, and what there was, at one moment."""

    at: float
    wanted: int
    replicas: int


@dataclass(frozen=True)
class ScaleMemory:
    """Recent recommendations, oldest first. When it is lost, the windows fill again."""

    recent: tuple[Recommendation, ...] = ()


@dataclass(frozen=True)
class ScaleDecision:
    """How many daemons there should be, and why."""

    replicas: int
    reason: str
    limited_by: Limit
    inputs: ScaleInputs | None
    memory: ScaleMemory
    wanted: int | None = None
    """What the rates ask for, before windows, steps and bounds; None where they are not known."""
    present: int = 0
    """How many there were when it was decided."""


def running(replicas: int, noun: Noun) -> str:
    """How many members run, in words."""
    return f"{noun.count(replicas)} running"


def scale(
    spec: Autoscaling,
    inputs: ScaleInputs | None,
    memory: ScaleMemory,
    *,
    replicas: int,
    now: float,
    noun: Noun = DAEMONS,
) -> ScaleDecision:
    """The number of members for these inputs.

    Args:
        spec: bounds, target and windows.
        inputs: the measured state; None when Redis could not be asked.
        memory: from the decision before.
        replicas: how many members are asked for now.
        now: Unix seconds.
        noun: what they are called.
    """
    missing = _missing(inputs, now=now)
    if inputs is None or missing:
        held = min(max(replicas, spec.min_replicas), spec.max_replicas)
        return ScaleDecision(
            held,
            f"{running(replicas, noun)}, and the number is kept: {missing}",
            Limit.METRIC_UNAVAILABLE,
            inputs,
            ScaleMemory(),
            present=replicas,
        )
    wanted = _wanted(spec, inputs, replicas)
    memory = _remembered(spec, memory, Recommendation(now, wanted, replicas), now=now)
    steady = _stabilised(spec, memory, now=now)
    stepped = _stepped(spec, memory, steady, now=now)
    bounded = min(max(stepped, spec.min_replicas), spec.max_replicas)
    held_by = _held_by(spec, replicas, wanted=wanted, stepped=stepped)
    reason = _reason(inputs, wanted, bounded, replicas, held_by)
    return ScaleDecision(
        bounded, reason, _limit(spec, wanted), inputs, memory, wanted, present=replicas
    )


def _missing(inputs: ScaleInputs | None, *, now: float) -> str:
    """What is not known, in words; empty when all is."""
    if inputs is None:
        return "Redis cannot be asked"
    if now - inputs.at > STALE_SECONDS:
        return f"the newest figures are of {format_time(inputs.at)}"
    if inputs.capacity is None and not _is_first_batch(inputs):
        return "the learner's capacity is not known yet"
    if inputs.paused is None:
        return "no actor reports yet"
    return ""


def _is_first_batch(inputs: ScaleInputs) -> bool:
    """Whether the learner is there, has trained nothing, and waits for data all the time."""
    waits = inputs.busy is not None and inputs.busy < WAITS_LIMIT
    return inputs.capacity is None and waits and inputs.queued < inputs.batch


def _wanted(spec: Autoscaling, inputs: ScaleInputs, replicas: int) -> int:
    """What the rates ask for, before windows, steps and bounds."""
    is_full = (inputs.paused or 0.0) > PAUSED_LIMIT
    wanted = _matching(spec, inputs, replicas, is_full=is_full)
    return min(wanted, replicas) if is_full else wanted


def _matching(spec: Autoscaling, inputs: ScaleInputs, replicas: int, *, is_full: bool) -> int:
    """The number that matches the learner; the present one where the difference is not felt."""
    each = inputs.produced_per_daemon or inputs.slots * PRIOR_PER_SLOT
    if inputs.capacity is None:
        return max(replicas, math.ceil(inputs.batch / spec.target_lag_seconds / each))
    target = inputs.batch + min(spec.target_lag_seconds * inputs.capacity, inputs.batch / 2)
    correction = (target - inputs.queued) / CORRECTION_SECONDS
    least = max(0.0, (inputs.capacity + correction) / each)
    exact = least + SURPLUS * inputs.capacity / each
    wanted = max(math.ceil(least), math.floor(exact + 0.5))
    if replicas and abs(exact / replicas - 1) <= spec.tolerance:
        is_hungry = inputs.busy is not None and inputs.busy < 1 - WAITS_LIMIT
        is_felt = is_hungry if wanted > replicas else is_full
        return wanted if is_felt else replicas
    return wanted


def _remembered(
    spec: Autoscaling, memory: ScaleMemory, new: Recommendation, *, now: float
) -> ScaleMemory:
    """The memory with the new recommendation and without what no window reaches.

    An empty memory starts with what there is, so that a restarted operator waits a full window
    before it takes daemons away.
    """
    recent = memory.recent or (Recommendation(now, new.replicas, new.replicas),)
    longest = max(_longest(spec.behavior.scale_up), _longest(spec.behavior.scale_down))
    kept = tuple(each for each in recent if now - each.at <= longest)
    return ScaleMemory((*kept, new))


def _longest(rules: ScaleUp | ScaleDown) -> int:
    """The windows of the rules of scaling, in seconds."""
    periods = (policy.period_seconds for policy in rules.policies)
    return max(rules.stabilization_window_seconds, *periods)


def _stabilised(spec: Autoscaling, memory: ScaleMemory, *, now: float) -> int:
    """Up to the lowest of the up window, down to the highest of the down window."""
    up, down = spec.behavior.scale_up, spec.behavior.scale_down
    low = min(each.wanted for each in _since(memory, now - up.stabilization_window_seconds))
    high = max(each.wanted for each in _since(memory, now - down.stabilization_window_seconds))
    return min(max(memory.recent[-1].replicas, low), high)


def _stepped(spec: Autoscaling, memory: ScaleMemory, steady: int, *, now: float) -> int:
    """No further than a policy allows from what there was at the start of its period."""
    replicas, behavior = memory.recent[-1].replicas, spec.behavior
    if steady > replicas:
        tops = []
        for policy in behavior.scale_up.policies:
            lowest = min(each.replicas for each in _since(memory, now - policy.period_seconds))
            tops.append(lowest + policy.step(lowest))
        return min(steady, max(replicas, *tops))
    floors = []
    for policy in behavior.scale_down.policies:
        highest = max(each.replicas for each in _since(memory, now - policy.period_seconds))
        floors.append(highest - policy.step(highest))
    return max(steady, min(replicas, *floors))


def _since(memory: ScaleMemory, at: float) -> tuple[Recommendation, ...]:
    found = tuple(each for each in memory.recent if each.at >= at)
    return found or memory.recent[-1:]


def _limit(spec: Autoscaling, wanted: int) -> Limit:
    if wanted > spec.max_replicas:
        return Limit.AT_MAX
    if wanted < spec.min_replicas:
        return Limit.AT_MIN
    return Limit.NONE


def _held_by(spec: Autoscaling, replicas: int, *, wanted: int, stepped: int) -> str:
    """What keeps the number from the wanted one, in words: a window, a bound, or both."""
    found = []
    if stepped == replicas != wanted:
        found.append(f"held by the scale-{'up' if wanted > replicas else 'down'} window")
    if wanted > spec.max_replicas:
        found.append(f"max is {spec.max_replicas}")
    if wanted < spec.min_replicas:
        found.append(f"min is {spec.min_replicas}")
    return "; ".join(found)


def _reason(inputs: ScaleInputs, wanted: int, bounded: int, replicas: int, held_by: str) -> str:
    why, noun = f" ({held_by})" if held_by else "", inputs.noun
    there = running(replicas, noun)
    if inputs.capacity is None:
        return (
            f"{there}; the learner waits for its first batch, which {wanted} would fill in time"
            f"{why}"
        )
    if bounded > replicas:
        return f"the learner can train more than {noun.count(replicas)} produce{_s(replicas)}"
    if bounded < replicas:
        return f"{noun.count(bounded)} feed{_s(bounded)} the learner"
    if wanted != replicas:
        would = "would keep the learner busy" if wanted > replicas else "would do"
        return f"{there}; {wanted} {would}{why}"
    return f"{there}, which matches the learner"


def _s(number: int) -> str:
    """The ending of a verb of such a number."""
    return "s" if number == 1 else ""


def _rate(per_second: float | None) -> str:
    return "unknown" if per_second is None else f"{per_second:.1f}/s"


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0%}"
