"""A dated list of prices: machines of providers, by the hour.

A list is checked as a whole when it is read, so that a plan never finds half a price. What a list
does not have is missing, and never nothing: a machine without a spot price cannot be had on spot.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from trainingrun.estimate.band import Band, exactly
from trainingrun.estimate.errors import PlanError

OLD_DAYS: Final = 90
"""Days after which prices are called old."""
HOURS_A_MONTH: Final = 720.0
"""Months of 30 days."""
Price = Annotated[float, Meta(ge=0, le=100_000)]
Amount = Annotated[float, Meta(gt=0, le=100_000)]


class Purchase(StrEnum):
    """How a machine is bought."""

    ON_DEMAND = "on-demand"
    SPOT = "spot"


class SpotPrice(Struct, frozen=True, forbid_unknown_fields=True):
    """Lowest, middle and highest price of a zone."""

    low: Price
    likely: Price
    high: Price


class Machine(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """One type of machine; prices by the hour."""

    vcpus: Amount
    memory_gib: Amount = msgspec.field(name="memoryGiB")
    on_demand: Price
    gpus: Annotated[int, Meta(ge=0, le=64)] = 0
    spot: SpotPrice | None = None


class Provider(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A provider's machines, and which of them a role gets where none is asked for."""

    region: str
    daemons: str
    learner: str
    cpu_learner: str
    redis: str
    machines: dict[str, Machine]

    @property
    def defaults(self) -> Mapping[str, str]:
        """The machines that the list itself names, by field."""
        return {
            "daemons": self.daemons,
            "learner": self.learner,
            "cpuLearner": self.cpu_learner,
            "redis": self.redis,
        }


class InterruptionsEntry(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """How often a spot machine is taken away in a month, and for how long there is none."""

    per_machine_month: SpotPrice
    minutes_away: Price


class StartUp(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What passes before the first game: a machine boots, and pulls the largest image it needs."""

    boot_minutes: SpotPrice
    image_gigabytes: Amount
    pull_megabytes_per_second: SpotPrice


class PriceList(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """All prices, as they were on one day."""

    as_of: date
    providers: dict[str, Provider]
    interruptions: InterruptionsEntry
    start_up: StartUp
    currency: str = "USD"


def price_list(document: object, *, where: str) -> PriceList:
    """Return the list in a document; ``where`` is its file, for sentences.

    Raises:
        PlanError: a field is missing, unknown or no price, or a name leads nowhere.
    """
    try:
        prices = msgspec.convert(document, PriceList)
    except msgspec.ValidationError as error:
        raise PlanError(
            f"{where}: {_describe(error)}: docs/guides/cost-planning.md has the fields"
        ) from error
    if not prices.providers:
        raise PlanError(f"{where}: providers: none given: add one")
    pull = prices.start_up.pull_megabytes_per_second
    if not 0 < pull.low <= pull.likely <= pull.high:
        raise PlanError(
            f"{where}: startUp.pullMegabytesPerSecond: low, likely and high are not above 0 and in"
            " this order"
        )
    for name, provider in prices.providers.items():
        _check(name, provider, where)
    return prices


def _describe(error: msgspec.ValidationError) -> str:
    """Return the library's sentence with the path before it."""
    what, _, path = str(error).replace("`", "").partition(" - at ")
    return f"{path.removeprefix('$.')}: {what}" if path else what


def _check(name: str, provider: Provider, where: str) -> None:
    for field, machine in provider.defaults.items():
        if machine not in provider.machines:
            raise PlanError(
                f"{where}: providers.{name}.{field}: {machine} is not among the provider's"
                " machines: add its price there"
            )
    for machine, price in provider.machines.items():
        spot = price.spot
        if spot is not None and not spot.low <= spot.likely <= spot.high:
            raise PlanError(
                f"{where}: providers.{name}.machines.{machine}.spot: low, likely and high are not"
                " in this order"
            )


def chosen(prices: PriceList, name: str | None) -> Mapping[str, Provider]:
    """Return the provider of this name, all of them, or the first of the list where none is named.

    Raises:
        PlanError: it has no prices.
    """
    if name == "all":
        return prices.providers
    if name is None:
        name = next(iter(prices.providers))
    found = prices.providers.get(name)
    if found is None:
        known = ", ".join(sorted(prices.providers))
        raise PlanError(f"--provider {name}: it has no prices: give {known} or all")
    return {name: found}


def machine_of(name: str, provider: Provider, wanted: str) -> Machine:
    """Return a machine of a provider.

    Raises:
        PlanError: it has no price.
    """
    found = provider.machines.get(wanted)
    if found is None:
        known = ", ".join(provider.machines)
        raise PlanError(
            f"{wanted}: no price of this machine is known for {name}: give one of {known}, or add"
            " it to the price file (--prices)"
        )
    return found


def price_of(machine: Machine, purchase: Purchase) -> Band | None:
    """Return the price of an hour; None where the list has none."""
    if purchase is Purchase.ON_DEMAND:
        return exactly(machine.on_demand)
    spot = machine.spot
    return None if spot is None else Band(spot.low, spot.likely, spot.high)


def start_hours(prices: PriceList) -> Band:
    """Hours from ``kubectl apply`` to the first game, where every machine is new."""
    given = prices.start_up
    boot, pull = given.boot_minutes, given.pull_megabytes_per_second
    megabytes = given.image_gigabytes * 1000
    return Band(
        boot.low / 60 + megabytes / pull.high / 3600,
        boot.likely / 60 + megabytes / pull.likely / 3600,
        boot.high / 60 + megabytes / pull.low / 3600,
    )


def age_warning(prices: PriceList, *, today: date, where: str) -> str | None:
    """Return a sentence where the prices are old, or from the future; None where they are fresh."""
    days = (today - prices.as_of).days
    if days < 0:
        return f"{where}: the prices are dated {prices.as_of}, which is in the future: check asOf"
    if days <= OLD_DAYS:
        return None
    return (
        f"{where}: the prices are of {prices.as_of}, {days} days old: bring them up to date in a"
        " copy and give it with --prices"
    )
