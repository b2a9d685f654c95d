"""What was worked out about a run: what its actions, its status and its events are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import Autoscaling
from trainingrun_api.status import CostStatus, CurriculumStatus, StopStatus
from trainingrun_contracts.curriculum import CurrentPhase

from trainingrun_reconciler.desired.draining import DrainPlan
from trainingrun_reconciler.desired.external import endpoints
from trainingrun_reconciler.desired.facts import Facts
from trainingrun_reconciler.desired.health import RoleProblem
from trainingrun_reconciler.desired.observed import Interruption, Observed, Problem, Signals
from trainingrun_reconciler.desired.rates import Rates
from trainingrun_reconciler.desired.scale import Limit, ScaleDecision
from trainingrun_reconciler.desired.stage import Lifecycle
from trainingrun_reconciler.desired.template_hash import RolloutInputs
from trainingrun_reconciler.desired.termination import Progress
from trainingrun_reconciler.desired.waits import WaitDecision
from trainingrun_reconciler.roles.workload import Role


@dataclass(frozen=True)
class Assessment:
    """The facts, and everything that was decided from them but the actions."""

    facts: Facts
    """With the images that hold for the run now."""
    lifecycle: Lifecycle
    progress: Progress | None
    """When the counters last moved; None where they need not."""
    cost: CostStatus | None
    stop: StopStatus | None
    rates: Rates
    bounds: Autoscaling | None
    """Of the role that is scaled; None where none is."""
    scaled: ScaleDecision
    plan: DrainPlan | None
    answering: WaitDecision | None
    """How many members there should be of the role whose clients' waits decide it."""
    limit: Limit | None
    """What has limited the number of scaled members for a while; None where nothing is known."""
    curriculum: CurriculumStatus | None
    current_phase: CurrentPhase | None
    """What to publish of the curriculum to the actors."""
    rollout_inputs: RolloutInputs
    """What the spec asks for."""
    rolling: str
    """Which default images have changed, where members begin to be replaced for it."""
    problems: Mapping[Role, RoleProblem]
    interrupted: Mapping[Role, tuple[Interruption, ...]]
    """Since the last reconcile."""
    problem: Problem | None
    watched_since: float
    """When this process first reconciled the run."""

    @property
    def run(self) -> TrainingRun:
        """Spec and the status that stands."""
        return self.facts.run

    @property
    def observed(self) -> Observed:
        """What was seen."""
        return self.facts.observed

    @property
    def signals(self) -> Signals | None:
        """What Redis says, when it could be asked."""
        return self.facts.signals

    @property
    def now(self) -> float:
        """Unix seconds."""
        return self.facts.now

    @property
    def least_scaled(self) -> int:
        """How many scaled members are enough; of external ones, one."""
        return 1 if endpoints(self.run) or self.bounds is None else self.bounds.min_replicas

    @property
    def has_trained(self) -> bool:
        """Whether the learner has made an update; as it was last known where Redis is away."""
        if self.signals is not None:
            return self.signals.ledger.trained > 0
        known = self.run.status.transitions
        return known is not None and bool(known.trained)
