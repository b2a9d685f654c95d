"""Generic decisions: what an engine of any game asks, with an observation in numbers of its own.

::

    DECISION: {"decision_type": "choose_action", "decision_id": 7, "seat": 1, "player": "A(1)-a",
               "observation": {"shape": [3, 6, 7], "dtype": "uint8", "data": "AAEA…"},
               "actions": [{"index": 3, "description": "drop into column 4"}]}

``data`` is base64 of the numbers in C order, little-endian. The answer names an ``index``. Shapes
and numbers are not checked here: what they should be, an environment's spec says.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from trainingrun_protocol.errors import DecisionError

MOST_ACTIONS: Final = 2048
MOST_DATA_BYTES: Final = 1 << 20
_Index = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class GenericObservation(Struct, frozen=True, gc=False):
    """What the deciding seat sees: an array of this shape and type."""

    shape: Annotated[tuple[_Index, ...], Meta(max_length=8)]
    dtype: str
    data: Annotated[bytes, Meta(max_length=MOST_DATA_BYTES)]


class GenericAction(Struct, frozen=True, omit_defaults=True, gc=False):
    """One legal action. ``features`` are its numbers, where actions are no fixed vocabulary."""

    index: _Index
    description: str = ""
    features: Annotated[tuple[float, ...], Meta(max_length=1024)] = ()


class GenericDecision(Struct, frozen=True, kw_only=True, gc=False):
    """One question to one seat (1 or 2)."""

    decision_type: str = "choose_action"
    decision_id: int = -1
    seat: Annotated[int, Meta(ge=1, le=2)]
    player: str = ""
    observation: GenericObservation
    actions: Annotated[tuple[GenericAction, ...], Meta(max_length=MOST_ACTIONS)]
    message: str = ""


_DECODER: Final = msgspec.json.Decoder(GenericDecision)
_ENCODER: Final = msgspec.json.Encoder()


def decode_generic(raw: bytes) -> GenericDecision:
    """Read the JSON behind ``DECISION:``.

    Raises:
        DecisionError: it is no generic decision; the text has the path of the problem.
    """
    try:
        return _DECODER.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecisionError(f"a DECISION line is no generic decision: {error}") from error


def encode_generic(decision: GenericDecision) -> bytes:
    """Give the JSON behind ``DECISION:``."""
    return _ENCODER.encode(decision)
