"""The replay window: what it holds, what is drawn from it, and how it comes back."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save
from trainingrun_contracts.alphazero_config import ReplayConfig
from trainingrun_contracts.segment import SearchTargets, Segment
from trainingrun_environments.symmetries import symmetries_of
from trainingrun_trainer.alphazero.loss import Positions
from trainingrun_trainer.alphazero.window import (
    ReplayWindow,
    Rows,
    capacity,
    draw_places,
    rows_of,
)
from trainingrun_trainer.alphazero.window_file import (
    Counters,
    WindowInvalid,
    read_window,
    window_file,
)

from testkit.roles.searched_run import SPEC, SQUARES, TIC_TAC_TOE, searched_segment

SMALL = ReplayConfig(rows=40, growth=0.5, most_rows=100, least_rows=1)
MakeSegment = Callable[..., Segment]


@pytest.fixture
def made(make_segment: MakeSegment) -> Callable[[int, int], Segment]:
    """A factory of searched segments by number and length."""

    def make(seq: int, steps: int) -> Segment:
        return searched_segment(make_segment(seq).header, steps=steps)

    return make


def numbered(first: int, count: int, *, actions: int = 3, scale: float = 1.0) -> Rows:
    """Rows whose outcome tells their number; observations hold its last bit."""
    numbers = np.arange(first, first + count)
    observations = np.zeros((count, SPEC.state_width), np.float16)
    observations[:, 0] = (numbers % 2) * scale
    shares = np.zeros((count, actions), np.float16)
    shares[:, -1] = 1.0
    return Rows(
        observations,
        np.tile(np.arange(actions, dtype=np.uint16), (count, 1)),
        shares,
        np.full(count, actions, np.uint16),
        (numbers / 1000).astype(np.float32),
    )


def held(window: ReplayWindow) -> list[int]:
    """Numbers of the rows in a window, oldest first."""
    return np.rint(window.newest(10_000).outcomes * 1000).astype(int).tolist()


def drawn(window: ReplayWindow, count: int, **arguments: Any) -> Positions:
    """A sample by a seeded generator."""
    generator = torch.Generator().manual_seed(3)
    return window.sample(count, **{"symmetries": (), "generator": generator, **arguments})


@given(st.lists(st.integers(1, 150), min_size=1, max_size=12))
def test_the_newest_are_held_as_the_schedule_says(sizes: list[int]) -> None:
    """Expect the window to be the newest rows after any additions, as many as the schedule says."""
    window, total = ReplayWindow(SMALL, SPEC), 0
    for size in sizes:
        window.add(numbered(total, size))
        total += size
        expected = min(total, capacity(SMALL, total))
        assert len(window) == expected
        assert held(window) == list(range(total - expected, total))


def test_the_schedule_grows_to_its_bound() -> None:
    """Expect the first rows, then half of what comes, then no more."""
    totals = (0, 40, 41, 42, 100, 160, 9999)
    assert [capacity(SMALL, each) for each in totals] == [40, 40, 40, 41, 70, 100, 100]


def test_positions_come_back_as_they_were_played(made: Callable[[int, int], Segment]) -> None:
    """Expect observations, legal actions, policies and outcomes of every drawn position to be those
    of one step of the segments."""
    segments = [made(seq, 20) for seq in range(3)]
    window = ReplayWindow(ReplayConfig(), SPEC)
    window.add(rows_of(segments))
    played: dict[tuple[Any, ...], np.ndarray] = {}
    for segment in segments:
        assert isinstance(segment.targets, SearchTargets)
        for step in range(segment.transitions):
            rows = slice(segment.offsets[step], segment.offsets[step + 1])
            numbers = np.rint(segment.actions[rows, 0].astype(float) * 256).astype(int)
            policy = np.zeros(SQUARES)
            policy[numbers] = segment.targets.policies[rows]
            board = segment.states[step].astype(np.float32).tobytes()
            outcome = float(segment.targets.outcomes[step])
            played[board, tuple(sorted(numbers.tolist())), outcome] = policy
    found, seen = drawn(window, 400), set()
    for observation, legal, policy, outcome in zip(*found, strict=True):
        numbers = tuple(legal.nonzero().flatten().tolist())
        step = (observation.numpy().tobytes(), numbers, float(outcome))
        np.testing.assert_allclose(policy, played[step], atol=1e-3)
        seen.add(step)
    assert len(seen) > 50
    assert found.policies.sum(1).numpy() == pytest.approx(1.0, abs=1e-6)
    assert not bool((found.policies * ~found.legal).any())


def test_draws_are_even_and_seeded() -> None:
    """Expect each position about as often as any other, and the same draws of the same seed."""
    window = ReplayWindow(ReplayConfig(), SPEC)
    window.add(numbered(0, 50))
    found = np.rint(drawn(window, 20_000).outcomes.numpy() * 1000).astype(int)
    counts = np.bincount(found, minlength=50)
    assert counts.min() > 300
    assert counts.max() < 500
    assert torch.equal(drawn(window, 100).outcomes, drawn(window, 100).outcomes)


@pytest.mark.parametrize("recency", [1.0, 2.0, 8.0, 1000.0])
def test_newer_positions_are_drawn_as_often_as_the_setting_says(recency: float) -> None:
    """Expect the draws of a window that has gone round its ring to fit the probabilities that a
    slow sum gives (chi-square, 49 degrees of freedom: 85.4 is passed once in a thousand times)."""
    config = ReplayConfig(rows=50, growth=0.0, most_rows=50, least_rows=1, recency=recency)
    window = ReplayWindow(config, SPEC)
    window.add(numbered(0, 40))
    window.add(numbered(40, 77))
    weights = [recency ** (place / 49) for place in range(50)]
    count = 200_000
    expected = [count * weight / sum(weights) for weight in weights]
    found = np.rint(drawn(window, count).outcomes.numpy() * 1000).astype(int) - 67
    counts = np.bincount(found, minlength=50)
    assert len(counts) == 50
    surplus = sum((n - e) ** 2 / e for n, e in zip(counts, expected, strict=True))
    assert surplus < 85.4


@given(st.integers(1, 2_000_000), st.floats(1.0, 1000.0))
def test_a_place_is_always_within_the_window(size: int, recency: float) -> None:
    """Expect no draw beyond either end, whatever the rounding of sums of millions of places."""
    generator = torch.Generator().manual_seed(size)
    places = draw_places(size, 64, recency=recency, generator=generator)
    assert places.min() >= 0
    assert places.max() < size


def test_draws_go_on_after_a_checkpoint_as_without() -> None:
    """Expect a window that was written and read, with the generator's state, to give the draws that
    the window itself gives next."""
    config = ReplayConfig(rows=40, growth=0.0, most_rows=64, least_rows=1, recency=6.0)
    window, generator = ReplayWindow(config, SPEC), torch.Generator().manual_seed(9)
    window.add(numbered(0, 100))
    window.sample(32, symmetries=(), generator=generator)
    content = window_file(window, SPEC, Counters(window.total, 32, 0.0))
    state = generator.get_state()
    rows, counters = read_window(content, SPEC)
    resumed, later = ReplayWindow(config, SPEC), torch.Generator()
    later.set_state(state)
    resumed.skip(counters.total - len(rows.counts))
    resumed.add(rows)
    wanted = window.sample(500, symmetries=(), generator=generator)
    assert torch.equal(
        resumed.sample(500, symmetries=(), generator=later).outcomes, wanted.outcomes
    )


def test_a_symmetry_moves_board_and_actions_alike(made: Callable[[int, int], Segment]) -> None:
    """Expect the square that should be played to hold the player's own stone in every symmetry, and
    boards that nobody played."""
    window = ReplayWindow(ReplayConfig(), SPEC)
    window.add(rows_of([made(1, 60)]))
    symmetries = symmetries_of(TIC_TAC_TOE.games)
    assert len(symmetries) == 8
    found = drawn(window, 500, symmetries=symmetries)
    assert torch.equal(found.policies.argmax(1), found.observations[:, :SQUARES].argmax(1))
    plain = {each.numpy().tobytes() for each in drawn(window, 500).observations}
    assert any(each.numpy().tobytes() not in plain for each in found.observations)


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_other_numbers_than_bits_are_kept(scale: float) -> None:
    """Expect a window of bits to become one of numbers, with what it held."""
    window = ReplayWindow(SMALL, SPEC)
    window.add(numbered(0, 5))
    window.add(numbered(5, 5, actions=7, scale=scale))
    window.add(numbered(10, 5))
    assert held(window) == list(range(15))
    rows = window.newest(15)
    expected = [number % 2 * (scale if 5 <= number < 10 else 1.0) for number in range(15)]
    assert rows.observations[:, 0].tolist() == expected
    assert rows.counts.tolist() == [3] * 5 + [7] * 5 + [3] * 5
    assert rows.shares.argmax(axis=1).tolist() == [2] * 5 + [6] * 5 + [2] * 5


def test_a_window_comes_back(made: Callable[[int, int], Segment]) -> None:
    """Expect all that it held and the counters, in less room than the numbers take."""
    window = ReplayWindow(SMALL, SPEC)
    window.add(rows_of([made(seq, 30) for seq in range(5)]))
    counters = Counters(total=150, drawn=600, tokens=12.5)
    content = window_file(window, SPEC, counters)
    rows, read = read_window(content, SPEC)
    assert read == counters
    again = ReplayWindow(SMALL, SPEC)
    again.skip(read.total - len(rows.counts))
    again.add(rows)
    assert (len(again), again.total) == (len(window), window.total)
    for own, theirs in zip(window.newest(1000), again.newest(1000), strict=True):
        np.testing.assert_array_equal(own, theirs)


def test_a_smaller_window_takes_the_newest(made: Callable[[int, int], Segment]) -> None:
    """Expect a run that was given a smaller window to resume with the newest positions."""
    window = ReplayWindow(ReplayConfig(), SPEC)
    window.add(numbered(0, 90))
    rows, counters = read_window(window_file(window, SPEC, Counters(total=90)), SPEC)
    small = ReplayWindow(msgspec.structs.replace(SMALL, rows=10, growth=0.0, most_rows=10), SPEC)
    small.skip(counters.total - len(rows.counts))
    small.add(rows)
    assert held(small) == list(range(80, 90))
    assert small.total == 90


def test_an_empty_window_comes_back() -> None:
    """Expect a checkpoint before the first position to hold counters alone."""
    rows, counters = read_window(window_file(ReplayWindow(SMALL, SPEC), SPEC, Counters()), SPEC)
    assert (len(rows.counts), counters) == (0, Counters())


def changed(content: bytes, **arrays: np.ndarray | None) -> bytes:
    """The file with other arrays, and its own description."""
    tensors = load(content)
    end = 8 + int.from_bytes(content[:8], "little")
    metadata = msgspec.json.decode(content[8:end])["__metadata__"]
    for name, array in arrays.items():
        if array is None:
            del tensors[name]
        else:
            tensors[name] = array
    return save(tensors, metadata=metadata)


def compressed(array: np.ndarray) -> np.ndarray:
    """An array as the file holds it."""
    return np.frombuffer(zlib.compress(array.tobytes()), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"counts": None}, "missing"),
        ({"counts": compressed(np.zeros(5, np.uint16))}, "no search finds"),
        ({"counts": compressed(np.full(5, 4, np.uint16))}, "no search finds"),
        ({"counts": compressed(np.zeros(6, np.uint16))}, "another size"),
        ({"counts": compressed(np.zeros(10**7, np.uint16))}, "another size"),
        ({"counts": np.frombuffer(b"no zlib", np.uint8)}, "decompressed"),
        ({"actions": compressed(np.full((5, 3), 9, np.uint16))}, "no search finds"),
        ({"shares": compressed(np.full((5, 3), np.nan, np.float16))}, "no search finds"),
        ({"shares": compressed(np.zeros((5, 3), np.float16))}, "no search finds"),
        ({"outcomes": compressed(np.full(5, np.nan, np.float32))}, "no search finds"),
        ({"outcomes": compressed(np.full(5, 1.5, np.float32))}, "no search finds"),
    ],
)
def test_a_window_of_others_making_is_refused(arrays: dict[str, Any], why: str) -> None:
    """Expect a sentence for every array that does not hold what it says, and no memory taken for
    one that decompresses to more."""
    window = ReplayWindow(SMALL, SPEC)
    window.add(numbered(0, 5))
    content = window_file(window, SPEC, Counters(total=5))
    with pytest.raises(WindowInvalid, match=why):
        read_window(changed(content, **arrays), SPEC)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_any_damage_is_seen_or_harmless(damage: list[tuple[float, int]]) -> None:
    """Expect a file with wrong bytes anywhere to be refused with a sentence, or to hold rows that
    can be drawn and give finite numbers."""
    window = ReplayWindow(SMALL, SPEC)
    window.add(numbered(0, 5))
    content = bytearray(window_file(window, SPEC, Counters(total=5)))
    for place, byte in damage:
        content[int(place * (len(content) - 1))] = byte
    again = ReplayWindow(SMALL, SPEC)
    try:
        rows, _ = read_window(bytes(content), SPEC)
    except WindowInvalid:
        return
    again.add(rows)
    found = drawn(again, 20)
    assert all(bool(torch.isfinite(each).all()) for each in found)
    assert found.policies.sum(1).numpy() == pytest.approx(1.0, abs=1e-5)


def test_a_torn_window_and_one_of_another_game_are_refused() -> None:
    """Expect sentences."""
    window = ReplayWindow(SMALL, SPEC)
    window.add(numbered(0, 5))
    content = window_file(window, SPEC, Counters(total=5))
    with pytest.raises(WindowInvalid, match="cannot be read"):
        read_window(content[: len(content) // 2], SPEC)
    with pytest.raises(WindowInvalid, match="another environment"):
        read_window(content, msgspec.structs.replace(SPEC, version="other"))
