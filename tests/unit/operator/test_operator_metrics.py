"""What the operator counts of its own work."""

from __future__ import annotations

from prometheus_client import generate_latest
from trainingrun_operator.process.operator_metrics import OperatorMetrics
from trainingrun_reconciler.controller.queue import Result
from trainingrun_reconciler.store import ResourceKey


def page(metrics: OperatorMetrics) -> dict[str, float]:
    """The samples by name with labels."""
    lines = generate_latest(metrics.registry).decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(number) for name, _, number in pairs}


def test_everything_that_may_happen_has_a_zero_before_it_does() -> None:
    """A rate over a counter needs the sample before the first event."""
    samples = page(OperatorMetrics())
    assert samples['trainingrun_operator_reconciles_total{kind="TrainingRun",result="bug"}'] == 0
    assert samples['trainingrun_operator_actions_total{action="apply"}'] == 0
    assert samples['trainingrun_operator_actions_total{action="publishSlots"}'] == 0
    assert samples['trainingrun_operator_status_writes_total{result="written"}'] == 0


def test_each_kind_of_work_is_counted_by_itself() -> None:
    """Reconciles, actions, requests with their time, and statuses."""
    metrics = OperatorMetrics()
    metrics.observe_reconcile(ResourceKey("space", "quick"), Result.DONE, 0.02)
    metrics.observe_action("apply")
    metrics.observe_request("PATCH", 200, 0.01)
    metrics.observe_request("PATCH", 0, 30.0)
    metrics.observe_status("later")
    samples = page(metrics)
    assert samples['trainingrun_operator_reconciles_total{kind="TrainingRun",result="done"}'] == 1
    assert samples["trainingrun_operator_reconcile_seconds_count"] == 1
    assert samples['trainingrun_operator_actions_total{action="apply"}'] == 1
    assert samples['trainingrun_operator_api_requests_total{code="200",verb="PATCH"}'] == 1
    assert samples['trainingrun_operator_api_requests_total{code="0",verb="PATCH"}'] == 1
    assert samples['trainingrun_operator_api_request_seconds_count{verb="PATCH"}'] == 2
    assert samples['trainingrun_operator_status_writes_total{result="later"}'] == 1
