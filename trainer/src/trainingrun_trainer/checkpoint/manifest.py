"""The manifest of a checkpoint: what it is, how far the run had come, and the sums of its files.

A manifest may come from a bucket that others write to: its size is bounded before it is read, and
the names and sizes in it are checked before anything is done with them.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

MANIFEST_FILE: Final = "manifest.json"
MANIFEST_LIMIT: Final = 1024 * 1024
FORMAT: Final = 2
OTHER_ENCODING: Final = "it was made for another observation encoding"
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FILES_LIMIT: Final = 64
_BYTES_LIMIT: Final = 8 * 1024**3


class CheckpointInvalid(Exception):
    """A checkpoint is torn, corrupt or not ours; the message says what is wrong with it."""


class Progress(Struct, frozen=True):
    """How far the run had come. ``step`` is the version of the weights."""

    step: int = 0
    publish: int = 0
    games: int = 0
    transitions: int = 0
    first_update_at: float | None = None


class Score(Struct, frozen=True):
    """The evaluation of a checkpoint, the document ``evaluation.json``: of which weights, and how
    they did. It is written after the manifest, when the evaluation ends, and no sum covers it.

    ``rates`` are win rates by opponent, a draw being half a win; ``rate`` is their mean.
    """

    version: Annotated[int, Meta(ge=0)]
    rate: Annotated[float, Meta(ge=0, le=1)]
    rates: Annotated[dict[str, Annotated[float, Meta(ge=0, le=1)]], Meta(max_length=64)]


class FileSum(Struct, frozen=True):
    """Size in bytes and sha256 of one file."""

    size: int
    sha256: str


class Manifest(Struct, frozen=True):
    """The document ``manifest.json``.

    The configuration is kept as it was written: it is for people, and one of another release must
    not make the tensors unreadable.
    """

    format: int
    run: str
    run_id: str
    schema_hash: str
    saved_at: float
    progress: Progress
    files: dict[str, FileSum]
    config: msgspec.Raw
    libraries: dict[str, str]
    epoch: int = 0
    """Learner start that wrote it, counted over all checkpoints; 0 in those of older releases."""
    namespace: str = ""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(each.size for each in self.files.values())


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
    """Return the sum of a file."""
    return FileSum(len(content), hashlib.sha256(content).hexdigest())


def read_manifest(document: bytes) -> Manifest:
    """Decode a manifest.

    Raises:
        CheckpointInvalid: it is not one, of a format that this learner does not read, or names
            files that no checkpoint has.
    """
    if len(document) > MANIFEST_LIMIT:
        raise CheckpointInvalid(f"its manifest has more than {MANIFEST_LIMIT} bytes")
    try:
        manifest = msgspec.json.decode(document, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CheckpointInvalid(f"its manifest cannot be read ({error})") from error
    if manifest.format != FORMAT:
        raise CheckpointInvalid(f"it has format {manifest.format}, this learner reads {FORMAT}")
    _require_sane(manifest)
    return manifest


def _require_sane(manifest: Manifest) -> None:
    if len(manifest.files) > _FILES_LIMIT:
        raise CheckpointInvalid(f"its manifest names more than {_FILES_LIMIT} files")
    for name, expected in manifest.files.items():
        if _FILE_NAME.fullmatch(name) is None or name == MANIFEST_FILE:
            raise CheckpointInvalid(f"its manifest names a file {name!r}")
        if not 0 <= expected.size <= _BYTES_LIMIT:
            raise CheckpointInvalid(f"its manifest says {expected.size} bytes for {name}")


def require_sum(name: str, content: bytes, expected: FileSum) -> bytes:
    """Return the content, if it is what the manifest says.

    Raises:
        CheckpointInvalid: it is not.
    """
    if len(content) != expected.size:
        more = "more than" if len(content) > expected.size else f"{len(content)} bytes instead of"
        raise CheckpointInvalid(f"{name} has {more} {expected.size} bytes")
    if sum_of(content).sha256 != expected.sha256:
        raise CheckpointInvalid(f"{name} does not match its sha256")
    return content
