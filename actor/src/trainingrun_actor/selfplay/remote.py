"""Asks inference servers, and a local evaluator wherever no server answers.

Blocking, for the thread that searches: a round's leaves are one request. ``submit`` and ``collect``
are the two halves of ``evaluate``, so that a process with two groups of games searches with one
while the other's answer is on its way.

Which server: rendezvous hashing of the member's name orders them, and the first that can be reached
is asked. So a worker stays with one server, whose answers come from one generation after another,
and when servers come and go only their own workers move. Hashing positions was refused: a round
would wait for the slowest of all servers.

What can go wrong costs a round's time-out at most: a connection that breaks, lies or is late is
dropped with everything that may still come on it, the positions are valued here, and the server is
tried again after a pause. An answer is used only if it has the number of a request that waits on
that same connection.
"""

from __future__ import annotations

import logging
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random
from time import monotonic
from typing import Final

import numpy as np
from msgspec import Struct
from trainingrun_contracts.backoff import Backoff
from trainingrun_contracts.inference_frames import (
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
    decode_welcome,
    encode_hello,
    encode_request,
    sentence_of,
    why_strangers,
)
from trainingrun_contracts.reports import InferenceReport
from trainingrun_search.evaluators import Answer, EvaluationError, Evaluator, Request, check

ANSWER_SECONDS: Final = 5.0
"""How long a request waits for its answer: a few batches of a busy processor."""
_CONNECT_SECONDS: Final = 0.5
_HELLO_SECONDS: Final = 2.0
_RETRY: Final = Backoff(first=0.1, longest=10.0, spread=0.5)
_DISTRUST_SECONDS: Final = 60.0
"""A server that refused us, or answered what cannot be, is not asked for this time."""
_PIECE: Final = 1 << 18
_SLACK: Final = 1e-3
"""By which rounding may carry a value beyond 1."""

_log: Final = logging.getLogger(__name__)

Notify = Callable[[str, str], None]
"""Hears a reason in CamelCase and a sentence for the person who runs this; in any thread."""


class Servers(Struct, frozen=True):
    """Inference servers that may be asked, and what they want to hear."""

    addresses: tuple[str, ...] = ()
    token: str = ""


def servers_of(reports: Sequence[InferenceReport], token: bytes | None) -> Servers:
    """Return the servers that have weights, from their reports and the run's token."""
    ready = tuple(report.address for report in reports if report.publish >= 0)
    return Servers(ready, (token or b"").decode(errors="replace"))


class Client(Struct, frozen=True):
    """Who asks, and how much it says.

    Attributes:
        speaker: what this process says of its run.
        layout: of what it asks.
        member: its name in the run.
    """

    speaker: Speaker
    layout: Layout
    member: str


class Lost(Exception):
    """A connection cannot be used any longer; the message says why.

    Attributes:
        cause: ``lost``, ``timeout`` or ``wrong``, for the counters.
    """

    def __init__(self, sentence: str, cause: str) -> None:
        super().__init__(sentence)
        self.cause = cause


class Unanswered(Exception):
    """A server says that it cannot answer this request."""


class Ticket(Struct, frozen=True):
    """A request that was submitted.

    Attributes:
        request: what was asked.
        session: its connection; None where it is answered here.
        ids: of its parts, in order.
        until: when it is late, by the evaluator's clock.
        cause: why it is answered here, where it is.
    """

    request: Request
    session: Session | None
    ids: tuple[int, ...]
    until: float
    cause: str = ""


@dataclass
class RemoteCounts:
    """What was asked since the start; one thread counts, others may read.

    Attributes:
        remote: positions that servers answered.
        local: positions that were valued here, by cause: ``absent`` (no server to ask), ``lost``,
            ``timeout``, ``error`` (the server could not answer) or ``wrong`` (it answered what
            cannot be).
        seconds: that the search waited for servers.
    """

    remote: int = 0
    local: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


