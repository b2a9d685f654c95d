"""The verb ``validate``: what is wrong with a file, said here or by a cluster."""

from __future__ import annotations

from pathlib import Path

import typer

from trainingrun_operator.cli.decks.folders import check_decks, find_decks
from trainingrun_operator.cli.document import read_document, read_run
from trainingrun_operator.cli.runs.where import Where, cluster_at


def print_valid(file: Path, decks: Path | None) -> None:
    """Say that a file is valid; decks are looked at when their folder is given.

    Raises:
        UserError: it is not.
    """
    run = read_run(file)
    if decks is not None:
        check_decks((deck.name for deck in run.spec.decks), find_decks(file, decks))
    typer.echo(f"{file}: {run.metadata.name} is valid")


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
