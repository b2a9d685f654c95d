"""The game daemons: they serve games over TCP and know nothing of the run."""

from __future__ import annotations

from typing import Final

from trainingrun_api.conditions import ConditionType
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import TrainingRunSpec

from trainingrun_reconciler.roles import forge
from trainingrun_reconciler.roles.declaration import (
    Availability,
    Drain,
    Entrance,
    Extent,
    Life,
    Noun,
    Process,
    RoleDeclaration,
    Scaling,
    Section,
    Service,
)
from trainingrun_reconciler.roles.environment import environment_argument, environment_config
from trainingrun_reconciler.roles.workload import Probe, Resources, Role
from trainingrun_reconciler.settings import Settings

PORT: Final = 17171
_DEFAULTS: Final = Resources(cpu="200m", memory="192Mi", memory_limit="1Gi")
_ENDING_SECONDS: Final = 10
_LONGEST_GAME_SECONDS: Final = 3600
"""What the reference engine allows a game by itself."""


def _is_own(run: TrainingRun) -> bool:
    return run.spec.daemon.external is None and not run.spec.daemon.embedded


def _is_external(run: TrainingRun) -> bool:
    return run.spec.daemon.external is not None


def _members(extent: Extent) -> int:
    return extent.scaled


def _process(run: TrainingRun, _settings: Settings) -> Process:
    """Each daemon finishes its games before it ends."""
    spec = run.spec.daemon
    drain = spec.drain_timeout_seconds
    own = tuple(deck.name for deck in run.spec.decks if deck.is_own)
    return Process(
        command=_command(run.spec, drain_seconds=drain, own_decks=bool(own)),
        resources=_section(run.spec).resources(
            _DEFAULTS if spec.jvm is None else forge.memory(spec.jvm)
        ),
        environment=() if spec.jvm is None else forge.environment(spec.jvm, spec.games_per_daemon),
        grace_seconds=drain + _ENDING_SECONDS,
        own_decks=own,
    )


def _command(run: TrainingRunSpec, *, drain_seconds: int, own_decks: bool) -> tuple[str, ...]:
    """The reference engine, or a Forge build, which knows neither drain nor bounds; an engine of
    the user's is whatever program its image starts."""
    spec = run.daemon
    if run.environment.engine is not None:
        return ()
    if spec.jvm is not None:
        return ("forge-daemon", "-p", "{port}")
    longest = spec.game_timeout_seconds
    argument = environment_argument(environment_config(run.environment))
    return (
        "trainingrun-daemon",
        "--host",
        "{host}",
        "--port",
        "{port}",
        *(("--decks", "{own_decks}") if own_decks else ()),  # the first folder with a name counts
        *(("--decks", "{decks}") if argument is None else ("--environment", argument)),
        "--max-concurrent",
        str(spec.games_per_daemon),
        "--drain-seconds",
        str(drain_seconds),
        *(("--longest-game", str(longest)) if longest > _LONGEST_GAME_SECONDS else ()),
    )


def _section(spec: TrainingRunSpec) -> Section:
    return Section.of(spec.daemon, spot=spec.daemon.spot)


DAEMON: Final = RoleDeclaration(
    role=Role.DAEMON,
    purpose="Serves games over TCP, and knows nothing of the run.",
    life=Life.WORKER,
    exists=_is_own,
    is_external=_is_external,
    members=_members,
    process=_process,
    section=_section,
    image="daemon",
    reads_config=False,
    probe=Probe.TCP,
    port=PORT,
    service=Service.EACH_MEMBER,
    entrance=Entrance.CLIENTS,
    is_confined=True,
    waits_for_quota=True,
    is_spread=True,
    drain=Drain.BY_SLOTS,
    scaling=Scaling(
        noun=Noun("daemon", "daemons"),
        bounds=lambda spec: spec.daemon.autoscaling,
        games=lambda spec: spec.daemon.games_per_daemon,
        drain_seconds=lambda spec: spec.daemon.drain_timeout_seconds,
        drops_games=lambda spec: spec.daemon.jvm is not None,
    ),
    evaluates=True,
    availability=Availability("daemons", "serve games", condition=ConditionType.DAEMONS_AVAILABLE),
    price=lambda prices: prices.daemon_hourly,
)
