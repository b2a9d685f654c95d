"""What the chart makes beside the operator: budget, network policy, monitoring, and helm's test."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from trainingrun_operator.process import helm_test
from trainingrun_reconciler.manifests import metadata
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.roles.workload import Role

from testkit.control_plane.rendered_chart import Chart
from testkit.operator.leagues import PlayedLeague, league
from testkit.tree import CHART

POD_MONITOR = "--api-versions=monitoring.coreos.com/v1/PodMonitor"
OPERATOR = "trainingrun-operator"
RULES = "--api-versions=monitoring.coreos.com/v1/PrometheusRule"


def pod_of(chart: Chart, *options: str) -> dict[str, Any]:
    """The operator's pod."""
    template: dict[str, Any] = chart(*options).only("Deployment")["spec"]["template"]
    return template


def ports_of(rules: list[dict[str, Any]]) -> set[tuple[str, int | str]]:
    """Protocol and port of all rules."""
    return {(port["protocol"], port["port"]) for rule in rules for port in rule["ports"]}


def test_two_operators_stand_apart_and_are_drained_one_by_one(chart: Chart) -> None:
    """Budget, zones and nodes select the operator's pods, and none of them can block."""
    rendered = chart()
    labels = pod_of(chart)["metadata"]["labels"].items()
    budget = rendered.only("PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
    assert budget["selector"]["matchLabels"].items() <= labels
    spec = pod_of(chart)["spec"]
    (zones,) = spec["topologySpreadConstraints"]
    assert zones["whenUnsatisfiable"] == "ScheduleAnyway"
    assert zones["labelSelector"]["matchLabels"].items() <= labels
    (nodes,) = spec["affinity"]["podAntiAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    assert nodes["podAffinityTerm"]["labelSelector"]["matchLabels"].items() <= labels


def test_a_single_operator_has_neither_budget_nor_spread(chart: Chart) -> None:
    """A budget over one pod would hold up the drain of its node."""
    rendered = chart("--set=replicas=1")
    assert "PodDisruptionBudget" not in rendered.kinds
    assert not {"topologySpreadConstraints", "affinity"} & (
        rendered.only("Deployment")["spec"]["template"]["spec"].keys()
    )


def test_an_affinity_of_ones_own_takes_the_place_of_ours(chart: Chart) -> None:
    """The value is used as it is."""
    given = pod_of(chart, '--set-json=affinity={"nodeAffinity":{}}')["spec"]["affinity"]
    assert given == {"nodeAffinity": {}}


def test_the_network_policy_lets_in_probes_and_scrapes_only(chart: Chart) -> None:
    """In: the two ports of the container. Out: DNS and the ports that the values name."""
    peer = '--set-json=networkPolicy.metricsFrom=[{"podSelector":{}}]'
    policy = chart(peer).only("NetworkPolicy")["spec"]
    pod = pod_of(chart)
    assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert ports_of(policy["ingress"]) == {
        (port["protocol"], port["name"]) for port in pod["spec"]["containers"][0]["ports"]
    }
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    named = {("TCP", port) for port in values["networkPolicy"]["egressPorts"]}
    assert ports_of(policy["egress"]) == {("TCP", 53), ("UDP", 53)} | named


def test_scrapes_can_be_kept_to_given_peers(chart: Chart) -> None:
    """Probes come from anywhere still: nodes have no labels."""
    peers = '--set-json=networkPolicy.metricsFrom=[{"podSelector":{"matchLabels":{"app":"p"}}}]'
    health, metrics = chart(peers).only("NetworkPolicy")["spec"]["ingress"]
    assert "from" not in health
    assert metrics["from"] == [{"podSelector": {"matchLabels": {"app": "p"}}}]


def test_the_service_leads_to_both_ports(chart: Chart) -> None:
    """Its ports name those of the container."""
    named = {port["name"] for port in pod_of(chart)["spec"]["containers"][0]["ports"]}
    ports = chart().only("Service")["spec"]["ports"]
    assert {port["targetPort"] for port in ports} == named


def test_monitoring_comes_with_the_prometheus_operator(chart: Chart) -> None:
    """Nothing where the cluster does not serve it; what it serves, where it does."""
    monitoring = {"PodMonitor", "PrometheusRule", "ConfigMap"}
    assert not monitoring & chart().kinds
    assert monitoring & chart(RULES).kinds == {"PrometheusRule"}
    assert monitoring & chart(POD_MONITOR).kinds == {"PodMonitor", "ConfigMap"}


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("podMonitor", OPERATOR),
        ("runs", f"{OPERATOR}-runs"),
        ("leagues", f"{OPERATOR}-leagues"),
        ("rules", OPERATOR),
        ("dashboards", f"{OPERATOR}-dashboard-run"),
    ],
)
def test_monitoring_may_be_decided_by_hand(value: str, name: str, chart: Chart) -> None:
    """``always`` makes the object anywhere, ``never`` nowhere."""
    kinds = {
        "podMonitor": "PodMonitor",
        "runs": "PodMonitor",
        "leagues": "PodMonitor",
        "rules": "PrometheusRule",
    }

    def is_made(*options: str) -> bool:
        found = chart(*options).all(kinds.get(value, "ConfigMap"))
        return name in {each["metadata"]["name"] for each in found}

    assert is_made(f"--set=monitoring.{value}=always")
    assert not is_made(POD_MONITOR, RULES, f"--set=monitoring.{value}=never")


