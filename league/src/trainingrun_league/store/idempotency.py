"""Writes that are done once, however often their request arrives.

A row with the request's key and the answer is written in the transaction of the write itself: after
a crash either both are there or neither. Requests that come at the same time meet at the row's
primary key, and the second one waits for the first. Keeping answers in memory or in Redis was
refused: they would be gone exactly when a client has a reason to ask again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from google.protobuf.message import Message
from sqlalchemy import Float, LargeBinary, String, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import Mapped, mapped_column

from trainingrun_league.errors import InvalidRequest, Reused
from trainingrun_league.store.base import Table
from trainingrun_league.store.engine import writing
from trainingrun_league.store.inserting import insert_new

LONGEST_KEY: Final = 200
KEPT_SECONDS: Final = 7 * 86_400.0
"""No client tries again after a week; the natural keys (match ids, versions) are kept for ever."""

Answer = TypeVar("Answer", bound=Message)


class Done(Table):
    """A request that was carried out."""

    __tablename__ = "idempotency"

    service: Mapped[str] = mapped_column(String(20), primary_key=True)
    key: Mapped[str] = mapped_column(String(LONGEST_KEY), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    answer: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[float] = mapped_column(Float, index=True)


@dataclass(frozen=True)
class Request:
    """A write that is to be done once.

    Attributes:
        service: by its name; each has its own keys.
        key: that the client gave.
        message: the request; another one with the same key is refused.
        now: seconds since 1970.
    """

    service: str
    key: str
    message: Message
    now: float


async def once(
    engine: AsyncEngine,
    request: Request,
    answer: type[Answer],
    act: Callable[[AsyncConnection], Awaitable[Answer]],
) -> Answer:
    """Do ``act`` in a transaction and keep its answer; return the kept one to a repeated request.

    Raises:
        InvalidRequest: there is no key, or it is too long.
        Reused: the key came with another request.
        Unavailable: the database cannot be reached.
    """
    check_key(request.key)
    digest = hashlib.sha256(request.message.SerializeToString(deterministic=True)).digest()
    mine = (Done.service == request.service) & (Done.key == request.key)
    row = {
        "service": request.service,
        "key": request.key,
        "digest": digest,
        "answer": b"",
        "at": request.now,
    }
    async with writing(engine) as connection:
        if not await insert_new(connection, Done, [row]):
            found = (await connection.execute(select(Done.digest, Done.answer).where(mine))).one()
            if found.digest != digest:
                raise Reused(
                    f"idempotency_key {request.key!r} came with another request before: send every"
                    " new request with a key of its own"
                )
            return answer.FromString(found.answer)
        made = await act(connection)
        await connection.execute(
            update(Done).where(mine).values(answer=made.SerializeToString(deterministic=True))
        )
        return made


def check_key(key: str) -> None:
    """Refuse what is no idempotency key.

    Raises:
        InvalidRequest: it is empty or too long.
    """
    if not 0 < len(key) <= LONGEST_KEY:
        raise InvalidRequest(
            f"idempotency_key must have 1 to {LONGEST_KEY} characters, not {len(key)}:"
            " send a random one, and the same one when you try again"
        )


async def forget(engine: AsyncEngine, *, before: float) -> int:
    """Delete the rows of requests before this time; return their number."""
    async with writing(engine) as connection:
        return (await connection.execute(delete(Done).where(Done.at < before))).rowcount