class RemoteEvaluator:
    """An ``Evaluator`` of one thread; ``use`` and ``use_local`` may be called from others."""

    def __init__(
        self,
        client: Client,
        local: Evaluator,
        *,
        notify: Notify = lambda _reason, _message: None,
        answer_seconds: float = ANSWER_SECONDS,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self.counts = RemoteCounts()
        self._client = client
        self._local = local
        self._notify = notify
        self._answer_seconds = answer_seconds
        self._now = now
        self._servers = self._linked = Servers()
        self._links: tuple[_Link, ...] = ()
        self._next_id = 1

    def use(self, servers: Servers) -> None:
        """Ask these servers from the next request on."""
        self._servers = servers

    def use_local(self, evaluator: Evaluator) -> None:
        """Value positions by this evaluator where no server answers."""
        self._local = evaluator

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        return self.collect(self.submit(request))

    def submit(self, request: Request) -> Ticket:
        """Send a request; its arrays must stay as they are until it is collected. Collect every
        ticket, once."""
        began = self._now()
        session = self._session()
        if session is None:
            return Ticket(request, None, (), began, "absent")
        until, rows = began + self._answer_seconds, session.welcome.rows
        ids: list[int] = []
        try:
            for start in range(0, len(request.legal), rows):
                identity, self._next_id = self._next_id, self._next_id + 1
                seen = request.observations[start : start + rows]
                frame = encode_request(identity, seen, request.legal[start : start + rows])
                session.send(identity, frame, until)
                ids.append(identity)
        except Lost as error:
            self._drop(session, error)
            return Ticket(request, None, (), until, error.cause)
        finally:
            self.counts.seconds += self._now() - began
        return Ticket(request, session, tuple(ids), until)

    def collect(self, ticket: Ticket) -> Answer:
        """Return the answer to a request: a server's, or that of the local evaluator."""
        session = ticket.session
        if session is None:
            return self._value_here(ticket.request, ticket.cause)
        began = self._now()
        try:
            answer = _received(session, ticket)
        except Unanswered as error:
            _log.debug("%s: %s", session.address, error)
            return self._value_here(ticket.request, "error")
        except Lost as error:
            self._drop(session, error)
            return self._value_here(ticket.request, error.cause)
        finally:
            self.counts.seconds += self._now() - began
        self.counts.remote += len(answer.values)
        return answer

    @property
    def is_connected(self) -> bool:
        """Whether a server can be asked; connects where that is due."""
        return self._session() is not None

    def close(self) -> None:
        """Close all connections."""
        self._links, self._linked = _kept((), self._links), Servers()

    def _value_here(self, request: Request, cause: str) -> Answer:
        self.counts.local[cause] += len(request.legal)
        return self._local.evaluate(request)

    def _session(self) -> Session | None:
        """Return the connection to ask on; None where no server can be reached now."""
        servers = self._servers
        if servers is not self._linked:
            self._links = _kept(ordered(servers.addresses, self._client.member), self._links)
            self._linked = servers
        for link in self._links:
            if link.session is None and self._now() >= link.retry_at:
                self._connect(link, servers.token)
            if link.session is not None:
                return link.session
        return None

    def _connect(self, link: _Link, token: str) -> None:
        try:
            link.session = _connected(link.address, self._client, token, now=self._now)
            link.failures = 0
            _log.info("inference server %s is asked", link.address)
        except FrameError as error:
            link.retry_at = self._now() + _DISTRUST_SECONDS
            sentence = f"inference server {link.address} cannot be asked: {error}"
            _log.warning("%s", sentence)
            self._notify("InferenceRefused", sentence)
        except (OSError, Lost) as error:
            link.fail(self._now())
            _log.debug("inference server %s: %s", link.address, error)

    def _drop(self, session: Session, error: Lost) -> None:
        """Forget a connection, and whatever may still come on it."""
        session.close()
        sentence = f"inference server {session.address}: {error}: positions are valued here"
        for link in self._links:
            if link.session is session:
                link.session = None
                link.fail(self._now())
                _log.warning("%s", sentence)
                if error.cause == "wrong":
                    link.retry_at = self._now() + _DISTRUST_SECONDS
                    self._notify("InferenceWrong", sentence)


class Session:
    """One connection, from its hello to its end; it is never taken up again."""

    def __init__(
        self,
        own: socket.socket,
        address: str,
        welcome: Welcome,
        reader: FrameReader,
        now: Callable[[], float],
    ) -> None:
        self.address = address
        self.welcome = welcome
        self._socket: socket.socket | None = own
        self._reader = reader
        self._now = now
        self._waiting: set[int] = set()
        self._arrived: dict[int, Frame] = {}

    def send(self, identity: int, frame: bytes, until: float) -> None:
        """Send a request, once there is a credit for it.

        Raises:
            Lost: it could not be sent in time.
        """
        while len(self._waiting) >= self.welcome.requests:
            self._read(until)
        try:
            self._timed(until).sendall(frame)
        except TimeoutError as error:
            raise Lost("it takes no request in time", "timeout") from error
        except OSError as error:
            raise Lost(f"the connection broke ({error.strerror or error})", "lost") from error
        self._waiting.add(identity)

    def receive(self, identity: int, until: float) -> Frame:
        """Return the answer to a request.

        Raises:
            Lost: none came in time, or the connection cannot be used any longer.
        """
        while identity not in self._arrived:
            self._read(until)
        return self._arrived.pop(identity)

    def close(self) -> None:
        """End it: nothing that comes is used."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._arrived.clear()

    def _read(self, until: float) -> None:
        """Read once, and sort what came."""
        try:
            data = self._timed(until).recv(_PIECE)
        except TimeoutError as error:
            raise Lost("no answer came in time", "timeout") from error
        except OSError as error:
            raise Lost(f"the connection broke ({error.strerror or error})", "lost") from error
        if not data:
            raise Lost("it closed the connection", "lost")
        self._reader.feed(data)
        try:
            while (frame := self._reader.next()) is not None:
                self._sort(frame)
        except FrameError as error:
            raise Lost(str(error), "wrong") from error

    def _sort(self, frame: Frame) -> None:
        if frame.kind not in (Kind.ANSWER, Kind.ERROR) or frame.id not in self._waiting:
            raise FrameError(f"a frame of kind {frame.kind.name} came that no request waits for")
        self._waiting.remove(frame.id)
        self._arrived[frame.id] = frame

    def _timed(self, until: float) -> socket.socket:
        if self._socket is None:
            raise Lost("the connection is closed", "lost")
        left = until - self._now()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._socket


@dataclass(eq=False)
class _Link:
    """A server, connected or not."""

    address: str
    session: Session | None = None
    failures: int = 0
    retry_at: float = float("-inf")

    def fail(self, now: float) -> None:
        """Note a failure, and when to try again."""
        self.failures += 1
        self.retry_at = now + _RETRY.seconds(self.failures, Random())


def ordered(addresses: Sequence[str], member: str) -> tuple[str, ...]:
    """Return servers in the order in which a member asks them (rendezvous hashing, Thaler and
    Ravishankar 1998)."""
    return tuple(
        sorted(set(addresses), key=lambda each: sha256(f"{member} {each}".encode()).digest())
    )


def _kept(addresses: Sequence[str], links: Sequence[_Link]) -> tuple[_Link, ...]:
    """Return links to these servers, connections that there are included; close the others."""
    known = {link.address: link for link in links}
    for address in known.keys() - set(addresses):
        session = known[address].session
        if session is not None:
            session.close()
    return tuple(known.get(address) or _Link(address) for address in addresses)


def _connected(address: str, client: Client, token: str, *, now: Callable[[], float]) -> Session:
    """Return a connection on which both sides have said who they are.

    Raises:
        OSError: there is none to be had.
        Lost: it ended, or no hello came in time.
        FrameError: one side refuses the other.
    """
    own = socket.create_connection(_host_and_port(address), timeout=_CONNECT_SECONDS)
    try:
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own.settimeout(_HELLO_SECONDS)
        own.sendall(encode_hello(Hello(client.speaker, client.member, token)))
        reader = FrameReader()
        while (frame := reader.next()) is None:
            data = own.recv(_PIECE)
            if not data:
                raise Lost("it closed the connection in place of a hello", "lost")
            reader.feed(data)
        welcome = decode_welcome(frame)
        strangers = why_strangers(client.speaker, welcome.speaker)
        if strangers is not None:
            raise FrameError(strangers)
    except BaseException:
        own.close()
        raise
    reader.most = client.layout.most_answer_bytes(welcome.rows) + SENTENCE_BYTES
    return Session(own, address, welcome, reader, now)


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 2**16):
        raise OSError(f"{address!r} is no address")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _received(session: Session, ticket: Ticket) -> Answer:
    """Return the answer of a server to all parts of a request, with the oldest generation.

    Raises:
        Lost: the connection cannot be used any longer.
        Unanswered: the server says so.
    """
    request, rows = ticket.request, session.welcome.rows
    frames = [session.receive(identity, ticket.until) for identity in ticket.ids]
    for frame in frames:
        if frame.kind is Kind.ERROR:
            raise Unanswered(sentence_of(frame))
    try:
        parts = [
            decode_answer(frame, request.legal[number * rows : (number + 1) * rows])
            for number, frame in enumerate(frames)
        ]
        answer = Answer(
            priors=np.concatenate([priors for priors, _ in parts]),
            values=np.concatenate([values for _, values in parts]),
            generation=min(frame.generation for frame in frames),
        )
        _require_sense(answer, request)
    except (FrameError, EvaluationError) as error:
        raise Lost(str(error), "wrong") from error
    return answer


def _require_sense(answer: Answer, request: Request) -> None:
    check(answer, request)
    if answer.priors.min() < 0 or np.abs(answer.values).max() > 1 + _SLACK:
        raise EvaluationError("the answer has a prior below 0 or a value beyond 1")
    if answer.generation < 0:
        raise EvaluationError(f"the answer is of generation {answer.generation}")
