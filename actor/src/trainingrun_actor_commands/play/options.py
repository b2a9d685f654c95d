"""The verb ``play``: its options; what it does is in ``verb``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from trainingrun.commands.candidates import complete_checkpoint, complete_opponent, complete_run
from trainingrun.commands.errors import UserError
from trainingrun.commands.grammar import Panel, Verbs
from trainingrun.commands.options import STATE, LocalStateOption, Output, OutputOption


def add_play(app: Verbs) -> None:
    """Add the verb to the command."""
    app.verb(
        panel=Panel.MODELS,
        examples=(
            "trainingrun play connect-four-az",
            "trainingrun play connect-four-az --checkpoint best --simulations 400 --seat 2",
            "trainingrun play s3://bucket/team/run --simulations 0",
            "trainingrun play mcts-1000 --environment connect_four",
            "trainingrun play connect-four-az --opponent mcts-100 --games 100",
            "trainingrun play connect-four-az --opponent openspiel-mcts-100 --games 100",
        ),
    )(play)


def play(  # noqa: PLR0913 (each option of the command is an argument to typer)
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PATH|URL|PLAYER",
            help="Whose network is played: a local run, a folder of checkpoints or one of them, or"
            " s3://bucket/prefix. Or a player without a network: mcts-N, which searches by N random"
            " games a move, openspiel-mcts-N, which is OpenSpiel's, or random.",
            autocompletion=complete_run,
        ),
    ],
    *,
    which: Annotated[
        str,
        typer.Option(
            "--checkpoint",
            metavar="CHECKPOINT",
            help="A name, or: newest, best.",
            autocompletion=complete_checkpoint,
        ),
    ] = "newest",
    simulations: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=100_000,
            help="Of the network's search, for each move; 0 plays what the network likes best."
            " Default: as its run searches.",
        ),
    ] = None,
    seat: Annotated[int, typer.Option(min=1, max=2, help="Yours; seat 1 begins.")] = 1,
    environment: Annotated[
        str | None,
        typer.Option(
            metavar="GAME",
            help="The game, as --environment of trainingrun-daemon has it. Default: the"
            " checkpoint's.",
        ),
    ] = None,
    opponent: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH|URL|PLAYER",
            help="Who plays in your place: a match is played, and its result shown.",
            autocompletion=complete_opponent,
        ),
    ] = None,
    opponent_simulations: Annotated[
        int | None,
        typer.Option(min=0, max=100_000, help="Of the search of the opponent's network."),
    ] = None,
    games: Annotated[
        int | None,
        typer.Option(
            min=2, max=100_000, help="Of the match, in pairs with changed seats. Default: 20."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "-s", "--seed", min=0, help="Of all that is drawn. Default: another each time."
        ),
    ] = None,
    state: LocalStateOption = STATE,
    endpoint_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Of an S3-compatible service. Default: the run's, or AWS."
        ),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Play against a network, a search or chance in the terminal, or have two of them play a match.

    After each answer it shows the value, the visits and the policy of the search behind it. Moves
    are words of their descriptions; hint, undo, moves, new, help and quit are words, too.
    """
    for package in ("trainingrun_search", "numba"):
        if find_spec(package) is None:
            raise UserError(f"play: {package} not installed: install trainingrun-actor[cli]")
    # Imported here because it brings numba, which takes a second.
    from trainingrun_actor_commands.play.verb import PlayOptions, run_play  # noqa: PLC0415

    run_play(
        PlayOptions(
            target=target,
            state=Path(state),
            opponent=opponent,
            checkpoint=which,
            endpoint_url=endpoint_url,
            environment=environment,
            simulations=simulations,
            opponent_simulations=opponent_simulations,
            games=games,
            seat=seat,
            seed=seed,
            output=output,
        )
    )
