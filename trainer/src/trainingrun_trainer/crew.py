"""What several ranks do together: rank 0 leads, the others follow its word.

Rank 0 alone reads the queue, publishes, saves and reports; for each update it deals the segments
out. So the account of every transition is kept in one place, and a run of several ranks looks to
everybody else like a run of one. Ranks that read a part of the queue each were refused for now: the
dealing costs 9 µs a segment, and the learner's arithmetic a thousand times that.

Every half second all ranks exchange a word, also when there is nothing to do: that is how a SIGTERM
that only one of them got reaches rank 0, and how a rank that died is noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from threading import Event
from typing import assert_never

import msgspec
import torch
from trainingrun_contracts.observation.schema import ACTION_WIDTH, STATE_WIDTH
from trainingrun_contracts.segment import Segment, decode, encode

from trainingrun_trainer.batch import Batch, pack
from trainingrun_trainer.distributed import Alone, ProcessRanks, RankLost
from trainingrun_trainer.networks.packed import pack_rows
from trainingrun_trainer.update import PpoUpdater, UpdateResult


class Word(IntEnum):
    """What rank 0 says next."""

    WAIT = 0
    TRAIN = 1
    END = 2
    SHARE = 3


class Lead:
    """Rank 0's side, or that of a learner alone.

    Attributes:
        updater: rank 0's own.
    """

    def __init__(self, updater: PpoUpdater, ranks: Alone | ProcessRanks) -> None:
        self.updater = updater
        self._others = ranks if isinstance(ranks, ProcessRanks) else None

    def start(self) -> None:
        """Give the others the state to start from."""
        if self._others is not None:
            share_state(self.updater, self._others)

    def share(self) -> None:
        """Give the others the state of rank 0 again, after it was restored."""
        if self._others is not None:
            _exchange(self._others, Word.SHARE)
            share_state(self.updater, self._others)

    def is_stop_wanted(self) -> bool:
        """Have everybody wait on; whether another rank was told to stop."""
        return self._others is not None and _exchange(self._others, Word.WAIT)[1]

    def update(self, segments: Sequence[Segment]) -> UpdateResult:
        """Train on segments, together."""
        if self._others is None:
            return self.updater.update(pack(segments))
        _exchange(self._others, Word.TRAIN)
        own, *others = deal(segments, self._others.size)
        for rank, dealt in enumerate(others, start=1):
            self._others.send(msgspec.msgpack.encode([encode(each) for each in dealt]), to=rank)
        return self.updater.update(_packed(own))

    def end(self) -> None:
        """Let the others go; those that are gone already need no word."""
        if self._others is None:
            return
        try:
            _exchange(self._others, Word.END)
            self._others.close()
        except RankLost:
            return


def follow(updater: PpoUpdater, ranks: ProcessRanks, *, stop: Event) -> None:
    """Do what rank 0 says, until it says that this is the end.

    Raises:
        RankLost: another rank has ended.
    """
    share_state(updater, ranks)
    while True:
        word, _ = _exchange(ranks, Word.WAIT, wants_stop=stop.is_set())
        match word:
            case Word.WAIT:
                continue
            case Word.TRAIN:
                contents = msgspec.msgpack.decode(ranks.receive(), type=list[bytes])
                updater.update(_packed([decode(content) for content in contents]))
            case Word.SHARE:
                share_state(updater, ranks)
            case Word.END:
                ranks.close()
                return
            case _ as never:
                assert_never(never)


def share_state(updater: PpoUpdater, ranks: ProcessRanks) -> None:
    """Make the updaters of all ranks equal to that of rank 0."""
    shuffle = updater.generator.get_state()
    tensors = [*updater.policy.state_dict().values(), *updater.optimiser.tensors().values()]
    for tensor in (*tensors, shuffle):
        ranks.copy_from_first(tensor)
    updater.generator.set_state(shuffle)


def deal(segments: Sequence[Segment], ranks: int) -> list[list[Segment]]:
    """Neighbouring segments for each rank, so that all have about as many steps; maybe none."""
    total = sum(segment.transitions for segment in segments)
    dealt: list[list[Segment]] = [[] for _ in range(ranks)]
    before = 0
    for segment in segments:
        middle = before + segment.transitions / 2
        dealt[min(int(middle * ranks / total), ranks - 1)].append(segment)
        before += segment.transitions
    return dealt


def _exchange(ranks: ProcessRanks, word: Word, *, wants_stop: bool = False) -> tuple[Word, bool]:
    """Rank 0's word (the others have none of their own), and whether any rank is to stop."""
    said, stop = ranks.largest([word, int(wants_stop)])
    return Word(said), bool(stop)


def _packed(segments: Sequence[Segment]) -> Batch:
    """The segments as a batch, also where there are none."""
    if segments:
        return pack(segments)
    nothing = torch.zeros(0)
    none = torch.zeros(0, dtype=torch.int64)
    return Batch(
        states=torch.zeros(0, STATE_WIDTH, dtype=torch.float16),
        actions=torch.zeros(0, ACTION_WIDTH, dtype=torch.float16),
        rows=pack_rows(none),
        chosen=none,
        behaviour=nothing,
        rewards=nothing,
        lengths=none,
        next_states=torch.zeros(0, STATE_WIDTH, dtype=torch.float16),
        continues=torch.zeros(0, dtype=torch.bool),
    )
