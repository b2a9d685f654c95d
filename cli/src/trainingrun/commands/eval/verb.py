"""The verb ``eval``: from options to exit code."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from trainingrun_api.run import TrainingRun
from trainingrun_contracts.own_parts import NETWORKS, OPPONENTS
from trainingrun_contracts.reports import Evaluation
from trainingrun_reconciler.backends import BackendError

from trainingrun.commands.deck_folders import check_decks, find_decks
from trainingrun.commands.document import check_decks_are_here, read_run
from trainingrun.commands.errors import EXIT_INTERRUPTED, UserError
from trainingrun.commands.eval.session import EvalError, EvalPlan, EvalSession, Played
from trainingrun.commands.eval.weights import Weights, find_weights
from trainingrun.commands.local.preflight import PAST, check_installed, make_report_folder
from trainingrun.commands.output import Output, moment, write
from trainingrun.commands.report.material import measured
from trainingrun.commands.report.page import deck_page
from trainingrun.commands.terminal import console_for_tables, echo, error_console
from trainingrun.local.files import write_atomically
from trainingrun.local.folder import RunFolder
from trainingrun.local.redis import find_redis_server

MOST_GAMES: Final = 1_000_000
_LINE_SECONDS: Final = 10.0


@dataclass(frozen=True)
class EvalOptions:
    """The options of ``trainingrun eval``."""

    file: Path
    state: Path
    decks: Path | None
    checkpoint: str | None
    games: int | None
    opponents: tuple[str, ...]
    report: Path | None
    output: Output = Output.TABLE
    changes: tuple[str, ...] = ()


class EvalReport(Struct, frozen=True):
    """The document of ``-o json``; ``evaluations`` hold the raw results by decks, each a row of
    opponent, deck, opponent's deck, games, wins, draws."""

    run: str
    checkpoint: str
    version: int
    training_games: int
    seconds: float
    evaluations: tuple[Evaluation, ...]
    problems: tuple[str, ...]


def run_eval(options: EvalOptions) -> int:
    """Evaluate and print the result; return the exit code: 0 measured, 1 failed, 130 interrupted.

    Raises:
        UserError: the user must change something.
    """
    run = read_run(options.file, changes=options.changes)
    check_decks_are_here(run, options.file)
    check_installed(NETWORKS, (run.spec.learner.network.kind,))
    decks = _decks(options, run)
    _check_engine(run)
    if options.report is not None:
        make_report_folder(options.report)
    weights = _weights(options, run, options.checkpoint)
    opponents, past = _opponents(options, run)
    games = options.games or run.spec.evaluation.games
    folder = Path(tempfile.mkdtemp(prefix="trainingrun-eval-"))
    plan = EvalPlan(
        run=run,
        folder=RunFolder(folder),
        decks=decks,
        weights=weights,
        past=past,
        opponents=opponents,
        games=games + games % 2,
        daemons=_daemons(run),
    )
    began = time.monotonic()
    try:
        played = asyncio.run(_play(plan))
    except EvalError as error:
        echo(f"trainingrun: the evaluation failed: {error} (logs in {folder}/logs)", err=True)
        return 1
    except asyncio.CancelledError:
        shutil.rmtree(folder, ignore_errors=True)
        return EXIT_INTERRUPTED
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    if options.report is not None:
        _write_decks(run, played.evaluations, options.report)
    return _print_result(plan, played, time.monotonic() - began, output=options.output)


def _write_decks(run: TrainingRun, evaluations: Sequence[Evaluation], folder: Path) -> None:
    newest = {each.opponent: measured(each) for each in evaluations}
    title = f"{run.metadata.name}: win rate by decks"
    write_atomically(folder / "deck-matrix.html", deck_page(title, list(newest.values())))


def _decks(options: EvalOptions, run: TrainingRun) -> Path:
    """Return the folder with the decks; what is no Magic has none, and is given the folder here."""
    if not run.spec.environment.is_magic:
        return Path()
    decks = find_decks(options.file, options.decks)
    check_decks((deck.name for deck in run.spec.decks if not deck.is_own), decks)
    return decks


def _check_engine(run: TrainingRun) -> None:
    if run.spec.environment.engine is not None:
        raise UserError(
            "spec.environment.engine: an engine of your own is not started on this machine, so"
            " nothing can be evaluated here: read the evaluations of the run itself"
        )
    if run.spec.daemon.jvm is not None:
        raise UserError(
            "spec.daemon.jvm: a Forge build runs on clusters only: remove jvm to evaluate against"
            " the reference engine on this machine"
        )
    try:
        find_redis_server()
    except BackendError as error:
        raise UserError(str(error)) from error


def _weights(options: EvalOptions, run: TrainingRun, given: str | None) -> Weights:
    kept = run.spec.checkpoint.storage
    storage = kept.url if kept is not None else None
    return find_weights(given, run=run.metadata.name, storage=storage, state=options.state)


