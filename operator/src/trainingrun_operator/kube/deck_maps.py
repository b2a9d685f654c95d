"""The ConfigMap of each run with the decks of its own, copied from where users keep them.

A copy, so that a run that plays does not depend on a ConfigMap that somebody deletes or spoils, so
that every engine gets the one form that it reads, and so that a fault is a sentence in the status
and not a pod that waits for a volume. Users' ConfigMaps are not watched: only those that a run
names are read, one at a time, at its start and now and then after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from trainingrun_api.conditions import Reason
from trainingrun_contracts.plain_text import one_line
from trainingrun_protocol.decks import MAX_BYTES
from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.desired.observed import Problem
from trainingrun_reconciler.desired.own_decks import OwnDeck, OwnDeckError, deck_file
from trainingrun_reconciler.errors import NotFoundError
from trainingrun_reconciler.kinds import CONFIG_MAP
from trainingrun_reconciler.manifests.access import decks_map, decks_name
from trainingrun_reconciler.owner import RunIdentity
from trainingrun_reconciler.views import controller_of

from trainingrun_operator.kube.children import KubernetesChildren
from trainingrun_operator.kube.client import Client
from trainingrun_operator.kube.observe import ObjectCache

_TOTAL_BYTES: Final = 900_000
"""Of all decks of a run; the API server takes a little more than a million in one object."""
_SENTENCE: Final = 500
_USUAL_SECONDS: Final = 30.0
_TROUBLED_SECONDS: Final = 10.0


@dataclass(frozen=True)
class _Known:
    """What the decks of a run were when they were last read, and what was wrong with one."""

    at: float
    decks: tuple[OwnDeck, ...]
    files: Mapping[str, str]
    problem: Problem | None = None


class DeckMaps:
    """Reads users' ConfigMaps and keeps the copies."""

    def __init__(
        self,
        client: Client,
        cache: ObjectCache,
        children: KubernetesChildren,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._cache = cache
        self._children = children
        self._clock = clock
        self._known: dict[str, _Known] = {}

    def forget(self, run_uid: str) -> None:
        """Drop what is remembered of a run that is gone."""
        self._known.pop(run_uid, None)

    def problem(self, run: RunIdentity) -> Problem | None:
        """Why a deck of the run is played as it was before."""
        known = self._known.get(run.uid)
        return known.problem if known is not None else None

    async def ensure(self, run: RunIdentity, decks: tuple[OwnDeck, ...]) -> None:
        """Read the decks and write the copy where it differs; nothing where there are none.

        Raises:
            BackendError: a deck that the run does not hold yet is not there or cannot be read.
        """
        if not decks:
            self.forget(run.uid)
            return
        found = await self._read(run, decks)
        await self._children.apply(run, [decks_map(run, found.files)])
        self._known[run.uid] = found

    async def is_current(self, run: RunIdentity) -> bool:
        """Whether the copy is there and says what its sources say; these are read again now and
        then, and more often where one of them is at fault.

        Raises:
            BackendError: the API server cannot be asked.
        """
        known = self._known.get(run.uid)
        if known is None:
            return True
        copy = self._cache.find(run, CONFIG_MAP, decks_name(run))
        if copy is None or self._cache.is_drifted(copy):
            return False
        pause = _USUAL_SECONDS if known.problem is None else _TROUBLED_SECONDS
        is_copied = any(deck.source is not None for deck in known.decks)
        if not is_copied or self._clock() - known.at < pause:
            return True
        found = await self._read(run, known.decks)
        if found.files != known.files:
            return False
        self._known[run.uid] = replace(known, at=found.at, problem=found.problem)
        return True

    async def _read(self, run: RunIdentity, decks: tuple[OwnDeck, ...]) -> _Known:
        """Read all decks; one at fault that the run holds already stays as it is."""
        sources: dict[str, Mapping[str, Any] | None] = {}
        files: dict[str, str] = {}
        problem: Problem | None = None
        for deck in decks:
            try:
                files[deck.file_name] = await self._file(run, deck, sources)
            except _DeckFault as fault:
                before = await self._copied(run, deck)
                if before is None:
                    raise
                kept = f"{fault}; the run plays the list that it had before"
                problem = problem or Problem(fault.reason, kept)
                files[deck.file_name] = before
        if sum(len(text.encode()) for text in files.values()) > _TOTAL_BYTES:
            text = (
                f"spec.decks: all lists together have more than {_TOTAL_BYTES} bytes: take one out"
            )
            raise BackendError(Reason.DECK_UNREADABLE.value, text)
        return _Known(self._clock(), decks, files, problem)

    async def _file(
        self, run: RunIdentity, deck: OwnDeck, sources: dict[str, Mapping[str, Any] | None]
    ) -> str:
        """Return the file of one deck; ``sources`` are the ConfigMaps that were read already."""
        try:
            if deck.source is None:
                return deck_file(deck, deck.text or "")
            name, key = deck.source
            if name not in sources:
                sources[name] = await self._find(run, name)
            return deck_file(deck, _entry(run, deck, sources[name], key))
        except OwnDeckError as error:
            raise _DeckFault(Reason.DECK_UNREADABLE, str(error)) from error

    async def _find(self, run: RunIdentity, name: str) -> Mapping[str, Any] | None:
        try:
            return await self._client.get(CONFIG_MAP.path(run.namespace, name))
        except NotFoundError:
            return None

    async def _copied(self, run: RunIdentity, deck: OwnDeck) -> str | None:
        """Return what the run holds of a deck, after a restart of the operator as well."""
        known = self._known.get(run.uid)
        if known is not None:
            return known.files.get(deck.file_name)
        if self._cache.find(run, CONFIG_MAP, decks_name(run)) is None:
            return None
        copy = await self._find(run, decks_name(run)) or {}
        owner = controller_of(dict(copy)) if copy else None
        if owner is None or owner["uid"] != run.uid:
            return None
        return (copy.get("data") or {}).get(deck.file_name)


class _DeckFault(BackendError):
    """A deck is not there, or is no list of cards; somebody may put it right at any time."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(reason.value, one_line(message, most=_SENTENCE))


def _entry(run: RunIdentity, deck: OwnDeck, found: Mapping[str, Any] | None, key: str) -> str:
    """Return the text of an entry.

    Raises:
        _DeckFault: it is not there, or too long.
    """
    name = deck.source[0] if deck.source is not None else ""
    place = f"{deck.field}: ConfigMap {run.namespace}/{name}"
    if found is None:
        raise _DeckFault(
            Reason.DECK_NOT_FOUND,
            f"{place} is not there: create it with the list of cards under the key {key}",
        )
    data = found.get("data") or {}
    if key not in data:
        known = ", ".join(sorted(data)[:5]) or "none"
        raise _DeckFault(
            Reason.DECK_NOT_FOUND,
            f"{place} has no entry {key} of text (it has {known}): add it, or name another",
        )
    text = str(data[key])
    if len(text) > MAX_BYTES:
        text = f"{place}: entry {key} is longer than {MAX_BYTES // 1024} KiB: give a list of cards"
        raise _DeckFault(Reason.DECK_UNREADABLE, text)
    return text
