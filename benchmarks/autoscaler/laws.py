"""The laws that are compared: each says how many daemons there should be, from what it is shown.

Ours is the product's own code. The others get the same measurements, and the windows and steps that
an HPA would be given here. The ideal is no law: it knows the trace.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from trainingrun_api.spec import Autoscaling
from trainingrun_reconciler.desired.rates import Average, Rates
from trainingrun_reconciler.desired.scale import ScaleDecision, ScaleInputs, ScaleMemory, scale

from benchmarks.autoscaler.traces import Trace

AHEAD: Final = 55
"""Seconds before they are needed that the ideal starts daemons."""
LOOK_SECONDS: Final = 2.0
IDEAL_SURPLUS: Final = 0.02


@dataclass(frozen=True)
class Look:
    """What every law is shown. ``inputs`` is None while Redis cannot be asked."""

    now: int
    replicas: int
    ready: int
    inputs: ScaleInputs | None
    rates: Rates


class Law(Protocol):
    """How many daemons; ``drains`` says whether they leave by the drain protocol."""

    drains: bool

    def __call__(self, look: Look) -> int: ...


class Ours:
    """The product's law with its memory; keeps its decisions."""

    drains = True

    def __init__(self, spec: Autoscaling) -> None:
        self._spec = spec
        self._memory = ScaleMemory()
        self.decisions: list[ScaleDecision] = []

    def __call__(self, look: Look) -> int:
        decision = scale(
            self._spec, look.inputs, self._memory, replicas=look.replicas, now=float(look.now)
        )
        self._memory = decision.memory
        self.decisions.append(decision)
        return decision.replicas


@dataclass
class Behaviour:
    """An HPA's behaviour: 15 s up by 100 % or 4 pods, 300 s down by 10 % a minute."""

    spec: Autoscaling
    recent: deque[tuple[int, int, int]] = field(default_factory=deque)

    def bound(self, look: Look, wanted: int) -> int:
        """The wanted number after windows, steps and bounds."""
        while self.recent and self.recent[0][0] < look.now - 300:
            self.recent.popleft()
        self.recent.append((look.now, wanted, look.replicas))
        quick = [each for each in self.recent if each[0] >= look.now - 15]
        if (low := min(each[1] for each in quick)) > look.replicas:
            least = min(each[2] for each in quick)
            number = min(low, max(look.replicas, 2 * least, least + 4))
        elif (high := max(each[1] for each in self.recent)) < look.replicas:
            most = max(each[2] for each in self.recent if each[0] >= look.now - 60)
            number = max(high, min(look.replicas, most - math.ceil(most / 10)))
        else:
            number = look.replicas
        return min(max(number, self.spec.min_replicas), self.spec.max_replicas)


@dataclass
class Peer:
    """A law of somebody else: a formula under an HPA's behaviour, held while it has no figures.

    It gets the queue as an average over a minute: a batch at a time is taken from it.
    """

    formula: Callable[[Look, ScaleInputs], float | None]
    behaviour: Behaviour
    drains: bool = True
    queued: Average = field(default_factory=Average)

    def __call__(self, look: Look) -> int:
        exact = None
        if look.inputs is not None:
            self.queued = self.queued.with_sample(look.inputs.queued, seconds=LOOK_SECONDS)
            queued = round(self.queued.total / self.queued.weight)
            exact = self.formula(look, replace(look.inputs, queued=queued))
        if exact is None:
            return max(look.replicas, self.behaviour.spec.min_replicas)
        if look.replicas and abs(exact / look.replicas - 1) <= self.behaviour.spec.tolerance:
            return self.behaviour.bound(look, look.replicas)
        return self.behaviour.bound(look, math.ceil(exact))


def keda(_look: Look, inputs: ScaleInputs) -> float | None:
    """Queue length over a target for each replica, a quarter of what the ideal holds."""
    return inputs.queued / (inputs.high_water / 4 / 10)


def depth(look: Look, inputs: ScaleInputs) -> float | None:
    """The right sign: a queue below its target asks for more, at most twice, at least half."""
    target = 0.75 * inputs.high_water
    return look.replicas * min(2.0, max(0.5, target / max(1, inputs.queued)))


def naive(look: Look, inputs: ScaleInputs) -> float | None:
    """The learner's capacity over what a ready daemon gives, back-pressure or not."""
    produced, capacity = look.rates.produced, inputs.capacity
    if not produced or capacity is None or not look.ready:
        return None
    return capacity * 1.05 / (produced / look.ready)


class Ideal:
    """Knows capacity, start-up and losses: as many as needed, started in time."""

    drains = True

    def __init__(self, trace: Trace, spec: Autoscaling) -> None:
        self._trace, self._spec = trace, spec

    def __call__(self, look: Look) -> int:
        now, trace = look.now, self._trace
        wanted = max(self._exact(now), self._exact(now + AHEAD))
        for later in range(now, now + AHEAD):
            for share in (*trace.crashes(later), *trace.reclaimed(later)):
                wanted = wanted / (1 - share)
        return min(max(math.ceil(wanted), self._spec.min_replicas), self._spec.max_replicas)

    def _exact(self, now: int) -> float:
        while not self._trace.capacity(now):
            now -= 1
        return self._trace.capacity(now) * (1 + IDEAL_SURPLUS) / self._trace.per_daemon(now)


def laws(trace: Trace, spec: Autoscaling) -> dict[str, Law]:
    """A fresh one of each."""
    return {
        "ideal": Ideal(trace, spec),
        "ours": Ours(spec),
        "depth, right sign": Peer(depth, Behaviour(spec)),
        "naive division": Peer(naive, Behaviour(spec)),
        "KEDA": Peer(keda, Behaviour(spec), drains=False),
    }
