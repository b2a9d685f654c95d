"""What a plan takes from the spec of a run: bounds, sizes, where its roles may be, its prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trainingrun_api.limits import Cost
from trainingrun_api.quantities import bytes_of
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import Spot, TrainingRunSpec
from trainingrun_reconciler.roles.actor import actor_replicas
from trainingrun_reconciler.roles.daemon import DAEMON
from trainingrun_reconciler.settings import Settings

GIB: Final = 2**30
_DAEMON_CORES: Final = 1.0
"""An engine is one process that fills one core; what is scheduled without a request is less."""


@dataclass(frozen=True)
class Size:
    """Processor and memory of one member."""

    cores: float
    gib: float


@dataclass(frozen=True)
class Needs:
    """What the spec asks for. ``evaluation_share`` is in games of evaluations for each game."""

    name: str
    games: int
    fewest: int
    most: int
    external: bool
    slots: int
    daemon: Size
    actors_per_daemon: float
    actors_fixed: int | None
    actor_cores: float | None
    gpus: int
    learner_cores: float | None
    learner_gib: float | None
    epochs: int
    network: str
    evaluation_share: float
    daemon_spot: bool
    actor_spot: bool
    learner_spot: bool
    cost: Cost | None
    is_local: bool
    """Whether this machine could run it as plain processes with the reference engine."""
    run: TrainingRun | None = None
    """Whose roles are counted; None where only sizes are known."""

    def actors(self, daemons: int) -> int:
        """Return the actors beside this number of daemons."""
        if self.actors_fixed is not None:
            return self.actors_fixed
        return max(1, -int(-daemons * self.actors_per_daemon // 1))


def needs_of(run: TrainingRun, *, games: int | None = None) -> Needs:
    """Return what a run asks for; ``games`` takes the place of its own."""
    spec = run.spec
    external = spec.daemon.external
    bounds = spec.daemon.autoscaling
    learner = spec.learner.container.resources
    fixed = len(external.endpoints) if external is not None else None
    wanted = games if games is not None else spec.games
    return Needs(
        name=run.metadata.name,
        games=wanted,
        fewest=fixed or bounds.min_replicas,
        most=fixed or bounds.max_replicas,
        external=external is not None,
        slots=spec.daemon.games_per_daemon,
        daemon=_daemon_size(run),
        actors_per_daemon=spec.daemon.games_per_daemon / spec.actor.games_per_actor,
        actors_fixed=actor_replicas(run, slots=0) if spec.actor.replicas is not None else None,
        actor_cores=cores_of(spec.actor.container.resources.requests.get("cpu")),
        gpus=spec.learner.gpus,
        learner_cores=cores_of(learner.requests.get("cpu")),
        learner_gib=_gib(learner.requests.get("memory")),
        epochs=spec.algorithm.ppo.epochs if spec.algorithm.ppo is not None else 1,
        network=spec.learner.network.kind,
        evaluation_share=_evaluation_share(spec, wanted),
        is_local=external is None and has_reference_engine(spec),
        daemon_spot=_is_spot(spec.daemon.spot),
        actor_spot=_is_spot(spec.actor.spot),
        learner_spot=_is_spot(spec.learner.spot),
        run=run,
        cost=spec.cost if spec.cost is not None and _has_prices(spec.cost) else None,
    )


def has_reference_engine(spec: TrainingRunSpec) -> bool:
    """Return whether the daemons are those of the project: no Forge build, no image of somebody's
    own."""
    return spec.daemon.jvm is None and spec.daemon.container.image is None


def cores_of(quantity: str | None) -> float | None:
    """Cores in Kubernetes' spelling: ``2``, ``500m``; None stays None."""
    if quantity is None:
        return None
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def _daemon_size(run: TrainingRun) -> Size:
    asked = run.spec.daemon.container.resources
    cores = cores_of(asked.requests.get("cpu") or asked.limits.get("cpu"))
    memory = DAEMON.process(run, Settings()).resources.memory
    return Size(cores or _DAEMON_CORES, bytes_of(memory) / GIB)


def _gib(quantity: str | None) -> float | None:
    return None if quantity is None else bytes_of(quantity) / GIB


def _evaluation_share(spec: TrainingRunSpec, games: int) -> float:
    """Games against all opponents for each training game: between two evaluations, and at the
    end."""
    evaluation = spec.evaluation
    times = games / evaluation.interval_games + 1
    return evaluation.games * len(spec.evaluation_opponents) * times / games


def _is_spot(word: Spot) -> bool:
    return word != "Never"


def _has_prices(cost: Cost) -> bool:
    return any((cost.daemon_hourly, cost.actor_hourly, cost.learner_hourly))
