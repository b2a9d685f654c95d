"""The Python SDK: training runs on a cluster and on this machine, with one interface.

    from trainingrun_contracts.client import ClusterPlace, connect

    with connect(ClusterPlace(namespace="training")) as runs:
        runs.submit(document)
        run = runs.wait("standard-ppo", "Succeeded", timeout=3600)

Belongs here: the interface, its values and errors, and what is the same for every place. Does not
belong here: a place itself. Those are found through the entry points ``trainingrun.clients``
(``docs/adr/0017``), so that this package needs neither a Kubernetes client nor the local runtime;
installing ``trainingrun-operator`` brings both.
"""

from trainingrun_contracts.client.connecting import connect
from trainingrun_contracts.client.errors import (
    ClientError,
    NotReachable,
    RunEnded,
    RunNotFound,
    RunRefused,
    WaitTimeout,
)
from trainingrun_contracts.client.interface import TrainingRuns
from trainingrun_contracts.client.values import (
    ClusterPlace,
    Event,
    LocalPlace,
    LogLine,
    LogQuery,
    Member,
    Place,
)

__all__ = [
    "connect", "TrainingRuns",
    "Place", "LocalPlace", "ClusterPlace",
    "Event", "Member", "LogLine", "LogQuery",
    "ClientError", "RunNotFound", "RunRefused", "RunEnded", "WaitTimeout", "NotReachable",
]  # fmt: skip
