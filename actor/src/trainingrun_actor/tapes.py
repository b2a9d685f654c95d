"""Writes some games down for people: which, where, and how much at most.

A game that is recorded has its seats wrapped; every other game pays nothing. A disk that is full or
away costs the tape and a line in the log, never a game.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from trainingrun_contracts.environment_config import EnvironmentConfig
from trainingrun_contracts.run_config import TapesConfig
from trainingrun_environments.seam import Decision, Environment
from trainingrun_protocol.tapes import (
    SUFFIX,
    VERSION,
    TapeEnd,
    TapeEntry,
    TapeEnvironment,
    TapeKind,
    TapeStart,
    encode_entry,
)

from trainingrun_actor.game import End, Outcome, Seat
from trainingrun_actor.policy import Choice, Request
from trainingrun_actor.recorder import Clock

MAX_BYTES: Final = 16 * 1024 * 1024
"""A longer tape is cut: a hundred turns of the reference engine take a quarter of it."""
_UNFIT: Final = re.compile(r"[^A-Za-z0-9.]+")

_log = logging.getLogger(__name__)


class TapedGame(Struct, frozen=True):
    """What is said of a game at the start of its tape."""

    scenarios: tuple[str, str]
    seed: int
    players: Mapping[int, str]
    """Who plays a seat (1 or 2), in words."""


class Tapes:
    """The folder of a run's tapes, as one process writes into it. Without ``config``: no tapes."""

    def __init__(
        self,
        config: TapesConfig | None,
        environment: Environment,
        *,
        found_by: EnvironmentConfig,
        run: str,
        member: str,
        clock: Clock,
    ) -> None:
        self._config = config
        self._environment = environment
        self._played = TapeEnvironment(
            environment.spec.name,
            environment.spec.version,
            msgspec.json.encode(found_by).decode(),
        )
        self._run = run
        self._member = _UNFIT.sub("-", member)
        self._clock = clock
        self._next_training = clock.monotonic()

    def record_training(self, game: TapedGame) -> Tape | None:
        """Return a tape for a training game, when it is time for one."""
        config, now = self._config, self._clock.monotonic()
        if config is None or now < self._next_training:
            return None
        self._next_training = now + config.training_seconds
        return self._tape("training", game)

    def record_evaluation(self, game: TapedGame) -> Tape | None:
        """Return a tape for a game of an evaluation."""
        return None if self._config is None else self._tape("evaluation", game)

    def _tape(self, kind: TapeKind, game: TapedGame) -> Tape | None:
        config = self._config
        if config is None:
            return None
        at = self._clock.wall()
        start = TapeStart(
            version=VERSION,
            run=self._run,
            kind=kind,
            environment=self._played,
            scenarios=game.scenarios,
            players=(game.players[1], game.players[2]),
            seed=game.seed,
            at=at,
        )
        stamp = datetime.fromtimestamp(at, tz=UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3]
        folder = Path(config.folder)
        path = folder / f"{kind}-{stamp}-{self._member}{SUFFIX}"
        return Tape(
            path,
            start,
            self._environment,
            make_room=lambda: _keep_newest(folder, kind, config.keep - 1),
        )


class Tape:
    """One game's tape. Its file begins with the first decision."""

    def __init__(
        self,
        path: Path,
        start: TapeStart,
        environment: Environment,
        *,
        make_room: Callable[[], None] = lambda: None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._path = path
        self._start = start
        self._environment = environment
        self._make_room = make_room
        self._max_bytes = max_bytes
        self._written = 0
        self._is_closed = False

    def seats(self, seats: Mapping[int, Seat]) -> dict[int, Seat]:
        """Return the seats of the game, overheard."""
        return {number: _OverheardSeat(seat, self) for number, seat in seats.items()}

    def note(self, decision: Decision, answer: str) -> None:
        """Write down a decision and its answer."""
        if self._is_closed:
            return
        if self._written >= self._max_bytes:
            self._end(TapeEnd("cut", reason=f"a tape takes {self._max_bytes} bytes at most"))
            return
        move = self._environment.tape_entry(decision, answer)
        try:
            if self._written == 0:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._make_room()
                self._write(self._start, move)
            else:
                self._write(move)
        except OSError as error:
            self._is_closed = True
            _log.warning("a game is not recorded: %s: %s", self._path, error.strerror)

    def close(self, outcome: Outcome | None) -> None:
        """Say how the game ended; None when it was given up."""
        if self._is_closed or self._written == 0:
            return
        outcome = outcome or Outcome(End.ABORTED, None, 0.0, "given up")
        self._end(
            TapeEnd(outcome.end.value, outcome.winner, round(outcome.seconds, 3), outcome.reason)
        )

    def _end(self, end: TapeEnd) -> None:
        self._is_closed = True
        try:
            self._write(end)
        except OSError as error:
            _log.warning("the end of a game is not recorded: %s: %s", self._path, error.strerror)

    def _write(self, *entries: TapeEntry) -> None:
        """Append; opened each time, so that a game that is dropped midway leaves no open file."""
        lines = b"".join(map(encode_entry, entries))
        with self._path.open("ab") as file:
            file.write(lines)
        self._written += len(lines)


class _OverheardSeat:
    """A seat whose answers are noted."""

    is_overheard = True

    def __init__(self, seat: Seat, tape: Tape) -> None:
        self._seat = seat
        self._tape = tape

    async def answer(self, decision: Decision) -> str:
        """Return the seat's own answer."""
        answer = await self._seat.answer(decision)
        self._tape.note(decision, answer)
        return answer

    def ask(self, question: object) -> int | Request | None:
        """Pass the question on; only decisions are noted."""
        return self._seat.ask(question)

    def note(self, request: Request, choice: Choice) -> None:
        """Pass the choice on."""
        self._seat.note(request, choice)

    async def ready(self) -> None:
        """Wait for the seat."""
        await self._seat.ready()

    def finish(self, reward: float | None) -> None:
        """Pass the result on to the seat."""
        self._seat.finish(reward)


def _keep_newest(folder: Path, kind: TapeKind, keep: int) -> None:
    """Remove the oldest tapes of a kind; their names begin with their time."""
    tapes = sorted(folder.glob(f"{kind}-*{SUFFIX}"), key=lambda path: path.name)
    for path in tapes[: max(0, len(tapes) - keep)]:
        path.unlink(missing_ok=True)
