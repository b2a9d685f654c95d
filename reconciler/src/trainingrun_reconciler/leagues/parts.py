"""The parts of a league: which there are, their ports and names, and which pod holds what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from trainingrun_api.league import LeagueSpec, Profile

from trainingrun_reconciler.manifests.metadata import NAME_LABEL, ROLE_LABEL, UID_LABEL
from trainingrun_reconciler.owner import Owner


class Tier(Enum):
    """Who may connect to a part."""

    PUBLIC = "public"
    """Anybody: players are anywhere."""
    PRIVATE = "private"
    """The league's own pods, and runs that join it."""
    ISOLATED = "isolated"
    """None."""


class Part(Enum):
    """The parts by their names; the first five are the services."""

    GAME = "game"
    MATCHMAKER = "matchmaker"
    MODEL = "model"
    ELO = "elo"
    REPLAY = "replay"
    WEB = "web"
    """The pages, and the report that the operator reads; served by the Matchmaker's process."""


@dataclass(frozen=True)
class Place:
    """Where a part listens, and to whom."""

    port: int
    tier: Tier


PLACES: Final = {
    Part.GAME: Place(50051, Tier.PUBLIC),
    Part.MATCHMAKER: Place(50052, Tier.PUBLIC),
    Part.MODEL: Place(50053, Tier.PRIVATE),
    Part.ELO: Place(50054, Tier.PRIVATE),
    Part.REPLAY: Place(50055, Tier.PRIVATE),
    Part.WEB: Place(50080, Tier.PUBLIC),
}
SERVICES: Final = (Part.GAME, Part.MATCHMAKER, Part.MODEL, Part.ELO, Part.REPLAY)
METRICS_PORT: Final = 9090
HEALTH_PORT: Final = 50050
"""gRPC's health check without TLS, which Kubernetes does not speak; it says nothing else."""
WORKER: Final = "worker"
ALL_IN_ONE: Final = "league"
MIGRATION: Final = "migration"


@dataclass(frozen=True)
class Pods:
    """The pods of one controller: the parts that they hold.

    ``keeps_files``: they write to a claim of their own, so that there is one of them.
    """

    name: str
    parts: tuple[Part, ...]
    replicas: int
    keeps_files: bool

    @property
    def services(self) -> tuple[Part, ...]:
        """The services among the parts."""
        return tuple(each for each in self.parts if each in SERVICES)


def pods_of(spec: LeagueSpec) -> tuple[Pods, ...]:
    """All pods that serve: one for everything, or one kind for each service."""
    if spec.profile is Profile.HOBBY:
        return (Pods(ALL_IN_ONE, tuple(Part), 1, keeps_files=True),)
    return tuple(_pods(spec, each) for each in SERVICES)


def _pods(spec: LeagueSpec, part: Part) -> Pods:
    several = {Part.MODEL: spec.replicas.model, Part.ELO: spec.replicas.elo}
    beside = (Part.WEB,) if part is Part.MATCHMAKER else ()
    keeps = spec.database is None or part is Part.REPLAY or _keeps_artefacts(spec, part)
    return Pods(part.value, (part, *beside), several.get(part, 1), keeps_files=keeps)


def _keeps_artefacts(spec: LeagueSpec, part: Part) -> bool:
    """Policies are the Model service's, tapes the Game service's."""
    return spec.storage.s3 is None and part in (Part.MODEL, Part.GAME)


def holder(spec: LeagueSpec, part: Part) -> Pods:
    """The pods that hold a part."""
    return next(each for each in pods_of(spec) if part in each.parts)


def object_name(owner: Owner, part: str) -> str:
    """Name of the objects of a part."""
    return f"{owner.name}-{part}"


def host_of(league: str, namespace: str, part: Part) -> str:
    """The name that a part has within the cluster."""
    return f"{league}-{part.value}.{namespace}.svc"


def hosts_of(league: str, namespace: str) -> Iterator[str]:
    """All names that a certificate of the league is for."""
    for part in Part:
        service = f"{league}-{part.value}"
        yield from (service, f"{service}.{namespace}", f"{service}.{namespace}.svc")
        yield f"{service}.{namespace}.svc.cluster.local"
    yield "localhost"


def selector(owner: Owner, pods: str) -> dict[str, str]:
    """Labels that exactly these pods have; the uid distinguishes namesakes."""
    return {UID_LABEL: owner.uid, ROLE_LABEL: pods}


def component(pods: str) -> dict[str, str]:
    """Labels of the objects of these pods, beside those of the league."""
    return {"app.kubernetes.io/component": pods, ROLE_LABEL: pods}


def members_of(league: str) -> dict[str, str]:
    """Labels that any pod of a league of this name has."""
    return {NAME_LABEL: league, "trainingrun.dev/kind": "League"}
