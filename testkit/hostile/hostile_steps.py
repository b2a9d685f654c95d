"""What tenants may do to an operator: TrainingRuns, labelled objects and edits, all of them wrong.

A step follows from the seed, its number, and what is there when it is taken; so some steps can be
taken without the others (``SOAK_SEED=1 SOAK_ONLY=1200-1300``). Names come from small sets: a soak
of any length leaves as many objects behind as a short one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from testkit.control_plane.api_connections import MERGE, Request
from testkit.control_plane.plane import restricted_pod

Document = dict[str, Any]
GROUP: Final = "trainingrun.dev"
RUNS: Final = f"/apis/{GROUP}/v1alpha1/namespaces/{{}}/trainingruns"
RUN_NAMES: Final = 12
FOREIGN_NAMES: Final = 4
_POLICIES: Final = ("Background", "Background", "Background", "Foreground", "Orphan")
_KIND_PATHS: Final = {
    "Pod": "/api/v1/namespaces/{}/pods",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "Service": "/api/v1/namespaces/{}/services",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
}
KINDS: Final = tuple(_KIND_PATHS)
SOUND: Final[Document] = {"games": 100, "decks": [{"name": "red_aggro"}]}
_ROLES: Final = ("daemon", "actor", "learner", "evaluator", "redis", "bogus", "", "A_b.c", None)
_SUFFIXES: Final = ("daemon", "actor", "learner", "evaluator", "redis", "config", "checkpoints")
_TEXTS: Final = (
    "",
    " ",
    "\u202e\u0007\x1b[2J",
    "ünï\u0301",
    "\U0001f600",
    "../..",
    "$(x)",
    "{{ .x }}",
    "null",
    "9" * 400,
    "x" * 3000,
    "\x00",
    "x\n2026-01-01 00:00:00,000 CRITICAL forged: a line of somebody else's",
    "Traceback (most recent call last):",
)
_NUMBERS: Final = (0, -1, 1, 2**31 - 1, 2**31, 2**53, 2**63 - 1, -(2**63), 1e308, 5e-324, 0.5)
_STRANGE: Final[tuple[Any, ...]] = (
    *_TEXTS,
    *_NUMBERS,
    None,
    True,
    False,
    [],
    {},
    [[[]]],
    [None],
    {"a": {"b": []}},
)
_TIMES: Final = (
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "1969-12-31T23:59:59Z",
    "2026-02-29T00:00:00Z",
    "2024-02-29T00:00:00Z",
    "not a time",
    "",
)
_OPTIONS: Final = (
    "socket_timeout=100000",
    "credential_provider=x",
    "retry=x",
    "decode_responses=1",
    "nosuch=1",
    "password=s3cret",
    "protocol=99",
    "db=-1",
    "max_connections=0",
    "encoding=nonsense",
    "health_check_interval=x",
    "ssl_cert_reqs=none",
    "socket_keepalive_options=x",
)


@dataclass
class Known:
    """What is there to be hostile to."""

    namespaces: Sequence[str]
    specs: Sequence[Document]
    """Specs with a field or two replaced."""
    redis_urls: Sequence[str]
    """Of servers that lie, and of an honest one."""
    uids: list[str]
    """Of runs, the neighbour's first."""
    children: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Names by namespace and kind, as they were when they were last listed."""


@dataclass(frozen=True)
class Step:
    """What to do: a request of the API server, or for other kinds the dice that say what."""

    kind: str
    dice: Random
    request: Request | None = None


def step(seed: int, number: int, known: Known, *, watches: int = 0) -> Step:
    """The step of a number; ``watches``: how many in a hundred spoil watches."""
    dice = Random(f"{seed}/{number}")
    weights = {**_WEIGHTS, "watch": watches}
    kind = dice.choices(list(weights), list(weights.values()))[0]
    make = _REQUESTS.get(kind)
    return Step(kind, dice, make(dice, known) if make else None)


def _create_run(dice: Random, known: Known) -> Request:
    namespace = dice.choice(known.namespaces)
    spec = dict(dice.choice(known.specs) if dice.random() < 0.4 else SOUND)
    override = "null"
    match dice.randrange(24):  # deep and fat ones take the API server a hundred times as long
        case 0:
            spec["actor"] = {"template": {"spec": "OVERRIDE"}}
            levels = dice.choice((30, 33, 100, 700, 1_500, 9_000))
            override = '{"a":' * levels + "1" + "}" * levels
        case 1:
            role = dice.choice(("daemon", "actor", "learner", "redis"))
            spec |= _with_template(role, _fat(dice))
        case kind if kind < 12:
            spec["redis"] = {"url": _url(dice, known)}
        case kind if kind < 16:
            spec |= _with_template(dice.choice(("actor", "daemon", "learner")), _override(dice))
    if dice.random() < 0.2:
        spec[dice.choice((*spec, "surprise"))] = dice.choice(_STRANGE)
    meta: Document = {"name": f"run-{dice.randrange(RUN_NAMES)}", "namespace": namespace}
    if dice.random() < 0.2:
        meta["finalizers"] = [dice.choice((f"{GROUP}/storage", "example.com/x"))]
    if dice.random() < 0.3:
        meta["annotations"] = _requests(dice)
    document = {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "TrainingRun",
        "metadata": meta,
        "spec": spec,
    }
    body = json.dumps(document).replace('"OVERRIDE"', override)
    return Request("POST", RUNS.format(namespace), body)


def _patch_run(dice: Random, known: Known) -> Request:
    namespace = dice.choice(known.namespaces)
    path = f"{RUNS.format(namespace)}/run-{dice.randrange(RUN_NAMES)}"
    match dice.randrange(7):
        case 0:
            return Request("PATCH", f"{path}/status", json.dumps(_status(dice)), MERGE)
        case 1:
            patch: Document = {"metadata": {"annotations": _requests(dice)}}
        case 2:
            patch = {"metadata": {"finalizers": dice.choice((None, [], ["example.com/x"]))}}
        case 3:
            patch = {"spec": {"redis": {"managed": None, "url": _url(dice, known)}}}
        case 4:
            patch = {"spec": {"suspend": dice.random() < 0.5, "actor": None, "learner": None}}
        case _:
            patch = {"spec": dice.choice(known.specs)}
    return Request("PATCH", path, json.dumps(patch), MERGE)


def _delete_run(dice: Random, known: Known) -> Request:
    namespace = dice.choice(known.namespaces)
    path = f"{RUNS.format(namespace)}/run-{dice.randrange(RUN_NAMES)}"
    policy = dice.choice(_POLICIES)
    return Request("DELETE", f"{path}?propagationPolicy={policy}")


def _create_object(dice: Random, known: Known) -> Request:
    """An object that bears the labels of a run, of the neighbour's in many cases."""
    kind, namespace = dice.choice(KINDS), dice.choice(known.namespaces)
    path = _KIND_PATHS[kind].format(namespace)
    name = f"foreign-{dice.randrange(FOREIGN_NAMES)}"
    if dice.random() < 0.15:
        name = f"run-{dice.randrange(RUN_NAMES)}-{dice.choice(_SUFFIXES)}"
    labels = {key: value for key, value in _labels(dice, known).items() if value is not None}
    meta: Document = {"name": name, "namespace": namespace, "labels": labels}
    if dice.random() < 0.3:
        meta["ownerReferences"] = _owners(dice, known)
    if dice.random() < 0.03:
        meta["annotations"] = {"fat": "<" * dice.randrange(1, 250_000)}
    document = {"metadata": meta, **_body(kind, labels, dice)}
    return Request("POST", path, json.dumps(document))


