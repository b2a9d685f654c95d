"""The errors of planning."""

from __future__ import annotations


class PlanError(Exception):
    """No plan can be made; the sentence says why, where, and what to do."""


class QuoteError(PlanError):
    """One way to buy is impossible; others may do."""
