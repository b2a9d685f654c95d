"""What several planning tests make: a rate, and runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trainingrun.estimate.band import Band
from trainingrun.estimate.plan import Question
from trainingrun.estimate.rate import Rate
from trainingrun_api.run import TrainingRun, parse

Ask = Callable[..., Question]
RATE = Rate(Band(3_000, 3_600, 4_000), 250.0, "a test", "three figures of a test")


def run_of(spec: dict[str, Any] | None = None, **status: Any) -> TrainingRun:
    """A run of 100,000 games with up to ten daemons and no evaluation to speak of."""
    return parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "small"},
            "spec": {
                "games": 100_000,
                "decks": [{"name": "bears"}],
                "evaluation": {"intervalGames": 100_000, "games": 2, "opponents": ["random"]},
                **(spec or {}),
            },
            "status": status,
        }
    )
