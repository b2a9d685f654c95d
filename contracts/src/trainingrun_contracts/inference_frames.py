"""The frames between searches and inference servers: length-prefixed, little-endian, over TCP.

A connection begins with a hello of the client, which the server answers with its own or with a
refusal, both JSON of at most ``HELLO_BYTES``. Then come requests, as many at once as the server's
hello gives credits for, and an answer or an error for each, in any order. Every frame has a head of
24 bytes:

    length      u32   bytes after the head
    kind        u8    ``Kind``
    form        u8    of a request's observations: 0 uint8, 1 float16
    rows        u16   positions
    id          u64   of the request, chosen by the client
    generation  i64   of an answer: publish number of the weights that gave it; else 0

    request     observations [rows, width], then legal actions [rows, ceil(actions / 8)], packed,
                the first action in the highest bit
    answer      values float32 [rows], then priors float16 of the legal actions of all rows, one row
                after another, each adding up to one
    error       one sentence, UTF-8

Here are bytes and arrays and no socket: both sides, and the tests that lie to them, share it. JSON
for the hello alone, because it is read once and must be understood by other releases; gRPC was
refused (450 us a round trip on one machine, where this takes 13).
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from struct import Struct as Packing
from typing import Annotated, Any, Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct

from trainingrun_contracts.decoding import UNREADABLE
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.plain_text import one_line
from trainingrun_contracts.policy_format import Network

PROTOCOL: Final = 1
"""Grows with each change that an older side would misread."""
DEFAULT_PORT: Final = 17172
HELLO_BYTES: Final = 4096
SENTENCE_BYTES: Final = 1024
MOST_ROWS: Final = 16_384
"""Positions of one request; what a server takes is in its hello."""
MOST_REQUESTS: Final = 64
HEAD: Final = Packing("<IBBHQq")
_FLOAT16_BYTES: Final = 2
_FLOAT32_BYTES: Final = 4
_FORMS: Final = (np.dtype(np.uint8), np.dtype("<f2"))
_SENTENCE: Final = 500

Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]
Float16 = npt.NDArray[np.float16]
UInt8 = npt.NDArray[np.uint8]
Observations = npt.NDArray[Any]

_Document = TypeVar("_Document")

Name = Annotated[str, Meta(max_length=300)]
Credits = Annotated[int, Meta(ge=1, le=MOST_REQUESTS)]
Rows = Annotated[int, Meta(ge=1, le=MOST_ROWS)]


class FrameError(Exception):
    """The other side sent what this protocol does not have; the message is one sentence."""


class Kind(IntEnum):
    """What a frame is."""

    HELLO = 1
    WELCOME = 2
    REFUSAL = 3
    REQUEST = 4
    ANSWER = 5
    ERROR = 6


class Frame(Struct, frozen=True):
    """One frame; see the module's docstring."""

    kind: Kind
    form: int
    rows: int
    id: int
    generation: int
    body: bytes


class Speaker(Struct, frozen=True):
    """What both sides must agree on.

    Attributes:
        protocol: ``PROTOCOL`` of this side's release.
        product: the release, for people: other releases of one protocol understand one another.
        run_id: of the run whose weights answer.
        schema_hash: of the environment.
        network: the network that the run trains.
    """

    protocol: int
    product: Name
    run_id: Name
    schema_hash: Name
    network: Network


class Hello(Struct, frozen=True):
    """A client's first frame.

    Attributes:
        speaker: see there.
        member: who asks, for messages.
        token: what the run's Redis has for those who may ask (``keys.inference_token``).
    """

    speaker: Speaker
    member: Name
    token: Name


class Welcome(Struct, frozen=True):
    """The server's first frame.

    Attributes:
        speaker: see there.
        requests: that may wait for their answers at a time.
        rows: positions that one request may have.
    """

    speaker: Speaker
    requests: Credits
    rows: Rows


