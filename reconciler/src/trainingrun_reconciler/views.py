"""What is kept of an object of the cluster: a dozen fields of its many, as frozen values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from sys import intern
from typing import Any, Final

from trainingrun_api.run import QUEUE_LABEL

from trainingrun_reconciler.desired.observed import Finished, Held, Interruption, Problem
from trainingrun_reconciler.kinds import FIELD_MANAGER, JOB, OURS_ALONE, POD, TRAINING_RUN, Kind
from trainingrun_reconciler.manifests.metadata import (
    APPLIED_HASH,
    KIND_LABEL,
    NAME_LABEL,
    ROLE_LABEL,
    RUN_LABEL,
    TEMPLATE_HASH,
    UID_LABEL,
)
from trainingrun_reconciler.manifests.metadata import labels as labels_of
from trainingrun_reconciler.owner import Owner, RunIdentity
from trainingrun_reconciler.problems import (
    DISRUPTED,
    WAITING,
    disruption_of,
    has_stopped_as_asked,
    pod_problem,
)
from trainingrun_reconciler.roles import ROLES

_FINAL_CODE: Final = re.compile(r"failed with exit code (\d{1,3}) matching FailJob rule")
"""How the Job controller says which exit code has ended a Job."""
_CONTENT: Final = frozenset({"f:spec", "f:data", "f:binaryData", "f:automountServiceAccountToken"})
_REPLICA_SET: Final = "ReplicaSet"


@dataclass(frozen=True, slots=True)
class Identity:
    """Which object, whose, and in which version."""

    kind: Kind
    namespace: str
    name: str
    uid: str
    resource: str
    """Name of the resource that it belongs to."""
    resource_uid: str
    role: str
    applied_hash: str
    template_hash: str
    deleting: bool
    touched: str
    """When somebody else last wrote its content after us; empty where none has."""
    owner: str = ""
    """UID of the object that controls it; of a pod of a Deployment, the Deployment's name."""
    labelled: bool = True
    """Whether it has the labels that we gave it."""
    resource_kind: str = TRAINING_RUN.name


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod. ``ended`` is True once all its containers have stopped for good."""

    identity: Identity
    ready: bool
    ended: bool
    address: str | None
    started_at: float | None
    restarts: int
    problem: Problem | None
    created_at: float
    interruption: Interruption | None = None


@dataclass(frozen=True, slots=True)
class ControllerView:
    """A Deployment, StatefulSet or Job. ``refusal`` is why it cannot make pods."""

    identity: Identity
    replicas: int
    finished: Finished | None
    refusal: str | None
    held: Held | None = None
    created_at: float = 0.0
    has_claim: bool = False
    """Whether its pods mount a claim of its own name, which is ours to make."""
    image: str = ""
    """What its pods' first container runs."""


@dataclass(frozen=True, slots=True)
class PlainView:
    """Any other object: that it exists, and what was applied."""

    identity: Identity


View = PodView | ControllerView | PlainView


def view_of(kind: Kind, document: dict[str, Any]) -> View:
    """The view of an object that the API server gave."""
    identity = identity_of(kind, document)
    if kind is POD:
        return _pod(identity, document)
    if "spec" in document:
        return _controller(identity, document)
    return PlainView(identity)


def identity_of(kind: Kind, document: dict[str, Any]) -> Identity:
    """Name, owner, labels and hashes of an object.

    What an object belongs to is said by its controller, which cannot be forged without the right to
    write in the run's own namespace; labels are anybody's to write anywhere. The words that many
    objects have in common, or that are kept in many places, are one object each: they are most of
    what is kept of an object.
    """
    meta = document["metadata"]
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    owner = controller_of(document)
    of, name = _resource_in(labels) if kind is POD or not owner else (owner["kind"], owner["name"])
    is_named = kind is not POD and of == TRAINING_RUN.name
    role = _role_in(meta["name"], name) if is_named else labels.get(ROLE_LABEL, "")
    return Identity(
        kind=kind,
        namespace=intern(meta.get("namespace", "")),
        name=intern(meta["name"]),
        uid=intern(meta["uid"]),
        resource=intern(name),
        resource_uid=intern(labels.get(UID_LABEL, "")),
        role=intern(role),
        applied_hash=annotations.get(APPLIED_HASH, ""),
        template_hash=annotations.get(TEMPLATE_HASH, ""),
        deleting="deletionTimestamp" in meta,
        touched=_touched(meta, kind) if kind in OURS_ALONE else "",
        owner=intern(_owner_word(owner)),
        labelled=kind is POD or _has_labels(meta, role, owner),
        resource_kind=intern(of),
    )


