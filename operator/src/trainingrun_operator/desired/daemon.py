"""The game daemons: they serve games over TCP and know nothing of the run."""

from __future__ import annotations

from typing import Final

from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.api.spec import Daemon

from trainingrun_operator.desired import forge
from trainingrun_operator.desired.amounts import resources
from trainingrun_operator.desired.daemon_token import token_of
from trainingrun_operator.desired.workload import Probe, Resources, Role, Workload
from trainingrun_operator.settings import Settings

PORT: Final = 17171
_DEFAULTS: Final = Resources(cpu="200m", memory="192Mi", memory_limit="1Gi")
_ENDING_SECONDS: Final = 10
_LONGEST_GAME_SECONDS: Final = 3600
"""What the reference engine allows a game by itself."""


def daemon(run: TrainingRun, settings: Settings, *, replicas: int) -> Workload:
    """So many daemons; each finishes its games before it ends."""
    spec = run.spec.daemon
    drain = spec.autoscaling.scale_down.drain_seconds
    return Workload(
        role=Role.DAEMON,
        replicas=replicas,
        image=spec.image or settings.images.daemon,
        command=_command(spec, drain_seconds=drain),
        resources=resources(
            spec.resources, _DEFAULTS if spec.jvm is None else forge.memory(spec.jvm)
        ),
        environment=() if spec.jvm is None else forge.environment(spec.jvm),
        probe=Probe.TCP,
        port=PORT,
        grace_seconds=drain + _ENDING_SECONDS,
        uses_config=False,
        daemon_token=token_of(run),
        pull_policy=run.spec.image_pull_policy,
    )  # fmt: skip


def _command(spec: Daemon, *, drain_seconds: int) -> tuple[str, ...]:
    """The reference engine, or a Forge build, which knows neither drain nor bounds."""
    if spec.jvm is not None:
        return ("forge-daemon", "--port", "{port}")
    longest = spec.game_timeout_seconds
    return (
        "trainingrun-daemon", "--host", "{host}", "--port", "{port}", "--decks", "{decks}",
        "--max-concurrent", str(spec.games_per_daemon), "--drain-seconds", str(drain_seconds),
        *(("--longest-game", str(longest)) if longest > _LONGEST_GAME_SECONDS else ()),
    )  # fmt: skip
