"""The spool's numbers let the ledger close, whatever Redis forgets and the spool throws away."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_actor.policy import Choice, load_policy
from trainingrun_actor.recorder import Clock, GameIdentity, Recorder
from trainingrun_actor.spool import Spool
from trainingrun_contracts.segment import Segment
from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_contracts.stream.accounts import Accounts, Fate, Totals
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.magic.spec import SPEC
from trainingrun_environments.observation import Observation

Make = Callable[[int], Segment]


@pytest.fixture(scope="module")
def make(request: pytest.FixtureRequest) -> Make:
    """Makes a segment of this many steps."""

    def segment(steps: int) -> Segment:
        header = SegmentHeader(
            "run", 1, "h", 1, "a", 0, 0, 0, "g", 1, 0, ("x", "y"), "latest", "", True, False, 0.0
        )
        return Segment(
            header=header,
            versions=np.zeros(steps, np.int32),
            publishes=np.zeros(steps, np.int32),
            states=np.zeros((steps, 8), np.float16),
            actions=np.zeros((steps, 4), np.float16),
            offsets=np.arange(steps + 1, dtype=np.int32),
            chosen=np.zeros(steps, np.int32),
            log_probs=np.zeros(steps, np.float32),
            values=np.zeros(steps, np.float32),
            rewards=np.zeros(steps, np.float32),
            bootstrap_state=None,
        )

    return segment


class Redis:
    """What the server remembers of one actor, and what the learner makes of it."""

    def __init__(self) -> None:
        self.entries: list[SegmentHeader] = []
        self.sizes: list[int] = []

    @property
    def appended(self) -> int:
        """Sequence number of the last entry."""
        return self.entries[-1].seq if self.entries else -1

    def take(self, spool: Spool, count: int) -> None:
        """Append the first entries of the next batch."""
        for entry in spool.next_batch(most_bytes=10**9)[:count]:
            self.entries.append(entry.header)
            self.sizes.append(entry.segment.transitions)

    def forget(self, count: int) -> None:
        """Lose the last entries, as a kill -9 does."""
        if count:
            del self.entries[-count:], self.sizes[-count:]

    def totals(self) -> Totals:
        """The learner's accounts after reading everything."""
        accounts = Accounts(Totals(), {})
        for header, size in zip(self.entries, self.sizes, strict=True):
            accounts.record(header, size, Fate.TRAINED)
        return accounts.totals


def test_numbers_count_up(make: Make) -> None:
    """Sequence numbers by one, produced by the steps before."""
    spool = Spool()
    for steps in (3, 5, 2):
        spool.add(make(steps))
    headers = [entry.header for entry in spool.next_batch(most_bytes=10**9)]
    assert [(h.seq, h.produced_before, h.discarded_before) for h in headers] == [
        (0, 0, 0),
        (1, 3, 0),
        (2, 8, 0),
    ]


def test_a_full_spool_drops_the_oldest_and_says_so(make: Make) -> None:
    """The entries behind the dropped ones carry their number of transitions."""
    size = make(4).states.nbytes + make(4).actions.nbytes + 2048
    spool = Spool(spool_bytes=2 * size)
    for _ in range(4):
        spool.add(make(4))
    headers = [entry.header for entry in spool.next_batch(most_bytes=10**9)]
    assert [(h.seq, h.discarded_before) for h in headers] == [(2, 8), (3, 8)]
    assert spool.discarded == 8


def test_sent_segments_are_kept_for_a_while(make: Make) -> None:
    """Five seconds after sending, nothing is kept any longer."""
    spool = Spool()
    spool.add(make(1))
    spool.next_batch(most_bytes=1)
    spool.mark_sent(1, now=100.0)
    assert spool.is_keeping
    spool.forget_old(now=105.1)
    assert not spool.is_keeping


def test_what_redis_forgot_is_sent_again(make: Make) -> None:
    """After a rewind the forgotten entries come first, with their old numbers."""
    spool = Spool()
    for steps in (1, 2, 3):
        spool.add(make(steps))
    spool.next_batch(most_bytes=10**9)
    spool.mark_sent(3, now=0.0)
    spool.rewind(0, now=0.0)
    assert [entry.seq for entry in spool.next_batch(most_bytes=10**9)] == [1, 2]


def test_what_had_arrived_is_not_sent_again(make: Make) -> None:
    """A lost reply: Redis has the batch although the sender saw an error."""
    spool = Spool()
    for steps in (1, 2, 3):
        spool.add(make(steps))
    spool.next_batch(most_bytes=10**9)
    spool.rewind(1, now=0.0)
    assert [entry.seq for entry in spool.next_batch(most_bytes=10**9)] == [2]


@settings(max_examples=100)
@given(
    rounds=st.lists(
        st.tuples(
            st.lists(st.integers(1, 6), max_size=6),  # segments made
            st.integers(0, 8),  # of the next batch, how many arrive
            st.booleans(),  # whether the reply arrives too
            st.integers(0, 3),  # how many of its last entries Redis forgets
        ),
        max_size=12,
    ),
    room=st.integers(2, 6),
)
def test_the_ledger_closes(
    make: Make, rounds: list[tuple[list[int], int, bool, int]], room: int
) -> None:
    """produced = trained + spool + lost after any mix of losses; nothing is trained twice."""
    size = make(6).states.nbytes + make(6).actions.nbytes + 2048
    spool, redis = Spool(spool_bytes=room * size, kept_bytes=3 * size), Redis()
    for made, arriving, is_answered, forgotten in rounds:
        for steps in made:
            spool.add(make(steps))
        before = len(redis.entries)
        redis.take(spool, arriving)
        if is_answered:
            spool.mark_sent(len(redis.entries) - before, now=0.0)
        redis.forget(min(forgotten, len(redis.entries)))
        spool.rewind(redis.appended, now=0.0)
        waiting = spool.next_batch(most_bytes=10**9)
        assert spool.waiting_transitions == sum(each.segment.transitions for each in waiting)
        spool.rewind(redis.appended, now=0.0)  # nothing of these was tried
    while not spool.is_empty:
        count = len(spool.next_batch(most_bytes=10**9))
        redis.take(spool, count)
        spool.mark_sent(count, now=0.0)
    spool.add(make(1))  # a last one shows the learner what was lost before it
    redis.take(spool, 1)
    totals = redis.totals()
    assert totals.duplicate == 0
    assert totals.spool == spool.discarded
    assert totals.lost >= 0
    assert spool.produced == totals.trained + totals.spool + totals.lost


def test_recorded_segments_fit(
    make: Make, blob: bytes, pointer: Pointer, observe: Callable[[int, int], Observation]
) -> None:
    """A real segment of a recorder gets its numbers in the header that travels."""
    spool = Spool()
    spool.add(make(4))
    identity = GameIdentity("run", SPEC.schema_hash, "a", "g", 1, 0, ("x", "y"), "latest")
    recorder = Recorder(identity, clock=Clock(lambda: 0.0, lambda: 0.0), emit=spool.add)
    recorder.add(load_policy(blob, pointer, SPEC), observe(0, 2), Choice(0, -0.5, 0.0))
    recorder.finish(1.0)
    last = spool.next_batch(most_bytes=10**9)[-1].numbered()
    assert (last.header.seq, last.header.produced_before) == (1, 4)
