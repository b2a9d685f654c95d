"""A game whose engine stands behind the line protocol, on a slot of a daemon.

The protocol lets one client decide for both seats, so this is that client: a question of the engine
waits here until its seat has answered it. Several questions may lead to one line (attackers, one
after another), and each is a turn of the game. What has no choice is answered here at once.

An action is in the journal before its line is sent; a game of an engine cannot be taken back, nor
played again, so every turn keeps what its seat saw (``Scene``), and a game ends with its
connection. Every seat sees its own questions; who watches sees none until the game is over.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from trainingrun_contracts.environment_spec import Features
from trainingrun_environments.daemon_link import DaemonLink, LinkLost
from trainingrun_environments.errors import GameFault, describe_error
from trainingrun_environments.seam import Encoder, Environment, Shown
from trainingrun_protocol.errors import DecisionError
from trainingrun_protocol.lines import (
    DecisionLine,
    GameError,
    GameResult,
    GameReturns,
    GameTimeout,
    Refused,
)

from trainingrun_league.game.context import GameContext
from trainingrun_league.game.daemons import Slot
from trainingrun_league.game.engine import MOST_ACTION_TEXT, MOST_TEXT, Position
from trainingrun_league.game.table import Phase, Scene, Table, Turn, abandoned, finished, moved

MOST_QUESTION_BYTES: Final = 2 << 20
"""Of a question's numbers; one of more is no message of gRPC."""
MOST_TEXTS: Final = 400_000
"""Characters of the texts of a question's options together."""
MOST_THOUGHT_TEXTS: Final = 64
MOST_SCENES: Final = 2_000_000
"""Characters that a game's turns keep; those behind have no text."""
_SEAT_NAME: Final = re.compile(r"\w+\((?P<seat>[12])\)-")
_OVER: Final = 0


@dataclass(frozen=True)
class _Asked:
    """The open question: its options by the numbers that players call them."""

    decision: Any
    answering: Any
    position: Position
    places: dict[int, int]
    text: str
    texts: dict[int, str]
    state: bytes
    rows: dict[int, bytes]


class NeverAsked(GameFault):
    """The engine has not said a word of its game in the time that it has for a line."""


