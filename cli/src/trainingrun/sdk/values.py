"""What goes in and out of a client: places, events, members, lines of logs. All frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

from msgspec import Struct

STATE: Final = Path(".trainingrun")


@dataclass(frozen=True)
class LocalPlace:
    """This machine: runs in the folders below ``state``, as ``trainingrun local`` makes them.

    ``decks`` is the folder of .dck files for runs that are submitted; by default one that is found
    near.
    """

    kind: ClassVar[str] = "local"
    state: Path = STATE
    decks: Path | None = None


@dataclass(frozen=True)
class ClusterPlace:
    """A cluster; what is not given is what kubectl would use. ``everywhere``: all namespaces."""

    kind: ClassVar[str] = "cluster"
    namespace: str | None = None
    context: str | None = None
    kubeconfig: Path | None = None
    everywhere: bool = False


Place = LocalPlace | ClusterPlace


class Event(Struct, frozen=True):
    """Something that happened to a run, reported once. ``count`` is how often, ``at`` the last
    time."""

    at: datetime
    reason: str
    message: str
    warning: bool = False
    count: int = 1


class Member(Struct, frozen=True):
    """One process or pod of a run. None is not known: a cluster does not report who plays how
    many games."""

    role: str
    name: str
    ready: bool
    restarts: int = 0
    started_at: datetime | None = None
    endpoint: str | None = None
    busy: int | None = None
    draining: bool = False
    node: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class LogQuery:
    """Which lines of which members. ``tail`` is per member; ``previous`` is the life before."""

    role: str | None = None
    member: str | None = None
    tail: int | None = None
    previous: bool = False
    follow: bool = False


EVERY_LINE: Final = LogQuery()
"""All kept lines of all members."""


class LogLine(Struct, frozen=True):
    """One line that a member wrote."""

    member: str
    text: str


@dataclass(frozen=True)
class Watching:
    """Timeout, poll interval, and how long a place may be silent; seconds."""

    timeout: float | None = None
    every: float = 1.0
    patience: float = 60.0
