"""Tapes: games written down for people, one JSON line per decision with the answer that was given.

Decisions of Magic stand there whole. Of any other game a line has what people read of a decision
(``generic.GenericChoice``), and the start has what is needed to play the game again.

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
from trainingrun_protocol.generic import GenericChoice

SUFFIX: Final = ".jsonl"
VERSION: Final = 2
MAX_LINE_BYTES: Final = 1 << 20

TapeKind: TypeAlias = Literal["evaluation", "training"]


class TapeError(Exception):
    """A line is no part of a tape; the text follows the name of the file and the line's number."""


class TapeEnvironment(Struct, frozen=True):
    """What was played: an environment by its name and version.

    ``found_by`` is the JSON by which a run's configuration names it: who has the environment can
    find its games by that, and play this one again.
    """

    name: str
    version: str
    found_by: str


class TapeStart(Struct, frozen=True, tag_field="entry", tag="start"):
    """What is known before the first decision; entry n of scenarios and players is that of seat
    n+1.
    """

    version: int
    run: str
    kind: TapeKind
    environment: TapeEnvironment
    scenarios: tuple[str, str]
    """What the seats began with: Magic's decks; ``-`` where a game has no such thing."""
    players: tuple[str, str]
    """Who plays, in words: ``policy, version 12``."""
    seed: int
    at: float
    """Unix time."""


class TapeMove(Struct, frozen=True, tag_field="entry", tag="move"):
    """A decision of Magic and the line that answered it."""

    answer: str
    decision: Decision


class TapeEnd(Struct, frozen=True, tag_field="entry", tag="end"):
    """How the game ended: ``won``, ``draw``, ``timeout`` or ``aborted``, or ``cut`` by its size."""

    result: str
    winner: int | None = None
    """A seat, 1 or 2."""
    seconds: float = 0.0
    reason: str = ""


TapeEntry: TypeAlias = TapeStart | TapeMove | GenericChoice | TapeEnd


class _Version(Struct):
    """The one field that every version's start has."""

    version: int = VERSION


_DECODER: Final = msgspec.json.Decoder(TapeStart | TapeMove | GenericChoice | TapeEnd, strict=False)
_VERSION_DECODER: Final = msgspec.json.Decoder(_Version)


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
        _check_version(line)
        raise TapeError(f"is no line of a recorded game ({error})") from error
    if isinstance(entry, TapeStart):
        _check_version(line)
    return entry


def _check_version(line: bytes) -> None:
    """Raise TapeError where a start is of another version, whatever else it holds."""
    try:
        version = _VERSION_DECODER.decode(line).version
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    if version != VERSION:
        raise TapeError(f"is of version {version}, and only version {VERSION} can be shown")
