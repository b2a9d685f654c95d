"""The arithmetic of the ledger: what became of every transition. Pure; no Redis here.

``produced = trained + queued + dropped + lost`` must hold for every run at every quiet moment.

The learner is the only writer of the right-hand side but ``queued``. It keeps absolute totals and,
per actor, a mark: the last accounted sequence number and the actor's own running counts at that
point. Segments of one actor arrive in order of ``seq`` (an actor appends in order, and a restarted
learner takes the pending entries before new ones), so a segment at or below the mark is a repeated
delivery, and a jump of ``produced_before`` beyond the mark is data that is gone: the part that the
actor's spool discarded is ``dropped: spool``, the rest is ``lost``.

A repeated delivery was queued twice and made once; it is counted as ``duplicate`` on both sides.

Every start of an actor has a mark. Those of actors that are long gone are folded: what they made
goes into one sum (``folded``), and their marks go (ADR 30). A fold is given up as soon as its actor
is heard of, until the next one makes it final.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

import msgspec
from msgspec import Struct

from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_contracts.stream.keys import ENTRY_STEPS

LARGEST_COUNT: Final = 2**63 - 1
"""What a counter of the ledger goes up to: the API server takes no larger integer."""
LARGEST_GAP: Final = 2**32
"""Transitions that may be missing before one segment: months of an actor whose spool overflows."""


class Fate(Enum):
    """What the learner did with a segment."""

    TRAINED = "trained"
    STALE = "stale"
    DUPLICATE = "duplicate"
    POISON = "poison"
    SPOOL = "spool"


class Mark(Struct, frozen=True, array_like=True):
    """How far one actor's segments are accounted for, and when the last of them was: at which
    publication, and at what time (Unix seconds)."""

    seq: int = -1
    produced: int = 0
    discarded: int = 0
    publish: int = 0
    at: int = 0


class Totals(Struct, frozen=True):
    """The learner's side of the ledger, in transitions."""

    trained: int = 0
    stale: int = 0
    duplicate: int = 0
    poison: int = 0
    spool: int = 0
    lost: int = 0


class LedgerSnapshot(Struct, frozen=True):
    """Totals and marks at one moment: what goes into a checkpoint beside the weights.

    ``folded`` is what actors without a mark have produced.
    """

    totals: Totals = Totals()
    marks: dict[str, Mark] = {}
    folded: int = 0

    @property
    def accounted(self) -> int:
        """Transitions of the actors' own counts that have found their place; it only grows."""
        totals = self.totals
        return totals.trained + totals.stale + totals.spool + totals.lost


def latest(one: LedgerSnapshot, other: LedgerSnapshot) -> LedgerSnapshot:
    """Return the later of two states of the same accounts; ``one`` where they are equally late.

    Where Redis and a checkpoint disagree, one of them has lost its last moments or everything, and
    the other holds what happened since; there is only one learner at a time, so they cannot have
    gone different ways.
    """
    return other if other.accounted > one.accounted else one


def resumed_ledger(redis: LedgerSnapshot, checkpoint: LedgerSnapshot) -> LedgerSnapshot:
    """Return the snapshot to resume from, given Redis' and a checkpoint's.

    A Redis that has fallen far behind still has the counts of actors that were folded since; so
    these are taken out of the sum again, or they would count twice.
    """
    ledger = latest(redis, checkpoint)
    returned = {actor: mark for actor, mark in redis.marks.items() if actor not in ledger.marks}
    folded = ledger.folded - sum(mark.produced for mark in returned.values())
    return ledger if folded < 0 else LedgerSnapshot(ledger.totals, ledger.marks | returned, folded)


