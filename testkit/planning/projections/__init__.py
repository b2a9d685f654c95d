"""The documents' own projections, row by row, held against our reckoning.

Belongs here: what the documents say, as they say it, with the assumptions of their own tables.
Does not belong here: what we measured (``baselines``), or prices of today, except where a row says
that it is held against them.
"""

from collections.abc import Mapping

from trainingrun.estimate.prices import Provider

from testkit.planning.projections.claims import Claim
from testkit.planning.projections.cloud_architecture import cloud_architecture
from testkit.planning.projections.deployment_plan import deployment_plan
from testkit.planning.projections.rl_services import rl_services
from testkit.planning.projections.training_speedup import training_speedup


def all_claims(providers: Mapping[str, Provider]) -> tuple[Claim, ...]:
    """Every row of every table, in the documents' order; prices are held against these."""
    return (
        *cloud_architecture(providers),
        *training_speedup(providers),
        *deployment_plan(providers),
        *rl_services(),
    )
