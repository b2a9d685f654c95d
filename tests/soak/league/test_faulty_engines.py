"""Every fault that an engine may have, under the games of the Game service."""

from __future__ import annotations

import asyncio
from pathlib import Path

from trainingrun_contracts.environment_config import Engine
from trainingrun_contracts.environment_spec import Vocabulary
from trainingrun_contracts.league.v1.game_pb2 import GamePhase
from trainingrun_league.errors import LeagueError
from trainingrun_league.game.daemons import Daemons, daemons_of
from trainingrun_league.game.hall import Bounds, Hall, Move
from trainingrun_league.game.journal import GameJournal
from trainingrun_league.game.sources import source_of
from trainingrun_league.game.table import Turn

from testkit.league.engine_games import TurnedClock, begun, journal_in
from testkit.servers.faulty_engine import GOAL, Fault, faulty_engine
from testkit.waiting import BUSY

RUNNING = GamePhase.GAME_PHASE_RUNNING
ADDER = Engine("adder", (GOAL,), Vocabulary(3))
REFUSED = {
    Fault.SILENT: "no daemon answers",
    Fault.NO_STATUS: "no daemon answers",
    Fault.NO_SLOTS: "every daemon plays as many games as it may",
    Fault.REFUSES: "the daemon refuses the game: no such scenario",
    Fault.NOT_JSON: "the engine: a DECISION line is no generic decision",
    Fault.NO_SEAT: "missing required field `seat`",
    Fault.DATA_SHORT: "observation.data holds 44 bytes",
    Fault.DATA_BROKEN: "a DECISION line is no generic decision",
    Fault.NOT_A_NUMBER: "not finite",
    Fault.TOO_LARGE: "observation holds 300",
    Fault.DTYPE: "observation.dtype is 'bfloat16'",
    Fault.FIVE_DIMENSIONS: "observation.shape is",
    Fault.NO_ACTIONS: "actions is empty",
    Fault.SAME_INDEX: "two entries with the same index",
    Fault.INDEX: "actions has index 5000",
    Fault.LONG_LINE: "longer than",
}
"""Why the first game does not begin."""
ABANDONED_BY = {
    Fault.NO_RESULT: "closed the connection",
    Fault.CLOSES: "closed the connection",
    Fault.GAME_ERROR: "the engine failed: a move failed",
    Fault.WINNER: "a winner of unknown seat: somebody",
    Fault.MILLISECONDS: "a GAME_RESULT line names no winner",
    Fault.RETURNS_INFINITE: "two finite numbers",
}
"""Why its game has no result."""
UNSURE = {Fault.SPEAKS_LATE, Fault.SLOW}
"""The first one's words come with the result or behind it; the other takes time."""


async def played_out(hall: Hall, game_id: str) -> str:
    """Create a game, play its first action again and again; return how it ended."""
    try:
        await begun(hall, game_id)
    except LeagueError as error:
        return str(error)
    for turn in range(30):
        state = await hall.state(game_id, 0)
        if state.phase != RUNNING:
            return state.reason or "played"
        seat = state.seat_to_move
        action = (await hall.state(game_id, seat)).legal_actions[0].number
        await hall.play(game_id, Move(seat, f"{turn}", turn, Turn(seat, action, f"{turn}")))
    await hall.delete(game_id)
    return "endless"


async def with_fault(fault: Fault, journal: GameJournal) -> None:
    """Play a game with a faulty engine: it ends in the way that its fault has, and gives its slot
    back.
    """
    with faulty_engine(fault) as port:
        slots = Daemons(daemons_of(f"127.0.0.1:{port}"), status_seconds=0.5 * BUSY)
        source = source_of(ADDER, slots, decks=(), seconds=20 * BUSY, token=None)
        hall = Hall(source, journal, holder="h", clock=TurnedClock().now, bounds=Bounds())
        found = await played_out(hall, fault.value.replace(" ", "-"))
        expected = REFUSED.get(fault) or ABANDONED_BY.get(fault) or "played"
        assert ("endless" if fault is Fault.ENDLESS else expected) in found, (fault, found)
        assert (slots.held, hall.running) == (0, 0), fault
        await hall.close()


def test_a_faulty_engine_costs_its_own_game_alone(tmp_path: Path) -> None:
    """Whatever an engine does wrong, its game is played, refused or abandoned with a sentence."""

    async def scenario() -> None:
        async with journal_in(tmp_path) as journal:
            for fault in Fault:
                if fault not in UNSURE:
                    await with_fault(fault, journal)

    asyncio.run(scenario())
