"""Frames of inference: what goes in comes out, and nothing but FrameError comes out of garbage."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_contracts.inference_frames import (
    HEAD,
    HELLO_BYTES,
    PROTOCOL,
    SENTENCE_BYTES,
    Frame,
    FrameError,
    FrameReader,
    Hello,
    Kind,
    Layout,
    Speaker,
    Welcome,
    decode_answer,
    decode_hello,
    decode_request,
    decode_welcome,
    encode_answer,
    encode_error,
    encode_hello,
    encode_refusal,
    encode_request,
    encode_welcome,
    sentence_of,
    unpacked,
    why_strangers,
)
from trainingrun_contracts.policy_format import Network

SPEAKER = Speaker(PROTOCOL, "1.2.3", "run-1", "0123456789abcdef", Network("resnet", 64, 4))
HELLO = Hello(SPEAKER, "selfplay-0", "secret")
MOST_ROWS = 40
sizes = st.tuples(st.integers(1, MOST_ROWS), st.integers(1, 30), st.integers(1, 40))


def only(data: bytes, most: int = 1 << 20) -> Frame:
    """The one frame that these bytes are."""
    reader = FrameReader(most)
    reader.feed(data)
    frame = reader.next()
    assert frame is not None
    assert reader.next() is None
    return frame


def legal_of(random: np.random.Generator, rows: int, actions: int) -> np.ndarray:
    """Some actions of each row, one at least."""
    legal = random.random((rows, actions)) < 0.5
    legal[np.arange(rows), random.integers(0, actions, rows)] = True
    return legal


@given(sizes, st.integers(0, 2**64 - 1), st.booleans(), st.integers(0, 2**32))
def test_requests_come_out_as_they_went_in(
    size: tuple[int, int, int], identity: int, has_bytes: bool, seed: int
) -> None:
    """Observations of either type, any number of actions, any shape of more dimensions."""
    rows, width, actions = size
    random = np.random.default_rng(seed)
    kind = np.uint8 if has_bytes else np.float32
    drawn = random.integers(0, 255, (rows, width)), random.normal(size=(rows, width))
    seen = drawn[not has_bytes].astype(kind)
    legal = legal_of(random, rows, actions)
    frame = only(encode_request(identity, seen.reshape(rows, 1, width), legal))
    found = decode_request(frame, Layout(width, actions), most_rows=MOST_ROWS)
    assert frame.id == identity
    assert found.observations.dtype == (np.uint8 if has_bytes else np.float16)
    np.testing.assert_array_equal(found.observations, seen.astype(found.observations.dtype))
    np.testing.assert_array_equal(unpacked(found.legal, actions), legal)


@given(sizes, st.integers(0, 2**63 - 1), st.integers(0, 2**32))
def test_answers_come_out_as_they_went_in(
    size: tuple[int, int, int], generation: int, seed: int
) -> None:
    """Priors of legal actions in their places, 0 in the others."""
    rows, _, actions = size
    random = np.random.default_rng(seed)
    legal, values = legal_of(random, rows, actions), random.random(rows).astype(np.float32)
    priors = random.random((rows, actions)).astype(np.float16)
    frame = only(encode_answer(7, generation, values, priors[legal]))
    found, found_values = decode_answer(frame, legal)
    assert (frame.id, frame.generation) == (7, generation)
    np.testing.assert_array_equal(found, np.where(legal, priors, 0).astype(np.float32))
    np.testing.assert_array_equal(found_values, values)


@given(st.lists(st.binary(max_size=50), max_size=8), st.lists(st.integers(1, 60), min_size=1))
def test_pieces_make_the_same_frames(bodies: list[bytes], pieces: list[int]) -> None:
    """However a stream is cut, its frames are the same."""
    data = b"".join(encode_error(at, body.hex()) for at, body in enumerate(bodies))
    reader, found, start, turn = FrameReader(1000), [], 0, 0
    while start < len(data):
        end = start + pieces[turn % len(pieces)]
        reader.feed(data[start:end])
        while (frame := reader.next()) is not None:
            found.append((frame.id, sentence_of(frame)))
        start, turn = end, turn + 1
    assert found == list(enumerate(body.hex() for body in bodies))


def test_hellos_come_out_as_they_went_in() -> None:
    """Both sides' first frames; a refusal is its sentence."""
    welcome = Welcome(SPEAKER, 8, 256)
    assert decode_hello(only(encode_hello(HELLO), HELLO_BYTES)) == HELLO
    assert decode_welcome(only(encode_welcome(welcome), HELLO_BYTES)) == welcome
    with pytest.raises(FrameError, match="it is another run"):
        decode_welcome(only(encode_refusal("it is another run")))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"protocol": 9, "product": "9.9"}, "protocol 9 .release 9.9.*protocol 1 .release 1.2.3"),
        ({"run_id": "run-2"}, "run run-2.*run-1"),
        ({"schema_hash": "fedcba"}, "schema fedcba.*0123456789abcdef"),
        ({"network": Network("mlp", 64, 4)}, "mlp 64 x 4.*resnet 64 x 4"),
    ],
)
def test_strangers_are_told_why(other: dict[str, object], words: str) -> None:
    """One sentence names what differs, on both sides."""
    stranger = msgspec.structs.replace(SPEAKER, **other)
    sentence = why_strangers(SPEAKER, stranger)
    assert sentence is not None
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(sentence)


