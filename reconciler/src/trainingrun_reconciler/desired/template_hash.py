"""When running members must be replaced: a hash over what the user asked of them.

It holds the image and those fields of the spec that ``trainingrun_api.changes`` names for
the role, where they differ from their defaults. What the operator makes of them (arguments, grace
periods, a template's shape) is not in it: a new version of the operator renders some of that
differently, and must not for that restart every learner of a cluster. Members continue as they were
begun until their run changes, or the default images do: all roles of a run speak one version.

The alternative, a hash over the finished workload, replaced all members at each upgrade.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from trainingrun_api.changes import replaced_by
from trainingrun_api.pod_template import TEMPLATE
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import TrainingRunSpec

from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.workload import Workload

RENDERING: Final = 2
"""Raised when members that an older operator began cannot continue under this one."""

_ALGORITHM: Final = "algorithm"
_INFERENCE: Final = "inference"
"""A section that also means something to others by being there."""


@dataclass(frozen=True)
class RolloutInputs:
    """What a user asked of a run: its identity, and for each role those fields that differ from
    their defaults and replace its members, by their paths below ``spec``, in order."""

    uid: str
    spec: TrainingRunSpec
    fields: Mapping[str, Mapping[str, Any]]


def rollout_inputs(run: TrainingRun, before: RolloutInputs | None = None) -> RolloutInputs:
    """Collect the inputs for all roles of a run; return ``before`` where the spec is the same."""
    if before is not None and before.spec is run.spec and before.uid == run.metadata.uid:
        return before
    given = run.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    present = [(_INFERENCE, True)] if run.spec.inference is not None else []
    leaves = sorted([*_by_field(_leaves(given)), *present], key=lambda leaf: leaf[0])
    fields = {
        role.value: {path: value for path, value in leaves if role.value in replaced_by(path)}
        for role in ROLES.names
    }
    return RolloutInputs(run.metadata.uid, run.spec, fields)


def with_template_hash(workload: Workload, inputs: RolloutInputs, *, task: str = "") -> Workload:
    """Add the hash to a workload; ``task`` names work other than its role's usual.

    Whether daemons ask for a token follows from several fields, and who asks and who shows it must
    agree: so the token itself counts, and members of a time without tokens are replaced together.
    """
    read = inputs.fields[workload.role.value]
    token = workload.daemon_token
    document = msgspec.json.encode(
        [RENDERING, inputs.uid, task, workload.image, read, *([token] if token else [])]
    )
    return replace(workload, template_hash=hashlib.sha256(document).hexdigest()[:16])


def _leaves(given: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Each value with its path below ``spec``; a list is one value, and so is a pod template, below
    which the names are the users' own."""
    for name, value in given.items():
        path = f"{above}{name}"
        if name == TEMPLATE:
            yield path, value
            yield from _of_containers(value, path)
        elif isinstance(value, dict) and value:
            yield from _leaves(value, f"{path}.")
        else:
            yield path, value


def _by_field(leaves: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the leaves, with the names of the decks apart from their lists: a list that changes
    concerns those alone who read it."""
    for path, value in leaves:
        if value == {} and path.partition(".")[0] in (_ALGORITHM, _INFERENCE):
            continue  # all of it is as by default
        if path != "decks":
            yield path, value
            continue
        yield path, [{"name": deck["name"]} for deck in value]
        for field in ("inline", "configMapKeyRef"):
            given = {deck["name"]: deck[field] for deck in value if field in deck}
            if given:
                yield f"{path}.{field}", given


def _of_containers(template: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """What a container of one role may give to another role, too."""
    containers = template.get("spec", {}).get("containers", ())
    for field in ("image", "resources"):
        given = {each["name"]: each[field] for each in containers if field in each}
        if given:
            yield f"{path}.spec.containers.{field}", given
