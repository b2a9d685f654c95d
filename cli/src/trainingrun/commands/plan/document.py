"""The plan for programs: one JSON document, whose fields docs/guides/cost-planning.md describes.

Fields may be added; none changes its meaning while ``schema`` is the same.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from trainingrun.estimate.plan import Plan

SCHEMA: Final = "trainingrun.plan/2"


class PricesUsed(Struct, frozen=True):
    """Which prices were computed with."""

    file: str
    as_of: str
    currency: str


class PlanDocument(Struct, frozen=True):
    """The whole answer."""

    schema: str
    plan: Plan
    prices: PricesUsed
    warnings: tuple[str, ...]
