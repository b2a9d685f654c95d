"""Reconcile one run: observe, decide, act, publish. The only place where decisions meet the world.

Actions are done one after the other and stop at the first refusal; the next reconcile decides
again from what is there, so nothing is rolled back and nothing is queued. The status is written
after the actions, so that it never claims what was not done. A refusal becomes a condition and a
retry; an API server that fails or is busy says nothing about the run and is only tried again; a bug
of ours is logged, counted as a failure of this run alone, and retried with back-off by the queue.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from math import ldexp
from typing import Final, get_args

from prometheus_client.core import Metric
from trainingrun_api.conditions import ConditionStatus, ConditionType, Reason
from trainingrun_api.run import TrainingRun
from trainingrun_api.status import Condition, TrainingRunStatus
from trainingrun_contracts.stream.keys import Keys

from trainingrun_reconciler.backends import (
    Backend,
    BackendError,
    ErrorKind,
    SharedResources,
)
from trainingrun_reconciler.controller.endpoints import EndpointProber
from trainingrun_reconciler.controller.idle import IdleRuns, Reconciled
from trainingrun_reconciler.controller.reach import Reach
from trainingrun_reconciler.controller.rollouts import Rollouts
from trainingrun_reconciler.controller.run_metrics import run_families
from trainingrun_reconciler.controller.signals import QueueError, SignalReader
from trainingrun_reconciler.controller.state import RunState, RunView, shared_resources
from trainingrun_reconciler.desired.actions import (
    Action,
    Apply,
    PublishSlots,
    Remove,
    RemoveFirst,
    RequestCheckpoint,
    SetIntent,
    SetPhase,
    SetTarget,
)
from trainingrun_reconciler.desired.decide import Decision, Memory, decide
from trainingrun_reconciler.desired.external import endpoints, external_role, is_asked
from trainingrun_reconciler.desired.finalizer import (
    FINALIZER,
    clean,
    given_up,
    is_held,
    should_be_held,
)
from trainingrun_reconciler.desired.observed import (
    Observed,
    ObservedRole,
    Problem,
    Signals,
    Unreachable,
)
from trainingrun_reconciler.desired.stage import Stage
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.declaration import Drain
from trainingrun_reconciler.roles.redis import is_managed
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings
from trainingrun_reconciler.store import ResourceKey, RunStore

_LOG: Final = logging.getLogger(__name__)
_REFUSED_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = 1.0
_LONGEST_AGAIN_SECONDS: Final = 32.0
_UNDER_WAY: Final = {
    Stage.RUNNING,
    Stage.WAITING,
    Stage.DRAINING,
    Stage.FLUSHING,
    Stage.EVALUATING,
    Stage.RECORDING,
}
"""The stages in which pods may start that need what the roles share."""
RECONCILE_SECONDS: Final = 120.0
"""The longest reconcile: more than all that a run's start asks of a busy API server."""
_OLD_REPORTS: Final = 64
"""The number that is left alone: every start of a member leaves one."""
_REPORT_KEPT_SECONDS: Final = 3600.0
_REPORT_SECONDS: Final = 10.0
_ROUTING_SECONDS: Final = 30.0


def kind_of(action: Action | type[Action]) -> str:
    """The kind of an action as metrics name it."""
    name = action.__name__ if isinstance(action, type) else type(action).__name__
    return name[0].lower() + name[1:]


ACTIONS: Final = tuple(kind_of(each) for each in get_args(Action))
"""All kinds of actions."""


class ReconcileError(Exception):
    """The store or the backend could not be asked about a run; a retry can help."""


