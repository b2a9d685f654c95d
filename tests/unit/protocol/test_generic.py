"""Generic decisions and returns: what is written is read; what is wrong is said with its path."""

from __future__ import annotations

import json
import math

import pytest
from trainingrun_protocol.errors import DecisionError, ProtocolError
from trainingrun_protocol.generic import (
    GenericAction,
    GenericDecision,
    GenericObservation,
    decode_generic,
    encode_generic,
)
from trainingrun_protocol.lines import GameReturns, format_line, parse_line

DECISION = GenericDecision(
    decision_id=3,
    seat=2,
    player="Agent(2)-b",
    observation=GenericObservation((2, 2), "uint8", b"\x00\x01\x02\x03"),
    actions=(GenericAction(0, "pass"), GenericAction(5, "move", (0.5, 1.0))),
)


def test_what_is_written_is_read() -> None:
    """Expect the data as base64, and the same value again."""
    raw = encode_generic(DECISION)
    assert json.loads(raw)["observation"]["data"] == "AAECAw=="
    assert decode_generic(raw) == DECISION


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("seat",), 3, "$.seat"),
        (("observation", "data"), "AAE!", "$.observation.data"),
        (("observation", "shape"), [-1], "$.observation.shape"),
        (("actions",), [{"description": "no index"}], "$.actions[0]"),
        (("actions",), [{"index": n} for n in range(3000)], "$.actions"),
    ],
)
def test_a_wrong_field_is_named(path: tuple[str, ...], value: object, named: str) -> None:
    """Expect the path of the field in the error."""
    found = json.loads(encode_generic(DECISION))
    place = found
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(DecisionError, match=r"no generic decision") as caught:
        decode_generic(json.dumps(found).encode())
    assert named in str(caught.value)


def test_returns_are_two_finite_numbers() -> None:
    """Expect the line to be read as it was written, and anything else to be refused."""
    line = GameReturns(1.5, -2.0)
    assert parse_line(format_line(line).rstrip()) == line
    for text in ("", "1", "1 2 3", f"{math.nan} 0", "inf 1", "a b"):
        with pytest.raises(ProtocolError, match="two finite numbers"):
            parse_line(f"GAME_RETURNS: {text}".encode())
