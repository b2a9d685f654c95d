"""Where members may run and who admits them: spot nodes, changes to pod templates, Kueue's queue.

Laid over a finished workload, because it is the same for every role and of no weight on a laptop.
What the words mean on a cluster is the backend's to say.
"""

from __future__ import annotations

import json
from dataclasses import replace

from trainingrun_api.pod_template import PodTemplate, laid_over
from trainingrun_api.run import TrainingRun

from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.workload import Admission, Workload


def placed(run: TrainingRun, workload: Workload) -> Workload:
    """The workload with what the spec says of its place."""
    declared = ROLES[workload.role]
    section = declared.section(run.spec)
    admission = (
        Admission(run.queue, run.queue_priority)
        if run.queue is not None and declared.waits_for_quota
        else None
    )
    return replace(
        workload,
        spot=section.spot,
        pod_override=_override(section.template),
        admission=admission,
    )


def _override(template: PodTemplate | None) -> str:
    given = laid_over(template)
    return json.dumps(given, sort_keys=True, separators=(",", ":")) if given else ""