class Reconciler:
    """Reconciles runs: several at once, but never one run twice at the same time.

    Attributes:
        listener: called with the kind of every action that was done, one of ``ACTIONS``.
    """

    def __init__(
        self,
        store: RunStore,
        backend: Backend,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        may_act: Callable[[], object] = lambda: None,
        longest: float = RECONCILE_SECONDS,
    ) -> None:
        """
        Args:
            store: of the runs.
            backend: of their roles.
            settings: of the installation.
            clock: Unix seconds.
            may_act: raises a ``BackendError`` where another operator leads; Redis cannot know.
            longest: seconds that one reconcile may take.
        """
        self._longest = longest
        self._store = store
        self._backend = backend
        self._settings = settings
        self._clock = clock
        self._may_act = may_act
        reach = Reach(settings.refused_networks)
        self._reader = SignalReader(reach=reach)
        self._idle = IdleRuns(self._reader, settings)
        self.listener: Callable[[str], None] = lambda _action: None
        self._prober = EndpointProber(reach=reach)
        self._rollouts = Rollouts()
        self._states: dict[ResourceKey, RunState] = {}

    async def reconcile(self, key: ResourceKey) -> float | None:
        """Reconcile one run once.

        Returns:
            Seconds until the next reconcile is due; None when only a change can bring something
            new.

        Raises:
            ReconcileError: the store or the backend could not be asked, or it took too long.
        """
        limit = asyncio.timeout(self._longest)
        try:
            async with limit:
                return await self._reconcile(key)
        except TimeoutError as error:
            if not limit.expired():
                raise
            text = f"asking and acting took longer than {self._longest:g} s; it is tried again"
            await self._report_timeout(key, Problem(Reason.RECONCILE_TIMEOUT.value, text))
            raise ReconcileError(f"run {key}: {text}") from error

    async def _report_timeout(self, key: ResourceKey, problem: Problem) -> None:
        """Report it in the condition Degraded; of all else nothing new is known."""
        try:
            async with asyncio.timeout(_REPORT_SECONDS):
                stored = await self._store.get(key)
                if stored is None or stored.metadata.deletion_timestamp is not None:
                    return
                now, memory = self._clock(), Memory()
                decision = decide(
                    stored, Observed({}), self._settings, memory, now=now, problem=problem
                )
                status = _with_condition(
                    stored.status, decision.status.condition(ConditionType.DEGRADED)
                )
                if status != stored.status:
                    await self._store.write_status(stored, status)
        except (BackendError, TimeoutError) as error:
            _LOG.warning("run %s: %s: the status cannot be written: %s", key, problem.reason, error)

    async def _reconcile(self, key: ResourceKey) -> float | None:
        try:
            run = await self._store.get(key)
            if run is not None and run.metadata.deletion_timestamp is None:
                return await self._reconcile_run(key, run)
            self.forget(key)
            return await self._finalize(run) if run is not None and is_held(run) else None
        except BackendError as error:
            raise ReconcileError(f"run {key}: {error.reason}: {error}") from error

    def view(self, key: ResourceKey) -> RunView | None:
        """The latest reconcile of a run."""
        state = self._states.get(key)
        return state.view if state is not None else None

    def forget(self, key: ResourceKey) -> None:
        """Drop what is remembered of a run."""
        self._states.pop(key, None)
        self._rollouts.forget(key)
        self._idle.poller.remove(key)

    @property
    def idle(self) -> int:
        """How many runs are idle."""
        return len(self._idle.poller)

    def metrics(self) -> Callable[[], Iterator[Metric]]:
        """The metrics of all runs, from the latest reconcile of each."""
        known = (self._states[key].view for key in sorted(self._states))
        return partial(run_families, tuple(view for view in known if view is not None))

    async def poll(self, wake: Callable[[ResourceKey], None]) -> None:
        """Watch the Redis of idle runs until cancelled; ``wake`` has a run reconciled."""
        await self._idle.poller.run(wake)

    async def close(self) -> None:
        """Close the connections to Redis and to daemons."""
        await self._reader.close()
        await self._prober.close()

    def _remembered(self, key: ResourceKey, stored: TrainingRun) -> RunState:
        """What is remembered of this run; nothing of a namesake that was there before."""
        state, uid = self._states.get(key), stored.metadata.uid
        return state if state is not None and state.uid == uid else RunState(uid, Memory())

    async def _reconcile_run(self, key: ResourceKey, stored: TrainingRun) -> float | None:
        state = self._remembered(key, stored)
        run = state.current(stored)
        identity = RunIdentity(run.metadata.namespace, run.metadata.name, run.metadata.uid)
        state, shared = state.with_shared(run, self._settings)
        observed, url = await self._observe(run, identity, shared)
        now = self._clock()
        may_roll = self._rollouts.allows(key, now=now)
        before = state.memory
        decision = decide(run, observed, self._settings, before, now=now, may_roll=may_roll)
        if decision.rolls:
            self._rollouts.begin(key, runs=len(self._states), now=now)
        state = replace(state, memory=decision.memory)
        problem, wait = None, _REFUSED_SECONDS
        try:
            is_prepared = state.prepared == shared and await self._backend.is_prepared(identity)
            has_lost = state.has_lost(observed, is_prepared=is_prepared)
            is_to_stay = stored.metadata.deletion_timestamp is None
            if is_to_stay and has_lost and not await self._store.exists(stored):
                return None  # what is missing went with it, and its watch will say so
            if is_held(run) != should_be_held(run):  # before there is anything to clean up
                await self._store.set_finalizer(run, FINALIZER, present=should_be_held(run))
            if _needs_preparation(decision, is_prepared=is_prepared):
                await self._backend.prepare(identity, shared)
                state = replace(state, prepared=shared)
            for action in decision.actions:
                await self._perform(identity, action, url, _keys(run), now)
                self.listener(kind_of(action))
            await self._prune(observed, url, _keys(run), now)
        except BackendError as error:
            if error.kind is ErrorKind.TRANSIENT:
                raise  # retried with back-off; it says nothing about the run
            problem = Problem(error.reason, str(error))
            wait = _REFUSED_SECONDS if error.retry else self._settings.settled_interval
        except QueueError as error:
            problem = Problem("Unreachable", str(error))
        problem = problem or self._backend.warning(identity)
        if problem is not None:
            _LOG.warning("run %s: %s: %s", key, problem.reason, problem.message)
            decision = decide(
                run, observed, self._settings, before, now=now, problem=problem, may_roll=may_roll
            )
        state = state.after(RunView.of(run, observed, decision), decision.actions, now=now)
        changed_at = now if problem is not None else state.changed_at
        self._states[key] = replace(state, supersedes=stored.status, changed_at=changed_at)
        await self._publish(stored, decision)
        return wait if problem is not None else self._requeue_after(key, decision, url, now)

    def _requeue_after(
        self, key: ResourceKey, decision: Decision, url: str | None, now: float
    ) -> float | None:
        """Seconds until the next reconcile; a run about which nothing moves becomes idle."""
        state = self._states[key]
        due = _due(decision, state.repeats)
        if due is None or state.view is None:
            self._idle.poller.remove(key)
            return due
        idle_seconds, run_id = now - state.changed_at, _keys(state.view.run).run_id
        last = Reconciled(state.view, decision, url, run_id, idle_seconds, now)
        return max(due, self._idle.delay(key, last, runs=len(self._states)))

    async def _finalize(self, run: TrainingRun) -> float | None:
        """The last steps of a run whose checkpoints go with it."""
        identity = RunIdentity(run.metadata.namespace, run.metadata.name, run.metadata.uid)
        observed = Observed(await self._backend.observe(identity))
        cleaning = clean(run, observed, self._settings, now=self._clock())
        try:
            for action in cleaning.actions:
                if isinstance(action, Apply):
                    shared = shared_resources(run, self._settings)
                    await self._backend.prepare(identity, replace(shared, decks=()))
                await self._backend.perform(identity, action)
        except BackendError as error:
            if error.kind is ErrorKind.TRANSIENT:
                raise
            cleaning = given_up(run, str(error))
        if cleaning.over:  # first: where no event can be written, the run goes all the same
            await self._store.set_finalizer(run, FINALIZER, present=False)
        for event in cleaning.events:
            await self._store.emit(run, event)
        return cleaning.requeue_after

    async def _observe(
        self, run: TrainingRun, identity: RunIdentity, shared: SharedResources
    ) -> tuple[Observed, str | None]:
        roles = await self._backend.observe(identity)
        external = await self._external(run)
        try:
            url = await self._backend.redis_url(identity, shared)
        except BackendError as error:
            if error.kind is ErrorKind.TRANSIENT:
                raise
            unreachable = Unreachable(error.reason, str(error))
            return Observed(roles, unreachable, external), None
        if url is None:
            return Observed(roles, None, external), None
        signals = await self._reader.read(
            url,
            _keys(run),
            endpoints=_endpoints_of(*_with_slots(roles), external),
            now=self._clock(),
        )
        if isinstance(signals, Unreachable) and (
            _redis_starts(run, roles) or _is_not_routed_yet(run, roles, signals, self._clock())
        ):
            return Observed(roles, None, external), url
        return Observed(roles, signals, external), url

    async def _external(self, run: TrainingRun) -> ObservedRole | None:
        """The daemons that exist without us, as they answer; None where they play no part."""
        names = endpoints(run) if is_asked(run) else ()
        return external_role(names, await self._prober.observe(names)) if names else None

    async def _perform(
        self, identity: RunIdentity, action: Action, url: str | None, keys: Keys, now: float
    ) -> None:
        match action:
            case Apply() | Remove() | RemoveFirst():
                _LOG.info("run %s: %s", identity.name, _described(action))
                await self._backend.perform(identity, action)
            case SetIntent() | SetTarget() | SetPhase() | PublishSlots() | RequestCheckpoint():
                if url is None:
                    raise QueueError("the address of Redis is not known yet")
                self._may_act()
                _LOG.info("run %s: %s", identity.name, _described(action))
                await self._reader.perform(url, keys, action, now=now)

    async def _prune(self, observed: Observed, url: str | None, keys: Keys, now: float) -> None:
        """Remove the reports of members that are gone, once there are many of them."""
        signals = observed.signals
        if not isinstance(signals, Signals) or url is None or signals.old_reports < _OLD_REPORTS:
            return
        self._may_act()
        try:
            await self._reader.prune(url, keys, before=now - _REPORT_KEPT_SECONDS)
        except QueueError as error:  # a Redis of the user's own may give no right to; no harm
            _LOG.info("reports of members that are gone stay: %s", error)

    async def _publish(self, run: TrainingRun, decision: Decision) -> None:
        if decision.status != run.status:
            await self._store.write_status(run, decision.status)
        for event in decision.events:
            await self._store.emit(run, event)
        if decision.expired:
            await self._store.delete(run)


