"""Whether bytes are weights, read off them as they come; nothing of them is executed or kept.

A safetensors file is eight bytes with the size of a header, a JSON header that names each tensor's
type, shape and place, and the tensors' numbers without gaps. The check follows the stream with a
memory of one header and one number: a file of 256 MiB never stands in memory.

Not here: what the tensors compute, which a worker finds out when it plays with them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta, Struct

MOST_HEADER_BYTES: Final = 1024 * 1024
MOST_TENSORS: Final = 16_384
SCHEMA_METADATA: Final = "schema_hash"
_PREFIX: Final = 8

_SIZES: Final = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "U16": 2,
    "I16": 2,
    "F16": 2,
    "BF16": 2,
    "U32": 4,
    "I32": 4,
    "F32": 4,
    "U64": 8,
    "I64": 8,
    "F64": 8,
}
_EXPONENTS: Final = {
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
    "F32": ("<u4", 0x7F80_0000),
    "F64": ("<u8", 0x7FF0_0000_0000_0000),
}
"""Bits of the exponent; all of them are set in what is infinite or no number (IEEE 754)."""

Size = Annotated[int, Meta(ge=0, le=2**40)]


class NotWeights(Exception):
    """The bytes are not safetensors, or of another environment; the message says where."""


class _Tensor(Struct, frozen=True, forbid_unknown_fields=True):
    dtype: str
    shape: Annotated[tuple[Size, ...], Meta(max_length=16)]
    data_offsets: tuple[Size, Size]


@dataclass(frozen=True)
class _Span:
    name: str
    dtype: str
    begin: int
    end: int


class WeightsCheck:
    """Follows one stream of bytes.

    Attributes:
        problem: the first number that is not finite, as a sentence; empty while there is none.
    """

    def __init__(self, *, size: int, schema_hash: str) -> None:
        self.problem = ""
        self._size = size
        self._schema_hash = schema_hash
        self._position = 0
        self._header = bytearray()
        self._data_begin = 0
        self._spans: list[_Span] = []
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            NotWeights: they cannot be weights of this environment.
        """
        view = memoryview(chunk)
        while view and not self._data_begin:
            view = self._take_header(view)
        while view:
            view = self._take_data(view)

    def finish(self) -> None:
        """Take the end.

        Raises:
            NotWeights: bytes are missing.
        """
        if not self._data_begin or self._position != self._size - self._data_begin:
            raise NotWeights("the weights end too early: publish the whole file")

    def _take_header(self, view: memoryview) -> memoryview:
        wanted = _PREFIX
        if len(self._header) >= _PREFIX:
            wanted += self._header_size()
        missing = wanted - len(self._header)
        self._header += view[:missing]
        if len(self._header) == wanted and wanted > _PREFIX:
            self._spans = self._spans_in(bytes(self._header[_PREFIX:]), self._size - wanted)[::-1]
            self._data_begin = wanted
            self._header.clear()
        return view[missing:]

    def _header_size(self) -> int:
        size = int.from_bytes(self._header[:_PREFIX], "little")
        if not 2 <= size <= min(MOST_HEADER_BYTES, self._size - _PREFIX):
            raise NotWeights(
                f"the weights are not safetensors: their header would have {size} bytes"
            )
        return size

    def _spans_in(self, document: bytes, data_bytes: int) -> list[_Span]:
        """Return where the tensors are, in order; they fill the data without a gap."""
        try:
            header = msgspec.json.decode(document, type=dict[str, Any])
            metadata = msgspec.convert(header.pop("__metadata__", {}), dict[str, str])
            tensors = msgspec.convert(header, dict[str, _Tensor])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise NotWeights(f"the weights are not safetensors: header: {error}") from error
        self._require_environment(metadata.get(SCHEMA_METADATA, ""))
        if not 1 <= len(tensors) <= MOST_TENSORS:
            raise NotWeights(f"the weights have {len(tensors)} tensors, not 1 to {MOST_TENSORS}")
        ordered = sorted(tensors.items(), key=lambda item: item[1].data_offsets)
        end = 0
        for name, tensor in ordered:
            end = _require_place(name, tensor, begin=end)
        if end != data_bytes:
            raise NotWeights(
                f"the weights are not safetensors: tensors take {end} bytes, and {data_bytes} come"
            )
        return [_Span(name, each.dtype, *each.data_offsets) for name, each in ordered]

    def _require_environment(self, found: str) -> None:
        if found != self._schema_hash:
            raise NotWeights(
                f"the weights were made for an environment of schema {found[:64] or 'unknown'!r},"
                f" and this league plays one of schema {self._schema_hash!r}"
            )

    def _take_data(self, view: memoryview) -> memoryview:
        while self._spans and self._spans[-1].end <= self._position:
            self._spans.pop()
        if not self._spans:
            raise NotWeights("the weights have more bytes than were announced")
        span = self._spans[-1]
        piece = view[: span.end - self._position]
        self._position += len(piece)
        if span.dtype in _EXPONENTS and not self.problem:
            self._check_numbers(span, piece)
        return view[len(piece) :]

    def _check_numbers(self, span: _Span, piece: memoryview) -> None:
        """Check a span's next bytes; a number that they cut in two waits for its rest."""
        size = _SIZES[span.dtype]
        if self._rest:
            missing = size - len(self._rest)
            self._rest += bytes(piece[:missing])
            piece = piece[missing:]
            if len(self._rest) < size:
                return
            self._note(span, _is_finite(span.dtype, self._rest))
        whole = len(piece) - len(piece) % size
        self._note(span, _is_finite(span.dtype, piece[:whole]))
        self._rest = bytes(piece[whole:])

    def _note(self, span: _Span, is_finite: bool) -> None:  # noqa: FBT001 - what was found
        if not is_finite and not self.problem:
            self.problem = f"tensor {span.name[:200]!r} holds a number that is not finite"


def _is_finite(dtype: str, piece: bytes | memoryview) -> bool:
    kind, exponent = _EXPONENTS[dtype]
    numbers = np.frombuffer(piece, dtype=kind)
    mask = numbers.dtype.type(exponent)
    return not bool(((numbers & mask) == mask).any())


def _require_place(name: str, tensor: _Tensor, *, begin: int) -> int:
    """Return where a tensor ends that has to begin where the one before ended."""
    if tensor.dtype not in _SIZES:
        raise NotWeights(
            f"tensor {name[:200]!r} has numbers of type {tensor.dtype[:20]!r}: publish F32"
        )
    size = math.prod(tensor.shape) * _SIZES[tensor.dtype]
    found, end = tensor.data_offsets
    if found != begin or end - found != size:
        raise NotWeights(
            f"the weights are not safetensors: tensor {name[:200]!r} stands at {found} to {end},"
            f" not {begin} to {begin + size}"
        )
    return end
