"""Fixtures of the planning tests: a run's document, the shipped prices, and a question."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun.commands.plan.price_file import read_prices
from trainingrun.estimate.bill import Buying, Choice, Shop
from trainingrun.estimate.interruptions import interruptions_of
from trainingrun.estimate.limits import limits_of
from trainingrun.estimate.needs import needs_of
from trainingrun.estimate.plan import Goal, Question
from trainingrun.estimate.prices import PriceList
from trainingrun.estimate.rate import Rate

from testkit.planning.questions import RATE, Ask, run_of


@pytest.fixture
def prices() -> PriceList:
    """The prices that come with the operator."""
    return read_prices(None)


@pytest.fixture
def ask(prices: PriceList) -> Ask:
    """Make a question about a run on AWS."""

    def asked(
        spec: dict[str, Any] | None = None,
        *,
        goal: Goal | None = None,
        rate: Rate = RATE,
        learner: float | None = None,
        buying: Buying = Buying.ON_DEMAND,
        choice: Choice | None = None,
        by_spec: bool = False,
    ) -> Question:
        needs = needs_of(run_of(spec))
        shop = Shop("aws", prices.providers["aws"], choice or Choice())
        return Question(
            needs=needs,
            goal=goal or Goal(needs.games),
            rate=rate,
            limits=limits_of(needs, rate, given=learner),
            shops=() if by_spec else [shop],
            buyings=[buying],
            interruptions=interruptions_of(prices),
            with_spec_prices=by_spec,
        )

    return asked
