"""Coordination of several ranks: rank 0 decides, the workers follow its commands.

Rank 0 alone reads the queue, publishes, saves and reports; for each update it scatters the
segments. So the account of every transition is kept in one place, and other processes need not know
how many ranks there are. Ranks that read a part of the queue each were refused for now: scattering
costs 9 µs a segment, and the learner's arithmetic a thousand times that.

Every half second all ranks exchange a command, also when there is nothing to do: that is how a
SIGTERM that only one of them got reaches rank 0, and how a rank that died is noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from threading import Event
from typing import assert_never

import msgspec
from trainingrun_contracts.segment import Segment, decode, encode

from trainingrun_trainer.distributed import DistributedRanks, RankLost, SingleRank
from trainingrun_trainer.updater import Updater, UpdateResult


class Command(IntEnum):
    """What rank 0 orders next."""

    WAIT = 0
    TRAIN = 1
    END = 2
    SHARE = 3


class Rank0:
    """Rank 0's side, or that of a learner alone.

    Attributes:
        updater: rank 0's own.
    """

    def __init__(self, updater: Updater, ranks: SingleRank | DistributedRanks) -> None:
        self.updater = updater
        self._others = ranks if isinstance(ranks, DistributedRanks) else None

    def start(self) -> None:
        """Send the workers the state to start from."""
        if self._others is not None:
            share_state(self.updater, self._others)

    def share(self) -> None:
        """Send the workers the state of rank 0 again, after it was restored."""
        if self._others is not None:
            _exchange(self._others, Command.SHARE)
            share_state(self.updater, self._others)

    def is_stop_wanted(self) -> bool:
        """Let all ranks wait on; return whether another rank was asked to stop."""
        return self._others is not None and _exchange(self._others, Command.WAIT)[1]

    def update(
        self, segments: Sequence[Segment], *, games: int, weights: Sequence[float] = ()
    ) -> UpdateResult:
        """Train on segments, together; the run has played this number of training games. Where
        they were sampled, ``weights`` is what each counts for: then there is one rank."""
        if self._others is None:
            return self.updater.train(segments, games=games, weights=weights)
        _exchange(self._others, Command.TRAIN)
        own, *others = scatter(segments, self._others.size)
        for rank, scattered in enumerate(others, start=1):
            self._others.send(msgspec.msgpack.encode([encode(each) for each in scattered]), to=rank)
        return self.updater.train(own, games=games)

    def end(self) -> None:
        """End the workers; those that have ended already need no command."""
        if self._others is None:
            return
        try:
            _exchange(self._others, Command.END)
            self._others.close()
        except RankLost:
            return


def run_worker(updater: Updater, ranks: DistributedRanks, *, stop: Event) -> None:
    """Execute the commands of rank 0, until it orders the end.

    Raises:
        RankLost: another rank has ended.
    """
    share_state(updater, ranks)
    while True:
        command, _ = _exchange(ranks, Command.WAIT, wants_stop=stop.is_set())
        match command:
            case Command.WAIT:
                continue
            case Command.TRAIN:
                contents = msgspec.msgpack.decode(ranks.receive(), type=list[bytes])
                segments = [decode(content) for content in contents]
                updater.train(segments, games=0)  # rank 0 knows it; no algorithm of ranks asks
            case Command.SHARE:
                share_state(updater, ranks)
            case Command.END:
                ranks.close()
                return
            case _ as never:
                assert_never(never)


def share_state(updater: Updater, ranks: DistributedRanks) -> None:
    """Make the updaters of all ranks equal to that of rank 0."""
    shuffle = updater.generator.get_state()
    tensors = [*updater.model().values(), *updater.moments().values()]
    for tensor in (*tensors, shuffle):
        ranks.copy_from_first(tensor)
    updater.generator.set_state(shuffle)


def scatter(segments: Sequence[Segment], ranks: int) -> list[list[Segment]]:
    """Return neighbouring segments for each rank, with about equal steps; maybe none."""
    total = sum(segment.transitions for segment in segments)
    scattered: list[list[Segment]] = [[] for _ in range(ranks)]
    before = 0
    for segment in segments:
        middle = before + segment.transitions / 2
        scattered[min(int(middle * ranks / total), ranks - 1)].append(segment)
        before += segment.transitions
    return scattered


def _exchange(
    ranks: DistributedRanks, command: Command, *, wants_stop: bool = False
) -> tuple[Command, bool]:
    """Return rank 0's command (workers send WAIT), and whether any rank is to stop."""
    reply, stop = ranks.largest([command, int(wants_stop)])
    return Command(reply), bool(stop)
