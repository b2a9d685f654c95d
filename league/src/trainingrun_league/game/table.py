"""A table: one game between two seats, as values; ``now`` and what the rules say are arguments.

Who may sit, whose turn it is, when time is up and how a game ends is decided here. The rules
(``engine``), the database (``journal``) and who is connected (``hall``) are elsewhere.

    WAITING ──both seats are taken──► RUNNING ──the rules end it, or time is up──► FINISHED
       └──────────a seat stays empty──────┴──────the engine fails, it is deleted──► ABANDONED
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, TypeVar

from trainingrun_league.errors import Conflict, InvalidRequest, NotPermitted
from trainingrun_league.game.engine import Position

JOIN_SECONDS: Final = 600.0
"""A game that a seat has not taken by then is abandoned."""
MOST_TURNS: Final = 10_000
"""A game of more is drawn."""
SHORTEST_MOVE, LONGEST_MOVE, USUAL_MOVE = 1.0, 3600.0, 60.0
MOST_WEIGHTS: Final = 4096
"""Of a thought."""
_T = TypeVar("_T")


class Phase(Enum):
    """Where a game is in its life; the numbers are those of ``GamePhase`` in the protocol."""

    WAITING = 1
    RUNNING = 2
    FINISHED = 3
    ABANDONED = 4

    @property
    def is_over(self) -> bool:
        """Whether nothing happens any longer."""
        return self in (Phase.FINISHED, Phase.ABANDONED)


@dataclass(frozen=True)
class Thought:
    """What a model said of the position that it moved in; see the protocol."""

    value: float
    actions: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    simulations: int = 0


@dataclass(frozen=True)
class Scene:
    """What the seat that moved saw, what it played, and what it thought of it, for
    people.
    """

    text: str
    action_text: str
    thought_texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Turn:
    """An action that was played.

    Attributes:
        key: idempotency key of the call; empty where no call played it.
        scene: of games that cannot be played again to be seen.
    """

    seat: int
    action: int
    key: str = ""
    thought: Thought | None = None
    scene: Scene | None = None


@dataclass(frozen=True)
class Table:
    """See above; times are Unix seconds.

    Attributes:
        players: of seat 1 and 2; empty where anybody may sit.
        is_taken: whether somebody sits there.
        turn: actions that were played.
        deadline: until then the seat to move must move, or the seats be taken.
        returns: what seat 1 and 2 got, once it is finished.
    """

    game_id: str
    match_id: str
    purpose: int
    players: tuple[str, str]
    seed: int
    move_seconds: float
    created_at: float
    is_taken: tuple[bool, bool] = (False, False)
    phase: Phase = Phase.WAITING
    turn: int = 0
    deadline: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    returns: tuple[float, float] = (0.0, 0.0)
    reason: str = ""


def opened(table: Table) -> Table:
    """Return a new table, which waits for its players from its creation on."""
    return replace(table, deadline=table.created_at + JOIN_SECONDS)


def joined(table: Table, seat: int, player: str, *, now: float) -> Table:
    """Return the table with a player in a seat. Who sits there already, sits there again.

    Raises:
        NotPermitted: the seat is another player's.
    """
    place = seat - 1
    holder = table.players[place]
    if holder and holder != player:
        raise NotPermitted(f"seat {seat} of the game {table.game_id} is {holder}'s, not {player}'s")
    if table.phase is not Phase.WAITING:
        return table
    players = _with(table.players, place, player)
    is_taken = table.is_taken[0] or place == 0, table.is_taken[1] or place == 1
    found = replace(table, players=players, is_taken=is_taken)
    if all(is_taken):
        return replace(
            found, phase=Phase.RUNNING, started_at=now, deadline=now + table.move_seconds
        )
    return found


def check_action(
    table: Table, position: Position, *, seat: int, expected_turn: int, action: int
) -> None:
    """See that a seat may play an action now.

    Raises:
        Conflict: the game does not run, it is another turn, or the other seat's.
        InvalidRequest: the action is not legal.
    """
    if table.phase is Phase.WAITING:
        raise Conflict(f"the game {table.game_id} waits for its players: stream it until it runs")
    if table.phase.is_over:
        raise Conflict(f"the game {table.game_id} is over: {table.reason or 'see its state'}")
    if expected_turn != table.turn:
        raise Conflict(
            f"the game {table.game_id} is at turn {table.turn}, and the action is for turn"
            f" {expected_turn}: read its state"
        )
    if seat != position.seat_to_move:
        raise Conflict(
            f"seat {position.seat_to_move} is to move in the game {table.game_id}, not seat {seat}"
        )
    if action not in position.legal:
        legal = ", ".join(map(str, position.legal[:20]))
        more = " …" if len(position.legal) > 20 else ""
        raise InvalidRequest(
            f"{action} is not legal in the game {table.game_id} now: legal are {legal}{more}"
        )


def moved(table: Table, position: Position, *, now: float) -> Table:
    """Return the table after an action that led to a position."""
    turn = table.turn + 1
    found = replace(table, turn=turn, deadline=now + table.move_seconds)
    if position.is_over:
        return finished(found, position.returns, reason="", now=now)
    if turn >= MOST_TURNS:
        return finished(found, (0.0, 0.0), reason=f"drawn after {turn} moves", now=now)
    return found


def overdue(table: Table, position: Position, *, bound: float, now: float) -> Table | None:
    """Return the table once its time is up; None while it is not, or the game is over.

    ``bound`` is the most that a game gives: who exceeds the time loses that.
    """
    if table.phase.is_over or now < table.deadline:
        return None
    if table.phase is Phase.WAITING:
        empty = " and ".join(str(n + 1) for n, taken in enumerate(table.is_taken) if not taken)
        return abandoned(table, f"seat {empty} was not taken in {JOIN_SECONDS:g} s", now=now)
    loser = position.seat_to_move
    returns = (-bound, bound) if loser == 1 else (bound, -bound)
    reason = f"seat {loser} did not move within {table.move_seconds:g} s"
    return finished(table, returns, reason=reason, now=now)


def finished(table: Table, returns: tuple[float, float], *, reason: str, now: float) -> Table:
    """Return the table with a result."""
    return replace(
        table, phase=Phase.FINISHED, returns=returns, reason=reason, finished_at=now, deadline=0.0
    )


def abandoned(table: Table, reason: str, *, now: float) -> Table:
    """Return the table without a result."""
    return replace(table, phase=Phase.ABANDONED, reason=reason, finished_at=now, deadline=0.0)


def resumed(table: Table, *, now: float) -> Table:
    """Return the table in a process that has just started: no player loses by our absence."""
    seconds = JOIN_SECONDS if table.phase is Phase.WAITING else table.move_seconds
    return table if table.phase.is_over else replace(table, deadline=now + seconds)


def outcome(table: Table, *, bound: float) -> float:
    """Return what a finished game is worth to seat 1, -1 to 1."""
    first, second = table.returns
    return max(-1.0, min(1.0, (first - second) / (2.0 * bound)))


def _with(pair: tuple[_T, _T], place: int, value: _T) -> tuple[_T, _T]:
    return (value, pair[1]) if place == 0 else (pair[0], value)
