"""Games of engines while their journal fails: a write that failed may have been done.

An engine takes no answer back, so whatever the journal says afterwards, it must have heard each
action once, and no action that the journal has not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pytest
from trainingrun_contracts.league.v1.game_pb2 import GamePhase, GameState
from trainingrun_league.errors import Conflict, Unavailable
from trainingrun_league.game.daemons import Daemons, daemons_of
from trainingrun_league.game.hall import Bounds, Hall, Move
from trainingrun_league.game.journal import GameJournal
from trainingrun_league.game.sources import source_of
from trainingrun_league.game.table import Table, Turn

from testkit.league.engine_games import (
    COUNTED,
    CountingEngine,
    TurnedClock,
    begun,
    journal_in,
)
from testkit.servers.postgresql_server import PostgresqlServer

RUNNING, FINISHED = GamePhase.GAME_PHASE_RUNNING, GamePhase.GAME_PHASE_FINISHED
ABANDONED = GamePhase.GAME_PHASE_ABANDONED


class Loss(Enum):
    """What becomes of a write."""

    NOT_DONE = "the connection is lost before it"
    DONE = "its answer is lost"
    AWAY = "the connection is lost before it, and there is none from then on"


class LossyJournal(GameJournal):
    """Loses the next writes of games, in the order of ``losses``; None stands for none."""

    def __init__(self, *engine: object) -> None:
        super().__init__(*engine)  # type: ignore[arg-type]
        self.losses: list[Loss | None] = []
        self.is_away = False

    async def keep(self, table: Table, turn: Turn | None = None) -> None:
        """See GameJournal."""
        self._check()
        loss = self.losses.pop(0) if self.losses else None
        if loss in {None, Loss.DONE}:
            await super().keep(table, turn)
        self.is_away = loss is Loss.AWAY
        if loss is not None:
            raise Unavailable("lost")

    async def turns(self, game_id: str) -> tuple[Turn, ...]:
        """See GameJournal."""
        self._check()
        return await super().turns(game_id)

    def _check(self) -> None:
        if self.is_away:
            raise Unavailable("away")


@dataclass
class Bed:
    """A hall with one game, whose journal loses writes."""

    hall: Hall
    journal: LossyJournal
    engine: CountingEngine
    slots: Daemons
    ended: list[Table]

    async def play(self, turn: int, action: int, key: str = "") -> GameState:
        """Play an action; of a turn's key unless another one is given."""
        seat, key = turn % 2 + 1, key or f"k{turn}"
        return await self.hall.play("g", Move(seat, key, turn, Turn(seat, action, key)))

    async def lose(self, turn: int, action: int, *losses: Loss) -> None:
        """Play an action while writes are lost."""
        self.journal.losses += losses
        with pytest.raises(Unavailable):
            await self.play(turn, action)


@asynccontextmanager
async def bed_at(folder: Path, *, url: str = "") -> AsyncIterator[Bed]:
    """A bed whose game has begun."""
    engine = CountingEngine()
    async with (
        await asyncio.start_server(engine.serve, "127.0.0.1", 0) as server,
        journal_in(folder, url=url, kind=LossyJournal) as journal,
    ):
        slots = Daemons(daemons_of(f"127.0.0.1:{server.sockets[0].getsockname()[1]}"))
        source = source_of(COUNTED, slots, decks=(), seconds=60, token=None)
        hall = Hall(source, journal, holder="h", clock=TurnedClock().now, bounds=Bounds())
        ended: list[Table] = []
        hall.on_end = ended.append
        await begun(hall, "g")
        yield Bed(hall, journal, engine, slots, ended)
        await hall.close()


async def is_due(hall: Hall) -> bool:
    """Whether the hall comes to have something to write, which cannot be written now."""
    for _ in range(2000):
        try:
            await hall.expire()
        except Unavailable:
            return True
        await asyncio.sleep(0.005)
    return False


