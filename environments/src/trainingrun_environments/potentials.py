"""The potential that shapes a run's rewards: leads by name, weighted.

Leads are those of the environment and those of packages, which add one by an entry point of the
group ``trainingrun.potentials``: a class, made without arguments, whose method ``worth`` says what
a position is worth to the seat that is asked and to the other. The lead is the difference, so that
what one seat leads by, the other trails by. With an attribute ``environments``, a row of names, it
is for these alone.

A potential is a whole multiple of 2^-16 in [-1, 1]: so differences and their sums are exact in
float32 without discount, and a long lead can never outweigh a game.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias

from trainingrun_contracts.own_parts import POTENTIALS, PartFault, UnknownPart, described

from trainingrun_environments.players import check_environment
from trainingrun_environments.seam import Environment, Lead

Potential: TypeAlias = Callable[[Any], float]
"""Of a question: what the seat that is asked leads by, in [-1, 1]."""

_GRAIN: Final = 2.0**-16
_METHOD: Final = "worth"


class OwnPotential(Protocol):
    """What a package's potential can do."""

    def worth(self, question: Any) -> tuple[float, float]:
        """Return what the position is worth to the seat that is asked and to the other seat, each
        in [-1, 1]. It depends on the position alone."""


def potential_of(environment: Environment, weights: Mapping[str, float]) -> Potential:
    """Return the potential with these weights; those of weight 0 are not asked.

    Raises:
        UnknownPart: one cannot be had here, or is for other environments.
    """
    terms = [
        (weight, _lead(environment, name)) for name, weight in sorted(weights.items()) if weight
    ]
    if not terms:
        return _nothing

    def potential(question: Any) -> float:
        lead = sum([weight * lead(question) for weight, lead in terms])
        return round(min(1.0, max(-1.0, lead)) / _GRAIN) * _GRAIN

    return potential


def _nothing(_question: Any) -> float:
    """No seat leads."""
    return 0.0


def _lead(environment: Environment, name: str) -> Lead:
    if POTENTIALS.is_ours(name):
        lead = environment.leads.get(name)
        if lead is None:
            raise UnknownPart(f"{environment.spec.name} has no potential {name!r}: leave it out")
        return lead
    part: OwnPotential = POTENTIALS.make(name, _METHOD)
    check_environment(POTENTIALS, name, part, environment)
    return lambda question: _own_lead(name, part, question)


def _own_lead(name: str, part: OwnPotential, question: Any) -> float:
    """Return what the seat leads by, in [-2, 2].

    Raises:
        PartFault: the part fails, or what it says is no number within the bounds.
    """
    try:
        own, other = map(float, part.worth(question))
    except Exception as error:
        raise PartFault(f"the potential {name!r} failed: {described(error)}") from error
    if not (math.isfinite(own) and math.isfinite(other) and max(abs(own), abs(other)) <= 1):
        raise PartFault(
            f"the potential {name!r} says {own:g} and {other:g}: return two finite numbers in"
            " [-1, 1]"
        )
    return own - other
