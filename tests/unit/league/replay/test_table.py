"""The table against a slow one, and its draws against exact probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from trainingrun_league.replay.table import (
    _OVERHEAD,
    NewItems,
    Sampling,
    Table,
    TableBounds,
)

SIGNIFICANCE = 4.0
"""Standard deviations of the chi-square statistic: one in thirty thousand seeds is beyond."""


def new_items(
    *items: tuple[bytes, int, float],
) -> NewItems:
    """Items from rows of data, experiences, priority."""
    data, experiences, priorities = zip(*items, strict=True)
    return NewItems(data, np.array(experiences, np.int64), np.array(priorities, float))


@dataclass
class SlowItem:
    """An item of the slow table."""

    data: bytes
    experiences: int
    priority: float
    times: int = 0


@dataclass
class SlowTable:
    """A dictionary in order of ids."""

    bounds: TableBounds
    items: dict[int, SlowItem] = field(default_factory=dict)
    next_id: int = 1
    greatest: float = 1.0
    evicted: int = 0
    unsampled: int = 0

    @property
    def bytes(self) -> int:
        """Of all items."""
        return sum(len(each.data) + _OVERHEAD for each in self.items.values())

    def insert(self, rows: list[tuple[bytes, int, float]]) -> None:
        """One after the other."""
        self.greatest = max([self.greatest, *(row[2] for row in rows)])
        for data, experiences, priority in rows:
            self.items[self.next_id] = SlowItem(data, experiences, priority or self.greatest)
            self.next_id += 1
            while len(self.items) > self.bounds.items or self.bytes > self.bounds.bytes:
                gone = self.items.pop(next(iter(self.items)))
                self.evicted += gone.experiences
                self.unsampled += 0 if gone.times else gone.experiences


ROWS = st.lists(
    st.tuples(
        st.binary(max_size=60), st.integers(1, 64), st.one_of(st.just(0.0), st.floats(1e-3, 1e3))
    ),
    min_size=1,
    max_size=12,
)


class TableMachine(RuleBasedStateMachine):
    """Any order of insertions, draws and updates leaves both tables alike."""

    @initialize(items=st.integers(1, 9), size=st.integers(100, 1500), alpha=st.floats(0, 2))
    def begin(self, items: int, size: int, alpha: float) -> None:
        """Small bounds, so that both are met."""
        bounds = TableBounds(items, size, alpha)
        self.table, self.slow = Table(bounds), SlowTable(bounds)
        self.random = np.random.default_rng(items)
        self.evicted = self.unsampled = 0

    @rule(rows=ROWS)
    def insert(self, rows: list[tuple[bytes, int, float]]) -> None:
        """Both take the same items."""
        evicted = self.table.insert(new_items(*rows))
        self.slow.insert(rows)
        self.evicted += evicted.experiences
        self.unsampled += evicted.unsampled

    @precondition(lambda self: len(self.slow.items))
    @rule(size=st.integers(1, 12), sampling=st.sampled_from(Sampling), beta=st.floats(0, 1))
    def draw(self, size: int, sampling: Sampling, beta: float) -> None:
        """What is drawn is there, with the probability and weight of the slow formula."""
        draw = self.table.draw(size, sampling, beta=beta, generator=self.random)
        alpha = self.slow.bounds.alpha
        raised = {i: each.priority**alpha for i, each in self.slow.items.items()}
        uniform = sampling is Sampling.UNIFORM
        chances = {
            i: 1 / len(raised) if uniform else value / math.fsum(raised.values())
            for i, value in raised.items()
        }
        greatest = max((len(chances) * p) ** -beta for p in chances.values())
        for i, p, weight in zip(draw.ids.tolist(), draw.probabilities, draw.weights, strict=True):
            assert p == pytest.approx(chances[i], rel=1e-9)
            assert weight == pytest.approx((len(chances) * chances[i]) ** -beta / greatest)
            assert weight <= 1
        assert self.table.data(draw.ids) == [self.slow.items[i].data for i in draw.ids.tolist()]
        fresh = {i for i in draw.ids.tolist() if not self.slow.items[i].times}
        expected = sum(self.slow.items[i].experiences for i in fresh)
        assert self.table.note_sampled(draw.ids) == expected
        for i in draw.ids.tolist():
            self.slow.items[i].times += 1

    @rule(chosen=st.lists(st.tuples(st.integers(1, 60), st.floats(1e-3, 1e3)), max_size=6))
    def update(self, chosen: list[tuple[int, float]]) -> None:
        """Items that are there take their last priority; others are left out of the count."""
        ids = np.array([i for i, _ in chosen], np.int64)
        updated = self.table.update(ids, np.array([p for _, p in chosen]))
        assert updated == sum(i in self.slow.items for i, _ in chosen)
        for i, priority in chosen:
            if i in self.slow.items:
                self.slow.items[i].priority = priority
                self.slow.greatest = max(self.slow.greatest, priority)

    @invariant()
    def is_alike(self) -> None:
        """Ids, counts, columns and sums."""
        table, slow = self.table, self.slow
        ids = np.array(list(slow.items), np.int64)
        assert table.next_id == slow.next_id
        assert len(table) == len(ids)
        assert table.bytes == slow.bytes <= slow.bounds.bytes or not len(ids)
        assert table.experiences == sum(each.experiences for each in slow.items.values())
        assert table.data(ids) == [each.data for each in slow.items.values()]
        assert table.times_sampled(ids).tolist() == [each.times for each in slow.items.values()]
        assert table.experiences_of(ids).tolist() == [
            each.experiences for each in slow.items.values()
        ]
        raised = [each.priority**slow.bounds.alpha for each in slow.items.values()]
        assert table.sum_of_priorities == pytest.approx(math.fsum(raised))
        assert (self.evicted, self.unsampled) == (slow.evicted, slow.unsampled)
        assert table.unsampled == sum(
            0 if each.times else each.experiences for each in slow.items.values()
        )


TestTable = TableMachine.TestCase
TestTable.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@pytest.mark.parametrize("alpha", [0.4, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_prioritised_draws_pass_a_chi_square_test(alpha: float, seed: int) -> None:
    """A million draws from a ring that has gone round, with updated priorities over four
    magnitudes: the statistic is within its deviations of what exact probabilities give."""
    random = np.random.default_rng(seed)
    items, draws = 700, 1_000_000
    table = Table(TableBounds(items, alpha=alpha))
    for _ in range(5):
        rows = [(b"x", 1, float(p)) for p in 10.0 ** random.uniform(-1, 1, 300)]
        table.insert(new_items(*rows))
    changed = random.choice(np.arange(table.oldest_id, table.next_id), 200, replace=False)
    table.update(changed, 10.0 ** random.uniform(-2, 2, 200))
    ids = np.arange(table.oldest_id, table.next_id)
    raised = table._tree.leaves(ids % items)
    exact = raised / math.fsum(raised)
    drawn = table.draw(draws, Sampling.PRIORITISED, beta=0.4, generator=random)
    counts = np.bincount(drawn.ids - table.oldest_id, minlength=items)
    statistic = float(((counts - draws * exact) ** 2 / (draws * exact)).sum())
    freedom = items - 1
    assert abs(statistic - freedom) < SIGNIFICANCE * math.sqrt(2 * freedom)


def test_a_wrong_exponent_fails_the_chi_square_test() -> None:
    """The test can fail: draws by alpha 0.6 are far beyond the bound of those by 0.65."""
    random = np.random.default_rng(0)
    items, draws = 700, 1_000_000
    priorities = 10.0 ** random.uniform(-2, 2, items)
    table = Table(TableBounds(items, alpha=0.6))
    table.insert(new_items(*((b"x", 1, float(p)) for p in priorities)))
    wrong = priorities**0.65 / math.fsum(priorities**0.65)
    drawn = table.draw(draws, Sampling.PRIORITISED, beta=0.4, generator=random)
    counts = np.bincount(drawn.ids - 1, minlength=items)
    statistic = float(((counts - draws * wrong) ** 2 / (draws * wrong)).sum())
    assert abs(statistic - items) > 20 * math.sqrt(2 * items)


def test_uniform_draws_pass_a_chi_square_test() -> None:
    """Whatever the priorities are."""
    random = np.random.default_rng(5)
    table = Table(TableBounds(500))
    table.insert(new_items(*((b"x", 1, float(p)) for p in random.uniform(1, 1000, 500))))
    drawn = table.draw(500_000, Sampling.UNIFORM, beta=1.0, generator=random)
    counts = np.bincount(drawn.ids - 1, minlength=500)
    statistic = float(((counts - 1000.0) ** 2 / 1000.0).sum())
    assert abs(statistic - 499) < SIGNIFICANCE * math.sqrt(2 * 499)
    assert (drawn.weights == 1).all()


@pytest.mark.parametrize("bounds", [(0, 1, 0.5), (1, 0, 0.5), (1, 1, -1), (1, 1, 5)])
def test_bounds_that_make_no_sense_are_refused(bounds: tuple[int, int, float]) -> None:
    """With a sentence, before any memory is taken."""
    with pytest.raises(ValueError, match=r"table|alpha"):
        TableBounds(*bounds)
