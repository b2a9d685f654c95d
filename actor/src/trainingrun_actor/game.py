"""One game over one link: every decision is answered by the seat it is asked of.

``-k`` keeps the link for the next game where the daemon can do that. A game that runs into its time
limit counts as a draw that ended: its last position says nothing about what would have come, and
a bootstrap from it would teach the policy to stall. Where no seat was asked anything, the daemon
had no thread for the game: it is aborted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from time import monotonic
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct
from trainingrun_environments.daemon_link import DaemonLink, EngineFault, LinkLost
from trainingrun_environments.seam import Decision, Dialogue
from trainingrun_protocol.commands import NewGame
from trainingrun_protocol.errors import DecisionError
from trainingrun_protocol.lines import (
    AnswerReplaced,
    DecisionLine,
    GameError,
    GameResult,
    GameReturns,
    GameTimeout,
    Refused,
)

from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.policy import Choice, Request

READ_MARGIN_SECONDS: Final = 10.0
LINE: Final = "; the line: "
"""Between what is wrong with a decision and its line, which is another one each time."""
_MOST_LINE: Final = 160
"""Characters of a line that is shown with what is wrong with it."""
NEVER_ASKED: Final = "its time passed before the first decision"
AI_IGNORED: Final = "it asks for the moves of its own player: it does not know -a"
_SEAT_NAME: Final = re.compile(r"\w+\((?P<seat>[12])\)-")


class End(Enum):
    """How a game ended."""

    WON = "won"
    DRAW = "draw"
    TIMEOUT = "timeout"
    ABORTED = "aborted"
    """The daemon or its engine failed, or the game was given up: the outcome is unknown."""
    REFUSED = "refused"
    """The daemon did not take the command; nothing was played."""


class Outcome(Struct, frozen=True):
    """The end of a game.

    Attributes:
        winner: the seat (1 or 2) that won; None when neither did.
        is_fault: whether the engine is to blame for an unknown outcome, as far as is known.
        returns: of seat 1 and seat 2 in [-1, 1], where the daemon said more than who won.
        is_part_fault: a part of the user's is to blame, and not the daemon.
    """

    end: End
    winner: int | None
    seconds: float
    reason: str = ""
    returns: tuple[float, float] | None = None
    is_fault: bool = False
    is_part_fault: bool = False

    def reward(self, seat: int) -> float | None:
        """What a seat trains on, in [-1, 1]; None when the outcome is unknown."""
        score = self.score(seat)
        return score if score is None or self.returns is None else self.returns[seat - 1]

    def score(self, seat: int) -> float | None:
        """+1, -1 or 0 for a seat; None when the outcome is unknown."""
        match self.end:
            case End.WON:
                return 1.0 if self.winner == seat else -1.0
            case End.DRAW | End.TIMEOUT:
                return 0.0
            case End.ABORTED | End.REFUSED:
                return None


class Seat(Protocol):
    """Answers the decisions of one seat."""

    is_overheard: bool
    """Whether its decisions and answers are written down, so that it must be asked by lines."""

    async def answer(self, decision: Any) -> str:
        """Return the answer line to a decision of the environment's."""

    def ask(self, question: Any) -> int | Request | None:
        """Return the position of the option that the seat chooses of a question with several, or
        what is to be asked of a policy; None where it must be ``ready`` first.
        """

    def note(self, request: Request, choice: Choice) -> None:
        """Hear what the policy chose."""

    async def ready(self) -> None:
        """Wait until ``ask`` has an answer."""

    def finish(self, reward: float | None) -> None:
        """The game is over; None: its outcome will never be known."""


class NotStarted(LinkLost):
    """The link broke before the daemon said anything: another link may do."""


