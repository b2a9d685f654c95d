"""The verb ``render``: what the operator would write to a cluster, as YAML.

The Secrets with the passwords of a managed Redis and the daemons' token are left out: they are made
on the cluster. Daemons are shown at
their minimum, because their number follows the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trainingrun_operator.backends import Ground, RunIdentity
from trainingrun_operator.backends.kubernetes.render.access import redis_url_key
from trainingrun_operator.backends.kubernetes.render.metadata import Manifest
from trainingrun_operator.backends.kubernetes.render.objects import role_objects, shared_objects
from trainingrun_operator.backends.kubernetes.render.template import OverrideError
from trainingrun_operator.cli.document import read_run
from trainingrun_operator.cli.errors import UserError
from trainingrun_operator.cli.runs.output import Output, write_all
from trainingrun_operator.controller.loop import ground_of
from trainingrun_operator.desired.workloads import workloads
from trainingrun_operator.settings import Settings

_UID: Final = "00000000-0000-0000-0000-000000000000"
"""Stands where the cluster puts the run's own identity."""


def print_manifests(
    file: Path, output: Output, *, namespace: str | None, changes: Sequence[str] = ()
) -> None:
    """Print all manifests of a run, as YAML documents or as one list in JSON.

    Raises:
        UserError: the file is not valid.
    """
    write_all(manifests_of(file, namespace=namespace, changes=changes), output)


def manifests_of(
    file: Path, *, namespace: str | None = None, changes: Sequence[str] = ()
) -> list[Manifest]:
    """All manifests of the run in a file, in the order in which they are written.

    Raises:
        UserError: the file is not valid.
    """
    run = read_run(file, changes=changes)
    placed = {"uid": run.metadata.uid or _UID, "namespace": namespace or run.metadata.namespace}
    metadata = run.metadata.model_copy(update=placed)
    run = run.model_copy(update={"metadata": metadata})
    settings = Settings()
    identity = RunIdentity(metadata.namespace, metadata.name, metadata.uid)
    ground: Ground = ground_of(run, settings)
    roles = workloads(run, settings, daemons=run.spec.daemon.autoscaling.min_replicas)
    made = [*shared_objects(identity, ground)]
    for workload in roles.values():
        url = redis_url_key(identity, ground, user=workload.role.value)
        try:
            made.extend(role_objects(identity, workload, url, operator_namespace=None))
        except OverrideError as error:
            raise UserError(f"{file}: {error}") from error
    return made
