"""Several processes behind one port: the supervisor accepts clients and allocates the slots.

It hands each client's socket to the worker with the fewest clients and sees none of its bytes: only
a game's begin and end and the counters pass through here, so the queue and ``Max
concurrent`` hold for the whole daemon and STATUS is answered while every worker plays. The other
way, a listening socket in each worker, was refused: the kernel spreads clients by chance, and the
slots would need a place of their own all the same.

A worker that dies takes its clients with it; its slots are free at once, and another is started.
"""

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from trainingrun_daemon.channel import (
    AcceptClient,
    AcquireSlot,
    Channel,
    ClientClosed,
    Drain,
    FromWorker,
    Ping,
    Pong,
    Ready,
    ReleaseSlot,
    Shutdown,
    SlotGranted,
    StatusCounters,
    StatusRequest,
)
from trainingrun_daemon.options import (
    ServeError,
    ServeOptions,
    encode_options,
    worker_environment,
)
from trainingrun_daemon.server_context import LAST_LINES_SECONDS
from trainingrun_daemon.slots import Slots

_log = logging.getLogger(__name__)

START_SECONDS: Final = 60.0
"""How long all workers together may take to be ready."""
_RESTART_SECONDS: Final = 0.5
"""Pause before a worker is replaced, so that one that cannot live does not eat the machine."""
_EXIT_SECONDS: Final = LAST_LINES_SECONDS + 3.0
"""How long a worker may take to send its clients away."""
_REAP_SECONDS: Final = 3.0
"""How long a worker that has hung up may take to exit."""
_PINGS: Final = 5
"""Pings to a worker that may stay unanswered."""
_ACCEPTS_PER_WAKE: Final = 64
_NO_FILES_SECONDS: Final = 0.2
"""Pause after the system had no descriptor left for a client."""


class _SlotRequest:
    """A game that a worker asked a slot for (``slots.Seeker``)."""

    __slots__ = ("_number", "_worker", "address")

    def __init__(self, worker: "_WorkerLink", number: int, address: str) -> None:
        self._worker = worker
        self._number = number
        self.address = address

    def begin_game(self) -> None:
        """Grant the slot to the worker."""
        self._worker.channel.send(SlotGranted(self._number))


