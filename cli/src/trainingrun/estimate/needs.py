"""What a plan takes from the spec of a run: bounds, sizes, where its roles may be, its prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trainingrun_api.limits import Cost
from trainingrun_api.quantities import bytes_of
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import Spot, TrainingRunSpec
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.actor import actor_replicas
from trainingrun_reconciler.roles.daemon import DAEMON
from trainingrun_reconciler.roles.declaration import Extent, RoleDeclaration
from trainingrun_reconciler.roles.workload import Role
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
    """What the spec asks for. ``evaluation_share`` is in games of evaluations for each game.

    ``player`` is the role whose members play the games, each on a core: daemons, or the actors of
    an embedded run, or the workers of AlphaZero. ``daemon``, ``fewest``, ``most`` and
    ``daemon_spot`` are theirs, whichever they are; only daemons have actors beside them.
    """

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
    player: Role = Role.DAEMON

    @property
    def has_daemons(self) -> bool:
        """Whether daemons play, and actors ask them."""
        return self.player is Role.DAEMON

    def players_on(self, cores: float) -> int:
        """Return the members that play on one machine with ``cores`` cores."""
        if self.run is None or self.has_daemons:
            return self.most
        return _players(self.run, ROLES[self.player], cores=max(1, int(cores)))

    def actors(self, daemons: int) -> int:
        """Return the actors beside this number of daemons; who plays itself needs none."""
        if not self.has_daemons:
            return 0
        if self.actors_fixed is not None:
            return self.actors_fixed
        return max(1, -int(-daemons * self.actors_per_daemon // 1))


def needs_of(run: TrainingRun, *, games: int | None = None) -> Needs:
    """Return what a run asks for; ``games`` takes the place of its own."""
    spec = run.spec
    external = spec.daemon.external
    bounds = spec.daemon.autoscaling
    learner = spec.learner.container.resources
    player = player_of(spec)
    fixed = len(external.endpoints) if external is not None else None
    if player is not Role.DAEMON:
        fixed = _players(run, ROLES[player])
    wanted = games if games is not None else spec.games
    return Needs(
        name=run.metadata.name,
        games=wanted,
        fewest=fixed or bounds.min_replicas,
        most=fixed or bounds.max_replicas,
        external=external is not None,
        slots=spec.daemon.games_per_daemon,
        daemon=_daemon_size(run) if player is Role.DAEMON else _player_size(run, ROLES[player]),
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
        daemon_spot=_is_spot(spec.daemon.spot if player is Role.DAEMON else spec.actor.spot),
        actor_spot=_is_spot(spec.actor.spot),
        learner_spot=_is_spot(spec.learner.spot),
        run=run,
        player=player,
        cost=spec.cost if spec.cost is not None and _has_prices(spec.cost) else None,
    )


def player_of(spec: TrainingRunSpec) -> Role:
    """Return the role whose members play the games of a run."""
    if spec.algorithm.alpha_zero is not None:
        return Role.SELFPLAY
    return Role.ACTOR if spec.daemon.embedded else Role.DAEMON


def members(player: Role) -> str:
    """Return how people call the members of a role that plays."""
    return {Role.ACTOR: "actors", Role.SELFPLAY: "workers"}.get(player, "daemons")


def _players(run: TrainingRun, declared: RoleDeclaration, cores: int | None = None) -> int:
    return declared.members(Extent(run, scaled=0, slots=0, cores=cores))


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


def _player_size(run: TrainingRun, declared: RoleDeclaration) -> Size:
    """Who plays itself fills a core, whatever little it requests."""
    asked = run.spec.actor.container.resources
    cores = cores_of(asked.requests.get("cpu") or asked.limits.get("cpu"))
    memory = declared.process(run, Settings()).resources.memory
    return Size(max(cores or 0.0, _DAEMON_CORES), bytes_of(memory) / GIB)


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
