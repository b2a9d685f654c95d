"""Where decks are, and reading one: every error names the file.

A deck lies in a folder of decks or in a folder right below it, as the daemon seeks it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from trainingrun_protocol.decks import MAX_BYTES, DeckError, DeckList, parse_deck_list

from trainingrun.commands.errors import UserError

SUFFIX: Final = ".dck"


def find_decks(file: Path, given: Path | None) -> Path:
    """Return the folder with the decks: the given one, else ``decks/`` near the file, here, or
    installed.

    Raises:
        UserError: there is none.
    """
    if given is not None:
        if not given.is_dir():
            raise UserError(f"--decks {given}: no such folder: give a folder of {SUFFIX} files")
        return given.resolve()
    found = decks_near(file)
    if found is None:
        tried = ", ".join(map(str, dict.fromkeys(_places(file))))
        raise UserError(f"no folder of decks was found (tried {tried}): give one with --decks")
    return found


def decks_near(file: Path) -> Path | None:
    """Return the folder of decks near a file, here, or installed; None where there is none."""
    found = next((place for place in _places(file) if place.is_dir()), None)
    return found.resolve() if found is not None else None


def _places(file: Path) -> list[Path]:
    beside = file.absolute().parent
    return [
        beside / "decks",
        beside.parent / "decks",
        Path("decks").absolute(),
        Path(sys.prefix) / "share" / "trainingrun" / "decks",
    ]


def deck_files(folder: Path) -> Iterator[Path]:
    """Yield the deck files of a folder, then those of the folders below it, each by name."""
    for pattern in (f"*{SUFFIX}", f"*/*{SUFFIX}"):
        yield from sorted(folder.glob(pattern))


def deck_names(folder: Path) -> frozenset[str]:
    """Return the decks of a folder."""
    return frozenset(path.stem for path in deck_files(folder))


def deck_file(name: str, folder: Path) -> Path | None:
    """Return the file of a deck by its name."""
    return next((path for path in deck_files(folder) if path.stem == name), None)


def read_deck(path: Path) -> DeckList:
    """Read a deck file.

    Raises:
        UserError: it cannot be read or is no deck.
    """
    try:
        return parse_deck_list(_text(path), name=path.stem)
    except DeckError as error:
        raise UserError(f"{path}{error}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}: give a deck file") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not a text in UTF-8: save it as UTF-8") from error


def check_decks(names: Iterable[str], folder: Path) -> None:
    """See that these decks are there and can be read.

    Raises:
        UserError: one is not; one line per deck.
    """
    wrong = [text for name in names if (text := _fault(name, folder)) is not None]
    if wrong:
        raise UserError("\n".join(wrong))


def _fault(name: str, folder: Path) -> str | None:
    path = deck_file(name, folder)
    if path is None:
        known = ", ".join(sorted(deck_names(folder))) or "none"
        return f"spec.decks: no deck {name} in {folder}: choose among {known}, or give --decks"
    deck = f"spec.decks: deck {name} ({path})"
    try:
        parse_deck_list(_text(path), name=name)
    except DeckError as error:
        return f"{deck}{error}"
    except OSError as error:
        return f"{deck} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        return f"{deck} is not a text in UTF-8: save it as UTF-8"
    return None


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1).decode("utf-8")
