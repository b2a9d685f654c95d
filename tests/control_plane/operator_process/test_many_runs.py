"""Twenty idle runs: a restarted operator writes nothing."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from trainingrun_reconciler.resources.training_run import COUNTERS_SECONDS

from testkit.control_plane.audit_log import AuditTail
from testkit.control_plane.plane import ControlPlane
from testkit.operator.operator_process import SYSTEM, OperatorProcess, Trainer

RUNS = 20
QUIET_SECONDS = COUNTERS_SECONDS + 2
"""Longer than counters wait for their turn to be written."""
USER = f"system:serviceaccount:{SYSTEM}:trainingrun-operator"


def words(event: dict[str, Any]) -> str:
    """A write in a line."""
    what = event["objectRef"]
    return f"{event['verb']} {what['resource']} {what.get('name')} {what.get('subresource', '')}"


def looks(operator: OperatorProcess) -> float:
    """How many reconciles have ended."""
    line = next(
        line
        for line in operator.ask("/metrics").splitlines()
        if line.startswith(
            'trainingrun_operator_reconciles_total{kind="TrainingRun",result="done"}'
        )
    )
    return float(line.split()[-1])


def statuses(trainer: Trainer) -> dict[str, dict[str, Any]]:
    """The status of every run."""
    items = trainer.plane.api.list("trainingruns", trainer.namespace)
    return {each["metadata"]["name"]: each["status"] for each in items}


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Where two documents differ, in a line each."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted(before.keys() | after.keys())
        pairs = [(name, before.get(name), after.get(name)) for name in names]
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = [(str(at), *pair) for at, pair in enumerate(zip(before, after, strict=True))]
    else:
        return [] if before == after else [f"{path}: {before!r} -> {after!r}"]
    return [line for name, *pair in pairs for line in differences(*pair, f"{path}.{name}")]


def test_a_restarted_operator_writes_nothing(
    trainer: Trainer, operator: OperatorProcess, control_plane: ControlPlane
) -> None:
    """Neither children nor statuses nor events: what a new operator finds says what it would."""
    log = control_plane.folder / "logs" / "audit.json"
    tail = AuditTail(log, user=USER, namespace=trainer.namespace)
    for number in range(RUNS):
        trainer.apply(f"many-{number}", games=1000)

    def is_quiet() -> bool:
        found = tail.writes()
        told = {each["objectRef"].get("name") for each in found}
        last = max((each["stageTimestamp"] for each in found), default="")
        return (
            all(f"many-{number}-daemon" in told for number in range(RUNS))
            and time.time() - datetime.fromisoformat(last).timestamp() > QUIET_SECONDS
        )

    trainer.wait_until(is_quiet, seconds=180)
    before = statuses(trainer)
    written = len(tail.writes())
    operator.kill()
    operator.start()
    trainer.wait_until(lambda: looks(operator) >= 2 * RUNS, seconds=90)
    assert differences(before, statuses(trainer)) == []
    assert [words(each) for each in tail.writes()[written:]] == []
