"""The verb ``watch``: its options; what it does is in ``verb``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from trainingrun.commands.grammar import Panel, Verbs
from trainingrun.commands.options import STATE, LocalStateOption, TokenFileOption
from trainingrun.commands.terminal import console

from trainingrun_daemon_commands.candidates import complete_game
from trainingrun_daemon_commands.watch.verb import WatchOptions, watch_game


class GameKind(StrEnum):
    """Which games of a run are watched."""

    EVALUATION = "evaluation"
    TRAINING = "training"


def add_watch(app: Verbs) -> None:
    """Add the verb to the command."""
    app.verb(
        panel=Panel.MODELS,
        examples=(
            "trainingrun watch quickstart --speed 4",
            "trainingrun watch .trainingrun/quickstart/tapes/evaluation-….jsonl --board",
            "trainingrun watch --daemon localhost:17171 red_aggro white_weenie -s 7",
            "trainingrun watch --daemon localhost:17171 --environment connect_four",
        ),
    )(watch)


def watch(  # noqa: PLR0913 (each option of the command is an argument to typer)
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME|FILE|DECK DECK",
            help="A run, a recorded game, or two decks.",
            autocompletion=complete_game,
        ),
    ] = None,
    *,
    state: LocalStateOption = STATE,
    daemon: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Watch the engine play on this daemon.")
    ] = None,
    environment: Annotated[
        str | None,
        typer.Option(
            metavar="GAME",
            help="The game, as --environment of trainingrun-daemon has it. Default: what the"
            " recording says.",
        ),
    ] = None,
    token_file: TokenFileOption = None,
    seed: Annotated[int | None, typer.Option("-s", "--seed", help="Of that game.")] = None,
    kind: Annotated[
        GameKind | None, typer.Option(help="Of the run's games, only these. Default: the newest.")
    ] = None,
    board: Annotated[
        bool,
        typer.Option(
            "--board",
            help="Show the whole board at every turn; of a game other than Magic, what else could"
            " be chosen.",
        ),
    ] = False,
    speed: Annotated[
        float, typer.Option(min=0, help="Lines a second; 0 shows everything at once.")
    ] = 0.0,
) -> None:
    """Show a game turn by turn: the newest recorded one of a local run, a file, or a live one."""
    options = WatchOptions(
        arguments=arguments or [],
        state=state,
        daemon=daemon,
        environment=environment,
        token_file=token_file,
        seed=seed,
        board=board,
        speed=speed,
        kind=kind.value if kind is not None else "",
    )
    watch_game(options, console())
