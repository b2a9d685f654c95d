"""The shapes of Magic's observations; a change of what any number means must change the version."""

from __future__ import annotations

from typing import Final

from trainingrun_contracts.environment_spec import EnvironmentSpec, Features

STATE_WIDTH: Final = 320
ACTION_WIDTH: Final = 120
SPEC: Final = EnvironmentSpec(
    name="magic", version="3", observation=(STATE_WIDTH,), actions=Features(ACTION_WIDTH)
)