class Accounts:
    """Totals and marks, changed one segment at a time.

    Attributes:
        marks: of the actors that may send more.
        leaving: of those whose fold is under way: in Redis it may be done or undone.
        folded: what those have produced whose fold is final.
    """

    def __init__(self, totals: Totals, marks: dict[str, Mark], *, folded: int = 0) -> None:
        self._counts = msgspec.structs.asdict(totals)
        self.marks = dict(marks)
        self.leaving: dict[str, Mark] = {}
        self.folded = folded

    @property
    def totals(self) -> Totals:
        """The totals as a value."""
        return Totals(**self._counts)

    @property
    def ledger(self) -> LedgerSnapshot:
        """All of it as a value; actors that are leaving are among the marks."""
        return LedgerSnapshot(self.totals, self.marks | self.leaving, self.folded)

    def mark_of(self, actor: str) -> Mark:
        """Return how far an actor is accounted for."""
        return self.marks.get(actor) or self.leaving.get(actor) or Mark()

    def is_duplicate(self, header: SegmentHeader) -> bool:
        """Return whether this segment has been accounted for before."""
        return header.seq <= self.mark_of(header.actor).seq

    def missing_before(self, header: SegmentHeader) -> int:
        """Transitions between the last accounted segment of an actor and this one."""
        return header.produced_before - self.mark_of(header.actor).produced

    def contradicts(
        self, header: SegmentHeader, transitions: int, *, produced: int | None = None
    ) -> bool:
        """Return whether a new segment says of its actor what cannot be, after what is known:
        counts that sink, more discarded than missing, more or fewer transitions missing than the
        missing segments can hold, or (where it is known) more than the actor has ``produced``.
        Nothing of our actors does."""
        if self.is_duplicate(header):
            return False
        mark = self.mark_of(header.actor)
        discarded = header.discarded_before - mark.discarded
        missing = self.missing_before(header)
        segments = header.seq - mark.seq - 1
        if not 0 <= discarded <= missing:
            return True
        if missing > LARGEST_GAP or not segments <= missing <= segments * ENTRY_STEPS:
            return True
        return produced is not None and header.produced_before + transitions > produced

    def record(
        self, header: SegmentHeader, transitions: int, fate: Fate, *, publish: int = 0, at: int = 0
    ) -> None:
        """Account for one segment, and for what is missing between it and its predecessor."""
        if self.is_duplicate(header):
            self._count(Fate.DUPLICATE.value, transitions)
            mark = self.mark_of(header.actor)
            self._mark(header.actor, msgspec.structs.replace(mark, publish=publish, at=at))
            return
        mark = self.mark_of(header.actor)
        discarded = header.discarded_before - mark.discarded
        missing = header.produced_before - mark.produced
        self._count(Fate.SPOOL.value, discarded)
        self._count("lost", missing - discarded)
        self._count(fate.value, transitions)
        produced = header.produced_before + transitions
        last = Mark(header.seq, produced, header.discarded_before, publish, at)
        self._mark(header.actor, last)

    def record_poison(self, transitions: int) -> None:
        """Account for an entry that does not decode; ``transitions`` is what its producer said."""
        self._count(Fate.POISON.value, transitions)

    def settle(self, appended: dict[str, Mark], *, publish: int = 0, at: int = 0) -> None:
        """Count as lost what actors appended beyond their marks.

        Only true at a moment when the stream was empty in the same transaction that read
        ``appended`` (per actor: its last sequence number and all it had produced up to there).
        """
        for actor, last in appended.items():
            mark = self.mark_of(actor)
            if last.seq > mark.seq and last.produced > mark.produced:
                self._count("lost", last.produced - mark.produced)
                self._mark(actor, Mark(last.seq, last.produced, mark.discarded, publish, at))

    def retire(self, actors: Iterable[str], *, at: int) -> None:
        """Begin to fold these actors, and make the fold before final.

        To be acknowledged at once (``RolloutReader.acknowledge``), which folds them in Redis; with
        every later acknowledgement, too, so that a Redis that comes back a second older is
        followed by no wrong sum.
        """
        self.folded = min(self.folded + self._leaving_produced, LARGEST_COUNT)
        self.leaving = {
            actor: msgspec.structs.replace(self.marks.pop(actor), at=at) for actor in actors
        }

    def keep(self, actors: Iterable[str]) -> None:
        """Give up the fold of these actors: Redis has more of them than is accounted for."""
        for actor in actors:
            self.marks[actor] = self.leaving.pop(actor)

    @property
    def _leaving_produced(self) -> int:
        return sum(mark.produced for mark in self.leaving.values())

    def _mark(self, actor: str, mark: Mark) -> None:
        self.leaving.pop(actor, None)
        self.marks[actor] = mark

    def _count(self, name: str, transitions: int) -> None:
        self._counts[name] = min(self._counts[name] + transitions, LARGEST_COUNT)