def test_releases_of_one_protocol_understand_one_another() -> None:
    """While a run is updated, roles of two releases work together."""
    assert why_strangers(SPEAKER, msgspec.structs.replace(SPEAKER, product="1.2.4")) is None


@given(st.binary(max_size=400))
def test_garbage_is_no_frame(data: bytes) -> None:
    """Random bytes give frames or FrameError, and no memory beyond them."""
    reader = FrameReader()
    reader.feed(data)
    try:
        while (frame := reader.next()) is not None:
            assert len(frame.body) <= HELLO_BYTES
            decode_hello(frame)
    except FrameError:
        return


def test_a_length_beyond_the_bound_is_refused_from_the_head_alone() -> None:
    """Before a byte of the body came."""
    reader = FrameReader(1000)
    reader.feed(HEAD.pack(1001, Kind.REQUEST, 0, 1, 1, 0))
    with pytest.raises(FrameError, match="1001 bytes came, where at most 1000"):
        reader.next()
    reader = FrameReader()
    reader.feed(b"GET / HTTP/1.1\r\nHost: there\r\n\r\n")
    with pytest.raises(FrameError, match="bytes came"):
        reader.next()


@given(st.integers(0, 60), st.integers(0, 1), st.integers(0, 600), st.integers(0, 2**32))
def test_a_request_of_another_size_is_refused(rows: int, form: int, length: int, seed: int) -> None:
    """Rows and length must fit one another, whatever the body holds."""
    layout = Layout(7, 9)
    body = np.random.default_rng(seed).bytes(length)
    frame = Frame(Kind.REQUEST, form, rows, 1, 0, body)
    if 1 <= rows <= MOST_ROWS and length == layout.request_bytes(rows, form):
        return
    with pytest.raises(FrameError, match="positions"):
        decode_request(frame, layout, most_rows=MOST_ROWS)


def test_positions_that_cannot_be_answered_are_refused() -> None:
    """A row without a legal action, and an observation that is not finite."""
    legal = np.ones((2, 9), np.bool_)
    seen = np.zeros((2, 7), np.float16)
    seen[1, 3] = np.inf
    with pytest.raises(FrameError, match="not finite"):
        decode_request(only(encode_request(1, seen, legal)), Layout(7, 9), most_rows=2)
    legal[1] = False
    with pytest.raises(FrameError, match="without a legal action"):
        decode_request(only(encode_request(1, np.zeros((2, 7)), legal)), Layout(7, 9), most_rows=2)
    padding = Frame(Kind.REQUEST, 0, 1, 1, 0, bytes(7) + b"\x00\x7f")
    with pytest.raises(FrameError, match="without a legal action"):
        decode_request(padding, Layout(7, 9), most_rows=2)


@given(st.integers(0, 5), st.integers(0, 60))
def test_an_answer_of_another_size_is_refused(rows: int, length: int) -> None:
    """It is compared with the request."""
    legal = np.array([[True, False, True], [False, True, False]])
    frame = Frame(Kind.ANSWER, 0, rows, 1, 0, bytes(length))
    if (rows, length) == (2, 2 * 4 + 3 * 2):
        decode_answer(frame, legal)
        return
    with pytest.raises(FrameError, match="an answer of 2 positions and 14 bytes should"):
        decode_answer(frame, legal)


def test_a_hello_of_something_else_is_refused() -> None:
    """No JSON, JSON of another form, numbers out of range, nesting without end, another kind."""
    bodies = [b"{", b"[]", b'{"speaker": 1}', b"[" * 4000, b"\xff\xfe"]
    for body in bodies:
        with pytest.raises(FrameError, match="cannot be read"):
            decode_hello(Frame(Kind.HELLO, 0, 0, 0, 0, body))
    with pytest.raises(FrameError, match="something else speaks"):
        decode_hello(Frame(Kind.REQUEST, 0, 1, 1, 0, b""))
    credits_for_all = encode_welcome(Welcome(SPEAKER, 10_000, 1))
    with pytest.raises(FrameError, match="cannot be read"):
        decode_welcome(only(credits_for_all))


def test_sentences_are_bounded_and_steer_no_terminal() -> None:
    """Whatever the other side wrote."""
    frame = only(encode_error(3, "x\x1b[31m\n" * 1000))
    assert len(frame.body) <= SENTENCE_BYTES
    assert sentence_of(frame).isprintable()
    assert sentence_of(Frame(Kind.ERROR, 0, 0, 3, 0, b"\xff\xff")).isprintable()
