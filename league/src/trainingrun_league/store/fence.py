"""Lets one process write what a service keeps: the last one that began.

A service that decides by what is in its memory must not run twice, by mistake or while an update
replaces it. Each process takes the next epoch of its service when it begins, and every transaction
holds the row of the epoch while it writes: the one that comes after waits for those that are under
way, and none of the old process can follow. Refused: a lock held by a connection, which is gone
with the connection while the process still runs; and a lease by a clock, for which every restart
after a kill would wait.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import BigInteger, Float, String, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import Mapped, mapped_column

from trainingrun_league.errors import TakenOver, Unavailable
from trainingrun_league.store.base import Table
from trainingrun_league.store.engine import reading, transact, writing
from trainingrun_league.store.inserting import insert_new

CHECK_SECONDS: Final = 5.0
"""Between two checks of a process that writes nothing."""
_PAUSE_SECONDS: Final = 1.0
"""After a check that could not be made: the event may stay set all the while."""
_LONGEST_HOLDER: Final = 300


class EpochRow(Table):
    """Who serves a service of which there is one."""

    __tablename__ = "epochs"

    service: Mapped[str] = mapped_column(String(20), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger)
    holder: Mapped[str] = mapped_column(String(_LONGEST_HOLDER))
    since: Mapped[float] = mapped_column(Float)


class Fence:
    """One epoch of a service; made by ``take``."""

    def __init__(self, engine: AsyncEngine, service: str, epoch: int) -> None:
        self.engine = engine
        self._service, self._epoch = service, epoch
        self._is_lost = asyncio.Event()

    @classmethod
    async def take(cls, engine: AsyncEngine, service: str, now: float) -> Fence:
        """Begin the next epoch; the process of the one before writes no longer.

        Raises:
            Unavailable: the database cannot be reached.
        """
        row = {"service": service, "epoch": 0, "holder": "", "since": now}
        values = {"epoch": EpochRow.epoch + 1, "holder": _holder(), "since": now}
        mine = EpochRow.service == service
        async with writing(engine) as connection:
            await insert_new(connection, EpochRow, [row])
            await connection.execute(update(EpochRow).where(mine).values(values))
            epoch = await connection.scalar(select(EpochRow.epoch).where(mine))
        assert epoch is not None, "the row was written in this transaction"
        return cls(engine, service, epoch)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes, as ``engine.writing``, if the epoch is still this one.

        Raises:
            TakenOver: it is not.
            Unavailable: as of ``engine.writing``.
        """
        async with writing(self.engine) as connection:
            await self.check(connection)
            yield connection

    async def transact(self, work: Callable[[Connection], None]) -> None:
        """Run a whole transaction, as ``engine.transact``, if the epoch is still this one.

        Raises:
            TakenOver, Unavailable: as of ``writing``.
        """

        def held(connection: Connection) -> None:
            self._hold(connection)
            work(connection)

        try:
            await transact(self.engine, held)
        except TakenOver:
            self._is_lost.set()
            raise

    async def check(self, connection: AsyncConnection) -> None:
        """Hold the epoch to the end of a transaction. Raises as ``writing``."""
        try:
            await connection.run_sync(self._hold)
        except TakenOver:
            self._is_lost.set()
            raise

    def _hold(self, connection: Connection) -> None:
        row = select(EpochRow.epoch, EpochRow.holder).where(EpochRow.service == self._service)
        found = connection.execute(row.with_for_update(read=True)).one_or_none()
        if found is None or found.epoch != self._epoch:
            holder = found.holder if found is not None else "another process"
            raise TakenOver(
                f"{holder} has taken over the {self._service} service of this league, of which"
                " there is one: the process before it ends; try again"
            )

    async def watch(self) -> None:
        """Return never: check every now and then, and at once when a write was refused.

        Raises:
            TakenOver: another process has the service now.
        """
        while True:
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._is_lost.wait()
            except TimeoutError:
                pass
            try:
                async with reading(self.engine) as connection:
                    await self.check(connection)
            except TakenOver:
                raise
            except Unavailable:  # nothing can be written either
                await asyncio.sleep(_PAUSE_SECONDS)


def _holder() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"[:_LONGEST_HOLDER]
