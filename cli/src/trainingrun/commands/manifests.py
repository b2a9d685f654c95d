"""The verb ``render``: what the operator would write to a cluster, as YAML.

The Secrets with the passwords of a managed Redis and the daemons' token are left out, and so are
decks out of ConfigMaps that are not in the file: they are made on the cluster. Daemons are shown at
their minimum, because their number follows the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trainingrun_reconciler.backends import SharedResources
from trainingrun_reconciler.controller.state import shared_resources
from trainingrun_reconciler.desired.own_decks import inline_files
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.manifests.access import decks_map, redis_url_key
from trainingrun_reconciler.manifests.metadata import Manifest
from trainingrun_reconciler.manifests.objects import role_objects, shared_objects
from trainingrun_reconciler.manifests.template import OverrideError
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.settings import Settings

from trainingrun.commands.document import read_run
from trainingrun.commands.errors import UserError
from trainingrun.commands.output import Output, write_all

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
    """Return all manifests of the run in a file, in the order in which they are written.

    Raises:
        UserError: the file is not valid.
    """
    run = read_run(file, changes=changes)
    placed = {"uid": run.metadata.uid or _UID, "namespace": namespace or run.metadata.namespace}
    metadata = run.metadata.model_copy(update=placed)
    run = run.model_copy(update={"metadata": metadata})
    settings = Settings()
    identity = RunIdentity(metadata.namespace, metadata.name, metadata.uid)
    shared: SharedResources = shared_resources(run, settings)
    roles = workloads(run, settings, scaled=run.spec.daemon.autoscaling.min_replicas)
    made = [*shared_objects(identity, shared)]
    if shared.decks:
        made.append(decks_map(identity, inline_files(shared.decks)))
    for workload in roles.values():
        url = redis_url_key(identity, shared, user=workload.role.value)
        try:
            made.extend(role_objects(identity, workload, url, operator_namespace=None))
        except OverrideError as error:
            raise UserError(f"{file}: {error}") from error
    return made
