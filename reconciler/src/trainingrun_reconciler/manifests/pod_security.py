"""What a pod template may not ask for: the restricted Pod Security Standard, and our own rules.

Checked in the finished template and not in a user's changes, because what matters is what would
run: taking a field away can weaken a pod as much as setting one. What the operator renders by
itself passes (a test says so), so whatever is found comes from the user's changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

VOLUMES: Final = frozenset(
    {
        "configMap",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
"""Kinds of volumes that reach nothing of the node; what ``csi`` reaches is its driver's choice."""
_PROJECTED: Final = frozenset({"configMap", "downwardAPI", "secret", "clusterTrustBundle"})
"""Sources that give the pod no identity: a token or a certificate would."""
_ANNOTATION_DOMAINS: Final = frozenset(
    {
        "ad.datadoghq.com",
        "cluster-autoscaler.kubernetes.io",
        "karpenter.sh",
        "kubectl.kubernetes.io",
        "prometheus.io",
    }
)
_ANNOTATIONS: Final = frozenset({"sidecar.istio.io/inject", "linkerd.io/inject"})
"""Of other domains. Unknown ones are refused: an annotation gives a role of the cloud (kube2iam),
a network (Multus) or a device, and no list of those is complete."""
_SELECTED: Final = frozenset(
    {"app", "component", "k8s-app", "name", "role", "run", "service", "tier"}
)
"""Labels by which Services and policies of others usually choose their pods."""
_SELECTED_DOMAINS: Final = ("kubernetes.io", "k8s.io", "istio.io", "azure.workload.identity")
_PROFILES: Final = ("RuntimeDefault", "Localhost")
_SELINUX_TYPES: Final = ("container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_APPARMOR: Final = "container.apparmor.security.beta.kubernetes.io/"
_OURS: Final = ("trainingrun.dev/", "app.kubernetes.io/")
_PROBES: Final = ("startupProbe", "readinessProbe", "livenessProbe")
_ROOT: Final = 0

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Weakness:
    """One thing that a template may not ask for: where it stands, and why not."""

    path: str
    why: str


def weaknesses(template: Fields, ours: Fields) -> Iterator[Weakness]:
    """All that is wrong with a template; ``ours`` is what the operator would write by itself."""
    yield from _metadata(template.get("metadata") or {}, ours["metadata"])
    pod = template.get("spec") or {}
    yield from _pod(pod, ours["spec"])
    for index, volume in enumerate(pod.get("volumes") or ()):
        yield from _volume(volume, f"spec.volumes[name={volume.get('name', index)}]")
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(pod.get(kind) or ()):
            place = f"spec.{kind}[name={container.get('name', index)}]"
            yield from _container(container, place)


def _metadata(given: Fields, ours: Fields) -> Iterator[Weakness]:
    for kind in ("labels", "annotations"):
        there, before = given.get(kind) or {}, ours.get(kind) or {}
        for key in sorted({*there, *before}):
            if key.startswith(_OURS) and there.get(key) != before.get(key):
                yield Weakness(f"metadata.{kind}[{key}]", "the operator knows its pods by it")
            elif key.startswith(_APPARMOR) and there.get(key) == "unconfined":
                yield Weakness(f"metadata.{kind}[{key}]", "the pod would run without AppArmor")
            elif there.get(key) != before.get(key) and not _MAY_BE_SET[kind](key):
                yield Weakness(f"metadata.{kind}[{key}]", _WHY_NOT_SET[kind])


def _may_annotate(key: str) -> bool:
    """Keys without a domain belong to no controller; others may command one of the cluster."""
    domain, slash, _ = key.rpartition("/")
    return not slash or domain in _ANNOTATION_DOMAINS or key in _ANNOTATIONS


def _may_label(key: str) -> bool:
    domain, _, name = key.rpartition("/")
    others = any(domain == each or domain.endswith(f".{each}") for each in _SELECTED_DOMAINS)
    return not others and (bool(domain) or name not in _SELECTED)


_MAY_BE_SET: Final = {"labels": _may_label, "annotations": _may_annotate}
_WHY_NOT_SET: Final = {
    "labels": "Services and policies of others may choose the pod by it",
    "annotations": "it may give the pod an identity, a network or a device",
}


def _pod(pod: Fields, ours: Fields) -> Iterator[Weakness]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield Weakness(f"spec.{field}", "the pod would share this with its node")
    for field, why in (
        ("serviceAccountName", "the pod would act as another account"),
        ("serviceAccount", "the pod would act as another account"),
        ("automountServiceAccountToken", "the pod would get a token of the API server"),
        ("shareProcessNamespace", "an early end of the pod would not be heard"),
        ("restartPolicy", "the role's way to end and to begin again depends on it"),
    ):
        if pod.get(field) != ours.get(field):
            yield Weakness(f"spec.{field}", why)
    yield from _placement(pod, ours)
    yield from _pod_context(pod.get("securityContext") or {})


def _placement(pod: Fields, ours: Fields) -> Iterator[Weakness]:
    """What would disturb other tenants of the cluster, or pass its scheduler by."""
    if str(pod.get("priorityClassName") or "").startswith("system-"):
        yield Weakness("spec.priorityClassName", "it would evict what the cluster itself needs")
    if pod.get("priority") is not None:
        yield Weakness("spec.priority", "the priority comes from spec.priorityClassName")
    if pod.get("nodeName"):
        yield Weakness("spec.nodeName", "the scheduler would not be asked: use spec.nodeSelector")
    if pod.get("schedulerName", "default-scheduler") != "default-scheduler":
        yield Weakness("spec.schedulerName", "the run would depend on another scheduler")
    if pod.get("resourceClaims"):
        yield Weakness("spec.resourceClaims", "the pod would get devices of its node")
    for index, toleration in enumerate(pod.get("tolerations") or ()):
        if not toleration.get("key") and toleration not in (ours.get("tolerations") or ()):
            why = "without a key it tolerates every taint, that of a node that goes among them"
            yield Weakness(f"spec.tolerations[{index}]", why)


def _pod_context(context: Fields) -> Iterator[Weakness]:
    yield from _identity(context, "spec.securityContext")
    for field in ("fsGroup", "runAsGroup"):
        if context.get(field) == _ROOT:
            yield Weakness(f"spec.securityContext.{field}", "the pod would run in root's group")
    if _ROOT in (context.get("supplementalGroups") or ()):
        yield Weakness("spec.securityContext.supplementalGroups", "root's group is among them")
    if context.get("sysctls"):
        yield Weakness("spec.securityContext.sysctls", "the node's kernel would be changed")
    if context.get("runAsNonRoot") is not True:
        yield Weakness("spec.securityContext.runAsNonRoot", "the pod might run as root")
    if (context.get("seccompProfile") or {}).get("type") not in _PROFILES:
        yield Weakness("spec.securityContext.seccompProfile", "no system call would be filtered")


def _identity(context: Fields, path: str) -> Iterator[Weakness]:
    """What pods and containers may both say of the user and of profiles."""
    if context.get("runAsUser") == _ROOT:
        yield Weakness(f"{path}.runAsUser", "0 is root")
    if (context.get("appArmorProfile") or {}).get("type") == "Unconfined":
        yield Weakness(f"{path}.appArmorProfile", "the pod would run without AppArmor")
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield Weakness(f"{path}.windowsOptions.hostProcess", "the pod would run on the node itself")
    selinux = context.get("seLinuxOptions") or {}
    if (
        selinux.get("user")
        or selinux.get("role")
        or (selinux.get("type") and selinux["type"] not in _SELINUX_TYPES)
    ):
        yield Weakness(f"{path}.seLinuxOptions", "the pod would leave its confinement")


def _volume(volume: Fields, path: str) -> Iterator[Weakness]:
    for kind in sorted(volume.keys() - VOLUMES - {"name"}):
        yield Weakness(f"{path}.{kind}", f"a volume may be one of {', '.join(sorted(VOLUMES))}")
    for source in (volume.get("projected") or {}).get("sources") or ():
        for kind in sorted(source.keys() - _PROJECTED):
            why = f"the pod would get an identity; a source may be {', '.join(sorted(_PROJECTED))}"
            yield Weakness(f"{path}.projected.sources.{kind}", why)


def _container(container: Fields, path: str) -> Iterator[Weakness]:
    context = container.get("securityContext") or {}
    place = f"{path}.securityContext"
    yield from _identity(context, place)
    if context.get("privileged"):
        yield Weakness(f"{place}.privileged", "the container would have its node")
    if context.get("allowPrivilegeEscalation") is not False:
        yield Weakness(f"{place}.allowPrivilegeEscalation", "it must be false")
    if context.get("readOnlyRootFilesystem") is not True:
        yield Weakness(f"{place}.readOnlyRootFilesystem", "it must be true")
    if context.get("runAsNonRoot", True) is not True:
        yield Weakness(f"{place}.runAsNonRoot", "the container might run as root")
    if context.get("procMount", "Default") != "Default":
        yield Weakness(f"{place}.procMount", "the node's processes would be seen")
    profile = context.get("seccompProfile")
    if profile is not None and profile.get("type") not in _PROFILES:
        yield Weakness(f"{place}.seccompProfile", "no system call would be filtered")
    capabilities = context.get("capabilities") or {}
    if capabilities.get("add"):
        yield Weakness(f"{place}.capabilities.add", "no capability may be added")
    if "ALL" not in (capabilities.get("drop") or ()):
        yield Weakness(f"{place}.capabilities.drop", "ALL must be among them")
    yield from _openings(container, path)


def _openings(container: Fields, path: str) -> Iterator[Weakness]:
    """Ports of the node, and checks that reach elsewhere from it."""
    for port in container.get("ports") or ():
        if port.get("hostPort"):
            yield Weakness(
                f"{path}.ports[containerPort={port.get('containerPort')}].hostPort",
                "the container would take a port of its node",
            )
    if not ((container.get("resources") or {}).get("limits") or {}).get("memory"):
        yield Weakness(f"{path}.resources.limits.memory", "each container needs a limit")
    hooks = (container.get("lifecycle") or {}).items()
    probes = ((name, container.get(name)) for name in _PROBES)
    for name, check in (*probes, *((f"lifecycle.{name}", hook) for name, hook in hooks)):
        for means in ("httpGet", "tcpSocket"):
            if ((check or {}).get(means) or {}).get("host"):
                yield Weakness(f"{path}.{name}.{means}.host", "the node would ask another host")
