"""Amounts in Kubernetes' spelling, in bytes."""

from __future__ import annotations

from typing import Final

_UNITS: Final = {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
}


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
