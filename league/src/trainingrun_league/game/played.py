"""A game that is being played: its table, its rules, its turns; in memory, from seed and actions.

Border: one game; no database and no clock. What is played again here is what was played, as long as
the rules are the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from trainingrun_environments.errors import GameFault

from trainingrun_league.errors import LeagueError
from trainingrun_league.game.context import GameContext
from trainingrun_league.game.engine import Engine, EngineGame
from trainingrun_league.game.table import Phase, Table, Turn, abandoned, moved

MOST_TEXTS: Final = 512
"""Actions of a thought that are described."""


class PlayedGame:
    """See above.

    Attributes:
        table: as it stands.
        turns: that were played.
        position: as the rules say it.
        last_text: the last action for people; empty before the first one.
        last_thought_texts: the actions of the last turn's thought for people.
    """

    def __init__(self, engine: Engine, table: Table, turns: Sequence[Turn] = ()) -> None:
        """Begin a game, or play the turns of one again; ``table`` is as it stands behind them.

        Raises:
            GameFault: the engine fails, or is another one than the turns were played with.
        """
        self._engine = engine
        self.table = table
        self.ending: Table | None = None
        self.engine_end = None
        self.turns: list[Turn] = []
        self._begin(turns)

    @property
    def has_secrets(self) -> bool:
        """Whether who watches must not see everything: never of a game that is over."""
        return self._engine.has_secrets and not self.table.phase.is_over

    @property
    def rules(self) -> EngineGame:
        """The engine's game, to be read."""
        return self._game

    @property
    def bound(self) -> float:
        """The most that a game gives."""
        return self._engine.spec.reward_bound

    def play(self, turn: Turn, *, now: float) -> Table:
        """Play a legal action, and return the table behind it, which counts once ``settle`` has
        it; an engine that fails abandons the game.
        """
        before = self.turns.copy()
        try:
            self._apply(turn)
            return moved(self.table, self.position, now=now)
        except GameFault as fault:
            self._begin(before)
            return abandoned(self.table, str(fault), now=now)

    async def take_turn(self, turn: Turn, context: GameContext) -> None:
        """See ``sources.HeldGame``."""
        turns = len(self.turns)
        table = self.play(turn, now=context.clock())
        is_played = len(self.turns) > turns
        try:
            await context.keep(table, turn if is_played else None)
        except LeagueError:
            self.take_back(turns)
            raise
        context.show(table)

    async def read_again(self, table: Table, turns: Sequence[Turn], context: GameContext) -> None:
        """See ``sources.HeldGame``."""
        self.table = table
        self._begin(turns)
        context.show(table)

    async def engine_left(self, _context: GameContext) -> None:
        """See ``sources.HeldGame``: it does not."""

    def give_up(self, _reason: str) -> None:
        """See ``sources.HeldGame``: nothing is waited for."""

    def close(self) -> None:
        """See ``sources.HeldGame``: there is nothing to let go of."""

    def settle(self, table: Table) -> None:
        """Take over how the table stands now."""
        self.table = table

    def take_back(self, turns: int) -> None:
        """Go back to where this number of turns was played: the last one was not kept."""
        if len(self.turns) != turns:
            self._begin(self.turns[:turns])

    def copy(self) -> PlayedGame:
        """Return the game as it is now, apart from this one."""
        return PlayedGame(self._engine, self.table, self.turns)

    def after(self, turns: int) -> PlayedGame:
        """Return the game as it was after a number of turns."""
        if turns == len(self.turns):
            return self
        table = replace(self.table, turn=turns, phase=Phase.RUNNING, returns=(0.0, 0.0), reason="")
        table = replace(table, finished_at=None)
        return PlayedGame(self._engine, table, self.turns[:turns])

    def _begin(self, turns: Iterable[Turn]) -> None:
        self._game = self._engine.begin(self.table.seed)
        self.turns = []
        self.last_text = ""
        self.last_thought_texts: tuple[str, ...] = ()
        self.position = self._game.position()
        for turn in turns:
            self.repeat(turn)

    def repeat(self, turn: Turn) -> None:
        """Play a turn that was played before; raises GameFault where it may not be played."""
        self._check(turn)
        self._apply(turn)

    def _check(self, turn: Turn) -> None:
        if turn.seat != self.position.seat_to_move or turn.action not in self.position.legal:
            raise GameFault(
                f"the game that is installed here is another one: after {len(self.turns)} moves"
                f" seat {turn.seat} played {turn.action}, and here it may not"
            )

    def _apply(self, turn: Turn) -> None:
        text, texts = self._game.describe(turn.action), self._thought_texts(turn)
        self._game.play(turn.action)
        self.position = self._game.position()
        self.last_text, self.last_thought_texts = text, texts
        self.turns.append(turn)

    def _thought_texts(self, turn: Turn) -> tuple[str, ...]:
        if turn.thought is None:
            return ()
        legal = frozenset(self.position.legal)
        return tuple(
            self._game.describe(action) if action in legal else ""
            for action in turn.thought.actions[:MOST_TEXTS]
        )
