"""Writes ask the fence before they are begun and when they have their connection; reads do not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator

import pytest
from kubernetes.aio.client.configuration import Configuration
from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.fence import Fence, Term
from trainingrun_reconciler.errors import FencedError

PATH = "/api/v1/namespaces/space/pods/one"
Act = Callable[[Client, list[bytes]], Coroutine[None, None, None]]


class Ticks:
    """A clock that gives one moment after the other, and then the last one."""

    def __init__(self, *moments: float) -> None:
        self._moments: Iterator[float] = iter(moments)
        self._now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        self._now = next(self._moments, self._now)
        return self._now


def with_listener(fence: Fence, act: Act) -> None:
    """Act with a client of a listener that answers ``{}`` and keeps what it was sent."""

    async def run() -> None:
        sent: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                sent.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
                await writer.drain()
            except asyncio.IncompleteReadError:
                pass  # a write that the fence stopped had its connection already
            finally:
                writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(
            Configuration(host=f"http://127.0.0.1:{port}"), fence=fence, identity="operator-a"
        )
        try:
            await act(client, sent)
        finally:
            await client.close()
            server.close()
            await server.wait_closed()

    asyncio.run(run())


def test_a_write_tells_its_term_and_what_time_it_has() -> None:
    """The audit log can distinguish leaders, and the API server gives up before a successor
    acts."""

    async def act(client: Client, sent: list[bytes]) -> None:
        await client.merge(PATH, {})
        (request,) = sent
        assert b"timeout=11000ms" in request.splitlines()[0]
        assert b"User-Agent: trainingrun-operator (term 7; operator-a)" in request

    with_listener(Fence(Term(7, 10.0, 15.0), clock=Ticks(4.0)), act)


def test_without_a_term_nothing_is_written_but_all_can_be_read_and_asked() -> None:
    """An operator that stands by reconciles, and asks what it may do."""

    async def act(client: Client, sent: list[bytes]) -> None:
        for write in (client.merge, client.create, client.replace, client.apply):
            with pytest.raises(FencedError):
                await write(PATH, {})
        with pytest.raises(FencedError):
            await client.delete(PATH, propagation="Background")
        assert sent == []
        await client.get(PATH)
        await client.ask(PATH, {})
        assert len(sent) == 2
        assert b"timeout=" not in sent[1].splitlines()[0]

    with_listener(Fence(), act)


def test_a_write_whose_term_ends_while_it_waits_for_a_connection_is_not_sent() -> None:
    """The first reading of the clock was in time, the second one is not."""

    async def act(client: Client, sent: list[bytes]) -> None:
        with pytest.raises(FencedError, match="too long ago"):
            await client.merge(PATH, {})
        assert sent == []

    with_listener(Fence(Term(7, 10.0, 15.0), clock=Ticks(9.9, 25.0)), act)
