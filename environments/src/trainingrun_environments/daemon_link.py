"""One TCP connection to a daemon: commands out, lines in, each awaited with a deadline.

Failures of sockets and of the protocol are both :class:`LinkLost`: for a game they mean the same.

An ``asyncio.Protocol`` and not a pair of streams: lines are cut where the bytes arrive, a decision
costs one future, and one timer a game serves all its deadlines. Streams cost a timer and two more
futures for each decision, a twentieth of an actor's time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, cast

from trainingrun_protocol.access import Token
from trainingrun_protocol.client import ClientConnection
from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.errors import ProtocolError
from trainingrun_protocol.lines import ServerLine, StatusReply

from trainingrun_environments.seam import Environment

CONNECT_SECONDS: Final = 5.0
_MOST_LINES: Final = 256
"""Lines that wait to be read; a daemon that talks on is not listened to until they are fewer."""
_CLOSED: Final = "the daemon closed the connection in the midst of a game"

Line = ServerLine | StatusReply


class LinkLost(Exception):
    """The daemon is gone, silent, or out of step; the link is of no further use."""


class EngineFault(LinkLost):
    """The engine breaks the protocol or the promises of its environment; the text says how."""


class DaemonLink(asyncio.Protocol):
    """A link plays one game after another as long as the daemon keeps it open."""

    def __init__(self, environment: Environment, token: Token | None = None) -> None:
        self.ended = asyncio.Event()
        """Set when nothing more will come."""
        self.dialogue = environment.new_dialogue()
        """Reads what this daemon asks."""
        self.reward_bound = environment.spec.reward_bound
        """Returns of its games are divided by it."""
        self.replaced_answers = 0
        """Answers that the daemon did not take, since the last count."""
        self._loop = asyncio.get_running_loop()
        self._protocol = ClientConnection(token=token)
        self._lines: deque[Line] = deque()
        self._lost = ""
        """Why it ended."""
        self._is_fault = False
        self._is_held_back = False
        self._waiter: asyncio.Future[Line] | None = None
        self._deadline = 0.0
        self._seconds = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def open(
        cls, endpoint: str, environment: Environment, *, token: Token | None = None
    ) -> DaemonLink:
        """Connect to ``host:port``; games are asked for with the daemon's token.

        Raises:
            LinkLost: no server answers there, or the endpoint is not ``host:port``.
        """
        host, _, port = endpoint.rpartition(":")
        if not host or not port.isdecimal():
            raise LinkLost(f"{endpoint!r} is not host:port")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, link = await loop.create_connection(
                    lambda: cls(environment, token), host.strip("[]"), int(port)
                )
        except (OSError, TimeoutError, OverflowError) as error:
            raise LinkLost(f"{endpoint} cannot be reached: {error}") from error
        return link

    @property
    def is_reusable(self) -> bool:
        """Whether another game may be started on it."""
        is_open = not self._lost and not self._transport.is_closing()
        is_in_step = self._protocol.is_idle and not self._protocol.is_spent
        return is_open and is_in_step and not self._lines

    @property
    def lines_waiting(self) -> int:
        """Lines that have arrived and were not read."""
        return len(self._lines)

    def start(self, command: NewGame) -> None:
        """Send a command."""
        self.dialogue.begin_game()
        self._send(self._protocol.start(command))

    def answer(self, response: str) -> None:
        """Answer the open decision; a game that was cut short meanwhile takes no answer."""
        if not self._protocol.is_idle:
            self._send(self._protocol.answer(response))

    def take_faults(self) -> dict[str, int]:
        """Return what went wrong since the last count without the loss of the game, by kind."""
        dialogue = self.dialogue
        if not (self.replaced_answers or dialogue.broken_loops):
            return {}
        found = {"answer": self.replaced_answers, "loop": dialogue.broken_loops}
        self.replaced_answers = dialogue.broken_loops = 0
        return {kind: count for kind, count in found.items() if count}

    async def next_line(self, *, seconds: float) -> Line:
        """Return the next line.

        Raises:
            LinkLost: the connection ended, or the daemon sent nothing for ``seconds``.
            EngineFault: it broke the protocol.
        """
        lines = self._lines
        if lines:
            if self._is_held_back and len(lines) == 1:
                self._is_held_back = False
                self._transport.resume_reading()
            return lines.popleft()
        if self._lost:
            raise self._error()
        self._deadline = self._loop.time() + seconds
        if self._timer is None or seconds < self._seconds:
            self._set_timer()
        self._seconds = seconds
        self._waiter = self._loop.create_future()
        try:
            return await self._waiter
        finally:
            self._waiter = None

    def close(self) -> None:
        """Hang up; the daemon aborts a game that runs."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport.close()

    def _send(self, data: bytes) -> None:
        """Write a small line into an empty buffer: nothing to wait for. On a lost connection
        nothing is sent; the reader of the answer gets the reason."""
        if not self._lost:
            self._transport.write(data)

    # --- called by the event loop -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Split into lines; the first goes to the waiting reader."""
        try:
            found = self._protocol.receive(data)
        except ProtocolError as error:
            self._is_fault = not self._lost
            self._lose(str(error))
            return
        waiter = self._waiter
        if found and waiter is not None and not waiter.done():
            waiter.set_result(found[0])
            del found[0]
        self._lines += found
        if len(self._lines) > _MOST_LINES and not self._is_held_back:
            self._is_held_back = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Close the connection: the daemon sends nothing more."""
        self._lose(_CLOSED)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._lose(_CLOSED if exc is None else str(exc) or type(exc).__name__)

    def _lose(self, reason: str) -> None:
        """Keep the first reason, and fail the waiting reader."""
        self._lost = self._lost or reason
        self.ended.set()
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_exception(self._error())

    def _error(self) -> LinkLost:
        return EngineFault(self._lost) if self._is_fault else LinkLost(self._lost)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._check_deadline)

    def _check_deadline(self) -> None:
        """The timer went off: it is set again for the deadline of the line that is awaited now."""
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        else:
            self._lose(f"the daemon said nothing for {self._seconds:.0f} s")
