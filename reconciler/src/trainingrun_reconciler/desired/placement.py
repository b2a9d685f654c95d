"""Where members may run and who admits them: spot nodes, changes to pod templates, Kueue's queue.

Laid over a finished workload, because it is the same for every role and of no weight on a laptop.
What the words mean on a cluster is the backend's to say.
"""

from __future__ import annotations

import json
from dataclasses import replace

from trainingrun_api.pod_template import laid_over
from trainingrun_api.run import TrainingRun

from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Section
from trainingrun_reconciler.roles.workload import Admission, Role, Workload


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
        pod_override=_override(section, workload.role),
        admission=admission,
    )


def _override(section: Section, role: Role) -> str:
    """The template; two roles may share a section, whose container then is that of either."""
    given = laid_over(section.template)
    own = section.container.name if section.container is not None else role.value
    for container in given.get("spec", {}).get("containers", ()):
        if container["name"] == own:
            container["name"] = role.value
    return json.dumps(given, sort_keys=True, separators=(",", ":")) if given else ""
