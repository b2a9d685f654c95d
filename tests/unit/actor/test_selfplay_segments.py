"""A searched game becomes segments: each move once, in its seat, with what the search found."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_actor.selfplay.segments import GameOrigin, most_steps, named, segments_of
from trainingrun_contracts.environment_spec import VOCABULARY_SCALE
from trainingrun_contracts.segment import MAX_BYTES, MAX_STEPS, Segment, decode, encode
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_search.records import GameRecord

ORIGIN = GameOrigin(
    run_id="run",
    schema_hash="hash",
    actor="selfplay-0-1",
    game_id="selfplay-0-1/7",
    seed=3,
    created_at=5.0,
)
POINTERS = {
    number: Pointer(epoch=1, version=10 * number, publish=number, sha256=f"sha-{number}", at=0.0)
    for number in range(3, 7)
}


def record_of(
    seed: int, *, moves: int, actions: int, shape: tuple[int, ...] = (2, 3), alternates: bool = True
) -> GameRecord:
    """A game with random numbers; every position has a legal action, and the chosen one is."""
    random = np.random.default_rng(seed)
    legal = random.random((moves, actions)) < 0.5
    legal[np.arange(moves), random.integers(0, actions, moves)] = True
    policies = np.where(legal, random.random((moves, actions)) ** 8, 0)
    policies[random.random(policies.shape) < 0.2] = 0
    chosen = np.array([random.choice(np.flatnonzero(row)) for row in legal])
    policies[np.arange(moves), chosen] += 0.001
    policies /= policies.sum(axis=1, keepdims=True)
    players = np.arange(moves) % 2 if alternates else random.integers(0, 2, moves)
    outcome = random.choice([-1.0, 0.0, 1.0, 0.25])
    return GameRecord(
        number=7,
        observations=random.integers(0, 2, (moves, *shape)).astype(np.uint8),
        legal=legal,
        policies=policies.astype(np.float32),
        outcomes=np.where(players == 0, outcome, -outcome).astype(np.float32),
        values=(random.random(moves) * 2 - 1).astype(np.float32),
        players=players.astype(np.int8),
        actions=chosen.astype(np.int16),
        simulations=np.full(moves, 50, np.int32),
        generations=np.sort(random.integers(3, 7, moves)),
        is_capped=bool(outcome == 0),
    )


records = st.builds(
    record_of,
    st.integers(0, 2**32),
    moves=st.integers(1, 300),
    actions=st.integers(1, 30),
    alternates=st.booleans(),
)


@given(record=records)
def test_every_move_appears_once_in_its_seat_with_its_targets(record: GameRecord) -> None:
    """Expect the moves of each seat in order, cut at 64, and of each move exactly what the record
    says.
    """
    segments = segments_of(record, ORIGIN, POINTERS)
    for player in (0, 1):
        own = [each for each in segments if each.header.seat == player + 1]
        moves = np.flatnonzero(record.players == player).tolist()
        sizes = [each.transitions for each in own]
        assert sum(sizes) == len(moves)
        assert all(size == MAX_STEPS for size in sizes[:-1])
        for segment in own:
            for step in range(segment.transitions):
                _expect_step(segment, step, record, moves.pop(0))
        rewards = [reward for each in own for reward in each.rewards.tolist()]
        if rewards:
            outcome = float(record.outcomes[record.players == player][0])
            assert rewards == [0.0] * (len(rewards) - 1) + [outcome]


def _expect_step(segment: Segment, step: int, record: GameRecord, move: int) -> None:
    rows = slice(int(segment.offsets[step]), int(segment.offsets[step + 1]))
    actions = segment.actions[rows, 0].astype(np.float64) * VOCABULARY_SCALE
    legal = np.flatnonzero(record.legal[move])
    assert actions.tolist() == legal.tolist()
    assert segment.targets is not None
    shares = segment.targets.policies[rows]
    assert shares.tolist() == record.policies[move][legal].tolist()
    assert segment.targets.outcomes[step] == record.outcomes[move]
    chosen = int(segment.chosen[step])
    assert actions[chosen] == record.actions[move]
    assert segment.log_probs[step] == pytest.approx(np.log(shares[chosen]), abs=1e-5)
    assert segment.values[step] == record.values[move]
    assert segment.states[step].tolist() == record.observations[move].reshape(-1).tolist()
    assert segment.publishes[step] == record.generations[move]
    assert segment.versions[step] == 10 * record.generations[move]


@given(record=records)
def test_what_is_encoded_is_what_a_learner_decodes(record: GameRecord) -> None:
    """Expect every array and the header to come back equal, through all checks of the codec."""
    for segment in segments_of(record, ORIGIN, POINTERS):
        found = decode(encode(segment))
        assert found.header == segment.header
        for name, array in _arrays(segment).items():
            back = _arrays(found)[name]
            if array is None:
                assert back is None
            else:
                assert (back.dtype, back.tobytes()) == (array.dtype, array.tobytes()), name


def _arrays(segment: Segment) -> dict[str, Any]:
    assert segment.targets is not None
    found = msgspec.structs.asdict(segment)
    del found["header"], found["targets"]
    return {**found, **msgspec.structs.asdict(segment.targets)}


def test_the_header_says_whose_it_is() -> None:
    """Expect seat, game, the oldest weights of the segment, no bootstrap, and the cut."""
    record = record_of(1, moves=9, actions=4)
    for is_capped in (False, True):
        ended = msgspec.structs.replace(record, is_capped=is_capped)
        first, second = segments_of(ended, ORIGIN, POINTERS)
        assert (first.header.seat, second.header.seat) == (1, 2)
        assert first.header.game_id == ORIGIN.game_id
        assert first.header.weights_sha256 == f"sha-{record.generations[0]}"
        assert first.header.terminated
        assert first.header.truncated is is_capped
        assert first.bootstrap_state is None


def test_a_share_of_zero_has_a_finite_logarithm() -> None:
    """Expect an action that was played by temperature and has no share to pass the codec."""
    record = record_of(2, moves=1, actions=3)
    policies = np.zeros((1, 3), np.float32)
    legal = np.ones((1, 3), np.bool_)
    policies[0, 1] = 1.0
    played = msgspec.structs.replace(
        record, policies=policies, legal=legal, actions=np.array([0], np.int16)
    )
    [segment] = segments_of(played, ORIGIN, POINTERS)
    assert -100 < decode(encode(segment)).log_probs[0] < -50


def test_a_seat_that_never_moved_has_no_segment() -> None:
    """Expect one segment of a game that ended with its first move."""
    [segment] = segments_of(record_of(3, moves=1, actions=2), ORIGIN, POINTERS)
    assert segment.header.seat == 1


@pytest.mark.parametrize("number", [9.0, np.nan, np.inf, -8.5])
def test_numbers_that_no_segment_holds_are_refused(number: float) -> None:
    """Expect a sentence that says what to do."""
    record = record_of(4, moves=2, actions=2)
    seen = record.observations.astype(np.float32)
    seen[1, 0, 0] = number
    with pytest.raises(ValueError, match="scale its numbers to -8"):
        segments_of(msgspec.structs.replace(record, observations=seen), ORIGIN, POINTERS)


@pytest.mark.parametrize(("width", "actions"), [(4096, 2048), (4096, 1), (1, 2048), (1377, 82)])
def test_the_largest_segments_fit_the_queue(width: int, actions: int) -> None:
    """Expect a segment of as many steps as allowed, all actions legal, to pass the codec."""
    steps = most_steps(state_width=width, actions=actions)
    record = record_of(5, moves=2 * steps, actions=actions, shape=(width,))
    legal = np.ones_like(record.legal)
    full = msgspec.structs.replace(record, legal=legal)
    for segment in segments_of(full, ORIGIN, POINTERS):
        payload = encode(segment)
        assert len(payload) <= MAX_BYTES
        assert decode(payload).transitions == steps


def test_weights_that_are_not_known_have_the_name_of_those_before() -> None:
    """Expect the newest older ones, and the oldest where none is older."""
    assert named(4, POINTERS) is POINTERS[4]
    assert named(99, POINTERS) is POINTERS[6]
    assert named(0, POINTERS) is POINTERS[3]
