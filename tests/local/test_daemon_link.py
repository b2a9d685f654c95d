"""A link to a daemon over a real socket: lines, deadlines, floods and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest
from trainingrun_environments.daemon_link import DaemonLink, LinkLost
from trainingrun_environments.magic.environment import MAGIC
from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.lines import DecisionLine, GameResult, GameTimeout, Info

Talk: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GAME = NewGame(deck1="a", deck2="b", interactive=True, keep_open=True)
QUESTION = b'DECISION: {"decision_type": "confirm_action"}\n'
END = b"GAME_RESULT: Draw in 5ms\n"


def with_daemon(talk: Talk, use: Callable[[DaemonLink], Awaitable[None]]) -> None:
    """Use a link to a daemon that talks so."""

    async def run() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await talk(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            link = await DaemonLink.open(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", MAGIC)
            try:
                async with asyncio.timeout(20):
                    await use(link)
            finally:
                link.close()

    asyncio.run(run())


def test_two_games_on_one_link() -> None:
    """A daemon that keeps the connection gets the next game on it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await reader.readline()
            writer.write(QUESTION[:9])
            await writer.drain()
            writer.write(QUESTION[9:])
            assert await reader.readline() == b"7\n"
            writer.write(END)
        await reader.read()

    async def use(link: DaemonLink) -> None:
        for _ in range(2):
            assert link.is_reusable
            link.start(GAME)
            assert isinstance(await link.next_line(seconds=10), DecisionLine)
            assert not link.is_reusable
            link.answer("7")
            assert await link.next_line(seconds=10) == GameResult(None, 5)
        assert link.is_reusable

    with_daemon(talk, use)


def test_a_silent_daemon_is_given_up() -> None:
    """Each line has its own deadline, although one timer serves them all."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(QUESTION)
        await reader.read()

    async def use(link: DaemonLink) -> None:
        link.start(GAME)
        await link.next_line(seconds=1000)
        link.answer("")
        with pytest.raises(LinkLost, match="said nothing for 0 s"):
            await link.next_line(seconds=0.1)
        assert not link.is_reusable

    with_daemon(talk, use)


def test_an_answer_that_comes_too_late() -> None:
    """A game that was cut short takes none: nothing is sent, and its end is the next line."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(QUESTION + b"GAME_TIMEOUT: 5 s\n" + END)

    async def use(link: DaemonLink) -> None:
        link.start(GAME)
        assert isinstance(await link.next_line(seconds=10), DecisionLine)
        await link.ended.wait()
        link.answer("7")
        assert await link.next_line(seconds=10) == GameTimeout("5 s")
        assert not link.is_reusable

    with_daemon(talk, use)


def test_a_daemon_that_leaves_while_it_is_answered() -> None:
    """The answer goes nowhere, and the next line says why."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(QUESTION)
        await writer.drain()
        writer.transport.abort()

    async def use(link: DaemonLink) -> None:
        link.start(GAME)
        await link.next_line(seconds=10)
        await link.ended.wait()
        link.answer("0")
        with pytest.raises(LinkLost):
            await link.next_line(seconds=10)

    with_daemon(talk, use)


def test_a_daemon_that_closes_after_the_game() -> None:
    """The last line is still read; the link is of no use for another game."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(END)

    async def use(link: DaemonLink) -> None:
        link.start(GAME)
        assert await link.next_line(seconds=10) == GameResult(None, 5)
        await link.ended.wait()
        assert not link.is_reusable

    with_daemon(talk, use)


def test_a_flood_is_held_back() -> None:
    """Lines that no one reads stop the reading, and all arrive once somebody does."""
    count = 50_000

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        for _ in range(count // 1000):
            writer.write(b"INFO: Turn 1 is full of words that say nothing at all\n" * 1000)
            await writer.drain()
        writer.write(END)
        await reader.read()

    async def use(link: DaemonLink) -> None:
        link.start(GAME)
        most = found = 0
        while isinstance(await link.next_line(seconds=10), Info):
            found += 1
            most = max(most, link.lines_waiting)
        assert found == count
        assert most < count / 2, "so much was taken in unread"

    with_daemon(talk, use)


def test_a_second_question_before_the_answer() -> None:
    """A daemon out of step is left, with the reason."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(QUESTION + QUESTION)
        await reader.read()

    async def use(link: DaemonLink) -> None:
        link.start(GAME)
        with pytest.raises(LinkLost, match="asked again"):
            await link.next_line(seconds=10)

    with_daemon(talk, use)


@pytest.mark.parametrize("endpoint", ["nowhere", "127.0.0.1:", "127.0.0.1:1", "127.0.0.1:99999"])
def test_nobody_there(endpoint: str) -> None:
    """An endpoint that cannot be reached is named."""

    async def run() -> None:
        with pytest.raises(LinkLost, match=endpoint.partition(":")[0]):
            await DaemonLink.open(endpoint, MAGIC)

    asyncio.run(run())
