"""The daemons of a league, and their slots: never more games on a daemon than it serves.

A name that stands for several addresses, as that of a headless Service, is several daemons. The
Game service is one process, so what it holds is counted here; what others hold, a daemon says
itself (STATUS), which is asked before every game. The original Forge daemon says less: where all of
its threads have games STATUS is not answered, and it may begin fewer games at once than it names.

Border: addresses in, a slot out; what is played there is ``daemon_game``'s.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from trainingrun_protocol.client import ClientConnection
from trainingrun_protocol.commands import Status
from trainingrun_protocol.errors import ProtocolError
from trainingrun_protocol.lines import StatusReply

from trainingrun_league.errors import Exhausted, InvalidRequest, Unavailable

MOST_DAEMONS: Final = 64
"""Addresses that are tried for one game."""
STATUS_SECONDS: Final = 5.0
STARVED_SECONDS: Final = 600.0
"""For which a daemon that left a game without a thread gets no more games than it had then."""
_SEEK_SECONDS: Final = 30.0
_CHUNK: Final = 1 << 16

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DaemonName:
    """Where daemons are: a host's name or address, and the port."""

    host: str
    port: int


def daemons_of(text: str) -> tuple[DaemonName, ...]:
    """Read ``HOST:PORT,HOST:PORT``.

    Raises:
        InvalidRequest: it is not of this form.
    """
    found = []
    for part in text.split(","):
        host, colon, port = part.strip().rpartition(":")
        is_port = port.isascii() and port.isdecimal() and 0 < int(port[:9]) < 65_536
        if not colon or not host or not is_port or any(map(str.isspace, host)):
            raise InvalidRequest(
                f"--set game.daemons: {part.strip()[:80]!r} is no address: write HOST:PORT, several"
                " with commas"
            )
        found.append(DaemonName(host.strip("[]"), int(port)))
    return tuple(found)


@dataclass(frozen=True)
class DaemonCounts:
    """What was last seen of all daemons.

    Attributes:
        free: games that would begin at once on those that answer.
        away: daemons that do not answer, and names without an address.
    """

    free: int
    away: int


class Slot:
    """The right to play one game on one daemon; ``give_back`` may be called again.

    Attributes:
        others: games that the daemon had when the slot was leased.
    """

    def __init__(self, endpoint: str, free: Callable[[], None]) -> None:
        self.endpoint = endpoint
        self.others = 0
        self._free = free
        self._is_free = False

    def give_back(self) -> None:
        """Let another game have it."""
        if not self._is_free:
            self._is_free = True
            self._free()


