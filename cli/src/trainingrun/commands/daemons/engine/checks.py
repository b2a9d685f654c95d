"""What is checked of an engine, and what was found; no sockets here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from msgspec import Struct

from trainingrun.commands.daemons.link import Line

PAGE: Final = "docs/guides/own-engine.md"
_SHOWN_OF_ONE_CHECK: Final = 3


class Level(StrEnum):
    """How a check ended, or how bad a finding is; worst last."""

    NOT_REACHED = "not reached"
    OK = "ok"
    CARE = "care"
    WRONG = "WRONG"


@dataclass(frozen=True, slots=True)
class Check:
    """One law; ``section`` is the anchor of the guide's heading about it."""

    name: str
    title: str
    expected: str
    section: str


SILENT_START = Check(
    "greeting",
    "says nothing before it is asked",
    "an engine that waits for a command after it has accepted the connection",
    "transport",
)
STATUS = Check(
    "status",
    "answers STATUS",
    "six lines from `FORGE DAEMON STATUS` to `Max concurrent: N`, within 1 s, also in mid-game",
    "status",
)
START = Check(
    "start",
    "starts a game on NEWGAME - -",
    "`NEWGAME - - -i …` starts a game, and its first DECISION follows",
    "commands",
)
LINES = Check(
    "lines",
    "sends lines of the protocol",
    "lines of at most 1 MiB that end with \\n, none of them empty, none after the game's last",
    "lines",
)
DECISIONS = Check(
    "decisions",
    "sends decisions that can be read",
    'DECISION: and one JSON object with "seat", "observation" {"shape", "dtype", "data"} and'
    ' "actions" [{"index"}]',
    "decisions",
)
OBSERVATION = Check(
    "observation",
    "sends observations that fit",
    "base64 of finite little-endian numbers from -8 to 8, as many as the shape says",
    "observations",
)
ACTIONS = Check(
    "actions",
    "lists legal actions",
    "at least one action, each with its own index (and as many features as all others)",
    "actions",
)
SCHEMA = Check(
    "schema",
    "keeps its shapes",
    "one shape, one dtype and one form of actions in every decision of every game",
    "observations",
)
END = Check(
    "end",
    "ends every game",
    "a last line (GAME_RESULT) after a bounded number of decisions",
    "results",
)
RESULT = Check(
    "result",
    "says who won, and what the game returns",
    "`GAME_RESULT: NAME(1)-… won in 12ms` or `GAME_RESULT: Draw in 12ms`;"
    " GAME_RETURNS in every game before it, or in none",
    "results",
)
KEEP = Check(
    "keep-open",
    "plays the next game on the connection (-k)",
    "after the result of a game with -k, the connection waits for the next command",
    "flags",
)
SEED = Check(
    "seed",
    "repeats a game (-s)",
    "the same seed and the same answers give the same decisions and the same result",
    "flags",
)
SEAT = Check(
    "engine-seat",
    "plays a seat itself (-a)",
    "with -a 1, only seat 2 is asked",
    "flags",
)
APART = Check(
    "two-at-once",
    "keeps two games apart",
    "each connection has a game of its own, which the other's answers do not change",
    "transport",
)
ANSWERS = Check(
    "bad-answers",
    "survives an answer that is none",
    "a default is taken and the game continues, or GAME_ERROR ends it; the engine lives",
    "answers",
)
COMMANDS = Check(
    "commands",
    "survives a command that is none",
    "an unknown flag is ignored; for an unknown command one ERROR: line; the engine lives",
    "commands",
)
LIMIT = Check(
    "time-limit",
    "ends a game after its time (-c)",
    "with -c 1 and no answer: `GAME_TIMEOUT: …` within a few seconds",
    "flags",
)
LEAVING = Check(
    "leaving",
    "survives a client that leaves",
    "the game of a client that left no longer counts in `Active games` after 2 s",
    "transport",
)
SPEED = Check(
    "speed",
    "answers quickly",
    "a next line well below 30 s; a training wants milliseconds",
    "time-and-sizes",
)
CHECKS: Final = (
    SILENT_START,
    STATUS,
    START,
    LINES,
    DECISIONS,
    OBSERVATION,
    ACTIONS,
    SCHEMA,
    END,
    RESULT,
    SPEED,
    KEEP,
    SEED,
    SEAT,
    APART,
    ANSWERS,
    COMMANDS,
    LIMIT,
    LEAVING,
)
OF_GAMES: Final = frozenset(
    check.name
    for check in (START, LINES, DECISIONS, OBSERVATION, ACTIONS, SCHEMA, END, RESULT, SPEED, KEEP)
)
"""Checks that playing games is enough for."""


class Finding(Struct, frozen=True):
    """Something that is wrong: with the line that shows it, what should be, and where that is
    written. ``line`` is 0 where no line was the matter."""

    check: str
    level: Level
    place: str
    line: int
    raw: str
    problem: str
    expected: str
    page: str


class Findings:
    """Collects findings; of each check the first few that differ in full, of all the number."""

    def __init__(self) -> None:
        self.shown: list[Finding] = []
        self.counts: Counter[str] = Counter()
        self._levels: dict[str, Level] = {}

    def passed(self, *checks: Check) -> None:
        """Note that these were seen to hold."""
        for check in checks:
            self._levels.setdefault(check.name, Level.OK)

    def wrong(self, check: Check, problem: str, line: Line) -> None:
        """Note a fault."""
        self._add(check, Level.WRONG, problem, line)

    def care(self, check: Check, problem: str, line: Line) -> None:
        """Note what training can live with."""
        self._add(check, Level.CARE, problem, line)

    def level(self, check: Check) -> Level:
        """Return how a check ended."""
        return self._levels.get(check.name, Level.NOT_REACHED)

    def _add(self, check: Check, level: Level, problem: str, line: Line) -> None:
        if self.level(check) is not Level.WRONG:
            self._levels[check.name] = level
        self.counts[check.name] += 1
        alike = [each.problem for each in self.shown if each.check == check.name]
        if problem not in alike and len(alike) < _SHOWN_OF_ONE_CHECK:
            self.shown.append(
                Finding(
                    check=check.name,
                    level=level,
                    place=line.place,
                    line=line.number,
                    raw=line.shown,
                    problem=problem,
                    expected=check.expected,
                    page=f"{PAGE}#{check.section}",
                )
            )
