"""The daemon's slots: which games run, which wait, and what STATUS says of them.

Border: no sockets. A Seeker waits for a slot (a connection, or a connection of another process)
and is called back when it may begin. The invariants, after every call: never more than
``max_concurrent`` run, never more than ``per_address`` of one address, and no seeker waits that may
begin. Without the second bound one client can hold all slots, where a daemon has no token.

Connections know the slots only as a SlotAllocator: it is in their own process or in another one.
"""

from collections import Counter
from collections.abc import Callable, Collection
from typing import Protocol, TypeAlias

from trainingrun_protocol.lines import StatusReply

StatusReader: TypeAlias = Callable[[StatusReply], None]
"""Takes the counters, at once or later."""


class Seeker(Protocol):
    """A client's game that waits for a slot, or holds one."""

    @property
    def address(self) -> str:
        """The network address of the client who plays."""

    def begin_game(self) -> None:
        """Called once, when a slot is free; the slot is the seeker's until it is released."""


class SlotAllocator(Protocol):
    """Allocates the slots of the whole daemon."""

    def request(self, seeker: Seeker) -> None:
        """Begin the seeker's game as soon as a slot is free; others wait in order of arrival."""

    def release(self, seeker: Seeker) -> None:
        """Take back the slot, or the place in the queue; without either nothing happens."""

    def ask_status(self, reader: StatusReader) -> None:
        """Pass the counters of the whole daemon to the reader."""


class Slots:
    """Running and waiting games, in order of arrival."""

    def __init__(self, *, max_concurrent: int, per_address: int | None = None) -> None:
        self.max_concurrent = max_concurrent
        self._per_address = max_concurrent if per_address is None else per_address
        self._held: Counter[str] = Counter()
        self._running: set[Seeker] = set()
        self._waiting: dict[Seeker, None] = {}  # ordered; one that leaves is found at once
        self._total = 0

    @property
    def active(self) -> int:
        """Number of games that run."""
        return len(self._running)

    @property
    def queued(self) -> int:
        """Number of games that wait for a slot."""
        return len(self._waiting)

    def request(self, seeker: Seeker) -> None:
        """Begin the game at once or queue it."""
        self._waiting[seeker] = None
        self._fill()

    def release(self, seeker: Seeker) -> None:
        """Take back the slot, or the place in the queue; without either nothing happens."""
        self.release_all((seeker,))

    def release_all(self, seekers: Collection[Seeker]) -> None:
        """Take back what all of these have, before anybody else begins."""
        for seeker in seekers:
            if seeker in self._running:
                self._running.remove(seeker)
                self._take_back(seeker.address)
            self._waiting.pop(seeker, None)
        self._fill()

    def status(self, *, uptime_seconds: int) -> StatusReply:
        """Return the counters. ``total`` counts the games that have begun."""
        return StatusReply(
            active=self.active,
            queued=self.queued,
            total=self._total,
            uptime_seconds=uptime_seconds,
            max_concurrent=self.max_concurrent,
        )

    def _fill(self) -> None:
        while len(self._running) < self.max_concurrent:
            seeker = next((each for each in self._waiting if self._may_begin(each)), None)
            if seeker is None:
                return
            del self._waiting[seeker]
            self._running.add(seeker)
            self._held[seeker.address] += 1
            self._total += 1
            seeker.begin_game()

    def _may_begin(self, seeker: Seeker) -> bool:
        return self._held[seeker.address] < self._per_address

    def _take_back(self, address: str) -> None:
        self._held[address] -= 1
        if not self._held[address]:
            del self._held[address]


class LocalSlotAllocator:
    """The slots of a daemon that is one process."""

    def __init__(self, slots: Slots, clock: Callable[[], float]) -> None:
        self.slots = slots
        self._clock = clock
        self._started = clock()

    def request(self, seeker: Seeker) -> None:
        """See SlotAllocator."""
        self.slots.request(seeker)

    def release(self, seeker: Seeker) -> None:
        """See SlotAllocator."""
        self.slots.release(seeker)

    def ask_status(self, reader: StatusReader) -> None:
        """See SlotAllocator."""
        reader(self.slots.status(uptime_seconds=int(self._clock() - self._started)))
