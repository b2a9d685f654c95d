"""The pods of a league: restricted, as those of runs, each with what it may see.

A worker's pod has the services' token and no key; the services' pods have the key that tokens are
signed with; none has a token of the API server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from trainingrun_api.league import LeagueSpec, Profile

from trainingrun_reconciler.leagues.identity import CERTIFICATE, PRIVATE_KEY, TOKEN_KEY
from trainingrun_reconciler.leagues.parts import (
    HEALTH_PORT,
    METRICS_PORT,
    PLACES,
    Part,
    Pods,
    component,
    object_name,
)
from trainingrun_reconciler.leagues.process import (
    DATA_FOLDER,
    TLS_FOLDER,
    TOKENS_FOLDER,
    Started,
)
from trainingrun_reconciler.manifests.metadata import labels
from trainingrun_reconciler.manifests.pod import TEMPORARY, USER
from trainingrun_reconciler.owner import Owner
from trainingrun_reconciler.roles.league import AUTHORITY_KEY as AUTHORITY
from trainingrun_reconciler.roles.league import TOKEN_KEY as SERVICES_TOKEN
from trainingrun_reconciler.roles.league import tokens_secret as tokens_name

SERVICE_PODS: Final = "services"
"""The identity of the pods that serve."""
GRACE_SECONDS: Final = 30
WORKER_GRACE_SECONDS: Final = 60
"""A worker that is asked to end gives its match back, for which another one plays it."""


@dataclass(frozen=True)
class Amounts:
    """What a container asks for, and may use."""

    cpu: str
    memory: str
    memory_limit: str

    def rendered(self) -> dict[str, Any]:
        """As a container has it."""
        return {
            "requests": {"cpu": self.cpu, "memory": self.memory},
            "limits": {"memory": self.memory_limit},
        }


_SMALL: Final = Amounts("50m", "128Mi", "512Mi")
AMOUNTS: Final = {
    Profile.HOBBY: dict.fromkeys((Part.GAME,), Amounts("100m", "256Mi", "2Gi")),
    Profile.DEVELOPMENT: {Part.REPLAY: Amounts("100m", "256Mi", "2Gi")},
    Profile.PRODUCTION: {
        Part.GAME: Amounts("500m", "512Mi", "2Gi"),
        Part.MATCHMAKER: Amounts("250m", "256Mi", "1Gi"),
        Part.MODEL: Amounts("500m", "512Mi", "2Gi"),
        Part.ELO: Amounts("250m", "256Mi", "1Gi"),
        Part.REPLAY: Amounts("1", "4Gi", "16Gi"),
    },
}
"""What pods ask for by their first part; what is not named is small."""
WORKER_AMOUNTS: Final = Amounts("1", "512Mi", "2Gi")


@dataclass(frozen=True)
class Volume:
    """A volume of a pod, and where it is mounted."""

    name: str
    source: dict[str, Any]
    path: str
    is_read_only: bool = True

    def mounted(self) -> dict[str, Any]:
        """As a container has it."""
        mount: dict[str, Any] = {"name": self.name, "mountPath": self.path}
        return mount | ({"readOnly": True} if self.is_read_only else {})


@dataclass(frozen=True)
class PodParts:
    """What a pod's template is made of."""

    name: str
    account: str
    image: str
    started: Started
    amounts: Amounts
    volumes: tuple[Volume, ...]
    ports: tuple[tuple[str, int], ...] = ()
    probes: tuple[tuple[str, dict[str, Any]], ...] = ()
    env_from: tuple[str, ...] = ()
    grace_seconds: int = GRACE_SECONDS
    restart: str = "Always"


def template(owner: Owner, parts: PodParts) -> dict[str, Any]:
    """A pod's template that satisfies the restricted Pod Security Standard."""
    temporary = Volume("tmp", {"emptyDir": {"sizeLimit": "2Gi"}}, TEMPORARY, is_read_only=False)
    volumes = (temporary, *parts.volumes)
    return {
        "metadata": {"labels": {**labels(owner, None), **component(parts.name)}},
        "spec": {
            "serviceAccountName": object_name(owner, parts.account),
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "shareProcessNamespace": True,  # as in the pods of runs: an early SIGTERM is obeyed
            "restartPolicy": parts.restart,
            "terminationGracePeriodSeconds": parts.grace_seconds,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "fsGroupChangePolicy": "OnRootMismatch",
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumes": [{"name": each.name, **each.source} for each in volumes],
            "containers": [_container(parts, volumes)],
        },
    }


def _container(parts: PodParts, volumes: tuple[Volume, ...]) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": parts.name,
        "image": parts.image,
        "imagePullPolicy": "IfNotPresent",
        "command": [*parts.started.command],
        "env": [{"name": "HOME", "value": TEMPORARY}, *parts.started.env],
        "resources": parts.amounts.rendered(),
        "volumeMounts": [each.mounted() for each in volumes],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **dict(parts.probes),
    }
    if parts.ports:
        container["ports"] = [
            {"name": name, "containerPort": port, "protocol": "TCP"} for name, port in parts.ports
        ]
    if parts.env_from:
        container["envFrom"] = [{"secretRef": {"name": name}} for name in parts.env_from]
    return container


def serving_parts(owner: Owner, spec: LeagueSpec, pods: Pods) -> tuple[Volume, ...]:
    """The volumes of pods that serve."""
    own = _secret("tokens", tokens_name(owner.name), (TOKEN_KEY, AUTHORITY), TOKENS_FOLDER)
    given = spec.access.tls_secret_ref
    certificate = given.name if given is not None else tokens_name(owner.name)
    tls = _secret("tls", certificate, (CERTIFICATE, PRIVATE_KEY), TLS_FOLDER)
    return own, tls, _data(owner, pods)


def worker_volumes(owner: Owner) -> tuple[Volume, ...]:
    """The volumes of a worker."""
    entries = (SERVICES_TOKEN, AUTHORITY)
    return (_secret("tokens", tokens_name(owner.name), entries, TOKENS_FOLDER),)


def ports_of(pods: Pods) -> tuple[tuple[str, int], ...]:
    """Names and numbers of a pod's ports."""
    own = (("health", HEALTH_PORT), ("metrics", METRICS_PORT))
    return (*((each.value, PLACES[each].port) for each in pods.parts), *own)


def amounts_of(spec: LeagueSpec, pods: Pods) -> Amounts:
    """What pods ask for."""
    return AMOUNTS[spec.profile].get(pods.parts[0], _SMALL)


def _data(owner: Owner, pods: Pods) -> Volume:
    """A claim where something outlives the pod; a folder of its own where nothing does."""
    source: dict[str, Any] = {"emptyDir": {"sizeLimit": "2Gi"}}
    if pods.keeps_files:
        claim = {"claimName": object_name(owner, pods.name)}
        source = {"persistentVolumeClaim": claim}
    return Volume("data", source, DATA_FOLDER, is_read_only=False)


def _secret(name: str, secret: str, entries: tuple[str, ...], path: str) -> Volume:
    items = [{"key": each, "path": each} for each in entries]
    return Volume(
        name, {"secret": {"secretName": secret, "items": items, "defaultMode": 0o440}}, path
    )
