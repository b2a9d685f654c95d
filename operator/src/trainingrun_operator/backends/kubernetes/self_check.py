"""What must be so before the operator starts: the CRD is installed, and the role is complete."""

from __future__ import annotations

from trainingrun_operator.backends import BackendError
from trainingrun_operator.backends.kubernetes.client import Client
from trainingrun_operator.backends.kubernetes.errors import NotFoundError
from trainingrun_operator.backends.kubernetes.kinds import ACCESS_REVIEW, TRAINING_RUN
from trainingrun_operator.backends.kubernetes.permissions import PERMISSIONS, Permission


async def check(client: Client, watched: tuple[str, ...]) -> None:
    """Look at the API and at our permissions.

    Raises:
        BackendError: something is missing; the message says what and how to mend it.
    """
    await _check_definition(client)
    asked = [
        (permission, verb, namespace)
        for permission in PERMISSIONS
        for verb in permission.verbs
        for namespace in (watched or (None,))
    ]
    refused = {
        f"{verb} {permission.resource}"
        for permission, verb, namespace in asked
        if not await _is_allowed(client, permission, verb, namespace)
    }
    if refused:
        where = f"in {', '.join(watched)}" if watched else "in all namespaces"
        raise BackendError(
            "Forbidden",
            f"the operator's service account may not {', '.join(sorted(refused))} {where}:"
            " upgrade the chart, or install it with rbac.create=true",
            retry=False,
        )


async def _check_definition(client: Client) -> None:
    group = f"{TRAINING_RUN.group}/{TRAINING_RUN.version}"
    try:
        resources = (await client.get(f"/apis/{group}"))["resources"]
    except NotFoundError:
        resources = []
    served = {each["name"] for each in resources}
    for name in (TRAINING_RUN.plural, f"{TRAINING_RUN.plural}/status"):
        if name not in served:
            raise BackendError(
                "DefinitionMissing",
                f"the cluster does not serve {name} of {group}: install the chart with"
                " crds.enabled=true, or apply crds/trainingrun.dev_trainingruns.yaml",
                retry=False,
            )


async def _is_allowed(
    client: Client, permission: Permission, verb: str, namespace: str | None
) -> bool:
    attributes = {
        "verb": verb,
        "group": permission.kind.group,
        "resource": permission.kind.plural,
        "subresource": permission.subresource,
        "namespace": namespace or "",
    }
    review = {
        "apiVersion": ACCESS_REVIEW.api_version,
        "kind": ACCESS_REVIEW.name,
        "spec": {"resourceAttributes": attributes},
    }
    answer = await client.create(ACCESS_REVIEW.path(None), review)
    return bool(answer["status"]["allowed"])
