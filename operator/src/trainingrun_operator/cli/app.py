"""The command: its verbs, and the options of those that have no module of their own for them."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

# typer offers it there, but does not say so in its __all__.
from typer.completion import completion_init  # type: ignore[attr-defined]

from trainingrun_operator.cli.addresses import endpoints_in
from trainingrun_operator.cli.checkpoint.verbs import checkpoint as checkpoint_verbs
from trainingrun_operator.cli.completion import COMPLETE_VARIABLE, add_completion
from trainingrun_operator.cli.daemons import daemons as daemons_verbs
from trainingrun_operator.cli.decks.verbs import decks as decks_verbs
from trainingrun_operator.cli.durations import seconds_in
from trainingrun_operator.cli.errors import EXIT_INTERRUPTED, UserError
from trainingrun_operator.cli.grammar import Panel, UsageError, Verbs, report_usage_error
from trainingrun_operator.cli.machines.verbs import add_verbs as add_machine_verbs
from trainingrun_operator.cli.options import (
    STATE,
    ContextOption,
    DecksOption,
    FileOption,
    KubeconfigOption,
    LocalStateOption,
    NamespaceOption,
    Output,
    OutputOption,
    SetOption,
    TokenFileOption,
)
from trainingrun_operator.cli.plan.options import add_plan
from trainingrun_operator.cli.report.verb import add_report
from trainingrun_operator.cli.runs.asking import add_asking
from trainingrun_operator.cli.runs.looking import add_looking
from trainingrun_operator.cli.runs.names import (
    complete_checkpoint,
    complete_game,
    complete_opponent,
)
from trainingrun_operator.cli.runs.where import Where
from trainingrun_operator.cli.steer.verb import add_steering
from trainingrun_operator.cli.terminal import console, echo
from trainingrun_operator.cli.validating import check_there, validate_file
from trainingrun_operator.cli.watch.verb import WatchOptions, watch_game

app = Verbs(
    name="trainingrun",
    help="Train by self-play against slow game engines: on this machine, or on a cluster.",
)


class Manifests(StrEnum):
    """How manifests are written."""

    YAML = "yaml"
    JSON = "json"


class GameKind(StrEnum):
    """Which games of a run are watched."""

    EVALUATION = "evaluation"
    TRAINING = "training"


@app.callback(invoke_without_command=True)
def trainingrun(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.")
    ] = False,
) -> None:
    """Train by self-play against slow game engines: on this machine, or on a cluster."""
    if show_version:
        echo(f"trainingrun {version('trainingrun-operator')}")
        raise typer.Exit


@app.verb(
    panel=Panel.PREPARE,
    examples=(
        "trainingrun validate -f run.yaml",
        "trainingrun validate -f run.yaml --server -n training",
        "trainingrun validate -f run.yaml -o json",
    ),
)
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
    """Check a TrainingRun file: every wrong field, with its path, and its decks."""
    where = Where(namespace=namespace, context=context, kubeconfig=kubeconfig)
    if not server and where.names_a_cluster:
        raise UserError("--namespace, --context and --kubeconfig are for --server: give it too")
    validate_file(
        file,
        decks,
        output,
        changes=changes or (),
        server=(lambda: check_there(file, where, changes=changes or ())) if server else None,
    )


@app.verb(
    panel=Panel.PREPARE,
    examples=(
        "trainingrun render -f run.yaml | kubectl diff -f -",
        "trainingrun render -f run.yaml -n training -o json",
    ),
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
    from trainingrun_operator.cli.manifests import print_manifests  # noqa: PLC0415

    print_manifests(file, Output(output.value), namespace=namespace, changes=changes or ())


@app.verb(
    panel=Panel.TRAIN,
    examples=(
        "trainingrun local -f examples/quickstart.yaml",
        "trainingrun local -f run.yaml --games 500 --time-limit 15m --plain",
        "trainingrun local -f run.yaml --set evaluation.games=40 --fresh",
        "trainingrun local -f run.yaml --daemons 10.0.0.5:17171,10.0.0.6:17171",
    ),
)
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
    sync: Annotated[
        bool,
        typer.Option(
            "--sync",
            help="Play and train in step, one game at a time: slow, and with the same seed a run"
            " gives the same losses and weights, bit for bit.",
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
    _require_local()
    # Imported here because it brings psutil, which a cluster's image does not have.
    from trainingrun_operator.cli.local.command import LocalOptions, run_locally  # noqa: PLC0415

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
        sync=sync,
        metrics=metrics,
        changes=tuple(changes or ()),
    )
    raise typer.Exit(run_locally(options, console()))


@app.verb(
    "eval",
    panel=Panel.MODELS,
    examples=(
        "trainingrun eval -f run.yaml",
        "trainingrun eval -f run.yaml --games 1000 --opponent random --opponent engine",
        "trainingrun eval -f run.yaml --checkpoint quickstart-0000000120"
        " --opponent other/checkpoint",
    ),
)
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
            help="random, aggressive, engine, or a checkpoint; can be repeated."
            " Default: spec.evaluation.opponents.",
            autocompletion=complete_opponent,
        ),
    ] = None,
    state: LocalStateOption = STATE,
    decks: DecksOption = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for deck-matrix.png. Default: no picture."),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Measure how strong the weights of a checkpoint are, on this machine; nothing is trained.

    Games are played in pairs with swapped seats and decks, against opponents that never change.
    Exit code 1: it failed, or an opponent could not be played.
    """
    _require_local()
    # Imported here because it brings psutil, which a cluster's image does not have.
    from trainingrun_operator.cli.eval.verb import EvalOptions, run_eval  # noqa: PLC0415

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


