"""The list of metrics targets of a local run, as Prometheus' file service discovery reads it."""

from __future__ import annotations

import json
from pathlib import Path

from trainingrun.local.targets import MetricsTargets

from testkit.tree import CHART


def test_each_member_keeps_its_port(tmp_path: Path) -> None:
    """Expect one port a member, the same after a restart, and all of them in the file."""
    file = tmp_path / "metrics.json"
    targets = MetricsTargets(file, run="small")
    actor, learner = targets.port_of("actor", "actor-0"), targets.port_of("learner", "learner-0")
    assert actor != learner
    assert targets.port_of("actor", "actor-0") == actor
    found = json.loads(file.read_bytes())
    assert [group["targets"] for group in found] == [
        [f"127.0.0.1:{actor}"],
        [f"127.0.0.1:{learner}"],
    ]
    assert found[0]["labels"] == {"run": "small", "role": "actor", "member": "actor-0"}
    dashboard = (CHART / "dashboards" / "run.json").read_text()
    assert 'run=~\\"$run\\"' in dashboard, "the label by which dashboards select is another one"


def test_the_list_goes_with_the_run(tmp_path: Path) -> None:
    """Expect no file once no one serves; forgetting what never was is no mistake."""
    file = tmp_path / "metrics.json"
    targets = MetricsTargets(file, run="small")
    targets.forget()
    targets.port_of("actor", "actor-0")
    targets.forget()
    assert not file.exists()
