"""The cache of what exists of every run, and what it says about the run's roles."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import replace
from typing import Any, Final

from trainingrun_reconciler.desired.interruptions import DELETED
from trainingrun_reconciler.desired.observed import (
    INTERRUPTION_SECONDS,
    Finished,
    Interruption,
    Member,
    ObservedRole,
    Problem,
)
from trainingrun_reconciler.kinds import CLAIM, DEPLOYMENT, JOB, Kind
from trainingrun_reconciler.manifests.objects import companions, shared_names
from trainingrun_reconciler.owner import Owner, RunIdentity
from trainingrun_reconciler.problems import last_line
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.store import ResourceKey
from trainingrun_reconciler.views import (
    ControllerView,
    Identity,
    PodView,
    View,
    view_of,
)

_FIRST_POD_SECONDS: Final = 15.0
INTERRUPTIONS_KEPT: Final = 500
"""Of one run: more than go in one storm; what is older was counted long ago."""
_DELETED_SECONDS: Final = 5.0
"""Time by which the end of its task may come after that of a pod that goes with it."""


class ObjectCache:
    """All labelled objects of all runs, by run; informers write it, the backend reads it."""

    def __init__(
        self, changed: Callable[[ResourceKey], None], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._changed = changed
        self._clock = clock
        self._views: dict[str, View] = {}
        self._versions: dict[str, int] = {}
        self._of_run: dict[tuple[str, str], set[str]] = {}
        """By namespace and UID of the run: who may write in one namespace has no say in another."""
        self._podless: dict[tuple[str, str, str], float] = {}
        """When the last pod of a role went that has none since."""
        self._deleted: dict[tuple[str, str], dict[str, tuple[PodView, float]]] = {}
        self._applied: dict[str, str] = {}
        self._interrupted: dict[tuple[str, str], dict[str, tuple[str, Interruption]]] = {}

    def update(self, kind: Kind, document: dict[str, Any], *, gone: bool = False) -> None:
        """Cache a change that an informer has seen, and wake its run."""
        uid = document["metadata"]["uid"]
        before = self._views.get(uid)
        version = int(document["metadata"].get("resourceVersion", 0))
        if not gone and version < self._versions.get(uid, 0):
            return  # our own write was answered before the watch delivered an older state
        view = before if gone else view_of(kind, document)
        if view is None or (view == before and not gone):
            return
        owner = view.identity.namespace, view.identity.resource_uid
        if (
            before is not None
            and (before.identity.namespace, before.identity.resource_uid) != owner
        ):
            self._leave(before)
        if isinstance(before, PodView):
            self._note_deletion(before, view, gone=gone)
        if gone:
            del self._views[uid]
            self._versions.pop(uid, None)
            self._applied.pop(uid, None)
            self._leave(view)
        else:
            uid = view.identity.uid  # equal, and one object with the informer's key of it
            self._views[uid] = view
            self._versions[uid] = version
            self._of_run.setdefault(owner, set()).add(uid)
            self._note_interruption(view)
        self._changed(key_of(view.identity))

    def _leave(self, view: View) -> None:
        """Forget that an object is one of its run's, and the run with its last object."""
        identity = view.identity
        owner = identity.namespace, identity.resource_uid
        left = self._of_run.get(owner, set())
        left.discard(identity.uid)
        if isinstance(view, PodView):
            self._podless[*owner, identity.role] = self._clock()
        if not left:
            self._of_run.pop(owner, None)
            self._interrupted.pop(owner, None)
            self._deleted.pop(owner, None)
            for key in [key for key in self._podless if key[:2] == owner]:
                del self._podless[key]

    def _note_deletion(self, before: PodView, view: View, *, gone: bool) -> None:
        """Keep a pod that goes before it has ended; whether somebody deleted it, and not its task,
        is seen a moment later."""
        goes = gone or (view.identity.deleting and not before.identity.deleting)
        if not goes or before.ended or before.interruption is not None:
            return
        owner = before.identity.namespace, before.identity.resource_uid
        self._deleted.setdefault(owner, {}).setdefault(before.identity.uid, (before, self._clock()))

    def _note_interruption(self, view: View) -> None:
        """Keep it for longer than the pod: one on a lost node may go within a moment."""
        if isinstance(view, PodView) and view.interruption is not None:
            self._keep_interruption(view, view.interruption)

    def _keep_interruption(self, pod: PodView, interruption: Interruption) -> None:
        owner = pod.identity.namespace, pod.identity.resource_uid
        seen = self._interrupted.setdefault(owner, {})
        seen.setdefault(pod.identity.uid, (pod.identity.role, interruption))
        while len(seen) > INTERRUPTIONS_KEPT:
            del seen[next(iter(seen))]

    def listed(
        self, kind: Kind, namespace: str | None, uids: Collection[str], version: int
    ) -> None:
        """Take in which objects of a kind there are (in a namespace, or at all) at a version.

        What we wrote ourselves is known before a watch reports it; if the watch is away when it
        goes, only a list can show it.
        """
        for uid, view in list(self._views.items()):
            here = namespace is None or view.identity.namespace == namespace
            is_older = self._versions.get(uid, 0) <= version
            if view.identity.kind is kind and here and is_older and uid not in uids:
                self.update(kind, {"metadata": {"uid": uid}}, gone=True)

    def mark_applied(self, uid: str) -> None:
        """Mark an object as applied: fields of others that it still has may stay."""
        view = self._views.get(uid)
        if view is not None and view.identity.touched:
            self._applied[uid] = view.identity.touched
        else:
            self._applied.pop(uid, None)

    def is_drifted(self, view: View) -> bool:
        """Whether somebody else has written content of the object since we last applied it, or has
        taken labels of ours away."""
        touched = view.identity.touched
        is_changed = bool(touched) and self._applied.get(view.identity.uid) != touched
        return is_changed or not view.identity.labelled

    def roles(self, run: RunIdentity) -> dict[Role, ObservedRole]:
        """The roles of a run, with whether all that belongs to them is there and ours."""
        views = self.of(run)
        drifted = {view.identity.role for view in views if self.is_drifted(view)}
        now = self._clock()
        owner = run.namespace, run.uid
        podless = {key[2]: at for key, at in self._podless.items() if key[:2] == owner}
        found = roles_from(views, drifted=drifted, now=now, podless=podless)
        self._judge_deletions(run, views, now)
        gone: dict[str, list[Interruption]] = {}
        for name, each in self._interrupted.get(owner, {}).values():
            if now - each.at < INTERRUPTION_SECONDS and ROLES.named(name) is not None:
                gone.setdefault(name, []).append(each)
        for role in found.keys() & map(Role, gone):
            found[role] = replace(found[role], interruptions=tuple(gone[role.value]))
        return found

    def _judge_deletions(self, run: RunIdentity, views: Iterable[View], now: float) -> None:
        """Distinguish deleted pods from those that went with their task, or for its end."""
        owner = run.namespace, run.uid
        tasks = {
            view.identity.uid
            for view in views
            if isinstance(view, ControllerView)
            and view.identity.kind is JOB
            and not view.identity.deleting
            and view.finished is None
            and view.held is None
        }
        waiting = self._deleted.get(owner, {})
        for uid, (pod, at) in list(waiting.items()):
            if now - at < _DELETED_SECONDS:
                continue
            del waiting[uid]
            if pod.identity.owner in tasks:
                self._keep_interruption(pod, Interruption(pod.identity.name, at, DELETED))

    def has_shared(self, run: RunIdentity) -> bool:
        """Whether all that the roles share is there and ours."""
        shared = [self.find(run, kind, name) for kind, name in shared_names(run)]
        return all(view is not None and not self.is_drifted(view) for view in shared)

    def of(self, run: Owner) -> tuple[View, ...]:
        """All objects of a run, in order of name: those that it controls, and pods; of those, the
        ones that its objects control count."""
        views = map(self._views.__getitem__, self._of_run.get((run.namespace, run.uid), ()))
        own = (view for view in views if isinstance(view, PodView) or _is_of(run, view))
        return tuple(sorted(own, key=lambda view: view.identity.name))

    def find(self, run: Owner, kind: Kind, name: str) -> View | None:
        """One object of a run."""
        for uid in self._of_run.get((run.namespace, run.uid), ()):
            view = self._views[uid]
            if view.identity.kind is kind and view.identity.name == name and _is_of(run, view):
                return view
        return None

    def __len__(self) -> int:
        return len(self._views)


