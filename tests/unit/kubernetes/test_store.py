"""What the store keeps of the runs that it is given; nothing here asks the API server."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes.aio.client.configuration import Configuration
from trainingrun_api.conditions import ConditionStatus
from trainingrun_api.resource import SpecError
from trainingrun_api.run import TrainingRun, parse
from trainingrun_api.status import Condition, TrainingRunStatus
from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.events import EventWriter, Regarding, event_name
from trainingrun_operator.kube.invalid_spec import refusal_status
from trainingrun_operator.kube.store import KubernetesStore
from trainingrun_reconciler.desired.events import RunEvent
from trainingrun_reconciler.kinds import TRAINING_RUN as RUN_KIND
from trainingrun_reconciler.resources.training_run import TRAINING_RUN, pause_before_status
from trainingrun_reconciler.store import ResourceKey

KEY = ResourceKey("space", "quick")


def document(*, version: int = 1, uid: str = "u1", **spec: Any) -> dict[str, Any]:
    """A run as the API server gives it."""
    meta = {"name": "quick", "namespace": "space", "uid": uid, "resourceVersion": str(version)}
    return {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": meta,
        "spec": {"games": 100, "decks": [{"name": "red_aggro"}], **spec},
    }


def in_loop(test: Coroutine[Any, Any, None]) -> None:
    """Run a test in an event loop of its own."""
    asyncio.run(test)


def store() -> KubernetesStore[TrainingRun]:
    """A store that knows nothing yet."""
    client = Client(Configuration())
    return KubernetesStore(client, EventWriter(client, instance="test"), TRAINING_RUN)


def test_the_latest_state_is_given() -> None:
    """A newer version replaces an older one, and not the other way round."""

    async def act() -> None:
        known = store()
        assert known.update(document(version=5, games=500)) == KEY
        known.update(document(version=4, games=400))
        run = await known.get(KEY)
        assert run is not None
        assert run.spec.games == 500

    in_loop(act())


def test_a_state_that_is_known_is_not_read_again() -> None:
    """Our own status comes back by the watch, and every run by each list."""

    async def act() -> None:
        known = store()
        assert not known.has(document(version=5))
        known.update(document(version=5))
        run = await known.get(KEY)
        assert known.has(document(version=5))
        known.update(document(version=5))
        assert await known.get(KEY) is run
        assert not known.has(document(version=6))

    in_loop(act())


def test_a_spec_that_did_not_change_is_kept_once() -> None:
    """Each status makes a new state of the run; views of older ones share its spec."""

    async def act() -> None:
        known = store()
        known.update(document(version=5, games=500))
        before = await known.get(KEY)
        known.update({**document(version=6, games=500), "status": {"summary": "Training"}})
        after = await known.get(KEY)
        assert before is not None
        assert after is not None
        assert after.status.summary == "Training"
        assert after.spec is before.spec
        known.update(document(version=7, games=700))
        changed = await known.get(KEY)
        assert changed is not None
        assert changed.spec.games == 700

    in_loop(act())


def test_a_run_that_is_gone_is_forgotten() -> None:
    """Its deletion takes it away."""

    async def act() -> None:
        known = store()
        known.update(document())
        known.update(document(version=2), gone=True)
        assert await known.get(KEY) is None
        assert known.known() == ()

    in_loop(act())


def test_the_end_of_a_namesake_takes_nothing_away() -> None:
    """A late word about the old run does not hide the new one of the same name."""

    async def act() -> None:
        known = store()
        known.update(document(version=7, uid="u2"))
        known.update(document(version=8, uid="u1"), gone=True)
        assert await known.get(KEY) is not None

    in_loop(act())


def test_a_run_that_cannot_be_read_is_kept_apart_until_it_is_mended() -> None:
    """An invalid spec is known, but is no run; the next valid version is."""

    async def act() -> None:
        known = store()
        known.update(document(version=2, games="many"))
        assert known.known() == (KEY,)
        known.update(document(version=3))
        run = await known.get(KEY)
        assert run is not None
        assert run.spec.games == 100

    in_loop(act())


def refused(**status: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run that cannot be read, and what its status becomes."""
    written = {**document(games="many"), "status": status}
    written["metadata"]["generation"] = 3
    with pytest.raises(SpecError) as caught:
        parse(written)
    return written, refusal_status(written, caught.value, now=1_000_000.0)


def test_a_refusal_stands_beside_what_was_told_before() -> None:
    """Counters and other conditions stay; Ready and Degraded say why nothing is followed."""
    other = {"type": "QueueAvailable", "status": "True", "reason": "Connected"}
    _, status = refused(games={"played": 7}, conditions=[other])
    assert status["games"] == {"played": 7}
    assert status["conditions"][0] == other
    told = {each["type"]: (each["status"], each["reason"]) for each in status["conditions"][1:]}
    assert told == {"Ready": ("False", "InvalidSpec"), "Degraded": ("True", "InvalidSpec")}
    assert "spec.games" in status["conditions"][1]["message"]
    assert status["summary"].startswith("Invalid: ")
    assert status["observedGeneration"] == 3


def test_a_refusal_that_was_told_is_not_written_again() -> None:
    """The same status comes out, times included, so nothing is due until the run changes."""
    written, status = refused()
    with pytest.raises(SpecError) as caught:
        parse(written)
    again = refusal_status({**written, "status": status}, caught.value, now=2_000_000.0)
    assert again == status


def test_the_same_words_about_the_same_run_are_one_event() -> None:
    """Its name follows from the words, so that a restarted operator counts and does not repeat."""
    run, other = (
        Regarding("space", "quick", "u1", RUN_KIND),
        Regarding("space", "quick", "u2", RUN_KIND),
    )
    event = RunEvent("Problem", "it does not run", warning=True)
    assert event_name(run, event) == event_name(run, event)
    assert event_name(run, event) != event_name(other, event)
    assert event_name(run, event) != event_name(run, RunEvent("Problem", "it runs"))


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def status(value: ConditionStatus = ConditionStatus.TRUE, **fields: Any) -> TrainingRunStatus:
    """A status with one condition."""
    condition = Condition(type="Ready", status=value, reason="Why", last_transition_time=NOON)
    return TrainingRunStatus(conditions=(condition,), **fields)


def test_counters_alone_wait_and_conditions_do_not() -> None:
    """A change of a condition is written at once, one of a counter in the tenth second."""
    assert pause_before_status(status(), status(win_rate="50%"), 10) == 10.0
    assert pause_before_status(status(ConditionStatus.FALSE), status(), 10) == 0.0


def test_conditions_of_very_many_runs_share_the_writes() -> None:
    """A thousand runs write theirs every tenth second at most; what is waited for never waits."""
    assert pause_before_status(status(ConditionStatus.FALSE), status(), 1000) == 10.0
    assert pause_before_status(status(ConditionStatus.FALSE), status(finished_at=NOON), 1000) == 0.0
    assert pause_before_status(status(), status(observed_generation=2), 1000) == 0.0
