"""Changes of pod templates: how they are laid over ours, and which are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from trainingrun_api.run import TrainingRun, parse
from trainingrun_reconciler.backends import BackendError, SharedResources
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.manifests.access import redis_url_key
from trainingrun_reconciler.manifests.merge import merged
from trainingrun_reconciler.manifests.pod import pod_template
from trainingrun_reconciler.manifests.pod_security import weaknesses
from trainingrun_reconciler.manifests.template import finished_template
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles import ROLES
from trainingrun_reconciler.roles.workload import Role, Workload
from trainingrun_reconciler.settings import Settings

from testkit.operator.alpha_zero import fields_for

RUN = RunIdentity("space", "quick", "8f2c-uid")
URL = redis_url_key(RUN, SharedResources(config=b"{}", managed_redis=True))


def training_run(**spec: Any) -> TrainingRun:
    """A small run."""
    return parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": RUN.name, "namespace": RUN.namespace, "uid": RUN.uid},
            "spec": {"games": 100, "decks": [{"name": "red_aggro"}], **spec},
        }
    )


def workload_of(role: Role, **spec: Any) -> Workload:
    """One role of a run."""
    run = training_run(**(fields_for(role) | spec))
    return workloads(run, Settings(), scaled=2)[role]


def template_of(over: dict[str, Any], role: Role = Role.DAEMON, **how: bool) -> dict[str, Any]:
    """The template of a role with changes laid over it."""
    changed = replace(workload_of(role), pod_override=json.dumps(over))
    return finished_template(RUN, changed, URL, unsafe_overrides=how.get("unsafe", False))


def in_container(**fields: Any) -> dict[str, Any]:
    """A change of the daemon's container."""
    return {"spec": {"containers": [{"name": "daemon", **fields}]}}


def in_security(**fields: Any) -> dict[str, Any]:
    """A change of its security context."""
    return in_container(securityContext=fields)


def with_volume(**source: Any) -> dict[str, Any]:
    """A volume more."""
    return {"spec": {"volumes": [{"name": "mine", **source}]}}


@pytest.mark.parametrize("role", ROLES.names)
def test_our_own_templates_have_no_weakness(role: Role) -> None:
    """Whatever is found in a template comes from a user's changes."""
    ours = pod_template(RUN, workload_of(role), URL)
    assert list(weaknesses(ours, ours)) == []


def test_changes_are_merged_by_name_and_leave_the_rest() -> None:
    """A variable, a node selector, a toleration and an annotation more; all else as it was."""
    before = template_of({})
    after = template_of(
        {
            "metadata": {"annotations": {"team": "blue"}, "labels": {"cost": "lab"}},
            "spec": {
                "nodeSelector": {"disk": "fast"},
                "tolerations": [{"key": "games", "operator": "Exists"}],
                "priorityClassName": "low",
                "containers": [{"name": "daemon", "env": [{"name": "TRACE", "value": "1"}]}],
            },
        }
    )
    assert after["metadata"]["annotations"]["team"] == "blue"
    assert after["metadata"]["labels"].items() > before["metadata"]["labels"].items()
    assert after["spec"]["nodeSelector"] == {"disk": "fast"}
    assert after["spec"]["tolerations"][:-1] == before["spec"]["tolerations"]
    assert after["spec"]["tolerations"][-1]["key"] == "games"
    (one,), (other,) = before["spec"]["containers"], after["spec"]["containers"]
    assert other["env"] == [*one["env"], {"name": "TRACE", "value": "1"}]
    assert {key: other[key] for key in other if key != "env"} == {
        key: one[key] for key in one if key != "env"
    }


def test_null_means_not_given_and_what_is_merged_stays_as_it_was() -> None:
    """As everywhere in a TrainingRun; neither side is changed by the merge."""
    base, over = {"a": 1, "b": {"c": 2, "d": 3}}, {"a": None, "b": {"c": None, "d": 4}}
    assert merged(base, over) == {"a": 1, "b": {"c": 2, "d": 4}}
    assert base == {"a": 1, "b": {"c": 2, "d": 3}}


