"""The verbs and their options. What a verb does is in a module of its own."""

from __future__ import annotations

import sys
from enum import StrEnum
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from trainingrun_operator.cli.addresses import endpoints_in
from trainingrun_operator.cli.checkpoint.verbs import checkpoint as checkpoint_verbs
from trainingrun_operator.cli.completion import EXAMPLES as COMPLETION_EXAMPLES
from trainingrun_operator.cli.completion import completion
from trainingrun_operator.cli.daemons import daemons as daemons_verbs
from trainingrun_operator.cli.decks.verbs import decks as decks_verbs
from trainingrun_operator.cli.durations import seconds_in
from trainingrun_operator.cli.errors import EXIT_INTERRUPTED, EXIT_USER, UserError
from trainingrun_operator.cli.machines.verbs import add_verbs as add_machine_verbs
from trainingrun_operator.cli.plan.options import add_plan
from trainingrun_operator.cli.report.verb import EXAMPLES as REPORT_EXAMPLES
from trainingrun_operator.cli.report.verb import report as report_verb
from trainingrun_operator.cli.runs.asking import add_asking
from trainingrun_operator.cli.runs.looking import add_looking
from trainingrun_operator.cli.runs.where import (
    ContextOption,
    KubeconfigOption,
    NamespaceOption,
    Where,
)
from trainingrun_operator.cli.steer.verb import add_steering
from trainingrun_operator.cli.validating import print_valid, print_valid_there
from trainingrun_operator.cli.watch.verb import WatchOptions, watch_game

STATE: Final = Path(".trainingrun")

