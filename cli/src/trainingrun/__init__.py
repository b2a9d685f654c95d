"""Training runs from Python: on a cluster and on this machine, with one interface.

    from trainingrun import ClusterPlace, connect

    with connect(ClusterPlace(namespace="training")) as runs:
        runs.submit(document)
        run = runs.wait("standard-ppo", "Complete", timeout=3600)

Belongs here: the names of the SDK, imported when they are first used, because the command line's
``--help`` imports this package, too. Does not belong here: what they do (:mod:`trainingrun.sdk`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainingrun.sdk import (
        ClientError,
        ClusterPlace,
        Ended,
        Event,
        LeagueAt,
        LocalLeague,
        LocalPlace,
        LogLine,
        LogQuery,
        Member,
        NotFound,
        NotReachable,
        Place,
        Refused,
        TrainingRuns,
        WaitTimeout,
        connect,
        connect_to,
        connect_to_league,
    )

__all__ = [
    "connect",
    "connect_to",
    "connect_to_league",
    "TrainingRuns",
    "Place",
    "LocalPlace",
    "ClusterPlace",
    "LocalLeague",
    "LeagueAt",
    "Event",
    "Member",
    "LogLine",
    "LogQuery",
    "ClientError",
    "NotFound",
    "Refused",
    "Ended",
    "WaitTimeout",
    "NotReachable",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from trainingrun import sdk  # noqa: PLC0415

    return getattr(sdk, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
