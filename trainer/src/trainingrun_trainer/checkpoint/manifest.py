"""The manifest of a checkpoint: what it is, how far the run had come, and the sums of its files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct
from trainingrun_contracts.run_config import RunConfig

MANIFEST_FILE: Final = "manifest.json"
FORMAT: Final = 1


class CheckpointInvalid(Exception):
    """A checkpoint is torn, corrupt or not ours; the message says what is wrong with it."""


class Progress(Struct, frozen=True):
    """How far the run had come. ``step`` is the version of the weights."""

    step: int = 0
    publish: int = 0
    games: int = 0
    transitions: int = 0
    first_update_at: float | None = None


class FileSum(Struct, frozen=True):
    """Size in bytes and sha256 of one file."""

    size: int
    sha256: str


class Manifest(Struct, frozen=True):
    """The document ``manifest.json``."""

    format: int
    run: str
    run_id: str
    schema_hash: str
    saved_at: float
    progress: Progress
    files: dict[str, FileSum]
    config: RunConfig
    libraries: dict[str, str]


@dataclass(frozen=True)
class Checkpoint:
    """A whole checkpoint in memory; ``files`` are those that the manifest names."""

    manifest: Manifest
    files: dict[str, bytes]

    @property
    def document(self) -> bytes:
        """The manifest as it is written."""
        return msgspec.json.format(msgspec.json.encode(self.manifest), indent=2)

    @property
    def sha256(self) -> str:
        """The name of this checkpoint's content: the hash of its manifest."""
        return hashlib.sha256(self.document).hexdigest()


def sum_of(content: bytes) -> FileSum:
    """The sum of a file."""
    return FileSum(len(content), hashlib.sha256(content).hexdigest())


def read_manifest(document: bytes) -> Manifest:
    """Decode a manifest.

    Raises:
        CheckpointInvalid: it is not one, or of a format that this learner does not read.
    """
    try:
        manifest = msgspec.json.decode(document, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CheckpointInvalid(f"its manifest cannot be read ({error})") from error
    if manifest.format != FORMAT:
        raise CheckpointInvalid(f"it has format {manifest.format}, this learner reads {FORMAT}")
    return manifest


def require_sum(name: str, content: bytes, expected: FileSum) -> bytes:
    """The content, if it is what the manifest says.

    Raises:
        CheckpointInvalid: it is not.
    """
    found = sum_of(content)
    if found.size != expected.size:
        raise CheckpointInvalid(f"{name} has {found.size} bytes instead of {expected.size}")
    if found.sha256 != expected.sha256:
        raise CheckpointInvalid(f"{name} does not match its sha256")
    return content
