"""Generic decisions: what an engine of any game asks, with an observation in numbers of its own.

::

    DECISION: {"decision_type": "choose_action", "decision_id": 7, "seat": 1, "player": "A(1)-a",
               "observation": {"shape": [3, 6, 7], "dtype": "uint8", "data": "AAEA…"},
               "actions": [{"index": 3, "description": "drop into column 4"}]}

``data`` is base64 of the numbers in C order, little-endian. The answer names an ``index``. Shapes
and numbers are not checked here: what they should be, an environment's spec says.

What people are shown of a decision that was answered is :class:`GenericChoice`: no numbers, and
texts of bounded length.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from trainingrun_protocol.errors import DecisionError

MOST_ACTIONS: Final = 2048
MOST_DATA_BYTES: Final = 1 << 20
MOST_MESSAGE: Final = 4000
"""Characters of ``message`` that people are shown."""
_MOST_DESCRIPTION: Final = 200
_MOST_DESCRIPTIONS: Final = 100_000
"""Characters of all descriptions together: with it, a choice is a line of a tape."""
_Index = Annotated[int, Meta(ge=0, le=2**31 - 1)]
_D = TypeVar("_D")


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
    """For people, as the position; of several lines, where it holds ``\\n``."""


class ShownDecision(GenericDecision, frozen=True, kw_only=True, gc=False):
    """A decision that the engine's own player has made (``-o``): the index that it chose."""

    ai_choice: int | None = None


class GenericChoice(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="entry", tag="choice"
):
    """A decision as people read it, and its answer: an entry of ``tapes``."""

    seat: Annotated[int, Meta(ge=1, le=2)]
    answer: str
    """The line that was sent: the index of an action."""
    actions: Annotated[dict[int, str], Meta(max_length=MOST_ACTIONS)]
    """What could be chosen: descriptions by index, in the order of the decision."""
    message: str = ""

    @property
    def chosen(self) -> int | None:
        """The index in the answer; None where it names no action."""
        index = int(self.answer) if self.answer.isdecimal() and len(self.answer) < 11 else None
        return index if index in self.actions else None


def choice_of(decision: GenericDecision, answer: str) -> GenericChoice:
    """Return what people are shown of a decision; texts beyond the bounds are cut."""
    actions = decision.actions
    width = min(_MOST_DESCRIPTION, _MOST_DESCRIPTIONS // max(1, len(actions)))
    return GenericChoice(
        seat=decision.seat,
        answer=answer[:_MOST_DESCRIPTION],
        actions={action.index: action.description[:width] for action in actions},
        message=decision.message[:MOST_MESSAGE],
    )


_DECODER: Final = msgspec.json.Decoder(GenericDecision)
_SHOWN_DECODER: Final = msgspec.json.Decoder(ShownDecision)
_ENCODER: Final = msgspec.json.Encoder()


def decode_generic(raw: bytes) -> GenericDecision:
    """Read the JSON behind ``DECISION:``.

    Raises:
        DecisionError: it is no generic decision; the text has the path of the problem.
    """
    return _decoded(_DECODER, raw)


def decode_shown(raw: bytes) -> ShownDecision:
    """Read the same of a game that the engine plays itself.

    Raises:
        DecisionError: it is no generic decision; the text has the path of the problem.
    """
    return _decoded(_SHOWN_DECODER, raw)


def _decoded(decoder: msgspec.json.Decoder[_D], raw: bytes) -> _D:
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecisionError(f"a DECISION line is no generic decision: {error}") from error


def encode_generic(decision: GenericDecision) -> bytes:
    """Give the JSON behind ``DECISION:``."""
    return _ENCODER.encode(decision)
