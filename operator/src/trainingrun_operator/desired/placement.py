"""Where members may run and who admits them: spot nodes, changes to pod templates, Kueue's queue.

Laid over a finished workload, because it is the same for every role and of no weight on a laptop.
What the words mean on a cluster is the backend's to say.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from trainingrun_contracts.api.run import TrainingRun

from trainingrun_operator.desired.workload import Admission, Role, Workload

_ADMITTED: Final = {Role.DAEMON, Role.LEARNER, Role.ACTOR}
"""Roles that a run cannot begin without; the evaluator and Redis take what is left."""


def placed(run: TrainingRun, workload: Workload) -> Workload:
    """The workload with what the spec says of its place."""
    spec = run.spec
    admission = (
        Admission(spec.queue_name, spec.queue_priority_class)
        if spec.queue_name is not None and workload.role in _ADMITTED
        else None
    )
    return replace(
        workload,
        spot=_spot(run, workload.role),
        pod_override=_override(run, workload.role),
        admission=admission,
    )


def _spot(run: TrainingRun, role: Role) -> str:
    match role:
        case Role.DAEMON:
            return run.spec.daemon.spot
        case Role.ACTOR | Role.EVALUATOR:
            return run.spec.actor.spot
        case Role.LEARNER:
            return run.spec.learner.spot
        case Role.REDIS:
            return "Never"


def _override(run: TrainingRun, role: Role) -> str:
    templates = run.spec.pod_template
    given = {
        Role.DAEMON: templates.daemon,
        Role.ACTOR: templates.actor,
        Role.LEARNER: templates.learner,
        Role.EVALUATOR: templates.evaluator,
        Role.REDIS: templates.redis,
    }[role]
    return json.dumps(given, sort_keys=True, separators=(",", ":")) if given else ""
