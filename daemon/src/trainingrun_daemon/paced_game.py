"""One game with its timing: a session, and the moment at which what it said may be sent.

Border: no socket, no timer; ``now`` is an argument. Without a latency profile everything may be
sent at once and this layer costs a few attribute reads. With one, a decision is due some time
after the answer before it, and the result of a game between two AIs when the real engine would have
been done. The time that the game really took counts towards that, so nothing is added to a slow
machine's own delay.
"""

from dataclasses import dataclass
from typing import Final

import msgspec
from trainingrun_protocol.lines import GameResult

from trainingrun_daemon.game_factory import Match, Progress, Session
from trainingrun_daemon.latency import GameLatency, LatencyProfile
from trainingrun_daemon.outcome_cache import OutcomeCache, fold_seed

_MOST_LATE: Final = 0.005
"""Lateness of a timer that the next decision makes up for. Timers have a grain of a millisecond,
which is as much as a usual prompt: without this, prompts would take twice as long as meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """How games are played here."""

    latency: LatencyProfile | None = None
    """The engine that is imitated; None plays as fast as possible."""
    outcomes: OutcomeCache


@dataclass(frozen=True, slots=True)
class Turn:
    """What a game did when it was resumed."""

    progress: Progress
    output: bytes
    due: float
    """The time before which the output must not be sent."""


class PacedGame:
    """Plays one game. Call ``resume``, send its output when due, until it is over."""

    def __init__(
        self,
        engine: Engine,
        match: Match,
        *,
        seed: int,
        now: float,
    ) -> None:
        command = match.command
        self._is_ai_only = not command.interactive
        self._latency = None
        self._outcomes: OutcomeCache | None = None
        self._scenarios = match.scenarios
        self._seed = seed
        self._outcome: GameResult | None = None
        self._session: Session | None = None
        self._began = self._asked = now
        self._late = 0.0
        if engine.latency is not None:
            self._latency = GameLatency(engine.latency, seed=seed)
            if self._is_ai_only and command.quiet and not command.observe:
                self._outcomes = engine.outcomes
                self._outcome = engine.outcomes.recall(match.scenarios, seed)
                seed = fold_seed(seed)
        if self._outcome is None:
            self._session = match.begin(seed=seed)

    def resume(self, answer: str | None, *, now: float) -> Turn:
        """Play on; ``answer`` goes to the open decision, None where there is none."""
        if self._session is None:
            return Turn(Progress.OVER, b"", self._end())
        if answer is None:
            progress = self._session.resume()
        else:
            self._asked = now
            progress = self._session.resume(answer)
        output = self._session.take_output()
        if self._latency is None or progress is Progress.RUNNING:
            return Turn(progress, output, now)
        if progress is Progress.ASKING:
            wait = self._latency.next_prompt_seconds() - self._late
            return Turn(progress, output, self._asked + max(0.0, wait))
        if self._outcomes is not None:
            outcome = self._session.result(milliseconds=0)
            self._outcomes.remember(self._scenarios, self._seed, outcome)
        return Turn(progress, output, self._end() if self._is_ai_only else now)

    def note_sent(self, turn: Turn, *, now: float) -> None:
        """Learn when the output was sent."""
        self._late = min(max(0.0, now - turn.due), _MOST_LATE)

    def result(self, *, now: float) -> GameResult:
        """Return the terminal line of a game that is over."""
        milliseconds = round(1000 * (now - self._began))
        if self._session is not None:
            return self._session.result(milliseconds=milliseconds)
        assert self._outcome is not None
        return msgspec.structs.replace(self._outcome, milliseconds=milliseconds)

    def _end(self) -> float:
        return self._began + (0.0 if self._latency is None else self._latency.game_seconds)
