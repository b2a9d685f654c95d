"""The one error of planning."""

from __future__ import annotations


class PlanError(Exception):
    """No plan can be made; the sentence says why, where, and what to do."""
