"""Replays a vector without sockets: effects out, observations in, a verdict at the end.

A vector is a generator of effects. Its driver (the command line with sockets, a test with
a daemon in memory) carries each effect out and sends back what was observed, with the time at which
it was; the vector never reads a clock. That keeps every judgement here testable to the byte.

Memory is bounded: lines are capped (``framing``) and a kept game holds a digest per line.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from trainingrun_protocol.access import TOKEN_FLAG, Token
from trainingrun_protocol.conformance import script
from trainingrun_protocol.conformance.effects import (
    Close,
    Doing,
    Effect,
    Observed,
    Open,
    Receive,
    Send,
    Wait,
)
from trainingrun_protocol.conformance.game import (
    DiffersError,
    KeptLine,
    PlayedGame,
    shown,
)
from trainingrun_protocol.errors import ProtocolError
from trainingrun_protocol.framing import LineBuffer
from trainingrun_protocol.lines import StatusReply, is_status_end, parse_status

MAX_FILLED: Final = 64
"""More games than this are not opened to fill a daemon."""
MAX_LINES: Final = 100_000
"""A game with more lines has no end."""
_POLL_SECONDS: Final = 0.1
_STATUS_SECONDS: Final = 5.0
_GAME: Final = b"NEWGAME test_red.dck test_blue.dck -i -q\n"
_NEW_GAME: Final = re.compile(rb"NEWGAME [^\r\n]*")
_TERMINAL: Final = ("GAME_RESULT:", "GAME_TIMEOUT:", "GAME_ERROR:", "ERROR:")


class Outcome(Enum):
    """How a vector went."""

    OK = "ok"
    DIFFERS = "FAILED"
    NOT_SUPPORTED = "not supported"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a vector went, with the place in its file and what differed."""

    outcome: Outcome
    line: int = 0
    text: str = ""


def replay(vector: script.Vector, *, token: Token | None = None) -> Doing[Verdict]:
    """Hold a daemon against a vector. Connections left open are the driver's to close.

    Args:
        vector: what is checked.
        token: of the daemon; it goes into every NEWGAME that names none.
    """
    bench = _Bench(token)
    place = 0
    try:
        yield from bench.begin()
        for step in vector.steps:
            place = step.line
            try:
                yield from bench.take(step.action)
            except DiffersError as difference:
                lacks = step.proves_support and vector.is_ours
                outcome = Outcome.NOT_SUPPORTED if lacks else Outcome.DIFFERS
                return Verdict(outcome, step.line, str(difference))
            except _TooManyError as limit:
                return Verdict(Outcome.NOT_SUPPORTED, step.line, str(limit))
    except (DiffersError, ProtocolError) as error:
        return Verdict(Outcome.DIFFERS, place, str(error))
    return Verdict(Outcome.OK)


class _TooManyError(Exception):
    """The daemon is too large for this step, which is no fault of its own."""


@dataclass(slots=True)
class _Wire:
    """One connection: what came and was not read yet."""

    buffer: LineBuffer = field(default_factory=LineBuffer)
    lines: deque[bytes] = field(default_factory=deque)
    is_closed: bool = False