def test_the_pod_monitor_finds_the_operators_and_keeps_the_runs_labels(chart: Chart) -> None:
    """It selects the pods, names their port, and honours the label namespace of the metrics."""
    spec = monitors(chart)[OPERATOR]["spec"]
    pod = pod_of(chart)
    assert spec["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    (endpoint,) = spec["podMetricsEndpoints"]
    assert endpoint["honorLabels"] is True
    assert endpoint["port"] in {port["name"] for port in pod["spec"]["containers"][0]["ports"]}


def test_the_pod_monitor_of_runs_finds_their_pods(chart: Chart) -> None:
    """Its selector and its port are those of the pods that the operator renders, and their labels
    name run and role; it looks in the namespaces that are watched."""
    run = RunIdentity(namespace="team", name="ppo", uid="u-1")
    spec = monitors(chart)[f"{OPERATOR}-runs"]["spec"]
    labels = metadata.labels(run, Role.ACTOR)
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert {each["key"] for each in spec["selector"]["matchExpressions"]} <= labels.keys()
    (endpoint,) = spec["podMetricsEndpoints"]
    prefix = "__meta_kubernetes_pod_label_"
    named = {label.replace(".", "_").replace("/", "_") for label in labels}
    for each in endpoint["relabelings"]:
        assert each["sourceLabels"][0].removeprefix(prefix) in named
    assert endpoint["honorLabels"] is True
    assert spec["namespaceSelector"] == {"any": True}
    some = monitors(chart, "--set=watchNamespaces={a,b}")[f"{OPERATOR}-runs"]["spec"]
    assert some["namespaceSelector"] == {"matchNames": ["a", "b"]}


def test_the_pod_monitor_of_leagues_finds_the_pods_that_serve(chart: Chart) -> None:
    """Its selector and port are those of all pods that the operator renders for a league, but for
    the workers, which serve no metrics; their labels name league and role."""
    spec = monitors(chart)[f"{OPERATOR}-leagues"]["spec"]
    (endpoint,) = spec["podMetricsEndpoints"]
    prefix = "__meta_kubernetes_pod_label_"
    serving = set()
    for made in PlayedLeague(league(profile="development"), ready=True).settle().children:
        template = made.get("spec", {}).get("template")
        if template is None:
            continue
        labels = template["metadata"]["labels"]
        assert spec["selector"]["matchLabels"].items() <= labels.items()
        named = {label.replace(".", "_").replace("/", "_") for label in labels}
        for each in endpoint["relabelings"]:
            assert each["sourceLabels"][0].removeprefix(prefix) in named
        (container,) = template["spec"]["containers"]
        if endpoint["port"] in {port["name"] for port in container.get("ports", ())}:
            serving.add(labels["trainingrun.dev/role"])
    assert serving == {"game", "matchmaker", "model", "elo", "replay"}


def monitors(chart: Chart, *options: str) -> dict[str, dict[str, Any]]:
    """The PodMonitors by their names."""
    found = chart(POD_MONITOR, *options).all("PodMonitor")
    return {each["metadata"]["name"]: each for each in found}


def test_the_prometheus_rule_is_the_file(chart: Chart) -> None:
    """What promtool tests is what is installed; only the place of the runbooks changes. Without an
    address it is a path, which Alertmanager must not show as a link."""
    text = (CHART / "rules" / "trainingrun.yaml").read_text()
    unpublished = text.replace("runbook_url: ", "runbook: ")
    assert chart(RULES).only("PrometheusRule")["spec"] == yaml.safe_load(unpublished)
    moved = chart(RULES, "--set=monitoring.runbooks=https://example.com/r/").only("PrometheusRule")
    published = text.replace("docs/runbooks/", "https://example.com/r/")
    assert moved["spec"] == yaml.safe_load(published)


def test_helms_test_is_a_restricted_pod_with_the_operators_account(chart: Chart) -> None:
    """Same image, same account, no privilege; it is no operator to any selector."""
    rendered = chart()
    pod = rendered.only("Pod")
    operator = pod_of(chart)
    (ours,), (theirs,) = pod["spec"]["containers"], operator["spec"]["containers"]
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert (ours["image"], pod["spec"]["serviceAccountName"]) == (
        theirs["image"],
        operator["spec"]["serviceAccountName"],
    )
    assert pod["spec"]["securityContext"] == operator["spec"]["securityContext"]
    assert ours["securityContext"] == theirs["securityContext"]
    selector = rendered.only("Deployment")["spec"]["selector"]["matchLabels"]
    assert not selector.items() <= pod["metadata"]["labels"].items()


@pytest.mark.parametrize(
    "options", [(), ("--set=watchNamespaces={a,b}", "--set=metrics.enabled=false")]
)
def test_helms_test_has_a_command_that_exists(options: tuple[str, ...], chart: Chart) -> None:
    """Every option of its command is understood."""
    ((container,),) = [each["spec"]["containers"] for each in chart(*options).all("Pod")]
    assert container["command"][:3] == ["python3", "-m", helm_test.__name__]
    with pytest.raises(SystemExit) as ended:
        helm_test.main([*container["command"][3:], "--help"])
    assert ended.value.code == 0
