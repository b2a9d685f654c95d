"""The verb ``trainingrun decks add``: a list of another program becomes a deck of ours."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trainingrun.commands.deck_folders import SUFFIX, deck_file
from trainingrun.commands.errors import UserError
from trainingrun.local.files import write_atomically
from trainingrun_protocol.cards import known_cards
from trainingrun_protocol.deck_formats import DeckForm, form_of, format_deck, read_deck_list
from trainingrun_protocol.decks import MAX_BYTES, DeckError, DeckList

from trainingrun_daemon_commands.decks.figures import DeckFigures, figures_of

STDIN: Final = "-"
DEFAULT_FOLDER: Final = Path("decks")
_NAME_FORM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NAME_LENGTH: Final = 64


@dataclass(frozen=True)
class ReadDeck:
    """A list that was understood; ``name`` is what a run calls the deck."""

    source: str
    name: str
    form: DeckForm
    deck: DeckList

    @property
    def text(self) -> str:
        """As a ``.dck`` file."""
        return format_deck(self.deck)

    @property
    def figures(self) -> DeckFigures:
        """What is in it."""
        return figures_of(self.deck, known_cards())


def read_list(file: str, name: str | None) -> ReadDeck:
    """Read a file or standard input; the deck's name is the given one, that of the list, or that of
    the file.

    Raises:
        UserError: it cannot be read, is no list of cards, or its name is none.
    """
    source = "standard input" if file == STDIN else file
    text = _text(file, source)
    stem = "" if file == STDIN else Path(file).stem
    try:
        deck = read_deck_list(text, name=stem)
    except DeckError as error:
        raise UserError(f"{source}{error}") from error
    found = _name_of(name, deck.name, source)
    named = deck if deck.name else read_deck_list(text, name=found)
    return ReadDeck(source, found, form_of(text), named)


def config_map(read: ReadDeck) -> dict[str, object]:
    """Return the manifest of a ConfigMap with the deck."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": config_map_name(read)},
        "data": {f"{read.name}{SUFFIX}": read.text},
    }


def config_map_text(read: ReadDeck) -> str:
    """Return the same as YAML, the deck as a block of lines: people keep it in a repository."""
    lines = "\n".join(f"    {line}" if line else "" for line in read.text.splitlines())
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {config_map_name(read)}\n"
        f"data:\n  {read.name}{SUFFIX}: |\n{lines}"
    )


def config_map_name(read: ReadDeck) -> str:
    """Return the ConfigMap's name: the deck's, as Kubernetes spells names."""
    return f"deck-{read.name.lower().replace('_', '-').strip('-')}"


def put(read: ReadDeck, folder: Path, *, replace: bool) -> Path:
    """Write the deck into a folder, which is made if need be; return its file.

    Raises:
        UserError: another deck has the name there, or the folder cannot be written.
    """
    file = folder / f"{read.name}{SUFFIX}"
    content = read.text.encode()
    try:
        present = deck_file(read.name, folder)
        if present is not None and not replace and present.read_bytes() != content:
            raise UserError(
                f"{present}: another deck has this name: give one with --name, or --replace"
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(file, content)
    except OSError as error:
        raise UserError(f"{file}: cannot be written: {error.strerror}") from error
    return file


def _text(file: str, source: str) -> str:
    try:
        if file == STDIN:
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(file).open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise UserError(f"{source}: {reason}: give a list of cards, or - and pipe it") from error
    if len(content) > MAX_BYTES:
        raise UserError(f"{source}: is longer than {MAX_BYTES // 1024} KiB: give a list of cards")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{source}: is not a text in UTF-8: save it as UTF-8") from error


def _name_of(given: str | None, own: str, source: str) -> str:
    if given is not None:
        if _NAME_FORM.fullmatch(given) is None:
            raise UserError(
                f"--name {given}: is no deck's name: write up to {_NAME_LENGTH} letters, digits,"
                " '-' and '_'"
            )
        return given
    name = re.sub(r"[^a-z0-9]+", "_", own.casefold()).strip("_")[:_NAME_LENGTH].rstrip("_")
    if not name:
        raise UserError(f"{source}: the list names no deck: give a name with --name")
    return name
