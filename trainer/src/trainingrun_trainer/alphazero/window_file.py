"""A replay window as a file of a checkpoint, and back.

Safetensors of byte arrays, each compressed by zlib: a training position is mostly what the one
before it was. What is read may come from a bucket that others write to: sizes are bounded before
memory is taken, and numbers are checked before they are trained on. A window that cannot be used is
no error: training continues with an empty one.
"""

from __future__ import annotations

import zlib
from typing import Annotated, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct
from safetensors import SafetensorError
from safetensors.numpy import load, save
from trainingrun_contracts.environment_spec import EnvironmentSpec

from trainingrun_trainer.alphazero.window import ReplayWindow, Rows, observation_bytes

WINDOW_FILE: Final = "replay.safetensors"
MOST_BYTES: Final = 1024 * 1024 * 1024
"""Of the newest positions that a checkpoint holds, before they are compressed."""
_LEVEL: Final = 1
_DESCRIPTION: Final = "window"
_MOST_ROWS: Final = 2**31
_ROW_BYTES: Final = 6
"""Of what each row has besides its observation and its actions."""
_ACTION_BYTES: Final = 4

Count = Annotated[int, Meta(ge=0, le=2**53)]


class WindowInvalid(Exception):
    """A file holds no replay window that can be used here; the message says why."""


class Counters(Struct, frozen=True):
    """What is counted beside the positions: all that ever came, those that were drawn, and those
    that are paid for and were not (``TokenBucket``)."""

    total: Count = 0
    drawn: Count = 0
    tokens: Annotated[float, Meta(ge=0, le=2**53)] = 0.0


class _Description(Struct, frozen=True):
    schema_hash: str
    counters: Counters
    rows: Annotated[int, Meta(ge=0, le=_MOST_ROWS)]
    actions: Annotated[int, Meta(ge=1, le=2**16)]
    are_bits: bool


def window_file(window: ReplayWindow, spec: EnvironmentSpec, counters: Counters) -> bytes:
    """Return a window, or the newest of it that fit, as bytes."""
    one = window.newest(1)
    width, are_bits = one.actions.shape[1], one.are_bits
    each = _row_bytes(spec, width, are_bits=are_bits)
    rows = window.newest(MOST_BYTES // each)
    described = _Description(spec.schema_hash, counters, len(rows.counts), width, are_bits)
    return save(
        {
            name: np.frombuffer(zlib.compress(array.tobytes(), _LEVEL), np.uint8)
            for name, array in rows._asdict().items()
        },
        metadata={_DESCRIPTION: msgspec.json.encode(described).decode()},
    )


def read_window(content: bytes, spec: EnvironmentSpec) -> tuple[Rows, Counters]:
    """Return the positions and counters of a file.

    Raises:
        WindowInvalid: it is of another environment, torn, too large, or holds what no search found.
    """
    try:
        tensors: dict[str, Any] = load(content)
        end = 8 + int.from_bytes(content[:8], "little")
        header = msgspec.json.decode(content[8:end], type=dict[str, Any])
        described = msgspec.json.decode(
            (header.get("__metadata__") or {}).get(_DESCRIPTION, ""), type=_Description
        )
    except (SafetensorError, msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise WindowInvalid(f"it cannot be read ({error})") from error
    if described.schema_hash != spec.schema_hash:
        raise WindowInvalid("it is of another environment")
    size = described.rows * _row_bytes(spec, described.actions, are_bits=described.are_bits)
    if size > MOST_BYTES or described.actions > spec.action_inputs:
        raise WindowInvalid(f"it has {size} bytes of {described.actions} actions a position")
    rows = _rows(tensors, described, spec)
    _require_sound(rows, spec)
    return rows, described.counters


def _row_bytes(spec: EnvironmentSpec, actions: int, *, are_bits: bool) -> int:
    observation = observation_bytes(spec.state_width, are_bits=are_bits)
    return observation + _ACTION_BYTES * actions + _ROW_BYTES


def _rows(tensors: dict[str, Any], described: _Description, spec: EnvironmentSpec) -> Rows:
    rows, width = described.rows, described.actions
    seen = spec.state_width
    forms: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
        "observations": (np.uint8, (rows, observation_bytes(seen, are_bits=True)))
        if described.are_bits
        else (np.float16, (rows, seen)),
        "actions": (np.uint16, (rows, width)),
        "shares": (np.float16, (rows, width)),
        "counts": (np.uint16, (rows,)),
        "outcomes": (np.float32, (rows,)),
    }
    return Rows(**{name: _array(tensors.get(name), *form) for name, form in forms.items()})


def _array(compressed: Any, kind: type[np.generic], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    if compressed is None or compressed.dtype != np.uint8:
        raise WindowInvalid("an array is missing")
    expected = int(np.prod(shape)) * np.dtype(kind).itemsize
    opener = zlib.decompressobj()
    try:
        content = opener.decompress(compressed.tobytes(), expected + 1)
    except zlib.error as error:
        raise WindowInvalid(f"an array cannot be decompressed ({error})") from error
    if len(content) != expected or not opener.eof:
        raise WindowInvalid("an array has another size than it says")
    return np.frombuffer(content, kind).reshape(shape)


def _require_sound(rows: Rows, spec: EnvironmentSpec) -> None:
    """Raise WindowInvalid unless training on the rows gives finite numbers."""
    if not len(rows.counts):
        return
    width = rows.actions.shape[1]
    is_action = np.arange(width)[None, :] < rows.counts[:, None]
    shares = np.where(is_action, rows.shares, np.float16(0)).astype(np.float32)
    sums = shares.sum(axis=1)
    is_sound = (
        int(rows.counts.min()) >= 1
        and int(rows.counts.max()) <= width
        and int(rows.actions.max()) < spec.action_inputs
        and bool((rows.shares >= 0).all())  # no number compares with NaN
        and float(sums.min()) > 0.5
        and float(sums.max()) < 2.0
        and bool((np.abs(rows.outcomes) <= 1).all())
        and (rows.are_bits or bool(np.isfinite(rows.observations).all()))
    )
    if not is_sound:
        raise WindowInvalid("it holds numbers that no search finds")
