"""The pod of a role: what every container gets, whatever its role.

All pods satisfy the restricted Pod Security Standard: no root, no privilege, no writable root file
system, no service account token.
"""

from __future__ import annotations

from typing import Any, Final

from trainingrun_contracts import run_config
from trainingrun_protocol.access import TOKEN_VARIABLE

from trainingrun_reconciler.manifests import metadata
from trainingrun_reconciler.manifests.access import (
    CERTIFICATE_KEY,
    CONFIG_FILE,
    CONFIG_FOLDER,
    CONFIG_KEY,
    DECKS_FOLDER,
    DECKS_VARIABLE,
    LEAGUE_FOLDER,
    PRIVATE_KEY,
    REDIS_FOLDER,
    SecretKey,
    account_name,
    config_name,
    decks_name,
    secret_name,
    token_secret_key,
)
from trainingrun_reconciler.manifests.placement import placement
from trainingrun_reconciler.manifests.probes import HEALTH_FILE, probes
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.league import (
    AUTHORITY_KEY,
    JOINED_LABEL,
    TOKEN_KEY,
    tokens_secret,
)
from trainingrun_reconciler.roles.workload import Resources, Restart, Workload, filled

USER: Final = 10001
METRICS_PORT: Final = 9090
TEMPORARY: Final = "/tmp"  # noqa: S108 - an emptyDir of the pod's own
GPU: Final = "nvidia.com/gpu"
_TEMPORARY: Final = {"name": "tmp", "emptyDir": {"sizeLimit": "2Gi"}}


def pod_template(run: RunIdentity, workload: Workload, redis_url: SecretKey) -> dict[str, Any]:
    """The template of a role's pods; their labels and the roll hash are part of it."""
    return {
        "metadata": {
            "labels": metadata.labels(run, workload.role) | _joined(workload),
            "annotations": {metadata.TEMPLATE_HASH: workload.template_hash},
        },
        "spec": _pod(run, workload, redis_url),
    }


def _joined(workload: Workload) -> dict[str, str]:
    """What the private services of a league let pods in by."""
    return {} if workload.league is None else {JOINED_LABEL: workload.league}


def _pod(run: RunIdentity, workload: Workload, redis_url: SecretKey) -> dict[str, Any]:
    volumes = _volumes(run, workload)
    return {
        "serviceAccountName": account_name(run, workload.role),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # Process 1 of a container drops every signal that it has no handler for yet, so a pod asked
        # to stop within its first second would hang for its whole grace period. Here `pause` is
        # process 1, whatever the image, and the program dies of an early SIGTERM as it should.
        "shareProcessNamespace": True,
        "restartPolicy": "Never" if workload.restart is Restart.UNTIL_SUCCESS else "Always",
        "terminationGracePeriodSeconds": workload.grace_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **placement(run, workload),
        "volumes": [volume for volume, _ in volumes],
        "containers": [
            _container(run, workload, redis_url, mounts=[mount for _, mount in volumes]),
        ],
    }


def _container(
    run: RunIdentity, workload: Workload, redis_url: SecretKey, *, mounts: list[dict[str, Any]]
) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": workload.role.value,
        "image": workload.image,
        "imagePullPolicy": workload.pull_policy,
        **_command(workload),
        "env": _environment(run, workload, redis_url),
        "resources": _resources(workload.resources),
        "volumeMounts": mounts,
        "ports": _ports(workload),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **probes(workload),
    }
    if workload.secrets:
        container["envFrom"] = [{"secretRef": {"name": name}} for name in workload.secrets]
    return container


def _command(workload: Workload) -> dict[str, Any]:
    """The program; without one the image starts its own."""
    if not workload.command:
        return {}
    return {"command": [*filled(workload.command, _placeholders(workload)), *_tls(workload)]}


def _tls(workload: Workload) -> tuple[str, ...]:
    """What makes a Redis serve TLS alone; clients show passwords and no certificates."""
    if not workload.serves_tls:
        return ()
    return (
        *("--port", "0", "--tls-port", str(workload.port), "--tls-auth-clients", "no"),
        *("--tls-cert-file", f"{REDIS_FOLDER}/{CERTIFICATE_KEY}"),
        *("--tls-key-file", f"{REDIS_FOLDER}/{PRIVATE_KEY}"),
    )


