"""Reading the next chunk while the one before is sent: a disk and a socket work at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

from trainingrun_league.errors import LeagueError


async def one_ahead(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield the chunks in order; one more than is taken is in memory.

    What reading raises comes after the chunks before it.
    """

    async def following() -> bytes | None:
        return await anext(chunks, None)

    reading = asyncio.ensure_future(following())
    try:
        while (chunk := await reading) is not None:
            reading = asyncio.ensure_future(following())
            yield chunk
    finally:
        # A client that goes away leaves a chunk that is being read: its file is closed after it.
        reading.cancel()
        with suppress(asyncio.CancelledError, LeagueError):
            await reading
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()
