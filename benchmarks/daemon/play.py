"""Playing planned games: in this process, over a daemon's socket, and again from a record.

Border: driving and watching. What must hold is in ``game_soundness``, who plays what in
``game_agents``.
"""

from __future__ import annotations

import hashlib
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

from trainingrun_daemon.decks import Deck, parse_deck
from trainingrun_daemon.rules.model import RESOLUTION_CAP, TURN_CAP, Card, Game
from trainingrun_daemon.session import GameSession, Progress
from trainingrun_protocol.commands import format_command
from trainingrun_protocol.lines import format_line

from benchmarks.daemon.agents import Agent, GamePlan, plain_answer
from benchmarks.daemon.soundness import (
    PREFIX,
    Json,
    LineWatch,
    StateWatch,
    Unsound,
    WireWatch,
    read_decision,
    require,
)

HOST: Final = "127.0.0.1"
MOST_DECISIONS: Final = 20_000
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
PLAIN_EVERY: Final = 7
"""Of so many games one is played again without garbage, and must be the same."""
MOST_SECONDS: Final = 100
"""Processor time of one game; the daemon's own limit is 120 s."""


@dataclass(slots=True)
class Played:
    """What came of one game. ``digest`` is over all lines but the terminal one."""

    plan: GamePlan
    answers: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    """The same without garbage: what the protocol puts in its place."""
    kinds: Counter[str] = field(default_factory=Counter)
    offered: Counter[str] = field(default_factory=Counter)
    played: Counter[str] = field(default_factory=Counter)
    """Actions that were taken, by card."""
    digest: str = ""
    result: str = ""
    ending: str = ""
    turns: int = 0
    slowest: float = 0.0
    """Processor seconds of the slowest step of the engine, seen from inside."""
    fault: str = ""
    over_socket: bool = False

    @property
    def decisions(self) -> int:
        """Number of DECISION lines."""
        return sum(self.kinds.values())

    def note(self, decision: Json, answer: str) -> None:
        """Count a decision and what was chosen."""
        kind = decision["decision_type"]
        self.kinds[kind] += 1
        self.turns = decision["turn"]
        if kind != "choose_action":
            return
        self.offered.update({action["card"] for action in decision["actions"][:-1]})
        watched = decision.get("ai_choice_index")
        action = taken_action(decision, answer if watched is None else str(watched))
        if action is not None:
            self.played[action["card"]] += 1


def decks_of(plan: GamePlan) -> tuple[Deck, Deck]:
    """Give the decks of a plan."""
    first, second = (parse_deck(text, name=f"deck{seat}") for seat, text in enumerate(plan.decks))
    return first, second


def open_session(plan: GamePlan) -> GameSession:
    """Open the game of a plan."""
    return GameSession(plan.command("a", "b"), decks_of(plan), seed=plan.seed)


def play_here(plan: GamePlan) -> Played:
    """Play in this process and look at everything; a fault is noted, with what led to it."""
    played = Played(plan)
    try:
        with processor_limit(MOST_SECONDS):
            _play_watched(plan, played)
            if plan.number % PLAIN_EVERY == 0:
                same = replay(plan, played.plain) == played.digest
                require(same, "garbage is not what the protocol says instead of it")
    except Unsound as fault:
        played.fault = str(fault)
    except Exception as error:  # whatever the engine raises is a finding
        played.fault = _where(error)
    return played


def _play_watched(plan: GamePlan, played: Played) -> None:
    session, agent = open_session(plan), Agent(plan)
    game = session.game
    sizes = (len(game.players[0].library), len(game.players[1].library))
    wire, lines, state = WireWatch(sizes), LineWatch(), StateWatch(game)
    digest = hashlib.sha256()
    repeats, taken = _Repeats(), _Taken()
    answer, progress = "", Progress.RUNNING
    while progress is not Progress.OVER:
        begin = time.process_time()
        progress = session.resume(answer)
        output = session.take_output()
        played.slowest = max(played.slowest, time.process_time() - begin)
        digest.update(output)
        state.see()
        taken.check(state)
        decision = None
        for line in output.splitlines():
            lines.see(line)
            if line.startswith(PREFIX):
                decision = read_decision(line, number=played.decisions + 1)
                wire.see(decision)
                if progress is not Progress.ASKING:
                    played.note(decision, "")
        if progress is Progress.ASKING:
            require(decision is not None, "asked without a decision")
            assert decision is not None
            state.agree(decision)
            answer = agent.answer(decision)
            repeats.see(output, answer)
            taken.note(state, decision, answer)
            played.answers.append(answer)
            played.plain.append(plain_answer(decision, answer))
            played.note(decision, answer)
            require(played.decisions < MOST_DECISIONS, "the game does not end")
    state.see_end()
    require(not session.take_output(), "lines after the end")
    lines.see(format_line(session.result(milliseconds=1)).strip())
    require(lines.terminal is not None, "no terminal line")
    played.digest = digest.hexdigest()
    played.result = _who_won((lines.terminal or b"").decode())
    played.ending = _why_over(game)


