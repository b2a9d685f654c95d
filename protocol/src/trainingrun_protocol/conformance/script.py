"""The language of the vectors: text to frozen steps.

A file holds several vectors::

    == quiet-game  2, 3  [ours]           name, sections of the protocol, and whose it is
    What is checked, in a sentence.

    > NEWGAME a.dck b.dck -q              send a line
    < GAME_RESULT: ...                    the next line: exact, a prefix..., or /a regex/
    closed                                the daemon closes

``A> …`` and ``A: closed`` speak on connection A; a connection opens when it is first spoken on.
``>> "a\\r\\n"`` sends exactly these bytes. ``<+ …`` skips log lines. ``? `` before a step says that
a daemon that differs here lacks the extension, which is no fault. Indented lines continue a step.
All other verbs are in ``_VERBS``; ``tests/protocol/README.md`` explains them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

DEFAULT_SECONDS: Final = 30.0
"""How long a daemon may take for its next line (section 1)."""
CLOSE_SECONDS: Final = 5.0


class ScriptError(Exception):
    """A vector file cannot be read; the text names the file and the line."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a line must be."""

    text: str

    def fits(self, line: str) -> bool:
        """Say whether the line is as expected."""
        if len(self.text) > 1 and self.text.startswith("/") and self.text.endswith("/"):
            return re.fullmatch(self.text[1:-1], line) is not None
        if self.text.endswith("..."):
            return line.startswith(self.text[:-3])
        return line == self.text


@dataclass(frozen=True, slots=True)
class Say:
    """Send bytes."""

    to: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Hear:
    """Take the next line; with ``skips_log`` the next that is no log line."""

    of: str
    pattern: Pattern
    skips_log: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class End:
    """Wait for the daemon to close, without another line."""

    of: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Silence:
    """Check that neither a byte nor the end comes for this time."""

    of: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Leave:
    """Close our side, or reset the connection."""

    of: str
    resets: bool


@dataclass(frozen=True, slots=True)
class StatusCheck:
    """Ask for STATUS on a connection of its own and compare one counter."""

    label: str
    relation: str
    value: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Settle:
    """Wait until no more games are active or queued than before the vector."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fill:
    """Open interactive games A1, A2, … until all slots are taken."""

    of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """Answer every DECISION until the terminal line, and check each."""

    of: str
    style: str
    garbage: Mapping[str, tuple[str, ...]]
    """Answers by decision type, in turn, in place of the style's."""
    checks: tuple[str, ...]
    sees: tuple[str, ...]
    """Decision types that must occur."""
    ahead: int
    """How many answers were sent before they were asked for."""
    is_quiet: bool
    """Whether a log line is a fault."""
    name: str | None
    """Under which the lines are kept for ``same``."""


@dataclass(frozen=True, slots=True)
class Same:
    """Compare the lines of two games, but for the milliseconds."""

    first: str
    second: str


Action: TypeAlias = Say | Hear | End | Silence | Leave | StatusCheck | Settle | Fill | Play | Same


@dataclass(frozen=True, slots=True)
class Step:
    """An action with its place; ``proves_support`` marks what a daemon may plainly lack."""

    action: Action
    line: int
    proves_support: bool


@dataclass(frozen=True, slots=True)
class Vector:
    """One conversation and what must come of it."""

    name: str
    sections: str
    is_ours: bool
    purpose: str
    source: str
    steps: tuple[Step, ...]


