"""Requests that are not sound are refused with the field, whatever they hold."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_contracts.league.v1.game_pb2 import CreateGameRequest, SubmitActionRequest
from trainingrun_contracts.league.v1.game_pb2 import Thought as ThoughtMessage
from trainingrun_league.errors import InvalidRequest, NotPermitted
from trainingrun_league.game.requests import (
    key_of,
    match_of,
    move_seconds_of,
    player_of,
    players_of,
    purpose_of,
    thought_of,
)
from trainingrun_league.game.seat_tokens import seat_of, seat_token

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("read", "field"),
    [
        (lambda: key_of(""), "idempotency_key"),
        (lambda: key_of("k" * 201), "idempotency_key"),
        (lambda: key_of("two words"), "idempotency_key"),
        (lambda: player_of("ada", field="player_id"), "player_id"),
        (lambda: player_of("person/", field="player_id"), "player_id"),
        (lambda: player_of("person/<b>", field="player_id"), "player_id"),
        (lambda: player_of("person/" + "a" * 200, field="player_id"), "player_id"),
        (lambda: players_of(["person/ada"]), "players"),
        (lambda: players_of(["person/ada", "x"]), r"players\[1\]"),
        (lambda: purpose_of(99), "purpose"),
        (lambda: match_of("a b"), "match_id"),
        (lambda: move_seconds_of(CreateGameRequest(move_limit=Duration(seconds=0))), "move_limit"),
        (
            lambda: move_seconds_of(CreateGameRequest(move_limit=Duration(seconds=3601))),
            "move_limit",
        ),
    ],
)
def test_what_is_not_sound_is_refused_with_its_field(
    read: Callable[[], object], field: str
) -> None:
    """The message begins with the field."""
    with pytest.raises(InvalidRequest, match=f"^{field}"):
        read()


@pytest.mark.parametrize(
    "thought",
    [
        ThoughtMessage(value=math.nan),
        ThoughtMessage(value=1.5),
        ThoughtMessage(actions=[1, 2], weights=[0.5]),
        ThoughtMessage(actions=[1], weights=[math.inf]),
        ThoughtMessage(actions=[1], weights=[-0.5]),
        ThoughtMessage(actions=[1] * 5000, weights=[0.5] * 5000),
    ],
)
def test_a_thought_has_finite_numbers_one_for_each_action(thought: ThoughtMessage) -> None:
    """People see it: it may not break a page."""
    with pytest.raises(InvalidRequest, match=r"^thought"):
        thought_of(SubmitActionRequest(thought=thought))


def test_without_a_limit_a_move_has_a_minute() -> None:
    """And without a thought there is none."""
    assert move_seconds_of(CreateGameRequest()) == 60.0
    assert thought_of(SubmitActionRequest()) is None


def test_a_seat_token_opens_one_seat_of_one_game() -> None:
    """Each of both its own, and none with another key."""
    assert [seat_of(KEY, "g-1", seat_token(KEY, "g-1", seat)) for seat in (1, 2)] == [1, 2]
    for token in (seat_token(KEY, "g-2", 1), seat_token(b"x" * 32, "g-1", 1), "", "\ud800"):
        with pytest.raises(NotPermitted, match="seat token"):
            seat_of(KEY, "g-1", token)


@given(st.text(max_size=100))
def test_no_other_text_opens_a_seat(token: str) -> None:
    """Whatever somebody tries."""
    with pytest.raises(NotPermitted):
        seat_of(KEY, "g-1", token)
