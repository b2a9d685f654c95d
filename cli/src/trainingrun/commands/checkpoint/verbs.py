"""The verbs ``list``, ``verify`` and ``pull``.

Exit codes: 0 fine; 1 a checkpoint is damaged, or there is no whole one to pull; 2 the user must
change something.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from trainingrun_contracts.checkpoints import CheckpointListing, CheckpointState

from trainingrun.commands.candidates import complete_checkpoint, complete_run
from trainingrun.commands.checkpoint.places import place_of
from trainingrun.commands.checkpoint.table import print_table
from trainingrun.commands.checkpoint.tool import ask
from trainingrun.commands.grammar import Verbs
from trainingrun.commands.options import STATE, LocalStateOption, Output, OutputOption
from trainingrun.commands.output import moment, write
from trainingrun.commands.terminal import console_for_tables, echo

_HELP: Final = "Checkpoints of a run: list them, verify every byte, copy one."

checkpoint = Verbs(name="checkpoint", help=_HELP)

TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME|PATH|URL",
        help="A local run, a folder, or s3://bucket/prefix; also one checkpoint in them.",
        autocompletion=complete_run,
    ),
]
EndpointOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Of an S3-compatible service. Default: the run's, or AWS."),
]


@checkpoint.callback()
def checkpoint_group() -> None:
    """Checkpoints of a run: list them, verify every byte, copy one."""


@checkpoint.verb(
    "list",
    examples=(
        "trainingrun checkpoint list quickstart",
        "trainingrun checkpoint list s3://bucket/team/run -o json",
    ),
)
def list_checkpoints(
    target: TargetArgument,
    *,
    state: LocalStateOption = STATE,
    endpoint_url: EndpointOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """List checkpoints, newest first, by what their manifests say."""
    place = place_of(target, state=state, endpoint_url=endpoint_url)
    _show(ask("ls", place).listing, output)


@checkpoint.verb(examples=("trainingrun checkpoint verify quickstart",))
def verify(
    target: TargetArgument,
    *,
    state: LocalStateOption = STATE,
    endpoint_url: EndpointOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Read every byte of every checkpoint and compare it with its SHA-256.

    Exit code 1: one is damaged. A learner passes over it and takes an older one.
    """
    answer = ask("verify", place_of(target, state=state, endpoint_url=endpoint_url))
    _show(answer.listing, output)
    raise typer.Exit(answer.code)


@checkpoint.verb(
    examples=(
        "trainingrun checkpoint pull quickstart --to models",
        "trainingrun checkpoint pull s3://bucket/team/run --checkpoint best",
    )
)
def pull(
    target: TargetArgument,
    *,
    to: Annotated[
        Path, typer.Option(metavar="DIR", help="Gets a folder of the checkpoint's name.")
    ] = Path(),
    which: Annotated[
        str,
        typer.Option(
            "--checkpoint",
            metavar="CHECKPOINT",
            help="A name, or: newest, best.",
            autocompletion=complete_checkpoint,
        ),
    ] = "newest",
    state: LocalStateOption = STATE,
    endpoint_url: EndpointOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Copy a checkpoint, verified, whole or not at all; of damaged ones, the next older."""
    place = place_of(target, state=state, endpoint_url=endpoint_url)
    answer = ask("pull", place, "--to", str(to), "--checkpoint", which)
    if answer.listing is None:
        echo(f"trainingrun: {answer.sentence}", err=True)
        raise typer.Exit(answer.code)
    for row in answer.listing.checkpoints:
        if row.state is CheckpointState.DAMAGED:
            echo(f"trainingrun: {row.name} is passed over: {row.why}", err=True)
    if output.is_for_programs:
        _show(answer.listing, output)
    else:
        echo(answer.listing.pulled or "")


def _show(listing: CheckpointListing | None, output: Output) -> None:
    if listing is None:
        return
    if output.is_for_programs:
        document = msgspec.to_builtins(listing)
        for row in document["checkpoints"]:
            row["saved_at"] = moment(row.get("saved_at"))
        write(document, output)
        return
    wide = output is Output.WIDE
    print_table(listing, console_for_tables(), now=datetime.now(tz=UTC), wide=wide)
