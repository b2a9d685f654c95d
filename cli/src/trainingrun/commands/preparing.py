"""The verbs ``validate`` and ``render``; what they do is in ``validating`` and ``manifests``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from trainingrun.commands.errors import UserError
from trainingrun.commands.grammar import Panel, Verbs
from trainingrun.commands.options import (
    ContextOption,
    DecksOption,
    FileOption,
    KubeconfigOption,
    NamespaceOption,
    Output,
    OutputOption,
    SetOption,
)
from trainingrun.commands.runs.target import Where
from trainingrun.commands.validating import validate_file


class Manifests(StrEnum):
    """How manifests are written."""

    YAML = "yaml"
    JSON = "json"


def add_preparing(app: Verbs) -> None:
    """Add the verbs to the command."""
    app.verb(
        panel=Panel.PREPARE,
        examples=(
            "trainingrun validate -f run.yaml",
            "trainingrun validate -f run.yaml --server -n training",
            "trainingrun validate -f run.yaml -o json",
            "trainingrun validate -f league.yaml",
        ),
    )(validate)
    app.verb(
        panel=Panel.PREPARE,
        examples=(
            "trainingrun render -f run.yaml | kubectl diff -f -",
            "trainingrun render -f run.yaml -n training -o json",
        ),
    )(render)


def validate(
    *,
    file: FileOption,
    changes: SetOption = None,
    decks: DecksOption = None,
    server: Annotated[
        bool,
        typer.Option("--server", help="Have a cluster check it too; nothing is written."),
    ] = False,
    output: OutputOption = Output.TABLE,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    kubeconfig: KubeconfigOption = None,
) -> None:
    """Check a TrainingRun and its decks, a League or a Tournament: name every wrong field."""
    where = Where(namespace=namespace, context=context, kubeconfig=kubeconfig)
    if not server and where.names_a_cluster:
        raise UserError("--namespace, --context and --kubeconfig are for --server: give it too")
    validate_file(
        file,
        decks,
        output,
        changes=changes or (),
        server=where if server else None,
    )


def render(
    *,
    file: FileOption,
    changes: SetOption = None,
    namespace: Annotated[
        str | None,
        typer.Option(
            "-n", "--namespace", metavar="NAMESPACE", help="Default: the file's, or default."
        ),
    ] = None,
    output: Annotated[
        Manifests, typer.Option("-o", "--output", help="Form of the output.")
    ] = Manifests.YAML,
) -> None:
    """Print the manifests that the operator would make of a TrainingRun."""
    # Imported here because it brings the Kubernetes client, which takes half a second.
    from trainingrun.commands.manifests import print_manifests  # noqa: PLC0415

    print_manifests(file, Output(output.value), namespace=namespace, changes=changes or ())
