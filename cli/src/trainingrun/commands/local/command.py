"""The verb ``local``: from options to exit code."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console
from trainingrun_api.resource import SpecError
from trainingrun_api.run import TrainingRun
from trainingrun_reconciler.settings import Settings

from trainingrun.commands.deck_folders import check_decks, deck_names, decks_near, find_decks
from trainingrun.commands.document import check_decks_are_here, read_run
from trainingrun.commands.errors import EXIT_INTERRUPTED, UserError
from trainingrun.commands.local.changes import describe_changes
from trainingrun.commands.local.check import findings
from trainingrun.commands.local.following import Follower
from trainingrun.commands.local.joining import JoinedLeague, join_league
from trainingrun.commands.local.own_processes import OwnProcesses, RunPlan
from trainingrun.commands.local.preflight import (
    check_external,
    check_machine,
    check_share,
    forge_daemons,
    make_report_folder,
)
from trainingrun.commands.local.report import summary_lines, write_summary
from trainingrun.commands.local.screen import PlainScreen, screen_for
from trainingrun.commands.local.several import (
    Share,
    Talk,
    for_several,
    share_of,
    this_machine,
    with_evaluator,
)
from trainingrun.commands.report.following import Following
from trainingrun.commands.report.live import PAGE_FILE, live_page, write_last_page
from trainingrun.commands.terminal import error_console
from trainingrun.local.folder import FolderError, RunFolder
from trainingrun.local.forge import ForgeDaemons
from trainingrun.local.host import Outcome, RunEnding, host_settings
from trainingrun.local.store import adopted, is_complete, reopened, saved_run
from trainingrun.local.summary import RunEnd
from trainingrun.sdk import LocalPlace
from trainingrun.sdk.run_tables import mark_run_tables

_LOG_BYTES: Final = 10 * 1024 * 1024
_WITHOUT_AUTH: Final = "daemon.auth=None"
"""A Forge build asks for no token, so actors need not show one."""


@dataclass(frozen=True)
class LocalOptions:
    """The options of ``trainingrun local``."""

    file: Path
    state: Path
    report: Path
    decks: Path | None
    plain: bool
    fresh: bool
    games: int | None
    time_limit: float | None
    daemons: tuple[str, ...] = ()
    """Endpoints of daemons that run already; none: own ones are started."""
    sync: bool = False
    """Whether to play and train in step, one game at a time."""
    metrics: bool = False
    """Whether the roles and the run serve metrics for Prometheus."""
    forge: Path | None = None
    """The folder of a Forge build whose daemons are started instead of the reference engine."""
    changes: tuple[str, ...] = ()
    """Fields of the spec as ``path=value``."""
    roles: str | None = None
    """Roles of the run that are on this machine; None: all of them."""
    redis: str | None = None
    """The Redis by which the machines of a run meet."""
    league: str | None = None
    """The league that the run's weights go to; None: what its spec says."""
    check: bool = False
    """Whether to say what this machine cannot do or reach, and start nothing."""


def run_locally(options: LocalOptions, console: Console) -> int:
    """Run, write the report and print the summary; return the exit code.

    Raises:
        UserError: the user must change something.
    """
    run = read_run(
        options.file,
        changes=options.changes if options.forge is None else (*options.changes, _WITHOUT_AUTH),
        games=options.games,
        daemons=options.daemons,
        in_step=options.sync,
    )
    check_decks_are_here(run, options.file)
    run, league = join_league(run, options.league, options.state)
    share = share_of(run, options.roles, options.redis)
    if share is not None:
        run = for_several(run, share)
    if options.check:
        return _check(run, share, console)
    folder = RunFolder((options.state / run.metadata.name).absolute())
    forge = (
        forge_daemons(run, options.forge, folder.root / "forge")
        if options.forge is not None
        else None
    )
    decks = _decks_of(run, options)
    make_report_folder(options.report)
    try:
        if options.fresh and folder.status.exists():
            _put_aside(folder, console)
        folder.make()
        with folder.locked():
            if share is not None and not share.leads:
                return _follow(folder, run, share, console)
            return _run_in(folder, run, decks, forge, options, console, share, league)
    except FolderError as error:
        raise UserError(str(error)) from error


def _decks_of(run: TrainingRun, options: LocalOptions) -> Path | None:
    """Return the folder with the decks of own daemons, where what is played has any; what external
    ones hold is theirs to know."""
    if run.spec.daemon.external is not None or not run.spec.environment.is_magic:
        return None
    names = [deck.name for deck in run.spec.decks if not deck.is_own]
    if not names and options.decks is None:
        return decks_near(options.file)
    decks = find_decks(options.file, options.decks)
    check_decks(names, decks)
    return decks


