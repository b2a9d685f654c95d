"""Decisions: read leniently, because servers differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_protocol.decisions import DecisionType, decode_decision
from trainingrun_protocol.errors import DecisionError


def test_missing_fields_have_defaults() -> None:
    """A decision of few words is complete for its reader."""
    decision = decode_decision(b'{"decision_type":"confirm_action","message":"Keep?"}')
    assert decision.decision_type is DecisionType.CONFIRM_ACTION
    assert decision.game_state.players == ()
    assert decision.game_state.combat is None
    assert decision.actions == ()


def test_unknown_fields_and_types_are_no_error() -> None:
    """A newer server's words are skipped; its new decision types are UNKNOWN."""
    decision = decode_decision(b'{"decision_type":"choose_dungeon","rooms":[1,{"x":null}]}')
    assert decision.decision_type is DecisionType.UNKNOWN


def test_numbers_may_come_as_strings() -> None:
    """Some servers quote power and toughness."""
    raw = (
        b'{"decision_type":"choose_action","game_state":{"players":[{"name":"a","battlefield":'
        b'[{"id":7,"name":"Bear","power":"2","toughness":"2"}]}]}}'
    )
    bear = decode_decision(raw).game_state.players[0].battlefield[0]
    assert (bear.power, bear.toughness) == (2, 2)


def test_the_seat_is_found_by_name() -> None:
    """The deciding seat is the player whose name the decision carries."""
    raw = (
        b'{"decision_type":"reveal","player":"b","game_state":{"players":'
        b'[{"name":"a"},{"name":"b"}]}}'
    )
    assert decode_decision(raw).seat == 1
    assert decode_decision(b'{"decision_type":"reveal","player":"z"}').seat is None


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b'{"decision_type":1}', b"\xff"])
def test_what_is_no_decision_is_an_error(raw: bytes) -> None:
    """Broken JSON gives DecisionError and nothing else."""
    with pytest.raises(DecisionError, match="cannot be read"):
        decode_decision(raw)


@given(st.binary())
def test_no_bytes_break_the_decoder(raw: bytes) -> None:
    """Garbage on the wire raises DecisionError only."""
    try:
        decode_decision(raw)
    except DecisionError:
        return
