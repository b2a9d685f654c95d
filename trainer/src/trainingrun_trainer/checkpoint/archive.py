"""One run's checkpoints in one place: save, keep the newest N and the best, list, load.

Several runs may share a store: a checkpoint is named ``RUN-STEP``, on a cluster
``NAMESPACE.RUN-STEP``, and only those whose manifest holds this run's id are resumed from or
removed: a namesake of another namespace, or of an earlier life, is another run. A step that is
saved again (after going back to an older checkpoint) gets a name of its own, ``RUN-STEP.1``.

The newest is that of the highest (epoch, step): an epoch counts learner starts and is above that of
every checkpoint that was there. Times are for people; clocks jump.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from trainingrun_contracts.reports import CHAMPION, Evaluation
from trainingrun_contracts.run_config import CheckpointConfig

from trainingrun_trainer.checkpoint.manifest import (
    MANIFEST_FILE,
    MANIFEST_LIMIT,
    Checkpoint,
    CheckpointInvalid,
    Manifest,
    Score,
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

SCORE_FILE: Final = "evaluation.json"
SCORE_LIMIT: Final = 16 * 1024
LOCAL_NAMESPACE: Final = "local"
_LAST_EPOCH: Final = 2**63
_NO_SCORE: Final = ("past", CHAMPION)
"""Opponents that change from one evaluation to the next: rates against them are not compared."""


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

    ``order`` is epoch, step and the number of a step that was saved again; without a readable
    manifest, what its name suggests.
    """

    name: str
    uri: str
    order: tuple[int, int, int]
    manifest: Manifest | None
    why: str = ""
    score: Score | None = None
    is_foreign: bool = False
    """Whether it is whole as far as one sees, and of another run."""


@dataclass(frozen=True)
class Owner:
    """Whose checkpoints an archive holds."""

    run: str
    run_id: str
    namespace: str = ""

    @property
    def prefix(self) -> str:
        """What the names of its checkpoints begin with."""
        is_local = self.namespace in ("", LOCAL_NAMESPACE)
        return self.run if is_local else f"{self.namespace}.{self.run}"


@dataclass(frozen=True)
class Retention:
    """How many of the newest checkpoints stay, and whether the best one does, too."""

    keep: int
    keep_best: bool = True


