"""One look at one run: observe, decide, act, tell. The only place where decisions meet the world.

Actions are done one after the other and stop at the first refusal; the next look decides again from
what is there, so nothing is rolled back and nothing is queued. The status is written after the
actions, so that it never claims what was not done. A refusal becomes a condition and a retry; an
API server that fails or is busy says nothing about the run and is only tried again; a bug
of ours is logged, counted as a failure of this run alone, and retried with back-off by the queue.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ldexp
from typing import Final, get_args

from trainingrun_contracts import run_config as contract
from trainingrun_contracts.api.conditions import ConditionStatus, ConditionType, Reason
from trainingrun_contracts.api.run import TrainingRun
from trainingrun_contracts.api.spec import TrainingRunSpec
from trainingrun_contracts.api.status import Condition, TrainingRunStatus
from trainingrun_contracts.stream.keys import Keys

from trainingrun_operator.backends import Backend, BackendError, Blame, Ground, RunIdentity
from trainingrun_operator.backends.store import RunKey, RunStore
from trainingrun_operator.controller.endpoints import EndpointProber
from trainingrun_operator.controller.pace import (
    Quiet,
    pause_before_look,
    pause_if_uneventful,
)
from trainingrun_operator.controller.pulse import Pulse, Resting
from trainingrun_operator.controller.reach import Reach
from trainingrun_operator.controller.rollouts import Rollouts
from trainingrun_operator.controller.signals import QueueError, SignalReader
from trainingrun_operator.desired.actions import (
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
from trainingrun_operator.desired.cleaning import (
    FINALIZER,
    clean,
    given_up,
    is_held,
    should_be_held,
)
from trainingrun_operator.desired.daemon_token import token_of
from trainingrun_operator.desired.decide import Decision, Memory, decide
from trainingrun_operator.desired.external import endpoints, external_role, is_asked
from trainingrun_operator.desired.foresight import is_uneventful
from trainingrun_operator.desired.observed import (
    Observed,
    ObservedRole,
    Problem,
    Signals,
    Unreachable,
)
from trainingrun_operator.desired.rates import Rates
from trainingrun_operator.desired.redis import has_tls, is_managed
from trainingrun_operator.desired.run_config import run_config
from trainingrun_operator.desired.stage import Stage
from trainingrun_operator.desired.workload import Role
from trainingrun_operator.settings import Settings

_LOG: Final = logging.getLogger(__name__)
_REFUSED_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = 1.0
_LONGEST_AGAIN_SECONDS: Final = 32.0
_CALM_SECONDS: Final = 60.0
"""So long nothing moved before the pulse takes a run over; the averages have settled by then."""
_UNDER_WAY: Final = {
    Stage.RUNNING, Stage.WAITING, Stage.DRAINING, Stage.FLUSHING, Stage.EVALUATING,
    Stage.RECORDING,
}  # fmt: skip
"""The stages in which pods may start that need what the roles share."""
_SPREAD: Final = 0.1
RECONCILE_SECONDS: Final = 120.0
"""The longest reconcile: more than all that a run's start asks of a busy API server."""
_OLD_REPORTS: Final = 64
"""So many are left alone: every start of a member leaves one."""
_REPORT_KEPT_SECONDS: Final = 3600.0
_TELL_SECONDS: Final = 10.0
_ROUTING_SECONDS: Final = 30.0


def kind_of(action: Action | type[Action]) -> str:
    """The kind of an action as metrics name it."""
    name = action.__name__ if isinstance(action, type) else type(action).__name__
    return name[0].lower() + name[1:]


ACTIONS: Final = tuple(kind_of(each) for each in get_args(Action))
"""All kinds of actions."""


@dataclass(frozen=True)
class RunView:
    """The latest look at a run, for live tables."""

    run: TrainingRun
    observed: Observed
    status: TrainingRunStatus
    stage: Stage
    rates: Rates
    wanted: int | None = None
    """Daemons that the rates ask for, before windows, steps and bounds."""


class ReconcileError(Exception):
    """The world could not be asked about a run; looking again later can help."""


@dataclass(frozen=True)
class Told:
    """A status of ours, and the stored one that it is to replace.

    Stores write counters seldom and many runs' conditions in turn. What a status remembers (the
    last decision about daemons, a decision to stop, since when a condition holds) must not be
    forgotten meanwhile, nor told in a second event.
    """

    over: TrainingRunStatus
    status: TrainingRunStatus


