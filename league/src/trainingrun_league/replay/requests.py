"""What requests ask for, as values, once every number in them is seen to be within its bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from trainingrun_contracts.league.v1 import replay_pb2 as pb

from trainingrun_league.errors import InvalidRequest
from trainingrun_league.replay.records import LARGEST_BATCH, MOST_ITEMS, Batch, Update
from trainingrun_league.replay.sources import LONGEST_NAME
from trainingrun_league.replay.table import (
    GREATEST_PRIORITY,
    LEAST_PRIORITY,
    NewItems,
    Sampling,
)

if TYPE_CHECKING:
    from google.protobuf.duration_pb2 import Duration

    from trainingrun_league.replay.sum_tree import Floats

LARGEST_ITEM: Final = 8 * 1024**2
MOST_REQUEST_BYTES: Final = LARGEST_BATCH + 1024**2
"""Of a message, with what stands around its items."""
MOST_EXPERIENCES: Final = 4096
MOST_UPDATES: Final = 65_536
LONGEST_WAIT: Final = 60.0
USUAL_WAIT: Final = 10.0
MOST_ANSWERED: Final = 32 * 1024**2
"""Bytes of the items of one answer."""
GREATEST_BETA: Final = 4.0

_SAMPLINGS: Final = {
    pb.SAMPLING_UNIFORM: Sampling.UNIFORM,
    pb.SAMPLING_PRIORITISED: Sampling.PRIORITISED,
}


@dataclass(frozen=True)
class ToSample:
    """What to draw."""

    size: int
    sampling: Sampling
    beta: float
    wait: float
    reader: str


def batch_of(request: pb.RecordExperienceRequest) -> tuple[Batch, int]:
    """Return the batch and its bytes; its ids are given later.

    Raises:
        InvalidRequest: a number is out of its bounds.
    """
    count = len(request.items)
    if not 1 <= count <= MOST_ITEMS:
        raise InvalidRequest(f"items: there are {count}; send 1 to {MOST_ITEMS} in a batch")
    given = list(request.items)  # each reading of the field itself makes all items anew
    data = [item.data for item in given]
    lengths = list(map(len, data))
    size = sum(lengths)
    if min(lengths) < 1 or max(lengths) > LARGEST_ITEM or size > LARGEST_BATCH:
        raise InvalidRequest(
            f"items: {size} bytes, the largest {max(lengths)} and the least {min(lengths)}; an item"
            f" takes 1 to {LARGEST_ITEM}, a batch up to {LARGEST_BATCH}"
        )
    experiences = np.array([item.experiences for item in given], np.int64)
    if experiences.min() < 1 or experiences.max() > MOST_EXPERIENCES:
        raise InvalidRequest(
            f"experiences: from {experiences.min()} to {experiences.max()}; an item has 1 to"
            f" {MOST_EXPERIENCES}"
        )
    priorities = np.array([item.priority for item in given], np.float64)
    _require_priorities(priorities[priorities != 0])
    items = NewItems(data, experiences, priorities)
    batch = Batch(request.source, request.sequence, 0, items, request.passed_over)
    return batch, size


def update_of(request: pb.UpdatePrioritiesRequest) -> Update:
    """Return the priorities to set.

    Raises:
        InvalidRequest: a number is out of its bounds.
    """
    count = len(request.ids)
    if not 1 <= count <= MOST_UPDATES or count != len(request.priorities):
        raise InvalidRequest(
            f"ids and priorities: {count} and {len(request.priorities)}; send as many of both, 1 to"
            f" {MOST_UPDATES}"
        )
    if len(request.idempotency_key) > LONGEST_NAME:
        raise InvalidRequest(f"idempotency_key: it is longer than {LONGEST_NAME} characters")
    priorities = np.array(request.priorities, np.float64)
    _require_priorities(priorities)
    ids = np.minimum(np.array(request.ids, np.uint64), np.uint64(2**62)).astype(np.int64)
    return Update(ids, priorities)


def sample_of(request: pb.GetExperienceBatchRequest) -> ToSample:
    """Return what to draw.

    Raises:
        InvalidRequest: a number is out of its bounds.
    """
    if not 1 <= request.size <= MOST_ITEMS:
        raise InvalidRequest(f"size {request.size}: ask for 1 to {MOST_ITEMS} items")
    sampling = _SAMPLINGS.get(request.sampling)
    if sampling is None:
        raise InvalidRequest(f"sampling {request.sampling}: choose UNIFORM or PRIORITISED")
    if not 0 <= request.beta <= GREATEST_BETA:
        raise InvalidRequest(f"beta {request.beta}: it is 0 to {GREATEST_BETA:g}")
    if len(request.reader) > LONGEST_NAME:
        raise InvalidRequest(f"reader: it is longer than {LONGEST_NAME} characters")
    wait = wait_of(request.wait) if request.HasField("wait") else USUAL_WAIT
    return ToSample(request.size, sampling, request.beta, wait, request.reader)


def wait_of(wait: Duration) -> float:
    """Return the seconds.

    Raises:
        InvalidRequest: they are out of bounds.
    """
    seconds = wait.seconds + wait.nanos / 1e9
    if not (math.isfinite(seconds) and 0 <= seconds <= LONGEST_WAIT):
        raise InvalidRequest(f"wait of {seconds:g} s: it is 0 to {LONGEST_WAIT:g} s")
    return seconds


def fitting(size: int, *, largest_item: int) -> int:
    """Return how many items an answer has: as many as would fit of the largest."""
    return min(size, max(1, MOST_ANSWERED // max(1, largest_item)))


def _require_priorities(priorities: Floats) -> None:
    if not priorities.size:
        return
    least, greatest = float(priorities.min()), float(priorities.max())
    if not (least >= LEAST_PRIORITY and greatest <= GREATEST_PRIORITY):  # NaN is neither
        raise InvalidRequest(
            f"priorities from {least:g} to {greatest:g}: they are {LEAST_PRIORITY:g} to"
            f" {GREATEST_PRIORITY:g}"
        )