def read_vectors(text: str, *, source: str) -> tuple[Vector, ...]:
    """Read a file of vectors; raises ScriptError."""
    blocks: list[list[tuple[int, str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("== "):
            blocks.append([])
        elif not blocks and line.strip() and not line.startswith("#"):
            raise ScriptError(f"{source}:{number}: expected a line '== name  sections'")
        if blocks and not line.startswith("#"):
            blocks[-1].append((number, line.rstrip()))
    return tuple(_read_vector(block, source) for block in blocks)


_HEADER: Final = re.compile(
    r"== (?P<name>[a-z0-9-]+)  (?P<sections>[0-9]+(?:, [0-9]+)*)(?P<ours>  \[ours\])?"
)


def _read_vector(block: list[tuple[int, str]], source: str) -> Vector:
    (number, first), *rest = block
    header = _HEADER.fullmatch(first)
    if header is None:
        raise ScriptError(
            f"{source}:{number}: expected '== name  sections', with '  [ours]' or not"
        )
    texts = [line for _, line in rest]
    border = texts.index("") if "" in texts else len(texts)
    purpose = " ".join(texts[:border])
    steps = tuple(_read_step(entry, source) for entry in _joined(rest[border:]))
    if not purpose or not steps:
        raise ScriptError(f"{source}:{number}: {header['name']} needs a sentence and steps")
    is_ours = header["ours"] is not None
    return Vector(header["name"], header["sections"], is_ours, purpose, source, steps)


def _joined(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Put continued lines behind their step, with a semicolon between."""
    found: list[tuple[int, str]] = []
    for number, line in lines:
        if line.startswith(" ") and found:
            found[-1] = (found[-1][0], f"{found[-1][1]}; {line.strip()}")
        elif line:
            found.append((number, line))
    return found


def _read_step(entry: tuple[int, str], source: str) -> Step:
    number, text = entry
    stripped = text.removeprefix("? ")
    for pattern, build in _VERBS:
        if found := pattern.fullmatch(stripped):
            try:
                return Step(build(found), number, stripped != text)
            except (ValueError, re.error) as error:
                raise ScriptError(f"{source}:{number}: {error}") from error
    raise ScriptError(f"{source}:{number}: unknown step {stripped[:60]!r}")


_ON: Final = r"(?P<of>[A-Za-z0-9]*)"
_ON_VERB: Final = r"(?:(?P<of>[A-Za-z0-9]+): )?"
_WITHIN: Final = r"(?: within (?P<seconds>[0-9.]+) s)?"


def _seconds(found: re.Match[str], default: float) -> float:
    return float(found["seconds"]) if found["seconds"] else default


def _raw_bytes(literal: str) -> bytes:
    """Read a JSON string whose characters stand for the bytes 0 to 255."""
    text = json.loads(literal)
    if not isinstance(text, str):
        raise ValueError(f"expected a text in quotes, not {literal}")
    return text.encode("latin-1")


def _hear(found: re.Match[str]) -> Hear:
    pattern = Pattern(found["pattern"])
    pattern.fits("")  # a broken regex is a fault of the file, not of the daemon
    return Hear(found["of"], pattern, found["plus"] == "+", _seconds(found, DEFAULT_SECONDS))


def _play(found: re.Match[str]) -> Play:
    garbage: dict[str, tuple[str, ...]] = {}
    listed: dict[str, tuple[str, ...]] = {"checking": (), "seeing": ()}
    for part in filter(None, (found["rest"] or "").split("; ")):
        word, _, arguments = part.partition(" ")
        if word in listed:
            listed[word] += tuple(arguments.split(", "))
        elif arguments.startswith("with "):
            garbage[word] = _answers(arguments.removeprefix("with "))
        else:
            raise ValueError(f"unknown part {part!r} of play")
    return Play(
        of=found["of"] or "",
        style=found["style"],
        garbage=garbage,
        checks=listed["checking"],
        sees=listed["seeing"],
        ahead=int(found["ahead"] or 0),
        is_quiet=found["quietly"] is not None,
        name=found["name"],
    )


def _answers(text: str) -> tuple[str, ...]:
    answers = tuple(json.loads(f"[{text}]"))
    if not answers or not all(isinstance(answer, str) for answer in answers):
        raise ValueError(f"expected answers in quotes with commas between, not {text}")
    return answers


_VERBS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Action]], ...]] = (
    (
        re.compile(_ON + r">> (?P<literal>\".*\")(?: (?P<times>[0-9]{1,7}) times)?"),
        lambda found: Say(found["of"], _raw_bytes(found["literal"]) * int(found["times"] or 1)),
    ),
    (
        re.compile(_ON + r"> (?P<text>.*)"),
        lambda found: Say(found["of"], found["text"].encode() + b"\n"),
    ),
    (re.compile(_ON + r"<(?P<plus>\+?) (?P<pattern>.*?)" + _WITHIN), _hear),
    (
        re.compile(_ON_VERB + "closed" + _WITHIN),
        lambda found: End(found["of"] or "", _seconds(found, CLOSE_SECONDS)),
    ),
    (
        re.compile(_ON_VERB + r"silent for (?P<seconds>[0-9.]+) s"),
        lambda found: Silence(found["of"] or "", float(found["seconds"])),
    ),
    (
        re.compile(_ON_VERB + "(?P<how>leave|reset)"),
        lambda found: Leave(found["of"] or "", found["how"] == "reset"),
    ),
    (
        re.compile(
            r"status (?P<label>[A-Za-z ]+) (?P<relation>[<>]?=) (?P<value>[0-9]+)" + _WITHIN
        ),
        lambda found: StatusCheck(
            found["label"], found["relation"], int(found["value"]), _seconds(found, 1.0)
        ),
    ),
    (
        re.compile("settles" + _WITHIN),
        lambda found: Settle(_seconds(found, CLOSE_SECONDS)),
    ),
    (re.compile(r"(?P<of>[A-Za-z]+): fill"), lambda found: Fill(found["of"])),
    (
        re.compile(
            _ON_VERB + r"play(?: as (?P<name>[a-z]+))?(?: ahead (?P<ahead>[0-9]+))?"
            r"(?P<quietly> quietly)? answering (?P<style>[a-z]+)(?:; (?P<rest>.*))?"
        ),
        _play,
    ),
    (
        re.compile(r"same (?P<first>[a-z]+) (?P<second>[a-z]+)"),
        lambda found: Same(found["first"], found["second"]),
    ),
)
