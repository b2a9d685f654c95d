"""Connections and batches: an event loop reads and writes, threads compute.

The loop reads requests as they come. Whenever the device is free, what waits goes to it as
one batch; when the batch is done, its answers are written and the next one goes. So while a batch
is computed the next one collects, and no timer decides.

No client can hold up the others: a request is checked when it comes, a connection may have as many
outstanding as it has credits, batches take connections in turn, and whose answers are not read is
not read from either, and is dropped after a while.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from secrets import compare_digest
from time import monotonic
from typing import Any, Final

from msgspec import Struct
from trainingrun_contracts.inference_frames import (
    FrameError,
    FrameReader,
    Hello,
    Layout,
    Positions,
    Speaker,
    Welcome,
    decode_hello,
    decode_request,
    encode_answer,
    encode_error,
    encode_refusal,
    encode_welcome,
    why_strangers,
)
from trainingrun_contracts.plain_text import one_line

from trainingrun_trainer.inference.batching import Waiting
from trainingrun_trainer.inference.computing import BatchAnswer, Computing, NotFinite, NoWeights
from trainingrun_trainer.inference.figures import Batch, Figures

CREDITS: Final = 8
"""Requests of one connection that may wait: two for each group of games are plenty."""
HELLO_SECONDS: Final = 10.0
SLOW_SECONDS: Final = 30.0
"""A client that leaves its answers unread for this time is dropped."""
STOP_SECONDS: Final = 10.0
STUCK_SECONDS: Final = 120.0
"""A device that gives no answer for this time counts as stuck."""
MOST_CONNECTIONS: Final = 1024
FAILURES_ALLOWED: Final = 3
"""Batches in a row that fail by themselves, after which the process ends."""
_BACKLOG: Final = 128
_UNREAD_BYTES: Final = 4 * 1024 * 1024
_SHOWN: Final = 80

_log: Final = logging.getLogger(__name__)


class DeviceBroken(Exception):
    """The device fails batch after batch; the message is one sentence."""


class Ask(Struct, frozen=True):
    """One request that waits or is computed."""

    connection: Connection
    id: int
    positions: Positions
    at: float


class Server:
    """Answers connections by one ``Computing``; make it within a running event loop.

    Attributes:
        token: what a client must know; None while it is not known here either, and every client
            is refused.
        notices: sentences for people, by reason.
    """

    def __init__(
        self, speaker: Speaker, computing: Computing, figures: Figures, *, most_rows: int
    ) -> None:
        self.token: str | None = None
        self.notices: dict[str, str] = {}
        self.figures = figures
        self.welcome = Welcome(speaker, CREDITS, most_rows)
        self._computing = computing
        self._most_rows = most_rows
        self._loop = asyncio.get_running_loop()
        self._waiting: Waiting[Ask] = Waiting()
        self._free = computing.device.streams
        self._threads = ThreadPoolExecutor(computing.device.streams, "device")
        self._connections: dict[int, Connection] = {}
        self._numbers = 0
        self._listener: asyncio.Server | None = None
        self._is_ending = False
        self._idle = asyncio.Event()
        self._empty = asyncio.Event()
        self._heard_at = monotonic()
        self._failed = 0
        self._broken: asyncio.Future[None] = self._loop.create_future()

    @property
    def layout(self) -> Layout:
        """Sizes of what is asked and answered."""
        return self._computing.layout

    async def listen(self, host: str | None, port: int) -> int:
        """Accept connections; return the port.

        Raises:
            OSError: it cannot be listened on.
        """
        self._listener = await self._loop.create_server(
            partial(Connection, self), host, port, backlog=_BACKLOG
        )
        bound: int = self._listener.sockets[0].getsockname()[1]
        return bound

    async def until(self, stop: asyncio.Event) -> None:
        """Answer until the event is set.

        Raises:
            DeviceBroken: the device fails batch after batch.
        """
        waiter: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
        broken: asyncio.Future[Any] = self._broken
        await asyncio.wait({waiter, broken}, return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        if self._broken.done():
            self._broken.result()

    def is_stuck(self, *, now: float) -> bool:
        """Return whether the device has been busy for minutes without a batch coming to its end."""
        return not self._is_device_idle and now - self._heard_at > STUCK_SECONDS

    async def end(self) -> None:
        """Answer what waits, refuse what comes, and close."""
        self._is_ending = True
        if self._listener is not None:
            self._listener.close()
        self._note_idle()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._idle.wait()
                for connection in list(self._connections.values()):
                    connection.close()
                self._note_empty()
                await self._empty.wait()
        except TimeoutError:
            _log.warning("%d clients did not take their answers in time", len(self._connections))
        for connection in list(self._connections.values()):
            connection.abort()
        self._threads.shutdown(wait=False, cancel_futures=True)

    # --- what connections call

    def admit(self, connection: Connection) -> int | None:
        """Return the number of a new connection; None where there are too many."""
        if self._is_ending or len(self._connections) >= MOST_CONNECTIONS:
            return None
        self._numbers += 1
        self._connections[self._numbers] = connection
        return self._numbers

    def why_refused(self, hello: Hello) -> str | None:
        """Return the sentence with which a client is sent away; None where it may ask."""
        strangers = why_strangers(self.welcome.speaker, hello.speaker)
        if strangers is not None:
            return strangers
        if self.token is None or not compare_digest(self.token.encode(), hello.token.encode()):
            return "it does not know the run's token for inference, which is in the run's Redis"
        return None

    def leave(self, number: int) -> None:
        """Forget a connection and what it waits for."""
        self._connections.pop(number, None)
        self._waiting.drop(number)
        self._note_empty()

    def ask(self, ask: Ask, number: int) -> None:
        """Let a request wait for the next batch."""
        if self._is_ending:
            ask.connection.fail(ask.id, "this server is ending")
            return
        self._waiting.add(number, len(ask.positions.legal), ask)
        self._dispatch()

    # --- batches

    def _dispatch(self) -> None:
        while self._free and len(self._waiting):
            asks, began = self._waiting.take(self._most_rows), monotonic()
            if self._is_device_idle:
                self._heard_at = began
            self._free -= 1
            done = self._threads.submit(self._computing.answer, [each.positions for each in asks])
            done.add_done_callback(partial(self._hand_over, asks, began))

    def _hand_over(self, asks: Sequence[Ask], began: float, done: Future[BatchAnswer]) -> None:
        """In the device's thread."""
        try:
            self._loop.call_soon_threadsafe(self._finish, asks, began, done)
        except RuntimeError:
            _log.debug("a batch was done after the end")  # the loop is closed

    def _finish(self, asks: Sequence[Ask], began: float, done: Future[BatchAnswer]) -> None:
        self._free += 1
        self._heard_at = monotonic()
        self._dispatch()  # first: the device waits, the clients have waited already
        error = done.exception()
        if error is None:
            self._answer(asks, began, done.result())
        else:
            self._fail(asks, error)
        self._note_idle()

    def _answer(self, asks: Sequence[Ask], began: float, answer: BatchAnswer) -> None:
        self._failed = 0
        row = prior = 0
        for ask, (row_end, prior_end) in zip(asks, answer.ends, strict=True):
            values, priors = answer.values[row:row_end], answer.priors[prior:prior_end]
            ask.connection.answer(encode_answer(ask.id, answer.generation, values, priors))
            row, prior = row_end, prior_end
        now = monotonic()
        waits = tuple(began - ask.at for ask in asks)
        self.figures.note(Batch(now, row, answer.computed, now - began, waits))

    def _fail(self, asks: Sequence[Ask], error: BaseException) -> None:
        self.figures.failures["error"] += len(asks)
        match error:
            case NoWeights():
                sentence = str(error)
            case NotFinite():
                sentence = str(error)
                self.notices["WeightsNotFinite"] = f"{sentence}: searches use their own network"
            case _:
                sentence = f"the device failed: {one_line(str(error), _SHOWN)}"
                self._failed += 1
                _log.error("a batch of %d requests failed: %s", len(asks), error)
        for ask in asks:
            ask.connection.fail(ask.id, sentence)
        if self._failed >= FAILURES_ALLOWED and not self._broken.done():
            self._broken.set_exception(DeviceBroken(f"{self._failed} batches in a row: {sentence}"))

    def _note_idle(self) -> None:
        if self._is_ending and not len(self._waiting) and self._is_device_idle:
            self._idle.set()

    def _note_empty(self) -> None:
        if self._is_ending and not self._connections:
            self._empty.set()

    @property
    def _is_device_idle(self) -> bool:
        return self._free == self._computing.device.streams


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._reader = FrameReader()
        self._number: int | None = None
        self._name = "a client"
        self._is_welcome = False
        self._outstanding = 0
        self._timer: asyncio.TimerHandle | None = None

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=_UNREAD_BYTES)
        own: socket.socket = transport.get_extra_info("socket")
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        peer = transport.get_extra_info("peername")
        self._name = f"{peer[0]}:{peer[1]}" if peer else self._name
        self._number = self._server.admit(self)
        if self._number is None:
            self._refuse("this server is ending or has too many clients")
            return
        self._later(HELLO_SECONDS, "said no hello")

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._stop_timer()
        if self._number is not None:
            self._server.leave(self._number)
        if self._is_welcome:
            self._server.figures.connections -= 1
            _log.info("%s has gone", self._name)
        if exc is not None:
            _log.debug("%s: %s", self._name, exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._reader.feed(data)
        try:
            while (frame := self._reader.next()) is not None:
                if self._transport.is_closing():
                    return
                if self._is_welcome:
                    most = self._server.welcome.rows
                    layout = self._server.layout
                    self._take(frame.id, decode_request(frame, layout, most_rows=most))
                else:
                    self._greet(decode_hello(frame))
        except FrameError as error:
            self._server.figures.failures["broken"] += 1
            _log.warning("%s is dropped: %s", self._name, error)
            self.abort()

    def pause_writing(self) -> None:
        """See asyncio: answers lie unread."""
        self._transport.pause_reading()
        self._later(SLOW_SECONDS, "does not read its answers")

    def resume_writing(self) -> None:
        """See asyncio."""
        self._stop_timer()
        self._transport.resume_reading()

    # --- what the server calls

    def answer(self, frame: bytes) -> None:
        """Write an answer, if there is still somebody to read it."""
        self._outstanding -= 1
        if not self._transport.is_closing():
            self._transport.write(frame)

    def fail(self, identity: int, sentence: str) -> None:
        """Write that a request gets no answer."""
        self.answer(encode_error(identity, sentence))

    def close(self) -> None:
        """Close once everything is written."""
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    # --- own

    def _greet(self, hello: Hello) -> None:
        self._stop_timer()
        self._name = f"{one_line(hello.member, _SHOWN)} at {self._name}"
        sentence = self._server.why_refused(hello)
        if sentence is not None:
            self._refuse(sentence)
            return
        self._is_welcome = True
        self._reader.most = self._server.layout.most_request_bytes(self._server.welcome.rows)
        self._server.figures.connections += 1
        self._transport.write(encode_welcome(self._server.welcome))
        _log.info("%s asks here", self._name)

    def _refuse(self, sentence: str) -> None:
        self._server.figures.failures["refused"] += 1
        _log.warning("%s is refused: %s", self._name, sentence)
        self._transport.write(encode_refusal(sentence))
        self._transport.close()

    def _take(self, identity: int, positions: Positions) -> None:
        if self._outstanding >= self._server.welcome.requests:
            raise FrameError(f"it has more than {self._server.welcome.requests} requests waiting")
        self._outstanding += 1
        assert self._number is not None
        self._server.ask(Ask(self, identity, positions, monotonic()), self._number)

    def _later(self, seconds: float, what: str) -> None:
        self._stop_timer()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._give_up, f"{what} for {seconds:.0f} s")

    def _give_up(self, what: str) -> None:
        self._server.figures.failures["slow"] += 1
        _log.warning("%s is dropped: it %s", self._name, what)
        self.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
