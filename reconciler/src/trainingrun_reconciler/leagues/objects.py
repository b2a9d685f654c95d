"""All objects of a league: what its profile, its storage and its workers ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from trainingrun_api.league import LeagueSpec, Profile
from trainingrun_api.pod_template import laid_over

from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.kinds import (
    CLAIM,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    Kind,
)
from trainingrun_reconciler.leagues import process
from trainingrun_reconciler.leagues.network import policies, services
from trainingrun_reconciler.leagues.parts import (
    HEALTH_PORT,
    MIGRATION,
    WORKER,
    Part,
    Pods,
    component,
    object_name,
    pods_of,
    selector,
)
from trainingrun_reconciler.leagues.pods import (
    SERVICE_PODS,
    WORKER_AMOUNTS,
    WORKER_GRACE_SECONDS,
    Amounts,
    PodParts,
    amounts_of,
    ports_of,
    serving_parts,
    template,
    worker_volumes,
)
from trainingrun_reconciler.manifests.merge import MergeError, merged
from trainingrun_reconciler.manifests.metadata import (
    TEMPLATE_HASH,
    Manifest,
    hash_of,
    manifest,
)
from trainingrun_reconciler.manifests.pod_security import weaknesses
from trainingrun_reconciler.owner import Owner

MIGRATION_ATTEMPTS: Final = 1_000_000
"""A database that is away comes back, and one whose address was wrong is named anew: the pod is
started again until it has made the tables, at the slowest each five minutes."""
WORKER_PODS: Final = "workers"
"""The identity of the workers."""


@dataclass(frozen=True)
class Place:
    """Where a league is rendered for: what an installation decides.

    Attributes:
        image: of the services.
        worker_image: of what searches.
        metrics_from: peers of a NetworkPolicy that may read metrics.
        unsafe_overrides: whether users may weaken pods by templates.
    """

    image: str
    worker_image: str
    metrics_from: tuple[Mapping[str, Any], ...] = ()
    unsafe_overrides: bool = False


def base_objects(owner: Owner, spec: LeagueSpec, place: Place) -> Iterator[Manifest]:
    """What is there before any pod, and beside them."""
    for account in (SERVICE_PODS, WORKER_PODS):
        name = object_name(owner, account)
        yield manifest(SERVICE_ACCOUNT, owner, name, automountServiceAccountToken=False)
    yield from services(owner, spec)
    yield from policies(owner, spec, place.metrics_from)
    for pods in pods_of(spec):
        if pods.keeps_files:
            yield _claim(owner, spec, pods)
        if pods.replicas > 1:
            yield _disruption_budget(owner, pods)


def serving_objects(owner: Owner, spec: LeagueSpec, place: Place) -> Iterator[Manifest]:
    """What makes the pods that serve."""
    for pods in pods_of(spec):
        rendered = template(owner, _serving(owner, spec, place, pods))
        if pods.keeps_files:
            kind, content = STATEFUL_SET, _alone(owner, pods)
        else:
            kind, content = DEPLOYMENT, _several(pods)
        yield _maker(owner, kind, pods.name, content, rendered)


def worker_objects(
    owner: Owner, spec: LeagueSpec, place: Place, replicas: int
) -> Iterator[Manifest]:
    """The Deployment of the workers.

    Raises:
        BackendError: the user's changes of their template do not fit, or weaken the pods.
    """
    ours = template(owner, _worker(owner, spec, place))
    rendered = _overridden(ours, spec, unsafe=place.unsafe_overrides)
    content = {"replicas": replicas, **_rolling("25%", "25%")}
    yield _maker(owner, DEPLOYMENT, WORKER, content, rendered)


def migration(owner: Owner, spec: LeagueSpec, place: Place) -> Manifest:
    """The Job that brings PostgreSQL's tables to this version.

    Its pods cannot change, so another image is another Job: it replaces the one before.
    """
    parts = PodParts(
        name=MIGRATION,
        account=SERVICE_PODS,
        image=place.image,
        started=process.migrated(spec),
        amounts=Amounts("100m", "256Mi", "512Mi"),
        volumes=(),
        restart="OnFailure",
    )
    rendered = template(owner, parts)
    return manifest(
        JOB,
        owner,
        object_name(owner, MIGRATION),
        labels_beside=component(MIGRATION),
        annotations={TEMPLATE_HASH: hash_of(rendered)},
        spec={
            "backoffLimit": MIGRATION_ATTEMPTS,
            "template": rendered,
        },
    )


def needs_migration(spec: LeagueSpec) -> bool:
    """SQLite is migrated by the process that alone has it."""
    return spec.database is not None and spec.profile is not Profile.HOBBY


def _serving(owner: Owner, spec: LeagueSpec, place: Place, pods: Pods) -> PodParts:
    bucket = spec.storage.s3
    secret = bucket.secret_ref if bucket is not None else None
    return PodParts(
        name=pods.name,
        account=SERVICE_PODS,
        image=place.image,
        started=process.served(owner, spec, pods),
        amounts=amounts_of(spec, pods),
        volumes=serving_parts(owner, spec, pods),
        ports=ports_of(pods),
        probes=_probes(),
        env_from=(secret.name,) if secret is not None else (),
    )


def _worker(owner: Owner, spec: LeagueSpec, place: Place) -> PodParts:
    own = spec.workers.container
    return PodParts(
        name=WORKER,
        account=WORKER_PODS,
        image=own.image or place.worker_image,
        started=process.worker(owner, spec),
        amounts=WORKER_AMOUNTS,
        volumes=worker_volumes(owner),
        grace_seconds=WORKER_GRACE_SECONDS,
    )


def _overridden(ours: dict[str, Any], spec: LeagueSpec, *, unsafe: bool) -> dict[str, Any]:
    over = laid_over(spec.workers.template)
    if not over:
        return ours
    try:
        rendered = merged(ours, over)
        found = None if unsafe else next(weaknesses(rendered, ours), None)
    except MergeError as error:
        raise _refused(str(error)) from error
    except (AttributeError, TypeError) as error:  # a text where an object belongs, or the reverse
        raise _refused(f"spec: a field has another type than in Kubernetes ({error})") from error
    if found is not None:
        raise _refused(
            f"{found.path}: refused, because {found.why}: remove it, or have the operator"
            " installed with security.allowUnsafeOverrides=true"
        )
    return rendered


def _refused(what: str) -> BackendError:
    return BackendError("OverrideRefused", f"spec.workers.template.{what}", retry=False)


def _probes() -> tuple[tuple[str, dict[str, Any]], ...]:
    """Of every process that serves: it is ready when all its services say so.

    It is alive while it takes connections: a database that is away is no reason to start again.
    """
    ready = {"grpc": {"port": HEALTH_PORT}, "timeoutSeconds": 3}
    alive = {"tcpSocket": {"port": HEALTH_PORT}, "timeoutSeconds": 3}
    return (
        ("startupProbe", {**alive, "periodSeconds": 2, "failureThreshold": 150}),
        ("readinessProbe", {**ready, "periodSeconds": 5, "failureThreshold": 2}),
        ("livenessProbe", {**alive, "periodSeconds": 20, "failureThreshold": 5}),
    )


def _maker(
    owner: Owner, kind: Kind, name: str, content: dict[str, Any], rendered: dict[str, Any]
) -> Manifest:
    return manifest(
        kind,
        owner,
        object_name(owner, name),
        labels_beside=component(name),
        annotations={TEMPLATE_HASH: hash_of(rendered)},
        spec={
            "selector": {"matchLabels": selector(owner, name)},
            "template": rendered,
            "revisionHistoryLimit": 1,
            **content,
        },
    )


def _alone(owner: Owner, pods: Pods) -> dict[str, Any]:
    """Never two at once on the same files."""
    return {
        "replicas": 1,
        "serviceName": object_name(owner, pods.services[0].value),
        "podManagementPolicy": "Parallel",
    }


def _several(pods: Pods) -> dict[str, Any]:
    """A new one serves before an old one ends. Not of the Matchmaker: the second one that begins
    takes over from the first, which would be started again and take over in its turn."""
    if Part.MATCHMAKER in pods.parts:
        return {"replicas": 1, "strategy": {"type": "Recreate"}}
    surge, missing = ("25%", "25%") if pods.replicas > 1 else (1, 0)
    return {"replicas": pods.replicas, **_rolling(surge, missing)}


def _rolling(surge: str | int, missing: str | int) -> dict[str, Any]:
    rolling = {"maxSurge": surge, "maxUnavailable": missing}
    return {"strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}


def _claim(owner: Owner, spec: LeagueSpec, pods: Pods) -> Manifest:
    """A claim that stays until the league goes."""
    content: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": spec.storage.size}},
    }
    if spec.storage.storage_class_name is not None:
        content["storageClassName"] = spec.storage.storage_class_name
    name = object_name(owner, pods.name)
    return manifest(CLAIM, owner, name, labels_beside=component(pods.name), spec=content)


def _disruption_budget(owner: Owner, pods: Pods) -> Manifest:
    content = {"maxUnavailable": 1, "selector": {"matchLabels": selector(owner, pods.name)}}
    name = object_name(owner, pods.name)
    return manifest(
        DISRUPTION_BUDGET, owner, name, labels_beside=component(pods.name), spec=content
    )