class _Bench:
    """The connections of one vector and what its steps have kept."""

    def __init__(self, token: Token | None) -> None:
        self._token = token
        self._wires: dict[str, _Wire] = {}
        self._games: dict[str, list[KeptLine]] = {}
        self._before: StatusReply | None = None
        self._asked = 0
        self._now = 0.0

    def begin(self) -> Doing[None]:
        """Remember how busy the daemon is."""
        self._before, _ = yield from self._status(_STATUS_SECONDS)

    def take(self, action: script.Action) -> Doing[None]:
        """Do one step; raises DiffersError."""
        match action:
            case script.Say(to, data):
                yield from self._send(to, data)
            case script.Hear(of, pattern, skips_log, seconds):
                yield from self._hear(of, pattern, skips_log=skips_log, seconds=seconds)
            case script.End(of, seconds):
                yield from self._see_end(of, seconds)
            case script.Silence(of, seconds):
                yield from self._see_silence(of, seconds)
            case script.Leave(of, resets):
                yield from self._do(Close(of, resets))
                del self._wires[of]
            case script.Play():
                yield from self._play(action)
            case script.Same(first, second):
                self._compare_games(first, second)
            case _:
                yield from self._use_status(action)

    def _use_status(self, action: script.StatusCheck | script.Settle | script.Fill) -> Doing[None]:
        match action:
            case script.StatusCheck():
                yield from self._compare_counter(action)
            case script.Settle(seconds):
                yield from self._settle(seconds)
            case script.Fill(of):
                yield from self._fill(of)

    # --- lines ------------------------------------------------------------------------------------

    def _do(self, effect: Effect) -> Doing[Observed]:
        seen = yield effect
        self._now = seen.now
        return seen

    def _send(self, name: str, data: bytes) -> Doing[None]:
        yield from self._wire(name)
        if data:
            yield from self._do(Send(name, _with_token(data, self._token)))

    def _wire(self, name: str) -> Doing[_Wire]:
        if name not in self._wires:
            opened = yield from self._do(Open(name))
            if opened.is_closed:
                raise DiffersError("the daemon does not accept the connection")
            self._wires[name] = _Wire()
        return self._wires[name]

    def _next_line(self, name: str, seconds: float) -> Doing[bytes | None]:
        """Give the next line, or None at the end; raises DiffersError when neither comes."""
        wire = yield from self._wire(name)
        deadline = self._now + seconds
        while not wire.lines:
            if wire.is_closed:
                if wire.buffer.pending:
                    raise DiffersError("the daemon closed in the midst of a line")
                return None
            if self._now >= deadline:
                raise DiffersError(f"nothing came for {seconds:g} s")
            yield from self._receive(name, deadline - self._now)
        line = wire.lines.popleft()
        if not line.strip():
            raise DiffersError("an empty line came")
        return line

    def _receive(self, name: str, seconds: float) -> Doing[None]:
        seen = yield from self._do(Receive(name, seconds))
        wire = self._wires[name]
        wire.lines.extend(wire.buffer.feed(seen.data))
        wire.is_closed = seen.is_closed

    def _hear(
        self, name: str, pattern: script.Pattern, *, skips_log: bool, seconds: float
    ) -> Doing[None]:
        while True:
            line = yield from self._next_line(name, seconds)
            if line is None:
                raise DiffersError(f"expected {pattern.text}, and the daemon closed")
            text = line.decode("utf-8", "replace")
            if pattern.fits(text):
                return
            if not skips_log or text.startswith(("DECISION:", *_TERMINAL)):
                raise DiffersError(f"expected {pattern.text}, got {shown(line)}")

    def _see_end(self, name: str, seconds: float) -> Doing[None]:
        if (line := (yield from self._next_line(name, seconds))) is not None:
            raise DiffersError(f"expected the end, got {shown(line)}")

    def _see_silence(self, name: str, seconds: float) -> Doing[None]:
        wire = yield from self._wire(name)
        if not wire.lines and not wire.is_closed:
            yield from self._receive(name, seconds)
        if wire.lines or wire.buffer.pending:
            raise DiffersError(f"expected silence, got {shown(next(iter(wire.lines), b'bytes'))}")
        if wire.is_closed:
            raise DiffersError("expected an open connection, and the daemon closed")

    # --- STATUS -----------------------------------------------------------------------------------

    def _status(self, seconds: float) -> Doing[tuple[StatusReply, list[bytes]]]:
        self._asked += 1
        name = f"status {self._asked}"
        yield from self._send(name, b"STATUS\n")
        lines: list[bytes] = []
        while not lines or not is_status_end(lines[-1]):
            line = yield from self._next_line(name, seconds)
            if line is None:
                raise DiffersError("the answer to STATUS ended without Max concurrent")
            lines.append(line)
        yield from self._do(Close(name, resets=False))
        del self._wires[name]
        return parse_status(lines), lines

    def _compare_counter(self, wanted: script.StatusCheck) -> Doing[None]:
        _, lines = yield from self._status(wanted.seconds)
        for line in lines:
            label, _, value = line.decode("utf-8", "replace").rpartition(":")
            if label.strip() == wanted.label:
                number = re.match(r"\s*([0-9]+)", value)
                if number is None or not _holds(int(number[1]), wanted.relation, wanted.value):
                    text = f"{wanted.label}{wanted.relation}{wanted.value}"
                    raise DiffersError(f"STATUS says {shown(line)}, expected {text}")
                return
        raise DiffersError(f"STATUS has no line {wanted.label!r}")

    def _settle(self, seconds: float) -> Doing[None]:
        assert self._before is not None
        waited = 0.0
        while True:
            now, _ = yield from self._status(_STATUS_SECONDS)
            if now.active <= self._before.active and (now.queued or 0) <= (
                self._before.queued or 0
            ):
                return
            if waited > seconds:
                raise DiffersError(f"{now.active} games are active, {self._before.active} were")
            yield from self._do(Wait(_POLL_SECONDS))
            waited += _POLL_SECONDS

    def _fill(self, name: str) -> Doing[None]:
        status, _ = yield from self._status(_STATUS_SECONDS)
        free = status.max_concurrent - status.active
        if free > MAX_FILLED:
            raise _TooManyError(f"{free} games would have to be opened; at most {MAX_FILLED} are")
        if free <= 0:
            raise DiffersError(f"{status.active} games are active already")
        for number in range(1, free + 1):
            yield from self._send(f"{name}{number}", _GAME)
        for number in range(1, free + 1):
            yield from self._hear(
                f"{name}{number}", script.Pattern("DECISION:..."), skips_log=True, seconds=30
            )

    # --- games ------------------------------------------------------------------------------------

    def _play(self, wanted: script.Play) -> Doing[None]:
        game = PlayedGame(wanted)
        for _ in range(MAX_LINES):
            line = yield from self._next_line(wanted.of, script.DEFAULT_SECONDS)
            if line is None:
                raise DiffersError("the daemon closed before the terminal line")
            game.keep(line)
            if line.startswith(b"DECISION:"):
                answer = game.answer(line)
                if answer is not None:
                    yield from self._send(wanted.of, answer.encode() + b"\n")
            elif line.decode("utf-8", "replace").startswith(_TERMINAL):
                game.end(line)
                if wanted.name is not None:
                    self._games[wanted.name] = game.kept
                return
        raise DiffersError(f"the game did not end within {MAX_LINES} lines")

    def _compare_games(self, first: str, second: str) -> None:
        left, right = self._games[first], self._games[second]
        for number, (one, other) in enumerate(zip(left, right, strict=False), start=1):
            if one.digest != other.digest:
                raise DiffersError(f"line {number} differs: {one.start} / {other.start}")
        if len(left) != len(right):
            raise DiffersError(f"one game has {len(left)} lines, the other {len(right)}")


def _holds(number: int, relation: str, value: int) -> bool:
    return {"=": number == value, "<=": number <= value, ">=": number >= value}[relation]


def _with_token(data: bytes, token: Token | None) -> bytes:
    """Return the bytes, with the token in each NEWGAME that names none."""
    if token is None:
        return data
    flag, word = f" {TOKEN_FLAG}".encode(), token.text.encode()
    return _NEW_GAME.sub(
        lambda line: line[0] if flag in line[0] else line[0] + flag + b" " + word, data
    )
