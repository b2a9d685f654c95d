"""One game with an engine, a decision at a time, with random legal choices."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from enum import Enum, auto
from random import Random
from typing import Final

from trainingrun_protocol.access import TOKEN_FLAG, Token
from trainingrun_protocol.errors import LineTooLong, ProtocolError
from trainingrun_protocol.generic import GenericDecision
from trainingrun_protocol.lines import (
    DecisionLine,
    GameError,
    GameResult,
    GameReturns,
    GameTimeout,
    Refused,
    ServerLine,
    parse_line,
)

from trainingrun.commands.daemons.engine.checks import (
    END,
    LINES,
    RESULT,
    START,
    Findings,
)
from trainingrun.commands.daemons.engine.judging import Judge
from trainingrun.commands.daemons.link import Line, Link, Silent

_MILLISECONDS: Final = re.compile(rb"\d+ms$")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much to wait for."""

    decisions: int = 5000
    """Of one game."""
    line_seconds: float = 30.0
    """For the next line of a game."""
    quiet_seconds: float = 0.2
    """For a line that should not come."""
    game_seconds: float = 120.0


class Ending(Enum):
    """How a game came to its end."""

    RESULT = auto()
    CUT_SHORT = auto()
    """The engine said GAME_TIMEOUT or GAME_ERROR."""
    REFUSED = auto()
    CLOSED = auto()
    UNUSABLE = auto()
    """It was left: silent, endless, or a decision could not be answered."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A decision that waits for its answer."""

    decision: GenericDecision
    line: Line


def new_game(*flags: str, token: Token | None = None) -> str:
    """Return the command for a game without scenarios."""
    access = () if token is None else (TOKEN_FLAG, token.text)
    return " ".join(("NEWGAME", "-", "-", "-i", "-q", *flags, *access))


class Game:
    """A game on a link that has just got the command for it."""

    def __init__(self, link: Link, judge: Judge, findings: Findings, limits: Limits) -> None:
        self.ending: Ending | None = None
        self.decisions = 0
        self.milliseconds: list[float] = []
        self.transcript: list[bytes] = []
        """Its decisions and its result, without the time that it took."""
        self.start_check = START
        """Whose fault it is if there is no first decision."""
        self._link = link
        self._judge = judge
        self._findings = findings
        self._limits = limits
        self._began = self._sent = time.monotonic()
        self._returns: GameReturns | None = None

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self._began

    def play(self, random: Random) -> Ending:
        """Choose at random to the end."""
        while (asked := self.next_decision()) is not None:
            self.choose(asked, random)
        assert self.ending is not None
        return self.ending

    def choose(self, asked: Asked, random: Random) -> None:
        """Answer with any legal action."""
        self.answer(str(random.choice(asked.decision.actions).index))

    def answer(self, text: str) -> None:
        """Send an answer; whether it arrives, the next line shows."""
        self._sent = time.monotonic()
        self._link.send(text)

    def next_decision(self) -> Asked | None:
        """Read up to the next decision; None when the game is over, by whatever ``ending``."""
        if self.decisions == self._limits.decisions or self.seconds > self._limits.game_seconds:
            self._leave_endless()
            return None
        while self.ending is None:
            line = self._receive()
            if line is None:
                return None
            event = self._parsed(line)
            if isinstance(event, DecisionLine):
                self.milliseconds.append((time.monotonic() - self._sent) * 1000)
                return self._asked(event, line)
            self._take(event, line)
        return None

    def _asked(self, event: DecisionLine, line: Line) -> Asked | None:
        self.decisions += 1
        self._findings.passed(START, LINES)
        self.transcript.append(line.raw)
        decision = self._judge.decision(event.raw, line)
        if decision is None:
            self.ending = Ending.UNUSABLE
            return None
        return Asked(decision, line)

    def _receive(self) -> Line | None:
        check = END if self.decisions else self.start_check
        before = self._link.last
        try:
            line = self._link.receive(self._limits.line_seconds)
        except Silent:
            after = "the last answer" if self.decisions else "NEWGAME"
            self._findings.wrong(
                check, f"no line came in {self._limits.line_seconds:g} s after {after}", before
            )
            self.ending = Ending.UNUSABLE
            return None
        except LineTooLong:
            self._findings.wrong(
                LINES, "a line is longer than 1 MiB: actors drop the connection", before
            )
            self.ending = Ending.UNUSABLE
            return None
        if line is None:
            self._findings.wrong(
                check, "the connection was closed before the last line of the game", before
            )
            self.ending = Ending.CLOSED
        return line

    def _parsed(self, line: Line) -> ServerLine | None:
        if not line.raw:
            self._findings.wrong(LINES, "an empty line came", line)
            return None
        try:
            return parse_line(line.raw)
        except ProtocolError as error:
            self._findings.wrong(RESULT, str(error), line)
            if line.raw.startswith(b"GAME_RESULT"):
                self.ending = Ending.UNUSABLE
            return None

    def _take(self, event: ServerLine | None, line: Line) -> None:
        """Take a line that asks nothing."""
        match event:
            case GameReturns():
                self._returns = event
                self.transcript.append(line.raw)
            case GameResult():
                self._end_with(event, line)
            case GameTimeout() | GameError():
                self._findings.wrong(END, "the engine cut the game short", line)
                self.ending = Ending.CUT_SHORT
            case Refused() if not self.decisions:
                self._findings.wrong(self.start_check, "the command was refused", line)
                self.ending = Ending.REFUSED
            case _:
                pass  # log lines, and an answer that was replaced

    def _end_with(self, event: GameResult, line: Line) -> None:
        self.ending = Ending.RESULT
        self.transcript.append(_MILLISECONDS.sub(b"", line.raw))
        if not self.decisions:
            self._findings.wrong(self.start_check, "the game ended without a decision", line)
        self._findings.passed(END)
        self._judge.result(event, self._returns, line)

    def _leave_endless(self) -> None:
        number, seconds = self.decisions, self.seconds
        self._findings.wrong(
            END,
            f"the game has no end after {number} decisions and {seconds:.0f} s:"
            " end it as a draw after a number of moves",
            self._link.last,
        )
        self.ending = Ending.UNUSABLE
