"""How many games daemons play: full of AI games for a while, or as their counters rise.

Games per second with a 95 % interval. Games of one daemon are taken as independent, so their number
in a stretch of time is Poisson's; the interval is Byar's approximation (Breslow & Day 1987, p. 69).
The first games of all slots start at once and would end in one wave; a warm-up leaves them out.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from trainingrun_protocol.access import Token
from trainingrun_protocol.client import ClientConnection
from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.errors import ProtocolError
from trainingrun_protocol.lines import (
    GameError,
    GameResult,
    GameTimeout,
    Refused,
    ServerLine,
    StatusReply,
)
from trainingrun_reconciler.controller.daemon_status import NoStatus, ask_status, split_endpoint

_Z: Final = 1.96
_CONNECT_SECONDS: Final = 10.0
_MARGIN_SECONDS: Final = 30.0
_AGAIN_SECONDS: Final = 0.5
_CHUNK: Final = 64 * 1024


@dataclass(frozen=True)
class BenchmarkPlan:
    """What is measured. ``games`` at once on each daemon; None: as many as it serves."""

    decks: tuple[str, str] = ("test_red", "test_blue")
    seconds: float = 30.0
    warmup: float = 5.0
    games: int | None = None
    limit_seconds: int = 120
    token: Token | None = None
    """What all the daemons ask for."""


@dataclass(frozen=True)
class MeasuredRate:
    """Games per second, with the bounds of its 95 % interval."""

    games: int
    seconds: float

    @property
    def value(self) -> float:
        """The rate itself."""
        return self.games / self.seconds

    @property
    def low(self) -> float:
        """Lower bound."""
        n = self.games
        return n * (1 - 1 / (9 * n) - _Z / (3 * math.sqrt(n))) ** 3 / self.seconds if n else 0.0

    @property
    def high(self) -> float:
        """Upper bound."""
        n = self.games + 1
        return n * (1 - 1 / (9 * n) + _Z / (3 * math.sqrt(n))) ** 3 / self.seconds


@dataclass(frozen=True)
class Measured:
    """One daemon. ``risen`` is the rate of its own counter, with the games of everybody else."""

    endpoint: str
    slots: int = 0
    played: MeasuredRate | None = None
    risen: MeasuredRate | None = None
    durations: tuple[float, ...] = ()
    failures: int = 0
    problem: str = ""


def sum_of(rates: Sequence[MeasuredRate]) -> MeasuredRate | None:
    """Return all daemons together; they were measured over the same time."""
    if not rates:
        return None
    seconds = sum(rate.seconds for rate in rates) / len(rates)
    return MeasuredRate(sum(rate.games for rate in rates), seconds)


def quantile(durations: Sequence[float], share: float) -> float:
    """Return the duration that this share of the games does not pass."""
    ordered = sorted(durations)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


async def measure(endpoints: Sequence[str], plan: BenchmarkPlan) -> list[Measured]:
    """Fill all daemons with AI games at the same time, and count."""
    return list(await asyncio.gather(*(_filled(name, plan) for name in endpoints)))


async def watch(endpoints: Sequence[str], plan: BenchmarkPlan) -> list[Measured]:
    """Play nothing, and see how the daemons' own counters rise."""
    return list(await asyncio.gather(*(_watched(name, plan) for name in endpoints)))


@dataclass
class _Count:
    """What the players of one daemon have counted; ``begins`` is when counting does."""

    begins: float
    ends: float
    games: int = 0
    failures: int = 0
    durations: list[float] = field(default_factory=list)
    last_failure: str = ""

    @property
    def is_over(self) -> bool:
        return monotonic() >= self.ends

    def add(self, line: ServerLine, seconds: float) -> None:
        """Count a game that has ended now."""
        if not self.begins <= monotonic() < self.ends:
            return
        if isinstance(line, GameResult | GameTimeout):
            self.games += 1
            self.durations.append(seconds)
        else:
            self.fail(str(getattr(line, "text", line)))

    def fail(self, why: str) -> None:
        """Count a game that came to nothing."""
        self.failures += 1
        self.last_failure = why


