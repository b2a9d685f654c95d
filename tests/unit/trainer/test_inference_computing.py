"""What the device answers: each row as if it were alone, by one set of weights."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from trainingrun_contracts.inference_frames import Layout, Positions, unpacked
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.run_config import ConfigError
from trainingrun_contracts.weights import WeightsError
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_trainer.inference.addresses import Place, place_of
from trainingrun_trainer.inference.answer_cache import AnswerCache
from trainingrun_trainer.inference.computing import BatchAnswer, Computing, Device, NoWeights
from trainingrun_trainer.inference.figures import Batch, Figures, Rates
from trainingrun_trainer.inference.published import read_weights

from testkit.roles.inference_bed import NETWORK, SPEC, policy_of, request_of, weights_of

CPU = Device(torch.device("cpu"), torch.float32, 1, "cpu")
LAYOUT = Layout.of(SPEC)
TOLERANCE = 1e-3


def pointer_to(number: int) -> Pointer:
    """Of weights that were published under this number."""
    return Pointer(epoch=1, version=number, publish=number, sha256="", at=0.0)


def computing_with(
    number: int, *, cache_bytes: int = 0, kind: torch.dtype = torch.float32
) -> Computing:
    """A device that answers by the weights of this number."""
    made = Computing(
        Device(torch.device("cpu"), kind, 1, "cpu"),
        NETWORK,
        SPEC,
        most_rows=64,
        cache_bytes=cache_bytes,
    )
    use(made, number)
    return made


def use(computing: Computing, number: int) -> None:
    """Answer by the weights of this number from now on."""
    blob = weights_of(number)
    tensors = read_weights(blob, sha256(blob).hexdigest(), network=NETWORK, spec=SPEC)
    computing.use(tensors, pointer_to(number))


def positions_of(seed: int, rows: int, *, kind: type = np.uint8) -> Positions:
    """Random positions as they come in a frame."""
    request = request_of(seed, rows)
    seen = request.observations.reshape(rows, -1).astype(kind)
    return Positions(seen, np.packbits(request.legal, axis=1))


def require_right(answer: BatchAnswer, requests: list[Positions]) -> None:
    """Each request's rows are what numpy computes of them by the answer's generation."""
    policy = policy_of(answer.generation)
    row = prior = 0
    for request, (row_end, prior_end) in zip(requests, answer.ends, strict=True):
        legal = unpacked(request.legal, LAYOUT.actions)
        logits, values = policy.forward(request.observations.astype(np.float32))
        shares = np.exp(np.where(legal, logits, -np.inf))
        shares /= shares.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(answer.values[row:row_end], values, atol=TOLERANCE)
        np.testing.assert_allclose(answer.priors[prior:prior_end], shares[legal], atol=TOLERANCE)
        row, prior = row_end, prior_end


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 9), st.booleans()), min_size=1, max_size=6
    ),
    st.sampled_from([0, 20_000, 1 << 20]),
)
def test_batches_are_answered_row_by_row(
    asked: list[tuple[int, int, bool]], cache_bytes: int
) -> None:
    """The same positions again, others, of both types, with any cache: always numpy's answers."""
    computing = computing_with(1, cache_bytes=cache_bytes)
    requests = [
        positions_of(seed, rows, kind=np.uint8 if is_byte else np.float16)
        for seed, rows, is_byte in asked
    ]
    for _ in range(2):
        require_right(computing.answer(requests), requests)


def test_known_positions_are_not_computed_again() -> None:
    """Neither within a batch nor after it, until there are new weights."""
    computing = computing_with(1, cache_bytes=1 << 20)
    request = positions_of(5, 16)
    assert computing.answer([request, request]).computed == 16
    assert computing.answer([request]).computed == 0
    use(computing, 2)
    answer = computing.answer([request])
    assert (answer.generation, answer.computed) == (2, 16)
    require_right(answer, [request])


def test_bf16_answers_nearly_the_same() -> None:
    """Half the digits in the body cost a few hundredths, and no legal action."""
    request = positions_of(3, 64)
    full, half = (
        computing_with(1, kind=kind).answer([request]) for kind in (torch.float32, torch.bfloat16)
    )
    np.testing.assert_allclose(half.values, full.values, atol=0.05)
    np.testing.assert_allclose(half.priors, full.priors, atol=0.05)


