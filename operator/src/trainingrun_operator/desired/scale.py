"""The autoscaling law: how many daemons keep the learner fed, and no more.

Daemons *produce* what is queued. A law that adds daemons when the queue is long therefore starves
the learner or buys daemons without end; this one matches rates instead. With C the learner's
capacity (what it could train per second if it never waited), p the production of one daemon that
is not paused by back-pressure, q what is queued and q* what should be:

    wanted = (C (1 + 5 %) + (q* - q) / T) / p        q* = min(targetLag C, high water / 4)

Only numbers of daemons are decided here. Which daemon goes, and when, is ``draining``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

from trainingrun_contracts.api.model import step_size
from trainingrun_contracts.api.spec import Autoscaling

SURPLUS: Final = 0.05
CORRECTION_SECONDS: Final = 120.0
PAUSED_LIMIT: Final = 0.05
STALE_SECONDS: Final = 15.0
PRIOR_PER_SLOT: Final = 5.0
"""Transitions per second of one game, until it is measured."""
_LEAST_STEP_UP: Final = 4
"""A relative step up is never smaller than this: doubling one daemon at a time is slow."""
_STEP_DOWN_SECONDS: Final = 60.0


class Limit(Enum):
    """What kept the number of daemons from what the rates ask for; reasons of ScalingLimited."""

    NONE = "None"
    AT_MAX = "AtMax"
    AT_MIN = "AtMin"
    METRIC_UNAVAILABLE = "MetricUnavailable"


@dataclass(frozen=True)
class ScaleInputs:
    """What the law looks at. Rates are transitions per second; None is unknown."""

    at: float
    replicas: int
    slots: int
    queued: int
    high_water: int
    capacity: float | None
    produced_per_daemon: float | None
    paused: float | None

    def described(self) -> str:
        """The inputs in words, for status."""
        return (
            f"learner capacity {_number(self.capacity)}/s, production"
            f" {_number(self.produced_per_daemon)}/s per daemon, queued {self.queued} of"
            f" {self.high_water}, actors paused {_number(self.paused, percent=True)}"
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


def scale(
    spec: Autoscaling, inputs: ScaleInputs | None, memory: ScaleMemory, *, replicas: int, now: float
) -> ScaleDecision:
    """The number of daemons for these inputs.

    Args:
        spec: bounds, target and windows.
        inputs: the measured state; None when Redis could not be asked.
        memory: from the decision before.
        replicas: how many daemons are asked for now.
        now: Unix seconds.
    """
    missing = _missing(inputs, now=now)
    if inputs is None or missing:
        held = min(max(replicas, spec.min_replicas), spec.max_replicas)
        return ScaleDecision(
            held, f"hold: {missing}", Limit.METRIC_UNAVAILABLE, inputs, ScaleMemory()
        )
    wanted = _wanted(spec, inputs, replicas)
    memory = _remembered(spec, memory, Recommendation(now, wanted, replicas), now=now)
    steady = _stabilised(spec, memory, now=now)
    stepped = _stepped(spec, memory, steady, now=now)
    bounded = min(max(stepped, spec.min_replicas), spec.max_replicas)
    limit = _limit(spec, wanted)
    return ScaleDecision(bounded, _reason(wanted, bounded, replicas), limit, inputs, memory)


def _missing(inputs: ScaleInputs | None, *, now: float) -> str:
    """What is not known, in words; empty when all is."""
    if inputs is None:
        return "Redis cannot be asked"
    if now - inputs.at > STALE_SECONDS:
        return f"the newest figures are {now - inputs.at:.0f} s old"
    if inputs.capacity is None:
        return "the learner's capacity is not known yet"
    if inputs.paused is None:
        return "no actor reports yet"
    return ""


def _wanted(spec: Autoscaling, inputs: ScaleInputs, replicas: int) -> int:
    """What the rates ask for, before windows, steps and bounds."""
    capacity = inputs.capacity or 0.0
    each = inputs.produced_per_daemon or inputs.slots * PRIOR_PER_SLOT
    target = min(spec.target_lag_seconds * capacity, inputs.high_water / 4)
    correction = (target - inputs.queued) / CORRECTION_SECONDS
    exact = max(0.0, (capacity * (1 + SURPLUS) + correction) / each)
    if replicas and abs(exact / replicas - 1) <= spec.tolerance:
        return replicas
    wanted = math.ceil(exact)
    held_back = (inputs.paused or 0.0) > PAUSED_LIMIT
    return min(wanted, replicas) if held_back else wanted


def _remembered(
    spec: Autoscaling, memory: ScaleMemory, new: Recommendation, *, now: float
) -> ScaleMemory:
    """The memory with the new recommendation and without what no window reaches.

    An empty memory starts with what there is, so that a restarted operator waits a full window
    before it takes daemons away.
    """
    recent = memory.recent or (Recommendation(now, new.replicas, new.replicas),)
    longest = max(spec.scale_up.window_seconds, spec.scale_down.window_seconds, _STEP_DOWN_SECONDS)
    kept = tuple(each for each in recent if now - each.at <= longest)
    return ScaleMemory((*kept, new))


def _stabilised(spec: Autoscaling, memory: ScaleMemory, *, now: float) -> int:
    """Up to the lowest of the up window, down to the highest of the down window."""
    low = min(each.wanted for each in _since(memory, now - spec.scale_up.window_seconds))
    high = max(each.wanted for each in _since(memory, now - spec.scale_down.window_seconds))
    return min(max(memory.recent[-1].replicas, low), high)


def _stepped(spec: Autoscaling, memory: ScaleMemory, steady: int, *, now: float) -> int:
    """No more than one step away from what there was at the start of the step's period."""
    replicas = memory.recent[-1].replicas
    if steady > replicas:
        lowest = min(each.replicas for each in _since(memory, now - spec.scale_up.window_seconds))
        step = step_size(spec.scale_up.max_step, replicas=lowest)
        if spec.scale_up.max_step.endswith("%"):
            step = max(step, _LEAST_STEP_UP)
        return min(steady, max(replicas, lowest + step))
    highest = max(each.replicas for each in _since(memory, now - _STEP_DOWN_SECONDS))
    step = step_size(spec.scale_down.max_step, replicas=highest)
    return max(steady, min(replicas, highest - step))


def _since(memory: ScaleMemory, at: float) -> tuple[Recommendation, ...]:
    found = tuple(each for each in memory.recent if each.at >= at)
    return found or memory.recent[-1:]


def _limit(spec: Autoscaling, wanted: int) -> Limit:
    if wanted > spec.max_replicas:
        return Limit.AT_MAX
    if wanted < spec.min_replicas:
        return Limit.AT_MIN
    return Limit.NONE


def _reason(wanted: int, bounded: int, replicas: int) -> str:
    if bounded > replicas:
        return f"the learner can train more than {replicas} daemons produce"
    if bounded < replicas:
        return f"{bounded} daemons feed the learner"
    if wanted != replicas:
        return f"{wanted} daemons would match the learner; windows or bounds hold {replicas}"
    return "production matches the learner"


def _number(value: float | None, *, percent: bool = False) -> str:
    if value is None:
        return "unknown"
    return f"{value:.0%}" if percent else f"{value:.1f}"
