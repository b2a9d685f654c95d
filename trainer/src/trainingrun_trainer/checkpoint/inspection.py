"""Inspection of the checkpoints of any place, of any run: list, verify, copy.

Unlike a learner, which resumes one run, this shows every run of a store. Nothing is changed in it,
save by :func:`remove_checkpoints`, which is for a run that is deleted with its storage.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from trainingrun_contracts.checkpoints import CheckpointListing, CheckpointRow, CheckpointState
from trainingrun_contracts.environment_config import EnvironmentConfig, Magic
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.registry import spec_of

from trainingrun_trainer.checkpoint.archive import (
    CheckpointArchive,
    Entry,
    Owner,
    Retention,
    best_name,
    load_files,
    open_store,
)
from trainingrun_trainer.checkpoint.manifest import (
    MANIFEST_FILE,
    OTHER_ENCODING,
    Checkpoint,
    CheckpointInvalid,
    Manifest,
)
from trainingrun_trainer.checkpoint.store import (
    CheckpointStore,
    FileStore,
    StorageError,
    StorageGone,
    directory_of,
)

BEST: Final = "best"
NEWEST: Final = "newest"
_NAME: Final = re.compile(r"(?P<run>.+)-\d{10}(\.\d+)?")
_ANY: Final = Retention(keep=1)


class NothingFound(Exception):
    """The place has no such checkpoint; the message says what it has."""


class _Config(msgspec.Struct, frozen=True):
    """Of a run's configuration, what it played."""

    environment: EnvironmentConfig = Magic()


@dataclass(frozen=True)
class Place:
    """A store, or one checkpoint in it."""

    address: str
    store: CheckpointStore
    only: str | None = None


def find_place(address: str, *, endpoint_url: str | None) -> Place:
    """Return the place at ``s3://bucket/prefix``, ``file:///directory`` or a path; the address of
    one checkpoint is one, too.

    Raises:
        StorageError: it cannot be used.
    """
    url = address if "://" in address else Path(address).absolute().as_uri()
    directory = directory_of(url)
    if directory is not None and not directory.is_dir():
        raise StorageGone("CheckpointStorageInvalid", f"{directory}: there is no such directory")
    parent, _, name = url.rstrip("/").rpartition("/")
    if _NAME.fullmatch(name) and not parent.endswith("/"):
        store = open_store(parent, endpoint_url=endpoint_url)
        if name in store.names():
            return Place(url, store, name)
    return Place(url, open_store(url, endpoint_url=endpoint_url))


def list_checkpoints(place: Place) -> CheckpointListing:
    """Return what is there, by the manifests alone."""
    return _listing(place, lambda entry: _stated(entry, CheckpointState.LISTED))


def verify_checkpoints(place: Place) -> CheckpointListing:
    """Return what is there, after reading every byte."""
    return _listing(place, lambda entry: _verified(place.store, entry))


def remove_checkpoints(place: Place, run: str, *, owner: Owner | None = None) -> CheckpointListing:
    """Remove all checkpoints of one run, and none of another; what stays is listed. With an owner,
    a namesake of another namespace or an earlier life is another run.

    Raises:
        StorageError: the place cannot be used, or does not let go of one.
    """
    CheckpointArchive(place.store, run=run, retention=_ANY, owner=owner).clear()
    return list_checkpoints(place)


def pull_checkpoint(place: Place, which: str, *, into: Path) -> CheckpointListing:
    """Copy one checkpoint into a folder, whole or not at all; damaged ones are passed over.

    Args:
        place: where it is.
        which: ``newest``, ``best`` or a name.
        into: the folder that gets a folder of the checkpoint's name.

    Raises:
        NothingFound: there is no such checkpoint that is whole.
        StorageError: one of the places cannot be used, or the folder has one of that name.
    """
    passed: list[CheckpointRow] = []
    entries = _entries(place)
    for entry in _wanted(entries, which):
        row, checkpoint = _loaded(place.store, entry)
        if checkpoint is None:
            passed.append(row)
            continue
        target = _write(checkpoint, entry.name, into=into)
        return CheckpointListing(place.address, (*passed, row), pulled=str(target))
    torn = "; ".join(f"{row.name}: {row.why}" for row in passed)
    has = ", ".join(entry.name for entry in entries[:5]) or "none at all"
    what = which if which not in (NEWEST, BEST) else f"{which} checkpoint"
    raise NothingFound(
        f"{place.address}: no whole {what} ({torn or f'it has {has}'}): check with"
        " `trainingrun checkpoint verify`"
    )


def adoptable(place: Place, which: str, *, run: str | None) -> tuple[str, Checkpoint]:
    """Return the checkpoint of any run that is asked for, with its address; damaged ones are passed
    over.

    Args:
        place: where it is.
        which: ``newest``, ``best`` or a name.
        run: name of the run that saved it; None for the one that saved last.

    Raises:
        NothingFound: there is none that is whole and made for this release.
        StorageError: the place cannot be used.
    """
    whole = [(e, e.manifest) for e in _entries(place) if e.manifest is not None]
    named = [(entry, manifest) for entry, manifest in whole if run in (None, manifest.run)]
    if which in (NEWEST, BEST):
        named = [each for each in named if each[1].run_id == named[0][1].run_id]
    for entry in _wanted([entry for entry, _ in named], which):
        row, checkpoint = _loaded(place.store, entry)
        if checkpoint is not None and row.state is CheckpointState.WHOLE:
            return entry.uri, checkpoint
    whose = "" if run is None else f" of run {run}"
    raise NothingFound(
        f"spec.resumeFrom: {place.address} has no whole checkpoint{whose} ({which}): list them with"
        " `trainingrun checkpoint ls`"
    )


