"""The decks that a run brings itself: lists of cards in its spec, and in ConfigMaps that it names.

Each becomes the text of a ``.dck`` file, the one form that every engine reads, whatever program the
list is from. Pure: who reads the ConfigMaps is the backend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from msgspec import structs
from trainingrun_api.rules import INLINE_LENGTH
from trainingrun_api.run import TrainingRun
from trainingrun_api.spec import TrainingRunSpec
from trainingrun_protocol.deck_formats import format_deck, read_deck_list
from trainingrun_protocol.decks import DeckError

ConfigMaps = Mapping[str, Mapping[str, Any]]
"""Entries of ConfigMaps by their names."""


class OwnDeckError(Exception):
    """A list of cards cannot be understood; the message is one sentence with its place."""


@dataclass(frozen=True)
class OwnDeck:
    """One deck of a run's own: its ``text``, or the ConfigMap and entry (``source``) that hold it.

    ``field`` is where the spec names it.
    """

    field: str
    name: str
    text: str | None = None
    source: tuple[str, str] | None = None

    @property
    def file_name(self) -> str:
        """As daemons find it."""
        return f"{self.name}.dck"


def own_decks(spec: TrainingRunSpec) -> tuple[OwnDeck, ...]:
    """Return the decks of a spec that no image holds, in their order."""
    found = []
    for at, deck in enumerate(spec.decks):
        field, key = f"spec.decks[{at}]", deck.config_map_key_ref
        if deck.inline is not None:
            found.append(OwnDeck(f"{field}.inline", deck.name, text=deck.inline))
        elif key is not None:
            field = f"{field}.configMapKeyRef"
            found.append(OwnDeck(field, deck.name, source=(key.name, key.key)))
    return tuple(found)


def deck_file(deck: OwnDeck, text: str) -> str:
    """Return the ``.dck`` text of a list.

    Raises:
        OwnDeckError: it cannot be understood.
    """
    try:
        return _converted(deck.name, text)
    except DeckError as error:
        where = "" if deck.source is None else f"ConfigMap {'/'.join(deck.source)}: "
        raise OwnDeckError(f"{deck.field}: {where}deck {deck.name}{error}") from error


def inline_files(decks: tuple[OwnDeck, ...]) -> Mapping[str, str]:
    """Return the files of those that stand in the spec, by file name.

    Raises:
        OwnDeckError: one cannot be understood.
    """
    return {deck.file_name: deck_file(deck, deck.text) for deck in decks if deck.text is not None}


def with_decks(run: TrainingRun, config_maps: ConfigMaps) -> TrainingRun:
    """Return a run whose lists can all be read; those in these ConfigMaps stand in it.

    Raises:
        OwnDeckError: a list cannot be understood, or a ConfigMap that is there has no such entry.
    """
    inline = {}
    for deck in own_decks(run.spec):
        text = deck.text
        if deck.source is not None:
            name, key = deck.source
            if name not in config_maps:
                continue
            text = config_maps[name].get(key)
            if not isinstance(text, str):
                raise OwnDeckError(f"{deck.field}: ConfigMap {name} has no entry {key} of text")
        found = deck_file(deck, text or "")
        if deck.source is not None:
            inline[deck.name] = found
    if not inline:
        return run
    decks = tuple(
        each.model_copy(update={"inline": inline[each.name], "config_map_key_ref": None})
        if each.name in inline
        else each
        for each in run.spec.decks
    )
    if max(map(len, inline.values())) > INLINE_LENGTH:
        raise OwnDeckError("spec.decks: a list in a ConfigMap is too long for this machine")
    return run.model_copy(update={"spec": run.spec.model_copy(update={"decks": decks})})


def fault_of(run: TrainingRun) -> str | None:
    """Return the sentence about the first list in the spec that cannot be understood."""
    try:
        inline_files(own_decks(run.spec))
    except OwnDeckError as error:
        return str(error)
    return None


@lru_cache(maxsize=512)
def _converted(name: str, text: str) -> str:
    """The name in the file is the spec's, so that errors of daemons speak of the deck by it."""
    return format_deck(structs.replace(read_deck_list(text, name=name), name=name))
