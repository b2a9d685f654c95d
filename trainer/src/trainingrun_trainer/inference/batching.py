"""What is computed next: whole requests, those of each connection in turn, up to a batch.

Pure: no clock, no socket, no device. There is no timer either: as soon as the device is idle it
gets what waits, and while it is busy more comes to wait. A timer would make a lone search wait for
company that does not come, and adds nothing where many ask.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import Final, Generic, TypeVar

_Item = TypeVar("_Item")
_STEPS_BETWEEN: Final = 4


class Waiting(Generic[_Item]):
    """Requests that wait, in the order of each connection.

    A batch takes the oldest request of each connection in turn, so that one with many outstanding
    requests does not hold up the others. Requests are never split: each is answered by one set of
    weights.
    """

    def __init__(self) -> None:
        self.rows = 0
        """Positions that wait, over all requests."""
        self._queues: dict[int, deque[tuple[int, _Item]]] = {}
        """By connection, in the order in which their turns come."""

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def add(self, connection: int, rows: int, item: _Item) -> None:
        """Let a request wait behind those of its connection."""
        self._queues.setdefault(connection, deque()).append((rows, item))
        self.rows += rows

    def drop(self, connection: int) -> None:
        """Forget what a closed connection waits for."""
        for rows, _ in self._queues.pop(connection, ()):
            self.rows -= rows

    def take(self, most_rows: int) -> list[_Item]:
        """Return the requests of the next batch, which wait no longer; none where none waits.

        It ends with the first one that does not fit, whose turn is then the next: a large one is
        not overtaken for ever.
        """
        taken: list[_Item] = []
        room = most_rows
        while self._queues:
            connection, queue = next(iter(self._queues.items()))
            rows, item = queue[0]
            if taken and rows > room:
                break
            queue.popleft()
            del self._queues[connection]
            if queue:
                self._queues[connection] = queue
            taken.append(item)
            room -= rows
            self.rows -= rows
        return taken


def buckets_up_to(most_rows: int) -> tuple[int, ...]:
    """Return the sizes that batches are padded to: four between a power of two and the next.

    A device is quickest with few different sizes, each of which it prepares for once; padding costs
    at most a quarter of the rows, and less the larger a batch is.
    """
    sizes: list[int] = []
    size, step = 1, 1
    while size < most_rows:
        sizes.append(size)
        step = max(1, (1 << (size.bit_length() - 1)) // _STEPS_BETWEEN)
        size += step
    return (*sizes, most_rows)


def padded(rows: int, buckets: tuple[int, ...]) -> int:
    """Return the size that a batch of this many rows is padded to."""
    return buckets[bisect_left(buckets, rows)]
