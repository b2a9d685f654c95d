"""The limits that the operator passes to the reference engine."""

from __future__ import annotations

import pytest
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings

from testkit.operator.simulated_run import training_run


@pytest.mark.parametrize(("seconds", "told"), [(120, []), (3600, []), (7200, ["7200"])])
def test_a_run_with_long_games_is_allowed_them(seconds: int, told: list[str]) -> None:
    """Expect the daemon's own bound to be raised where the run's games may take longer."""
    run = training_run(daemon={"gameTimeoutSeconds": seconds})
    words = workloads(run, Settings(), scaled=1)[Role.DAEMON].command
    given = [words[at + 1] for at, word in enumerate(words) if word == "--longest-game"]
    assert given == told