def _opponents(
    options: EvalOptions, run: TrainingRun
) -> tuple[tuple[str, ...], tuple[Weights, ...]]:
    """Return the opponents by name; whatever is no name is a checkpoint, played as a past self."""
    if not options.opponents:
        named = tuple(name for name in run.spec.evaluation_opponents if name != PAST)
        check_installed(OPPONENTS, named)
        return named or ("random",), ()
    asked = dict.fromkeys(options.opponents)
    scripted = tuple(name for name in asked if _is_player(name))
    check_installed(OPPONENTS, scripted)
    if not run.spec.environment.is_magic and set(scripted) & {"aggressive", "engine"}:
        raise UserError(
            "eval: --opponent: of our scripted players random alone plays what is not Magic"
        )
    past: list[Weights] = []
    for given in asked:
        if given not in scripted:
            try:
                past.append(_weights(options, run, given))
            except UserError as error:
                known = (*OPPONENTS.ours, "mcts-N", "openspiel-mcts-N", *OPPONENTS.names())
                raise UserError(
                    f"eval: --opponent {given}: neither {', '.join(known)} nor a checkpoint"
                ) from error
    versions = [weights.version for weights in past]
    if len(set(versions)) < len(versions):
        raise UserError("eval: --opponent: two checkpoints have the same version: name one of them")
    return (*scripted, PAST) if past else scripted, tuple(past)


def _is_player(name: str) -> bool:
    """Return whether a word is the name of a player, ours or of a package here."""
    return OPPONENTS.is_ours(name) or name in OPPONENTS.names()


def _daemons(run: TrainingRun) -> int:
    return max(1, min(os.cpu_count() or 1, run.spec.daemon.autoscaling.max_replicas))


async def _play(plan: EvalPlan) -> Played:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
    with _Shown(plan.games * len(plan.opponents)).open() as shown:
        return await EvalSession(plan, show=shown.show).play()


class _Shown:
    """Progress on standard error: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, games: int) -> None:
        self._games = games
        self._console = error_console()
        self._said_at = time.monotonic()
        self._progress = Progress(
            TextColumn("evaluating"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("games"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=games)

    @contextlib.contextmanager
    def open(self) -> Iterator[_Shown]:
        """Show during the block."""
        if not self._console.is_terminal:
            yield self
            return
        with self._progress:
            yield self

    def show(self, played: Played) -> None:
        """Show how far it is."""
        if self._console.is_terminal:
            self._progress.update(self._task, completed=played.games)
        elif time.monotonic() - self._said_at >= _LINE_SECONDS:
            self._said_at = time.monotonic()
            echo(f"{played.games} of {self._games} games", err=True)


def _print_result(plan: EvalPlan, played: Played, seconds: float, *, output: Output) -> int:
    problems = tuple(notice.message for notice in played.notices if notice.warning)
    missing = set(plan.opponents) - {each.opponent for each in played.evaluations}
    if output.is_for_programs:
        report = EvalReport(
            run=plan.run.metadata.name,
            checkpoint=str(plan.weights.source),
            version=plan.weights.version,
            training_games=plan.weights.games,
            seconds=round(seconds, 1),
            evaluations=played.evaluations,
            problems=problems,
        )
        write(_document(report), output)
    else:
        out = console_for_tables()
        out.print(
            f"version {plan.weights.version} ({plan.weights.games} training games) from"
            f" {plan.weights.source}",
            markup=False,
            soft_wrap=True,
        )
        out.print(_table(played.evaluations))
    for problem in problems:
        echo(f"trainingrun: {problem}", err=True)
    return 1 if missing else 0


def _document(report: EvalReport) -> dict[str, Any]:
    """Return the report with its moments in ISO 8601."""
    document: dict[str, Any] = msgspec.to_builtins(report)
    for each in document["evaluations"]:
        each["at"] = moment(each["at"])
    return document


def _table(evaluations: tuple[Evaluation, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("against", "games", "won", "drawn", "lost", "win rate", "95 % interval", "Elo"):
        table.add_column(title, justify="left" if title == "against" else "right", no_wrap=True)
    for each in evaluations:
        lost = each.games - each.wins - each.draws
        elo = "-" if each.elo is None else f"{each.elo:.0f} ±{each.elo_error or 0:.0f}"
        rivals = ", ".join(dict.fromkeys(result.opponent for result in each.results))
        name = f"{each.opponent} ({rivals})" if each.opponent == PAST else each.opponent
        table.add_row(
            name,
            str(each.games),
            str(each.wins),
            str(each.draws),
            str(lost),
            f"{each.rate:.1%}",
            f"{each.low:.1%} to {each.high:.1%}",
            elo,
        )
    if evaluations:
        anchor = evaluations[-1].anchor
        table.caption = f"Elo by all games above, {anchor} = 0, with its standard error"
        table.caption_justify = "left"
    return table
