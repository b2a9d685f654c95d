"""The verb ``eval``: its options; what it does is in ``verb``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainingrun.commands.candidates import complete_checkpoint, complete_opponent
from trainingrun.commands.grammar import Panel, Verbs
from trainingrun.commands.installed import require_local
from trainingrun.commands.options import (
    STATE,
    DecksOption,
    FileOption,
    LocalStateOption,
    Output,
    OutputOption,
    SetOption,
)


def add_eval(app: Verbs) -> None:
    """Add the verb to the command."""
    app.verb(
        "eval",
        panel=Panel.MODELS,
        examples=(
            "trainingrun eval -f run.yaml",
            "trainingrun eval -f run.yaml --games 1000 --opponent random --opponent engine",
            "trainingrun eval -f run.yaml --checkpoint quickstart-0000000120"
            " --opponent other/checkpoint",
        ),
    )(evaluate)


def evaluate(  # noqa: PLR0913 (each option of the command is an argument to typer)
    *,
    file: FileOption,
    changes: SetOption = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|NAME",
            help="A checkpoint, a folder of them, or a local run. Default: the run's newest.",
            autocompletion=complete_checkpoint,
        ),
    ] = None,
    games: Annotated[
        int | None,
        typer.Option(min=2, max=1_000_000, help="Against each. Default: spec.evaluation.games."),
    ] = None,
    opponent: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OPPONENT",
            help="random, aggressive, engine, mcts-N (a search with N simulations a move),"
            " openspiel-mcts-N (OpenSpiel's), a player of a package, or a checkpoint; can be"
            " repeated. Default: spec.evaluation.opponents.",
            autocompletion=complete_opponent,
        ),
    ] = None,
    state: LocalStateOption = STATE,
    decks: DecksOption = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for deck-matrix.html. Default: no page."),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Measure how strong the weights of a checkpoint are, on this machine; nothing is trained.

    Games are played in pairs with swapped seats and decks, against opponents that never change.
    Exit code 1: it failed, or an opponent could not be played.
    """
    require_local()
    # Imported here because it brings psutil, which a cluster's image does not have.
    from trainingrun.commands.eval.verb import EvalOptions, run_eval  # noqa: PLC0415

    options = EvalOptions(
        file=file,
        state=state,
        decks=decks,
        checkpoint=checkpoint,
        games=games,
        opponents=tuple(opponent or ()),
        report=report,
        output=output,
        changes=tuple(changes or ()),
    )
    raise typer.Exit(run_eval(options))
