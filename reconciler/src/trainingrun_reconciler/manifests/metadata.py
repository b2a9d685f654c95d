"""Names, labels, owners and hashes: what all objects of a run have in common."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from trainingrun_reconciler.kinds import TRAINING_RUN, Kind
from trainingrun_reconciler.owner import Owner, RunIdentity
from trainingrun_reconciler.roles.workload import Role

Manifest = dict[str, Any]

RUN_LABEL: Final = "trainingrun.dev/run"
"""Names the TrainingRun; what another kind of resource owns has the next two instead."""
KIND_LABEL: Final = "trainingrun.dev/kind"
NAME_LABEL: Final = "trainingrun.dev/name"
UID_LABEL: Final = "trainingrun.dev/uid"
ROLE_LABEL: Final = "trainingrun.dev/role"
APPLIED_HASH: Final = "trainingrun.dev/applied-hash"
TEMPLATE_HASH: Final = "trainingrun.dev/roll-hash"
MANAGED_BY: Final = "trainingrun-operator"


def role_name(run: RunIdentity, role: Role) -> str:
    """Name of the objects of a role."""
    return f"{run.name}-{role.value}"


def selector(run: RunIdentity, role: Role) -> dict[str, str]:
    """Labels that exactly the pods of this role have; the uid distinguishes namesakes."""
    return {UID_LABEL: run.uid, ROLE_LABEL: role.value}


def labels(owner: Owner, role: Role | None) -> dict[str, str]:
    """All labels of an object; ``role`` is None for what the roles share."""
    shared = {
        "app.kubernetes.io/name": "trainingrun",
        "app.kubernetes.io/instance": owner.name,
        "app.kubernetes.io/managed-by": MANAGED_BY,
        **_owner_labels(owner),
        UID_LABEL: owner.uid,
    }
    if role is None:
        return shared
    return {**shared, "app.kubernetes.io/component": role.value, ROLE_LABEL: role.value}


def _owner_labels(owner: Owner) -> dict[str, str]:
    if owner.kind == TRAINING_RUN:
        return {RUN_LABEL: owner.name}
    return {KIND_LABEL: owner.kind.name, NAME_LABEL: owner.name}


def manifest(
    kind: Kind,
    owner: Owner,
    name: str,
    *,
    role: Role | None = None,
    annotations: Mapping[str, str] | None = None,
    labels_beside: Mapping[str, str] | None = None,
    **content: Any,
) -> Manifest:
    """An object of a resource, owned by it; the annotation with its hash makes changes visible.

    The owner does not block the deletion of its owner: that would need a permission on finalizers.
    """
    reference = {
        "apiVersion": owner.kind.api_version,
        "kind": owner.kind.name,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    document: Manifest = {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {
            "name": name,
            "namespace": owner.namespace,
            "labels": {**labels(owner, role), **(labels_beside or {})},
            "annotations": dict(annotations or {}),
            "ownerReferences": [reference],
        },
        **content,
    }
    document["metadata"]["annotations"][APPLIED_HASH] = hash_of(document)
    return document


def hash_of(document: Mapping[str, Any]) -> str:
    """The same for the same document, in every process."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
