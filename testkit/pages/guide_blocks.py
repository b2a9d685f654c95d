"""Code blocks of guides, and the marks that say whether a test runs them.

A mark is an HTML comment on the line before a block, which readers of the page do not see:

    <!-- run -->                  a test runs it; it must end with exit code 0
    <!-- run: exit 2 -->          the same, with another exit code
    <!-- shows -->                what the block before prints, line by line, in this order
    <!-- not run: REASON -->      no test runs it
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from testkit.tree import ROOT

SHELLS: Final = frozenset({"sh", "bash", "shell", "console"})
_FENCE: Final = re.compile(r"^( *)(```+)([\w+-]*)\s*$")
_MARK: Final = re.compile(r"^ *<!-- (run(?:: exit \d+)?|shows|not run: .+) -->$")
_RUN: Final = re.compile(r"run(?:: exit (\d+))?")
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True)
class Block:
    """A fenced block: its line (from 1), language, text, and mark ("" without one)."""

    line: int
    language: str
    text: str
    mark: str

    @property
    def shell(self) -> bool:
        """Whether it holds commands."""
        return self.language in SHELLS


@dataclass(frozen=True)
class Step:
    """A block that is run: its line, commands, exit code, and lines that its output has."""

    line: int
    commands: str
    code: int = 0
    shows: tuple[str, ...] = field(default=())


def pages() -> list[Path]:
    """The pages whose blocks are run or say why not: the quick start and the guides."""
    return [ROOT / "docs/quick-start.md", *sorted((ROOT / "docs/guides").glob("*.md"))]


def blocks(text: str) -> list[Block]:
    """All fenced blocks of a page, in order."""
    return list(_blocks(text.splitlines()))


def _blocks(lines: list[str]) -> Iterator[Block]:
    number = 0
    while number < len(lines):
        opened = _FENCE.match(lines[number])
        if not opened:
            number += 1
            continue
        end = next(at for at in range(number + 1, len(lines)) if lines[at].strip() == opened[2])
        indent = len(opened[1])
        text = "".join(line[indent:] + "\n" for line in lines[number + 1 : end])
        marked = _MARK.match(lines[number - 1]) if number else None
        yield Block(number + 1, opened[3], text, marked[1] if marked else "")
        number = end + 1


def indented(text: str) -> list[int]:
    """Lines on which an indented block begins: it has no language, and no one runs it."""
    lines, inside, found = text.splitlines(), False, []
    for number, line in enumerate(lines):
        if _FENCE.match(line):
            inside = not inside
        elif not inside and line.startswith("    ") and number and not lines[number - 1].strip():
            found.append(number + 1)
    return found


def steps(text: str) -> list[Step]:
    """What a test runs of a page, in order."""
    found: list[Step] = []
    for block in blocks(text):
        if run := _RUN.fullmatch(block.mark):
            found.append(Step(block.line, block.text, int(run[1] or 0)))
        elif block.mark == "shows":
            before = found[-1]
            shown = tuple(line for line in block.text.splitlines() if line.strip())
            found[-1] = Step(before.line, before.commands, before.code, shown)
    return found


def missing(shows: tuple[str, ...], output: str) -> str | None:
    """The first shown line that the output does not have, after those before it; or None.

    Numbers may be others, and spaces may be more; a shown line may be a part of one.
    """
    rest = iter([shape(line) for line in output.splitlines()])
    for line in shows:
        if not any(shape(line) in each for each in rest):
            return line
    return None


def shape(line: str) -> str:
    """A line with every number made 0, and runs of spaces made one."""
    return _SPACE.sub(" ", _NUMBER.sub("0", line)).strip()
