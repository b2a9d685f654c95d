"""How a run asks Kueue for admission: by labels alone, so that Kueue need not be there to render.

The learner is a suspended Job, which Kueue lets begin when its queue has the quota; the pods of a
labelled Deployment are held by Kueue's own scheduling gates, one by one. The gates are Kueue's to
put and to take away: without it they would stay for ever, so they are not put.
"""

from __future__ import annotations

from trainingrun_api.run import PRIORITY_LABEL, QUEUE_LABEL

from trainingrun_reconciler.roles.workload import Workload


def admission_labels(workload: Workload) -> dict[str, str]:
    """The labels of a workload that shall be admitted; none for one that needs no admission."""
    admission = workload.admission
    if admission is None:
        return {}
    found = {QUEUE_LABEL: admission.queue}
    if admission.priority_class is not None:
        found[PRIORITY_LABEL] = admission.priority_class
    return found