def _patch_object(dice: Random, known: Known) -> Request:
    kind, namespace, name = _some_child(dice, known)
    path = f"{_KIND_PATHS[kind].format(namespace)}/{name}"
    match dice.randrange(8):
        case 0:
            patch: Document = {"metadata": {"labels": _labels(dice, known)}}
        case 1:
            patch = {"metadata": {"ownerReferences": _owners(dice, known)}}
        case 2:
            keys = ("applied-hash", "roll-hash", "unreadable")
            hashes = {f"{GROUP}/{key}": str(dice.choice(_STRANGE)) for key in keys}
            patch = {"metadata": {"annotations": hashes}}
        case 3:
            size = dice.choice((10, 1000, 1000, 1000, 250_000))
            patch = {"metadata": {"annotations": {"fat": "<" * dice.randrange(1, size)}}}
        case 4:
            patch = {"metadata": {"finalizers": dice.choice((None, ["example.com/x"]))}}
        case 5:
            patch = {"spec": {"replicas": dice.choice((0, 1, 7, 50, -1, "many"))}}
        case _:
            return Request("PATCH", f"{path}/status", json.dumps(_child_status(dice)), MERGE)
    return Request("PATCH", path, json.dumps(patch), MERGE)


def _delete_object(dice: Random, known: Known) -> Request:
    kind, namespace, name = _some_child(dice, known)
    policy = dice.choice(_POLICIES)
    return Request(
        "DELETE", f"{_KIND_PATHS[kind].format(namespace)}/{name}?propagationPolicy={policy}"
    )