async def _filled(endpoint: str, plan: BenchmarkPlan) -> Measured:
    try:
        before = await ask_status(endpoint)
        began = monotonic()
        count = _Count(began + plan.warmup, began + plan.warmup + plan.seconds)
        slots = plan.games or before.slots
        await _play_on_all(endpoint, plan, count, slots)
        after, elapsed = await ask_status(endpoint), monotonic() - began
    except (NoStatus, _Refusal) as error:
        return Measured(endpoint, problem=str(error))
    if not count.games:
        why = count.last_failure or "no game ended in this time: give more --seconds"
        return Measured(endpoint, slots=slots, failures=count.failures, problem=why)
    return Measured(
        endpoint,
        slots=slots,
        played=MeasuredRate(count.games, plan.seconds),
        risen=_risen(before, after, elapsed),
        durations=tuple(count.durations),
        failures=count.failures,
    )


async def _watched(endpoint: str, plan: BenchmarkPlan) -> Measured:
    try:
        before, began = await ask_status(endpoint), monotonic()
        await asyncio.sleep(plan.seconds)
        after, elapsed = await ask_status(endpoint), monotonic() - began
    except NoStatus as error:
        return Measured(endpoint, problem=str(error))
    risen = _risen(before, after, elapsed)
    problem = "" if risen is not None else "its STATUS has no count of games, or it was restarted"
    return Measured(endpoint, slots=before.slots, risen=risen, problem=problem)


def _risen(before: StatusReply, after: StatusReply, seconds: float) -> MeasuredRate | None:
    if before.total is None or after.total is None or after.total < before.total:
        return None
    return MeasuredRate(after.total - before.total, seconds)


class _Refusal(Exception):
    """The daemon does not play these decks."""


async def _play_on_all(endpoint: str, plan: BenchmarkPlan, count: _Count, slots: int) -> None:
    """Play on ``slots`` slots until the time is over; running games are given up then."""
    players = [asyncio.create_task(_play_on_one(endpoint, plan, count)) for _ in range(slots)]
    try:
        done, _ = await asyncio.wait(
            players, timeout=count.ends - monotonic(), return_when=asyncio.FIRST_EXCEPTION
        )
    finally:
        for player in players:
            player.cancel()
        await asyncio.gather(*players, return_exceptions=True)
    for player in done:
        player.result()


async def _play_on_one(endpoint: str, plan: BenchmarkPlan, count: _Count) -> None:
    while not count.is_over:
        try:
            await _play_on_a_link(endpoint, plan, count)
        except (OSError, TimeoutError, ProtocolError) as error:
            count.fail(f"a connection failed: {error or type(error).__name__}")
            await asyncio.sleep(_AGAIN_SECONDS)


async def _play_on_a_link(endpoint: str, plan: BenchmarkPlan, count: _Count) -> None:
    """Games one after another, as long as the daemon keeps the connection."""
    host, port = split_endpoint(endpoint)
    async with asyncio.timeout(_CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection(host, port)
    protocol = ClientConnection(token=plan.token)
    command = NewGame(
        deck1=plan.decks[0],
        deck2=plan.decks[1],
        quiet=True,
        limit_seconds=plan.limit_seconds,
        keep_open=True,
    )
    try:
        while not (reader.at_eof() or protocol.is_spent):
            began = monotonic()
            writer.write(protocol.start(command))
            line = await _terminal_line(reader, protocol, plan.limit_seconds + _MARGIN_SECONDS)
            if line is None:
                return  # it closed between two games
            if isinstance(line, Refused):
                raise _Refusal(f"it refuses the game: {line.text}: see --decks and --token-file")
            count.add(line, monotonic() - began)
    finally:
        writer.close()


async def _terminal_line(
    reader: asyncio.StreamReader, protocol: ClientConnection, seconds: float
) -> ServerLine | None:
    """Return the end of a game; None when the daemon closed before it said anything."""
    has_spoken = False
    async with asyncio.timeout(seconds):
        while data := await reader.read(_CHUNK):
            has_spoken = True
            for line in protocol.receive(data):
                if isinstance(line, GameResult | GameTimeout | GameError | Refused):
                    return line
    if has_spoken:
        protocol.close()  # raises ConnectionLost
    return None