class Layout(Struct, frozen=True):
    """Sizes of what travels: numbers of one observation, and actions."""

    width: int
    actions: int

    @classmethod
    def of(cls, spec: EnvironmentSpec) -> Layout:
        """Return the layout of an environment with a vocabulary."""
        return cls(spec.state_width, spec.action_inputs)

    @property
    def mask_bytes(self) -> int:
        """Of one row's legal actions."""
        return -(-self.actions // 8)

    def request_bytes(self, rows: int, form: int) -> int:
        """Return the length of a request."""
        return rows * (self.width * _FORMS[form].itemsize + self.mask_bytes)

    def most_request_bytes(self, rows: int) -> int:
        """Return the length of the largest request with this many rows."""
        return self.request_bytes(rows, 1)

    def most_answer_bytes(self, rows: int) -> int:
        """Return the length of the largest answer with this many rows."""
        return rows * (_FLOAT32_BYTES + _FLOAT16_BYTES * self.actions) + SENTENCE_BYTES


class Positions(Struct, frozen=True):
    """What a request asks about; the arrays are views of the frame.

    Attributes:
        observations: uint8 or float16 [rows, width].
        legal: packed, uint8 [rows, mask_bytes].
    """

    observations: Observations
    legal: UInt8


class FrameReader:
    """Makes frames of what a socket gives, in whatever pieces it comes.

    Attributes:
        most: bytes of a frame's body at most; raise it when the hellos are exchanged.
    """

    def __init__(self, most: int = HELLO_BYTES) -> None:
        self.most = most
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take in bytes."""
        self._buffer += data

    def next(self) -> Frame | None:
        """Return the next whole frame; None until there is one.

        Raises:
            FrameError: it is longer than ``most``, or no frame.
        """
        buffer = self._buffer
        if len(buffer) < HEAD.size:
            return None
        length, number, form, rows, identity, generation = HEAD.unpack_from(buffer)
        if length > self.most:
            raise FrameError(f"a frame of {length} bytes came, where at most {self.most} may")
        kind = _KINDS.get(number)
        if kind is None or form >= len(_FORMS):
            raise FrameError(f"a frame of kind {number} and form {form} came, which there is not")
        end = HEAD.size + length
        if len(buffer) < end:
            return None
        body = bytes(memoryview(buffer)[HEAD.size : end])
        del buffer[:end]
        return Frame(kind, form, rows, identity, generation, body)


_KINDS: Final = {int(kind): kind for kind in Kind}


@cache
def product_version() -> str:
    """Return the release that is installed here."""
    try:
        return version("trainingrun-contracts")
    except PackageNotFoundError:
        return "unknown"


def speaker_of(run_id: str, spec: EnvironmentSpec, network: Network) -> Speaker:
    """Return what this process says of itself."""
    return Speaker(PROTOCOL, product_version(), run_id, spec.schema_hash, network)


def why_strangers(own: Speaker, other: Speaker) -> str | None:
    """Return one sentence that says why two sides cannot speak; None where they can."""
    if own.protocol != other.protocol:
        return (
            f"it speaks protocol {other.protocol} (release {_shown(other.product)}) and this side"
            f" protocol {own.protocol} (release {own.product}): bring both to one release"
        )
    if own.run_id != other.run_id:
        return f"it belongs to run {_shown(other.run_id)}, and this side to {own.run_id}"
    if own.schema_hash != other.schema_hash:
        return (
            f"its environment has schema {_shown(other.schema_hash)} (release"
            f" {_shown(other.product)}), and this side's {own.schema_hash} (release"
            f" {own.product}): the environment's package differs between them"
        )
    if own.network != other.network:
        return (
            f"its run has the network {_described(other.network)}, and this side"
            f" {_described(own.network)}: one of them was started with an older configuration"
        )
    return None


def encode_hello(hello: Hello) -> bytes:
    """Return the client's first frame."""
    return _frame(Kind.HELLO, msgspec.json.encode(hello))


def encode_welcome(welcome: Welcome) -> bytes:
    """Return the server's first frame."""
    return _frame(Kind.WELCOME, msgspec.json.encode(welcome))


def encode_refusal(sentence: str) -> bytes:
    """Return the server's first and last frame to whom it does not speak."""
    return _frame(Kind.REFUSAL, _sentence(sentence))


def encode_error(identity: int, sentence: str) -> bytes:
    """Return what a request gets in the place of an answer."""
    return _frame(Kind.ERROR, _sentence(sentence), identity=identity)


def decode_hello(frame: Frame) -> Hello:
    """Read a client's first frame; raises FrameError where it is none."""
    return _document(frame, Kind.HELLO, Hello)


def decode_welcome(frame: Frame) -> Welcome:
    """Read a server's first frame.

    Raises:
        FrameError: it is none, or a refusal, whose sentence is then the message.
    """
    if frame.kind is Kind.REFUSAL:
        raise FrameError(sentence_of(frame))
    return _document(frame, Kind.WELCOME, Welcome)


def sentence_of(frame: Frame) -> str:
    """Return the sentence of a refusal or an error, fit for a log."""
    return one_line(frame.body[:SENTENCE_BYTES].decode(errors="replace"), _SENTENCE)


def encode_request(identity: int, observations: Observations, legal: Bool) -> bytes:
    """Return a request; observations [rows, ...] other than uint8 travel as float16."""
    rows, form = len(observations), int(observations.dtype != np.uint8)
    seen = np.ascontiguousarray(observations, _FORMS[form])
    head = (Kind.REQUEST, form, rows, identity, 0)
    packed = np.packbits(legal, axis=1)
    return b"".join((HEAD.pack(seen.nbytes + packed.nbytes, *head), seen.data, packed.data))


def decode_request(frame: Frame, layout: Layout, *, most_rows: int) -> Positions:
    """Read a request.

    Raises:
        FrameError: it is none, has more rows than it may, another length than its rows have, an
            observation that is not finite, or a row without a legal action.
    """
    if frame.kind is not Kind.REQUEST:
        raise FrameError(f"a frame of kind {frame.kind.name} came, where a request may")
    rows, form = frame.rows, frame.form
    if not 1 <= rows <= most_rows:
        raise FrameError(f"a request of {rows} positions came, where 1 to {most_rows} may")
    if len(frame.body) != layout.request_bytes(rows, form):
        raise FrameError(
            f"a request of {rows} positions has {len(frame.body)} bytes, not"
            f" {layout.request_bytes(rows, form)}"
        )
    kind = _FORMS[form]
    count = rows * layout.width
    seen = np.frombuffer(frame.body, kind, count).reshape(rows, layout.width)
    legal = np.frombuffer(frame.body, np.uint8, offset=count * kind.itemsize)
    legal = legal.reshape(rows, layout.mask_bytes)
    if form and not np.isfinite(seen).all():
        raise FrameError("a request has an observation that is not finite")
    if not unpacked(legal, layout.actions).any(axis=1).all():
        raise FrameError("a request has a position without a legal action")
    return Positions(seen, legal)


def unpacked(legal: UInt8, actions: int) -> Bool:
    """Return packed legal actions as booleans [rows, actions]."""
    return np.unpackbits(legal, axis=1, count=actions).view(np.bool_)


def encode_answer(identity: int, generation: int, values: Float32, priors: Float16) -> bytes:
    """Return an answer; ``priors`` are those of the legal actions alone, of all rows."""
    length = values.nbytes + priors.nbytes
    head = HEAD.pack(length, Kind.ANSWER, 0, len(values), identity, generation)
    return b"".join((head, values.tobytes(), priors.tobytes()))


def decode_answer(frame: Frame, legal: Bool) -> tuple[Float32, Float32]:
    """Read an answer to a request with these legal actions: priors [rows, actions], 0 where an
    action is not legal, and values [rows].

    Raises:
        FrameError: it is none, or its size is not the request's.
    """
    rows, count = len(legal), int(np.count_nonzero(legal))
    expected = rows * _FLOAT32_BYTES + count * _FLOAT16_BYTES
    if frame.kind is not Kind.ANSWER or frame.rows != rows or len(frame.body) != expected:
        raise FrameError(
            f"a frame of kind {frame.kind.name} with {frame.rows} positions and"
            f" {len(frame.body)} bytes came, where an answer of {rows} positions and"
            f" {expected} bytes should"
        )
    values = np.frombuffer(frame.body, "<f4", rows).astype(np.float32)
    priors = np.zeros(legal.shape, np.float32)
    priors[legal] = np.frombuffer(frame.body, "<f2", offset=rows * _FLOAT32_BYTES)
    return priors, values


def _frame(kind: Kind, body: bytes, *, identity: int = 0) -> bytes:
    return HEAD.pack(len(body), kind, 0, 0, identity, 0) + body


def _sentence(text: str) -> bytes:
    return text.encode()[:SENTENCE_BYTES]


def _document(frame: Frame, kind: Kind, form: type[_Document]) -> _Document:
    if frame.kind is not kind or len(frame.body) > HELLO_BYTES:
        raise FrameError(
            f"a frame of kind {frame.kind.name} with {len(frame.body)} bytes came, where a"
            f" {kind.name} of at most {HELLO_BYTES} should: something else speaks there"
        )
    try:
        return msgspec.json.decode(frame.body, type=form)
    except UNREADABLE as error:
        raise FrameError(f"its {kind.name} cannot be read ({one_line(str(error), 200)})") from error


def _shown(text: str) -> str:
    return one_line(text, 80)


def _described(network: Network) -> str:
    return f"{_shown(network.kind)} {network.width} x {network.layers}"
