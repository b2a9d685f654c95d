"""One run's checkpoints in one place: save, keep the newest N and the best, look, load.

Several runs may share a store: a checkpoint is named ``RUN-STEP``, and only those whose manifest
names this run are resumed from or removed. A step that is saved again (after going back to an older
checkpoint) gets a name of its own, ``RUN-STEP.1``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainingrun_contracts.observation.schema import SCHEMA_HASH
from trainingrun_contracts.run_config import CheckpointConfig

from trainingrun_trainer.checkpoint.manifest import (
    MANIFEST_FILE,
    MANIFEST_LIMIT,
    Checkpoint,
    CheckpointInvalid,
    Manifest,
    read_manifest,
    require_sum,
)
from trainingrun_trainer.checkpoint.s3 import S3Store
from trainingrun_trainer.checkpoint.store import (
    CheckpointStore,
    FileMissing,
    FileStore,
    StorageError,
    directory_of,
)


@dataclass(frozen=True)
class Skipped:
    """A checkpoint that cannot be resumed from, and why."""

    uri: str
    why: str


@dataclass(frozen=True)
class Loaded:
    """A whole checkpoint, with its address."""

    uri: str
    checkpoint: Checkpoint


@dataclass(frozen=True)
class Found:
    """The newest valid checkpoint, if any, with its address, and the newer ones passed over."""

    checkpoint: Checkpoint | None
    uri: str
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class Entry:
    """A name in a store: a checkpoint by its manifest, or why it is none.

    ``at`` is the time of saving; without a readable manifest, the time that its step suggests.
    """

    name: str
    uri: str
    at: float
    manifest: Manifest | None
    why: str = ""


@dataclass(frozen=True)
class Retention:
    """How many of the newest checkpoints stay, and whether the best one does, too."""

    keep: int
    keep_best: bool = True


class CheckpointArchive:
    """The checkpoints of one run. Every method may raise StorageError."""

    def __init__(self, store: CheckpointStore, *, run: str, retention: Retention) -> None:
        self._store = store
        self._run = run
        self._retention = retention
        self._name = re.compile(re.escape(run) + r"-\d{10}(\.\d+)?")

    @property
    def address(self) -> str:
        """Where the archive is, for people."""
        return self._store.uri("").rstrip("/")

    def check(self) -> None:
        """See that the storage can be used; what a killed learner left is cleared."""
        self._store.check()
        self._store.sweep(self._run)

    def save(self, checkpoint: Checkpoint) -> str:
        """Write a checkpoint; returns its address."""
        name = self._free_name(checkpoint.manifest.progress.step)
        self._store.write(name, {**checkpoint.files, MANIFEST_FILE: checkpoint.document})
        return self._store.uri(name)

    def tidy(self) -> None:
        """Remove what is beyond the limits, and the remains of uploads that were cut off."""
        entries = self.entries()
        kept = kept_names(entries, self._retention)
        for entry in entries:
            if entry.name not in kept and (entry.manifest is not None or _is_remains(entry)):
                self._store.remove(entry.name)

    def clear(self) -> tuple[str, ...]:
        """Remove every checkpoint of the run, and what is left of torn ones; their names."""
        self._store.sweep(self._run)
        gone = [
            entry.name
            for entry in self.entries()
            if entry.manifest is not None or _is_remains(entry)
        ]
        for name in gone:
            self._store.remove(name)
        return tuple(gone)

    def newest_valid(self) -> Found:
        """Try checkpoints from the newest to the oldest until one is whole."""
        skipped: list[Skipped] = []
        for each in resumable(self):
            if isinstance(each, Loaded):
                return Found(each.checkpoint, each.uri, tuple(skipped))
            skipped.append(each)
        return Found(None, "", tuple(skipped))

    def entries(self) -> list[Entry]:
        """What is there under this run's names, newest first by the time of saving."""
        names = sorted((n for n in self._store.names() if self._name.fullmatch(n)), reverse=True)
        found: list[Entry] = []
        later = float("inf")
        for name in names:
            entry = self._entry(name, later=later)
            later = entry.at
            found.append(entry)
        return sorted(found, key=lambda entry: entry.at, reverse=True)

    def load(self, entry: Entry) -> Checkpoint:
        """Read a checkpoint, and check every byte of it.

        Raises:
            CheckpointInvalid: it is not whole, or not for this learner.
        """
        if entry.manifest is None:
            raise CheckpointInvalid(entry.why)
        if entry.manifest.schema_hash != SCHEMA_HASH:
            raise CheckpointInvalid("it was made for another observation encoding")
        return load_files(self._store, entry.name, entry.manifest)

    def _entry(self, name: str, *, later: float) -> Entry:
        uri = self._store.uri(name)
        try:
            manifest = manifest_of(self._store, name)
        except CheckpointInvalid as error:
            return Entry(name, uri, later, None, str(error))
        if manifest.run != self._run:
            return Entry(name, uri, later, None, f"it belongs to the run {manifest.run}")
        return Entry(name, uri, manifest.saved_at, manifest)

    def _free_name(self, step: int) -> str:
        name, taken = f"{self._run}-{step:010d}", set(self._store.names())
        again = 0
        free = name
        while free in taken:
            again += 1
            free = f"{name}.{again}"
        return free