class DaemonGame:
    """See above; ``PlayedGame`` says what its attributes are."""

    def __init__(
        self,
        environment: Environment,
        link: DaemonLink,
        slot: Slot,
        table: Table,
        *,
        seconds: float,
    ) -> None:
        """``seconds`` are the engine's for a line."""
        self.table = table
        self.turns: list[Turn] = []
        self.last_text = ""
        self.last_thought_texts: tuple[str, ...] = ()
        self.ending: Table | None = None
        """How it has ended, while the journal could not be written."""
        self._environment = environment
        self._link = link
        self._slot = slot
        self._seconds = seconds
        self._encoders: tuple[Encoder, Encoder] = (
            environment.new_encoder(),
            environment.new_encoder(),
        )
        self._asked: _Asked | None = None
        self._ended = Position(_OVER, (), (0.0, 0.0))
        self._returns: tuple[float, float] | None = None
        self._seen = ["", "", ""]
        self._kept = 0
        self._has_asked = self._has_spoken = False
        self._end_reason = ""
        self._given_up = ""

    async def begin(self) -> None:
        """Wait for the first question.

        Raises:
            GameFault: the daemon refuses the game, or its engine fails.
            NeverAsked: it says nothing: it may have no thread for the game.
        """
        await self._advance()

    # --- what views read ----------------------------------------------------------------------

    @property
    def has_secrets(self) -> bool:
        """Nothing says which of an engine's games are open: every one hides something."""
        return not self.table.phase.is_over

    @property
    def bound(self) -> float:
        """The most that a game gives."""
        return self._environment.spec.reward_bound

    @property
    def rules(self) -> DaemonGame:
        """What describes its position."""
        return self

    @property
    def position(self) -> Position:
        """The open question, or the end."""
        return self._ended if self._asked is None else self._asked.position

    def text(self, seat: int) -> str:
        """What this seat was last shown; for seat 0 the last position of all."""
        return self._seen[seat]

    def describe(self, action: int) -> str:
        """See EngineGame."""
        asked = self._asked
        return str(action) if asked is None else asked.texts.get(action, str(action))

    def features(self, action: int) -> bytes:
        """See EngineGame."""
        return b"" if self._asked is None else self._asked.rows.get(action, b"")

    def observation(self, seat: int) -> tuple[str, bytes]:
        """What the seat that is asked observes; the other one has nothing to answer."""
        asked = self._asked
        if asked is None or asked.position.seat_to_move != seat:
            raise GameFault("an engine says what a seat observes when it asks it")
        return "float16", asked.state

    # --- what the hall does -------------------------------------------------------------------

    async def take_turn(self, turn: Turn, context: GameContext) -> None:
        """Play a legal action: first into the journal, then to the engine, then to who watches.

        Raises:
            LeagueError: the journal cannot be written. Before the action was kept, nothing has
                happened; behind it, the game's end is written later.
        """
        asked = self._asked
        assert asked is not None, "the action is legal"
        text = asked.texts[turn.action]
        played = replace(turn, scene=self._scene(asked, text, turn))
        await context.keep(replace(self.table, turn=self.table.turn + 1), played)
        await self._proceed(asked, played, context)

    async def read_again(self, table: Table, turns: Sequence[Turn], context: GameContext) -> None:
        """See ``sources.HeldGame``: a turn that was kept after all is sent to the engine now."""
        asked = self._asked
        if table.phase.is_over:
            context.show(table)
        elif len(turns) > len(self.turns) and asked is not None:
            self.table = replace(table, turn=len(self.turns))
            await self._proceed(asked, turns[-1], context)
        elif self.ending is None:
            context.show(table)

    async def _proceed(self, asked: _Asked, played: Turn, context: GameContext) -> None:
        """Send a turn that is in the journal to the engine."""
        scene = scene_of(played)
        self.turns.append(played)
        self.last_text = scene.action_text
        self.last_thought_texts = scene.thought_texts
        try:
            await self._answer(asked, played.action)
            table = self._stopped(moved(self.table, self.position, now=context.clock()))
        except GameFault as fault:
            counted = replace(self.table, turn=self.table.turn + 1)
            table = abandoned(counted, str(fault), now=context.clock())
        await self._end_or_proceed(table, context)

    async def engine_left(self, context: GameContext) -> None:
        """Settle a game whose engine has hung up in the midst of a question."""
        if self.table.phase.is_over or self.ending is not None:
            return
        try:
            await self._advance()
            reason, returns = self._end_reason, self._ended.returns
            table = finished(self.table, returns, reason=reason, now=context.clock())
        except GameFault as fault:
            table = abandoned(self.table, str(fault), now=context.clock())
        await self._end_or_proceed(table, context)

    @property
    def engine_end(self) -> asyncio.Event:
        """Set when nothing more comes from the engine."""
        return self._link.ended

    def settle(self, table: Table) -> None:
        """Take over how the table stands now."""
        self.table = table
        self.ending = None

    def after(self, turns: int) -> DaemonGame | PastGame:
        """Return the game as it was after a number of turns, as far as it is kept."""
        if turns == len(self.turns):
            return self
        return past_game(self.table, self.turns, until=turns)

    def give_up(self, reason: str) -> None:
        """Hang up; a question that is being waited for fails by this reason."""
        self._given_up = self._given_up or reason
        self._link.close()

    def close(self) -> None:
        """Hang up, which frees the daemon of the game, and give the slot back."""
        self._link.close()
        self._slot.give_back()

    # --- the engine ---------------------------------------------------------------------------

    async def _end_or_proceed(self, table: Table, context: GameContext) -> None:
        if table.phase.is_over:
            self.ending = table
            self.table = replace(self.table, turn=table.turn)
            await context.keep(table, None)
        context.show(table)

    def _stopped(self, table: Table) -> Table:
        """Say why a game ended, where its engine has."""
        if table.phase is Phase.FINISHED and not table.reason:
            return replace(table, reason=self._end_reason)
        return table

    def _scene(self, asked: _Asked, action_text: str, turn: Turn) -> Scene:
        actions = () if turn.thought is None else turn.thought.actions[:MOST_THOUGHT_TEXTS]
        thoughts = tuple(asked.texts.get(action, "") for action in actions)
        self._kept += len(asked.text) + len(action_text) + sum(map(len, thoughts))
        if self._kept > MOST_SCENES:
            return Scene("", action_text[:40])
        return Scene(asked.text, action_text, thoughts)

    async def _answer(self, asked: _Asked, action: int) -> None:
        """Choose an option; with the last one of a decision its line is sent."""
        decision, answering = asked.decision, asked.answering
        try:
            answering.choose(asked.places[action])
            if answering.question is not None:
                self._ask(decision, answering)
                return
            self._send(decision, answering.response)
        except GameFault:
            raise
        except Exception as error:
            raise self._broken(error) from error
        await self._advance()

    def _send(self, decision: Any, response: str) -> None:
        self._link.answer(self._link.dialogue.checked(decision, response))

    async def _advance(self) -> None:
        """Read on until a seat is asked, or the game is over."""
        self._asked = None
        try:
            async with asyncio.timeout(self._seconds):
                while not self._takes(await self._link.next_line(seconds=2 * self._seconds)):
                    self._has_spoken = True
        except TimeoutError:
            fault = GameFault if self._has_asked or self._has_spoken else NeverAsked
            raise fault(
                f"the engine asked nothing for {self._seconds:g} s, and did not end the game"
            ) from None
        except LinkLost as error:
            raise GameFault(
                self._given_up or f"the daemon {self._slot.endpoint}: {_plain(str(error), 300)}"
            ) from error
        except GameFault:
            raise
        except Exception as error:
            raise self._broken(error) from error

    def _takes(self, line: Any) -> bool:
        """Take a line; true where a seat is asked, or the game is over."""
        match line:
            case DecisionLine(raw):
                return self._decided(raw)
            case GameReturns(first, second):
                if max(abs(first), abs(second)) > self.bound:
                    raise GameFault(
                        f"the engine returns {first:g} and {second:g}, beyond the environment's"
                        f" {self.bound:g}"
                    )
                self._returns = (first, second)
                return False
            case GameResult(winner):
                returns = self._returns or self._won(winner)
                self._ended = Position(_OVER, (), returns)
                return True
            case GameTimeout(text) if self._has_asked:
                self._end_reason = f"drawn: the engine's time is up: {_plain(text, 200)}"
                return True
            case GameTimeout(text) | GameError(text):
                raise GameFault(f"the engine failed: {_plain(text, 300)}")
            case Refused(text):
                raise GameFault(f"the daemon refuses the game: {_plain(text, 300)}")
            case _:
                return False  # log lines, which no player is shown: they may betray something

    def _won(self, winner: str | None) -> tuple[float, float]:
        if winner is None:
            return 0.0, 0.0
        found = _SEAT_NAME.match(winner)
        if found is None:
            raise GameFault(
                f"the engine names a winner of unknown seat: {_plain(winner, 80)}: name it as"
                " Agent(1)-x"
            )
        return (self.bound, -self.bound) if found["seat"] == "1" else (-self.bound, self.bound)

    def _decided(self, raw: bytes) -> bool:
        dialogue = self._link.dialogue
        try:
            decision = dialogue.read(raw)
        except DecisionError as error:
            raise GameFault(f"the engine: {_plain(str(error), 300)}") from error
        forced = dialogue.forced_answer(decision)
        if forced is not None:
            self._link.answer(forced)
            return False
        answering = self._environment.answering(decision)
        if answering.question is None:
            self._send(decision, answering.response)
            return False
        self._ask(decision, answering)
        return True

    def _ask(self, decision: Any, answering: Any) -> None:
        """Put a question to its seat."""
        question = answering.question
        place = 1 if decision.seat == 1 else 0
        shown = self._environment.show(question)
        seen = self._encoders[place].encode(question)
        state = seen.state.astype("<f2").tobytes()
        rows: dict[int, bytes] = {}
        if isinstance(self._environment.spec.actions, Features):
            packed = seen.actions.astype("<f2")
            if packed.nbytes + len(state) > MOST_QUESTION_BYTES:
                raise GameFault("the engine asks with more numbers than one message holds")
            rows = {
                number: np.ascontiguousarray(row).tobytes()
                for number, row in zip(shown.numbers, packed, strict=True)
            }
        self._asked = _Asked(
            decision=decision,
            answering=answering,
            position=Position(place + 1, tuple(sorted(shown.numbers)), (0.0, 0.0)),
            places={number: at for at, number in enumerate(shown.numbers)},
            text=_plain(shown.text, MOST_TEXT, lines=True),
            texts=_texts(shown),
            state=state,
            rows=rows,
        )
        self._has_asked = True
        self._seen[0] = self._seen[place + 1] = self._asked.text

    def _broken(self, error: Exception) -> GameFault:
        name = self._environment.spec.name
        return GameFault(f"{name}: a question cannot be read: {_plain(describe_error(error), 300)}")


