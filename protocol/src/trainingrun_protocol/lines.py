"""What a daemon says: each line put into one small value.

Border: classification only. A decision stays raw bytes here, because a client that only counts
decisions must not pay for decoding them; ``decisions`` decodes. Log lines of other servers come
without a prefix: whatever is not known is Info, as the protocol demands.
"""

import math
import re
from typing import Final, TypeAlias

import msgspec

from trainingrun_protocol.errors import ProtocolError


class GameStart(msgspec.Struct, frozen=True):
    """``GAME_START:``: the game begins."""

    text: str


class Info(msgspec.Struct, frozen=True):
    """A log line, with or without ``INFO:``."""

    text: str


class DecisionLine(msgspec.Struct, frozen=True, gc=False):
    """``DECISION:``: the JSON object, undecoded."""

    raw: bytes


class GameResult(msgspec.Struct, frozen=True):
    """``GAME_RESULT:``: the game ended by its rules; no winner means a draw."""

    winner: str | None
    milliseconds: int


class GameReturns(msgspec.Struct, frozen=True):
    """``GAME_RETURNS:``: what the game that ends now returns to seat 1 and seat 2.

    Only of games that say more than who won; the result follows.
    """

    first: float
    second: float


class GameTimeout(msgspec.Struct, frozen=True):
    """``GAME_TIMEOUT:``: the time limit of the game passed."""

    text: str


class GameError(msgspec.Struct, frozen=True):
    """``GAME_ERROR:``: the engine failed."""

    text: str


class Refused(msgspec.Struct, frozen=True):
    """``ERROR:`` as the first line of a game: the daemon refused the command."""

    text: str


class AnswerReplaced(msgspec.Struct, frozen=True):
    """``ERROR:`` in the midst of a game: an answer was bad, its default was taken, and the game
    continues. A line does not show which of the two it is; who knows the game does (``client``)."""

    text: str


ServerLine: TypeAlias = (
    GameStart
    | Info
    | DecisionLine
    | GameResult
    | GameReturns
    | GameTimeout
    | GameError
    | Refused
    | AnswerReplaced
)
TerminalLine: TypeAlias = GameResult | GameTimeout | GameError | Refused

_DECISION: Final = b"DECISION:"
_SPACED: Final = b"DECISION: "
_TERMINAL: Final = (GameResult, GameTimeout, GameError, Refused)
_WON: Final = re.compile(r"(?P<winner>.+) won in (?P<ms>\d+)ms")
_DRAW: Final = re.compile(r"Draw in (?P<ms>\d+)ms")


def parse_line(line: bytes) -> ServerLine:
    """Classify one line (without its ``\\n``); raises ProtocolError on an unreadable result."""
    line = line.removesuffix(b"\r")
    if line.startswith(_DECISION):
        begin = len(_SPACED) if line.startswith(_SPACED) else len(_DECISION)
        return DecisionLine(line[begin:].strip())  # nothing left to strip: nothing is copied again
    text = line.decode("utf-8", "replace")
    prefix, colon, rest = text.partition(":")
    rest = rest.strip()
    if not colon:
        return Info(text)
    match prefix:
        case "GAME_RESULT":
            return _parse_result(rest)
        case "GAME_RETURNS":
            return _parse_returns(rest)
        case "GAME_START":
            return GameStart(rest)
        case "INFO":
            return Info(rest)
        case "GAME_TIMEOUT":
            return GameTimeout(rest)
        case "GAME_ERROR":
            return GameError(rest)
        case "ERROR":
            return Refused(rest)
        case _:
            return Info(text)


def is_terminal(line: ServerLine) -> bool:
    """Say whether no line follows this one in its game."""
    return isinstance(line, _TERMINAL)


def _parse_returns(text: str) -> GameReturns:
    """Read two finite numbers."""
    try:
        first, second = map(float, text.split())
    except ValueError:
        first = second = math.nan
    if not (math.isfinite(first) and math.isfinite(second)):
        raise ProtocolError(f"GAME_RETURNS needs two finite numbers, not {text[:80]!r}")
    return GameReturns(first, second)


def _parse_result(text: str) -> GameResult:
    if draw := _DRAW.fullmatch(text):
        return GameResult(None, int(draw["ms"]))
    if won := _WON.fullmatch(text):
        return GameResult(won["winner"], int(won["ms"]))
    raise ProtocolError(f"a GAME_RESULT line names no winner, draw and time: {text[:80]!r}")


def format_line(line: ServerLine) -> bytes:
    """Give the bytes of a server line, line end included. Line breaks in texts become spaces."""
    match line:
        case DecisionLine(raw):
            return b"DECISION: " + raw + b"\n"
        case GameResult(winner, milliseconds):
            outcome = "Draw" if winner is None else f"{_one_line(winner)} won"
            return f"GAME_RESULT: {outcome} in {milliseconds}ms\n".encode()
        case GameReturns(first, second):
            return f"GAME_RETURNS: {first!r} {second!r}\n".encode()
        case GameStart(text):
            return f"GAME_START: {_one_line(text)}\n".encode()
        case Info(text):
            return f"INFO: {_one_line(text)}\n".encode()
        case GameTimeout(text):
            return f"GAME_TIMEOUT: {_one_line(text)}\n".encode()
        case GameError(text):
            return f"GAME_ERROR: {_one_line(text)}\n".encode()
        case Refused(text) | AnswerReplaced(text):
            return f"ERROR: {_one_line(text)}\n".encode()


def _one_line(text: str) -> str:
    return " ".join(text.split())


class StatusReply(msgspec.Struct, frozen=True, kw_only=True):
    """The counters of a daemon. Other servers omit some: those are None, which is not zero."""

    active: int
    queued: int | None = None
    total: int | None = None
    uptime_seconds: int | None = None
    max_concurrent: int

    @property
    def slots(self) -> int:
        """Games that clients may hold at once.

        A server that counts no queue, as the original, answers STATUS in a game's place: with all
        of them taken it is silent, so one is left.
        """
        return self.max_concurrent if self.queued is not None else max(1, self.max_concurrent - 1)


_STATUS_TITLE: Final = "FORGE DAEMON STATUS"
_STATUS_LAST: Final = "Max concurrent"


def format_status(reply: StatusReply) -> bytes:
    """Give the lines of a STATUS reply."""
    return (
        f"{_STATUS_TITLE}\nActive games: {reply.active}\nQueued games: {reply.queued or 0}\n"
        f"Total games: {reply.total or 0}\nUptime seconds: {reply.uptime_seconds or 0}\n"
        f"{_STATUS_LAST}: {reply.max_concurrent}\n"
    ).encode()


def is_status_end(line: bytes) -> bool:
    """Say whether this is the last line of a STATUS reply."""
    return _STATUS_LAST.encode() in line


def parse_status(lines: list[bytes]) -> StatusReply:
    """Read the lines of a STATUS reply; raises ProtocolError when they are none."""
    texts = [line.decode("utf-8", "replace") for line in lines]
    counters: dict[str, int] = {}
    for text in texts:
        label, _, value = text.rpartition(":")
        if number := re.match(r"\s*(\d+)", value):
            counters[label.strip().casefold()] = int(number[1])
    is_reply = any(_STATUS_TITLE in text for text in texts)
    if not is_reply or "max concurrent" not in counters or "active games" not in counters:
        raise ProtocolError("the peer's answer to STATUS is no Forge daemon status; check the port")
    return StatusReply(
        active=counters["active games"],
        queued=counters.get("queued games"),
        total=counters.get("total games", counters.get("total games played")),
        uptime_seconds=counters.get("uptime seconds"),
        max_concurrent=counters["max concurrent"],
    )
