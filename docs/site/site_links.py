"""Links between Markdown pages: where they are, where they lead, and which lead nowhere.

Pure functions over text and paths below the repository's root. What a page looks like is the
site builder's business; that every link leads somewhere is ours, so that it is known without it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_FENCE: Final = re.compile(r"^ {0,3}(```+|~~~+)")
_LINK: Final = re.compile(r"(!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\()([^()\s]+)(\))")
_HEADING: Final = re.compile(r"^(#{1,6}) +(.+?)(?: +#+)?$")
_INLINE_CODE: Final = re.compile(r"`[^`\n]*`")
_OUTSIDE: Final = re.compile(r"^[a-z][a-z0-9+.-]*:")


@dataclass(frozen=True)
class Link:
    """A link of a page: the page's path, the line (from 1), and the target as it is written."""

    page: str
    line: int
    target: str


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Each line outside of code blocks, with its number from 1."""
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence):
                fence = ""
        elif mark:
            fence = mark[1]
        elif not line.startswith("    "):
            yield number, line


def links(page: str, text: str) -> list[Link]:
    """The links of a page to other pages and files, in order; those to the web are left out."""
    return [
        Link(page, number, found[2])
        for number, line in prose(text)
        for found in _LINK.finditer(_INLINE_CODE.sub("", line))
        if not _OUTSIDE.match(found[2])
    ]


def anchors(text: str) -> frozenset[str]:
    """The anchors of a page: one for each heading, as forges and the site make them."""
    seen: dict[str, int] = {}
    for _, line in prose(text):
        if heading := _HEADING.match(line):
            word = slug(heading[2])
            seen[word] = seen.get(word, -1) + 1
    return frozenset(
        f"{word}_{count}" if count else word
        for word, last in seen.items()
        for count in range(last + 1)
    )


def slug(heading: str) -> str:
    """The anchor of a heading: lower case, words joined by hyphens, no other signs."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", words).strip().lower())


def resolved(page: str, target: str) -> tuple[str, str]:
    """Path below the root and anchor that a link leads to; either may be empty."""
    path, _, anchor = target.partition("#")
    if not path:
        return page, anchor
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), path)), anchor


def rewritten(page: str, text: str, move: Callable[[str], str]) -> str:
    """The page with each link's path made anew: ``move`` gets the path that it leads to.

    ``move`` gives the path that is written instead, relative to where the page goes.
    """
    lines = text.splitlines(keepends=True)
    for number, line in prose(text):
        lines[number - 1] = _LINK.sub(
            lambda found: found[1] + _moved(page, found[2], move) + found[3], line
        ) + ("\n" if lines[number - 1].endswith("\n") else "")
    return "".join(lines)


def _moved(page: str, target: str, move: Callable[[str], str]) -> str:
    if _OUTSIDE.match(target) or target.startswith("#"):
        return target
    path, anchor = resolved(page, target)
    return move(path) + (f"#{anchor}" if anchor else "")


def broken(pages: Mapping[str, str], there: Callable[[str], bool]) -> list[str]:
    """A sentence for each link that leads to no file, or to no heading of a page."""
    known = {page: anchors(text) for page, text in pages.items()}
    return [
        f"{link.page}:{link.line}: {sentence}"
        for page, text in pages.items()
        for link in links(page, text)
        if (sentence := _wrong(link, known, there))
    ]


def _wrong(
    link: Link, known: Mapping[str, frozenset[str]], there: Callable[[str], bool]
) -> str | None:
    path, anchor = resolved(link.page, link.target)
    if path not in known and not there(path):
        return f"{link.target} leads to {path}, which is not there"
    if anchor and path in known and anchor not in known[path]:
        return f"{link.target} names a heading that {path} does not have"
    return None
