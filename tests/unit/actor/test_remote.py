"""A client among servers that lie: what they say is not used, and the local evaluator answers.

The servers are threads behind real sockets, each with one way to lie.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_actor.selfplay.remote import (
    Client,
    RemoteEvaluator,
    Servers,
    ordered,
    servers_of,
)
from trainingrun_contracts.inference_frames import (
    HEAD,
    Frame,
    FrameReader,
    Kind,
    Layout,
    Speaker,
    Welcome,
    encode_answer,
    encode_error,
    encode_refusal,
    encode_welcome,
)
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.reports import InferenceReport
from trainingrun_search.evaluators import Answer, Request

WIDTH, ACTIONS, ROWS = 6, 5, 4
SPEAKER = Speaker(1, "1.0", "run-1", "schema", Network())
LOCAL, SERVED = 99, 5
LATE_SECONDS, PATIENT_SECONDS = 0.5, 30.0
Lie = Callable[[Frame], bytes]
"""What is sent in the place of an answer to a request."""


def request_of(rows: int = ROWS) -> Request:
    """Positions of which the first action of each is not legal."""
    legal = np.ones((rows, ACTIONS), np.bool_)
    legal[:, 0] = False
    nothing: Any = None
    return Request(
        np.zeros((rows, WIDTH), np.uint8), legal, np.arange(rows, dtype=np.int32), nothing
    )


class Here:
    """The local evaluator."""

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        return Answer(
            request.legal.astype(np.float32), np.zeros(len(request.legal), np.float32), LOCAL
        )


def answer_to(
    frame: Frame,
    *,
    identity: int | None = None,
    rows: int | None = None,
    value: float = 0.5,
    prior: float = 0.25,
    generation: int = SERVED,
) -> bytes:
    """An honest answer, but for what is named."""
    count = frame.rows if rows is None else rows
    return encode_answer(
        frame.id if identity is None else identity,
        generation,
        np.full(count, value, np.float32),
        np.full(count * (ACTIONS - 1), prior, np.float16),
    )


class FakeServer:
    """One that answers by a function, and can be asked what it was sent."""

    def __init__(
        self, lie: Lie = answer_to, *, welcome: bytes | None = None, rows: int = 64
    ) -> None:
        self.requests: list[Frame] = []
        self.connections = 0
        self._lie = lie
        self._welcome = welcome or encode_welcome(Welcome(SPEAKER, 2, rows))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """End it, and every connection."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                own, _ = self._listener.accept()
                self._open.append(own)
                self.connections += 1
                threading.Thread(target=self._speak, args=(own,), daemon=True).start()

    def _speak(self, own: socket.socket) -> None:
        reader = FrameReader(1 << 20)
        with own, suppress(OSError):
            own.sendall(self._welcome)
            while data := own.recv(65536):
                reader.feed(data)
                while (frame := reader.next()) is not None:
                    if frame.kind is Kind.REQUEST:
                        self.requests.append(frame)
                        own.sendall(self._lie(frame))


@contextmanager
def asking(
    *servers: FakeServer, seconds: float = PATIENT_SECONDS
) -> Iterator[tuple[RemoteEvaluator, list[str]]]:
    """A client of these servers, and the reasons of what it has people notified of."""
    heard: list[str] = []
    client = Client(SPEAKER, Layout(WIDTH, ACTIONS), "selfplay-0")
    evaluator = RemoteEvaluator(
        client,
        Here(),
        notify=lambda reason, _message: heard.append(reason),
        answer_seconds=seconds,
    )
    evaluator.use(Servers(tuple(each.address for each in servers), "token"))
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.close)
        stack.callback(evaluator.close)
        yield evaluator, heard


def test_an_honest_server_answers() -> None:
    """With its generation, its values, and priors of legal actions alone."""
    with asking(FakeServer()) as (evaluator, heard):
        answer = evaluator.evaluate(request_of())
    assert answer.generation == SERVED
    np.testing.assert_array_equal(answer.values, np.full(ROWS, 0.5))
    np.testing.assert_array_equal(answer.priors[:, 0], np.zeros(ROWS))
    assert (evaluator.counts.remote, dict(evaluator.counts.local), heard) == (ROWS, {}, [])


@pytest.mark.parametrize(
    ("lie", "cause"),
    [
        (lambda frame: answer_to(frame, value=np.nan), "wrong"),
        (lambda frame: answer_to(frame, prior=np.nan), "wrong"),
        (lambda frame: answer_to(frame, value=1.5), "wrong"),
        (lambda frame: answer_to(frame, prior=-0.25), "wrong"),
        (lambda frame: answer_to(frame, rows=ROWS - 1), "wrong"),
        (lambda frame: answer_to(frame, identity=frame.id + 1), "wrong"),
        (lambda frame: answer_to(frame, generation=-1), "wrong"),
        (lambda frame: answer_to(frame, identity=0) + answer_to(frame), "wrong"),
        (lambda _frame: HEAD.pack(1 << 31, Kind.ANSWER, 0, 1, 1, 1), "wrong"),
        (lambda _frame: b"HTTP/1.1 400 Bad Request\r\n\r\n", "wrong"),
        (lambda _frame: b"", "timeout"),
        (lambda frame: answer_to(frame)[:-1], "timeout"),
    ],
)
def test_what_cannot_be_is_not_used(lie: Lie, cause: str) -> None:
    """Numbers that are none, other sizes, other requests' answers, half an answer, silence: the
    round is valued here, and the server is left alone."""
    patience = LATE_SECONDS if cause == "timeout" else PATIENT_SECONDS
    with asking(FakeServer(lie), seconds=patience) as (evaluator, heard):
        for _ in range(3):
            assert evaluator.evaluate(request_of()).generation == LOCAL
        assert evaluator.counts.local[cause] >= ROWS
        assert evaluator.counts.remote == 0
        assert heard == (["InferenceWrong"] if cause == "wrong" else [])