def _resource_in(labels: dict[str, str]) -> tuple[str, str]:
    """Kind and name of the resource that labels name."""
    if KIND_LABEL in labels:
        return labels[KIND_LABEL], labels.get(NAME_LABEL, "")
    return TRAINING_RUN.name, labels.get(RUN_LABEL, "")


def controller_of(document: dict[str, Any]) -> dict[str, Any] | None:
    """The owner reference of what controls an object; None where nothing does."""
    owners = document["metadata"].get("ownerReferences") or ()
    return next((each for each in owners if each.get("controller")), None)


def _role_in(name: str, resource: str) -> str:
    """The role that an object of a resource is named after; empty for what the roles share."""
    word = name.removeprefix(f"{resource}-")
    return word if ROLES.named(word) is not None else ""


def _owner_word(owner: dict[str, Any] | None) -> str:
    """What identifies the owner: its UID; of a ReplicaSet, which is not watched, its Deployment."""
    if owner is None:
        return ""
    if owner["kind"] == _REPLICA_SET:
        return str(owner["name"]).rpartition("-")[0]
    return str(owner["uid"])


def _has_labels(meta: dict[str, Any], role: str, owner: dict[str, Any] | None) -> bool:
    """Whether the labels are the ones that :mod:`manifests.metadata` gives an object of this
    name."""
    if owner is None:
        return False
    declared = ROLES.named(role)
    labels = labels_of(_owner_of(meta, owner), declared.role if declared is not None else None)
    return labels.items() <= (meta.get("labels") or {}).items()


def _owner_of(meta: dict[str, Any], reference: dict[str, Any]) -> Owner:
    namespace, name, uid = meta.get("namespace", ""), reference["name"], reference["uid"]
    if reference["kind"] == TRAINING_RUN.name:
        return RunIdentity(namespace, name, uid)
    return Owner(namespace, name, uid, Kind("", "", reference["kind"], ""))


