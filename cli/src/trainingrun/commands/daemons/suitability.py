"""Plays with a daemon of the card game until it is seen what a training can rely on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import cycle, islice
from typing import Final

from msgspec import Struct
from trainingrun_protocol.access import Token
from trainingrun_protocol.commands import NO_SCENARIO, NewGame, Status, format_command
from trainingrun_protocol.conformance.game import DiffersError
from trainingrun_protocol.conformance.suitability import (
    Evidence,
    Finding,
    GameWatch,
    Law,
    Suitability,
    findings,
)
from trainingrun_protocol.dialects.translation import is_own_form
from trainingrun_protocol.errors import ProtocolError
from trainingrun_protocol.lines import (
    DecisionLine,
    GameResult,
    Refused,
    is_status_end,
    is_terminal,
    parse_line,
    parse_status,
)

from trainingrun.commands.daemons.addresses import Address
from trainingrun.commands.daemons.link import Line, Link, Silent, linked
from trainingrun.commands.output import plain_table
from trainingrun.commands.terminal import console_for_tables, echo

DECKS: Final = (
    ("test_red", "test_blue"),
    ("red_aggro", "white_weenie"),
    ("mono_red_aggro", "boros_aggro"),
    ("jeskai_control", "dimir_midrange"),
)
"""Pairs that are played in turn, as far as the daemon has them."""
LINE_SECONDS: Final = 60.0
_MOST_DECISIONS: Final = 3000
_SEEN_LINES: Final = 40


class Report(Struct, frozen=True):
    """What was found, and what was played for it."""

    findings: tuple[Finding, ...]
    games: int
    decisions: int
    p50_ms: float
    p99_ms: float

    @property
    def worst(self) -> Suitability:
        """The worst that was found."""
        order = list(Suitability)
        return max((each.suitability for each in self.findings), key=order.index)


@dataclass(slots=True)
class _Play:
    """The daemon, and what was seen of it."""

    address: Address
    token: Token | None
    evidence: Evidence = field(default_factory=Evidence)
    milliseconds: list[float] = field(default_factory=list)
    games: int = 0

    def command(self, decks: tuple[str, str], *, ai_seat: int | None = None) -> str:
        """A game with the extensions that are watched."""
        asked = NewGame(
            deck1=decks[0],
            deck2=decks[1],
            interactive=True,
            quiet=True,
            seed=7,
            keep_open=True,
            ai_seat=ai_seat,
        )
        return format_command(asked, token=self.token).decode().rstrip("\n")


class Form(Enum):
    """In which form a daemon sends its decisions."""

    OWN = auto()
    """As the reference engine does, in both dialects."""
    ORIGINAL = auto()
    NUMBERS = auto()
    """Generic decisions, of whatever game."""
    UNKNOWN = auto()


def form_of(address: Address, token: Token | None) -> Form:
    """Say by its first decision in which form a daemon sends them."""
    for decks in (DECKS[0], (NO_SCENARIO, NO_SCENARIO)):
        raw = _first_decision(_Play(address, token), decks)
        if raw is None:
            continue
        if b'"observation"' in raw and b'"game_state"' not in raw:
            return Form.NUMBERS
        return Form.OWN if is_own_form(raw) else Form.ORIGINAL
    return Form.UNKNOWN


def _first_decision(play: _Play, decks: tuple[str, str]) -> bytes | None:
    try:
        with linked(play.address, "the first decision") as link:
            link.send(play.command(decks))
            while (line := link.receive(LINE_SECONDS)) is not None:
                event = parse_line(line.raw)
                if isinstance(event, DecisionLine):
                    return event.raw
                if is_terminal(event):
                    break
    except (OSError, Silent, ProtocolError):
        pass  # the vectors say what is wrong
    return None


def watch_games(address: Address, *, token: Token | None, games: int) -> Report:
    """Play at most ``games`` games, fewer where all was seen earlier."""
    play = _Play(address, token)
    _watch_status(play)
    refused: set[tuple[str, str]] = set()
    for number, decks in enumerate(islice(cycle(DECKS), games + len(DECKS)), start=1):
        if decks in refused:
            continue
        if not _watch_game(play, decks, seed=number):
            refused.add(decks)
        if play.games >= games or (play.games >= len(DECKS) and play.evidence.is_enough):
            break
    _watch_engine_seat(play)
    _watch_seed(play)
    taken = sorted(play.milliseconds) or [0.0]
    return Report(
        findings=findings(play.evidence),
        games=play.games,
        decisions=len(play.milliseconds),
        p50_ms=round(taken[len(taken) // 2], 2),
        p99_ms=round(taken[int(len(taken) * 0.99)], 2),
    )


def _watch_status(play: _Play) -> None:
    lines: list[bytes] = []
    with linked(play.address, "STATUS") as link:
        link.send_raw(format_command(Status()))
        try:
            while (line := link.receive(LINE_SECONDS)) is not None:
                lines.append(line.raw)
                if is_status_end(line.raw):
                    break
            reply = parse_status(lines)
        except (Silent, ProtocolError):
            play.evidence.breaks(Law.QUEUE, "no answer to STATUS that can be read")
            return
    if reply.queued is None:
        play.evidence.breaks(Law.QUEUE, f"no queue, Max concurrent {reply.max_concurrent}")
    else:
        play.evidence.holds(Law.QUEUE)


def _watch_game(play: _Play, decks: tuple[str, str], *, seed: int) -> bool:
    """Play one game; false where the daemon does not have the decks."""
    watch = GameWatch(play.evidence, seed)
    with linked(play.address, f"{decks[0]} against {decks[1]}") as link:
        link.send(play.command(decks))
        try:
            end = _to_the_end(play, link, watch)
        except (Silent, ProtocolError, DiffersError) as error:
            play.evidence.breaks(Law.ENDS, str(error) or f"no line came for {LINE_SECONDS:g} s")
            play.games += 1
            return True
        if end is None or not end.raw.startswith(b"GAME_RESULT"):
            if end is not None and isinstance(parse_line(end.raw), Refused):
                return False
            shown = "the connection was closed" if end is None else end.shown[:80]
            play.evidence.breaks(Law.ENDS, shown)
        else:
            play.evidence.holds(Law.ENDS)
            _watch_connection(play, link)
    play.games += 1
    return True


def _to_the_end(play: _Play, link: Link, watch: GameWatch) -> Line | None:
    sent = time.monotonic()
    while (line := link.receive(LINE_SECONDS)) is not None:
        event = parse_line(line.raw)
        if isinstance(event, DecisionLine):
            play.milliseconds.append((time.monotonic() - sent) * 1000)
            answer = watch.answer(event.raw)
            sent = time.monotonic()
            if answer is not None:
                link.send(answer)
            if watch.decisions > _MOST_DECISIONS:
                raise DiffersError(f"no end after {_MOST_DECISIONS} decisions")
        elif is_terminal(event) and not (isinstance(event, Refused) and watch.decisions):
            return line
    return None


def _watch_connection(play: _Play, link: Link) -> None:
    try:
        line = link.receive(0.2)
    except Silent:
        play.evidence.holds(Law.CONNECTION)
        return
    if line is None:
        play.evidence.breaks(Law.CONNECTION, "closed after the game")


def _watch_engine_seat(play: _Play) -> None:
    """Ask the engine to play seat 1: its player must not be asked then."""
    watch = GameWatch(Evidence(), 1)
    for raw in _decisions(play, play.command(DECKS[0], ai_seat=1), watch):
        if b"(1)-" in raw[: raw.find(b'"game_state"')]:
            play.evidence.breaks(Law.ENGINE_SEAT, "both seats were asked")
            return
    if watch.decisions:
        play.evidence.holds(Law.ENGINE_SEAT)


def _watch_seed(play: _Play) -> None:
    """Play the beginning of one game twice."""
    first, second = (
        list(_decisions(play, play.command(DECKS[0]), GameWatch(Evidence(), 1))) for _ in range(2)
    )
    if not first:
        return
    if first == second:
        play.evidence.holds(Law.SEED)
    else:
        play.evidence.breaks(Law.SEED, "the same seed and answers gave another game")


def _decisions(play: _Play, command: str, watch: GameWatch) -> Iterator[bytes]:
    """Yield the first decisions of a game, each after it was answered; errors end it."""
    with linked(play.address, "a game's first decisions") as link:
        link.send(command)
        try:
            while watch.decisions < _SEEN_LINES:
                line = link.receive(LINE_SECONDS)
                if line is None:
                    return
                event = parse_line(line.raw)
                if isinstance(event, DecisionLine):
                    answer = watch.answer(event.raw)
                    if answer is not None:
                        link.send(answer)
                    yield event.raw
                elif is_terminal(event) and isinstance(event, GameResult):
                    return
        except (Silent, ProtocolError, DiffersError):
            return


def print_report(report: Report) -> None:
    """Print the table, the advice and the sum, for people."""
    table = plain_table("law", "result", "seen")
    for each in report.findings:
        table.add_row(each.law.value, each.suitability.value, each.seen)
    console_for_tables().print(table)
    for each in report.findings:
        if each.advice:
            echo(f"{each.law.value}: {each.advice}")
    echo(
        f"\n{report.games} games, {report.decisions} decisions; {report.p50_ms:g} ms a decision at"
        f" the median, {report.p99_ms:g} ms at the 99th percentile: {report.worst.value}"
    )
