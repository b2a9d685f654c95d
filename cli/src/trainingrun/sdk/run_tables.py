"""What a folder of runs says to the leagues beside it: whose replay tables are no longer needed.

A cluster's operator compares runs and tables all the time; on a machine no process is there between
two commands. So it is said where something may have changed: a run has ended or was deleted, or a
league has come up (which may have been away then). A league that is not up hears it the next time.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from trainingrun_contracts.league_report import LONGEST_KEEPER, TableReport
from trainingrun_reconciler.leagues.run_tables import marks_of

from trainingrun.local.folder import FolderError, RunFolder
from trainingrun.local.league_folder import league_names
from trainingrun.local.store import saved_run
from trainingrun.sdk.errors import ClientError
from trainingrun.sdk.league_values import LocalLeague


def keeper_of(state: Path) -> str:
    """How a folder of runs is called where a table says who knows its run's end; empty where its
    path is too long to be a name."""
    path = str(state.absolute())
    return path if len(path) <= LONGEST_KEEPER else ""


def runs_in(state: Path) -> tuple[dict[str, bool], bool]:
    """Return the runs of a folder by their identity, and whether each is over; then whether all
    could be read."""
    found, are_all = {}, True
    for path in state.glob("*/status.json"):
        if ".old-" in path.parent.name:
            continue
        try:
            run = saved_run(RunFolder(path.parent.absolute()))
        except FolderError:
            are_all = False
            continue
        if run is not None:
            found[run.metadata.uid] = run.status.end is not None
    return found, are_all


def mark_run_tables(state: Path) -> None:
    """Say to the leagues of this machine that are up which runs are over."""
    if find_spec("grpc") is None:
        return
    for name in league_names(state):
        with suppress(ClientError):
            _mark(LocalLeague(name, state))


def _mark(place: LocalLeague) -> None:
    # Imported here because a machine without leagues has no grpcio.
    from trainingrun.sdk.leagues import league_of  # noqa: PLC0415

    keeper = keeper_of(place.state)
    with league_of(place) as league:
        tables = league.replay_tables(keeper=keeper) if keeper else []
        # After the tables: the run of each was there before.
        runs, are_all = runs_in(place.state)
        known = [each for each in tables if are_all or each.name in runs]
        marks = marks_of(
            [TableReport(each.name, each.ended_at is not None) for each in known], runs
        )
        if marks is not None:
            league.mark_tables(keeper, ended=marks.ended, live=marks.live)
