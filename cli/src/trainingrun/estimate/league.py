"""What a league costs in a month, by profile: machines, database, cache, disks and the rest.

Belongs here: the parts that a profile needs and their sum, at prices that are given. Does not
belong here: training, which ``plan`` counts by the game. A month has 720 hours, as everywhere in
``estimate``. Traffic, requests and taxes are left out: they follow use, and no one has measured it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final

from trainingrun.estimate.prices import HOURS_A_MONTH


class Profile(StrEnum):
    """As ``spec.profile`` of a League has them."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"
    HOBBY = "hobby"


@dataclass(frozen=True)
class Prices:
    """Of AWS in us-east-1, on demand unless they are called spot; dollars an hour, or a month for
    a gigabyte. From its public price lists; none was looked up anew at this date."""

    as_of: date = date(2026, 11, 22)
    control_plane: float = 0.10
    """Of EKS."""
    load_balancer: float = 0.0225
    nat_gateway: float = 0.045
    service_node: float = 0.0752
    """t3a.large: 2 vCPUs, 8 GiB."""
    small_node: float = 0.0208
    """t3.small: 2 vCPUs, 2 GiB."""
    worker_spot: float = 0.0667
    """c5.xlarge: 4 vCPUs."""
    learner: float = 0.526
    """g4dn.xlarge."""
    learner_spot: float = 0.2039
    database: float = 0.032
    """db.t4g.small."""
    cache: float = 0.032
    """cache.t4g.small, one of two."""
    disk: float = 0.08
    database_disk: float = 0.115
    bucket: float = 0.023


@dataclass(frozen=True)
class Use:
    """How much of what a month uses; the hours of what is stopped between are a user's choice."""

    learners: int
    learner_hours: float
    workers: int
    worker_hours: float
    gigabytes: float = 50.0
    """In the bucket."""
    hours: float = HOURS_A_MONTH
    """That the services run."""


USES: Final = {
    Profile.PRODUCTION: Use(2, HOURS_A_MONTH, 5, HOURS_A_MONTH, gigabytes=500),
    Profile.DEVELOPMENT: Use(1, 40, 2, 120),
    Profile.HOBBY: Use(0, 0, 0, 0, gigabytes=10),
}
"""GPUs on spot all month; one that is stopped between trainings; none."""
ASKED_FOR: Final = {
    Profile.PRODUCTION: (500.0, 1000.0),
    Profile.DEVELOPMENT: (50.0, 100.0),
    Profile.HOBBY: (20.0, 30.0),
}
"""What a profile is meant to cost: the least and the most, in dollars a month."""


@dataclass(frozen=True)
class Line:
    """One line of a bill, in dollars a month."""

    what: str
    dollars: float


@dataclass(frozen=True)
class Bill:
    """What a month costs."""

    profile: Profile
    lines: tuple[Line, ...] = field(default_factory=tuple)

    @property
    def dollars(self) -> float:
        """All of it."""
        return sum(each.dollars for each in self.lines)


def bill(profile: Profile, prices: Prices = Prices(), use: Use | None = None) -> Bill:
    """The bill of a league and of what trains for it."""
    chosen = USES[profile] if use is None else use
    parts = {
        Profile.PRODUCTION: _production,
        Profile.DEVELOPMENT: _development,
        Profile.HOBBY: _hobby,
    }[profile]
    return Bill(profile, (*parts(prices, chosen), Line("bucket", chosen.gigabytes * prices.bucket)))


def _production(prices: Prices, use: Use) -> Iterator[Line]:
    """A cluster, two nodes of services, the managed stores, and three load balancers."""
    yield Line("control plane of EKS", prices.control_plane * use.hours)
    yield Line("2 t3a.large for services", 2 * prices.service_node * use.hours)
    yield Line(
        "PostgreSQL (db.t4g.small, 20 GB)", prices.database * use.hours + 20 * prices.database_disk
    )
    yield Line("Redis (2 cache.t4g.small)", 2 * prices.cache * use.hours)
    yield Line("3 load balancers", 3 * prices.load_balancer * use.hours)
    yield Line("NAT gateway", prices.nat_gateway * use.hours)
    yield Line("disks (150 GB)", 150 * prices.disk)
    yield from _training(use, prices.learner_spot, prices.worker_spot, "spot")


def _development(prices: Prices, use: Use) -> Iterator[Line]:
    """One machine with a small cluster of its own (k3s), and a claim for each service."""
    yield Line("1 t3a.large with k3s, for services", prices.service_node * use.hours)
    yield Line("disks (60 GB)", 60 * prices.disk)
    yield from _training(use, prices.learner, prices.worker_spot, "on demand")


def _hobby(prices: Prices, use: Use) -> Iterator[Line]:
    """One machine that runs the process itself or by Compose; trained at home."""
    yield Line("1 t3.small with all services", prices.small_node * use.hours)
    yield Line("disk (30 GB)", 30 * prices.disk)


def _training(use: Use, learner: float, worker: float, how: str) -> Iterator[Line]:
    if use.learners:
        what = f"{use.learners} g4dn.xlarge, {how}, {use.learner_hours:.0f} h"
        yield Line(what, use.learners * use.learner_hours * learner)
    if use.workers:
        what = f"{use.workers} c5.xlarge, spot, {use.worker_hours:.0f} h"
        yield Line(what, use.workers * use.worker_hours * worker)
