"""Processor and memory of a role: what the user asked for, over the role's defaults."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from trainingrun_contracts.api.spec import Resources as Wanted

from trainingrun_operator.desired.workload import Resources

_UNITS: Final = {
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50,
    "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15,
}  # fmt: skip


def resources(wanted: Wanted, defaults: Resources) -> Resources:
    """The role's resources; a wanted memory request without a limit is its own limit."""
    memory = wanted.requests.memory or wanted.limits.memory or defaults.memory
    given = wanted.limits.memory or wanted.requests.memory
    return replace(
        defaults,
        cpu=wanted.requests.cpu or wanted.limits.cpu or defaults.cpu,
        memory=memory,
        memory_limit=given or defaults.memory_limit,
        cpu_limit=wanted.limits.cpu or defaults.cpu_limit,
    )


def bytes_of(quantity: str) -> int:
    """The bytes that a quantity stands for.

    Raises:
        ValueError: it is no quantity.
    """
    for unit, factor in _UNITS.items():
        if quantity.endswith(unit):
            return int(float(quantity.removesuffix(unit)) * factor)
    if quantity.endswith("m"):
        return int(float(quantity[:-1]) / 1000)
    return int(float(quantity))