def _with_condition(status: TrainingRunStatus, new: Condition | None) -> TrainingRunStatus:
    """The status with one of its conditions replaced."""
    if new is None:
        return status
    others = tuple(each for each in status.conditions if each.type != new.type)
    return status.model_copy(update={"conditions": (*others, new)})


def _keys(run: TrainingRun) -> Keys:
    return Keys(run.metadata.uid or run.metadata.name)


def _needs_preparation(decision: Decision, *, is_prepared: bool) -> bool:
    """Before members are made, and while what a run under way shares is not as it should be."""
    makes = any(isinstance(action, Apply) for action in decision.actions)
    return makes or (decision.lifecycle.stage in _UNDER_WAY and not is_prepared)


def _with_slots(roles: Mapping[Role, ObservedRole]) -> Iterator[ObservedRole]:
    """The roles on whose members games run that others play."""
    for each in ROLES:
        if each.drain is Drain.BY_SLOTS and each.role in roles:
            yield roles[each.role]


def _endpoints_of(*roles: ObservedRole | None) -> list[str]:
    members = (member for role in roles if role is not None for member in role.members)
    return sorted({member.endpoint for member in members if member.endpoint is not None})


def _redis_starts(run: TrainingRun, roles: Mapping[Role, ObservedRole]) -> bool:
    """Whether our own Redis is not up yet, which is no failure."""
    there = roles.get(Role.REDIS)
    return is_managed(run) and (there is None or not there.ready)


