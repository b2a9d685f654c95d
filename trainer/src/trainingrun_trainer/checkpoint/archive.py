"""One run's checkpoints in a store: save, keep the newest N, find the newest valid one.

Several runs may share a store: a checkpoint is named ``RUN-STEP``, and only those whose manifest
names this run are resumed from or removed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainingrun_contracts.observation.schema import SCHEMA_HASH
from trainingrun_contracts.run_config import CheckpointConfig

from trainingrun_trainer.checkpoint.manifest import (
    MANIFEST_FILE,
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
    directory_of,
)


@dataclass(frozen=True)
class Skipped:
    """A checkpoint that cannot be resumed from, and why."""

    uri: str
    why: str


@dataclass(frozen=True)
class Found:
    """The newest valid checkpoint, if any, with its address, and the newer ones passed over."""

    checkpoint: Checkpoint | None
    uri: str
    skipped: tuple[Skipped, ...]


class CheckpointArchive:
    """The checkpoints of one run. Every method may raise StorageError."""

    def __init__(self, store: CheckpointStore, *, run: str, keep: int) -> None:
        self._store = store
        self._run = run
        self._keep = keep
        self._name = re.compile(re.escape(run) + r"-\d{10}")

    def check(self) -> None:
        """See that the storage can be used."""
        self._store.check()

    def save(self, checkpoint: Checkpoint) -> str:
        """Write a checkpoint, then remove the oldest beyond those to keep; returns its address."""
        name = f"{self._run}-{checkpoint.manifest.progress.step:010d}"
        self._store.write(name, {**checkpoint.files, MANIFEST_FILE: checkpoint.document})
        self._prune(newest=name)
        return self._store.uri(name)

    def newest_valid(self) -> Found:
        """Try checkpoints from the newest to the oldest until one is whole."""
        skipped: list[Skipped] = []
        for name in self._newest_first():
            try:
                checkpoint = self._load(name)
            except (CheckpointInvalid, FileMissing) as error:
                skipped.append(Skipped(self._store.uri(name), str(error)))
                continue
            return Found(checkpoint, self._store.uri(name), tuple(skipped))
        return Found(None, "", tuple(skipped))

    def _load(self, name: str) -> Checkpoint:
        manifest = self._manifest(name)
        if manifest.schema_hash != SCHEMA_HASH:
            raise CheckpointInvalid("it was made for another observation encoding")
        files = {
            file: require_sum(file, self._store.read(name, file), expected)
            for file, expected in manifest.files.items()
        }
        return Checkpoint(manifest, files)

    def _manifest(self, name: str) -> Manifest:
        manifest = read_manifest(self._store.read(name, MANIFEST_FILE))
        if manifest.run != self._run:
            raise CheckpointInvalid(f"it belongs to the run {manifest.run}")
        return manifest

    def _newest_first(self) -> list[str]:
        """By time of saving; what has no readable manifest comes where its step says."""
        names = sorted((n for n in self._store.names() if self._name.fullmatch(n)), reverse=True)
        times: dict[str, float] = {}
        later = float("inf")
        for name in names:
            try:
                later = times[name] = self._manifest(name).saved_at
            except (CheckpointInvalid, FileMissing):
                times[name] = later
        return sorted(names, key=lambda name: times[name], reverse=True)

    def _prune(self, *, newest: str) -> None:
        others = [name for name in self._newest_first() if name != newest]
        for name in others[self._keep - 1 :]:
            self._store.remove(name)


def open_archive(config: CheckpointConfig, *, run: str) -> CheckpointArchive:
    """The archive that a run configuration names.

    Raises:
        StorageError: the storage is neither a directory nor a bucket.
    """
    directory = directory_of(config.storage)
    store: CheckpointStore = (
        FileStore(directory)
        if directory is not None
        else S3Store(config.storage, endpoint_url=config.endpoint_url)
    )
    return CheckpointArchive(store, run=run, keep=config.keep)
