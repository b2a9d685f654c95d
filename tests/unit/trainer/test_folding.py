"""Which actors are gone: those of whom nothing that they may still send would be trained."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from trainingrun_contracts.segment import Segment, encode
from trainingrun_contracts.stream.accounts import Accounts, Fate, Mark, Totals
from trainingrun_contracts.stream.read import Entry
from trainingrun_trainer.batcher import Batcher
from trainingrun_trainer.folding import FOLD_SECONDS, MOST, SILENT_SECONDS, Folding, gone
from trainingrun_trainer.prefetcher import Received

NOW = 10.0 * SILENT_SECONDS
LATE = int(NOW)
EARLY = int(NOW) - SILENT_SECONDS - 1
MAX_LAG = 8
MakeSegment = Callable[..., Segment]


def of(marks: dict[str, Mark], *members: str, publish: int = 100) -> list[str]:
    """Who is gone now."""
    return gone(marks, members, publish=publish, max_lag=MAX_LAG, now=NOW)


def test_only_long_silence_and_many_publications_make_an_actor_gone() -> None:
    """Expect each of the two alone to be too little."""
    marks = {
        "a-1": Mark(0, 1, publish=91, at=EARLY),
        "b-1": Mark(0, 1, publish=91, at=LATE),
        "c-1": Mark(0, 1, publish=92, at=EARLY),
    }
    assert of(marks) == ["a-1"]


def test_the_newest_start_of_a_member_that_reports_is_alive() -> None:
    """Expect its earlier ones to be gone, and those of members that say nothing."""
    marks = {
        "pod-0-aa": Mark(0, 1, at=EARLY - 2),
        "pod-0-bb": Mark(0, 1, at=EARLY - 1),
        "pod-1-cc": Mark(0, 1, at=EARLY),
    }
    assert of(marks, "pod-0", "pod-2") == ["pod-0-aa", "pod-1-cc"]


def test_a_fold_is_bounded_and_begins_with_the_oldest() -> None:
    """Expect no more than this many at once."""
    marks = {f"a-{n}": Mark(0, 1, at=EARLY - n) for n in range(MOST + 10)}
    found = of(marks)
    assert (len(found), found[0]) == (MOST, f"a-{MOST + 9}")


@given(played=st.integers(0, 50), taken=st.integers(0, 50), publish=st.integers(0, 100))
def test_a_late_segment_of_an_actor_that_is_gone_is_never_trained(
    played: int, taken: int, publish: int
) -> None:
    """Expect actors that are gone to have sent nothing that is fresh enough: segments are played
    with weights that are published by the time at which they are accounted for."""
    played = min(played, taken)
    if of({"a-1": Mark(0, 1, publish=taken, at=EARLY)}, publish=publish):
        assert publish - played > MAX_LAG


def test_a_segment_that_comes_again_after_the_fold_is_stale(make_segment: MakeSegment) -> None:
    """Expect the learner to drop it, though it no longer knows its actor."""
    accounts, clock = Accounts(Totals(), {}), [0.0]
    batcher = Batcher(accounts, batch_transitions=64, max_policy_lag=MAX_LAG)
    folding = Folding(lambda: {}, max_lag=MAX_LAG, clock=lambda: clock[0])
    segment = make_segment(0, publish=1)
    received = Received(Entry(b"1-0", encode(segment), segment.transitions), segment, "")
    assert batcher.add(received, publish=1, now=EARLY) is Fate.TRAINED
    for publish in (50, 50):
        clock[0] += FOLD_SECONDS
        folding.retire(accounts, publish=publish, now=NOW)
    assert not accounts.ledger.marks
    assert batcher.add(received, publish=50, now=NOW) is Fate.STALE


def test_nobody_is_folded_right_after_a_start() -> None:
    """Expect actors that waited for a learner to be heard first."""
    accounts, clock = Accounts(Totals(), {"a-1": Mark(0, 1)}), [0.0]
    folding = Folding(lambda: {}, max_lag=MAX_LAG, clock=lambda: clock[0])
    clock[0] = FOLD_SECONDS - 1
    folding.retire(accounts, publish=100, now=NOW)
    assert not accounts.leaving
    clock[0] = FOLD_SECONDS
    folding.retire(accounts, publish=100, now=NOW)
    assert set(accounts.leaving) == {"a-1"}
