"""Which league a run on this machine joins: one of this machine by its name, or one elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import LeagueRef
from trainingrun_contracts.role_environment import LeagueAccess, LeagueFolder
from trainingrun_reconciler.settings import LeagueAddress

from trainingrun.commands.errors import UserError
from trainingrun.commands.installed import require_league
from trainingrun.commands.league.target import (
    DEFAULT,
    addresses_in,
    authority_of,
    is_local,
    token_of,
)
from trainingrun.local.league_folder import LeagueFolderError, league_folder
from trainingrun.sdk.run_tables import keeper_of


@dataclass(frozen=True)
class JoinedLeague:
    """Where the league is, and what it wants to know of the run."""

    address: LeagueAddress
    access: LeagueAccess | LeagueFolder


def join_league(
    run: TrainingRun, given: str | None, state: Path
) -> tuple[TrainingRun, JoinedLeague | None]:
    """Return the run with its league, which ``--league`` gives or ``spec.leagueRef`` names.

    Raises:
        UserError: the league is not up, or there is no token for it.
    """
    ref = run.spec.league_ref
    if given is None and ref is None:
        return run, None
    require_league()
    name = given or (ref.name if ref is not None else DEFAULT)
    if given is not None and not is_local(given, state):
        found = _elsewhere(given)
        name = DEFAULT
    else:
        found = _here(state, name, field="--league" if given else "spec.leagueRef.name")
    if ref is None:
        spec = run.spec.model_copy(update={"league_ref": LeagueRef(name=name)})
        run = run.model_copy(update={"spec": spec})
    return run, found


def _elsewhere(given: str) -> JoinedLeague:
    found = addresses_in(given)
    model = found.get("model")
    if model is None:
        raise UserError(f"--league {given}: name the Model service: model=HOST:PORT")
    return JoinedLeague(
        LeagueAddress(model, replay=found.get("replay")),
        LeagueAccess(token_of(None), authority_of(None)),
    )


def _here(state: Path, name: str, *, field: str) -> JoinedLeague:
    folder = league_folder(state, name)
    try:
        ready, access = folder.read_ready(), folder.read_access()
    except LeagueFolderError as error:
        raise UserError(f"{field} {name}: {error}") from error
    if ready is None or access is None:
        raise UserError(
            f"{field} {name}: no league of this name is up in {state}: start it with `trainingrun"
            " league up`, or say where one is with --league"
        )
    address = LeagueAddress(
        ready.services["model"],
        is_encrypted=ready.encrypted,
        replay=ready.services.get("replay"),
        keeper=keeper_of(state),
    )
    return JoinedLeague(address, LeagueFolder(folder.root))