def _is_not_routed_yet(
    run: TrainingRun, roles: Mapping[Role, ObservedRole], refused: Unreachable, now: float
) -> bool:
    """Whether our own Redis is up and has never answered, but was made a moment ago: the cluster
    needs some seconds to lead its name to its pod, which is nothing to warn of."""
    there, before = roles.get(Role.REDIS), run.status.condition(ConditionType.QUEUE_AVAILABLE)
    is_new = before is None or before.status is ConditionStatus.UNKNOWN
    if not is_managed(run) or there is None or not is_new or refused.reason != Reason.UNREACHABLE:
        return False
    return any(now - (each.started_at or 0.0) < _ROUTING_SECONDS for each in there.ready)


def _due(decision: Decision, repeats: int) -> float | None:
    """Seconds until the next reconcile: soon after actions, and later and later where the same
    ones are asked for again and again; a change that they bring about wakes the run by itself."""
    if decision.expired:
        return None
    if not decision.actions or decision.requeue_after is None:
        return decision.requeue_after
    if not repeats:
        return min(_AGAIN_SECONDS, decision.requeue_after)
    pause = min(ldexp(_AGAIN_SECONDS, min(repeats, 10)), _LONGEST_AGAIN_SECONDS)
    return max(decision.requeue_after, pause)


def _described(action: Action) -> str:
    match action:
        case Apply(workload=workload):
            return f"apply {workload.role.value}, {workload.replicas} members"
        case Remove(role=role):
            return f"remove {role.value}"
        case RemoveFirst(role=role, members=members):
            return f"remove of {role.value} first: {', '.join(members)}"
        case PublishSlots(slots=slots):
            draining = sum(slot.draining for slot in slots.values())
            return f"publish {len(slots)} daemons, {draining} draining"
        case SetIntent(intent=intent):
            return f"intent {intent.value}"
        case SetTarget(games=games):
            return f"target {games} games"
        case SetPhase(phase=phase):
            return f"phase {phase.name or 'none'}"
        case RequestCheckpoint(token=token):
            return f"checkpoint asked for, {token}"