add_plan(app)
add_asking(app, checkpoint_verbs)
add_steering(app)
add_looking(app)
add_report(app)
app.add_group(checkpoint_verbs, panel=Panel.MODELS)
add_machine_verbs(daemons_verbs)
app.add_group(daemons_verbs, panel=Panel.ENGINE)
app.add_group(decks_verbs, panel=Panel.ENGINE)
add_completion(app)


@app.verb(
    panel=Panel.MODELS,
    examples=(
        "trainingrun watch quickstart --speed 4",
        "trainingrun watch .trainingrun/quickstart/tapes/evaluation-….jsonl --board",
        "trainingrun watch --daemon localhost:17171 red_aggro white_weenie -s 7",
    ),
)
def watch(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME|FILE|DECK DECK",
            help="A run, a recorded game, or two decks.",
            autocompletion=complete_game,
        ),
    ],
    *,
    state: LocalStateOption = STATE,
    daemon: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Watch the engine play on this daemon.")
    ] = None,
    token_file: TokenFileOption = None,
    seed: Annotated[int | None, typer.Option("-s", "--seed", help="Of that game.")] = None,
    kind: Annotated[
        GameKind | None, typer.Option(help="Of the run's games, only these. Default: the newest.")
    ] = None,
    board: Annotated[
        bool, typer.Option("--board", help="Show the whole board at every turn.")
    ] = False,
    speed: Annotated[
        float, typer.Option(min=0, help="Lines a second; 0 shows everything at once.")
    ] = 0.0,
) -> None:
    """Show a game turn by turn: the newest recorded one of a local run, a file, or a live one."""
    options = WatchOptions(
        words=words,
        state=state,
        daemon=daemon,
        token_file=token_file,
        seed=seed,
        board=board,
        speed=speed,
        kind=kind.value if kind is not None else "",
    )
    watch_game(options, console())


def _require_local() -> None:
    missing = [name for name in ("psutil", "matplotlib") if find_spec(name) is None]
    if missing:
        raise UserError(
            f"local: {' and '.join(missing)} not installed: install trainingrun-operator[local]"
        )


def main() -> None:
    """Run the command line."""
    run("trainingrun")


def run(name: str) -> None:
    """Run the command line under a name; every mistake of the user is a sentence."""
    if COMPLETE_VARIABLE in os.environ:
        completion_init()
    try:
        code = app(prog_name=name, standalone_mode=False)
    except UserError as error:
        for line in str(error).splitlines():
            echo(f"trainingrun: {line}", err=True)
        sys.exit(error.code)
    except UsageError as error:
        sys.exit(report_usage_error(error))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    sys.exit(code if isinstance(code, int) else 0)
