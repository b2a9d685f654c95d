"""The conversations that show each law of ``checks``: games first, then what clients do besides."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import Final

from trainingrun_protocol.access import Token
from trainingrun_protocol.errors import LineTooLong, ProtocolError
from trainingrun_protocol.lines import StatusReply, is_status_end, parse_status

from trainingrun.commands.daemons.addresses import Address, connect
from trainingrun.commands.daemons.engine.checks import (
    ANSWERS,
    APART,
    COMMANDS,
    KEEP,
    LEAVING,
    LIMIT,
    LINES,
    SEAT,
    SEED,
    SILENT_START,
    SPEED,
    STATUS,
    Check,
    Findings,
    Level,
)
from trainingrun.commands.daemons.engine.game import Asked, Ending, Game, Limits, new_game
from trainingrun.commands.daemons.engine.judging import Judge
from trainingrun.commands.daemons.link import Line, Link, Silent, linked

SLOW_MILLISECONDS: Final = 100.0
"""Median of a decision above which a training mostly waits for the engine."""
_REPLY_SECONDS: Final = 5.0
_LEFT_SECONDS: Final = 2.0
_MOST_STATUS_LINES: Final = 100
_BAD_ANSWERS: Final = ("", "-1", "2147483647", "99999999999999999999", "take that", "0" * 20_000)
_BAD_COMMANDS: Final = ("HELLO", "NEWGAME", "x" * 65_536)


@dataclass(slots=True)
class Bench:
    """The engine under test, and what is known of it so far."""

    address: Address
    token: Token | None
    limits: Limits
    findings: Findings
    judge: Judge
    games: int
    milliseconds: list[float]
    seconds: float = 0.0
    finished: int = 0
    slots: int = 1
    repeats: bool = False

    @contextmanager
    def game(self, place: str, *flags: str) -> Iterator[tuple[Game, Link]]:
        """A game on a connection of its own."""
        with linked(self.address, place) as link:
            link.send(new_game(*flags, token=self.token))
            yield Game(link, self.judge, self.findings, self.limits), link

    def nothing(self, place: str) -> Line:
        """Stand for a line where none came."""
        return Line(place, 0, b"")


def ask_status(bench: Bench) -> StatusReply | Line | None:
    """Return the counters; the line that is none of STATUS; or None without an answer."""
    lines: list[bytes] = []
    seconds = min(bench.limits.line_seconds, _REPLY_SECONDS)
    try:
        with linked(bench.address, "STATUS") as link:
            link.send("STATUS")
            while (line := link.receive(seconds)) is not None:
                lines.append(line.raw)
                if is_status_end(line.raw):
                    return parse_status(lines)
                if len(lines) == _MOST_STATUS_LINES:
                    break
            return link.last if lines else None
    except ProtocolError:
        return Line("STATUS", len(lines), lines[0] if lines else b"")
    except (OSError, Silent):
        return Line("STATUS", len(lines), lines[-1]) if lines else None


def probe_greeting(bench: Bench) -> None:
    """Connect and say nothing."""
    with linked(bench.address, "a connection without a command") as link:
        try:
            line = link.receive(bench.limits.quiet_seconds)
        except Silent:
            bench.findings.passed(SILENT_START)
            return
        except LineTooLong:
            line = link.last
        problem = "the engine closed the connection" if line is None else "the engine speaks first"
        bench.findings.wrong(SILENT_START, problem, line or link.last)


def probe_status(bench: Bench) -> None:
    """Ask for the counters."""
    match ask_status(bench):
        case StatusReply() as reply if reply.max_concurrent < 1:
            line = bench.nothing("STATUS")
            bench.findings.wrong(STATUS, "Max concurrent is 0: no game would be sent", line)
        case StatusReply() as reply:
            bench.slots = reply.slots
            bench.findings.passed(STATUS)
        case Line() as line:
            bench.findings.wrong(STATUS, "this is no answer to STATUS", line)
        case None:
            bench.findings.wrong(STATUS, "no answer came", bench.nothing("STATUS"))


def probe_games(bench: Bench) -> None:
    """Play one game after another on one connection, as long as the engine keeps it."""
    link: Link | None = None
    try:
        for number in range(1, bench.games + 1):
            link, ending = _play_one(bench, link, number)
            if ending in {Ending.REFUSED, Ending.CLOSED} and not bench.finished:
                break
    finally:
        if link is not None:
            link.close()
    _judge_speed(bench)


def _play_one(bench: Bench, link: Link | None, number: int) -> tuple[Link | None, Ending]:
    place, seed = f"game {number}", number
    command = new_game("-k", "-s", str(seed), token=bench.token)
    if link is not None and not _takes_another(bench, link, place, command):
        link.close()
        link = None
    if link is None:
        link = Link(connect(bench.address), place)
        link.send(command)
    game = Game(link, bench.judge, bench.findings, bench.limits)
    ending = game.play(Random(seed))
    bench.seconds += game.seconds
    bench.milliseconds += game.milliseconds
    if ending is not Ending.RESULT:
        link.close()
        return None, ending
    bench.finished += 1
    return link, ending


def _takes_another(bench: Bench, link: Link, place: str, command: str) -> bool:
    """Send the next command on a link whose game is over; false where it was closed."""
    if bench.findings.level(KEEP) is Level.CARE:
        return False
    before = link.last
    try:
        line = link.receive(bench.limits.quiet_seconds if bench.finished == 1 else 0.0)
    except Silent:
        bench.findings.passed(KEEP)
        link.begin(place)
        return link.send(command)
    if line is None:
        bench.findings.care(
            KEEP, "the engine closed it: each game costs a connection of its own", before
        )
    else:
        bench.findings.wrong(LINES, "a line came after the last line of the game", line)
    return False


def _judge_speed(bench: Bench) -> None:
    if not bench.milliseconds:
        return
    median = sorted(bench.milliseconds)[len(bench.milliseconds) // 2]
    if median <= SLOW_MILLISECONDS:
        bench.findings.passed(SPEED)
        return
    bench.findings.care(
        SPEED,
        f"half of the decisions take longer than {median:.0f} ms: one game at a time plays"
        f" {1000 / median:.1f} decisions/s, so raise Max concurrent or make them quicker",
        bench.nothing("all games"),
    )


def probe_seed(bench: Bench) -> None:
    """Play the same game twice."""
    first, second = (_transcript(bench, f"seed 7, time {time}", "-s", "7") for time in (1, 2))
    if first is None or second is None:
        return
    if first == second:
        bench.repeats = True
        bench.findings.passed(SEED)
        return
    number, raw = _difference(first, second)
    bench.findings.care(
        SEED,
        "this decision differs from the one of the same seed and answers: runs and evaluations"
        " cannot be repeated",
        Line("seed 7, time 2", number, raw),
    )


def _transcript(bench: Bench, place: str, *flags: str) -> list[bytes] | None:
    with bench.game(place, *flags) as (game, _):
        return game.transcript if game.play(Random(7)) is Ending.RESULT else None


def _difference(first: list[bytes], second: list[bytes]) -> tuple[int, bytes]:
    pairs = zip(first, second, strict=False)
    same = next((at for at, (one, two) in enumerate(pairs) if one != two), None)
    at = min(len(first), len(second)) if same is None else same
    return at + 1, second[at] if at < len(second) else b""


def probe_seat(bench: Bench) -> None:
    """Ask the engine to play seat 1."""
    with bench.game("-a 1", "-a", "1") as (game, _):
        random = Random(1)
        while (asked := game.next_decision()) is not None:
            if asked.decision.seat == 1:
                bench.findings.care(
                    SEAT, "seat 1 is asked: there is no opponent `engine`", asked.line
                )
                return
            game.choose(asked, random)
    if game.ending is Ending.RESULT:
        bench.findings.passed(SEAT)


def probe_two(bench: Bench) -> None:
    """Play two games in turn, a decision each; where games repeat, they must be those played
    alone."""
    if bench.slots < 2:
        return
    place = "two games at once"
    first, second = f"{place}, first", f"{place}, second"
    with bench.game(first, "-s", "7") as (one, _), bench.game(second, "-s", "8") as (two, _):
        _play_in_turn((one, two), (Random(7), Random(8)))
    if {one.ending, two.ending} != {Ending.RESULT}:
        bench.findings.wrong(APART, "one of two games did not end", bench.nothing(place))
        return
    if bench.repeats:
        alone = _transcript(bench, "seed 7, alone", "-s", "7")
        if alone is not None and alone != one.transcript:
            number, raw = _difference(alone, one.transcript)
            bench.findings.wrong(
                APART,
                "this differs from the same game played alone: the other connection's answers"
                " changed it",
                Line(first, number, raw),
            )
            return
    bench.findings.passed(APART)


def _play_in_turn(games: tuple[Game, Game], randoms: tuple[Random, Random]) -> None:
    while any(game.ending is None for game in games):
        for game, random in zip(games, randoms, strict=True):
            asked = None if game.ending is not None else game.next_decision()
            if asked is not None:
                game.choose(asked, random)


def probe_answers(bench: Bench) -> None:
    """Answer what was not asked for, and play on."""
    for text in _BAD_ANSWERS:
        shown = repr(text) if len(text) < 30 else f"{len(text)} characters"
        place = f"the answer {shown}"
        with bench.game(place) as (game, link):
            asked = game.next_decision()
            if asked is None:
                return
            game.answer(text)
            survives = _survives_answer(bench, link, asked)
        if not (_lives(bench, ANSWERS, place) and survives):
            return
    bench.findings.passed(ANSWERS)


def _survives_answer(bench: Bench, link: Link, asked: Asked) -> bool:
    try:
        line = link.receive(min(bench.limits.line_seconds, _REPLY_SECONDS))
    except Silent:
        bench.findings.wrong(
            ANSWERS, "nothing came after it: the game hangs for its client", asked.line
        )
        return False
    if line is None:
        bench.findings.wrong(
            ANSWERS, "the connection was closed without a last line of the game", asked.line
        )
        return False
    return True


def probe_commands(bench: Bench) -> None:
    """Send flags and commands that no engine knows."""
    with bench.game("unknown flags", "--colour", "blue", "-z", "-x", "3") as (game, _):
        game.start_check = COMMANDS
        if game.next_decision() is None:
            return
    for text in _BAD_COMMANDS:
        place = f"the command {text}" if len(text) < 30 else f"{len(text)} characters"
        with linked(bench.address, place) as link:
            link.send(text)
            with suppress(Silent, LineTooLong):
                link.receive(bench.limits.quiet_seconds)
        if not _lives(bench, COMMANDS, place):
            return
    bench.findings.passed(COMMANDS)


def probe_limit(bench: Bench) -> None:
    """Give no answer for longer than the game may take."""
    with bench.game("-c 1", "-c", "1") as (game, link):
        if game.next_decision() is None:
            return
        try:
            line = link.receive(1.0 + _LEFT_SECONDS)
        except Silent:
            problem = "no GAME_TIMEOUT came: a client that hangs holds its slot"
            bench.findings.care(LIMIT, problem, link.last)
            return
        if line is None or not line.raw.startswith(b"GAME_TIMEOUT"):
            bench.findings.care(LIMIT, "the game ended without GAME_TIMEOUT", line or link.last)
            return
    bench.findings.passed(LIMIT)


def probe_leaving(bench: Bench) -> None:
    """Leave in the middle of a game."""
    before = ask_status(bench)
    with bench.game("a client that leaves") as (game, _):
        if game.next_decision() is None:
            return
    deadline = time.monotonic() + _LEFT_SECONDS
    while _lives(bench, LEAVING, "a client that leaves"):
        after = ask_status(bench)
        if not (isinstance(before, StatusReply) and isinstance(after, StatusReply)):
            return
        if after.active <= before.active:
            bench.findings.passed(LEAVING)
            return
        if time.monotonic() > deadline:
            bench.findings.wrong(
                LEAVING,
                f"Active games is {after.active} {_LEFT_SECONDS:g} s later: slots are lost",
                bench.nothing("a client that leaves"),
            )
            return


def _lives(bench: Bench, check: Check, place: str) -> bool:
    """Say whether the engine still takes connections; a fault of this check if not."""
    try:
        connect(bench.address).close()
    except OSError:
        bench.findings.wrong(
            check, "the engine takes no connection after it: it has ended", bench.nothing(place)
        )
        return False
    return True


Probe = Callable[[Bench], None]
BEFORE_GAMES: Final[dict[Check, Probe]] = {SILENT_START: probe_greeting, STATUS: probe_status}
AFTER_GAMES: Final[dict[Check, Probe]] = {
    SEED: probe_seed,
    SEAT: probe_seat,
    APART: probe_two,
    COMMANDS: probe_commands,
    LIMIT: probe_limit,
    LEAVING: probe_leaving,
    ANSWERS: probe_answers,
}
"""In their order: what may end the engine comes last."""
