"""The records of the journal: what happened to the table, as bytes.

A record is its length, the CRC-32 of what follows, and that: a MessagePack envelope with its length
before it, and the columns and bytes of the items, little-endian. A file begins with a magic number,
which has the version, and a ``Head``: what was before, in total. So the files that are there say
all, whatever was removed before them.

Nothing here executes what it reads, and every length is bounded before memory is taken. Not here:
files, and when they are durable (``journal``).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, assert_never

import msgspec
import numpy as np
from msgspec import Meta, Struct

from trainingrun_league.replay.sources import SourceMark
from trainingrun_league.replay.sum_tree import Floats
from trainingrun_league.replay.table import Ids, NewItems

MAGIC: Final = b"TRJ1"
MOST_ITEMS: Final = 4096
LARGEST_BATCH: Final = 32 * 1024**2
"""Bytes of the items of one batch."""
LARGEST_RECORD: Final = 64 * 1024**2
_PREFIX: Final = struct.Struct("<II")
_ENVELOPE: Final = struct.Struct("<I")
_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Counters(Struct, frozen=True, array_like=True):
    """Totals since the begin, in experiences: recorded = first_sampled + stored and never sampled
    + evicted_unsampled, at every moment.

    Attributes:
        sampled: every draw counts.
        first_sampled: of items that were sampled at least once, counted once.
        evicted: of items that left the table, sampled or not.
        evicted_unsampled: of those that left it without ever having been sampled.
        archived: of files that are in the archive.
        archived_through: the last id of these.
    """

    recorded: _Count = 0
    sampled: _Count = 0
    first_sampled: _Count = 0
    evicted: _Count = 0
    evicted_unsampled: _Count = 0
    archived: _Count = 0
    archived_through: _Count = 0


class Head(Struct, frozen=True, array_like=True, tag="head"):
    """What was before this file: what happened, how far the ids are, whom we know.

    Attributes:
        bytes_before: of the file before that count; what it has beyond was refused. 0: all, as
            in journals of versions that did not say it.
    """

    counters: Counters
    next_id: _Count
    greatest_priority: float
    marks: tuple[SourceMark, ...] = ()
    bytes_before: _Count = 0


class _BatchEnvelope(Struct, frozen=True, array_like=True, tag="batch"):
    source: str
    sequence: _Count
    first_id: _Count
    count: Annotated[int, Meta(ge=1, le=MOST_ITEMS)]
    passed_over: _Count = 0


class _UpdateEnvelope(Struct, frozen=True, array_like=True, tag="update"):
    count: Annotated[int, Meta(ge=1, le=1 << 20)]


class _SampledEnvelope(Struct, frozen=True, array_like=True, tag="sampled"):
    counters: Counters
    count: Annotated[int, Meta(ge=0, le=1 << 22)]


@dataclass(frozen=True)
class Batch:
    """Items that were recorded."""

    source: str
    sequence: int
    first_id: int
    items: NewItems
    passed_over: int = 0


@dataclass(frozen=True)
class Update:
    """Priorities that were set."""

    ids: Ids
    priorities: Floats


@dataclass(frozen=True)
class Sampled:
    """What was sampled since the last such record, an id for each time; and all totals."""

    counters: Counters
    ids: Ids


Record = Head | Batch | Update | Sampled


class RecordError(Exception):
    """Bytes are no record; the message says why."""


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Head | _BatchEnvelope | _UpdateEnvelope | _SampledEnvelope)


def framed(record: Record) -> bytearray:
    """Return a record as it stands in a file."""
    match record:
        case Head():
            return _joined(_encode(record), ())
        case Batch(source, sequence, first_id, items, passed_over):
            count = len(items.data)
            envelope = _BatchEnvelope(source, sequence, first_id, count, passed_over)
            return _joined(_encode(envelope), (*_columns(items), *items.data))
        case Update(ids, priorities):
            parts = (ids.astype("<i8").tobytes(), priorities.astype("<f8").tobytes())
            return _joined(_encode(_UpdateEnvelope(len(ids))), parts)
        case Sampled(counters, ids):
            found = _SampledEnvelope(counters, len(ids))
            return _joined(_encode(found), (ids.astype("<i8").tobytes(),))
        case _ as never:
            assert_never(never)


def _columns(items: NewItems) -> tuple[bytes, ...]:
    sizes = np.fromiter(map(len, items.data), "<u4", len(items.data))
    experiences, priorities = items.experiences.astype("<u4"), items.priorities.astype("<f8")
    return experiences.tobytes(), priorities.tobytes(), sizes.tobytes()


def _joined(envelope: bytes, parts: Sequence[bytes]) -> bytearray:
    room = bytes(_PREFIX.size)
    body = bytearray().join((room, _ENVELOPE.pack(len(envelope)), envelope, *parts))
    content = memoryview(body)[_PREFIX.size :]
    _PREFIX.pack_into(body, 0, len(content), zlib.crc32(content))
    content.release()
    return body


def prefix(found: bytes) -> tuple[int, int]:
    """Return the length and the sum that stand before a record.

    Raises:
        RecordError: it is cut off, or longer than any is.
    """
    if len(found) < _PREFIX.size:
        raise RecordError(f"{len(found)} bytes are too few for a record")
    length, crc = _PREFIX.unpack(found)
    if not _ENVELOPE.size < length <= LARGEST_RECORD:
        raise RecordError(f"no record has {length} bytes")
    return length, crc


PREFIX_SIZE: Final = _PREFIX.size


def opened(content: bytes, crc: int) -> Record:
    """Decode a record from what stands behind its prefix.

    Raises:
        RecordError: its sum is another, or it does not have what its envelope says.
    """
    if zlib.crc32(content) != crc:
        raise RecordError("its bytes do not have the sum that stands before them")
    (length,) = _ENVELOPE.unpack_from(content)
    start = _ENVELOPE.size + length
    try:
        envelope = _decoder.decode(content[_ENVELOPE.size : start])
        match envelope:
            case Head():
                _require_size(content, start)
                return envelope
            case _BatchEnvelope(source, sequence, first_id, count, passed_over):
                items = _items(content, start, count)
                return Batch(source, sequence, first_id, items, passed_over)
            case _UpdateEnvelope(count):
                _require_size(content, start + 16 * count)
                ids = np.frombuffer(content, "<i8", count, start)
                return Update(ids, np.frombuffer(content, "<f8", count, start + 8 * count))
            case _SampledEnvelope(counters, count):
                _require_size(content, start + 8 * count)
                return Sampled(counters, np.frombuffer(content, "<i8", count, start))
            case _ as never:
                assert_never(never)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise RecordError(f"its envelope: {error}") from error


def _items(content: bytes, start: int, count: int) -> NewItems:
    experiences = np.frombuffer(content, "<u4", count, start)
    priorities = np.frombuffer(content, "<f8", count, start + 4 * count)
    sizes = np.frombuffer(content, "<u4", count, start + 12 * count)
    ends = start + 16 * count + np.cumsum(sizes, dtype=np.int64)
    _require_size(content, int(ends[-1]))
    begins = ends - sizes
    data = [content[a:b] for a, b in zip(begins.tolist(), ends.tolist(), strict=True)]
    return NewItems(data, experiences.astype(np.int64), priorities)


def _require_size(content: bytes, expected: int) -> None:
    if len(content) != expected:
        raise RecordError(f"{len(content)} bytes, its envelope says {expected}")
