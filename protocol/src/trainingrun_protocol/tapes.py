"""Tapes: games written down for people, one JSON line per decision with the answer that was given.

Actors and evaluators write them into a folder of the run, ``trainingrun watch`` shows them. They
serve nothing else: training reads segments, so a tape may leave things out.

A tape is one file ``<kind>-<time>-….jsonl``: a start, decisions in order, an end. A file without an
end is being written, or its writer is gone.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from trainingrun_protocol.decisions import Decision

SUFFIX: Final = ".jsonl"
VERSION: Final = 1
MAX_LINE_BYTES: Final = 1 << 20

TapeKind: TypeAlias = Literal["evaluation", "training"]


class TapeError(Exception):
    """A line is no part of a tape; the text follows the name of the file and the line's number."""


class TapeStart(Struct, frozen=True, tag_field="entry", tag="start"):
    """What is known before the first decision; entry n of decks and players is that of seat n+1."""

    version: int
    run: str
    kind: TapeKind
    decks: tuple[str, str]
    players: tuple[str, str]
    """Who plays, in words: ``policy, version 12``."""
    seed: int
    at: float
    """Unix time."""


class TapeMove(Struct, frozen=True, tag_field="entry", tag="move"):
    """A decision and the line that answered it."""

    answer: str
    decision: Decision


class TapeEnd(Struct, frozen=True, tag_field="entry", tag="end"):
    """How the game ended: ``won``, ``draw``, ``timeout`` or ``aborted``, or ``cut`` by its size."""

    result: str
    winner: int | None = None
    """A seat, 1 or 2."""
    seconds: float = 0.0
    reason: str = ""


TapeEntry: TypeAlias = TapeStart | TapeMove | TapeEnd

_DECODER: Final = msgspec.json.Decoder(TapeStart | TapeMove | TapeEnd, strict=False)


def encode_entry(entry: TapeEntry) -> bytes:
    """Give the line, with its line end."""
    return msgspec.json.encode(entry) + b"\n"


def decode_entry(line: bytes) -> TapeEntry:
    """Read a line.

    Raises:
        TapeError: it is too long, no JSON, or of another form or version.
    """
    if len(line) > MAX_LINE_BYTES:
        raise TapeError(f"is longer than {MAX_LINE_BYTES} bytes")
    try:
        entry: TapeEntry = _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TapeError(f"is no line of a recorded game ({error})") from error
    if isinstance(entry, TapeStart) and entry.version != VERSION:
        raise TapeError(f"is of version {entry.version}, and only {VERSION} can be shown")
    return entry
