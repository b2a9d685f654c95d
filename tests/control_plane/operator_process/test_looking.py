"""The verbs that look at a run of a cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from control_plane import ControlPlane
from operator_bed import Trainer

PROGRAM = Path(sys.executable).with_name("trainingrun")


def _run(plane: ControlPlane, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *words, "--kubeconfig", plane.kubeconfig],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_ledger_and_status_of_a_run_on_a_cluster(
    trainer: Trainer, control_plane: ControlPlane
) -> None:
    """What the resource's status says, as for a local run; a run that is not there is a mistake."""
    fleet = trainer.start("looked-at", games=100_000)
    with trainer.queue.client() as client:
        client.hset(fleet.keys.produced, "actor-0", 100)
        client.hset(fleet.keys.accounts, mapping={"trained": 88, "stale": 2})
        client.set(fleet.keys.depth, 10)

    def has_counted() -> bool:
        counted = trainer.run("looked-at").get("status", {}).get("transitions", {})
        return int(counted.get("produced", 0)) == 100

    trainer.wait_until(has_counted)
    place = "--namespace", trainer.namespace
    ledger = _run(control_plane, "ledger", "looked-at", *place)
    assert ledger.returncode == 0, ledger.stderr
    assert "the ledger closes" in ledger.stdout
    status = _run(control_plane, "status", "looked-at", "-o", "json", *place)
    found = json.loads(status.stdout)
    assert found["metadata"]["uid"] == trainer.run("looked-at")["metadata"]["uid"]
    text = _run(control_plane, "status", "looked-at", *place)
    assert "looked-at" in text.stdout
    missing = _run(control_plane, "ledger", "nobody", *place)
    assert missing.returncode == 2
    wanted = f"trainingrun: no TrainingRun nobody in namespace {trainer.namespace}: "
    assert missing.stderr.startswith(wanted)