@dataclass(frozen=True)
class _Kept:
    """What is remembered of one run between two looks; all of it may be lost."""

    uid: str
    memory: Memory
    ground: tuple[TrainingRunSpec, Ground] | None = None
    """What the roles share, and the spec that it was written from."""
    prepared: Ground | None = None
    view: RunView | None = None
    repeats: int = 0
    """How many looks in a row have asked for the same actions, so that these change nothing."""
    actions: tuple[Action, ...] = ()
    moved_at: float = 0.0
    """When the latest look that found something new was."""
    told: Told | None = None

    def after(self, actions: tuple[Action, ...]) -> _Kept:
        """Itself after a look that asked for these actions."""
        again = bool(actions) and actions == self.actions
        return replace(self, actions=actions, repeats=self.repeats + 1 if again else 0)

    def standing(self, run: TrainingRun) -> TrainingRun:
        """The run with the status that the last look gave it, where that is not written yet."""
        if self.told is None or self.told.over != run.status:
            return run
        return run.model_copy(update={"status": self.told.status})

    def grounded(self, run: TrainingRun, settings: Settings) -> tuple[_Kept, Ground]:
        """Itself with what the run's roles share, which is written again where the spec is new."""
        if self.ground is not None and self.ground[0] is run.spec:
            return self, self.ground[1]
        ground = ground_of(run, settings)
        return replace(self, ground=(run.spec, ground)), ground


