"""What must be so before the operator starts: the CRD is installed, and the role is complete."""

from __future__ import annotations

from dataclasses import dataclass

from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.errors import NotFoundError
from trainingrun_reconciler.kinds import ACCESS_REVIEW, Kind
from trainingrun_reconciler.resources import RESOURCE_KINDS

from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.permissions import (
    LEASE_PERMISSIONS,
    Permission,
    permissions,
)


@dataclass(frozen=True)
class _Question:
    """Whether we may do something, in a namespace (None: everywhere) and to a named object."""

    permission: Permission
    verb: str
    namespace: str | None
    name: str = ""

    def __str__(self) -> str:
        where = f"in {self.namespace}" if self.namespace else "in all namespaces"
        return f"{self.verb} {self.permission.resource} {where}"


async def check(
    client: Client, watched: tuple[str, ...], lease: tuple[str, str] | None = None
) -> None:
    """Check the API and our permissions; ``lease`` is namespace and name, None without one.

    Raises:
        BackendError: something is missing; the message says what and how to repair it.
    """
    await check_definitions(client)
    asked = [
        _Question(permission, verb, namespace)
        for permission in permissions()
        for verb in permission.verbs
        for namespace in (watched or (None,))
    ]
    if lease is not None:
        namespace, name = lease
        asked += [
            _Question(permission, verb, namespace, name if permission.named else "")
            for permission in LEASE_PERMISSIONS
            for verb in permission.verbs
        ]
    refused = {str(each) for each in asked if not await _is_allowed(client, each)}
    if refused:
        raise BackendError(
            "Forbidden",
            f"the operator's service account may not {', '.join(sorted(refused))}:"
            " upgrade the chart, or install it with rbac.create=true",
            retry=False,
        )


async def check_definitions(client: Client) -> None:
    """Check whether the resources of all kinds can be read and have a status.

    Raises:
        BackendError: those of one cannot.
    """
    for declared in RESOURCE_KINDS:
        await _check_definition(client, declared.kind)


async def _check_definition(client: Client, kind: Kind) -> None:
    group = kind.api_version
    try:
        resources = (await client.get(f"/apis/{group}"))["resources"]
    except NotFoundError:
        resources = []
    served = {each["name"] for each in resources}
    for name in (kind.plural, f"{kind.plural}/status"):
        if name not in served:
            raise BackendError(
                "DefinitionMissing",
                f"the cluster does not serve {name} of {group}: install the chart with"
                f" crds.enabled=true, or apply crds/{kind.group}_{kind.plural}.yaml",
                retry=False,
            )


async def _is_allowed(client: Client, question: _Question) -> bool:
    attributes = {
        "verb": question.verb,
        "group": question.permission.kind.group,
        "resource": question.permission.kind.plural,
        "subresource": question.permission.subresource,
        "namespace": question.namespace or "",
        "name": question.name,
    }
    review = {
        "apiVersion": ACCESS_REVIEW.api_version,
        "kind": ACCESS_REVIEW.name,
        "spec": {"resourceAttributes": attributes},
    }
    answer = await client.ask(ACCESS_REVIEW.path(None), review)
    return bool(answer["status"]["allowed"])
