"""A TrainingRun as the cluster has it, for verbs that only look.

Does not belong here: writing anything to a cluster; that is kubectl's and the operator's work.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from trainingrun_contracts.api.run import SpecError, TrainingRun, parse

from trainingrun_operator.backends import BackendError
from trainingrun_operator.backends.kubernetes.client import Client, Document, load_configuration
from trainingrun_operator.backends.kubernetes.errors import NotFoundError
from trainingrun_operator.backends.kubernetes.kinds import TRAINING_RUN
from trainingrun_operator.cli.errors import UserError


@dataclass(frozen=True)
class ClusterPlace:
    """Where a run is; without a file or a context, those that kubectl would use."""

    namespace: str
    kubeconfig: Path | None = None
    context: str | None = None


def cluster_run(name: str, place: ClusterPlace) -> TrainingRun:
    """The run with its status.

    Raises:
        UserError: no such run, no access, or one of another version of the API.
    """
    if place.kubeconfig is not None and not place.kubeconfig.is_file():
        raise UserError(
            f"--kubeconfig {place.kubeconfig}: there is no such file: give the one that kubectl"
            " uses"
        )
    try:
        return parse(asyncio.run(_read(name, place)))
    except NotFoundError as error:
        raise UserError(
            f"no TrainingRun {name} in namespace {place.namespace}: kubectl get trainingruns -A"
            " shows those that are there"
        ) from error
    except BackendError as error:
        raise UserError(f"{name}: {error}") from error
    except SpecError as error:
        raise UserError(f"{name}: this version cannot read it: {error}") from error


async def _read(name: str, place: ClusterPlace) -> Document:
    client = Client(await load_configuration(place.kubeconfig, context=place.context))
    try:
        return await client.get(TRAINING_RUN.path(place.namespace, name))
    finally:
        await client.close()