class _Repeats:
    """Notices a prompt that is offered again and again although an action was taken."""

    MOST: Final = 60

    def __init__(self) -> None:
        self._last = b""
        self._count = 0

    def see(self, output: bytes, answer: str) -> None:
        """Look at a prompt and its answer; all but the decision's number is compared."""
        prompt = output.rpartition(PREFIX)[2].partition(b'"player":')[2]
        self._count = self._count + 1 if prompt == self._last else 0
        require(self._count < self.MOST, f"the same prompt again and again, answered {answer!r}")
        self._last = prompt


class _Taken:
    """Checks that a card that was played has left the place where it was."""

    def __init__(self) -> None:
        self._card: Card | None = None
        self._moves = 0

    def note(self, state: StateWatch, decision: Json, answer: str) -> None:
        """Remember the card of an action that is about to be taken, and how often it has moved."""
        action = taken_action(decision, answer)
        if action is not None and not action["description"].startswith(f"{action['card']}: "):
            self._card = state.find(action["card_id"])
            self._moves = self._card.moves

    def check(self, _state: StateWatch) -> None:
        """Look for it when the game asks again."""
        card, self._card = self._card, None
        if card is not None and card.moves <= self._moves:
            raise Unsound(f"{card} was played and stays")


def taken_action(decision: Json, answer: str) -> Json | None:
    """Give the action that an answer names, None for a pass and for garbage."""
    if decision["decision_type"] != "choose_action" or not _NUMBER.fullmatch(answer.strip()):
        return None
    actions: list[Json] = decision["actions"][:-1]
    return actions[int(answer)] if int(answer) < len(actions) else None


def _who_won(line: str) -> str:
    return line.rpartition(" in ")[0]


def _why_over(game: Game) -> str:
    if game.turn > TURN_CAP:
        return "turn cap"
    if game.resolutions > RESOLUTION_CAP:
        return "resolution cap"
    causes = {
        "life": any(player.life <= 0 for player in game.players),
        "no library": any(player.drew_from_empty for player in game.players),
        "poison": any(player.poison >= 10 for player in game.players),
    }
    return next((cause for cause, holds in causes.items() if holds), "another")


def _where(error: Exception) -> str:
    trace = error.__traceback__
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{Path(code.co_filename).name}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return f"{type(error).__name__}: {error} at {' < '.join(reversed(places[-5:]))}"


@contextmanager
def processor_limit(seconds: float) -> Iterator[None]:
    """Raise Unsound when the block takes more processor time."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Unsound(f"no decision in {seconds:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def play_over_socket(plan: GamePlan, port: int, folder: Path) -> Played:
    """Play on a daemon, then here, and compare the lines byte for byte."""
    there = Played(plan, over_socket=True)
    try:
        _play_there(plan, port, folder, there)
    except (Unsound, OSError, ValueError) as fault:
        there.fault = f"over the socket: {fault}"
        return there
    here = play_here(plan)
    here.over_socket = True
    if not here.fault and (here.digest, here.result) != (there.digest, there.result):
        here.fault = f"the daemon played another game: {there.result} instead of {here.result}"
    return here


def _play_there(plan: GamePlan, port: int, folder: Path, played: Played) -> None:
    paths = [folder / f"{plan.number}-{seat}.dck" for seat in (0, 1)]
    for path, text in zip(paths, plan.decks, strict=True):
        path.write_text(text)
    sizes = tuple(len(deck.main) for deck in decks_of(plan))
    wire, lines, agent = WireWatch((sizes[0], sizes[1])), LineWatch(), Agent(plan)
    digest = hashlib.sha256()
    with socket.create_connection((HOST, port), timeout=MOST_SECONDS) as link:
        command = plan.command(str(paths[0]), str(paths[1]))
        link.sendall(format_command(command))
        with link.makefile("rb") as reader:
            for raw in reader:
                require(raw.endswith(b"\n"), f"an unfinished line {raw[:80]!r}")
                lines.see(raw[:-1])
                if lines.terminal is not None:
                    continue
                digest.update(raw)
                if not raw.startswith(PREFIX):
                    continue
                decision = read_decision(raw, number=played.decisions + 1)
                wire.see(decision)
                answer = agent.answer(decision) if "-i" in plan.flags else ""
                played.note(decision, answer)
                if "-i" in plan.flags:
                    link.sendall(answer.encode() + b"\n")
    require(lines.terminal is not None, "the daemon hung up without a terminal line")
    played.digest = digest.hexdigest()
    played.result = _who_won((lines.terminal or b"").decode())
    for path in paths:
        path.unlink()


def replay(plan: GamePlan, answers: list[str]) -> str:
    """Play a game again with recorded answers; gives the digest of all its lines."""
    return _digest(plan, iter(answers).__next__)


def _digest(plan: GamePlan, next_answer: Callable[[], str]) -> str:
    session, digest = open_session(plan), hashlib.sha256()
    progress = session.resume()
    digest.update(session.take_output())
    while progress is not Progress.OVER:
        progress = session.resume(next_answer() if progress is Progress.ASKING else "")
        digest.update(session.take_output())
    return digest.hexdigest()
