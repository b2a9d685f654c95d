"""The chart renders what the operator needs: exact permissions, a restricted pod, known options."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
from trainingrun_operator.kube.permissions import LEASE_PERMISSIONS, permissions
from trainingrun_operator.process.options import parse
from trainingrun_reconciler.resources import RESOURCE_KINDS

from testkit.control_plane.rendered_chart import Chart
from testkit.tree import CHART


def verbs_in(rules: list[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    """Group, resource and verb of each permission."""
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_role_holds_exactly_what_the_operator_says_it_uses(chart: Chart) -> None:
    """The chart's rules and the operator's own list are the same, and hold no wildcard."""
    listed = {
        (permission.kind.group, permission.resource, verb)
        for permission in permissions()
        for verb in permission.verbs
    }
    (role,) = (each for each in chart().all("ClusterRole") if not is_for_people(each))
    rendered = verbs_in(role["rules"])
    assert rendered == listed
    assert not any("*" in part for triple in rendered for part in triple)


def is_for_people(role: Mapping[str, Any]) -> bool:
    """Whether a role is added to those that people have, and is not the operator's."""
    return any("aggregate-to" in label for label in role["metadata"]["labels"])


def is_of_lease(document: Mapping[str, Any]) -> bool:
    """Whether a role or binding is the one of the lease."""
    return str(document["metadata"]["name"]).endswith("-lease")


def test_the_lease_role_is_for_one_lease_in_the_operators_namespace(chart: Chart) -> None:
    """A lease may be made, and that of this release read and written; so may the Secret of that
    name, which is never changed. Only where the operator runs."""
    listed = {(p.kind.group, p.kind.plural, verb) for p in LEASE_PERMISSIONS for verb in p.verbs}
    objects = chart()
    role = objects.only("Role")
    assert role["metadata"]["namespace"] == "system"
    assert verbs_in(role["rules"]) == listed
    named = [rule for rule in role["rules"] if "resourceNames" in rule]
    assert [rule["verbs"] for rule in named] == [["get", "update"], ["get"]]
    assert named[0]["resourceNames"] == named[1]["resourceNames"]
    command = objects.only("Deployment")["spec"]["template"]["spec"]["containers"][0]["command"]
    claim = parse(command[1:], {}).claim
    assert claim is not None
    assert (claim.namespace, [claim.name]) == ("system", named[0]["resourceNames"])