def _write(checkpoint: Checkpoint, name: str, *, into: Path) -> Path:
    target = into.absolute() / name
    if target.exists():
        raise StorageError(
            "CheckpointThere", f"{target} is there already: remove it, or give another folder"
        )
    FileStore(into.absolute()).write(name, {**checkpoint.files, MANIFEST_FILE: checkpoint.document})
    return target


def _wanted(entries: list[Entry], which: str) -> list[Entry]:
    match which:
        case "newest":
            return entries
        case "best":
            best = best_name(entries)
            return [entry for entry in entries if entry.name == best]
        case name:
            return [entry for entry in entries if entry.name == name]


def _entries(place: Place) -> list[Entry]:
    """Return all of them, newest first; of several runs, first those of the one that saved last."""
    names = [name for name in place.store.names() if place.only in (None, name)]
    found = {match["run"] for name in names if (match := _NAME.fullmatch(name))}
    runs: list[list[Entry]] = []
    for run in sorted(found):
        entries = CheckpointArchive(place.store, run=run, retention=_ANY).entries()
        wanted = [entry for entry in entries if place.only in (None, entry.name)]
        runs += _by_run_id(wanted)
    return [entry for entries in sorted(runs, key=_last_saved, reverse=True) for entry in entries]


def _by_run_id(entries: list[Entry]) -> list[list[Entry]]:
    """Namesakes apart; what has no manifest stays with the first of them."""
    ids = list(dict.fromkeys(e.manifest.run_id for e in entries if e.manifest is not None)) or [""]
    found: dict[str, list[Entry]] = {each: [] for each in ids}
    for entry in entries:
        found[ids[0] if entry.manifest is None else entry.manifest.run_id].append(entry)
    return list(found.values())


def _last_saved(entries: list[Entry]) -> float:
    """When a run saved last: runs have no other order than the clocks of their machines."""
    return max((e.manifest.saved_at for e in entries if e.manifest is not None), default=0.0)


def _listing(place: Place, row_of: Callable[[Entry], CheckpointRow]) -> CheckpointListing:
    entries = _entries(place)
    best, newest = best_name(entries), _newest(entries)
    rows = tuple(
        msgspec.structs.replace(
            row_of(entry), is_best=entry.name == best, is_newest=entry.name == newest
        )
        for entry in entries
    )
    return CheckpointListing(place.address, rows)


def _newest(entries: list[Entry]) -> str | None:
    return next((entry.name for entry in entries if entry.manifest is not None), None)


def _verified(store: CheckpointStore, entry: Entry) -> CheckpointRow:
    return _loaded(store, entry)[0]


def _loaded(store: CheckpointStore, entry: Entry) -> tuple[CheckpointRow, Checkpoint | None]:
    if entry.manifest is None:
        return _stated(entry, CheckpointState.DAMAGED), None
    try:
        checkpoint = load_files(store, entry.name, entry.manifest)
    except CheckpointInvalid as error:
        return _stated(entry, CheckpointState.DAMAGED, str(error)), None
    if why := _why_foreign(entry.manifest):
        return _stated(entry, CheckpointState.FOREIGN, why), checkpoint
    return _stated(entry, CheckpointState.WHOLE), checkpoint


def _why_foreign(manifest: Manifest) -> str:
    """Return why a whole checkpoint is of no use to this installation; nothing where it is."""
    try:
        spec = spec_of(msgspec.json.decode(manifest.config, type=_Config).environment)
    except (UnknownEnvironment, msgspec.DecodeError) as error:
        return f"its environment cannot be had here: {error}"
    return "" if spec.schema_hash == manifest.schema_hash else OTHER_ENCODING


def _stated(entry: Entry, state: CheckpointState, why: str = "") -> CheckpointRow:
    match, manifest = _NAME.fullmatch(entry.name), entry.manifest
    if manifest is None:
        run = match["run"] if match else ""
        state = CheckpointState.FOREIGN if entry.is_foreign else CheckpointState.DAMAGED
        return CheckpointRow(entry.name, entry.uri, run, state, entry.why)
    progress = manifest.progress
    return CheckpointRow(
        name=entry.name,
        uri=entry.uri,
        run=manifest.run,
        state=state,
        why=why,
        step=progress.step,
        games=progress.games,
        transitions=progress.transitions,
        saved_at=manifest.saved_at,
        size=manifest.size,
        win_rate=entry.score.rate if entry.score is not None else None,
        win_rates={} if entry.score is None else entry.score.rates,
        evaluated_version=None if entry.score is None else entry.score.version,
    )
