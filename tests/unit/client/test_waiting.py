"""Waiting for a condition: until it holds, never will, or takes too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from trainingrun.sdk import Ended, NotReachable, WaitTimeout
from trainingrun.sdk.values import Watching
from trainingrun.sdk.waiting import holds, wait_until
from trainingrun_api.run import TrainingRun, parse

AT = "2026-01-01T00:00:00Z"


def run_of(*conditions: dict[str, Any], generation: int = 1) -> TrainingRun:
    """A run with conditions."""
    return parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "small", "generation": generation},
            "spec": {"games": 10, "decks": [{"name": "bears"}]},
            "status": {"conditions": list(conditions)},
        }
    )


def condition(kind: str, status: str, *, generation: int = 1) -> dict[str, Any]:
    """One condition."""
    return {
        "type": kind,
        "status": status,
        "reason": "Because",
        "message": "of this",
        "lastTransitionTime": AT,
        "observedGeneration": generation,
    }


def looks(*answers: TrainingRun | NotReachable) -> Callable[[], TrainingRun]:
    """What each poll finds; the last one again and again."""
    left: Iterator[TrainingRun | NotReachable] = iter(answers)
    last = [answers[-1]]

    def look() -> TrainingRun:
        answer = next(left, last[0])
        if isinstance(answer, NotReachable):
            raise answer
        return answer

    return look


def wait(look: Callable[[], TrainingRun], **watching: float) -> TrainingRun:
    """Wait for Ready, without pauses."""
    return wait_until(
        look,
        lambda run: holds(run, "Ready", status=True),
        Watching(**{"every": 0.0, **watching}),
        what="Ready=True",
    )


def test_a_condition_of_an_older_spec_does_not_count() -> None:
    """Expect the poll that is about the newest generation."""
    old = run_of(condition("Ready", "True"), generation=2)
    new = run_of(condition("Ready", "True", generation=2), generation=2)
    assert wait(looks(old, new)) is new
    assert not holds(old, "Ready", status=True)
    assert not holds(run_of(), "Ready", status=False)
    assert holds(run_of(condition("Ready", "False")), "Ready", status=False)


def test_a_run_that_is_over_is_not_waited_for() -> None:
    """Expect the reason of its end, unless what is waited for holds."""
    over = run_of(condition("Failed", "True"))
    with pytest.raises(Ended, match=r"over \(Because: of this\)"):
        wait(looks(run_of(), over))
    assert wait(looks(run_of(condition("Ready", "True"), condition("Complete", "True"))))


def test_time_and_silence_are_bounded() -> None:
    """Expect a place that answers again to be borne, a silent one to be reported, and time to
    end."""
    ready = run_of(condition("Ready", "True"))
    assert wait(looks(NotReachable("away"), ready)) is ready
    with pytest.raises(NotReachable, match="away"):
        wait(looks(NotReachable("away")), patience=0.0)
    with pytest.raises(WaitTimeout, match=r"small Ready=True: not within 0 s"):
        wait(looks(run_of()), timeout=0.0)
