"""Values: every one is used, described and checked, and what it refuses is said with its path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from testkit.control_plane.rendered_chart import Chart, Rendered
from testkit.tree import CHART

ROOT = CHART.parents[1]
MONITORED = (
    "--api-versions=monitoring.coreos.com/v1/PodMonitor",
    "--api-versions=monitoring.coreos.com/v1/PrometheusRule",
)
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
CHANGES: dict[str, Any] = {
    "crds.enabled": False,
    "crds.keep": False,
    "images.registry": "registry.example.com/team",
    "images.tag": "1.2.3",
    "images.operator": "other",
    "images.daemon": "other",
    "images.actor": "other",
    "images.search": "other",
    "images.trainer": "other",
    "images.redis": "other",
    "images.league": "other",
    "images.pullPolicy": "Always",
    "images.pullSecrets": ["registry"],
    "decks": ["burn"],
    "watchNamespaces": ["team"],
    "replicas": 1,
    "resources": {"limits": {"memory": "1Gi"}},
    "nodeSelector": {"pool": "system"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "system-cluster-critical",
    "logLevel": "DEBUG",
    "requests.perSecond": 50,
    "requests.burst": 60,
    "security.allowUnsafeOverrides": True,
    "security.pinOperator": True,
    "security.refusedNetworks": ["10.0.0.0/8"],
    "rbac.create": False,
    "rbac.aggregate": False,
    "serviceAccount.create": False,
    "serviceAccount.name": "other",
    "serviceAccount.annotations": {"a": "b"},
    "podDisruptionBudget.enabled": False,
    "networkPolicy.enabled": False,
    "networkPolicy.metricsFrom": [{"podSelector": {}}],
    "networkPolicy.egressPorts": [6443],
    "metrics.enabled": False,
    "metrics.port": 9091,
    "metrics.annotations": {"a": "b"},
    "monitoring.podMonitor": "never",
    "monitoring.runs": "never",
    "monitoring.leagues": "never",
    "monitoring.rules": "never",
    "monitoring.dashboards": "never",
    "monitoring.labels": {"release": "prometheus"},
    "monitoring.interval": "15s",
    "monitoring.runbooks": "https://example.com/runbooks",
    "monitoring.dashboardLabels": {"a": "b"},
    "monitoring.dashboardAnnotations": {"a": "b"},
}
"""Another value for each path."""


def leaves(values: Mapping[str, Any], schema: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The paths of all values that hold something themselves."""
    for key, value in values.items():
        described = schema["properties"][key]
        if "properties" in described:
            yield from leaves(value, described, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def groups(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All objects of the schema that have properties of their own."""
    if "properties" in schema:
        yield path, schema
        for name, each in schema["properties"].items():
            yield from groups(each, f"{path}.{name}")


@pytest.fixture(scope="module")
def usual(chart: Chart) -> Rendered:
    """The chart with its own values, on a cluster with the Prometheus operator."""
    return chart(*MONITORED)


def test_the_table_of_changes_names_every_value() -> None:
    """A value that is added needs a line above, and one that goes leaves none."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(leaves(values, SCHEMA)) == CHANGES.keys()


@pytest.mark.parametrize("path", CHANGES)
def test_every_value_is_used(path: str, chart: Chart, usual: Rendered) -> None:
    """Another value makes other objects."""
    assert chart(*MONITORED, f"--set-json={path}={json.dumps(CHANGES[path])}") != usual


def test_the_schema_knows_no_value_that_the_chart_has_not() -> None:
    """Groups are closed, and hold what values.yaml holds (``global`` is helm's own)."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert SCHEMA["properties"].keys() == values.keys() | {"global"}
    for path, group in groups(SCHEMA):
        assert group["additionalProperties"] is False, path
        if path:
            assert group["properties"].keys() == values[path.removeprefix(".")].keys(), path


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("image=x", ("image", "not allowed")),
        ("replicas=many", ("/replicas", "integer")),
        ("replicas=-1", ("/replicas", "0")),
        ("watchNamespaces[0]=A_b", ("/watchNamespaces/0", "pattern")),
        ("monitoring.rules=yes", ("/monitoring/rules", "'auto', 'always', 'never'")),
        ("networkPolicy.egressPorts[0]=0", ("/networkPolicy/egressPorts/0", "1")),
        ("resources.limit.memory=1Gi", ("/resources", "limit")),
        ("metrics.port=8080", ("metrics.port", "choose another one")),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(
    wrong: str, words: tuple[str, ...], chart: Chart
) -> None:
    """What helm says names the value and what may stand there."""
    with pytest.raises(subprocess.CalledProcessError) as refused:
        chart(f"--set={wrong}")
    for word in words:
        assert word in refused.value.stderr


def test_generated_files_are_as_their_sources_say() -> None:
    """The dashboards and the page of the values are up to date."""
    command = [sys.executable, str(ROOT / "charts" / "generator"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_value_without_a_comment_is_refused(tmp_path: Path) -> None:
    """The page cannot be made of values that no one described."""
    call = "import pathlib, sys, values_page; values_page.page(pathlib.Path(sys.argv[1]))"
    text = (CHART / "values.yaml").read_text().replace("  # At once.\n", "")
    (tmp_path / "values.yaml").write_text(text)
    (tmp_path / "values.schema.json").write_text((CHART / "values.schema.json").read_text())
    command = [sys.executable, "-c", call, str(tmp_path)]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "charts" / "generator")}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert "requests.burst has no comment above it" in done.stderr