class CheckpointArchive:
    """The checkpoints of one run. Every method may raise StorageError."""

    def __init__(
        self,
        store: CheckpointStore,
        *,
        run: str,
        retention: Retention,
        owner: Owner | None = None,
    ) -> None:
        """Without an owner, the archive holds what is named like the run, whosever it is."""
        self._store = store
        self._owner = owner
        self._prefix = run if owner is None else owner.prefix
        self._retention = retention
        names = "|".join(re.escape(each) for each in sorted({run, self._prefix}))
        self._name = re.compile(rf"({names})-(?P<step>\d{{10}})(\.(?P<again>\d+))?")

    @property
    def address(self) -> str:
        """Where the archive is, for people."""
        return self._store.uri("").rstrip("/")

    def check(self) -> None:
        """See that the storage can be used; what a killed learner left is cleared."""
        self._store.check()
        self._store.sweep(self._prefix)

    def save(self, checkpoint: Checkpoint) -> str:
        """Write a checkpoint; returns its address."""
        name = self._free_name(checkpoint.manifest.progress.step)
        self._store.write(name, {**checkpoint.files, MANIFEST_FILE: checkpoint.document})
        return self._store.uri(name)

    def tidy(self, *, written: str = "") -> None:
        """Remove what is beyond the limits, and the remains of uploads that were cut off; never the
        one at the address ``written``, which was saved just now, nor anything after it."""
        entries = self.entries()
        kept = kept_names(entries, self._retention)
        newest = next((entry.order for entry in entries if entry.uri == written), None)
        for entry in entries:
            is_newer = newest is not None and entry.order >= newest
            is_ours = entry.manifest is not None or _is_remains(entry)
            if is_ours and not is_newer and entry.name not in kept:
                self._store.remove(entry.name)

    def clear(self) -> tuple[str, ...]:
        """Remove every checkpoint of the run, and what is left of torn ones; their names."""
        self._store.sweep(self._prefix)
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
        """Return what is there under this run's names, newest first."""
        named = {name: found for name in self._store.names() if (found := self._order(name))}
        entries: list[Entry] = []
        epoch = _LAST_EPOCH
        for name in sorted(named, key=lambda name: named[name], reverse=True):
            entry = self._entry(name, (epoch, *named[name]))
            epoch = entry.order[0]
            entries.append(entry)
        return sorted(entries, key=lambda entry: entry.order, reverse=True)

    def newest_epoch(self) -> int:
        """Return the highest epoch of a checkpoint that is there; 0 without any."""
        return max((e.manifest.epoch for e in self.entries() if e.manifest is not None), default=0)

    def attach(self, entry: Entry, score: Score) -> None:
        """Write down beside a checkpoint how its weights did."""
        self._store.put(entry.name, SCORE_FILE, msgspec.json.encode(score))

    def attach_due(self, evaluations: Iterable[Evaluation]) -> None:
        """Attach to each checkpoint the evaluation that belongs to it, where that is news."""
        entries = {entry.name: entry for entry in self.entries()}
        for name, score in scores_due(list(entries.values()), evaluations).items():
            self.attach(entries[name], score)

    def load(self, entry: Entry) -> Checkpoint:
        """Read a checkpoint, and check every byte of it.

        Raises:
            CheckpointInvalid: it is not whole.
        """
        if entry.manifest is None:
            raise CheckpointInvalid(entry.why)
        return load_files(self._store, entry.name, entry.manifest)

    def _order(self, name: str) -> tuple[int, int] | None:
        match = self._name.fullmatch(name)
        return None if match is None else (int(match["step"]), int(match["again"] or 0))

    def _entry(self, name: str, guess: tuple[int, int, int]) -> Entry:
        uri = self._store.uri(name)
        try:
            manifest = manifest_of(self._store, name)
        except CheckpointInvalid as error:
            return Entry(name, uri, guess, None, str(error))
        if not self._owns(manifest):
            whose = f"it is of run {manifest.run} ({manifest.run_id}), not of this one"
            return Entry(name, uri, guess, None, whose, is_foreign=True)
        order = (manifest.epoch, manifest.progress.step, guess[2])
        return Entry(name, uri, order, manifest, score=self._score_of(name, manifest))

    def _owns(self, manifest: Manifest) -> bool:
        if self._owner is not None:
            return manifest.run_id == self._owner.run_id
        named = Owner(manifest.run, manifest.run_id, manifest.namespace).prefix
        return self._prefix in (manifest.run, named)

    def _score_of(self, name: str, manifest: Manifest) -> Score | None:
        """Return the evaluation beside a checkpoint; a file that is none says nothing."""
        try:
            content = self._store.read(name, SCORE_FILE, limit=SCORE_LIMIT)
            score = msgspec.json.decode(content, type=Score)
        except (FileMissing, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return score if score.version <= manifest.progress.step else None

    def _free_name(self, step: int) -> str:
        name, taken = f"{self._prefix}-{step:010d}", set(self._store.names())
        again = 0
        free = name
        while free in taken:
            again += 1
            free = f"{name}.{again}"
        return free


def resumable(*archives: CheckpointArchive) -> Iterator[Loaded | Skipped]:
    """Yield what a learner may resume from, newest first over all places; damaged ones as skipped.

    Of two copies of a checkpoint that of the earlier archive comes first: name the nearest first.
    The last is the run's storage, and those before it are caches, which may fail.

    Raises:
        StorageError: the storage cannot be read, and no cache had what was wanted. That is not the
            same as no checkpoint: a learner that began anew would push out those that are there.
    """
    found: list[tuple[Entry, int]] = []
    failures: dict[int, StorageError] = {}
    for rank, archive in enumerate(archives):
        try:
            found += [(entry, rank) for entry in archive.entries()]
        except StorageError as error:
            if len(archives) == 1:
                raise
            failures[rank] = error
            yield Skipped(archive.address, str(error))
    found.sort(key=lambda each: (each[0].order, -each[1]), reverse=True)
    for entry, rank in found:
        try:
            checkpoint = archives[rank].load(entry)
        except CheckpointInvalid as error:
            yield Skipped(entry.uri, str(error))
        except StorageError as error:
            if len(archives) == 1:
                raise
            failures[rank] = error
            yield Skipped(entry.uri, str(error))
        else:
            yield Loaded(entry.uri, checkpoint)
    if failure := failures.get(len(archives) - 1):
        raise failure


def kept_names(entries: list[Entry], retention: Retention) -> set[str]:
    """Return names that stay: the newest up to the limit, and the best.

    Only readable manifests count, so remains never push out what can be resumed from.
    """
    whole = [entry.name for entry in entries if entry.manifest is not None]
    kept = set(whole[: retention.keep])
    if retention.keep_best and (best := best_name(entries)) is not None:
        kept.add(best)
    return kept


def best_name(entries: list[Entry]) -> str | None:
    """Return the checkpoint of the best evaluation, and of equal ones the newest; None before any.
    Where evaluations met different opponents, those that met the most of them are compared."""
    scored = [(entry.score, entry) for entry in entries if entry.score is not None]
    most = max((len(score.rates) for score, _ in scored), default=0)
    whole = [
        (score.rate, entry.order, entry.name) for score, entry in scored if len(score.rates) == most
    ]
    return max(whole)[-1] if whole else None


def scores_due(entries: list[Entry], evaluations: Iterable[Evaluation]) -> dict[str, Score]:
    """Scores that a checkpoint should have and has not, by its name.

    An evaluation belongs to the first checkpoint at or after the version that was evaluated: no
    other is nearer. Weights that were never trained (version 0) belong to none.
    """
    versions: dict[int, dict[str, float]] = {}
    for each in evaluations:
        if each.version > 0 and each.opponent not in _NO_SCORE:
            versions.setdefault(each.version, {})[each.opponent] = each.rate
    whole = sorted((e for e in entries if e.manifest is not None), key=lambda each: each.order)
    found: dict[str, Score] = {}
    for version in sorted(versions):
        nearest = next((e for e in whole if e.order[1] >= version), None)
        if nearest is not None:
            rates = dict(sorted(versions[version].items()))
            found[nearest.name] = Score(version, sum(rates.values()) / len(rates), rates)
    known = {entry.name: entry.score for entry in whole}
    return {name: score for name, score in found.items() if _is_news(score, known[name])}


def _is_news(score: Score, known: Score | None) -> bool:
    if known is None or score.version > known.version:
        return True
    return score.version == known.version and not score.rates.items() <= known.rates.items()


def manifest_of(store: CheckpointStore, name: str) -> Manifest:
    """Return the manifest of what has this name in a store.

    Raises:
        CheckpointInvalid: there is none that can be read.
    """
    try:
        return read_manifest(store.read(name, MANIFEST_FILE, limit=MANIFEST_LIMIT))
    except FileMissing as error:
        raise CheckpointInvalid(str(error)) from error


def load_files(store: CheckpointStore, name: str, manifest: Manifest) -> Checkpoint:
    """Return all files of a checkpoint, each checked against its sum.

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
    """Return the store at an address.

    Raises:
        StorageError: it names neither a directory nor a bucket.
    """
    directory = directory_of(storage)
    if directory is not None:
        return FileStore(directory)
    return S3Store(storage, endpoint_url=endpoint_url)


def open_archive(
    config: CheckpointConfig, *, run: str, owner: Owner | None = None
) -> CheckpointArchive:
    """Return the archive that a run configuration names.

    Raises:
        StorageError: the storage is neither a directory nor a bucket.
    """
    store = open_store(config.storage, endpoint_url=config.endpoint_url)
    retention = Retention(config.keep, config.keep_best)
    return CheckpointArchive(store, run=run, retention=retention, owner=owner)


def open_cache(
    config: CheckpointConfig, *, run: str, owner: Owner | None = None
) -> CheckpointArchive | None:
    """Return the archive on this machine of what goes to a bucket; None where there is none.

    Raises:
        StorageError: the storage is malformed.
    """
    if config.cache is None or directory_of(config.storage) is not None:
        return None
    retention = Retention(config.keep, config.keep_best)
    store = FileStore(Path(config.cache))
    return CheckpointArchive(store, run=run, retention=retention, owner=owner)


def _is_remains(entry: Entry) -> bool:
    return entry.manifest is None and f"{MANIFEST_FILE} is missing" in entry.why