def test_a_rolling_update_leaves_no_gap(chart: Chart) -> None:
    """Two replicas, and a new one is ready before an old one is asked to end."""
    spec = chart().only("Deployment")["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_given_namespaces_get_roles_and_the_cluster_none(chart: Chart) -> None:
    """With watchNamespaces the operator has no right in the whole cluster: what is cluster-wide is
    the definition, and what is added to the roles that people have."""
    objects = chart("--set=watchNamespaces={alpha,beta}")
    roles = [each for each in objects.all("Role") if not is_of_lease(each)]
    bindings = [each for each in objects.all("RoleBinding") if not is_of_lease(each)]
    assert [each["metadata"]["namespace"] for each in roles] == ["alpha", "beta"]
    assert [each["metadata"]["namespace"] for each in bindings] == ["alpha", "beta"]
    assert {each["subjects"][0]["namespace"] for each in bindings} == {"system"}
    assert all(is_for_people(each) for each in objects.all("ClusterRole"))
    assert "ClusterRoleBinding" not in objects.kinds


@pytest.mark.parametrize("role", ["view", "edit", "admin"])
def test_the_roles_of_people_reach_training_runs(chart: Chart, role: str) -> None:
    """Who may view a namespace sees its runs, who may edit it makes and changes them; no one may
    write a status, which is the operator's."""
    (found,) = (
        each
        for each in chart().all("ClusterRole")
        if each["metadata"]["labels"].get(f"rbac.authorization.k8s.io/aggregate-to-{role}")
    )
    reading = {"get", "list", "watch"}
    writing = {"create", "update", "patch", "delete", "deletecollection"}
    runs, status = (
        {verb for _, resource, verb in verbs_in(found["rules"]) if resource == name}
        for name in ("trainingruns", "trainingruns/status")
    )
    assert runs == (reading if role == "view" else reading | writing)
    assert status == reading


def test_without_rights_in_the_cluster_nothing_cluster_wide_is_made(chart: Chart) -> None:
    """Who may not install definitions or ClusterRoles leaves both out."""
    options = ("--set=watchNamespaces={alpha}", "--set=crds.enabled=false")
    objects = chart(*options, "--set=rbac.aggregate=false")
    cluster_wide = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
    assert not cluster_wide & objects.kinds


def test_metrics_are_closed_until_somebody_is_named(chart: Chart) -> None:
    """By default no one reads them over the network; the peers that are named reach the operator's,
    and the operator opens those of its runs to the same."""
    closed = chart()
    (health,) = closed.only("NetworkPolicy")["spec"]["ingress"]
    assert [each["port"] for each in health["ports"]] == ["health"]
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    opened = chart(f"--set-json=networkPolicy.metricsFrom={json.dumps([peer])}")
    _, metrics = opened.only("NetworkPolicy")["spec"]["ingress"]
    assert metrics["from"] == [peer]
    for objects, peers in ((closed, ()), (opened, (peer,))):
        (pod,) = objects.only("Deployment")["spec"]["template"]["spec"]["containers"]
        assert parse(pod["command"][1:], {}).metrics_from == peers


def test_the_lease_goes_with_the_release(chart: Chart) -> None:
    """Helm makes it empty, so that it also removes it; what operators write into it is theirs."""
    lease = chart().only("Lease")
    assert lease["metadata"]["name"] == "trainingrun-operator"
    assert "spec" not in lease


def test_the_pod_of_helm_test_can_be_read_afterwards(chart: Chart) -> None:
    """``helm test --logs`` reads the log when the test is over: the pod must still be there."""
    policy = chart().only("Pod")["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    assert policy == "before-hook-creation"


@pytest.mark.parametrize(
    "options",
    [
        (),
        (
            "--set=watchNamespaces={alpha}",
            "--set=decks=null",
            "--set=security.allowUnsafeOverrides=true",
        ),
    ],
)
def test_the_operator_understands_its_command(chart: Chart, options: tuple[str, ...]) -> None:
    """Every option that the Deployment gives is one that the operator has."""
    (container,) = chart(*options).only("Deployment")["spec"]["template"]["spec"]["containers"]
    program, *arguments = container["command"]
    understood = parse(arguments, {})
    assert program == "trainingrun-operator"
    assert understood.settings.images.daemon == "localhost/trainingrun-daemon:0.1.0"
    assert bool(understood.namespaces) == bool(options)
    assert understood.unsafe_overrides is ("--set=security.allowUnsafeOverrides=true" in options)


def test_the_operators_pod_is_restricted(chart: Chart) -> None:
    """No root, no privilege, no writable root file system, bounded memory."""
    pod = chart().only("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "memory" in container["resources"]["limits"]


def test_the_definition_can_be_left_out_or_kept(chart: Chart) -> None:
    """crds.enabled and crds.keep do what they say."""
    kept = chart().all("CustomResourceDefinition")
    assert len(kept) == len([*RESOURCE_KINDS])
    for each in kept:
        assert each["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    for each in chart("--set=crds.keep=false").all("CustomResourceDefinition"):
        assert "annotations" not in each["metadata"]
    assert "CustomResourceDefinition" not in chart("--set=crds.enabled=false").kinds


def test_parts_can_be_left_out(chart: Chart) -> None:
    """Without all that can be left out: the Deployment, its Lease and the pod of ``helm test``."""
    options = [
        "rbac.create",
        "serviceAccount.create",
        "metrics.enabled",
        "crds.enabled",
        "networkPolicy.enabled",
        "podDisruptionBudget.enabled",
    ]
    assert chart(*(f"--set={option}=false" for option in options)).kinds == {
        "Deployment",
        "Lease",
        "Pod",
    }


def test_selectors_fit(chart: Chart) -> None:
    """The metrics Service and the Deployment select the operator's pods."""
    objects = chart()
    deployment = objects.only("Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"].items()
    assert deployment["selector"]["matchLabels"].items() <= labels
    assert objects.only("Service")["spec"]["selector"].items() <= labels


def test_values_are_checked(chart: Chart) -> None:
    """A value that does not exist is refused by name, and so is half a replica."""
    for wrong in ("--set=image=x", "--set=replicas=0.5", "--set=watchNamespaces={A_b}"):
        with pytest.raises(subprocess.CalledProcessError) as refused:
            chart(wrong)
        assert "schema" in refused.value.stderr


def test_lint_finds_nothing(helm: str) -> None:
    """``helm lint --strict`` passes."""
    command = [helm, "lint", "--strict", str(CHART)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
