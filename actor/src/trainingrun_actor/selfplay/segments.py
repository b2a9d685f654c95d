"""A finished game of self-play as the segments of its seats. Pure.

Each seat's own moves in order, at most 64 to a segment. Every one is ``terminated``: what its steps
are worth is the game's result, which is known, so nothing is to be estimated behind its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from trainingrun_contracts.environment_spec import FEATURE_BOUND, VOCABULARY_SCALE
from trainingrun_contracts.segment import (
    MAX_ACTIONS,
    MAX_BYTES,
    MAX_STEPS,
    SCHEMA_VERSION,
    SearchTargets,
    Segment,
)
from trainingrun_contracts.segment_header import SegmentHeader
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_search.records import GameRecord

OPPONENT: Final = "latest"
WIDEST_STATE: Final = 4096
"""Numbers of an observation that a segment can hold."""
_LEAST_SHARE: Final = 1e-30
"""In the place of a share of 0, whose logarithm is not finite."""
_STEP_BYTES: Final = 64
_ENVELOPE_BYTES: Final = 16_384

Numbers = npt.NDArray[np.int64]


class GameOrigin(Struct, frozen=True):
    """Where a game comes from: what all of its segments have in common."""

    run_id: str
    schema_hash: str
    actor: str
    game_id: str
    seed: int
    created_at: float
    decks: tuple[str, str] = ("", "")


def segments_of(
    record: GameRecord, origin: GameOrigin, pointers: Mapping[int, Pointer]
) -> list[Segment]:
    """Return the segments of a game, seat 1's first; a seat that never moved has none.

    Args:
        record: the game.
        origin: where it comes from.
        pointers: the names of weights by their generation; at least one.

    Raises:
        ValueError: an observation holds a number that is not finite, or is out of bounds.
    """
    states = _states(record)
    most = most_steps(state_width=states.shape[1], actions=record.legal.shape[1])
    found = []
    for player in (0, 1):
        moves = np.flatnonzero(record.players == player)
        for first in range(0, len(moves), most):
            is_last = first + most >= len(moves)
            part = moves[first : first + most]
            found.append(_segment(record, states, part, origin, pointers, is_last=is_last))
    return found


def most_steps(*, state_width: int, actions: int) -> int:
    """Return how many steps one segment may have, whatever of a vocabulary is legal in them."""
    bytes_of_step = 2 * state_width + 6 * actions + _STEP_BYTES
    by_bytes = (MAX_BYTES - _ENVELOPE_BYTES) // bytes_of_step
    return max(1, min(MAX_STEPS, MAX_STEPS * MAX_ACTIONS // actions, by_bytes))


def named(generation: int, pointers: Mapping[int, Pointer]) -> Pointer:
    """Return the name of a generation's weights. One that is not known (a server had newer ones)
    has the name of the newest before it.
    """
    known = pointers.get(generation)
    if known is not None:
        return known
    older = [each for each in pointers if each < generation]
    return pointers[max(older) if older else min(pointers)]


def _states(record: GameRecord) -> npt.NDArray[np.float16]:
    flat: npt.NDArray[Any] = record.observations.reshape(record.moves, -1)
    if not (np.abs(flat.astype(np.float32)) <= FEATURE_BOUND).all():
        raise ValueError(
            "an observation holds a number that is not finite, or beyond"
            f" {FEATURE_BOUND:g}: scale its numbers to -{FEATURE_BOUND:g} … {FEATURE_BOUND:g}"
        )
    return flat.astype(np.float16)


def _segment(
    record: GameRecord,
    states: npt.NDArray[np.float16],
    moves: Numbers,
    origin: GameOrigin,
    pointers: Mapping[int, Pointer],
    *,
    is_last: bool,
) -> Segment:
    steps, legal = len(moves), record.legal[moves]
    step, actions = np.nonzero(legal)  # row by row, ascending: a step's actions lie together
    policies = record.policies[moves][step, actions].astype(np.float32)
    offsets = np.concatenate([[0], np.cumsum(legal.sum(axis=1))]).astype(np.int32)
    chosen = [
        int(np.count_nonzero(row[:action]))
        for row, action in zip(legal, record.actions[moves].tolist(), strict=True)
    ]
    shares = policies[offsets[:-1] + chosen].astype(np.float64)
    rewards = np.zeros(steps, np.float32)
    outcomes = record.outcomes[moves].astype(np.float32)
    if is_last:
        rewards[-1] = outcomes[-1]
    weights = list(_weights(record.generations[moves].tolist(), pointers))
    return Segment(
        header=_header(record, origin, moves, min(weights, key=lambda each: each.publish)),
        versions=np.array([each.version for each in weights], np.int32),
        publishes=record.generations[moves].astype(np.int32),
        states=states[moves],
        actions=(actions / VOCABULARY_SCALE).astype(np.float16)[:, None],
        offsets=offsets,
        chosen=np.array(chosen, np.int32),
        log_probs=np.log(np.clip(shares, _LEAST_SHARE, 1.0)).astype(np.float32),
        values=record.values[moves].astype(np.float32),
        rewards=rewards,
        bootstrap_state=None,
        targets=SearchTargets(policies, outcomes),
    )


def _weights(generations: list[int], pointers: Mapping[int, Pointer]) -> Iterator[Pointer]:
    for generation in generations:
        yield named(generation, pointers)


def _header(
    record: GameRecord, origin: GameOrigin, moves: Numbers, weights: Pointer
) -> SegmentHeader:
    return SegmentHeader(
        run_id=origin.run_id,
        schema=SCHEMA_VERSION,
        schema_hash=origin.schema_hash,
        epoch=weights.epoch,
        actor=origin.actor,
        seq=0,
        produced_before=0,
        discarded_before=0,
        game_id=origin.game_id,
        seat=int(record.players[moves[0]]) + 1,
        seed=origin.seed,
        decks=origin.decks,
        opponent=OPPONENT,
        weights_sha256=weights.sha256,
        terminated=True,
        truncated=record.is_capped,
        created_at=origin.created_at,
    )
