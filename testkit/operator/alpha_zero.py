"""Runs of AlphaZero for tests, and which run has a role."""

from __future__ import annotations

from typing import Any, Final

from trainingrun_reconciler.roles.workload import Role

SEARCHED: Final[dict[str, Any]] = {
    "decks": [],
    "daemon": {},
    "environment": {"builtIn": {"name": "connect_four"}},
    "algorithm": {"alphaZero": {}},
    "learner": {"batchTransitions": 1024, "network": {"kind": "mlp"}},
}
"""Fields of a run whose workers value positions themselves."""
SERVED: Final[dict[str, Any]] = {**SEARCHED, "inference": {}}
"""And of one that has inference servers."""


def fields_for(role: Role) -> dict[str, Any]:
    """Fields that a run needs to have a role; none where every run has it."""
    return dict(SERVED) if role in (Role.SELFPLAY, Role.INFERENCE) else {}
