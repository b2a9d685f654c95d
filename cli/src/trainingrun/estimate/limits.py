"""What bounds a run however many daemons it has: its one learner, and its one Redis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from trainingrun_reconciler.roles.workload import Role

from trainingrun.estimate.needs import Needs
from trainingrun.estimate.rate import Rate

LEARNER_MICROSECONDS: Final = 36.0
"""Of one core for a transition, two epochs (RESULTS, the whole pipeline)."""
ACTOR_MICROSECONDS: Final = 310.0
"""Of a core for a decision (RESULTS, the whole pipeline)."""
GIVEN: Final = "--learner-rate"
_EPOCHS: Final = 2
"""With which the learner was measured."""


def learner_microseconds(needs: Needs) -> float:
    """Of a core for a transition, with the epochs of the spec; on processors."""
    return LEARNER_MICROSECONDS * needs.epochs / _EPOCHS


class Limit(Struct, frozen=True):
    """The most transitions a second that a role takes, and how that is known."""

    role: str
    transitions_per_second: float
    source: str

    def scaled(self, factor: float) -> Limit:
        """Return the limit if the role were ``factor`` times as fast."""
        return Limit(self.role, self.transitions_per_second * factor, self.source)


def limits_of(needs: Needs, rate: Rate, *, given: float | None = None) -> tuple[Limit, ...]:
    """Return what bounds the run; ``given`` is a learner's rate that the user measured.

    A role whose rate was not measured bounds nothing here, and :func:`unknown` says so.
    """
    return tuple(_limits(needs, rate, given))


def _limits(needs: Needs, rate: Rate, given: float | None) -> Iterator[Limit]:
    if given is not None:
        yield Limit("learner", given, GIVEN)
    elif rate.learner_transitions is not None:
        yield Limit("learner", rate.learner_transitions, f"measured by the same {rate.source}")
    elif rate.learner_microseconds is not None:
        cores = max(1.0, needs.learner_cores or 1.0)
        yield Limit(
            "learner",
            1e6 / rate.learner_microseconds * cores,
            f"measured: {rate.learner_microseconds:,.0f} µs of a core for a transition"
            f"{_on(cores)}{_left_out(needs)}",
        )
    elif needs.network == "mlp" and needs.player is not Role.SELFPLAY:
        cores = max(1.0, needs.learner_cores or 1.0)
        yield Limit(
            "learner",
            1e6 / learner_microseconds(needs) * cores,
            f"measured: {LEARNER_MICROSECONDS:g} µs of a core for a transition at {_EPOCHS} epochs,"
            f" here {needs.epochs}{_on(cores)}{_left_out(needs)}",
        )
    yield Limit(
        "redis",
        1e6 / rate.queue_microseconds,
        f"measured: {rate.queue_microseconds:g} µs of a core for a transition; one Redis is taken"
        " to have one core",
    )


def _on(cores: float) -> str:
    return "" if cores == 1 else f" on {cores:g} cores, in proportion (not measured)"


def _left_out(needs: Needs) -> str:
    return "; its GPU is left out" if needs.gpus else ""


def unknown(needs: Needs, rate: Rate, limits: tuple[Limit, ...]) -> str | None:
    """Return a sentence where the learner's bound is not known; None where it is."""
    learner = next((limit for limit in limits if limit.role == "learner"), None)
    if learner is None:
        return (
            f"how much a learner with a {needs.network} network trains is not known here, so it"
            " bounds nothing here: give --learner-rate, or plan --from a run that has such a"
            " learner"
        )
    if needs.gpus and learner.source != GIVEN and rate.learner_transitions is None:
        return (
            f"no learner with {needs.gpus} GPU was measured: it is taken to train on its"
            " processors alone, so more games an hour are likely: give --learner-rate, or plan"
            " --from a run that has such a learner"
        )
    return None


def tightest(limits: tuple[Limit, ...]) -> Limit:
    """Return the limit that is reached first."""
    return min(limits, key=lambda limit: limit.transitions_per_second)
