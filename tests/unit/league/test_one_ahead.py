"""Reading ahead: the same chunks, the same errors, and a source that is closed in every case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from trainingrun_league.errors import Unavailable
from trainingrun_league.model.one_ahead import one_ahead


class Source:
    """Chunks that are counted as they are read, and an error after them."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.read = 0
        self.is_closed = False
        self._count = count
        self._error = error

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield them."""
        try:
            while self.read < self._count:
                self.read += 1
                await asyncio.sleep(0)
                yield bytes([self.read])
            if self._error is not None:
                raise self._error
        finally:
            self.is_closed = True


async def _all(source: Source) -> list[bytes]:
    return [chunk async for chunk in one_ahead(source.chunks())]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_chunks_come_in_order(count: int) -> None:
    """Expect what the source has."""
    source = Source(count)
    assert asyncio.run(_all(source)) == [bytes([number + 1]) for number in range(count)]
    assert source.is_closed


def test_an_error_comes_after_the_chunks_before_it() -> None:
    """Expect both chunks, then the source's error."""
    source, found = Source(2, Unavailable("the bucket is away")), list[bytes]()

    async def read() -> None:
        async for chunk in one_ahead(source.chunks()):
            found.append(chunk)

    with pytest.raises(Unavailable):
        asyncio.run(read())
    assert found == [b"\x01", b"\x02"]


def test_a_reader_that_goes_away_closes_the_source() -> None:
    """Expect at most one chunk to be read that nothing took."""
    source = Source(10)

    async def begin() -> None:
        ahead = one_ahead(source.chunks())
        await anext(ahead)
        await ahead.aclose()

    asyncio.run(begin())
    assert source.is_closed
    assert source.read <= 2