def _placeholders(workload: Workload) -> dict[str, str]:
    values = {
        "{host}": "0.0.0.0",  # noqa: S104 - a pod's address is its own; policies say who may connect
        "{decks}": "/decks",
        "{own_decks}": DECKS_FOLDER,
        "{redis_config}": f"{REDIS_FOLDER}/{CONFIG_KEY}",
    }
    if workload.port is not None:
        values["{port}"] = str(workload.port)
    if workload.storage is not None:
        values["{data}"] = workload.storage.path
    return values


def _environment(
    run: RunIdentity, workload: Workload, redis_url: SecretKey
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"name": "HOME", "value": TEMPORARY}]
    if workload.uses_config:
        name = {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}
        found += [
            {"name": run_config.CONFIG_VARIABLE, "value": f"{CONFIG_FOLDER}/{CONFIG_FILE}"},
            {"name": run_config.MEMBER_VARIABLE, "valueFrom": name},
            {"name": run_config.METRICS_PORT_VARIABLE, "value": str(METRICS_PORT)},
            {"name": run_config.HEALTH_FILE_VARIABLE, "value": HEALTH_FILE},
            {"name": run_config.REDIS_URL_VARIABLE, "valueFrom": redis_url.reference()},
        ]
    if workload.own_decks:
        found.append({"name": DECKS_VARIABLE, "value": DECKS_FOLDER})
    if workload.daemon_token is not None:
        entry = token_secret_key(run, workload.daemon_token)
        found.append({"name": TOKEN_VARIABLE, "valueFrom": entry.reference()})
    if workload.league is not None:
        found.append({"name": run_config.LEAGUE_FOLDER_VARIABLE, "value": LEAGUE_FOLDER})
    return found + [{"name": name, "value": value} for name, value in workload.environment]


def _resources(wanted: Resources) -> dict[str, Any]:
    limits = {"memory": wanted.memory_limit}
    if wanted.cpu_limit is not None:
        limits["cpu"] = wanted.cpu_limit
    if wanted.gpus:
        limits[GPU] = str(wanted.gpus)
    return {"requests": {"cpu": wanted.cpu, "memory": wanted.memory}, "limits": limits}


def _ports(workload: Workload) -> list[dict[str, Any]]:
    ports = []
    if workload.port is not None:
        ports.append({"name": workload.role.value, "containerPort": workload.port})
    if ROLES[workload.role].serves_metrics:
        ports.append({"name": "metrics", "containerPort": METRICS_PORT})
    return [{**port, "protocol": "TCP"} for port in ports]


def _volumes(run: RunIdentity, workload: Workload) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each volume of the pod with its mount."""
    found = [(_TEMPORARY, {"name": "tmp", "mountPath": TEMPORARY})]
    if workload.uses_config:
        config = {"name": "config", "configMap": {"name": config_name(run)}}
        found.append((config, _read_only("config", CONFIG_FOLDER)))
    if workload.own_decks:
        decks = {"name": "decks", "configMap": {"name": decks_name(run)}}
        found.append((decks, _read_only("decks", DECKS_FOLDER)))
    if "{redis_config}" in workload.command:
        keys = (CONFIG_KEY, CERTIFICATE_KEY, PRIVATE_KEY) if workload.serves_tls else (CONFIG_KEY,)
        items = [{"key": key, "path": key} for key in keys]
        secret = {"secretName": secret_name(run), "items": items, "defaultMode": 0o440}
        found.append(({"name": "redis", "secret": secret}, _read_only("redis", REDIS_FOLDER)))
    if workload.league is not None:
        found.append((_of_league(workload.league), _read_only("league", LEAGUE_FOLDER)))
    if workload.storage is not None:
        claim = workload.storage.claim or metadata.role_name(run, workload.role)
        data = {"name": "data", "persistentVolumeClaim": {"claimName": claim}}
        found.append((data, {"name": "data", "mountPath": workload.storage.path}))
    return found


def _of_league(league: str) -> dict[str, Any]:
    """What the league is called with, as files and optional: the League may be made after the run,
    or anew, and the run trains meanwhile."""
    items = [{"key": key, "path": key} for key in (TOKEN_KEY, AUTHORITY_KEY)]
    secret = {"secretName": tokens_secret(league), "items": items, "optional": True}
    return {"name": "league", "secret": {**secret, "defaultMode": 0o440}}


def _read_only(name: str, path: str) -> dict[str, Any]:
    return {"name": name, "mountPath": path, "readOnly": True}