def conditions_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The conditions of an object by their type."""
    return {each["type"]: each for each in document.get("status", {}).get("conditions") or ()}


def holds(conditions: dict[str, dict[str, Any]], kind: str) -> bool:
    """Whether a condition is there and True."""
    return bool(conditions.get(kind, {}).get("status") == "True")


def _touched(meta: dict[str, Any], kind: Kind) -> str:
    """When another manager last wrote content, if that was not before our own last word.

    The API server keeps the time of each manager's last change, in whole seconds. A status that a
    controller writes is no content, nor are labels and annotations; what comes by another
    subresource is: ``kubectl scale`` and autoscalers write the number of pods through ``scale``. A
    Job that waits in a queue is the queue's to change.
    """
    if kind is JOB and QUEUE_LABEL in (meta.get("labels") or {}):
        return ""
    ours, theirs = "", ""
    for entry in meta.get("managedFields") or ():
        if entry.get("manager") == FIELD_MANAGER:
            ours = max(ours, entry.get("time", ""))
        elif entry.get("subresource") != "status" and _CONTENT & entry.get("fieldsV1", {}).keys():
            theirs = max(theirs, entry.get("time", ""))
    return theirs if theirs >= ours else ""


def _pod(identity: Identity, document: dict[str, Any]) -> PodView:
    status = document.get("status", {})
    containers = status.get("containerStatuses") or ()
    ended = status.get("phase") in ("Succeeded", "Failed")
    interruption = _interruption(identity, document)
    leaves = identity.deleting or interruption is not None
    ready = holds(conditions_of(document), "Ready") and not leaves and not ended
    return PodView(
        identity=identity,
        ready=ready,
        ended=ended,
        address=status.get("podIP"),
        started_at=_seconds(status.get("startTime")),
        restarts=sum(each.get("restartCount", 0) for each in containers),
        problem=None if ready or identity.deleting else pod_problem(document),
        created_at=_seconds(document["metadata"].get("creationTimestamp")) or 0.0,
        interruption=interruption,
    )


def _interruption(identity: Identity, document: dict[str, Any]) -> Interruption | None:
    """Whether the pod must leave its node, or has left it.

    The condition is there as soon as the cluster has decided so, while the pod still has its grace:
    evictions (drains by a termination handler among them), taints, preemption, a node that shuts
    down or is gone. Without it there is one more sign: a learner that ended because it was asked
    to, although its pod was not deleted; its own machine asked it.
    """
    disruption = disruption_of(document)
    if disruption is not None:
        at = _seconds(disruption.get("lastTransitionTime")) or 0.0
        return Interruption(identity.name, at, disruption.get("reason") or DISRUPTED)
    if identity.deleting or not has_stopped_as_asked(document):
        return None
    (ended, *_) = (
        each["state"]["terminated"]
        for each in document["status"]["containerStatuses"]
        if "terminated" in each["state"]
    )
    return Interruption(identity.name, _seconds(ended.get("finishedAt")) or 0.0, "Stopped")


def _controller(identity: Identity, document: dict[str, Any]) -> ControllerView:
    conditions = conditions_of(document)
    failure = conditions.get("ReplicaFailure", {})
    pod = (document["spec"].get("template") or {}).get("spec") or {}
    containers = pod.get("containers") or [{}]
    return ControllerView(
        identity=identity,
        replicas=document["spec"].get("replicas", document["spec"].get("parallelism", 1)),
        finished=_finished(conditions) if identity.kind is JOB else None,
        refusal=failure.get("message") if failure.get("status") == "True" else None,
        held=_held(document) if identity.kind is JOB else None,
        created_at=_seconds(document["metadata"].get("creationTimestamp")) or 0.0,
        has_claim=_mounts(pod, identity.name),
        image=intern(containers[0].get("image", "")),
    )


def _mounts(pod: dict[str, Any], claim: str) -> bool:
    volumes = pod.get("volumes") or ()
    return any(each.get("persistentVolumeClaim", {}).get("claimName") == claim for each in volumes)


def _held(document: dict[str, Any]) -> Held | None:
    """A suspended Job: whose queue it waits in, or that somebody has suspended it by hand."""
    if not document["spec"].get("suspend"):
        return None
    meta = document["metadata"]
    suspended = conditions_of(document).get("Suspended", {})
    since = suspended.get("lastTransitionTime") or meta.get("creationTimestamp")
    name, queue = meta["name"], (meta.get("labels") or {}).get(QUEUE_LABEL)
    if queue is None:
        problem = Problem(
            "MembersNotReady",
            f"Job {name} was suspended, and not by the operator: set its spec.suspend to false",
        )
    else:
        problem = Problem(
            WAITING,
            f"queue {queue} has not admitted Job {name}: `kubectl -n {meta.get('namespace', '')}"
            f" describe workloads` says what it waits for",
        )
    return Held(_seconds(since) or 0.0, problem)


def _finished(conditions: dict[str, dict[str, Any]]) -> Finished | None:
    if holds(conditions, "Complete"):
        return Finished(succeeded=True)
    if holds(conditions, "Failed"):
        failed = conditions["Failed"]
        message = failed.get("message", "")
        code = _FINAL_CODE.search(message)
        return Finished(
            succeeded=False,
            reason=failed.get("reason", ""),
            message=message,
            code=int(code[1]) if code else None,
        )
    return None


def _seconds(time: str | None) -> float | None:
    """Seconds since the epoch of a time as Kubernetes writes it."""
    return None if time is None else datetime.fromisoformat(time).timestamp()