@pytest.mark.parametrize(
    "over",
    [
        {"spec": {"serviceAccountName": None, "automountServiceAccountToken": None}},
        {"spec": {"shareProcessNamespace": None, "securityContext": None}},
        {"spec": {"containers": [{"name": "daemon", "securityContext": {"capabilities": None}}]}},
        {"spec": {"containers": [{"name": "daemon", "resources": {"limits": {"memory": None}}}]}},
        {"metadata": {"labels": {"trainingrun.dev/role": None}}},
    ],
)
def test_null_takes_no_guard_away(over: dict[str, Any]) -> None:
    """What we render stays."""
    ours = pod_template(RUN, workload_of(Role.DAEMON), URL)
    assert template_of(over) == ours


def test_a_restricted_sidecar_is_let_in() -> None:
    """A container more that satisfies the standard itself."""
    sidecar = {
        "name": "logs",
        "image": "example/logs:1",
        "resources": {"limits": {"memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    containers = template_of({"spec": {"containers": [sidecar]}})["spec"]["containers"]
    assert [each["name"] for each in containers] == ["daemon", "logs"]


REFUSED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("spec.priorityClassName", {"spec": {"priorityClassName": "system-node-critical"}}),
    ("spec.priority", {"spec": {"priority": 2_000_000_000}}),
    ("spec.nodeName", {"spec": {"nodeName": "node-1"}}),
    ("spec.schedulerName", {"spec": {"schedulerName": "mine"}}),
    ("spec.resourceClaims", {"spec": {"resourceClaims": [{"name": "gpu"}]}}),
    ("spec.tolerations[7]", {"spec": {"tolerations": [{"operator": "Exists"}]}}),
    ("spec.tolerations[7]", {"spec": {"tolerations": [{"key": "", "operator": "Exists"}]}}),
    ("csi", with_volume(csi={"driver": "any.example"})),
    (
        "projected.sources.podCertificate",
        with_volume(projected={"sources": [{"podCertificate": {"signerName": "x/y"}}]}),
    ),
    (
        "metadata.annotations[iam.amazonaws.com/role]",
        {"metadata": {"annotations": {"iam.amazonaws.com/role": "all"}}},
    ),
    (
        "metadata.annotations[k8s.v1.cni.cncf.io/networks]",
        {"metadata": {"annotations": {"k8s.v1.cni.cncf.io/networks": "other"}}},
    ),
    ("metadata.labels[app]", {"metadata": {"labels": {"app": "payments"}}}),
    (
        "metadata.labels[azure.workload.identity/use]",
        {"metadata": {"labels": {"azure.workload.identity/use": "true"}}},
    ),
    ("spec.hostNetwork", {"spec": {"hostNetwork": True}}),
    ("spec.hostPID", {"spec": {"hostPID": True}}),
    ("spec.hostIPC", {"spec": {"hostIPC": True}}),
    ("spec.serviceAccountName", {"spec": {"serviceAccountName": "default"}}),
    ("spec.serviceAccount", {"spec": {"serviceAccount": "default"}}),
    ("spec.automountServiceAccountToken", {"spec": {"automountServiceAccountToken": True}}),
    ("spec.restartPolicy", {"spec": {"restartPolicy": "Never"}}),
    ("spec.securityContext.runAsNonRoot", {"spec": {"securityContext": {"runAsNonRoot": False}}}),
    ("spec.securityContext.runAsUser", {"spec": {"securityContext": {"runAsUser": 0}}}),
    ("spec.securityContext.runAsGroup", {"spec": {"securityContext": {"runAsGroup": 0}}}),
    ("spec.securityContext.fsGroup", {"spec": {"securityContext": {"fsGroup": 0}}}),
    (
        "spec.securityContext.supplementalGroups",
        {"spec": {"securityContext": {"supplementalGroups": [5, 0]}}},
    ),
    (
        "spec.securityContext.sysctls",
        {"spec": {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}},
    ),
    (
        "spec.securityContext.seccompProfile",
        {"spec": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}}},
    ),
    (
        "spec.securityContext.seLinuxOptions",
        {"spec": {"securityContext": {"seLinuxOptions": {"type": "spc_t"}}}},
    ),
    (
        "spec.securityContext.appArmorProfile",
        {"spec": {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}},
    ),
    (
        "spec.securityContext.windowsOptions.hostProcess",
        {"spec": {"securityContext": {"windowsOptions": {"hostProcess": True}}}},
    ),
    ("privileged", in_security(privileged=True)),
    ("runAsUser", in_security(runAsUser=0)),
    ("runAsNonRoot", in_security(runAsNonRoot=False)),
    ("allowPrivilegeEscalation", in_security(allowPrivilegeEscalation=True)),
    ("readOnlyRootFilesystem", in_security(readOnlyRootFilesystem=False)),
    ("capabilities.add", in_security(capabilities={"add": ["NET_ADMIN"]})),
    ("capabilities.drop", in_security(capabilities={"drop": ["KILL"]})),
    ("procMount", in_security(procMount="Unmasked")),
    ("seccompProfile", in_security(seccompProfile={"type": "Unconfined"})),
    ("hostPort", in_container(ports=[{"containerPort": 17171, "hostPort": 80}])),
    ("httpGet.host", in_container(readinessProbe={"httpGet": {"host": "10.0.0.1", "port": 80}})),
    (
        "lifecycle.preStop.httpGet.host",
        in_container(lifecycle={"preStop": {"httpGet": {"host": "10.0.0.1", "port": 80}}}),
    ),
    ("allowPrivilegeEscalation", {"spec": {"containers": [{"name": "more", "image": "x"}]}}),
    ("allowPrivilegeEscalation", {"spec": {"initContainers": [{"name": "more", "image": "x"}]}}),
    ("hostPath", with_volume(hostPath={"path": "/"})),
    ("nfs", with_volume(nfs={"server": "10.0.0.1", "path": "/"})),
    (
        "projected.sources.serviceAccountToken",
        with_volume(projected={"sources": [{"serviceAccountToken": {"path": "token"}}]}),
    ),
    (
        "metadata.labels[trainingrun.dev/uid]",
        {"metadata": {"labels": {"trainingrun.dev/uid": "another"}}},
    ),
    (
        "metadata.labels[trainingrun.dev/role]",
        {"metadata": {"labels": {"trainingrun.dev/role": "learner"}}},
    ),
    (
        "metadata.annotations[container.apparmor.security.beta.kubernetes.io/daemon]",
        {
            "metadata": {
                "annotations": {
                    "container.apparmor.security.beta.kubernetes.io/daemon": "unconfined"
                }
            }
        },
    ),
)