def test_late_answers_are_never_used() -> None:
    """An answer that comes after its time-out is on a connection that is closed by then."""
    gate = threading.Event()

    def late(frame: Frame) -> bytes:
        if len(server.requests) == 1:
            gate.wait(30)
        return answer_to(frame, value=-0.5 if len(server.requests) == 1 else 0.5)

    server = FakeServer(late)
    with asking(server, seconds=LATE_SECONDS) as (evaluator, _):
        assert evaluator.evaluate(request_of()).generation == LOCAL
        gate.set()
        found = [evaluator.evaluate(request_of(ROWS + 1)) for _ in range(200)]
    values = {float(value) for each in found for value in each.values}
    assert values <= {0.0, 0.5}


def test_an_error_costs_its_request_alone() -> None:
    """A server without weights is asked again on the same connection."""
    server = FakeServer(
        lambda frame: (
            encode_error(frame.id, "no weights") if len(server.requests) == 1 else answer_to(frame)
        )
    )
    with asking(server) as (evaluator, heard):
        assert evaluator.evaluate(request_of()).generation == LOCAL
        assert evaluator.evaluate(request_of()).generation == SERVED
        assert (server.connections, heard) == (1, [])
        assert dict(evaluator.counts.local) == {"error": ROWS}


def test_requests_are_cut_to_what_a_server_takes() -> None:
    """Into parts of at most so many positions, which wait for credits; the oldest generation is
    the answer's."""
    ages = iter(range(20, 0, -1))
    server = FakeServer(lambda frame: answer_to(frame, generation=next(ages)), rows=3)
    with asking(server) as (evaluator, _):
        answer = evaluator.evaluate(request_of(20))
    assert [frame.rows for frame in server.requests] == [3, 3, 3, 3, 3, 3, 2]
    assert len(answer.values) == 20
    assert answer.generation == 14


def test_strangers_are_not_asked() -> None:
    """A refusal, a welcome of another run, garbage: the run hears of it, and nothing is sent."""
    other = Speaker(1, "1.0", "run-2", "schema", Network())
    for welcome in (
        encode_refusal("it is full"),
        encode_welcome(Welcome(other, 2, 64)),
        b"220 mail.example.com ESMTP\r\n",
    ):
        server = FakeServer(welcome=welcome)
        with asking(server) as (evaluator, heard):
            assert evaluator.evaluate(request_of()).generation == LOCAL
            assert evaluator.evaluate(request_of()).generation == LOCAL
        assert (heard, server.requests, server.connections) == (["InferenceRefused"], [], 1)


def test_the_next_server_is_asked_while_the_first_is_away() -> None:
    """And addresses that are none cost nothing but themselves."""
    servers = FakeServer(), FakeServer()
    with asking(*servers) as (evaluator, _):
        evaluator.evaluate(request_of())
        first = next(each for each in servers if each.requests)
        first.close()
        found = [evaluator.evaluate(request_of()).generation for _ in range(3)]
        assert found[1:] == [SERVED, SERVED]
        evaluator.use(Servers(("nowhere", "127.0.0.1:x", "[::1"), "token"))
        assert evaluator.evaluate(request_of()).generation == LOCAL


@given(st.lists(st.integers(0, 30), min_size=1, unique=True), st.integers(0, 50))
def test_only_the_workers_of_a_server_move_when_it_goes(numbers: list[int], worker: int) -> None:
    """The order of the others stays as it was."""
    addresses = [f"10.0.0.{number}:17172" for number in numbers]
    whole = ordered(addresses, f"selfplay-{worker}")
    assert sorted(whole) == sorted(addresses)
    for gone in addresses:
        rest = ordered([each for each in addresses if each != gone], f"selfplay-{worker}")
        assert rest == tuple(each for each in whole if each != gone)


def test_servers_without_weights_are_not_asked() -> None:
    """Their reports say so; without a token none of them would answer."""

    def report(member: str, publish: int) -> InferenceReport:
        return InferenceReport(member, 0.0, f"{member}:1", publish, 0, 0, 0, "cpu", "here")

    found = servers_of((report("a", -1), report("b", 0)), b"token")
    assert found == Servers(("b:1",), "token")
    assert servers_of((), None) == Servers()
