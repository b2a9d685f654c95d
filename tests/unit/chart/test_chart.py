"""The chart renders what the operator needs: exact permissions, a restricted pod, known options."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
from rendered_chart import CHART, Chart
from trainingrun_operator.backends.kubernetes.permissions import LEASE_PERMISSIONS, PERMISSIONS
from trainingrun_operator.handlers.options import parse


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
        for permission in PERMISSIONS
        for verb in permission.verbs
    }
    rendered = verbs_in(chart().only("ClusterRole")["rules"])
    assert rendered == listed
    assert not any("*" in part for triple in rendered for part in triple)


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
    """Two replicas, and a new one is ready before an old one is told to end."""
    spec = chart().only("Deployment")["spec"]
    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_given_namespaces_get_roles_and_the_cluster_none(chart: Chart) -> None:
    """With watchNamespaces nothing of the chart is cluster-wide but the definition."""
    objects = chart("--set=watchNamespaces={alpha,beta}")
    roles = [each for each in objects.all("Role") if not is_of_lease(each)]
    bindings = [each for each in objects.all("RoleBinding") if not is_of_lease(each)]
    assert [each["metadata"]["namespace"] for each in roles] == ["alpha", "beta"]
    assert [each["metadata"]["namespace"] for each in bindings] == ["alpha", "beta"]
    assert {each["subjects"][0]["namespace"] for each in bindings} == {"system"}
    assert not {"ClusterRole", "ClusterRoleBinding"} & objects.kinds


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
    kept = chart().only("CustomResourceDefinition")
    assert kept["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    gone = chart("--set=crds.keep=false").only("CustomResourceDefinition")
    assert "annotations" not in gone["metadata"]
    assert "CustomResourceDefinition" not in chart("--set=crds.enabled=false").kinds


def test_parts_can_be_left_out(chart: Chart) -> None:
    """Without all that can be left out, the Deployment and the pod of ``helm test`` are left."""
    options = [
        "rbac.create",
        "serviceAccount.create",
        "metrics.enabled",
        "crds.enabled",
        "networkPolicy.enabled",
        "podDisruptionBudget.enabled",
    ]
    assert chart(*(f"--set={option}=false" for option in options)).kinds == {"Deployment", "Pod"}


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
