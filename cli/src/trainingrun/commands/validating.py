"""The verb ``validate``: what is wrong with a file, said here or by a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trainingrun_api.league import LEAGUE
from trainingrun_api.run import TrainingRun
from trainingrun_api.tournament import TOURNAMENT
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.manifests.access import SecretKey
from trainingrun_reconciler.manifests.template import (
    OverrideError,
    finished_template,
)
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.settings import Settings

from trainingrun.commands.deck_folders import check_decks, decks_near, find_decks
from trainingrun.commands.document import Source, read_source, run_of
from trainingrun.commands.errors import UserError
from trainingrun.commands.output import Output, write
from trainingrun.commands.runs.target import Where, cluster_at, resources_at
from trainingrun.commands.terminal import echo

_OF_LEAGUES: Final = (LEAGUE, TOURNAMENT)
_ANY_SECRET: Final = SecretKey("any", "url")


def check_here(source: Source, decks: Path | None) -> str:
    """Check all of a file that can be checked without a cluster; return the resource's name.

    Decks are searched for where ``trainingrun local`` would find them. Where there is no folder of
    decks, none was given, and a cluster's daemons may hold them, their names are left unchecked.

    Raises:
        UserError: something in it is wrong.
    """
    for definition in _OF_LEAGUES:
        if source.kind == definition.kind:
            return source.read(definition).metadata.name
    run = run_of(source)
    if run.spec.daemon.external is None and run.spec.environment.is_magic:
        folder = decks_near(source.file) if decks is None else find_decks(source.file, decks)
        if folder is not None:
            check_decks((deck.name for deck in run.spec.decks if not deck.is_own), folder)
    _check_overrides(source.file, run)
    return run.metadata.name


def _check_overrides(file: Path, run: TrainingRun) -> None:
    """Lay the changes of pod templates over what would be rendered, as an operator does.

    Raises:
        UserError: one does not fit, or weakens a pod.
    """
    identity = RunIdentity(run.metadata.namespace, run.metadata.name, run.metadata.uid)
    for workload in workloads(run, Settings(), scaled=1).values():
        try:
            finished_template(identity, workload, _ANY_SECRET, unsafe_overrides=False)
        except OverrideError as error:
            raise UserError(f"{file}: {error}") from error


def check_there(source: Source, where: Where) -> str:
    """Have a cluster check a file as if it were applied: its version of the API, what its
    admission allows, fields that cannot change. Nothing is written; returns which cluster it was.

    Raises:
        UserError: the cluster refuses it.
    """
    document = source.alone()
    for definition in _OF_LEAGUES:
        if source.kind == definition.kind:
            with resources_at(where, definition) as resources:
                resources.check(document)
                return resources.title
    with cluster_at(where) as runs:
        runs.check(document)
        return runs.title


def validate_file(
    file: Path,
    decks: Path | None,
    output: Output,
    *,
    changes: Sequence[str] = (),
    server: Where | None = None,
) -> None:
    """Print whether a file is valid; for programs as one document, also when it is not.

    With ``server``, the cluster there is asked as well.

    Raises:
        UserError: it is not valid.
    """
    try:
        source = read_source(file, changes=changes)
        name = check_here(source, decks)
        there = check_there(source, server) if server is not None else ""
    except UserError as error:
        if output.is_for_programs:
            write({"file": str(file), "valid": False, "problems": str(error).splitlines()}, output)
        raise
    if output.is_for_programs:
        found = {"file": str(file), "valid": True, "problems": [], "name": name}
        write(found, output)
        return
    echo(f"{file}: {name} is valid" + (f", also for {there}" if there else ""))