@pytest.mark.parametrize(("path", "over"), REFUSED)
def test_a_change_that_weakens_a_pod_is_refused_with_its_path(
    path: str, over: dict[str, Any]
) -> None:
    """One sentence: where, why, and what to do; never retried; let through where it is allowed."""
    with pytest.raises(BackendError) as caught:
        template_of(over)
    told = str(caught.value)
    assert told.startswith("spec.daemon.template.")
    assert f"{path}: refused, because " in told
    assert "security.allowUnsafeOverrides=true" in told
    assert (caught.value.reason, caught.value.retry) == ("OverrideRefused", False)
    assert template_of(over, unsafe=True)


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ({"spec": "big"}, "template.spec: an object is needed"),
        ({"spec": {"containers": {}}}, "template.spec.containers: a list is needed"),
        ({"spec": {"containers": [{"image": "x"}]}}, "spec.containers[0]: give its name"),
        ({"spec": {"volumes": ["x"]}}, "spec.volumes[0]: give its name"),
        ({"spec": {"containers": [{"name": ["a"]}]}}, "spec.containers[0].name: must be text"),
        ({"spec": {"$patch": "replace"}}, "spec.$patch: directives are not understood"),
        ({"spec": {"securityContext": {"appArmorProfile": "x"}}}, "another type than"),
    ],
)
def test_a_change_that_does_not_fit_is_told_with_its_place(over: dict[str, Any], told: str) -> None:
    """Wrong forms end in a sentence too, and never in a traceback."""
    with pytest.raises(BackendError) as caught:
        template_of(over)
    assert told in str(caught.value)
    assert caught.value.reason == "OverrideRefused"


def asked(section: str, spec: dict[str, Any]) -> dict[str, Any]:
    """A spec with a template."""
    return {section: {"template": {"spec": spec}}}


