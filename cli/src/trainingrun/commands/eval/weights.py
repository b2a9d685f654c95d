"""The weights of a checkpoint, as they are published: found, checked, and read without torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec
from trainingrun_contracts.checkpoints import POLICY_FILE
from trainingrun_environments.errors import UnknownEnvironment
from trainingrun_environments.registry import spec_of

from trainingrun.commands.checkpoint.contents import (
    MANIFEST_FILE,
    MODEL_FILE,
    Manifest,
    UnfitCheckpointError,
    content_of,
    manifest_of,
)
from trainingrun.commands.errors import UserError

_HEADER_LENGTH: Final = 8
_ALIGNMENT: Final = 8


@dataclass(frozen=True)
class Weights:
    """Weights as a learner publishes them, with the checkpoint that they come from."""

    blob: bytes
    version: int
    games: int
    source: Path


def find_weights(given: str | None, *, run: str, storage: str | None, state: Path) -> Weights:
    """Return the weights that are meant: a checkpoint's folder or name, a folder of checkpoints
    (the newest), a local run (its newest); without anything the newest of the run itself.

    Raises:
        UserError: there are none, or they cannot be used.
    """
    for place in _places(given, run=run, storage=storage, state=state):
        if (place / MANIFEST_FILE).is_file():
            try:
                return _read(place)
            except UnfitCheckpointError as error:
                raise UserError(f"eval: checkpoint {place}: {error}: give another one") from error
        if place.is_dir():
            return _newest(place, run=run if given is None else None)
    if given is None:
        raise UserError(
            f"eval: {run} has no checkpoint in {state / run}: train it first, or name one with"
            " --checkpoint"
        )
    raise UserError(
        f"eval: --checkpoint {given}: no such folder, local run, or checkpoint of {run}: give the"
        " path of a checkpoint"
    )


def _places(given: str | None, *, run: str, storage: str | None, state: Path) -> Iterator[Path]:
    own = list(_own_places(run, storage=storage, state=state))
    if given is None:
        yield from own
        return
    parts = urlsplit(given)
    if parts.scheme == "file":
        yield Path(unquote(parts.path))
    elif parts.scheme and "://" in given:
        raise UserError(
            f"eval: --checkpoint {given}: not on this machine: fetch it first with trainingrun"
            " checkpoint pull"
        )
    yield Path(given)
    yield state / given / "checkpoints"
    for place in own:
        yield place / given


def _own_places(run: str, *, storage: str | None, state: Path) -> Iterator[Path]:
    if storage is not None and urlsplit(storage).scheme == "file":
        yield Path(unquote(urlsplit(storage).path))
    yield state / run / "checkpoints"


def _newest(folder: Path, *, run: str | None) -> Weights:
    """Return the newest checkpoint of the folder that can be used; of one run, where one is
    named."""
    found: list[tuple[float, Path]] = []
    unfit: list[str] = []
    for path in sorted(folder.glob(f"*/{MANIFEST_FILE}")):
        if path.parent.name.startswith("."):
            continue
        try:
            manifest = manifest_of(path.parent)
        except UnfitCheckpointError as error:
            unfit.append(f"{path.parent.name}: {error}")
            continue
        if run is None or manifest.run == run:
            found.append((manifest.saved_at, path.parent))
    for _, checkpoint in sorted(found, reverse=True):
        try:
            return _read(checkpoint)
        except UnfitCheckpointError as error:
            unfit.append(f"{checkpoint.name}: {error}")
    why = f" ({'; '.join(unfit[:3])})" if unfit else ""
    raise UserError(f"eval: no checkpoint in {folder} can be used{why}: name one with --checkpoint")


def _read(checkpoint: Path) -> Weights:
    manifest = manifest_of(checkpoint)
    _check_encoding(manifest)
    version = manifest.progress.step
    if POLICY_FILE in manifest.files:
        blob = content_of(checkpoint, manifest, POLICY_FILE)
        return Weights(blob, version, manifest.progress.games, checkpoint)
    content = content_of(checkpoint, manifest, MODEL_FILE)
    metadata = {"schema_hash": manifest.schema_hash, "version": str(version)}
    blob = with_metadata(content, metadata)
    return Weights(blob, version, manifest.progress.games, checkpoint)


def _check_encoding(manifest: Manifest) -> None:
    try:
        spec = spec_of(manifest.config.environment)
    except UnknownEnvironment as error:
        raise UnfitCheckpointError(f"its environment cannot be had here: {error}") from error
    if manifest.schema_hash != spec.schema_hash:
        raise UnfitCheckpointError("it was made for another observation encoding")


def with_metadata(content: bytes, metadata: dict[str, str]) -> bytes:
    """Safetensors bytes with this metadata in their header; the tensors are not touched.

    Raises:
        UserError: the header is none.
    """
    end = _HEADER_LENGTH + int.from_bytes(content[:_HEADER_LENGTH], "little")
    try:
        header = msgspec.json.decode(content[_HEADER_LENGTH:end], type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"eval: {MODEL_FILE} is not safetensors: {error}") from error
    written = msgspec.json.encode({**header, "__metadata__": metadata})
    written += b" " * (-len(written) % _ALIGNMENT)
    return len(written).to_bytes(_HEADER_LENGTH, "little") + written + content[end:]
