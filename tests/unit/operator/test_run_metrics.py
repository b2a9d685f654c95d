"""The metrics of whole runs: all of the registry, in step with the status, absent where unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from msgspec import structs
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric as Family
from trainingrun_api.conditions import ConditionStatus
from trainingrun_api.limits import Cost
from trainingrun_api.status import (
    AutoscalingStatus,
    CostStatus,
    CurriculumStatus,
    ScaleDecisionStatus,
)
from trainingrun_contracts.metrics import DAEMONS_NAMED, Server, served_by
from trainingrun_contracts.reports import (
    ACTOR_WAITS,
    LEARNER_WAITS,
    EvaluatorReport,
    InferenceReport,
)
from trainingrun_contracts.slots import DaemonSlot
from trainingrun_reconciler.controller.run_metrics import RunCollector, run_families
from trainingrun_reconciler.controller.state import RunView
from trainingrun_reconciler.desired.observed import Signals

from testkit.operator.alpha_zero import SERVED
from testkit.operator.simulated_run import SimulatedRun, running


def _view(world: SimulatedRun) -> RunView:
    """The latest reconcile of the run, as the control loop keeps it."""
    decision = world.look()
    return RunView(
        world.run, world.observed(), decision.status, decision.lifecycle.stage, decision.rates
    )


def _families(*views: RunView) -> dict[str, Family]:
    return {family.name: family for family in run_families(views)}


def _server(name: str, wait: float) -> InferenceReport:
    """What a server says whose batches take 10 ms."""
    return InferenceReport(
        member=name,
        at=0.0,
        address="127.0.0.1:17172",
        publish=1,
        version=1,
        positions=100,
        connections=1,
        device="cpu",
        machine="box",
        wait_seconds_p95=wait,
        batch_seconds=0.01,
    )


def _value(families: dict[str, Family], name: str, **labels: str) -> float:
    (found,) = [
        sample.value
        for sample in families[f"trainingrun_run_{name}"].samples
        if labels.items() <= sample.labels.items()
    ]
    return float(found)


def test_every_metric_of_runs_has_its_family() -> None:
    """Expect the families that the registry gives runs, with one sample a run and label set."""
    families = _families(_view(running()))
    wanted = {metric.name.removesuffix("_total") for metric in served_by(Server.RUN)}
    assert set(families) == wanted
    for family in families.values():
        seen = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples]
        assert len(seen) == len(set(seen))


def test_progress_and_cost_can_be_alerted_on() -> None:
    """Expect the target, the phase, what was spent, what will be and the budget, with the currency;
    and none of a run without prices or a curriculum."""
    view = _view(running())
    assert _value(_families(view), "games_target") == view.run.spec.games
    assert not _families(view)["trainingrun_run_cost"].samples
    assert not _families(view)["trainingrun_run_phase"].samples
    now = datetime.now(UTC)
    cost = CostStatus(
        hourly=2.0, spent=12.5, projected_total=40.0, currency="EUR", display="", at=now
    )
    phase = CurriculumStatus(
        phase="basics", number=1, since=now, since_games=0, since_transitions=0, why="It began."
    )
    status = view.status.model_copy(update={"cost": cost, "curriculum": phase})
    spec = view.run.spec.model_copy(
        update={"cost": Cost(daemonHourly=1, currency="EUR", budget=50.0)}
    )
    told = _families(replace(view, status=status, run=view.run.model_copy(update={"spec": spec})))
    assert _value(told, "cost", currency="EUR") == 12.5
    assert _value(told, "cost_projected", currency="EUR") == 40.0
    assert _value(told, "cost_budget", currency="EUR") == 50.0
    assert _value(told, "phase", phase="basics") == 1


def test_the_numbers_are_those_of_the_status() -> None:
    """Expect games, the ledger, members and the version to agree with what people are shown."""
    view = _view(running())
    status, families = view.status, _families(view)
    assert status.games is not None
    assert status.transitions is not None
    daemons = status.role("daemon")
    assert daemons is not None
    assert status.model is not None
    assert _value(families, "transitions", fate="produced") == status.transitions.produced
    assert _value(families, "transitions", fate="trained") == status.transitions.trained
    assert _value(families, "queue_transitions") == status.transitions.queued
    assert _value(families, "members", role="daemon", state="ready") == daemons.ready
    assert _value(families, "weights_version") == status.model.version
    slots, busy = _value(families, "daemon_slots"), _value(families, "daemon_busy_slots")
    assert _value(families, "daemon_utilisation") == busy / slots
    parts = [sample.value for sample in families["trainingrun_run_bottleneck"].samples]
    assert sum(parts) == (0 if status.bottleneck is None else 1)


def test_conditions_and_decisions_are_on_the_page() -> None:
    """Expect 1 and 0 for what is known of the conditions, and the autoscaler's latest decision with
    all that it was made from."""
    view = _view(running())
    decision = ScaleDecisionStatus(
        at=datetime(2026, 1, 1, tzinfo=UTC),
        from_replicas=1,
        to_replicas=3,
        reason="more",
        inputs={"queued": 12.0, "paused": 0.1},
    )
    scaled = AutoscalingStatus(last_decision=decision)
    conditions = tuple(
        each.model_copy(update={"status": ConditionStatus.UNKNOWN})
        if each.type == "Ready"
        else each
        for each in view.status.conditions
    )
    update = {"autoscaling": scaled, "conditions": conditions}
    view = replace(view, status=view.status.model_copy(update=update))
    families = _families(view)
    assert _value(families, "condition", type="QueueAvailable") == 1
    assert _value(families, "condition", type="Degraded") == 0
    types = {sample.labels["type"] for sample in families["trainingrun_run_condition"].samples}
    assert "Ready" not in types  # Unknown is neither
    assert _value(families, "condition", type="Failed") == 0
    assert _value(families, "scale_decision_daemons") == 3
    assert _value(families, "scale_decision_input", input="queued") == 12.0
    assert _value(families, "scale_decision_timestamp_seconds") == decision.at.timestamp()


def test_limits_and_waits_of_servers_can_be_alerted_on() -> None:
    """Expect the most daemons of a run of PPO; of AlphaZero the most servers, and the wait that
    decides about another one, but none while no server was asked."""
    ppo = _families(_view(running()))
    assert [sample.labels["role"] for sample in ppo["trainingrun_run_members_max"].samples] == [
        "daemon"
    ]
    assert not ppo["trainingrun_run_inference_wait_batches"].samples
    world = running(**SERVED | {"inference": {"maxReplicas": 3}})
    assert _value(_families(_view(world)), "members_max", role="inference") == 3
    assert not _families(_view(world))["trainingrun_run_inference_wait_batches"].samples
    world.servers = tuple(_server(name, wait) for name, wait in (("a", 0.02), ("b", 0.05)))
    assert _value(_families(_view(world)), "inference_wait_batches") == 5.0


def test_without_redis_only_what_is_known_has_samples() -> None:
    """Expect members still, and neither a queue of 0 nor a ledger of 0, while Redis is away."""
    world = running()
    world.reachable = False
    families = _families(_view(world))
    assert families["trainingrun_run_members"].samples
    for name in ("queue_transitions", "transitions", "daemon_slots", "wait_fraction"):
        assert not families[f"trainingrun_run_{name}"].samples


def test_each_daemon_has_its_share_and_a_crowd_is_cut() -> None:
    """Expect busy slots by slots of each daemon, and a bounded number of names, however many there
    are; the sum over all is not cut."""
    view = _view(running())
    signals = view.observed.signals
    assert isinstance(signals, Signals)
    crowd = {f"10.0.{number // 256}.{number % 256}:17171": DaemonSlot(8) for number in range(1000)}
    signals = replace(signals, slots=crowd, busy={"10.0.0.1:17171": 2})
    families = _families(replace(view, observed=replace(view.observed, signals=signals)))
    assert _value(families, "daemon_busy_fraction", endpoint="10.0.0.1:17171") == 0.25
    assert len(families["trainingrun_run_daemon_busy_fraction"].samples) == DAEMONS_NAMED
    assert _value(families, "daemon_slots") == 8000


def test_runs_are_told_apart() -> None:
    """Expect each run's samples under its own labels on one page that Prometheus can read."""
    first = _view(running())
    metadata = first.run.metadata.model_copy(update={"name": "other"})
    other = RunView(
        first.run.model_copy(update={"metadata": metadata}),
        first.observed,
        first.status,
        first.stage,
        first.rates,
    )
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RunCollector(lambda: [first, other]))
    text = generate_latest(registry).decode()
    assert text.count("# TYPE trainingrun_run_queue_transitions gauge") == 1
    assert text.count("\ntrainingrun_run_queue_transitions{") == 2
    assert 'run="other"' in text


def test_causes_that_an_actor_invents_are_no_labels() -> None:
    """A role that may write a report must not make a hundred thousand series."""
    view = _view(running())
    signals = view.observed.signals
    assert isinstance(signals, Signals)
    forged = {f"cause-{number}": 0.1 for number in range(1000)} | {"engine": 0.5}
    reports = tuple(
        structs.replace(each, waits=forged)
        for each in signals.reports
        if not isinstance(each, EvaluatorReport)
    )
    observed = replace(view.observed, signals=replace(signals, reports=reports))
    (found,) = (
        each
        for each in run_families([replace(view, observed=observed)])
        if each.name == "trainingrun_run_wait_fraction"
    )
    assert {sample.labels["cause"] for sample in found.samples} <= {*ACTOR_WAITS, *LEARNER_WAITS}
