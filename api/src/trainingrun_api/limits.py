"""What ends or stops a run before its games are played: its strength, and its cost.

The deadlines are plain numbers and stand in the spec itself.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from trainingrun_api import rules
from trainingrun_api.model import CURRENCY_FORM, ApiModel, Games, PartName
from trainingrun_api.rules import Rule

Price = Annotated[float, Field(ge=0, le=1_000_000)]


class StopWhen(ApiModel):
    """A strength at which the run is complete before all its games are played."""

    win_rate: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="What the lower bound of the 95 % Wilson interval of the newest evaluation"
        " must reach."
    )
    opponent: PartName | None = Field(
        None,
        description="Against whom. Default: the first of evaluation.opponents.",
    )
    min_games: Games = Field(
        1, description="Training games that the run plays at the least, however strong it is."
    )


class Cost(ApiModel):
    """What the members of the run cost, and how much may be spent."""

    rules: ClassVar[tuple[Rule, ...]] = rules.COST

    daemon_hourly: Price = Field(0.0, description="Price of an hour of one daemon.")
    actor_hourly: Price = Field(
        0.0, description="Price of an hour of one actor, or of the evaluator."
    )
    learner_hourly: Price = Field(0.0, description="Price of an hour of the learner.")
    currency: Annotated[str, Field(pattern=CURRENCY_FORM, max_length=3)] = Field(
        "USD", description="Currency of all these prices, for people."
    )
    budget: Annotated[float, Field(gt=0, le=1_000_000_000)] | None = Field(
        None,
        description="What may be spent. When it is, the run is saved and stopped as by suspend,"
        " and continues when the budget is raised. Default: no limit.",
    )
