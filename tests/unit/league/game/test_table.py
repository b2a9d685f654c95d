"""A table: who may sit and move, when time is up, how a game ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_league.errors import Conflict, InvalidRequest, NotPermitted
from trainingrun_league.game.engine import Position
from trainingrun_league.game.table import (
    JOIN_SECONDS,
    MOST_TURNS,
    Phase,
    Table,
    abandoned,
    check_action,
    finished,
    joined,
    moved,
    opened,
    outcome,
    overdue,
    resumed,
)

FIRST = Position(1, (0, 1, 2), (0.0, 0.0))
SECOND = Position(2, (1, 2), (0.0, 0.0))
WON = Position(0, (), (1.0, -1.0))


def waiting(**changes: object) -> Table:
    """Return a table that somebody has just opened, at second 100."""
    table = Table(
        game_id="g-1",
        match_id="m",
        purpose=5,
        players=("person/ada", "model/m1"),
        seed=7,
        move_seconds=10.0,
        created_at=100.0,
    )
    return opened(replace(table, **changes))


def running(**changes: object) -> Table:
    """Return a table at which both sit, since second 110."""
    table = joined(waiting(**changes), 1, "person/ada", now=105.0)
    return joined(table, 2, "model/m1", now=110.0)


def test_the_second_player_begins_the_game_and_its_clock() -> None:
    """Nobody's time runs while a seat is empty."""
    half = joined(waiting(), 2, "model/m1", now=105.0)
    assert (half.phase, half.is_taken) == (Phase.WAITING, (False, True))
    whole = joined(half, 1, "person/ada", now=110.0)
    assert (whole.phase, whole.started_at, whole.deadline) == (Phase.RUNNING, 110.0, 120.0)


def test_a_player_may_take_its_seat_again_and_nothing_changes() -> None:
    """A lost connection costs no time and gives none."""
    table = running()
    assert joined(table, 1, "person/ada", now=119.0) == table


def test_a_seat_is_its_players_alone() -> None:
    """Whoever holds the token must also be the one for whom the seat is."""
    with pytest.raises(NotPermitted, match="person/ada"):
        joined(waiting(), 1, "person/eve", now=101.0)


def test_an_open_seat_is_the_first_ones_who_comes() -> None:
    """From then on nobody else gets it."""
    table = joined(waiting(players=("", "")), 1, "person/eve", now=101.0)
    assert table.players == ("person/eve", "")
    with pytest.raises(NotPermitted, match="person/eve"):
        joined(table, 1, "person/ada", now=102.0)


@pytest.mark.parametrize(
    ("change", "seat", "turn", "action", "error", "said"),
    [
        ({"phase": Phase.WAITING}, 1, 0, 0, Conflict, "waits for its players"),
        ({"phase": Phase.FINISHED, "reason": "gone"}, 1, 0, 0, Conflict, "over: gone"),
        ({}, 1, 3, 0, Conflict, "turn 0"),
        ({}, 2, 0, 0, Conflict, "seat 1 is to move"),
        ({}, 1, 0, 9, InvalidRequest, "legal are 0, 1, 2"),
    ],
)
def test_what_may_not_be_played_is_refused_with_its_reason(
    change: dict[str, object],
    seat: int,
    turn: int,
    action: int,
    error: type[Exception],
    said: str,
) -> None:
    """Phase, turn, seat and action are each held against how the game stands."""
    table = replace(running(), **change)
    with pytest.raises(error, match=said):
        check_action(table, FIRST, seat=seat, expected_turn=turn, action=action)


def test_a_move_gives_the_other_seat_its_time() -> None:
    """The clock begins anew with each move."""
    check_action(running(), FIRST, seat=1, expected_turn=0, action=2)
    table = moved(running(), SECOND, now=118.0)
    assert (table.turn, table.deadline, table.phase) == (1, 128.0, Phase.RUNNING)


def test_the_rules_end_a_game() -> None:
    """What they returned is the result."""
    table = moved(running(), WON, now=118.0)
    assert (table.phase, table.returns, table.finished_at) == (Phase.FINISHED, (1.0, -1.0), 118.0)
    assert outcome(table, bound=1.0) == 1.0


def test_a_game_without_end_is_drawn() -> None:
    """No engine keeps a table for ever."""
    table = moved(replace(running(), turn=MOST_TURNS - 1), SECOND, now=118.0)
    assert (table.phase, table.returns) == (Phase.FINISHED, (0.0, 0.0))


@pytest.mark.parametrize(("position", "returns"), [(FIRST, (-2.0, 2.0)), (SECOND, (2.0, -2.0))])
def test_who_exceeds_the_time_loses(position: Position, returns: tuple[float, float]) -> None:
    """And loses the most that a game gives."""
    assert overdue(running(), position, bound=2.0, now=119.9) is None
    late = overdue(running(), position, bound=2.0, now=120.0)
    assert late is not None
    assert (late.phase, late.returns) == (Phase.FINISHED, returns)
    assert late.reason == f"seat {position.seat_to_move} did not move within 10 s"


def test_a_seat_that_stays_empty_abandons_the_game() -> None:
    """No zombie waits for a player who never comes."""
    half = joined(waiting(), 1, "person/ada", now=101.0)
    assert overdue(half, FIRST, bound=1.0, now=100.0 + JOIN_SECONDS - 1) is None
    late = overdue(half, FIRST, bound=1.0, now=100.0 + JOIN_SECONDS)
    assert late is not None
    assert (late.phase, late.reason) == (Phase.ABANDONED, "seat 2 was not taken in 600 s")


def test_nobody_loses_by_our_restart() -> None:
    """The clock of a game that is resumed begins anew; what is over stays over."""
    assert resumed(running(), now=500.0).deadline == 510.0
    assert resumed(waiting(), now=500.0).deadline == 500.0 + JOIN_SECONDS
    over = finished(running(), (0.0, 0.0), reason="", now=120.0)
    assert resumed(over, now=500.0) == over


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["join 1", "join 2", "move", "wait", "abandon"]),
        st.floats(0.0, 700.0, allow_nan=False),
    ),
    max_size=30,
)


@given(STEPS)
def test_whatever_happens_a_table_goes_one_way(steps: list[tuple[str, float]]) -> None:
    """Phases never go back, an ended table never changes, and every table that is not over has a
    deadline in its future or is due.
    """
    table, now, position = waiting(), 100.0, FIRST
    for what, seconds in steps:
        now += seconds
        before = table
        if what.startswith("join"):
            seat = int(what[-1])
            table = joined(table, seat, before.players[seat - 1], now=now)
        elif what == "move" and table.phase is Phase.RUNNING:
            position = SECOND if position is FIRST else FIRST
            table = moved(table, position, now=now)
        elif what == "wait":
            table = overdue(table, position, bound=1.0, now=now) or table
        elif what == "abandon" and not table.phase.is_over:
            table = abandoned(table, "deleted", now=now)
        assert table.phase.value >= before.phase.value
        if before.phase.is_over:
            assert table == before
        assert table.phase.is_over or table.deadline > table.created_at
        assert table.phase.is_over == (table.finished_at is not None)