def run(folder: Path, scenario: Callable[[Bed], Awaitable[None]], *, url: str = "") -> None:
    """Run a scenario, play its game to the end, and see that it ended once, with no slot held."""

    async def whole() -> None:
        async with bed_at(folder, url=url) as bed:
            await scenario(bed)
            state = await bed.hall.state("g", 0)
            assert state.phase == FINISHED, state
            assert list(state.returns) == [1.0, -1.0]
            assert bed.engine.heard == [turn.action for turn in await bed.journal.turns("g")]
            assert (len(bed.ended), bed.slots.held, bed.hall.running) == (1, 0, 0)

    asyncio.run(whole())


@pytest.mark.parametrize("loss", [Loss.NOT_DONE, Loss.DONE])
def test_an_action_whose_write_failed_is_heard_once(tmp_path: Path, loss: Loss) -> None:
    """The engine hears nothing until the journal was read again; the repeated call plays it."""

    async def scenario(bed: Bed) -> None:
        await bed.play(0, 4)
        await bed.lose(1, 5, loss)
        assert bed.engine.heard == [4]
        state = await bed.play(1, 5)
        assert (state.turn, bed.engine.heard) == (2, [4, 5])
        assert (await bed.play(1, 5)).turn == 2
        await bed.play(2, 6)

    run(tmp_path, scenario)


def test_who_gave_an_action_up_finds_it_played(tmp_path: Path) -> None:
    """Its write was done: another action for that turn comes too late, and is not heard."""

    async def scenario(bed: Bed) -> None:
        await bed.lose(0, 4, Loss.DONE)
        with pytest.raises(Conflict, match="at turn 1, and the action is for turn 0"):
            await bed.play(0, 7, key="another")
        assert bed.engine.heard == [4]
        await bed.play(1, 5)
        await bed.play(2, 6)

    run(tmp_path, scenario)


def test_who_gave_an_action_up_that_was_not_kept_may_play_another(tmp_path: Path) -> None:
    """The engine has not heard the first one."""

    async def scenario(bed: Bed) -> None:
        await bed.lose(0, 4, Loss.NOT_DONE)
        assert (await bed.play(0, 7, key="another")).turn == 1
        await bed.play(1, 5)
        await bed.play(2, 6)

    run(tmp_path, scenario)


@pytest.mark.parametrize("loss", [Loss.NOT_DONE, Loss.DONE])
def test_an_end_whose_write_failed_is_written_once(tmp_path: Path, loss: Loss) -> None:
    """The engine is gone, and knows its game no more: the end is what the hall keeps of it."""

    async def scenario(bed: Bed) -> None:
        await bed.play(0, 4)
        await bed.play(1, 5)
        bed.journal.losses += (None, loss)  # the turn's, and then the end's
        with pytest.raises(Unavailable):
            await bed.play(2, 6)
        assert (bed.ended, bed.hall.running) == ([], 1)
        await bed.hall.expire()

    run(tmp_path, scenario)


def test_a_daemon_that_leaves_while_the_journal_is_away_loses_nobody_the_game(
    tmp_path: Path,
) -> None:
    """Nobody can write that it is gone: that is tried until the journal is back, and no clock says
    meanwhile that the seat to move has lost.
    """

    async def scenario() -> None:
        async with bed_at(tmp_path) as bed:
            await bed.lose(0, 4, Loss.AWAY)
            bed.engine.connections[0].close()
            assert await is_due(bed.hall), "nothing is to be written"
            bed.journal.is_away = False
            await bed.hall.expire()
            state = await bed.hall.state("g", 0)
            assert (state.phase, state.turn) == (ABANDONED, 0)
            assert "closed the connection" in state.reason
            assert (len(bed.ended), bed.slots.held, bed.hall.running) == (1, 0, 0)

    asyncio.run(scenario())


@pytest.mark.needs("postgresql")
def test_a_game_goes_on_behind_a_postgresql_that_was_killed(
    tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    """Actions are refused while it is away, and each is heard once when it is back."""

    async def scenario(bed: Bed) -> None:
        await bed.play(0, 4)
        await asyncio.to_thread(postgresql.kill)
        with pytest.raises(Unavailable):
            await bed.play(1, 5)
        await asyncio.to_thread(postgresql.start)
        await bed.play(1, 5)
        await bed.play(2, 6)

    run(tmp_path, scenario, url=postgresql.create_database("unsure"))
