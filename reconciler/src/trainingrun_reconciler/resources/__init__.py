"""The kinds of resources that the operator reconciles, each declared in one place.

Belongs here: what a kind is to everything that asks (the API server, the watch, the work queue,
RBAC, the chart, the SDK). Does not belong here: what the API server stores of it
(``trainingrun_api``), and how an object is written (``operator.kube``).
"""

from __future__ import annotations

from typing import Final

from trainingrun_reconciler.resources.league import LEAGUE_KIND
from trainingrun_reconciler.resources.registry import Registry
from trainingrun_reconciler.resources.tournament import TOURNAMENT_KIND
from trainingrun_reconciler.resources.training_run import TRAINING_RUN

RESOURCE_KINDS: Final = Registry(TRAINING_RUN, LEAGUE_KIND, TOURNAMENT_KIND)
"""All of them."""
