"""The metrics of whole runs, from the latest reconcile of each.

Of every run the same families, labelled with namespace and name. Nothing is asked for here: a run
whose Redis cannot be reached has the samples of its members only, because absent is not zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Final, get_args

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from trainingrun_api.conditions import ConditionStatus, ConditionType
from trainingrun_api.status import Bottleneck
from trainingrun_contracts import metrics
from trainingrun_contracts.exposition import family
from trainingrun_contracts.metrics import Metric, Server, served_by
from trainingrun_contracts.reports import (
    ACTOR_WAITS,
    LEARNER_WAITS,
    ActorReport,
    LearnerReport,
)

from trainingrun_reconciler.algorithms import ALGORITHMS
from trainingrun_reconciler.controller.state import RunView
from trainingrun_reconciler.desired.observed import Signals
from trainingrun_reconciler.desired.rates import learner_report
from trainingrun_reconciler.desired.waits import longest_wait

_OUTCOMES: Final = {
    "seat1": "seat1",
    "seat2": "seat2",
    "draw": "draws",
    "timeout": "timeouts",
    "aborted": "aborted",
}
_Sample = tuple[Metric, tuple[str, ...], float | None]


class RunCollector(Collector):
    """The metrics of the runs that ``views`` gives, whenever they are asked for."""

    def __init__(self, views: Callable[[], Iterable[RunView]]) -> None:
        self._views = views

    def collect(self) -> Iterator[Family]:
        """See Collector."""
        yield from run_families(self._views())


def run_families(views: Iterable[RunView]) -> Iterator[Family]:
    """All metrics of all runs."""
    found: dict[Metric, dict[tuple[str, ...], float]] = defaultdict(dict)
    for view in views:
        owner = (view.run.metadata.namespace, view.run.metadata.name)
        for metric, labels, number in _samples(view):
            if number is not None:
                found[metric][*owner, *labels] = number
    for metric in served_by(Server.RUN):
        yield family(metric, found[metric].items())


def _samples(view: RunView) -> Iterator[_Sample]:
    yield from _members(view)
    yield from _reported(view)
    yield from _progress(view)
    yield from _decided(view)
    signals = view.observed.signals
    if isinstance(signals, Signals):
        yield from _counted(view, signals)
        yield from _daemons(signals)
        yield from _actors([each for each in signals.reports if isinstance(each, ActorReport)])
        yield from _learner(learner_report(signals))
        yield metrics.RUN_SERVER_WAIT, (), longest_wait(signals.servers)


def _members(view: RunView) -> Iterator[_Sample]:
    for role, there in view.observed.serving.items():
        yield metrics.RUN_MEMBERS, (role.value, "desired"), there.replicas
        yield metrics.RUN_MEMBERS, (role.value, "ready"), len(there.ready)
        restarts = sum(member.restarts for member in there.members)
        yield metrics.RUN_RESTARTS, (role.value,), restarts
    roles, spec = ALGORITHMS.roles_of(view.run), view.run.spec
    if roles.scaled is not None and roles.scaling is not None:
        most = roles.scaling.bounds(spec).max_replicas
        yield metrics.RUN_MEMBERS_MOST, (roles.scaled.role.value,), most
    if roles.answering is not None and roles.answering.by_waits is not None:
        _, most = roles.answering.by_waits.bounds(spec)
        yield metrics.RUN_MEMBERS_MOST, (roles.answering.role.value,), most


def _reported(view: RunView) -> Iterator[_Sample]:
    """What the status has, which outlives a Redis that is away."""
    status = view.status
    for role in status.roles:  # none so far is known to be none
        yield metrics.RUN_INTERRUPTIONS, (role.name,), role.interruptions or 0
    for part in get_args(Bottleneck):
        if status.bottleneck is not None:
            yield metrics.RUN_BOTTLENECK, (part,), float(part == status.bottleneck)
    for each in status.evaluation:
        yield metrics.RUN_WIN_RATE, (each.opponent,), each.win_rate
        yield metrics.RUN_ELO, (each.opponent,), each.elo
    if status.checkpoint is not None:
        yield metrics.RUN_CHECKPOINT_AT, (), status.checkpoint.saved_at.timestamp()
    if status.model is not None:
        yield metrics.RUN_WEIGHTS, (), status.model.version
    yield metrics.RUN_GAMES_PER_SECOND, (), view.rates.games


def _progress(view: RunView) -> Iterator[_Sample]:
    """How far the run is, and what it has cost."""
    yield metrics.RUN_GAMES_TARGET, (), view.run.spec.games
    phase, cost = view.status.curriculum, view.status.cost
    if phase is not None:
        yield metrics.RUN_PHASE, (phase.phase,), phase.number
    if cost is not None:
        yield metrics.RUN_COST, (cost.currency,), cost.spent
        yield metrics.RUN_COST_PROJECTED, (cost.currency,), cost.projected_total
    prices = view.run.spec.cost
    if prices is not None:
        yield metrics.RUN_COST_BUDGET, (prices.currency,), prices.budget


def _decided(view: RunView) -> Iterator[_Sample]:
    """Conditions, and the latest decision of the autoscaler."""
    for condition in view.status.conditions:
        if condition.status is not ConditionStatus.UNKNOWN:
            yield metrics.RUN_CONDITION, (condition.type,), float(condition.is_true)
    limited = view.status.condition(ConditionType.SCALING_LIMITED)
    if limited is not None and limited.is_true:
        yield metrics.RUN_SCALE_LIMITED, (limited.reason,), 1.0
    yield metrics.RUN_SCALE_WANTED, (), view.wanted
    scaling = view.status.autoscaling
    if scaling is not None:
        yield metrics.RUN_SCALE_FORCED, (), scaling.forced
    last = scaling.last_decision if scaling is not None else None
    if last is not None:
        yield metrics.RUN_SCALED_TO, (), last.to_replicas
        yield metrics.RUN_SCALED_AT, (), last.at.timestamp()
        for name, number in last.inputs.items():
            yield metrics.RUN_SCALE_INPUT, (name,), number


def _counted(view: RunView, signals: Signals) -> Iterator[_Sample]:
    games, ledger = signals.games, signals.ledger
    ended = {outcome: games.get(name, 0) for outcome, name in _OUTCOMES.items()}
    ended["draw"] -= ended["timeout"]  # Redis counts a timeout as a draw too
    for outcome, count in ended.items():
        yield metrics.RUN_GAMES, (outcome,), count
    fates = {"produced": ledger.produced, "trained": ledger.trained, "lost": ledger.lost}
    for fate, count in {**fates, **ledger.dropped}.items():
        yield metrics.RUN_TRANSITIONS, (fate,), count
    yield metrics.RUN_QUEUE, (), ledger.queued
    spec = view.run.spec
    yield metrics.RUN_QUEUE_CAPACITY, (), ALGORITHMS.of(spec).queue_capacity(spec)


def _daemons(signals: Signals) -> Iterator[_Sample]:
    capacity = sum(slot.capacity for slot in signals.slots.values())
    busy = sum(signals.busy.values())
    yield metrics.RUN_SLOTS, (), capacity
    yield metrics.RUN_BUSY_SLOTS, (), busy
    if capacity:
        yield metrics.RUN_UTILISATION, (), busy / capacity
    for endpoint, slot in sorted(signals.slots.items())[: metrics.DAEMONS_NAMED]:
        if slot.capacity:
            yield (
                metrics.RUN_DAEMON_BUSY,
                (endpoint,),
                signals.busy.get(endpoint, 0) / slot.capacity,
            )


def _actors(reports: list[ActorReport]) -> Iterator[_Sample]:
    if not reports:
        return
    said = {cause for report in reports for cause in report.waits}
    for cause in sorted(said.intersection(ACTOR_WAITS)):  # a label per cause that exists
        mean = sum(report.waits.get(cause, 0.0) for report in reports) / len(reports)
        yield metrics.RUN_WAIT_FRACTION, ("actor", cause), mean
    lasted = [each.game_seconds_p95 for each in reports if each.game_seconds_p95 is not None]
    synced = [each.sync_seconds for each in reports if each.sync_seconds is not None]
    versions = [each.weights_version for each in reports if each.weights_version >= 0]
    yield metrics.RUN_GAME_SECONDS, (), max(lasted, default=None)
    yield metrics.RUN_SYNC_SECONDS, (), max(synced, default=None)
    yield metrics.RUN_WEIGHTS_OLDEST, (), min(versions, default=None)


def _learner(report: LearnerReport | None) -> Iterator[_Sample]:
    if report is None:
        return
    for cause in LEARNER_WAITS:
        yield metrics.RUN_WAIT_FRACTION, ("learner", cause), report.waits.get(cause)
    yield metrics.RUN_POLICY_LAG, ("mean",), report.policy_lag
    yield metrics.RUN_POLICY_LAG, ("p95",), report.policy_lag_p95