class Reconciler:
    """Looks at runs. Looks at different runs may overlap, those at one run may not.

    Attributes:
        listener: is told the kind of every action that was done, one of ``ACTIONS``.
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
        self._pulse = Pulse(self._reader)
        self.listener: Callable[[str], None] = lambda _action: None
        self._prober = EndpointProber(reach=reach)
        self._rollouts = Rollouts()
        self._kept: dict[RunKey, _Kept] = {}

    async def reconcile(self, key: RunKey) -> float | None:
        """Look at one run once.

        Returns:
            Seconds until the next look is due; None when only a change can bring something new.

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
            await self._tell_overrun(key, Problem(Reason.RECONCILE_TIMEOUT.value, text))
            raise ReconcileError(f"run {key}: {text}") from error

    async def _tell_overrun(self, key: RunKey, trouble: Problem) -> None:
        """Say so in the condition Degraded; of all else nothing new is known."""
        try:
            async with asyncio.timeout(_TELL_SECONDS):
                stored = await self._store.get(key)
                if stored is None or stored.metadata.deletion_timestamp is not None:
                    return
                now, memory = self._clock(), Memory()
                decision = decide(
                    stored, Observed({}), self._settings, memory, now=now, trouble=trouble
                )
                status = _with_condition(
                    stored.status, decision.status.condition(ConditionType.DEGRADED)
                )
                if status != stored.status:
                    await self._store.write_status(stored, status)
        except (BackendError, TimeoutError) as error:
            _LOG.warning("run %s: %s: the status cannot be written: %s", key, trouble.reason, error)

    async def _reconcile(self, key: RunKey) -> float | None:
        try:
            run = await self._store.get(key)
            if run is not None and run.metadata.deletion_timestamp is None:
                return await self._look(key, run)
            self.forget(key)
            return await self._clean(run) if run is not None and is_held(run) else None
        except BackendError as error:
            raise ReconcileError(f"run {key}: {error.reason}: {error}") from error

    def view(self, key: RunKey) -> RunView | None:
        """The latest look at a run."""
        kept = self._kept.get(key)
        return kept.view if kept is not None else None

    def forget(self, key: RunKey) -> None:
        """Drop what is remembered of a run."""
        self._kept.pop(key, None)
        self._rollouts.forget(key)
        self._pulse.drop(key)

    @property
    def resting(self) -> int:
        """How many runs are at rest."""
        return len(self._pulse)

    async def pulse(self, wake: Callable[[RunKey], None]) -> None:
        """Watch the Redis of the runs at rest until cancelled; ``wake`` has a run looked at."""
        await self._pulse.run(wake)

    async def close(self) -> None:
        """Close the connections to Redis and to daemons."""
        await self._reader.close()
        await self._prober.close()

    def _remembered(self, key: RunKey, stored: TrainingRun) -> _Kept:
        """What is kept of this run; nothing of a namesake that was there before."""
        kept, uid = self._kept.get(key), stored.metadata.uid
        return kept if kept is not None and kept.uid == uid else _Kept(uid, Memory())

    async def _look(self, key: RunKey, stored: TrainingRun) -> float | None:
        kept = self._remembered(key, stored)
        run = kept.standing(stored)
        identity = RunIdentity(run.metadata.namespace, run.metadata.name, run.metadata.uid)
        kept, ground = kept.grounded(run, self._settings)
        observed, url = await self._observe(run, identity, ground)
        now = self._clock()
        may_roll = self._rollouts.allows(key, now=now)
        before, decision = (
            kept.memory,
            decide(run, observed, self._settings, kept.memory, now=now, may_roll=may_roll),
        )
        if decision.rolls:
            self._rollouts.begin(key, runs=len(self._kept), now=now)
        kept = replace(kept, memory=decision.memory)
        trouble, wait = None, _REFUSED_SECONDS
        try:
            is_prepared = kept.prepared == ground and await self._backend.is_prepared(identity)
            has_lost = _has_lost(kept, observed, is_prepared=is_prepared)
            is_to_stay = stored.metadata.deletion_timestamp is None
            if is_to_stay and has_lost and not await self._store.exists(stored):
                return None  # what is missing went with it, and its watch will say so
            if is_held(run) != should_be_held(run):  # before there is anything to clean up
                await self._store.set_finalizer(run, FINALIZER, present=should_be_held(run))
            if _needs_ground(decision, is_prepared=is_prepared):
                await self._backend.prepare(identity, ground)
                kept = replace(kept, prepared=ground)
            for action in decision.actions:
                await self._perform(identity, action, url, _keys(run), now)
                self.listener(kind_of(action))
            await self._prune(observed, url, _keys(run), now)
        except BackendError as error:
            if error.blame is Blame.PASSING:
                raise  # looked at again with back-off; nothing about the run is worth a word
            trouble = Problem(error.reason, str(error))
            wait = _REFUSED_SECONDS if error.retry else self._settings.settled_seconds
        except QueueError as error:
            trouble = Problem("Unreachable", str(error))
        if trouble is not None:
            _LOG.warning("run %s: %s: %s", key, trouble.reason, trouble.message)
            decision = decide(
                run, observed, self._settings, before, now=now, trouble=trouble, may_roll=may_roll
            )
        kept = kept.after(decision.actions)
        moved = trouble is not None or bool(decision.actions) or _has_moved(kept.view, observed)
        told = Told(stored.status, decision.status)
        kept = replace(kept, view=_view(run, observed, decision), told=told)
        self._kept[key] = replace(kept, moved_at=now) if moved else kept
        await self._tell(stored, decision)
        return wait if trouble is not None else self._next(key, decision, url, now)

    def _next(self, key: RunKey, decision: Decision, url: str | None, now: float) -> float | None:
        """Seconds until the next look; a run that has been quiet for a while comes to rest."""
        rest, kept = self._settings.rest_seconds, self._kept[key]
        due = _due(decision, kept.repeats)
        self._pulse.drop(key)
        if rest is None or due is None or kept.view is None or not _may_rest(kept.view):
            return due
        signals = kept.view.observed.signals
        quiet = Quiet(now - kept.moved_at, is_blind=not isinstance(signals, Signals))
        pause = pause_before_look(
            quiet, active=self._settings.active_seconds, rest=rest, runs=len(self._kept)
        )
        if isinstance(signals, Signals) and url is not None and quiet.seconds >= _CALM_SECONDS:
            run_id = _keys(kept.view.run).run_id
            self._pulse.watch(key, Resting(url, run_id, signals.digest))
            pause = self._foreseen(kept.view, decision, pause, now)
        return max(due, pause * random.uniform(1 - _SPREAD, 1))

    def _foreseen(self, view: RunView, decision: Decision, pause: float, now: float) -> float:
        """A longer pause, if time alone brings nothing within it."""
        rest = self._settings.rest_seconds or 0.0
        longer = pause_if_uneventful(pause, rest=rest, runs=len(self._kept))
        if longer > pause and is_uneventful(
            view.run, view.observed, self._settings, decision, until=now + longer
        ):
            return longer
        return pause

    async def _clean(self, run: TrainingRun) -> float | None:
        """The last steps of a run whose checkpoints go with it."""
        identity = RunIdentity(run.metadata.namespace, run.metadata.name, run.metadata.uid)
        observed = Observed(await self._backend.observe(identity))
        cleaning = clean(run, observed, self._settings, now=self._clock())
        try:
            for action in cleaning.actions:
                if isinstance(action, Apply):
                    await self._backend.prepare(identity, ground_of(run, self._settings))
                await self._backend.perform(identity, action)
        except BackendError as error:
            if error.blame is Blame.PASSING:
                raise
            cleaning = given_up(run, str(error))
        if cleaning.over:  # first: where no event can be written, the run goes all the same
            await self._store.set_finalizer(run, FINALIZER, present=False)
        for event in cleaning.events:
            await self._store.emit(run, event)
        return cleaning.requeue_after

    async def _observe(
        self, run: TrainingRun, identity: RunIdentity, ground: Ground
    ) -> tuple[Observed, str | None]:
        roles = await self._backend.observe(identity)
        external = await self._external(run)
        try:
            url = await self._backend.redis_url(identity, ground)
        except BackendError as error:
            if error.blame is Blame.PASSING:
                raise
            unreachable = Unreachable(error.reason, str(error))
            return Observed(roles, unreachable, external), None
        if url is None:
            return Observed(roles, None, external), None
        signals = await self._reader.read(
            url,
            _keys(run),
            endpoints=_endpoints_of(roles.get(Role.DAEMON), external),
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

    async def _tell(self, run: TrainingRun, decision: Decision) -> None:
        if decision.status != run.status:
            await self._store.write_status(run, decision.status)
        for event in decision.events:
            await self._store.emit(run, event)
        if decision.expired:
            await self._store.delete(run)


def ground_of(run: TrainingRun, settings: Settings) -> Ground:
    """What all roles of a run share, for the backend."""
    secret = run.spec.redis.url_secret_ref
    return Ground(
        config=contract.encode(run_config(run, settings)),
        managed_redis=is_managed(run),
        redis_url=run.spec.redis.url,
        redis_url_secret=(secret.name, secret.key) if secret is not None else None,
        redis_tls=has_tls(run),
        daemon_token=token_of(run),
    )


def _with_condition(status: TrainingRunStatus, new: Condition | None) -> TrainingRunStatus:
    """The status with one of its conditions replaced."""
    if new is None:
        return status
    others = tuple(each for each in status.conditions if each.type != new.type)
    return status.model_copy(update={"conditions": (*others, new)})


def _keys(run: TrainingRun) -> Keys:
    return Keys(run.metadata.uid or run.metadata.name)


def _needs_ground(decision: Decision, *, is_prepared: bool) -> bool:
    """Before members are made, and while a run is under way whose ground is not as it should be."""
    makes = any(isinstance(action, Apply) for action in decision.actions)
    return makes or (decision.phase.stage in _UNDER_WAY and not is_prepared)


def _has_lost(kept: _Kept, observed: Observed, *, is_prepared: bool) -> bool:
    """Whether something is missing that was there: somebody deleted it, or the run."""
    before = kept.view.observed.roles if kept.view is not None else {}
    return bool(before.keys() - observed.roles.keys()) or (
        kept.prepared is not None and not is_prepared
    )


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


def _view(run: TrainingRun, observed: Observed, decision: Decision) -> RunView:
    stage = decision.phase.stage
    return RunView(run, observed, decision.status, stage, decision.rates, decision.wanted)


def _has_moved(before: RunView | None, observed: Observed) -> bool:
    """Whether this look found anything that the one before had not."""
    if before is None:
        return True
    was, now = before.observed.signals, observed.signals
    if isinstance(was, Signals) and isinstance(now, Signals):
        same = was.digest == now.digest
    else:
        same = was == now
    return not same or before.observed.serving != observed.serving


def _may_rest(view: RunView) -> bool:
    """Whether only a change, or a deadline minutes away, can bring something new."""
    signals = view.observed.signals
    drains = isinstance(signals, Signals) and any(each.draining for each in signals.slots.values())
    return view.stage is Stage.RUNNING and not drains


def _due(decision: Decision, repeats: int) -> float | None:
    """Seconds until the next look: soon after actions, and later and later where the same ones are
    asked for again and again; a change that they bring about wakes the run by itself."""
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