class Daemons:
    """See above."""

    def __init__(
        self, names: Sequence[DaemonName], *, status_seconds: float = STATUS_SECONDS
    ) -> None:
        self._names = tuple(names)
        self._status_seconds = status_seconds
        self._held: Counter[str] = Counter()
        self._starved: dict[str, tuple[int, float]] = {}
        """How many of our games a daemon plays at once, and until when that is taken for true."""
        self.counts: DaemonCounts | None = None
        """None before the first ``count``."""

    @property
    def held(self) -> int:
        """Slots that games have."""
        return self._held.total()

    async def lease(self) -> Slot:
        """Return a slot of the daemon with the fewest games of ours.

        Raises:
            Exhausted: every daemon that answers plays as many games as it may.
            Unavailable: none answers.
        """
        full, problems = 0, list[str]()
        try:
            async with asyncio.timeout(_SEEK_SECONDS):
                endpoints = await self._endpoints(problems)
                for host, port in sorted(endpoints, key=lambda each: self._held[_text(*each)]):
                    slot = self._reserve(_text(host, port))
                    try:
                        if await self._has_room(host, port, slot):
                            return slot
                        full += 1
                    except (OSError, ProtocolError, TimeoutError) as error:
                        if self._held[slot.endpoint] > 1 and isinstance(error, TimeoutError):
                            full += 1  # all of its threads have games, ours among them
                        said = str(error) or "no answer to STATUS"
                        problems.append(f"{slot.endpoint}: {said}")
                    except asyncio.CancelledError:
                        slot.give_back()
                        raise
                    slot.give_back()
        except TimeoutError:
            problems.append(f"the search was given up after {_SEEK_SECONDS:g} s")
        for problem in problems:
            _log.warning("the daemon %s", problem)
        if full:
            raise Exhausted("every daemon plays as many games as it may: try again later")
        raise Unavailable(f"no daemon answers: {'; '.join(problems[:3]) or 'none is known'}"[:500])

    async def count(self) -> None:
        """Ask every daemon how many more games it would begin."""
        problems: list[str] = []
        endpoints = await self._endpoints(problems)
        found = await asyncio.gather(*(self._free_at(host, port) for host, port in endpoints))
        self.counts = DaemonCounts(
            free=sum(each or 0 for each in found), away=found.count(None) + len(problems)
        )

    async def _free_at(self, host: str, port: int) -> int | None:
        """Return the free slots of a daemon; None where it does not answer."""
        endpoint = _text(host, port)
        try:
            async with asyncio.timeout(self._status_seconds):
                reply = await _status(host, port)
        except TimeoutError:
            return 0 if self._held[endpoint] else None  # all of its threads have games
        except (OSError, ProtocolError):
            return None
        others = reply.max_concurrent - reply.active - (reply.queued or 0)
        ours = min(reply.slots, self._most(endpoint)) - self._held[endpoint]
        return max(0, min(others, ours))

    async def _has_room(self, host: str, port: int, slot: Slot) -> bool:
        """Ask a daemon whether one more game begins at once; the slot counts as ours already."""
        async with asyncio.timeout(self._status_seconds):
            reply = await _status(host, port)
        others, ours = reply.active + (reply.queued or 0), self._held[slot.endpoint]
        slot.others = max(others, ours - 1)
        most = min(reply.slots, self._most(slot.endpoint))
        return ours <= most and others < reply.max_concurrent

    def note_starved(self, slot: Slot) -> None:
        """Remember that a daemon has given a game no thread while it played others."""
        most = max(1, self._held[slot.endpoint] - 1)
        self._starved[slot.endpoint] = most, asyncio.get_running_loop().time() + STARVED_SECONDS
        _log.warning(
            "the daemon %s says nothing of a new game while it has %d others: at most %d of ours"
            " are played there for the next %g minutes (the original Forge daemon plays as many at"
            " once as java has -Djava.util.concurrent.ForkJoinPool.common.parallelism)",
            *(slot.endpoint, slot.others, most, STARVED_SECONDS / 60),
        )

    def _most(self, endpoint: str) -> int:
        most, until = self._starved.get(endpoint, (1, 0.0))
        if asyncio.get_running_loop().time() < until:
            return most
        self._starved.pop(endpoint, None)
        return sys.maxsize

    def _reserve(self, endpoint: str) -> Slot:
        self._held[endpoint] += 1

        def free() -> None:
            self._held[endpoint] -= 1
            if not self._held[endpoint]:
                del self._held[endpoint]

        return Slot(endpoint, free)

    async def _endpoints(self, problems: list[str]) -> list[tuple[str, int]]:
        loop = asyncio.get_running_loop()
        found: dict[tuple[str, int], None] = {}
        for name in self._names:
            try:
                infos = await loop.getaddrinfo(name.host, name.port, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError) as error:
                problems.append(f"{name.host}:{name.port}: {error}")
                continue
            found |= {(str(info[4][0]), name.port): None for info in infos}
        return list(found)[:MOST_DAEMONS]


def _text(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _status(host: str, port: int) -> StatusReply:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        connection = ClientConnection()
        writer.write(connection.start(Status()))
        while data := await reader.read(_CHUNK):
            for line in connection.receive(data):
                if isinstance(line, StatusReply):
                    return line
        raise ProtocolError("it closes the connection in place of an answer to STATUS")
    finally:
        writer.close()
