"""What is known of a run between two reconciles."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import TrainingRunSpec
from trainingrun_api.status import TrainingRunStatus
from trainingrun_contracts import run_config as contract

from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.backends import SharedResources
from trainingrun_reconciler.desired.actions import Action
from trainingrun_reconciler.desired.decide import Decision, Memory
from trainingrun_reconciler.desired.observed import Observed, Signals
from trainingrun_reconciler.desired.own_decks import own_decks
from trainingrun_reconciler.desired.rates import Rates
from trainingrun_reconciler.desired.run_config import run_config
from trainingrun_reconciler.desired.stage import Stage
from trainingrun_reconciler.roles.daemon_token import token_of
from trainingrun_reconciler.roles.redis import has_tls, is_managed
from trainingrun_reconciler.settings import Settings


@dataclass(frozen=True)
class RunView:
    """The latest reconcile of a run, for live tables and metrics."""

    run: TrainingRun
    observed: Observed
    status: TrainingRunStatus
    stage: Stage
    rates: Rates
    wanted: int | None = None
    """Daemons that the rates ask for, before windows, steps and bounds."""

    @classmethod
    def of(cls, run: TrainingRun, observed: Observed, decision: Decision) -> RunView:
        """What was observed of a run, and what was decided."""
        stage = decision.lifecycle.stage
        return cls(run, observed, decision.status, stage, decision.rates, decision.wanted)


@dataclass(frozen=True)
class RunState:
    """What the reconciler remembers of one run; losing it is harmless.

    Stores write counters seldom, and many runs' conditions in turn. So the status of the latest
    decision may not be written yet; what it remembers (the last decision about daemons, a decision
    to stop, since when a condition holds) counts all the same, and makes no second event.
    """

    uid: str
    memory: Memory
    shared: tuple[TrainingRunSpec, SharedResources] | None = None
    """What the roles share, and the spec that it was rendered from."""
    prepared: SharedResources | None = None
    view: RunView | None = None
    supersedes: TrainingRunStatus | None = None
    """The stored status that the one of ``view`` replaces."""
    actions: tuple[Action, ...] = ()
    repeats: int = 0
    """How many reconciles in a row asked for the same actions, so that these change nothing."""
    changed_at: float = 0.0
    """When the latest reconcile that found something new was."""

    def current(self, stored: TrainingRun) -> TrainingRun:
        """The run with its latest status, also where that is not written yet."""
        if self.view is None or self.supersedes != stored.status:
            return stored
        return stored.model_copy(update={"status": self.view.status})

    def with_shared(self, run: TrainingRun, settings: Settings) -> tuple[RunState, SharedResources]:
        """Itself with what the run's roles share, which is rendered again where the spec is new."""
        if self.shared is not None and self.shared[0] is run.spec:
            return self, self.shared[1]
        shared = shared_resources(run, settings)
        return replace(self, shared=(run.spec, shared)), shared

    def after(self, view: RunView, actions: tuple[Action, ...], *, now: float) -> RunState:
        """Itself after a reconcile that saw this and asked for these actions."""
        again = bool(actions) and actions == self.actions
        changed = bool(actions) or has_changed(self.view, view.observed)
        return replace(
            self,
            view=view,
            actions=actions,
            repeats=self.repeats + 1 if again else 0,
            changed_at=now if changed else self.changed_at,
        )

    def has_lost(self, observed: Observed, *, is_prepared: bool) -> bool:
        """Whether something is missing that was there: somebody deleted it, or the run."""
        before = self.view.observed.roles if self.view is not None else {}
        return bool(before.keys() - observed.roles.keys()) or (
            self.prepared is not None and not is_prepared
        )


def has_changed(before: RunView | None, observed: Observed) -> bool:
    """Whether this was observed for the first time."""
    if before is None:
        return True
    was, now = before.observed.signals, observed.signals
    if isinstance(was, Signals) and isinstance(now, Signals):
        same = was.digest == now.digest
    else:
        same = was == now
    return not same or before.observed.serving != observed.serving


def shared_resources(run: TrainingRun, settings: Settings) -> SharedResources:
    """What all roles of a run share, for the backend."""
    secret = run.spec.redis.url_secret_ref
    return SharedResources(
        config=contract.encode(run_config(run, settings)),
        managed_redis=is_managed(run),
        redis_url=run.spec.redis.url,
        redis_url_secret=(secret.name, secret.key) if secret is not None else None,
        redis_roles=tuple(each.role for each in ALGORITHMS.roles_of(run)),
        redis_tls=has_tls(run),
        daemon_token=token_of(run),
        decks=() if run.spec.suspend else own_decks(run.spec),  # a missing one keeps no run awake
    )