def key_of(identity: Identity) -> ResourceKey:
    """The resource that an object belongs to."""
    return ResourceKey(identity.namespace, identity.resource, identity.resource_kind)


def _is_of(run: Owner, view: View) -> bool:
    """Whether the run controls an object that bears its labels."""
    return view.identity.owner == run.uid


def roles_from(
    views: Iterable[View],
    *,
    drifted: Collection[str] = (),
    now: float = 0.0,
    podless: Mapping[str, float] | None = None,
) -> dict[Role, ObservedRole]:
    """The roles of one run; a role exists as long as the object that makes its pods does.

    ``drifted`` names the roles of which somebody else has changed an object; ``now`` (Unix seconds)
    distinguishes what has just been made from what makes no pods, and ``podless`` when a role's
    last pod went. Pods that another object controls are members of no role.
    """
    pods: dict[str, list[PodView]] = {}
    kinds: dict[str, set[Kind]] = {}
    controllers = []
    for view in views:
        role = view.identity.role
        if isinstance(view, PodView):
            pods.setdefault(role, []).append(view)
        elif isinstance(view, ControllerView):
            controllers.append(view)
        else:
            kinds.setdefault(role, set()).add(view.identity.kind)
    found = {}
    for controller in controllers:
        name, identity = controller.identity.role, controller.identity
        if ROLES.named(name) is None:
            continue
        makers = {identity.uid} | ({identity.name} if identity.kind is DEPLOYMENT else set())
        own = [pod for pod in pods.get(name, []) if pod.identity.owner in makers]
        since = max(controller.created_at, (podless or {}).get(name, 0.0))
        role_seen = _role(controller, own, now - since)
        known = {*companions(Role(name)), CLAIM}
        beside = kinds.get(name, set()).intersection(known)
        found[Role(name)] = _with_companions(role_seen, controller, beside, drifted=name in drifted)
    return found