def test_without_weights_nothing_is_answered() -> None:
    """And it says so."""
    computing = Computing(CPU, NETWORK, SPEC, most_rows=64, cache_bytes=0)
    with pytest.raises(NoWeights, match="no weights are published yet"):
        computing.answer([positions_of(0, 1)])


def test_weights_that_cannot_answer_are_refused() -> None:
    """Not there, another hash, another environment or network, a number that is not finite."""
    blob = weights_of(1)
    for bad, words in (
        (None, "not in Redis"),
        (blob[:-1] + b"x", "do not match their sha256"),
    ):
        with pytest.raises(WeightsError, match=words):
            read_weights(bad, sha256(blob).hexdigest(), network=NETWORK, spec=SPEC)
    other = weights_of(1, Network("resnet", 32, 2))
    foreign = weights_of(1, schema="0000")
    for each, words in (
        (other, "the run's network is a resnet of width 32 with 1"),
        (foreign, "0000"),
    ):
        with pytest.raises(WeightsError, match=words):
            read_weights(each, sha256(each).hexdigest(), network=NETWORK, spec=SPEC)


@given(st.lists(st.integers(0, 30), max_size=80), st.integers(1, 12))
def test_a_cache_gives_what_was_written_last_and_stays_in_its_bounds(
    numbers: list[int], entries: int
) -> None:
    """Against a dict: what it knows is right; it never holds more than it may."""
    layout = Layout(4, 3)
    row = layout.width + layout.mask_bytes + 2 * layout.actions + 4 + 200
    cache = AnswerCache(layout, most_bytes=entries * row)
    assert cache.entries == entries
    written: dict[bytes, int] = {}
    for turn, number in enumerate(numbers):
        key = bytes([number])
        priors, values = np.zeros((1, 3), np.float16), np.zeros(1, np.float32)
        if not cache.read([key], priors, values):
            assert values[0] == written[key]
            assert (priors == written[key]).all()
        cache.write([key], np.full((1, 3), turn, np.float16), np.full(1, turn, np.float32))
        written[key] = turn
        assert len(cache) <= entries
    cache.write(
        [bytes([each]) for each in range(40)], np.ones((40, 3), np.float16), np.ones(40, np.float32)
    )
    assert len(cache) <= entries


@pytest.mark.parametrize(
    ("text", "place", "bound"),
    [
        ("10.0.0.7:17000", Place("10.0.0.7", 17000), None),
        ("gpu-box", Place("gpu-box", 17172), None),
        ("127.0.0.1:0", Place("127.0.0.1", 0), "127.0.0.1"),
        ("localhost:1", Place("localhost", 1), "localhost"),
        ("[fd00::2]:9", Place("fd00::2", 9), None),
        ("[::1]", Place("::1", 17172), "::1"),
    ],
)
def test_addresses_are_read(text: str, place: Place, bound: str | None) -> None:
    """Names, both kinds of addresses, with and without a port; what is told can be read again."""
    assert place_of(text) == place
    assert place.bound_host == bound
    assert place_of(place.announced(4)) == Place(place.host, 4)


@pytest.mark.parametrize("text", ["", ":", ":5", "a b:5", "host:port", "host:70000", "x" * 300])
def test_what_is_no_address_is_refused(text: str) -> None:
    """By a sentence that says what to write."""
    with pytest.raises(ConfigError, match="write host:port"):
        place_of(text)


def test_rates_are_those_of_the_last_half_minute() -> None:
    """Nothing yet: not known. Then sums over time, percentiles of waits, the part of a batch."""
    figures = Figures(most_rows=100)
    assert figures.rates(now=5.0) == Rates()
    figures.note(Batch(at=1.0, rows=100, computed=100, seconds=1.0, waits=(9.0,)))
    figures.note(Batch(at=95.0, rows=30, computed=15, seconds=0.2, waits=(0.1, 0.3)))
    figures.note(Batch(at=99.0, rows=10, computed=5, seconds=0.4, waits=(0.2,)))
    rates = figures.rates(now=100.0)
    assert rates.wait_seconds_p50 == pytest.approx(0.2)
    assert rates.batch_seconds == pytest.approx(0.3)
    assert rates.fill == pytest.approx(0.2)
    assert rates.cache_hits == pytest.approx(0.5)
    assert (figures.positions, figures.computed, figures.batches) == (140, 120, 3)
