"""What a device computes next: whole requests, connections in turn, sizes that it knows."""

from __future__ import annotations

from collections import Counter, deque

from hypothesis import given
from hypothesis import strategies as st
from trainingrun_trainer.inference.batching import Waiting, buckets_up_to, padded

MOST = 64
Asked = tuple[int, int, int]
"""Connection, rows, and the request's number on its connection."""


def fill(waiting: Waiting[Asked], asked: list[tuple[int, int]]) -> None:
    """Let requests wait: connection and rows of each."""
    numbers: Counter[int] = Counter()
    for connection, rows in asked:
        waiting.add(connection, rows, (connection, rows, numbers[connection]))
        numbers[connection] += 1


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, MOST)), max_size=60))
def test_every_request_is_taken_once_whole_and_in_order(asked: list[tuple[int, int]]) -> None:
    """Batches hold at most so many rows, are never empty while something waits, and those of one
    connection come in the order in which they were asked."""
    waiting: Waiting[Asked] = Waiting()
    fill(waiting, asked)
    seen: dict[int, list[int]] = {}
    while len(waiting):
        before, rows_before = len(waiting), waiting.rows
        batch = waiting.take(MOST)
        rows = sum(each[1] for each in batch)
        assert 0 < rows <= MOST
        assert (len(waiting), waiting.rows) == (before - len(batch), rows_before - rows)
        for connection, _, number in batch:
            seen.setdefault(connection, []).append(number)
    assert waiting.rows == 0
    assert waiting.take(MOST) == []
    assert sum(len(numbers) for numbers in seen.values()) == len(asked)
    assert all(numbers == sorted(numbers) for numbers in seen.values())


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, MOST)), min_size=1, max_size=60))
def test_nobody_waits_for_more_than_one_turn_of_each_other(asked: list[tuple[int, int]]) -> None:
    """Between two requests of one connection at most one of each other is taken while both wait."""
    waiting: Waiting[Asked] = Waiting()
    fill(waiting, asked)
    order: deque[int] = deque()
    while len(waiting):
        order.extend(connection for connection, _, _ in waiting.take(MOST))
    left = Counter(connection for connection, _ in asked)
    since: dict[int, Counter[int]] = {connection: Counter() for connection in left}
    for taken in order:
        for connection, others in since.items():
            if connection != taken and left[connection]:
                others[taken] += 1
                assert others[taken] <= 1
        since[taken].clear()
        left[taken] -= 1


def test_one_that_does_not_fit_is_the_next() -> None:
    """A large request ends the batch, and is not overtaken by small ones behind it."""
    waiting: Waiting[str] = Waiting()
    waiting.add(1, 40, "first")
    waiting.add(2, 60, "large")
    waiting.add(3, 1, "small")
    assert waiting.take(MOST) == ["first"]
    assert waiting.take(MOST) == ["large", "small"]


def test_what_nobody_reads_any_more_is_not_computed() -> None:
    """A connection that ends takes its requests along, and no others."""
    waiting: Waiting[str] = Waiting()
    waiting.add(1, 10, "gone")
    waiting.add(2, 20, "stays")
    waiting.add(1, 30, "gone too")
    waiting.drop(1)
    waiting.drop(7)
    assert (len(waiting), waiting.rows) == (1, 20)
    assert waiting.take(MOST) == ["stays"]


@given(st.integers(1, 5000), st.data())
def test_padding_costs_a_quarter_at_most(most: int, data: st.DataObject) -> None:
    """Sizes rise to the largest batch; each number of rows has one that is not much larger."""
    buckets = buckets_up_to(most)
    assert list(buckets) == sorted(set(buckets))
    assert (buckets[0], buckets[-1]) == (1, most)
    assert len(buckets) <= 4 * most.bit_length() + 1
    rows = data.draw(st.integers(1, most))
    assert rows <= padded(rows, buckets) <= max(rows, rows * 5 / 4)
