"""How rank 0 deals segments out to the ranks, to some of them maybe none."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st
from trainingrun_contracts.segment import Segment
from trainingrun_trainer.coordinator import scatter

MakeSegment = Callable[..., Segment]


def dealt(segments: list[Segment], ranks: int) -> list[list[int]]:
    """Sequence numbers of the segments that each rank gets."""
    return [[each.header.seq for each in own] for own in scatter(segments, ranks)]


def test_ranks_get_neighbouring_segments_of_like_size(make_segment: MakeSegment) -> None:
    """Expect the order to be kept, and a long segment to count as much as several short ones."""
    segments = [make_segment(0, steps=30)]
    segments += [make_segment(seq, steps=10) for seq in (1, 2, 3)]
    assert dealt(segments, 2) == [[0], [1, 2, 3]]
    assert dealt(segments, 1) == [[0, 1, 2, 3]]


def test_fewer_segments_than_ranks(make_segment: MakeSegment) -> None:
    """Expect every segment to be dealt once, and some ranks to have none."""
    found = dealt([make_segment(0), make_segment(1)], 4)
    assert sorted(chain.from_iterable(found)) == [0, 1]
    assert len(found) == 4


@given(st.lists(st.integers(1, 64), min_size=1, max_size=40), st.integers(1, 6))
def test_no_rank_has_much_more_than_its_part(lengths: list[int], ranks: int) -> None:
    """Expect every segment once and in order, and no rank more than its part and one segment."""
    segments = [_OfLength(length, seq) for seq, length in enumerate(lengths)]
    found = scatter(segments, ranks)  # type: ignore[arg-type]
    assert list(chain.from_iterable(found)) == segments
    for own in found:
        assert sum(each.transitions for each in own) <= sum(lengths) / ranks + max(lengths)


class _OfLength:
    """What dealing reads."""

    def __init__(self, transitions: int, seq: int) -> None:
        self.transitions = transitions
        self.seq = seq
