"""Sorting of received segments: what is trained on, what is dropped, and when it is time."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from trainingrun_contracts.segment import Segment, encode
from trainingrun_contracts.stream.accounts import Accounts, Fate, Totals
from trainingrun_contracts.stream.read import Entry
from trainingrun_environments.magic.spec import SPEC
from trainingrun_trainer.batcher import Batcher
from trainingrun_trainer.prefetcher import Received, open_entry

MakeSegment = Callable[..., Segment]


@pytest.fixture
def batcher() -> Batcher:
    """Batches of 64, at most 4 publishes old."""
    return Batcher(Accounts(Totals(), {}), batch_transitions=64, max_policy_lag=4)


def receive(segment: Segment) -> Received:
    """The segment as the inbox hands it over."""
    entry = Entry(f"{segment.header.seq}-0".encode(), encode(segment), segment.transitions)
    return open_entry(entry, run_id="run-1", spec=SPEC)


def test_ready_when_a_batch_is_kept(batcher: Batcher, make_segment: MakeSegment) -> None:
    """Expect a batch after four segments of 16, with its lag and all its entries."""
    for seq in range(4):
        assert not batcher.is_ready
        assert batcher.add(receive(make_segment(seq)), publish=3) is Fate.TRAINED
    assert batcher.is_ready
    collected = batcher.collect()
    assert (collected.transitions, len(collected.entries), collected.lag) == (64, 4, 2.0)
    assert batcher.is_empty


def test_too_old_and_repeated_are_dropped(batcher: Batcher, make_segment: MakeSegment) -> None:
    """Expect a lag of 5 publishes and a second delivery to be dropped and counted."""
    assert batcher.add(receive(make_segment(0)), publish=6) is Fate.STALE
    assert batcher.add(receive(make_segment(0)), publish=1) is Fate.DUPLICATE
    assert batcher.accounts.totals == Totals(stale=16, duplicate=16)
    assert not batcher.has_segments


def test_a_segment_is_as_old_as_its_oldest_step(
    batcher: Batcher, make_segment: MakeSegment
) -> None:
    """Expect fresh weights in the midst of a game not to hide those that it began with."""
    segment = make_segment(0, publish=1)
    publishes = segment.publishes.copy()
    publishes[8:] = 6
    mixed = msgspec.structs.replace(segment, publishes=publishes)
    assert batcher.add(receive(mixed), publish=6) is Fate.STALE


def test_weights_from_before_a_restart_are_not_stale(
    batcher: Batcher, make_segment: MakeSegment
) -> None:
    """Expect segments of a higher publish number than ours to be trained on, with lag 0."""
    assert batcher.add(receive(make_segment(0, publish=9)), publish=2) is Fate.TRAINED
    assert batcher.collect().lag == 0.0


def test_does_not_starve_behind_dropped_data(batcher: Batcher, make_segment: MakeSegment) -> None:
    """Expect a small batch once a whole one arrived, though only a quarter of it is fresh: actors
    that have paused wait until the queue, with what is collected here, has sunk to the low mark."""
    batcher.add(receive(make_segment(0)), publish=1)
    for seq in range(1, 4):
        assert not batcher.is_ready
        batcher.add(receive(make_segment(seq)), publish=9)
    assert batcher.is_ready
    assert batcher.collect().transitions == 16


@pytest.mark.parametrize(
    "change",
    [
        {"produced_before": 8},
        {"produced_before": 20, "discarded_before": 5},
    ],
)
def test_counts_that_contradict_are_poison(
    batcher: Batcher, make_segment: MakeSegment, change: dict[str, int]
) -> None:
    """Expect an actor that says less than it said before, or that more is discarded than missing,
    to be poison that names the cause, and the accounts not to sink."""
    batcher.add(receive(make_segment(0)), publish=1)
    segment = make_segment(1)
    header = msgspec.structs.replace(segment.header, **change)
    fate = batcher.add(receive(msgspec.structs.replace(segment, header=header)), publish=1)
    assert fate is Fate.POISON
    [dead_letters] = batcher.collect().dead_letters
    assert "contradict" in dead_letters.poison
    assert batcher.accounts.totals == Totals(trained=16, poison=16)


@pytest.mark.parametrize(
    ("change", "produced"),
    [
        ({"seq": 2**53}, None),
        ({"seq": 2**53, "produced_before": 2**53}, None),
        ({"seq": 3, "produced_before": 16 + 2 * 64 + 1}, None),
        ({"seq": 3, "produced_before": 17}, None),
        ({"seq": 3, "produced_before": 80}, 95),
    ],
)
def test_jumps_that_no_actor_makes_are_poison(
    batcher: Batcher, make_segment: MakeSegment, change: dict[str, int], produced: int | None
) -> None:
    """Expect a forged number in an actor's name to be poison that names the actor: more or fewer
    transitions missing than the missing segments hold, or more than the actor has appended. What
    the actor itself sends afterwards is trained on."""
    batcher.add(receive(make_segment(0)), publish=1)
    forged = make_segment(1)
    header = msgspec.structs.replace(forged.header, **change)
    received = receive(msgspec.structs.replace(forged, header=header))
    assert batcher.has_gap(received) or header.produced_before == 16
    assert batcher.add(received, publish=1, produced=produced) is Fate.POISON
    assert batcher.add(receive(make_segment(1)), publish=1) is Fate.TRAINED
    [dead_letters] = batcher.collect().dead_letters
    assert "actor 'a': its counts contradict" in dead_letters.poison
    assert batcher.accounts.totals == Totals(trained=32, poison=16)


def test_an_honest_gap_is_lost_and_not_poison(batcher: Batcher, make_segment: MakeSegment) -> None:
    """Expect segments that Redis forgot to be counted as lost, and their successor trained on."""
    batcher.add(receive(make_segment(0)), publish=1)
    received = receive(make_segment(3))
    assert batcher.has_gap(received)
    assert batcher.add(received, publish=1, produced=64) is Fate.TRAINED
    assert batcher.accounts.totals == Totals(trained=32, lost=32)


def test_weights_of_the_far_future_are_poison(batcher: Batcher, make_segment: MakeSegment) -> None:
    """Expect a publish number that would never be stale to be refused."""
    received = receive(make_segment(0, publish=2**31 - 1))
    assert batcher.add(received, publish=1) is Fate.POISON


@pytest.mark.parametrize("number", [1000.0, -8.5, 65504.0])
def test_features_beyond_the_encoder_are_poison_of_an_actor(
    batcher: Batcher, make_segment: MakeSegment, number: float
) -> None:
    """Expect finite features that no encoder writes to be refused, with the actor's name."""
    segment = make_segment(0)
    states = segment.states.copy()
    states[3, 5] = number
    batcher.add(receive(msgspec.structs.replace(segment, states=states)), publish=1)
    [dead_letters] = batcher.collect().dead_letters
    assert dead_letters.poison == "actor 'a': a feature is beyond 8, which no encoder exceeds"


