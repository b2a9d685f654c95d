"""The verb ``local``: its options; what it does is in ``command``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainingrun.commands.addresses import endpoints_in
from trainingrun.commands.candidates import complete_league
from trainingrun.commands.durations import seconds_in
from trainingrun.commands.grammar import Panel, Verbs
from trainingrun.commands.installed import require_local
from trainingrun.commands.options import (
    STATE,
    DecksOption,
    FileOption,
    LocalStateOption,
    SetOption,
)
from trainingrun.commands.terminal import console


def add_local(app: Verbs) -> None:
    """Add the verb to the command."""
    app.verb(
        panel=Panel.TRAIN,
        examples=(
            "trainingrun local -f examples/quickstart.yaml",
            "trainingrun local -f run.yaml --games 500 --time-limit 15m --plain",
            "trainingrun local -f run.yaml --set evaluation.games=40 --fresh",
            "trainingrun local -f run.yaml --forge ~/forge",
            "trainingrun local -f run.yaml --league league",
            "trainingrun local -f run.yaml --daemons 10.0.0.5:17171,10.0.0.6:17171",
            "trainingrun local -f run.yaml --roles selfplay,redis"
            " --redis redis://:PASSWORD@cpu-box:6379",
        ),
    )(local)


def local(  # noqa: PLR0913 (each option of the command is an argument to typer)
    *,
    file: FileOption,
    changes: SetOption = None,
    state: LocalStateOption = STATE,
    report: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder for report.html, which follows the run, curves, summary.json.",
        ),
    ] = Path("report"),
    decks: DecksOption = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Print lines instead of the live table.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over; the earlier run is moved aside.")
    ] = False,
    games: Annotated[int | None, typer.Option(min=1, help="Override spec.games.")] = None,
    time_limit: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Save and stop after this time: 90s, 15m, 1h30m."),
    ] = None,
    daemons: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT,...",
            help="Play on daemons that run already, instead of own ones. Override"
            " spec.daemon.external.",
        ),
    ] = None,
    forge: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Start daemons of the Forge build in this folder (its jar and res), instead of the"
            " reference engine. Java 17 or newer is found by JAVA_HOME or PATH.",
        ),
    ] = None,
    sync: Annotated[
        bool,
        typer.Option(
            "--sync",
            help="Play and train in step, one game at a time: slow, and with the same seed a run"
            " gives the same losses and weights, bit for bit.",
        ),
    ] = False,
    roles: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE,...",
            help="Have only these roles of the run on this machine, and the others on others, which"
            " meet by --redis: redis (or replay), selfplay, inference, learner, evaluator. Where"
            " the learner is, the run is led.",
        ),
    ] = None,
    redis: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The Redis of a run on several machines, redis://:PASSWORD@HOST:PORT; it is"
            " started where --roles has redis.",
        ),
    ] = None,
    league: Annotated[
        str | None,
        typer.Option(
            metavar="LEAGUE",
            help="Publish the weights to this league: one of this machine by its name, a HOST with"
            " the usual ports, or model=HOST:PORT. Override spec.leagueRef.",
            autocompletion=complete_league,
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Start nothing: report what this machine cannot do or reach for its roles.",
        ),
    ] = False,
    metrics: Annotated[
        bool,
        typer.Option(
            "--metrics",
            help="Serve Prometheus metrics on free ports; STATE/NAME/metrics.json lists them for"
            " file_sd_configs.",
        ),
    ] = False,
) -> None:
    """Train on this machine: the same TrainingRun as plain processes.

    Ctrl-C saves and stops; the same command resumes from there. With NO_COLOR the table has no
    colours, with TERM=dumb there are lines.

    The page report.html in the report folder follows the run; at the end, the folder holds the
    curves and summary.json too.
    """
    require_local()
    # Imported here because it brings psutil, which a cluster's image does not have.
    from trainingrun.commands.local.command import LocalOptions, run_locally  # noqa: PLC0415

    limit = seconds_in(time_limit, option="--time-limit") if time_limit is not None else None
    options = LocalOptions(
        file=file,
        state=state,
        report=report,
        decks=decks,
        plain=plain,
        fresh=fresh,
        games=games,
        time_limit=limit,
        daemons=endpoints_in(daemons) if daemons is not None else (),
        forge=forge,
        sync=sync,
        metrics=metrics,
        changes=tuple(changes or ()),
        roles=roles,
        redis=redis,
        check=check,
        league=league,
    )
    raise typer.Exit(run_locally(options, console()))
