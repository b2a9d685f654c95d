"""What a run knows of its league on a cluster: names that follow from the League's, so that nothing
has to be looked up before a learner starts. Pure.

A league that is not there, or not ready, is met by those who call it: they try again.
"""

from __future__ import annotations

from typing import Final

from trainingrun_contracts import run_config

MODEL_PORT: Final = 50053
REPLAY_PORT: Final = 50055
TOKEN_KEY: Final = run_config.LEAGUE_TOKEN_FILE
AUTHORITY_KEY: Final = run_config.LEAGUE_AUTHORITY_FILE
JOINED_LABEL: Final = "trainingrun.dev/league"
"""Names the league on pods that call it; its private services let in who has it."""


def model_address(league: str, namespace: str) -> str:
    """Where the Model service of a league is, as a pod of its namespace calls it."""
    return f"{league}-model.{namespace}.svc:{MODEL_PORT}"


def replay_address(league: str, namespace: str) -> str:
    """Where the Replay service of a league is, as ``model_address``."""
    return f"{league}-replay.{namespace}.svc:{REPLAY_PORT}"


def tokens_secret(league: str) -> str:
    """Name of the Secret with the tokens of a league."""
    return f"{league}-tokens"
