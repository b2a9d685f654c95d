"""The state of the service: a restart at any moment is the same computation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_league.replay.journal import Journal
from trainingrun_league.replay.records import Batch, Head, Record, Update
from trainingrun_league.replay.state import ReplayState
from trainingrun_league.replay.table import NewItems, Sampling, TableBounds

BOUNDS = TableBounds(items=20, bytes=10_000)


def batch(state: ReplayState, sequence: int, count: int) -> Batch:
    """Items of one source, each of its own bytes."""
    first = state.table.next_id
    data = [b"%d" % (first + each) for each in range(count)]
    experiences = np.arange(1, count + 1)
    return Batch("a", sequence, first, NewItems(data, experiences, np.zeros(count)))


def seen(state: ReplayState) -> tuple[object, ...]:
    """All that anybody can see of a state."""
    table = state.table
    ids = np.arange(table.oldest_id, table.next_id)
    return (
        table.oldest_id,
        table.data(ids),
        table.times_sampled(ids).tolist(),
        table._tree.leaves(ids % table.bounds.items).tolist(),
        table.greatest_priority,
        state.counters,
        state.sources.marks,
    )


def closes(state: ReplayState) -> bool:
    """The identity of what was recorded."""
    counters, table = state.counters, state.table
    stored = counters.recorded - counters.evicted
    return stored == table.experiences and counters.recorded == (
        counters.first_sampled + table.unsampled + counters.evicted_unsampled
    )


class World:
    """A state with its journal, as the service leads them, one step after another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = ReplayState(BOUNDS, seed=1)
        self.journal = Journal.open(folder, file_bytes=600)
        self.sequence = 0

    def group(self, records: list[Record]) -> None:
        """Durable, then applied."""
        head = self.state.head if self.journal.is_full else None
        self.journal.append([self.state.take_unwritten(), *records], head=head)
        for record in records:
            self.state.apply(record)

    def record(self, count: int) -> None:
        """A batch."""
        self.sequence += 1
        self.group([batch(self.state, self.sequence, count)])

    def draw(self, size: int) -> None:
        """A sample, which the journal does not know yet."""
        if len(self.state.table):
            self.state.draw(size, Sampling.PRIORITISED, beta=0.5)

    def update(self, item: int) -> None:
        """A priority."""
        self.group([Update(np.array([item]), np.array([3.0]))])

    def remove(self) -> None:
        """Files that are not needed, after the totals were written down."""
        for file, last in self.journal.evicted(self.state.table.oldest_id):
            self.state.count_archived(file.experiences, through=last)
            self.group([])
            self.journal.remove(file)

    def restarted(self) -> ReplayState:
        """What a new process knows, from the files of this moment."""
        self.journal.close()
        self.journal = Journal.open(self.folder, file_bytes=600)
        return restored(self.journal)


def restored(journal: Journal) -> ReplayState:
    """A state from a journal."""
    state = ReplayState(BOUNDS, seed=1)
    state.restore(journal.read())
    return state


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.integers(1, 8)),
        st.tuples(st.just("draw"), st.integers(1, 8)),
        st.tuples(st.just("update"), st.integers(1, 60)),
        st.tuples(st.just("remove"), st.none()),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=40,
)


@settings(max_examples=80, deadline=None)
@given(steps=STEPS)
def test_a_restart_finds_what_was_there(steps, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    """After any steps, restarts among them: all that was written down is found as it was, the
    identity holds at every moment, and what was drawn and not written is as if it had not been."""
    world = World(tmp_path_factory.mktemp("journal"))
    for name, argument in steps:
        match name:
            case "record":
                world.record(argument)
            case "draw":
                world.draw(argument)
            case "update":
                world.update(argument)
            case "remove":
                world.remove()
            case "restart":
                world.state = world.restarted()
        assert closes(world.state)
    cut_off = world.restarted()
    assert closes(cut_off)
    assert seen(cut_off)[:2] == seen(world.state)[:2]
    assert cut_off.sources.marks == world.state.sources.marks
    world.group([])
    assert seen(world.restarted()) == seen(world.state)
    world.journal.close()


def test_a_gap_of_damaged_records_costs_what_is_older(caplog: pytest.LogCaptureFixture) -> None:
    """Ids would not follow one another: older items leave the table, counted as evicted."""
    state = ReplayState(BOUNDS)
    state.apply(batch(state, 1, 3))
    late = batch(state, 2, 2)
    state.apply(Batch("a", 2, 10, late.items))
    assert (state.table.oldest_id, state.table.next_id) == (10, 12)
    assert state.counters.evicted == 6
    assert closes(state)
    assert "damaged" in caplog.text


def test_a_state_begins_where_its_oldest_file_does() -> None:
    """Totals, ids and sources of what was removed before are in the head."""
    state = ReplayState(BOUNDS)
    for number in range(1, 5):
        state.apply(batch(state, number, 8))
    head = state.head
    later = ReplayState(BOUNDS)
    later.restore(iter([head]))
    assert later.counters == state.counters
    assert later.table.next_id == state.table.next_id
    assert later.sources.is_known("a", 4)
    assert isinstance(head, Head)
