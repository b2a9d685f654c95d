"""The verbs of ``trainingrun models``."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trainingrun.commands.grammar import Verbs
from trainingrun.commands.league.tables import model_lines, models_table
from trainingrun.commands.league.target import WhichLeague, league_at
from trainingrun.commands.options import Output, OutputOption
from trainingrun.commands.output import write
from trainingrun.commands.terminal import console, console_for_tables, echo, printable_line
from trainingrun.sdk.league_values import Stage

_HELP = "Models of a league: list, push, promote and pull them, go back to the champion before."

models = Verbs(name="models", help=_HELP)


class Algorithm(StrEnum):
    """What a model was trained by, as the league names it."""

    PPO = "ppo"
    ALPHA_ZERO = "alphaZero"


ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="Id of a model, such as m12, or champion.")
]
ReasonOption = Annotated[
    str, typer.Option(metavar="TEXT", help="Why; it is kept in the model's history.")
]


@models.callback()
def models_group() -> None:
    """Models of a league: list, push, promote and pull them, go back to the champion before."""


@models.verb(
    "list",
    examples=(
        "trainingrun models list",
        "trainingrun models list --stage validated --league league.example -o json",
    ),
)
def list_models(
    which: WhichLeague,
    *,
    stage: Annotated[
        list[Stage] | None,
        typer.Option("--stage", help="Only models that stand there; can be repeated."),
    ] = None,
    lineage: Annotated[
        str, typer.Option(metavar="LINEAGE", help="Only models of this run: NAMESPACE/NAME.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="The most that are listed.")] = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """List the models of a league, newest first."""
    with league_at(which) as league:
        found = league.models(stages=tuple(stage or ()), lineage=lineage, most=limit)
    if output.is_for_programs:
        write(found, output)
    elif not found:
        echo("no models")
    else:
        wide = output is Output.WIDE
        console_for_tables().print(models_table(found, now=datetime.now(tz=UTC), wide=wide))


@models.verb(
    "describe", examples=("trainingrun models describe m12", "trainingrun models describe champion")
)
def describe_model(
    model: ModelArgument, which: WhichLeague, *, output: OutputOption = Output.TABLE
) -> None:
    """Show a model: where it comes from, its stage, and everything that changed it."""
    with league_at(which) as league:
        found = league.model(model)
    if output.is_for_programs:
        write(found, output)
        return
    out = console_for_tables()
    for each in model_lines(found, now=datetime.now(tz=UTC)):
        out.print(each)


@models.verb(
    "promote",
    examples=('trainingrun models promote m12 --reason "it beats my grandmother"',),
)
def promote_model(
    model: ModelArgument,
    which: WhichLeague,
    *,
    reason: ReasonOption = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Promote a validated model to champion, whatever the gate says of it."""
    with league_at(which) as league:
        champion = league.promote(model, reason=reason)
    if output.is_for_programs:
        write(champion, output)
    else:
        echo(printable_line(f"{champion.id} is the champion"))


@models.verb(
    "rollback",
    examples=(
        "trainingrun models rollback",
        'trainingrun models rollback m7 --reason "m12 resigns too early"',
    ),
)
def roll_back_champion(
    which: WhichLeague,
    *,
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL", help="A former champion. Default: the one before the present."
        ),
    ] = None,
    reason: ReasonOption = "",
    output: OutputOption = Output.TABLE,
) -> None:
    """Return to the champion before the present one; once more goes one further back."""
    with league_at(which) as league:
        champion = league.rollback(model, reason=reason)
    if output.is_for_programs:
        write(champion, output)
    else:
        echo(printable_line(f"{champion.id} is the champion again"))


@models.verb(
    "pull",
    examples=(
        "trainingrun models pull champion --to models",
        "trainingrun models pull m12",
    ),
)
def pull_model(
    model: ModelArgument,
    which: WhichLeague,
    *,
    to: Annotated[
        Path, typer.Option(metavar="DIR", help="Gets a file of the model's name.")
    ] = Path(),
    output: OutputOption = Output.TABLE,
) -> None:
    """Copy a model's weights (safetensors), verified, whole or not at all."""
    with league_at(which) as league:
        found, path = league.pull(model, to)
    if output.is_for_programs:
        write({"model": found, "path": str(path)}, output)
    else:
        console().print(str(path), markup=False, soft_wrap=True)


@models.verb(
    "push",
    examples=(
        "trainingrun models push m12.safetensors --lineage team/a",
        "trainingrun models push best.safetensors --lineage team/a --version 40000"
        " --algorithm alphaZero",
    ),
)
def push_model(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Weights (safetensors), such as pull writes.")
    ],
    which: WhichLeague,
    *,
    lineage: Annotated[
        str, typer.Option(metavar="LINEAGE", help="Who trains it: NAMESPACE/NAME, or any name.")
    ],
    version: Annotated[
        int, typer.Option(min=0, max=2**53, help="Of the learner: its optimiser step.")
    ] = 0,
    algorithm: Annotated[
        Algorithm, typer.Option(help="That the weights were trained by.")
    ] = Algorithm.PPO,
    output: OutputOption = Output.TABLE,
) -> None:
    """Publish weights that were trained elsewhere; a worker of the league tries them first."""
    with league_at(which) as league:
        found = league.push(file, lineage=lineage, version=version, algorithm=algorithm.value)
    if output.is_for_programs:
        write(found, output)
    else:
        echo(printable_line(f"{found.id} is {found.stage.value}"))
