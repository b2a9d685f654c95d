"""The decks of a local run: where they are, and whether those that a run names can be read.

Only the form of a file is checked; whether a card exists is the engine's knowledge.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from trainingrun_operator.cli.errors import UserError

SUFFIX: Final = ".dck"
_HEADER: Final = re.compile(r"\[[^]]+\]")
_ENTRY: Final = re.compile(r"\d{1,4}\s+\S.*")


def find_decks(file: Path, given: Path | None) -> Path:
    """The folder with the decks: the given one, else ``decks/`` near the file, here, or installed.

    Raises:
        UserError: there is none.
    """
    if given is not None:
        if not given.is_dir():
            raise UserError(f"--decks {given}: no such folder: give a folder of {SUFFIX} files")
        return given.resolve()
    beside = file.absolute().parent
    places = [
        beside / "decks",
        beside.parent / "decks",
        Path("decks").absolute(),
        Path(sys.prefix) / "share" / "trainingrun" / "decks",
    ]
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        tried = ", ".join(map(str, dict.fromkeys(places)))
        raise UserError(f"no folder of decks was found (tried {tried}): give one with --decks")
    return found.resolve()


def deck_names(folder: Path) -> frozenset[str]:
    """The decks of a folder."""
    return frozenset(path.stem for path in folder.glob(f"*{SUFFIX}"))


def check_decks(names: Iterable[str], folder: Path) -> None:
    """See that these decks are there and can be read.

    Raises:
        UserError: one is not; one line per deck.
    """
    wrong = [text for name in names if (text := _fault(name, folder)) is not None]
    if wrong:
        raise UserError("\n".join(wrong))


def _fault(name: str, folder: Path) -> str | None:
    path = folder / f"{name}{SUFFIX}"
    if not path.exists():
        known = ", ".join(sorted(deck_names(folder))) or "none"
        return f"spec.decks: no deck {name} in {folder}: choose among {known}, or give --decks"
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        return f"spec.decks: deck {name} ({path}) cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        return f"spec.decks: deck {name} ({path}) is not a text in UTF-8: save it as UTF-8"
    return _malformed(name, path, text)


def _malformed(name: str, path: Path, text: str) -> str | None:
    section, cards = "", 0
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        if _HEADER.fullmatch(content):
            section = content.strip("[]").casefold()
        elif section != "metadata" and not _ENTRY.fullmatch(content):
            return (
                f"spec.decks: deck {name} ({path}), line {number}: {content[:40]!r} is no line of"
                " the form 'count name'"
            )
        elif section == "main":
            cards += 1
    if cards == 0:
        return f"spec.decks: deck {name} ({path}) has no cards: write them below a line [Main]"
    return None