def resumable(*archives: CheckpointArchive) -> Iterator[Loaded | Skipped]:
    """What a learner may resume from, newest first over all places; damaged ones as skipped.

    Of two copies of a checkpoint that of the earlier archive comes first: name the nearest first.
    """
    found: list[tuple[Entry, int]] = []
    for rank, archive in enumerate(archives):
        try:
            found += [(entry, rank) for entry in archive.entries()]
        except StorageError as error:
            if len(archives) == 1:
                raise
            yield Skipped(archive.address, str(error))
    found.sort(key=lambda each: (each[0].at, -each[1]), reverse=True)
    for entry, rank in found:
        try:
            checkpoint = archives[rank].load(entry)
        except CheckpointInvalid as error:
            yield Skipped(entry.uri, str(error))
        except StorageError as error:
            if len(archives) == 1:
                raise
            yield Skipped(entry.uri, str(error))
        else:
            yield Loaded(entry.uri, checkpoint)


def kept_names(entries: list[Entry], retention: Retention) -> set[str]:
    """Names that stay: the newest up to the limit, and the best.

    Only readable manifests count, so remains never push out what can be resumed from.
    """
    whole = [entry.name for entry in entries if entry.manifest is not None]
    kept = set(whole[: retention.keep])
    if retention.keep_best and (best := best_name(entries)) is not None:
        kept.add(best)
    return kept


def best_name(entries: list[Entry]) -> str | None:
    """The checkpoint of the best evaluation: the first that was written after it, because its
    weights are the nearest to those that were evaluated; None before any evaluation."""
    scored = [
        (entry.manifest.score.rate, entry.manifest.score.version, -entry.at, entry.name)
        for entry in entries
        if entry.manifest is not None and entry.manifest.score is not None
    ]
    return max(scored)[-1] if scored else None


def manifest_of(store: CheckpointStore, name: str) -> Manifest:
    """The manifest of what has this name in a store.

    Raises:
        CheckpointInvalid: there is none that can be read.
    """
    try:
        return read_manifest(store.read(name, MANIFEST_FILE, limit=MANIFEST_LIMIT))
    except FileMissing as error:
        raise CheckpointInvalid(str(error)) from error


def load_files(store: CheckpointStore, name: str, manifest: Manifest) -> Checkpoint:
    """All files of a checkpoint, each checked against its sum.

    Raises:
        CheckpointInvalid: one is missing or not what the manifest says.
    """
    try:
        files = {
            file: require_sum(file, store.read(name, file, limit=expected.size), expected)
            for file, expected in manifest.files.items()
        }
    except FileMissing as error:
        raise CheckpointInvalid(str(error)) from error
    return Checkpoint(manifest, files)


def open_store(storage: str, *, endpoint_url: str | None) -> CheckpointStore:
    """The store at an address.

    Raises:
        StorageError: it names neither a directory nor a bucket.
    """
    directory = directory_of(storage)
    if directory is not None:
        return FileStore(directory)
    return S3Store(storage, endpoint_url=endpoint_url)


def open_archive(config: CheckpointConfig, *, run: str) -> CheckpointArchive:
    """The archive that a run configuration names.

    Raises:
        StorageError: the storage is neither a directory nor a bucket.
    """
    store = open_store(config.storage, endpoint_url=config.endpoint_url)
    return CheckpointArchive(store, run=run, retention=Retention(config.keep, config.keep_best))


def open_cache(config: CheckpointConfig, *, run: str) -> CheckpointArchive | None:
    """The archive on this machine of what goes to a bucket; None where there is none.

    Raises:
        StorageError: the storage is malformed.
    """
    if config.cache is None or directory_of(config.storage) is not None:
        return None
    retention = Retention(config.keep, config.keep_best)
    return CheckpointArchive(FileStore(Path(config.cache)), run=run, retention=retention)


def _is_remains(entry: Entry) -> bool:
    return entry.manifest is None and f"{MANIFEST_FILE} is missing" in entry.why