def test_features_at_the_bound_are_taken(batcher: Batcher, make_segment: MakeSegment) -> None:
    """Expect the bounds themselves to be within them."""
    segment = make_segment(0)
    states = np.where(segment.states > 0, 8.0, -8.0).astype(np.float16)
    received = receive(msgspec.structs.replace(segment, states=states))
    assert batcher.add(received, publish=1) is Fate.TRAINED


def test_causes_are_told_once_each(batcher: Batcher) -> None:
    """Expect the most frequent causes first, however many entries there are."""
    for payload in (b"", b"garbage garbage", b"garbage garbage"):
        batcher.add(open_entry(Entry(b"1-0", payload, 1), run_id="run-1", spec=SPEC), publish=1)
    first, second = batcher.collect().causes.split("; ")
    assert "does not begin" in first
    assert "too few" in second


def test_an_entry_that_lies_about_its_length_is_poison(make_segment: MakeSegment) -> None:
    """Expect the count beside the payload to be held against the payload."""
    segment = make_segment(0)
    received = open_entry(Entry(b"1-0", encode(segment), 17), run_id="run-1", spec=SPEC)
    assert received.segment is None
    assert "16 steps, its entry says 17" in received.poison


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"run_id": "other"}, "belongs to the run other"),
        ({"schema_hash": "beef"}, "observation encoding beef"),
        ({"schema": 9}, "schema 9"),
    ],
)
def test_foreign_segments_are_poison(
    batcher: Batcher, make_segment: MakeSegment, change: dict[str, object], why: str
) -> None:
    """Expect segments of another run or encoding to be poison that says why."""
    segment = make_segment(0)
    header = msgspec.structs.replace(segment.header, **change)
    received = receive(msgspec.structs.replace(segment, header=header))
    assert why in received.poison
    assert batcher.add(received, publish=1) is Fate.POISON
    assert batcher.accounts.totals == Totals(poison=16)


def test_absurd_rewards_are_poison(make_segment: MakeSegment) -> None:
    """Expect a reward that would overflow the losses to be refused at the door."""
    segment = make_segment(0)
    received = receive(msgspec.structs.replace(segment, rewards=segment.rewards + 1e30))
    assert "reward" in received.poison