def _with_companions(
    role: ObservedRole, controller: ControllerView, beside: Set[Kind], *, drifted: bool
) -> ObservedRole:
    """Whether the role is whole; or, of one that goes, whether all of it is being deleted."""
    if controller.identity.deleting:
        return replace(role, removing=not beside - {CLAIM})
    missing = len(beside - {CLAIM}) < len(companions(Role(controller.identity.role)))
    lost = controller.has_claim and CLAIM not in beside
    return replace(role, intact=not missing and not drifted and not lost, storage_lost=lost)


def _role(controller: ControllerView, pods: list[PodView], podless: float) -> ObservedRole:
    """The role; ``podless`` is for how many seconds its controller may have had no pod."""
    role = Role(controller.identity.role)
    members = [_member(role, pod) for pod in pods if not pod.ended]
    failed = [pod for pod in pods if pod.ended and pod.problem is not None]
    latest = max(failed, key=lambda pod: pod.created_at, default=None)
    finished = None if controller.identity.deleting else controller.finished
    if not members and latest is not None and finished is None:
        members = [_member(role, latest)]
    if not members and controller.refusal is not None:
        members = [_unborn(controller, controller.refusal)]
    if not pods and not members and finished is None and _makes_none(controller, podless):
        members = [_silent(controller)]
    return ObservedRole(
        replicas=controller.replicas,
        template_hash=controller.identity.template_hash,
        members=tuple(members),
        finished=_with_pods_reason(finished, latest),
        held=None if finished is not None else controller.held,
        image=controller.image,
    )


def _member(role: Role, pod: PodView) -> Member:
    port = ROLES[role].port
    host = f"[{pod.address}]" if pod.address and ":" in pod.address else pod.address
    return Member(
        name=pod.identity.name,
        ready=pod.ready,
        endpoint=f"{host}:{port}" if host and port else None,
        started_at=pod.started_at,
        restarts=pod.restarts,
        problem=pod.problem,
    )


def _unborn(controller: ControllerView, refusal: str) -> Member:
    """A member that stands for pods that the cluster refuses to make."""
    name = controller.identity.name
    message = f"no pod of {name} can be made: {last_line(refusal)}"
    return Member(name=name, ready=False, problem=Problem("CreationFailed", message))


def _makes_none(controller: ControllerView, podless: float) -> bool:
    """Whether it is asked for a pod, and old enough to have made one; a Deployment says why not."""
    waits = controller.held is not None or controller.identity.deleting
    is_new = podless < _FIRST_POD_SECONDS
    speaks = controller.identity.kind is DEPLOYMENT
    return controller.replicas > 0 and not waits and not is_new and not speaks


def _silent(controller: ControllerView) -> Member:
    """A Job or a StatefulSet whose pods are refused says so nowhere but in its events, which the
    operator may not read."""
    identity = controller.identity
    message = (
        f"no pod of {identity.name} was made: `kubectl -n {identity.namespace} describe"
        f" {identity.kind.name.lower()} {identity.name}` says why"
    )
    return Member(name=identity.name, ready=False, problem=Problem("MembersNotReady", message))


def _with_pods_reason(finished: Finished | None, latest: PodView | None) -> Finished | None:
    """A failed Job only says that it failed; its last pod said why."""
    if finished is None or finished.succeeded or latest is None or latest.problem is None:
        return finished
    return Finished(succeeded=False, reason=finished.reason, message=latest.problem.message)
