"""The verbs ``ls``, ``verify`` and ``pull``.

Exit codes: 0 fine; 1 a checkpoint is damaged, or there is no whole one to pull; 2 the user must
change something.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from trainingrun_contracts.checkpoints import CheckpointListing, CheckpointState

from trainingrun_operator.cli.checkpoint.places import place_of
from trainingrun_operator.cli.checkpoint.table import print_table
from trainingrun_operator.cli.checkpoint.tool import ask

_STATE: Final = Path(".trainingrun")
_HELP: Final = "Checkpoints of a run: list them, verify every byte, copy one."

checkpoint = typer.Typer(name="checkpoint", help=_HELP, no_args_is_help=True)

TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME|PATH|s3://…",
        help="A local run, a folder, or a bucket; also one checkpoint in them.",
    ),
]
StateOption = Annotated[Path, typer.Option(help="Folder that holds one folder per local run.")]
EndpointOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Of an S3-compatible service. Default: the run's, or AWS."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document, for programs.")]


@checkpoint.callback()
def checkpoint_group() -> None:
    """Checkpoints of a run: list them, verify every byte, copy one."""


@checkpoint.command(
    epilog="Examples:\n\ntrainingrun checkpoint ls quickstart\n\n"
    "trainingrun checkpoint ls s3://bucket/team/run --json"
)
def ls(
    target: TargetArgument,
    *,
    state: StateOption = _STATE,
    endpoint_url: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """List checkpoints, newest first, by what their manifests say."""
    place = place_of(target, state=state, endpoint_url=endpoint_url)
    _show(ask("ls", place).listing, as_json=as_json)


@checkpoint.command(epilog="Example: trainingrun checkpoint verify quickstart")
def verify(
    target: TargetArgument,
    *,
    state: StateOption = _STATE,
    endpoint_url: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read every byte of every checkpoint and compare it with its SHA-256.

    Exit code 1: one is damaged. A learner passes over it and takes an older one.
    """
    answer = ask("verify", place_of(target, state=state, endpoint_url=endpoint_url))
    _show(answer.listing, as_json=as_json)
    raise typer.Exit(answer.code)


@checkpoint.command(
    epilog="Examples:\n\ntrainingrun checkpoint pull quickstart --to models\n\n"
    "trainingrun checkpoint pull s3://bucket/team/run --checkpoint best"
)
def pull(
    target: TargetArgument,
    *,
    to: Annotated[
        Path, typer.Option(metavar="DIR", help="Gets a folder of the checkpoint's name.")
    ] = Path(),
    which: Annotated[
        str, typer.Option("--checkpoint", help="A name, or: newest, best.")
    ] = "newest",
    state: StateOption = _STATE,
    endpoint_url: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a checkpoint, verified, whole or not at all; of damaged ones, the next older."""
    place = place_of(target, state=state, endpoint_url=endpoint_url)
    answer = ask("pull", place, "--to", str(to), "--checkpoint", which)
    if answer.listing is None:
        typer.echo(f"trainingrun: {answer.sentence}", err=True)
        raise typer.Exit(answer.code)
    for row in answer.listing.checkpoints:
        if row.state is CheckpointState.DAMAGED:
            typer.echo(f"trainingrun: {row.name} is passed over: {row.why}", err=True)
    if as_json:
        _show(answer.listing, as_json=True)
    else:
        typer.echo(answer.listing.pulled)


def _show(listing: CheckpointListing | None, *, as_json: bool) -> None:
    if listing is None:
        return
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(listing), indent=2).decode())
        return
    print_table(listing, Console(highlight=False), now=datetime.now(tz=UTC))