def test_a_change_rolls_its_role_alone() -> None:
    """Daemons get other pods, actors keep theirs."""
    over = asked("daemon", {"nodeSelector": {"disk": "fast"}})
    assert workload_of(Role.DAEMON).template_hash != workload_of(Role.DAEMON, **over).template_hash
    assert workload_of(Role.ACTOR).template_hash == workload_of(Role.ACTOR, **over).template_hash


def container_of(role: Role, **spec: Any) -> dict[str, Any]:
    """The role's own container, as it would run."""
    template = finished_template(RUN, workload_of(role, **spec), URL, unsafe_overrides=False)
    (found,) = (each for each in template["spec"]["containers"] if each["name"] == role.value)
    return found


def test_image_and_amounts_of_a_template_reach_the_container_with_the_role_s_defaults() -> None:
    """What is asked for stands in the pod; a memory request without a limit raises the limit, and
    what is not asked for is the role's own."""
    amounts = {"requests": {"memory": "3Gi", "ephemeral-storage": "1Gi"}}
    own = {"name": "learner", "image": "mine/learner:1", "resources": amounts}
    found = container_of(Role.LEARNER, **asked("learner", {"containers": [own]}))
    assert found["image"] == "mine/learner:1"
    assert found["resources"] == {
        "requests": {"cpu": "500m", "memory": "3Gi", "ephemeral-storage": "1Gi"},
        "limits": {"memory": "3Gi"},
    }


def test_gpus_are_beside_what_a_template_asks_for() -> None:
    """The number of GPUs is the learner's own field, and stays when amounts are named."""
    own = {"name": "learner", "resources": {"limits": {"cpu": "4"}}}
    learner = {"gpus": 2, **asked("learner", {"containers": [own]})["learner"]}
    limits = container_of(Role.LEARNER, learner=learner)["resources"]["limits"]
    assert limits == {"cpu": "4", "memory": "4Gi", "nvidia.com/gpu": "2"}


def test_redis_has_the_memory_that_its_section_says() -> None:
    """A request may be named, and the limit stays what follows from ``managed.memory``."""
    own = {"name": "redis", "image": "mine/redis:8", "resources": {"requests": {"memory": "2Gi"}}}
    managed = {"memory": "3Gi", "template": {"spec": {"containers": [own]}}}
    found = container_of(Role.REDIS, redis={"managed": managed})
    assert found["image"] == "mine/redis:8"
    assert found["resources"]["requests"]["memory"] == "2Gi"
    assert found["resources"]["limits"]["memory"] == "3Gi"


def test_the_evaluator_is_an_actor_unless_it_has_its_own() -> None:
    """Image and amounts are those of container ``actor``, each until the evaluator names it; where
    actors run is not its concern."""
    amounts = {"requests": {"cpu": "2", "memory": "1Gi"}}
    actor = {"name": "actor", "image": "mine/actor:1", "resources": amounts}
    actors = asked("actor", {"nodeSelector": {"disk": "fast"}, "containers": [actor]})
    found = container_of(Role.EVALUATOR, **actors)
    assert (found["image"], found["resources"]["requests"]) == ("mine/actor:1", amounts["requests"])
    assert workload_of(Role.EVALUATOR, **actors).pod_override == ""
    own = {"name": "evaluator", "resources": {"requests": {"memory": "3Gi"}}}
    both = {**actors, **asked("evaluator", {"containers": [own]})}
    found = container_of(Role.EVALUATOR, **both)
    assert found["image"] == "mine/actor:1"
    assert found["resources"] == {
        "requests": {"cpu": "2", "memory": "3Gi"},
        "limits": {"memory": "3Gi"},
    }


def test_only_what_the_evaluator_takes_of_the_actors_replaces_it() -> None:
    """A node selector of the actors interrupts no evaluation; their image does."""

    def evaluator(spec: dict[str, Any]) -> str:
        return workload_of(Role.EVALUATOR, **asked("actor", spec)).template_hash

    before = evaluator({})
    assert evaluator({"nodeSelector": {"disk": "fast"}}) == before
    assert evaluator({"containers": [{"name": "actor", "env": []}]}) == before
    assert evaluator({"containers": [{"name": "actor", "image": "mine/actor:1"}]}) != before