class _WorkerLink:
    """A worker process as the supervisor sees it."""

    def __init__(self, supervisor: "Supervisor", end_point: socket.socket) -> None:
        self._supervisor = supervisor
        self.clients = 0
        self.requests: dict[int, _SlotRequest] = {}
        self.is_ready = False
        self._unanswered = 0
        self.is_over = asyncio.Event()
        self.channel: Channel[FromWorker] = Channel(
            end_point, msgspec.msgpack.Decoder(FromWorker), self._take, self._end
        )

    def _take(self, message: FromWorker, _: socket.socket | None) -> None:
        slots = self._supervisor.slots
        match message:
            case Ready():
                self.is_ready = True
                self._supervisor.note_change()
            case AcquireSlot(number, address):
                request_id = self.requests[number] = _SlotRequest(self, number, address)
                slots.request(request_id)
            case ReleaseSlot(number):
                slots.release(self.requests.pop(number))
                self._supervisor.note_change()
            case StatusRequest(number):
                reply = slots.status(uptime_seconds=self._supervisor.uptime_seconds)
                self.channel.send(StatusCounters(number, reply))
            case ClientClosed():
                self.clients -= 1
            case Pong():
                self._unanswered = 0

    async def watch(self, process: asyncio.subprocess.Process, *, patience: float) -> None:
        """Wait for the end of the channel; kill a process that does not answer in time."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience / _PINGS):
                    await self.is_over.wait()
                    return
            if self._unanswered == _PINGS:
                _log.error("worker process %d does not answer; it is killed", process.pid)
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            if self.is_ready:
                self._unanswered += 1
                self.channel.send(Ping())

    def _end(self) -> None:
        self.is_ready = False
        self._supervisor.slots.release_all(list(self.requests.values()))
        self.requests.clear()
        self.is_over.set()
        self._supervisor.note_change()


class Supervisor:
    """Accepts clients and keeps the workers running."""

    def __init__(self, options: ServeOptions, listeners: list[socket.socket]) -> None:
        self.slots = Slots(
            max_concurrent=options.max_concurrent, per_address=options.games_per_address
        )
        self._options = options
        self._listeners = listeners
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._workers: list[_WorkerLink] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        self._is_accepting = False
        self._is_draining = False
        self._is_leaving = False
        self._pause: asyncio.TimerHandle | None = None

    @property
    def uptime_seconds(self) -> int:
        """Whole seconds since the start."""
        return int(self._loop.time() - self._started)

    def note_change(self) -> None:
        """Update what depends on slots and workers."""
        self._changed.set()
        self._see_to_accepting()

    # --- life -------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the workers and accept clients; raises ServeError."""
        self._keepers = [
            self._loop.create_task(self._keep_worker()) for _ in range(self._options.workers)
        ]
        is_up = await self._wait_for_workers()
        if not is_up:
            raise ServeError(
                f"not all of {self._options.workers} worker processes came up within "
                f"{START_SECONDS:g} s; see their messages above, or give --workers 1"
            )

    async def _wait_for_workers(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                while sum(worker.is_ready for worker in self._workers) < self._options.workers:
                    self._changed.clear()
                    await self._changed.wait()
                return True
        return False

    async def drain(self) -> None:
        """Begin no more games, and wait for those that run, at most the drain time."""
        self._is_draining = True
        for worker in self._workers:
            worker.channel.send(Drain())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.drain_seconds):
                while self.slots.active:
                    self._changed.clear()
                    await self._changed.wait()

    async def close(self) -> None:
        """Stop accepting, and end the workers: politely, then by force."""
        self._is_leaving = True
        self._stop_accepting()
        if self._pause is not None:
            self._pause.cancel()
        for worker in self._workers:
            worker.channel.send(Shutdown())
        await asyncio.wait(self._keepers, timeout=_EXIT_SECONDS)
        for worker in list(self._workers):
            worker.channel.close()
        await asyncio.gather(*self._keepers)

    # --- workers ----------------------------------------------------------------------------------

    async def _keep_worker(self) -> None:
        """Run one worker after another, until the daemon stops."""
        while not self._is_leaving:
            try:
                process, end_point = await _start_worker(self._options)
            except OSError as error:
                _log.error("a worker process cannot be started (%s); trying again", error.strerror)
                await asyncio.sleep(_RESTART_SECONDS)
                continue
            worker = _WorkerLink(self, end_point)
            self._workers.append(worker)
            if self._is_draining:
                worker.channel.send(Drain())
            if self._is_leaving:
                worker.channel.send(Shutdown())
            await worker.watch(process, patience=self._options.patience.hang)
            self._workers.remove(worker)
            code = await _reap(process)
            if not self._is_leaving:
                _log.error(
                    "worker process %d ended with code %d; starting another", process.pid, code
                )
                await asyncio.sleep(_RESTART_SECONDS)

    # --- clients ----------------------------------------------------------------------------------

    def _see_to_accepting(self) -> None:
        """Accept while a worker can serve; clients wait in the system's backlog meanwhile."""
        can_serve = any(worker.is_ready for worker in self._workers) and not self._is_leaving
        if can_serve and not self._is_accepting and self._pause is None:
            self._is_accepting = True
            for listener in self._listeners:
                self._loop.add_reader(listener, self._accept, listener)
        elif not can_serve:
            self._stop_accepting()

    def _stop_accepting(self) -> None:
        if self._is_accepting:
            self._is_accepting = False
            for listener in self._listeners:
                self._loop.remove_reader(listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPTS_PER_WAKE):
            if not self._is_accepting:
                return
            try:
                client, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                _log.error("cannot accept a client (%s); trying again soon", error.strerror)
                self._stop_accepting()
                self._pause = self._loop.call_later(_NO_FILES_SECONDS, self._end_pause)
                return
            worker = min(
                (each for each in self._workers if each.is_ready), key=lambda each: each.clients
            )
            worker.clients += 1
            worker.channel.send(AcceptClient(), client)

    def _end_pause(self) -> None:
        self._pause = None
        self._see_to_accepting()


async def _start_worker(
    options: ServeOptions,
) -> tuple[asyncio.subprocess.Process, socket.socket]:
    """Start a worker process; gives it with our end of its channel."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "trainingrun_daemon.worker"),
                *(str(theirs.fileno()), encode_options(options)),
                pass_fds=(theirs.fileno(),),
                env=worker_environment(options, os.environ),
                stdin=asyncio.subprocess.DEVNULL,
                process_group=0,  # Ctrl-C in a terminal is ours to answer
            )
        except OSError:
            ours.close()
            raise
    return process, ours


async def _reap(process: asyncio.subprocess.Process) -> int:
    """Wait for a process whose channel has ended; one that stays is killed."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_REAP_SECONDS):
            return await process.wait()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    return await process.wait()


@contextlib.asynccontextmanager
async def supervised(
    options: ServeOptions, listeners: list[socket.socket]
) -> AsyncIterator[Supervisor]:
    """Serve with worker processes inside the block; raises ServeError."""
    supervisor = Supervisor(options, listeners)
    try:
        await supervisor.start()
        yield supervisor
    finally:
        await supervisor.close()


def available_cores() -> int:
    """Return the number of cores that this process may use: its affinity, or its cgroup's quota."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        cores = os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            quota, period = file.read().split()
        cores = min(cores, max(1, round(int(quota) / int(period))))
    return cores