class PastGame:
    """A game of an engine as it was: what its turns keep. See ``past_game``."""

    def __init__(self, table: Table, turns: Sequence[Turn], position: Position) -> None:
        self.has_secrets = False
        self.table = table
        self.turns = list(turns)
        self.position = position

    @property
    def rules(self) -> PastGame:
        """What describes its position."""
        return self

    @property
    def last_text(self) -> str:
        """The last action for people."""
        return "" if not self.turns else scene_of(self.turns[-1]).action_text

    @property
    def last_thought_texts(self) -> tuple[str, ...]:
        """The actions of the last turn's thought for people."""
        return () if not self.turns else scene_of(self.turns[-1]).thought_texts

    def after(self, turns: int) -> PastGame:
        """Return the game as it was after a number of turns, as far as it is kept."""
        return past_game(self.table, self.turns, until=turns)

    def text(self, seat: int) -> str:
        """The last position that was kept: of a seat, or of all for seat 0."""
        for turn in reversed(self.turns):
            if seat in (0, turn.seat):
                return scene_of(turn).text
        return ""

    def describe(self, action: int) -> str:
        """See EngineGame; what could have been played besides is not kept."""
        return str(action)

    def features(self, _action: int) -> bytes:
        """See EngineGame: they are not kept."""
        return b""

    def observation(self, _seat: int) -> tuple[str, bytes]:
        """See EngineGame: it is not kept."""
        raise GameFault("an engine's observations are not kept")


