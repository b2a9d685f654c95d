"""What a fleet of training games is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec import Struct
from trainingrun_environments.seam import Environment

from trainingrun_actor.embedded_arena import AnyArena
from trainingrun_actor.inference import Inference
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.policies import Policies
from trainingrun_actor.recorder import Clock
from trainingrun_actor.run_state import RunStatePoller
from trainingrun_actor.sink import Sink
from trainingrun_actor.tapes import Tapes


class Dependencies(Struct, frozen=True):
    """The parts."""

    environment: Environment
    arena: AnyArena
    inference: Inference
    policies: Policies
    sink: Sink
    run_state: RunStatePoller
    metrics: PlayMetrics
    clock: Clock
    tapes: Tapes
    notify: Callable[[str, str], Awaitable[None]]
    """Publish a notice: a reason in CamelCase and a sentence."""
