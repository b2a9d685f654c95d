"""What goes wrong in a league, each with the status code that a client sees.

    LeagueError
    ├── InvalidRequest      INVALID_ARGUMENT     the request is wrong, and stays so
    ├── NotFound            NOT_FOUND            no such model, player, game, ticket
    ├── Conflict            FAILED_PRECONDITION  right, but not now: wrong turn, wrong stage
    ├── Reused              ALREADY_EXISTS       an idempotency key came with another request
    ├── NotPermitted        PERMISSION_DENIED    a token of the wrong audience, another one's seat
    ├── Exhausted           RESOURCE_EXHAUSTED   a bound is reached: games, tickets, bytes
    ├── Damaged             DATA_LOSS            bytes do not have their hash
    └── Unavailable         UNAVAILABLE          database, bucket or another service; try again
        ├── TakenOver       UNAVAILABLE          a newer process serves; try again reaches it
        └── StoreDamaged    DATA_LOSS            the database is damaged, until it is restored

``server.calls`` alone translates them; the message is the sentence that people read.
"""

from __future__ import annotations

from typing import ClassVar

import grpc


class LeagueError(Exception):
    """Base of them; the message says what was wrong, where, and what to do."""

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL


class InvalidRequest(LeagueError):
    """The request is wrong, and stays so."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class NotFound(LeagueError):
    """What the request names is not there."""

    code = grpc.StatusCode.NOT_FOUND


class Conflict(LeagueError):
    """The request is right, but does not fit what is there now."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class Reused(LeagueError):
    """An idempotency key came with another request before."""

    code = grpc.StatusCode.ALREADY_EXISTS


class NotPermitted(LeagueError):
    """The caller may not do this."""

    code = grpc.StatusCode.PERMISSION_DENIED


class Exhausted(LeagueError):
    """A bound is reached."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Damaged(LeagueError):
    """Bytes are not what their hash says."""

    code = grpc.StatusCode.DATA_LOSS


class Unavailable(LeagueError):
    """The database, the bucket or another service cannot be reached; try again."""

    code = grpc.StatusCode.UNAVAILABLE


class TakenOver(Unavailable):
    """Another process serves this service now, and this one ends; try again reaches the other."""


class StoreDamaged(Unavailable):
    """The database is damaged. A service waits as for one that cannot be reached: it may be
    restored."""

    code = grpc.StatusCode.DATA_LOSS