class _EarlierGame(PastGame):
    """A game as it was before a turn that was played later; while it runs it has secrets."""

    def __init__(
        self, table: Table, turns: Sequence[Turn], asked: Turn, *, is_running: bool
    ) -> None:
        super().__init__(table, turns, Position(asked.seat, (), (0.0, 0.0)))
        self.has_secrets = is_running
        self._asked = asked

    def text(self, seat: int) -> str:
        """See PastGame: the question that was open then is the last one."""
        if seat in (0, self._asked.seat):
            return scene_of(self._asked).text
        return super().text(seat)


def past_game(table: Table, turns: Sequence[Turn], *, until: int | None = None) -> PastGame:
    """Return a game as it stands in the journal, or as it was after a number of turns."""
    if until is None or until == len(turns):
        return PastGame(table, turns, Position(_OVER, (), table.returns))
    then = replace(
        table, turn=until, phase=Phase.RUNNING, returns=(0.0, 0.0), reason="", finished_at=None
    )
    return _EarlierGame(then, turns[:until], turns[until], is_running=not table.phase.is_over)


def scene_of(turn: Turn) -> Scene:
    """Return what the seat saw at a turn."""
    return turn.scene or Scene("", str(turn.action))


def _texts(shown: Shown) -> dict[int, str]:
    most = min(MOST_ACTION_TEXT, MOST_TEXTS // max(1, len(shown.numbers)))
    return {
        number: _plain(text, most) for number, text in zip(shown.numbers, shown.texts, strict=True)
    }


def _plain(text: str, most: int, *, lines: bool = False) -> str:
    """Return an engine's text without what steers a terminal or no database takes."""
    cut = text[: most + 1]
    clean = "".join(char if char.isprintable() or (lines and char == "\n") else " " for char in cut)
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"
