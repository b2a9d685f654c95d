"""The Python SDK: one interface to runs on a cluster and on this machine.

Belongs here: what programs and the command line do to runs from the outside, as their users do it:
through the API server with the user's own rights, or through the folder of a local run; the
interface, its values and errors. Does not belong here: anything that the operator does, and what
is shown to people (``commands``). A user imports these names from :mod:`trainingrun`.
"""

from trainingrun.sdk.connecting import connect, connect_to, connect_to_league
from trainingrun.sdk.errors import (
    ClientError,
    Ended,
    NotFound,
    NotReachable,
    Refused,
    WaitTimeout,
)
from trainingrun.sdk.interface import TrainingRuns
from trainingrun.sdk.league_values import LeagueAt, LocalLeague
from trainingrun.sdk.values import (
    ClusterPlace,
    Event,
    LocalPlace,
    LogLine,
    LogQuery,
    Member,
    Place,
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
