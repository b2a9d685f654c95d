"""The verb ``validate``: what is wrong with a file, said here or by a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import typer
from trainingrun_contracts.api.run import TrainingRun

from trainingrun_operator.backends import RunIdentity
from trainingrun_operator.backends.kubernetes.render.access import SecretKey
from trainingrun_operator.backends.kubernetes.render.template import (
    OverrideError,
    finished_template,
)
from trainingrun_operator.cli.decks.folders import check_decks, find_decks
from trainingrun_operator.cli.document import read_document, read_run
from trainingrun_operator.cli.errors import UserError
from trainingrun_operator.cli.runs.where import Where, cluster_at
from trainingrun_operator.desired.workloads import workloads
from trainingrun_operator.settings import Settings

_ANY_SECRET: Final = SecretKey("any", "url")


def print_valid(file: Path, decks: Path | None) -> None:
    """Say that a file is valid; decks are looked at when their folder is given.

    Raises:
        UserError: it is not.
    """
    run = read_run(file)
    if decks is not None:
        check_decks((deck.name for deck in run.spec.decks), find_decks(file, decks))
    _check_overrides(file, run)
    typer.echo(f"{file}: {run.metadata.name} is valid")


def _check_overrides(file: Path, run: TrainingRun) -> None:
    """Lay the changes of pod templates over what would be rendered, as an operator does.

    Raises:
        UserError: one does not fit, or weakens a pod.
    """
    identity = RunIdentity(run.metadata.namespace, run.metadata.name, run.metadata.uid)
    for workload in workloads(run, Settings(), daemons=1).values():
        try:
            finished_template(identity, workload, _ANY_SECRET, unsafe_overrides=False)
        except OverrideError as error:
            raise UserError(f"{file}: {error}") from error


def print_valid_there(file: Path, where: Where) -> None:
    """Have a cluster check a file as if it were applied: its version of the API, what its
    admission allows, fields that cannot change. Nothing is written.

    Raises:
        UserError: it is not valid here, or the cluster refuses it.
    """
    run, document = read_run(file), read_document(file)
    with cluster_at(where) as runs:
        runs.check(document)
        typer.echo(f"{file}: {run.metadata.name} is valid, also for {runs.title}")