async def play_game(
    link: DaemonLink, command: NewGame, seats: Mapping[int, Seat], *, metrics: PlayMetrics
) -> Outcome:
    """Play one game to its end. A seat that is not given is the engine's, by ``command.ai_seat``.

    Raises:
        NotStarted: the link broke before the first line of the game.
        LinkLost: it broke later.
        EngineFault: the engine broke the protocol or its environment's promises, or kept asking
            long after the game's time.
        PartFault: a part of the user's failed.
    """
    began = monotonic()
    patience = command.limit_seconds + READ_MARGIN_SECONDS
    deadline = began + command.limit_seconds + patience
    link.start(command)
    has_begun = has_asked = False
    returns: tuple[float, float] | None = None
    while True:
        try:
            with metrics.waiting("engine"):
                line = await link.next_line(seconds=patience)
        except LinkLost as error:
            if has_begun or isinstance(error, EngineFault):
                raise
            raise NotStarted(str(error)) from error
        has_begun = True
        match line:
            case DecisionLine(raw):
                decision = _decode(link.dialogue, raw)
                has_asked = True
                if monotonic() > deadline:
                    raise EngineFault(
                        f"the game asks on after twice its {command.limit_seconds} s (-c): end"
                        " every game, say as a draw after a number of moves"
                    )
                metrics.decisions += 1
                seat = seats.get((decision.seat or 0) + 1)
                if seat is None:
                    return Outcome(End.REFUSED, None, monotonic() - began, AI_IGNORED)
                link.answer(await _response(link.dialogue, decision, seat))
            case AnswerReplaced():
                link.replaced_answers += 1
            case GameReturns(first, second):
                returns = (first / link.reward_bound, second / link.reward_bound)
            case GameResult() | GameTimeout() | GameError() | Refused():
                outcome = _outcome(line, monotonic() - began, has_asked=has_asked)
                return _with_returns(outcome, returns)
            case _:
                pass  # log lines


def _outcome(
    line: GameResult | GameTimeout | GameError | Refused, seconds: float, *, has_asked: bool
) -> Outcome:
    match line:
        case GameResult(winner):
            return _result(winner, seconds)
        case GameTimeout(text) if has_asked:
            return Outcome(End.TIMEOUT, None, seconds, text)
        case GameTimeout(text):
            return Outcome(End.ABORTED, None, seconds, f"{NEVER_ASKED}: {text}")
        case GameError(text):
            return Outcome(End.ABORTED, None, seconds, text, is_fault=True)
        case Refused(text):
            return Outcome(End.REFUSED, None, seconds, text)


def _with_returns(outcome: Outcome, returns: tuple[float, float] | None) -> Outcome:
    """Return the outcome of a game that ended, with what it returned to the seats.

    Raises:
        EngineFault: a return is beyond the bound of the environment.
    """
    if returns is None or outcome.end not in {End.WON, End.DRAW}:
        return outcome
    if max(map(abs, returns)) > 1:
        raise EngineFault(
            f"GAME_RETURNS of {returns} times the environment's bound of rewards: raise rewardBound"
        )
    return msgspec.structs.replace(outcome, returns=returns)


async def _response(dialogue: Dialogue, decision: Decision, seat: Seat) -> str:
    """Return the seat's answer, or the one that ends a loop of the same question."""
    forced = dialogue.forced_answer(decision)
    return dialogue.checked(decision, await seat.answer(decision)) if forced is None else forced


def _decode(dialogue: Dialogue, raw: bytes) -> Decision:
    try:
        decision: Decision = dialogue.read(raw)
    except DecisionError as error:
        raise EngineFault(f"{error}{LINE}{_shown(raw)}") from error
    return decision


def _shown(raw: bytes) -> str:
    """Return the beginning of a line."""
    text = raw[: _MOST_LINE * 4].decode("utf-8", "replace")
    return text if len(text) <= _MOST_LINE else f"{text[:_MOST_LINE]}…"


def _result(winner: str | None, seconds: float) -> Outcome:
    if winner is None:
        return Outcome(End.DRAW, None, seconds)
    found = _SEAT_NAME.match(winner)
    if found is None:
        reason = f"a winner of unknown seat: {winner[:80]}: name it as Agent(1)-x"
        return Outcome(End.ABORTED, None, seconds, reason, is_fault=True)
    return Outcome(End.WON, int(found["seat"]), seconds)