def _run_in(
    folder: RunFolder,
    run: TrainingRun,
    decks: Path | None,
    forge: ForgeDaemons | None,
    options: LocalOptions,
    console: Console,
    share: Share | None,
    league: JoinedLeague | None,
) -> int:
    begun_at = psutil.Process().create_time()
    saved = saved_run(folder)
    run = _adopted(run, saved, folder, begun_at)
    if is_complete(run):
        console.print(
            f"{run.metadata.name} is complete; raise --games to continue, or use --fresh."
        )
        _finish(run, folder, options.report, console, RunEnding(Outcome.COMPLETE))
        return 0
    if share is None:
        check_machine(run, has_forge=forge is not None)
    else:
        check_share(run, share.roles)
    for sentence in check_external(run):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    if saved is not None:
        console.print(f"Resuming {run.metadata.name} from {_relative(folder.root)}")
        for line in describe_changes(saved.spec, run.spec):
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    _log_to(folder.logs / "runtime.log")
    plan = RunPlan(
        run=reopened(run),
        folder=folder,
        decks=decks or folder.root,
        settings=replace(
            _settings(folder, decks, sync=options.sync, is_alone=share is None),
            league=league.address if league is not None else None,
        ),
        begun_at=begun_at,
        time_limit=options.time_limit,
        serves_metrics=options.metrics,
        forge=forge,
        share=share,
        league=league.access if league is not None else None,
    )
    if options.metrics:
        where = _relative(folder.metrics)
        console.print(f"Metrics: targets for Prometheus' file_sd_configs are in {where}")
    page = options.report / PAGE_FILE
    where = _relative(page.absolute())
    console.print(f"Report: open {where} in a browser; it follows the run", soft_wrap=True)
    run, ending = asyncio.run(_run(plan, console, page, plain=options.plain))
    if run.spec.replay is not None:
        mark_run_tables(options.state)
    if ending.outcome is Outcome.MISCONFIGURED:
        raise UserError(ending.message)
    _finish(run, folder, options.report, console, ending)
    return _exit_code(ending, folder, console)


async def _run(
    plan: RunPlan, console: Console, page: Path, *, plain: bool
) -> tuple[TrainingRun, RunEnding]:
    screen = screen_for(console, plan.run.metadata.name, plain=plain)
    place, name = LocalPlace(plan.folder.root.parent), plan.run.metadata.name
    talk = None
    if plan.share is not None:
        talk = Talk(plan.run.metadata.name, plan.share, this_machine(plan.run, plan.share))
        if not plan.share.serves_redis:
            await talk.exchange(())
        plan = replace(plan, share=with_evaluator(plan.share, talk))
    with screen:
        processes = OwnProcesses(plan, screen, talk)
        async with live_page(place, Following(name, page), on_problem=screen.say):
            ending = await processes.run()
    return processes.run_now, ending


def _check(run: TrainingRun, share: Share | None, console: Console) -> int:
    """Print what is found; return the exit code."""
    if share is None:
        check_machine(run)
        console.print("ok      this machine can run all of it", markup=False)
        return 0
    is_well = True
    for each in findings(run, share):
        console.print(str(each), markup=False, highlight=False, soft_wrap=True)
        is_well = is_well and each.is_well
    return 0 if is_well else 1


def _follow(folder: RunFolder, run: TrainingRun, share: Share, console: Console) -> int:
    """Have roles of a run that another machine leads; return the exit code."""
    check_share(run, share.roles)
    _log_to(folder.logs / "runtime.log")
    ending = asyncio.run(_following(folder, run, share, console))
    return _exit_code(ending, folder, console)


async def _following(
    folder: RunFolder, run: TrainingRun, share: Share, console: Console
) -> RunEnding:
    talk = Talk(run.metadata.name, share, this_machine(run, share))
    follower = Follower(run, folder, share, talk, decks=folder.root)
    return await follower.run(PlainScreen(console).say)


def _settings(
    folder: RunFolder, decks: Path | None, *, sync: bool, is_alone: bool = True
) -> Settings:
    return replace(
        host_settings(folder.checkpoints.as_uri()),
        daemon_limit=os.cpu_count() or 1,
        decks=deck_names(decks) if decks is not None else None,
        tapes=str(folder.tapes) if is_alone else None,  # others do not see this folder
        checkpoint_cache=str(folder.checkpoints),
        sync=sync,
    )


def _adopted(
    run: TrainingRun, saved: TrainingRun | None, folder: RunFolder, begun_at: float
) -> TrainingRun:
    try:
        return adopted(run, saved, now=datetime.fromtimestamp(begun_at, tz=UTC))
    except SpecError as error:
        raise UserError(
            f"{error}; the run in {_relative(folder.root)} has the old value: write that, or start"
            " over with --fresh"
        ) from error


def _put_aside(folder: RunFolder, console: Console) -> None:
    with folder.locked():
        aside = folder.put_aside(now=datetime.now(UTC))
    if aside is not None:
        console.print(f"The earlier run was moved to {_relative(aside)}")


def _finish(
    run: TrainingRun, folder: RunFolder, report: Path, console: Console, ending: RunEnding
) -> None:
    end = RunEnd(ending.outcome.value, ending.message)
    try:
        summary = write_summary(run, folder.samples, report, end=end)
        place = LocalPlace(folder.root.parent)
        write_last_page(place, run.metadata.name, report / PAGE_FILE)
    except OSError as error:
        raise UserError(f"--report {report}: cannot be written: {error.strerror}") from error
    for line in summary_lines(summary, report):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _exit_code(ending: RunEnding, folder: RunFolder, console: Console) -> int:
    match ending.outcome:
        case Outcome.COMPLETE:
            return 0
        case Outcome.TIME_OVER:
            console.print("Stopped at the time limit; run the same command again to resume.")
            return 0
        case Outcome.RESTING:
            message = f"Saved and stopped: {ending.message}"
            console.print(message, markup=False, highlight=False, soft_wrap=True)
            return 0
        case Outcome.STOPPED | Outcome.KILLED:
            console.print("Stopped; run the same command again to resume.")
            return EXIT_INTERRUPTED
        case Outcome.FAILED | Outcome.MISCONFIGURED:
            logs = _relative(folder.logs)
            error_console().print(
                f"trainingrun: the run failed: {ending.message} (logs in {logs})",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
            return 1


class _LogFile(RotatingFileHandler):
    """A log that leaves out what a full disk does not take."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: the screen is for the run."""


def _log_to(path: Path) -> None:
    handler = _LogFile(path, maxBytes=_LOG_BYTES, backupCount=1, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _relative(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