app = typer.Typer(
    name="trainingrun",
    help="Distributed self-play training against slow game engines: on this machine, or on a"
    " cluster.",
    epilog="Begin with: trainingrun local -f examples/quickstart.yaml",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(checkpoint_verbs)
add_machine_verbs(daemons_verbs)
app.add_typer(daemons_verbs)
app.add_typer(decks_verbs)

FileOption = Annotated[
    Path, typer.Option("-f", "--file", help="A TrainingRun in YAML; - reads standard input.")
]
StateOption = Annotated[Path, typer.Option(help="Folder that holds one folder per local run.")]
DecksOption = Annotated[
    Path | None,
    typer.Option(help="Folder of .dck files. Default: decks/ beside the file, above it or here."),
]


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
    """Say the version, or leave it to a verb."""
    if show_version:
        typer.echo(f"trainingrun {version('trainingrun-operator')}")
        raise typer.Exit


@app.command(
    epilog="Examples:\n\n"
    "trainingrun local -f examples/quickstart.yaml\n\n"
    "trainingrun local -f run.yaml --games 500 --time-limit 15m --plain\n\n"
    "trainingrun local -f run.yaml --fresh\n\n"
    "trainingrun local -f run.yaml --daemons 10.0.0.5:17171,10.0.0.6:17171"
)
def local(  # noqa: PLR0913 (each option of the command is an argument to typer)
    *,
    file: FileOption,
    state: StateOption = STATE,
    report: Annotated[
        Path,
        typer.Option(help="Folder for report.html, which follows the run, curves, summary.json."),
    ] = Path("report"),
    decks: DecksOption = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Lines in place of the live table.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over; the earlier run is moved aside.")
    ] = False,
    games: Annotated[int | None, typer.Option(min=1, help="In place of spec.games.")] = None,
    time_limit: Annotated[
        str | None, typer.Option(help="Save and stop after this time: 90s, 15m, 1h30m.")
    ] = None,
    daemons: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT,…",
            help="Play on daemons that run already, in place of own ones. In place of"
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

    Ctrl-C saves and stops; the same command goes on from there.
    The page report.html in the report folder follows the run; at the end, the folder holds the
    curves and summary.json too.
    """
    _require_local()
    # Imported here because it brings psutil, which a cluster's image does not have.
    from trainingrun_operator.cli.local.command import LocalOptions, run_locally  # noqa: PLC0415

    limit = seconds_in(time_limit, option="--time-limit") if time_limit is not None else None
    options = LocalOptions(
        file=file, state=state, report=report, decks=decks, plain=plain, fresh=fresh, games=games,
        time_limit=limit, daemons=endpoints_in(daemons) if daemons is not None else (), sync=sync,
        metrics=metrics,
    )  # fmt: skip
    raise typer.Exit(run_locally(options, Console()))


@app.command(
    "eval",
    epilog="Examples:\n\n"
    "trainingrun eval -f run.yaml\n\n"
    "trainingrun eval -f run.yaml --games 1000 --opponent random --opponent engine\n\n"
    "trainingrun eval -f run.yaml --checkpoint quickstart-0000000120 --opponent other/checkpoint",
)
def evaluate(
    *,
    file: FileOption,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|NAME",
            help="A checkpoint, a folder of them, or a local run. Default: the run's newest.",
        ),
    ] = None,
    games: Annotated[
        int | None,
        typer.Option(min=2, max=1_000_000, help="Against each. Default: spec.evaluation.games."),
    ] = None,
    opponent: Annotated[
        list[str] | None,
        typer.Option(
            help="random, aggressive, engine, or a checkpoint; may be given several times."
            " Default: spec.evaluation.opponents."
        ),
    ] = None,
    state: StateOption = STATE,
    decks: DecksOption = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for deck-matrix.png. Default: no picture.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="The results with the raw ones, for programs.")
    ] = False,
) -> None:
    """Measure how strong the weights of a checkpoint are, on this machine; nothing is trained.

    Games are played in pairs with swapped seats and decks, against opponents that never change.
    Exit code 1: it failed, or an opponent could not be played.
    """
    _require_local()
    # Imported here because it brings psutil, which a cluster's image does not have.
    from trainingrun_operator.cli.eval.verb import EvalOptions, run_eval  # noqa: PLC0415

    options = EvalOptions(
        file=file, state=state, decks=decks, checkpoint=checkpoint, games=games,
        opponents=tuple(opponent or ()), report=report, as_json=as_json,
    )  # fmt: skip
    raise typer.Exit(run_eval(options))


@app.command(
    epilog="Examples:\n\n"
    "trainingrun validate -f run.yaml\n\n"
    "trainingrun validate -f run.yaml --server -n training"
)
def validate(
    *,
    file: FileOption,
    decks: DecksOption = None,
    server: Annotated[
        bool,
        typer.Option("--server", help="Have a cluster check it too; nothing is written."),
    ] = False,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    kubeconfig: KubeconfigOption = None,
) -> None:
    """Say what is wrong with a TrainingRun: every wrong field, with its path."""
    where = Where(namespace=namespace, context=context, kubeconfig=kubeconfig)
    if server:
        print_valid_there(file, where)
    elif where.names_a_cluster:
        raise UserError("--namespace, --context and --kubeconfig are for --server: give it too")
    else:
        print_valid(file, decks)


@app.command(
    epilog="Examples:\n\n"
    "trainingrun render -f run.yaml | kubectl diff -f -\n\n"
    "trainingrun render -f run.yaml -n training -o json"
)
def render(
    *,
    file: FileOption,
    namespace: Annotated[
        str | None, typer.Option("-n", "--namespace", help="Default: the file's, or default.")
    ] = None,
    output: Annotated[Manifests, typer.Option("-o", "--output")] = Manifests.YAML,
) -> None:
    """Print the manifests that the operator would make of a TrainingRun."""
    # Imported here because it brings the Kubernetes client, which takes half a second.
    from trainingrun_operator.cli.manifests import print_manifests  # noqa: PLC0415

    print_manifests(file, namespace=namespace, as_json=output is Manifests.JSON)


add_steering(app)
add_looking(app)
add_asking(app, checkpoint_verbs)
add_plan(app)
app.command("report", epilog=REPORT_EXAMPLES)(report_verb)
app.command(epilog=COMPLETION_EXAMPLES)(completion)


@app.command(
    epilog="Examples:\n\n"
    "trainingrun watch quickstart --speed 4\n\n"
    "trainingrun watch .trainingrun/quickstart/tapes/evaluation-….jsonl --board\n\n"
    "trainingrun watch --daemon localhost:17171 red_aggro white_weenie -s 7"
)
def watch(
    words: Annotated[
        list[str], typer.Argument(metavar="NAME | FILE | DECK1 DECK2", help="What to watch.")
    ],
    *,
    state: StateOption = STATE,
    daemon: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Watch the engine play on this daemon.")
    ] = None,
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
        words=words, state=state, daemon=daemon, seed=seed, board=board, speed=speed,
        kind=kind.value if kind is not None else "",
    )  # fmt: skip
    watch_game(options, Console(highlight=False))


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
    """Run the command line under a name; mistakes of the user are sentences and exit code 2."""
    try:
        app(prog_name=name)
    except UserError as error:
        for line in str(error).splitlines():
            sys.stderr.write(f"trainingrun: {line}\n")
        sys.exit(EXIT_USER)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