def _some_child(dice: Random, known: Known) -> tuple[str, str, str]:
    kind, namespace = dice.choice(KINDS), dice.choice(known.namespaces)
    names = known.children.get((namespace, kind)) or ["foreign-0"]
    return kind, namespace, dice.choice(names)


def list_path(namespace: str, kind: str) -> str:
    """Where the objects of a kind are."""
    return _KIND_PATHS[kind].format(namespace)


def _url(dice: Random, known: Known) -> str:
    url = dice.choice(known.redis_urls)
    match dice.randrange(8):
        case 0:
            return f"{url}?{dice.choice(_OPTIONS)}"
        case 1:
            return dice.choice(
                (
                    "redis://[::1",
                    "redis://127.0.0.1:99999/0",
                    "unix:///etc/passwd",
                    "http://x",
                    "redis://u:p%zz/@127.0.0.1:1",
                    "redis://169.254.169.254:80/0",
                    "rediss://:x@" + url.rpartition("@")[2],
                    "redis://" + "h" * 300,
                    "redis://\u202e:6379",
                    "",
                )
            )
    return url


def _fat(dice: Random) -> Document:
    size = dice.choice((60_000, 70_000, 300_000, 1_200_000))
    if dice.random() < 0.5:
        return {"metadata": {"annotations": {"fat": "<" * (size // 6)}}}
    return {"metadata": {"annotations": {f"key-{each}": "x" for each in range(size // 20)}}}


def _with_template(role: str, template: Document) -> Document:
    """A section with a pod template."""
    if role == "redis":
        return {"redis": {"managed": {"template": template}}}
    return {role: {"template": template}}


def _override(dice: Random) -> Document:
    value = dice.choice(_STRANGE)
    return dice.choice(
        (
            {"spec": {"containers": [{"name": ["a"]}]}},
            {"spec": {"containers": value}},
            {"spec": {"containers": [value, {"name": "actor", "resources": value}]}},
            {"spec": value},
            {"metadata": {"labels": value, "annotations": {"a": value}}},
            {"spec": {"volumes": [{"name": "x", "hostPath": {"path": "/"}}], "surprise": value}},
            {"spec": {"tolerations": [{"operator": "Exists"}], "nodeName": value}},
            {"spec": {"securityContext": {"runAsUser": value}, "hostNetwork": True}},
        )
    )


def _requests(dice: Random) -> Document:
    """Requests of people, as annotations."""
    keys = ("drain", "checkpoint-requested-at", "wake")
    return {f"{GROUP}/{key}": str(dice.choice((*_TEXTS, *_TIMES, "a=b,c", "{}"))) for key in keys}


def _labels(dice: Random, known: Known) -> Document:
    uid = dice.choice((known.uids[0], dice.choice(known.uids), "x", None))
    run = dice.choice((f"run-{dice.randrange(RUN_NAMES)}", "calm", None))
    role = dice.choice(_ROLES)
    return {f"{GROUP}/uid": uid, f"{GROUP}/run": run, f"{GROUP}/role": role}


def _owners(dice: Random, known: Known) -> Any:
    reference = {
        "apiVersion": dice.choice((f"{GROUP}/v1alpha1", "v1", "x.y/v9")),
        "kind": "TrainingRun",
        "name": f"run-{dice.randrange(RUN_NAMES)}",
        "uid": dice.choice((*known.uids, "x")),
        "controller": dice.random() < 0.7,
        "blockOwnerDeletion": dice.random() < 0.5,
    }
    return dice.choice(([], None, [reference], [reference, {**reference, "uid": "y"}]))


def _body(kind: str, labels: Document, dice: Random) -> Document:
    """What a kind must have to be taken."""
    chosen = {"app": "foreign"}
    template = restricted_pod(labels={**labels, **chosen})
    match kind:
        case "Pod":
            return {"apiVersion": "v1", "kind": kind, "spec": template["spec"]}
        case "Deployment":
            spec: Document = {"replicas": dice.choice((0, 1, 3)), "template": template}
            return _with("apps/v1", kind, spec | {"selector": {"matchLabels": chosen}})
        case "StatefulSet":
            spec = {"replicas": dice.choice((0, 1)), "template": template, "serviceName": "x"}
            return _with("apps/v1", kind, spec | {"selector": {"matchLabels": chosen}})
        case "Job":
            template["spec"]["restartPolicy"] = "Never"
            return _with("batch/v1", kind, {"template": template, "backoffLimit": 0})
        case "Service":
            return _with("v1", kind, {"selector": chosen, "ports": [{"port": 17171}]})
        case "PersistentVolumeClaim":
            asked = {"requests": {"storage": dice.choice(("1Gi", "1", "9E"))}}
            return _with("v1", kind, {"accessModes": ["ReadWriteOnce"], "resources": asked})
        case "NetworkPolicy":
            return _with("networking.k8s.io/v1", kind, {"podSelector": {}})
        case "PodDisruptionBudget":
            return _with("policy/v1", kind, {"selector": {"matchLabels": chosen}})
    data = {"url": dice.choice(_TEXTS), "password": dice.choice(_TEXTS)}
    content = {"ConfigMap": {"data": data}, "Secret": {"stringData": data}}.get(kind, {})
    return {"apiVersion": "v1", "kind": kind, **content}


def _with(version: str, kind: str, spec: Document) -> Document:
    return {"apiVersion": version, "kind": kind, "spec": spec}


def _status(dice: Random) -> Document:
    """A status of a run that somebody else writes."""
    reason, text = dice.choice(("Ready", "x", "Äh")), dice.choice(_TEXTS)
    condition = {
        "type": dice.choice(
            ("Ready", "Complete", "Failed", "QueueAvailable", "Degraded", "Nonsense")
        ),
        "status": dice.choice(("True", "False", "Unknown", "Nonsense")),
        "reason": reason,
        "message": text,
        "lastTransitionTime": dice.choice(_TIMES),
        "observedGeneration": dice.choice((1, 2**62, -1)),
    }
    return {
        "status": dice.choice(
            (
                None,
                {"conditions": [condition]},
                {"conditions": [condition, condition]},
                {"observedGeneration": dice.choice(_NUMBERS)},
                {"games": dice.choice(_NUMBERS)},
                {"stop": dice.choice(_STRANGE)},
                {"startTime": dice.choice(_TIMES)},
                {"surprise": dice.choice(_STRANGE)},
                dice.choice(_STRANGE),
            )
        )
    }


def _child_status(dice: Random) -> Document:
    """Statuses as a kubelet or a controller of somebody's own would write them."""
    number, time, text = dice.choice(_NUMBERS), dice.choice(_TIMES), dice.choice(_TEXTS)
    state = {"waiting": {"reason": text, "message": text}}
    ended = {"terminated": {"exitCode": dice.choice((0, 2, 137, 2**31 - 1)), "finishedAt": time}}
    container = {
        "name": text or "main",
        "ready": True,
        "restartCount": dice.choice((0, 2**31 - 1)),
        "image": text,
        "imageID": "",
        "state": dice.choice((state, ended)),
        "lastState": ended,
    }
    return {
        "status": dice.choice(
            (
                {"replicas": number, "readyReplicas": number, "observedGeneration": number},
                {"phase": dice.choice(("Running", "Failed", "Nonsense", "")), "reason": text},
                {"containerStatuses": [container], "startTime": time},
                {"podIP": dice.choice(("10.9.9.9", "::1", "x")), "hostIP": "10.0.0.1"},
                {"failed": number, "succeeded": number, "startTime": time},
                {"conditions": [{"type": "Failed", "status": "True", "reason": text}]},
                {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": time}]},
                None,
            )
        )
    }


_WEIGHTS: Final = {
    "create run": 26,
    "patch run": 22,
    "delete run": 5,
    "create object": 16,
    "patch object": 18,
    "delete object": 5,
    "redis": 6,
    "clock": 1,
}
_REQUESTS: Final[dict[str, Callable[[Random, Known], Request]]] = {
    "create run": _create_run,
    "patch run": _patch_run,
    "delete run": _delete_run,
    "create object": _create_object,
    "patch object": _patch_object,
    "delete object": _delete_object,
}
