"""The list of targets that Prometheus reads beside a local run."""

from __future__ import annotations

import json
from pathlib import Path

from trainingrun.local.targets import MetricsTargets

from testkit.tree import ROOT


def test_the_labels_are_those_that_the_dashboards_select_by(tmp_path: Path) -> None:
    """Expect the run and the role under the names that the chart's PodMonitor gives them."""
    file = tmp_path / "metrics.json"
    MetricsTargets(file, run="quickstart").port_of("actor", "actor-0")
    (group,) = json.loads(file.read_text())
    assert group["labels"] == {"run": "quickstart", "role": "actor", "member": "actor-0"}
    dashboard = (ROOT / "charts/trainingrun/dashboards/run.json").read_text()
    assert 'run=~\\"$run\\"' in dashboard
